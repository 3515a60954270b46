//! The `[sde]` section: which process perturbs the demonstrations, how far, and how the arm returns.
use std::ops::Bound::{Excluded, Included};

use serde::{Deserialize, Serialize};

use crate::range::{Violation, check_each, check_range, check_that};

/// Which process carries the end effector off the demonstration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// dz = μ dt + σ dW: spreads without bound.
    Brownian,
    /// dz = −θ z dt + σ dW: pulled back, a tube of constant width.
    #[default]
    OrnsteinUhlenbeck,
    /// dz = −½ β(t) z dt + s √β(t) dW, β linear in t.
    VariancePreserving,
    /// dz = √(d s²/dt) dW, s(t) geometric in t.
    VarianceExploding,
}

/// How the policy is held to what the expert would do off the demonstration: the loss L(X_t, π(X_t)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// ½‖(a*(X_t) − π(X_t)) / σ_a‖²: the joints that the expert would take.
    #[default]
    Target,
    /// ½‖FK(π(X_t)) ⊖ X_t‖² in position and orientation: the place, by whatever joints.
    Task,
}

/// What the perturbation of training and the return at run time need to know.
///
/// The defaults make a tube of 15 mm and 0.03 rad standard deviation about the demonstration: what a push leaves
/// behind, 50 mm and more, is then known to a tenth of a millimetre, and the demonstration no worse
/// (`docs/sde.md`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The process.
    pub process: Kind,
    /// The loss L on perturbed positions.
    pub form: Form,
    /// Weight λ of the loss on perturbed targets; 0 trains on the demonstrations alone.
    pub lambda: f64,
    /// Horizon T, s: perturbed positions are drawn at a uniform t in 0 to T.
    pub horizon_s: f64,
    /// Pull θ back to the demonstration, 1/s: of the Ornstein–Uhlenbeck process, and of the return at run time.
    pub theta_1_s: f64,
    /// Diffusion σ of the Ornstein–Uhlenbeck and Brownian processes, m/√s.
    pub sigma_m_sqrt_s: f64,
    /// The same of the orientation, where the policy's input is a pose, rad/√s.
    pub sigma_rad_sqrt_s: f64,
    /// Drift μ of the Brownian process, base frame, m/s.
    pub drift_m_s: [f64; 3],
    /// β(0) of the variance-preserving process, 1/s.
    pub vp_beta_min_1_s: f64,
    /// β(T) of the variance-preserving process, 1/s.
    pub vp_beta_max_1_s: f64,
    /// Standard deviation s that the variance-preserving process tends to, m.
    pub vp_std_m: f64,
    /// The same of the orientation, rad.
    pub vp_std_rad: f64,
    /// s(0) of the variance-exploding process, m.
    pub ve_std_min_m: f64,
    /// s(T) of the variance-exploding process, m.
    pub ve_std_max_m: f64,
    /// s(0) of the orientation, rad.
    pub ve_std_min_rad: f64,
    /// s(T) of the orientation, rad.
    pub ve_std_max_rad: f64,
    /// Distance between measured and desired end-effector position beyond which the arm counts as pushed, m.
    pub tube_m: f64,
    /// Distance below which a pushed arm counts as let go, m.
    pub tube_release_m: f64,
    /// Angle between measured and desired orientation beyond which the arm counts as pushed, where the policy's input
    /// is a pose, rad.
    pub tube_rad: f64,
    /// Angle below which a pushed arm counts as let go, rad.
    pub tube_release_rad: f64,
    /// Time over which a distance between measured and desired position that lasts counts as the arm's own sag, s.
    pub sag_s: f64,
    /// Highest speed at which the policy's input goes to a pushed arm, m/s.
    pub push_speed_m_s: f64,
    /// Highest angular speed at which it goes there, rad/s.
    pub push_speed_rad_s: f64,
    /// Largest deviation from the reference that is ever fed to the policy, m.
    pub deviation_limit_m: f64,
    /// The same of the orientation, rad.
    pub deviation_limit_rad: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            process: Kind::OrnsteinUhlenbeck,
            form: Form::Target,
            lambda: 1.0,
            horizon_s: 1.0,
            theta_1_s: 4.0,
            sigma_m_sqrt_s: 0.0424,
            sigma_rad_sqrt_s: 0.085,
            drift_m_s: [0.0; 3],
            vp_beta_min_1_s: 0.1,
            vp_beta_max_1_s: 8.0,
            vp_std_m: 0.015,
            vp_std_rad: 0.03,
            ve_std_min_m: 0.0005,
            ve_std_max_m: 0.022,
            ve_std_min_rad: 0.002,
            ve_std_max_rad: 0.045,
            tube_m: 0.02,
            tube_release_m: 0.01,
            tube_rad: 0.05,
            tube_release_rad: 0.025,
            sag_s: 1.0,
            push_speed_m_s: 0.1,
            push_speed_rad_s: 0.25,
            deviation_limit_m: 0.1,
            deviation_limit_rad: 0.25,
        }
    }
}

impl Options {
    /// Every option outside what it may be.
    pub fn validate(&self) -> Vec<Violation> {
        let out = &mut Vec::new();
        let above_0_to = |max| (Excluded(0.0), Included(max));
        check_range(out, "lambda", self.lambda, 0.0..=1e3, "");
        check_range(out, "horizon_s", self.horizon_s, above_0_to(60.0), "s");
        check_range(out, "theta_1_s", self.theta_1_s, above_0_to(100.0), "1/s");
        check_range(out, "sigma_m_sqrt_s", self.sigma_m_sqrt_s, 0.0..=1.0, "m/sqrt(s)");
        check_range(out, "sigma_rad_sqrt_s", self.sigma_rad_sqrt_s, 0.0..=1.0, "rad/sqrt(s)");
        check_each(out, "drift_m_s", &self.drift_m_s, -1.0..=1.0, "m/s");
        check_range(out, "vp_beta_min_1_s", self.vp_beta_min_1_s, 0.0..=1e3, "1/s");
        check_range(out, "vp_beta_max_1_s", self.vp_beta_max_1_s, above_0_to(1e3), "1/s");
        let grows = self.vp_beta_max_1_s >= self.vp_beta_min_1_s;
        check_that(out, "vp_beta_max_1_s", self.vp_beta_max_1_s, grows, "at least vp_beta_min_1_s");
        check_range(out, "vp_std_m", self.vp_std_m, 0.0..=0.1, "m");
        check_range(out, "vp_std_rad", self.vp_std_rad, 0.0..=0.5, "rad");
        check_range(out, "ve_std_min_m", self.ve_std_min_m, above_0_to(0.1), "m");
        check_range(out, "ve_std_max_m", self.ve_std_max_m, above_0_to(0.1), "m");
        let grows = self.ve_std_max_m >= self.ve_std_min_m;
        check_that(out, "ve_std_max_m", self.ve_std_max_m, grows, "at least ve_std_min_m");
        check_range(out, "ve_std_min_rad", self.ve_std_min_rad, above_0_to(0.5), "rad");
        check_range(out, "ve_std_max_rad", self.ve_std_max_rad, above_0_to(0.5), "rad");
        let grows = self.ve_std_max_rad >= self.ve_std_min_rad;
        check_that(out, "ve_std_max_rad", self.ve_std_max_rad, grows, "at least ve_std_min_rad");
        check_range(out, "tube_m", self.tube_m, above_0_to(0.2), "m");
        check_range(out, "tube_release_m", self.tube_release_m, above_0_to(0.2), "m");
        let closes = self.tube_release_m < self.tube_m;
        check_that(out, "tube_release_m", self.tube_release_m, closes, "below tube_m");
        check_range(out, "tube_rad", self.tube_rad, above_0_to(0.5), "rad");
        check_range(out, "tube_release_rad", self.tube_release_rad, above_0_to(0.5), "rad");
        let closes = self.tube_release_rad < self.tube_rad;
        check_that(out, "tube_release_rad", self.tube_release_rad, closes, "below tube_rad");
        check_range(out, "sag_s", self.sag_s, 0.05..=60.0, "s");
        check_range(out, "push_speed_m_s", self.push_speed_m_s, above_0_to(1.0), "m/s");
        check_range(out, "push_speed_rad_s", self.push_speed_rad_s, above_0_to(2.5), "rad/s");
        check_range(out, "deviation_limit_m", self.deviation_limit_m, above_0_to(0.3), "m");
        let reaches = self.deviation_limit_m >= self.tube_m;
        check_that(out, "deviation_limit_m", self.deviation_limit_m, reaches, "at least tube_m");
        check_range(out, "deviation_limit_rad", self.deviation_limit_rad, above_0_to(1.0), "rad");
        let reaches = self.deviation_limit_rad >= self.tube_rad;
        check_that(out, "deviation_limit_rad", self.deviation_limit_rad, reaches, "at least tube_rad");
        std::mem::take(out)
    }
}
