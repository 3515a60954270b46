//! One half of the process at run time: of positions, or of orientations in the tangent space of the reference's.
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
use crate::kinematics::Point;
use nalgebra::{UnitQuaternion, Vector3};

/// How much more slowly a push becomes what lasts than anything else does: one of a third of a second hardly does.
const PUSHED_SLOWER: f64 = 3.0;

/// What a point and an orientation have in common: displacements are vectors, m or rad.
pub(super) trait Place: Copy {
    /// The displacement that leads from `from` here.
    fn minus(&self, from: &Self) -> Vector3<f64>;
    /// Displaced by `z`.
    fn plus(&self, z: &Vector3<f64>) -> Self;
    /// Whether all its numbers are.
    fn is_finite(&self) -> bool;
}

impl Place for Point {
    fn minus(&self, from: &Self) -> Vector3<f64> {
        self - from
    }

    fn plus(&self, z: &Vector3<f64>) -> Self {
        self + z
    }

    fn is_finite(&self) -> bool {
        are_finite(self)
    }
}

/// Displaced by the rotation vector z: exp(z) R.
impl Place for UnitQuaternion<f64> {
    fn minus(&self, from: &Self) -> Vector3<f64> {
        (self * from.inverse()).scaled_axis()
    }

    fn plus(&self, z: &Vector3<f64>) -> Self {
        // No displacement at all leaves every bit as it is.
        if *z == Vector3::zeros() { *self } else { UnitQuaternion::from_scaled_axis(*z) * self }
    }

    fn is_finite(&self) -> bool {
        self.coords.iter().all(|x| x.is_finite())
    }
}

/// How far and how fast, m or rad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    /// Out of the tube beyond this.
    pub(super) tube: f64,
    /// Back in it below this.
    pub(super) release: f64,
    /// The longest deviation.
    pub(super) limit: f64,
    /// The highest speed of X towards a pushed arm.
    pub(super) push_speed: f64,
}

/// X and its deviation z from the reference, and what of the arm's distance from where it should be lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Track<P> {
    bounds: Bounds,
    /// Means of measured less desired, and of measured less X; none before the first measurement.
    lasting: Option<[Vector3<f64>; 2]>,
    z: Vector3<f64>,
    /// Where X is to begin, until there is a reference to take z from.
    anchor: Option<P>,
    last: P,
}

impl<P: Place> Track<P> {
    pub(super) fn new(bounds: Bounds, start: P) -> Self {
        let or_zero = |x: f64| if x.is_finite() { x.max(0.0) } else { 0.0 };
        let (limit, push_speed) = (or_zero(bounds.limit), or_zero(bounds.push_speed));
        Self {
            bounds: Bounds { limit, push_speed, ..bounds },
            lasting: None,
            z: Vector3::zeros(),
            anchor: Some(start),
            last: start,
        }
    }

    /// Begins anew at `place`.
    pub(super) fn begin_at(&mut self, place: P) {
        self.anchor = Some(place);
    }

    /// Whether the arm is out of the tube, what lasts aside.
    pub(super) fn is_out(&self, measured: &P, desired: &P, pushed: bool) -> bool {
        let now = measured.minus(desired);
        let sag = self.lasting.map_or(now, |[sag, _]| sag);
        // Comparisons with NaN are false: no push.
        (now - sag).norm() > if pushed { self.bounds.release } else { self.bounds.tube }
    }

    /// One step of X, over `dt_s` in which the deviation decays by the factor `decay`.
    #[allow(clippy::too_many_arguments)] // each is a symbol of the process
    pub(super) fn step(
        &mut self,
        x_ref: &P,
        measured: &P,
        desired: &P,
        pushed: bool,
        decay: f64,
        dt_s: f64,
        sag_s: f64,
    ) {
        let now = [measured.minus(desired), measured.minus(&self.last)];
        let [sag, off] = self.lasting.unwrap_or(now);
        self.remember([sag, off], now, pushed, dt_s, sag_s);
        let towards = || {
            let way = measured.plus(&-off).minus(&self.last);
            self.last.plus(&bounded(&way, self.bounds.push_speed * dt_s))
        };
        let anchor = if pushed { Some(towards()) } else { self.anchor };
        match anchor.map(|place| place.minus(x_ref)) {
            Some(z) if are_finite(&z) => (self.z, self.anchor) = (z, None),
            _ => self.z *= decay,
        }
        self.z = bounded(&self.z, self.bounds.limit);
        let x = x_ref.plus(&self.z);
        if x.is_finite() {
            self.last = x;
        }
    }

    /// Takes `now` into the means. A push that goes on becomes what lasts too, three times as slowly: else a load
    /// that was put on at once would be run after for ever.
    fn remember(
        &mut self,
        [sag, off]: [Vector3<f64>; 2],
        now: [Vector3<f64>; 2],
        pushed: bool,
        dt_s: f64,
        sag_s: f64,
    ) {
        let share = |slower: f64| -(-dt_s / (slower * sag_s)).exp_m1();
        let [now_sag, now_off] = now;
        let next = if pushed {
            [sag + (now_sag - sag) * share(PUSHED_SLOWER), off]
        } else {
            [sag + (now_sag - sag) * share(1.0), off + (now_off - off) * share(1.0)]
        };
        if next.iter().all(are_finite) {
            self.lasting = Some(next);
        }
    }

    /// X with only a share of the deviation.
    pub(super) fn at_share(&self, x_ref: &P, share: f64) -> P {
        x_ref.plus(&(self.z * share))
    }

    /// Keeps only a share of the deviation.
    pub(super) fn shorten(&mut self, x_ref: &P, share: f64) {
        self.z *= share;
        self.last = x_ref.plus(&self.z);
    }

    pub(super) fn last(&self) -> P {
        self.last
    }

    pub(super) fn z(&self) -> Vector3<f64> {
        self.z
    }
}

fn are_finite(z: &Vector3<f64>) -> bool {
    z.iter().all(|x| x.is_finite())
}

/// `z`, shortened to `limit` if longer. Scaled by its largest component first: its norm may overflow.
fn bounded(z: &Vector3<f64>, limit: f64) -> Vector3<f64> {
    let largest = z.amax();
    let z = if largest > limit { z * (limit / largest) } else { *z };
    let norm = z.norm();
    if norm > limit { z * (limit / norm) } else { z }
}
