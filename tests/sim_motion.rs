//! The simulated Panda moved by libfranka-rs: motions, limits, reflexes, recovery, stops.
mod sim_client;

use franka::exception::FrankaException;
use franka::{ControllerMode, JointPositions, JointVelocities, MotionFinished, RobotState};
use franka_imit::robot::{ERROR_NAMES, Errors, Mode, limits};
use franka_imit::sim::{Options, Pace};
use sim_client::{connect, deadline, in_driver, lockstep, pulse, sim_at, swing, wait_for};
use std::time::Duration;

#[test]
fn a_joint_position_motion_ends_with_success() {
    let sim = sim_at([127, 0, 1, 1], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let start = robot.read_once().expect("a state").q_d;
        swing(&mut robot, 3, 0.2, 1.0).expect("the motion ends with success");
        let status = wait_for(&sim, "idle and at rest", |status| status.mode == Mode::Idle);
        assert_eq!((status.motions, status.errors), (1, Errors::default()));
        let state = robot.read_once().expect("states go on");
        assert!((state.q_d[3] - start[3] - 0.2).abs() < 1e-12);
        assert!((state.q[3] - state.q_d[3]).abs() < 1e-3);
        assert_eq!(state.control_command_success_rate, 0.0);
    });
}

#[test]
fn a_joint_velocity_motion_ends_with_success() {
    let sim = sim_at([127, 0, 1, 2], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let start = robot.read_once().expect("a state").q_d;
        pulse(&mut robot, 6, 0.4, 1.0).expect("the motion ends with success");
        let state = robot.read_once().expect("states go on");
        assert!(
            (state.q_d[6] - start[6] - 0.2).abs() < 1e-3,
            "the area of the pulse: {}",
            state.q_d[6] - start[6]
        );
    });
}

#[test]
fn a_motion_in_real_time_ends_with_success() {
    let sim = sim_at([127, 0, 1, 3], Options { pace: Pace::Realtime, ..lockstep() });
    deadline(30, move || {
        let mut robot = connect(&sim);
        let start = std::time::Instant::now();
        swing(&mut robot, 0, 0.1, 1.0).expect("the motion ends with success");
        assert!(start.elapsed() >= Duration::from_secs(1), "a second of motion takes a second");
    });
}

#[test]
fn motions_follow_motions() {
    let sim = sim_at([127, 0, 1, 4], lockstep());
    deadline(60, move || {
        let mut robot = connect(&sim);
        for round in 0..10 {
            let sign = if round % 2 == 0 { 1.0 } else { -1.0 };
            swing(&mut robot, round % 7, sign * 0.1, 0.5).expect("a position motion");
            pulse(&mut robot, (round + 3) % 7, -sign * 0.2, 0.5).expect("a velocity motion");
        }
        assert_eq!(sim.status().motions, 20);
    });
}

/// Drives joint 0 by `command(t_ms, q_start)` until the robot or `end_ms` stops it.
fn joint_0(
    robot: &mut franka::Robot,
    end_ms: u32,
    command: impl Fn(f64, f64) -> f64,
) -> Result<(), FrankaException> {
    let (mut start, mut cycle) = (None, 0);
    robot.control_joint_positions(
        |state: &RobotState, _: &Duration| {
            cycle += 1;
            let mut q: [f64; 7] = *start.get_or_insert(state.q_d);
            q[0] = command(f64::from(cycle), q[0]);
            let command = JointPositions::new(q);
            if cycle >= end_ms { command.motion_finished() } else { command }
        },
        ControllerMode::JointImpedance,
        false,
        1000.0,
    )
}

fn reflexes_named(address: [u8; 4], names: &'static [&'static str], command: fn(f64, f64) -> f64) {
    let sim = sim_at(address, lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let error = joint_0(&mut robot, 5000, command).expect_err("the robot stops this").to_string();
        for name in names {
            assert!(error.contains(&in_driver(name)), "{name} is not in: {error}");
        }
        let status = wait_for(&sim, "reflex", |status| status.mode == Mode::Reflex);
        assert_eq!(status.errors.names().collect::<Vec<_>>(), names);
        assert!(swing(&mut robot, 1, 0.05, 0.3).is_err(), "no motion before recovery");
        robot.automatic_error_recovery().expect("recovery");
        let state = robot.read_once().expect("a state");
        assert!(
            state.last_motion_errors.to_string().contains(&in_driver(names[0])),
            "the reason stays until the next motion"
        );
        swing(&mut robot, 1, 0.05, 0.3).expect("the next motion");
        wait_for(&sim, "no error", |status| status.mode == Mode::Idle && status.errors.is_empty());
    });
}

#[test]
fn a_first_position_far_from_the_robot_is_named() {
    reflexes_named([127, 0, 1, 5], &["joint_position_motion_generator_start_pose_invalid"], |_, q| q + 0.2);
}

#[test]
fn a_joint_too_fast_is_named() {
    reflexes_named([127, 0, 1, 6], &["joint_motion_generator_velocity_limits_violation"], |ms, q| {
        let s = ms * 1e-3; // ends at 3 rad/s after one second, smoothly
        q + if s < 1.0 { s * s * s - 0.5 * s.powi(4) } else { 0.5 + (s - 1.0) } * 3.0
    });
}

#[test]
fn a_step_in_velocity_is_named() {
    reflexes_named(
        [127, 0, 1, 7],
        &[
            "joint_motion_generator_velocity_discontinuity",
            "joint_motion_generator_acceleration_discontinuity",
        ],
        |ms, q| q + 1e-4 * (ms - 100.0).max(0.0),
    );
}

#[test]
fn a_step_in_acceleration_is_named() {
    reflexes_named([127, 0, 1, 8], &["joint_motion_generator_acceleration_discontinuity"], |ms, q| {
        let n = (ms - 100.0).max(0.0);
        q + 10e-6 * n * (n + 1.0) / 2.0
    });
}

#[test]
fn a_joint_beyond_its_range_is_named() {
    let sim = sim_at([127, 0, 1, 9], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let error = swing(&mut robot, 0, 3.2, 4.0).expect_err("the range ends at 2.8973 rad").to_string();
        assert!(error.contains("JointMotionGeneratorPositionLimitsViolation"), "{error}");
        robot.automatic_error_recovery().expect("the arm has stopped inside its range");
        swing(&mut robot, 0, -0.3, 1.0).expect("and leaves its limit");
    });
}

#[test]
fn an_arm_that_would_hit_its_own_base_is_stopped_and_wants_a_hand() {
    let sim = sim_at([127, 0, 27, 10], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        // Bent forward and down, the forearm comes back to the base.
        let error = swing(&mut robot, 1, 2.4, 4.0).expect_err("the base is in the way").to_string();
        assert!(error.contains(&in_driver("self_collision_avoidance_violation")), "{error}");
        let refused = robot.automatic_error_recovery().expect_err("a hand has to help").to_string();
        assert!(refused.to_lowercase().contains("manual"), "{refused}");
        wait_for(&sim, "reflex", |status| status.mode == Mode::Reflex);
    });
}

#[test]
fn a_velocity_motion_beyond_the_acceleration_limit_is_named() {
    let sim = sim_at([127, 0, 1, 10], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut cycle = 0;
        let error = robot
            .control_joint_velocities(
                |_: &RobotState, _: &Duration| {
                    cycle += 1;
                    JointVelocities::new([if cycle < 50 { 0.0 } else { 0.05 }, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
                },
                ControllerMode::JointImpedance,
                false,
                1000.0,
            )
            .expect_err("0.05 rad/s in a millisecond")
            .to_string();
        assert!(error.contains("JointMotionGeneratorAccelerationDiscontinuity"), "{error}");
    });
}

#[test]
fn a_motion_finished_while_moving_is_a_discontinuity() {
    let sim = sim_at([127, 0, 1, 11], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let error = joint_0(&mut robot, 400, |ms, q| q + 0.4 * (ms * 1e-3).powi(3))
            .expect_err("0.19 rad/s at the end");
        assert!(error.to_string().contains("VelocityDiscontinuity"), "{error}");
        robot.automatic_error_recovery().expect("recovery");
        swing(&mut robot, 0, 0.1, 0.5).expect("the next motion");
    });
}

#[test]
fn every_reflex_reaches_the_client_by_its_name() {
    let sim = sim_at([127, 0, 1, 12], Options { recovery_delay_s: 0.0, ..lockstep() });
    deadline(60, move || {
        let mut robot = connect(&sim);
        for (index, name) in ERROR_NAMES.iter().enumerate() {
            let mut cycle = 0;
            let result = robot.control_joint_positions(
                |state: &RobotState, _: &Duration| {
                    cycle += 1;
                    if cycle == 10 {
                        sim.trigger_reflex(index);
                    }
                    JointPositions::new(state.q_d)
                },
                ControllerMode::JointImpedance,
                false,
                1000.0,
            );
            let error = result.expect_err("aborted").to_string();
            let status = wait_for(&sim, "the error", |status| status.errors == Errors(1 << index));
            assert_eq!(status.errors.names().collect::<Vec<_>>(), [*name]);
            assert!(error.contains("motion aborted by reflex"), "{error}");
            robot.automatic_error_recovery().expect("recovery");
        }
    });
}

#[test]
fn a_joint_outside_its_range_needs_a_hand() {
    // J7 stands near its end and is driven beyond it.
    let mut start = limits::Q_READY;
    start[6] = limits::Q_MAX[6] - 0.05;
    let sim = sim_at([127, 0, 1, 13], Options { q_start_rad: start, ..lockstep() });
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut tau = [0.0; 7];
        let result = robot.control_torques(
            |_: &RobotState, _: &Duration| {
                tau[6] = (tau[6] + 0.01_f64).min(2.0);
                franka::Torques::new(tau)
            },
            false,
            1000.0,
        );
        let error = result.expect_err("the robot stops").to_string();
        assert!(error.contains(&in_driver("joint_position_limits_violation")), "{error}");
        let error = robot.automatic_error_recovery().expect_err("not automatically").to_string();
        assert!(error.contains("manual"), "{error}");
        // The buttons at the wrist, and a hand that pushes the joint back.
        sim.press_guiding(true);
        wait_for(&sim, "guiding", |status| status.mode == Mode::Guiding);
        wait_for(&sim, "back in range", |status| status.truth.q[6] < limits::Q_MAX[6] + 0.005);
        sim.press_guiding(false);
        wait_for(&sim, "reflex", |status| status.mode == Mode::Reflex);
        robot.automatic_error_recovery().expect("now");
        wait_for(&sim, "idle", |status| status.mode == Mode::Idle);
    });
}

#[test]
fn the_user_stop_ends_a_motion_and_its_release_allows_the_next() {
    let sim = sim_at([127, 0, 1, 14], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut cycle = 0;
        let result = robot.control_joint_positions(
            |state: &RobotState, _: &Duration| {
                cycle += 1;
                if cycle == 10 {
                    sim.press_user_stop(true);
                }
                JointPositions::new(state.q_d)
            },
            ControllerMode::JointImpedance,
            false,
            1000.0,
        );
        let error = result.expect_err("stopped").to_string();
        assert!(error.contains("User Stop"), "{error}");
        assert!(swing(&mut robot, 0, 0.05, 0.3).is_err(), "no motion while it is pressed");
        sim.press_user_stop(false);
        wait_for(&sim, "released", |status| status.mode == Mode::Idle);
        swing(&mut robot, 0, 0.05, 0.3).expect("the next motion");
    });
}

#[test]
fn stop_without_a_motion_and_recovery_without_an_error_succeed() {
    let sim = sim_at([127, 0, 1, 15], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        robot.stop().expect("stop");
        robot.automatic_error_recovery().expect("recovery");
        swing(&mut robot, 0, 0.05, 0.3).expect("a motion");
    });
}

#[test]
fn the_arm_stops_within_its_limits_after_a_reflex() {
    let sim = sim_at([127, 0, 1, 16], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut last = None::<RobotState>;
        let result = robot.control_joint_positions(
            |state: &RobotState, _: &Duration| {
                last = Some(state.clone());
                let mut q = state.q_d;
                q[0] += (state.dq_d[0] + 2e-3).min(0.5) * 1e-3;
                if state.dq_d[0] > 0.49 {
                    q[0] += 1.0;
                }
                JointPositions::new(q)
            },
            ControllerMode::JointImpedance,
            false,
            1000.0,
        );
        assert!(result.is_err());
        let mut dq_d = last.expect("states were seen").dq_d[0];
        while dq_d != 0.0 {
            let state = robot.read_once().expect("states go on");
            assert!(state.dq_d[0] <= dq_d, "the stop does not speed up");
            assert!(state.ddq_d[0].abs() <= limits::DDQ_MAX[0] * (1.0 + 1e-9));
            dq_d = state.dq_d[0];
        }
    });
}
