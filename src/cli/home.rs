//! `home`: the ready pose, on a straight way in joint space.
use super::arm::{self, Arm};
use super::common::{Common, bar, stop_flag};
use super::exit::usage;
use super::motion::{self, Early, Moved};
use crate::config::Config;
use crate::control::links::Request;
use crate::control::{Approach, Pulse, Purpose, Session, Way};
use crate::demonstration::sample::Sample;
use crate::learn::places::check_way;
use crate::robot::{JOINTS, Joints, State, limits};
use crate::safety::Guard;
use crate::telemetry::black_box::{self, Finding};
use crate::telemetry::{Ending, Report, Thinned, Timeline};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Bring the arm to its ready pose, on a straight way in joint space.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The robot's address.
    #[arg(long, value_name = "ADDRESS")]
    robot_ip: String,
    /// Share of the joints' velocity and acceleration limits. [default: control.approach_share, a third of it]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    speed: Option<f64>,
    /// Do not ask before moving the arm.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    common: Common,
}

/// Nearer to a pose than this, the arm is there, rad.
const THERE_RAD: f64 = 0.01;
/// Rows kept of a way.
const ROWS: usize = 1000;

/// The keys of a `home` report besides those of every report.
#[derive(Serialize)]
pub(super) struct Figures {
    robot: String,
    /// Largest distance of a measured joint from the pose at the end, rad.
    off_rad: f64,
    cycles: u64,
    limiter_active_ticks: u64,
    way: WayFigures,
    /// What happened when.
    timeline: Timeline,
    /// What is known of an early end, if it had one.
    black_box: Option<Finding>,
}

/// How the joints have come to the pose.
#[derive(Serialize)]
struct WayFigures {
    /// Rows a second.
    sampled_hz: f64,
    /// Measured joints minus the pose, joint by joint from the base, rad.
    off_rad: Vec<Joints>,
}

impl Figures {
    /// Where the arm has come to rest, for whoever looks.
    pub(super) fn words(&self) -> String {
        let off_rad = self.off_rad;
        if off_rad < THERE_RAD {
            format!("done, at rest in the ready pose: farthest joint {off_rad:.4} rad off")
        } else {
            format!("stopped as asked, at rest: farthest joint {off_rad:.2} rad from the ready pose")
        }
    }
}

pub(super) fn run(args: &Args, started: Instant) -> anyhow::Result<()> {
    let config = args.common.load()?;
    let share = args.speed.unwrap_or(usual_share(&config));
    let mut range = Vec::new();
    crate::range::check_range(&mut range, "--speed", share, 0.005..=0.5, "");
    if let Some(wrong) = range.first() {
        return Err(usage(wrong));
    }
    let pulse = Arc::new(Pulse::new(started));
    let Arm { claim: _claim, session, state, address, .. } =
        arm::connect(&args.robot_ip, "home", &config, &pulse, Purpose::Move)?;
    say!("robot    Panda at {address}");
    arm::check_ready(&state, &config.safety)?;
    check(&config, &state, share)?;
    if !arm::ask("Is the way clear and the user stop in somebody's hand?", args.yes)? {
        return Err(usage("not confirmed: nothing was moved"));
    }
    let folder = black_box::default_folder();
    let (figures, early) = go(session, &config, &limits::Q_READY, share, &state, &pulse, &folder)?;
    let error = early.map(anyhow::Error::from);
    let ending = if error.is_some() { Ending::Failed } else { Ending::Done };
    let faults = error.iter().map(ToString::to_string).collect();
    let written = args.common.write(&Report::new("home", ending, faults, figures));
    match error {
        None => written,
        Some(why) => {
            // A report that cannot be written must not hide why the arm has stopped.
            written.err().iter().for_each(|e| log::error!("{e}"));
            Err(why)
        }
    }
}

/// Share of the joints' limits unless somebody says otherwise.
pub(super) fn usual_share(config: &Config) -> f64 {
    config.control.approach_share / 3.0
}

/// Refuses a way to the ready pose on which the arm would be stopped; says how it goes.
pub(super) fn check(config: &Config, state: &State, share: f64) -> anyhow::Result<()> {
    let F_T_EE = arm::tool(state)?;
    let way = Approach::plan(&state.q_d, &limits::Q_READY, share, &config.safety);
    check_way(&Guard::new(&config.safety, &F_T_EE), way, &F_T_EE).map_err(usage)?;
    let (joint, way_rad) = farthest(&state.q_d, &limits::Q_READY);
    say!("way      straight in joint space to the ready pose; farthest goes joint {joint}, {way_rad:.2} rad");
    Ok(())
}

/// Brings the arm to `to` and says how it went; the last seconds of a way that ends early are kept in `folder`.
pub(super) fn go(
    session: Session,
    config: &Config,
    to: &Joints,
    share: f64,
    state: &State,
    pulse: &Pulse,
    folder: &Path,
) -> anyhow::Result<(Figures, Option<Early>)> {
    let stop = stop_flag()?;
    stop.store(false, Relaxed);
    go_until(session, config, to, share, state, pulse, folder, || motion::by_signal(&stop), |_| {})
}

/// [`go`] that ends before when `rest` says so; `look` is shown the state after each look.
#[allow(clippy::too_many_arguments)]
pub(super) fn go_until(
    session: Session,
    config: &Config,
    to: &Joints,
    share: f64,
    state: &State,
    pulse: &Pulse,
    folder: &Path,
    rest: impl Fn() -> Option<Request>,
    look: impl Fn(&Sample),
) -> anyhow::Result<(Figures, Option<Early>)> {
    let robot = session.address().to_string();
    let F_T_EE = arm::tool(state)?;
    let way = Box::new(Way::new(to, share, &config.safety, &F_T_EE, &config.generator));
    let whole = farthest(&state.q_d, to).1;
    let bar = bar(1000, "moving   {bar:24.cyan/dim} {msg}");
    let mut last = *state;
    let mut way_rows = Thinned::new(ROWS);
    let moved = motion::go(session, way, pulse, rest, folder, |samples| {
        last = samples.last().map_or(last, |sample| sample.state);
        let off_rad = |sample: &Sample| std::array::from_fn(|k| sample.state.q[k] - to[k]);
        samples.iter().for_each(|sample| way_rows.add(off_rad(sample)));
        samples.last().into_iter().for_each(&look);
        let left = farthest(&last.q_d, to).1;
        bar.set_position((1e3 * (1.0 - left / whole.max(1e-9))).max(0.0) as u64);
        bar.set_message(format!("{left:.2} rad left"));
    });
    bar.finish_and_clear();
    let Moved { cycles, limited, asked, early, timeline, black_box } = moved;
    let off_rad = farthest(&last.q, to).1;
    if early.is_none() {
        let how = if asked { "stopped as asked, at rest" } else { "done, at rest" };
        say!(
            "moved    {how}: farthest from the pose {off_rad:.4} rad; {cycles} cycles, limiter active in {limited}"
        );
    }
    let way = WayFigures { sampled_hz: way_rows.sampled_hz(), off_rad: way_rows.rows().to_vec() };
    Ok((Figures { robot, off_rad, cycles, limiter_active_ticks: limited, way, timeline, black_box }, early))
}

/// The joint, counted from 1, with the longest way, and its length, rad.
fn farthest(from: &Joints, to: &Joints) -> (usize, f64) {
    let ways = (0..JOINTS).map(|k| (k + 1, (to[k] - from[k]).abs()));
    ways.fold((1, 0.0), |longest, way| if way.1 > longest.1 { way } else { longest })
}
