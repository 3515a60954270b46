//! What the control thread uses of the machine while it drives: pages, memory, its core.
use crate::robot::allocation::{self, Count};
use crate::robot::realtime::Usage;
use serde::Serialize;
use std::time::Instant;

/// Ticks that count as the first second: what is touched for the first time is touched here.
const FIRST_TICKS: u64 = 1000;

/// Watches the thread it was made on.
pub(super) struct Watch {
    since: Instant,
    start: Usage,
    after_first: Option<Usage>,
    ticks: u64,
    is_counted: bool,
    ours: Count,
    drivers: Count,
    entered: Count,
    left: Option<Count>,
}

/// What the control thread used in a drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ControlUsage {
    /// Page faults in the first thousand ticks.
    pub page_faults_first_s: Faults,
    /// Page faults after them: each may cost a cycle.
    pub page_faults_later: Faults,
    /// What our part of the cycles has asked of the allocator; `None` in a program that does not count.
    pub allocations: Option<Count>,
    /// What the driver's part has.
    pub driver_allocations: Option<Count>,
    /// Pieces of memory the driver takes in a cycle.
    pub driver_allocations_per_cycle: Option<f64>,
    /// Times that another thread was run in the control thread's place.
    pub preempted: u64,
    /// Share of its core that the thread used, 0 to 1; it sleeps until a state comes.
    pub cpu_share: f64,
}

/// Pages that were not where they were needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// In memory, and had to be mapped.
    pub minor: u64,
    /// Had to be read from a disk.
    pub major: u64,
}

impl Watch {
    pub(super) fn new() -> Watch {
        Watch {
            since: Instant::now(),
            start: Usage::of_this_thread(),
            after_first: None,
            ticks: 0,
            is_counted: allocation::is_counted(),
            ours: Count::default(),
            drivers: Count::default(),
            entered: Count::default(),
            left: None,
        }
    }

    /// A state has come: the driver's part of the cycle is over.
    pub(super) fn enter(&mut self) {
        self.entered = Count::of_this_thread();
        if let Some(left) = self.left {
            self.drivers = self.drivers.plus(self.entered.since(left));
        }
        self.ticks += 1;
        if self.ticks == FIRST_TICKS {
            self.after_first = Some(Usage::of_this_thread());
        }
    }

    /// Our command is ready.
    pub(super) fn command_ready(&mut self) {
        self.ours = self.ours.plus(Count::of_this_thread().since(self.entered));
    }

    /// The driver's part begins again.
    pub(super) fn leave(&mut self) {
        self.left = Some(Count::of_this_thread());
    }

    pub(super) fn figures(&self) -> ControlUsage {
        let end = Usage::of_this_thread();
        let first = self.after_first.unwrap_or(end);
        let faults = |used: Usage| Faults { minor: used.minor_faults, major: used.major_faults };
        let used = end.since(self.start);
        let between = self.ticks.saturating_sub(1).max(1) as f64;
        ControlUsage {
            page_faults_first_s: faults(first.since(self.start)),
            page_faults_later: faults(end.since(first)),
            allocations: self.is_counted.then_some(self.ours),
            driver_allocations: self.is_counted.then_some(self.drivers),
            driver_allocations_per_cycle: self.is_counted.then(|| self.drivers.allocations as f64 / between),
            preempted: used.preempted,
            cpu_share: 1e-6 * used.cpu_us as f64 / self.since.elapsed().as_secs_f64().max(1e-6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_first_thousand_ticks_are_told_from_later_ones() {
        let mut watch = Watch::new();
        let touch = || drop(std::hint::black_box(vec![1_u8; 16 << 20]));
        touch();
        for _ in 0..FIRST_TICKS {
            watch.enter();
            watch.command_ready();
            watch.leave();
        }
        let early = watch.figures();
        assert!(early.page_faults_first_s.minor > 0, "{early:?}");
        assert_eq!(early.page_faults_later, Faults::default());
        touch();
        assert!(watch.figures().page_faults_later.minor > 0);
    }
}
