//! Whether the arm comes too near to itself: the capsules by which Franka's own robot judges that.
//!
//! That they may come as near as touching is our choice: the robot's own criterion is not documented.
use nalgebra::Vector3;

use crate::dynamics::rigid_body::rotate;
use crate::dynamics::{Arm, Frame, angles};
use crate::kinematics::capsules::{ARM, Capsule, HAND, distance, may_meet};
use crate::robot::Joints;

/// Base to hand.
const CAPSULES: [Capsule; 12] = {
    let mut all = [ARM[0]; 12];
    let mut i = 0;
    while i < 12 {
        all[i] = if i < 10 { ARM[i] } else { HAND[i - 10] };
        i += 1;
    }
    all
};

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
                let radii = near.radius_m + far.radius_m;
                let reach = balls[i].1 + balls[j].1 + radii + bound;
                if (balls[i].0 - balls[j].0).norm_squared() <= reach * reach {
                    nearest = nearest.min(distance(&lines[i], &lines[j]) - radii);
                }
            }
        }
        nearest
    }
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
}
