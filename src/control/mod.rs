//! The control thread and what one tick of it does.
mod approach;
mod brake;
pub mod clock;
mod course;
pub mod generator;
mod grip;
pub mod guidance;
mod guidance_options;
#[cfg(test)]
mod guidance_tests;
mod guide;
pub mod impedance;
#[cfg(test)]
mod impedance_tests;
pub mod links;
pub mod modes;
mod offers;
mod pulse;
pub mod push;
mod reading;
pub mod residual;
mod shelf;
mod standing;
mod supervisor;
mod thread;
mod tick;
mod usage;
mod watching;
mod way;

pub use approach::Approach;
pub use course::Course;
pub use guide::Guide;
pub use pulse::Pulse;
pub use shelf::Edition;
pub use supervisor::Session;
pub use thread::{Event, Order, Outcome, SampleCounts, Thread};
pub use tick::Controller;
pub use usage::{ControlUsage, Faults};
pub use way::Way;

use crate::demonstration::sample::Sample;
use crate::kinematics::Pose;
use crate::range::{Violation, check_range};
use crate::robot::{Command, Joints, State};
use crate::safety::{Limiter, Margin, Verdict};
use crate::{safety, sde};
use links::{Request, Tempo};
use serde::{Deserialize, Serialize};

/// How a motion starts, stops and takes a new policy over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Duration of the ramp in and out of a motion, s.
    pub ramp_s: f64,
    /// Duration over which one policy is blended into the next, s.
    pub swap_s: f64,
    /// Duration over which a corrected path is blended into the next, s.
    pub course_s: f64,
    /// Share of the joint velocity and acceleration limits used on the way to the start.
    pub approach_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { ramp_s: 0.35, swap_s: 0.25, course_s: 1.0, approach_share: 0.3 }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "ramp_s", self.ramp_s, 0.1..=5.0, "s");
        check_range(&mut out, "swap_s", self.swap_s, 0.05..=5.0, "s");
        check_range(&mut out, "course_s", self.course_s, 0.1..=10.0, "s");
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
    /// When a hand means to correct a compliant arm.
    pub push: push::Options,
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
        self.approach(from, to).duration_s + tick::SETTLE_S
    }

    /// The way from one rest to another at the settings' pace.
    pub fn approach(&self, from: &Joints, to: &Joints) -> Approach {
        Approach::plan(from, to, self.options.approach_share * self.speed.min(1.0), &self.safety)
    }
}

/// What a robot is connected to for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be moved: it is set up as the options say.
    Move,
    /// To be read: nothing is set in it.
    Read,
}

/// What moves the arm in one motion. Asked each millisecond on the control thread: no allocation, lock, clock or panic.
pub trait Pilot: Send {
    /// The command that answers `state`, and what there is to say of it.
    fn tick(&mut self, state: &State) -> (Command, Sample);

    /// Comes to rest and ends the motion.
    fn stop(&mut self);

    /// Comes to rest as fast as the limits allow, be it off the path, and ends the motion.
    fn halt(&mut self) {
        self.stop();
    }

    /// Goes on like this; a motion that follows no path has no tempo.
    fn set_tempo(&mut self, _: &Tempo) {}

    /// Does what the supervisor asks.
    fn take(&mut self, request: Request) {
        match request {
            Request::Tempo(tempo) => self.set_tempo(&tempo),
            Request::Stop => self.stop(),
            Request::Halt => self.halt(),
        }
    }

    /// What the arm is doing.
    fn phase(&self) -> Phase;

    /// Why our own safety layer ended the motion, if it did.
    fn stopped_by(&self) -> Verdict;

    /// By how much a limit with a figure was broken then, if one was.
    fn stopped_at(&self) -> Option<Margin> {
        None
    }

    /// The limits every command keeps.
    fn limiter(&self) -> &Limiter;

    /// What makes torques of the commands.
    fn law(&self) -> &Law {
        &Law::Position
    }

    /// Under [`Law::Pilot`], the torque beyond gravity that answers the state of the last tick; finite, and inside the
    /// robot's limits.
    fn torque(&self) -> impedance::Torque {
        impedance::Torque::default()
    }
}

/// What makes torques of commands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Law {
    /// The robot's own joint impedance controller.
    #[default]
    Position,
    /// Ours, softer.
    Impedance(impedance::Options),
    /// The pilot's own; the command says no more than where the arm is held, and when the motion ends.
    Pilot,
}

/// What may drive the arm in the place of a policy: a baseline to compare it with.
///
/// Asked each millisecond on the control thread: no allocation, lock, clock or panic.
pub trait StandIn: Send {
    /// The joints, rad, for the end effector at `X` (base frame); NaN where there is no answer.
    fn evaluate(&mut self, X: &Pose) -> Joints;

    /// Whether it has learnt what to answer at `X`, or not farther than `margin_m` from there.
    fn knows(&self, X: &Pose, margin_m: f64) -> bool;
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
