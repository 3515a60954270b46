//! A fault that waits for its time: whether it happens now, and from which random numbers.
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::kinds::{Key, Kind};
use super::spec::{Fault, Start};

/// A fault with its clock and its dice.
#[derive(Debug)]
pub(super) struct Armed {
    pub(super) fault: Fault,
    /// Robot time it was given at, ms.
    given: u64,
    /// Robot time of what its start counts from.
    client: Option<u64>,
    motion: Option<u64>,
    /// How often it may still happen; `None` is any number.
    left: Option<u64>,
    /// Datagrams of a burst still to be lost.
    pub(super) burst: u64,
    seed: u64,
    between: StdRng,
    within: StdRng,
    in_motion: bool,
}

impl Armed {
    /// `seed` is its own; `client` since when one is served.
    pub(super) fn new(fault: Fault, seed: u64, given: u64, client: Option<u64>) -> Self {
        Self {
            given,
            client: client.map(|since| since.max(given)),
            motion: None,
            left: fault.times(),
            burst: 0,
            seed,
            between: StdRng::seed_from_u64(seed),
            within: StdRng::seed_from_u64(seed),
            in_motion: false,
            fault,
        }
    }

    pub(super) fn connected(&mut self, now: u64) {
        self.client = Some(now);
        self.motion = None;
        if self.fault.every_client {
            (self.left, self.burst) = (self.fault.times(), 0);
        }
    }

    pub(super) fn left(&mut self) {
        (self.client, self.motion, self.in_motion) = (None, None, false);
    }

    /// Says whether motion `number` has begun, that is had its first command. The numbers drawn within a motion
    /// are its own: how many states went by before it depends on the client, and must not change them.
    pub(super) fn moves(&mut self, now: u64, number: Option<u64>) {
        if let Some(number) = number
            && !self.in_motion
        {
            self.motion = self.motion.or(Some(now));
            if self.fault.get(Key::P).is_some() {
                self.burst = 0;
            }
            self.within =
                StdRng::seed_from_u64(self.seed.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        }
        self.in_motion = number.is_some();
    }

    fn since(&self) -> Option<u64> {
        match self.fault.start {
            Start::Now => Some(self.given),
            Start::Connect(ms) if self.fault.kind == Kind::WrongVersion => Some(self.given + ms),
            Start::Connect(ms) => self.client.map(|since| since + ms),
            Start::Motion(ms) => self.motion.map(|since| since + ms),
        }
    }

    fn is_due(&self, now: u64) -> bool {
        let lasts = self.fault.get(Key::For).filter(|_| self.fault.target.is_some());
        self.since().is_some_and(|since| now >= since && lasts.is_none_or(|ms| now < since + ms as u64))
    }

    /// Whether it happens, at one opportunity.
    pub(super) fn happens(&mut self, now: u64) -> bool {
        if self.left == Some(0) || !self.is_due(now) {
            return false;
        }
        if let Some(p) = self.fault.get(Key::P)
            && !(p > 0.0 && self.dice().random_bool(p))
        {
            return false;
        }
        self.left = self.left.map(|left| left - 1);
        true
    }

    /// Whether it will never happen again to anybody.
    pub(super) fn is_over(&self) -> bool {
        !self.fault.every_client && self.burst == 0 && self.left == Some(0)
    }

    pub(super) fn dice(&mut self) -> &mut StdRng {
        if self.in_motion { &mut self.within } else { &mut self.between }
    }
}
