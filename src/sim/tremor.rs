//! The tremor of a virtual person's hand.
use nalgebra::Vector3;
use rand::RngExt;
use rand::rngs::StdRng;
use std::f64::consts::TAU;

/// Tremor of a hand lies between these, Hz (physiological tremor; McAuley and Marsden 2000, Brain 123, 1545).
const TREMOR_HZ: [f64; 2] = [8.0, 12.0];
/// Waves that make the tremor of an axis.
const WAVES: usize = 3;

/// A tremor as a function of time.
#[derive(Clone, Debug)]
pub(super) struct Tremor {
    /// Frequency, rad/s, and phase of each wave on each axis.
    waves: [[(f64, f64); WAVES]; 3],
}

impl Tremor {
    pub(super) fn new(draws: &mut StdRng) -> Tremor {
        let mut wave =
            || (TAU * draws.random_range(TREMOR_HZ[0]..TREMOR_HZ[1]), draws.random_range(0.0..TAU));
        Tremor { waves: std::array::from_fn(|_| std::array::from_fn(|_| wave())) }
    }

    /// At `t_s`; its root mean square is 1 on each axis.
    pub(super) fn at(&self, t_s: f64) -> Vector3<f64> {
        let scale = (2.0 / WAVES as f64).sqrt();
        Vector3::from(
            self.waves.map(|waves| scale * waves.iter().map(|(w, at)| (w * t_s + at).sin()).sum::<f64>()),
        )
    }
}
