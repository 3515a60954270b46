//! A path with its time law as a table of one lap, read by the control loop each millisecond.
//!
//! Nothing here allocates or panics: any time has an answer.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]
use super::path::Path;
use super::turning;
use crate::kinematics::{Point, Pose, tool_down};
use crate::robot::limits::CYCLE_S;
use nalgebra::{UnitQuaternion, Vector3, Vector4};

/// One row of the lap, at a whole millisecond.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) p: Point,
    pub(super) dp: Vector3<f64>,
    pub(super) arc_m: f64,
}

/// What limits the speed at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Nothing but the speed that was asked for.
    Speed,
    /// The end effector's acceleration in the bend of the path.
    Curvature,
    /// The angular speed of the tool.
    Turn,
    /// The velocity of the joint, counted from 1 at the base.
    JointVelocity(usize),
    /// The acceleration of the joint, counted from 1 at the base.
    JointAcceleration(usize),
}

/// The place where the path must be followed most slowly, stops aside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowest {
    /// Speed there, m/s.
    pub speed_m_s: f64,
    /// Arc length of the place, m.
    pub arc_m: f64,
    /// The place, base frame, m.
    pub point: Point,
    /// What limits it.
    pub limit: Limit,
}

/// A path with a time for every place: what [`super::time_law::plan`] makes.
#[derive(Clone, Debug)]
pub struct TimedPath {
    pub(super) path: Path,
    /// First and last row are the two ends of the lap; on a closed path the same place.
    pub(super) rows: Vec<Row>,
    /// The numbers of the orientation at each row, and their derivative, 1/s; empty where the tool points down.
    pub(super) turns: Vec<[Vector4<f64>; 2]>,
    pub(super) slowest: Option<Slowest>,
    pub(super) stretch: f64,
}

impl TimedPath {
    /// Duration of one lap, s: once round a closed path, or once along an open one.
    pub fn lap_s(&self) -> f64 {
        self.rows.len().saturating_sub(1) as f64 * CYCLE_S
    }

    /// Reference position (base frame, m) and velocity (m/s) at `tau_s` after the start of a lap.
    ///
    /// Every lap of a closed path is the same; on an open path every second lap runs backwards. A time
    /// that is not finite has no place: the answer is the start, at rest.
    pub fn at(&self, tau_s: f64) -> (Point, Vector3<f64>) {
        let Some((a, b, u, direction)) = self.rows_at(tau_s) else {
            return (self.rows.first().map_or_else(Point::zeros, |row| row.p), Vector3::zeros());
        };
        // Cubic Hermite between the rows, in coordinates of one cycle.
        let (m0, m1, chord) = (a.dp * CYCLE_S, b.dp * CYCLE_S, b.p - a.p);
        let (c, d) = (chord * 3.0 - m0 * 2.0 - m1, m0 + m1 - chord * 2.0);
        let p = a.p + (m0 + (c + d * u) * u) * u;
        let dp = (m0 + (c * 2.0 + d * (3.0 * u)) * u) / CYCLE_S;
        (p, dp * direction)
    }

    /// Reference pose in the base frame at `tau_s`: the position of [`Self::at`], and the orientation there.
    pub fn pose(&self, tau_s: f64) -> Pose {
        Pose::from_parts(self.at(tau_s).0.into(), self.orientation(tau_s))
    }

    /// Orientation of the reference at `tau_s`, base frame; pointing down where the path says nothing of it.
    fn orientation(&self, tau_s: f64) -> UnitQuaternion<f64> {
        let Some([start, _]) = self.turns.first() else { return tool_down() };
        let Some((k, u, _)) = self.place(tau_s) else { return turning::orientation(start) };
        match self.turns.get(k..k + 2) {
            Some([[a, da], [b, db]]) => {
                let r = turning::between(&[*a, *b], &[da * CYCLE_S, db * CYCLE_S], u, CYCLE_S).0;
                turning::orientation(&r)
            }
            _ => turning::orientation(start),
        }
    }

    /// Arc length of the reference at `tau_s`, m: where [`Path::nearest_around`] should look.
    pub fn arc_m(&self, tau_s: f64) -> f64 {
        let length = self.path.length_m();
        let arc_m = self.rows_at(tau_s).map_or(0.0, |(a, b, u, _)| a.arc_m + (b.arc_m - a.arc_m) * u);
        if self.path.is_closed() { arc_m.rem_euclid(length) } else { arc_m.max(0.0).min(length) }
    }

    /// The geometry, for contour errors and drawing.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The slowest place other than a stop, and what slows it; none where nothing does.
    pub fn slowest(&self) -> Option<Slowest> {
        self.slowest
    }

    /// The highest speed of the end effector, m/s.
    pub fn top_speed_m_s(&self) -> f64 {
        self.rows.iter().map(|row| row.dp.norm()).fold(0.0, f64::max)
    }

    /// By how much the lap was made longer, after planning, to keep every joint in its limits; 1 mostly.
    pub fn stretch(&self) -> f64 {
        self.stretch
    }

    /// Reference time, s, of the moment `drawn_s` after the start of a drawing with times.
    pub fn reference_s(&self, drawn_s: f64) -> f64 {
        let ends = self.path.timing().and_then(|timing| Some((timing.first()?.0, timing.last()?.0)));
        // Filters make the lap longer by the same time at both ends.
        let delay_s = ends.map_or(0.0, |(from, to)| 0.5 * (self.lap_s() - self.stretch * (to - from)));
        self.stretch * drawn_s + delay_s
    }

    /// Lower and upper corner of the box around the path, base frame, m.
    pub fn extent(&self) -> [Point; 2] {
        self.path.extent()
    }

    /// The reference pose at row `k`, and the start beyond the last.
    pub(super) fn row_pose(&self, k: usize) -> Pose {
        let p = self.rows.get(k).or(self.rows.first()).map_or_else(Point::zeros, |row| row.p);
        let turn = self.turns.get(k).map_or_else(tool_down, |[r, _]| turning::orientation(r));
        Pose::from_parts(p.into(), turn)
    }

    /// The highest angular speed of the tool, rad/s.
    pub fn top_turn_rad_s(&self) -> f64 {
        self.turns.iter().map(|[r, dr]| turning::rate(r, dr)).fold(0.0, f64::max)
    }

    /// The rows around `tau_s`, how far between them it lies, and the direction of travel.
    fn rows_at(&self, tau_s: f64) -> Option<(&Row, &Row, f64, f64)> {
        let (k, u, direction) = self.place(tau_s)?;
        match self.rows.get(k..k + 2) {
            Some([a, b]) => Some((a, b, u, direction)),
            _ => None,
        }
    }

    /// The row before `tau_s`, how far from it to the next that lies, and the direction of travel.
    fn place(&self, tau_s: f64) -> Option<(usize, f64, f64)> {
        let lap_s = self.lap_s();
        if !tau_s.is_finite() || lap_s <= 0.0 {
            return None;
        }
        let (tau_s, direction) = match self.path.is_closed() {
            true => (tau_s.rem_euclid(lap_s), 1.0),
            false => match tau_s.rem_euclid(2.0 * lap_s) {
                back if back > lap_s => (2.0 * lap_s - back, -1.0),
                forth => (forth, 1.0),
            },
        };
        let k = ((tau_s / CYCLE_S) as usize).min(self.rows.len().saturating_sub(2));
        let u = (tau_s / CYCLE_S - k as f64).clamp(0.0, 1.0);
        Some((k, u, direction))
    }
}
