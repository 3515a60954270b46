//! Faults on order: what a client sees of each, what the simulator counts, and that it serves the next client.
//!
//! Where libfranka-rs 0.9.0 hangs or panics by its own doing, a client made of bytes looks instead.
mod sim_client;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use franka::exception::FrankaException;
use franka::{RealtimeConfig, Robot};
use franka_imit::robot::limits::Q_READY;
use franka_imit::robot::{ERROR_NAMES, Errors, Mode};
use franka_imit::sim::faults::{Kind, Target, help};
use franka_imit::sim::wire::commands::LoadModelLibrary;
use franka_imit::sim::wire::{RobotState, state};
use franka_imit::sim::{Fault, Options, Sim};
use sim_client::raw::{Raw, joint_positions};
use sim_client::{connect, deadline, in_driver, lockstep, sim_at, swing, wait_for};

/// Lockstep in which no busy machine costs a command.
fn patient() -> Options {
    Options { lockstep_timeout_s: 2.0, ..lockstep() }
}

fn fault(spec: &str) -> Fault {
    spec.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn sim_with(last: u8, specs: &[&str]) -> Sim {
    sim_at(
        [127, 0, 42, last],
        Options { faults: specs.iter().map(|spec| fault(spec)).collect(), ..patient() },
    )
}

/// A client that comes after whatever happened: it is served, recovers, moves.
fn next_client_moves(sim: &Sim) {
    sim.clear_faults();
    let start = Instant::now();
    while TcpStream::connect(sim.address()).is_err() {
        assert!(start.elapsed() < Duration::from_secs(5), "the robot listens again");
        std::thread::yield_now();
    }
    let mut robot = connect(sim);
    robot.automatic_error_recovery().expect("recovery");
    swing(&mut robot, 0, 0.1, 0.5).expect("the next motion");
}

/// Lets the client see `spec` in a motion of 1 s: what the motion ended with and what was injected.
fn swing_with(last: u8, spec: &'static str) -> (Sim, Result<(), String>, u64) {
    let sim = sim_with(last, &[spec]);
    deadline(60, move || {
        let mut robot = connect(&sim);
        let result = swing(&mut robot, 0, 0.02, 1.0).map_err(|error| error.to_string());
        drop(robot);
        let status = wait_for(&sim, "the client has gone", |status| status.client.is_none());
        let injected =
            status.injected.all().filter(|(name, _)| !name.contains("mute-udp:")).map(|(_, n)| n).sum();
        (sim, result, injected)
    })
}

#[test]
fn lost_states_and_commands_are_missed_commands_one_for_one() {
    for (last, spec) in [
        (1, "drop:state@motion+10ms:for=900ms:p=5%"),
        (2, "drop:command@motion+10ms:for=900ms:p=5%"),
        (3, "burst:state@motion+0.5s:n=15"),
        (4, "burst:command@motion+0.5s:n=15"),
    ] {
        let (sim, result, injected) = swing_with(last, spec);
        assert_eq!(result, Ok(()), "{spec}");
        assert!(injected >= 15, "{spec}: {injected}");
        assert_eq!(sim.status().commands_missed, injected, "{spec}");
        next_client_moves(&sim);
    }
}

#[test]
fn a_burst_of_twenty_is_a_reflex_by_name() {
    let (sim, result, injected) = swing_with(5, "burst:command:n=20@motion+0.5s");
    let error = result.expect_err("a reflex");
    assert!(error.contains("CommunicationConstraintsViolation"), "{error}");
    assert_eq!(injected, 20);
    next_client_moves(&sim);
}

#[test]
fn in_lockstep_what_is_held_back_is_overtaken_and_late_one_for_one() {
    for (last, spec) in
        [(6, "delay:state@motion+10ms:for=900ms:ms=2:p=2%"), (7, "reorder:state@motion+10ms:for=900ms:p=5%")]
    {
        let (sim, result, injected) = swing_with(last, spec);
        assert_eq!(result, Ok(()), "{spec}");
        let status = sim.status();
        assert!(
            injected > 5 && status.commands_missed == injected && status.states_overtaken == injected,
            "{status:?}"
        );
        next_client_moves(&sim);
    }
    for (last, spec) in [
        (8, "delay:command@motion+10ms:for=900ms:ms=2:p=2%"),
        (9, "reorder:command@motion+10ms:for=900ms:p=5%"),
        (10, "duplicate:command@motion+10ms:for=900ms:p=5%"),
    ] {
        let (sim, result, injected) = swing_with(last, spec);
        assert_eq!(result, Ok(()), "{spec}");
        let status = sim.status();
        let counted = if spec.starts_with("dup") { status.commands_duplicate } else { status.commands_late };
        assert!(injected > 5 && counted == injected, "{spec}: {status:?}");
        next_client_moves(&sim);
    }
}

#[test]
fn jitter_and_doubled_states_are_survived() {
    for (last, spec) in [
        (11, "jitter:state@motion:ms=2:p=5%"),
        (12, "duplicate:state:p=5%"),
        (13, "jitter:command@motion:ms=3:p=5%"),
    ] {
        let (sim, result, injected) = swing_with(last, spec);
        assert_eq!(result, Ok(()), "{spec}");
        assert!(injected > 5, "{spec}");
        next_client_moves(&sim);
    }
}

#[test]
fn in_real_time_a_delayed_state_comes_after_newer_ones() {
    let options = Options { faults: vec![fault("delay:state:ms=5:p=10%:n=50")], ..Options::default() };
    let sim = sim_at([127, 0, 42, 14], options);
    deadline(30, move || {
        let mut raw = Raw::connect(&sim);
        let (mut newest, mut overtaken, mut end) = (0, 0, u64::MAX);
        while newest < end {
            let id = raw.state().message_id;
            overtaken += u64::from(id < newest);
            newest = newest.max(id);
            if end == u64::MAX && sim.status().injected.of(Kind::Delay, Some(Target::State)) == 50 {
                end = sim.status().time_ms + 100; // all of them have come by then
            }
        }
        assert!(overtaken > 0);
        assert_eq!(overtaken, sim.status().states_overtaken);
    });
}

#[test]
fn in_real_time_a_delayed_command_comes_late() {
    let options = Options { faults: vec![fault("delay:command:ms=20:n=3@motion+2ms")], ..Options::default() };
    let sim = sim_at([127, 0, 42, 15], options);
    deadline(30, move || {
        let mut raw = Raw::connect(&sim);
        let (_, mut state) = raw.start_motion();
        let start = Instant::now();
        while sim.status().commands_late < 3 {
            assert!(start.elapsed() < Duration::from_secs(10), "{:?}", sim.status());
            raw.command(&joint_positions(&state, state.q_d));
            state = raw.state();
        }
        let status = sim.status();
        assert_eq!(status.injected.of(Kind::Delay, Some(Target::Command)), 3);
        assert!(status.commands_missed >= 3);
    });
}

#[test]
fn a_byte_of_a_field_that_tells_a_number_does_not_end_a_motion() {
    let (sim, result, injected) = swing_with(16, "corrupt:state:offset=1672:bytes=8@motion+0.5s");
    assert_eq!((result, injected), (Ok(()), 1));
    next_client_moves(&sim);
}

#[test]
fn corrupt_bytes_are_as_many_as_said_and_where_it_was_said() {
    let sim = sim_with(17, &["corrupt:state:bytes=3:offset=2364", "corrupt:state:p=0"]);
    let sim = deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let bytes = raw.state_bytes();
        assert_eq!(
            RobotState::decode(&bytes).expect_err("an unknown mode").to_string(),
            "RobotState: the bytes of `robot_mode` hold no valid value"
        );
        drop(raw);
        sim
    });
    next_client_moves(&sim);
}

#[test]
fn a_driver_that_panics_over_a_mode_it_does_not_know_leaves_a_robot_that_serves() {
    let sim = sim_with(18, &["corrupt:state:offset=2364@motion+0.3s"]);
    let sim = deadline(30, move || {
        let mut robot = connect(&sim);
        let panicked = catch_unwind(AssertUnwindSafe(|| swing(&mut robot, 0, 0.1, 1.0)));
        assert!(panicked.is_err(), "libfranka-rs 0.9.0 unwraps what it cannot read");
        drop(robot);
        wait_for(&sim, "the client has gone", |status| status.client.is_none());
        sim
    });
    next_client_moves(&sim);
}

#[test]
fn a_datagram_of_another_length_is_named_by_the_client_or_counted_by_the_robot() {
    let (sim, result, _) = swing_with(19, "wrong-length:state:length=100@motion+0.3s");
    let error = result.expect_err("a short state ends the motion");
    assert!(error.contains("100 bytes"), "{error}");
    next_client_moves(&sim);
    let (sim, result, _) = swing_with(20, "wrong-length:state:length=3000@motion+0.3s");
    assert_eq!(result, Ok(()), "the driver cuts what is too long");
    next_client_moves(&sim);
    for (last, spec) in
        [(21, "wrong-length:command@motion+0.3s"), (22, "corrupt:command:offset=312@motion+0.3s")]
    {
        let (sim, result, injected) = swing_with(last, spec);
        assert_eq!((result, injected), (Ok(()), 1));
        let status = sim.status();
        assert_eq!((status.commands_malformed, status.commands_missed), (1, 1), "{spec}");
        next_client_moves(&sim);
    }
}

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
fn a_state_with_a_huge_message_id_is_followed_by_the_usual_ones() {
    let sim = sim_with(28, &["huge-message-id@motion+5ms"]);
    let sim = deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let (_, mut state) = raw.start_motion();
        let mut last = 0;
        while state.message_id != u64::MAX {
            last = state.message_id;
            raw.command(&joint_positions(&state, Q_READY));
            state = raw.state();
        }
        raw.command(&joint_positions(&state, Q_READY));
        wait_for(&sim, "nobody asked for that", |status| status.commands_unasked == 1);
        let mut answer = joint_positions(&state, Q_READY);
        answer.message_id = last + 1;
        raw.command(&answer);
        assert_eq!(raw.state().message_id, last + 2);
        sim
    });
    next_client_moves(&sim);
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

/// What a motion of 600 cycles shows and suffers, from its first command on.
fn run(sim: &Sim, unanswered: u32) -> Vec<Vec<u8>> {
    let mut raw = Raw::connect(sim);
    let (_, mut state) = raw.start_motion();
    for _ in 0..unanswered {
        state = raw.state();
    }
    let first = state.message_id;
    let mut seen = Vec::new();
    while state.message_id < first + 600 {
        raw.command(&joint_positions(&state, Q_READY));
        // A state whose mode or flags are broken cannot be answered by its id; the next one can.
        let mut bytes = raw.state_bytes();
        while RobotState::decode(&bytes).is_err() {
            seen.push(bytes[8..].to_vec());
            bytes = raw.state_bytes();
        }
        state = RobotState::decode(&bytes).expect("just read");
        let mut told = bytes;
        let since = state.message_id - first;
        told[state::at::message_id].copy_from_slice(&since.to_le_bytes());
        seen.push(told);
    }
    seen
}

#[test]
fn the_same_seed_is_the_same_faults_bit_for_bit_in_lockstep() {
    let specs = [
        "drop:state:p=5%",
        "reorder:state:p=2%",
        "drop:command:p=3%",
        "duplicate:state:p=3%",
        "burst:command:n=4:p=0.5%",
        "corrupt:state:offset=1672:bytes=4:p=2%",
    ];
    let runs = [(38, 7, 0), (39, 7, 3), (40, 8, 0)].map(|(last, seed, unanswered)| {
        let faults = specs.iter().map(|spec| fault(&spec.replacen(':', "@motion+1ms:", 1))).collect();
        let sim = sim_at([127, 0, 42, last], Options { seed, faults, q_noise_rad: 1e-5, ..patient() });
        std::thread::spawn(move || deadline(60, move || run(&sim, unanswered)))
    });
    let [first, again, other] = runs.map(|run| run.join().expect("a run"));
    assert!(first.len() > 400);
    assert_eq!(first.len(), again.len());
    for (i, (a, b)) in first.iter().zip(&again).enumerate() {
        assert!(a == b, "datagram {i} differs");
    }
    assert!(first != other, "another seed is another run");
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
