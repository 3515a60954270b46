//! The figures of a drive, from its samples, in fixed memory but for the thinned path.
use super::arrivals::{Arrivals, Arrived};
use super::curve::{Curve, CurvePoint};
use super::spread::Spread;
use super::thinned::Thinned;
use super::timeline::{Bins, Found, Timeline};
use crate::demonstration::expert::Expert;
use crate::demonstration::sample::{Kind, Sample};
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::from_column_major;
use crate::learn::judge::Errors;
use crate::safety::Margin;
use crate::timing::Quantiles;
use nalgebra::Vector3;
use serde::Serialize;
use std::sync::Arc;

/// Points kept of a measured path; a longer one is thinned, not cut.
const PATH_POINTS: usize = 4096;
/// The contour error looks for the nearest point of the reference around the present one: so far, and twice as much more
/// as the arm is off it, but never farther than the second, m. Where a path crosses itself the other strand is not meant.
const CONTOUR_WINDOW_M: [f64; 2] = [0.01, 0.05];

/// Collects a drive's samples, one by one.
pub struct Drive {
    timed: Arc<TimedPath>,
    expert: Arc<Expert>,
    tracking_mm: Spread,
    contour_mm: Spread,
    tilt_mrad: Spread,
    orientation_mrad: Spread,
    elbow_drift_rad: f64,
    cycles: u64,
    arrivals: Arrivals,
    missed: u64,
    success_rate_min: f64,
    success_rate: Mean,
    limiter_active_ticks: u64,
    nearest: Option<(Margin, u64)>,
    swaps: u32,
    rollbacks: u32,
    last: Option<Sample>,
    error_mm: Option<[f64; 2]>,
    curve: Curve,
    bins: Bins,
    reference_m: Thinned<[f64; 3]>,
    measured_m: Thinned<[f64; 3]>,
}

/// What [`Drive`] collected; an error is `None` when the path was never followed.
#[derive(Clone, Debug, Serialize)]
pub struct DriveFigures {
    /// States answered.
    pub cycles: u64,
    /// Milliseconds in which the robot had no command of ours.
    pub missed_commands: u64,
    /// Smallest share of the last 100 commands that the robot received, 0 to 1.
    pub success_rate_min: f64,
    /// Its mean over the drive.
    pub success_rate_mean: f64,
    /// Ticks in which the safety layer changed a proposal.
    pub limiter_active_ticks: u64,
    /// The limit of the safety layer of which least was ever left.
    pub nearest_limit: Option<NearestLimit>,
    /// Measured position against the reference of the same time, mm.
    pub tracking_error_mm: Option<Errors>,
    /// Its quantiles.
    pub tracking_error_quantiles_mm: Option<Quantiles>,
    /// Measured position against the nearest point of the reference curve, mm.
    pub contour_error_mm: Option<Errors>,
    /// Measured tool axis against that of the reference at the nearest point of the curve, mrad; the reference's points
    /// straight down where the trajectory says nothing of it.
    pub tilt_mrad: Option<Errors>,
    /// Measured orientation of the tool against that of the reference there, mrad.
    pub orientation_error_mrad: Option<Errors>,
    /// Largest distance of desired joint 3, the elbow's, from the expert's at the same reference point, rad.
    pub elbow_drift_rad: f64,
    /// Policies taken over.
    pub swaps: u32,
    /// Policies given up for the one before.
    pub rollbacks: u32,
}

/// A limit and how much of it was left.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NearestLimit {
    /// Which, in words.
    pub limit: String,
    /// How much was left of it, negative by how much it was broken.
    pub left: f64,
    /// In which unit.
    pub unit: &'static str,
    /// In which tick of the drive.
    pub tick: u64,
}

impl Drive {
    /// Collects a drive along `timed`, whose labels came from `expert`.
    pub fn new(timed: Arc<TimedPath>, expert: Arc<Expert>) -> Drive {
        Drive {
            timed,
            expert,
            tracking_mm: Spread::new(),
            contour_mm: Spread::new(),
            tilt_mrad: Spread::new(),
            orientation_mrad: Spread::new(),
            elbow_drift_rad: 0.0,
            cycles: 0,
            arrivals: Arrivals::default(),
            missed: 0,
            success_rate_min: 1.0,
            success_rate: Mean::default(),
            limiter_active_ticks: 0,
            nearest: None,
            swaps: 0,
            rollbacks: 0,
            last: None,
            error_mm: None,
            curve: Curve::default(),
            bins: Bins::default(),
            reference_m: Thinned::new(PATH_POINTS),
            measured_m: Thinned::new(PATH_POINTS),
        }
    }

    /// From now on along `timed`, which a person has corrected; whether it is another path.
    pub fn follow(&mut self, timed: Arc<TimedPath>) -> bool {
        let is_another = !Arc::ptr_eq(&self.timed, &timed);
        self.timed = timed;
        is_another
    }

    /// Adds one tick.
    pub fn add(&mut self, sample: &Sample) {
        self.cycles += 1;
        (self.swaps, self.rollbacks) = (sample.swaps, sample.rollbacks);
        self.limiter_active_ticks += u64::from(!sample.verdict.is_clear());
        if self.nearest.is_none_or(|(nearest, _)| sample.margin.share() < nearest.share()) {
            self.nearest = Some((sample.margin, sample.tick));
        }
        let arrived = self.arrivals.add(sample);
        let Arrived { missed, success_rate } = arrived;
        self.missed += missed;
        if let Some(rate) = success_rate {
            self.success_rate_min = self.success_rate_min.min(rate);
            self.success_rate.add(rate, 1.0 + f64::from(sample.lost));
        }
        self.error_mm = None;
        let error_mm = (sample.kind == Kind::Driven).then(|| self.judge(sample));
        self.bins.add(sample, Found { arrived, error_mm });
        self.last = Some(*sample);
    }

    /// The generator leads by its own tick: the arm of a sample should be at the reference of the same sample. Gives the
    /// tracking error, mm.
    fn judge(&mut self, sample: &Sample) -> f64 {
        let p = sample.O_p_EE;
        let reference = sample.x_ref.translation.vector;
        let off_m = (p - reference).norm();
        let tracking_mm = 1e3 * off_m;
        let path = self.timed.path();
        let window_m = (CONTOUR_WINDOW_M[0] + 2.0 * off_m).min(CONTOUR_WINDOW_M[1]);
        let nearest = path.nearest_around(&p, self.timed.arc_m(sample.tau_s), window_m);
        let contour_mm = 1e3 * nearest.distance_m;
        let turn = path.orientation(nearest.arc_m);
        let tilt_mrad = 1e3 * tilt_rad(&sample.state.O_T_EE, &(turn * Vector3::z()));
        self.tracking_mm.add(tracking_mm);
        self.contour_mm.add(contour_mm);
        self.error_mm = Some([tracking_mm, contour_mm]);
        self.tilt_mrad.add(tilt_mrad);
        if let Ok(is) = from_column_major(&sample.state.O_T_EE) {
            self.orientation_mrad.add(1e3 * is.rotation.angle_to(&turn));
        }
        self.curve.add(sample, [tracking_mm, contour_mm, tilt_mrad]);
        if let Ok(q) = self.expert.label_pose(&sample.X) {
            self.elbow_drift_rad = self.elbow_drift_rad.max((sample.state.q_d[2] - q[2]).abs());
        }
        self.reference_m.add(reference.into());
        self.measured_m.add(p.into());
        tracking_mm
    }

    /// The newest sample.
    pub fn last(&self) -> Option<&Sample> {
        self.last.as_ref()
    }

    /// From the reference and from the curve, of the newest sample; none off the path.
    pub fn error_mm(&self) -> Option<[f64; 2]> {
        self.error_mm
    }

    /// The figures so far.
    pub fn figures(&self) -> DriveFigures {
        DriveFigures {
            cycles: self.cycles,
            missed_commands: self.missed,
            success_rate_min: self.success_rate_min,
            success_rate_mean: self.success_rate.of().unwrap_or(1.0),
            limiter_active_ticks: self.limiter_active_ticks,
            nearest_limit: self.nearest.map(|(margin, tick)| NearestLimit {
                limit: margin.limit.to_string(),
                left: margin.left,
                unit: margin.limit.unit(),
                tick,
            }),
            tracking_error_mm: self.tracking_mm.figures(),
            tracking_error_quantiles_mm: self.tracking_mm.quantiles(),
            contour_error_mm: self.contour_mm.figures(),
            tilt_mrad: self.tilt_mrad.figures(),
            orientation_error_mrad: self.orientation_mrad.figures(),
            elbow_drift_rad: self.elbow_drift_rad,
            swaps: self.swaps,
            rollbacks: self.rollbacks,
        }
    }

    /// Errors over the time on the path.
    pub fn curve(&self) -> Vec<CurvePoint> {
        self.curve.points()
    }

    /// What happened when, in at most a thousand bins.
    pub fn timeline(&self) -> Timeline {
        self.bins.timeline()
    }

    /// Reference and measured positions, thinned evenly, m.
    pub fn path(&self) -> (&[[f64; 3]], &[[f64; 3]]) {
        (self.reference_m.rows(), self.measured_m.rows())
    }

    /// How many of the positions of a second [`Drive::path`] keeps.
    pub fn path_sampled_hz(&self) -> f64 {
        self.measured_m.sampled_hz()
    }

    /// Time since the first tick, s, of the robot's `time_ms`; none before there was one.
    pub fn since_start_s(&self, time_ms: u64) -> Option<f64> {
        self.bins.since_start_s(time_ms)
    }
}

/// A mean of weighted numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, number: f64, weight: f64) {
        self.sum += weight * number;
        self.weight += weight;
    }

    fn of(&self) -> Option<f64> {
        (self.weight > 0.0).then_some(self.sum / self.weight)
    }
}

/// Angle between the tool's z axis and where it should point, rad.
fn tilt_rad(O_T_EE: &[f64; 16], z_ref: &Vector3<f64>) -> f64 {
    let z = Vector3::new(O_T_EE[8], O_T_EE[9], O_T_EE[10]);
    z.cross(z_ref).norm().atan2(z.dot(z_ref))
}
