//! `recover`: make a robot that has stopped able to move again, and say what it takes.
use super::arm::{self, Arm};
use super::common::{Common, bar};
use super::exit::usage;
use super::home;
use crate::config::Config;
use crate::control::{Pulse, Purpose, Session};
use crate::robot::{JOINTS, Joints, Mode, State};
use crate::telemetry::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A black box older than this tells of another stop.
const FRESH: Duration = Duration::from_secs(3600);
/// The way back ends once a joint has gone this far, rad.
const BACK_RAD: f64 = 0.05;
/// Share of the joints' limits on the way back.
const BACK_SHARE: f64 = 0.03;
/// Errors of a collision: the arm may still press against what it hit.
const COLLISIONS: [&str; 3] = ["joint_reflex", "cartesian_reflex", "force_control_safety_violation"];

/// Clear a robot's errors after it has stopped.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The robot's address.
    #[arg(long, value_name = "ADDRESS")]
    robot_ip: String,
    /// After a collision, move the arm a little back along the way it came.
    #[arg(long)]
    back_off: bool,
    /// Where the last seconds before an abort are kept. [default: ~/.local/state/franka-imit]
    #[arg(long, value_name = "FOLDER")]
    black_box: Option<PathBuf>,
    /// Do not ask before moving the arm.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args, started: Instant) -> anyhow::Result<()> {
    let config = args.common.load()?;
    let pulse = Arc::new(Pulse::new(started));
    let Arm { claim: _claim, session, state, address, .. } =
        arm::connect(&args.robot_ip, "recover", &config, &pulse, Purpose::Move)?;
    let errors: Vec<&str> = state.errors.names().collect();
    say!("robot    Panda at {address}: {:?}{}", state.mode, list(&errors));
    match state.mode {
        Mode::Idle if errors.is_empty() => {
            say!("nothing to recover: the robot can move");
            return Ok(());
        }
        Mode::Idle | Mode::Reflex => {}
        _ => arm::check_mode(&state)?,
    }
    let bar = bar(0, "recovering {spinner:.cyan} {msg}");
    let begun = Instant::now();
    let outcome = session.recover(|_, _| {
        bar.tick();
        bar.set_message(format!("{:.1} s", begun.elapsed().as_secs_f64()));
    });
    bar.finish_and_clear();
    outcome?.result?;
    // A new connection shows what the robot thinks now, and can move it.
    let pulse = Arc::new(Pulse::new(started));
    let (session, state) = arm::reconnect(address, &config, &pulse)?;
    arm::check_mode(&state)?;
    say!("recovered in {:.1} s: the robot can move", begun.elapsed().as_secs_f64());
    if errors.iter().any(|error| COLLISIONS.contains(error)) {
        back_off(args, &config, session, &state, &pulse)?;
    }
    Ok(())
}

fn list(errors: &[&str]) -> String {
    if errors.is_empty() { String::new() } else { format!(" ({})", errors.join(", ")) }
}

/// A little back along where the arm came from: it may still press against what it hit.
fn back_off(
    args: &Args,
    config: &Config,
    session: Session,
    state: &State,
    pulse: &Pulse,
) -> anyhow::Result<()> {
    let folder = args.black_box.clone().unwrap_or_else(black_box::default_folder);
    let robot = session.address().to_string();
    let Some(to) = black_box::way_back(&folder, &robot)
        .filter(|(age, _)| *age < FRESH)
        .and_then(|(_, way)| place_before(state, &way))
    else {
        if args.back_off {
            return Err(usage(format!(
                "no way back is known: no black box of the last hour in {} ends where the arm stands. Move it by hand",
                folder.display()
            )));
        }
        return Ok(());
    };
    if !args.back_off {
        say!(
            "note     it had a collision: 'franka-imit recover --back-off' would move it back the way it came"
        );
        return Ok(());
    }
    if !arm::ask("Move the arm a little back along the way it came?", args.yes)? {
        return Err(usage("not confirmed: nothing was moved"));
    }
    match home::go(session, config, &to, BACK_SHARE, state, pulse, &folder)? {
        (_, None) => Ok(()),
        (_, Some(early)) => Err(early.into()),
    }
}

/// Where the arm was a little before, if `way` (newest first) ends where it stands.
fn place_before(state: &State, way: &[Joints]) -> Option<Joints> {
    let far = |q: &Joints| (0..JOINTS).map(|k| (q[k] - state.q[k]).abs()).fold(0.0, f64::max);
    let newest = way.first().filter(|q| far(q) < BACK_RAD)?;
    Some(*way.iter().find(|q| far(q) > BACK_RAD).or(way.last()).unwrap_or(newest))
}
