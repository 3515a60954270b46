//! Forward, differential and inverse kinematics of the Panda.
//!
//! Base frame O (link 0), flange frame F, end effector EE; `O_T_EE = O_T_F · F_T_EE`.
use nalgebra::{Isometry3, SMatrix, Vector3};

/// A pose of one frame in another; the name says which: `A_T_B` is B in A.
pub type Pose = Isometry3<f64>;
/// A point, m; the name says in which frame.
pub type Point = Vector3<f64>;
/// A 6×7 Jacobian: linear rows (m/rad) first, then angular rows, in the base frame.
pub type Jacobian = SMatrix<f64, 6, 7>;
