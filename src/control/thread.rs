//! The control thread: owns the robot's connection, turns each state into a tick, and measures it.
//!
//! Everything here runs outside `tick` and may look at the clock; nothing here waits while the arm moves,
//! but for lockstep's turns.
use super::brake::Brake;
use super::guidance;
use super::impedance::Impedance;
use super::links::{ControlEnds, SessionEnds, TrainerLink};
use super::pulse::Pulse;
use super::residual::{Residual, not_let_go};
use super::standing::Standing;
use super::tick::Controller;
use super::usage::{ControlUsage, Watch};
use super::{Law, Pilot, Purpose, impedance, watching};
use crate::demonstration::episode::Tick;
use crate::demonstration::sample::Sample;
use crate::robot::panda::{self, Panda};
use crate::robot::{Fault, Mode, State, limits, panic_words, realtime};
use crate::safety::{Margin, Verdict};
use crate::timing::{Cycle, Histogram};
use crossbeam_channel::{TryRecvError, TrySendError};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

/// What the control thread reports while no motion runs.
pub enum Event {
    /// Connected, with the robot's first state and what the kernel granted.
    Connected(Box<State>, realtime::Granted),
    /// The motion, or the whole thread, ended.
    Ended(Box<Outcome>),
}

/// What the control thread is told while no motion runs.
pub enum Order {
    /// Drive it along a path.
    Drive(Box<Controller>, ControlEnds),
    /// Move it as this says: to a pose, for example.
    Go(Box<dyn Pilot>, ControlEnds),
    /// Let a person guide it: the same, with what that asks of the robot, and not with a load that seems wrong.
    Guide(Box<dyn Pilot>, ControlEnds, Box<guidance::Options>),
    /// Only read its states, and set nothing.
    Watch(ControlEnds),
    /// Clear the robot's errors.
    Recover,
}

/// How a motion ended.
pub struct Outcome {
    /// The robot's or the driver's word.
    pub result: Result<(), Fault>,
    /// Why our own safety layer ended it, if it did.
    pub stopped_by: Verdict,
    /// By how much a limit with a figure was broken then, if one was.
    pub stopped_at: Option<Margin>,
    /// The controller, with the policy then in use.
    pub controller: Option<Box<Controller>>,
    /// Our own time from a state's arrival to its command, ns.
    pub tick_ns: Histogram,
    /// What became of the samples.
    pub samples: SampleCounts,
    /// What the thread used of the machine.
    pub usage: ControlUsage,
}

/// What became of a drive's samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SampleCounts {
    /// Handed to the trainer.
    pub sent: u64,
    /// Not handed to the trainer, whose queue was full.
    pub dropped: u64,
    /// Not handed to the report, whose queue was full: its figures lack them.
    pub dropped_by_telemetry: u64,
    /// Not handed to the recorder, whose queue was full: the episode lacks them.
    pub dropped_by_recorder: u64,
}

/// What the control thread needs to connect.
pub struct Thread {
    /// The robot's address.
    pub address: IpAddr,
    /// What to ask of the kernel.
    pub realtime: realtime::Options,
    /// What to set in the robot …
    pub robot: panda::Options,
    /// … if anything is.
    pub purpose: Purpose,
    /// Signs of life.
    pub pulse: Arc<Pulse>,
}

impl Thread {
    /// Starts the thread. It ends after one motion, on a fault, or when the session's other end is gone.
    ///
    /// # Errors
    /// What the system says when it cannot make a thread.
    pub fn spawn(self, session: SessionEnds) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("control".into()).spawn(move || {
            let outcome = self.run(&session);
            // The supervisor may have given this thread up: then nobody listens.
            let _ = session.events.send(Event::Ended(Box::new(outcome)));
            self.pulse.end();
        })
    }

    fn run(&self, session: &SessionEnds) -> Outcome {
        self.pulse.begin(realtime::thread_id());
        let granted = realtime::enter(&self.realtime);
        let connected = Panda::connect(self.address).and_then(|mut panda| {
            let state = panda.read()?;
            // Only an idle robot takes settings. They come first: what is planned from the state that is told is planned
            // for this tool, and what the arm feels at rest is felt with this load.
            let is_set = self.purpose == Purpose::Move && state.mode == Mode::Idle;
            if is_set {
                panda.configure(&self.robot)?;
            }
            let state = panda.read()?;
            Ok((panda, state, is_set))
        });
        let (mut panda, state, is_set) = match connected {
            Ok(connected) => connected,
            Err(fault) => return Outcome::without_motion(Err(fault)),
        };
        let _ = session.events.send(Event::Connected(Box::new(state), granted));
        let mut standing = Standing::default();
        let order = loop {
            match session.orders.try_recv() {
                Ok(order) => break order,
                Err(TryRecvError::Disconnected) => return Outcome::without_motion(Ok(())),
                Err(TryRecvError::Empty) => match panda.read() {
                    Ok(state) => {
                        standing.add(&state);
                        let _ = session.states.try_send(state); // nobody may look
                    }
                    Err(fault) => return Outcome::without_motion(Err(fault)),
                },
            }
        };
        let mut set_up = |panda: &mut Panda| {
            if !is_set {
                panda.configure(&self.robot)?;
                standing = Standing::default();
            }
            while !standing.knows(&self.robot) {
                standing.add(&panda.read()?);
            }
            standing.check(&self.robot)
        };
        match order {
            Order::Recover => Outcome::without_motion(panda.recover()),
            Order::Watch(ends) => {
                let watched = watching::watch(&mut panda, &ends, &self.pulse);
                let samples = SampleCounts {
                    dropped_by_telemetry: watched.as_ref().map_or(0, |dropped| *dropped),
                    ..SampleCounts::default()
                };
                Outcome { samples, ..Outcome::without_motion(watched.map(|_| ())) }
            }
            Order::Guide(pilot, ends, options) => match set_up(&mut panda) {
                Ok(()) => self.guide(&mut panda, pilot, ends, &options),
                Err(fault) => Outcome::without_motion(Err(fault)),
            },
            Order::Go(pilot, ends) => match set_up(&mut panda) {
                Ok(()) => self.drive(&mut panda, pilot, ends, |_, _| {}, |_, _, _, _| {}).1,
                Err(fault) => Outcome::without_motion(Err(fault)),
            },
            Order::Drive(controller, ends) => match set_up(&mut panda) {
                Ok(()) => {
                    let (controller, outcome) =
                        self.drive(&mut panda, controller, ends, before_tick, after_tick);
                    Outcome { controller: Some(controller), ..outcome }
                }
                // The policy it came with is not lost with the motion.
                Err(fault) => Outcome { controller: Some(controller), ..Outcome::without_motion(Err(fault)) },
            },
        }
    }

    /// One motion by a person's hand: after a look at the load, and with other thresholds while it lasts.
    fn guide(
        &self,
        panda: &mut Panda,
        pilot: Box<dyn Pilot>,
        ends: ControlEnds,
        options: &guidance::Options,
    ) -> Outcome {
        let mut rest = Residual::default();
        let look = || {
            while f64::from(rest.states()) * limits::CYCLE_S < options.rest_s {
                rest.add(&panda.read()?);
            }
            rest.check(options).map_err(|refusal| not_let_go(refusal, options, &self.robot))?;
            panda.configure(&options.robot(&self.robot))
        };
        if let Err(fault) = { look }() {
            return Outcome::without_motion(Err(fault));
        }
        let (_, outcome) = self.drive(
            panda,
            pilot,
            ends,
            |_, _| {},
            |_, ends, sample, samples| {
                if let Some(trainer) = &ends.trainer {
                    tell(trainer, sample, samples);
                }
            },
        );
        // A robot that is lost keeps no thresholds; one that has stopped by itself may refuse to be set.
        match (outcome.result, panda) {
            (Ok(()), panda) => Outcome { result: panda.configure(&self.robot), ..outcome },
            (Err(fault @ Fault::Stopped { .. }), panda) => {
                let _ = panda.configure(&self.robot);
                Outcome { result: Err(fault), ..outcome }
            }
            (result, _) => Outcome { result, ..outcome },
        }
    }

    /// One motion; `before` and `after` each tick of it, the pilot may be given and give things.
    fn drive<P: Pilot + ?Sized>(
        &self,
        panda: &mut Panda,
        mut pilot: Box<P>,
        mut ends: ControlEnds,
        before: fn(&mut P, &mut ControlEnds),
        after: fn(&mut P, &mut ControlEnds, &Sample, &mut SampleCounts),
    ) -> (Box<P>, Outcome) {
        let mut tick_ns = Histogram::new();
        let mut samples = SampleCounts::default();
        let mut brake: Option<Brake> = None;
        let mut watch = Watch::new();
        let law = pilot.law().clone();
        let mut step = |state: &State, received_ns: u64, law: &mut Torques| {
            watch.enter();
            let seen = match law {
                Torques::Springs(law) => law.see(state),
                Torques::Robot | Torques::Pilot => *state,
            };
            let (command, sample) = match &mut brake {
                Some(brake) => (brake.step(&seen), None),
                None => {
                    self.pulse.set_in_step(true);
                    let step = catch_unwind(AssertUnwindSafe(|| {
                        ends.requests.try_iter().take(1).for_each(|request| pilot.take(request));
                        before(&mut pilot, &mut ends);
                        let (command, sample) = pilot.tick(&seen);
                        after(&mut pilot, &mut ends, &sample, &mut samples);
                        (command, Some(sample))
                    }));
                    self.pulse.set_in_step(false);
                    step.unwrap_or_else(|panic| {
                        // What moved the arm is broken, its limits are not: to rest with those alone.
                        self.pulse.break_down(panic_words(&*panic));
                        let seen = law.take_over(state, &seen);
                        (brake.insert(Brake::new(pilot.limiter())).step(&seen), None)
                    })
                }
            };
            let torque = match law {
                Torques::Springs(law) => law.answer(state, &command),
                Torques::Robot | Torques::Pilot => pilot.torque(),
            };
            let answered_ns = self.pulse.now_ns();
            self.pulse.beat(&command);
            if let Some(sample) = sample {
                self.pulse.note(&sample, pilot.phase(), answered_ns);
                tick_ns.record(answered_ns - received_ns);
                let cycle = Cycle { received_ns, answered_ns };
                if let Some(recorder) = &ends.recorder {
                    let kept = recorder.try_send(Tick::of(&sample, cycle, None));
                    samples.dropped_by_recorder += u64::from(kept.is_err());
                }
                let told = ends.to_telemetry.try_send((sample, cycle));
                samples.dropped_by_telemetry += u64::from(told.is_err());
                watch.command_ready();
                if let Some(turns) = ends.trainer.as_ref().and_then(|trainer| trainer.turns.as_ref()) {
                    // Lockstep: the robot waits for us, and we for the trainer, so that a run repeats bit for bit.
                    let _ = turns.recv();
                }
            }
            watch.leave();
            (command, torque)
        };
        let result = match &law {
            Law::Position => panda.drive(|state| step(state, self.pulse.now_ns(), &mut Torques::Robot).0),
            law => {
                let mut torques = match law {
                    Law::Impedance(options) => Torques::Springs(Box::new(Impedance::new(options))),
                    Law::Position | Law::Pilot => Torques::Pilot,
                };
                panda.drive_by_torque(|state| {
                    let torque = step(state, self.pulse.now_ns(), &mut torques).1;
                    (torque.tau, torque.is_last)
                })
            }
        };
        let result = match self.pulse.broken() {
            Some(words) => Err(Fault::Control(words.to_string())),
            None => result,
        };
        let (stopped_by, stopped_at) = (pilot.stopped_by(), pilot.stopped_at());
        let usage = watch.figures();
        (pilot, Outcome { result, stopped_by, stopped_at, controller: None, tick_ns, samples, usage })
    }
}

/// What makes the torques of a motion.
enum Torques {
    Robot,
    Springs(Box<Impedance>),
    Pilot,
}

impl Torques {
    /// Once the pilot is broken: springs have the arm from where it is. The state as they see it.
    fn take_over(&mut self, state: &State, seen: &State) -> State {
        if !matches!(self, Torques::Pilot) {
            return *seen;
        }
        let mut law = Box::new(Impedance::taking_over(&impedance::Options::default(), state));
        let seen = law.see(state);
        *self = Torques::Springs(law);
        seen
    }
}

/// What the trainer and the operator ask of the policies on the control thread.
fn before_tick(controller: &mut Controller, ends: &mut ControlEnds) {
    if ends.rollbacks.try_recv().is_ok() {
        controller.roll_back();
    }
    let Some(trainer) = &ends.trainer else { return };
    if let Ok(number) = trainer.withdrawn.try_recv()
        && number == controller.edition()
    {
        controller.roll_back();
    }
    if controller.is_ready_for_course()
        && let Ok(course) = trainer.courses.try_recv()
    {
        controller.offer_course(course);
    }
    if controller.is_ready_for_policy()
        && let Ok(policy) = trainer.policies.try_recv()
        && let Some(back) = controller.offer(policy)
    {
        controller.keep_spent(back);
    }
}

/// What the trainer is given: the tick, and the policy that is no longer wanted.
fn after_tick(
    controller: &mut Controller,
    ends: &mut ControlEnds,
    sample: &Sample,
    samples: &mut SampleCounts,
) {
    let Some(trainer) = &ends.trainer else { return };
    if let Some(spent) = controller.take_spent()
        && let Err(TrySendError::Full(spent) | TrySendError::Disconnected(spent)) =
            trainer.spent.try_send(spent)
    {
        controller.keep_spent(spent);
    }
    tell(trainer, sample, samples);
}

/// Hands the trainer a tick.
fn tell(trainer: &TrainerLink, sample: &Sample, samples: &mut SampleCounts) {
    let sent = match trainer.samples.try_send(*sample) {
        // The robot waits anyway, and a dropped sample would make the run unrepeatable.
        Err(TrySendError::Full(sample)) if trainer.turns.is_some() => trainer.samples.send(sample).is_ok(),
        result => result.is_ok(),
    };
    samples.sent += u64::from(sent);
    samples.dropped += u64::from(!sent);
}

impl Outcome {
    fn without_motion(result: Result<(), Fault>) -> Outcome {
        Outcome {
            result,
            stopped_by: Verdict::default(),
            stopped_at: None,
            controller: None,
            tick_ns: Histogram::new(),
            samples: SampleCounts::default(),
            usage: ControlUsage::default(),
        }
    }
}
