//! The control thread: owns the robot's connection, turns each state into a tick, and measures it.
//!
//! Everything here runs outside `tick` and may look at the clock; nothing here waits while the arm moves,
//! but for lockstep's turns.
use super::brake::Brake;
use super::links::{ControlEnds, Request, SessionEnds};
use super::pulse::Pulse;
use super::tick::Controller;
use crate::demonstration::sample::Sample;
use crate::robot::panda::{self, Panda};
use crate::robot::{Command, Fault, State, realtime};
use crate::safety::Verdict;
use crate::timing::{Cycle, Histogram};
use crossbeam_channel::TrySendError;
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
    /// Set the robot up and drive it.
    Drive(Box<Controller>, ControlEnds),
}

/// How a motion ended.
pub struct Outcome {
    /// The robot's or the driver's word.
    pub result: Result<(), Fault>,
    /// Why our own safety layer ended it, if it did.
    pub stopped_by: Verdict,
    /// The controller, with the policy then in use.
    pub controller: Option<Box<Controller>>,
    /// Our own time from a state's arrival to its command, ns.
    pub tick_ns: Histogram,
    /// What became of the samples.
    pub samples: SampleCounts,
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
}

/// What the control thread needs to connect.
pub struct Thread {
    /// The robot's address.
    pub address: IpAddr,
    /// What to ask of the kernel.
    pub realtime: realtime::Options,
    /// What to set in the robot.
    pub robot: panda::Options,
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
            Ok((panda, state))
        });
        let (mut panda, state) = match connected {
            Ok(connected) => connected,
            Err(fault) => return Outcome::without_motion(Err(fault)),
        };
        let _ = session.events.send(Event::Connected(Box::new(state), granted));
        match session.orders.recv() {
            Ok(Order::Drive(controller, ends)) => match panda.configure(&self.robot) {
                Ok(()) => self.drive(&mut panda, controller, ends),
                Err(fault) => Outcome::without_motion(Err(fault)),
            },
            Err(_) => Outcome::without_motion(Ok(())),
        }
    }

    fn drive(&self, panda: &mut Panda, mut controller: Box<Controller>, mut ends: ControlEnds) -> Outcome {
        let mut tick_ns = Histogram::new();
        let mut samples = SampleCounts::default();
        let mut brake: Option<Brake> = None;
        let result = panda.drive(|state| {
            if let Some(brake) = &mut brake {
                return brake.step(state);
            }
            let received_ns = self.pulse.now_ns();
            let step = catch_unwind(AssertUnwindSafe(|| {
                self.cycle(&mut controller, &mut ends, state, &mut samples)
            }));
            let (command, sample) = match step {
                Ok(done) => done,
                Err(panic) => {
                    // What moved the arm is broken, its limits are not: to rest with those alone.
                    self.pulse.break_down(crate::robot::panic_words(&*panic));
                    return brake.insert(Brake::new(controller.limiter())).step(state);
                }
            };
            let answered_ns = self.pulse.now_ns();
            self.pulse.beat(&command, &sample, answered_ns);
            tick_ns.record(answered_ns - received_ns);
            let cycle = Cycle { received_ns, answered_ns };
            if ends.to_telemetry.try_send((sample, cycle)).is_err() {
                samples.dropped_by_telemetry += 1;
            }
            if let Some(turns) = ends.trainer.as_ref().and_then(|trainer| trainer.turns.as_ref()) {
                // Lockstep: the robot waits for us, and we for the trainer, so that a run repeats bit for bit.
                let _ = turns.recv();
            }
            command
        });
        let result = match self.pulse.broken() {
            Some(words) => Err(Fault::Control(words.to_string())),
            None => result,
        };
        let stopped_by = controller.stopped_by();
        Outcome { result, stopped_by, controller: Some(controller), tick_ns, samples }
    }

    fn cycle(
        &self,
        controller: &mut Controller,
        ends: &mut ControlEnds,
        state: &State,
        samples: &mut SampleCounts,
    ) -> (Command, Sample) {
        match ends.requests.try_recv() {
            Ok(Request::Stop) => controller.stop(),
            Ok(Request::Rollback) => controller.roll_back(),
            Err(_) => {}
        }
        if let Some(trainer) = &ends.trainer
            && let Ok(number) = trainer.withdrawn.try_recv()
            && number == controller.edition()
        {
            controller.roll_back();
        }
        if let Some(trainer) = &ends.trainer
            && controller.is_ready_for_policy()
            && let Ok(policy) = trainer.policies.try_recv()
            && let Some(back) = controller.offer(policy)
        {
            controller.keep_spent(back);
        }
        let (command, sample) = controller.tick(state);
        let lockstep = ends.trainer.as_ref().is_some_and(|trainer| trainer.turns.is_some());
        if let Some(trainer) = &ends.trainer {
            if let Some(spent) = controller.take_spent()
                && let Err(TrySendError::Full(spent) | TrySendError::Disconnected(spent)) =
                    trainer.spent.try_send(spent)
            {
                controller.keep_spent(spent);
            }
            let sent = match trainer.samples.try_send(sample) {
                // The robot waits anyway, and a dropped sample would make the run unrepeatable.
                Err(TrySendError::Full(sample)) if lockstep => trainer.samples.send(sample).is_ok(),
                result => result.is_ok(),
            };
            samples.sent += u64::from(sent);
            samples.dropped += u64::from(!sent);
        }
        (command, sample)
    }
}

impl Outcome {
    fn without_motion(result: Result<(), Fault>) -> Outcome {
        Outcome {
            result,
            stopped_by: Verdict::default(),
            controller: None,
            tick_ns: Histogram::new(),
            samples: SampleCounts::default(),
        }
    }
}
