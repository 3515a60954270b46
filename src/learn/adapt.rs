//! A policy made for one tool, taught another before the arm moves: in a second, from its own weights.
//!
//! With another tool the same joints put the end effector elsewhere, so every label changes; what the network knows of
//! the arm's shape stays good. It is taught the expert's labels for the new tool along the path and all over the region
//! it serves, and must then pass the gate's play-ahead like any candidate.
use super::batches::{Samples, View};
use super::gate::{Gate, Refusal};
use super::judge::{Errors, judge};
use super::objective::{JointWeights, Objective};
use super::options::{Options, Schedule};
use super::readout;
use super::steps::Steps;
use super::train;
use crate::demonstration::Example;
use crate::demonstration::expert::Expert;
use crate::kinematics::{from_column_major, to_column_major};
use crate::policy::{Card, Policy};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use std::time::Instant;

/// Points of the region that are taught beside the path.
const POINTS: usize = 4096;
/// Least share of them that the expert must be able to reach with the new tool.
const REACHED_MIN: f64 = 0.5;
/// Keeps the draws apart from those of a training.
const DRAW_STREAM: u64 = 0x746f_6f6c;

/// Why a policy was not adapted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody knows where it is to be taught.
    #[error("it does not say where it was trained")]
    NoRegion,
    /// The new tool does not serve there.
    #[error("with the robot's tool only {:.0} % of its region can be reached", 100.0 * share)]
    OutOfReach {
        /// Of the region, 0 to 1.
        share: f64,
    },
    /// Training failed.
    #[error(transparent)]
    Train(#[from] train::Error),
    /// The result is not fit to drive.
    #[error("the result is not fit to drive the path: {0:?}")]
    Unfit(Refusal),
}

/// What adapting did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Distance between the two tool points, mm.
    pub tool_moved_mm: f64,
    /// Angle between the two tools, mrad.
    pub tool_turned_mrad: f64,
    /// Wall-clock time, s.
    pub adapt_s: f64,
    /// Updates.
    pub steps: usize,
    /// FK(π(x)) with the robot's tool against x along the path, before, mm.
    pub error_before_mm: Errors,
    /// The same after, mm.
    pub error_after_mm: Errors,
}

/// `policy` taught the tool of `expert`; `path` are points along what is to be driven, with their labels.
///
/// # Errors
/// [`Error`]; the policy as it was must not drive with this tool.
pub fn adapt(
    policy: &Policy,
    expert: &Expert,
    path: &[Example],
    gate: &mut Gate,
    seed: u64,
) -> Result<(Policy, Report), Error> {
    let start = Instant::now();
    let F_T_EE = *expert.F_T_EE();
    let elsewhere = region(policy, expert, seed)?;
    let input = policy.card().input;
    let view = View { input, F_T_EE };
    let units = policy.normalisation();
    let (on_path, anywhere) =
        (Samples::new(path, &view, units, false), Samples::new(&elsewhere, &view, units, false));
    let weights = JointWeights::Tool.squares(path, &F_T_EE, units);
    let options = Options {
        steps: 2000,
        batch: 128,
        learning_rate: 2e-3,
        schedule: Schedule::Cosine,
        seed,
        threads: 1,
        ..Options::default()
    };
    let objective = Objective::new(&weights, 1.0, units);
    let mut steps = Steps::new(policy.network().clone(), &on_path, &anywhere, objective, &options);
    let solve = |steps: &mut Steps| {
        steps.alone(|network, workspace| readout::solve(network, workspace, &on_path, &anywhere, 1.0));
    };
    // Most of a tool's change is nearly linear in the features there are.
    solve(&mut steps);
    while steps.made() < options.steps {
        steps.step(&options)?;
    }
    solve(&mut steps);
    let mut adapted = policy.clone();
    adapted.take_parameters(&steps.into_network());
    *adapted.card_mut() = Card { F_T_EE: to_column_major(&F_T_EE), ..policy.card().clone() };
    gate.check(&mut adapted).map_err(Error::Unfit)?;
    let adapt_s = start.elapsed().as_secs_f64();
    let old = from_column_major(&policy.card().F_T_EE).unwrap_or(F_T_EE);
    let report = Report {
        tool_moved_mm: 1e3 * (old.translation.vector - F_T_EE.translation.vector).norm(),
        tool_turned_mrad: 1e3 * old.rotation.angle_to(&F_T_EE.rotation),
        adapt_s,
        steps: options.steps,
        error_before_mm: judge(&mut policy.clone(), path, &F_T_EE).error_mm,
        error_after_mm: judge(&mut adapted, path, &F_T_EE).error_mm,
    };
    Ok((adapted, report))
}

/// Points anywhere in the policy's region with the expert's labels.
fn region(policy: &Policy, expert: &Expert, seed: u64) -> Result<Vec<Example>, Error> {
    let region = policy.card().region.as_ref().ok_or(Error::NoRegion)?;
    let mut rng = StdRng::seed_from_u64(seed ^ DRAW_STREAM);
    let mut examples = Vec::with_capacity(POINTS);
    for _ in 0..POINTS {
        let drawn = region.pose(policy.card().input, || rng.random::<f64>()).ok_or(Error::NoRegion)?;
        let O_p_EE = drawn.translation.vector;
        examples.extend(expert.label_pose(&drawn).ok().map(|q| Example { O_p_EE, q }));
    }
    let share = examples.len() as f64 / POINTS as f64;
    if share < REACHED_MIN { Err(Error::OutOfReach { share }) } else { Ok(examples) }
}
