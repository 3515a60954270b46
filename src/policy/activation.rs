//! What stands between two layers: value and slope, written so that a compiler can vectorise them.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types, clippy::disallowed_macros)]
use serde::{Deserialize, Serialize};

/// An activation function. All map 0 to 0, so padding stays zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// max(0, z), the original's. Its kinks reach the joints as steps of velocity.
    Relu,
    /// z / (1 + e⁻ᶻ): smooth, so the arm's acceleration stays bounded.
    #[default]
    Silu,
    /// tanh z: smooth and bounded.
    Tanh,
}

impl Activation {
    /// The name in files and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Silu => "silu",
            Self::Tanh => "tanh",
        }
    }

    /// The activation of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Relu, Self::Silu, Self::Tanh].into_iter().find(|activation| activation.name() == name)
    }
}

/// Replaces each `z` by its activation.
#[inline(always)]
pub(super) fn apply<const FMA: bool>(activation: Activation, z: &mut [f32]) {
    match activation {
        Activation::Relu => z.iter_mut().for_each(|z| *z = relu(*z).0),
        Activation::Silu => z.iter_mut().for_each(|z| *z = silu::<FMA>(*z).0),
        Activation::Tanh => z.iter_mut().for_each(|z| *z = tanh::<FMA>(*z).0),
    }
}

/// Replaces each `z` by its activation and writes the slope there into `slope`.
#[inline(always)]
pub(super) fn apply_with_slope<const FMA: bool>(activation: Activation, z: &mut [f32], slope: &mut [f32]) {
    let pairs = z.iter_mut().zip(slope);
    match activation {
        Activation::Relu => pairs.for_each(|(z, slope)| (*z, *slope) = relu(*z)),
        Activation::Silu => pairs.for_each(|(z, slope)| (*z, *slope) = silu::<FMA>(*z)),
        Activation::Tanh => pairs.for_each(|(z, slope)| (*z, *slope) = tanh::<FMA>(*z)),
    }
}

/// (max(0, z), slope); the slope at the kink is 0 as in PyTorch, and NaN stays NaN.
#[inline(always)]
fn relu(z: f32) -> (f32, f32) {
    if z <= 0.0 { (0.0, 0.0) } else { (z, 1.0) }
}

#[inline(always)]
fn silu<const FMA: bool>(z: f32) -> (f32, f32) {
    let e = exp::<FMA>(-z);
    let sigmoid = 1.0 / (1.0 + e);
    let value = z * sigmoid;
    // 1 − sigmoid = e·sigmoid, without the cancellation.
    (value, fma::<FMA>(value, e * sigmoid, sigmoid))
}

#[inline(always)]
fn tanh<const FMA: bool>(z: f32) -> (f32, f32) {
    let value = 1.0 - 2.0 / (1.0 + exp::<FMA>(2.0 * z));
    (value, 1.0 - value * value)
}

/// a·b + c, fused where that is an instruction.
#[inline(always)]
fn fma<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// eˣ within 2 units in the last place between −87 and 88; outside it saturates, NaN stays NaN.
///
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2; eʳ by a polynomial of degree 6 (Cephes, `expf.c`), 2ⁿ through the
/// exponent bits. No branch and no table, so it vectorises; the C library's does not.
#[inline(always)]
fn exp<const FMA: bool>(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5·2²³: adding it leaves the nearest integer in the low bits
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = fma::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<FMA>(n, -LN2_LOW, fma::<FMA>(n, -LN2_HIGH, x));
    let mut p = 1.987_569_2e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = fma::<FMA>(p, r, c);
    }
    let p = fma::<FMA>(p * r, r, r) + 1.0;
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        for i in -870_000..=880_000 {
            let x = i as f32 * 1e-4;
            let exact = f64::from(x).exp();
            let unit = f64::from(f32::from_bits((exact as f32).to_bits() + 1) - exact as f32);
            for ours in [exp::<true>(x), exp::<false>(x)] {
                worst = worst.max((f64::from(ours) - exact).abs() / unit);
            }
        }
        assert!(worst <= 2.0, "{worst} units");
    }

    #[test]
    fn values_and_slopes_agree_with_double_precision() {
        for i in -2000..=2000 {
            let z = i as f32 * 0.01;
            let x = f64::from(z);
            let sigmoid = 1.0 / (1.0 + (-x).exp());
            let expected = [
                (silu::<true>(z), (x * sigmoid, sigmoid * (1.0 + x * (1.0 - sigmoid)))),
                (silu::<false>(z), (x * sigmoid, sigmoid * (1.0 + x * (1.0 - sigmoid)))),
                (tanh::<true>(z), (x.tanh(), 1.0 - x.tanh() * x.tanh())),
                (relu(z), (x.max(0.0), if x > 0.0 { 1.0 } else { 0.0 })),
            ];
            for ((value, slope), (value_exact, slope_exact)) in expected {
                assert!((f64::from(value) - value_exact).abs() <= 3e-7 * (1.0 + value_exact.abs()), "{z}");
                assert!((f64::from(slope) - slope_exact).abs() <= 6e-7, "{z}");
            }
        }
    }

    #[test]
    fn nothing_maps_to_nothing_and_nan_to_nan() {
        for activation in [Activation::Relu, Activation::Silu, Activation::Tanh] {
            let mut z = [0.0, f32::NAN];
            apply::<true>(activation, &mut z);
            assert_eq!(z[0], 0.0);
            assert!(z[1].is_nan());
            assert_eq!(Activation::from_name(activation.name()), Some(activation));
        }
    }

    #[test]
    fn extreme_arguments_stay_finite() {
        for activation in [Activation::Silu, Activation::Tanh] {
            for extreme in [-1e30, -100.0, 100.0, 1e30] {
                let (mut z, mut slope) = ([extreme], [0.0]);
                apply_with_slope::<false>(activation, &mut z, &mut slope);
                assert!(
                    z[0].is_finite() && slope[0].is_finite(),
                    "{activation:?} at {extreme}: {z:?} {slope:?}"
                );
            }
        }
    }
}
