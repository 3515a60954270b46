//! The examples of libfranka-rs 0.9.0 that need the model library, written anew with their parameters: a Cartesian
//! spring made of torques, an arm that mirrors another, the poses of the joints, the download.
#![cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
#![allow(non_snake_case)] // Franka's symbols

mod sim_client;

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};
use std::io::Write;
use std::process::Command;
use std::sync::mpsc::{TryRecvError, channel};
use std::time::Duration;

use franka::{Frame, Model, MotionFinished, Robot, RobotState, Torques};
use franka_imit::kinematics::{Pose, from_column_major};
use franka_imit::robot::{Errors, Mode};
use franka_imit::sim::Options;
use nalgebra::{Quaternion, SMatrix, SVector, UnitQuaternion, Vector3, Vector6};
use sim_client::{connect, deadline, ended, lockstep, raw::Raw, sim_at, wait_for};

type Vector7 = SVector<f64, 7>;

const Q_START: [f64; 7] = [0.0, -FRAC_PI_4, 0.0, -3.0 * FRAC_PI_4, 0.0, FRAC_PI_2, FRAC_PI_4];

fn patient() -> Options {
    Options { lockstep_timeout_s: 2.0, ..lockstep() }
}

/// The library a robot at `address` serves. The driver's own `load_model` goes by a fixed path in `/tmp`, which tests
/// cannot share: [`download_model`] has it.
fn model(address: [u8; 4]) -> Model {
    let sim = sim_at(address, lockstep());
    let mut client = Raw::connect(&sim);
    client.request(13, &[0, 0]);
    let (_, _, answer) = client.answer();
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(&answer[1..]).expect("written");
    Model::new(file.path(), None).expect("the driver loads it")
}

fn pose(T: &[f64; 16]) -> Pose {
    from_column_major(T).expect("a pose")
}

/// What the examples set before they take over the torques.
fn set_up(robot: &mut Robot) {
    let (torques, forces) = ([100.0; 7], [100.0; 6]);
    robot
        .set_collision_behavior(torques, torques, torques, torques, forces, forces, forces, forces)
        .expect("thresholds");
    robot.set_joint_impedance([3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0]).expect("stiffness");
    robot.set_cartesian_impedance([3000.0, 3000.0, 3000.0, 300.0, 300.0, 300.0]).expect("stiffness");
}

/// A spring and a critical damper between the hand and `goal`; `stiffness` in N/m and Nm/rad. Also the Jacobian.
fn spring(
    model: &Model,
    state: &RobotState,
    goal: &Pose,
    stiffness: [f64; 2],
) -> (Vector7, SMatrix<f64, 6, 7>) {
    let J = SMatrix::from_column_slice(&model.zero_jacobian_from_state(&Frame::EndEffector, state));
    let here = pose(&state.O_T_EE);
    let position = here.translation.vector - goal.translation.vector;
    let mut between = here.rotation.inverse() * goal.rotation;
    if between.w < 0.0 {
        between = UnitQuaternion::new_unchecked(-between.into_inner());
    }
    let rotation = -(here.rotation * Vector3::new(between.i, between.j, between.k));
    let error = Vector6::new(position.x, position.y, position.z, rotation.x, rotation.y, rotation.z);
    let [k, k_turn] = stiffness;
    let K = Vector6::new(k, k, k, k_turn, k_turn, k_turn);
    let D = K.map(|k| 2.0 * k.sqrt());
    let speed = J * Vector7::from(state.dq);
    let task = J.transpose() * -(K.component_mul(&error) + D.component_mul(&speed));
    (task + Vector7::from(model.coriolis_from_state(state)), J)
}

#[test]
fn cartesian_impedance_control() {
    deadline(60, || {
        let model = model([127, 0, 67, 20]);
        let sim = sim_at([127, 0, 67, 21], patient());
        let mut robot = connect(&sim);
        set_up(&mut robot);
        let goal = pose(&robot.read_once().expect("a state").O_T_EE);
        let (mut time, mut pushed) = (0.0, 0.0);
        robot
            .control_torques(
                |state: &RobotState, step: &Duration| {
                    let before = time;
                    time += step.as_secs_f64();
                    if before < 1.0 && time >= 1.0 {
                        sim.push([0.0, 0.0, -15.0], 3.0);
                    }
                    if time < 3.9 {
                        pushed = goal.translation.z - state.O_T_EE[14];
                    }
                    let torques = Torques::new(spring(&model, state, &goal, [150.0, 10.0]).0.into());
                    if time >= 8.0 { torques.motion_finished() } else { torques }
                },
                None,
                None,
            )
            .unwrap_or_else(ended);
        assert!(
            (pushed - 15.0 / 150.0).abs() < 0.02,
            "the spring gives way by force over stiffness: {pushed} m"
        );
        let back = pose(&robot.read_once().expect("a state").O_T_EE).translation.vector;
        let left = (back - goal.translation.vector).norm();
        assert!(left < 0.02, "and returns but for friction: {left} m");
        let status = wait_for(&sim, "idle", |status| status.mode == Mode::Idle);
        assert_eq!((status.motions, status.errors), (1, Errors::default()));
    });
}

/// The pose a mirror in the plane y = 0 would show.
fn mirrored(T: &[f64; 16]) -> Pose {
    let mut pose = pose(T);
    pose.translation.y = -pose.translation.y;
    let turn = pose.rotation;
    pose.rotation = UnitQuaternion::from_quaternion(Quaternion::new(turn.w, -turn.i, turn.j, -turn.k));
    pose
}

#[test]
fn mirror_robot() {
    deadline(120, || {
        let model = model([127, 0, 67, 22]);
        let (guided, mirror) = (sim_at([127, 0, 67, 23], patient()), sim_at([127, 0, 67, 24], patient()));
        let (mut user, mut robot) = (connect(&guided), connect(&mirror));
        for robot in [&mut user, &mut robot] {
            set_up(robot);
            robot.joint_motion(0.1, &Q_START).expect("the motion to the start");
        }
        let (send, poses) = channel();
        let hand = std::thread::spawn(move || {
            let mut time = 0.0;
            user.control_torques(
                |state: &RobotState, step: &Duration| {
                    let before = time;
                    time += step.as_secs_f64();
                    if before < 0.5 && time >= 0.5 {
                        guided.push([0.0, 4.0, 0.0], 0.4);
                    }
                    let _ = send.send(state.O_T_EE); // the mirror is still there, or the test has failed already
                    let torques = Torques::new([0.0; 7]);
                    if time >= 4.0 { torques.motion_finished() } else { torques }
                },
                None,
                None,
            )
            .unwrap_or_else(ended);
        });
        let mut wanted = robot.read_once().expect("a state").O_T_EE;
        let mut quiet = 0.0;
        robot
            .control_torques(
                |state: &RobotState, step: &Duration| {
                    match poses.try_recv() {
                        Ok(next) => wanted = next,
                        Err(TryRecvError::Empty) => {}
                        Err(TryRecvError::Disconnected) => quiet += step.as_secs_f64(),
                    }
                    let (mut tau, J) = spring(&model, state, &mirrored(&wanted), [400.0, 50.0]);
                    let posture = 5.0 * (Vector7::from(Q_START) - Vector7::from(state.q));
                    let onto_task = J.transpose().pseudo_inverse(1e-3).expect("an inverse");
                    tau += posture - J.transpose() * (onto_task * posture);
                    let torques = Torques::new(tau.into());
                    if quiet >= 4.0 { torques.motion_finished() } else { torques }
                },
                None,
                None,
            )
            .unwrap_or_else(ended);
        hand.join().expect("the guided arm's motion");
        assert!(wanted[13] > 0.03, "the hand has moved the arm: y = {} m", wanted[13]);
        let end = pose(&robot.read_once().expect("a state").O_T_EE);
        let goal = mirrored(&wanted);
        let off = (end.translation.vector - goal.translation.vector).norm();
        assert!(off < 0.02, "the other shows its mirror image: {off} m off");
        assert!(end.rotation.angle_to(&goal.rotation) < 0.1, "{}", end.rotation.angle_to(&goal.rotation));
    });
}

#[test]
fn print_joint_poses() {
    deadline(20, || {
        let model = model([127, 0, 67, 25]);
        let sim = sim_at([127, 0, 67, 26], patient());
        let state = connect(&sim).read_once().expect("a state");
        let of = |frame: Frame| model.pose_from_state(&frame, &state);
        // d1 of the Panda's DH table; joint 2 turns about the same point.
        assert!((of(Frame::Joint1)[14] - 0.333).abs() < 1e-12);
        assert_eq!(of(Frame::Joint1)[12..], of(Frame::Joint2)[12..]);
        let joints = [Frame::Joint3, Frame::Joint4, Frame::Joint5, Frame::Joint6, Frame::Joint7];
        for frame in joints {
            assert!(of(frame)[14] > 0.333, "every joint of the ready arm is above the first");
        }
        for (got, expected) in of(Frame::EndEffector).iter().zip(&state.O_T_EE) {
            assert!((got - expected).abs() < 1e-12, "the hand is where the state says: {got}, {expected}");
        }
        let flange_to_hand = pose(&of(Frame::Flange)).inverse() * pose(&of(Frame::EndEffector));
        assert!((flange_to_hand.inverse() * pose(&state.F_T_EE)).translation.vector.norm() < 1e-12);
    });
}

const ALONE: &str = "FRANKA_IMIT_TEST_HAS_A_TMP_OF_ITS_OWN";

/// The driver's own download. It keeps the library at `/tmp/model.so` whoever asks, and loads what lies there already:
/// so this runs in a child with a `/tmp` of its own, where the system lets a user have one.
#[test]
fn download_model() {
    if std::env::var_os(ALONE).is_some() {
        let sim = sim_at([127, 0, 67, 27], patient());
        let mut robot = connect(&sim);
        let state = robot.read_once().expect("a state");
        let model = robot.load_model(true).expect("the library comes and loads");
        let O_T_EE = model.pose_from_state(&Frame::EndEffector, &state);
        assert!(O_T_EE.iter().zip(&state.O_T_EE).all(|(got, expected)| (got - expected).abs() < 1e-12));
        assert!(std::fs::metadata("/tmp/model.so").expect("kept").len() > 10_000);
        robot.read_once().expect("states go on");
        return;
    }
    let unshare = |command: &str, rest: &[&std::ffi::OsStr]| {
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", command, "sh"])
            .args(rest)
            .env(ALONE, "1")
            .status()
    };
    let mount = "mount -t tmpfs none /tmp";
    let test = std::env::current_exe().expect("this test");
    if test.starts_with("/tmp") || !unshare(mount, &[]).is_ok_and(|status| status.success()) {
        println!("not run: no /tmp of one's own on this system");
        return;
    }
    let command = format!("{mount} && exec \"$1\" --exact download_model --nocapture");
    let status = unshare(&command, &[test.as_os_str()]).expect("a child");
    assert!(status.success(), "{status}");
}
