//! The policies on the control thread: the one that drives, the one it is faded in from, and those to go back to.
//!
//! ```text
//! trainer ─► running ─► previous ─► spent ─► trainer
//!               └─► first (number 0: the one the drive began with stays)
//! ```
//!
//! A rollback fades from the running policy to the previous one, or, if there is none, to the first. Nothing is
//! allocated or freed: every box that is no longer wanted goes back to the trainer.
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
use crate::kinematics::Pose;
use crate::policy::Policy;
use crate::robot::Joints;

/// A policy with its number, so that both sides of a channel speak of the same one.
#[derive(Clone, Debug)]
pub struct Edition {
    /// The policy.
    pub policy: Policy,
    /// Its number; 0 is the one a drive begins with.
    pub number: u32,
    /// The number of the one it was judged against: it may only follow that one.
    pub basis: u32,
}

impl Edition {
    /// The policy a drive begins with.
    pub fn first(policy: Policy) -> Edition {
        Edition { policy, number: 0, basis: 0 }
    }
}

/// A fade from one policy to another.
struct Fade {
    from: Box<Edition>,
    /// 0 to 1.
    done: f64,
    /// Whether `from` may be wanted again.
    keep: bool,
}

/// All policies of a drive that are here.
pub(super) struct Shelf {
    running: Box<Edition>,
    fade: Option<Fade>,
    previous: Option<Box<Edition>>,
    first: Option<Box<Edition>>,
    spent: Option<Box<Edition>>,
    /// Whether to go back as soon as no fade is under way.
    going_back: bool,
    swap_s: f64,
    swaps: u32,
    rollbacks: u32,
}

impl Shelf {
    pub(super) fn new(policy: Box<Policy>, swap_s: f64) -> Shelf {
        Shelf {
            running: Box::from(Edition::first(*policy)),
            fade: None,
            previous: None,
            first: None,
            spent: None,
            going_back: false,
            swap_s,
            swaps: 0,
            rollbacks: 0,
        }
    }

    pub(super) fn running(&self) -> &Edition {
        &self.running
    }

    pub(super) fn running_policy(&mut self) -> &mut Policy {
        &mut self.running.policy
    }

    /// Policies taken over so far, and rollbacks.
    pub(super) fn counts(&self) -> (u32, u32) {
        (self.swaps, self.rollbacks)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.fade.is_none() && self.spent.is_none() && !self.going_back
    }

    /// Takes an edition over if it follows the running one; else it is spent at once. One that comes at a wrong
    /// time is returned if even that place is taken.
    pub(super) fn offer(&mut self, edition: Box<Edition>) -> Option<Box<Edition>> {
        if !self.is_ready() || edition.basis != self.running.number {
            return self.spent.replace(edition);
        }
        self.swaps += 1;
        self.fade_to(edition, true);
        None
    }

    /// Goes back as soon as possible: by one policy, or to the first.
    pub(super) fn roll_back(&mut self) {
        self.going_back = true;
    }

    fn fade_to(&mut self, edition: Box<Edition>, keep: bool) {
        self.fade = Some(Fade { from: std::mem::replace(&mut self.running, edition), done: 0.0, keep });
    }

    /// The answer to `X`; while one policy is faded into another, their blend.
    pub(super) fn wish(&mut self, X: &Pose, dt_s: f64) -> Joints {
        if self.going_back && self.fade.is_none() && self.spent.is_none() {
            self.going_back = false;
            if let Some(edition) = self.previous.take().or_else(|| self.first.take()) {
                self.rollbacks += 1;
                self.fade_to(edition, false);
            }
        }
        let mut q_ref = self.running.policy.ask(X);
        let Some(fade) = &mut self.fade else { return q_ref };
        fade.done += dt_s / self.swap_s;
        let weight = smootherstep(fade.done);
        for (q, old) in q_ref.iter_mut().zip(fade.from.policy.ask(X)) {
            *q = old + weight * (*q - old);
        }
        if fade.done >= 1.0
            && let Some(Fade { from, keep, .. }) = self.fade.take()
        {
            self.spent = match (keep, from.number) {
                (false, _) => Some(from),
                (true, 0) => self.first.replace(from),
                (true, _) => self.previous.replace(from),
            };
        }
        q_ref
    }

    pub(super) fn take_spent(&mut self) -> Option<Box<Edition>> {
        self.spent.take()
    }

    /// Puts back what [`Self::take_spent`] gave when it could not be handed on.
    pub(super) fn keep_spent(&mut self, edition: Box<Edition>) {
        if let Some(other) = self.spent.replace(edition) {
            // Cannot happen: an offer waits for an empty place. Freeing here would break the loop's rules.
            std::mem::forget(other);
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::policy::{Activation, Card, Layout, Network, Normalisation};

    fn policy(seed: u64) -> Policy {
        let network = Network::random(Layout::new(3, &[4]), Activation::Silu, seed);
        Policy::new(network, Normalisation::identity(3), Card::default()).unwrap()
    }

    fn edition(number: u32, basis: u32) -> Box<Edition> {
        Box::new(Edition { policy: policy(u64::from(number)), number, basis })
    }

    fn settle(shelf: &mut Shelf) -> (u32, Vec<u32>) {
        let mut spent = Vec::new();
        for _ in 0..1000 {
            shelf.wish(&Pose::translation(0.1, 0.2, 0.3), 1e-3);
            spent.extend(shelf.take_spent().map(|edition| edition.number));
        }
        (shelf.running().number, spent)
    }

    #[test]
    fn a_rollback_goes_to_the_policy_before_and_then_to_the_first() {
        let mut shelf = Shelf::new(Box::new(policy(0)), 0.25);
        let mut spent = Vec::new();
        for number in 1..=4 {
            assert!(shelf.offer(edition(number, number - 1)).is_none());
            let (running, gone) = settle(&mut shelf);
            assert_eq!(running, number);
            spent.extend(gone);
        }
        assert_eq!(spent, [1, 2]); // 0 stays as the first, 3 as the one before
        for (running, gone) in [(3, vec![4]), (0, vec![3]), (0, vec![])] {
            shelf.roll_back();
            assert_eq!(settle(&mut shelf), (running, gone));
        }
        assert_eq!(shelf.counts(), (4, 2));
        assert!(shelf.offer(edition(5, 0)).is_none());
        assert_eq!(settle(&mut shelf), (5, vec![]));
    }

    #[test]
    fn an_edition_made_for_another_than_the_running_one_is_spent_unused() {
        let mut shelf = Shelf::new(Box::new(policy(0)), 0.25);
        assert!(shelf.offer(edition(7, 6)).is_none());
        assert_eq!(settle(&mut shelf), (0, vec![7]));
        assert_eq!(shelf.counts(), (0, 0));
    }

    #[test]
    fn a_rollback_asked_for_in_a_fade_waits_for_its_end_and_never_jumps() {
        let mut shelf = Shelf::new(Box::new(policy(0)), 0.25);
        shelf.offer(edition(1, 0));
        let X = Pose::translation(0.1, 0.2, 0.3);
        let mut last = shelf.wish(&X, 1e-3);
        shelf.roll_back();
        for _ in 0..1000 {
            let wish = shelf.wish(&X, 1e-3);
            assert!(wish.iter().zip(last).all(|(a, b)| (a - b).abs() < 0.02));
            last = wish;
            drop(shelf.take_spent());
        }
        assert_eq!(last, policy(0).ask(&X));
        assert_eq!(shelf.counts(), (1, 1));
    }
}
