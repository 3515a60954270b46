//! What happened when: a drive in at most a thousand bins of equal length.
use super::arrivals::Arrived;
use crate::demonstration::sample::Sample;
use serde::{Deserialize, Serialize};

/// Bins kept; when they are full, two become one.
const BINS_MAX: usize = 1000;
/// Length of a bin to begin with, ms.
const BIN_MS: u64 = 10;

/// A drive over time, a column a quantity, an entry a bin; a bin without a tick has zeros and no errors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Length of a bin, s; the first begins with the first tick, on the way to the start.
    pub bin_s: f64,
    /// Ticks.
    pub ticks: Vec<u32>,
    /// Mean distance of the measured position from the reference of the same time, mm; none off the path.
    pub tracking_error_mean_mm: Vec<Option<f64>>,
    /// The greatest one.
    pub tracking_error_max_mm: Vec<Option<f64>>,
    /// Ticks in which the safety layer changed a proposal.
    pub limiter_active_ticks: Vec<u32>,
    /// Milliseconds in which the robot had no command of ours.
    pub missed_commands: Vec<u32>,
    /// Smallest share of the last 100 commands that the robot received, 0 to 1; none before there were 100.
    pub success_rate_min: Vec<Option<f64>>,
    /// Policies taken over until its end.
    pub swaps: Vec<u32>,
    /// Policies given up until its end.
    pub rollbacks: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    ticks: u32,
    judged: u32,
    error_sum_mm: f64,
    error_max_mm: f64,
    limited: u32,
    missed: u32,
    success_rate_min: Option<f64>,
    swaps: u32,
    rollbacks: u32,
}

/// What is known of a tick besides its sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// What arrived of our commands.
    pub(super) arrived: Arrived,
    /// The tracking error, on the path, mm.
    pub(super) error_mm: Option<f64>,
}

/// Collects a drive's ticks by time, in fixed memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Bins {
    bins: Vec<Bin>,
    start_ms: Option<u64>,
    doublings: u32,
}

impl Bin {
    fn and(self, later: Bin) -> Bin {
        let rates = self.success_rate_min.into_iter().chain(later.success_rate_min);
        Bin {
            ticks: self.ticks + later.ticks,
            judged: self.judged + later.judged,
            error_sum_mm: self.error_sum_mm + later.error_sum_mm,
            error_max_mm: self.error_max_mm.max(later.error_max_mm),
            limited: self.limited + later.limited,
            missed: self.missed + later.missed,
            success_rate_min: rates.reduce(f64::min),
            swaps: self.swaps.max(later.swaps),
            rollbacks: self.rollbacks.max(later.rollbacks),
        }
    }
}

impl Bins {
    /// Adds a tick.
    pub(super) fn add(&mut self, sample: &Sample, found: Found) {
        let time_ms = sample.state.time_ms;
        let start_ms = *self.start_ms.get_or_insert(time_ms);
        let passed_ms = time_ms.saturating_sub(start_ms);
        let mut at = self.index(passed_ms);
        while at >= BINS_MAX {
            self.bins = self
                .bins
                .chunks(2)
                .map(|pair| pair[1..].iter().fold(pair[0], |one, later| one.and(*later)))
                .collect();
            self.doublings += 1;
            at = self.index(passed_ms);
        }
        if self.bins.len() <= at {
            // Policies do not come and go while nothing is heard.
            let last = self.bins.last().copied().unwrap_or_default();
            let silent = Bin { swaps: last.swaps, rollbacks: last.rollbacks, ..Bin::default() };
            self.bins.resize(at + 1, silent);
        }
        let tick = Bin {
            ticks: 1,
            judged: u32::from(found.error_mm.is_some()),
            error_sum_mm: found.error_mm.unwrap_or(0.0),
            error_max_mm: found.error_mm.unwrap_or(0.0),
            limited: u32::from(!sample.verdict.is_clear()),
            missed: u32::try_from(found.arrived.missed).unwrap_or(u32::MAX),
            success_rate_min: found.arrived.success_rate,
            swaps: sample.swaps,
            rollbacks: sample.rollbacks,
        };
        self.bins[at] = self.bins[at].and(tick);
    }

    /// The bins so far.
    pub(super) fn timeline(&self) -> Timeline {
        fn column<T>(bins: &[Bin], of: impl Fn(&Bin) -> T) -> Vec<T> {
            bins.iter().map(of).collect()
        }
        let bins = &self.bins;
        let judged = |bin: &Bin, value: f64| (bin.judged > 0).then_some(value);
        Timeline {
            bin_s: self.bin_ms() as f64 * 1e-3,
            ticks: column(bins, |bin| bin.ticks),
            tracking_error_mean_mm: column(bins, |bin| {
                judged(bin, bin.error_sum_mm / f64::from(bin.judged.max(1)))
            }),
            tracking_error_max_mm: column(bins, |bin| judged(bin, bin.error_max_mm)),
            limiter_active_ticks: column(bins, |bin| bin.limited),
            missed_commands: column(bins, |bin| bin.missed),
            success_rate_min: column(bins, |bin| bin.success_rate_min),
            swaps: column(bins, |bin| bin.swaps),
            rollbacks: column(bins, |bin| bin.rollbacks),
        }
    }

    /// Time since the first tick, s; none before there was one.
    pub(super) fn since_start_s(&self, time_ms: u64) -> Option<f64> {
        self.start_ms.map(|start_ms| time_ms.saturating_sub(start_ms) as f64 * 1e-3)
    }

    fn bin_ms(&self) -> u64 {
        BIN_MS << self.doublings
    }

    fn index(&self, passed_ms: u64) -> usize {
        usize::try_from(passed_ms / self.bin_ms()).unwrap_or(usize::MAX)
    }
}
