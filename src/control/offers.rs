//! What a drive is given on its way: policies, corrected paths, a tempo, an end.
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
use super::links::Tempo;
use super::push::Push;
use super::{Controller, Course, Edition, Phase};
use crate::demonstration::sample::Hand;
use crate::policy::Policy;

impl Controller {
    /// Ramps to rest along the path and ends the motion.
    pub fn stop(&mut self) {
        match self.phase {
            Phase::Follow => self.clock.stop(),
            Phase::Approach => self.enter(Phase::Brake),
            Phase::Rest | Phase::Brake | Phase::Done => {}
        }
    }

    /// Brakes to rest as hard as the limits allow, be it off the path, and ends the motion.
    pub fn halt(&mut self) {
        if !matches!(self.phase, Phase::Brake | Phase::Done) {
            self.enter(Phase::Brake);
        }
    }

    /// Goes on at another rate, stands or goes on, and ends after other laps.
    pub(super) fn take_tempo(&mut self, tempo: &Tempo) {
        self.settings.speed = tempo.rate;
        self.clock.hold(tempo.is_held);
        self.clock.end_after(tempo.laps, self.courses.lap_s(), tempo.rate);
        if self.phase == Phase::Follow {
            self.clock.run_at(tempo.rate);
        }
    }

    /// Whether [`Controller::offer`] would take a policy now.
    pub fn is_ready_for_policy(&self) -> bool {
        self.phase == Phase::Follow && self.shelf.is_ready()
    }

    /// Takes a policy over: for a short time both run and their outputs are blended. One that comes at a wrong time,
    /// or was made for another than the running one, is spent at once, or returned if even that place is taken.
    pub fn offer(&mut self, edition: Box<Edition>) -> Option<Box<Edition>> {
        self.shelf.offer(edition)
    }

    /// Goes back to the policy before the one in use, or, where that is gone, to the first.
    pub fn roll_back(&mut self) {
        if self.phase == Phase::Follow {
            self.shelf.roll_back();
        }
    }

    /// Whether [`Controller::offer_course`] would take a path now: never under somebody's hand.
    pub fn is_ready_for_course(&self) -> bool {
        self.phase == Phase::Follow && self.courses.is_ready() && self.hand() == Hand::Away
    }

    /// Takes a corrected path over: the reference is blended from the old one to it.
    pub fn offer_course(&mut self, course: Course) {
        self.courses.offer(course);
    }

    /// The policy in use.
    pub fn policy(&self) -> &Policy {
        &self.shelf.running().policy
    }

    /// Its number.
    pub fn edition(&self) -> u32 {
        self.shelf.running().number
    }

    /// Puts back what [`Controller::take_spent`] gave when it could not be handed on.
    pub fn keep_spent(&mut self, edition: Box<Edition>) {
        self.shelf.keep_spent(edition);
    }

    /// A policy that is no longer wanted.
    pub fn take_spent(&mut self) -> Option<Box<Edition>> {
        self.shelf.take_spent()
    }

    /// What a hand does to the arm.
    pub(super) fn hand(&self) -> Hand {
        self.push.as_ref().map_or(Hand::Away, Push::hand)
    }
}
