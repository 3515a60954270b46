//! When the gate refused which candidate, and why: for the report, in memory of its own from the start.
use super::gate::Refusal;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Refusals kept: the last ones.
pub const REFUSALS: usize = 1000;

/// A candidate that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The robot's time of the last sample before it, ms.
    pub time_ms: u64,
    /// Why.
    pub why: Refusal,
}

/// The last refusals; never allocates after it was made.
pub(super) struct Refusals(Mutex<VecDeque<Refused>>);

impl Default for Refusals {
    fn default() -> Refusals {
        Refusals(Mutex::new(VecDeque::with_capacity(REFUSALS)))
    }
}

impl Refusals {
    pub(super) fn add(&self, refused: Refused) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == REFUSALS {
            kept.pop_front();
        }
        kept.push_back(refused);
    }

    /// What is kept, the oldest first.
    pub(super) fn kept(&self) -> Vec<Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_refusals_are_kept_in_order_and_no_more() {
        let refusals = Refusals::default();
        for time_ms in 0..REFUSALS as u64 + 5 {
            refusals.add(Refused { time_ms, why: Refusal::NotBetter });
        }
        let kept = refusals.kept();
        assert_eq!((kept.len(), kept[0].time_ms), (REFUSALS, 5));
        assert!(kept.is_sorted_by(|a, b| a.time_ms < b.time_ms));
    }
}
