//! Inverse kinematics by small steps: from known joints to a near pose, staying near a posture.
//!
//! The analytic solver answers "which postures reach this pose"; this one answers "how does *this* posture
//! go on to that pose", which is what the label of a demonstration pushed aside must be.
use nalgebra::{SMatrix, SVector, Vector6};

use super::{Pose, forward_and_jacobian};
use crate::robot::Joints;
use crate::robot::limits::{Q_MAX, Q_MIN};

/// Damping that only keeps J Jᵀ invertible at a singularity; far below what 1e-10 m would feel.
const FLOOR: f64 = 1e-14;

/// When to stop, and how fast to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Position error at which the pose is reached, m.
    pub tolerance_m: f64,
    /// Rotation error at which the pose is reached, rad.
    pub tolerance_rad: f64,
    /// Largest change of a joint in the null space at which the posture is settled, rad.
    pub posture_tolerance_rad: f64,
    /// Share of the way to the posture taken in one iteration, in the null space; 0 ignores the posture.
    pub posture_gain: f64,
    /// Largest change of a joint in one iteration, rad.
    pub step_max_rad: f64,
    /// Iterations after which the pose counts as not reached.
    pub iterations_max: u32,
    /// Distance that every joint keeps from Franka's limits, rad.
    pub limit_margin_rad: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tolerance_m: 1e-10,
            tolerance_rad: 1e-10,
            posture_tolerance_rad: 1e-7,
            posture_gain: 1.0,
            step_max_rad: 0.3,
            iterations_max: 60,
            limit_margin_rad: 0.0,
        }
    }
}

/// Joints that reach the pose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solution {
    /// Joint positions, rad.
    pub q: Joints,
    /// Iterations taken.
    pub iterations: u32,
    /// Position error left, m.
    pub position_m: f64,
    /// Rotation error left, rad.
    pub rotation_rad: f64,
}

/// Why no joints were found.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The iterations ended before the pose was reached, or an argument was not finite.
    #[error(
        "the pose was not reached in {iterations} iterations: {position_m:.3e} m and {rotation_rad:.3e} rad are \
         left; it is out of reach or too far from the start"
    )]
    NotConverged {
        /// Iterations taken.
        iterations: u32,
        /// Position error left, m.
        position_m: f64,
        /// Rotation error left, rad.
        rotation_rad: f64,
    },
    /// The pose was reached with a joint outside its limits.
    #[error(
        "joint {} would stand at {q_rad:.4} rad; allowed: {min_rad:.4} to {max_rad:.4} rad (limit_margin_rad \
         included)", joint + 1
    )]
    LeftLimits {
        /// The joint, from 0.
        joint: usize,
        /// Where it would stand, rad.
        q_rad: f64,
        /// Lowest position allowed, rad.
        min_rad: f64,
        /// Highest position allowed, rad.
        max_rad: f64,
    },
}

/// Moves `start` until the end effector is at `O_T_EE`, choosing among the postures that do the one nearest to
/// `posture` (all joints in rad).
///
/// Damped least squares; the damping is half the squared error, so it vanishes at the goal and the last steps
/// are Newton's (Sugihara 2011, IEEE Trans. Robotics 27, 984). The null space is projected without damping:
/// a damped projector leaks the posture into the task and can stall far from the goal.
///
/// # Errors
/// [`Error::NotConverged`] when the pose is out of reach, too far away or not finite; [`Error::LeftLimits`] when
/// a joint ends outside its limits less the margin. A posture that has not settled by the last iteration is no
/// error: the pose is what was asked for.
pub fn solve(
    start: &Joints,
    O_T_EE: &Pose,
    F_T_EE: &Pose,
    posture: &Joints,
    options: &Options,
) -> Result<Solution, Error> {
    let posture = SVector::<f64, 7>::from(*posture);
    let mut q = SVector::<f64, 7>::from(*start);
    let mut iterations = 0;
    loop {
        let (is, J) = forward_and_jacobian(&q.into(), F_T_EE);
        let position = O_T_EE.translation.vector - is.translation.vector;
        let rotation = (O_T_EE.rotation * is.rotation.inverse()).scaled_axis();
        let (position_m, rotation_rad) = (position.norm(), rotation.norm());
        let reached = position_m <= options.tolerance_m && rotation_rad <= options.tolerance_rad;

        let JJt = J * J.transpose();
        let error = Vector6::new(position.x, position.y, position.z, rotation.x, rotation.y, rotation.z);
        let home = options.posture_gain * (posture - q);
        let settle = home - J.transpose() * solved(JJt, FLOOR, &(J * home));
        if reached && (settle.amax() <= options.posture_tolerance_rad || iterations >= options.iterations_max)
        {
            return within_limits(Solution { q: q.into(), iterations, position_m, rotation_rad }, options);
        }
        if iterations >= options.iterations_max || !(position_m + rotation_rad).is_finite() {
            return Err(Error::NotConverged { iterations, position_m, rotation_rad });
        }
        let step = J.transpose() * solved(JJt, 0.5 * error.norm_squared() + FLOOR, &error) + settle;
        q += step * (options.step_max_rad / step.amax().max(options.step_max_rad));
        iterations += 1;
    }
}

/// (A + damping · 1)⁻¹ b for a positive semidefinite A; zero where rounding has made it indefinite.
fn solved(A: SMatrix<f64, 6, 6>, damping: f64, b: &Vector6<f64>) -> Vector6<f64> {
    let damped = A + SMatrix::<f64, 6, 6>::from_diagonal_element(damping);
    damped.cholesky().map_or_else(Vector6::zeros, |factor| factor.solve(b))
}

fn within_limits(solution: Solution, options: &Options) -> Result<Solution, Error> {
    for (joint, ((&q_rad, min), max)) in solution.q.iter().zip(&Q_MIN).zip(&Q_MAX).enumerate() {
        let (min_rad, max_rad) = (min + options.limit_margin_rad, max - options.limit_margin_rad);
        if !(min_rad..=max_rad).contains(&q_rad) {
            return Err(Error::LeftLimits { joint, q_rad, min_rad, max_rad });
        }
    }
    Ok(solution)
}
