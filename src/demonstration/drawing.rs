//! From points as drawn, recorded or computed to a [`Path`]: checked, resampled, cornered, smoothed.
use super::path::Path;
use super::plane::Plane;
use super::polyline::Polyline;
use super::turning;
use crate::kinematics::Point;
use crate::range::{Violation, check_range};
use crate::robot::Joints;
use nalgebra::UnitQuaternion;
use serde::{Deserialize, Serialize};

/// Distance between the points of a finished path, m.
pub const SPACING_M: f64 = 5e-4;
/// A turn sharper than this, rad, is a corner: the arm stops there.
pub const CORNER_RAD: f64 = 1.0;
/// Ends nearer than this, m, close a path that is long enough to be a loop.
pub const CLOSING_GAP_M: f64 = 5e-3;
/// No point of a path lies farther from the base than this, m; the Panda reaches 0.855 m.
pub const REACH_MAX_M: f64 = 2.0;
/// The longest path accepted, m.
pub const LENGTH_MAX_M: f64 = 100.0;

/// Points nearer to each other than this, m, are one point.
pub(super) const REPEATED_M: f64 = 1e-6;

/// How a drawing becomes a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Standard deviation of the Gaussian, along the path, that takes the tremor out of a drawing, m.
    /// Corners and ends stay where they are. 0 keeps every point.
    pub smoothing_m: f64,
    /// Where a drawing lies that is flat (SVG).
    pub plane: Plane,
    /// Whether the end joins the start; not given, a loop whose ends nearly meet is closed. Not for
    /// configuration files: a shape says it of itself.
    #[serde(skip)]
    pub closed: Option<bool>,
    /// Whether a drawing with times that is too fast for the arm is followed slower, not refused. Not for configuration
    /// files either.
    #[serde(skip)]
    pub may_be_slowed: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { smoothing_m: 0.004, plane: Plane::default(), closed: None, may_be_slowed: false }
    }
}

impl Options {
    /// Of a shape that is exact: nothing is smoothed.
    pub fn exact(closed: Option<bool>) -> Self {
        Self { smoothing_m: 0.0, closed, ..Self::default() }
    }

    /// Every option outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "smoothing_m", self.smoothing_m, 0.0..=0.05, "m");
        out.extend(self.plane.validate());
        out
    }
}

/// Why points do not make a path.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{0}")]
    Option(Violation),
    #[error("no points; a path needs at least 2 distinct ones")]
    Empty,
    #[error("all {given} points lie at the same place; a path needs at least 2 distinct ones")]
    OnePlace { given: usize },
    #[error("point {index} is ({x}, {y}, {z}): every coordinate must be a finite number of metres")]
    NotFinite { index: usize, x: f64, y: f64, z: f64 },
    #[error(
        "point {index} lies {distance_m:.3} m from the base, allowed {REACH_MAX_M} m; \
         this looks like millimetres: divide by 1000"
    )]
    TooFar { index: usize, distance_m: f64 },
    #[error("the path is {length_m:.1} m long, allowed {LENGTH_MAX_M} m; draw less of it, or split it")]
    TooLong { length_m: f64 },
    #[error("{times} times for {points} points; give one time a point")]
    Times { times: usize, points: usize },
    #[error("{given} {what} for {points} points; give one to each point, or none at all")]
    Count { what: &'static str, given: usize, points: usize },
    #[error(
        "before point {index} the tool turns by {turn_rad:.2} rad on {way_m:.4} m of the way, allowed \
         {:.2} rad there: a turn on the spot is not followed; let the end effector move on as it turns",
        turning::allowed_rad(*way_m)
    )]
    TurnsOnTheSpot { index: usize, turn_rad: f64, way_m: f64 },
    #[error("time {index} is {value} s, after {before} s; times must be finite and grow from point to point")]
    TimeOrder { index: usize, value: f64, before: f64 },
}

/// A path through `points` (base frame, m) in their order; `times_s`, if given, says when each was drawn.
///
/// A drawing with times keeps them instead of stopping at corners, so its corners are rounded by the
/// smoothing; every other sharp turn stays exactly where it is, as a stop.
///
/// # Errors
/// Anything that is not a path of an arm, named by its index.
pub fn path(points: &[Point], times_s: Option<&[f64]>, options: &Options) -> Result<Path, Error> {
    drawn(&Drawn { points, times_s, ..Drawn::default() }, options)
}

/// What was drawn or recorded, point by point.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drawn<'a> {
    /// Positions of the end effector, base frame, m.
    pub points: &'a [Point],
    /// Its orientations, base frame; without, the tool points down.
    pub turns: Option<&'a [UnitQuaternion<f64>]>,
    /// The joints of the arm that was guided, rad.
    pub joints: Option<&'a [Joints]>,
    /// When each was drawn, s.
    pub times_s: Option<&'a [f64]>,
}

/// [`path`] of everything that was drawn: orientations and joints are smoothed along the path as the position is.
///
/// # Errors
/// As [`path`]; [`Error::TurnsOnTheSpot`] where the tool turns and the end effector hardly moves.
pub fn drawn(drawn: &Drawn, options: &Options) -> Result<Path, Error> {
    let Drawn { points, times_s, .. } = *drawn;
    if let Some(violation) = options.validate().into_iter().next() {
        return Err(Error::Option(violation));
    }
    check(points, times_s)?;
    let counts =
        [("orientations", drawn.turns.map(<[_]>::len)), ("sets of joints", drawn.joints.map(<[_]>::len))];
    for (what, given) in counts {
        if let Some(given) = given.filter(|given| *given != points.len()) {
            return Err(Error::Count { what, given, points: points.len() });
        }
    }
    let mut line = Polyline::new(drawn, options.smoothing_m)?;
    if line.p.len() < 2 {
        return Err(Error::OnePlace { given: points.len() });
    }
    if line.length() > LENGTH_MAX_M {
        return Err(Error::TooLong { length_m: line.length() });
    }
    let closed = line.close(options.closed);
    let window_m = options.smoothing_m.max(2.0 * SPACING_M).min(line.length() / 8.0);
    let mut corners = if times_s.is_some() { Vec::new() } else { line.corners(closed, window_m) };
    if closed && let Some(&first) = corners.first() {
        line.start_at(first);
        corners.iter_mut().for_each(|c| *c -= first);
    }
    Ok(line.into_path(closed, &corners, options.smoothing_m))
}

fn check(points: &[Point], times_s: Option<&[f64]>) -> Result<(), Error> {
    if points.is_empty() {
        return Err(Error::Empty);
    }
    for (index, p) in points.iter().enumerate() {
        if !p.iter().all(|c| c.is_finite()) {
            return Err(Error::NotFinite { index, x: p.x, y: p.y, z: p.z });
        }
        if p.norm() > REACH_MAX_M {
            return Err(Error::TooFar { index, distance_m: p.norm() });
        }
    }
    let Some(times) = times_s else { return Ok(()) };
    if times.len() != points.len() {
        return Err(Error::Times { times: times.len(), points: points.len() });
    }
    let mut before = f64::NEG_INFINITY;
    for (index, &value) in times.iter().enumerate() {
        if !(value.is_finite() && value > before) {
            return Err(Error::TimeOrder { index, value, before });
        }
        before = value;
    }
    Ok(())
}
