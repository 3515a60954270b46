//! Training on data that is all there: a policy and a report, on one thread or two.
//!
//! Everything is allocated before the first step. One seed, one data set and one instruction set give one
//! policy, bit for bit, whatever the number of threads and whether it was stopped and resumed.
use super::batches::{Samples, View};
use super::checkpoint::{self, Origin};
pub use super::draw::Perturbed;
use super::judge::{Judgement, judge, mean_error_mm};
use super::objective::Objective;
pub use super::options::{Options, Schedule};
use super::steps::Steps;
use super::{draw, readout};
use crate::demonstration::{Dataset, Example};
use crate::policy::checksum::Checksum;
use crate::policy::units::convert;
use crate::policy::{self, Activation, Card, Layout, Network, Normalisation, Policy, Region};
use crate::sde::Form;
use rand::{SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Progress is told no more often than this.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Demonstrations on which the error is told while it trains, at most.
const SHOWN: usize = 64;

/// Why training gave no policy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Nothing to learn from.
    #[error("{samples} examples are too few to train on: record or draw at least 2")]
    TooFew {
        /// Number of training samples.
        samples: usize,
    },
    /// An example that is not a number.
    #[error("example {index} of {source_name} is not finite; repair the data, or leave the example out")]
    NotFinite {
        /// From 0.
        index: usize,
        /// The data set's source.
        source_name: String,
    },
    /// The optimiser has run away.
    #[error(
        "training diverged at step {step}: the loss is {loss_mse_rad2} rad²; lower learning_rate = {learning_rate}"
    )]
    Diverged {
        /// From 0.
        step: usize,
        /// What the loss was.
        loss_mse_rad2: f64,
        /// The option.
        learning_rate: f64,
    },
    /// A checkpoint that does not serve.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// Stopped from outside.
    #[error("training was stopped after {step} of {steps} steps")]
    Stopped {
        /// Updates made.
        step: usize,
        /// Updates to make.
        steps: usize,
    },
    /// No perturbed position could be labelled.
    #[error(
        "the expert labelled none of {drawn} perturbed positions: make the tube narrower (sigma_m_sqrt_s, horizon_s), \
         draw more (targets), or train without it (lambda = 0)"
    )]
    NoTargets {
        /// Positions drawn.
        drawn: usize,
    },
}

/// Where the training stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Updates made.
    pub step: usize,
    /// Updates to make.
    pub steps: usize,
    /// Mean squared error of the last update's demonstrations, before it, rad².
    pub loss_mse_rad2: f64,
    /// Mean distance of FK(π(x)) from x on a few demonstrations that were held out, now, mm.
    pub error_mm: f64,
}

/// What training did and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Wall-clock time from data to policy, judging not included, s.
    pub train_s: f64,
    /// Updates.
    pub steps: usize,
    /// Demonstrations trained on.
    pub samples: usize,
    /// Perturbed targets trained on.
    pub targets: usize,
    /// Perturbed positions that the expert could not label.
    pub targets_rejected: usize,
    /// Weights and biases.
    pub parameters: usize,
    /// Mean squared error of the finished policy on its training demonstrations, over samples and joints, rad².
    pub loss_mse_rad2: f64,
    /// The loss of the update of that number (from 1), before it, rad²; with the full batch, by epoch.
    pub loss_mse_rad2_at: BTreeMap<usize, f64>,
    /// On demonstrations it was not trained on (on all when none were held out).
    #[serde(flatten)]
    pub held_out: Judgement,
    /// On perturbed positions it was not trained on.
    pub perturbed: Option<Judgement>,
    /// Instruction set of the arithmetic.
    pub isa: String,
    /// Threads at work.
    pub threads: usize,
}

/// A policy and how it came to be.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The policy, with its card.
    pub policy: Policy,
    /// What training did.
    pub report: Report,
}

/// Where a training is kept while it runs, and what it goes on from.
#[derive(Clone, Copy, Default)]
pub struct Keep<'a> {
    /// A policy to begin with instead of random weights, where it has the same shape.
    pub start: Option<&'a Policy>,
    /// A checkpoint to go on from.
    pub resume: Option<&'a Path>,
    /// Where checkpoints go.
    pub checkpoint: Option<&'a Path>,
    /// Updates between two checkpoints; 0 writes one only when stopped.
    pub every_steps: usize,
    /// Set from outside to stop at the next update.
    pub stop: Option<&'a AtomicBool>,
}

/// Trains a policy of `shape` on `data`; tells `progress` at most ten times a second.
///
/// `shape` and `options` as their `validate` allows.
///
/// # Errors
/// See [`Error`].
pub fn train(
    data: &Dataset,
    shape: &policy::Options,
    perturbed: Option<Perturbed>,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trained, Error> {
    train_kept(data, shape, perturbed, options, &Keep::default(), progress)
}

/// [`train`], with checkpoints: resumed from one, it gives the same bits as without the pause.
///
/// # Errors
/// See [`Error`].
pub fn train_kept(
    data: &Dataset,
    shape: &policy::Options,
    mut perturbed: Option<Perturbed>,
    options: &Options,
    keep: &Keep,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trained, Error> {
    let start = Instant::now();
    check_finite(data)?;
    let mut random = StdRng::seed_from_u64(options.seed);
    let lengths = perturbed.as_ref().map_or(&[][..], |perturbed| &perturbed.demonstrations);
    let split = draw::split(&data.examples, lengths, options.held_out_share, &mut random);
    let kept = &split.kept;
    if kept.len() < 2 {
        return Err(Error::TooFew { samples: kept.len() });
    }
    let lambda = perturbed.as_ref().map_or(0.0, |perturbed| perturbed.lambda);
    let form = perturbed.as_ref().map_or(Form::Target, |perturbed| perturbed.form);
    let (mut targets, mut rejected) = (Vec::new(), 0);
    // A few more than are trained on, to judge on.
    let judged = if lambda > 0.0 { options.targets.div_ceil(16).min(512) } else { 0 };
    if let Some(perturbed) = perturbed.as_mut().filter(|_| lambda > 0.0) {
        let count = options.targets + judged;
        (targets, rejected) = draw::draw(perturbed, &split, count, &mut random);
        if targets.is_empty() {
            return Err(Error::NoTargets { drawn: count });
        }
    }
    let judged = targets.split_off(targets.len().saturating_sub(judged));
    let view = View { input: shape.input, F_T_EE: data.F_T_EE };
    let rows = view.rows(kept.iter().chain(&targets));
    let units = units(options, &rows, &view, kept.iter().chain(&targets));
    let weights = options.joint_weights.squares(kept, &data.F_T_EE, &units);
    let layout = Layout::new(view.input.width(), &shape.hidden);
    let network = begin_with(keep.start, layout, shape.activation, options.seed, &units);
    let demonstrations = Samples::new(kept, &view, &units, false);
    let perturbations = Samples::new(&targets, &view, &units, form == Form::Task);
    let objective = Objective::new(&weights, lambda, &units);
    let objective = match form {
        Form::Target => objective,
        Form::Task => objective.in_the_world(lambda, &units, &data.F_T_EE, kept),
    };
    let card = card(data, &view, &rows);
    drop(rows);
    let origin = origin(&network, shape, options, (lambda, form), &targets, &card);
    // The policy as it would be now, to tell its error while it trains.
    let mut so_far = Policy::new(network.clone(), units.clone(), card.clone())
        .ok_or(Error::TooFew { samples: kept.len() })?;
    let mut steps = Steps::new(network, &demonstrations, &perturbations, objective, options);
    if let Some(file) = keep.resume {
        let state = checkpoint::read(file, &origin)?;
        if !steps.restore(state) {
            let reason = "its tensors do not fit its own sizes".to_owned();
            return Err(checkpoint::Error::Damaged { file: file.to_owned(), reason }.into());
        }
    }
    let judged_on = if split.held_out.is_empty() { kept } else { &split.held_out };
    let every = judged_on.len().div_ceil(SHOWN).max(1);
    let shown: Vec<Example> = judged_on.iter().step_by(every).cloned().collect();
    let mut told = start;
    while steps.made() < options.steps {
        let loss_mse_rad2 = steps.step(options)?;
        let step = steps.made();
        if told.elapsed() >= PROGRESS_EVERY || step == options.steps {
            told = Instant::now();
            steps.alone(|network, _| _ = so_far.take_parameters(network));
            let error_mm = mean_error_mm(&mut so_far, &shown, &data.F_T_EE);
            progress(Progress { step, steps: options.steps, loss_mse_rad2, error_mm });
        }
        let stop = keep.stop.is_some_and(|stop| stop.load(Relaxed)) && step < options.steps;
        let due = keep.every_steps > 0 && step.is_multiple_of(keep.every_steps);
        if let Some(file) = keep.checkpoint.filter(|_| stop || due) {
            checkpoint::write(file, &steps.state(), &origin)?;
        }
        if stop {
            return Err(Error::Stopped { step, steps: options.steps });
        }
    }
    if options.solve_last_layer {
        steps.alone(|network, workspace| {
            readout::solve(network, workspace, &demonstrations, &perturbations, lambda);
        });
    }
    let loss_mse_rad2 = steps.loss();
    let train_s = start.elapsed().as_secs_f64();
    let loss_mse_rad2_at = steps.milestones().iter().copied().collect();
    let network = steps.into_network();
    let isa = network.isa().name().to_owned();
    let parameters = network.layout().parameters();
    let mut policy = Policy::new(network, units, card).ok_or(Error::TooFew { samples: kept.len() })?;
    let report = Report {
        train_s,
        steps: options.steps,
        samples: kept.len(),
        targets: targets.len(),
        targets_rejected: rejected,
        parameters,
        loss_mse_rad2,
        loss_mse_rad2_at,
        held_out: judge(&mut policy, judged_on, &data.F_T_EE),
        perturbed: (!judged.is_empty()).then(|| judge(&mut policy, &judged, &data.F_T_EE)),
        isa,
        threads: options.threads,
    };
    Ok(Trained { policy, report })
}

fn check_finite(data: &Dataset) -> Result<(), Error> {
    let finite = |e: &Example| e.O_p_EE.iter().chain(&e.q).all(|x| x.is_finite());
    match data.examples.iter().position(|example| !finite(example)) {
        Some(index) => Err(Error::NotFinite { index, source_name: data.source.clone() }),
        None => Ok(()),
    }
}

/// The network's units: those of everything it is trained on, or none.
fn units<'a>(
    options: &Options,
    rows: &[f64],
    view: &View,
    all: impl Iterator<Item = &'a Example> + Clone,
) -> Normalisation {
    let width = view.input.width();
    if !options.normalise {
        return Normalisation::identity(width);
    }
    Normalisation::fit(width, rows.chunks_exact(width), all.map(|e| &e.q))
}

/// The weights of `start` in these units, if it has this shape; random ones otherwise.
fn begin_with(
    start: Option<&Policy>,
    layout: Layout,
    activation: Activation,
    seed: u64,
    units: &Normalisation,
) -> Network {
    let fits = |policy: &&Policy| {
        *policy.network().layout() == layout && policy.network().activation() == activation
    };
    let Some(start) = start.filter(fits) else { return Network::random(layout, activation, seed) };
    let mut network = start.network().clone();
    convert(&layout, network.parameters_mut(), start.normalisation(), units);
    network
}

/// What a checkpoint of this training must agree with.
fn origin(
    network: &Network,
    shape: &policy::Options,
    options: &Options,
    (lambda, form): (f64, Form),
    targets: &[Example],
    card: &Card,
) -> Origin {
    let layout = network.layout();
    let sizes = std::iter::once(layout.inputs()).chain(layout.layers().iter().map(|layer| layer.outputs));
    let mut hash = Checksum::default();
    hash.write(card.data_hash.as_bytes());
    add_to(&mut hash, targets);
    // The number of threads changes nothing.
    let training = Options { threads: 1, ..options.clone() };
    Origin {
        sizes: sizes.map(|size| size.to_string()).collect::<Vec<_>>().join("-"),
        data_hash: hash.hex(),
        options: serde_json::json!({
            "network": shape, "training": training, "sde": {"lambda": lambda, "form": form},
        }),
    }
}

fn add_to(hash: &mut Checksum, examples: &[Example]) {
    for example in examples {
        hash.write_numbers(example.O_p_EE.as_slice());
        hash.write_numbers(&example.q);
    }
}

/// The fingerprint of training data that a policy's card keeps.
pub fn data_hash(examples: &[Example]) -> String {
    let mut hash = Checksum::default();
    add_to(&mut hash, examples);
    hash.hex()
}

fn card(data: &Dataset, view: &View, rows: &[f64]) -> Card {
    let width = view.input.width();
    let region = Region::around(width, rows.chunks_exact(width));
    Card { input: view.input, region, data_hash: data_hash(&data.examples), ..Card::new(&data.F_T_EE) }
}
