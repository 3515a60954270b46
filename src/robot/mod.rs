//! What an arm is to us: its state, a command, its errors; independent of any driver.
pub mod allocation;
mod fault;
pub mod gripper;
pub mod limits;
pub mod memory;
pub mod panda;
pub mod realtime;
pub mod sockets;

pub use fault::{Fault, panic_words};

/// Number of joints.
pub const JOINTS: usize = 7;
/// One number per joint, base to flange.
pub type Joints = [f64; JOINTS];

/// What the robot says it is doing (`robot_mode` of FCI version 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it; `Other` is, for example, closed brakes
pub enum Mode {
    Other,
    #[default]
    Idle,
    Move,
    Guiding,
    Reflex,
    UserStopped,
    AutomaticErrorRecovery,
}

/// One state of the robot, as it reports itself: a millisecond's truth for everything above the driver.
///
/// SI units; joint quantities base to flange; poses column-major as on the wire.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// Robot time, ms since its start; grows by the milliseconds that really passed.
    pub time_ms: u64,
    /// Measured joint positions, rad.
    pub q: Joints,
    /// Measured joint velocities, rad/s.
    pub dq: Joints,
    /// Last desired joint positions, rad: the base of the next command.
    pub q_d: Joints,
    /// Last desired joint velocities, rad/s.
    pub dq_d: Joints,
    /// Last desired joint accelerations, rad/s².
    pub ddq_d: Joints,
    /// Measured link-side joint torques, Nm.
    pub tau_J: Joints,
    /// Last desired joint torques without gravity, Nm: the base of the next torque.
    pub tau_J_d: Joints,
    /// Filtered estimate of external torques, Nm.
    pub tau_ext_hat_filtered: Joints,
    /// Measured end-effector pose in the base frame.
    pub O_T_EE: [f64; 16],
    /// End effector in the flange frame.
    pub F_T_EE: [f64; 16],
    /// Filtered external wrench at the stiffness frame, in the base frame, N and Nm.
    pub O_F_ext_hat_K: [f64; 6],
    /// What the robot is doing.
    pub mode: Mode,
    /// Active errors.
    pub errors: Errors,
    /// Share of the last 100 commands the robot received, 0 to 1.
    pub control_command_success_rate: f64,
}

impl State {
    /// All zeros, idle, no errors: for tests to change what they are about.
    pub const ZERO: State = State {
        time_ms: 0,
        q: [0.0; JOINTS],
        dq: [0.0; JOINTS],
        q_d: [0.0; JOINTS],
        dq_d: [0.0; JOINTS],
        ddq_d: [0.0; JOINTS],
        tau_J: [0.0; JOINTS],
        tau_J_d: [0.0; JOINTS],
        tau_ext_hat_filtered: [0.0; JOINTS],
        O_T_EE: [0.0; 16],
        F_T_EE: [0.0; 16],
        O_F_ext_hat_K: [0.0; 6],
        mode: Mode::Idle,
        errors: Errors(0),
        control_command_success_rate: 0.0,
    };
}

/// What a tick asks of the arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Joint positions for the next millisecond, rad.
    Position(Joints),
    /// The last joint positions of the motion, rad: at rest.
    Finish(Joints),
}

/// A set of the robot's 41 error flags, in wire order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors(pub u64);

impl Errors {
    /// The names of the flags that are set, as libfranka prints them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        ERROR_NAMES.iter().enumerate().filter(move |(i, _)| self.0 >> i & 1 == 1).map(|(_, name)| *name)
    }

    /// Whether no flag is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Names of the error flags in wire order (libfranka-common, `research_interface/robot/error.h`).
pub const ERROR_NAMES: [&str; 41] = [
    "joint_position_limits_violation",
    "cartesian_position_limits_violation",
    "self_collision_avoidance_violation",
    "joint_velocity_violation",
    "cartesian_velocity_violation",
    "force_control_safety_violation",
    "joint_reflex",
    "cartesian_reflex",
    "max_goal_pose_deviation_violation",
    "max_path_pose_deviation_violation",
    "cartesian_velocity_profile_safety_violation",
    "joint_position_motion_generator_start_pose_invalid",
    "joint_motion_generator_position_limits_violation",
    "joint_motion_generator_velocity_limits_violation",
    "joint_motion_generator_velocity_discontinuity",
    "joint_motion_generator_acceleration_discontinuity",
    "cartesian_position_motion_generator_start_pose_invalid",
    "cartesian_motion_generator_elbow_limit_violation",
    "cartesian_motion_generator_velocity_limits_violation",
    "cartesian_motion_generator_velocity_discontinuity",
    "cartesian_motion_generator_acceleration_discontinuity",
    "cartesian_motion_generator_elbow_sign_inconsistent",
    "cartesian_motion_generator_start_elbow_invalid",
    "force_controller_desired_force_tolerance_violation",
    "start_elbow_sign_inconsistent",
    "communication_constraints_violation",
    "power_limit_violation",
    "cartesian_motion_generator_joint_position_limits_violation",
    "cartesian_motion_generator_joint_velocity_limits_violation",
    "cartesian_motion_generator_joint_velocity_discontinuity",
    "cartesian_motion_generator_joint_acceleration_discontinuity",
    "cartesian_position_motion_generator_invalid_frame_flag",
    "controller_torque_discontinuity",
    "joint_p2p_insufficient_torque_for_planning",
    "tau_J_range_violation",
    "instability_detected",
    "joint_move_in_wrong_direction",
    "cartesian_spline_motion_generator_violation",
    "joint_via_motion_generator_planning_joint_limit_violation",
    "base_acceleration_initialization_timeout",
    "base_acceleration_invalid_reading",
];
