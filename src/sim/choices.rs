//! What the real robot does not document and clients may differ on: each choice an option.
use serde::{Deserialize, Serialize};

use crate::range::{Violation, check_range};

/// Which bits a broken limit sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorNames {
    /// Every limit that is broken sets its bit: a step of a position breaks velocity, acceleration and jerk, a step
    /// of a velocity acceleration and jerk. Users' logs show two and three bits at once.
    #[default]
    Every,
    /// The derivative is counted from the interface: a step of a commanded velocity is an acceleration
    /// discontinuity alone (15, Cartesian 20), and a discontinuity hides a velocity limit. Reported of hardware.
    Interface,
}

/// What becomes of a Move while another motion runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveInMotion {
    /// Rejected: command not possible.
    #[default]
    Reject,
    /// The running motion is preempted, and the new one begins when the arm is at rest.
    Preempt,
}

/// The choices. `docs/fci-v5.md` gives the reason of each default.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choices {
    /// How far the first commanded joint position may be from `q_d`, rad.
    pub start_joint_tolerance_rad: f64,
    /// How far the first commanded pose may be from `O_T_EE_c`, m …
    pub start_translation_tolerance_m: f64,
    /// … and rad; for the elbow too.
    pub start_rotation_tolerance_rad: f64,
    /// Fastest commanded translation of the end effector, m/s: 2.0 as libfranka 0.9.2's own limiter has it, 1.7 in
    /// today's documentation.
    pub translation_speed_max_m_s: f64,
    /// Which bits a broken limit sets.
    pub error_names: ErrorNames,
    /// What becomes of a Move while another motion runs.
    pub move_in_motion: MoveInMotion,
    /// Whether setters are taken while a motion runs; if not, they are rejected.
    pub setters_in_motion: bool,
    /// What `joint_contact`, `joint_collision` and their Cartesian kin read where they are not 0.
    pub contact_level: f64,
    /// Bandwidth of `tau_ext_hat_filtered`, 1/s.
    pub tau_ext_bandwidth_1_s: f64,
    /// Measured speeds may exceed their limits by this factor before the robot stops.
    pub measured_speed_share: f64,
    /// Measured joint torques may exceed the nominal ones by this factor before the robot stops.
    pub measured_torque_share: f64,
    /// Mechanical power of all joints above which the robot stops, W.
    pub power_max_w: f64,
    /// Whether the arm is kept from touching itself.
    pub self_collision: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            start_joint_tolerance_rad: 0.1,
            start_translation_tolerance_m: 0.05,
            start_rotation_tolerance_rad: 0.1,
            translation_speed_max_m_s: 2.0,
            error_names: ErrorNames::default(),
            move_in_motion: MoveInMotion::default(),
            setters_in_motion: false,
            contact_level: 1.0,
            tau_ext_bandwidth_1_s: 125.0,
            measured_speed_share: 1.1,
            measured_torque_share: 1.5,
            power_max_w: 400.0,
            self_collision: true,
        }
    }
}

impl Choices {
    /// Every value outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        let mut range = |key, value, range, unit| check_range(&mut out, key, value, range, unit);
        range("choices.start_joint_tolerance_rad", self.start_joint_tolerance_rad, 1e-6..=1.0, "rad");
        range("choices.start_translation_tolerance_m", self.start_translation_tolerance_m, 1e-6..=1.0, "m");
        range("choices.start_rotation_tolerance_rad", self.start_rotation_tolerance_rad, 1e-6..=1.0, "rad");
        range("choices.translation_speed_max_m_s", self.translation_speed_max_m_s, 0.1..=3.0, "m/s");
        range("choices.contact_level", self.contact_level, 0.001..=1000.0, "");
        range("choices.tau_ext_bandwidth_1_s", self.tau_ext_bandwidth_1_s, 1.0..=500.0, "1/s");
        range("choices.measured_speed_share", self.measured_speed_share, 1.0..=10.0, "");
        range("choices.measured_torque_share", self.measured_torque_share, 1.0..=10.0, "");
        range("choices.power_max_w", self.power_max_w, 50.0..=10_000.0, "W");
        out
    }
}
