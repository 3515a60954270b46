//! `run`: learn a motion, drive the arm along it, learn on the way.
mod args;
mod back;
mod drawn;
mod figures;
mod fingers;
mod live;
mod orders;
mod record;
pub(super) mod robot;
mod served;
mod service;
pub(super) mod view;
mod watch;

pub(super) use args::{AfterTeaching, Args, SPEED};

use super::arm::{self, Arm};
use super::common::stop_flag;
use super::exit::{SafetyStop, usage};
use super::prepare;
use crate::atomic_file;
use crate::config::Config;
use crate::control::links::{self, Tempo};
use crate::control::{Controller, Law, Outcome, Pulse, Purpose, Session, Settings, modes};
use crate::demonstration::csv;
use crate::demonstration::shapes::{self, Loaded};
use crate::demonstration::timed_path::TimedPath;
use crate::learn::places::check_way;
use crate::learn::{Refused, Trainer, TrainerCounts};
use crate::policy::Policy;
use crate::robot::{Fault, State, realtime};
use crate::safety::Guard;
use crate::telemetry::{Abort, BlackBox, Claim, Drive, Ending, Recorder, Report, Saved};
use anyhow::Context;
use figures::Figures;
use fingers::{Asked, Fingers};
use live::Live;
use orders::Orders;
use prepare::{Prepared, Start};
pub(super) use service::Service;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;
use view::View;
pub(super) use view::Watched;
use watch::Watch;

pub(super) fn run(args: Args, started: Instant) -> anyhow::Result<()> {
    if args.serve.serve.is_some() {
        return served::serve(&args, started);
    }
    // All that can be refused without a robot is refused before one is touched.
    let mut config = args.configuration()?;
    let (loaded, start) = load(&args, &mut config)?;

    let stop = stop_flag()?;
    let service = Service::new();
    service.say("connecting to the robot");
    let sim = robot::start_sim(&args, &config)?;
    let pulse = Arc::new(Pulse::new(started));
    let name = robot::name(&args, sim.as_ref());
    let Arm { claim, session, state, granted, address } =
        arm::connect(&name, "run", &config, &pulse, Purpose::Move)?;
    robot::greet(&session, sim.is_some(), &granted);
    follow(Task {
        args: &args,
        config: &config,
        loaded,
        start,
        claim: &claim,
        session,
        state,
        granted,
        address,
        name,
        pulse,
        stop,
        service,
        released_ns: None,
        watched: None,
    })
}

/// What was typed to be followed, and the policy that was given for it.
fn load(args: &Args, config: &mut Config) -> anyhow::Result<(Loaded, Start)> {
    let loaded = shapes::load(args.trajectory(), &config.drawing).map_err(usage)?;
    loaded.warnings.iter().for_each(|warning| say!("note     {warning}"));
    let given = args.policy.as_deref().map(prepare::load_policy).transpose()?;
    match &given {
        Some(policy) => prepare::check_input(policy, &loaded.path, args.trajectory()).map_err(usage)?,
        None => prepare::choose_input(config, &loaded.path),
    }
    Ok((loaded, given.map_or(Start::Nothing, Start::Given)))
}

/// A motion to be followed, and the arm that shall follow it.
pub(super) struct Task<'a> {
    pub(super) args: &'a Args,
    pub(super) config: &'a Config,
    pub(super) loaded: Loaded,
    pub(super) start: Start,
    pub(super) claim: &'a Claim,
    pub(super) session: Session,
    pub(super) state: State,
    pub(super) granted: realtime::Granted,
    pub(super) address: IpAddr,
    /// The robot, as its user calls it.
    pub(super) name: String,
    pub(super) pulse: Arc<Pulse>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) service: Service,
    /// When the hand that taught the motion let go, ns after the start of the program.
    pub(super) released_ns: Option<u64>,
    /// The page that it is shown on, if there is one.
    pub(super) watched: Option<Watched<'a>>,
}

/// Makes ready what is to be followed, asks where a real arm is about to move, and drives.
pub(super) fn follow(task: Task) -> anyhow::Result<()> {
    let Task { args, config, loaded, start, claim, session, state, granted, .. } = task;
    let Task { address, name, pulse, stop, service, released_ns, watched, .. } = task;
    arm::check_ready(&state, &config.safety)?;
    let Loaded { path, taught, .. } = loaded;
    prepare::check_tool(taught.as_ref(), &arm::tool(&state)?, args.trajectory())?;
    if args.speed_m_s.is_some() && path.timing().is_some() {
        let mend = if taught.is_some() { "use --speed" } else { "leave them out, or use --speed" };
        say!("note     --speed-m-s has no effect: the motion has times of its own (t_s); {mend}");
    }
    let speed = args.speed_or_default();
    service.say("learning the motion");
    let is_timed = path.timing().is_some();
    let mut tell = |progress| {
        if let Some(watched) = watched {
            view::learning(watched.page, &state, Some(progress));
        }
    };
    let prepared = prepare::prepare(config, args.trajectory(), path, &state, start, speed, &mut tell)?;
    prepared.say();
    if let Some(watched) = watched.filter(|_| is_timed && prepared.timed.stretch() > 1.0) {
        let words = format!(
            "followed {:.2} times slower than drawn: the arm is not as fast",
            prepared.timed.stretch()
        );
        watched.page.say(false, &words);
    }
    let laps = args.laps_to_drive(&prepared, speed);
    let run =
        Run { args, config, prepared: &prepared, claim, state: &state, speed, laps, released_ns, watched };
    run.check_way_to_start().map_err(usage)?;
    let fingers = match args.gripper {
        true => {
            let grips = taught.map_or(Vec::new(), |about| about.grips);
            if grips.is_empty() {
                say!("note     --gripper: {} opens and closes nothing", args.trajectory());
            }
            Some(Fingers::connect(address, &config.gripper, &grips, &prepared.timed)?)
        }
        false => None,
    };
    if !args.sim && !robot::confirm(args, config, &prepared, &state, speed)? {
        return Err(usage("not confirmed: nothing was moved"));
    }
    if watched.is_some_and(|watched| watched.rest().is_some()) {
        return Err(usage("stopped before the arm has moved"));
    }
    // Until here nothing moves and a signal ends the process at once; from here on it brings the arm to rest.
    stop.store(false, Relaxed);
    let driven = run.drive(session, service, fingers, &pulse, &stop, granted.core)?;
    run.conclude(driven, &pulse, granted, &name)
}

/// What is settled before the arm moves.
struct Run<'a> {
    args: &'a Args,
    config: &'a Config,
    prepared: &'a Prepared,
    claim: &'a Claim,
    state: &'a State,
    speed: f64,
    laps: Option<f64>,
    released_ns: Option<u64>,
    watched: Option<Watched<'a>>,
}

/// What a drive leaves behind.
struct Driven {
    outcome: Result<Outcome, Fault>,
    drive: Drive,
    black_box: BlackBox,
    /// When the session ended, ns after the start of the program.
    ended_ns: u64,
    /// What became of candidates, and which were refused last.
    trained: (TrainerCounts, Vec<Refused>),
    /// Whether a person asked it to stop.
    asked: bool,
    /// What became of the record.
    recorded: Option<anyhow::Result<Saved>>,
    /// What was asked of the gripper, if one was wanted.
    fingers: Option<Vec<Asked>>,
    /// The path with what a person has corrected, if anybody has.
    corrected: Option<Arc<TimedPath>>,
}

impl Run<'_> {
    fn settings(&self) -> Settings {
        Settings {
            options: self.config.control.clone(),
            generator: self.config.generator.clone(),
            push: self.config.push.clone(),
            sde: self.config.sde.clone(),
            safety: self.config.safety.clone(),
            speed: self.speed,
            laps: self.laps,
        }
    }

    /// Refuses a way to the start on which the arm would be stopped.
    fn check_way_to_start(&self) -> Result<(), String> {
        let Prepared { timed, policy, F_T_EE, .. } = self.prepared;
        let to = policy.clone().ask(&timed.pose(0.0));
        let guard = Guard::new(&self.config.safety, F_T_EE);
        let way = self.settings().approach(&self.state.q_d, &to);
        check_way(&guard, way, F_T_EE).map_err(|e| format!("to the start of the path {e}"))
    }

    fn drive(
        &self,
        session: Session,
        service: Service,
        mut fingers: Option<Fingers>,
        pulse: &Pulse,
        stop: &AtomicBool,
        control_core: Option<usize>,
    ) -> anyhow::Result<Driven> {
        let (config, prepared) = (self.config, self.prepared);
        let settings = self.settings();
        let (mut control, trainer_ends, operator) =
            links::link(!self.args.no_fine_tune, self.args.is_lockstep());
        let recorder = record::begin(self, pulse, control_core)?;
        control.recorder = recorder.as_ref().map(Recorder::feed);
        let mut plan = prepared.learning(config, self.speed);
        let law = match self.args.compliant {
            true => Law::Impedance(config.impedance.clone()),
            false => Law::Position,
        };
        if let Law::Impedance(options) = &law {
            plan.stiffness_nm_rad = options.stiffness_nm_rad;
        }
        let trainer = trainer_ends
            .map(|ends| {
                Trainer::spawn(&plan, prepared.policy.clone(), ends, realtime::cores_but(control_core))
            })
            .transpose()
            .context("the trainer thread cannot be started")?;
        let counts = || trainer.as_ref().map(Trainer::counts).unwrap_or_default();
        let policy = Box::new(prepared.policy.clone());
        let controller =
            Box::new(Controller::new(Arc::clone(&prepared.timed), policy, prepared.F_T_EE, settings).by(law));

        let drive = Drive::new(Arc::clone(&prepared.timed), Arc::clone(&prepared.expert));
        let live = Live::new(self.laps, prepared.timed.lap_s());
        let tube_m = config.sde.tube_m;
        let tempo = Tempo { rate: self.speed, is_held: false, laps: self.laps };
        let view = self.watched.map(|watched| View::new(watched.page, prepared, &tempo, tube_m));
        let mut watch = Watch::new(drive, live, service, self.claim, &prepared.figures.name, view);
        let mut orders = Orders::new(self.watched, stop, trainer.as_ref(), tempo, self.args.compliant);
        let mut recording_failed = false;
        let outcome = session.drive(controller, control, |pulse, mode| {
            let words = orders.look(&operator, &watch.drive);
            let is_asked = orders.is_asked_to_rest();
            let mode = if is_asked { mode.after(modes::Event::Stop).unwrap_or(mode) } else { mode };
            watch.tempo(orders.tempo(), orders.is_learning());
            words.iter().for_each(|words| watch.say(words));
            watch.look(&operator, pulse, mode, counts);
            let trouble = fingers.as_mut().and_then(|fingers| fingers.look(watch.drive.last()));
            trouble.iter().for_each(|words| watch.live.say(words));
            if let Some(words) = recorder.as_ref().filter(|_| !recording_failed).and_then(Recorder::failed) {
                recording_failed = true;
                watch.live.say(&words);
            }
            watch.follow(trainer.as_ref());
        });
        watch.service.stopping();
        let ended_ns = pulse.now_ns();
        let asked = orders.is_asked_to_rest();
        drop(orders);
        watch.take(&operator);
        watch.live.finish();
        watch.follow(trainer.as_ref());
        let trained = (counts(), trainer.as_ref().map(Trainer::refusals).unwrap_or_default());
        let corrected = trainer.as_ref().and_then(|trainer| trainer.corrected(0)).map(|(_, timed)| timed);
        let recorded = recorder.map(|recorder| record::keep(recorder, &outcome, asked));
        if let Some(trainer) = trainer {
            trainer.leave();
        }
        let Watch { drive, black_box, .. } = watch;
        let fingers = fingers.map(Fingers::asked);
        Ok(Driven { outcome, drive, black_box, ended_ns, trained, asked, recorded, fingers, corrected })
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
        let by = outcome.as_ref().and_then(|o| o.stopped_at);
        let safety_stop = (!why.is_clear()).then_some(SafetyStop { why, by });
        let faults: Vec<String> =
            fault.iter().map(Fault::to_string).chain(safety_stop.iter().map(SafetyStop::to_string)).collect();
        let ending = match (faults.is_empty(), driven.asked) {
            (false, _) => Ending::Failed,
            (true, true) => Ending::Stopped,
            (true, false) => Ending::Done,
        };
        let has_moved = driven.drive.last().is_some();
        let abort = match (&fault, &safety_stop) {
            (Some(fault), _) => Some(Abort::Fault(fault)),
            (None, Some(stop)) => Some(Abort::Ours(stop.to_string())),
            (None, None) => None,
        };
        let finding = abort.filter(|_| has_moved).map(|abort| {
            driven.black_box.conclude(&abort, driven.ended_ns, name, &self.args.black_box_folder())
        });
        let mut last = outcome.as_ref().and_then(|o| o.controller.as_ref()).map(|c| c.policy().clone());
        let mut figures = Figures::new(
            self,
            outcome,
            &driven.drive,
            driven.trained.0,
            last.as_mut(),
            pulse,
            granted,
            name,
            finding,
        );
        figures.gripper = driven.fingers;
        figures.refusals = figures::refusals(&driven.trained.1, &driven.drive);
        let recorded = match driven.recorded {
            None => Ok(()),
            Some(Err(error)) => Err(error),
            Some(Ok(saved)) => {
                let cut_short = saved.cut_short.clone();
                figures.record = Some(saved);
                cut_short.map_or(Ok(()), |words| Err(anyhow::anyhow!(words)))
            }
        };
        let report = Report::new("run", ending, faults, figures);
        let written = self.args.common.write(&report);
        let saved = self.save(last.as_ref()).and(self.save_path(driven.corrected.as_deref()));
        // Files first: a terminal that has gone must not cost them.
        if has_moved {
            report.figures.say(&report.ending);
            if let Some(watched) = self.watched {
                watched.page.say(false, &report.figures.words(&report.ending));
            }
        }
        match fault.map(anyhow::Error::from).or(safety_stop.map(anyhow::Error::from)) {
            None => written.and(saved).and(recorded),
            Some(why) => {
                // A file that cannot be written must not hide why the arm has stopped.
                [written, saved, recorded]
                    .iter()
                    .filter_map(|r| r.as_ref().err())
                    .for_each(|e| log::error!("{e}"));
                Err(why)
            }
        }
    }

    fn save_path(&self, corrected: Option<&TimedPath>) -> anyhow::Result<()> {
        let Some(file) = &self.args.save_trajectory else { return Ok(()) };
        let timed = corrected.unwrap_or(&self.prepared.timed);
        atomic_file::write(file, csv::trajectory_csv(timed).as_bytes())
            .with_context(|| format!("--save-trajectory {}", file.display()))?;
        say!("path     {}", file.display());
        Ok(())
    }

    fn save(&self, policy: Option<&Policy>) -> anyhow::Result<()> {
        if let (Some(file), Some(policy)) = (&self.args.save_policy, policy) {
            policy.save(file)?;
            say!("policy   {}", file.display());
        }
        Ok(())
    }
}
