//! The `[eval]` section: what a policy is put through.
use crate::range::{Violation, check_count, check_range};
use serde::{Deserialize, Serialize};

/// What a policy is put through, and what counts as success.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Episodes of every scenario; each has a seed of its own.
    pub seeds: usize,
    /// Longest time on the path in one episode, s; a lap that takes longer is cut.
    pub episode_s: f64,
    /// How far each joint may be from the start of the path when an episode begins, rad.
    pub start_rad: f64,
    /// Force of a push, N, sideways to the path.
    pub push_n: f64,
    /// Duration of a push, s.
    pub push_s: f64,
    /// Friction of the joints in the friction scenario, as a share of the usual.
    pub friction: f64,
    /// Load that nobody declared, kg.
    pub payload_kg: f64,
    /// Noise of the measured joint positions in the noise scenario, standard deviation, rad.
    pub q_noise_rad: f64,
    /// Noise of the measured joint torques there, standard deviation, Nm.
    pub tau_noise_nm: f64,
    /// Share of the commands lost there.
    pub command_loss: f64,
    /// Largest 95th percentile of the contour error of a successful episode, mm.
    pub success_contour_mm: f64,
    /// Largest 95th percentile of the tilt of a successful episode, mrad.
    pub success_tilt_mrad: f64,
    /// Longest time from the end of a push until the arm is back for good, s.
    pub success_return_s: f64,
    /// Total degree of the polynomial that a policy is compared with.
    pub polynomial_degree: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seeds: 5,
            episode_s: 8.0,
            start_rad: 0.05,
            push_n: 30.0,
            push_s: 0.3,
            friction: 3.0,
            payload_kg: 1.0,
            q_noise_rad: 5e-5,
            tau_noise_nm: 0.1,
            command_loss: 0.005,
            success_contour_mm: 2.0,
            success_tilt_mrad: 20.0,
            success_return_s: 1.0,
            polynomial_degree: 5,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_count(&mut out, "seeds", self.seeds, 1..=100, "");
        check_range(&mut out, "episode_s", self.episode_s, 1.0..=120.0, "s");
        check_range(&mut out, "start_rad", self.start_rad, 0.0..=0.2, "rad");
        check_range(&mut out, "push_n", self.push_n, 0.0..=200.0, "N");
        check_range(&mut out, "push_s", self.push_s, 0.01..=2.0, "s");
        check_range(&mut out, "friction", self.friction, 0.0..=10.0, "");
        check_range(&mut out, "payload_kg", self.payload_kg, 0.0..=5.0, "kg");
        check_range(&mut out, "q_noise_rad", self.q_noise_rad, 0.0..=0.01, "rad");
        check_range(&mut out, "tau_noise_nm", self.tau_noise_nm, 0.0..=1.0, "Nm");
        check_range(&mut out, "command_loss", self.command_loss, 0.0..=0.5, "");
        check_range(&mut out, "success_contour_mm", self.success_contour_mm, 0.01..=100.0, "mm");
        check_range(&mut out, "success_tilt_mrad", self.success_tilt_mrad, 0.1..=1000.0, "mrad");
        check_range(&mut out, "success_return_s", self.success_return_s, 0.01..=10.0, "s");
        check_count(&mut out, "polynomial_degree", self.polynomial_degree, 1..=8, "");
        out
    }
}
