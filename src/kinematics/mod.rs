//! Forward, differential and inverse kinematics of the Panda.
//!
//! Base frame O (link 0), flange frame F, end effector EE; `O_T_EE = O_T_F · F_T_EE`. Nothing in here
//! allocates or panics, and no NaN enters an answer: the control loop calls all of it.
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
use nalgebra::{Isometry3, SMatrix, Vector3};

mod apart;
pub mod capsules;
mod dh;
pub mod differential;
mod forward;
mod inverse;
mod wire;

pub use apart::Apart;
pub use dh::table;
pub use forward::{Frame, flange, forward, forward_and_jacobian, hand_tool, jacobian, links, tool_down};
pub use inverse::{Branch, Branches, inverse, limit_margin_rad, stretched_q4_rad, wrap_rad, wrist_reach_m};
pub use wire::{NotRigid, from_column_major, to_column_major};

/// A pose of one frame in another; the name says which: `A_T_B` is B in A.
pub type Pose = Isometry3<f64>;
/// A point, m; the name says in which frame.
pub type Point = Vector3<f64>;
/// A 6×7 Jacobian: linear rows (m/rad) first, then angular rows, in the base frame.
pub type Jacobian = SMatrix<f64, 6, 7>;
