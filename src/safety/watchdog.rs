//! Looks at what the robot reports for as long as the arm moves: does it follow, is it pushed, does it still measure?
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
use crate::kinematics::Point;
use crate::robot::{Joints, State};

/// A joint that is to be faster than this must show it in its measured position, rad/s: 50 µrad a millisecond are
/// several steps of any encoder.
const MOVING_RAD_S: f64 = 0.05;
/// The policy must answer otherwise once its question has moved this far, m.
const OTHER_QUESTION_M: f64 = 0.005;

/// Counts for how long something has been wrong; see the module.
#[derive(Clone, Debug)]
pub struct Watchdog {
    tracking_error_rad: f64,
    tracking_s: f64,
    external_torque_nm: Joints,
    external_torque_s: f64,
    stale_s: f64,
    away_s: f64,
    pushed_s: f64,
    frozen_s: f64,
    measured: Option<Joints>,
    answer: Option<(Joints, Point)>,
    unmoved_s: f64,
}

impl Watchdog {
    /// One that has seen nothing yet.
    pub fn new(options: &Options) -> Watchdog {
        Watchdog {
            tracking_error_rad: options.tracking_error_rad,
            tracking_s: options.tracking_s,
            external_torque_nm: options.external_torque_nm,
            external_torque_s: options.external_torque_s,
            stale_s: options.stale_s,
            away_s: 0.0,
            pushed_s: 0.0,
            frozen_s: 0.0,
            measured: None,
            answer: None,
            unmoved_s: 0.0,
        }
    }

    /// What is wrong with the arm in `state`, `dt_s` after the last one, and the tightest margin.
    ///
    /// A margin may be broken for a while before a verdict says so.
    pub fn look(&mut self, state: &State, dt_s: f64) -> (Verdict, Margin) {
        let tracking =
            worst(state.q_d.iter().zip(&state.q).zip([self.tracking_error_rad; 7]).map(|((q_d, q), max)| {
                let left = max - (q_d - q).abs();
                (left, max)
            }));
        let tracking = Margin::new(Limit::Tracking(tracking.0), tracking.1, tracking.2);
        let torque = worst(
            state
                .tau_ext_hat_filtered
                .iter()
                .zip(&self.external_torque_nm)
                .map(|(tau, max)| (max - tau.abs(), *max)),
        );
        let torque = Margin::new(Limit::ExternalTorque(torque.0), torque.1, torque.2);
        self.away_s = lasting(self.away_s, !tracking.holds(), dt_s);
        self.pushed_s = lasting(self.pushed_s, !torque.holds(), dt_s);
        let moving = state.dq_d.iter().any(|dq| dq.abs() > MOVING_RAD_S);
        let frozen = moving && self.measured.replace(state.q).is_some_and(|q| same(&q, &state.q));
        self.frozen_s = lasting(self.frozen_s, frozen, dt_s);
        let mut verdict = Verdict::default();
        for (is, why) in [
            (self.away_s >= self.tracking_s, Verdict::TRACKING),
            (self.pushed_s >= self.external_torque_s, Verdict::TORQUE),
            (self.frozen_s >= self.stale_s, Verdict::STALE_STATE),
        ] {
            verdict = if is { verdict.and(why) } else { verdict };
        }
        let margin = match (verdict.has(Verdict::TRACKING), verdict.has(Verdict::TORQUE)) {
            (true, _) => tracking,
            (_, true) => torque,
            _ => tracking.tighter(torque),
        };
        (verdict, margin)
    }

    /// What is said of a state that makes no sense: nothing.
    pub fn blind(&self) -> (Verdict, Margin) {
        (
            Verdict::default(),
            Margin::new(Limit::Tracking(1), self.tracking_error_rad, self.tracking_error_rad),
        )
    }

    /// Whether the policy answers the question `X` (base frame, m) with what it said to another one, far enough away
    /// and long enough ago.
    pub fn answer(&mut self, X: &Point, q_ref: &Joints, dt_s: f64) -> Verdict {
        match &self.answer {
            Some((last, asked)) if same(last, q_ref) => {
                let is_other = (X - asked).norm() > OTHER_QUESTION_M;
                self.unmoved_s = lasting(self.unmoved_s, is_other, dt_s);
            }
            _ => {
                self.answer = Some((*q_ref, *X));
                self.unmoved_s = 0.0;
            }
        }
        if self.unmoved_s >= self.stale_s { Verdict::STALE_POLICY } else { Verdict::default() }
    }
}

/// The joint (from 1) of which the smallest share is left, what is left, and of how much.
fn worst(joints: impl Iterator<Item = (f64, f64)>) -> (u8, f64, f64) {
    let mut worst = (1, f64::INFINITY, 1.0);
    for (number, (left, max)) in (1..).zip(joints) {
        let left = if left.is_nan() { f64::NEG_INFINITY } else { left };
        if left / max < worst.1 / worst.2 {
            worst = (number, left, max);
        }
    }
    worst
}

fn lasting(so_far_s: f64, is: bool, dt_s: f64) -> f64 {
    if is { so_far_s + dt_s } else { 0.0 }
}

fn same(a: &Joints, b: &Joints) -> bool {
    a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

#[cfg(test)]
#[path = "watchdog_tests.rs"]
mod tests;
