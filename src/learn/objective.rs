//! What is minimised: E ½‖(a* − π(s))/σ_a‖² over demonstrations, plus λ times L over perturbed targets: the same
//! again (form `target`), or the error that π leaves in the world (form `task`).
//!
//! With σ_a = 1 rad and λ = 0 this has the minimiser of the mean squared error in rad². What is *reported* is
//! always that: `loss_mse_rad2`, the mean over samples and the seven joints, PyTorch's convention.
use super::batches::Samples;
use super::crew;
use crate::demonstration::Example;
use crate::kinematics::{Pose, forward_and_jacobian, jacobian};
use crate::policy::Normalisation;
use crate::robot::{JOINTS, Joints};
use nalgebra::Vector6;
use serde::{Deserialize, Serialize};

/// A rotation of the tool by one radian counts as much as this displacement, m: about the length of a hand.
const ROTATION_ARM_M: f64 = 0.1;

/// What an error of one joint weighs against another's: the choice of σ_a.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JointWeights {
    /// σ_a = 1 rad for every joint: the original's mean squared error.
    Equal,
    /// σ_a is the spread of each joint in the data.
    Spread,
    /// 1/σ_a is what a radian of the joint moves the tool, root mean square over the data: an error of the
    /// shoulder, with the arm's length behind it, weighs more than one of the wrist.
    #[default]
    Tool,
}

impl JointWeights {
    /// σ_a⁻² of each joint, scaled to a mean of 1 (Adam does not see the scale).
    pub fn squares(self, examples: &[Example], F_T_EE: &Pose, units: &Normalisation) -> Joints {
        let raw: Joints = match self {
            Self::Equal => [1.0; JOINTS],
            Self::Spread => units.output_scale().map(|scale| 1.0 / (scale * scale)),
            Self::Tool => tool_squares(examples, F_T_EE),
        };
        let mean = raw.iter().sum::<f64>() / JOINTS as f64;
        if mean > 0.0 { raw.map(|w| w / mean) } else { [1.0; JOINTS] }
    }
}

/// What a radian of each joint moves the tool, squared, m²; the mean over the data.
fn tool_squares(examples: &[Example], F_T_EE: &Pose) -> Joints {
    // A few dozen poses say it; the data may be large.
    let every = examples.len().div_ceil(64).max(1);
    let mut sum = [0.0; JOINTS];
    for example in examples.iter().step_by(every) {
        let O_J_EE = jacobian(&example.q, F_T_EE);
        for j in 0..JOINTS {
            let (linear, angular) = (O_J_EE.fixed_view::<3, 1>(0, j), O_J_EE.fixed_view::<3, 1>(3, j));
            sum[j] += linear.norm_squared() + ROTATION_ARM_M.powi(2) * angular.norm_squared();
        }
    }
    sum.map(|sum| sum / examples.len().div_ceil(every).max(1) as f64)
}

/// The samples of one step: demonstrations first, then perturbed targets.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) samples: Samples,
    /// How many are demonstrations.
    pub(super) demonstrations: usize,
}

/// The slopes of one step, and the sum of squared errors they were made from.
#[derive(Clone, Debug)]
pub(super) struct Objective {
    /// Slope by an output per unit of normalised error, for demonstrations and for targets.
    slopes: [[f32; JOINTS]; 2],
    /// To rad².
    squares: [f64; JOINTS],
    task: Option<Task>,
    /// Squared error of demonstrations, rad², since [`Self::take_sum`].
    sum_rad2: f64,
    count: usize,
}

/// What the loss in the world needs: the form `task`.
#[derive(Clone, Debug)]
struct Task {
    units: Normalisation,
    F_T_EE: Pose,
    /// λ, over the same scale that makes the joint weights 1 in the mean: λ means the same in both forms.
    weight: f64,
}

impl Objective {
    /// `weights` are σ_a⁻², `lambda` weighs the perturbed targets.
    pub(super) fn new(weights: &Joints, lambda: f64, units: &Normalisation) -> Self {
        let scale = units.output_scale();
        let slope = |share: f64| std::array::from_fn(|j| (share * weights[j] * scale[j] * scale[j]) as f32);
        let squares = scale.map(|scale| scale * scale);
        Self { slopes: [slope(1.0), slope(lambda)], squares, task: None, sum_rad2: 0.0, count: 0 }
    }

    /// The same with perturbed targets judged in the world; `examples` set the scale against the joints' loss.
    pub(super) fn in_the_world(
        self,
        lambda: f64,
        units: &Normalisation,
        F_T_EE: &Pose,
        examples: &[Example],
    ) -> Self {
        let mean = tool_squares(examples, F_T_EE).iter().sum::<f64>() / JOINTS as f64;
        let weight = if mean > 0.0 { lambda / mean } else { lambda };
        Self { task: Some(Task { units: units.clone(), F_T_EE: *F_T_EE, weight }), ..self }
    }

    /// Counts the error of a demonstration.
    pub(super) fn add_demonstration(&mut self, label: &[f32], output: &[f32; JOINTS]) {
        let errors = output.iter().zip(label).map(|(output, label)| output - label);
        self.sum_rad2 += errors.zip(&self.squares).map(|(e, square)| square * f64::from(e * e)).sum::<f64>();
        self.count += 1;
    }

    /// Squared error of the demonstrations since the last call, rad², and how many joints it is of.
    pub(super) fn take_sum(&mut self) -> (f64, usize) {
        let taken = (self.sum_rad2, self.count * JOINTS);
        (self.sum_rad2, self.count) = (0.0, 0);
        taken
    }
}

impl Task {
    /// The slope of λ L by the outputs of the network.
    fn slope(&self, goal: &Pose, output: &[f32; JOINTS]) -> Joints {
        let (_, g_q) = task_loss(&self.units.denormalise_output(output), goal, &self.F_T_EE);
        let scale = self.units.output_scale();
        std::array::from_fn(|j| self.weight * scale[j] * g_q[j])
    }
}

impl crew::Objective for Objective {
    type Batch = Batch;

    fn inputs(batch: &Batch) -> &[f32] {
        batch.samples.inputs()
    }

    fn slope(&mut self, batch: &Batch, sample: usize, output: &[f32; JOINTS]) -> [f32; JOINTS] {
        let (samples, demonstrations) = (&batch.samples, batch.demonstrations);
        let demonstrated = sample < demonstrations;
        let kind = if demonstrated { demonstrations } else { samples.len() - demonstrations };
        let share = 1.0 / (kind * JOINTS) as f32;
        if let (Some(task), false) = (&self.task, demonstrated)
            && let Some(goal) = samples.goal(samples.len() - 1 - sample)
        {
            return task.slope(goal, output).map(|slope| share * slope as f32);
        }
        let label = samples.output(sample);
        if demonstrated {
            self.add_demonstration(label, output);
        }
        let slopes = &self.slopes[usize::from(!demonstrated)];
        std::array::from_fn(|j| share * slopes[j] * (output[j] - label[j]))
    }
}

/// L = ½ (‖p − p_goal‖² + ℓ² ‖log(R R_goalᵀ)‖²) of joints `q`, m², and its gradient by them, m²/rad; ℓ = 0.1 m.
///
/// The gradient is Jᵀ (e_p, ℓ² e_R): the derivative of the logarithm along its own direction is the identity, so
/// ½ ‖e_R‖² changes by e_Rᵀ ω, with ω the angular velocity in the base frame and nothing else.
pub fn task_loss(q: &Joints, O_T_goal: &Pose, F_T_EE: &Pose) -> (f64, Joints) {
    let (O_T_EE, O_J_EE) = forward_and_jacobian(q, F_T_EE);
    let e_p = O_T_EE.translation.vector - O_T_goal.translation.vector;
    let e_R = (O_T_EE.rotation * O_T_goal.rotation.inverse()).scaled_axis();
    let lever = ROTATION_ARM_M * ROTATION_ARM_M;
    let loss = 0.5 * (e_p.norm_squared() + lever * e_R.norm_squared());
    let force = Vector6::new(e_p.x, e_p.y, e_p.z, lever * e_R.x, lever * e_R.y, lever * e_R.z);
    (loss, (O_J_EE.transpose() * force).into())
}
