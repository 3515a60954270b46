//! Training on data that is all there: a policy and a report, on one thread.
//!
//! Everything is allocated before the first step. One seed, one data set and one instruction set give one
//! policy, bit for bit.
use super::INPUTS;
use super::batches::{Samples, Shuffle};
use super::judge::{Judgement, judge};
use super::objective::Objective;
pub use super::options::{Options, Schedule};
use super::readout;
use crate::demonstration::{Dataset, Example};
use crate::policy::checksum::Checksum;
use crate::policy::{self, Adam, Card, Layout, Network, Normalisation, Policy, Region, Workspace};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// More than the milestones of any number of steps.
const MILESTONES: usize = 40;
/// Progress is told no more often than this.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

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
}

/// A policy and how it came to be.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The policy, with its card.
    pub policy: Policy,
    /// What training did.
    pub report: Report,
}

/// Perturbed targets: the weight λ, and what draws and labels one about a demonstration.
pub struct Perturbed<'a> {
    /// λ.
    pub lambda: f64,
    /// X_t about the example and the expert's joints there; `None` where the expert has no answer.
    pub draw: &'a mut dyn FnMut(&Example) -> Option<Example>,
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
    mut perturbed: Option<Perturbed>,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trained, Error> {
    let start = Instant::now();
    check_finite(data)?;
    let mut random = StdRng::seed_from_u64(options.seed);
    let (kept, held_out) = split(&data.examples, options.held_out_share, &mut random);
    if kept.len() < 2 {
        return Err(Error::TooFew { samples: kept.len() });
    }
    let lambda = perturbed.as_ref().map_or(0.0, |perturbed| perturbed.lambda);
    let (mut targets, mut rejected) = (Vec::new(), 0);
    // A few more than are trained on, to judge on.
    let judged = if lambda > 0.0 { options.targets.div_ceil(16).min(512) } else { 0 };
    if let Some(perturbed) = perturbed.as_mut().filter(|_| lambda > 0.0) {
        (targets, rejected) = draw(perturbed, &kept, options.targets + judged, &mut random)?;
    }
    let judged = targets.split_off(targets.len().saturating_sub(judged));
    let units = units(options, &kept, &targets);
    let weights = options.joint_weights.squares(&kept, &data.F_T_EE, &units);
    let layout = Layout::new(INPUTS, &shape.hidden);
    let mut network = Network::random(layout, shape.activation, options.seed);
    let (demonstrations, perturbations) = (Samples::new(&kept, &units), Samples::new(&targets, &units));
    let mut objective = Objective::new(&weights, lambda, &units);
    let mut steps = Steps::new(&demonstrations, &perturbations, options, network.layout(), random);
    let mut told = start;
    let mut milestones = Vec::with_capacity(MILESTONES);
    for step in 0..options.steps {
        let loss = steps.step(&mut network, &mut objective, options, step)?;
        if is_milestone(step + 1) {
            milestones.push((step + 1, loss));
        }
        if told.elapsed() >= PROGRESS_EVERY || step + 1 == options.steps {
            told = Instant::now();
            progress(Progress { step: step + 1, steps: options.steps, loss_mse_rad2: loss });
        }
    }
    if options.solve_last_layer {
        readout::solve(&mut network, &mut steps.workspace, &demonstrations, &perturbations, lambda);
    }
    let loss_mse_rad2 = steps.loss(&network, &demonstrations, &mut objective);
    let train_s = start.elapsed().as_secs_f64();
    let isa = network.isa().name().to_owned();
    let parameters = network.layout().parameters();
    let card = card(data, &kept, &targets);
    let mut policy = Policy::new(network, units, card).ok_or(Error::TooFew { samples: kept.len() })?;
    let judged_on = if held_out.is_empty() { &kept } else { &held_out };
    let report = Report {
        train_s,
        steps: options.steps,
        samples: kept.len(),
        targets: targets.len(),
        targets_rejected: rejected,
        parameters,
        loss_mse_rad2,
        loss_mse_rad2_at: milestones.into_iter().collect(),
        held_out: judge(&mut policy, judged_on, &data.F_T_EE),
        perturbed: (!judged.is_empty()).then(|| judge(&mut policy, &judged, &data.F_T_EE)),
        isa,
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
fn units(options: &Options, kept: &[Example], targets: &[Example]) -> Normalisation {
    if !options.normalise {
        return Normalisation::identity(INPUTS);
    }
    let all = || kept.iter().chain(targets);
    Normalisation::fit(INPUTS, all().map(|e| e.O_p_EE.as_slice()), all().map(|e| &e.q))
}

/// 1, 3, 10, 30, 100, …: the steps whose loss is kept.
fn is_milestone(step: usize) -> bool {
    let decade = 10_usize.pow(step.ilog10());
    step == decade || step == 3 * decade
}

/// (trained on, held out).
fn split(examples: &[Example], share: f64, random: &mut StdRng) -> (Vec<Example>, Vec<Example>) {
    let (mut kept, mut held_out) = (Vec::with_capacity(examples.len()), Vec::new());
    for example in examples {
        if share > 0.0 && random.random::<f64>() < share {
            held_out.push(*example)
        } else {
            kept.push(*example)
        }
    }
    (kept, held_out)
}

/// `count` targets, less those the expert cannot label, and how many those are.
fn draw(
    perturbed: &mut Perturbed,
    kept: &[Example],
    count: usize,
    random: &mut StdRng,
) -> Result<(Vec<Example>, usize), Error> {
    let mut shuffle = Shuffle::new(kept.len());
    let targets: Vec<Example> =
        (0..count).filter_map(|_| (perturbed.draw)(&kept[shuffle.next(random)])).collect();
    if targets.is_empty() {
        return Err(Error::NoTargets { drawn: count });
    }
    let rejected = count - targets.len();
    Ok((targets, rejected))
}

fn card(data: &Dataset, kept: &[Example], targets: &[Example]) -> Card {
    let mut hash = Checksum::default();
    for example in &data.examples {
        hash.write_numbers(example.O_p_EE.as_slice());
        hash.write_numbers(&example.q);
    }
    let region = Region::around(INPUTS, kept.iter().chain(targets).map(|e| e.O_p_EE.as_slice()));
    Card { region, data_hash: hash.hex(), ..Card::new(&data.F_T_EE) }
}

/// What one update needs, taken once.
struct Steps<'a> {
    demonstrations: &'a Samples,
    targets: &'a Samples,
    orders: [Shuffle; 2],
    /// The samples of one update: demonstrations first.
    batch: Samples,
    /// How many of them are demonstrations.
    split: usize,
    random: StdRng,
    workspace: Workspace,
    adam: Adam,
}

impl<'a> Steps<'a> {
    fn new(
        demonstrations: &'a Samples,
        targets: &'a Samples,
        options: &Options,
        layout: &Layout,
        random: StdRng,
    ) -> Self {
        let (d, t) = (demonstrations.len(), targets.len());
        let size = if options.batch == 0 { d + t } else { options.batch };
        let split = match (options.batch, t) {
            (0, _) => d,
            (_, 0) => size,
            _ => size.div_ceil(2),
        };
        let mut batch = Samples::with_room(size, layout.inputs());
        if options.batch == 0 {
            (0..d).for_each(|i| batch.take(demonstrations, i));
            (0..t).for_each(|i| batch.take(targets, i));
        }
        let orders = [Shuffle::new(d), Shuffle::new(t)];
        let (workspace, adam) = (Workspace::new(layout, size), Adam::new(layout.len()));
        Self { demonstrations, targets, orders, batch, split, random, workspace, adam }
    }

    /// One update; returns the loss before it, rad². No allocation.
    fn step(
        &mut self,
        network: &mut Network,
        objective: &mut Objective,
        options: &Options,
        step: usize,
    ) -> Result<f64, Error> {
        if options.batch > 0 {
            self.batch.clear();
            for i in 0..options.batch {
                let kind = usize::from(i >= self.split);
                let from = [self.demonstrations, self.targets][kind];
                self.batch.take(from, self.orders[kind].next(&mut self.random));
            }
        }
        let (batch, split) = (&self.batch, self.split);
        self.workspace.gradient_of(network, batch.inputs(), |sample, output| {
            objective.slope(batch, split, sample, output)
        });
        let loss_mse_rad2 = objective.take_loss();
        if !loss_mse_rad2.is_finite() {
            return Err(Error::Diverged { step, loss_mse_rad2, learning_rate: options.learning_rate });
        }
        let rate = options.learning_rate * options.schedule.share(step, options.steps);
        self.adam.step(network.isa(), network.parameters_mut(), self.workspace.gradient(), rate);
        Ok(loss_mse_rad2)
    }

    /// The loss of all of `samples`, rad².
    fn loss(&mut self, network: &Network, samples: &Samples, objective: &mut Objective) -> f64 {
        self.workspace.outputs(network, samples.inputs(), |sample, output| {
            objective.slope(samples, samples.len(), sample, output);
        });
        objective.take_loss()
    }
}
