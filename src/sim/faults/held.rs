//! Datagrams that are held back, and when they go on.
use std::time::Instant;

/// When a datagram goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Due {
    /// At this time.
    At(Instant),
    /// With the end of the slot of this state.
    Slot(u64),
}

/// What is held back, in the order it came.
#[derive(Debug)]
pub(in crate::sim) struct Held<T>(Vec<(Due, T)>);

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Held<T> {
    pub(in crate::sim) fn push(&mut self, due: Due, datagram: T) {
        self.0.push((due, datagram));
    }

    pub(in crate::sim) fn clear(&mut self) {
        self.0.clear();
    }

    pub(in crate::sim) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The earliest time something goes on by the clock.
    pub(in crate::sim) fn next(&self) -> Option<Instant> {
        let times = self.0.iter().filter_map(|(due, _)| match due {
            Due::At(time) => Some(*time),
            Due::Slot(_) => None,
        });
        times.min()
    }

    /// The next datagram that is due, the one with the earliest time first.
    pub(in crate::sim) fn take_timed(&mut self, now: Instant) -> Option<T> {
        let next = self.next().filter(|next| *next <= now)?;
        self.take(Due::At(next))
    }

    /// The next datagram that goes on with the end of `slot`, or an earlier one.
    pub(in crate::sim) fn take_slot(&mut self, slot: u64) -> Option<T> {
        let due = self.0.iter().map(|(due, _)| *due).find(|due| matches!(due, Due::Slot(s) if *s <= slot))?;
        self.take(due)
    }

    fn take(&mut self, wanted: Due) -> Option<T> {
        let at = self.0.iter().position(|(due, _)| *due == wanted)?;
        Some(self.0.remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_due_first_goes_first_and_nothing_goes_early() {
        let now = Instant::now();
        let mut held = Held::default();
        for (ms, name) in [(3, "c"), (1, "a"), (2, "b")] {
            held.push(Due::At(now + Duration::from_millis(ms)), name);
        }
        held.push(Due::Slot(7), "slot");
        assert_eq!(held.take_timed(now), None);
        let later = now + Duration::from_millis(2);
        assert_eq!(
            [held.take_timed(later), held.take_timed(later), held.take_timed(later)],
            [Some("a"), Some("b"), None]
        );
        assert_eq!(held.take_slot(6), None);
        assert_eq!(held.take_slot(7), Some("slot"));
        assert_eq!(held.next(), Some(now + Duration::from_millis(3)));
    }
}
