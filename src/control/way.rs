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
use super::reading::{self, Reader, Reading};
use super::{Phase, Pilot};
use crate::demonstration::sample::{Kind, Sample};
use crate::kinematics::{Pose, tool_down};
use crate::robot::{Command, Joints, State};
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
    reader: Reader,
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
            reader: Reader::default(),
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
        let reading = self.reader.read(state);
        let Reading { base, verdict: sense, .. } = reading;
        let dt_s = reading.dt_s();
        let (watched, watched_margin) =
            if sense.is_clear() { self.watchdog.look(state, dt_s) } else { self.watchdog.blind() };
        let wrong = sense.and(watched);
        if !wrong.is_clear() {
            self.end_by(wrong, Some(watched_margin));
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
            lost: reading.lost(),
            kind: Kind::None,
            tau_s: 0.0,
            state: *state,
            O_p_EE,
            x_ref: here,
            X: here,
            q_ref,
            q_c,
            verdict: verdict.and(wrong),
            margin: margin.tighter(watched_margin),
            swaps: 0,
            rollbacks: 0,
            edition: 0,
        };
        self.ticks += 1;
        self.reader.answered(state, &reading, &q_c);
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
