//! The path that is driven, and the one it is faded in from when a person has corrected it.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]
use super::clock::smootherstep;
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::Pose;
use nalgebra::Vector3;
use std::sync::Arc;

/// A path with its number, so that both sides of a channel speak of the same one; 0 is the one a drive begins with.
///
/// All courses of a drive have the same law of time. Whoever offers one keeps it, so that the control thread never
/// frees a path.
#[derive(Clone, Debug)]
pub struct Course {
    /// The path.
    pub timed: Arc<TimedPath>,
    /// Its number.
    pub number: u32,
}

/// The course on the control thread.
pub(super) struct Courses {
    now: Course,
    /// What it is faded in from, and how far, 0 to 1.
    from: Option<(Arc<TimedPath>, f64)>,
    fade_s: f64,
}

impl Courses {
    pub(super) fn new(timed: Arc<TimedPath>, fade_s: f64) -> Courses {
        Courses { now: Course { timed, number: 0 }, from: None, fade_s: fade_s.max(1e-3) }
    }

    pub(super) fn number(&self) -> u32 {
        self.now.number
    }

    pub(super) fn lap_s(&self) -> f64 {
        self.now.timed.lap_s()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.from.is_none()
    }

    /// Takes a course over; one that comes in a fade, or has another law of time, is passed over.
    pub(super) fn offer(&mut self, course: Course) {
        if self.is_ready() && course.timed.lap_s() == self.lap_s() {
            let before = std::mem::replace(&mut self.now, course);
            self.from = Some((before.timed, 0.0));
        }
    }

    /// The pose of the reference at `tau_s`.
    pub(super) fn pose(&self, tau_s: f64) -> Pose {
        let to = self.now.timed.pose(tau_s);
        let Some((from, done)) = &self.from else { return to };
        let (from, share) = (from.pose(tau_s), smootherstep(*done));
        let p = from.translation.vector.lerp(&to.translation.vector, share);
        let turn = from.rotation.try_slerp(&to.rotation, share, 1e-9).unwrap_or(to.rotation);
        Pose::from_parts(p.into(), turn)
    }

    /// Where in what repeats `tau_s` is, 0 to 1: a lap of a closed path, the way there and back on an open one.
    pub(super) fn place(&self, tau_s: f64) -> f64 {
        let laps = if self.now.timed.path().is_closed() { 1.0 } else { 2.0 };
        (tau_s / (laps * self.lap_s().max(1e-3))).rem_euclid(1.0)
    }

    /// Which way the reference moves at `tau_s`, m/s by reference time.
    pub(super) fn velocity(&self, tau_s: f64) -> Vector3<f64> {
        self.now.timed.at(tau_s).1
    }

    /// Goes on with a fade.
    pub(super) fn advance(&mut self, dt_s: f64) {
        if let Some((_, done)) = &mut self.from {
            *done += dt_s / self.fade_s;
            if *done >= 1.0 {
                self.from = None;
            }
        }
    }
}
