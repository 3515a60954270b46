//! How errors spread: mean, 95th percentile, maximum, in fixed memory.
use crate::learn::judge::Errors;
use crate::timing::Quantiles;

/// Finest difference told apart, in the unit given: 1e-6.
const RESOLUTION: f64 = 1e-6;

/// Collects non-negative errors.
pub struct Spread {
    histogram: hdrhistogram::Histogram<u64>,
    sum: f64,
    max: f64,
}

impl Spread {
    /// An empty collection with all its memory.
    pub fn new() -> Spread {
        let histogram =
            hdrhistogram::Histogram::new_with_bounds(1, 1_000_000_000_000, 3).expect("constant bounds");
        Spread { histogram, sum: 0.0, max: 0.0 }
    }

    /// Adds one value; what is not finite is left out.
    pub fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.histogram.saturating_record((value.abs() / RESOLUTION) as u64);
            self.sum += value.abs();
            self.max = self.max.max(value.abs());
        }
    }

    /// Mean, 95th percentile and maximum; `None` when nothing was added: not measured is not zero.
    pub fn figures(&self) -> Option<Errors> {
        let n = self.histogram.len();
        if n == 0 {
            return None;
        }
        let p95 = self.histogram.value_at_quantile(0.95) as f64 * RESOLUTION;
        Some(Errors { mean: self.sum / n as f64, p95: p95.min(self.max), max: self.max })
    }

    /// Quantiles, in the unit of the values; `None` when nothing was added.
    pub fn quantiles(&self) -> Option<Quantiles> {
        let at = |share| (self.histogram.value_at_quantile(share) as f64 * RESOLUTION).min(self.max);
        let all = Quantiles { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: self.max };
        (!self.histogram.is_empty()).then_some(all)
    }
}

impl Default for Spread {
    fn default() -> Self {
        Spread::new()
    }
}

impl Extend<f64> for Spread {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        values.into_iter().for_each(|v| self.add(v));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_values() {
        let mut spread = Spread::new();
        assert_eq!(spread.figures(), None);
        spread.extend((1..=100).map(f64::from));
        let figures = spread.figures().unwrap();
        assert!((figures.mean - 50.5).abs() < 1e-9);
        assert!((figures.p95 - 95.0).abs() < 0.1);
        assert_eq!(figures.max, 100.0);
    }
}
