//! One minibatch step of the trainer that goes on while the arm drives: all memory taken once.
use super::INPUTS;
use crate::kinematics::Point;
use crate::policy::{Adam, Network, Normalisation, Policy, Workspace};
use crate::robot::{JOINTS, Joints};

/// Weights, optimiser and one minibatch.
pub struct Learner {
    network: Network,
    normalisation: Normalisation,
    workspace: Workspace,
    adam: Adam,
    learning_rate: f64,
    inputs: Vec<f32>,
    targets: Vec<[f32; JOINTS]>,
}

impl Learner {
    /// A learner that starts from `policy`'s weights, with minibatches of at most `batch`.
    pub fn new(policy: &Policy, batch: usize, learning_rate: f64) -> Learner {
        let network = policy.network().clone();
        Learner {
            workspace: Workspace::new(network.layout(), batch),
            adam: Adam::new(network.parameters().len()),
            network,
            normalisation: policy.normalisation().clone(),
            learning_rate,
            inputs: Vec::with_capacity(batch * INPUTS),
            targets: Vec::with_capacity(batch),
        }
    }

    /// Begins a minibatch.
    pub fn begin(&mut self) {
        self.inputs.clear();
        self.targets.clear();
    }

    /// Adds a pair to the minibatch; beyond its size, pairs are left out.
    pub fn add(&mut self, O_p_EE: &Point, q: &Joints) {
        if self.targets.len() == self.targets.capacity() {
            return;
        }
        let (mut x, mut y) = ([0.0; INPUTS], [0.0; JOINTS]);
        self.normalisation.normalise_input(O_p_EE.as_slice(), &mut x);
        self.normalisation.normalise_output(q, &mut y);
        self.inputs.extend_from_slice(&x);
        self.targets.push(y);
    }

    /// One step of Adam on the mean squared error of the minibatch, over samples and joints, dimensionless.
    pub fn step(&mut self) {
        let targets = &self.targets;
        let share = 2.0 / (targets.len() * JOINTS) as f32;
        self.workspace.gradient_of(&self.network, &self.inputs, |sample, output| {
            let target = &targets[sample];
            std::array::from_fn(|i| share * (output[i] - target[i]))
        });
        let isa = self.network.isa();
        self.adam.step(isa, self.network.parameters_mut(), self.workspace.gradient(), self.learning_rate);
    }

    /// Writes the weights into a policy of the same sizes.
    pub fn write_to(&self, policy: &mut Policy) {
        policy.take_parameters(&self.network);
    }

    /// Begins anew from a policy's weights.
    pub fn restart_from(&mut self, policy: &Policy) {
        self.network.parameters_mut().copy_from_slice(policy.network().parameters());
        self.adam.reset();
    }
}
