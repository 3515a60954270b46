//! A path displaced over a stretch of it: where a person has pushed the arm to.
//!
//! The displacement is a uniform cubic B-spline over arc length, so it is twice continuously differentiable, bounded by
//! its control points, and exactly zero two of its steps away from the last of them that is not. The law of time stays:
//! at every moment the displaced path is where the path was, displaced.
use super::demand::Excess;
use super::filter::{arc_lengths, interpolate};
use super::path::Path;
use super::time_law::{self, Error};
use super::timed_path::{Row, TimedPath};
use crate::kinematics::{Point, Pose};
use crate::robot::Joints;
use nalgebra::Vector3;
use std::fmt::Display;

/// A displacement over the arc length of a path, base frame, m.
#[derive(Clone, Debug, PartialEq)]
pub struct Displacement {
    step_m: f64,
    closed: bool,
    /// Control points, one each `step_m`; a closed path's last is followed by its first.
    values: Vec<Vector3<f64>>,
}

impl Displacement {
    /// None, with control points no farther apart than `step_m`, for `path`.
    pub fn none(path: &Path, step_m: f64) -> Displacement {
        let (points, step_m) = Self::grid(path, step_m);
        Displacement { step_m, closed: path.is_closed(), values: vec![Vector3::zeros(); points] }
    }

    /// How many control points [`Self::none`] has, and how far apart they are, m.
    pub fn grid(path: &Path, step_m: f64) -> (usize, f64) {
        let steps = (path.length_m() / step_m.max(1e-4)).ceil().max(4.0);
        let points = steps as usize + usize::from(!path.is_closed());
        (points, path.length_m() / steps)
    }

    /// The distance between control points, m.
    pub fn step_m(&self) -> f64 {
        self.step_m
    }

    /// The control point number `k`, counted on round a closed path; an open one ends before its ends.
    pub fn value_mut(&mut self, k: isize) -> Option<&mut Vector3<f64>> {
        let k = self.index(k)?;
        self.values.get_mut(k)
    }

    fn value(&self, k: isize) -> Vector3<f64> {
        self.index(k).and_then(|k| self.values.get(k)).copied().unwrap_or_default()
    }

    fn index(&self, k: isize) -> Option<usize> {
        let count = self.values.len() as isize;
        match self.closed {
            true => Some(k.rem_euclid(count) as usize),
            // The ends of an open path stay, with their tangents.
            false => (k > 1 && k < count - 2).then_some(k as usize),
        }
    }

    /// The displacement at `arc_m`, m, and its derivative by arc length.
    pub fn at(&self, arc_m: f64) -> (Vector3<f64>, Vector3<f64>) {
        let place = if arc_m.is_finite() { arc_m / self.step_m } else { 0.0 };
        let (k, u) = (place.floor() as isize, place - place.floor());
        let [a, b, c, d] = [-1, 0, 1, 2].map(|step| self.value(k + step));
        let v = 1.0 - u;
        let weights = [
            v * v * v / 6.0,
            (3.0 * u * u * u - 6.0 * u * u + 4.0) / 6.0,
            (3.0 * v * v * v - 6.0 * v * v + 4.0) / 6.0,
            u * u * u / 6.0,
        ];
        let slopes = [-0.5 * v * v, 1.5 * u * u - 2.0 * u, 2.0 * v - 1.5 * v * v, 0.5 * u * u];
        let sum = |w: [f64; 4]| a * w[0] + b * w[1] + c * w[2] + d * w[3];
        (sum(weights), sum(slopes) / self.step_m)
    }

    /// The longest displacement, m.
    pub fn largest_m(&self) -> f64 {
        (0..self.values.len()).map(|k| self.at(k as f64 * self.step_m).0.norm()).fold(0.0, f64::max)
    }
}

/// `path`, displaced.
pub fn displaced_path(path: &Path, by: &Displacement) -> Path {
    let points: Vec<Point> = path.points.iter().zip(&path.arc_m).map(|(p, s)| p + by.at(*s).0).collect();
    let arc_m = arc_lengths(&points);
    let stretches: Vec<f64> = path
        .arc_m
        .windows(2)
        .zip(arc_m.windows(2))
        .map(|(old, new)| (old[1] - old[0]) / (new[1] - new[0]))
        .collect();
    let ends = path.arc_m.windows(2).zip(&path.tangents).zip(&stretches);
    let tangents = ends
        .map(|((ends, [m0, m1]), stretch)| {
            [(m0 + by.at(ends[0]).1) * *stretch, (m1 + by.at(ends[1]).1) * *stretch]
        })
        .collect();
    let timing = path.timing.iter().map(|(t, s)| (*t, interpolate(&path.arc_m, &arc_m, *s))).collect();
    Path {
        points,
        tangents,
        turning: path.turning.as_ref().map(|turning| turning.stretched(&stretches)),
        taught: path.taught.as_ref().map(|taught| taught.stretched(&stretches)),
        corners: path.corners.clone(),
        closed: path.closed,
        timing,
        deviation_m: path.deviation_m,
        arc_m,
    }
}

/// `timed`, displaced: at every time where it was then, and there displaced.
pub fn displaced(timed: &TimedPath, by: &Displacement) -> TimedPath {
    let path = displaced_path(&timed.path, by);
    let row = |row: &Row| {
        let (way, slope) = by.at(row.arc_m);
        let speed_m_s = row.dp.dot(&timed.path.tangent(row.arc_m));
        Row {
            p: row.p + way,
            dp: row.dp + slope * speed_m_s,
            arc_m: interpolate(&timed.path.arc_m, &path.arc_m, row.arc_m),
        }
    };
    TimedPath {
        rows: timed.rows.iter().map(row).collect(),
        turns: timed.turns.clone(),
        slowest: None,
        stretch: timed.stretch,
        path,
    }
}

/// The worst that `timed` asks of the arm beyond what `options` leave it of its limits; no slower law is looked for.
///
/// # Errors
/// The first place that `label` refuses.
pub fn check<E: Display>(
    timed: &TimedPath,
    label: &mut dyn FnMut(&Pose) -> Result<Joints, E>,
    options: &time_law::Options,
) -> Result<Option<Excess>, Error> {
    time_law::labels(&timed.path, label)?;
    time_law::verify(timed, label, options)
}
