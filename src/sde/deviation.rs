//! The process at run time: what the policy is asked, so that a push reaches it and it answers by returning.
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
use super::Options;
use crate::kinematics::Point;

/// How much more slowly a push becomes what lasts than anything else does: one of a third of a second hardly does.
const PUSHED_SLOWER: f64 = 3.0;

/// Halvings of a deviation that leaves what the policy knows: coarse steps would shake the arm along the edge.
const BISECTIONS: u32 = 30;

/// The policy's input X = x_ref + z, with dz = −θ z dt, and z taken anew from the arm while it is pushed.
///
/// Fed with the reference alone, the policy would never learn of a push. Fed with the measured position, it
/// would chase its own tracking error. So X follows the reference by the drift of the process that training
/// perturbed with, and is anchored to the measurement only at the start and while the arm is out of the tube:
/// measured further than `tube_m` from desired, until it is nearer than `tube_release_m`. It goes there at
/// `push_speed_m_s` at most: a jump to a hand that keeps its distance would be chased ever faster.
///
/// What lasts is no push. A soft arm under a load that nobody declared hangs below where it is told to be, and an X
/// that went after it would sink for ever, the arm always ahead. So both distances are counted from their own means
/// over `sag_s`, which begin with what there is at the start.
///
/// Total: whatever the bits of the arguments, the answer is finite. No allocation, no clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Follower {
    theta_1_s: f64,
    tube_m: f64,
    tube_release_m: f64,
    limit_m: f64,
    push_speed_m_s: f64,
    sag_s: f64,
    /// Means of measured less desired, and of measured less X, m; none before the first measurement.
    lasting: Option<[Point; 2]>,
    z: Point,
    pushed: bool,
    /// Where X is to begin, until there is a reference to take z from.
    anchor: Option<Point>,
    last: Point,
}

impl Follower {
    /// A follower whose X begins where the arm is: `O_p_EE`, m in the base frame.
    pub fn new(options: &Options, O_p_EE: &Point) -> Self {
        let start = O_p_EE.map(finite_or_zero);
        Self {
            theta_1_s: finite_or_zero(options.theta_1_s).max(0.0),
            tube_m: options.tube_m,
            tube_release_m: options.tube_release_m,
            limit_m: finite_or_zero(options.deviation_limit_m).max(0.0),
            push_speed_m_s: finite_or_zero(options.push_speed_m_s).max(0.0),
            sag_s: finite_or_zero(options.sag_s).max(1e-3),
            lasting: None,
            z: Point::zeros(),
            pushed: false,
            anchor: Some(start),
            last: start,
        }
    }

    /// Begins anew at the arm, for a policy that takes over again after a pause; X does not jump.
    ///
    /// Further than `deviation_limit_m` from the reference X cannot be: move the arm near it first.
    pub fn anchor(&mut self, O_p_EE: &Point) {
        self.anchor = Some(O_p_EE.map(finite_or_zero));
    }

    /// X for this tick, base frame, m.
    ///
    /// `x_ref` is the demonstration's position, `O_p_EE` the measured and `O_p_EE_d` the robot's last desired
    /// one, all m in the base frame; `dt_s` the time since the last call, s. The decay e^(−θ dt) is exact,
    /// so a lost cycle costs no accuracy. A reference that is not finite holds the last X; a measurement
    /// that is not finite counts as no push.
    pub fn step(&mut self, x_ref: &Point, O_p_EE: &Point, O_p_EE_d: &Point, dt_s: f64) -> Point {
        let dt_s = if dt_s.is_finite() { dt_s.max(0.0) } else { 0.0 };
        let now = [O_p_EE - O_p_EE_d, O_p_EE - self.last];
        let [sag, off] = self.lasting.unwrap_or(now);
        // Comparisons with NaN are false: no push.
        self.pushed = (now[0] - sag).norm() > if self.pushed { self.tube_release_m } else { self.tube_m };
        self.remember([sag, off], now, dt_s);
        let towards = || self.last + bounded(&(O_p_EE - off - self.last), self.push_speed_m_s * dt_s);
        let anchor = if self.pushed { Some(towards()) } else { self.anchor };
        match anchor.map(|p| p - x_ref) {
            Some(z) if is_finite(&z) => (self.z, self.anchor) = (z, None),
            _ => self.z *= (-self.theta_1_s * dt_s).exp(),
        }
        self.z = bounded(&self.z, self.limit_m);
        let x = x_ref + self.z;
        if is_finite(&x) {
            self.last = x;
        }
        self.last
    }

    /// Takes `now` into the means. A push that goes on becomes what lasts too, three times as slowly: else a load
    /// that was put on at once would be run after for ever.
    fn remember(&mut self, [sag, off]: [Point; 2], now: [Point; 2], dt_s: f64) {
        let share = |slower: f64| -(-dt_s / (slower * self.sag_s)).exp_m1();
        let next = if self.pushed {
            [sag + (now[0] - sag) * share(PUSHED_SLOWER), off]
        } else {
            [sag + (now[0] - sag) * share(1.0), off + (now[1] - off) * share(1.0)]
        };
        if next.iter().all(is_finite) {
            self.lasting = Some(next);
        }
    }

    /// The last X, its deviation from `x_ref` shortened until `known` has it; `None` where even `x_ref` is unknown.
    ///
    /// A push may carry the arm further than the policy has learnt to answer. There the place nearest to the arm of
    /// which it knows is asked, so that the arm yields as far as it can return from. On a region that is convex
    /// the place lies on its edge.
    pub fn keep_to(&mut self, x_ref: &Point, known: impl Fn(&Point) -> bool) -> Option<Point> {
        if known(&self.last) {
            return Some(self.last);
        }
        if !known(x_ref) || !is_finite(x_ref) {
            return None;
        }
        let (mut inside, mut outside) = (0.0, 1.0);
        for _ in 0..BISECTIONS {
            let share = 0.5 * (inside + outside);
            if known(&(x_ref + self.z * share)) {
                inside = share;
            } else {
                outside = share;
            }
        }
        self.z *= inside;
        self.last = x_ref + self.z;
        Some(self.last)
    }

    /// The present deviation z, m; never longer than `deviation_limit_m`.
    pub fn deviation(&self) -> Point {
        self.z
    }

    /// Whether the arm is out of the tube, so that X is anchored to the measurement.
    pub fn is_pushed(&self) -> bool {
        self.pushed
    }
}

fn is_finite(p: &Point) -> bool {
    p.iter().all(|x| x.is_finite())
}

fn finite_or_zero(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}

/// `z`, shortened to `limit` if longer. Scaled by its largest component first: its norm may overflow.
fn bounded(z: &Point, limit: f64) -> Point {
    let largest = z.amax();
    let z = if largest > limit { z * (limit / largest) } else { *z };
    let norm = z.norm();
    if norm > limit { z * (limit / norm) } else { z }
}
