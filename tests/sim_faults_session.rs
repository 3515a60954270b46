//! Faults of answers, connections and the robot itself: what a client sees of each, and that the next one is served.
//!
//! Where libfranka-rs 0.9.0 hangs or panics by its own doing, a client made of bytes looks instead.
mod sim_client;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use franka::exception::FrankaException;
use franka::{RealtimeConfig, Robot};
use franka_imit::robot::limits::Q_READY;
use franka_imit::robot::{ERROR_NAMES, Errors, Mode};
use franka_imit::sim::faults::{Kind, Target, help};
use franka_imit::sim::wire::RobotState;
use franka_imit::sim::wire::commands::LoadModelLibrary;
use sim_client::faults::{fault, next_client_moves, sim_with, swing_with};
use sim_client::raw::{Raw, joint_positions};
use sim_client::{connect, deadline, in_driver, swing, wait_for};

#[test]
fn an_answer_can_get_lost_doubled_late_cut_and_corrupt() {
    let mut load = vec![0; 104];
    load[..8].copy_from_slice(&0.5_f64.to_le_bytes());
    for (last, spec) in [
        (23, "drop:reply:n=1"),
        (24, "duplicate:reply:n=1"),
        (25, "delay:reply:ms=50:n=1"),
        (26, "corrupt:reply:offset=12:n=1"),
        (27, "wrong-length:reply:n=1"),
    ] {
        let sim = sim_with(last, &[spec]);
        let load = load.clone();
        deadline(20, move || {
            let mut raw = Raw::connect(&sim);
            let id = raw.request(10, &load);
            match spec.split(':').next() {
                Some("drop") => {}
                Some("duplicate") => {
                    assert_eq!((raw.answer(), raw.answer()), ((10, id, vec![0]), (10, id, vec![0])))
                }
                Some("delay") => assert_eq!(raw.answer(), (10, id, vec![0])),
                Some("corrupt") => assert_ne!(raw.answer().2, [0]),
                _ => {
                    let mut header = [0; 12];
                    raw.tcp.read_exact(&mut header).expect("the header");
                    assert_eq!(header[8..], [13, 0, 0, 0], "it still says how long it was");
                    assert_eq!(raw.request(10, &load), id + 1);
                    let mut next = [0; 13];
                    raw.tcp.read_exact(&mut next).expect("what comes next");
                    assert_eq!(next[..4], [10, 0, 0, 0], "the next answer stands in its place");
                    return assert_eq!(sim.status().injected.of(Kind::WrongLength, Some(Target::Reply)), 1);
                }
            }
            let id = raw.request(10, &load);
            assert_eq!(raw.answer(), (10, id, vec![0]), "{spec}: the second answer is whole");
        });
    }
}

#[test]
fn a_robot_mute_for_a_while_is_a_time_out_and_then_speaks_again() {
    let (sim, result, injected) = swing_with(29, "mute-udp@motion+0.3s:for=1.3s");
    let error = result.expect_err("no states");
    assert!(error.contains("timeout"), "{error}");
    assert_eq!(injected, 1);
    assert_eq!(sim.status().injected.of(Kind::MuteUdp, Some(Target::State)), 1300);
    next_client_moves(&sim);
}

#[test]
fn a_mute_robot_answers_over_tcp_unless_all_of_it_is_mute() {
    for (last, spec, answers) in [(30, "mute-udp", true), (31, "mute-all", false)] {
        let sim = sim_with(last, &[]);
        let sim = deadline(20, move || {
            let mut raw = Raw::connect(&sim);
            raw.state();
            sim.inject(fault(spec));
            wait_for(&sim, "mute", |status| {
                status.injected.all().any(|(name, count)| name.ends_with(":state") && count > 20)
            });
            raw.tcp.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out");
            let id = raw.request(2, &[]);
            let heard = raw.tcp.peek(&mut [0; 13]);
            assert_eq!(heard.is_ok(), answers, "{spec}: {heard:?}");
            sim.clear_faults();
            raw.tcp.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
            assert_eq!(raw.answer(), (2, id, vec![0]), "what was asked is answered in the end");
            raw.udp.set_nonblocking(true).expect("a flag");
            while raw.udp.recv_from(&mut [0; 4096]).is_ok() {}
            raw.udp.set_nonblocking(false).expect("a flag");
            raw.state();
            sim.inject(fault(spec));
            wait_for(&sim, "mute again", |status| {
                status.injected.all().any(|(name, count)| name == spec && count == 2)
            });
            drop(raw);
            wait_for(&sim, "the client has gone", |status| status.client.is_none());
            sim
        });
        next_client_moves(&sim);
    }
}

#[test]
fn a_connection_can_be_reset_or_closed() {
    for (last, spec) in [(32, "tcp-reset@motion+10ms"), (33, "tcp-close@motion+10ms")] {
        let sim = sim_with(last, &[spec]);
        let sim = deadline(20, move || {
            let mut raw = Raw::connect(&sim);
            let (_, mut state) = raw.start_motion();
            raw.udp.set_read_timeout(Some(Duration::from_millis(500))).expect("a time-out");
            let mut bytes = [0; 4096];
            loop {
                raw.command(&joint_positions(&state, Q_READY));
                let Ok(length) = raw.udp.recv(&mut bytes) else { break };
                state = RobotState::decode(&bytes[..length]).expect("a state");
            }
            let read = raw.tcp.read(&mut bytes);
            match spec.starts_with("tcp-reset") {
                true => assert_eq!(read.expect_err("reset").kind(), ErrorKind::ConnectionReset),
                false => assert_eq!(read.expect("closed in order"), 0),
            }
            let status = wait_for(&sim, "the robot stops", |status| status.mode == Mode::Reflex);
            assert_eq!(status.errors.names().collect::<Vec<_>>(), ["communication_constraints_violation"]);
            assert!(status.client.is_none());
            sim
        });
        next_client_moves(&sim);
    }
}

#[test]
fn another_version_is_told_once_and_then_the_client_is_let_in() {
    let sim = sim_with(34, &["wrong-version:version=7"]);
    let sim = deadline(20, move || {
        match Robot::new(&sim.ip().to_string(), RealtimeConfig::Ignore, 1) {
            Err(FrankaException::IncompatibleLibraryVersionError { server_version, .. }) => {
                assert_eq!(server_version, 7);
            }
            Err(other) => panic!("another error: {other}"),
            Ok(_) => panic!("connected to a robot of version 7"),
        }
        sim
    });
    next_client_moves(&sim);
}

#[test]
fn a_model_too_large_says_how_large_it_is() {
    let sim = sim_with(35, &["model-too-large:size=300kB:n=1"]);
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let ask = LoadModelLibrary { architecture: 0, system: 0 }.encode();
        raw.request(13, &ask);
        let large = raw.answer().2;
        raw.request(13, &ask);
        let usual = raw.answer().2;
        assert_eq!(large.len(), 300_000 - 12);
        assert!(
            usual.len() < 70_000 && large.starts_with(&usual) && large[usual.len()..].iter().all(|b| *b == 0)
        );
    });
}

#[test]
fn each_error_of_the_robot_reaches_the_client_by_name() {
    // Where the driver has a name of its own for an error.
    let renamed = [
        (
            "cartesian_position_motion_generator_invalid_frame_flag",
            "CartesianPositionMotionGeneratorInvalidFrame",
        ),
        ("joint_p2p_insufficient_torque_for_planning", "JointP2PInsufficientTorqueForPlanning"),
        ("instability_detected", "InstabilityDetection"),
        ("cartesian_spline_motion_generator_violation", "CartesianSplineViolation"),
        ("joint_via_motion_generator_planning_joint_limit_violation", "JointViaPlanLimitViolation"),
    ];
    let sim = sim_with(36, &[]);
    deadline(120, move || {
        let mut robot = connect(&sim);
        for (index, name) in ERROR_NAMES.iter().enumerate() {
            sim.inject(fault(&format!("reflex={name}@motion+50ms")));
            let error = swing(&mut robot, 0, 0.1, 1.0).expect_err("a reflex").to_string();
            let status = wait_for(&sim, "the error", |status| status.errors == Errors(1 << index));
            let said = renamed
                .iter()
                .find(|(known, _)| known == name)
                .map_or(in_driver(name), |(_, said)| (*said).to_owned());
            assert!(error.contains(&format!("\"{said}\"")), "{name}: {error}");
            assert_eq!(status.injected.of(Kind::Reflex, None), index as u64 + 1);
            robot.automatic_error_recovery().expect("recovery");
        }
    });
}

#[test]
fn a_user_stop_of_a_second_ends_the_motion_and_then_itself() {
    let (sim, result, injected) = swing_with(37, "user-stop@motion+0.3s:for=1s");
    let error = result.expect_err("stopped");
    assert!(error.contains("User Stop pressed"), "{error}");
    assert_eq!(injected, 1);
    wait_for(&sim, "released", |status| status.mode == Mode::Idle);
    next_client_moves(&sim);
}

#[test]
fn a_running_simulator_takes_faults_as_orders_and_says_what_it_has_done() {
    let mut sim = Command::new(env!("CARGO_BIN_EXE_franka-imit"))
        .args(["sim", "--bind", "127.0.42.41", "--fault", "reflex=joint_reflex", "--duration-s", "30"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the simulator starts");
    let mut orders = sim.stdin.take().expect("its input");
    let mut answers = BufReader::new(sim.stdout.take().expect("its output")).lines();
    deadline(40, move || {
        writeln!(orders, "fault user-stop\nfault tcp-rset\nfault help").expect("it reads");
        let mut heard = String::new();
        while !heard.contains(&help()) {
            heard += &(answers.next().expect("an answer").expect("text") + "\n");
        }
        let status = loop {
            writeln!(orders, "status").expect("it reads");
            let line = answers.next().expect("an answer").expect("text");
            let status: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            if status["injected"]["user-stop"] == 1 {
                break status;
            }
        };
        assert_eq!(status["injected"], serde_json::json!({"reflex": 1, "user-stop": 1}));
        assert_eq!(status["mode"], "UserStopped");
        assert_eq!(status["errors"], serde_json::json!(["joint_reflex"]));
        writeln!(orders, "quit").expect("it reads");
        let mut complained = String::new();
        sim.stderr.take().expect("its complaints").read_to_string(&mut complained).expect("text");
        assert!(
            complained.contains("`tcp-rset` is no kind of fault; did you mean `tcp-reset`?"),
            "{complained}"
        );
        assert!(sim.wait().expect("it ends").success());
    });
}

#[test]
fn the_page_about_faults_tells_of_every_kind() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/faults.md")).expect("the page");
    assert!(
        page.contains(&help()),
        "made anew by: cargo run --release --example fault_table > docs/faults.md"
    );
    for kind in Kind::all() {
        assert!(page.contains(&format!("| `{}", kind.name())), "{} has a line in the table", kind.name());
    }
    for name in ERROR_NAMES {
        assert!(page.contains(&format!("`reflex={name}@")), "{name} has a line in the table");
    }
}
