//! Torque control, contact and guiding, seen by libfranka-rs.
mod sim_client;

use franka::{MotionFinished, RobotState, Torques};
use franka_imit::robot::Mode;
use franka_imit::robot::limits::Q_READY;
use franka_imit::sim::Options;
use sim_client::{connect, deadline, in_driver, lockstep, raw::Raw, sim_at, swing, wait_for};
use std::time::Duration;

#[test]
fn zero_torque_lets_the_arm_float_where_it_is() {
    let sim = sim_at([127, 0, 23, 50], Options { model_error: 0.0, ..lockstep() });
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut cycles = 0;
        let mut last = [1.0; 7];
        robot
            .control_torques(
                |state: &RobotState, _: &Duration| {
                    cycles += 1;
                    last = state.tau_J_d;
                    let torques = Torques::new([0.0; 7]);
                    if cycles >= 1000 { torques.motion_finished() } else { torques }
                },
                false,
                1000.0,
            )
            .expect("success");
        assert_eq!(last, [0.0; 7], "the state shows the client's own torque, without gravity");
        let state = robot.read_once().expect("a state");
        for i in 0..7 {
            assert!((state.q[i] - Q_READY[i]).abs() < 1e-3, "joint {i} floated {}", state.q[i] - Q_READY[i]);
        }
        assert!(state.tau_J[3] > 15.0, "the measured torque carries the arm: {:?}", state.tau_J);
        swing(&mut robot, 0, 0.05, 0.5).expect("the next motion");
    });
}

#[test]
fn a_torque_that_jumps_is_named() {
    let sim = sim_at([127, 0, 23, 51], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut cycles = 0;
        let said = robot
            .control_torques(
                |_: &RobotState, _: &Duration| {
                    cycles += 1;
                    let tau = if cycles > 100 { 1.1 } else { 0.0 };
                    Torques::new([tau, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
                },
                false,
                1000.0,
            )
            .expect_err("stopped")
            .to_string();
        assert!(said.contains(&in_driver("controller_torque_discontinuity")), "{said}");
        robot.automatic_error_recovery().expect("recovery");
        swing(&mut robot, 0, 0.05, 0.5).expect("the next motion");
    });
}

#[test]
fn the_drivers_limiter_makes_a_jump_legal() {
    let sim = sim_at([127, 0, 23, 52], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut cycles = 0;
        robot
            .control_torques(
                |_: &RobotState, _: &Duration| {
                    cycles += 1;
                    let tau = if (100..200).contains(&cycles) { 5.0 } else { 0.0 };
                    let torques = Torques::new([tau, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
                    if cycles >= 400 { torques.motion_finished() } else { torques }
                },
                true,
                1000.0,
            )
            .expect("success");
    });
}

#[test]
fn a_push_beyond_the_collision_threshold_is_a_reflex_and_recovery_clears_it() {
    let sim = sim_at([127, 0, 23, 53], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut cycles = 0;
        let said = robot
            .control_joint_positions(
                |state: &RobotState, _: &Duration| {
                    cycles += 1;
                    if cycles == 100 {
                        sim.push([0.0, 60.0, 0.0], 0.5);
                    }
                    franka::JointPositions::new(state.q_d)
                },
                franka::ControllerMode::JointImpedance,
                false,
                1000.0,
            )
            .expect_err("stopped")
            .to_string();
        assert!(said.contains(&in_driver("cartesian_reflex")), "{said}");
        let state = robot.read_once().expect("a state");
        assert!(state.cartesian_collision.contains(&1.0), "{:?}", state.cartesian_collision);
        wait_for(&sim, "the hand is gone", |status| status.truth.O_F_ext == [0.0; 3]);
        robot.automatic_error_recovery().expect("recovery");
        assert_eq!(robot.read_once().expect("a state").cartesian_collision, [0.0; 6]);
        swing(&mut robot, 0, 0.05, 0.5).expect("the next motion");
    });
}

#[test]
fn a_user_stopped_robot_is_guided_by_its_buttons_while_a_client_reads() {
    let sim = sim_at([127, 0, 23, 54], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let start = robot.read_once().expect("a state").O_T_EE;
        sim.press_user_stop(true);
        wait_for(&sim, "user stop", |status| status.mode == Mode::UserStopped);
        sim.press_guiding(true);
        wait_for(&sim, "guiding", |status| status.mode == Mode::Guiding);
        sim.push([0.0, 15.0, 0.0], 0.5);
        let mut moved = 0.0_f64;
        robot
            .read(|state: &RobotState| {
                moved = state.O_T_EE[13] - start[13];
                moved < 0.03
            })
            .expect("states flow");
        assert!(moved >= 0.03, "{moved} m");
        assert!(swing(&mut robot, 0, 0.05, 0.5).is_err(), "no motion while a hand guides");
        sim.press_guiding(false);
        wait_for(&sim, "user stop", |status| status.mode == Mode::UserStopped);
        sim.press_user_stop(false);
        wait_for(&sim, "idle, alone, at rest", |status| {
            let alone = status.truth.O_F_ext == [0.0; 3];
            status.mode == Mode::Idle && alone && status.truth.dq == [0.0; 7]
        });
        let state = robot.read_once().expect("a state");
        assert!((0..7).all(|i| (state.q_d[i] - state.q[i]).abs() < 1e-3), "it holds where it was left");
        swing(&mut robot, 0, 0.05, 0.5).expect("the next motion");
    });
}

#[test]
fn a_lost_torque_is_held() {
    let sim = sim_at([127, 0, 23, 55], lockstep());
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let id = raw.request_move(2, 1);
        assert_eq!(raw.answer(), (1, id, vec![1]));
        while raw.state().motion_generator_mode as u8 == 0 {}
        let mut state = raw.state();
        for cycle in 0..40 {
            if cycle % 2 == 0 {
                let mut command = sim_client::raw::joint_positions(&state, [0.0; 7]);
                command.tau_J_d = [0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
                raw.command(&command);
            }
            state = raw.state();
            assert_eq!(state.tau_J_d[0], 0.5, "cycle {cycle}");
        }
    });
}

#[test]
fn an_arm_without_friction_still_starts_motions() {
    let sim = sim_at([127, 0, 23, 56], Options { friction: 0.0, ..lockstep() });
    deadline(30, move || {
        let mut robot = connect(&sim);
        for _ in 0..3 {
            swing(&mut robot, 0, 0.1, 0.5).expect("success");
        }
    });
}
