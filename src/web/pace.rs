//! How often something may be asked.
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// So many at once, and as many again in a second.
pub(super) struct Pace {
    most: f64,
    left: Mutex<(f64, Instant)>,
}

impl Pace {
    pub(super) fn new(most: u32, now: Instant) -> Pace {
        Pace { most: f64::from(most), left: Mutex::new((f64::from(most), now)) }
    }

    /// Whether there may be one more.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let mut state = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, before) = *state;
        let left = (left + self.most * now.saturating_duration_since(before).as_secs_f64()).min(self.most);
        let allows = left >= 1.0;
        *state = (if allows { left - 1.0 } else { left }, now);
        allows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_let_through_and_then_no_more_than_the_rate() {
        let start = Instant::now();
        let pace = Pace::new(10, start);
        assert_eq!((0..50).filter(|_| pace.allows(start)).count(), 10);
        let later = start + Duration::from_millis(500);
        assert_eq!((0..50).filter(|_| pace.allows(later)).count(), 5);
    }
}
