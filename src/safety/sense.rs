//! Whether what the robot says of itself can be true.
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
use super::Motion;
use crate::robot::{Joints, State, limits};

/// Whether a state can be a Panda's: finite, and inside the joint limits but for what a real arm may overrun.
pub fn makes_sense(state: &State) -> bool {
    const OVERRUN_RAD: f64 = 0.1;
    let inside = |q: &Joints| {
        q.iter()
            .zip(limits::Q_MIN.iter().zip(&limits::Q_MAX))
            .all(|(q, (min, max))| *q >= min - OVERRUN_RAD && *q <= max + OVERRUN_RAD)
    };
    let motion = Motion::of(state);
    let slow = |v: &Joints, max: &Joints| v.iter().zip(max).all(|(v, max)| v.abs() <= 1.05 * max);
    inside(&state.q)
        && inside(&state.q_d)
        && motion.is_finite()
        && slow(&motion.dq, &limits::DQ_MAX)
        && slow(&motion.ddq, &limits::DDQ_MAX)
        && state.O_T_EE.iter().all(|x| x.is_finite())
}
