//! Mutated datagrams while a motion runs and mutated streams on fresh connections, against the running robot: it lives,
//! keeps nothing of them, and serves the next client. A binary of its own, since it counts what the process holds.
//!
//! A million of each, a few minutes, prints its counts: `cargo test --release --test sim_hardness -- --ignored --nocapture`.
mod sim_client;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use franka::{RealtimeConfig, Robot};
use franka_imit::robot::Mode;
use franka_imit::sim::wire::commands::{Connect, Header};
use franka_imit::sim::wire::state::RobotMode;
use franka_imit::sim::{Options, Sim};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use sim_client::process::{Held, reset};
use sim_client::raw::{Raw, joint_positions};
use sim_client::{deadline, lockstep, sim_at, swing, wait_for};

/// Datagrams sent for one state.
const BURST: u64 = 50;
/// Every so many states the mutated ones come before the good one and may be taken for it.
const FIRST: u64 = 10;
/// Every so many streams begin with a good Connect and go on as a session.
const SESSIONS: u64 = 50;
/// Payloads of the commands 0 to 13, bytes.
const LENGTHS: [usize; 14] = [4, 56, 0, 4, 416, 56, 48, 7, 128, 128, 104, 40, 0, 2];

#[test]
fn mutated_datagrams_and_streams_are_survived() {
    let sims = sims(2, 0);
    deadline(120, move || harden(&sims, 20_000, 2_000));
}

#[test]
#[ignore = "minutes: a million datagrams and a million streams"]
fn a_million_mutated_datagrams_and_a_million_streams_are_survived() {
    let sims = sims(4, 100);
    deadline(3600, move || harden(&sims, 1_000_000, 1_000_000));
}

fn sims(count: u8, from: u8) -> Vec<Sim> {
    let options = Options { recovery_delay_s: 0.0, lockstep_timeout_s: 0.5, ..lockstep() };
    (1..=count).map(|n| sim_at([127, 0, 69, from + n], options.clone())).collect()
}

/// Sends at least so many of each, a client thread a robot.
fn harden(sims: &[Sim], datagrams: u64, streams: u64) {
    let share = |all: u64| all.div_ceil(sims.len() as u64);
    let round = |datagrams, streams, seed: u64| {
        std::thread::scope(|scope| {
            for (i, sim) in sims.iter().enumerate() {
                let seed = seed + i as u64;
                scope.spawn(move || {
                    mutated_datagrams(sim, datagrams, seed);
                    mutated_streams(sim, streams, seed);
                });
            }
        });
    };
    let (start, idle) = (Instant::now(), Held::now());
    round(share(datagrams).min(10_000), share(streams).min(2_000), 1000); // buffers grow to their size the first time
    let before = Held::back_to(&idle, "after the first round");
    round(share(datagrams), share(streams), 0);
    let after = Held::back_to(&idle, "after all");
    for sim in sims {
        assert!(sim.is_alive(), "{}", sim.ip());
        let status = sim.status();
        println!(
            "{}: {} motions; commands: {} taken, {} malformed, {} late, {} duplicate, {} unasked",
            sim.ip(),
            status.motions,
            status.commands_received,
            status.commands_malformed,
            status.commands_late,
            status.commands_duplicate,
            status.commands_unasked,
        );
    }
    println!(
        "{} datagrams and {} streams in {:.1} s, 0 panics; before {before:?}, after {after:?}",
        share(datagrams) * sims.len() as u64,
        share(streams) * sims.len() as u64,
        start.elapsed().as_secs_f64()
    );
    assert!(after.memory_kib < before.memory_kib + 4096, "before {before:?}, after {after:?}");
}

/// Some bytes of `bytes` changed, some cut off or added, or nothing of it kept.
fn mutate(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    match rng.random_range(0..10) {
        0 => bytes.truncate(rng.random_range(0..=bytes.len())),
        1 => bytes.extend((0..rng.random_range(1..600)).map(|_| rng.random::<u8>())),
        2 => rng.fill(&mut bytes[..]),
        _ => {}
    }
    for _ in 0..rng.random_range(1..5) {
        if let Some(i) = bytes.len().checked_sub(1).map(|last| rng.random_range(0..=last)) {
            bytes[i] = match rng.random_range(0..4) {
                0 => 0xff,
                1 => 0,
                2 => bytes[i] ^ 1 << rng.random_range(0..8),
                _ => rng.random(),
            };
        }
    }
}

/// Keeps a motion alive and surrounds each of its commands with mutated ones.
fn mutated_datagrams(sim: &Sim, count: u64, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut raw = session(sim);
    let (mut sent, mut states) = (0, 0);
    let mut moves: [(u32, u32); 12] = std::array::from_fn(|i| (i as u32 / 4, i as u32 % 4));
    while sent < count {
        let &mut (controller, generator) = moves.last_mut().expect("twelve");
        moves.rotate_right(1);
        let id = raw.request_move(controller, generator);
        if raw.answer() != (1, id, vec![1]) {
            recover(&mut raw);
            continue;
        }
        while raw.state().robot_mode != RobotMode::Move {}
        let mut state = raw.state();
        while state.robot_mode == RobotMode::Move && sent < count {
            let mut good = joint_positions(&state, state.q_d);
            good.O_T_EE_c = state.O_T_EE_c;
            let (bytes, wild_first) = (good.encode().to_vec(), states % FIRST == 0);
            if !wild_first {
                raw.command(&good);
            }
            for _ in 0..BURST {
                let mut wild = bytes.clone();
                mutate(&mut rng, &mut wild);
                raw.udp.send_to(&wild, raw.robot_udp()).expect("sent");
                sent += 1;
            }
            if wild_first {
                raw.command(&good);
            }
            states += 1;
            state = raw.state();
        }
        if state.robot_mode != RobotMode::Move {
            assert_eq!(raw.answer().0, 1, "the motion's last answer");
            recover(&mut raw);
        }
    }
    drop(raw);
    wait_for(sim, "the client's end", |status| status.client.is_none());
    next_client_moves(sim);
}

/// Back to idle after a reflex.
fn recover(raw: &mut Raw) {
    raw.request(12, &[]);
    raw.answer();
    while raw.state().robot_mode != RobotMode::Idle {}
}

/// Sends mutated requests on fresh connections, closed and reset in turn; some become a session first.
fn mutated_streams(sim: &Sim, count: u64, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    for n in 0..count {
        let mut stream = connect(sim);
        let mut bytes = Vec::new();
        let session = n % SESSIONS == 0;
        if session {
            bytes.extend(message(0, &Connect { version: 5, udp_port: 9 }.encode()));
        }
        let begin = bytes.len();
        for _ in 0..rng.random_range(1..6) {
            let command = if session { *ALL.choose(&mut rng).expect("some") } else { 0 };
            let payload: Vec<u8> = (0..LENGTHS[command as usize]).map(|_| rng.random::<u8>()).collect();
            bytes.extend(message(command, &payload));
        }
        let mut wild = bytes.split_off(begin);
        mutate(&mut rng, &mut wild);
        bytes.extend(wild);
        let _ = stream.write_all(&bytes); // the robot may have closed already
        if session {
            // Until the robot has had enough of it: what it said last is not for us.
            stream.set_read_timeout(Some(Duration::from_millis(10))).expect("set");
            while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {}
        }
        if n % 2 == 0 {
            reset(stream);
        }
        if session {
            wait_for(sim, "the session's end", |status| status.client.is_none());
        }
        assert!(sim.is_alive(), "stream {n} of seed {seed}: {bytes:?}");
    }
    next_client_moves(sim);
}

const ALL: [u32; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];

fn message(command: u32, payload: &[u8]) -> Vec<u8> {
    let size = (Header::LEN + payload.len()) as u32;
    [&Header { command, command_id: 1, size }.encode()[..], payload].concat()
}

/// Tries until it works: while a session lasts, the port is closed, and the system may be short of ports.
fn patiently<T>(attempt: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "nobody listens");
        std::thread::yield_now();
    }
}

fn connect(sim: &Sim) -> TcpStream {
    patiently(|| TcpStream::connect(sim.address()).ok())
}

fn session(sim: &Sim) -> Raw {
    Raw::over(sim, connect(sim))
}

fn next_client_moves(sim: &Sim) {
    let mut robot = patiently(|| Robot::new(&sim.ip().to_string(), RealtimeConfig::Ignore, 1).ok());
    robot.automatic_error_recovery().expect("recovery");
    // Mutated setters may have left any stiffness, load and thresholds behind.
    robot.set_default_behavior().expect("the defaults");
    robot.set_load(0.0, [0.0; 3], [0.0; 9]).expect("no load");
    let way = if robot.read_once().expect("a state").q_d[0] > 0.0 { -0.05 } else { 0.05 };
    swing(&mut robot, 0, way, 0.2).expect("the next client's motion");
    drop(robot);
    wait_for(sim, "idle", |status| status.client.is_none() && status.mode == Mode::Idle);
}
