//! What a run tells a service manager that listens (systemd's `sd_notify`); without one, nothing.
use crate::control::Pulse;
use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// Between two words about the drive.
const STATUS: Duration = Duration::from_secs(1);

/// The manager's side of a drive.
pub(super) struct Service {
    status: Every,
    watchdog: Option<Watchdog>,
    is_ready: bool,
}

impl Service {
    /// Asks the environment who listens, and how often a sign of life is wanted.
    pub(super) fn new() -> Service {
        let now = Instant::now();
        let watchdog = sd_notify::watchdog_enabled().map(|limit| Watchdog::new(limit, now));
        Service { status: Every::new(STATUS, now), watchdog, is_ready: false }
    }

    /// What is being done, before the drive or after it.
    pub(super) fn say(&self, words: &str) {
        tell(&[NotifyState::Status(words)]);
    }

    /// Looks at the drive, every few milliseconds: ready with the first tick, alive while ticks come.
    pub(super) fn look(&mut self, pulse: &Pulse, words: impl Fn() -> String) {
        let (now, ticks) = (Instant::now(), pulse.ticks());
        if ticks > 0 && !self.is_ready {
            self.is_ready = true;
            tell(&[NotifyState::Ready]);
        }
        // The robot ends a motion in its own time, which the supervisor watches over.
        let is_finishing = pulse.is_finishing();
        if let Some(watchdog) = &mut self.watchdog
            && self.is_ready
            && watchdog.is_due(ticks, is_finishing, now)
        {
            tell(&[NotifyState::Watchdog]);
        }
        if self.status.is_due(now) {
            tell(&[NotifyState::Status(&words())]);
        }
    }

    /// The drive is over.
    pub(super) fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }
}

/// A manager that cannot be told must not end a drive.
fn tell(words: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(words) {
        log::debug!("the service manager was not told: {error}");
    }
}

/// A clock that rings once in a while.
struct Every {
    period: Duration,
    rang: Instant,
}

impl Every {
    fn new(period: Duration, now: Instant) -> Every {
        Every { period, rang: now }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = now.saturating_duration_since(self.rang) >= self.period;
        if due {
            self.rang = now;
        }
        due
    }
}

/// Signs of life for the manager, only while the control thread gives some: it is not enough that we look.
struct Watchdog {
    every: Every,
    ticks: u64,
}

impl Watchdog {
    fn new(limit: Duration, now: Instant) -> Watchdog {
        // Four in the time in which one is wanted: a busy machine may make us late.
        Watchdog { every: Every::new(limit / 4, now), ticks: 0 }
    }

    fn is_due(&mut self, ticks: u64, is_finishing: bool, now: Instant) -> bool {
        let is_alive = ticks != self.ticks || is_finishing;
        let due = is_alive && self.every.is_due(now);
        if due {
            self.ticks = ticks;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_life_is_given_only_while_the_control_thread_gives_some() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut watchdog = Watchdog::new(Duration::from_secs(2), start);
        assert!(!watchdog.is_due(5, false, at(5)), "not so often");
        assert!(watchdog.is_due(500, false, at(500)));
        assert!(!watchdog.is_due(500, false, at(1000)), "no tick has come");
        assert!(!watchdog.is_due(500, false, at(60_000)), "nor now");
        assert!(watchdog.is_due(501, false, at(60_001)), "it goes on");
        assert!(watchdog.is_due(501, true, at(61_000)), "the robot is bringing the motion to its end");
    }
}
