//! What is minimised: E ½‖(a* − π(s))/σ_a‖² over demonstrations, plus λ times the same over perturbed targets.
//!
//! With σ_a = 1 rad and λ = 0 this has the minimiser of the mean squared error in rad². What is *reported* is
//! always that: `loss_mse_rad2`, the mean over samples and the seven joints, PyTorch's convention.
use super::batches::Samples;
use crate::demonstration::Example;
use crate::kinematics::{Pose, jacobian};
use crate::policy::Normalisation;
use crate::robot::{JOINTS, Joints};
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
            Self::Tool => {
                // A few dozen poses say it; the data may be large.
                let every = examples.len().div_ceil(64).max(1);
                let mut sum = [0.0; JOINTS];
                for example in examples.iter().step_by(every) {
                    let O_J_EE = jacobian(&example.q, F_T_EE);
                    for j in 0..JOINTS {
                        let (linear, angular) =
                            (O_J_EE.fixed_view::<3, 1>(0, j), O_J_EE.fixed_view::<3, 1>(3, j));
                        sum[j] += linear.norm_squared() + ROTATION_ARM_M.powi(2) * angular.norm_squared();
                    }
                }
                sum
            }
        };
        let mean = raw.iter().sum::<f64>() / JOINTS as f64;
        if mean > 0.0 { raw.map(|w| w / mean) } else { [1.0; JOINTS] }
    }
}

/// The slopes of one step, and the sum of squared errors they were made from.
pub(super) struct Objective {
    /// Slope by an output per unit of normalised error, for demonstrations and for targets.
    slopes: [[f32; JOINTS]; 2],
    /// To rad².
    squares: [f64; JOINTS],
    /// Squared error of demonstrations, rad², since [`Self::take_loss`].
    sum_rad2: f64,
    count: usize,
}

impl Objective {
    /// `weights` are σ_a⁻²; `lambda` weighs the perturbed targets.
    pub(super) fn new(weights: &Joints, lambda: f64, units: &Normalisation) -> Self {
        let scale = units.output_scale();
        let slope = |share: f64| std::array::from_fn(|j| (share * weights[j] * scale[j] * scale[j]) as f32);
        let squares = scale.map(|scale| scale * scale);
        Self { slopes: [slope(1.0), slope(lambda)], squares, sum_rad2: 0.0, count: 0 }
    }

    /// The slope of one sample's loss by its outputs. The first `demonstrations` of the batch are such.
    pub(super) fn slope(
        &mut self,
        batch: &Samples,
        demonstrations: usize,
        sample: usize,
        output: &[f32; JOINTS],
    ) -> [f32; JOINTS] {
        let label = batch.output(sample);
        let demonstrated = sample < demonstrations;
        let kind = if demonstrated { demonstrations } else { batch.len() - demonstrations };
        let (slopes, share) = (&self.slopes[usize::from(!demonstrated)], 1.0 / (kind * JOINTS) as f32);
        let error: [f32; JOINTS] = std::array::from_fn(|j| output[j] - label[j]);
        if demonstrated {
            self.sum_rad2 +=
                (0..JOINTS).map(|j| self.squares[j] * f64::from(error[j] * error[j])).sum::<f64>();
            self.count += 1;
        }
        std::array::from_fn(|j| share * slopes[j] * error[j])
    }

    /// Mean squared error of the demonstrations since the last call, rad².
    pub(super) fn take_loss(&mut self) -> f64 {
        let loss = self.sum_rad2 / (self.count * JOINTS) as f64;
        (self.sum_rad2, self.count) = (0.0, 0);
        loss
    }
}
