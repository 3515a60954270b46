//! What the tests of faults share: a robot with faults, a motion that meets them, the client that comes after.
use std::net::TcpStream;
use std::time::{Duration, Instant};

use franka_imit::sim::{Fault, Options, Sim};

use super::{connect, deadline, lockstep, sim_at, swing, wait_for};

/// Lockstep in which no busy machine costs a command.
pub fn patient() -> Options {
    Options { lockstep_timeout_s: 2.0, ..lockstep() }
}

/// A fault in words.
pub fn fault(spec: &str) -> Fault {
    spec.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// A robot at 127.0.42.`last` with faults.
pub fn sim_with(last: u8, specs: &[&str]) -> Sim {
    sim_at(
        [127, 0, 42, last],
        Options { faults: specs.iter().map(|spec| fault(spec)).collect(), ..patient() },
    )
}

/// A client that comes after whatever happened: it is served, recovers, moves.
pub fn next_client_moves(sim: &Sim) {
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
pub fn swing_with(last: u8, spec: &'static str) -> (Sim, Result<(), String>, u64) {
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
