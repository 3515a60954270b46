//! The one thread that serves everything: state out, command in, one cycle of the robot, again.
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::motion::{Receipt, Robot};
use super::options::{Options, Pace};
use super::publish;
use super::session::{Event, Session};
use super::wire::{RobotCommand, RobotState};
use super::wire_log::WireLog;
use super::{Hook, Status};

/// Lockstep: how long the first answer of a motion is waited for before another state is sent.
const STARTING: Duration = Duration::from_millis(20);
const CYCLE: Duration = Duration::from_millis(1);
/// A state that leaves later than this moves the schedule: the next slot would be too short to answer.
const SLIP: Duration = Duration::from_micros(250);

/// The thread's world.
pub(super) struct Server {
    options: Options,
    robot: Robot,
    session: Session,
    udp: UdpSocket,
    hooks: Receiver<Hook>,
    shared: Arc<Mutex<Status>>,
    log: Option<WireLog>,
    status: Status,
    client_udp: Option<SocketAddr>,
    blocking: bool,
    patience: Duration,
    deadline: Instant,
    events: Vec<Event>,
    losses: StdRng,
    drop_next: u32,
    command_loss: f64,
    /// The slot's command came and was dropped: nothing more to wait for.
    dropped: bool,
}

impl Server {
    pub(super) fn new(
        options: Options,
        session: Session,
        udp: UdpSocket,
        hooks: Receiver<Hook>,
        shared: Arc<Mutex<Status>>,
        log: Option<WireLog>,
    ) -> Self {
        Self {
            robot: Robot::new(&options),
            session,
            udp,
            hooks,
            shared,
            log,
            status: Status::default(),
            client_udp: None,
            blocking: false,
            patience: Duration::ZERO,
            deadline: Instant::now(),
            events: Vec::new(),
            losses: StdRng::seed_from_u64(options.seed),
            drop_next: 0,
            command_loss: options.command_loss,
            dropped: false,
            options,
        }
    }

    /// Serves until the simulator is dropped.
    pub(super) fn run(mut self) {
        loop {
            self.publish();
            self.await_end_of_slot();
            self.answer();
            if !self.take_hooks() {
                return;
            }
            self.robot.begin_waiting(self.session.ready());
            self.send_replies();
            self.robot.tick();
            self.dropped = false;
        }
    }

    /// Sends the state that stands for now.
    fn publish(&mut self) {
        let state = publish::state(&self.robot);
        if let Some(client) = self.client_udp {
            match self.udp.send_to(&state.encode(), client) {
                Ok(_) => self.status.states_sent += 1,
                Err(error) => log::debug!("state {} not sent: {error}", state.message_id),
            }
            if let Some(log) = &mut self.log {
                log.state(&state);
            }
        }
        self.share(&state);
    }

    fn share(&mut self, state: &RobotState) {
        self.status.time_ms = state.message_id;
        self.status.mode = state.robot_mode.into();
        self.status.errors = state.errors;
        self.status.client = self.session.client();
        self.status.motions = self.robot.motions;
        self.status.commands_missed = self.robot.missed;
        self.status.truth = self.robot.plant.truth(&self.robot.settings.tool);
        if let Ok(mut shared) = self.shared.lock() {
            *shared = self.status;
        }
    }

    /// Waits until the time of the next state, or in lockstep for the command that answers this one.
    fn await_end_of_slot(&mut self) {
        if self.options.pace == Pace::Lockstep && self.robot.awaits_command() && self.client_udp.is_some() {
            self.await_command();
            self.deadline = Instant::now();
            return;
        }
        self.deadline += CYCLE;
        let now = Instant::now();
        match self.deadline.checked_duration_since(now) {
            Some(rest) => std::thread::sleep(rest),
            None if now - self.deadline > SLIP => {
                self.deadline = now;
                self.status.slips += 1;
            }
            None => {}
        }
        self.set_blocking(false);
        while self.receive() {}
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

    /// Takes one datagram; false when there was none in time.
    fn receive(&mut self) -> bool {
        let mut bytes = [0; RobotCommand::LEN + 1];
        let (length, from) = match self.udp.recv_from(&mut bytes) {
            Ok(received) => received,
            Err(error) => return error.kind() == ErrorKind::Interrupted,
        };
        if Some(from) != self.client_udp {
            self.status.commands_foreign += 1;
            return true;
        }
        match RobotCommand::decode(&bytes[..length]) {
            Ok(command) => self.take(&command),
            Err(malformed) => {
                log::debug!("{from}: {malformed}");
                self.status.commands_malformed += 1;
            }
        }
        true
    }

    fn take(&mut self, command: &RobotCommand) {
        if self.lost(command) {
            self.status.commands_dropped += 1;
            self.dropped = true;
            return;
        }
        let receipt = self.robot.command(command);
        match receipt {
            Receipt::Accepted => self.status.commands_received += 1,
            Receipt::Duplicate => self.status.commands_duplicate += 1,
            Receipt::Late => self.status.commands_late += 1,
            Receipt::Future | Receipt::Unasked => self.status.commands_unasked += 1,
        }
        if let Some(log) = &mut self.log {
            log.command(command, receipt == Receipt::Accepted);
        }
    }

    /// Whether an injected fault swallows this command; only one that would be accepted can be lost.
    fn lost(&mut self, command: &RobotCommand) -> bool {
        if !self.robot.awaits_command() || command.message_id != self.robot.message_id {
            return false;
        }
        if self.drop_next > 0 {
            self.drop_next -= 1;
            return true;
        }
        self.command_loss > 0.0 && self.losses.random_bool(self.command_loss)
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
        self.session.poll(&mut events);
        for event in events.drain(..) {
            match event {
                Event::Connected { udp } => {
                    log::info!("client {udp} connected");
                    self.client_udp = Some(udp);
                }
                Event::Request { command_id, request } => self.robot.request(command_id, &request),
                Event::Left => {
                    log::info!("client left");
                    self.client_udp = None;
                    self.robot.disconnected();
                }
            }
        }
        self.events = events;
    }

    fn send_replies(&mut self) {
        for reply in self.robot.replies.drain(..) {
            self.session.send(reply.response.encode(reply.command_id), reply.after_ms);
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
                Ok(Hook::Push { force_n, cycles }) => self.robot.plant.push(force_n, cycles),
                Ok(Hook::Reflex(errors)) => self.robot.reflex(errors),
                Ok(Hook::DropCommands(n)) => self.drop_next = n,
                Ok(Hook::CommandLoss(share)) => self.command_loss = share,
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }
}
