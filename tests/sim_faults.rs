//! Faults of datagrams: what a client sees of each, what the simulator counts, and that it serves the next client.
//!
//! Where libfranka-rs 0.9.0 hangs or panics by its own doing, a client made of bytes looks instead.
mod sim_client;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use franka_imit::robot::limits::Q_READY;
use franka_imit::sim::faults::{Kind, Target};
use franka_imit::sim::wire::{RobotState, state};
use franka_imit::sim::{Options, Sim};
use sim_client::faults::{fault, next_client_moves, patient, sim_with, swing_with};
use sim_client::raw::{Raw, joint_positions};
use sim_client::{connect, deadline, sim_at, swing, wait_for};

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
