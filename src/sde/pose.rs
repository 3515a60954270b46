//! The process of poses: a position in R³, and a rotation in the tangent space of the demonstrated one.
//!
//! X = (p + z_p, exp(z_R) R): z_R is the rotation vector, base frame, by which the demonstrated orientation R is
//! turned. In the tangent space it is a process of R³, so every law, transition and order of [`Process`] holds
//! for it as it stands; exp(z_R) carries it to the group. That is exact in the tangent space of R and one to
//! one below half a turn, which a tube of a few hundredths of a radian never sees.
use nalgebra::{UnitQuaternion, Vector3};

use super::{Options, Process};
use crate::kinematics::Pose;

/// (z_p, z_R): how far a pose is from the demonstrated one, m and then rad, both in the base frame.
pub type Deviation = [f64; 6];

/// A process of poses; its noise is independent in all six directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoseProcess {
    /// Of z_p.
    pub position: Process<3>,
    /// Of z_R.
    pub rotation: Process<3>,
}

impl PoseProcess {
    /// The process that the options name.
    pub fn from_options(options: &Options) -> Self {
        Self { position: Process::from_options(options), rotation: Process::of_rotations(options) }
    }

    /// One exact step of the deviation from t to t + `dt`; `xi` are draws from N(0, 1).
    pub fn exact_step(&self, z: &Deviation, t: f64, dt: f64, xi: &Deviation) -> Deviation {
        self.step(z, xi, |process, z, xi| process.exact_step(z, t, dt, xi))
    }

    /// One Euler–Maruyama step of the deviation; orders as [`Process::euler_maruyama_step`].
    pub fn euler_maruyama_step(&self, z: &Deviation, t: f64, dt: f64, xi: &Deviation) -> Deviation {
        self.step(z, xi, |process, z, xi| process.euler_maruyama_step(z, t, dt, xi))
    }

    fn step(
        &self,
        z: &Deviation,
        xi: &Deviation,
        one: impl Fn(&Process<3>, &[f64; 3], &[f64; 3]) -> [f64; 3],
    ) -> Deviation {
        let ([z_p, z_R], [xi_p, xi_R]) = (halves(z), halves(xi));
        let ([a, b, c], [d, e, f]) = (one(&self.position, &z_p, &xi_p), one(&self.rotation, &z_R, &xi_R));
        [a, b, c, d, e, f]
    }
}

/// The demonstrated pose, deviated: X = (p + z_p, exp(z_R) R).
pub fn deviate(O_T_EE: &Pose, z: &Deviation) -> Pose {
    let [z_p, z_R] = halves(z).map(Vector3::from);
    let turned = UnitQuaternion::from_scaled_axis(z_R) * O_T_EE.rotation;
    Pose::from_parts((O_T_EE.translation.vector + z_p).into(), turned)
}

/// The inverse of [`deviate`]: z with X = (p + z_p, exp(z_R) R); z_R is at most half a turn long.
pub fn deviation(O_T_EE: &Pose, X: &Pose) -> Deviation {
    let z_p = X.translation.vector - O_T_EE.translation.vector;
    let z_R = (X.rotation * O_T_EE.rotation.inverse()).scaled_axis();
    [z_p.x, z_p.y, z_p.z, z_R.x, z_R.y, z_R.z]
}

fn halves(z: &Deviation) -> [[f64; 3]; 2] {
    let [a, b, c, d, e, f] = *z;
    [[a, b, c], [d, e, f]]
}
