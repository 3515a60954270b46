//! `replay`: play the joints of an episode back.
mod plan;
mod tracking;

use super::arm::{self, Arm, FIRST_SPEED};
use super::common::{Common, Pace, bar, check_writable, stop_flag};
use super::exit::usage;
use super::motion::{self, Moved};
use super::run::robot;
use crate::config::Config;
use crate::control::{Approach, Pulse, Purpose, Way};
use crate::demonstration::sample::Sample;
use crate::demonstration::{demo, store};
use crate::kinematics::{Apart, Pose, from_column_major};
use crate::learn::places::check_way;
use crate::safety::Guard;
use crate::sim::{self, Sim};
use crate::telemetry::black_box::{self, Finding};
use crate::telemetry::{Ending, Report, Timeline};
use plan::{Plan, PlanFigures};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tracking::{Tracking, TrackingFigures};

/// Play an episode's joints back on the arm: from where it stands to the start, then the motion as it was taught.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("arm").required(true).multiple(true))]
pub(super) struct Args {
    /// The episode: its name, or its file.
    episode: String,
    /// The folder of the episodes.
    #[arg(long, value_name = "FOLDER", default_value = demo::FOLDER)]
    dir: PathBuf,
    /// Play on a simulated Panda, started for this.
    #[arg(long, group = "arm")]
    sim: bool,
    /// Play on the robot at this address.
    #[arg(long, value_name = "ADDRESS", group = "arm", conflicts_with = "sim")]
    robot_ip: Option<String>,
    /// Say what the motion would ask of every joint, and of the walls, and move nothing.
    #[arg(long, group = "arm")]
    dry_run: bool,
    /// Rate of the motion, 1 = as taught; less where a limit needs it. [default: 1 in simulation, 0.1 on a robot]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    speed: Option<f64>,
    /// How the simulated robot keeps time.
    #[arg(long, value_enum, default_value = "realtime")]
    pace: Pace,
    /// Write every state and command of the simulated robot to this file.
    #[arg(long, value_name = "FILE", requires = "sim")]
    wire_log: Option<PathBuf>,
    /// Do not ask before moving a real robot.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    common: Common,
}

/// The keys of a `replay` report besides those of every report.
#[derive(Serialize)]
struct Figures {
    episode: PathBuf,
    /// None for a dry run.
    robot: Option<String>,
    #[serde(flatten)]
    plan: PlanFigures,
    #[serde(flatten)]
    tracking: Option<TrackingFigures>,
    cycles: u64,
    limiter_active_ticks: u64,
    /// What happened when; none for a dry run.
    timeline: Option<Timeline>,
    /// What is known of an early end, if it had one.
    black_box: Option<Finding>,
}

pub(super) fn run(args: &Args, started: Instant) -> anyhow::Result<()> {
    let config = args.configuration()?;
    let file = store::find(&args.dir, &args.episode).map_err(usage)?;
    let episode = demo::whole(&file).map_err(usage)?;
    let taught_tool = from_column_major(&episode.meta.robot.F_T_EE).map_err(usage)?;
    if args.dry_run {
        let plan = Plan::new(&args.episode, &episode, &taught_tool, &config, args.speed())?;
        plan.say_margins();
        let figures = Figures {
            episode: file,
            robot: None,
            plan: plan.figures,
            tracking: None,
            cycles: 0,
            limiter_active_ticks: 0,
            timeline: None,
            black_box: None,
        };
        args.common.write(&Report::new("replay", Ending::Done, Vec::new(), figures))?;
        return plan.allowed;
    }
    let stop = stop_flag()?;
    let sim = args.start_sim(&config)?;
    let pulse = Arc::new(Pulse::new(started));
    let name = sim.as_ref().map(|sim| sim.ip().to_string()).or(args.robot_ip.clone()).unwrap_or_default();
    let Arm { claim: _claim, session, state, granted, .. } =
        arm::connect(&name, "replay", &config, &pulse, Purpose::Move)?;
    robot::greet(&session, sim.is_some(), &granted);
    arm::check_ready(&state, &config.safety)?;
    let F_T_EE = arm::tool(&state)?;
    say_tool(&args.episode, &taught_tool, &F_T_EE);
    let plan = Plan::new(&args.episode, &episode, &F_T_EE, &config, args.speed())?;
    plan.say();
    let Plan { playback, rate, ticks, figures, allowed } = plan;
    allowed?;
    let share = config.control.approach_share * rate.min(1.0);
    let way = Approach::plan(&state.q_d, &playback.at(0.0), share, &config.safety);
    check_way(&Guard::new(&config.safety, &F_T_EE), way, &F_T_EE)
        .map_err(|e| usage(format!("to the start of {} {e}", args.episode)))?;
    say!("start    straight in joint space, {:.1} s", way.duration_s);
    let question = "Is the space clear and the user stop in somebody's hand?";
    if sim.is_none() && !arm::ask(question, args.yes)? {
        return Err(usage("not confirmed: nothing was moved"));
    }
    stop.store(false, Relaxed);
    let [first, last] = ticks;
    let mut tracking = Tracking::new(&episode.ticks[first..=last], &F_T_EE);
    let pilot = Way::new(&playback.at(0.0), share, &config.safety, &F_T_EE, &config.generator);
    let pilot = Box::new(pilot.then(Arc::clone(&playback), rate, config.control.ramp_s));
    let duration_s = playback.duration_s();
    let bar = bar(1000, "playing  {bar:24.cyan/dim} {msg}");
    let folder = black_box::default_folder();
    let moved = motion::go(
        session,
        pilot,
        &pulse,
        || motion::by_signal(&stop),
        &folder,
        |samples| {
            samples.iter().for_each(|sample| tracking.add(sample));
            let Some(Sample { tau_s, .. }) = samples.last() else { return };
            bar.set_position((1e3 * tau_s / duration_s.max(1e-9)) as u64);
            bar.set_message(format!("{tau_s:.1} of {duration_s:.1} s"));
        },
    );
    bar.finish_and_clear();
    let Moved { cycles, limited, asked, early, timeline, black_box } = moved;
    let tracking = tracking.figures();
    let error = early.map(anyhow::Error::from);
    let (ending, how) = match (&error, asked) {
        (Some(_), _) => (Ending::Failed, None),
        (None, true) => (Ending::Stopped, Some("stopped as asked, at rest")),
        (None, false) => (Ending::Done, Some("done, at rest")),
    };
    if let Some(how) = how {
        say!("played   {how}: {cycles} cycles, limiter active in {limited}");
    }
    tracking.say();
    let figures = Figures {
        episode: file,
        robot: Some(name),
        plan: figures,
        tracking: Some(tracking),
        cycles,
        limiter_active_ticks: limited,
        timeline: Some(timeline),
        black_box,
    };
    let faults = error.iter().map(ToString::to_string).collect();
    let written = args.common.write(&Report::new("replay", ending, faults, figures));
    match error {
        None => written,
        Some(why) => {
            // A report that cannot be written must not hide why the arm has stopped.
            written.err().iter().for_each(|e| log::error!("{e}"));
            Err(why)
        }
    }
}

/// The joints go where they went; an end effector of another tool does not.
fn say_tool(name: &str, taught: &Pose, F_T_EE: &Pose) {
    let apart = Apart::of(taught, F_T_EE);
    if !apart.is_within(&Apart::SAME_TOOL) {
        say!(
            "note     {name} was taught with a tool {apart} from the robot's F_T_EE: the joints go \
             where they went, the end effector elsewhere"
        );
    }
}

impl Args {
    fn configuration(&self) -> anyhow::Result<Config> {
        let mut config = self.common.load()?;
        check_writable("--wire-log", self.wire_log.as_deref())?;
        let mut range = Vec::new();
        crate::range::check_range(&mut range, "--speed", self.speed(), 0.01..=2.0, "");
        if let Some(wrong) = range.first() {
            return Err(usage(wrong));
        }
        self.pace.suit(&mut config, self.sim).map_err(usage)?;
        Ok(config)
    }

    fn speed(&self) -> f64 {
        self.speed.unwrap_or(if self.robot_ip.is_some() { FIRST_SPEED } else { 1.0 })
    }

    fn start_sim(&self, config: &Config) -> anyhow::Result<Option<Sim>> {
        if !self.sim {
            return Ok(None);
        }
        let options =
            sim::Options { pace: self.pace.into(), wire_log: self.wire_log.clone(), ..config.sim.clone() };
        robot::start_on_loopback(options, config).map(Some)
    }
}
