//! The updates of a training: batches, gradients, the optimiser; all memory taken once.
use super::batches::{Samples, Shuffle};
use super::checkpoint::State;
use super::crew::{Crew, PARTS};
use super::objective::{Batch, Objective};
use super::options::Options;
use super::train::Error;
use crate::policy::{Adam, Network, Workspace};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

/// Keeps the order of the batches apart from the draws that made the data.
const STEP_STREAM: u64 = 0x7374_6570;
/// More than the milestones of any number of steps.
const MILESTONES: usize = 40;

/// What one update needs.
pub(super) struct Steps<'a> {
    demonstrations: &'a Samples,
    targets: &'a Samples,
    orders: [Shuffle; 2],
    /// Samples of an update drawn anew each time; 0 when all are taken.
    drawn: usize,
    random: Xoshiro256PlusPlus,
    crew: Crew<Objective>,
    adam: Adam,
    /// Updates made.
    step: usize,
    milestones: Vec<(usize, f64)>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        network: Network,
        demonstrations: &'a Samples,
        targets: &'a Samples,
        objective: Objective,
        options: &Options,
    ) -> Self {
        let (d, t) = (demonstrations.len(), targets.len());
        let size = if options.batch == 0 { d + t } else { options.batch };
        let split = match (options.batch, t) {
            (0, _) => d,
            (_, 0) => size,
            _ => size.div_ceil(2),
        };
        let width = network.layout().inputs();
        let mut batch = Batch { samples: Samples::with_room_for_goals(size, width), demonstrations: split };
        if options.batch == 0 {
            (0..d).for_each(|i| batch.samples.take(demonstrations, i));
            (0..t).for_each(|i| batch.samples.take(targets, i));
        }
        let adam = Adam::new(network.layout().len());
        Self {
            demonstrations,
            targets,
            orders: [Shuffle::new(d), Shuffle::new(t)],
            drawn: options.batch,
            random: Xoshiro256PlusPlus::seed_from_u64(options.seed ^ STEP_STREAM),
            crew: Crew::new(network, batch, size, [objective.clone(), objective], options.threads.min(PARTS)),
            adam,
            step: 0,
            milestones: Vec::with_capacity(MILESTONES),
        }
    }

    /// Updates made.
    pub(super) fn made(&self) -> usize {
        self.step
    }

    /// The losses of the steps 1, 3, 10, 30, …
    pub(super) fn milestones(&self) -> &[(usize, f64)] {
        &self.milestones
    }

    /// One update; returns the loss before it, rad². No allocation.
    pub(super) fn step(&mut self, options: &Options) -> Result<f64, Error> {
        if self.drawn > 0 {
            let mut batch = self.crew.batch_mut();
            batch.samples.clear();
            for i in 0..self.drawn {
                let kind = usize::from(i >= batch.demonstrations);
                let from = [self.demonstrations, self.targets][kind];
                batch.samples.take(from, self.orders[kind].next(&mut self.random));
            }
        }
        let rate = options.learning_rate * options.schedule.share(self.step, options.steps);
        self.crew.step(&mut self.adam, rate);
        let loss_mse_rad2 = self.take_loss();
        if !loss_mse_rad2.is_finite() {
            let (step, learning_rate) = (self.step, options.learning_rate);
            return Err(Error::Diverged { step, loss_mse_rad2, learning_rate });
        }
        self.step += 1;
        if is_milestone(self.step) && self.milestones.len() < MILESTONES {
            self.milestones.push((self.step, loss_mse_rad2));
        }
        Ok(loss_mse_rad2)
    }

    /// Work on the network after the last step, with room for its activations.
    pub(super) fn alone(&mut self, with: impl FnOnce(&mut Network, &mut Workspace)) {
        self.crew.alone(|network, workspace, _| with(network, workspace));
    }

    /// The loss of all demonstrations, rad².
    pub(super) fn loss(&mut self) -> f64 {
        let samples = self.demonstrations;
        self.crew.alone(|network, workspace, objective| {
            objective.take_sum();
            workspace.outputs(network, samples.inputs(), |sample, output| {
                objective.add_demonstration(samples.output(sample), output);
            });
        });
        self.take_loss()
    }

    fn take_loss(&mut self) -> f64 {
        let (mut sum, mut count) = (0.0, 0);
        self.crew.objectives(|objective| {
            let (s, c) = objective.take_sum();
            (sum, count) = (sum + s, count + c);
        });
        sum / count as f64
    }

    /// The finished network.
    pub(super) fn into_network(self) -> Network {
        self.crew.into_network()
    }

    /// Everything the next step depends on.
    pub(super) fn state(&self) -> State {
        let (m, v) = self.adam.moments();
        State {
            step: self.step,
            adam_steps: self.adam.steps(),
            parameters: self.crew.network().parameters().to_vec(),
            adam_m: m.to_vec(),
            adam_v: v.to_vec(),
            orders: self.orders.each_ref().map(|order| {
                let (order, at) = order.state();
                (order.to_vec(), at)
            }),
            random: self.random.clone(),
            milestones: self.milestones.clone(),
        }
    }

    /// Goes on from a state of the same sizes; whether it is one.
    pub(super) fn restore(&mut self, state: State) -> bool {
        let [demonstrations, targets] = state.orders.map(|(order, at)| Shuffle::resumed(order, at));
        let (Some(demonstrations), Some(targets)) = (demonstrations, targets) else { return false };
        let lengths = |orders: &[Shuffle; 2]| orders.each_ref().map(|order| order.state().0.len());
        let orders = [demonstrations, targets];
        let fits = lengths(&orders) == lengths(&self.orders)
            && state.milestones.len() <= MILESTONES
            && state.parameters.len() == self.crew.network().parameters().len()
            && self.adam.restore(&state.adam_m, &state.adam_v, state.adam_steps);
        if fits {
            self.crew.network_mut().parameters_mut().copy_from_slice(&state.parameters);
            self.orders = orders;
            self.random = state.random;
            self.step = state.step;
            self.milestones.clear();
            self.milestones.extend(state.milestones);
        }
        fits
    }
}

/// 1, 3, 10, 30, 100, …: the steps whose loss is kept.
fn is_milestone(step: usize) -> bool {
    let decade = 10_usize.pow(step.ilog10());
    step == decade || step == 3 * decade
}
