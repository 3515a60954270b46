//! One tick of a run or a demonstration, as everything downstream sees it.
use crate::kinematics::{Point, Pose};
use crate::robot::{Joints, State};
use crate::safety::{Margin, Verdict};

/// What a sample teaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person guides the arm: (O_T_EE, q).
    Demonstration,
    /// A person pushes a compliant arm to where it should have been: (O_T_EE, q).
    Correction,
    /// The policy drives, without contact: (O_T_EE, q_d), what had to be asked of the robot to get there.
    Driven,
    /// Nothing: the arm is on its way to a start, stopping, or at rest.
    None,
}

/// What a person's hand does to a compliant arm that drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// Nothing.
    Away,
    /// It may be there.
    Touching,
    /// It pushes the arm to where it should be.
    Pushing,
    /// What was taken for a push is a load: it does not end. For one tick.
    Load,
}

/// One tick: what the robot said, what was wished and what was commanded.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Number of the tick, from 0.
    pub tick: u64,
    /// States missed since the last tick.
    pub lost: u32,
    /// What it teaches.
    pub kind: Kind,
    /// Reference time, s; see `control::clock`.
    pub tau_s: f64,
    /// The robot's state, the base of the command.
    pub state: State,
    /// Measured position of the end effector, base frame, m.
    pub O_p_EE: Point,
    /// Reference pose, base frame.
    pub x_ref: Pose,
    /// What the policy is asked: the reference plus the process's deviation.
    pub X: Pose,
    /// The policy's wish, rad.
    pub q_ref: Joints,
    /// The command sent, rad.
    pub q_c: Joints,
    /// What the safety layer said of the wish.
    pub verdict: Verdict,
    /// The limit of which least was left, or the one that was broken.
    pub margin: Margin,
    /// Number of policies taken over since the start.
    pub swaps: u32,
    /// Number of times a policy was given up for the one before.
    pub rollbacks: u32,
    /// Number of the policy in use; 0 is the one the drive began with.
    pub edition: u32,
    /// Number of the path in use; 0 is the one the drive began with.
    pub course: u32,
    /// What a hand does.
    pub hand: Hand,
    /// How hard it pulls beyond what is felt without it, base frame, N.
    pub pull_n: Point,
}
