//! The pilot of an arm that a person guides: held until a hand pulls, held again where it lets go.
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
use super::guidance::{Guidance, Options};
use super::impedance::Torque;
use super::{Law, Phase, Pilot, reading};
use crate::demonstration::sample::{Kind, Sample};
use crate::kinematics::{Pose, from_column_major, tool_down};
use crate::robot::{Command, State, limits};
use crate::safety::{self, Limiter, Motion, Verdict};

/// A held arm that is slower than this counts as at rest, rad/s …
const REST_RAD_S: f64 = 0.01;
/// … when it lasts so long, s.
const REST_S: f64 = 0.1;
/// A stopped arm that does not come to rest is given back to the robot after this time, s.
const REST_MAX_S: f64 = 2.0;

/// Lets an arm be guided until it is asked to stop.
pub struct Guide {
    guidance: Guidance,
    limiter: Limiter,
    law: Law,
    torque: Torque,
    phase: Phase,
    last_ms: Option<u64>,
    ticks: u64,
    /// How long a stopped arm has been at rest, and since when it is stopped, s.
    rests_s: (f64, f64),
    stopped_by: Verdict,
}

impl Guide {
    /// A pilot that begins by holding the arm, inside the walls of the safety layer.
    pub fn new(options: &Options, safety: &safety::Options) -> Guide {
        Guide {
            guidance: Guidance::new(options, safety),
            limiter: Limiter::new(safety),
            law: Law::Pilot,
            torque: Torque::default(),
            phase: Phase::Follow,
            last_ms: None,
            ticks: 0,
            rests_s: (0.0, 0.0),
            stopped_by: Verdict::default(),
        }
    }

    fn settle(&mut self, state: &State, dt_s: f64) {
        let still = state.dq.iter().all(|dq| dq.abs() < REST_RAD_S);
        let (rests_s, since_s) = self.rests_s;
        self.rests_s = (if still { rests_s + dt_s } else { 0.0 }, since_s + dt_s);
        if self.rests_s.0 > REST_S || self.rests_s.1 > REST_MAX_S {
            self.phase = Phase::Done;
        }
    }
}

impl Pilot for Guide {
    fn tick(&mut self, state: &State) -> (Command, Sample) {
        let dt_ms = self.last_ms.map_or(1, |last| state.time_ms.saturating_sub(last)).clamp(1, 20);
        let dt_s = dt_ms as f64 * limits::CYCLE_S;
        self.last_ms = Some(state.time_ms);
        let sense = reading::makes_sense(&State { q_d: state.q, dq_d: state.dq, ddq_d: [0.0; 7], ..*state });
        if !sense && self.phase == Phase::Follow {
            self.stopped_by = Verdict::STATE;
            self.stop();
        }
        let is_guided = self.phase == Phase::Follow;
        self.torque = self.guidance.step(state, dt_s, !is_guided);
        if self.phase == Phase::Brake {
            self.settle(state, dt_s);
        }
        self.torque.is_last = self.phase == Phase::Done;
        let kind = if is_guided && self.guidance.is_free() { Kind::Demonstration } else { Kind::None };
        let O_p_EE = reading::O_p_EE(state);
        let here =
            from_column_major(&state.O_T_EE).unwrap_or_else(|_| Pose::from_parts(O_p_EE.into(), tool_down()));
        let q_c = self.guidance.anchor().unwrap_or(state.q);
        let sample = Sample {
            tick: self.ticks,
            lost: (dt_ms - 1) as u32,
            kind,
            tau_s: 0.0,
            state: *state,
            O_p_EE,
            x_ref: here,
            X: here,
            q_ref: q_c,
            q_c,
            verdict: if sense { Verdict::default() } else { Verdict::STATE },
            margin: self.limiter.nearest_end(&Motion { q: state.q, dq: state.dq, ddq: [0.0; 7] }),
            swaps: 0,
            rollbacks: 0,
            edition: 0,
            course: 0,
            hand: crate::demonstration::sample::Hand::Away,
            pull_n: crate::kinematics::Point::zeros(),
        };
        self.ticks += 1;
        let command = if self.torque.is_last { Command::Finish(q_c) } else { Command::Position(q_c) };
        (command, sample)
    }

    fn stop(&mut self) {
        if self.phase == Phase::Follow {
            self.phase = Phase::Brake;
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

    fn law(&self) -> &Law {
        &self.law
    }

    fn torque(&self) -> Torque {
        self.torque
    }
}
