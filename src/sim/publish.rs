//! What the robot says about itself: its state of this millisecond, consistent in itself.
use super::judge::cartesian::elbow;
use super::motion::Robot;

use super::wire::RobotState;
use crate::dynamics::G_EARTH;
use crate::kinematics::{forward_and_jacobian, to_column_major};
use crate::robot::JOINTS;
use nalgebra::SVector;

/// The state of `robot`: everything measured is the robot's own, nominal view.
pub(super) fn state(robot: &Robot) -> RobotState {
    let (settings, measured) = (&robot.settings, robot.plant.measured());
    let (desired, commanded) = (&robot.desired, &robot.commanded);
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
        elbow_c: commanded.elbow,
        delbow_c: commanded.delbow,
        ddelbow_c: commanded.ddelbow,
        O_T_EE_c: commanded.O_T_EE,
        O_dP_EE_c: commanded.O_dP_EE,
        O_ddP_EE_c: commanded.O_ddP_EE,
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

fn column_major(I: &[[f64; 3]; 3]) -> [f64; 9] {
    std::array::from_fn(|i| I[i % 3][i / 3])
}
