//! The generator: follows the policy's wish with smooth, jerk-limited joint motion.
//!
//! Stateless but for the wish's history: its base is always the robot's own last desired motion, so lost
//! commands, through which the robot extrapolates, need no special case.
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
use crate::range::{Violation, check_range};
use crate::robot::{Joints, limits};
use crate::safety::Motion;
use serde::{Deserialize, Serialize};

const T: f64 = limits::CYCLE_S;

/// How the generator follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Triple pole of the follower, rad/s: higher follows more closely and less smoothly.
    pub bandwidth_rad_s: f64,
    /// Share of the robot's velocity, acceleration and jerk limits it uses by itself.
    pub limits_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { bandwidth_rad_s: 100.0, limits_share: 0.8 }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "bandwidth_rad_s", self.bandwidth_rad_s, 10.0..=250.0, "rad/s");
        check_range(&mut out, "limits_share", self.limits_share, 0.05..=0.95, "");
        out
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Generator {
    pole: f64,
    share: f64,
    /// The last wish, and the time since the one before it, s.
    wish: Option<(Motion, f64)>,
}

impl Generator {
    /// A generator that has not been asked for anything yet.
    pub fn new(options: &Options) -> Generator {
        Generator { pole: options.bandwidth_rad_s, share: options.limits_share, wish: None }
    }

    /// Forgets the wish's history: the next wish is taken as standing still.
    pub fn reset(&mut self) {
        self.wish = None;
    }

    /// The next proposal, rad, towards the wish `q_ref`, which is `dt_s` younger than the last one.
    ///
    /// Velocity and acceleration of the wish are its own differences, so a smooth wish is followed without
    /// lag; a wish that steps is approached with the generator's own limits.
    pub fn step(&mut self, base: &Motion, q_ref: &Joints, dt_s: f64) -> Joints {
        let wish = match &self.wish {
            Some((last, last_dt_s)) if dt_s > 0.0 => differences(last, q_ref, *last_dt_s, dt_s),
            Some((last, _)) => Motion { q: *q_ref, ..*last },
            None => Motion { q: *q_ref, ..Motion::default() },
        };
        self.wish = Some((wish, dt_s));
        let mut proposal = *q_ref;
        let limits = limits::DQ_MAX.iter().zip(&limits::DDQ_MAX).zip(&limits::DDDQ_MAX);
        let bases = base.q.iter().zip(&base.dq).zip(&base.ddq);
        let wishes = wish.q.iter().zip(&wish.dq).zip(&wish.ddq);
        for (((p, ((q, dq), ddq)), ((w, dw), ddw)), ((v_max, a_max), j_max)) in
            proposal.iter_mut().zip(bases).zip(wishes).zip(limits)
        {
            let (v_max, a_max, j_max) = (self.share * v_max, self.share * a_max, self.share * j_max);
            *p = q + self.joint_step([*q, *dq, *ddq], [*w, *dw, *ddw], [v_max, a_max, j_max]);
        }
        proposal
    }

    /// Displacement of one joint in one step, rad: nested velocity, acceleration and jerk loops with a triple
    /// pole, each saturated; the approach speed is one from which the joint can still stop at the wish.
    fn joint_step(
        &self,
        [q, v, a]: [f64; 3],
        [w, dw, ddw]: [f64; 3],
        [v_max, a_max, j_max]: [f64; 3],
    ) -> f64 {
        let p = self.pole;
        // One step ahead: the wish of this state is what the robot should reach by the next.
        let error = w + dw * T - (q + v * T);
        let (k1, k2, k3) = (p / 3.0, p, 3.0 * p);
        // Half the acceleration for stopping leaves the rest for the jerk's delay.
        let stoppable = (a_max * error.abs()).sqrt();
        let approach = limit(k1 * error, stoppable.min(v_max));
        let v_goal = limit(dw + approach, v_max);
        let a_goal = limit(limit(ddw, a_max) + k2 * (v_goal - v), a_max);
        let jerk = limit(k3 * (a_goal - a), j_max);
        (v + (a + jerk * T) * T) * T
    }
}

/// `x` within ±`bound`; NaN becomes zero.
fn limit(x: f64, bound: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.max(-bound).min(bound) }
}

/// The wish `q` with its differences; `last` is older by `dt_s`, and was by `last_dt_s` younger than its own.
///
/// A difference is the velocity in the middle of its interval, so two of them lie half of both apart.
fn differences(last: &Motion, q: &Joints, last_dt_s: f64, dt_s: f64) -> Motion {
    let between_s = 0.5 * (last_dt_s + dt_s);
    let mut wish = Motion { q: *q, ..Motion::default() };
    for ((((dq, ddq), q), old_q), old_dq) in
        wish.dq.iter_mut().zip(&mut wish.ddq).zip(q).zip(&last.q).zip(&last.dq)
    {
        *dq = (q - old_q) / dt_s;
        *ddq = (*dq - old_dq) / between_s;
    }
    wish
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::disallowed_methods, clippy::disallowed_macros)]
mod tests {
    use super::*;
    use crate::safety::{self, Limiter, Verdict};

    fn run(ticks: usize, wish: impl Fn(f64) -> f64) -> (Vec<f64>, Verdict, Motion) {
        let limiter = Limiter::new(&safety::Options::default());
        let mut generator = Generator::new(&Options::default());
        let mut base = Motion { q: limits::Q_READY, ..Motion::default() };
        let mut why = Verdict::default();
        let mut errors = Vec::new();
        for tick in 0..ticks {
            let t = tick as f64 * T;
            let q_ref = limits::Q_READY.map(|q| q + wish(t));
            let (command, verdict) = limiter.limit(&base, &generator.step(&base, &q_ref, T));
            base = base.after(&command);
            why = why.and(verdict);
            errors.push((0..7).map(|i| (q_ref[i] - base.q[i]).abs()).fold(0.0, f64::max));
        }
        (errors, why, base)
    }

    #[test]
    fn a_smooth_wish_is_followed_within_fifty_microradians_after_a_tick() {
        let (errors, why, _) = run(3000, |t| 0.1 * (1.0 - (2.5 * t).cos()));
        let late = errors[500..].iter().copied().fold(0.0, f64::max);
        assert!(late < 5e-5 + 0.25e-3, "{late}"); // the wish itself moves 0.25 mrad a tick
        assert!(why.is_clear(), "{:?}", why.names().collect::<Vec<_>>());
    }

    #[test]
    fn a_step_is_approached_inside_the_limits_without_overshoot() {
        for step in [0.002, 0.05, 0.4] {
            let (errors, why, base) = run(2000, |_| step);
            assert!(why.is_clear(), "step {step}: {:?}", why.names().collect::<Vec<_>>());
            assert!(errors[1999] < 1e-6, "step {step}: left {}", errors[1999]);
            let overshoot = (0..7).map(|i| base.q[i] - limits::Q_READY[i] - step).fold(0.0, f64::max);
            assert!(overshoot < 1e-6, "step {step}: overshoot {overshoot}");
        }
    }

    #[test]
    fn lost_milliseconds_feign_no_acceleration_of_the_wish() {
        let mut t_s = 0.0;
        let (mut wish, mut last_dt_s) = (Motion::default(), T);
        for (tick, dt_s) in [T, T, T, 20.0 * T, T, T, 7.0 * T, 3.0 * T, T].into_iter().enumerate() {
            t_s += dt_s;
            wish = differences(&wish, &[0.5 * 4.0 * t_s * t_s; 7], last_dt_s, dt_s);
            last_dt_s = dt_s;
            assert!(tick == 0 || (wish.ddq[0] - 4.0).abs() < 1e-9, "after {dt_s} s: {}", wish.ddq[0]);
        }
    }

    #[test]
    fn nan_is_not_followed() {
        let mut generator = Generator::new(&Options::default());
        let base = Motion { q: limits::Q_READY, ..Motion::default() };
        let proposal = generator.step(&base, &[f64::NAN; 7], T);
        assert_eq!(proposal, limits::Q_READY);
    }
}
