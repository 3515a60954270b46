//! A path to follow: dense points joined by one smooth curve, with a sharp turn only at its corners.
//!
//! Between two neighbouring points the curve is a cubic in arc length, and its pieces between corners
//! are twice continuously differentiable (a spline), so that an arm may run along them at speed: on the
//! bare polygon each of its thousand small turns would ask for an infinite acceleration. The curve is
//! also what distances are measured to. Queries here neither allocate nor panic, whatever they are
//! asked; [`super::drawing`] builds paths.
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
use super::turning::{self, Along};
use crate::kinematics::{Point, Pose, tool_down};
use crate::robot::{JOINTS, Joints};
use nalgebra::{UnitQuaternion, Vector3, Vector4};

/// A path of the end effector in the base frame O, m; without orientations the tool points down.
///
/// Holds at least two distinct points. A closed path repeats its first point as its last; if it has
/// corners, it starts at one.
#[derive(Clone, Debug)]
pub struct Path {
    pub(super) points: Vec<Point>,
    /// Arc length at each point, m; strictly increasing from 0.
    pub(super) arc_m: Vec<f64>,
    /// dp/ds where each segment begins and ends; they differ from the neighbours' only at corners.
    pub(super) tangents: Vec<[Vector3<f64>; 2]>,
    /// How the tool turns; none where it points down.
    pub(super) turning: Option<Along<4>>,
    /// The joints that were taught, rad; none where nobody guided the arm.
    pub(super) taught: Option<Along<JOINTS>>,
    pub(super) corners: Vec<usize>,
    pub(super) closed: bool,
    pub(super) timing: Vec<(f64, f64)>,
    pub(super) deviation_m: f64,
}

/// The place on a path that is nearest to a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// Distance, m; infinite when the point asked for is not finite.
    pub distance_m: f64,
    /// Arc length of the place, m.
    pub arc_m: f64,
}

/// One segment of the curve, a cubic over its length `h`.
struct Segment {
    start_m: f64,
    h: f64,
    p: [Point; 2],
    m: [Vector3<f64>; 2],
}

impl Segment {
    /// Position, first and second derivative by arc length, at `u` in [0, 1].
    fn at(&self, u: f64) -> (Point, Vector3<f64>, Vector3<f64>) {
        let ([p0, p1], [m0, m1], h) = (self.p, self.m, self.h);
        // The cubic Hermite polynomial in the form p0 + u (h m0 + u (c + u d)).
        let chord = p1 - p0;
        let c = chord * 3.0 - (m0 * 2.0 + m1) * h;
        let d = (m0 + m1) * h - chord * 2.0;
        (
            p0 + (m0 * h + (c + d * u) * u) * u,
            m0 + (c * 2.0 + d * (3.0 * u)) * (u / h),
            (c * 2.0 + d * (6.0 * u)) / (h * h),
        )
    }

    /// Where on the segment's chord, in [0, 1], lies the place nearest to `p`, and its squared distance.
    fn on_chord(&self, p: &Point) -> (f64, f64) {
        let [p0, p1] = self.p;
        let chord = p1 - p0;
        let u = ((p - p0).dot(&chord) / chord.norm_squared()).clamp(0.0, 1.0);
        (u, (p0 + chord * u - p).norm_squared())
    }

    /// The nearest place on the curve itself, by Newton's method from the chord's answer.
    fn nearest(&self, p: &Point) -> Nearest {
        let (mut u, _) = self.on_chord(p);
        for _ in 0..4 {
            let (c, d, dd) = self.at(u);
            let slope = d.norm_squared() + (c - p).dot(&dd);
            if slope > 0.0 {
                u = (u - (c - p).dot(&d) / (slope * self.h)).clamp(0.0, 1.0);
            }
        }
        Nearest { distance_m: (self.at(u).0 - p).norm(), arc_m: self.start_m + u * self.h }
    }
}

impl Path {
    /// The points the curve runs through, in order, at most 0.5 mm apart (base frame, m).
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Arc length at each of [`Path::points`], m.
    pub fn arc_lengths_m(&self) -> &[f64] {
        &self.arc_m
    }

    /// Indices of the points where the path turns sharply and a motion along it must stop.
    pub fn corners(&self) -> &[usize] {
        &self.corners
    }

    /// Whether the path ends where it starts.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Total arc length, m.
    pub fn length_m(&self) -> f64 {
        self.arc_m.last().copied().unwrap_or(0.0)
    }

    /// When the drawing had times: (time s, arc length m) of its points, both never decreasing.
    pub fn timing(&self) -> Option<&[(f64, f64)]> {
        (!self.timing.is_empty()).then_some(self.timing.as_slice())
    }

    /// How far smoothing moved the path from what was drawn, at most, m.
    pub fn deviation_m(&self) -> f64 {
        self.deviation_m
    }

    /// Lower and upper corner of the smallest upright box around the path, m.
    pub fn extent(&self) -> [Point; 2] {
        let first = self.points.first().copied().unwrap_or_default();
        self.points.iter().fold([first, first], |[low, high], p| [low.inf(p), high.sup(p)])
    }

    /// Position at arc length `arc_m`: wrapped round on a closed path, held at the ends of an open one.
    pub fn point(&self, arc_m: f64) -> Point {
        self.evaluate(arc_m).0
    }

    /// Whether it says how the end effector is turned; else the tool points down.
    pub fn is_posed(&self) -> bool {
        self.turning.is_some()
    }

    /// Pose of the end effector at each of [`Path::points`], in the base frame.
    pub fn poses(&self) -> impl Iterator<Item = Pose> {
        let at = |(p, arc_m): (&Point, &f64)| Pose::from_parts((*p).into(), self.orientation(*arc_m));
        self.points.iter().zip(&self.arc_m).map(at)
    }

    /// Pose of the end effector at `arc_m`, in the base frame.
    pub fn pose(&self, arc_m: f64) -> Pose {
        Pose::from_parts(self.point(arc_m).into(), self.orientation(arc_m))
    }

    /// Orientation of the end effector at `arc_m`, in the base frame.
    pub fn orientation(&self, arc_m: f64) -> UnitQuaternion<f64> {
        self.turn(arc_m).map_or_else(tool_down, |(r, _)| turning::orientation(&r))
    }

    /// How fast the tool turns at `arc_m`, rad/m.
    pub fn turn_rad_m(&self, arc_m: f64) -> f64 {
        self.turn(arc_m).map_or(0.0, |(r, dr)| turning::rate(&r, &dr))
    }

    /// Direction of travel at `arc_m` (length 1 within 1e-4); at a corner, that of departure.
    pub fn tangent(&self, arc_m: f64) -> Vector3<f64> {
        self.evaluate(arc_m).1
    }

    /// Curvature at `arc_m`, 1/m: the end effector's acceleration divided by its squared speed.
    pub fn curvature(&self, arc_m: f64) -> f64 {
        let (_, d, dd) = self.evaluate(arc_m);
        d.cross(&dd).norm() / d.norm().powi(3)
    }

    /// Distance from `p` to the path, m.
    pub fn distance(&self, p: &Point) -> f64 {
        self.nearest(p).distance_m
    }

    /// The place on the whole path nearest to `p`; its time grows with the number of points.
    pub fn nearest(&self, p: &Point) -> Nearest {
        self.nearest_among(p, 0, self.tangents.len())
    }

    /// The place nearest to `p` among those within `window_m` of the arc length `arc_m`.
    ///
    /// For a control loop: bounded by the window, and blind to other strands of a path that crosses itself.
    pub fn nearest_around(&self, p: &Point, arc_m: f64, window_m: f64) -> Nearest {
        let count = self.tangents.len();
        let window_m = window_m.abs();
        if window_m.is_nan() || window_m * 2.0 >= self.length_m() {
            return self.nearest(p);
        }
        let from = self.segment_index(self.wrap(arc_m - window_m));
        let to = self.segment_index(self.wrap(arc_m + window_m));
        self.nearest_among(p, from, (to + count - from) % count + 1)
    }

    /// The nearest place among `count` segments from `from` on, wrapping round.
    fn nearest_among(&self, p: &Point, from: usize, count: usize) -> Nearest {
        let segments = self.tangents.len();
        let mut best = (0, f64::INFINITY);
        for k in 0..count {
            let i = (from + k) % segments;
            let squared = self.segment(i).map_or(f64::INFINITY, |s| s.on_chord(p).1);
            if squared < best.1 {
                best = (i, squared);
            }
        }
        // The curve bulges over its chords by less than a micrometre, so its nearest place can be just
        // across a joint of the nearest chord.
        let mut nearest = Nearest { distance_m: f64::INFINITY, arc_m: 0.0 };
        for i in [best.0 + segments - 1, best.0, best.0 + 1] {
            let found = self.segment(i % segments).map(|s| s.nearest(p));
            if let Some(found) = found.filter(|found| found.distance_m < nearest.distance_m) {
                nearest = found;
            }
        }
        nearest
    }

    /// Position and its first two derivatives by arc length.
    pub(super) fn evaluate(&self, arc_m: f64) -> (Point, Vector3<f64>, Vector3<f64>) {
        let arc_m = self.wrap(arc_m);
        match self.segment(self.segment_index(arc_m)) {
            Some(segment) => segment.at(((arc_m - segment.start_m) / segment.h).clamp(0.0, 1.0)),
            None => Default::default(),
        }
    }

    /// The numbers of the orientation at `arc_m`, and their derivative, 1/m; none where the tool points down.
    pub(super) fn turn(&self, arc_m: f64) -> Option<(Vector4<f64>, Vector4<f64>)> {
        let turning = self.turning.as_ref()?;
        let (i, u, h) = self.within(arc_m)?;
        turning.at(i, u, h)
    }

    /// The joints that were taught at `arc_m`, rad; none where nobody guided the arm.
    pub fn taught(&self, arc_m: f64) -> Option<Joints> {
        let taught = self.taught.as_ref()?;
        let (i, u, h) = self.within(arc_m)?;
        taught.at(i, u, h).map(|(q, _)| q.into())
    }

    /// The segment at `arc_m`, how far in it that lies, 0 to 1, and its length, m.
    fn within(&self, arc_m: f64) -> Option<(usize, f64, f64)> {
        let arc_m = self.wrap(arc_m);
        let i = self.segment_index(arc_m);
        let segment = self.segment(i)?;
        Some((i, ((arc_m - segment.start_m) / segment.h).clamp(0.0, 1.0), segment.h))
    }

    fn wrap(&self, arc_m: f64) -> f64 {
        match (arc_m.is_finite(), self.closed) {
            (false, _) => 0.0,
            (true, true) => arc_m.rem_euclid(self.length_m()),
            (true, false) => arc_m.max(0.0).min(self.length_m()),
        }
    }

    fn segment_index(&self, arc_m: f64) -> usize {
        let after = self.arc_m.partition_point(|start| *start <= arc_m);
        after.saturating_sub(1).min(self.tangents.len().saturating_sub(1))
    }

    fn segment(&self, i: usize) -> Option<Segment> {
        let (p, m) = (self.points.get(i..i + 2)?, self.tangents.get(i)?);
        match (p, self.arc_m.get(i..i + 2)?) {
            ([p0, p1], [s0, s1]) => Some(Segment { start_m: *s0, h: s1 - s0, p: [*p0, *p1], m: *m }),
            _ => None,
        }
    }
}
