//! Lost commands: how many the simulated Panda forgives, and what it makes of those that did not come.
mod sim_client;

use std::time::Duration;

use franka::exception::FrankaResult;
use franka::{ControllerMode, JointPositions, MotionFinished, Robot, RobotState};
use franka_imit::robot::{Mode, limits};
use franka_imit::sim::Sim;
use sim_client::{connect, deadline, lockstep, sim_at, smooth, swing, wait_for};

/// A slow swing of joint 0 during which `lost` commands in a row are lost; the states the callback saw.
fn swing_with_losses(sim: &Sim, robot: &mut Robot, lost: u32) -> (FrankaResult<()>, Vec<RobotState>) {
    let (mut start, mut time, mut ordered) = (None, 0.0, false);
    let mut seen = Vec::new();
    let result = robot.control_joint_positions(
        |state: &RobotState, step: &Duration| {
            time += step.as_secs_f64();
            let mut q: [f64; 7] = *start.get_or_insert(state.q_d);
            q[0] += 0.2 * smooth(time / 2.0);
            if time > 0.3 && !ordered {
                ordered = true;
                sim.drop_commands(lost);
            }
            seen.push(state.clone());
            let command = JointPositions::new(q);
            if time >= 2.0 { command.motion_finished() } else { command }
        },
        ControllerMode::JointImpedance,
        false,
        1000.0,
    );
    (result, seen)
}

#[test]
fn one_to_nineteen_lost_commands_in_a_row_are_forgiven() {
    let sim = sim_at([127, 0, 1, 20], lockstep());
    deadline(60, move || {
        let mut robot = connect(&sim);
        for lost in 1..=19 {
            let before = sim.status();
            let (result, _) = swing_with_losses(&sim, &mut robot, lost);
            result.unwrap_or_else(|error| panic!("{lost} lost: {error}"));
            let after = wait_for(&sim, "idle", |status| status.mode == Mode::Idle);
            assert_eq!(after.commands_dropped - before.commands_dropped, u64::from(lost));
            assert!(after.commands_missed - before.commands_missed >= u64::from(lost));
            swing(&mut robot, 0, -0.2, 1.0).expect("and back");
        }
    });
}

#[test]
fn twenty_lost_commands_in_a_row_stop_the_robot_by_name() {
    let sim = sim_at([127, 0, 1, 21], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let (result, _) = swing_with_losses(&sim, &mut robot, 20);
        let error = result.expect_err("a reflex").to_string();
        assert!(error.contains("CommunicationConstraintsViolation"), "{error}");
        let status = wait_for(&sim, "reflex", |status| status.mode == Mode::Reflex);
        assert_eq!(status.errors.names().collect::<Vec<_>>(), ["communication_constraints_violation"]);
        robot.automatic_error_recovery().expect("recovery");
        swing(&mut robot, 0, 0.1, 0.5).expect("the next motion");
    });
}

#[test]
fn a_lost_command_is_replaced_by_constant_acceleration() {
    let sim = sim_at([127, 0, 1, 22], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let (result, seen) = swing_with_losses(&sim, &mut robot, 10);
        result.expect("forgiven");
        let mut extrapolated = 0;
        for pair in seen.windows(2) {
            for i in 0..7 {
                let dq = (pair[1].q_d[i] - pair[0].q_d[i]) / limits::CYCLE_S;
                let ddq = (pair[1].dq_d[i] - pair[0].dq_d[i]) / limits::CYCLE_S;
                assert!((pair[1].dq_d[i] - dq).abs() < 1e-9 && (pair[1].ddq_d[i] - ddq).abs() < 1e-9);
            }
            let same = pair[1].ddq_d[0] == pair[0].ddq_d[0] && pair[0].ddq_d[0] != 0.0;
            extrapolated += u32::from(same);
        }
        assert_eq!(
            extrapolated, 10,
            "the cycles without a change of acceleration are those without a command"
        );
    });
}

#[test]
fn the_success_rate_counts_the_last_hundred_slots() {
    let sim = sim_at([127, 0, 1, 23], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let (result, seen) = swing_with_losses(&sim, &mut robot, 5);
        result.expect("forgiven");
        let lowest = seen.iter().skip(1).map(|s| s.control_command_success_rate).fold(1.0, f64::min);
        assert_eq!(lowest, 0.95);
        assert_eq!(seen.last().expect("states").control_command_success_rate, 1.0);
    });
}

#[test]
fn random_losses_are_survived_and_told_truly() {
    let sim = sim_at([127, 0, 1, 24], lockstep());
    deadline(60, move || {
        let mut robot = connect(&sim);
        sim.set_command_loss(0.05);
        let (result, seen) = swing_with_losses(&sim, &mut robot, 0);
        result.expect("no reflex");
        sim.set_command_loss(0.0);
        let status = wait_for(&sim, "idle", |status| status.mode == Mode::Idle);
        let told = seen.iter().skip(100).step_by(100).map(|s| s.control_command_success_rate);
        let told: Vec<f64> = told.collect();
        let mean = told.iter().sum::<f64>() / told.len() as f64;
        let truth = 1.0
            - status.commands_dropped as f64 / (status.commands_dropped + status.commands_received) as f64;
        assert!((mean - truth).abs() < 0.01, "told {mean}, true {truth}");
    });
}
