//! The simulated Panda's bytes and timing, seen by a client made of sockets.
mod sim_client;

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use franka_imit::robot::limits::Q_READY;
use franka_imit::robot::{Errors, Mode};
use franka_imit::sim::wire::state::{ControllerMode, MotionGeneratorMode, RobotMode};
use franka_imit::sim::{Options, Pace, Sim};
use sim_client::raw::{Raw, joint_positions};
use sim_client::{deadline, lockstep, sim_at, smooth, wait_for};

/// A lockstep that waits long: a busy machine must not turn into a lost command.
fn patient() -> Options {
    Options { lockstep_timeout_s: 0.5, ..lockstep() }
}

fn f64_at(bytes: &[u8], offset: usize) -> f64 {
    f64::from_le_bytes(bytes[offset..offset + 8].try_into().expect("eight bytes"))
}

#[test]
fn a_state_has_its_values_at_the_offsets_of_the_protocol() {
    let sim = sim_at([127, 0, 1, 50], lockstep());
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let bytes = raw.state_bytes();
        assert_eq!(bytes.len(), 2373);
        for (joint, q) in Q_READY.iter().enumerate() {
            assert_eq!(f64_at(&bytes, 1184 + 8 * joint), *q);
            assert_eq!(f64_at(&bytes, 1240 + 8 * joint), *q);
        }
        assert_eq!(f64_at(&bytes, 776), 0.73);
        assert_eq!(f64_at(&bytes, 1872 + 16), -9.81);
        assert_eq!(f64_at(&bytes, 8 + 8 * 15), 1.0);
        assert_eq!(
            (bytes[2280], bytes[2281], bytes[2364]),
            (0, 3, 1),
            "generator idle, controller other, mode idle"
        );
        assert!(bytes[2282..2364].iter().all(|&flag| flag == 0));
    });
}

#[test]
fn states_come_at_one_kilohertz_with_consecutive_ids() {
    let sim = sim_at([127, 0, 1, 51], Options { pace: Pace::Realtime, ..lockstep() });
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let (first, start) = (raw.state().message_id, Instant::now());
        for n in 1..=1000 {
            assert_eq!(raw.state().message_id, first + n);
        }
        let late = sim.status().slips as f64 * 1e-3;
        let elapsed = start.elapsed().as_secs_f64();
        assert!(
            elapsed > 0.99 && (late > 0.0 || elapsed < 1.1),
            "{elapsed} s for 1000 states, {late} s slipped"
        );
    });
}

#[test]
fn answers_are_never_closer_than_two_milliseconds() {
    let sim = sim_at([127, 0, 1, 52], lockstep());
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let mut bytes = Vec::new();
        for _ in 0..10 {
            bytes.extend(raw.message(5, &[0; 56]));
        }
        let start = Instant::now();
        raw.tcp.write_all(&bytes).expect("ten requests in one write");
        for id in 1..=10 {
            assert_eq!(raw.answer(), (5, id, vec![0]));
        }
        assert!(start.elapsed() >= Duration::from_millis(18), "{:?}", start.elapsed());
    });
}

#[test]
fn a_stop_is_answered_first_and_the_motion_preempted_later() {
    let sim = sim_at([127, 0, 1, 53], lockstep());
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let (motion, _) = raw.start_motion();
        let stop = raw.request(2, &[]);
        assert_eq!(raw.answer(), (2, stop, vec![0]));
        let idle = loop {
            let state = raw.state();
            if state.robot_mode == RobotMode::Idle {
                break state;
            }
        };
        assert_eq!(idle.motion_generator_mode, MotionGeneratorMode::Idle);
        assert_eq!(idle.controller_mode, ControllerMode::Other);
        assert_eq!(raw.answer(), (1, motion, vec![2]));
    });
}

#[test]
fn the_first_state_that_leaves_a_motion_carries_the_reason() {
    let sim = sim_at([127, 0, 1, 54], patient());
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let (motion, mut state) = raw.start_motion();
        assert_eq!(
            (state.robot_mode, state.controller_mode),
            (RobotMode::Move, ControllerMode::JointImpedance)
        );
        for _ in 0..10 {
            raw.command(&joint_positions(&state, Q_READY));
            state = raw.state();
            assert_eq!(state.robot_mode, RobotMode::Move);
        }
        raw.command(&joint_positions(&state, [f64::NAN; 7]));
        state = raw.state();
        assert_eq!(state.robot_mode, RobotMode::Reflex);
        assert!(!state.errors.is_empty() && state.errors == state.reflex_reason);
        assert_eq!(state.motion_generator_mode, MotionGeneratorMode::Idle);
        assert!(state.q_d.iter().chain(&state.dq_d).chain(&state.O_T_EE_d).all(|value| value.is_finite()));
        assert_eq!(raw.answer(), (1, motion, vec![6]));
    });
}

#[test]
fn every_datagram_is_counted_once_as_what_it_is() {
    let sim = sim_at([127, 0, 1, 55], patient());
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let (_, state) = raw.start_motion();
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("a port");
        stranger.send_to(&joint_positions(&state, Q_READY).encode(), raw.robot_udp()).expect("sent");
        raw.udp.send_to(&[0; 369], raw.robot_udp()).expect("short");
        raw.udp.send_to(&[0; 371], raw.robot_udp()).expect("long");
        raw.udp.send_to(&[2; 370], raw.robot_udp()).expect("no bool");
        let mut old = joint_positions(&state, Q_READY);
        old.message_id -= 1;
        raw.command(&old);
        let mut early = joint_positions(&state, Q_READY);
        early.message_id += 7;
        raw.command(&early);
        raw.command(&joint_positions(&state, Q_READY));
        let next = raw.state();
        assert_eq!(next.message_id, state.message_id + 1);
        raw.command(&joint_positions(&state, Q_READY));
        raw.command(&joint_positions(&next, Q_READY));
        raw.state();
        let status = wait_for(&sim, "two accepted", |s| s.commands_received == 2);
        let counted = [
            status.commands_foreign,
            status.commands_malformed,
            status.commands_late,
            status.commands_unasked,
            status.commands_missed,
        ];
        assert_eq!(counted, [1, 3, 2, 1, 0]);
    });
}

#[test]
fn a_finish_from_the_motion_before_does_not_end_the_next() {
    let sim = sim_at([127, 0, 1, 56], patient());
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let (first, mut state) = raw.start_motion();
        let mut finished = joint_positions(&state, Q_READY);
        finished.motion_generation_finished = true;
        while state.robot_mode == RobotMode::Move {
            finished.message_id = state.message_id;
            raw.command(&finished);
            state = raw.state();
        }
        assert_eq!(raw.answer(), (1, first, vec![0]));
        let second = raw.request_move(0, 0);
        assert_eq!(raw.answer(), (1, second, vec![1]));
        for _ in 0..5 {
            raw.command(&finished);
        }
        while raw.state().robot_mode != RobotMode::Move {}
        state = raw.state();
        for _ in 0..50 {
            assert_eq!(state.robot_mode, RobotMode::Move);
            raw.command(&joint_positions(&state, Q_READY));
            state = raw.state();
        }
    });
}

#[test]
fn motions_this_robot_does_not_know_are_rejected_with_one_answer() {
    let sim = sim_at([127, 0, 1, 57], lockstep());
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        for (controller, generator, status) in [(3, 0, 5), (7, 0, 5), (0, 4, 5), (u32::MAX, 2, 5)] {
            let id = raw.request_move(controller, generator);
            assert_eq!(raw.answer(), (1, id, vec![status]), "controller {controller}, generator {generator}");
        }
        let (motion, _) = raw.start_motion();
        let again = raw.request_move(0, 0);
        assert_eq!(raw.answer(), (1, again, vec![3]), "one motion at a time");
        let setter = raw.request(5, &[0; 56]);
        assert_eq!(raw.answer(), (5, setter, vec![1]), "no setters in motion");
        let recovery = raw.request(12, &[]);
        assert_eq!(raw.answer(), (12, recovery, vec![1]), "nothing to recover from in motion");
        raw.request(2, &[]);
        raw.answer();
        assert_eq!(raw.answer(), (1, motion, vec![2]));
    });
}

#[test]
fn bytes_that_are_no_protocol_close_their_connection_and_nothing_else() {
    let sim = sim_at([127, 0, 1, 58], lockstep());
    deadline(20, move || {
        for garbage in [&[0xff_u8; 64][..], b"GET / HTTP/1.1\r\n\r\n", &[1, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0]]
        {
            let mut stream = TcpStream::connect(sim.address()).expect("the robot listens");
            stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
            stream.write_all(garbage).expect("sent");
            // Closed, by a reset when bytes were left unread.
            assert!(matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_)));
            assert!(sim.status().client.is_none());
        }
        let mut raw = Raw::connect(&sim);
        raw.request(99, &[]);
        wait_for(&sim, "an unknown command ends the session", |status| status.client.is_none());
        while TcpStream::connect(sim.address()).is_err() {
            std::thread::yield_now();
        }
        Raw::connect(&sim).state();
    });
}

#[test]
fn a_request_may_come_in_single_bytes() {
    let sim = sim_at([127, 0, 1, 59], lockstep());
    deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        raw.tcp.set_nodelay(true).expect("set");
        for byte in raw.message(5, &[0; 56]) {
            raw.tcp.write_all(&[byte]).expect("sent");
        }
        assert_eq!(raw.answer(), (5, 1, vec![0]));
    });
}

/// Every state of two motions of 600 cycles with losses and noise, from the first one that is answered.
fn run(sim: &Sim, unanswered: usize) -> Vec<Vec<u8>> {
    let mut raw = Raw::connect(sim);
    let mut states = Vec::new();
    for _ in 0..2 {
        let (_, mut state) = raw.start_motion();
        for _ in 0..unanswered {
            state = raw.state();
        }
        let (start, first_id) = (state.q_d, state.message_id);
        let mut cycle = 0;
        while state.robot_mode == RobotMode::Move {
            let mut bytes = state.encode().to_vec();
            bytes[..8].copy_from_slice(&(state.message_id - first_id).to_le_bytes());
            states.push(bytes);
            cycle += 1;
            let mut q_c = start;
            q_c[1] += 0.1 * smooth(f64::from(cycle) / 600.0);
            let mut command = joint_positions(&state, q_c);
            command.motion_generation_finished = cycle >= 600;
            raw.command(&command);
            state = raw.state();
        }
        assert_eq!(state.errors, Errors::default());
        raw.answer();
    }
    states
}

#[test]
fn the_same_seed_and_the_same_commands_give_the_same_states_bit_for_bit() {
    let options = |seed| Options { seed, q_noise_rad: 1e-5, command_loss: 0.02, ..patient() };
    let sims = [([127, 0, 1, 60], 7, 0), ([127, 0, 1, 61], 7, 2), ([127, 0, 1, 62], 8, 0)];
    let runs = sims.map(|(address, seed, unanswered)| {
        let sim = sim_at(address, options(seed));
        std::thread::spawn(move || deadline(60, move || run(&sim, unanswered)))
    });
    let [first, again, other] = runs.map(|run| run.join().expect("a run"));
    assert!(first.len() > 1200);
    assert_eq!(first.len(), again.len());
    for (cycle, (a, b)) in first.iter().zip(&again).enumerate() {
        assert!(a == b, "state {cycle} differs");
    }
    assert!(first != other, "another seed is another run");
}

#[test]
fn the_wire_log_has_every_state_and_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wire.jsonl");
    let sim = sim_at([127, 0, 1, 63], Options { wire_log: Some(path.clone()), ..patient() });
    let (states, commands) = deadline(20, move || {
        let mut raw = Raw::connect(&sim);
        let (_, mut state) = raw.start_motion();
        for _ in 0..100 {
            raw.command(&joint_positions(&state, Q_READY));
            state = raw.state();
        }
        sim.trigger_reflex(6);
        raw.command(&joint_positions(&state, Q_READY));
        let status = wait_for(&sim, "reflex", |status| status.mode == Mode::Reflex);
        raw.answer();
        (status.states_sent, status.commands_received)
    });
    let text = std::fs::read_to_string(path).expect("the log");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.first().expect("a header")["schema"], 2);
    assert_eq!(lines.last().expect("an end")["dropped"], 0);
    let of =
        |kind: &'static str| lines.iter().filter_map(move |line| line.get(kind).map(|what| (line, what)));
    assert!(of("state").count() as u64 >= states, "{} of {states}", of("state").count());
    assert_eq!(of("command").filter(|(line, _)| line["receipt"] == "Accepted").count() as u64, commands);
    assert!(of("state").any(|(_, state)| state["errors"] == serde_json::json!(["joint_reflex"])));
    // Every field of the protocol, by its name, and the time of each line.
    let (line, state) = of("state").next().expect("a state");
    assert_eq!(state.as_object().expect("fields").len(), 46);
    assert_eq!(state["O_T_EE_c"].as_array().expect("a pose").len(), 16);
    assert!(line["sent_us"].is_u64());
    let (_, command) = of("command").next().expect("a command");
    assert_eq!(command["q_c"], serde_json::json!(Q_READY));
    assert_eq!(command.as_object().expect("fields").len(), 9);
    let times: Vec<u64> = of("state").map(|(line, _)| line["sent_us"].as_u64().expect("us")).collect();
    assert!(times.is_sorted());
    // And what was asked and answered over TCP.
    assert!(of("request").any(|(_, request)| request["Move"]["motion_generator_mode"] == 0));
    let answers: Vec<String> = of("response").map(|(_, response)| response.to_string()).collect();
    assert_eq!(answers, [r#"{"Move":"MotionStarted"}"#, r#"{"Move":"ReflexAborted"}"#]);
}
