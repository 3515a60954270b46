//! Rigid-body dynamics of the Panda: mass matrix, Coriolis and gravity torques, accelerations, energies.
//!
//! `M(q) ddq + C(q, dq) dq + g(q) = tau`, all torques in Nm, joints in rad. [`rigid_body`] has the mathematics and
//! is compiled a second time into the model library that clients load from the simulated robot.
mod panda;
pub mod rigid_body;

pub use panda::{G_EARTH, HAND};
pub use rigid_body::{Arm, Body, Frame, Matrix7, SinCos, Terms, Vector};

use crate::robot::Joints;

/// Sines and cosines of joint angles, rad: what [`rigid_body`] works on.
pub fn angles(q: &Joints) -> [SinCos; 7] {
    q.map(f64::sin_cos)
}

impl Arm {
    /// All terms of the equations of motion in one pass.
    pub fn dynamics(&self, q: &Joints, dq: &Joints, g_earth: &Vector) -> Terms {
        self.terms(&angles(q), dq, g_earth)
    }

    /// Mass matrix, kg m².
    pub fn mass_matrix(&self, q: &Joints) -> Matrix7 {
        self.dynamics(q, &[0.0; 7], &G_EARTH).M
    }

    /// Coriolis and centrifugal torques `C(q, dq) dq`, Nm.
    pub fn coriolis(&self, q: &Joints, dq: &Joints) -> Joints {
        self.dynamics(q, dq, &G_EARTH).coriolis
    }

    /// The torque that holds the arm, Nm.
    pub fn gravity(&self, q: &Joints, g_earth: &Vector) -> Joints {
        self.gravity_at(&angles(q), g_earth)
    }

    /// The torque that accelerates the arm by `ddq`, Nm.
    pub fn inverse_dynamics(&self, q: &Joints, dq: &Joints, ddq: &Joints, g_earth: &Vector) -> Joints {
        let terms = self.dynamics(q, dq, g_earth);
        std::array::from_fn(|i| {
            let inertial: f64 = terms.M[i].iter().zip(ddq).map(|(m, a)| m * a).sum();
            inertial + terms.coriolis[i] + terms.gravity[i]
        })
    }

    /// The acceleration that `tau` gives, rad/s²: `(M + diag(armature)) ddq = tau − C dq − g`.
    ///
    /// `armature` is the rotors' inertia as the joints feel it, kg m².
    pub fn forward_dynamics(
        &self,
        q: &Joints,
        dq: &Joints,
        tau: &Joints,
        g_earth: &Vector,
        armature: &Joints,
    ) -> Joints {
        let mut terms = self.dynamics(q, dq, g_earth);
        let mut ddq = [0.0; 7];
        for i in 0..7 {
            terms.M[i][i] += armature[i];
            ddq[i] = tau[i] - terms.coriolis[i] - terms.gravity[i];
        }
        solve(&mut terms.M, &mut ddq);
        ddq
    }

    /// `½ dqᵀ M dq`, J.
    pub fn kinetic_energy(&self, q: &Joints, dq: &Joints) -> f64 {
        let M = self.mass_matrix(q);
        let momentum = M.map(|row| row.iter().zip(dq).map(|(m, v)| m * v).sum::<f64>());
        0.5 * momentum.iter().zip(dq).map(|(p, v)| p * v).sum::<f64>()
    }

    /// Height of the masses times their weight, J; zero when all lie in the base's origin.
    pub fn potential_energy(&self, q: &Joints, g_earth: &Vector) -> f64 {
        let frames = self.frames_at(&angles(q));
        let bodies = self.links.iter().chain([&self.tool]);
        bodies
            .zip(&frames)
            .map(|(body, at)| {
                let offset = rigid_body::rotate(&at.R, &body.x_C);
                -body.m * (0..3).map(|k| g_earth[k] * (at.p[k] + offset[k])).sum::<f64>()
            })
            .sum()
    }
}

/// Solves `A x = b` for a symmetric positive definite `A`, in place (`A` is overwritten with its factors).
///
/// L D Lᵀ without pivots: stable for such matrices, and nothing to allocate or to fail. A pivot that rounding has
/// made zero gives infinities, never a panic.
pub fn solve(A: &mut Matrix7, b: &mut Joints) {
    for j in 0..7 {
        for k in 0..j {
            let l = A[j][k];
            A[j][k] = l / A[k][k];
            let l = l * A[j][k];
            A[j][j] -= l;
        }
        for i in j + 1..7 {
            let (upper, lower) = A.split_at_mut(i);
            let row = &mut lower[0];
            row[j] -= (0..j).map(|k| row[k] * upper[j][k]).sum::<f64>();
        }
    }
    for i in 0..7 {
        b[i] -= (0..i).map(|k| A[i][k] * b[k]).sum::<f64>();
    }
    for i in 0..7 {
        b[i] /= A[i][i];
    }
    for i in (0..7).rev() {
        b[i] -= (i + 1..7).map(|k| A[k][i] * b[k]).sum::<f64>();
    }
}
