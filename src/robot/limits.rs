//! What the Panda (FER) itself enforces, each number with its source.
//!
//! Source of the tables: Franka FCI documentation, "Robot and interface specifications", Panda; the same
//! numbers stand in libfranka 0.9.2, `include/franka/rate_limiting.h`, before its margins.
use super::Joints;

/// Lower joint position limits, rad.
pub const Q_MIN: Joints = [-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973];
/// Upper joint position limits, rad.
pub const Q_MAX: Joints = [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973];
/// Joint velocity limits, rad/s.
pub const DQ_MAX: Joints = [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61];
/// Joint acceleration limits, rad/s².
pub const DDQ_MAX: Joints = [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0];
/// Joint jerk limits, rad/s³.
pub const DDDQ_MAX: Joints = [7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0];
/// Joint torque limits, Nm.
pub const TAU_J_MAX: Joints = [87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0];
/// Cartesian limits of translation: m/s, m/s², m/s³.
pub const TRANSLATION_MAX: [f64; 3] = [1.7, 13.0, 6500.0];
/// Cartesian limits of rotation: rad/s, rad/s², rad/s³.
pub const ROTATION_MAX: [f64; 3] = [2.5, 25.0, 12500.0];
/// One control cycle, s. The robot differentiates with this, whatever the real time between commands.
pub const CYCLE_S: f64 = 1e-3;
/// Consecutive lost commands after which the robot stops by a reflex.
pub const LOST_COMMANDS_MAX: u32 = 20;

/// The ready pose of Franka's own examples, rad (libfranka 0.9.2, `examples/examples_common.cpp` callers).
pub const Q_READY: Joints = [
    0.0,
    -std::f64::consts::FRAC_PI_4,
    0.0,
    -3.0 * std::f64::consts::FRAC_PI_4,
    0.0,
    std::f64::consts::FRAC_PI_2,
    std::f64::consts::FRAC_PI_4,
];

/// Largest joint torques, Nm (Franka FCI documentation, "Joint space limits", Panda).
pub const TAU_MAX: Joints = [87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0];

/// Largest change of a commanded torque, Nm/s (the same document).
pub const DTAU_MAX: f64 = 1000.0;
