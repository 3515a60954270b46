//! What touches the end effector: an operator's hand and a horizontal plane.
use super::arm::frame;
use crate::dynamics::Frame;
use crate::dynamics::rigid_body::{dot, jacobian};
use crate::robot::Joints;
use crate::sim::settings::Settings;

/// Stiffness (N/m) and damping (N s/m) of the plane: a table with a sheet of rubber on it (our choice).
const PLANE: (f64, f64) = (20_000.0, 300.0);
/// A plane below this is none, m.
const OUT_OF_REACH: f64 = -5.0;

/// Joint torques of the forces on the end effector, Nm, and their sum, N in the base frame.
///
/// `frames` are the true ones; the hand pushes with `push`, the plane at `floor_z_m` pushes up and never pulls.
pub(super) fn torque(
    frames: &[Frame; 8],
    dq: &Joints,
    settings: &Settings,
    floor_z_m: f64,
    push: &[f64; 3],
) -> (Joints, [f64; 3]) {
    if floor_z_m < OUT_OF_REACH && *push == [0.0; 3] {
        return ([0.0; 7], [0.0; 3]);
    }
    let point = frames[7].then(&frame(&settings.tool)).p;
    let J = jacobian(frames, 7, &point);
    let mut force = *push;
    let depth = floor_z_m - point[2];
    if depth > 0.0 {
        let sinking: f64 = -J.iter().zip(dq).map(|(column, dq)| column[2] * dq).sum::<f64>();
        force[2] += (PLANE.0 * depth + PLANE.1 * sinking).max(0.0);
    }
    (J.map(|column| dot(&[column[0], column[1], column[2]], &force)), force)
}
