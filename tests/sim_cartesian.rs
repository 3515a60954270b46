//! All twelve motions of the protocol, moved by libfranka-rs: four generators under three controllers.
#![allow(non_snake_case)]
mod sim_client;

use franka::exception::FrankaResult;
use franka::{
    CartesianPose, CartesianVelocities, ControllerMode, JointPositions, JointVelocities, MotionFinished,
    Robot, RobotState, Torques,
};
use franka_imit::robot::{Mode, limits};
use sim_client::raw::Raw;
use sim_client::{connect, deadline, in_driver, lockstep, sim_at, smooth, wait_for};
use std::time::Duration;

/// How a Cartesian motion moves: shift of the hand (m), turn about the base's z axis (rad), shift of the elbow (rad).
#[derive(Clone, Copy)]
struct Way {
    shift: [f64; 3],
    turn: f64,
    elbow: Option<f64>,
}

const AHEAD: Way = Way { shift: [0.05, 0.03, -0.04], turn: 0.0, elbow: None };

fn turned(T: [f64; 16], way: &Way, s: f64) -> [f64; 16] {
    let (sin, cos) = (way.turn * s).sin_cos();
    let mut out = T;
    for column in 0..3 {
        let (x, y) = (T[4 * column], T[4 * column + 1]);
        (out[4 * column], out[4 * column + 1]) = (cos * x - sin * y, sin * x + cos * y);
    }
    for i in 0..3 {
        out[12 + i] += way.shift[i] * s;
    }
    out
}

/// A pose motion from where the robot last was told to be, at rest at both ends.
fn pose_motion(way: Way, duration_s: f64) -> impl FnMut(&RobotState, &Duration) -> CartesianPose {
    let (mut start, mut time) = (None, 0.0);
    move |state: &RobotState, step: &Duration| {
        time += step.as_secs_f64();
        let (T, elbow) = *start.get_or_insert((state.O_T_EE_c, state.elbow_c));
        let s = smooth(time / duration_s);
        let elbow = way.elbow.map(|shift| [elbow[0] + shift * s, elbow[1]]);
        let command = CartesianPose::new(turned(T, &way, s), elbow);
        if time >= duration_s { command.motion_finished() } else { command }
    }
}

/// A twist pulse along z.
fn twist_motion(speed: f64, duration_s: f64) -> impl FnMut(&RobotState, &Duration) -> CartesianVelocities {
    let mut time = 0.0;
    move |_: &RobotState, step: &Duration| {
        time += step.as_secs_f64();
        let v = speed * (std::f64::consts::PI * (time / duration_s).min(1.0)).sin().powi(2);
        let command = CartesianVelocities::new([0.0, 0.0, v, 0.0, 0.0, 0.0], None);
        if time >= duration_s { command.motion_finished() } else { command }
    }
}

fn joint_motion(amplitude: f64, duration_s: f64) -> impl FnMut(&RobotState, &Duration) -> JointPositions {
    let (mut start, mut time) = (None, 0.0);
    move |state: &RobotState, step: &Duration| {
        time += step.as_secs_f64();
        let mut q: [f64; 7] = *start.get_or_insert(state.q_d);
        q[3] += amplitude * smooth(time / duration_s);
        let command = JointPositions::new(q);
        if time >= duration_s { command.motion_finished() } else { command }
    }
}

fn joint_pulse(speed: f64, duration_s: f64) -> impl FnMut(&RobotState, &Duration) -> JointVelocities {
    let mut time = 0.0;
    move |_: &RobotState, step: &Duration| {
        time += step.as_secs_f64();
        let mut dq = [0.0; 7];
        dq[6] = speed * (std::f64::consts::PI * (time / duration_s).min(1.0)).sin().powi(2);
        let command = JointVelocities::new(dq);
        if time >= duration_s { command.motion_finished() } else { command }
    }
}

/// A spring to the desired joints: a client's own impedance law.
fn spring(state: &RobotState, _: &Duration) -> Torques {
    let (k, d) =
        ([600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0], [50.0, 50.0, 50.0, 20.0, 20.0, 20.0, 10.0]);
    Torques::new(std::array::from_fn(|i| {
        k[i] * (state.q_d[i] - state.q[i]) + d[i] * (state.dq_d[i] - state.dq[i])
    }))
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// Runs a motion and holds that it ended well, with the hand `moved` by about this vector, within `room` m.
fn ends_well(
    address: [u8; 4],
    moved: [f64; 3],
    room: f64,
    motion: impl FnOnce(&mut Robot) -> FrankaResult<()> + Send + 'static,
) {
    let sim = sim_at(address, lockstep());
    deadline(30, move || {
        let mut robot = connect(&sim);
        let start = robot.read_once().expect("a state").O_T_EE;
        motion(&mut robot).expect("the motion ends with success");
        wait_for(&sim, "idle", |status| status.mode == Mode::Idle && status.errors.is_empty());
        let end = robot.read_once().expect("a state").O_T_EE;
        let goal: [f64; 3] = std::array::from_fn(|i| start[12 + i] + moved[i]);
        assert!(distance(&end[12..15], &goal) < room, "{} m off", distance(&end[12..15], &goal));
        assert!(distance(&end[12..15], &start[12..15]) > 0.01, "it moved");
        // And whatever ran, the robot is ready for the next.
        sim_client::swing(&mut robot, 1, 0.05, 0.5).expect("the next motion");
    });
}

#[test]
fn a_pose_motion_under_joint_impedance_ends_at_its_goal() {
    ends_well([127, 0, 23, 1], AHEAD.shift, 1e-3, |robot| {
        robot.control_cartesian_pose(pose_motion(AHEAD, 1.5), ControllerMode::JointImpedance, false, 1000.0)
    });
}

#[test]
fn a_pose_motion_under_cartesian_impedance_ends_at_its_goal() {
    ends_well([127, 0, 23, 2], AHEAD.shift, 2e-3, |robot| {
        robot.control_cartesian_pose(
            pose_motion(AHEAD, 1.5),
            ControllerMode::CartesianImpedance,
            false,
            1000.0,
        )
    });
}

#[test]
fn a_pose_motion_through_the_drivers_filter_and_limiter_ends_at_its_goal() {
    // Not exactly half a turn from the base: there the driver's filter loses the orientation (docs/fci-v5.md).
    let mut q = limits::Q_READY;
    (q[0], q[4], q[5]) = (0.05, 0.03, q[5] + 0.02);
    let sim = sim_at([127, 0, 23, 3], franka_imit::sim::Options { q_start_rad: q, ..lockstep() });
    deadline(30, move || {
        let mut robot = connect(&sim);
        let start = robot.read_once().expect("a state").O_T_EE_d;
        let mut motion = pose_motion(AHEAD, 1.5);
        let mut time = 0.0;
        robot
            .control_cartesian_pose(
                |state: &RobotState, step: &Duration| {
                    time += step.as_secs_f64();
                    // The filter lags: rest before the end.
                    let pose = CartesianPose::new(motion(state, step).O_T_EE, None);
                    if time >= 2.5 { pose.motion_finished() } else { pose }
                },
                None,
                None,
                None,
            )
            .expect("success");
        let end = robot.read_once().expect("a state").O_T_EE_d;
        assert!(distance(&end, &turned(start, &AHEAD, 1.0)) < 1e-3);
    });
}

#[test]
fn a_twist_motion_under_each_internal_controller_ends_at_its_goal() {
    for (last, mode) in [(4, ControllerMode::JointImpedance), (5, ControllerMode::CartesianImpedance)] {
        ends_well([127, 0, 23, last], [0.0, 0.0, 0.05], 2e-3, move |robot| {
            robot.control_cartesian_velocities(twist_motion(0.1, 1.0), mode, false, 1000.0)
        });
    }
}

#[test]
fn joint_motions_under_cartesian_impedance_end_with_success() {
    let sim = sim_at([127, 0, 23, 6], lockstep());
    deadline(30, move || {
        let mut robot = connect(&sim);
        let mode = ControllerMode::CartesianImpedance;
        robot.control_joint_positions(joint_motion(0.2, 1.0), mode, false, 1000.0).expect("positions");
        let mode = ControllerMode::CartesianImpedance;
        robot.control_joint_velocities(joint_pulse(0.4, 1.0), mode, false, 1000.0).expect("velocities");
        let q = robot.read_once().expect("a state").q;
        assert!((q[3] - limits::Q_READY[3] - 0.2).abs() < 0.01, "{}", q[3] - limits::Q_READY[3]);
        assert!((q[6] - limits::Q_READY[6] - 0.2).abs() < 0.01, "{}", q[6] - limits::Q_READY[6]);
    });
}

#[test]
fn a_torque_law_with_each_generator_follows_it() {
    let sim = sim_at([127, 0, 23, 7], lockstep());
    deadline(60, move || {
        let mut robot = connect(&sim);
        let start = robot.read_once().expect("a state");
        robot
            .control_torques_and_joint_positions(spring, joint_motion(0.2, 1.0), false, 1000.0)
            .expect("joint positions");
        robot
            .control_torques_and_joint_velocities(spring, joint_pulse(0.4, 1.0), false, 1000.0)
            .expect("joint velocities");
        let q = robot.read_once().expect("a state").q;
        assert!((q[3] - start.q[3] - 0.2).abs() < 0.01, "{}", q[3] - start.q[3]);
        assert!((q[6] - start.q[6] - 0.2).abs() < 0.02, "{}", q[6] - start.q[6]);
        let before = robot.read_once().expect("a state").O_T_EE;
        robot
            .control_torques_and_cartesian_pose(spring, pose_motion(AHEAD, 1.5), false, 1000.0)
            .expect("poses");
        robot
            .control_torques_and_cartesian_velocities(spring, twist_motion(0.1, 1.0), false, 1000.0)
            .expect("twists");
        let after = robot.read_once().expect("a state").O_T_EE;
        assert!((after[12] - before[12] - 0.05).abs() < 0.01, "{}", after[12] - before[12]);
        assert!((after[14] - before[14] - 0.01).abs() < 0.01, "{}", after[14] - before[14]);
        wait_for(&sim, "idle", |status| status.mode == Mode::Idle && status.errors.is_empty());
    });
}

#[test]
fn an_elbow_motion_moves_the_elbow_and_not_the_hand() {
    let sim = sim_at([127, 0, 23, 8], lockstep());
    deadline(30, move || {
        let mut robot = connect(&sim);
        let before = robot.read_once().expect("a state");
        let way = Way { shift: [0.0; 3], turn: 0.0, elbow: Some(0.3) };
        let mode = ControllerMode::JointImpedance;
        robot.control_cartesian_pose(pose_motion(way, 2.0), mode, false, 1000.0).expect("success");
        let after = robot.read_once().expect("a state");
        assert!((after.q_d[2] - before.q_d[2] - 0.3).abs() < 1e-9);
        assert!(distance(&after.O_T_EE_d, &before.O_T_EE_d) < 1e-9);
        assert!((after.elbow_d[0] - after.q_d[2]).abs() < 1e-15 && after.elbow_d[1] == -1.0);
    });
}

#[test]
fn a_turning_pose_motion_turns_the_hand() {
    let sim = sim_at([127, 0, 23, 9], lockstep());
    deadline(30, move || {
        let mut robot = connect(&sim);
        let before = robot.read_once().expect("a state").O_T_EE_d;
        let way = Way { shift: [0.0; 3], turn: 0.4, elbow: None };
        robot
            .control_cartesian_pose(pose_motion(way, 2.0), ControllerMode::JointImpedance, false, 1000.0)
            .expect("success");
        let after = robot.read_once().expect("a state").O_T_EE_d;
        assert!(distance(&after, &turned(before, &way, 1.0)) < 1e-9);
    });
}

#[test]
fn the_last_command_and_its_derivatives_stand_in_the_next_state() {
    let sim = sim_at([127, 0, 23, 10], lockstep());
    deadline(30, move || {
        let mut robot = connect(&sim);
        let mut motion = pose_motion(AHEAD, 1.5);
        let mut sent: Vec<[f64; 16]> = Vec::new();
        let mut worst = [0.0_f64; 3];
        robot
            .control_cartesian_pose(
                |state: &RobotState, step: &Duration| {
                    if let [.., c, b, a] = sent[..] {
                        let v = |x: &[f64; 16], y: &[f64; 16]| (y[14] - x[14]) / 1e-3;
                        let expected = [a[14], v(&b, &a), (v(&b, &a) - v(&c, &b)) / 1e-3];
                        let got = [state.O_T_EE_c[14], state.O_dP_EE_c[2], state.O_ddP_EE_c[2]];
                        for i in 0..3 {
                            worst[i] = worst[i].max((got[i] - expected[i]).abs());
                        }
                    }
                    let command = motion(state, step);
                    sent.push(command.O_T_EE);
                    command
                },
                ControllerMode::JointImpedance,
                false,
                1000.0,
            )
            .expect("success");
        assert!(worst[0] == 0.0 && worst[1] < 1e-9 && worst[2] < 1e-6, "{worst:?}");
    });
}

/// Moves the pose by `command(cycle, start)` and gives what the driver says of the end.
fn broken(
    address: [u8; 4],
    command: impl FnMut(u32, [f64; 16], [f64; 2]) -> CartesianPose + Send + 'static,
) -> String {
    let sim = sim_at(address, lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let (mut start, mut cycle, mut command) = (None, 0, command);
        let said = robot
            .control_cartesian_pose(
                |state: &RobotState, _: &Duration| {
                    cycle += 1;
                    let (pose, elbow) = *start.get_or_insert((state.O_T_EE_c, state.elbow_c));
                    command(cycle, pose, elbow)
                },
                ControllerMode::JointImpedance,
                false,
                1000.0,
            )
            .expect_err("the robot stops this")
            .to_string();
        wait_for(&sim, "reflex", |status| status.mode == Mode::Reflex);
        robot.automatic_error_recovery().expect("recovery");
        robot
            .control_cartesian_pose(pose_motion(AHEAD, 1.5), ControllerMode::JointImpedance, false, 1000.0)
            .expect("the next motion");
        said
    })
}

fn names(said: &str, expected: &[&str]) {
    for name in expected {
        assert!(said.contains(&in_driver(name)), "{name} is not in: {said}");
    }
}

fn shifted(mut pose: [f64; 16], x: f64) -> CartesianPose {
    pose[12] += x;
    CartesianPose::new(pose, None)
}

#[test]
fn a_first_pose_far_from_the_robot_is_named() {
    let said = broken([127, 0, 23, 20], |_, pose, _| shifted(pose, 0.2));
    names(&said, &["cartesian_position_motion_generator_start_pose_invalid"]);
}

#[test]
fn a_step_of_the_pose_is_named_a_discontinuity() {
    let said = broken([127, 0, 23, 21], |cycle, pose, _| shifted(pose, if cycle > 50 { 0.001 } else { 0.0 }));
    names(
        &said,
        &[
            "cartesian_motion_generator_velocity_discontinuity",
            "cartesian_motion_generator_acceleration_discontinuity",
        ],
    );
}

#[test]
fn a_pose_that_outruns_the_hand_is_named() {
    // Up to 3 m/s, within every other Cartesian limit; to the side, where the joints would allow it longest.
    let said = broken([127, 0, 23, 22], |cycle, pose, _| shifted(pose, 1e-3 * f64::from(cycle.max(50) - 50)));
    names(&said, &["cartesian_motion_generator_acceleration_discontinuity"]);
}

#[test]
fn a_frame_that_is_no_pose_is_named() {
    // The driver asserts this of its caller, so the bytes are written by hand.
    let sim = sim_at([127, 0, 23, 23], lockstep());
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let id = raw.request_move(0, 2);
        assert_eq!(raw.answer(), (1, id, vec![1]));
        while raw.state().motion_generator_mode as u8 != 3 {}
        for element in [0.0, f64::NAN] {
            let state = raw.state();
            let mut command = sim_client::raw::joint_positions(&state, [0.0; 7]);
            command.O_T_EE_c = state.O_T_EE_c;
            if element.is_nan() {
                command.O_T_EE_c[5] = element;
            }
            raw.command(&command);
        }
        assert_eq!(raw.answer(), (1, id, vec![6]));
        let errors = raw.state().errors;
        assert_eq!(
            errors.names().collect::<Vec<_>>(),
            ["cartesian_position_motion_generator_invalid_frame_flag"]
        );
    });
}

#[test]
fn an_elbow_that_starts_elsewhere_is_named() {
    let said =
        broken([127, 0, 23, 24], |_, pose, elbow| CartesianPose::new(pose, Some([elbow[0] + 0.3, elbow[1]])));
    names(&said, &["cartesian_motion_generator_start_elbow_invalid"]);
    let said =
        broken([127, 0, 23, 25], |_, pose, elbow| CartesianPose::new(pose, Some([elbow[0], -elbow[1]])));
    names(&said, &["start_elbow_sign_inconsistent"]);
}

#[test]
fn an_elbow_that_jumps_or_changes_sides_is_named() {
    let said = broken([127, 0, 23, 26], |cycle, pose, elbow| {
        CartesianPose::new(pose, Some([elbow[0] + if cycle > 50 { 0.01 } else { 0.0 }, elbow[1]]))
    });
    names(&said, &["cartesian_motion_generator_elbow_limit_violation"]);
    let said = broken([127, 0, 23, 27], |cycle, pose, elbow| {
        CartesianPose::new(pose, Some([elbow[0], if cycle > 50 { -elbow[1] } else { elbow[1] }]))
    });
    names(&said, &["cartesian_motion_generator_elbow_sign_inconsistent"]);
}

/// A move in +x with bounded acceleration (m/s²) and jerk (m/s³): faster, coasting, slower.
fn ramp(acceleration: f64, jerk: f64) -> impl FnMut(&RobotState, &Duration) -> CartesianPose {
    let rise = (acceleration / jerk * 1e3).round() as u32;
    let (hold, coast) = (40, 200);
    let faster = 2 * rise + hold;
    let (mut start, mut cycle, mut v, mut x) = (None, 0, 0.0, 0.0);
    move |state: &RobotState, _: &Duration| {
        let phase = |from: u32| {
            let t = cycle.clamp(from, from + faster) - from;
            f64::from(t.min(rise)) - f64::from(t.max(rise + hold) - rise - hold)
        };
        v += 1e-6 * jerk * (phase(0) - phase(faster + coast));
        x += 1e-3 * v;
        cycle += 1;
        let command = shifted(*start.get_or_insert(state.O_T_EE_c), x);
        if cycle > 2 * faster + coast { command.motion_finished() } else { command }
    }
}

#[test]
fn a_ramp_within_cartesian_limits_that_joint_2_cannot_follow_is_named_as_after_inverse_kinematics() {
    // As on a real Panda from the ready pose: 2.5 m/s² is refused, 1.5 m/s² passes.
    let sim = sim_at([127, 0, 23, 28], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mode = ControllerMode::JointImpedance;
        let said = robot.control_cartesian_pose(ramp(2.5, 500.0), mode, false, 1000.0).expect_err("stopped");
        let said = said.to_string();
        names(&said, &["cartesian_motion_generator_joint_velocity_discontinuity"]);
        assert!(!said.contains(&in_driver("cartesian_motion_generator_velocity_discontinuity")), "{said}");
    });
    let sim = sim_at([127, 0, 23, 29], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mode = ControllerMode::JointImpedance;
        robot.control_cartesian_pose(ramp(1.5, 200.0), mode, false, 1000.0).expect("success");
    });
}

#[test]
fn a_twist_that_jumps_is_named() {
    let sim = sim_at([127, 0, 23, 30], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut cycle = 0;
        let said = robot
            .control_cartesian_velocities(
                |_: &RobotState, _: &Duration| {
                    cycle += 1;
                    let v = if cycle > 50 { 0.02 } else { 0.0 };
                    CartesianVelocities::new([0.0, v, 0.0, 0.0, 0.0, 0.0], None)
                },
                ControllerMode::JointImpedance,
                false,
                1000.0,
            )
            .expect_err("stopped")
            .to_string();
        names(
            &said,
            &[
                "cartesian_motion_generator_velocity_discontinuity",
                "cartesian_motion_generator_acceleration_discontinuity",
            ],
        );
    });
}

#[test]
fn a_cartesian_motion_does_not_start_in_a_singular_pose() {
    // Stretched out: the elbow straight as far as it goes.
    let mut q = [0.0; 7];
    (q[3], q[5]) = (-0.0698, 0.0);
    let sim = sim_at([127, 0, 23, 31], franka_imit::sim::Options { q_start_rad: q, ..lockstep() });
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mode = ControllerMode::JointImpedance;
        let said = robot.control_cartesian_pose(pose_motion(AHEAD, 1.0), mode, false, 1000.0);
        let said = said.expect_err("refused").to_string();
        assert!(said.contains("singular"), "{said}");
        sim_client::swing(&mut robot, 1, 0.1, 0.5).expect("joints can move away from there");
    });
}
