//! The one crossing between metres and radians in `f64` and the dimensionless `f32` of the network.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]
use crate::robot::{JOINTS, Joints};

/// A column that varies less than this share of its unit is treated as constant: dividing by its tiny
/// standard deviation would blow up rounding, and whatever the column does later.
const SCALE_FLOOR: f64 = 1e-6;

/// Mean and scale of every input and output: inside, a number is (x − mean) / scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    input_mean: Box<[f64]>,
    input_scale: Box<[f64]>,
    output_mean: Joints,
    output_scale: Joints,
}

impl Normalisation {
    /// Mean 0 and scale 1 everywhere: the original's raw inputs and outputs.
    pub fn identity(inputs: usize) -> Self {
        Self {
            input_mean: std::iter::repeat_n(0.0, inputs).collect(),
            input_scale: std::iter::repeat_n(1.0, inputs).collect(),
            output_mean: [0.0; JOINTS],
            output_scale: [1.0; JOINTS],
        }
    }

    /// Given numbers; `None` unless both input slices have one length, all are finite and scales are positive.
    pub fn new(
        input_mean: &[f64],
        input_scale: &[f64],
        output_mean: Joints,
        output_scale: Joints,
    ) -> Option<Self> {
        let means_are_finite = input_mean.iter().chain(&output_mean).all(|mean| mean.is_finite());
        let scales_are_positive =
            input_scale.iter().chain(&output_scale).all(|scale| scale.is_normal() && *scale > 0.0);
        (input_mean.len() == input_scale.len() && means_are_finite && scales_are_positive).then(|| Self {
            input_mean: input_mean.into(),
            input_scale: input_scale.into(),
            output_mean,
            output_scale,
        })
    }

    /// Mean and standard deviation of samples: `inputs` in rows of any length, m; `outputs`, rad.
    ///
    /// A column that does not vary gets scale 1. Means and deviations of no samples are 0 and 1.
    pub fn fit<'a>(
        width: usize,
        inputs: impl Iterator<Item = &'a [f64]> + Clone,
        outputs: impl Iterator<Item = &'a Joints> + Clone,
    ) -> Self {
        let mut fitted = Self::identity(width);
        for (i, (mean, scale)) in fitted.input_mean.iter_mut().zip(&mut fitted.input_scale).enumerate() {
            (*mean, *scale) = moments(inputs.clone().filter_map(|row| row.get(i).copied()));
        }
        for (j, (mean, scale)) in fitted.output_mean.iter_mut().zip(&mut fitted.output_scale).enumerate() {
            (*mean, *scale) = moments(outputs.clone().filter_map(|row| row.get(j).copied()));
        }
        fitted
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.input_mean.len()
    }

    /// Mean of each input, in its unit.
    pub fn input_mean(&self) -> &[f64] {
        &self.input_mean
    }

    /// Scale of each input, in its unit.
    pub fn input_scale(&self) -> &[f64] {
        &self.input_scale
    }

    /// Mean of each joint, rad.
    pub fn output_mean(&self) -> &Joints {
        &self.output_mean
    }

    /// Scale of each joint, rad.
    pub fn output_scale(&self) -> &Joints {
        &self.output_scale
    }

    /// Into the network: `x` in its units, `normal` dimensionless.
    pub fn normalise_input(&self, x: &[f64], normal: &mut [f32]) {
        let numbers = x.iter().zip(&self.input_mean).zip(&self.input_scale);
        for (normal, ((x, mean), scale)) in normal.iter_mut().zip(numbers) {
            *normal = ((x - mean) / scale) as f32;
        }
    }

    /// A label for the network: `q` in rad, `normal` dimensionless.
    pub fn normalise_output(&self, q: &Joints, normal: &mut [f32]) {
        let numbers = q.iter().zip(&self.output_mean).zip(&self.output_scale);
        for (normal, ((q, mean), scale)) in normal.iter_mut().zip(numbers) {
            *normal = ((q - mean) / scale) as f32;
        }
    }

    /// Out of the network, rad. A missing output is NaN.
    pub fn denormalise_output(&self, normal: &[f32]) -> Joints {
        let mut q = [f64::NAN; JOINTS];
        let numbers = normal.iter().zip(&self.output_mean).zip(&self.output_scale);
        for (q, ((normal, mean), scale)) in q.iter_mut().zip(numbers) {
            *q = mean + scale * f64::from(*normal);
        }
        q
    }
}

/// (mean, standard deviation), (0, 1) of nothing, (mean, 1) of a constant.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count();
    if count == 0 {
        return (0.0, 1.0);
    }
    let mean = values.clone().sum::<f64>() / count as f64;
    let variance = values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / count as f64;
    let deviation = variance.sqrt();
    (mean, if deviation > SCALE_FLOOR { deviation } else { 1.0 })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const X: [[f64; 3]; 3] = [[0.25, 0.1, 0.5], [0.35, -0.1, 0.5], [0.3, 0.0, 0.5]];
    const Q: [Joints; 3] = [[0.1; 7], [0.5; 7], [0.3; 7]];

    fn fitted() -> Normalisation {
        Normalisation::fit(3, X.iter().map(|x| x.as_slice()), Q.iter())
    }

    #[test]
    fn a_fit_has_zero_mean_and_unit_deviation_inside() {
        let (mut sum, mut squares) = (0.0, 0.0);
        for q in &Q {
            let mut normal = [0.0_f32; 7];
            fitted().normalise_output(q, &mut normal);
            sum += normal[3];
            squares += normal[3] * normal[3];
        }
        assert!(sum.abs() < 1e-6 && (squares / 3.0 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_column_that_never_varies_is_not_blown_up() {
        let mut normal = [0.0_f32; 3];
        fitted().normalise_input(&[0.3, 0.0, 0.501], &mut normal);
        assert!((normal[2] - 0.001).abs() < 1e-6);
    }

    #[test]
    fn what_goes_in_comes_out() {
        for q in &Q {
            let mut normal = [0.0_f32; 7];
            fitted().normalise_output(q, &mut normal);
            let back = fitted().denormalise_output(&normal);
            assert!(q.iter().zip(back).all(|(q, back)| (q - back).abs() < 1e-7));
        }
    }

    #[test]
    fn numbers_that_cannot_scale_are_refused() {
        for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Normalisation::new(&[0.0], &[scale], [0.0; 7], [1.0; 7]).is_none(), "{scale}");
        }
        assert!(Normalisation::new(&[f64::NAN], &[1.0], [0.0; 7], [1.0; 7]).is_none());
    }
}
