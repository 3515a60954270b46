//! A straight way in joint space from rest to rest: to the ready pose, or to the start of a playback, which it then plays.
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
use super::clock::Clock;
use super::generator::{self, Generator};
use super::reading::{self, Reader, Reading};
use super::{Phase, Pilot};
use crate::demonstration::playback::Playback;
use crate::demonstration::sample::{Kind, Sample};
use crate::kinematics::{Pose, forward};
use crate::robot::{Command, Joints, State};
use crate::safety::{self, Guard, Judged, Limiter, Margin, Motion, Verdict, Watchdog};
use std::sync::Arc;

/// Rest before the motion is ended, s: the robot's own controller settles.
const SETTLE_S: f64 = 0.1;

/// Brings an arm to a pose, at a share of the joint velocity and acceleration limits.
pub struct Way {
    to: Joints,
    share: f64,
    /// What is played at the end of the way, its time, and the rate of that.
    then: Option<(Arc<Playback>, Clock, f64)>,
    F_T_EE: Pose,
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
            then: None,
            F_T_EE: *F_T_EE,
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

    /// A way to the start of `playback`, which is then played at `rate`, above 0, times its own pace; it begins and ends
    /// over `ramp_s`.
    #[must_use]
    pub fn then(mut self, playback: Arc<Playback>, rate: f64, ramp_s: f64) -> Way {
        let clock = Clock::new(ramp_s, playback.duration_s());
        self.to = playback.at(0.0);
        self.then = Some((playback, clock, rate));
        self
    }

    /// The joints, rad, that are wished `dt_s` after the last; goes from phase to phase.
    fn wish(&mut self, way: &Approach, q: &Joints, dt_s: f64) -> Joints {
        match (&mut self.then, self.phase) {
            (Some((playback, clock, _)), Phase::Follow) => {
                let q_ref = playback.at(clock.advance(dt_s));
                if clock.is_stopped() {
                    self.enter(Phase::Rest);
                }
                q_ref
            }
            (Some((playback, clock, _)), Phase::Rest) => {
                let q_ref = playback.at(clock.tau_s());
                if self.elapsed_s > SETTLE_S {
                    self.brake();
                }
                q_ref
            }
            (then, Phase::Approach) => {
                let q_ref = way.at(self.elapsed_s);
                let is_over = self.elapsed_s > way.duration_s + SETTLE_S;
                match then {
                    None if is_over => self.brake(),
                    // The safety layer may have slowed it.
                    Some((_, clock, rate)) if is_over && way.is_done_at(q) => {
                        clock.run_at(*rate);
                        self.enter(Phase::Follow);
                    }
                    _ => {}
                }
                q_ref
            }
            _ => *q,
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.elapsed_s = 0.0;
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
        if !matches!(self.phase, Phase::Brake | Phase::Done) {
            self.brake();
        }
    }

    fn brake(&mut self) {
        self.generator.reset();
        self.enter(Phase::Brake);
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
        let q_ref = self.wish(&way, &base.q, dt_s);
        let Judged { q_c, verdict, margin } = match self.phase {
            Phase::Brake | Phase::Done => self.guard.brake(&base),
            _ => self.guard.judge(&base, &self.generator.step(&base, &q_ref, dt_s)),
        };
        if verdict.has(Verdict::PLACES) {
            self.end_by(verdict, Some(margin));
        }
        if self.phase == Phase::Brake && base.is_at_rest() {
            self.phase = Phase::Done;
        }
        let x_ref = forward(&q_ref, &self.F_T_EE);
        let is_played = self.phase == Phase::Follow && verdict.is_clear();
        let sample = Sample {
            tick: self.ticks,
            lost: reading.lost(),
            kind: if is_played { Kind::Driven } else { Kind::None },
            tau_s: self.then.as_ref().map_or(0.0, |(_, clock, _)| clock.tau_s()),
            state: *state,
            O_p_EE: reading::O_p_EE(state),
            x_ref,
            X: x_ref,
            q_ref,
            q_c,
            verdict: verdict.and(wrong),
            margin: margin.tighter(watched_margin),
            swaps: 0,
            rollbacks: 0,
            edition: 0,
            course: 0,
            hand: crate::demonstration::sample::Hand::Away,
            pull_n: crate::kinematics::Point::zeros(),
        };
        self.ticks += 1;
        self.reader.answered(state, &reading, &q_c);
        let command = if self.phase == Phase::Done { Command::Finish(q_c) } else { Command::Position(q_c) };
        (command, sample)
    }

    fn stop(&mut self) {
        match (&mut self.then, self.phase) {
            (Some((_, clock, _)), Phase::Follow) => clock.stop(),
            (_, Phase::Approach) => self.brake(),
            _ => {}
        }
    }

    fn halt(&mut self) {
        if !matches!(self.phase, Phase::Brake | Phase::Done) {
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
