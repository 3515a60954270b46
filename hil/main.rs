//! The hardware ladder: from reading states to an hour of driving, one rung after the other.
//!
//! ```text
//! cargo test --test hil                                                    every rung, on the simulated robot
//! FRANKA_IMIT_HIL_IP=172.16.0.2 cargo test --release --test hil            where this robot stands
//! FRANKA_IMIT_HIL_IP=172.16.0.2 cargo test --release --test hil -- hold    one rung, on the robot
//! ```
//!
//! On a robot a rung begins only when the one below has passed there, and asks before anything moves. `README.md`
//! beside this file is the checklist of the person with the user stop.
mod guide;
mod result;
mod rungs;

use anyhow::{Context, bail};
use franka_imit::robot::realtime;
use franka_imit::sim::{Options, Sim};
use result::Results;
use rungs::{LADDER, Place};
use std::net::IpAddr;
use std::process::ExitCode;

/// The environment's word for the robot's address.
const ROBOT: &str = "FRANKA_IMIT_HIL_IP";

fn main() -> ExitCode {
    // Cargo and its users pass options of the usual test harness; a rung is a bare word.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let done = match std::env::var(ROBOT) {
        Ok(address) => on_robot(&address, words.first().map(String::as_str)),
        Err(_) => on_simulator(words.first().map(String::as_str)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hil: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// All rungs in order, in a folder of their own: what a robot will be asked is asked of the simulator first.
fn on_simulator(only: Option<&str>) -> anyhow::Result<()> {
    if only.is_some_and(|word| !LADDER.iter().any(|rung| rung.name == word)) {
        return Ok(()); // a filter meant for other tests
    }
    let folder = tempfile::tempdir()?;
    let options = Options { bind: IpAddr::from([127, 0, 45, 1]), ..Options::default() };
    let sim = Sim::start_with(options, || realtime::enter_as_peer(&realtime::Options::default()))?;
    let results = Results::new(folder.path(), "simulator");
    for rung in &LADDER {
        let place = Place::simulator(&sim);
        let result = rung.climb(&place, &results).with_context(|| format!("rung {}", rung.name))?;
        println!("hil: {:<8} passed on the simulator: {}", rung.name, result.summary());
        if only == Some(rung.name) {
            break;
        }
    }
    // Nobody climbs past a rung that has not passed.
    let fresh = Results::new(&folder.path().join("another"), "another");
    let refused = LADDER[1].climb(&Place::simulator(&sim), &fresh);
    match refused {
        Err(error) if error.to_string().contains("has not passed") => Ok(()),
        _ => bail!("rung {} began although {} had not passed", LADDER[1].name, LADDER[0].name),
    }
}

fn on_robot(address: &str, rung: Option<&str>) -> anyhow::Result<()> {
    let ip: IpAddr = address.parse().with_context(|| format!("{ROBOT} = {address:?} is no address"))?;
    let results = Results::of_robot(ip);
    let Some(name) = rung else {
        for rung in &LADDER {
            let state = if results.has_passed(rung) { "passed" } else { "not yet" };
            println!("hil: {:<8} {state:<8} {}", rung.name, rung.what);
        }
        println!("hil: results of {ip} are in {}", results.folder().display());
        return Ok(());
    };
    let Some(rung) = LADDER.iter().find(|rung| rung.name == name) else {
        bail!("{name:?} is no rung; there are {}", LADDER.map(|rung| rung.name).join(", "));
    };
    let result = rung.climb(&Place::robot(ip), &results)?;
    println!("hil: {} passed on {ip}: {}", rung.name, result.summary());
    Ok(())
}
