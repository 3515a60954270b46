//! How smooth a motion is: its spectral arc length, and its jerk.
use crate::robot::Joints;
use crate::robot::limits::CYCLE_S;

/// Above this frequency a motion of an arm has nothing but noise, Hz (Balasubramanian et al. 2015: 10 Hz).
const CUT_OFF_HZ: f64 = 10.0;
/// Where the spectrum is smaller than this share of its peak, it ends (the same place).
const THRESHOLD: f64 = 0.05;
/// Zeros are appended until the spectrum is so many times as dense: 2⁴ (the same place).
const PADDING: usize = 16;

/// The spectral arc length of a speed profile, without unit: 0 to −∞, the nearer to 0 the smoother.
///
/// The length of the curve of the normalised amplitude spectrum, up to where it vanishes (Balasubramanian,
/// Melendez-Calderon, Roby-Brami, Burdet 2015, J. NeuroEng. Rehabil. 12:112, with the constants given there). It does
/// not depend on the unit or the size of the speed. `None` for less than ten samples or an arm that does not move.
pub fn spectral_arc_length(speed: &[f64], sample_s: f64) -> Option<f64> {
    if speed.len() < 10 || !speed.iter().all(|v| v.is_finite()) {
        return None;
    }
    let bins = speed.len().next_power_of_two() * PADDING;
    let step_hz = 1.0 / (sample_s * bins as f64);
    let amplitudes: Vec<f64> = (0..bins)
        .map(|k| k as f64 * step_hz)
        .take_while(|hz| *hz <= CUT_OFF_HZ)
        .map(|hz| amplitude(speed, std::f64::consts::TAU * hz * sample_s))
        .collect();
    let largest = amplitudes.iter().copied().fold(0.0, f64::max);
    let last = amplitudes.iter().rposition(|a| *a >= THRESHOLD * largest)?;
    let first = amplitudes.iter().position(|a| *a >= THRESHOLD * largest)?;
    if largest <= 0.0 || last <= first {
        return None;
    }
    let width = 1.0 / (last - first) as f64;
    let arcs = amplitudes[first..=last].windows(2).map(|pair| width.hypot((pair[1] - pair[0]) / largest));
    Some(-arcs.sum::<f64>())
}

/// |Σ v_n e^(−i ω n)|, ω in rad a sample.
fn amplitude(v: &[f64], omega: f64) -> f64 {
    // A rotating phasor instead of a sine for every sample; its rounding after 10⁵ turns is 1e-11.
    let (turn_im, turn_re) = omega.sin_cos();
    let (mut re, mut im, mut sum_re, mut sum_im) = (1.0, 0.0, 0.0, 0.0);
    for v in v {
        sum_re += v * re;
        sum_im -= v * im;
        (re, im) = (re * turn_re - im * turn_im, re * turn_im + im * turn_re);
    }
    f64::hypot(sum_re, sum_im)
}

/// Root mean square, over time, of the length of the joints' jerk vector, rad/s³, from commanded positions a cycle
/// apart; `None` for less than four.
pub fn jerk_rms_rad_s3(commands: &[Joints]) -> Option<f64> {
    let jerk = |w: &[Joints], i: usize| (w[3][i] - 3.0 * (w[2][i] - w[1][i]) - w[0][i]) / CYCLE_S.powi(3);
    let squares: Vec<f64> =
        commands.windows(4).map(|w| (0..7).map(|i| jerk(w, i).powi(2)).sum::<f64>()).collect();
    (!squares.is_empty()).then(|| (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The speed of a minimum-jerk movement of one second, sampled at 100 Hz.
    fn minimum_jerk() -> Vec<f64> {
        (0..=100).map(|k| f64::from(k) / 100.0).map(|u| 30.0 * (u * (1.0 - u)).powi(2)).collect()
    }

    #[test]
    fn movements_have_the_lengths_that_numpy_finds_with_a_fast_fourier_transform() {
        // The same definition written with numpy.fft (constants as above), on the same 101 samples.
        for (ripple, expected) in [(0.0, -1.405_829_324_421_465_5), (0.3, -1.900_436_521_687_756_3)] {
            let length = spectral_arc_length(&rippled(ripple), 0.01).unwrap();
            assert!((length - expected).abs() < 1e-9, "{length}");
        }
    }

    /// The same with a ripple of so large a share.
    fn rippled(share: f64) -> Vec<f64> {
        let speeds = minimum_jerk().into_iter().enumerate();
        speeds.map(|(k, v)| v * (1.0 + share * (0.4 * k as f64).sin())).collect()
    }

    #[test]
    fn neither_the_size_nor_the_unit_of_the_speed_matters() {
        let (small, large) = (minimum_jerk(), minimum_jerk().iter().map(|v| 1e3 * v).collect::<Vec<_>>());
        let [a, b] = [&small, &large].map(|v| spectral_arc_length(v, 0.01).unwrap());
        assert!((a - b).abs() < 1e-9);
    }

    #[test]
    fn the_more_a_motion_is_broken_up_the_longer_the_arc() {
        let mut last = 0.0;
        for ripple in [0.0, 0.1, 0.3, 0.6] {
            let length = spectral_arc_length(&rippled(ripple), 0.01).unwrap();
            assert!(length < last, "ripple {ripple}: {length}");
            last = length;
        }
    }

    #[test]
    fn what_does_not_move_has_no_length() {
        assert_eq!(spectral_arc_length(&[0.0; 100], 0.01), None);
        assert_eq!(spectral_arc_length(&[1.0; 5], 0.01), None);
        assert_eq!(spectral_arc_length(&[f64::NAN; 100], 0.01), None);
    }

    #[test]
    fn a_cubic_has_its_own_jerk() {
        // q = 2 t³ in every joint: jerk 12 rad/s³ each.
        let commands: Vec<Joints> = (0..50).map(|k| [2.0 * (1e-3 * f64::from(k)).powi(3); 7]).collect();
        let jerk = jerk_rms_rad_s3(&commands).unwrap();
        assert!((jerk - 12.0 * 7.0_f64.sqrt()).abs() < 1e-3, "{jerk}");
        assert_eq!(jerk_rms_rad_s3(&commands[..3]), None);
    }
}
