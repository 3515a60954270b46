//! A straight way in joint space from rest to rest: to the ready pose, or back along where the arm came from.
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
use super::generator::{self, Generator};
use super::{Phase, Pilot, approach_s, reading};
use crate::demonstration::sample::{Kind, Sample};
use crate::kinematics::{Pose, tool_down};
use crate::robot::{Command, Joints, State, limits};
use crate::safety::{Limiter, Motion, Verdict};

/// Rest before the motion is ended, s: the robot's own controller settles.
const SETTLE_S: f64 = 0.1;

/// Brings an arm to a pose, at a share of the joint velocity and acceleration limits.
pub struct Way {
    to: Joints,
    share: f64,
    limiter: Limiter,
    generator: Generator,
    from: Option<Joints>,
    duration_s: f64,
    elapsed_s: f64,
    phase: Phase,
    last_ms: Option<u64>,
    ticks: u64,
    stopped_by: Verdict,
}

impl Way {
    /// A way to `to`, rad, from wherever the arm is when it begins; `share` of the limits, 0 to 1.
    pub fn new(to: &Joints, share: f64, limiter: Limiter, generator: &generator::Options) -> Way {
        Way {
            to: *to,
            share,
            limiter,
            generator: Generator::new(generator),
            from: None,
            duration_s: 0.0,
            elapsed_s: 0.0,
            phase: Phase::Approach,
            last_ms: None,
            ticks: 0,
            stopped_by: Verdict::default(),
        }
    }

    fn begin(&mut self, base: &Motion) {
        self.from = Some(base.q);
        self.duration_s = approach_s(&base.q, &self.to, self.share);
        if self.limiter.outside(&self.to).is_some() || !self.duration_s.is_finite() {
            self.stopped_by = Verdict::POSITION;
            self.brake();
        }
    }

    fn brake(&mut self) {
        self.generator.reset();
        self.phase = Phase::Brake;
    }
}

impl Pilot for Way {
    fn tick(&mut self, state: &State) -> (Command, Sample) {
        let base = Motion::of(state);
        let dt_ms = self.last_ms.map_or(1, |last| state.time_ms.saturating_sub(last)).clamp(1, 20);
        let dt_s = dt_ms as f64 * limits::CYCLE_S;
        self.last_ms = Some(state.time_ms);
        if self.from.is_none() {
            self.begin(&base);
        } else {
            self.elapsed_s += dt_s;
        }
        let from = self.from.unwrap_or(base.q);
        let share = smootherstep(self.elapsed_s / self.duration_s.max(limits::CYCLE_S));
        let mut q_ref = from;
        q_ref.iter_mut().zip(&self.to).for_each(|(q, to)| *q += share * (to - *q));
        if self.phase == Phase::Approach && self.elapsed_s > self.duration_s + SETTLE_S {
            self.brake();
        }
        let (q_c, verdict) = match self.phase {
            Phase::Approach => self.limiter.limit(&base, &self.generator.step(&base, &q_ref, dt_s)),
            _ => (self.limiter.brake(&base), Verdict::default()),
        };
        if self.phase == Phase::Brake && base.is_at_rest() {
            self.phase = Phase::Done;
        }
        let O_p_EE = reading::O_p_EE(state);
        let here = Pose::from_parts(O_p_EE.into(), tool_down());
        let sample = Sample {
            tick: self.ticks,
            lost: (dt_ms - 1) as u32,
            kind: Kind::None,
            tau_s: 0.0,
            state: *state,
            O_p_EE,
            x_ref: here,
            X: here,
            q_ref,
            q_c,
            verdict,
            swaps: 0,
            rollbacks: 0,
            edition: 0,
        };
        self.ticks += 1;
        let command = if self.phase == Phase::Done { Command::Finish(q_c) } else { Command::Position(q_c) };
        (command, sample)
    }

    fn stop(&mut self) {
        if self.phase == Phase::Approach {
            self.brake();
        }
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn stopped_by(&self) -> Verdict {
        self.stopped_by
    }

    fn limiter(&self) -> &Limiter {
        &self.limiter
    }
}
