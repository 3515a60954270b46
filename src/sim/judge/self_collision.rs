//! Whether the arm comes too near to itself: the capsules by which Franka's own robot judges that.
//!
//! Source: franka_description, `robots/common/franka_arm.xacro` and `franka_hand.xacro`, the links `*_sc`
//! ("coarse geometries of real robot's internal self-collision"), without a safety distance. Which pairs are looked
//! at, and that they may come as near as touching, is our choice: the robot's own criterion is not documented.
use nalgebra::Vector3;

use crate::dynamics::rigid_body::rotate;
use crate::dynamics::{Arm, Frame, angles};
use crate::robot::Joints;

/// A line with a radius, m, in the frame of its link.
struct Capsule {
    /// 0 is the base, 1 to 7 the links, 8 the hand, in the frame of the flange.
    link: usize,
    ends: [[f64; 3]; 2],
    radius: f64,
}

const fn capsule(link: usize, a: [f64; 3], b: [f64; 3], radius: f64) -> Capsule {
    Capsule { link, ends: [a, b], radius }
}

/// cos(π/4): link 7's capsules and the hand are turned by an eighth about z.
const C: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Base to hand.
const CAPSULES: [Capsule; 12] = [
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
    capsule(8, [-0.05 * C, -0.05 * C, 0.04], [0.05 * C, 0.05 * C, 0.04], 0.04),
    capsule(8, [-0.05 * C, -0.05 * C, 0.1], [0.05 * C, 0.05 * C, 0.1], 0.02),
];

/// The nominal arm's capsules.
#[derive(Debug)]
pub struct SelfCollision {
    arm: Arm,
    hand: bool,
}

impl SelfCollision {
    /// With or without the Franka hand; other tools are not looked at.
    pub fn new(hand: bool) -> Self {
        Self { arm: Arm::panda(), hand }
    }

    /// How near two links that are not neighbours are, m; negative when they overlap.
    pub fn clearance(&self, q: &Joints) -> f64 {
        self.nearest(q, f64::INFINITY)
    }

    /// Whether they overlap.
    pub fn touches(&self, q: &Joints) -> bool {
        self.nearest(q, 0.0) < 0.0
    }

    /// The nearest two of those that can be nearer than `bound`.
    fn nearest(&self, q: &Joints, bound: f64) -> f64 {
        let mut frames = [Frame::IDENTITY; 9];
        frames[1..].copy_from_slice(&self.arm.frames_at(&angles(q)));
        let lines: [[Vector3<f64>; 2]; 12] = std::array::from_fn(|i| {
            let Capsule { link, ends, .. } = &CAPSULES[i];
            let at = &frames[*link];
            ends.map(|end| Vector3::from(at.p) + Vector3::from(rotate(&at.R, &end)))
        });
        let balls = lines.map(|[a, b]| (0.5 * (a + b), 0.5 * (b - a).norm()));
        let mut nearest = f64::INFINITY;
        for (j, far) in CAPSULES.iter().enumerate() {
            for (i, near) in CAPSULES.iter().enumerate().take(j) {
                if !may_meet(near.link, far.link) || (far.link == 8 && !self.hand) {
                    continue;
                }
                let radii = near.radius + far.radius;
                let reach = balls[i].1 + balls[j].1 + radii + bound;
                if (balls[i].0 - balls[j].0).norm_squared() <= reach * reach {
                    nearest = nearest.min(distance(&lines[i], &lines[j]) - radii);
                }
            }
        }
        nearest
    }
}

/// Whether two links can meet at all: the wrist and the hand on one side, base to upper arm on the other.
fn may_meet(near: usize, far: usize) -> bool {
    (near <= 2 && far >= 5) || (near == 3 && far >= 7)
}

/// Distance of two line segments (Ericson, "Real-Time Collision Detection", 2005, 5.1.9; none of ours is a point).
fn distance([p1, q1]: &[Vector3<f64>; 2], [p2, q2]: &[Vector3<f64>; 2]) -> f64 {
    let (d1, d2, r) = (q1 - p1, q2 - p2, p1 - p2);
    let (a, e, f) = (d1.norm_squared(), d2.norm_squared(), d2.dot(&r));
    let (c, b) = (d1.dot(&r), d1.dot(&d2));
    let parallel = a * e - b * b;
    let s = if parallel > 1e-12 * a * e { ((b * f - c * e) / parallel).clamp(0.0, 1.0) } else { 0.0 };
    let t = (b * s + f) / e;
    let (s, t) = match t {
        t if t < 0.0 => ((-c / a).clamp(0.0, 1.0), 0.0),
        t if t > 1.0 => (((b - c) / a).clamp(0.0, 1.0), 1.0),
        t => (s, t),
    };
    (p1 + d1 * s - p2 - d2 * t).norm()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robot::limits::Q_READY;

    #[test]
    fn everyday_poses_keep_their_distance() {
        let arm = SelfCollision::new(true);
        // Ready, stretched out, upright, and the corners that examples of libfranka and panda-py go to.
        let poses = [
            Q_READY,
            [0.0, 1.2, 0.0, -0.1, 0.0, 1.5, 0.8],
            [0.0, 0.0, 0.0, -0.07, 0.0, 0.1, 0.8],
            [0.0, 0.3, 0.0, -2.0, 0.0, 2.4, 0.8],
            [1.5, -0.3, 0.0, -2.2, 0.0, 1.9, 0.8],
            [0.0, -0.5, 0.3, -2.6, 0.0, 2.1, 0.8],
        ];
        for q in poses {
            assert!(arm.clearance(&q) > 0.02, "{q:?}: {} m", arm.clearance(&q));
        }
    }

    #[test]
    fn a_hand_in_the_shoulder_and_a_wrist_in_the_base_overlap() {
        let (with_hand, bare) = (SelfCollision::new(true), SelfCollision::new(false));
        let folded = [0.0, 0.0, 0.0, -3.0, 0.0, 0.6, 0.8];
        assert!(with_hand.clearance(&folded) < -0.03, "{}", with_hand.clearance(&folded));
        assert!(bare.clearance(&folded) > with_hand.clearance(&folded));
        let bent_down = [0.0, 1.7, 0.0, -3.0, 0.0, 1.5, 0.8];
        assert!(bare.clearance(&bent_down) < -0.03, "{}", bare.clearance(&bent_down));
        assert!(with_hand.touches(&folded) && bare.touches(&bent_down) && !with_hand.touches(&Q_READY));
    }

    #[test]
    fn segments_are_as_far_apart_as_their_nearest_points() {
        let line = |a: [f64; 3], b: [f64; 3]| [Vector3::from(a), Vector3::from(b)];
        let along_x = line([0.0; 3], [1.0, 0.0, 0.0]);
        for (other, expected) in [
            (line([0.5, -1.0, 2.0], [0.5, 1.0, 2.0]), 2.0),
            (line([2.0, 0.0, 0.0], [3.0, 0.0, 0.0]), 1.0),
            (line([-3.0, 1.0, 0.0], [3.0, 1.0, 0.0]), 1.0),
            (line([1.0, 3.0, 4.0], [1.0, 6.0, 8.0]), 5.0),
        ] {
            assert!((distance(&along_x, &other) - expected).abs() < 1e-12);
            assert!((distance(&other, &along_x) - expected).abs() < 1e-12);
        }
    }
}
