//! `run`: learn a motion, drive the arm along it, learn on the way.
mod args;
mod figures;
mod live;
mod robot;

pub(super) use args::Args;

use super::common::stop_flag;
use super::exit::{SafetyStop, usage};
use super::keys::{Key, Keys};
use super::places::check_way;
use super::prepare;
use crate::config::Config;
use crate::control::links::{self, OperatorEnds, Request};
use crate::control::{Controller, Outcome, Pulse, Session, Settings};
use crate::demonstration::shapes;
use crate::learn::{Trainer, TrainerCounts};
use crate::policy::Policy;
use crate::robot::{Fault, State, realtime};
use crate::safety::Guard;
use crate::telemetry::{Drive, Ending, Report};
use anyhow::Context;
use figures::Figures;
use live::Live;
use prepare::Prepared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

pub(super) fn run(args: Args, started: Instant) -> anyhow::Result<()> {
    // All that can be refused without a robot is refused before one is touched.
    let config = args.configuration()?;
    let loaded = shapes::load(&args.trajectory, &config.drawing).map_err(usage)?;
    loaded.warnings.iter().for_each(|warning| say!("note     {warning}"));
    let given = args.policy.as_deref().map(prepare::load_policy).transpose()?;

    let stop = stop_flag()?;
    let sim = robot::start_sim(&args, &config)?;
    let pulse = Arc::new(Pulse::new(started));
    let name = robot::name(&args, sim.as_ref());
    let connected = Session::connect(&name, &config.robot, &config.realtime, Arc::clone(&pulse));
    let (session, state, granted) = connected?;
    robot::greet(&session, sim.is_some(), &granted);
    robot::check_ready(&state, &config.safety)?;

    if args.speed_m_s.is_some() && loaded.path.timing().is_some() {
        say!("note     --speed-m-s has no effect: the file has times (t_s); leave them out, or use --speed");
    }
    let speed = args.speed_or_default();
    let prepared = prepare::prepare(&config, &args.trajectory, loaded.path, &state, given, speed)?;
    prepared.say();
    let laps = args.laps_to_drive(&prepared, speed);
    let run = Run { args: &args, config: &config, prepared: &prepared, state: &state, speed, laps };
    run.check_way_to_start().map_err(usage)?;
    if sim.is_none() && !robot::confirm(&args, &config, &prepared, &state, speed)? {
        return Err(usage("not confirmed: nothing was moved"));
    }
    // Until here nothing moves and a signal ends the process at once; from here on it brings the arm to rest.
    stop.store(false, Relaxed);
    let driven = run.drive(session, &pulse, &stop, granted.core)?;
    run.conclude(driven, &pulse, granted, &name)
}

/// Back to the policy before, which then stays; the words for it.
fn go_back(drive: &Drive, trainer: Option<&Trainer>, operator: &OperatorEnds) -> &'static str {
    if drive.last().is_none_or(|sample| sample.edition == 0) {
        return "back     nothing to go back to: the policy is the one the drive began with";
    }
    // First the trainer, or it might send one more.
    if let Some(trainer) = trainer {
        trainer.hold();
    }
    match operator.requests.try_send(Request::Rollback) {
        Ok(()) => "back     to the policy before; none is taken over any more in this drive",
        Err(_) => "back     the control thread is busy: press b again",
    }
}

/// What is settled before the arm moves.
struct Run<'a> {
    args: &'a Args,
    config: &'a Config,
    prepared: &'a Prepared,
    state: &'a State,
    speed: f64,
    laps: Option<f64>,
}

/// What a drive leaves behind.
struct Driven {
    outcome: Result<Outcome, Fault>,
    drive: Drive,
    counts: TrainerCounts,
    /// Whether a person asked it to stop.
    asked: bool,
}

impl Run<'_> {
    fn settings(&self) -> Settings {
        Settings {
            options: self.config.control.clone(),
            generator: self.config.generator.clone(),
            sde: self.config.sde.clone(),
            safety: self.config.safety.clone(),
            speed: self.speed,
            laps: self.laps,
        }
    }

    /// Refuses a way to the start on which the arm would be stopped.
    fn check_way_to_start(&self) -> Result<(), String> {
        let Prepared { timed, policy, F_T_EE, .. } = self.prepared;
        let to = policy.clone().evaluate(timed.at(0.0).0.as_slice());
        let guard = Guard::new(&self.config.safety, F_T_EE);
        check_way(&guard, &self.settings(), &self.state.q_d, &to, F_T_EE)
    }

    fn drive(
        &self,
        session: Session,
        pulse: &Pulse,
        stop: &AtomicBool,
        control_core: Option<usize>,
    ) -> anyhow::Result<Driven> {
        let (config, prepared) = (self.config, self.prepared);
        let settings = self.settings();
        let (control, trainer_ends, operator) = links::link(!self.args.no_fine_tune, self.args.is_lockstep());
        let plan = prepared.learning(config, self.speed);
        let trainer = trainer_ends
            .map(|ends| {
                Trainer::spawn(&plan, prepared.policy.clone(), ends, realtime::cores_but(control_core))
            })
            .transpose()
            .context("the trainer thread cannot be started")?;
        let counts = || trainer.as_ref().map(Trainer::counts).unwrap_or_default();
        let policy = Box::new(prepared.policy.clone());
        let controller =
            Box::new(Controller::new(Arc::clone(&prepared.timed), policy, prepared.F_T_EE, settings));

        let mut drive = Drive::new(Arc::clone(&prepared.timed), Arc::clone(&prepared.expert));
        let mut live = Live::new(self.laps, prepared.timed.lap_s());
        let mut keys = trainer.as_ref().and_then(|_| Keys::open());
        if keys.is_some() {
            say!("keys     b goes back to the policy before and keeps it; Ctrl-C stops");
        }
        let mut asked = false;
        let outcome = session.drive(controller, control, |_| {
            operator.samples.try_iter().for_each(|(sample, _)| drive.add(&sample));
            if stop.load(Relaxed) && !asked {
                asked = operator.requests.try_send(Request::Stop).is_ok();
            }
            if let Some(Key::Char('b')) = keys.as_mut().and_then(|keys| keys.next(Duration::ZERO)) {
                live.say(go_back(&drive, trainer.as_ref(), &operator));
            }
            live.show(&drive, pulse, asked);
        });
        drop(keys);
        operator.samples.try_iter().for_each(|(sample, _)| drive.add(&sample));
        live.finish();
        let counts = counts();
        Ok(Driven { outcome, drive, counts, asked })
    }

    /// Says and writes what happened; the error, if any, decides the exit code.
    fn conclude(
        &self,
        driven: Driven,
        pulse: &Pulse,
        granted: realtime::Granted,
        name: &str,
    ) -> anyhow::Result<()> {
        let (outcome, lost) = match driven.outcome {
            Ok(outcome) => (Some(outcome), None),
            Err(fault) => (None, Some(fault)),
        };
        let fault = lost.or_else(|| outcome.as_ref().and_then(|o| o.result.clone().err()));
        let why = outcome.as_ref().map(|o| o.stopped_by).unwrap_or_default();
        let by = outcome.as_ref().and_then(|o| o.controller.as_ref()).and_then(|c| c.stopped_at());
        let safety_stop = (!why.is_clear()).then_some(SafetyStop { why, by });
        let faults: Vec<String> =
            fault.iter().map(Fault::to_string).chain(safety_stop.iter().map(SafetyStop::to_string)).collect();
        let ending = match (faults.is_empty(), driven.asked) {
            (false, _) => Ending::Failed,
            (true, true) => Ending::Stopped,
            (true, false) => Ending::Done,
        };
        let mut last = outcome.as_ref().and_then(|o| o.controller.as_ref()).map(|c| c.policy().clone());
        let figures =
            Figures::new(self, outcome, &driven.drive, driven.counts, last.as_mut(), pulse, granted, name);
        let report = Report::new("run", ending, faults, figures);
        let written = self.args.common.write(&report);
        let saved = self.save(last.as_ref());
        // Files first: a terminal that has gone must not cost them.
        report.figures.say(&report.ending);
        match fault.map(anyhow::Error::from).or(safety_stop.map(anyhow::Error::from)) {
            None => written.and(saved),
            Some(why) => {
                // A file that cannot be written must not hide why the arm has stopped.
                [written, saved].iter().filter_map(|r| r.as_ref().err()).for_each(|e| log::error!("{e}"));
                Err(why)
            }
        }
    }

    fn save(&self, policy: Option<&Policy>) -> anyhow::Result<()> {
        if let (Some(file), Some(policy)) = (&self.args.save_policy, policy) {
            policy.save(file)?;
            say!("policy   {}", file.display());
        }
        Ok(())
    }
}
