//! The arm as capsules: lines with a radius, for distances between its own links and to what stands around it.
//!
//! Source: franka_description, `robots/common/franka_arm.xacro` and `franka_hand.xacro`, the links `*_sc`
//! ("coarse geometries of real robot's internal self-collision"), without a safety distance.
use super::Point;

/// A line with a radius, m, in the frame of its link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capsule {
    /// 0 is the base, 1 to 7 the links, 8 whatever hangs on the flange, in the frame of the flange.
    pub link: usize,
    /// Ends of the line, m.
    pub ends: [[f64; 3]; 2],
    /// Radius, m.
    pub radius_m: f64,
}

const fn capsule(link: usize, a: [f64; 3], b: [f64; 3], radius_m: f64) -> Capsule {
    Capsule { link, ends: [a, b], radius_m }
}

/// cos(π/4): link 7's capsules and the hand are turned by an eighth about z.
const C: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Base to flange.
pub const ARM: [Capsule; 10] = [
    capsule(0, [-0.09, 0.0, 0.06], [-0.06, 0.0, 0.06], 0.06),
    capsule(1, [0.0, 0.0, -0.333], [0.0, 0.0, -0.05], 0.06),
    capsule(2, [0.0, 0.0, -0.06], [0.0, 0.0, 0.06], 0.06),
    capsule(3, [0.0, 0.0, -0.22], [0.0, 0.0, -0.07], 0.06),
    capsule(4, [0.0, 0.0, -0.06], [0.0, 0.0, 0.06], 0.06),
    capsule(5, [0.0, 0.0, -0.31], [0.0, 0.0, -0.21], 0.06),
    capsule(5, [0.0, 0.08, -0.2], [0.0, 0.08, -0.06], 0.025),
    capsule(6, [0.0, 0.0, -0.07], [0.0, 0.0, 0.01], 0.05),
    capsule(7, [0.0, 0.0, -0.06], [0.0, 0.0, 0.08], 0.04),
    capsule(7, [0.055 * C, 0.055 * C, 0.082], [0.065 * C, 0.065 * C, 0.082], 0.03),
];

/// The Franka hand: its body, then its fingers at any opening.
pub const HAND: [Capsule; 2] = [
    capsule(8, [-0.05 * C, -0.05 * C, 0.04], [0.05 * C, 0.05 * C, 0.04], 0.04),
    capsule(8, [-0.05 * C, -0.05 * C, 0.1], [0.05 * C, 0.05 * C, 0.1], 0.02),
];

/// Whether two links can meet at all: the wrist and the hand on one side, base to upper arm on the other.
///
/// Which pairs are looked at is our choice: the robot's own criterion is not documented.
pub fn may_meet(near: usize, far: usize) -> bool {
    (near <= 2 && far >= 5) || (near == 3 && far >= 7)
}

/// Distance of two line segments, either of which may be a point, m (Ericson, "Real-Time Collision Detection", 2005,
/// 5.1.9).
pub fn distance([p1, q1]: &[Point; 2], [p2, q2]: &[Point; 2]) -> f64 {
    /// Squared lengths below this are points.
    const POINT_M2: f64 = 1e-18;
    let (d1, d2, r) = (q1 - p1, q2 - p2, p1 - p2);
    let (a, e, f) = (d1.norm_squared(), d2.norm_squared(), d2.dot(&r));
    let (c, b) = (d1.dot(&r), d1.dot(&d2));
    let share = |x: f64, of: f64| if of > POINT_M2 { (x / of).clamp(0.0, 1.0) } else { 0.0 };
    let parallel = a * e - b * b;
    let s = if parallel > 1e-12 * a * e { ((b * f - c * e) / parallel).clamp(0.0, 1.0) } else { 0.0 };
    let t = if e > POINT_M2 { (b * s + f) / e } else { -1.0 };
    let (s, t) = match t {
        t if t < 0.0 => (share(-c, a), 0.0),
        t if t > 1.0 => (share(b - c, a), 1.0),
        t => (s, t),
    };
    (p1 + d1 * s - p2 - d2 * t).norm()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_as_far_apart_as_their_nearest_points() {
        let line = |a: [f64; 3], b: [f64; 3]| [Point::from(a), Point::from(b)];
        let along_x = line([0.0; 3], [1.0, 0.0, 0.0]);
        for (other, expected) in [
            (line([0.5, -1.0, 2.0], [0.5, 1.0, 2.0]), 2.0),
            (line([2.0, 0.0, 0.0], [3.0, 0.0, 0.0]), 1.0),
            (line([-3.0, 1.0, 0.0], [3.0, 1.0, 0.0]), 1.0),
            (line([1.0, 3.0, 4.0], [1.0, 6.0, 8.0]), 5.0),
            (line([0.5, 0.0, 3.0], [0.5, 0.0, 3.0]), 3.0),
        ] {
            assert!((distance(&along_x, &other) - expected).abs() < 1e-12);
            assert!((distance(&other, &along_x) - expected).abs() < 1e-12);
        }
        let points = [line([0.0; 3], [0.0; 3]), line([3.0, 4.0, 0.0], [3.0, 4.0, 0.0])];
        assert_eq!(distance(&points[0], &points[1]), 5.0);
    }
}
