//! When to be where on a path: as fast as asked, slower where a bend or a joint needs it.
//!
//! The speed along the path is planned on its square over arc length, forward and backward (Bobrow,
//! Dubowsky and Gibson 1985, Int. J. Robotics Research 4(3), 3), from rest to rest between corners. The
//! resulting s(t) goes through a box filter in time: that leaves the geometry exact, since only *when*
//! changes and never *where*, and makes the acceleration continuous. What comes out is checked against
//! the joints by finite differences at 1 kHz, as the robot itself will check it.
use super::demand::{Demand, Excess, Quantity};
use super::path::Path;
use super::profile;
use super::timed_path::{Row, Slowest, TimedPath};
use crate::kinematics::{Point, Pose};
use crate::range::{Violation, check_range};
use crate::robot::limits::{CYCLE_S, DDDQ_MAX, DDQ_MAX, DQ_MAX, Q_MAX, Q_MIN, ROTATION_MAX, TRANSLATION_MAX};
use crate::robot::{JOINTS, Joints};
use nalgebra::{Vector3, Vector4};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::ops::Bound::{Excluded, Included};

/// The longest lap accepted, s.
pub const LAP_MAX_S: f64 = 3600.0;
/// Labels of a path stay at least this far from the joint position limits, rad.
pub const LIMIT_MARGIN_RAD: f64 = 0.01;
/// Neighbouring labels, at most a millimetre apart, that differ by more than this are a jump, rad.
pub const JUMP_RAD: f64 = 0.1;

/// How fast, and how gently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Speed of the end effector along an untimed path, m/s.
    pub speed_m_s: f64,
    /// Highest angular speed of the tool along an untimed path, rad/s.
    pub turn_speed_rad_s: f64,
    /// Acceleration of the end effector, along the path and across it together, m/s².
    pub acceleration_m_s2: f64,
    /// Width of the box filter over an untimed law, s; acceleration takes this long to build up.
    pub smoothing_s: f64,
    /// Width of each of the three box filters over the times of a drawing, s.
    pub drawn_smoothing_s: f64,
    /// Share of the joint velocity limits that may be used.
    pub joint_velocity_share: f64,
    /// Share of the joint acceleration and jerk limits that may be used.
    pub joint_acceleration_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            speed_m_s: 0.1,
            turn_speed_rad_s: 0.5,
            acceleration_m_s2: 2.0,
            smoothing_s: 0.04,
            drawn_smoothing_s: 0.1,
            joint_velocity_share: 0.5,
            joint_acceleration_share: 0.4,
        }
    }
}

impl Options {
    /// Every option outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        let speeds = (Excluded(0.0), Included(TRANSLATION_MAX[0]));
        let accelerations = (Excluded(0.0), Included(TRANSLATION_MAX[1]));
        let shares = (Excluded(0.0), Included(1.0));
        check_range(&mut out, "speed_m_s", self.speed_m_s, speeds, "m/s");
        let turns = (Excluded(0.0), Included(ROTATION_MAX[0]));
        check_range(&mut out, "turn_speed_rad_s", self.turn_speed_rad_s, turns, "rad/s");
        check_range(&mut out, "acceleration_m_s2", self.acceleration_m_s2, accelerations, "m/s²");
        check_range(&mut out, "smoothing_s", self.smoothing_s, 0.005..=1.0, "s");
        check_range(&mut out, "drawn_smoothing_s", self.drawn_smoothing_s, 0.005..=1.0, "s");
        check_range(&mut out, "joint_velocity_share", self.joint_velocity_share, shares, "");
        check_range(&mut out, "joint_acceleration_share", self.joint_acceleration_share, shares, "");
        out
    }

    /// The same law run `factor` times slower.
    fn slower(&self, factor: f64) -> Self {
        Self {
            speed_m_s: self.speed_m_s / factor,
            turn_speed_rad_s: self.turn_speed_rad_s / factor,
            acceleration_m_s2: self.acceleration_m_s2 / (factor * factor),
            smoothing_s: self.smoothing_s * factor,
            drawn_smoothing_s: self.drawn_smoothing_s,
            joint_velocity_share: self.joint_velocity_share / factor,
            joint_acceleration_share: self.joint_acceleration_share / (factor * factor),
        }
    }
}

/// Why a path cannot be followed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{0}")]
    Option(Violation),
    #[error("the path cannot be followed at {arc_m:.3} m, ({:.3}, {:.3}, {:.3}) m: {reason}", point.x, point.y, point.z)]
    Unreachable { arc_m: f64, point: Point, reason: String },
    #[error(
        "at {arc_m:.3} m, ({:.3}, {:.3}, {:.3}) m, joint {joint} would stand at {value:.3} rad, allowed {low:.3} to \
         {high:.3}; move the path away from there",
        point.x, point.y, point.z
    )]
    NearLimit { arc_m: f64, point: Point, joint: usize, value: f64, low: f64, high: f64 },
    #[error(
        "at {arc_m:.3} m, ({:.3}, {:.3}, {:.3}) m, joint {joint} would jump by {jump:.3} rad, allowed {JUMP_RAD}; \
         the arm changes its posture there: move the path",
        point.x, point.y, point.z
    )]
    Jump { arc_m: f64, point: Point, joint: usize, jump: f64 },
    #[error("as drawn, {excess}; multiply t_s by {:.2}, or leave the column out and give a speed", rounded_up(*factor))]
    TooFast { excess: Excess, factor: f64 },
    #[error("however slowly, {excess}: the labels are not smooth there; move the path")]
    Rough { excess: Excess },
    #[error("one lap would take {lap_s:.0} s, allowed {LAP_MAX_S} s; raise speed_m_s or shorten the path")]
    TooLong { lap_s: f64 },
}

/// To two decimals, up: a factor rounded down would be refused again.
fn rounded_up(factor: f64) -> f64 {
    (factor * 100.0).ceil() / 100.0
}

/// Gives `path` its time law; `label` says where the joints are when the end effector is at a pose.
///
/// An untimed path is followed at [`Options::speed_m_s`] where bends and joints permit, with a full stop
/// at corners; a closed one without corners never stops. A drawing with times keeps them, smoothed.
///
/// # Errors
/// A place that `label` refuses, near a joint limit, or where labels jump; a drawing that is too fast for
/// the arm, with the factor to slow it down by.
pub fn plan<E: Display>(
    path: &Path,
    label: &mut dyn FnMut(&Pose) -> Result<Joints, E>,
    options: &Options,
) -> Result<TimedPath, Error> {
    match (retimed(path, label, options)?, path.timing()) {
        ((timed, Some(excess)), Some(_)) => Err(Error::TooFast { excess, factor: timed.stretch() }),
        ((timed, _), _) => Ok(timed),
    }
}

/// [`plan`], but a motion with times that is too fast is followed slower, by [`TimedPath::stretch`]; and what was too
/// fast, if anything was.
///
/// # Errors
/// As [`plan`], [`Error::TooFast`] aside.
pub fn retimed<E: Display>(
    path: &Path,
    label: &mut dyn FnMut(&Pose) -> Result<Joints, E>,
    options: &Options,
) -> Result<(TimedPath, Option<Excess>), Error> {
    if let Some(violation) = options.validate().into_iter().next() {
        return Err(Error::Option(violation));
    }
    let q = labels(path, label)?;
    let mut factor = 1.0;
    let mut first = None;
    // One stretch meets the limits but for rounding, and for the filters of a drawing, which round off the
    // less the slower it runs; more than a few never would.
    for _ in 0..8 {
        let slowed = options.slower(factor);
        let caps = profile::Caps::new(path, &q, &slowed);
        let arc_m = match path.timing() {
            Some(timing) => profile::drawn(timing, factor, options.drawn_smoothing_s)?,
            None => caps.law(path, &slowed)?,
        };
        let timed = table(path, &arc_m, slowest(path, &caps, &arc_m), factor);
        let Some(excess) = verify(&timed, label, options)? else { return Ok((timed, first)) };
        first = first.or(Some(excess));
        factor *= excess.factor() * 1.01;
    }
    Err(first.map_or(Error::TooLong { lap_s: LAP_MAX_S }, |excess| Error::Rough { excess }))
}

/// The joints at every point of the path, each reachable, off the limits, and near its neighbour.
pub(super) fn labels<E: Display>(
    path: &Path,
    label: &mut dyn FnMut(&Pose) -> Result<Joints, E>,
) -> Result<Vec<Joints>, Error> {
    let mut q: Vec<Joints> = Vec::with_capacity(path.points().len());
    for (&point, &arc_m) in path.points().iter().zip(path.arc_lengths_m()) {
        let here = label(&path.pose(arc_m)).map_err(|e| Error::Unreachable {
            arc_m,
            point,
            reason: e.to_string(),
        })?;
        let before = q.last().copied().unwrap_or(here);
        check_label(&here, &before, arc_m, point)?;
        q.push(here);
    }
    if let (true, [first, .., last]) = (path.is_closed(), q.as_slice()) {
        check_label(first, last, 0.0, path.point(0.0))?;
    }
    Ok(q)
}

fn check_label(q: &Joints, before: &Joints, arc_m: f64, point: Point) -> Result<(), Error> {
    for j in 0..JOINTS {
        let (joint, value, jump) = (j + 1, q[j], (q[j] - before[j]).abs());
        let (low, high) = (Q_MIN[j] + LIMIT_MARGIN_RAD, Q_MAX[j] - LIMIT_MARGIN_RAD);
        if !(value >= low && value <= high) {
            return Err(Error::NearLimit { arc_m, point, joint, value, low, high });
        }
        if jump > JUMP_RAD {
            return Err(Error::Jump { arc_m, point, joint, jump });
        }
    }
    Ok(())
}

/// The lap at 1 kHz from arc lengths at each millisecond.
fn table(path: &Path, arc_m: &[f64], slowest: Option<Slowest>, stretch: f64) -> TimedPath {
    let last = arc_m.len() - 1;
    let length = path.length_m();
    let ring = path.is_closed() && path.corners().is_empty() && path.timing().is_none();
    let arc = |k: isize| match k {
        -1 if ring => arc_m[last - 1] - length,
        -1 => arc_m[0],
        k if k as usize > last && ring => arc_m[1] + length,
        k => arc_m[(k as usize).min(last)],
    };
    let row = |k: usize| {
        let (s, k) = (arc_m[k], k as isize);
        // Four neighbours would cross a stop; two are exact to the jerk times a sixth of a microsecond².
        let speed = (arc(k + 1) - arc(k - 1)) / (2.0 * CYCLE_S);
        let stop = !ring
            && (s <= 0.0 || s >= length || path.corners().iter().any(|&c| path.arc_lengths_m()[c] == s));
        let dp = if stop { Vector3::zeros() } else { path.tangent(s) * speed };
        Row { p: end_or_point(path, s, ring), dp, arc_m: s }
    };
    let rows: Vec<Row> = (0..=last).map(row).collect();
    let turns = rows.iter().filter_map(|row| turn(path, row, ring)).collect();
    TimedPath { path: path.clone(), rows, turns, slowest, stretch }
}

/// The exact end for an arc length at an end: wrapping would take the last point of a loop to the first.
fn end_or_point(path: &Path, arc_m: f64, ring: bool) -> Point {
    if !ring && arc_m >= path.length_m() { path.points()[path.points().len() - 1] } else { path.point(arc_m) }
}

/// The numbers of the orientation at a row and their derivative by time; none where the tool points down.
fn turn(path: &Path, row: &Row, ring: bool) -> Option<[Vector4<f64>; 2]> {
    let speed = row.dp.dot(&path.tangent(row.arc_m));
    // As with the points, the last orientation of a loop is not taken for the first.
    let arc_m = if ring { row.arc_m } else { row.arc_m.min(path.length_m() * (1.0 - f64::EPSILON)) };
    path.turn(arc_m).map(|(r, dr)| [r, dr * speed])
}

/// None for a drawing with times, whose speed is its own.
fn slowest(path: &Path, caps: &profile::Caps, arc_m: &[f64]) -> Option<Slowest> {
    let (i, limit) = caps.slowest().filter(|_| path.timing().is_none())?;
    let place_m = path.arc_lengths_m()[i];
    let k = arc_m.partition_point(|s| *s <= place_m).clamp(1, arc_m.len() - 1);
    let speed_m_s = (arc_m[k] - arc_m[k - 1]) / CYCLE_S;
    Some(Slowest { speed_m_s, arc_m: place_m, point: path.points()[i], limit })
}

/// Labels every millisecond of the lap and differentiates as the robot does; the worst demand, if one is
/// more than allowed.
pub(super) fn verify<E: Display>(
    timed: &TimedPath,
    label: &mut dyn FnMut(&Pose) -> Result<Joints, E>,
    options: &Options,
) -> Result<Option<Excess>, Error> {
    let closed = timed.path.is_closed();
    let last = timed.rows.len() - 1;
    let mut q = Vec::with_capacity(last + 1);
    for (k, row) in timed.rows.iter().enumerate() {
        let (arc_m, point) = (row.arc_m, row.p);
        q.push(label(&timed.row_pose(k)).map_err(|e| Error::Unreachable {
            arc_m,
            point,
            reason: e.to_string(),
        })?);
    }
    let top = timed.top_speed_m_s();
    if top > TRANSLATION_MAX[0] {
        return Ok(Some(Excess::Speed { speed_m_s: top }));
    }
    let turn = timed.top_turn_rad_s();
    if turn > ROTATION_MAX[0] {
        return Ok(Some(Excess::Turn { speed_rad_s: turn }));
    }
    // Rows -2 and -1: the end of the lap before on a closed path, the way back on an open one.
    let before = |k: usize, back: usize| match (k >= back, closed) {
        (true, _) => &q[k - back],
        (false, true) => &q[last + k - back],
        (false, false) => &q[back - k],
    };
    let mut worst: Option<Demand> = None;
    for k in 0..=last {
        let [a, b, c, d] = [3, 2, 1, 0].map(|back| before(k, back.min(last)));
        for j in 0..JOINTS {
            let demands = [
                (Quantity::Velocity, d[j] - c[j], DQ_MAX[j] * options.joint_velocity_share),
                (
                    Quantity::Acceleration,
                    d[j] - 2.0 * c[j] + b[j],
                    DDQ_MAX[j] * options.joint_acceleration_share,
                ),
                (
                    Quantity::Jerk,
                    d[j] - 3.0 * c[j] + 3.0 * b[j] - a[j],
                    DDDQ_MAX[j] * options.joint_acceleration_share,
                ),
            ];
            for (order, (quantity, difference, allowed)) in demands.into_iter().enumerate() {
                let needed = difference.abs() / CYCLE_S.powi(order as i32 + 1);
                let row = &timed.rows[k];
                let demand = Demand {
                    quantity,
                    joint: j + 1,
                    tau_s: k as f64 * CYCLE_S,
                    point: row.p,
                    needed,
                    allowed,
                };
                if needed > allowed && worst.is_none_or(|w| demand.factor() > w.factor()) {
                    worst = Some(demand);
                }
            }
        }
    }
    Ok(worst.map(Excess::Joint))
}
