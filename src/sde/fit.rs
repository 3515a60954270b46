//! θ and σ of an Ornstein–Uhlenbeck process, fitted to deviations that an arm has really shown.
//!
//! Sampled every dt, the process is an autoregression z(k+1) = a z(k) + s ξ with a = e^(−θ dt) and
//! s² = σ² (1 − a²) / 2θ ([`super::Process::transition`]). The maximum of the likelihood, given the first sample,
//! is least squares; its asymptotic variances, (1 − a²) / n of a and 2 s⁴ / n of s², are carried over to θ and σ.
use super::options::Options;

/// Fewer transitions than this say nothing.
const TRANSITIONS_MIN: usize = 100;
/// Of a normal law, this many standard errors on either side hold 95 %.
const Z_95: f64 = 1.959_964;

/// A value and the interval that holds the true one in 95 % of all records.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The likeliest value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What a record of deviations says of the process.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Fit {
    /// Pull θ, 1/s.
    pub theta_1_s: Estimate,
    /// Diffusion σ, in the unit of the deviations per √s.
    pub sigma: Estimate,
    /// σ / √(2θ), the width of the tube, in the unit of the deviations.
    pub std: f64,
    /// Steps of all axes that were fitted.
    pub transitions: usize,
}

/// Why a record does not fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// Too short.
    #[error(
        "{transitions} steps of the deviation are too few to fit a process to; allowed: at least {TRANSITIONS_MIN}"
    )]
    TooShort {
        /// Steps of all axes.
        transitions: usize,
    },
    /// A number is NaN or infinite, or the interval is none.
    #[error("the deviations or their interval of {dt_s} s are not finite")]
    NotFinite {
        /// The interval, s.
        dt_s: f64,
    },
    /// No return to the mean, or one so fast that the samples do not show it.
    #[error(
        "the deviations show no pull that could be fitted (correlation of neighbours {correlation:.4}, allowed: \
         above 0 and below 1); record a longer run, or one with pushes"
    )]
    NoPull {
        /// a, the correlation of one sample with the next.
        correlation: f64,
    },
}

/// Fits θ and σ to deviations sampled every `dt_s`; each axis is taken about its own mean, because a lasting offset,
/// such as sag, is no diffusion. All axes share θ and σ.
///
/// # Errors
/// [`FitError`].
pub fn fit(deviations: &[[f64; 3]], dt_s: f64) -> Result<Fit, FitError> {
    let steps = deviations.len().saturating_sub(1);
    let transitions = 3 * steps;
    if transitions < TRANSITIONS_MIN {
        return Err(FitError::TooShort { transitions });
    }
    if !(dt_s.is_finite() && dt_s > 0.0 && deviations.iter().flatten().all(|z| z.is_finite())) {
        return Err(FitError::NotFinite { dt_s });
    }
    let count = deviations.len() as f64;
    let mean: [f64; 3] = std::array::from_fn(|i| deviations.iter().map(|z| z[i]).sum::<f64>() / count);
    let pairs = || {
        deviations
            .windows(2)
            .flat_map(|pair| (0..3).map(move |i| (pair[0][i] - mean[i], pair[1][i] - mean[i])))
    };
    let (squares, products) =
        pairs().fold((0.0, 0.0), |(squares, products), (z, next)| (squares + z * z, products + z * next));
    let a = products / squares;
    if !(a > 0.0 && a < 1.0) {
        return Err(FitError::NoPull { correlation: a });
    }
    let n = transitions as f64;
    let s_squared = pairs().map(|(z, next)| (next - a * z).powi(2)).sum::<f64>() / n;
    let theta = -a.ln() / dt_s;
    let sigma = (s_squared * 2.0 * theta / (1.0 - a * a)).sqrt();
    // d theta / d a, and d ln(sigma²) / d a at fixed s².
    let (d_theta, d_ln) = (-1.0 / (a * dt_s), -1.0 / (a * dt_s * theta) + 2.0 * a / (1.0 - a * a));
    let var_a = (1.0 - a * a) / n;
    let theta_error = Z_95 * d_theta.abs() * var_a.sqrt();
    let sigma_error = Z_95 * 0.5 * (2.0 / n + d_ln * d_ln * var_a).sqrt();
    Ok(Fit {
        theta_1_s: Estimate { value: theta, low: (theta - theta_error).max(0.0), high: theta + theta_error },
        sigma: Estimate { value: sigma, low: sigma * (-sigma_error).exp(), high: sigma * sigma_error.exp() },
        std: sigma / (2.0 * theta).sqrt(),
        transitions,
    })
}

impl Options {
    /// The same with θ and σ of `position`, and with the width that `rotation` shows under that θ.
    pub fn fitted(&self, position: &Fit, rotation: Option<&Fit>) -> Self {
        let theta_1_s = position.theta_1_s.value;
        let sigma_rad_sqrt_s =
            rotation.map_or(self.sigma_rad_sqrt_s, |rotation| rotation.std * (2.0 * theta_1_s).sqrt());
        Self { theta_1_s, sigma_m_sqrt_s: position.sigma.value, sigma_rad_sqrt_s, ..self.clone() }
    }
}
