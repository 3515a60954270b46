//! The Franka Hand of a simulated Panda: its own port, its own protocol, its own thread.
//!
//! ```text
//!  client ──TCP──► session ──Request──► hand ──Drive──► fingers
//!         ◄───────  answers  ◄──Reply───  │
//!  client ◄──UDP── GripperState ◄─────────┘
//! ```
//!
//! Its time is the clock's, also beside a robot in lockstep, and nothing it does waits for the robot's thread or
//! makes that wait. `docs/fci-v5.md` says what was chosen where the real hand is not documented.
mod fingers;
mod hand;
pub mod wire;

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use fingers::{SPEED_MAX_M_S, STROKE_M};

use super::session::{Event, Session};
use hand::Hand;
use wire::{GripperProtocol, GripperState};

/// Between two looks at the sockets while a client is served or the fingers move …
const BUSY: Duration = Duration::from_millis(10);
/// … and otherwise: a hand that nobody uses takes no time from whoever shares its machine.
const IDLE: Duration = Duration::from_millis(20);
/// Between two states, 50 a second.
const STATE: Duration = Duration::from_millis(20);
/// °C, always.
const TEMPERATURE_C: u16 = 30;

/// What the hand can tell about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HandStatus {
    /// Between the fingers, m.
    pub width_m: f64,
    /// The widest it knows to open, m; 0 before its first homing.
    pub max_width_m: f64,
    /// Whether it holds an object.
    pub is_grasped: bool,
    /// Whether a command runs or the fingers are not at rest.
    pub moving: bool,
    /// The client served, by its TCP address.
    pub client: Option<SocketAddr>,
}

/// The object between the fingers from now on: its width in m, or none.
pub(super) type Object = Option<f64>;

/// The thread's world.
pub(super) struct Server {
    hand: Hand,
    session: Session<GripperProtocol>,
    udp: UdpSocket,
    client_udp: Option<SocketAddr>,
    objects: Receiver<Object>,
    shared: Arc<Mutex<HandStatus>>,
    start: Instant,
    last: Instant,
    next_state: Instant,
}

impl Server {
    /// Listens beside the robot.
    ///
    /// # Errors
    /// Whatever binding says: the port is in use, or the address is not this machine's.
    pub(super) fn bind(
        address: SocketAddr,
        homed: bool,
        object: Object,
        objects: Receiver<Object>,
        shared: Arc<Mutex<HandStatus>>,
    ) -> std::io::Result<Self> {
        let session = Session::listen(address, wire::VERSION)?;
        let udp = UdpSocket::bind((address.ip(), 0))?;
        udp.set_nonblocking(true)?;
        let hand = Hand::new(homed, object);
        let now = Instant::now();
        let server = Self {
            hand,
            session,
            udp,
            client_udp: None,
            objects,
            shared,
            start: now,
            last: now,
            next_state: now,
        };
        server.share();
        Ok(server)
    }

    /// Serves until the simulator is dropped.
    pub(super) fn run(mut self) {
        let mut events = Vec::new();
        loop {
            let busy = self.client_udp.is_some() || self.hand.is_moving();
            match self.objects.recv_timeout(if busy { BUSY } else { IDLE }) {
                Ok(object) => self.hand.fingers.put(object),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.session.poll(&mut events, &mut || None);
            for event in events.drain(..) {
                self.take(event);
            }
            let now = Instant::now();
            self.hand.advance((now - self.last).as_secs_f64());
            self.last = now;
            self.share(); // before the answers: whoever has one finds it so
            for reply in self.hand.replies.drain(..) {
                self.session.send(wire::answer(reply.command, reply.command_id, reply.status as u16, &[]), 0);
            }
            self.session.flush();
            self.publish(now);
        }
    }

    fn take(&mut self, event: Event<wire::Request>) {
        match event {
            Event::Connected { udp } => {
                log::info!("hand: client {udp} connected");
                self.client_udp = Some(udp);
            }
            Event::Request { command_id, request } => self.hand.request(command_id, &request),
            Event::Left => {
                log::info!("hand: client left");
                self.client_udp = None;
                self.hand.abandon();
            }
        }
    }

    /// Sends a state when one is due.
    fn publish(&mut self, now: Instant) {
        let Some(client) = self.client_udp else { return };
        if now < self.next_state {
            return;
        }
        self.next_state = (self.next_state + STATE).max(now);
        let state = GripperState {
            // Wraps after 49 days, as the field does.
            message_id: (now - self.start).as_millis() as u32,
            width: self.hand.fingers.width_m(),
            max_width: self.hand.max_width_m(),
            is_grasped: self.hand.is_grasped(),
            temperature: TEMPERATURE_C,
        };
        if let Err(error) = self.udp.send_to(&state.encode(), client) {
            log::debug!("hand: state {} not sent: {error}", state.message_id);
        }
    }

    fn share(&self) {
        let status = HandStatus {
            width_m: self.hand.fingers.width_m(),
            max_width_m: self.hand.max_width_m(),
            is_grasped: self.hand.is_grasped(),
            moving: self.hand.is_moving(),
            client: self.session.client(),
        };
        if let Ok(mut shared) = self.shared.lock() {
            *shared = status;
        }
    }
}
