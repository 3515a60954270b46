//! The supervisor's side of a session: waits with limits where the driver would wait for ever.
use super::links::{self, ControlEnds, SupervisorEnds};
use super::modes::{self, Mode};
use super::{Controller, Event, Guide, Order, Outcome, Pilot, Pulse, Purpose, Thread, guidance};
use crate::robot::{Fault, State, panda, realtime, sockets};
use crate::safety;
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the supervisor looks up.
const LOOK: Duration = Duration::from_millis(4);
/// SCHED_FIFO priority of whoever watches a motion: below the control thread's, before all ordinary work, so that a busy
/// machine does not delay the word that something is wrong.
const WATCH_PRIORITY: i32 = 10;
/// Between two attempts to connect again.
const RETRY: Duration = Duration::from_millis(50);
/// From the order to drive to the first tick: setters, then the robot's own start.
const START_LIMIT: Duration = Duration::from_secs(5);
/// From the order to recover to the robot's word: a real one takes some seconds.
const RECOVERY_LIMIT: Duration = Duration::from_secs(20);
/// From the last command of a motion to the robot's word that it has ended.
const END_LIMIT: Duration = Duration::from_secs(3);
/// How long the driver may take, once the robot counts as silent, to say why by itself.
const GRACE: Duration = Duration::from_millis(80);
/// Between two attempts to call a stuck thread back, and how many there are.
const RECALL: (Duration, u32) = (Duration::from_millis(2), 40);
/// Stuck control threads that may be left behind: each keeps its stack and its descriptors.
const GIVEN_UP_MAX: usize = 4;

/// A connected robot that is not moving.
pub struct Session {
    ends: SupervisorEnds,
    pulse: Arc<Pulse>,
    silence: Duration,
    address: IpAddr,
    /// Whether to ask for a real-time priority while watching.
    watches_first: bool,
}

impl Session {
    /// Connects within the options' time limit, and sets the robot up if it is to be moved and idle.
    ///
    /// A thread that hangs in the driver is called back, and its connection ended.
    ///
    /// # Errors
    /// [`Fault`] says whether the network, the version or the driver was the reason.
    pub fn connect(
        address: IpAddr,
        robot: &panda::Options,
        realtime: &realtime::Options,
        pulse: Arc<Pulse>,
        purpose: Purpose,
    ) -> Result<(Session, State, realtime::Granted), Fault> {
        if Pulse::given_up() >= GIVEN_UP_MAX {
            return Err(Fault::GivenUp(GIVEN_UP_MAX));
        }
        let limit = Duration::from_secs_f64(robot.connect_timeout_s);
        panda::probe(address, limit)?;
        let (thread_ends, ends) = links::session();
        let thread = Thread {
            address,
            realtime: realtime.clone(),
            robot: robot.clone(),
            purpose,
            pulse: Arc::clone(&pulse),
        };
        thread
            .spawn(thread_ends)
            .map_err(|e| Fault::Driver(format!("the control thread cannot be started: {e}")))?;
        match ends.events.recv_timeout(limit) {
            Ok(Event::Connected(state, granted)) => {
                let silence = Duration::from_secs_f64(robot.silence_timeout_s);
                let watches_first = granted.priority > WATCH_PRIORITY;
                let session = Session { ends, pulse, silence, address, watches_first };
                Ok((session, *state, granted))
            }
            Ok(Event::Ended(outcome)) => Err(outcome.result.err().unwrap_or(Fault::Unreachable {
                address,
                reason: "the connection ended before it began".to_string(),
            })),
            Err(_) => {
                recall(&ends.events, &pulse, address);
                let reason =
                    format!("the port is open but nothing answered within {:.1} s", limit.as_secs_f64());
                Err(Fault::Unreachable { address, reason })
            }
        }
    }

    /// Connects again to a robot that was connected a moment ago: it may take a while to notice that its client has gone,
    /// or to come back.
    ///
    /// # Errors
    /// As [`Session::connect`], when it still fails after `within`.
    pub fn reconnect(
        address: IpAddr,
        robot: &panda::Options,
        realtime: &realtime::Options,
        pulse: Arc<Pulse>,
        within: Duration,
    ) -> Result<(Session, State, realtime::Granted), Fault> {
        let begun = Instant::now();
        loop {
            match Session::connect(address, robot, realtime, Arc::clone(&pulse), Purpose::Move) {
                Err(Fault::Unreachable { .. }) if begun.elapsed() < within => std::thread::sleep(RETRY),
                result => return result,
            }
        }
    }

    /// A state that has come since the last look, while nothing moves.
    ///
    /// # Errors
    /// Why the connection has ended, if it has: the session is then of no use any more.
    pub fn look(&self) -> Result<Option<State>, Fault> {
        match self.ends.events.try_recv() {
            Ok(Event::Ended(outcome)) => {
                Err(outcome.result.err().unwrap_or_else(|| Fault::Lost("the session has ended".to_string())))
            }
            Err(TryRecvError::Disconnected) => Err(Fault::Lost("the control thread has died".to_string())),
            Ok(Event::Connected(..)) | Err(TryRecvError::Empty) => Ok(self.ends.states.try_recv().ok()),
        }
    }

    /// Where the robot is.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Drives along a path to the end of the motion. `look` is called every few milliseconds with what the arm is doing.
    ///
    /// When ticks stop coming, the outcome is [`Fault::Lost`]: the thread is called back from the driver, its connection
    /// is ended, and the robot, without commands, stops by itself.
    ///
    /// # Errors
    /// [`Fault::Stuck`] when the thread does not come back: it is left behind, and what it owns with it.
    pub fn drive(
        self,
        controller: Box<Controller>,
        ends: ControlEnds,
        look: impl FnMut(&Pulse, Mode),
    ) -> Result<Outcome, Fault> {
        self.carry_out(Order::Drive(controller, ends), Some(modes::Event::Follow), START_LIMIT, look)
    }

    /// The same for a motion without a path: a way to a pose, for example.
    ///
    /// # Errors
    /// As [`Session::drive`].
    pub fn go(
        self,
        pilot: Box<dyn Pilot>,
        ends: ControlEnds,
        look: impl FnMut(&Pulse, Mode),
    ) -> Result<Outcome, Fault> {
        self.carry_out(Order::Go(pilot, ends), Some(modes::Event::Home), START_LIMIT, look)
    }

    /// Lets a person guide the arm: after the robot has stood for `options.rest_s`, if it then carries what it believes.
    ///
    /// # Errors
    /// As [`Session::drive`].
    pub fn guide(
        self,
        options: &guidance::Options,
        safety: &safety::Options,
        ends: ControlEnds,
        look: impl FnMut(&Pulse, Mode),
    ) -> Result<Outcome, Fault> {
        let pilot = Box::new(Guide::new(options, safety));
        let start_limit = START_LIMIT + Duration::from_secs_f64(options.rest_s);
        self.carry_out(
            Order::Guide(pilot, ends, Box::new(options.clone())),
            Some(modes::Event::Guide),
            start_limit,
            look,
        )
    }

    /// Reads states until it is asked to stop; nothing is set in the robot, and it is not moved.
    ///
    /// # Errors
    /// As [`Session::drive`].
    pub fn read_only(self, ends: ControlEnds, look: impl FnMut(&Pulse, Mode)) -> Result<Outcome, Fault> {
        self.carry_out(Order::Watch(ends), None, START_LIMIT, look)
    }

    /// Clears the robot's errors.
    ///
    /// # Errors
    /// As [`Session::drive`].
    pub fn recover(self, look: impl FnMut(&Pulse, Mode)) -> Result<Outcome, Fault> {
        self.carry_out(Order::Recover, Some(modes::Event::Recover), RECOVERY_LIMIT, look)
    }

    fn carry_out(
        self,
        order: Order,
        begin: Option<modes::Event>,
        start_limit: Duration,
        look: impl FnMut(&Pulse, Mode),
    ) -> Result<Outcome, Fault> {
        let first = self.watches_first && realtime::fifo(WATCH_PRIORITY);
        let outcome = self.watch(order, begin, start_limit, look);
        if first {
            realtime::ordinary();
        }
        outcome
    }

    fn watch(
        self,
        order: Order,
        begin: Option<modes::Event>,
        start_limit: Duration,
        mut look: impl FnMut(&Pulse, Mode),
    ) -> Result<Outcome, Fault> {
        if self.ends.orders.send(order).is_err() {
            // It has ended while nothing moved, and has said why.
            return match self.ends.events.recv_timeout(LOOK) {
                Ok(Event::Ended(outcome)) => Ok(*outcome),
                _ => Err(Fault::Lost("the control thread has died".to_string())),
            };
        }
        let before = if begin == Some(modes::Event::Recover) { Mode::Fault } else { Mode::Idle };
        let mut mode = begin.map_or(before, |begin| before.after(begin).unwrap_or(before));
        let mut silence = Silence::new();
        loop {
            match self.ends.events.recv_timeout(LOOK) {
                Ok(Event::Ended(outcome)) => return Ok(*outcome),
                Ok(Event::Connected(..)) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Fault::Lost("the control thread has died".to_string()));
                }
            }
            let silent = silence.look(&self.pulse, Instant::now());
            let limit = match (self.pulse.ticks(), self.pulse.is_finishing()) {
                (0, _) => start_limit,
                (_, true) => END_LIMIT,
                (_, false) => self.silence,
            };
            let failed = silent > limit || self.pulse.broken().is_some();
            mode = mode.during(self.pulse.phase());
            self.pulse.set_silent(silent > limit);
            look(&self.pulse, if failed { Mode::Fault } else { mode });
            if silent > limit + GRACE {
                let silent_s = silent.as_secs_f64();
                let lost = || Fault::Lost(format!("no state for {silent_s:.2} s"));
                let in_step = self.pulse.is_in_step();
                return match recall(&self.ends.events, &self.pulse, self.address) {
                    Some(outcome) => Ok(Outcome { result: own_words(outcome.result, lost), ..*outcome }),
                    None if in_step => Err(Fault::Stuck(silent_s)),
                    None => Err(lost()),
                };
            }
        }
    }
}

/// What the driver itself said, unless that is only that we called it back.
fn own_words(result: Result<(), Fault>, lost: impl Fn() -> Fault) -> Result<(), Fault> {
    match result {
        Err(Fault::Driver(words)) if words.contains("Interrupted") => Err(lost()),
        // A reply that never came, and the motion is done all the same.
        result => result,
    }
}

/// How long no tick has come, as the supervisor itself has watched it: while the whole machine stands still, nobody
/// is silent.
struct Silence {
    ticks: u64,
    lasts: Duration,
    looked: Instant,
}

impl Silence {
    fn new() -> Silence {
        Silence { ticks: 0, lasts: Duration::ZERO, looked: Instant::now() }
    }

    fn look(&mut self, pulse: &Pulse, now: Instant) -> Duration {
        let between = now.saturating_duration_since(self.looked).min(2 * LOOK);
        self.looked = now;
        let ticks = pulse.ticks();
        self.lasts = if ticks == self.ticks { self.lasts + between } else { Duration::ZERO };
        self.ticks = ticks;
        self.lasts
    }
}

/// Calls a thread that hangs in the driver back: the robot's slot is freed, and a signal ends the driver's wait.
///
/// One that does not come is left behind, to run only when nothing else wants to.
fn recall(events: &Receiver<Event>, pulse: &Pulse, address: IpAddr) -> Option<Box<Outcome>> {
    sockets::hang_up((address, panda::PORT).into());
    for _ in 0..RECALL.1 {
        // A signal between two waits of the driver is not seen by it: so again.
        realtime::interrupt(pulse.thread_id());
        match events.recv_timeout(RECALL.0) {
            Ok(Event::Ended(outcome)) => return Some(outcome),
            Ok(Event::Connected(..)) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    pulse.give_up();
    realtime::demote(pulse.thread_id());
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_stood_still_is_not_taken_for_a_silent_robot() {
        let start = Instant::now();
        let pulse = Pulse::new(start);
        let mut silence = Silence { ticks: 0, lasts: Duration::ZERO, looked: start };
        let after_a_stall = silence.look(&pulse, start + Duration::from_secs(3));
        assert!(after_a_stall <= 2 * LOOK);
        let mut now = start + Duration::from_secs(3);
        for _ in 0..10 {
            now += LOOK;
            silence.look(&pulse, now);
        }
        assert!(silence.lasts >= 10 * LOOK);
    }
}
