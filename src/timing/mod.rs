//! Fixed-memory histograms of how long things took.
use serde::{Deserialize, Serialize};

/// Longest time told apart, ns: ten seconds.
const MAX_NS: u64 = 10_000_000_000;

/// When a cycle of the control loop began and ended, ns since the program's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cycle {
    /// The driver handed us a state.
    pub received_ns: u64,
    /// We handed the driver our command, which it sends at once.
    pub answered_ns: u64,
}

/// A histogram of times with 1 ns to 10 s range and three significant digits; never allocates after `new`.
#[derive(Clone)]
pub struct Histogram(hdrhistogram::Histogram<u64>);

/// Quantiles of a histogram; of times, µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names are the quantiles
pub struct Quantiles {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// How many times lay between two edges; twenty edges a decade, from the first that counts to the last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Buckets {
    /// Edges, µs; one more than counts.
    pub edges_us: Vec<f64>,
    /// Times from an edge up to the next.
    pub counts: Vec<u64>,
}

/// Buckets of a decade.
const BUCKETS_DECADE: f64 = 20.0;

impl Histogram {
    /// An empty histogram with all its memory.
    pub fn new() -> Histogram {
        // The bounds are valid constants; a histogram that could not be made would be a bug found at once.
        Histogram(hdrhistogram::Histogram::new_with_bounds(1, MAX_NS, 3).expect("constant bounds"))
    }

    /// Counts one time, ns; longer ones than the range count as its end.
    pub fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// How many times were counted.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The share of times not above `ns`, 0 to 1; 1 when nothing was counted.
    pub fn share_within(&self, ns: u64) -> f64 {
        if self.is_empty() { 1.0 } else { self.0.percentile_below(ns) / 100.0 }
    }

    /// The whole distribution, in 200 buckets at most.
    pub fn buckets(&self) -> Buckets {
        // Rounding must not put an edge's own value before it.
        let index = |ns: u64| (BUCKETS_DECADE * (ns.max(1) as f64).log10() + 1e-9).floor() as usize;
        let (first, last) = (index(self.0.min()), index(self.0.max()));
        if self.is_empty() {
            return Buckets::default();
        }
        let mut counts = vec![0; last - first + 1];
        for step in self.0.iter_recorded() {
            counts[index(step.value_iterated_to()).clamp(first, last) - first] +=
                step.count_since_last_iteration();
        }
        let edge_us = |k: usize| 1e-3 * 10f64.powf(k as f64 / BUCKETS_DECADE);
        Buckets { edges_us: (first..=last + 1).map(edge_us).collect(), counts }
    }

    /// The quantiles, µs.
    pub fn quantiles_us(&self) -> Quantiles {
        let us = |q| self.0.value_at_quantile(q) as f64 * 1e-3;
        Quantiles { p50: us(0.5), p99: us(0.99), p999: us(0.999), max: self.0.max() as f64 * 1e-3 }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram::new()
    }
}
