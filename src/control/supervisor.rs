//! The supervisor's side of a session: waits with limits where the driver would wait for ever.
use super::links::{self, ControlEnds};
use super::{Controller, Event, Order, Outcome, Pulse, Thread};
use crate::robot::{Fault, State, panda, realtime};
use crossbeam_channel::{Receiver, Sender};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the supervisor looks up.
const LOOK: Duration = Duration::from_millis(5);
/// From the order to drive to the first tick: setters, then the robot's own start.
const START_LIMIT: Duration = Duration::from_secs(5);
/// From the last command of a motion to the robot's word that it has ended.
const END_LIMIT: Duration = Duration::from_secs(3);

/// A connected robot that is not moving.
pub struct Session {
    events: Receiver<Event>,
    orders: Sender<Order>,
    pulse: Arc<Pulse>,
    silence: Duration,
    address: IpAddr,
}

impl Session {
    /// Connects within the options' time limit.
    ///
    /// A thread that hangs in the driver is given up: it holds nothing but its own connection.
    ///
    /// # Errors
    /// [`Fault`] says whether the name, the network, the version or the driver was the reason.
    pub fn connect(
        name: &str,
        robot: &panda::Options,
        realtime: &realtime::Options,
        pulse: Arc<Pulse>,
    ) -> Result<(Session, State, realtime::Granted), Fault> {
        let limit = Duration::from_secs_f64(robot.connect_timeout_s);
        let address = panda::probe(name, limit)?;
        let (ends, events, orders) = links::session();
        let thread =
            Thread { address, realtime: realtime.clone(), robot: robot.clone(), pulse: Arc::clone(&pulse) };
        thread
            .spawn(ends)
            .map_err(|e| Fault::Driver(format!("the control thread cannot be started: {e}")))?;
        match events.recv_timeout(limit) {
            Ok(Event::Connected(state, granted)) => {
                let silence = Duration::from_secs_f64(robot.silence_timeout_s);
                Ok((Session { events, orders, pulse, silence, address }, *state, granted))
            }
            Ok(Event::Ended(outcome)) => Err(outcome.result.err().unwrap_or(Fault::Unreachable {
                address,
                reason: "the connection ended before it began".to_string(),
            })),
            Err(_) => Err(Fault::Unreachable {
                address,
                reason: format!("the port is open but nothing answered within {:.1} s", limit.as_secs_f64()),
            }),
        }
    }

    /// Where the robot is.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Drives to the end of the motion. `look` is called every few milliseconds.
    ///
    /// # Errors
    /// [`Fault::Lost`] when ticks stop coming: the control thread is then given up inside the driver, and the
    /// robot, without commands, stops by itself.
    pub fn drive(
        self,
        controller: Box<Controller>,
        ends: ControlEnds,
        mut look: impl FnMut(&Pulse),
    ) -> Result<Outcome, Fault> {
        let lost = |what: &str| Fault::Lost(what.to_string());
        if self.orders.send(Order::Drive(controller, ends)).is_err() {
            return Err(lost("the control thread has ended"));
        }
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            match self.events.recv_timeout(LOOK) {
                Ok(Event::Ended(outcome)) => return Ok(*outcome),
                Ok(Event::Connected(..)) => {}
                Err(crossbeam_channel::RecvTimeoutError::Timeout) => {}
                Err(crossbeam_channel::RecvTimeoutError::Disconnected) => {
                    return Err(lost("the control thread has died"));
                }
            }
            look(&self.pulse);
            let ticks = self.pulse.ticks();
            if ticks != seen {
                (seen, since) = (ticks, Instant::now());
            }
            let limit = match (seen, self.pulse.is_finishing()) {
                (0, _) => START_LIMIT,
                (_, true) => END_LIMIT,
                (_, false) => self.silence,
            };
            if since.elapsed() > limit {
                return Err(Fault::Lost(format!("no state for {:.1} s", limit.as_secs_f64())));
            }
        }
    }
}
