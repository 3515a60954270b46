//! The network that turns an end-effector position (or pose) into seven joint angles: evaluate, learn, keep.
//!
//! ```text
//! O_p_EE (m, f64) ─ normalisation ─► Network (f32, dimensionless) ─ normalisation ─► q (rad, f64)
//! ```
//!
//! [`Policy::evaluate`] is the control loop's: no allocation, no lock, no panic. [`Workspace`] and [`Adam`]
//! are the trainer's, all memory taken in `new`. One buffer holds all parameters ([`layout`]); one kernel
//! source computes every product ([`kernel`]).
pub mod activation;
pub mod adam;
pub mod buffer;
pub mod card;
pub mod checksum;
pub mod file;
pub mod input;
pub mod kernel;
pub mod layout;
pub mod network;
pub mod normalisation;
mod tensors;
pub mod units;
pub mod workspace;

pub use activation::Activation;
pub use adam::Adam;
pub use card::{Card, Region};
pub use file::Error;
pub use input::Input;
pub use layout::Layout;
pub use network::{Network, Scratch};
pub use normalisation::Normalisation;
pub use workspace::Workspace;

use crate::kinematics::Pose;
use crate::range::{Violation, check_count, check_that};
use crate::robot::Joints;
use serde::{Deserialize, Serialize};

/// Widest hidden layer and most hidden layers: beyond these one millisecond is too short for one answer.
const MAX_WIDTH: usize = 1024;
const MAX_HIDDEN: usize = 8;

/// The shape of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Widths of the hidden layers, input to output.
    pub hidden: Vec<usize>,
    /// Their activation.
    pub activation: Activation,
    /// What it is asked with.
    pub input: Input,
}

impl Default for Options {
    fn default() -> Self {
        Self { hidden: vec![128, 128], activation: Activation::Silu, input: Input::Position }
    }
}

impl Options {
    /// The original's network: 128, 256, 128, ReLU.
    pub fn original() -> Self {
        Self { hidden: vec![128, 256, 128], activation: Activation::Relu, input: Input::Position }
    }

    /// Every option outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        let depth = self.hidden.len();
        let allowed = "1 to 8 hidden layers";
        check_that(&mut violations, "hidden", depth, (1..=MAX_HIDDEN).contains(&depth), allowed);
        for &width in &self.hidden {
            check_count(&mut violations, "hidden", width, 1..=MAX_WIDTH, "");
        }
        violations
    }
}

/// A network with its units and its card, ready to be asked.
#[derive(Clone, Debug)]
pub struct Policy {
    network: Network,
    normalisation: Normalisation,
    card: Card,
    scratch: Scratch,
    normal: Box<[f32]>,
}

impl Policy {
    /// Puts a network and its units together; `None` when they disagree about the number of inputs.
    pub fn new(network: Network, normalisation: Normalisation, card: Card) -> Option<Self> {
        let inputs = network.layout().inputs();
        (inputs == normalisation.inputs()).then(|| Self {
            scratch: Scratch::new(network.layout()),
            normal: std::iter::repeat_n(0.0, inputs).collect(),
            network,
            normalisation,
            card,
        })
    }

    /// The joints, rad, for one input: the end-effector position in the base frame, m, or the numbers of its
    /// pose, as the card's [`Input`] says.
    ///
    /// No allocation, lock or panic. An input of another length gives NaN joints, which no command accepts;
    /// so does an input that is not finite.
    pub fn evaluate(&mut self, input: &[f64]) -> Joints {
        if input.len() != self.normal.len() {
            return [f64::NAN; 7];
        }
        self.normalisation.normalise_input(input, &mut self.normal);
        self.normalisation.denormalise_output(self.network.forward(&self.normal, &mut self.scratch))
    }

    /// The joints, rad, for the end effector at `O_T_EE` in the base frame: [`Self::evaluate`] of what the card's
    /// [`Input`] makes of it.
    pub fn ask(&mut self, O_T_EE: &Pose) -> Joints {
        let input = self.card.input;
        self.evaluate(input.numbers(O_T_EE).get(..input.width()).unwrap_or_default())
    }

    /// Whether `O_T_EE` lies where it was trained, or not farther outside than `margin_m`; a policy that does not say
    /// where that is knows nothing. No allocation.
    pub fn knows(&self, O_T_EE: &Pose, margin_m: f64) -> bool {
        let Card { input, region, .. } = &self.card;
        region.as_ref().is_some_and(|region| region.contains_pose(*input, O_T_EE, margin_m))
    }

    /// Takes over the parameters of a network of the same layout, without allocation.
    ///
    /// Returns whether the layouts agree; nothing changes when they do not.
    pub fn take_parameters(&mut self, network: &Network) -> bool {
        let agree = network.layout() == self.network.layout();
        if agree {
            self.network.parameters_mut().copy_from_slice(network.parameters());
        }
        agree
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network, to be trained further.
    pub fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// Means and scales.
    pub fn normalisation(&self) -> &Normalisation {
        &self.normalisation
    }

    /// Where it was trained, with which tool.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The card, to be completed before saving.
    pub fn card_mut(&mut self) -> &mut Card {
        &mut self.card
    }
}

/// Inputs and what a policy answers, for another implementation to be compared with (`check_policy.py`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Inputs, m.
    pub inputs: Vec<Vec<f64>>,
    /// Answers, rad.
    pub q_rad: Vec<Joints>,
}

/// Asks `policy` at each of `points`, m.
pub fn probe(policy: &mut Policy, points: &[Vec<f64>]) -> Probe {
    Probe { inputs: points.to_vec(), q_rad: points.iter().map(|point| policy.evaluate(point)).collect() }
}
