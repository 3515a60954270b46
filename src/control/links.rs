//! Every channel that touches the control thread: the only place where they are made.
//!
//! All are bounded. The control thread only ever tries; whoever sits opposite polls, since a parked receiver
//! would make a send take a lock (crossbeam's array flavour wakes it under a mutex).
use super::{Course, Edition, Event, Order};
use crate::demonstration::episode::Tick;
use crate::demonstration::sample::Sample;
use crate::robot::State;
use crate::timing::Cycle;
use crossbeam_channel::{Receiver, Sender, bounded};

/// Ticks a consumer may lag before samples are dropped, and counted.
const SAMPLES: usize = 8192;

/// The control thread's ends while no motion runs.
pub struct SessionEnds {
    /// What happened.
    pub events: Sender<Event>,
    /// What to do.
    pub orders: Receiver<Order>,
    /// The robot's states, for whoever looks; what finds the place taken is dropped.
    pub states: Sender<State>,
}

/// The supervisor's ends while no motion runs.
pub struct SupervisorEnds {
    /// What happened.
    pub events: Receiver<Event>,
    /// What to do.
    pub orders: Sender<Order>,
    /// The robot's states, one at a time.
    pub states: Receiver<State>,
}

/// Makes the channels of a session with a robot.
pub fn session() -> (SessionEnds, SupervisorEnds) {
    let (events_to, events) = bounded(4);
    let (orders_to, orders) = bounded(1);
    let (states_to, states) = bounded(1);
    let thread = SessionEnds { events: events_to, orders, states: states_to };
    (thread, SupervisorEnds { events, orders: orders_to, states })
}

/// What the supervisor asks of the control thread; what comes later in the list counts for more.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Request {
    /// Go on like this. Only a motion along a path has a tempo.
    Tempo(Tempo),
    /// Ramp to rest and end the motion.
    Stop,
    /// Brake to rest as hard as the limits allow, and end the motion.
    Halt,
}

/// How a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Tempo {
    /// Seconds of reference time per second, above 0.
    pub rate: f64,
    /// Whether reference time is held: the arm rests on the path, and the motion does not end.
    pub is_held: bool,
    /// Laps to drive, counted from the start; `None` goes on until asked to stop.
    pub laps: Option<f64>,
}

/// What the supervisor asks of the policies on the control thread: to go back to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rollback;

/// The control thread's ends.
pub struct ControlEnds {
    /// To whoever reports.
    pub to_telemetry: Sender<(Sample, Cycle)>,
    /// To the trainer; `None` without fine-tuning.
    pub trainer: Option<TrainerLink>,
    /// To the recorder, without a detour by whoever reports: a terminal that hangs must cost no tick. `None` unless
    /// something is recorded; see [`recording`].
    pub recorder: Option<Sender<Tick>>,
    /// From the supervisor.
    pub requests: Receiver<Request>,
    /// From the supervisor.
    pub rollbacks: Receiver<Rollback>,
}

/// The control thread's ends towards the trainer.
pub struct TrainerLink {
    /// One sample a tick.
    pub samples: Sender<Sample>,
    /// Accepted policies.
    pub policies: Receiver<Box<Edition>>,
    /// Corrected paths; the trainer keeps every one.
    pub courses: Receiver<Course>,
    /// Policies no longer wanted: nothing is freed on the control thread.
    pub spent: Sender<Box<Edition>>,
    /// Numbers of policies that have made the arm worse.
    pub withdrawn: Receiver<u32>,
    /// In lockstep, a token per tick once the trainer has done that tick's work.
    pub turns: Option<Receiver<()>>,
}

/// The trainer's ends.
pub struct TrainerEnds {
    /// One sample a tick.
    pub samples: Receiver<Sample>,
    /// Accepted policies.
    pub policies: Sender<Box<Edition>>,
    /// Corrected paths.
    pub courses: Sender<Course>,
    /// Policies that come back.
    pub spent: Receiver<Box<Edition>>,
    /// Numbers of policies that have made the arm worse.
    pub withdrawn: Sender<u32>,
    /// In lockstep, a token per tick once that tick's work is done.
    pub turns: Option<Sender<()>>,
}

/// The supervisor's and the reporter's ends.
pub struct OperatorEnds {
    /// One sample a tick, with when it was answered.
    pub samples: Receiver<(Sample, Cycle)>,
    /// To the control thread.
    pub requests: Sender<Request>,
    /// To the control thread.
    pub rollbacks: Sender<Rollback>,
}

/// Makes the channel to a recorder: the end of whoever has ticks, which only tries, and the recorder's.
pub fn recording() -> (Sender<Tick>, Receiver<Tick>) {
    bounded(SAMPLES)
}

/// Makes all channels of a run. `fine_tune` adds the trainer's; `lockstep` adds its turns.
pub fn link(fine_tune: bool, lockstep: bool) -> (ControlEnds, Option<TrainerEnds>, OperatorEnds) {
    let (to_telemetry, samples) = bounded(SAMPLES);
    let (requests_to, requests) = bounded(8);
    let (rollbacks_to, rollbacks) = bounded(8);
    let (trainer, ends) = if fine_tune {
        let (samples_to, samples) = bounded(SAMPLES);
        let (policies_to, policies) = bounded(1);
        let (courses_to, courses) = bounded(1);
        let (spent, spent_from) = bounded(1);
        let (withdrawn_to, withdrawn) = bounded(1);
        let (turns_to, turns) = bounded(1);
        let turns = lockstep.then_some(turns);
        let turns_to = lockstep.then_some(turns_to);
        (
            Some(TrainerLink { samples: samples_to, policies, courses, spent, withdrawn, turns }),
            Some(TrainerEnds {
                samples,
                policies: policies_to,
                courses: courses_to,
                spent: spent_from,
                withdrawn: withdrawn_to,
                turns: turns_to,
            }),
        )
    } else {
        (None, None)
    };
    let control = ControlEnds { to_telemetry, trainer, recorder: None, requests, rollbacks };
    (control, ends, OperatorEnds { samples, requests: requests_to, rollbacks: rollbacks_to })
}
