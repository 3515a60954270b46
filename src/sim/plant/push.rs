//! An operator's hand: forces on the end effector, each for a time.
use super::contact::Force;
use crate::range::{Violation, check_each, check_range};
use crate::robot::limits::CYCLE_S;

/// A push at a time of every motion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Push {
    /// From the motion's first command, s.
    pub after_s: f64,
    /// Force on the end effector, base frame, N.
    pub force_n: [f64; 3],
    /// How long, s.
    pub duration_s: f64,
}

impl Push {
    /// Every value outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "pushes.after_s", self.after_s, 0.0..=86_400.0, "s");
        check_each(&mut out, "pushes.force_n", &self.force_n, -500.0..=500.0, "N");
        check_range(&mut out, "pushes.duration_s", self.duration_s, 0.001..=60.0, "s");
        out
    }
}

/// What the hand does now, and what it will do.
#[derive(Debug)]
pub(super) struct Pushes {
    planned: Vec<Push>,
    /// Cycles since the first command of the motion; none before one.
    cycle: Option<u64>,
    now: Option<Force>,
}

impl Pushes {
    pub(super) fn new(planned: &[Push]) -> Self {
        Self { planned: planned.to_vec(), cycle: None, now: None }
    }

    /// The next cycle is the first of a motion.
    pub(super) fn begin_motion(&mut self) {
        self.cycle = Some(0);
    }

    /// Pushes with `force` from the next cycle on, in the place of an earlier push.
    pub(super) fn push(&mut self, force: Force) {
        self.now = (force.cycles_left > 0).then_some(force);
    }

    /// What the hand does in the next cycle.
    pub(super) fn next(&mut self) -> Option<Force> {
        if let Some(cycle) = &mut self.cycle {
            let begins = |push: &&Push| cycles(push.after_s) == *cycle;
            if let Some(push) = self.planned.iter().find(begins) {
                let cycles_left = cycles(push.duration_s).max(1);
                self.now =
                    Some(Force { force: push.force_n, point: [0.0; 3], moment: [0.0; 3], cycles_left });
            }
            *cycle += 1;
        }
        let force = self.now?;
        self.now = (force.cycles_left > 1).then_some(Force { cycles_left: force.cycles_left - 1, ..force });
        Some(force)
    }
}

fn cycles(s: f64) -> u64 {
    (s / CYCLE_S).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_push_comes_at_its_millisecond_of_every_motion() {
        let push = Push { after_s: 0.005, force_n: [1.0, 2.0, 3.0], duration_s: 0.003 };
        let mut pushes = Pushes::new(&[push]);
        assert!((0..20).all(|_| pushes.next().is_none()), "there is no motion yet");
        for _ in 0..2 {
            pushes.begin_motion();
            let felt: Vec<bool> =
                (0..20).map(|_| pushes.next().is_some_and(|now| now.force == push.force_n)).collect();
            assert!(
                felt.iter().enumerate().all(|(cycle, felt)| *felt == (5..8).contains(&cycle)),
                "{felt:?}"
            );
        }
    }
}
