//! What goes with a path, in its own segments: how the tool turns, as a smooth curve of unit quaternions, and the
//! joints of the arm that was guided along it.
//!
//! The four numbers of the quaternions (xyzw), their signs chosen so that neighbours are near, are a twice
//! continuously differentiable cubic in arc length like the points, divided by their length. Between points half a
//! millimetre apart that differs from the great arc by less than rounding in a file.
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
use super::filter::spline;
use nalgebra::{Quaternion, SVector, UnitQuaternion, Vector4};

/// The tool may turn by so much on no way at all, rad: the trembling of a hand that rests.
const TREMOR_RAD: f64 = 0.1;
/// And by so much more on each metre, rad/m.
const TURN_MAX_RAD_M: f64 = 50.0;
/// A path whose ends are turned apart by more than this is not closed, rad.
const CLOSING_RAD: f64 = 0.05;

/// N numbers along a path, over its segments: those of the orientation, or joints.
#[derive(Clone, Debug)]
pub(super) struct Along<const N: usize> {
    /// Where each segment begins and ends, and the derivative by arc length there.
    segments: Vec<[[SVector<f64, N>; 2]; 2]>,
}

impl<const N: usize> Along<N> {
    /// No segment yet.
    pub(super) fn new() -> Self {
        Self { segments: Vec::new() }
    }

    /// Goes on through `values`, `steps_m` of the path apart.
    pub(super) fn extend(&mut self, values: &[SVector<f64, N>], steps_m: &[f64], ring: bool) {
        let slopes = spline(values, steps_m, ring);
        let pairs = values.windows(2).zip(slopes.windows(2));
        self.segments.extend(pairs.filter_map(|pair| match pair {
            ([v0, v1], [m0, m1]) => Some([[*v0, *v1], [*m0, *m1]]),
            _ => None,
        }));
    }

    /// The same along a path whose segments have become shorter by these factors.
    pub(super) fn stretched(&self, factors: &[f64]) -> Self {
        let segments = self.segments.iter().zip(factors);
        Self { segments: segments.map(|([values, slopes], k)| [*values, slopes.map(|m| m * *k)]).collect() }
    }

    /// The numbers and their derivative by arc length, 1/m, in segment `i`, `h_m` long, at `u` in [0, 1].
    pub(super) fn at(&self, i: usize, u: f64, h_m: f64) -> Option<(SVector<f64, N>, SVector<f64, N>)> {
        let [values, slopes] = self.segments.get(i)?;
        Some(between(values, &slopes.map(|m| m * h_m), u, h_m))
    }
}

/// The cubic from `v0` to `v1`, its slopes `m0` and `m1` per segment, at `u` in [0, 1]; and its slope by `h` a segment.
pub(super) fn between<const N: usize>(
    [v0, v1]: &[SVector<f64, N>; 2],
    [m0, m1]: &[SVector<f64, N>; 2],
    u: f64,
    h: f64,
) -> (SVector<f64, N>, SVector<f64, N>) {
    let chord = v1 - v0;
    let (c, d) = (chord * 3.0 - m0 * 2.0 - m1, m0 + m1 - chord * 2.0);
    (v0 + (m0 + (c + d * u) * u) * u, (m0 + (c * 2.0 + d * (3.0 * u)) * u) / h)
}

/// The orientation with these numbers, w ≥ 0 or not.
pub(super) fn orientation(r: &Vector4<f64>) -> UnitQuaternion<f64> {
    UnitQuaternion::new_normalize(Quaternion::from(*r))
}

/// How fast an orientation turns whose numbers change by `dr`, rad per what `dr` is per.
pub(super) fn rate(r: &Vector4<f64>, dr: &Vector4<f64>) -> f64 {
    let square = r.norm_squared();
    2.0 * (dr - r * (r.dot(dr) / square)).norm() / square.sqrt()
}

/// The numbers of `turn`, of the two sets of them the one nearer to `last`.
pub(super) fn beside(last: Option<&Vector4<f64>>, turn: &UnitQuaternion<f64>) -> Vector4<f64> {
    let r = turn.coords;
    if last.is_some_and(|last| last.dot(&r) < 0.0) { -r } else { r }
}

/// The angle between two orientations whose numbers are near each other, rad.
pub(super) fn angle_rad(a: &Vector4<f64>, b: &Vector4<f64>) -> f64 {
    4.0 * (0.5 * (b - a).norm()).min(1.0).asin()
}

/// By how much the tool may turn on `way_m` of the path, rad.
pub(super) fn allowed_rad(way_m: f64) -> f64 {
    TREMOR_RAD + TURN_MAX_RAD_M * way_m
}

/// Whether the numbers end as they begin: the orientation (and not a whole turn further), or the joints.
pub(super) fn meets<const N: usize>(values: &[SVector<f64, N>]) -> bool {
    match values {
        // A quaternion changes by half the angle.
        [first, .., last] => 2.0 * (last - first).norm() <= CLOSING_RAD,
        _ => true,
    }
}
