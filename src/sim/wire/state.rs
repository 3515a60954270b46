//! The state the robot sends every millisecond over UDP.
use super::{layout, wire_enum};
use crate::robot::{Errors, Joints, Mode};

wire_enum! {
    /// Which motion generator runs, as the state tells it (numbered differently from the Move request).
    #[allow(missing_docs)]
    MotionGeneratorMode {
        Idle = 0,
        JointPosition = 1,
        JointVelocity = 2,
        CartesianPosition = 3,
        CartesianVelocity = 4,
    }
}

wire_enum! {
    /// Which controller runs, as the state tells it; `Other` outside motions.
    #[allow(missing_docs)]
    ControllerMode {
        JointImpedance = 0,
        CartesianImpedance = 1,
        ExternalController = 2,
        Other = 3,
    }
}

wire_enum! {
    /// What the robot is doing.
    #[allow(missing_docs)]
    RobotMode {
        Other = 0,
        Idle = 1,
        Move = 2,
        Guiding = 3,
        Reflex = 4,
        UserStopped = 5,
        AutomaticErrorRecovery = 6,
    }
}

impl From<RobotMode> for Mode {
    fn from(mode: RobotMode) -> Self {
        match mode {
            RobotMode::Other => Mode::Other,
            RobotMode::Idle => Mode::Idle,
            RobotMode::Move => Mode::Move,
            RobotMode::Guiding => Mode::Guiding,
            RobotMode::Reflex => Mode::Reflex,
            RobotMode::UserStopped => Mode::UserStopped,
            RobotMode::AutomaticErrorRecovery => Mode::AutomaticErrorRecovery,
        }
    }
}

layout! {
    /// The robot's state, SI units, poses column-major; `_d` desired, `_c` last commanded.
    RobotState, 2373, at {
        /// Robot time in ms, one more with every state.
        message_id: u64 = 0,
        /// Measured end-effector pose in the base frame.
        O_T_EE: [f64; 16] = 8,
        /// Desired end-effector pose.
        O_T_EE_d: [f64; 16] = 136,
        /// End effector in the flange frame: `F_T_NE · NE_T_EE`.
        F_T_EE: [f64; 16] = 264,
        /// Stiffness frame in the end-effector frame.
        EE_T_K: [f64; 16] = 392,
        /// Nominal end effector in the flange frame (set in Desk).
        F_T_NE: [f64; 16] = 520,
        /// End effector in the nominal end-effector frame (set by SetNEToEE).
        NE_T_EE: [f64; 16] = 648,
        /// End-effector mass, kg.
        m_ee: f64 = 776,
        /// End-effector inertia about its centre of mass, kg m².
        I_ee: [f64; 9] = 784,
        /// End-effector centre of mass in the flange frame, m.
        F_x_Cee: [f64; 3] = 856,
        /// External load's mass, kg.
        m_load: f64 = 880,
        /// External load's inertia about its centre of mass, kg m².
        I_load: [f64; 9] = 888,
        /// External load's centre of mass in the flange frame, m.
        F_x_Cload: [f64; 3] = 960,
        /// Elbow: q3 and the sign of the fourth joint's side.
        elbow: [f64; 2] = 984,
        /// Desired elbow.
        elbow_d: [f64; 2] = 1000,
        /// Measured link-side torque, Nm.
        tau_J: Joints = 1016,
        /// Desired torque without gravity, Nm.
        tau_J_d: Joints = 1072,
        /// Derivative of the measured torque, Nm/s.
        dtau_J: Joints = 1128,
        /// Measured joint position, rad.
        q: Joints = 1184,
        /// Desired joint position, rad.
        q_d: Joints = 1240,
        /// Measured joint velocity, rad/s.
        dq: Joints = 1296,
        /// Desired joint velocity, rad/s.
        dq_d: Joints = 1352,
        /// Desired joint acceleration, rad/s².
        ddq_d: Joints = 1408,
        /// Which contact level each joint has reached.
        joint_contact: Joints = 1464,
        /// Which contact level each Cartesian axis has reached.
        cartesian_contact: [f64; 6] = 1520,
        /// Which collision level each joint has reached.
        joint_collision: Joints = 1568,
        /// Which collision level each Cartesian axis has reached.
        cartesian_collision: [f64; 6] = 1624,
        /// Filtered external torque estimate, Nm.
        tau_ext_hat_filtered: Joints = 1672,
        /// External wrench at K in the base frame, N and Nm.
        O_F_ext_hat_K: [f64; 6] = 1728,
        /// External wrench at K in the stiffness frame, N and Nm.
        K_F_ext_hat_K: [f64; 6] = 1776,
        /// Desired end-effector twist in the base frame, m/s and rad/s.
        O_dP_EE_d: [f64; 6] = 1824,
        /// Base acceleration, m/s².
        O_ddP_O: [f64; 3] = 1872,
        /// Commanded elbow.
        elbow_c: [f64; 2] = 1896,
        /// Commanded elbow velocity.
        delbow_c: [f64; 2] = 1912,
        /// Commanded elbow acceleration.
        ddelbow_c: [f64; 2] = 1928,
        /// Commanded end-effector pose.
        O_T_EE_c: [f64; 16] = 1944,
        /// Commanded end-effector twist, m/s and rad/s.
        O_dP_EE_c: [f64; 6] = 2072,
        /// Commanded end-effector acceleration, m/s² and rad/s².
        O_ddP_EE_c: [f64; 6] = 2120,
        /// Motor position, rad.
        theta: Joints = 2168,
        /// Motor velocity, rad/s.
        dtheta: Joints = 2224,
        /// The running motion generator.
        motion_generator_mode: MotionGeneratorMode = 2280,
        /// The running controller.
        controller_mode: ControllerMode = 2281,
        /// Active errors.
        errors: Errors = 2282,
        /// What aborted the previous motion.
        reflex_reason: Errors = 2323,
        /// What the robot is doing.
        robot_mode: RobotMode = 2364,
        /// Share of the last 100 command slots that were answered, 0 to 1.
        control_command_success_rate: f64 = 2365,
    }
}
