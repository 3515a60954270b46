//! Pure: (last desired state, proposal) to (command, verdict); total on any `f64`.
//!
//! A legal proposal passes unchanged, bit for bit. An illegal one becomes the nearest legal one, so that from
//! a legal state every later state is legal too: position with its braking distance, velocity with head-room
//! for lost commands, acceleration and jerk.
mod limiter;

pub use limiter::{Limiter, Motion};

use crate::range::{Violation, check_count, check_range};
use serde::{Deserialize, Serialize};

/// How close to the robot's own limits a command may come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Distance kept from the joint position limits, rad.
    pub position_margin_rad: f64,
    /// Share of the robot's velocity limits in use.
    pub velocity_share: f64,
    /// Share of the robot's acceleration limits in use.
    pub acceleration_share: f64,
    /// Share of the robot's jerk limits in use.
    pub jerk_share: f64,
    /// Lost commands in a row, through which the robot extrapolates, that must not break the velocity limit.
    pub lost_commands: usize,
    /// How far outside the policy's training region the network may be asked, m.
    pub region_margin_m: f64,
    /// How far from where it was asked the policy's joints may put the end effector, m.
    pub wish_error_m: f64,
    /// How far from where it was asked they may turn it, where the policy's input is a pose, rad.
    pub wish_error_rad: f64,
    /// Largest difference between desired and measured joint positions at the start of a motion, rad.
    pub start_error_rad: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            position_margin_rad: 0.01,
            velocity_share: 1.0,
            acceleration_share: 0.95,
            jerk_share: 0.95,
            lost_commands: 19,
            region_margin_m: 0.002,
            wish_error_m: 0.05,
            wish_error_rad: 0.1,
            start_error_rad: 0.1,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "position_margin_rad", self.position_margin_rad, 0.001..=0.5, "rad");
        check_range(&mut out, "velocity_share", self.velocity_share, 0.05..=1.0, "");
        check_range(&mut out, "acceleration_share", self.acceleration_share, 0.05..=0.98, "");
        check_range(&mut out, "jerk_share", self.jerk_share, 0.05..=0.98, "");
        check_count(&mut out, "lost_commands", self.lost_commands, 3..=19, "commands");
        check_range(&mut out, "region_margin_m", self.region_margin_m, 0.0..=0.05, "m");
        check_range(&mut out, "wish_error_m", self.wish_error_m, 0.001..=0.2, "m");
        check_range(&mut out, "wish_error_rad", self.wish_error_rad, 0.001..=1.0, "rad");
        check_range(&mut out, "start_error_rad", self.start_error_rad, 0.001..=0.2, "rad");
        out
    }
}

/// Why a command is not what was proposed: a set of named reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict(pub u32);

impl Verdict {
    /// The proposal was NaN or infinite.
    pub const NOT_FINITE: Verdict = Verdict(1);
    /// A joint could not have stopped before its limit.
    pub const POSITION: Verdict = Verdict(1 << 1);
    /// A joint would have been too fast, lost commands included.
    pub const VELOCITY: Verdict = Verdict(1 << 2);
    /// A joint would have accelerated too much.
    pub const ACCELERATION: Verdict = Verdict(1 << 3);
    /// The acceleration of a joint would have jumped.
    pub const JERK: Verdict = Verdict(1 << 4);
    /// The network was asked outside the region it was trained in.
    pub const REGION: Verdict = Verdict(1 << 5);
    /// The robot's state made no sense (not finite, outside the joint limits, time not moving on).
    pub const STATE: Verdict = Verdict(1 << 6);
    /// The policy's joints would put the end effector far from where the policy was asked.
    pub const WISH: Verdict = Verdict(1 << 7);

    const NAMES: [(Verdict, &'static str); 8] = [
        (Verdict::NOT_FINITE, "proposal not finite"),
        (Verdict::POSITION, "joint position"),
        (Verdict::VELOCITY, "joint velocity"),
        (Verdict::ACCELERATION, "joint acceleration"),
        (Verdict::JERK, "joint jerk"),
        (Verdict::REGION, "outside the trained region"),
        (Verdict::STATE, "robot state makes no sense"),
        (Verdict::WISH, "the policy points elsewhere"),
    ];

    /// Whether the proposal passed unchanged.
    pub fn is_clear(self) -> bool {
        self.0 == 0
    }

    /// Whether any of `other`'s reasons is among these.
    pub fn has(self, other: Verdict) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets of reasons.
    #[must_use]
    pub fn and(self, other: Verdict) -> Verdict {
        Verdict(self.0 | other.0)
    }

    /// The reasons in words.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
    }
}
