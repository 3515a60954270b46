//! The control thread and what one tick of it does.
mod brake;
pub mod clock;
pub mod generator;
pub mod links;
mod pulse;
mod shelf;
mod supervisor;
mod thread;
mod tick;

pub use pulse::Pulse;
pub use shelf::Edition;
pub use supervisor::Session;
pub use thread::{Event, Order, Outcome, SampleCounts, Thread};
pub use tick::Controller;

use crate::kinematics::{self, Point, hand_tool};
use crate::range::{Violation, check_range};
use crate::robot::{Joints, limits};
use crate::safety::Motion;
use crate::{safety, sde};
use nalgebra::SVector;
use serde::{Deserialize, Serialize};

/// How a motion starts, stops and takes a new policy over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Duration of the ramp in and out of a motion, s.
    pub ramp_s: f64,
    /// Duration over which one policy is blended into the next, s.
    pub swap_s: f64,
    /// Share of the joint velocity and acceleration limits used on the way to the start.
    pub approach_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { ramp_s: 0.35, swap_s: 0.25, approach_share: 0.3 }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "ramp_s", self.ramp_s, 0.1..=5.0, "s");
        check_range(&mut out, "swap_s", self.swap_s, 0.05..=5.0, "s");
        check_range(&mut out, "approach_share", self.approach_share, 0.01..=0.8, "");
        out
    }
}

/// Everything that decides a motion besides the policy and the path.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Start, stop and swap.
    pub options: Options,
    /// The generator.
    pub generator: generator::Options,
    /// The process at run time.
    pub sde: sde::Options,
    /// The safety layer.
    pub safety: safety::Options,
    /// Rate of reference time, above 0; 1 is the path's own timing.
    pub speed: f64,
    /// Laps to drive; `None` goes on until asked to stop.
    pub laps: Option<f64>,
}

impl Settings {
    /// From the first command to the first tick on the path, s, for an arm at `from` and a path that begins at `to`.
    pub fn until_start_s(&self, from: &Joints, to: &Joints) -> f64 {
        self.approach_s(from, to) + tick::SETTLE_S
    }

    /// How long the way in joint space from one rest to another takes, s.
    ///
    /// Along it the joints move by smootherstep, whose derivatives have the extrema 1.875 and 5.7735. A tool longer
    /// than the hand may be too fast on it: the safety layer then slows it further.
    fn approach_s(&self, from: &Joints, to: &Joints) -> f64 {
        /// Places at which the way is looked at.
        const PLACES: u32 = 32;
        let share = self.options.approach_share * self.speed.min(1.0);
        let bounds = limits::DQ_MAX.iter().zip(&limits::DDQ_MAX);
        let joints_s = from.iter().zip(to).zip(bounds).fold(0.05, |longest: f64, ((from, to), (v, a))| {
            let way = (to - from).abs();
            longest.max(1.875 * way / (share * v)).max((5.7735 * way / (share * a)).sqrt())
        });
        let mut way = *from;
        way.iter_mut().zip(to).for_each(|(way, to)| *way = to - *way);
        (0..=PLACES).fold(joints_s, |longest, k| {
            let along = f64::from(k) / f64::from(PLACES);
            let mut q = *from;
            q.iter_mut().zip(&way).for_each(|(q, way)| *q += along * way);
            let O_dP_EE = kinematics::jacobian(&q, &hand_tool()) * SVector::<f64, 7>::from(way);
            let (m, rad) = (O_dP_EE.fixed_rows::<3>(0).norm(), O_dP_EE.fixed_rows::<3>(3).norm());
            let safety = &self.safety;
            let shortest_s = (m / safety.tool_speed_m_s).max(rad / safety.tool_turn_rad_s);
            longest.max(1.875 * shortest_s / TOOL_SHARE)
        })
    }

    /// The way from rest at one place to rest at another, in even steps of time, with its duration.
    pub fn way(&self, from: &Joints, to: &Joints, steps: u32) -> impl Iterator<Item = Motion> {
        let duration_s = self.approach_s(from, to);
        let (from, to) = (*from, *to);
        (0..=steps).map(move |k| {
            let u = f64::from(k) / f64::from(steps);
            let rate = 30.0 * u * u * (u * (u - 2.0) + 1.0) / duration_s;
            let curve = 60.0 * u * (u * (2.0 * u - 3.0) + 1.0) / (duration_s * duration_s);
            let each = |share: f64| std::array::from_fn(|i| share * (to[i] - from[i]));
            let gone: Joints = each(clock::smootherstep(u));
            Motion { q: std::array::from_fn(|i| from[i] + gone[i]), dq: each(rate), ddq: each(curve) }
        })
    }
}

/// Share of the end effector's speed limits that the way to the start uses.
const TOOL_SHARE: f64 = 0.8;

/// What may drive the arm in the place of a policy: a baseline to compare it with.
///
/// Asked each millisecond on the control thread: no allocation, lock, clock or panic.
pub trait StandIn: Send {
    /// The joints, rad, for the end effector at `X` (base frame, m); NaN where there is no answer.
    fn evaluate(&mut self, X: &Point) -> Joints;

    /// Whether it has learnt what to answer at `X`, or not farther than `margin_m` from there.
    fn knows(&self, X: &Point, margin_m: f64) -> bool;
}

/// What the arm is doing in a motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// On a straight way in joint space to the start of the path.
    Approach,
    /// Following the path.
    Follow,
    /// The path is done or stopped: the arm settles.
    Rest,
    /// Braking to an exact rest.
    Brake,
    /// At rest; the motion is finished.
    Done,
}
