//! Who may move the arm: one page at a time, as long as it gives signs of life.
use std::time::{Duration, Instant};

/// The operator's place. A page that holds it is named by its socket's word, which only that page knows.
pub(super) struct Lease {
    holder: Option<Holder>,
    /// Silence after which the place is free again.
    limit: Duration,
}

struct Holder {
    client: String,
    heard: Instant,
}

impl Lease {
    pub(super) fn new(limit: Duration) -> Lease {
        Lease { holder: None, limit }
    }

    /// Takes the place, if it is free or its own already; whether it has it now.
    pub(super) fn take(&mut self, client: &str, now: Instant) -> bool {
        if self.holder.is_none() {
            self.holder = Some(Holder { client: client.to_owned(), heard: now });
        }
        self.is_held_by(client)
    }

    /// A page whose socket broke goes on under the name of its new one.
    pub(super) fn resume(&mut self, before: &str, client: &str, now: Instant) {
        if self.is_held_by(before) {
            self.holder = Some(Holder { client: client.to_owned(), heard: now });
        }
    }

    /// A sign of life.
    pub(super) fn hear(&mut self, client: &str, now: Instant) {
        if let Some(holder) = self.holder.as_mut().filter(|holder| holder.client == client) {
            holder.heard = now;
        }
    }

    /// Gives the place back.
    pub(super) fn release(&mut self, client: &str) {
        if self.is_held_by(client) {
            self.holder = None;
        }
    }

    pub(super) fn is_held_by(&self, client: &str) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.client == client)
    }

    pub(super) fn is_held(&self) -> bool {
        self.holder.is_some()
    }

    /// Whether the operator has just been silent for too long; the place is then free.
    pub(super) fn has_lapsed(&mut self, now: Instant) -> bool {
        let silent = |holder: &Holder| now.saturating_duration_since(holder.heard) > self.limit;
        let lapsed = self.holder.as_ref().is_some_and(silent);
        if lapsed {
            self.holder = None;
        }
        lapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_operator_at_a_time_who_is_gone_when_silent() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut lease = Lease::new(Duration::from_secs(2));
        assert!(lease.take("a", at(0)) && !lease.take("b", at(1)) && lease.take("a", at(2)));
        lease.hear("b", at(1900));
        lease.hear("a", at(1000));
        assert!(!lease.has_lapsed(at(2900)), "it was heard at 1 s");
        lease.resume("b", "c", at(2900));
        assert!(lease.is_held_by("a"), "only its own page goes on with it");
        lease.resume("a", "c", at(2900));
        assert!(lease.is_held_by("c") && !lease.is_held_by("a"));
        assert!(!lease.has_lapsed(at(4800)) && lease.has_lapsed(at(5000)) && !lease.has_lapsed(at(5001)));
        assert!(lease.take("b", at(5002)));
        lease.release("c");
        assert!(lease.is_held());
        lease.release("b");
        assert!(!lease.is_held());
    }
}
