//! The joint limiter: one step of one joint is legal when a braking manoeuvre from it stays legal for ever.
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
use super::{Options, Verdict};
use crate::robot::{Joints, State, limits};

/// The step of the robot's own differences, s.
const T: f64 = limits::CYCLE_S;
/// Bisection steps for the nearest legal jerk: 2·J / 2^40 is far below what a position can show.
const BISECTIONS: u32 = 40;
/// libfranka 0.9.2, rate_limiting.h: subtracted from every limit.
const LIMIT_EPS: f64 = 1e-3;
/// libfranka 0.9.2, rate_limiting.h, `kTolNumberPacketsLost`.
const PACKETS_LOST: f64 = 3.0;

/// The last desired motion of the arm, as the robot publishes it: what the next command is judged against.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Motion {
    /// Desired positions, rad.
    pub q: Joints,
    /// Desired velocities, rad/s.
    pub dq: Joints,
    /// Desired accelerations, rad/s².
    pub ddq: Joints,
}

impl Motion {
    /// The robot's published desired motion.
    pub fn of(state: &State) -> Motion {
        Motion { q: state.q_d, dq: state.dq_d, ddq: state.ddq_d }
    }

    /// The motion after commanding `q`, by the robot's own backward differences.
    #[must_use]
    pub fn after(&self, q: &Joints) -> Motion {
        let mut next = Motion { q: *q, ..*self };
        for ((((dq, ddq), q), old_q), (old_dq, _)) in
            next.dq.iter_mut().zip(&mut next.ddq).zip(q).zip(&self.q).zip(self.dq.iter().zip(&self.ddq))
        {
            *dq = (q - old_q) / T;
            *ddq = (*dq - old_dq) / T;
        }
        next
    }

    /// Whether the arm stands still for the robot: it may finish a motion here.
    ///
    /// Standing still from just below costs an acceleration of 1e-3 rad/s² and a jerk of 2 rad/s³, thousandths
    /// of the limits; a stricter bound might wait for ever on a robot that rounds what it publishes.
    pub fn is_at_rest(&self) -> bool {
        self.dq.iter().all(|v| v.abs() < 1e-6) && self.ddq.iter().all(|a| a.abs() < 1e-3)
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        self.q.iter().chain(&self.dq).chain(&self.ddq).all(|x| x.is_finite())
    }
}

/// Limits of one joint that commands must keep.
#[derive(Clone, Copy, Debug)]
struct Joint {
    q_min: f64,
    q_max: f64,
    /// Velocity that may never be passed, rad/s.
    dq_max: f64,
    /// Velocity that must hold even if the robot extrapolates through lost commands, rad/s.
    dq_lost_max: f64,
    ddq_max: f64,
    dddq_max: f64,
    lost_s: f64,
}

/// Keeps commands legal; see the module.
#[derive(Clone, Debug)]
pub struct Limiter {
    joints: [Joint; 7],
}

impl Limiter {
    /// A limiter with the robot's limits less the options' margins.
    pub fn new(options: &Options) -> Limiter {
        let joint = |i: usize| -> Joint {
            let at = |a: &Joints| a.get(i).copied().unwrap_or(0.0);
            let (v, a) = (at(&limits::DQ_MAX), at(&limits::DDQ_MAX));
            Joint {
                q_min: at(&limits::Q_MIN) + options.position_margin_rad,
                q_max: at(&limits::Q_MAX) - options.position_margin_rad,
                dq_max: options.velocity_share * (v - LIMIT_EPS - PACKETS_LOST * T * a),
                dq_lost_max: options.velocity_share * (v - LIMIT_EPS),
                ddq_max: options.acceleration_share * (a - LIMIT_EPS),
                dddq_max: options.jerk_share * (at(&limits::DDDQ_MAX) - LIMIT_EPS),
                lost_s: options.lost_commands as f64 * T,
            }
        };
        Limiter { joints: std::array::from_fn(joint) }
    }

    /// The nearest legal command to `proposal`, rad, and why it differs, if it does.
    ///
    /// `base` is finite (see [`Motion::is_finite`]); a proposal that is not finite becomes a brake.
    pub fn limit(&self, base: &Motion, proposal: &Joints) -> (Joints, Verdict) {
        let mut command = *proposal;
        let mut verdict = Verdict::default();
        for ((joint, c), ((q, dq), ddq)) in
            self.joints.iter().zip(&mut command).zip(base.q.iter().zip(&base.dq).zip(&base.ddq))
        {
            let wanted = if c.is_finite() {
                *c
            } else {
                verdict = verdict.and(Verdict::NOT_FINITE);
                q + brake_step(*dq, *ddq, joint.ddq_max, joint.dddq_max)
            };
            let (legal, why) = joint.nearest(*q, *dq, *ddq, wanted);
            *c = legal;
            verdict = verdict.and(why);
        }
        (command, verdict)
    }

    /// The next command of a brake to rest, rad: as hard as the limits allow, without overshoot.
    pub fn brake(&self, base: &Motion) -> Joints {
        self.limit(base, &[f64::NAN; 7]).0
    }

    /// Names the first joint of `q` outside the positions a command may have: (joint from 1, rad, allowed).
    pub fn outside(&self, q: &Joints) -> Option<(usize, f64, (f64, f64))> {
        let outside = |(j, q): &(&Joint, &f64)| !(**q >= j.q_min && **q <= j.q_max);
        let index = self.joints.iter().zip(q).position(|pair| outside(&pair))?;
        let joint = self.joints.get(index)?;
        Some((index + 1, q.get(index).copied()?, (joint.q_min, joint.q_max)))
    }
}

/// Displacement of one step that takes velocity `v` to zero with acceleration at most `a_max`, rad.
///
/// Aims at the acceleration that still allows a release to (0, 0) at jerk `j_max`.
fn brake_step(v: f64, a: f64, a_max: f64, j_max: f64) -> f64 {
    // From a1 the release a1, a1 − JT, … takes a1²/(2J) + a1·T/2 off the velocity.
    let half = 0.5 * j_max * T;
    let release = (half * half + 2.0 * j_max * v.abs()).sqrt() - half;
    let wanted = -v.signum() * release.min(a_max).min(v.abs() / T);
    let change = (wanted - a).clamp_to(-j_max * T, j_max * T);
    (v + (a + change) * T) * T
}

/// False for NaN too.
fn within(x: f64, max: f64) -> bool {
    x <= max
}

/// `f64::clamp` panics when min > max or either is NaN; this one is total.
trait ClampTo {
    fn clamp_to(self, min: f64, max: f64) -> f64;
}

impl ClampTo for f64 {
    fn clamp_to(self, min: f64, max: f64) -> f64 {
        self.max(min).min(max)
    }
}

impl Joint {
    /// The legal position nearest to `wanted`, and what was in its way.
    fn nearest(&self, q: f64, v: f64, a: f64, wanted: f64) -> (f64, Verdict) {
        let jerk = (((wanted - q) / T - v) / T - a) / T;
        // Jerk and acceleration hold whatever else must give way.
        let (a_lo, a_hi) = ((-self.ddq_max - a) / T, (self.ddq_max - a) / T);
        let lo = a_lo.clamp_to(-self.dddq_max, self.dddq_max);
        let hi = a_hi.clamp_to(-self.dddq_max, self.dddq_max);
        let up = self;
        let down = &self.mirrored();
        let mut verdict = Verdict::default();
        if jerk.abs() > self.dddq_max {
            verdict = verdict.and(Verdict::JERK);
        } else if jerk < lo || jerk > hi {
            verdict = verdict.and(Verdict::ACCELERATION);
        }
        let why = up.obstacle(q, v, a, jerk.clamp_to(lo, hi)).and(down.obstacle(
            -q,
            -v,
            -a,
            -jerk.clamp_to(lo, hi),
        ));
        verdict = verdict.and(why);
        if verdict.is_clear() {
            return (wanted, verdict);
        }
        let highest = up.highest(q, v, a, lo, hi);
        let lowest = -down.highest(-q, -v, -a, -hi, -lo);
        // Both ends can only fight in a range shorter than a braking distance: then slow down.
        let legal = if lowest <= highest {
            jerk.clamp_to(lowest, highest)
        } else if v > 0.0 {
            highest
        } else {
            lowest
        };
        (q + (v + (a + legal * T) * T) * T, verdict)
    }

    /// The same joint seen from the other side, so that only upper limits need be written.
    fn mirrored(&self) -> Joint {
        Joint { q_min: -self.q_max, q_max: -self.q_min, ..*self }
    }

    /// The greatest jerk in [lo, hi] above which nothing forbids; `lo`, the hardest brake, if all do.
    fn highest(&self, q: f64, v: f64, a: f64, lo: f64, hi: f64) -> f64 {
        if self.obstacle(q, v, a, hi).is_clear() {
            return hi;
        }
        if !self.obstacle(q, v, a, lo).is_clear() {
            return lo;
        }
        let (mut legal, mut illegal) = (lo, hi);
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (legal + illegal);
            if self.obstacle(q, v, a, middle).is_clear() {
                legal = middle;
            } else {
                illegal = middle;
            }
        }
        legal
    }

    /// What would be violated on the upper side, now or by the hardest brake afterwards. Monotone in `jerk`.
    fn obstacle(&self, q: f64, v: f64, a: f64, jerk: f64) -> Verdict {
        let a1 = a + jerk * T;
        let v1 = v + a1 * T;
        let q1 = q + v1 * T;
        let rising = a1.max(0.0);
        let mut verdict = Verdict::default();
        // Velocity still rises while the acceleration is taken back at full jerk.
        let top_speed = v1 + rising * rising / (2.0 * self.dddq_max);
        let lost_speed = top_speed + rising * self.lost_s;
        if !within(top_speed, self.dq_max) || !within(lost_speed, self.dq_lost_max) {
            verdict = verdict.and(Verdict::VELOCITY);
        }
        // An arm already outside may rest or return, not go on.
        let (q2, v2) = self.coast(q1, v1, a1);
        if !within(self.peak(q2, v2, a1).max(q1), self.q_max.max(q)) {
            verdict = verdict.and(Verdict::POSITION);
        }
        verdict
    }

    /// Where the robot may carry the joint before its next command, with constant acceleration, if commands
    /// are lost; no further than to where that stops it.
    fn coast(&self, q: f64, v: f64, a: f64) -> (f64, f64) {
        if a < 0.0 {
            let t = (v / -a).clamp_to(0.0, self.lost_s);
            return (q + (v + 0.5 * a * t) * t, v + a * t);
        }
        let t = self.lost_s;
        (q + (v + 0.5 * a * (t + T)) * t, v + a * t)
    }

    /// The greatest position reached from (q, v, a) under the hardest brake: jerk −J down to −A, then −A.
    fn peak(&self, q: f64, v: f64, a: f64) -> f64 {
        let (a_max, j) = (self.ddq_max, self.dddq_max);
        if v <= 0.0 && a <= 0.0 {
            return q;
        }
        let t1 = ((a + a_max) / j).max(0.0);
        let v1 = v + a * t1 - 0.5 * j * t1 * t1;
        if v1 > 0.0 {
            let q1 = q + v * t1 + 0.5 * a * t1 * t1 - j * t1 * t1 * t1 / 6.0;
            return q1 + v1 * v1 / (2.0 * a_max);
        }
        // The velocity passes zero while the jerk still acts. From v < 0 < a the position first falls.
        let t = (a + (a * a + 2.0 * j * v).max(0.0).sqrt()) / j;
        q.max(q + v * t + 0.5 * a * t * t - j * t * t * t / 6.0)
    }
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
