//! The motions of libfranka-rs 0.9.0's own examples, written anew with their parameters and with the driver's default
//! rate limiter and 100 Hz filter: what its users start first has to end with success, and where it should.
//! `sim_examples_model.rs` has the examples that need the model library.
#![allow(non_snake_case)] // Franka's symbols
mod sim_client;

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, FRAC_PI_8, PI};
use std::time::Duration;

use franka::{CartesianPose, CartesianVelocities, JointPositions, JointVelocities, Torques};
use franka::{MotionFinished, Robot, RobotState};
use franka_imit::robot::{Errors, Mode};
use franka_imit::sim::{Options, Sim};
use sim_client::{connect, deadline, ended, lockstep, sim_at, wait_for};

/// Where the examples begin their motions.
const Q_START: [f64; 7] = [0.0, -FRAC_PI_4, 0.0, -3.0 * FRAC_PI_4, 0.0, FRAC_PI_2, FRAC_PI_4];
/// Thresholds of most examples: torques (Nm) and forces (N, Nm).
const TORQUES: [f64; 7] = [20.0, 20.0, 18.0, 18.0, 16.0, 14.0, 12.0];
const FORCES: [f64; 6] = [20.0, 20.0, 20.0, 25.0, 25.0, 25.0];

/// A robot somewhere else than where the examples begin; a busy machine costs it no command.
fn robot_at(address: [u8; 4]) -> (Sim, Robot) {
    let q_start_rad = [0.3, -0.5, -0.2, -2.0, 0.2, 1.8, 0.5];
    let sim = sim_at(address, Options { q_start_rad, lockstep_timeout_s: 2.0, ..lockstep() });
    let robot = connect(&sim);
    (sim, robot)
}

/// How the examples begin: defaults, thresholds, and the driver's own motion to the start.
fn go_to_start(robot: &mut Robot, torques: [f64; 7], forces: [f64; 6]) -> RobotState {
    robot.set_default_behavior().expect("the defaults");
    robot
        .set_collision_behavior(torques, torques, torques, torques, forces, forces, forces, forces)
        .expect("thresholds");
    robot.joint_motion(0.5, &Q_START).expect("the motion to the start");
    let state = robot.read_once().expect("a state");
    near("q_d at the start", &state.q_d, &Q_START, 1e-6);
    state
}

fn near(what: &str, got: &[f64], expected: &[f64], tolerance: f64) {
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= tolerance, "{what}, {i}: {got}, expected {expected}");
    }
}

/// A speed that swells and fades in `time_max` s, then the same backwards.
fn there_and_back(time: f64, time_max: f64, largest: f64) -> f64 {
    let way = if (time / time_max).floor() % 2.0 == 0.0 { 1.0 } else { -1.0 };
    way * largest / 2.0 * (1.0 - (2.0 * PI * time / time_max).cos())
}

/// Idle, without errors, after this many motions with every command answered.
fn ended_well(sim: &Sim, motions: u64) {
    let status = wait_for(sim, "idle", |status| status.mode == Mode::Idle);
    assert_eq!((status.errors, status.motions, status.commands_missed), (Errors::default(), motions, 0));
}

#[test]
fn generate_joint_position_motion() {
    deadline(60, || {
        let (sim, mut robot) = robot_at([127, 0, 67, 1]);
        go_to_start(&mut robot, TORQUES, FORCES);
        let (mut time, mut q_start, mut farthest) = (0.0, [0.0; 7], [0.0_f64; 7]);
        robot
            .control_joint_positions(
                |state: &RobotState, step: &Duration| {
                    time += step.as_secs_f64();
                    if time == 0.0 {
                        q_start = state.q_d;
                    }
                    farthest = std::array::from_fn(|i| farthest[i].max((state.q[i] - q_start[i]).abs()));
                    let mut q = q_start;
                    for joint in [3, 4, 6] {
                        q[joint] += FRAC_PI_8 * (1.0 - (PI / 2.5 * time).cos());
                    }
                    let command = JointPositions::new(q);
                    if time >= 5.0 { command.motion_finished() } else { command }
                },
                None,
                None,
                None,
            )
            .unwrap_or_else(ended);
        ended_well(&sim, 2);
        let a = FRAC_PI_4;
        near("farthest", &farthest, &[0.0, 0.0, 0.0, a, a, 0.0, a], 5e-3);
        near("q at the end", &robot.read_once().expect("a state").q, &Q_START, 2e-3);
    });
}

/// Joints 4 to 7 with one speed, there and back: where they turn, and that they come back.
fn joint_velocities(robot: &mut Robot, time_max: f64, omega_max: f64) {
    let (mut time, mut farthest) = (0.0, [f64::MIN; 7]);
    robot
        .control_joint_velocities(
            |state: &RobotState, step: &Duration| {
                time += step.as_secs_f64();
                farthest = std::array::from_fn(|i| farthest[i].max(state.q_d[i] - Q_START[i]));
                let omega = there_and_back(time, time_max, omega_max);
                let command = JointVelocities::new([0.0, 0.0, 0.0, omega, omega, omega, omega]);
                if time >= 2.0 * time_max { command.motion_finished() } else { command }
            },
            None,
            None,
            None,
        )
        .unwrap_or_else(ended);
    let a = omega_max * time_max / 2.0;
    near("farthest", &farthest, &[0.0, 0.0, 0.0, a, a, a, a], 0.01 * a);
    near("q_d at the end", &robot.read_once().expect("a state").q_d, &Q_START, 0.01 * a);
}

#[test]
fn generate_joint_velocity_motion() {
    deadline(60, || {
        let (sim, mut robot) = robot_at([127, 0, 67, 2]);
        go_to_start(&mut robot, TORQUES, FORCES);
        joint_velocities(&mut robot, 1.0, 1.0);
        ended_well(&sim, 2);
    });
}

#[test]
fn generate_consecutive_motions() {
    deadline(120, || {
        let (sim, mut robot) = robot_at([127, 0, 67, 3]);
        let torques = [10.0, 10.0, 9.0, 9.0, 6.0, 7.0, 6.0];
        go_to_start(&mut robot, torques, [10.0, 10.0, 10.0, 12.5, 12.5, 12.5]);
        for _ in 0..5 {
            joint_velocities(&mut robot, 4.0, 0.2);
        }
        ended_well(&sim, 6);
    });
}

#[test]
fn generate_cartesian_pose_motion() {
    deadline(60, || {
        let (sim, mut robot) = robot_at([127, 0, 67, 4]);
        let start = go_to_start(&mut robot, TORQUES, FORCES);
        let (mut time, mut pose, mut lowest) = (0.0, [0.0; 16], start.O_T_EE);
        robot
            .control_cartesian_pose(
                |state: &RobotState, step: &Duration| {
                    time += step.as_secs_f64();
                    if time == 0.0 {
                        pose = state.O_T_EE_c;
                    }
                    if state.O_T_EE[14] < lowest[14] {
                        lowest = state.O_T_EE;
                    }
                    let angle = FRAC_PI_4 * (1.0 - (PI / 5.0 * time).cos());
                    let mut O_T_EE = pose;
                    O_T_EE[12] += 0.3 * angle.sin();
                    O_T_EE[14] += 0.3 * (angle.cos() - 1.0);
                    let command = CartesianPose::new(O_T_EE, None);
                    if time >= 10.0 { command.motion_finished() } else { command }
                },
                None,
                None,
                None,
            )
            .unwrap_or_else(ended);
        ended_well(&sim, 2);
        let mut expected = start.O_T_EE;
        (expected[12], expected[14]) = (expected[12] + 0.3, expected[14] - 0.3);
        near("a quarter of a circle away", &lowest, &expected, 3e-3);
        near("back again", &robot.read_once().expect("a state").O_T_EE, &start.O_T_EE, 2e-3);
    });
}

#[test]
fn generate_cartesian_velocity_motion() {
    deadline(60, || {
        let (sim, mut robot) = robot_at([127, 0, 67, 5]);
        let stiffness = [3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0];
        robot.set_joint_impedance(stiffness).expect("stiffness");
        let start = go_to_start(
            &mut robot,
            [35.0, 35.0, 32.0, 30.0, 29.0, 27.0, 24.0],
            [40.0, 40.0, 40.0, 35.0, 35.0, 35.0],
        );
        let (mut time, mut lowest) = (0.0, start.O_T_EE);
        robot
            .control_cartesian_velocities(
                |state: &RobotState, step: &Duration| {
                    time += step.as_secs_f64();
                    if state.O_T_EE[14] < lowest[14] {
                        lowest = state.O_T_EE;
                    }
                    let v = there_and_back(time, 4.0, 0.1);
                    let (down, forth) = FRAC_PI_4.sin_cos();
                    let twist = [forth * v, 0.0, -down * v, 0.0, 0.0, 0.0];
                    let command = CartesianVelocities::new(twist, None);
                    if time >= 8.0 { command.motion_finished() } else { command }
                },
                None,
                None,
                None,
            )
            .unwrap_or_else(ended);
        ended_well(&sim, 2);
        let mut expected = start.O_T_EE;
        let away = 0.2 * FRAC_PI_4.sin();
        (expected[12], expected[14]) = (expected[12] + away, expected[14] - away);
        near("0.2 m down a slope", &lowest, &expected, 3e-3);
        near("back again", &robot.read_once().expect("a state").O_T_EE, &start.O_T_EE, 2e-3);
    });
}

#[test]
fn generate_elbow_motion() {
    deadline(60, || {
        let (sim, mut robot) = robot_at([127, 0, 67, 6]);
        let start = go_to_start(&mut robot, TORQUES, FORCES);
        let (mut time, mut pose, mut elbow) = (0.0, [0.0; 16], [0.0; 2]);
        let mut farthest = 0.0_f64;
        robot
            .control_cartesian_pose(
                |state: &RobotState, step: &Duration| {
                    time += step.as_secs_f64();
                    if time == 0.0 {
                        (pose, elbow) = (state.O_T_EE_c, state.elbow_c);
                    }
                    farthest = farthest.max(state.elbow_d[0] - elbow[0]);
                    near("the hand stays", &state.O_T_EE_d, &start.O_T_EE, 2e-3);
                    let angle = PI / 10.0 * (1.0 - (PI / 5.0 * time).cos());
                    let command = CartesianPose::new(pose, Some([elbow[0] + angle, elbow[1]]));
                    if time >= 10.0 { command.motion_finished() } else { command }
                },
                None,
                None,
                None,
            )
            .unwrap_or_else(ended);
        ended_well(&sim, 2);
        assert!((farthest - PI / 5.0).abs() < 5e-3, "the elbow swings out: {farthest} rad");
        near("back again", &robot.read_once().expect("a state").q_d, &Q_START, 5e-3);
    });
}

#[test]
fn communication_test() {
    deadline(120, || {
        let (sim, mut robot) = robot_at([127, 0, 67, 7]);
        go_to_start(&mut robot, TORQUES, FORCES);
        let (mut time_ms, mut states, mut sum, mut least, mut most) = (0, 0, 0.0, 1.0_f64, 0.0_f64);
        robot
            .control_torques(
                |state: &RobotState, step: &Duration| {
                    let nothing = Torques::new([0.0; 7]);
                    time_ms += step.as_millis();
                    if time_ms == 0 {
                        return nothing;
                    }
                    states += 1;
                    std::thread::sleep(Duration::from_micros(100)); // the example's own work
                    let rate = state.control_command_success_rate;
                    (sum, least, most) = (sum + rate, least.min(rate), most.max(rate));
                    if time_ms >= 10_000 { nothing.motion_finished() } else { nothing }
                },
                false,
                1000.0,
            )
            .unwrap_or_else(ended);
        assert_eq!(time_ms, states, "no state is lost");
        assert_eq!((sum / states as f64, least, most), (1.0, 1.0, 1.0), "every command is taken");
        ended_well(&sim, 2);
    });
}

#[test]
fn echo_robot_state() {
    deadline(20, || {
        let (_sim, mut robot) = robot_at([127, 0, 67, 8]);
        let mut count = 0;
        robot
            .read(|state| {
                assert!(format!("{state:?}").contains("robot_mode: Idle"));
                count += 1;
                count <= 100
            })
            .expect("states");
        assert_eq!(count, 101);
    });
}
