//! Faults on order: a layer around everything the robot sends and receives, seeded so that a failure repeats.
//!
//! ```text
//!  Fault ("drop:state:p=5%") ─► Armed (time, dice) ─► Faults ─► Fate of a datagram, Act on the robot
//! ```
//!
//! Nothing here has a socket or a clock: `Faults` says what becomes of each datagram, the server does it.
mod armed;
mod count;
mod held;
mod kinds;
mod spec;
#[cfg(test)]
mod tests;
mod units;

use std::time::Duration;

use rand::RngExt;

pub use count::Injected;
pub(super) use held::{Due, Held};
pub use kinds::{Kind, Target, help};
pub use spec::{Fault, SpecError};

use super::wire::Header;
use super::wire::state::at;
use crate::robot::Errors;
use armed::Armed;
use kinds::Key;

/// A model library so large that no client can take it for a small one, bytes.
const MODEL_SIZE: f64 = 2e6;
/// What a robot of another version claims.
const OTHER_VERSION: f64 = 4.0;
/// How many commands a burst loses that does not say.
const BURST: f64 = 10.0;

/// What becomes of a datagram or an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fate {
    /// How often it goes on; 0 is lost.
    pub(super) copies: u32,
    /// Until when it is held back.
    pub(super) hold: Option<Hold>,
}

/// How long something is held back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Hold {
    Time(Duration),
    /// Until the end of the slot that is so many after its own.
    Slots(u64),
}

const UNTOUCHED: Fate = Fate { copies: 1, hold: None };
const LOST: Fate = Fate { copies: 0, hold: None };

/// What a fault does to the robot or its connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Act {
    Reflex(Errors),
    UserStop(bool),
    HangUp { reset: bool },
}

/// All faults there are, given and done.
#[derive(Debug)]
pub(super) struct Faults {
    seed: u64,
    lockstep: bool,
    /// Robot time, ms: the id of the state that stands for now.
    now: u64,
    client: Option<u64>,
    /// The first one is the share of lost commands among the options; it stays.
    armed: Vec<Armed>,
    /// How many were ever given: each has its own random numbers.
    given: u64,
    mute_udp: Option<u64>,
    mute_all: Option<u64>,
    user_stop: Option<u64>,
    /// Neighbours are swapped in pairs: none more before this time.
    swapped: [u64; 2],
    in_motion: bool,
    pub(super) injected: Injected,
}

impl Faults {
    pub(super) fn new(seed: u64, lockstep: bool, command_loss: f64, faults: &[Fault]) -> Self {
        let mut all = Self {
            seed,
            lockstep,
            now: 0,
            client: None,
            armed: Vec::new(),
            given: 0,
            mute_udp: None,
            mute_all: None,
            user_stop: None,
            swapped: [0; 2],
            in_motion: false,
            injected: Injected::default(),
        };
        all.give(Fault::command_loss(command_loss));
        faults.iter().for_each(|fault| all.give(*fault));
        all
    }

    /// One more fault, from now on.
    pub(super) fn give(&mut self, fault: Fault) {
        let seed = self.seed.wrapping_add(self.given.wrapping_mul(0xBF58_476D_1CE4_E5B9));
        self.given += 1;
        let mut kept = 0;
        self.armed.retain(|armed| {
            kept += 1;
            kept == 1 || !armed.is_over()
        });
        self.armed.push(Armed::new(fault, seed, self.now, self.client));
    }

    /// Another share of lost commands.
    pub(super) fn set_command_loss(&mut self, share: f64) {
        if let Some(armed) = self.armed.first_mut() {
            armed.fault = Fault::command_loss(share);
        }
    }

    /// Takes every fault back but the share of lost commands; what is muted speaks again.
    pub(super) fn clear(&mut self) {
        self.armed.truncate(1);
        (self.mute_udp, self.mute_all) = (None, None);
        self.user_stop = self.user_stop.map(|_| self.now);
    }

    pub(super) fn connected(&mut self) {
        self.client = Some(self.now);
        self.armed.iter_mut().for_each(|armed| armed.connected(self.now));
    }

    /// The client has gone; nobody is left to be mute to.
    pub(super) fn left(&mut self) {
        (self.client, self.mute_udp, self.mute_all) = (None, None, None);
        self.armed.iter_mut().for_each(Armed::left);
    }

    /// Once a millisecond, at the end of slot `now`; `motion` is the number of the one that has begun.
    pub(super) fn tick(&mut self, now: u64, motion: Option<u64>) -> Vec<Act> {
        self.now = now;
        if motion.is_some() && !self.in_motion {
            self.swapped = [0; 2]; // what a motion meets does not depend on what was before it
        }
        self.in_motion = motion.is_some();
        let over = |until: Option<u64>| until.filter(|until| now < *until);
        (self.mute_udp, self.mute_all) = (over(self.mute_udp), over(self.mute_all));
        let mut acts = Vec::new();
        if self.user_stop.is_some_and(|until| now >= until) {
            self.user_stop = None;
            acts.push(Act::UserStop(false));
        }
        for armed in &mut self.armed {
            armed.moves(now, motion);
            let fault = armed.fault;
            let needs_client = match fault.kind {
                Kind::MuteUdp | Kind::MuteAll | Kind::TcpReset | Kind::TcpClose => true,
                Kind::Reflex | Kind::UserStop => false,
                _ => continue,
            };
            if needs_client && self.client.is_none() || !armed.happens(now) {
                continue;
            }
            self.injected.count(fault.kind, None);
            let until = fault.get(Key::For).map(|ms| now + ms as u64);
            match fault.kind {
                Kind::MuteUdp => self.mute_udp = self.mute_udp.max(until.or(Some(u64::MAX))),
                Kind::MuteAll => self.mute_all = self.mute_all.max(until.or(Some(u64::MAX))),
                Kind::Reflex => acts.push(Act::Reflex(Errors(1 << fault.error))),
                Kind::UserStop => {
                    self.user_stop = until;
                    acts.push(Act::UserStop(true));
                }
                kind => acts.push(Act::HangUp { reset: kind == Kind::TcpReset }),
            }
        }
        acts
    }

    /// Whether no request is answered.
    pub(super) fn is_deaf(&self) -> bool {
        self.mute_all.is_some()
    }

    /// Whether datagrams of this kind may meet a fault at all; if not, nothing needs to be asked.
    pub(super) fn touches(&self, target: Target) -> bool {
        let mute = target != Target::Reply && (self.mute_udp.is_some() || self.mute_all.is_some());
        mute || self.armed.iter().any(|armed| hits(&armed.fault, target))
    }

    /// Whether commands may be held back by the clock, so that the time they come at matters.
    pub(super) fn times_commands(&self) -> bool {
        let held = |fault: &Fault| matches!(fault.kind, Kind::Delay | Kind::Jitter);
        !self.lockstep
            && self.armed.iter().any(|armed| held(&armed.fault) && hits(&armed.fault, Target::Command))
    }

    /// Whether a command is not heard at all, whatever it is.
    pub(super) fn swallows(&mut self, target: Target) -> bool {
        let kind = match (self.mute_udp, self.mute_all) {
            (_, Some(_)) => Kind::MuteAll,
            (Some(_), None) => Kind::MuteUdp,
            (None, None) => return false,
        };
        self.injected.count(kind, Some(target));
        true
    }

    /// The version a client that connects is refused with.
    pub(super) fn connect_version(&mut self) -> Option<u16> {
        for armed in &mut self.armed {
            if armed.fault.kind == Kind::WrongVersion && armed.happens(self.now) {
                self.injected.count(Kind::WrongVersion, None);
                return Some(armed.fault.get(Key::Version).unwrap_or(OTHER_VERSION) as u16);
            }
        }
        None
    }

    /// What becomes of the `target` in `bytes`, which may change.
    pub(super) fn meet(&mut self, target: Target, bytes: &mut Vec<u8>) -> Fate {
        let mut fate = UNTOUCHED;
        let (now, lockstep) = (self.now, self.lockstep);
        for armed in self.armed.iter_mut().filter(|armed| hits(&armed.fault, target)) {
            let fault = armed.fault;
            let is_swap = fault.kind == Kind::Reorder;
            let swapped = self.swapped.get_mut(target as usize).filter(|_| is_swap);
            if is_swap && swapped.as_ref().is_none_or(|until| now < **until)
                || fault.kind == Kind::ModelTooLarge && !is_model(bytes)
            {
                continue;
            }
            if armed.burst > 0 {
                armed.burst -= 1;
            } else if !armed.happens(now) {
                continue;
            } else if fault.kind == Kind::Burst {
                armed.burst = fault.get(Key::N).unwrap_or(BURST) as u64 - 1;
            }
            self.injected.count(fault.kind, fault.target);
            match fault.kind {
                Kind::Drop | Kind::Burst => return LOST,
                Kind::Duplicate => fate.copies += 1,
                Kind::Delay | Kind::Jitter => {
                    let ms = fault.get(Key::Ms).unwrap_or(1.0);
                    let share = (fault.kind == Kind::Jitter).then(|| armed.dice().random::<f64>());
                    if lockstep && target != Target::Reply {
                        let slots = share.map_or(ms.ceil(), |share| (share * (ms.ceil() + 1.0)).floor());
                        fate.hold = (slots > 0.0).then_some(Hold::Slots(slots as u64));
                    } else {
                        fate.hold =
                            Some(Hold::Time(Duration::from_secs_f64(ms * share.unwrap_or(1.0) / 1e3)));
                    }
                }
                Kind::Reorder => {
                    if let Some(until) = swapped {
                        *until = now + 2;
                    }
                    fate.hold = Some(Hold::Slots(1));
                }
                Kind::Corrupt => corrupt(armed, bytes),
                Kind::WrongLength => {
                    let length = fault.get(Key::Length).map_or(bytes.len().saturating_sub(1), |n| n as usize);
                    bytes.resize(length, 0);
                }
                Kind::HugeMessageId => huge(bytes),
                Kind::ModelTooLarge => enlarge(bytes, fault.get(Key::Size).unwrap_or(MODEL_SIZE) as usize),
                _ => {}
            }
        }
        fate
    }
}

/// Whether a fault is about what travels as `target`.
fn hits(fault: &Fault, target: Target) -> bool {
    match fault.kind {
        Kind::HugeMessageId => target == Target::State,
        Kind::ModelTooLarge => target == Target::Reply,
        _ => fault.target == Some(target),
    }
}

fn huge(bytes: &mut [u8]) {
    if let Some(id) = bytes.get_mut(at::message_id) {
        id.fill(0xFF);
    }
}

fn is_model(bytes: &[u8]) -> bool {
    bytes
        .get(..Header::LEN)
        .and_then(|header| Header::decode(header).ok())
        .is_some_and(|header| header.command == 13)
}

fn corrupt(armed: &mut Armed, bytes: &mut [u8]) {
    let count = armed.fault.get(Key::Bytes).unwrap_or(1.0) as usize;
    let offset = armed.fault.get(Key::Offset).map(|offset| offset as usize);
    for i in 0..count.min(bytes.len()) {
        let (at, flip) = (armed.dice().random_range(0..bytes.len()), armed.dice().random_range(1..=u8::MAX));
        if let Some(byte) = bytes.get_mut(offset.map_or(at, |offset| offset + i)) {
            *byte ^= flip;
        }
    }
}

/// Zeros behind an answer, and its header says so.
fn enlarge(bytes: &mut Vec<u8>, size: usize) {
    bytes.resize(size.max(bytes.len()), 0);
    if let Ok(header) = Header::decode(&bytes[..Header::LEN]) {
        let header = Header { size: bytes.len() as u32, ..header };
        bytes[..Header::LEN].copy_from_slice(&header.encode());
    }
}
