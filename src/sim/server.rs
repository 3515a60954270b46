//! The one thread that serves everything: state out, command in, one cycle of the robot, again.
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::faults::{Act, Faults, Held, Hold, Target};
use super::motion::Robot;
use super::options::{Options, Pace};
use super::publish;
use super::session::{Event, Session};
use super::truth::TruthLog;
use super::wire::{RobotCommand, RobotState};
use super::wire_log::WireLog;
use super::{Hook, LATE, Status};
use crate::robot::realtime;
use crate::timing::Histogram;

mod datagrams;

/// Lockstep: how long the first answer of a motion is waited for before another state is sent.
const STARTING: Duration = Duration::from_millis(20);
/// Datagrams taken at the end of a slot: more than a socket's buffer holds, so that no flood holds the next state up.
const DATAGRAMS_MAX: usize = 1024;
const CYCLE: Duration = Duration::from_millis(1);
/// A state that leaves later than this moves the schedule: the next slot would be too short to answer.
const SLIP: Duration = Duration::from_micros(250);
/// While commands are delayed: how often it is looked whether one has come.
const LOOK: Duration = Duration::from_micros(100);
/// Requests that may wait while no request is answered.
const UNANSWERED: usize = 64;
/// Real time: a slot ends this long before its tick, about what the next state takes to make, so that the state can
/// leave on the tick.
const LEAD: Duration = Duration::from_micros(40);

/// What is written down, where it was asked for.
pub(super) struct Logs {
    pub(super) wire: Option<WireLog>,
    pub(super) truth: Option<TruthLog>,
}

/// The thread's world.
pub(super) struct Server {
    options: Options,
    robot: Robot,
    session: Session,
    udp: UdpSocket,
    hooks: Receiver<Hook>,
    shared: Arc<Mutex<Status>>,
    logs: Logs,
    status: Status,
    client_udp: Option<SocketAddr>,
    blocking: bool,
    patience: Duration,
    deadline: Instant,
    /// When the state to be published is due, unless a lockstep client has called for it.
    tick: Option<Instant>,
    events: Vec<Event>,
    faults: Faults,
    late_states: Held<(u64, Vec<u8>)>,
    late_commands: Held<RobotCommand>,
    unanswered: Vec<Event>,
    /// From a state's leaving to its command, if that is timed.
    round_trips: Option<Arc<Mutex<Histogram>>>,
    left_at: Option<Instant>,
    /// Whether the state of this slot has left.
    sent: bool,
    newest_sent: u64,
    /// The slot's command came and met a fault: nothing more to wait for.
    dropped: bool,
}

impl Server {
    pub(super) fn new(
        options: Options,
        session: Session,
        udp: UdpSocket,
        hooks: Receiver<Hook>,
        (shared, round_trips): (Arc<Mutex<Status>>, Option<Arc<Mutex<Histogram>>>),
        logs: Logs,
    ) -> Self {
        Self {
            round_trips,
            left_at: None,
            robot: Robot::new(&options),
            session,
            udp,
            hooks,
            shared,
            logs,
            status: Status::default(),
            client_udp: None,
            blocking: false,
            patience: Duration::ZERO,
            deadline: Instant::now(),
            tick: None,
            events: Vec::new(),
            faults: Faults::new(
                options.seed,
                options.pace == Pace::Lockstep,
                options.command_loss,
                &options.faults,
            ),
            late_states: Held::default(),
            late_commands: Held::default(),
            unanswered: Vec::new(),
            sent: false,
            newest_sent: 0,
            dropped: false,
            options,
        }
    }

    /// Serves until the simulator is dropped.
    pub(super) fn run(mut self) {
        realtime::wake_on_time();
        loop {
            self.publish();
            self.await_end_of_slot();
            self.answer();
            if !self.take_hooks() {
                return;
            }
            self.act();
            self.robot.begin_waiting(self.session.ready() && !self.faults.is_deaf());
            self.send_replies();
            self.robot.tick();
            self.dropped = false;
        }
    }

    /// Sends the state that stands for now.
    fn publish(&mut self) {
        let state = publish::state(&self.robot);
        self.await_tick();
        self.sent = false;
        if self.client_udp.is_some() {
            let id = state.message_id;
            self.left_at = self.round_trips.is_some().then(Instant::now);
            if self.faults.touches(Target::State) {
                self.send_through_faults(id, state.encode().to_vec());
            } else {
                self.send(id, &state.encode());
            }
            if let Some(log) = &mut self.logs.wire {
                log.state(&state);
            }
        }
        self.share(&state);
    }

    /// Lets a state leave on its tick, or moves the schedule when the machine is too late for that.
    fn await_tick(&mut self) {
        let Some(tick) = self.tick else { return };
        let served = self.client_udp.is_some();
        let mut now = Instant::now();
        while served && now < tick {
            std::hint::spin_loop(); // a few microseconds: too short to sleep
            now = Instant::now();
        }
        let late = now.saturating_duration_since(tick);
        if late > SLIP {
            self.deadline = now;
            self.status.slips += 1;
        }
        self.status.states_timed += u64::from(served);
        self.status.states_late += u64::from(served && late > LATE);
    }

    fn share(&mut self, state: &RobotState) {
        self.status.time_ms = state.message_id;
        self.status.mode = state.robot_mode.into();
        self.status.errors = state.errors;
        self.status.client = self.session.client();
        self.status.motions = self.robot.motions;
        self.status.commands_missed = self.robot.missed;
        self.status.injected = self.faults.injected;
        self.status.virtual_hand = self.robot.plant.virtual_hand();
        self.status.truth = self.robot.plant.truth(&self.robot.settings.tool);
        if let Some(log) = &mut self.logs.truth {
            log.say(state.message_id, self.status.truth);
        }
        if let Ok(mut shared) = self.shared.lock() {
            *shared = self.status;
        }
    }

    /// Waits until just before the time of the next state, or in lockstep for the command that answers this one.
    fn await_end_of_slot(&mut self) {
        let lockstep = self.options.pace == Pace::Lockstep;
        if lockstep && self.robot.awaits_command() && self.client_udp.is_some() {
            if self.sent {
                self.await_command();
            } else if self.robot.starting() {
                std::thread::sleep(CYCLE); // nothing is missed yet, so nothing else would hold time up
            }
            self.deadline = Instant::now();
            self.tick = None;
        } else {
            self.await_deadline();
        }
        let slot = self.robot.message_id;
        while let Some(command) = self.late_commands.take_slot(slot) {
            self.take(&command);
        }
        if lockstep {
            self.release_states(slot);
        }
    }

    fn await_deadline(&mut self) {
        self.deadline += CYCLE;
        self.tick = Some(self.deadline);
        let lead = if self.options.pace == Pace::Realtime { LEAD } else { Duration::ZERO };
        let end = self.deadline - lead;
        self.time_command(end);
        if self.late_states.is_empty() && !self.faults.times_commands() {
            std::thread::sleep(end.saturating_duration_since(Instant::now()));
        } else {
            self.sleep_and_look(end);
        }
        self.set_blocking(false);
        self.receive_all();
        self.release_timed();
    }

    /// Takes what has come, up to a bound.
    fn receive_all(&mut self) {
        for _ in 0..DATAGRAMS_MAX {
            if !self.receive() {
                return;
            }
        }
    }

    /// Sleeps until `end`, awake whenever something that was held back is due or may have come.
    fn sleep_and_look(&mut self, end: Instant) {
        self.set_blocking(false);
        let looks = self.faults.times_commands();
        loop {
            if looks {
                self.receive_all();
            }
            self.release_timed();
            let next = [self.late_states.next(), self.late_commands.next()].into_iter().flatten().min();
            let wake = next.map_or(end, |next| next.min(end));
            let now = Instant::now();
            if now >= end {
                return;
            }
            let rest = wake.saturating_duration_since(now);
            std::thread::sleep(if looks { rest.min(LOOK) } else { rest });
        }
    }

    fn await_command(&mut self) {
        self.set_blocking(true);
        let mut timeout = Duration::from_secs_f64(self.options.lockstep_timeout_s);
        if self.robot.starting() {
            // A client may want one more state before its first answer, and nothing is missed yet.
            timeout = timeout.min(STARTING);
        }
        self.set_patience(timeout);
        let sent = Instant::now();
        while !self.robot.has_command() && !self.dropped {
            // A datagram that is no answer starts the socket's own timeout anew, hence the second bound.
            if !self.receive() || sent.elapsed() >= timeout {
                return;
            }
        }
    }

    /// How long a blocking receive waits at most.
    fn set_patience(&mut self, patience: Duration) {
        if self.patience != patience && self.udp.set_read_timeout(Some(patience)).is_ok() {
            self.patience = patience;
        }
    }

    /// A non-blocking flag belongs to the socket, so it is changed only when the way of waiting changes.
    fn set_blocking(&mut self, blocking: bool) {
        if self.blocking != blocking && self.udp.set_nonblocking(!blocking).is_ok() {
            self.blocking = blocking;
        }
    }

    /// Takes what came over TCP. Before the slot is judged: a client that asks for a stop sends no command.
    fn answer(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        let faults = &mut self.faults;
        self.session.poll(&mut events, &mut || faults.connect_version());
        if !self.faults.is_deaf() {
            let waiting: Vec<Event> = self.unanswered.drain(..).collect();
            waiting.into_iter().for_each(|event| self.handle(event));
        }
        for event in events.drain(..) {
            match event {
                Event::Request { .. } if self.faults.is_deaf() => self.unanswered.push(event),
                event => self.handle(event),
            }
        }
        if self.unanswered.len() > UNANSWERED {
            log::warn!("too many requests while none is answered; the client is dropped");
            self.hang_up(false);
        }
        self.events = events;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Connected { udp } => {
                log::info!("client {udp} connected");
                self.client_udp = Some(udp);
                self.faults.connected();
            }
            Event::Request { command_id, request } => {
                if let Some(log) = &mut self.logs.wire {
                    log.request(command_id, &request);
                }
                self.robot.request(command_id, &request);
            }
            Event::Left => {
                log::info!("client left");
                self.client_udp = None;
                self.unanswered.clear();
                self.late_states.clear();
                self.late_commands.clear();
                self.faults.left();
                self.robot.disconnected();
            }
        }
    }

    fn hang_up(&mut self, reset: bool) {
        self.session.hang_up(reset);
        self.handle(Event::Left);
    }

    /// What the faults of this millisecond do to the robot.
    fn act(&mut self) {
        for act in self.faults.tick(self.robot.message_id, self.robot.begun()) {
            match act {
                Act::Reflex(errors) => self.robot.reflex(errors),
                Act::UserStop(pressed) => self.robot.press_user_stop(pressed),
                Act::HangUp { reset } => self.hang_up(reset),
            }
        }
    }

    fn send_replies(&mut self) {
        if self.faults.is_deaf() {
            return;
        }
        let touched = self.faults.touches(Target::Reply);
        for reply in self.robot.replies.drain(..) {
            if let Some(log) = &mut self.logs.wire {
                log.response(reply.command_id, reply.response);
            }
            let mut bytes = reply.response.encode(reply.command_id);
            if !touched {
                self.session.send(bytes, reply.after_ms);
                continue;
            }
            let fate = self.faults.meet(Target::Reply, &mut bytes);
            let late_ms = match fate.hold {
                Some(Hold::Time(time)) => time.as_millis() as u64,
                _ => 0,
            };
            for _ in 0..fate.copies {
                self.session.send(bytes.clone(), reply.after_ms + late_ms);
            }
        }
        self.session.flush();
    }

    /// Obeys whoever owns the simulator; false when it is to end.
    fn take_hooks(&mut self) -> bool {
        loop {
            match self.hooks.try_recv() {
                Ok(Hook::UserStop(pressed)) => self.robot.press_user_stop(pressed),
                Ok(Hook::Guiding(pressed)) => self.robot.press_guiding(pressed),
                Ok(Hook::Recover) => self.robot.recover(None),
                Ok(Hook::Push(push)) => self.robot.plant.push(push),
                Ok(Hook::Hand(plan)) => self.robot.plant.guide(plan.as_deref()),
                Ok(Hook::Fault(fault)) => self.faults.give(fault),
                Ok(Hook::ClearFaults) => self.faults.clear(),
                Ok(Hook::CommandLoss(share)) => self.faults.set_command_loss(share),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }
}
