//! `teach`: guide the arm by hand, and keep what it did as episodes.
mod args;
mod desk;
mod episodes;
mod live;
mod script;

pub(super) use args::Args;

use super::arm::{self, Arm};
use super::common::stop_flag;
use super::exit::{SafetyStop, usage};
use super::motion::Early;
use super::run::robot;
use crate::config::Config;
use crate::control::links::{self, OperatorEnds, Request};
use crate::control::modes::Mode;
use crate::control::{Outcome, Pulse, Purpose, Session};
use crate::robot::Fault;
use crate::robot::gripper::{self, Gripper};
use crate::sim::virtual_hand::Plan;
use crate::sim::{self, Sim};
use crate::teach::{Dialogue, Input, Lesson};
use crate::telemetry::black_box::{self, Finding};
use crate::telemetry::{BlackBox, Ending, Report};
use desk::{Desk, HELP, Wish};
use episodes::{Episodes, Kept};
use live::Live;
use script::Script;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

/// The keys of a `teach` report besides those of every report.
#[derive(Serialize)]
struct Figures {
    robot: String,
    task: String,
    /// Episodes that were kept, in order.
    episodes: Vec<Kept>,
    /// Episodes that could not be opened, kept or thrown away.
    failed_episodes: u64,
    cycles: u64,
    lost_states: u64,
    /// Samples that did not fit into our own queue: no episode has them.
    dropped_samples: u64,
    /// What is known of an early end, if it had one.
    black_box: Option<Finding>,
}

pub(super) fn run(args: &Args, started: Instant) -> anyhow::Result<()> {
    let config = args.configuration()?;
    let plan = args.plan(&config)?;
    let desk = Desk::open();
    if plan.is_none() && !args.hands_free && !desk.has_keys() {
        return Err(usage(
            "nobody is at the terminal to press keys; add --hands-free (motion begins an episode, rest ends it), or, \
             with --sim, --hand PATH",
        ));
    }
    episodes::check_folder(&args.out)?;
    let stop = stop_flag()?;
    let sim = start_sim(args, &config, plan.as_ref())?;
    let pulse = Arc::new(Pulse::new(started));
    let name =
        sim.as_ref().map(|sim| sim.ip().to_string()).or_else(|| args.robot_ip.clone()).unwrap_or_default();
    let purpose = if args.passive { Purpose::Read } else { Purpose::Move };
    let Arm { claim: _claim, session, state, granted, address } =
        arm::connect(&name, "teach", &config, &pulse, purpose)?;
    robot::greet(&session, sim.is_some(), &granted);
    if args.passive {
        say!(
            "passive  nothing is set in the robot and nothing moves it: press its user stop, then guide it by the buttons at \
              its wrist"
        );
    } else {
        arm::check_ready(&state, &config.safety)?;
        if sim.is_none() && !confirm(args, &config)? {
            return Err(usage("not confirmed: nothing was moved"));
        }
    }
    if desk.has_keys() {
        say!("keys     {HELP}{}", if args.gripper { " · g/o gripper" } else { "" });
    }
    stop.store(false, Relaxed);
    let gripper =
        args.gripper.then(|| Gripper::connect(address, &config.gripper)).transpose().map_err(usage)?;
    let set = if args.passive { config.robot.clone() } else { config.guidance.robot(&config.robot) };
    let episodes = Episodes::new(args, &name, &state, &set, &pulse, granted.core)?;
    let dialogue = Dialogue::new(episodes.first(), args.wanted(), args.hands_free);
    let lesson = Lesson::new(dialogue, &config.teach, episodes);
    let class = Class {
        lesson,
        live: Live::new(),
        desk,
        script: plan.map(Script::new),
        gripper,
        black_box: BlackBox::default(),
        asked: false,
        trouble: None,
    };
    let (class, outcome) = class.hold(session, args, &config, &stop);
    class.conclude(outcome, args, name, pulse.now_ns())
}

/// Starts the simulated robot of `--sim`, with the virtual hand.
fn start_sim(args: &Args, config: &Config, plan: Option<&Plan>) -> anyhow::Result<Option<Sim>> {
    if !args.sim {
        return Ok(None);
    }
    let options = sim::Options { pace: args.pace.into(), virtual_hand: plan.cloned(), ..config.sim.clone() };
    robot::start_on_loopback(options, config).map(Some)
}

/// Says what is about to happen to a real arm, and asks.
fn confirm(args: &Args, config: &Config) -> anyhow::Result<bool> {
    let guidance = &config.guidance;
    say!(
        "guiding  the arm is let go when a hand pulls with {} N, and held where it is left",
        guidance.grip_force_n
    );
    say!(
        "load     {} kg declared; refused when it seems wrong by {} kg",
        config.robot.load_mass_kg,
        guidance.load_error_kg
    );
    say!(
        "reflex   above {:?} Nm at the joints, {:?} N and {:?} Nm at the end effector; the usual ones again afterwards",
        guidance.collision_torque_nm,
        guidance.collision_force_n,
        guidance.collision_moment_nm
    );
    say!(
        "speed    dragged above {} m/s; soft before the ends of the joints and {} m before the walls",
        guidance.speed_m_s,
        guidance.wall_margin_m
    );
    arm::ask("Does nothing touch the arm, is the space clear and the user stop in somebody's hand?", args.yes)
}

/// A session of teaching.
struct Class {
    lesson: Lesson<Episodes>,
    live: Live,
    desk: Desk,
    script: Option<Script>,
    gripper: Option<Gripper>,
    black_box: BlackBox,
    /// Whether the motion has been asked to end.
    asked: bool,
    /// What was last said of the gripper or the recorder.
    trouble: Option<String>,
}

impl Class {
    fn hold(
        mut self,
        session: Session,
        args: &Args,
        config: &Config,
        stop: &AtomicBool,
    ) -> (Class, Result<Outcome, Fault>) {
        let (control, _, operator) = links::link(false, false);
        let look = |class: &mut Class, pulse: &Pulse, mode: Mode| {
            class.black_box.look(pulse.now_ns(), mode == Mode::Fault);
            class.take(&operator);
            class.keys();
            class.look_around();
            if stop.load(Relaxed) {
                let told = class.lesson.take(Input::Quit);
                class.live.tell(told);
            }
            let over = class.lesson.dialogue().state() == crate::teach::State::Over;
            if over && !class.asked {
                class.asked = operator.requests.try_send(Request::Stop).is_ok();
            }
            let dialogue = class.lesson.dialogue();
            let (state, hands_free) = (dialogue.state(), dialogue.is_hands_free());
            class.live.show(state, class.lesson.samples(), hands_free, class.desk.typing().as_deref());
        };
        let outcome = if args.passive {
            session.read_only(control, |pulse, mode| look(&mut self, pulse, mode))
        } else {
            session
                .guide(&config.guidance, &config.safety, control, |pulse, mode| look(&mut self, pulse, mode))
        };
        self.take(&operator);
        let lost =
            outcome.as_ref().err().or_else(|| outcome.as_ref().ok().and_then(|o| o.result.as_ref().err()));
        let told = self.lesson.take(lost.map_or(Input::Quit, |fault| Input::Lost(fault.to_string())));
        self.live.tell(told);
        self.live.finish();
        (self, outcome)
    }

    /// Takes what the control thread has told since the last look.
    fn take(&mut self, operator: &OperatorEnds) {
        for (sample, cycle) in operator.samples.try_iter() {
            self.black_box.add(&sample, cycle);
            self.live.add(&sample);
            let keys = self.script.as_mut().map(|script| script.keys(&sample)).unwrap_or_default();
            for key in keys {
                let told = self.lesson.take(Input::Key(key));
                self.live.tell(told);
            }
            let told = self.lesson.add(&sample, cycle);
            self.live.tell(told);
        }
    }

    fn keys(&mut self) {
        while let Some(wish) = self.desk.look() {
            let input = match wish {
                Wish::Say(key) => Input::Key(key),
                Wish::Quit => Input::Quit,
                Wish::Help => {
                    self.live.say(HELP);
                    continue;
                }
                Wish::Grip(close) => {
                    let wish = if close { gripper::Wish::Close } else { gripper::Wish::Open };
                    match &self.gripper {
                        Some(gripper) => gripper.ask(wish),
                        None => self.live.say("note     no gripper is connected: start with --gripper"),
                    }
                    continue;
                }
            };
            let told = self.lesson.take(input);
            self.live.tell(told);
        }
    }

    /// What the gripper and the recorder have to say; the same words once.
    fn look_around(&mut self) {
        let words = self.gripper.as_ref().and_then(Gripper::trouble).or_else(|| self.lesson.sink().trouble());
        if words.is_some() && self.trouble != words {
            self.live.say(&format!("note     {}", words.as_deref().unwrap_or_default()));
            self.trouble = words;
        }
        let reading = self.gripper.as_ref().and_then(Gripper::reading);
        self.lesson.sink_mut().set_gripper(reading);
    }

    /// Says and writes what happened; the error, if any, decides the exit code.
    fn conclude(
        self,
        outcome: Result<Outcome, Fault>,
        args: &Args,
        robot: String,
        ended_ns: u64,
    ) -> anyhow::Result<()> {
        let Class { lesson, live, black_box, .. } = self;
        let early = Early::of(&outcome).filter(|_| live.last().is_some());
        let found = early.map(|early| early.keep(&black_box, ended_ns, &robot, &black_box::default_folder()));
        let (outcome, lost) = match outcome {
            Ok(outcome) => (Some(outcome), None),
            Err(fault) => (None, Some(fault)),
        };
        let fault = lost.or_else(|| outcome.as_ref().and_then(|o| o.result.clone().err()));
        let why = outcome.as_ref().map(|o| o.stopped_by).unwrap_or_default();
        let safety_stop = (!why.is_clear()).then_some(SafetyStop { why, by: None });
        let failed = lesson.failed();
        let incomplete =
            (failed > 0).then(|| format!("{failed} episodes are not as they should be: see above"));
        let faults: Vec<String> = fault
            .iter()
            .map(Fault::to_string)
            .chain(safety_stop.iter().map(SafetyStop::to_string))
            .chain(incomplete.clone())
            .collect();
        let wanted = args.wanted().is_none_or(|wanted| lesson.dialogue().kept() >= wanted);
        let ending = match (faults.is_empty(), wanted) {
            (false, _) => Ending::Failed,
            (true, true) => Ending::Done,
            (true, false) => Ending::Stopped,
        };
        let figures = Figures {
            robot,
            task: args.task.clone(),
            episodes: lesson.sink().kept().to_vec(),
            failed_episodes: failed,
            cycles: live.samples(),
            lost_states: live.lost(),
            black_box: found,
            dropped_samples: outcome.as_ref().map_or(0, |outcome| outcome.samples.dropped_by_telemetry),
        };
        if live.last().is_some() {
            let rest = if args.passive || fault.is_some() { "" } else { "; the arm is at rest" };
            say!(
                "taught   {} episodes kept; {} cycles, {} states lost, {} samples dropped{rest}",
                figures.episodes.len(),
                figures.cycles,
                figures.lost_states,
                figures.dropped_samples
            );
        }
        let written = args.common.write(&Report::new("teach", ending, faults, figures));
        let stopped = fault.map(anyhow::Error::from).or(safety_stop.map(anyhow::Error::from));
        match stopped.or(incomplete.map(anyhow::Error::msg)) {
            None => written,
            Some(why) => {
                // A report that cannot be written must not hide why the arm has stopped.
                written.err().iter().for_each(|e| log::error!("{e}"));
                Err(why)
            }
        }
    }
}
