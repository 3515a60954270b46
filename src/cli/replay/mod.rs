//! `replay`: play the joints of an episode back.
mod plan;
mod tracking;

use super::arm::{self, Arm};
use super::common::{Common, bar, check_writable, stop_flag};
use super::exit::{SafetyStop, usage};
use super::places::check_way;
use super::run::robot;
use crate::config::Config;
use crate::control::links::{self, OperatorEnds, Request};
use crate::control::{Approach, Outcome, Pulse, Purpose, Session, Way};
use crate::demonstration::{demo, store};
use crate::kinematics::{Pose, from_column_major};
use crate::robot::Fault;
use crate::safety::Guard;
use crate::sim::{self, Pace, Sim};
use crate::telemetry::{Ending, Report};
use plan::{Plan, PlanFigures};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;
use tracking::{Tracking, TrackingFigures};

/// Speed on a real robot unless the user says otherwise.
const FIRST_SPEED: f64 = 0.1;
/// In lockstep a busy machine may hold everybody up; only so long a silence means that the robot is gone, s.
const LOCKSTEP_SILENCE_S: f64 = 5.0;

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
    pace: Keeps,
    /// Write every state and command of the simulated robot to this file.
    #[arg(long, value_name = "FILE", requires = "sim")]
    wire_log: Option<PathBuf>,
    /// Do not ask before moving a real robot.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Keeps {
    /// 1 kHz by the clock, as a robot.
    Realtime,
    /// As fast as both sides answer; repeats bit for bit.
    Lockstep,
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
    let mut played = Played {
        tracking: Tracking::new(&episode.ticks[first..=last], &F_T_EE),
        duration_s: playback.duration_s(),
        tau_s: 0.0,
        cycles: 0,
        limited: 0,
        asked: false,
    };
    let pilot = Way::new(&playback.at(0.0), share, &config.safety, &F_T_EE, &config.generator);
    let pilot = Box::new(pilot.then(Arc::clone(&playback), rate, config.control.ramp_s));
    let outcome = played.hold(session, pilot, &stop);
    let tracking = played.tracking.figures();
    let how = if played.asked { "stopped as asked, at rest" } else { "done, at rest" };
    let (ending, error) = match how_it_ended(outcome) {
        None if played.asked => (Ending::Stopped, None),
        None => (Ending::Done, None),
        Some(error) => (Ending::Failed, Some(error)),
    };
    if error.is_none() {
        say!("played   {how}: {} cycles, limiter active in {}", played.cycles, played.limited);
    }
    tracking.say();
    let figures = Figures {
        episode: file,
        robot: Some(name),
        plan: figures,
        tracking: Some(tracking),
        cycles: played.cycles,
        limiter_active_ticks: played.limited,
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
    let off_mm = 1e3 * (taught.translation.vector - F_T_EE.translation.vector).norm();
    let off_mrad = 1e3 * taught.rotation.angle_to(&F_T_EE.rotation);
    if off_mm > 0.5 || off_mrad > 2.0 {
        say!(
            "note     {name} was taught with a tool {off_mm:.1} mm and {off_mrad:.0} mrad from the robot's F_T_EE: the joints go \
             where they went, the end effector elsewhere"
        );
    }
}

/// Why it has not ended as it should, if so.
fn how_it_ended(outcome: Result<Outcome, Fault>) -> Option<anyhow::Error> {
    match outcome {
        Err(fault) => Some(fault.into()),
        Ok(Outcome { result: Err(fault), .. }) => Some(fault.into()),
        Ok(Outcome { stopped_by, .. }) if stopped_by.is_clear() => None,
        Ok(Outcome { stopped_by, stopped_at, .. }) => {
            Some(SafetyStop { why: stopped_by, by: stopped_at }.into())
        }
    }
}

/// What has come of a replay so far.
struct Played {
    tracking: Tracking,
    duration_s: f64,
    /// Time of the playback, s.
    tau_s: f64,
    cycles: u64,
    limited: u64,
    /// Whether a person asked it to stop.
    asked: bool,
}

impl Played {
    fn hold(&mut self, session: Session, pilot: Box<Way>, stop: &AtomicBool) -> Result<Outcome, Fault> {
        let (control, _, operator) = links::link(false, false);
        let bar = bar(1000, "playing  {bar:24.cyan/dim} {msg}");
        let outcome = session.go(pilot, control, |_, _| {
            if stop.load(Relaxed) && !self.asked {
                self.asked = operator.requests.try_send(Request::Stop).is_ok();
            }
            self.take(&operator);
            let tau_s = self.tau_s;
            bar.set_position((1e3 * tau_s / self.duration_s.max(1e-9)) as u64);
            bar.set_message(format!("{tau_s:.1} of {:.1} s", self.duration_s));
        });
        self.take(&operator);
        bar.finish_and_clear();
        outcome
    }

    /// Takes what the control thread has told since the last look.
    fn take(&mut self, operator: &OperatorEnds) {
        for (sample, _) in operator.samples.try_iter() {
            self.cycles += 1;
            self.limited += u64::from(!sample.verdict.is_clear());
            self.tracking.add(&sample);
            self.tau_s = sample.tau_s;
        }
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
        if self.pace == Keeps::Lockstep {
            if !self.sim {
                return Err(usage("--pace lockstep: only a simulated robot waits for its commands"));
            }
            config.robot.silence_timeout_s = LOCKSTEP_SILENCE_S;
        }
        Ok(config)
    }

    fn speed(&self) -> f64 {
        self.speed.unwrap_or(if self.robot_ip.is_some() { FIRST_SPEED } else { 1.0 })
    }

    fn start_sim(&self, config: &Config) -> anyhow::Result<Option<Sim>> {
        if !self.sim {
            return Ok(None);
        }
        let options = sim::Options {
            pace: if self.pace == Keeps::Lockstep { Pace::Lockstep } else { Pace::Realtime },
            wire_log: self.wire_log.clone(),
            ..config.sim.clone()
        };
        robot::start_on_loopback(options, config).map(Some)
    }
}
