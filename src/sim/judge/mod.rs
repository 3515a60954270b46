//! What the robot asks of every command: pure checks against the nominal limits; [`cartesian`] for poses and twists.
//!
//! Differences are backward, over exactly one cycle, from the values published last as `q_d`, `dq_d`,
//! `ddq_d`. Source: Franka FCI documentation, "Requirements", joint trajectory requirements (Panda).
pub mod cartesian;
pub mod self_collision;

use super::ErrorNames;
use super::wire::state::MotionGeneratorMode;
use crate::robot::limits::{CYCLE_S, DDDQ_MAX, DDQ_MAX, DQ_MAX, DTAU_MAX, Q_MAX, Q_MIN};
use crate::robot::{Errors, JOINTS, Joints};

/// Index of each error the judge can raise, in wire order.
#[allow(missing_docs)] // the names are those of `robot::ERROR_NAMES`
pub mod error {
    pub const JOINT_POSITION_LIMITS: usize = 0;
    pub const SELF_COLLISION: usize = 2;
    pub const JOINT_VELOCITY: usize = 3;
    pub const CARTESIAN_VELOCITY: usize = 4;
    pub const JOINT_REFLEX: usize = 6;
    pub const CARTESIAN_REFLEX: usize = 7;
    pub const START_POSE_INVALID: usize = 11;
    pub const POSITION_LIMITS: usize = 12;
    pub const VELOCITY_LIMITS: usize = 13;
    pub const VELOCITY_DISCONTINUITY: usize = 14;
    pub const ACCELERATION_DISCONTINUITY: usize = 15;
    pub const CARTESIAN_START_POSE_INVALID: usize = 16;
    pub const ELBOW_LIMIT: usize = 17;
    pub const CARTESIAN_VELOCITY_LIMITS: usize = 18;
    pub const CARTESIAN_VELOCITY_DISCONTINUITY: usize = 19;
    pub const CARTESIAN_ACCELERATION_DISCONTINUITY: usize = 20;
    pub const ELBOW_SIGN_INCONSISTENT: usize = 21;
    pub const START_ELBOW_INVALID: usize = 22;
    pub const START_ELBOW_SIGN_INCONSISTENT: usize = 24;
    pub const COMMUNICATION_CONSTRAINTS: usize = 25;
    pub const POWER_LIMIT: usize = 26;
    pub const INVERSE_POSITION_LIMITS: usize = 27;
    pub const INVERSE_VELOCITY_LIMITS: usize = 28;
    pub const INVERSE_VELOCITY_DISCONTINUITY: usize = 29;
    pub const INVERSE_ACCELERATION_DISCONTINUITY: usize = 30;
    pub const INVALID_FRAME: usize = 31;
    pub const TORQUE_DISCONTINUITY: usize = 32;
    pub const TAU_J_RANGE: usize = 34;
}

/// Relative room above a limit for the rounding of three differences at 1 kHz.
const ROUNDING: f64 = 1e-6;

/// The last desired joint trajectory point: what the robot publishes and differentiates against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Desired {
    /// rad.
    pub q: Joints,
    /// rad/s.
    pub dq: Joints,
    /// rad/s².
    pub ddq: Joints,
}

impl Desired {
    /// At rest at `q`.
    pub fn at(q: Joints) -> Self {
        Self { q, dq: [0.0; JOINTS], ddq: [0.0; JOINTS] }
    }

    /// Whether nothing is asked to move.
    pub fn at_rest(&self) -> bool {
        self.dq == [0.0; JOINTS]
    }
}

/// The set with one error.
pub fn only(index: usize) -> Errors {
    Errors(1 << index)
}

/// The point a joint position command makes of `last`, and the limits it breaks.
pub fn joint_position(last: &Desired, q_c: &Joints) -> (Desired, Errors) {
    let mut next = Desired::at(*q_c);
    for i in 0..JOINTS {
        next.dq[i] = (q_c[i] - last.q[i]) / CYCLE_S;
        next.ddq[i] = (next.dq[i] - last.dq[i]) / CYCLE_S;
    }
    (next, check(last, &next, &JOINT))
}

/// The point a joint velocity command makes of `last`, and the limits it breaks.
pub fn joint_velocity(last: &Desired, dq_c: &Joints) -> (Desired, Errors) {
    let mut next = Desired { q: last.q, dq: *dq_c, ddq: [0.0; JOINTS] };
    for i in 0..JOINTS {
        next.q[i] = last.q[i] + dq_c[i] * CYCLE_S;
        next.ddq[i] = (dq_c[i] - last.dq[i]) / CYCLE_S;
    }
    (next, check(last, &next, &JOINT))
}

/// What the robot puts in the place of a command that did not come: constant acceleration.
pub fn extrapolate(last: &Desired) -> (Desired, Errors) {
    let mut next = *last;
    for i in 0..JOINTS {
        next.dq[i] += last.ddq[i] * CYCLE_S;
        next.q[i] += next.dq[i] * CYCLE_S;
    }
    (next, check(last, &next, &JOINT))
}

/// Whether the first position of a motion is where the robot is, each joint within `tolerance` (rad).
pub fn start_pose(last: &Desired, q_c: &Joints, tolerance: f64) -> Errors {
    let near = last.q.iter().zip(q_c).all(|(q_d, q_c)| (q_c - q_d).abs() <= tolerance);
    if near { Errors::default() } else { only(error::START_POSE_INVALID) }
}

/// The point that inverse kinematics made of a Cartesian command, and the limits it breaks.
fn after_inverse(last: &Desired, q: &Joints) -> (Desired, Errors) {
    let next = joint_position(last, q).0;
    (next, check(last, &next, &INVERSE))
}

/// The torque a client asks for after `last` (Nm): whether it changes too fast.
pub fn torque(last: &Joints, tau_J_d: &Joints) -> Errors {
    let slow = last.iter().zip(tau_J_d).all(|(last, tau)| within((tau - last) / CYCLE_S, DTAU_MAX));
    if slow { Errors::default() } else { only(error::TORQUE_DISCONTINUITY) }
}

/// The bits that `names` leaves of what a command of `generator` broke.
pub fn named(errors: Errors, generator: MotionGeneratorMode, names: ErrorNames) -> Errors {
    let (velocity, discontinuities) = match generator {
        MotionGeneratorMode::JointPosition | MotionGeneratorMode::JointVelocity => {
            (error::VELOCITY_LIMITS, [error::VELOCITY_DISCONTINUITY, error::ACCELERATION_DISCONTINUITY])
        }
        _ => (
            error::CARTESIAN_VELOCITY_LIMITS,
            [error::CARTESIAN_VELOCITY_DISCONTINUITY, error::CARTESIAN_ACCELERATION_DISCONTINUITY],
        ),
    };
    let [first, second] = discontinuities.map(|index| 1 << index);
    if names == ErrorNames::Every || errors.0 & (first | second) == 0 {
        return errors;
    }
    let left = errors.0 & !(1 << velocity);
    match generator {
        MotionGeneratorMode::JointVelocity | MotionGeneratorMode::CartesianVelocity => {
            Errors(left & !first | second)
        }
        _ => Errors(left),
    }
}

/// Errors of a position, velocity, acceleration and jerk: commanded …
const JOINT: [usize; 4] = [
    error::POSITION_LIMITS,
    error::VELOCITY_LIMITS,
    error::VELOCITY_DISCONTINUITY,
    error::ACCELERATION_DISCONTINUITY,
];
/// … and after inverse kinematics.
const INVERSE: [usize; 4] = [
    error::INVERSE_POSITION_LIMITS,
    error::INVERSE_VELOCITY_LIMITS,
    error::INVERSE_VELOCITY_DISCONTINUITY,
    error::INVERSE_ACCELERATION_DISCONTINUITY,
];

fn within(value: f64, limit: f64) -> bool {
    value.abs() <= limit * (1.0 + ROUNDING)
}

/// Every limit `next` breaks when it follows `last`. A value that is not a number breaks all it enters.
fn check(last: &Desired, next: &Desired, names: &[usize; 4]) -> Errors {
    let mut errors = 0;
    for i in 0..JOINTS {
        let jerk = (next.ddq[i] - last.ddq[i]) / CYCLE_S;
        let holds = [
            (Q_MIN[i]..=Q_MAX[i]).contains(&next.q[i]),
            within(next.dq[i], DQ_MAX[i]),
            within(next.ddq[i], DDQ_MAX[i]),
            within(jerk, DDDQ_MAX[i]),
        ];
        for (index, holds) in names.iter().zip(holds) {
            errors |= u64::from(!holds) << index;
        }
    }
    Errors(errors)
}

/// One cycle of the robot's own stop: each joint slows at its acceleration limit, never beyond its range.
pub fn brake(last: &Desired) -> Desired {
    let mut next = *last;
    for i in 0..JOINTS {
        let slower = (last.dq[i].abs() - DDQ_MAX[i] * CYCLE_S).max(0.0).copysign(last.dq[i]);
        let q = last.q[i] + slower * CYCLE_S;
        let inside = (Q_MIN[i]..=Q_MAX[i]).contains(&q);
        next.dq[i] = if inside && slower != 0.0 { slower } else { 0.0 };
        next.q[i] = q.clamp(Q_MIN[i], Q_MAX[i]);
        next.ddq[i] = (next.dq[i] - last.dq[i]) / CYCLE_S;
    }
    next
}

/// Which of the last 100 command slots were answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct SuccessRate {
    answered: u128,
    slots: u32,
}

impl SuccessRate {
    const WINDOW: u32 = 100;

    /// Counts one slot.
    pub fn count(&mut self, answered: bool) {
        self.answered = (self.answered << 1 | u128::from(answered)) & ((1 << Self::WINDOW) - 1);
        self.slots = (self.slots + 1).min(Self::WINDOW);
    }

    /// Share of answered slots among those seen, at most the last 100; 0 before the first.
    pub fn rate(&self) -> f64 {
        f64::from(self.answered.count_ones()) / f64::from(self.slots.max(1))
    }
}

#[cfg(test)]
mod tests;
