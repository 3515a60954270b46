//! Errors over time, a second to a point, in fixed memory.
use crate::demonstration::sample::Sample;
use serde::{Deserialize, Serialize};

/// Points kept; a longer drive has longer seconds.
const POINTS_MAX: usize = 3600;

/// Mean errors of one stretch of time on the path.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Its end, since the arm has been on the path, s.
    pub t_s: f64,
    /// Measured position against the reference of the same time, mm.
    pub tracking_error_mm: f64,
    /// Measured position against the nearest point of the reference curve, mm.
    pub contour_error_mm: f64,
    /// Measured tool axis against the reference's, mrad.
    pub tilt_mrad: f64,
    /// Policies taken over so far.
    pub swaps: u32,
    /// Policies given up so far.
    pub rollbacks: u32,
}

/// Collects a drive's errors by time.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    points: Vec<CurvePoint>,
    start_ms: Option<u64>,
    /// How many times the length of a stretch was doubled.
    doublings: u32,
    sums: [f64; 3],
    count: u32,
    newest: Option<CurvePoint>,
}

impl Curve {
    /// Adds a tick on the path with its tracking error, contour error (mm) and tilt (mrad).
    pub fn add(&mut self, sample: &Sample, errors: [f64; 3]) {
        let time_ms = sample.state.time_ms;
        let start_ms = *self.start_ms.get_or_insert(time_ms);
        let passed_ms = time_ms.saturating_sub(start_ms);
        if passed_ms >= self.end_ms() {
            self.close();
        }
        self.sums.iter_mut().zip(errors).for_each(|(sum, error)| *sum += error);
        self.count += 1;
        let [tracking_error_mm, contour_error_mm, tilt_mrad] =
            self.sums.map(|sum| sum / f64::from(self.count));
        self.newest = Some(CurvePoint {
            t_s: (passed_ms + 1) as f64 * 1e-3,
            tracking_error_mm,
            contour_error_mm,
            tilt_mrad,
            swaps: sample.swaps,
            rollbacks: sample.rollbacks,
        });
    }

    /// The points so far; the last stretch may be shorter than the others, but not by more than half.
    pub fn points(&self) -> Vec<CurvePoint> {
        let mut points = self.points.clone();
        points.extend(self.newest.filter(|_| points.is_empty() || self.count >= (500 << self.doublings)));
        points
    }

    fn end_ms(&self) -> u64 {
        (self.points.len() as u64 + 1) * (1000 << self.doublings)
    }

    fn close(&mut self) {
        self.points.extend(self.newest.take());
        (self.sums, self.count) = ([0.0; 3], 0);
        if self.points.len() == POINTS_MAX {
            let pairs = self.points.chunks_exact(2).map(|pair| {
                let mean = |of: fn(&CurvePoint) -> f64| 0.5 * (of(&pair[0]) + of(&pair[1]));
                CurvePoint {
                    tracking_error_mm: mean(|p| p.tracking_error_mm),
                    contour_error_mm: mean(|p| p.contour_error_mm),
                    tilt_mrad: mean(|p| p.tilt_mrad),
                    ..pair[1]
                }
            });
            self.points = pairs.collect();
            self.doublings += 1;
        }
    }
}
