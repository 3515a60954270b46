//! What the robot says about itself: its state of this millisecond, consistent in itself.
use super::motion::Robot;

use super::wire::RobotState;
use crate::dynamics::G_EARTH;
use crate::kinematics::{forward_and_jacobian, to_column_major};
use crate::robot::{JOINTS, Joints};
use nalgebra::SVector;

/// The fourth joint's angle at which the elbow changes sides, rad (libfranka-common, elbow documentation).
const ELBOW_FLIP: f64 = -0.467002423653011;

/// The state of `robot`: everything measured is the robot's own, nominal view.
pub(super) fn state(robot: &Robot) -> RobotState {
    let (settings, measured, desired) = (&robot.settings, robot.plant.measured(), &robot.desired);
    let O_T_EE = to_column_major(&forward_and_jacobian(&measured.q, &settings.tool).0);
    let (O_T_EE_d, J_d) = forward_and_jacobian(&desired.q, &settings.tool);
    let O_T_EE_d = to_column_major(&O_T_EE_d);
    let O_dP_EE_d: [f64; 6] = (J_d * SVector::<f64, JOINTS>::from(desired.dq)).into();
    RobotState {
        message_id: robot.message_id,
        O_T_EE,
        O_T_EE_d,
        F_T_EE: settings.F_T_EE,
        EE_T_K: settings.EE_T_K,
        F_T_NE: settings.F_T_NE,
        NE_T_EE: settings.NE_T_EE,
        m_ee: settings.hand.m,
        I_ee: column_major(&settings.hand.I),
        F_x_Cee: settings.hand.x_C,
        m_load: settings.load.m_load,
        I_load: settings.load.I_load,
        F_x_Cload: settings.load.F_x_Cload,
        elbow: elbow(&measured.q),
        elbow_d: elbow(&desired.q),
        tau_J: measured.tau_J,
        tau_J_d: robot.tau_J_d,
        dtau_J: measured.dtau_J,
        q: measured.q,
        q_d: desired.q,
        dq: measured.dq,
        dq_d: desired.dq,
        ddq_d: desired.ddq,
        joint_contact: measured.joint_contact,
        cartesian_contact: measured.cartesian_contact,
        joint_collision: measured.joint_collision,
        cartesian_collision: measured.cartesian_collision,
        tau_ext_hat_filtered: measured.tau_ext_hat_filtered,
        O_F_ext_hat_K: measured.O_F_ext_hat_K,
        K_F_ext_hat_K: measured.K_F_ext_hat_K,
        O_dP_EE_d,
        O_ddP_O: G_EARTH,
        elbow_c: elbow(&desired.q),
        delbow_c: [0.0; 2],
        ddelbow_c: [0.0; 2],
        O_T_EE_c: O_T_EE_d,
        O_dP_EE_c: [0.0; 6],
        O_ddP_EE_c: [0.0; 6],
        theta: measured.theta,
        dtheta: measured.dtheta,
        motion_generator_mode: robot.generator_mode(),
        controller_mode: robot.controller_mode(),
        errors: robot.errors,
        reflex_reason: robot.reflex_reason,
        robot_mode: robot.mode(),
        control_command_success_rate: robot.success_rate(),
    }
}

fn elbow(q: &Joints) -> [f64; 2] {
    [q[2], if q[3] > ELBOW_FLIP { 1.0 } else { -1.0 }]
}

fn column_major(I: &[[f64; 3]; 3]) -> [f64; 9] {
    std::array::from_fn(|i| I[i % 3][i / 3])
}
