//! Whether a person's hand is on the arm: what acts from outside, against what acts without a hand.
//!
//! The robot's estimate of external torques is never zero: its model is a little wrong, another bit in every posture.
//! So the detector learns while it holds what is felt without a hand, and looks for a change. It lets go at a clear
//! pull and holds again only well below it, or when the arm stands: a hand that rests on it needs no freedom.
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
use super::guidance::Options;
use crate::robot::{Joints, State};

/// How fast what is felt without a hand is learnt while less than a release acts, s …
const LEARN_S: f64 = 0.3;
/// … and while more acts, which may be a hand at rest on the arm, s.
const LEARN_SLOWLY_S: f64 = 5.0;
/// Below this speed of every joint the arm stands, rad/s.
const STANDS_RAD_S: f64 = 0.01;

/// What the detector knows.
#[derive(Clone, Debug)]
pub(super) struct Grip {
    bias: Option<([f64; 6], Joints)>,
    held: bool,
    /// How long the last threshold has been passed, s.
    lasts_s: f64,
    /// How long the arm has been standing, s.
    stands_s: f64,
    /// How long it has been held, s.
    held_s: f64,
}

impl Default for Grip {
    fn default() -> Self {
        Grip { bias: None, held: true, lasts_s: 0.0, stands_s: 0.0, held_s: 0.0 }
    }
}

impl Grip {
    /// Whether the arm is held: no hand guides it.
    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// How hard a hand pulls, as a share of what lets go: 1 is a grip.
    pub(super) fn pull(&self, state: &State, options: &Options) -> f64 {
        let Some((force, torque)) = &self.bias else { return 0.0 };
        let [fx, fy, fz, ..] = state.O_F_ext_hat_K;
        let [bx, by, bz, ..] = force;
        let away = [fx - bx, fy - by, fz - bz];
        let by_force = away.iter().map(|f| f * f).sum::<f64>().sqrt() / options.grip_force_n;
        let joints = state.tau_ext_hat_filtered.iter().zip(torque).zip(&options.grip_torque_nm);
        let by_torque = joints.map(|((tau, bias), grip)| (tau - bias).abs() / grip);
        // What is not finite is no hand: `max` passes over a NaN.
        by_torque.fold(0.0, f64::max).max(by_force).min(1e3)
    }

    /// Looks at the next state, `dt_s` after the last; whether the arm is held from now on.
    pub(super) fn look(&mut self, state: &State, options: &Options, dt_s: f64) -> bool {
        let pull = self.pull(state, options);
        let speed = state.dq.iter().fold(0.0, |fastest: f64, dq| fastest.max(dq.abs()));
        self.stands_s = if speed < STANDS_RAD_S { self.stands_s + dt_s } else { 0.0 };
        if self.held {
            self.held_s += dt_s;
            self.lasts_s = if pull >= 1.0 { self.lasts_s + dt_s } else { 0.0 };
            if self.lasts_s > options.grip_s && self.held_s > options.settle_s {
                self.change(false);
            } else if self.stands_s > 0.0 {
                self.learn(state, pull < options.release_share, dt_s);
            }
        } else {
            self.lasts_s = if pull < options.release_share { self.lasts_s + dt_s } else { 0.0 };
            if self.lasts_s > options.release_s || self.stands_s > options.stands_s {
                self.change(true);
            }
        }
        self.held
    }

    /// Holds whatever acts.
    pub(super) fn hold(&mut self) {
        self.change(true);
    }

    fn change(&mut self, held: bool) {
        (self.held, self.lasts_s, self.stands_s, self.held_s) = (held, 0.0, 0.0, 0.0);
    }

    fn learn(&mut self, state: &State, fast: bool, dt_s: f64) {
        let share = dt_s / if fast { LEARN_S } else { LEARN_SLOWLY_S };
        let (force, torque) = self.bias.get_or_insert((state.O_F_ext_hat_K, state.tau_ext_hat_filtered));
        let felt = state.O_F_ext_hat_K.iter().chain(&state.tau_ext_hat_filtered);
        for (bias, felt) in force.iter_mut().chain(torque).zip(felt) {
            let next = *bias + share.min(1.0) * (felt - *bias);
            *bias = if next.is_finite() { next } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulled(force_n: f64) -> State {
        let mut state = State::ZERO;
        state.O_F_ext_hat_K[1] = force_n;
        state.dq[0] = 0.1;
        state
    }

    fn look(grip: &mut Grip, state: &State, ms: usize) -> bool {
        let options = Options::default();
        (0..ms).fold(true, |_, _| grip.look(state, &options, 1e-3))
    }

    #[test]
    fn it_lets_go_at_a_pull_goes_on_through_a_weaker_one_and_holds_when_the_hand_has_gone() {
        let options = Options::default();
        let mut grip = Grip::default();
        let rest = State { dq: [0.0; 7], ..pulled(0.0) };
        assert!(look(&mut grip, &rest, 1000));
        assert!(!look(&mut grip, &pulled(1.3 * options.grip_force_n), 100));
        let weaker = 0.5 * (1.0 + options.release_share) * options.grip_force_n;
        assert!(!look(&mut grip, &pulled(weaker), 1000), "between the thresholds it stays as it is");
        assert!(look(&mut grip, &pulled(0.0), 200));
        assert!(look(&mut grip, &pulled(weaker), 1000), "between the thresholds it stays as it is");
    }

    #[test]
    fn a_model_that_is_a_little_wrong_is_no_hand() {
        let mut grip = Grip::default();
        let rest = State { dq: [0.0; 7], ..pulled(4.0 * Options::default().grip_force_n) };
        assert!(look(&mut grip, &rest, 3000), "it was so from the beginning");
        let more = State { dq: [0.0; 7], ..pulled(5.5 * Options::default().grip_force_n) };
        assert!(!look(&mut grip, &more, 300));
    }

    #[test]
    fn an_estimate_that_is_no_number_is_no_hand() {
        let mut grip = Grip::default();
        assert!(look(&mut grip, &State { dq: [0.0; 7], ..pulled(f64::NAN) }, 1000));
        assert!(look(&mut grip, &State { dq: [0.0; 7], ..pulled(0.0) }, 1000));
        assert!(!look(&mut grip, &pulled(10.0), 300), "and it still knows one");
    }
}
