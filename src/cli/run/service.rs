//! What a run tells a service manager that listens (systemd's `sd_notify`); without one, nothing.
//!
//! The datagrams are our own, since the supervisor must not wait for whoever reads them: a full queue loses a word.
use crate::control::Pulse;
use std::ffi::OsString;
use std::io::Result;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// Between two words about the drive.
const STATUS: Duration = Duration::from_secs(1);

/// The manager's side of a drive.
pub(in super::super) struct Service {
    manager: Option<UnixDatagram>,
    status: Every,
    watchdog: Option<Watchdog>,
    is_ready: bool,
}

impl Service {
    /// Asks the environment who listens, and how often a sign of life is wanted.
    pub(in super::super) fn new() -> Service {
        let now = Instant::now();
        let manager = std::env::var_os("NOTIFY_SOCKET").and_then(|address| {
            open(&address).inspect_err(|e| log::warn!("NOTIFY_SOCKET {address:?} cannot be opened: {e}")).ok()
        });
        Service { manager, status: Every::new(STATUS, now), watchdog: Watchdog::wanted(now), is_ready: false }
    }

    fn tell(&self, words: &str) {
        if let Some(Err(error)) = self.manager.as_ref().map(|manager| manager.send(words.as_bytes())) {
            log::debug!("the service manager was not told {words}: {error}");
        }
    }

    /// What is being done, before the drive or after it.
    pub(super) fn say(&self, words: &str) {
        self.tell(&format!("STATUS={words}"));
    }

    /// Looks at the drive, every few milliseconds: ready with the first tick, alive while ticks come.
    pub(super) fn look(&mut self, pulse: &Pulse, words: impl Fn() -> String) {
        let (now, ticks) = (Instant::now(), pulse.ticks());
        if ticks > 0 && !self.is_ready {
            self.is_ready = true;
            self.tell(&format!("READY=1\nSTATUS={}", words()));
        }
        // The robot ends a motion in its own time, which the supervisor watches over.
        let is_finishing = pulse.is_finishing();
        if let Some(watchdog) = &mut self.watchdog
            && self.is_ready
            && watchdog.is_due(ticks, is_finishing, now)
        {
            self.tell("WATCHDOG=1");
        }
        if self.status.is_due(now) {
            self.say(&words());
        }
    }

    /// The drive is over.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }
}

/// A socket that never waits, to the address in `NOTIFY_SOCKET`: a path, or after an `@` a name without a file.
fn open(address: &OsString) -> Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    match address.as_bytes().strip_prefix(b"@") {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => socket.connect(address)?,
    }
    Ok(socket)
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
    /// The one that `WATCHDOG_USEC` asks for, unless it is meant for another process.
    fn wanted(now: Instant) -> Option<Watchdog> {
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|id| id == u64::from(std::process::id()));
        let limit_us = number("WATCHDOG_USEC").filter(|_| is_ours)?;
        Some(Watchdog::new(Duration::from_micros(limit_us), now))
    }

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
