//! Where the joints go when the arm brakes: now, or after as many lost commands as it must live through.
//!
//! All of these stops lie between the two extremes at every instant, joint by joint. So the stop as a whole is
//! covered by a few boxes in joint space, one for each stretch of time.
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
use super::limiter::{Joint, Limiter, Motion};
use crate::robot::Joints;
use crate::robot::limits::CYCLE_S;

/// A box in joint space, rad.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// Its centre.
    pub(super) q: Joints,
    /// Half of its width.
    pub(super) half: Joints,
}

/// The stop of the whole arm.
pub(super) struct Stop {
    joints: [JointStop; 7],
    duration_s: f64,
}

/// The stop of one joint, counted from where it is in the direction it moves.
#[derive(Clone, Copy)]
struct JointStop {
    q: f64,
    /// +1 or −1.
    direction: f64,
    now: Brake,
    coast: Coast,
    late: Brake,
    /// How far it may come back past where it was: it may be lost while it brakes hard.
    back: f64,
}

/// Constant acceleration, forwards, until that stops it, for at most `duration_s`.
#[derive(Clone, Copy)]
struct Coast {
    v: f64,
    a: f64,
    duration_s: f64,
}

/// The hardest brake from `v` ≥ 0: jerk −J to the acceleration −A, then −A until rest.
///
/// The release at the end, a few milliseconds at the lowest speed, is left out.
#[derive(Clone, Copy)]
struct Brake {
    v: f64,
    a: f64,
    j: f64,
    a_max: f64,
    /// End of the jerk, s, and where and how fast the joint then is.
    t1: f64,
    x1: f64,
    v1: f64,
    duration_s: f64,
}

impl Brake {
    fn new(v: f64, a: f64, joint: &Joint) -> Brake {
        let (a_max, j) = (joint.ddq_max, joint.dddq_max);
        let t1 = ((a + a_max) / j).max(0.0);
        let v1 = v + a * t1 - 0.5 * j * t1 * t1;
        let (t1, v1) = if v1 > 0.0 {
            (t1, v1)
        } else {
            // It stops while the jerk still acts.
            (((a + (a * a + 2.0 * j * v).max(0.0).sqrt()) / j).max(0.0), 0.0)
        };
        let x1 = v * t1 + 0.5 * a * t1 * t1 - j * t1 * t1 * t1 / 6.0;
        Brake { v, a, j, a_max, t1, x1, v1, duration_s: t1 + v1 / a_max }
    }

    fn at(&self, t: f64) -> f64 {
        let t = t.max(0.0).min(self.duration_s);
        if t <= self.t1 {
            return t * (self.v + t * (0.5 * self.a - t * self.j / 6.0));
        }
        let t = t - self.t1;
        self.x1 + t * (self.v1 - 0.5 * self.a_max * t)
    }
}

impl Coast {
    fn at(&self, t: f64) -> f64 {
        let t = t.max(0.0).min(self.duration_s);
        // A step more, as the robot's backward differences count.
        t * (self.v + 0.5 * (self.a * t + self.a.max(0.0) * CYCLE_S))
    }
}

impl JointStop {
    fn new(joint: &Joint, q: f64, dq: f64, ddq: f64) -> JointStop {
        let forwards = if dq == 0.0 { ddq >= 0.0 } else { dq > 0.0 };
        let direction = if forwards { 1.0 } else { -1.0 };
        let (v, a) = (direction * dq, direction * ddq);
        let (_, v_late) = joint.coast(0.0, v, a);
        let duration_s = if a < 0.0 { (v / -a).max(0.0).min(joint.lost_s) } else { joint.lost_s };
        // The robot's differences take a change of acceleration and of velocity half a step early.
        let lag = 0.5 * CYCLE_S * (a.max(0.0) + joint.ddq_max);
        let (back_q, back_v) = joint.coast(0.0, -v, -a);
        JointStop {
            q,
            direction,
            now: Brake::new((v - lag).max(0.0), a, joint),
            coast: Coast { v, a, duration_s },
            late: Brake::new(v_late.max(0.0), a, joint),
            back: joint.peak(back_q, back_v, -a).max(0.0) + v * CYCLE_S,
        }
    }

    /// Least and greatest displacement from `from_s` to `to_s`.
    fn between(&self, from_s: f64, to_s: f64) -> (f64, f64) {
        let latest = self.coast.at(to_s) + self.late.at(to_s - self.coast.duration_s);
        (self.now.at(from_s) - self.back, latest.max(self.now.at(to_s)))
    }

    fn duration_s(&self) -> f64 {
        self.now.duration_s.max(self.coast.duration_s + self.late.duration_s)
    }
}

impl Stop {
    /// The stop that begins in `motion`.
    pub(super) fn of(limiter: &Limiter, motion: &Motion) -> Stop {
        let mut motions = motion.q.iter().zip(motion.dq.iter().zip(&motion.ddq));
        let joints = limiter.joints.map(|joint| {
            let (q, (dq, ddq)) = motions.next().unwrap_or((&0.0, (&0.0, &0.0)));
            JointStop::new(&joint, *q, *dq, *ddq)
        });
        let duration_s = joints.iter().fold(0.0, |longest: f64, joint| longest.max(joint.duration_s()));
        Stop { joints, duration_s }
    }

    /// Positions around which the whole stop from `motion` stays, without looking closely.
    pub(super) fn bound(limiter: &Limiter, motion: &Motion) -> Range {
        let mut half = [0.0; 7];
        let motions = motion.dq.iter().zip(&motion.ddq);
        for ((half, joint), (v, a)) in half.iter_mut().zip(&limiter.joints).zip(motions) {
            // As if the speed grew until the brake bites, whatever the sign of the acceleration.
            let bites_s = joint.lost_s + 2.0 * CYCLE_S + (a.abs() + joint.ddq_max) / joint.dddq_max;
            let top = v.abs() + a.abs() * bites_s;
            *half = top * bites_s + 0.5 * top * top / joint.ddq_max;
        }
        Range { q: motion.q, half }
    }

    /// What it covers from one share of its duration to another.
    pub(super) fn part(&self, from: f64, to: f64) -> Range {
        let mut range = Range { q: [0.0; 7], half: [0.0; 7] };
        for ((q, half), joint) in range.q.iter_mut().zip(&mut range.half).zip(&self.joints) {
            let (least, greatest) = joint.between(from * self.duration_s, to * self.duration_s);
            *q = joint.q + joint.direction * 0.5 * (least + greatest);
            *half = 0.5 * (greatest - least);
        }
        range
    }

    /// Where the joints are at a share of its duration, when it begins now or as late as it may.
    pub(super) fn at(&self, share: f64, late: bool) -> Joints {
        let t = share * self.duration_s;
        self.joints.map(|joint| {
            let way = if late {
                joint.coast.at(t) + joint.late.at(t - joint.coast.duration_s)
            } else {
                joint.now.at(t)
            };
            joint.q + joint.direction * way
        })
    }
}

#[cfg(test)]
#[path = "stop_tests.rs"]
mod tests;
