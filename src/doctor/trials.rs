//! What no file tells: it has to be tried, or asked of the system.
use super::ethtool;
use crate::robot::realtime;
use std::path::Path;

/// How long an interface keeps frames back to raise fewer interrupts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coalescing {
    /// Received frames, µs.
    pub rx_us: u32,
    /// Sent frames, µs.
    pub tx_us: u32,
    /// Whether the driver changes the times as it sees fit.
    pub adaptive: bool,
}

/// What is tried; each refusal is a sentence.
pub trait Trials {
    /// Asks for a SCHED_FIFO priority, on a thread made for it.
    ///
    /// # Errors
    /// What the system says.
    fn fifo(&self, priority: i32) -> Result<(), String>;

    /// Bytes that a user may still write in a folder.
    ///
    /// # Errors
    /// What the system says.
    fn free_bytes(&self, folder: &Path) -> Result<u64, String>;

    /// How an interface gathers frames.
    ///
    /// # Errors
    /// Most virtual interfaces do not tell.
    fn coalescing(&self, interface: &str) -> Result<Coalescing, String>;
}

/// Tries on this machine.
pub struct Here;

impl Trials for Here {
    fn fifo(&self, priority: i32) -> Result<(), String> {
        let granted = std::thread::spawn(move || {
            if realtime::fifo(priority) { Ok(()) } else { Err("not permitted".to_string()) }
        });
        granted.join().unwrap_or_else(|_| Err("the thread ended early".to_string()))
    }

    fn free_bytes(&self, folder: &Path) -> Result<u64, String> {
        let free = rustix::fs::statvfs(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(free.f_bavail.saturating_mul(free.f_frsize))
    }

    fn coalescing(&self, interface: &str) -> Result<Coalescing, String> {
        ethtool::coalescing(interface).map_err(|e| format!("not told by the driver ({e})"))
    }
}
