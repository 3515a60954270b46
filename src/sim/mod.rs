//! A simulated Panda on a socket: speaks FCI version 5, so that libfranka, libfranka-rs and panda-py drive it.
//!
//! ```text
//!  client ──TCP──► session ──Request──► motion ◄── judge (limits)
//!         ◄───────  answers  ◄──Reply──   │
//!  client ──UDP──► server ──RobotCommand──┤
//!         ◄──────── state ◄── publish ◄── plant
//! ```
//!
//! One thread serves everything: the same seed and the same commands give the same states, bit for bit.
//! `docs/fci-v5.md` says what was chosen where the real robot is not documented.
pub mod judge;
mod model_library;
mod motion;
mod options;
mod plant;
mod publish;
mod server;
mod session;
mod settings;
pub mod wire;
pub mod wire_log;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

pub use options::{Options, Pace};
pub use plant::{ArmError, Exercise, Truth};

use crate::range::Violation;
use crate::robot::limits::CYCLE_S;
use crate::robot::{ERROR_NAMES, Errors, Mode};
use server::Server;
use session::Session;
use wire_log::WireLog;

/// Why a simulated robot cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One or more options are out of their range.
    #[error("the simulator's options are not valid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Options(Vec<Violation>),
    /// The address cannot be bound.
    #[error(
        "cannot listen on {address}: {source}. Is a simulator running there already? Choose another loopback \
         address, for example 127.0.0.2"
    )]
    Bind {
        /// The robot's address and port.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The wire log cannot be created.
    #[error("cannot write the wire log {}: {source}", path.display())]
    WireLog {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives no thread.
    #[error("cannot start the simulator's thread: {0}")]
    Thread(std::io::Error),
}

/// What the simulator can tell about itself.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// Robot time, ms.
    pub time_ms: u64,
    /// What the robot does.
    pub mode: Mode,
    /// Active errors.
    pub errors: Errors,
    /// The client served, by its TCP address.
    pub client: Option<SocketAddr>,
    /// What is true of the arm.
    pub truth: Truth,
    /// Motions started.
    pub motions: u64,
    /// States sent to clients.
    pub states_sent: u64,
    /// Commands accepted.
    pub commands_received: u64,
    /// Slots of running motions without a command.
    pub commands_missed: u64,
    /// Commands that came after their slot.
    pub commands_late: u64,
    /// Commands for a slot that was filled.
    pub commands_duplicate: u64,
    /// Commands nobody asked for: outside motions, or for a state not yet sent.
    pub commands_unasked: u64,
    /// Commands swallowed on order.
    pub commands_dropped: u64,
    /// Datagrams from somebody else than the client.
    pub commands_foreign: u64,
    /// Datagrams of the client that are no command.
    pub commands_malformed: u64,
    /// How often the schedule had to move because the machine was late.
    pub slips: u64,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            time_ms: 0,
            mode: Mode::Idle,
            errors: Errors::default(),
            client: None,
            truth: Truth::default(),
            motions: 0,
            states_sent: 0,
            commands_received: 0,
            commands_missed: 0,
            commands_late: 0,
            commands_duplicate: 0,
            commands_unasked: 0,
            commands_dropped: 0,
            commands_foreign: 0,
            commands_malformed: 0,
            slips: 0,
        }
    }
}

/// Orders that may wait; they are taken every cycle.
const HOOKS: usize = 64;

/// An order to the simulator's thread; the channel's end is the order to stop.
enum Hook {
    UserStop(bool),
    Guiding(bool),
    Recover,
    Push { force_n: [f64; 3], cycles: u64 },
    Reflex(Errors),
    DropCommands(u32),
    CommandLoss(f64),
}

/// A simulated Panda; it lives as long as this value.
pub struct Sim {
    address: SocketAddr,
    hooks: Option<SyncSender<Hook>>,
    shared: Arc<Mutex<Status>>,
    thread: Option<JoinHandle<()>>,
}

impl Sim {
    /// Starts a robot; when this returns it listens.
    ///
    /// # Errors
    /// Options out of range, an address that cannot be bound, a log that cannot be written.
    pub fn start(options: Options) -> Result<Self, Error> {
        Self::start_with(options, || {})
    }

    /// [`Sim::start`], with `on_thread` run first on the simulator's thread: the place to ask the kernel for
    /// real-time scheduling.
    ///
    /// # Errors
    /// Those of [`Sim::start`].
    pub fn start_with(options: Options, on_thread: impl FnOnce() + Send + 'static) -> Result<Self, Error> {
        let violations = options.validate();
        if !violations.is_empty() {
            return Err(Error::Options(violations));
        }
        let address = SocketAddr::new(options.bind, wire::PORT);
        let bind = |source| Error::Bind { address, source };
        let session = Session::listen(address, options.protocol_version).map_err(bind)?;
        let udp = UdpSocket::bind((options.bind, 0)).map_err(bind)?;
        udp.set_nonblocking(true).map_err(bind)?;
        let log = match &options.wire_log {
            Some(path) => Some(
                WireLog::create(path, options.pace == Pace::Lockstep)
                    .map_err(|source| Error::WireLog { path: path.clone(), source })?,
            ),
            None => None,
        };
        let (hooks, orders) = sync_channel(HOOKS);
        let shared = Arc::new(Mutex::new(Status::default()));
        let server = Server::new(options, session, udp, orders, Arc::clone(&shared), log);
        let thread = std::thread::Builder::new()
            .name("sim".to_owned())
            .spawn(move || {
                on_thread();
                server.run();
            })
            .map_err(Error::Thread)?;
        Ok(Self { address, hooks: Some(hooks), shared, thread: Some(thread) })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address without its port, as drivers want it.
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// What it does right now.
    pub fn status(&self) -> Status {
        match self.shared.lock() {
            Ok(status) => *status,
            Err(poisoned) => *poisoned.into_inner(),
        }
    }

    /// Whether its thread still runs.
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Presses or releases the user stop.
    pub fn press_user_stop(&self, pressed: bool) {
        self.order(Hook::UserStop(pressed));
    }

    /// Presses or lets go of the two buttons at the wrist: pressed, a hand may move the arm, also a user-stopped one.
    pub fn press_guiding(&self, pressed: bool) {
        self.order(Hook::Guiding(pressed));
    }

    /// Recovers from a reflex as the operator does in Desk; without one, or in a motion, nothing happens.
    pub fn recover(&self) {
        self.order(Hook::Recover);
    }

    /// Pushes the end effector with `force_n` (N, base frame) for `duration_s`, as an operator's hand does.
    pub fn push(&self, force_n: [f64; 3], duration_s: f64) {
        let cycles = (duration_s / CYCLE_S).round();
        if force_n.iter().all(|force| force.is_finite()) && cycles >= 1.0 {
            self.order(Hook::Push { force_n, cycles: cycles as u64 });
        }
    }

    /// Stops the arm with error `index` of [`ERROR_NAMES`]; an index beyond the table does nothing.
    pub fn trigger_reflex(&self, index: usize) {
        if index < ERROR_NAMES.len() {
            self.order(Hook::Reflex(Errors(1 << index)));
        }
    }

    /// Loses the next `n` commands that would have been accepted.
    pub fn drop_commands(&self, n: u32) {
        self.order(Hook::DropCommands(n));
    }

    /// Loses this share (0 to 1) of the commands from now on.
    pub fn set_command_loss(&self, share: f64) {
        self.order(Hook::CommandLoss(share.clamp(0.0, 1.0)));
    }

    fn order(&self, hook: Hook) {
        if let Some(hooks) = &self.hooks {
            let _ = hooks.send(hook); // fails only when the thread has ended, which `is_alive` tells
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.hooks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there has been printed; the port is free either way
        }
    }
}
