//! The processes: drift, diffusion, the exact transition and the Euler–Maruyama step.
//!
//! Each describes the deviation z = X − x of the end effector from the demonstration x, so z₀ = 0 is a point
//! of the demonstration and X_t = x + z_t. Noise is drawn outside and passed in as `xi`: the mathematics is
//! pure, and one set of draws can be put through two integrators.
use super::{Kind, Options};

/// A diffusion dz = μ(z, t) dt + σ(t) dW in N dimensions, its noise the same in every direction.
///
/// With z in m: θ and β in 1/s, drift in m/s, σ in m/√s, standard deviations in m.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)] // the fields are the symbols of the equations
pub enum Process<const N: usize> {
    /// dz = μ dt + σ dW.
    Brownian { mu: [f64; N], sigma: f64 },
    /// dz = −θ z dt + σ dW; stationary variance σ² / (2 θ).
    OrnsteinUhlenbeck { theta: f64, sigma: f64 },
    /// dz = −½ β(t) z dt + std √β(t) dW with β(t) = β_min + (β_max − β_min) t / T; tends to variance std².
    ///
    /// Song et al. 2021 (arXiv:2011.13456, eq. 32 and appendix B), there with std = 1 and T = 1.
    VariancePreserving { beta_min: f64, beta_max: f64, horizon: f64, std: f64 },
    /// dz = √(d s²/dt) dW with s(t) = s_min (s_max / s_min)^(t / T); variance s(t)² − s(0)² from z₀ = 0.
    ///
    /// Song et al. 2021 (arXiv:2011.13456, eq. 30 and appendix B).
    VarianceExploding { std_min: f64, std_max: f64, horizon: f64 },
}

/// The law of z(t + dt) given z(t): normal with mean `decay` z + `shift` and standard deviation `std`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Transition<const N: usize> {
    pub decay: f64,
    pub shift: [f64; N],
    pub std: f64,
}

impl Process<3> {
    /// The process that the options name, of positions in the base frame.
    pub fn from_options(options: &Options) -> Self {
        let std = (options.vp_std_m, options.ve_std_min_m, options.ve_std_max_m);
        Self::of(options, options.drift_m_s, options.sigma_m_sqrt_s, std)
    }

    /// The same for rotations, as vectors in the tangent space of an orientation; rad in the place of m.
    pub fn of_rotations(options: &Options) -> Self {
        let std = (options.vp_std_rad, options.ve_std_min_rad, options.ve_std_max_rad);
        Self::of(options, [0.0; 3], options.sigma_rad_sqrt_s, std)
    }

    fn of(options: &Options, mu: [f64; 3], sigma: f64, (std, std_min, std_max): (f64, f64, f64)) -> Self {
        let horizon = options.horizon_s;
        match options.process {
            Kind::Brownian => Self::Brownian { mu, sigma },
            Kind::OrnsteinUhlenbeck => Self::OrnsteinUhlenbeck { theta: options.theta_1_s, sigma },
            Kind::VariancePreserving => Self::VariancePreserving {
                beta_min: options.vp_beta_min_1_s,
                beta_max: options.vp_beta_max_1_s,
                horizon,
                std,
            },
            Kind::VarianceExploding => Self::VarianceExploding { std_min, std_max, horizon },
        }
    }
}

impl<const N: usize> Process<N> {
    /// μ(z, t), m/s.
    pub fn drift(&self, z: &[f64; N], t: f64) -> [f64; N] {
        match *self {
            Self::Brownian { mu, .. } => mu,
            Self::OrnsteinUhlenbeck { theta, .. } => z.map(|z| -theta * z),
            Self::VariancePreserving { beta_min, beta_max, horizon, .. } => {
                let beta = beta_min + (beta_max - beta_min) * t / horizon;
                z.map(|z| -0.5 * beta * z)
            }
            Self::VarianceExploding { .. } => [0.0; N],
        }
    }

    /// σ(t), m/√s; the same in every direction and at every z.
    pub fn diffusion(&self, t: f64) -> f64 {
        match *self {
            Self::Brownian { sigma, .. } | Self::OrnsteinUhlenbeck { sigma, .. } => sigma,
            Self::VariancePreserving { beta_min, beta_max, horizon, std } => {
                std * (beta_min + (beta_max - beta_min) * t / horizon).sqrt()
            }
            Self::VarianceExploding { std_min, std_max, horizon } => {
                let growth = std_max / std_min;
                std_min * growth.powf(t / horizon) * (2.0 * growth.ln() / horizon).sqrt()
            }
        }
    }

    /// The law of z(t + dt) given z(t); exact for every `dt` ≥ 0, s.
    ///
    /// Ornstein–Uhlenbeck: Gillespie 1996, Phys. Rev. E 54, 2084, eq. 1.9. The differences 1 − e^(−x) go
    /// through `exp_m1`: at a millisecond the plain form has lost a dozen bits.
    pub fn transition(&self, t: f64, dt: f64) -> Transition<N> {
        let shift = [0.0; N];
        match *self {
            Self::Brownian { mu, sigma } => {
                Transition { decay: 1.0, shift: mu.map(|mu| mu * dt), std: sigma * dt.sqrt() }
            }
            Self::OrnsteinUhlenbeck { theta: 0.0, sigma } => {
                Transition { decay: 1.0, shift, std: sigma * dt.sqrt() }
            }
            Self::OrnsteinUhlenbeck { theta, sigma } => {
                let variance = -(-2.0 * theta * dt).exp_m1() / (2.0 * theta);
                Transition { decay: (-theta * dt).exp(), shift, std: sigma * variance.sqrt() }
            }
            Self::VariancePreserving { beta_min, beta_max, horizon, std } => {
                // The integral of β from t to t + dt.
                let rise = (beta_max - beta_min) / horizon;
                let beta = dt * (beta_min + rise * (t + 0.5 * dt));
                Transition { decay: (-0.5 * beta).exp(), shift, std: std * (-(-beta).exp_m1()).sqrt() }
            }
            Self::VarianceExploding { std_min, std_max, horizon } => {
                let rate = (std_max / std_min).ln() / horizon;
                let now = std_min * (rate * t).exp();
                Transition { decay: 1.0, shift, std: now * (2.0 * rate * dt).exp_m1().sqrt() }
            }
        }
    }

    /// One exact step from z(t) to z(t + dt); `xi` are draws from N(0, 1).
    ///
    /// Exact for every `dt`, so changing the rate does not change the data.
    pub fn exact_step(&self, z: &[f64; N], t: f64, dt: f64, xi: &[f64; N]) -> [f64; N] {
        let Transition { decay, shift, std } = self.transition(t, dt);
        std::array::from_fn(|i| decay * z[i] + shift[i] + std * xi[i])
    }

    /// One Euler–Maruyama step: z + μ(z, t) dt + σ(t) √dt `xi`.
    ///
    /// Weak order 1; strong order 1 too, not the usual ½, because the noise does not depend on z
    /// (Kloeden & Platen 1992, §10.3). For processes without an exact transition, and to test those with one.
    pub fn euler_maruyama_step(&self, z: &[f64; N], t: f64, dt: f64, xi: &[f64; N]) -> [f64; N] {
        let drift = self.drift(z, t);
        let noise = self.diffusion(t) * dt.sqrt();
        std::array::from_fn(|i| z[i] + drift[i] * dt + noise * xi[i])
    }
}
