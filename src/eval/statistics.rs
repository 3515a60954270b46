//! A mean over seeds and how well it is known.
use serde::Serialize;

/// Two-sided 95 % quantiles of Student's t for 1 to 10 degrees of freedom (Student 1908, and any table since).
const T95: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
/// The same of the normal distribution.
const Z95: f64 = 1.959_964;

/// A mean with its 95 % confidence interval, by Student's t over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Mean of the seeds that have a value.
    pub mean: f64,
    /// Half the width of the interval; none from a single value.
    pub ci95: Option<f64>,
    /// The value of each seed, in order; none where there is no value.
    pub per_seed: Vec<Option<f64>>,
}

impl Interval {
    /// Over the values of the seeds; `None` when no seed has one.
    pub fn of(per_seed: Vec<Option<f64>>) -> Option<Self> {
        let values: Vec<f64> = per_seed.iter().flatten().copied().filter(|x| x.is_finite()).collect();
        let n = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        let ci95 = (values.len() > 1).then(|| t95(values.len() - 1) * (squares / (n - 1.0) / n).sqrt());
        Some(Self { mean, ci95, per_seed })
    }
}

/// The quantile for `freedom` degrees of freedom, at least 1.
///
/// Beyond the table by the expansion about the normal quantile (Abramowitz & Stegun 1964, 26.7.5), there good to 3e-4.
fn t95(freedom: usize) -> f64 {
    if let Some(t) = T95.get(freedom.saturating_sub(1)) {
        return *t;
    }
    let (z, n) = (Z95, freedom as f64);
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    z + (z3 + z) / (4.0 * n)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * n * n)
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * n.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_seeds_have_the_interval_of_the_textbook() {
        // Mean 3, standard deviation sqrt(2.5): 2.776 sqrt(2.5 / 5).
        let interval = Interval::of([1.0, 2.0, 3.0, 4.0, 5.0].map(Some).to_vec()).unwrap();
        assert!((interval.mean - 3.0).abs() < 1e-12);
        assert!((interval.ci95.unwrap() - 2.776 * 0.5_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_seed_without_a_value_is_left_out_and_one_value_has_no_interval() {
        let interval = Interval::of(vec![None, Some(2.0), None]).unwrap();
        assert_eq!((interval.mean, interval.ci95), (2.0, None));
        assert_eq!(Interval::of(vec![None]), None);
    }

    #[test]
    fn beyond_the_table_the_quantiles_are_those_of_tables() {
        for (freedom, t) in [(11, 2.2010), (15, 2.1314), (30, 2.0423), (60, 2.0003), (1000, 1.9623)] {
            assert!((t95(freedom) - t).abs() < 3e-4, "{freedom}: {}", t95(freedom));
        }
    }
}
