//! Cartesian commands: what they ask of the hand and the elbow, and the joints that do it.
//!
//! Limits: Franka FCI documentation, "Requirements", Cartesian trajectory requirements (Panda); for the velocity of
//! translation, on which documents differ, see [`Choices`].
use nalgebra::{Matrix3, SMatrix, SVector, Vector3};

use super::{Desired, Errors, after_inverse, error, only, within};
use crate::kinematics::{Pose, forward_and_jacobian, from_column_major, to_column_major};
use crate::robot::limits::CYCLE_S;
use crate::robot::{JOINTS, Joints};
use crate::sim::Choices;

/// Acceleration and jerk of the end effector's translation, m …
const TRANSLATION: [f64; 2] = [13.0, 6500.0];
/// … velocity, acceleration and jerk of its rotation, rad …
const ROTATION: [f64; 3] = [2.5, 25.0, 12_500.0];
/// … and of the elbow, rad.
const ELBOW: [f64; 3] = [2.175, 10.0, 5000.0];
/// The fourth joint's angle at which the elbow changes sides, rad (libfranka-common, elbow documentation).
const ELBOW_FLIP: f64 = -0.467002423653011;
/// A pose is reached when no joint moves further than this in an iteration, rad: below what a jerk would show.
const SETTLED_RAD: f64 = 1e-12;
/// Iterations of Newton's method; from a millisecond away two or three do.
const ITERATIONS_MAX: u32 = 12;
/// A motion cannot start where the Jacobian's smallest singular value is below this (undocumented: our choice).
const SINGULAR: f64 = 0.05;

/// Where hand and elbow were last told to be, and how they move: the `_c` fields of a state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Commanded {
    /// End-effector pose in the base frame, column-major.
    pub O_T_EE: [f64; 16],
    /// Its twist, m/s and rad/s.
    pub O_dP_EE: [f64; 6],
    /// Its acceleration, m/s² and rad/s².
    pub O_ddP_EE: [f64; 6],
    /// q3 (rad) and the side of the fourth joint; the velocity and acceleration of the former.
    pub elbow: [f64; 2],
    /// rad/s, and nothing.
    pub delbow: [f64; 2],
    /// rad/s², and nothing.
    pub ddelbow: [f64; 2],
}

/// A client's wish for one cycle.
#[derive(Clone, Copy, Debug)]
pub enum Wish<'a> {
    /// A pose, column-major.
    Pose(&'a [f64; 16]),
    /// A twist, m/s and rad/s.
    Twist(&'a [f64; 6]),
    /// Nothing came: the acceleration goes on.
    Nothing,
}

/// Elbow of a posture: q3, and which side the fourth joint is on.
pub fn elbow(q: &Joints) -> [f64; 2] {
    [q[2], if q[3] > ELBOW_FLIP { 1.0 } else { -1.0 }]
}

/// Whether a Cartesian motion cannot start here.
pub fn singular(q: &Joints, tool: &Pose) -> bool {
    let J = forward_and_jacobian(q, tool).1;
    let smallest = (J * J.transpose()).symmetric_eigenvalues().min();
    smallest < SINGULAR * SINGULAR
}

/// Whether the end effector is measured faster than it may be.
pub fn too_fast(q: &Joints, dq: &Joints, tool: &Pose, choices: &Choices) -> bool {
    let twist: [f64; 6] = (forward_and_jacobian(q, tool).1 * SVector::<f64, JOINTS>::from(*dq)).into();
    let share = choices.measured_speed_share;
    norm(&twist[..3]) > share * choices.translation_speed_max_m_s || norm(&twist[3..]) > share * ROTATION[0]
}

impl Commanded {
    /// At rest where the joints are.
    pub fn at(q: &Joints, tool: &Pose) -> Self {
        Self {
            O_T_EE: to_column_major(&forward_and_jacobian(q, tool).0),
            O_dP_EE: [0.0; 6],
            O_ddP_EE: [0.0; 6],
            elbow: elbow(q),
            delbow: [0.0; 2],
            ddelbow: [0.0; 2],
        }
    }

    /// Whether the first pose and elbow of a motion are where the robot is.
    pub fn start(&self, pose: Option<&[f64; 16]>, elbow: Option<&[f64; 2]>, choices: &Choices) -> Errors {
        let (start_m, start_rad) =
            (choices.start_translation_tolerance_m, choices.start_rotation_tolerance_rad);
        let mut errors = 0;
        if let Some(pose) = pose {
            let step = twist_between(&self.O_T_EE, pose, 1.0);
            let near = norm(&step[..3]) <= start_m && norm(&step[3..]) <= start_rad;
            errors |= u64::from(!near) << error::CARTESIAN_START_POSE_INVALID;
        }
        if let Some(elbow) = elbow {
            let near = (elbow[0] - self.elbow[0]).abs() <= start_rad;
            errors |= u64::from(!near) << error::START_ELBOW_INVALID;
            errors |= u64::from(elbow[1] != self.elbow[1]) << error::START_ELBOW_SIGN_INCONSISTENT;
        }
        Errors(errors)
    }

    /// What `wish` and, where given, the elbow make of this; the joints that do it, from `desired`; and the limits
    /// broken. Without an elbow the third joint stays where it is.
    pub fn follow(
        &self,
        desired: &Desired,
        tool: &Pose,
        wish: Wish<'_>,
        elbow: Option<&[f64; 2]>,
        choices: &Choices,
    ) -> (Self, Desired, Errors) {
        let mut next = *self;
        match wish {
            Wish::Pose(pose) => {
                if !rigid(pose) {
                    return (*self, *desired, only(error::INVALID_FRAME));
                }
                next.O_T_EE = *pose;
                next.O_dP_EE = twist_between(&self.O_T_EE, pose, CYCLE_S);
            }
            Wish::Twist(twist) => next.O_dP_EE = *twist,
            Wish::Nothing => {
                next.O_dP_EE = std::array::from_fn(|i| self.O_dP_EE[i] + self.O_ddP_EE[i] * CYCLE_S)
            }
        }
        if !matches!(wish, Wish::Pose(_)) {
            next.O_T_EE = moved(&self.O_T_EE, &next.O_dP_EE);
        }
        next.O_ddP_EE = difference(&next.O_dP_EE, &self.O_dP_EE);
        match (wish, elbow) {
            (Wish::Nothing, _) => {
                next.delbow[0] = self.delbow[0] + self.ddelbow[0] * CYCLE_S;
                next.elbow[0] = self.elbow[0] + next.delbow[0] * CYCLE_S;
            }
            (_, Some(elbow)) => {
                next.elbow = *elbow;
                next.delbow[0] = (elbow[0] - self.elbow[0]) / CYCLE_S;
            }
            (_, None) => next.delbow[0] = 0.0,
        }
        next.ddelbow[0] = (next.delbow[0] - self.delbow[0]) / CYCLE_S;
        let errors = self.check(&next, choices);
        if !errors.is_empty() {
            return (next, *desired, errors);
        }
        match inverse(&desired.q, tool, &next) {
            Some(q) => {
                let (joints, errors) = after_inverse(desired, &q);
                (next, joints, errors)
            }
            // Where the iteration fails the joints would have to jump.
            None => (next, *desired, only(error::INVERSE_VELOCITY_LIMITS)),
        }
    }

    fn check(&self, next: &Self, choices: &Choices) -> Errors {
        let jerk = difference(&next.O_ddP_EE, &self.O_ddP_EE);
        let translation = [choices.translation_speed_max_m_s, TRANSLATION[0], TRANSLATION[1]];
        let hand = |value: &[f64; 6], order: usize| {
            within(norm(&value[..3]), translation[order]) && within(norm(&value[3..]), ROTATION[order])
        };
        let elbow_jerk = (next.ddelbow[0] - self.ddelbow[0]) / CYCLE_S;
        let elbow_moves = within(next.delbow[0], ELBOW[0])
            && within(next.ddelbow[0], ELBOW[1])
            && within(elbow_jerk, ELBOW[2])
            && next.elbow[0].is_finite();
        let holds = [
            (error::CARTESIAN_VELOCITY_LIMITS, hand(&next.O_dP_EE, 0)),
            (error::CARTESIAN_VELOCITY_DISCONTINUITY, hand(&next.O_ddP_EE, 1)),
            (error::CARTESIAN_ACCELERATION_DISCONTINUITY, hand(&jerk, 2)),
            (error::ELBOW_LIMIT, elbow_moves),
            (error::ELBOW_SIGN_INCONSISTENT, next.elbow[1] == self.elbow[1]),
        ];
        Errors(holds.into_iter().map(|(index, holds)| u64::from(!holds) << index).sum())
    }
}

/// Joints at the commanded pose and elbow, by Newton's method from joints near by; `None` near singularities.
fn inverse(from: &Joints, tool: &Pose, goal: &Commanded) -> Option<Joints> {
    let goal_pose = from_column_major(&goal.O_T_EE).ok()?;
    let mut q = SVector::<f64, JOINTS>::from(*from);
    for _ in 0..ITERATIONS_MAX {
        let (pose, J) = forward_and_jacobian(&q.into(), tool);
        let position = goal_pose.translation.vector - pose.translation.vector;
        let rotation = (goal_pose.rotation * pose.rotation.inverse()).scaled_axis();
        let mut A = SMatrix::<f64, 7, 7>::zeros();
        A.fixed_rows_mut::<6>(0).copy_from(&J);
        A[(6, 2)] = 1.0;
        let mut b = SVector::<f64, 7>::zeros();
        b.fixed_rows_mut::<3>(0).copy_from(&position);
        b.fixed_rows_mut::<3>(3).copy_from(&rotation);
        b[6] = goal.elbow[0] - q[2];
        let step = A.lu().solve(&b)?;
        q += step;
        if step.amax() > 1.0 || step.amax().is_nan() {
            return None;
        }
        if step.amax() < SETTLED_RAD {
            return Some(q.into());
        }
    }
    None
}

/// Whether sixteen numbers are a pose within reach of any arm.
fn rigid(T: &[f64; 16]) -> bool {
    from_column_major(T).is_ok() && T[12..15].iter().all(|x| x.abs() < 10.0)
}

fn rotation(T: &[f64; 16]) -> Matrix3<f64> {
    Matrix3::from_fn(|row, column| T[4 * column + row])
}

/// The twist that carries one pose into a near one in `seconds`. From the skew part of the rotation between them:
/// exact for the small angles of a millisecond where a quaternion would lose digits.
fn twist_between(from: &[f64; 16], to: &[f64; 16], seconds: f64) -> [f64; 6] {
    let between = rotation(to) * rotation(from).transpose();
    let sine = 0.5
        * Vector3::new(
            between[(2, 1)] - between[(1, 2)],
            between[(0, 2)] - between[(2, 0)],
            between[(1, 0)] - between[(0, 1)],
        );
    let (s, c) = (sine.norm(), 0.5 * (between.trace() - 1.0));
    // Half a turn has no skew part; whatever its axis, it is too far.
    let turn = match s > 1e-9 {
        true => sine * (s.atan2(c) / s),
        false if c < 0.0 => Vector3::x() * std::f64::consts::PI,
        false => sine,
    };
    let p = |i: usize| (to[12 + i] - from[12 + i]) / seconds;
    [p(0), p(1), p(2), turn.x / seconds, turn.y / seconds, turn.z / seconds]
}

/// The pose a cycle later.
fn moved(T: &[f64; 16], twist: &[f64; 6]) -> [f64; 16] {
    let turn = nalgebra::Rotation3::new(Vector3::new(twist[3], twist[4], twist[5]) * CYCLE_S);
    let R = turn.matrix() * rotation(T);
    let mut next = *T;
    for column in 0..3 {
        for row in 0..3 {
            next[4 * column + row] = R[(row, column)];
        }
        next[12 + column] += twist[column] * CYCLE_S;
    }
    next
}

fn difference(next: &[f64; 6], last: &[f64; 6]) -> [f64; 6] {
    std::array::from_fn(|i| (next[i] - last[i]) / CYCLE_S)
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}
