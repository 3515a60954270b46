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
use super::{Limit, Margin, Options, Verdict};
use crate::robot::{Joints, State, limits};

/// The step of the robot's own differences, s.
const T: f64 = limits::CYCLE_S;
/// Steps for the nearest legal jerk; a few reach the tolerance, and halvings alone would by then.
const STEPS: u32 = 40;
/// What may be given away of it, as a share of the joint's jerk limit: an acceleration as fine as a rest is judged by.
const TOLERANCE: f64 = 1.0 / 131_072.0;
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
pub(super) struct Joint {
    pub(super) q_min: f64,
    pub(super) q_max: f64,
    /// Velocity that may never be passed, rad/s.
    pub(super) dq_max: f64,
    /// Velocity that must hold even if the robot extrapolates through lost commands, rad/s.
    dq_lost_max: f64,
    pub(super) ddq_max: f64,
    pub(super) dddq_max: f64,
    pub(super) lost_s: f64,
}

/// Keeps commands legal; see the module.
#[derive(Clone, Debug)]
pub struct Limiter {
    pub(super) joints: [Joint; 7],
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
    /// A proposal that is not finite becomes a brake. Where `base` makes no sense the command is finite all the same:
    /// a position that is not finite counts as the middle of its joint, other numbers as zero.
    pub fn limit(&self, base: &Motion, proposal: &Joints) -> (Joints, Verdict) {
        let (base, sense) = self.sense(base);
        let mut command = *proposal;
        let mut verdict = sense;
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
            // Finite numbers too large to reckon with overflow: nothing that is asked there can be legal.
            *c = if legal.is_finite() { legal } else { *q };
            verdict = verdict.and(why);
        }
        (command, verdict)
    }

    /// `base` with what is not finite replaced.
    fn sense(&self, base: &Motion) -> (Motion, Verdict) {
        if base.is_finite() {
            return (*base, Verdict::default());
        }
        let mut motion = *base;
        for (joint, q) in self.joints.iter().zip(&mut motion.q).filter(|(_, q)| !q.is_finite()) {
            *q = 0.5 * (joint.q_min + joint.q_max);
        }
        motion.dq.iter_mut().chain(&mut motion.ddq).filter(|x| !x.is_finite()).for_each(|x| *x = 0.0);
        (motion, Verdict::STATE)
    }

    /// The next command of a brake to rest, rad: as hard as the limits allow, without overshoot.
    pub fn brake(&self, base: &Motion) -> Joints {
        self.limit(base, &[f64::NAN; 7]).0
    }

    /// The joint of which least is left to its end or its highest velocity.
    pub fn nearest_end(&self, motion: &Motion) -> Margin {
        let mut nearest = Margin::angle(Limit::JointPosition(1), f64::INFINITY);
        for (number, (joint, (q, dq))) in (1..).zip(self.joints.iter().zip(motion.q.iter().zip(&motion.dq))) {
            let end = Margin::angle(Limit::JointPosition(number), (q - joint.q_min).min(joint.q_max - q));
            let top = Margin::new(Limit::JointVelocity(number), joint.dq_max - dq.abs(), joint.dq_max);
            nearest = nearest.tighter(end).tighter(top);
        }
        nearest
    }

    /// The velocity each joint still reaches while its acceleration is taken back, rad/s.
    pub(super) fn peak_velocity(&self, motion: &Motion) -> Joints {
        let mut peak = motion.dq;
        for ((joint, v), a) in self.joints.iter().zip(&mut peak).zip(&motion.ddq) {
            if *v * a >= 0.0 {
                *v += a * a.abs() / (2.0 * joint.dddq_max);
            }
        }
        peak
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
        let inside = jerk.clamp_to(lo, hi);
        let (above, below) = (up.obstacle(q, v, a, inside), down.obstacle(-q, -v, -a, -inside));
        verdict = verdict.and(above).and(below);
        if verdict.is_clear() {
            return (wanted, verdict);
        }
        let highest = || up.highest(q, v, a, lo, hi);
        let lowest = || -down.highest(-q, -v, -a, -hi, -lo);
        let legal = match (above.is_clear(), below.is_clear()) {
            (true, true) => inside,
            (false, true) => Some(highest())
                .filter(|jerk| v > 0.0 || down.obstacle(-q, -v, -a, -jerk).is_clear())
                .unwrap_or_else(lowest),
            (true, false) => Some(lowest())
                .filter(|jerk| v <= 0.0 || up.obstacle(q, v, a, *jerk).is_clear())
                .unwrap_or_else(highest),
            // Both ends can only fight in a range shorter than a braking distance: then slow down.
            (false, false) => {
                if v > 0.0 {
                    highest()
                } else {
                    lowest()
                }
            }
        };
        (q + (v + (a + legal * T) * T) * T, verdict)
    }

    /// The same joint seen from the other side, so that only upper limits need be written.
    pub(super) fn mirrored(&self) -> Joint {
        Joint { q_min: -self.q_max, q_max: -self.q_min, ..*self }
    }

    /// The greatest jerk in [lo, hi] above which nothing forbids; `lo`, the hardest brake, if all do.
    ///
    /// False positions, since in one step's range the excess is nearly a line; where it has a kink and they come from
    /// one side only, halvings. What it returns has been found legal, however far it got.
    fn highest(&self, q: f64, v: f64, a: f64, lo: f64, hi: f64) -> f64 {
        let excess = |jerk: f64| {
            let (speed, place) = self.excess(q, v, a, jerk);
            if speed > place || speed.is_nan() { speed } else { place }
        };
        let (mut legal, mut illegal) = (lo, hi);
        let (mut spare, mut over) = (excess(lo), excess(hi));
        if within(over, 0.0) {
            return hi;
        }
        if !within(spare, 0.0) {
            return lo;
        }
        let tolerance = TOLERANCE * self.dddq_max;
        let (mut last_was_legal, mut stuck) = (None, false);
        for _ in 0..STEPS {
            let width = illegal - legal;
            if within(width, tolerance) {
                break;
            }
            let share = if stuck { 0.5 } else { spare / (spare - over) };
            let guess = (legal + share * width).clamp_to(legal + 0.3 * tolerance, illegal - 0.3 * tolerance);
            let found = excess(guess);
            let is_legal = within(found, 0.0);
            stuck = !stuck && last_was_legal.replace(is_legal) == Some(is_legal);
            if is_legal {
                (legal, spare) = (guess, found);
            } else {
                (illegal, over) = (guess, found);
            }
        }
        legal
    }

    /// What would be violated on the upper side, now or by the hardest brake afterwards. Monotone in `jerk`.
    fn obstacle(&self, q: f64, v: f64, a: f64, jerk: f64) -> Verdict {
        let (speed, place) = self.excess(q, v, a, jerk);
        let speed = if within(speed, 0.0) { Verdict::default() } else { Verdict::VELOCITY };
        speed.and(if within(place, 0.0) { Verdict::default() } else { Verdict::POSITION })
    }

    /// By how much the velocity, rad/s, and the position, rad, would pass their upper limits.
    fn excess(&self, q: f64, v: f64, a: f64, jerk: f64) -> (f64, f64) {
        let a1 = a + jerk * T;
        let v1 = v + a1 * T;
        let q1 = q + v1 * T;
        let rising = a1.max(0.0);
        // Velocity still rises while the acceleration is taken back at full jerk.
        let top_speed = v1 + rising * rising / (2.0 * self.dddq_max);
        let lost_speed = top_speed + rising * self.lost_s;
        // An arm already outside may rest or return, not go on.
        let (q2, v2) = self.coast(q1, v1, a1);
        let highest = self.peak(q2, v2, a1).max(q1);
        let (top, lost) = (top_speed - self.dq_max, lost_speed - self.dq_lost_max);
        // Either is kept that is not a number.
        (if top > lost || top.is_nan() { top } else { lost }, highest - self.q_max.max(q))
    }

    /// Where the robot may carry the joint before its next command, with constant acceleration, if commands
    /// are lost; no further than to where that stops it.
    pub(super) fn coast(&self, q: f64, v: f64, a: f64) -> (f64, f64) {
        if a < 0.0 {
            let t = (v / -a).clamp_to(0.0, self.lost_s);
            return (q + (v + 0.5 * a * t) * t, v + a * t);
        }
        let t = self.lost_s;
        (q + (v + 0.5 * a * (t + T)) * t, v + a * t)
    }

    /// The greatest position reached from (q, v, a) under the hardest brake: jerk −J down to −A, then −A.
    pub(super) fn peak(&self, q: f64, v: f64, a: f64) -> f64 {
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
