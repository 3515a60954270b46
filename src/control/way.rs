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
use super::approach::Approach;
use super::generator::{self, Generator};
use super::{Phase, Pilot, reading};
use crate::demonstration::sample::{Kind, Sample};
use crate::kinematics::{Pose, tool_down};
use crate::robot::{Command, Joints, State, limits};
use crate::safety::{self, Guard, Judged, Limiter, Margin, Motion, Verdict, Watchdog};

/// Rest before the motion is ended, s: the robot's own controller settles.
const SETTLE_S: f64 = 0.1;

/// Brings an arm to a pose, at a share of the joint velocity and acceleration limits.
pub struct Way {
    to: Joints,
    share: f64,
    safety: safety::Options,
    guard: Guard,
    watchdog: Watchdog,
    generator: Generator,
    way: Option<Approach>,
    elapsed_s: f64,
    phase: Phase,
    last_ms: Option<u64>,
    ticks: u64,
    stopped_by: Verdict,
    stopped_at: Option<Margin>,
}

impl Way {
    /// A way to `to`, rad, from wherever the arm with the tool `F_T_EE` is when it begins; `share` of the limits, 0 to 1.
    pub fn new(
        to: &Joints,
        share: f64,
        safety: &safety::Options,
        F_T_EE: &Pose,
        generator: &generator::Options,
    ) -> Way {
        Way {
            to: *to,
            share,
            safety: safety.clone(),
            guard: Guard::new(safety, F_T_EE),
            watchdog: Watchdog::new(safety),
            generator: Generator::new(generator),
            way: None,
            elapsed_s: 0.0,
            phase: Phase::Approach,
            last_ms: None,
            ticks: 0,
            stopped_by: Verdict::default(),
            stopped_at: None,
        }
    }

    fn begin(&mut self, base: &Motion) -> Approach {
        let way = Approach::plan(&base.q, &self.to, self.share, &self.safety);
        if self.guard.limiter().outside(&self.to).is_some() || !way.duration_s.is_finite() {
            self.end_by(Verdict::POSITION, None);
        }
        *self.way.insert(way)
    }

    /// Our own safety layer ends the motion: brake to rest, keep the first reason.
    fn end_by(&mut self, verdict: Verdict, margin: Option<Margin>) {
        if self.stopped_by.is_clear() {
            (self.stopped_by, self.stopped_at) = (verdict, margin.filter(|margin| !margin.holds()));
        }
        if self.phase == Phase::Approach {
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
        let (watched, watched_margin) = self.watchdog.look(state, dt_s);
        if !watched.is_clear() {
            self.end_by(watched, Some(watched_margin));
        }
        let way = match self.way {
            None => self.begin(&base),
            Some(way) => {
                self.elapsed_s += dt_s;
                way
            }
        };
        let q_ref = way.at(self.elapsed_s);
        if self.phase == Phase::Approach && self.elapsed_s > way.duration_s + SETTLE_S {
            self.brake();
        }
        let Judged { q_c, verdict, margin } = match self.phase {
            Phase::Approach => self.guard.judge(&base, &self.generator.step(&base, &q_ref, dt_s)),
            _ => self.guard.brake(&base),
        };
        if verdict.has(Verdict::PLACES) {
            self.end_by(verdict, Some(margin));
        }
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
            verdict: verdict.and(watched),
            margin: margin.tighter(watched_margin),
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

    fn stopped_at(&self) -> Option<Margin> {
        self.stopped_at
    }

    fn limiter(&self) -> &Limiter {
        self.guard.limiter()
    }
}
