//! One minibatch step of the trainer that goes on while the arm drives: all memory taken once.
use crate::kinematics::Pose;
use crate::policy::{Adam, Input, Network, Normalisation, Policy, Workspace};
use crate::robot::{JOINTS, Joints};

/// Steps over which the weights of a candidate are averaged: at a rate that never falls, Adam's last step alone is off
/// by a few tenths of a millimetre here and there.
const AVERAGE_STEPS: f32 = 100.0;

/// Weights, optimiser and one minibatch.
pub struct Learner {
    input: Input,
    network: Network,
    /// The weights, averaged over the last steps.
    average: Vec<f32>,
    normalisation: Normalisation,
    workspace: Workspace,
    adam: Adam,
    learning_rate: f64,
    /// What an error of each joint weighs, for outputs in the network's units; 1 in the mean.
    weights: [f32; JOINTS],
    inputs: Vec<f32>,
    targets: Vec<[f32; JOINTS]>,
}

impl Learner {
    /// A learner that starts from `policy`'s weights, with minibatches of at most `batch`.
    pub fn new(policy: &Policy, batch: usize, learning_rate: f64) -> Learner {
        let network = policy.network().clone();
        let input = policy.card().input;
        Learner {
            input,
            workspace: Workspace::new(network.layout(), batch),
            adam: Adam::new(network.parameters().len()),
            average: network.parameters().to_vec(),
            network,
            normalisation: policy.normalisation().clone(),
            learning_rate,
            weights: [1.0; JOINTS],
            inputs: Vec::with_capacity(batch * input.width()),
            targets: Vec::with_capacity(batch),
        }
    }

    /// The same with joints weighed by `squares` (σ_a⁻² of errors in rad) instead of alike in the network's units.
    pub fn weighed(mut self, squares: &Joints) -> Learner {
        let scale = self.normalisation.output_scale();
        let raw: Joints = std::array::from_fn(|i| squares[i] * scale[i] * scale[i]);
        let mean = raw.iter().sum::<f64>() / JOINTS as f64;
        if mean > 0.0 {
            self.weights = raw.map(|weight| (weight / mean) as f32);
        }
        self
    }

    /// Begins a minibatch.
    pub fn begin(&mut self) {
        self.inputs.clear();
        self.targets.clear();
    }

    /// Adds a pair to the minibatch; beyond its size, pairs are left out.
    pub fn add(&mut self, O_T_EE: &Pose, q: &Joints) {
        if self.targets.len() == self.targets.capacity() {
            return;
        }
        let (mut x, mut y) = ([0.0; Input::WIDTH_MAX], [0.0; JOINTS]);
        let x = &mut x[..self.input.width()];
        self.normalisation.normalise_input(&self.input.numbers(O_T_EE), x);
        self.normalisation.normalise_output(q, &mut y);
        self.inputs.extend_from_slice(x);
        self.targets.push(y);
    }

    /// One step of Adam on the mean squared error of the minibatch, over samples and joints, dimensionless.
    pub fn step(&mut self) {
        if self.targets.is_empty() {
            return;
        }
        let (targets, weights) = (&self.targets, &self.weights);
        let share = 2.0 / (targets.len() * JOINTS) as f32;
        self.workspace.gradient_of(&self.network, &self.inputs, |sample, output| {
            let target = &targets[sample];
            std::array::from_fn(|i| share * weights[i] * (output[i] - target[i]))
        });
        let isa = self.network.isa();
        self.adam.step(isa, self.network.parameters_mut(), self.workspace.gradient(), self.learning_rate);
        let weights = self.network.parameters();
        self.average
            .iter_mut()
            .zip(weights)
            .for_each(|(average, w)| *average += (w - *average) / AVERAGE_STEPS);
    }

    /// Writes the weights into a policy of the same sizes.
    pub fn write_to(&self, policy: &mut Policy) {
        policy.take_parameters(&self.network);
    }

    /// Writes the average of the last weights into a policy of the same sizes.
    pub fn write_average(&self, policy: &mut Policy) {
        let parameters = policy.network_mut().parameters_mut();
        parameters.iter_mut().zip(&self.average).for_each(|(p, average)| *p = *average);
    }

    /// Takes `policy`, which was this learner's once, a share of the way to the average of its last weights: 1 is all
    /// of it.
    ///
    /// For policies as near as these, outputs go the same share of their way but for a small rest.
    pub fn write_towards(&self, policy: &mut Policy, share: f32) {
        let to = &self.average;
        policy.network_mut().parameters_mut().iter_mut().zip(to).for_each(|(p, to)| *p += share * (to - *p));
    }

    /// Begins anew from a policy's weights.
    pub fn restart_from(&mut self, policy: &Policy) {
        self.network.parameters_mut().copy_from_slice(policy.network().parameters());
        self.average.copy_from_slice(policy.network().parameters());
        self.adam.reset();
    }
}
