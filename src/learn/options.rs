//! How to train.
use super::objective::JointWeights;
use crate::range::{Violation, check_count, check_range};
use serde::{Deserialize, Serialize};
use std::ops::Bound::{Excluded, Included};

/// How the learning rate goes over the steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Always the same: the original's.
    Constant,
    /// Linear over the first 2 % of the steps, then half a cosine down to zero.
    #[default]
    Cosine,
}

impl Schedule {
    /// The share of the learning rate at `step` of `steps`, from 0.
    pub(super) fn share(self, step: usize, steps: usize) -> f64 {
        let done = step as f64 / steps as f64;
        match self {
            Self::Constant => 1.0,
            Self::Cosine => {
                (50.0 * (step + 1) as f64 / steps as f64).min(1.0)
                    * 0.5
                    * (1.0 + (std::f64::consts::PI * done).cos())
            }
        }
    }
}

/// How to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Optimiser updates; with the full batch, epochs.
    pub steps: usize,
    /// Updates for a box of workspace, which is more to learn than a line.
    pub box_steps: usize,
    /// Samples an update; 0 takes all of them.
    pub batch: usize,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// How it goes over the steps.
    pub schedule: Schedule,
    /// Of the weights at the start, the batches and the held-out share.
    pub seed: u64,
    /// Share of the demonstrations that is not trained on but judged on; 0 judges on the training samples.
    pub held_out_share: f64,
    /// Perturbed targets drawn before the first step.
    pub targets: usize,
    /// Threads at work, 1 or 2; the result is the same, bit for bit.
    pub threads: usize,
    /// Whether inputs and outputs are scaled to mean 0 and deviation 1.
    pub normalise: bool,
    /// What an error of one joint weighs against another's.
    pub joint_weights: JointWeights,
    /// Whether the last layer is solved by least squares at the end.
    pub solve_last_layer: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            steps: 2000,
            box_steps: 6000,
            batch: 128,
            learning_rate: 7.5e-3,
            schedule: Schedule::Cosine,
            seed: 0,
            held_out_share: 0.1,
            targets: 8192,
            threads: 1,
            normalise: true,
            joint_weights: JointWeights::Tool,
            solve_last_layer: true,
        }
    }
}

impl Options {
    /// The original job to the letter: raw inputs, full batch, 10,000 epochs, plain mean squared error; with
    /// [`crate::policy::Options::original`] and λ = 0.
    pub fn original() -> Self {
        Self {
            steps: 10_000,
            box_steps: 10_000,
            batch: 0,
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
            seed: 0,
            held_out_share: 0.0,
            targets: 0,
            threads: 1,
            normalise: false,
            joint_weights: JointWeights::Equal,
            solve_last_layer: false,
        }
    }

    /// Every option outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_count(&mut out, "steps", self.steps, 1..=10_000_000, "");
        check_count(&mut out, "box_steps", self.box_steps, 1..=10_000_000, "");
        check_count(&mut out, "batch", self.batch, 0..=65_536, "");
        check_range(&mut out, "learning_rate", self.learning_rate, (Excluded(0.0), Included(1.0)), "");
        check_range(&mut out, "held_out_share", self.held_out_share, 0.0..=0.5, "");
        check_count(&mut out, "threads", self.threads, 1..=super::crew::PARTS, "");
        check_count(&mut out, "targets", self.targets, 0..=1_000_000, "");
        out
    }
}
