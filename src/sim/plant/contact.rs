//! What touches the end effector: an operator's hand and a horizontal plane.
use super::arm::frame;
use crate::dynamics::rigid_body::{dot, jacobian};
use crate::dynamics::{Frame, Vector};
use crate::robot::Joints;
use crate::sim::settings::Settings;

/// Stiffness (N/m) and damping (N s/m) of the plane: a table with a sheet of rubber on it (our choice).
const PLANE: (f64, f64) = (20_000.0, 300.0);
/// A plane below this is none, m.
const OUT_OF_REACH: f64 = -5.0;

/// An operator's hand: a force on the end effector for a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sim) struct Force {
    /// N, base frame.
    pub(in crate::sim) force: [f64; 3],
    /// Where it acts, m, in the end effector's frame.
    pub(in crate::sim) point: [f64; 3],
    /// Moment that acts beside it, Nm, base frame.
    pub(in crate::sim) moment: [f64; 3],
    /// Milliseconds still to go.
    pub(in crate::sim) cycles_left: u64,
}

/// Joint torques of the forces on the end effector, Nm, and their sum, N in the base frame.
///
/// `frames` are the true ones, `hands` what people do; the plane at `floor_z_m` pushes the tool point up and never pulls.
pub(super) fn torque(
    frames: &[Frame; 8],
    dq: &Joints,
    settings: &Settings,
    floor_z_m: f64,
    hands: &[Option<Force>; 2],
) -> (Joints, [f64; 3]) {
    let (mut tau, mut force) = ([0.0; 7], [0.0; 3]);
    if floor_z_m < OUT_OF_REACH && hands.iter().all(Option::is_none) {
        return (tau, force);
    }
    let mut act = |J: &[[f64; 6]; 7], more: &Vector, moment: &Vector| {
        for (tau, column) in tau.iter_mut().zip(J) {
            *tau += dot(&[column[0], column[1], column[2]], more);
            *tau += dot(&[column[3], column[4], column[5]], moment);
        }
        force = std::array::from_fn(|k| force[k] + more[k]);
    };
    let hand = frames[7].then(&frame(&settings.tool));
    for push in hands.iter().flatten() {
        let point = hand.then(&Frame { p: push.point, ..Frame::IDENTITY }).p;
        act(&jacobian(frames, 7, &point), &push.force, &push.moment);
    }
    let depth = floor_z_m - hand.p[2];
    if depth > 0.0 {
        let J = jacobian(frames, 7, &hand.p);
        let sinking: f64 = -J.iter().zip(dq).map(|(column, dq)| column[2] * dq).sum::<f64>();
        act(&J, &[0.0, 0.0, (PLANE.0 * depth + PLANE.1 * sinking).max(0.0)], &[0.0; 3]);
    }
    (tau, force)
}
