//! A simulated Panda on a socket: speaks FCI version 5, so that libfranka, libfranka-rs and panda-py drive it.
//!
//! ```text
//!  client ──TCP──► session ──Request──► motion ◄── judge (limits)
//!         ◄───────  answers  ◄──Reply──   │
//!  client ──UDP──► server ──RobotCommand──┤
//!         ◄──────── state ◄── publish ◄── plant
//! ```
//!
//! Every datagram and answer passes through `faults` on its way, which lets go wrong what was ordered.
//! One thread serves the robot: the same seed and the same commands give the same states, bit for bit. The hand has
//! a port and a thread of its own ([`gripper`]).
//! `docs/fci-v5.md` says what was chosen where the real robot is not documented.
//!
//! The tests of another project start one in their own process, drive it with the driver they use for the real arm, and
//! look at what is true of it. In lockstep a motion takes as long as the client computes, not as long as it would
//! take the arm; every robot has a loopback address of its own, so that tests run side by side.
//!
//! ```
//! use franka::{JointPositions, MotionFinished, RealtimeConfig, Robot};
//! use franka_imit::robot::limits::Q_READY;
//! use franka_imit::sim::{Options, Pace, Sim};
//!
//! let bind = "127.0.65.1".parse().expect("an address");
//! let sim = Sim::start(Options { bind, pace: Pace::Lockstep, ..Options::default() })?;
//! let mut robot = Robot::new(&sim.ip().to_string(), RealtimeConfig::Ignore, 1).expect("the robot listens");
//!
//! // One second of turning the hand by 0.2 rad, at rest at both ends.
//! let mut time = 0.0;
//! let turn = |_: &franka::RobotState, step: &std::time::Duration| {
//!     time += step.as_secs_f64();
//!     let mut q = Q_READY;
//!     q[6] += 0.1 * (1.0 - (std::f64::consts::PI * time).cos());
//!     let command = JointPositions::new(q);
//!     if time >= 1.0 { command.motion_finished() } else { command }
//! };
//! robot.control_joint_positions(turn, None, true, None).expect("the motion ends with success");
//!
//! let truth = sim.status().truth;
//! assert!((truth.q[6] - Q_READY[6] - 0.2).abs() < 2e-3);
//!
//! // What a client cannot do to itself: a reflex, a push, a user stop, lost commands.
//! sim.trigger_reflex(6);
//! assert!(robot.joint_motion(0.5, &Q_READY).is_err(), "the robot waits for recovery");
//! robot.automatic_error_recovery().expect("recovery");
//! # Ok::<(), franka_imit::sim::Error>(())
//! ```
mod choices;
pub mod correcting_hand;
pub mod faults;
pub mod gripper;
pub mod judge;
mod lines;
mod model_library;
mod motion;
mod options;
mod plant;
mod publish;
mod server;
mod session;
mod settings;
mod status;
mod tool;
mod tremor;
mod truth;
pub mod virtual_hand;
pub mod wire;
pub mod wire_log;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use choices::{Choices, ErrorNames, MoveInMotion};
pub use faults::{Fault, Injected};
pub use gripper::HandStatus;
pub use options::{Options, Pace};
pub use plant::{ArmError, Exercise, Push, Truth};
pub use status::Status;
pub use tool::Tool;
pub use truth::TruthSink;

use crate::range::Violation;
use crate::robot::ERROR_NAMES;
use crate::robot::limits::CYCLE_S;
use crate::timing::Histogram;
use plant::Force;
use server::Server;
use session::Session;
use truth::TruthLog;
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
    /// The channel of the truth cannot be opened.
    #[error("cannot write the truth to {to}: {source}")]
    Truth {
        /// The file or the address.
        to: TruthSink,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives no thread.
    #[error("cannot start the simulator's thread: {0}")]
    Thread(std::io::Error),
}

/// A state that leaves later than this after its tick counts as late.
pub const LATE: Duration = Duration::from_micros(200);

/// Orders that may wait; they are taken every cycle.
const HOOKS: usize = 64;

/// An order to the simulator's thread; the channel's end is the order to stop.
enum Hook {
    UserStop(bool),
    Guiding(bool),
    Recover,
    Push(Force),
    Hand(Option<Box<virtual_hand::Plan>>),
    Fault(Fault),
    ClearFaults,
    CommandLoss(f64),
}

/// A simulated Panda; it lives as long as this value.
pub struct Sim {
    address: SocketAddr,
    hooks: Option<SyncSender<Hook>>,
    shared: Arc<Mutex<Status>>,
    round_trips: Arc<Mutex<Histogram>>,
    thread: Option<JoinHandle<()>>,
    hand: Option<Hand>,
}

/// The hand's thread, seen from outside.
struct Hand {
    objects: SyncSender<gripper::Object>,
    shared: Arc<Mutex<HandStatus>>,
    thread: JoinHandle<()>,
}

impl Hand {
    /// Starts the hand of a robot; when this returns it listens.
    fn start(options: &Options) -> Result<Self, Error> {
        let address = SocketAddr::new(options.bind, gripper::wire::PORT);
        let (objects, put) = sync_channel(HOOKS);
        let shared = Arc::new(Mutex::new(HandStatus::default()));
        let server = gripper::Server::bind(
            address,
            options.hand_homed,
            options.object_width_m,
            put,
            Arc::clone(&shared),
        )
        .map_err(|source| Error::Bind { address, source })?;
        let thread = std::thread::Builder::new()
            .name("sim hand".to_owned())
            .spawn(move || server.run())
            .map_err(Error::Thread)?;
        Ok(Self { objects, shared, thread })
    }
}

/// What a thread last said of itself.
fn read<T: Copy>(shared: &Mutex<T>) -> T {
    match shared.lock() {
        Ok(value) => *value,
        Err(poisoned) => *poisoned.into_inner(),
    }
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
        // The TCP port is free while a client is served; this one is not, and keeps a second robot off the address.
        let udp = UdpSocket::bind(address).map_err(bind)?;
        udp.set_nonblocking(true).map_err(bind)?;
        let (start, lossless) = (Instant::now(), options.pace == Pace::Lockstep);
        let wire = options.wire_log.as_ref().map(|path| {
            WireLog::create(path, lossless, start)
                .map_err(|source| Error::WireLog { path: path.clone(), source })
        });
        let truth = options.truth.as_ref().map(|to| {
            TruthLog::open(to, options.bind, lossless, start)
                .map_err(|source| Error::Truth { to: to.clone(), source })
        });
        let logs = server::Logs { wire: wire.transpose()?, truth: truth.transpose()? };
        let hand = options.hand.then(|| Hand::start(&options)).transpose()?;
        let (hooks, orders) = sync_channel(HOOKS);
        let shared = Arc::new(Mutex::new(Status::default()));
        let round_trips = Arc::new(Mutex::new(Histogram::new()));
        let timed = options.time_round_trips.then(|| Arc::clone(&round_trips));
        let server = Server::new(options, session, udp, orders, (Arc::clone(&shared), timed), logs);
        let thread = std::thread::Builder::new()
            .name("sim".to_owned())
            .spawn(move || {
                on_thread();
                server.run();
            })
            .map_err(Error::Thread)?;
        Ok(Self { address, hooks: Some(hooks), shared, round_trips, thread: Some(thread), hand })
    }

    /// [`Sim::start_with`] on the first free of the addresses `network`.`last`.
    ///
    /// # Errors
    /// Those of [`Sim::start`]; [`Error::Bind`] of the last address when none is free.
    pub fn start_on<F: FnOnce() + Send + 'static>(
        [a, b, c]: [u8; 3],
        last: RangeInclusive<u8>,
        options: &Options,
        on_thread: impl Fn() -> F,
    ) -> Result<Self, Error> {
        let mut tried = Error::Options(Vec::new());
        for d in last {
            let bind = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
            match Self::start_with(Options { bind, ..options.clone() }, on_thread()) {
                Err(error @ Error::Bind { .. }) => tried = error,
                settled => return settled,
            }
        }
        Err(tried)
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
        Status { hand: self.hand.as_ref().map(|hand| read(&hand.shared)), ..read(&self.shared) }
    }

    /// From each state's leaving to the moment its command was here, with [`Options::time_round_trips`]; missed commands
    /// are not among them.
    pub fn round_trips(&self) -> Histogram {
        self.round_trips.lock().map_or_else(|broken| broken.into_inner().clone(), |times| times.clone())
    }

    /// Whether its threads still run.
    pub fn is_alive(&self) -> bool {
        let hand = self.hand.as_ref().is_none_or(|hand| !hand.thread.is_finished());
        hand && self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
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
        self.push_at(force_n, [0.0; 3], duration_s);
    }

    /// [`Sim::push`] at a point of the tool, `point_m` (m) in the end effector's frame.
    pub fn push_at(&self, force_n: [f64; 3], point_m: [f64; 3], duration_s: f64) {
        let cycles = (duration_s / CYCLE_S).round();
        if force_n.iter().chain(&point_m).all(|value| value.is_finite()) && cycles >= 1.0 {
            self.order(Hook::Push(Force {
                force: force_n,
                point: point_m,
                moment: [0.0; 3],
                cycles_left: cycles as u64,
            }));
        }
    }

    /// Has a virtual hand guide the end effector, from now on, in the place of an earlier one; `None` takes it away. A plan
    /// with values out of their range does nothing.
    pub fn guide(&self, plan: Option<virtual_hand::Plan>) {
        if plan.as_ref().is_none_or(|plan| plan.validate().is_empty()) {
            self.order(Hook::Hand(plan.map(Box::new)));
        }
    }

    /// Stops the arm with error `index` of [`ERROR_NAMES`]; an index beyond the table does nothing.
    pub fn trigger_reflex(&self, index: usize) {
        if index < ERROR_NAMES.len() {
            self.inject(Fault::reflex(index));
        }
    }

    /// Loses the next `n` commands that would have been accepted.
    pub fn drop_commands(&self, n: u32) {
        if n > 0 {
            self.inject(Fault::lose_commands(n));
        }
    }

    /// Lets something go wrong, from now on.
    pub fn inject(&self, fault: Fault) {
        self.order(Hook::Fault(fault));
    }

    /// Takes every fault back but the share of lost commands; what is mute speaks again.
    pub fn clear_faults(&self) {
        self.order(Hook::ClearFaults);
    }

    /// Loses this share (0 to 1) of the commands from now on.
    pub fn set_command_loss(&self, share: f64) {
        self.order(Hook::CommandLoss(share.clamp(0.0, 1.0)));
    }

    /// Puts an object of this width (0 to 0.08 m) between the fingers, pushing them apart where they are closer, or
    /// takes it away. Without a hand, or out of range, it does nothing.
    pub fn set_object_width(&self, width_m: Option<f64>) {
        let possible = width_m.is_none_or(|width| (0.0..=gripper::STROKE_M).contains(&width));
        if let (Some(hand), true) = (&self.hand, possible) {
            let _ = hand.objects.send(width_m); // as in `order`
        }
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
        if let Some(Hand { objects, thread, .. }) = self.hand.take() {
            drop(objects);
            let _ = thread.join();
        }
    }
}
