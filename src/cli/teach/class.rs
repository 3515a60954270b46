//! A session of teaching, from its first look at the arm to its report.
use super::super::exit::SafetyStop;
use super::super::motion::Early;
use super::desk::{Desk, HELP, Wish};
use super::diary::{self, Diary};
use super::episodes::{Episodes, Kept};
use super::live::Live;
use super::script::Script;
use super::view::View;
use super::{Args, then_run};
use crate::config::Config;
use crate::control::links::{ControlEnds, OperatorEnds, Request};
use crate::control::modes::Mode;
use crate::control::{Outcome, Pulse, Session};
use crate::demonstration::sample::Kind;
use crate::learn::{Apprentice, apprentice};
use crate::policy::Policy;
use crate::robot::Fault;
use crate::robot::gripper::{self, Gripper};
use crate::teach::{Input, Lesson};
use crate::telemetry::black_box::{self, Finding};
use crate::telemetry::{BlackBox, Ending, Report};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

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
    /// What was learnt while the arm was guided.
    learnt: Option<apprentice::Report>,
    /// What was going on when.
    session: diary::Figures,
    /// What is known of an early end, if it had one.
    black_box: Option<Finding>,
}

/// A session of teaching.
pub(super) struct Class<'a> {
    lesson: Lesson<Episodes>,
    live: Live<'a>,
    desk: Desk,
    view: Option<View<'a>>,
    script: Option<Script>,
    gripper: Option<Gripper>,
    black_box: BlackBox,
    diary: Diary,
    /// Whether the motion has been asked to end.
    asked: bool,
    /// What was last said of the gripper or the recorder.
    trouble: Option<String>,
    /// Whether the gripper held something when it was last looked at.
    holds: bool,
    /// When a hand was last felt, ns after the start of the program.
    released_ns: Option<u64>,
    /// What was learnt while the arm was guided.
    learnt: Option<(Option<Policy>, apprentice::Report)>,
}

/// What a session has come to.
pub(super) struct Taught {
    /// The files that were kept, in order.
    pub(super) files: Vec<PathBuf>,
    /// Whether all went well, and as many episodes were kept as were wanted.
    pub(super) is_complete: bool,
    /// The policy learnt while the arm was guided.
    pub(super) policy: Option<Policy>,
    pub(super) released_ns: Option<u64>,
}

impl<'a> Class<'a> {
    pub(super) fn new(
        lesson: Lesson<Episodes>,
        desk: Desk,
        script: Option<Script>,
        gripper: Option<Gripper>,
        view: Option<View<'a>>,
    ) -> Class<'a> {
        Class {
            lesson,
            live: Live::new(view.as_ref().map(View::page)),
            desk,
            view,
            script,
            gripper,
            black_box: BlackBox::default(),
            diary: Diary::new(),
            asked: false,
            trouble: None,
            holds: false,
            released_ns: None,
            learnt: None,
        }
    }

    pub(super) fn hold(
        mut self,
        session: Session,
        (control, operator, apprentice): (ControlEnds, OperatorEnds, Option<Apprentice>),
        args: &Args,
        config: &Config,
        stop: &AtomicBool,
    ) -> (Class<'a>, Result<Outcome, Fault>) {
        let look = |class: &mut Class<'a>, pulse: &Pulse, mode: Mode| {
            class.black_box.look(pulse.now_ns(), mode == Mode::Fault);
            class.take(&operator);
            class.keys();
            class.look_around();
            let rest = class.view.as_ref().and_then(View::rest);
            if stop.load(Relaxed) || rest.is_some() {
                let told = class.lesson.take(Input::Quit);
                class.live.tell(told);
            }
            let over = class.lesson.dialogue().state() == crate::teach::State::Over;
            if over && !class.asked {
                class.asked = operator.requests.try_send(rest.unwrap_or(Request::Stop)).is_ok();
            }
            let dialogue = class.lesson.dialogue();
            let (state, hands_free) = (dialogue.state(), dialogue.is_hands_free());
            let error_mm = apprentice.as_ref().and_then(Apprentice::error_mm);
            class.diary.judged(error_mm);
            let typing = class.desk.typing();
            let samples = class.lesson.samples();
            class.live.show(state, samples, hands_free, typing.as_deref(), error_mm);
            if let Some(view) = &mut class.view {
                view.show(&class.live, class.lesson.dialogue(), samples, args.wanted(), error_mm);
            }
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
        self.learnt = apprentice.and_then(Apprentice::finish);
        (self, outcome)
    }

    /// Takes what the control thread has told since the last look.
    fn take(&mut self, operator: &OperatorEnds) {
        for (sample, cycle) in operator.samples.try_iter() {
            self.black_box.add(&sample, cycle);
            self.live.add(&sample);
            if sample.kind == Kind::Demonstration {
                self.released_ns = Some(cycle.received_ns);
            }
            let keys = self.script.as_mut().map(|script| script.keys(&sample)).unwrap_or_default();
            for key in keys {
                let told = self.lesson.take(Input::Key(key));
                self.live.tell(told);
            }
            let told = self.lesson.add(&sample, cycle);
            self.live.tell(told);
            self.diary.add(&sample, self.lesson.dialogue().state());
        }
    }

    fn keys(&mut self) {
        while let Some(wish) = self.desk.look().or_else(|| self.view.as_ref().and_then(View::look)) {
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
        let holds = reading.is_some_and(|reading| reading.is_grasped);
        if std::mem::replace(&mut self.holds, holds) != holds {
            let width_mm = reading.map_or(0.0, |reading| 1e3 * reading.width_m);
            self.live.say(&match holds {
                true => format!("gripper  holds something {width_mm:.0} mm wide"),
                false => "gripper  holds nothing".to_owned(),
            });
        }
        self.lesson.sink_mut().set_gripper(reading);
    }

    /// Says and writes what happened; the error, if any, decides the exit code.
    pub(super) fn conclude(
        self,
        outcome: Result<Outcome, Fault>,
        args: &Args,
        robot: String,
        ended_ns: u64,
    ) -> anyhow::Result<Taught> {
        let Class { lesson, live, black_box, diary, learnt, released_ns, .. } = self;
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
            learnt: learnt.as_ref().map(|(_, report)| report.clone()),
            session: diary.figures(),
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
        if let Some((_, report)) = &learnt {
            then_run::say(report);
        }
        let taught = Taught {
            files: lesson.sink().kept().iter().map(|kept| kept.file().to_owned()).collect(),
            is_complete: ending == Ending::Done,
            policy: learnt.and_then(|(policy, _)| policy),
            released_ns,
        };
        let written = args.common.write(&Report::new("teach", ending, faults, figures));
        let stopped = fault.map(anyhow::Error::from).or(safety_stop.map(anyhow::Error::from));
        match stopped.or(incomplete.map(anyhow::Error::msg)) {
            None => written.map(|()| taught),
            Some(why) => {
                // A report that cannot be written must not hide why the arm has stopped.
                written.err().iter().for_each(|e| log::error!("{e}"));
                Err(why)
            }
        }
    }
}
