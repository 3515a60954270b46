//! The statistics of a feature as LeRobot names them; exact quantiles where it keeps histograms.
use serde::Serialize;

/// Statistics by element.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Stats {
    pub(super) min: Vec<f64>,
    pub(super) max: Vec<f64>,
    pub(super) mean: Vec<f64>,
    /// Of the population: divided by the number of frames.
    pub(super) std: Vec<f64>,
    pub(super) count: Vec<i64>,
    pub(super) q01: Vec<f64>,
    pub(super) q10: Vec<f64>,
    pub(super) q50: Vec<f64>,
    pub(super) q90: Vec<f64>,
    pub(super) q99: Vec<f64>,
}

impl Stats {
    /// Of rows with `width` elements each.
    pub(super) fn of(width: usize, rows: &[f32]) -> Stats {
        let frames = rows.len() / width.max(1);
        let mut stats = Stats { count: vec![frames as i64], ..Stats::default() };
        for element in 0..width {
            let mut x: Vec<f64> = rows.iter().skip(element).step_by(width).map(|x| f64::from(*x)).collect();
            x.sort_by(f64::total_cmp);
            let mean = x.iter().sum::<f64>() / frames.max(1) as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / frames.max(1) as f64;
            stats.min.push(x.first().copied().unwrap_or(0.0));
            stats.max.push(x.last().copied().unwrap_or(0.0));
            stats.mean.push(mean);
            stats.std.push(variance.sqrt());
            stats.q01.push(quantile(&x, 0.01));
            stats.q10.push(quantile(&x, 0.10));
            stats.q50.push(quantile(&x, 0.50));
            stats.q90.push(quantile(&x, 0.90));
            stats.q99.push(quantile(&x, 0.99));
        }
        stats
    }

    /// The columns of an episode's row, in LeRobot's order.
    pub(super) fn columns(&self) -> [(&'static str, &[f64]); 9] {
        [
            ("min", &self.min),
            ("max", &self.max),
            ("mean", &self.mean),
            ("std", &self.std),
            ("q01", &self.q01),
            ("q10", &self.q10),
            ("q50", &self.q50),
            ("q90", &self.q90),
            ("q99", &self.q99),
        ]
    }
}

/// Between the neighbours in sorted numbers, as `numpy.quantile` does.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share * last as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    sorted[low] + part * (sorted[(low + 1).min(last)] - sorted[low])
}
