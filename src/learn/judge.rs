//! What a policy leaves in the world: FK(π(x)) against x.
use crate::demonstration::Example;
use crate::kinematics::{Pose, forward};
use crate::policy::Policy;
use crate::robot::limits::{Q_MAX, Q_MIN};
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

/// Errors of a policy over samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// How many samples.
    pub judged: usize,
    /// Distance of FK(π(x)) from x, mm.
    pub error_mm: Errors,
    /// Angle between the tool's axis z and that of the label, mrad.
    pub tilt_mrad: Errors,
    /// Angle between the tool's orientation and that of the label, mrad.
    pub orientation_mrad: Errors,
    /// Answers with a joint outside Franka's position limits.
    pub limit_violations: usize,
}

/// Mean, 95th percentile and maximum of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names say it
pub struct Errors {
    pub mean: f64,
    pub p95: f64,
    pub max: f64,
}

impl Errors {
    /// Of any values; zeros of none.
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values.get((share * values.len() as f64) as usize).or(values.last()).copied();
        Self {
            mean: values.iter().sum::<f64>() / values.len().max(1) as f64,
            p95: at(0.95).unwrap_or(0.0),
            max: at(1.0).unwrap_or(0.0),
        }
    }
}

/// Asks `policy` at every example; positions are compared with the example's, orientations with its label's.
pub fn judge(policy: &mut Policy, examples: &[Example], F_T_EE: &Pose) -> Judgement {
    judge_by(|pose| policy.ask(pose), examples, F_T_EE)
}

/// The mean of [`Judgement::error_mm`] alone; never allocates.
pub(super) fn mean_error_mm(policy: &mut Policy, examples: &[Example], F_T_EE: &Pose) -> f64 {
    let mut sum_mm = 0.0;
    for example in examples {
        let turned = forward(&example.q, F_T_EE).rotation;
        let q = policy.ask(&Pose::from_parts(example.O_p_EE.into(), turned));
        sum_mm += 1e3 * (forward(&q, F_T_EE).translation.vector - example.O_p_EE).norm();
    }
    sum_mm / examples.len().max(1) as f64
}

/// [`judge`] of whatever answers with joints, rad, to a pose of the end effector.
pub fn judge_by(
    mut evaluate: impl FnMut(&Pose) -> crate::robot::Joints,
    examples: &[Example],
    F_T_EE: &Pose,
) -> Judgement {
    let (mut error_mm, mut tilt_mrad, mut orientation_mrad) = (Vec::new(), Vec::new(), Vec::new());
    let mut limit_violations = 0;
    for example in examples {
        let label = forward(&example.q, F_T_EE);
        let q = evaluate(&Pose::from_parts(example.O_p_EE.into(), label.rotation));
        let pose = forward(&q, F_T_EE);
        let (z, z_label) = (pose.rotation * Vector3::z(), label.rotation * Vector3::z());
        error_mm.push(1e3 * (pose.translation.vector - example.O_p_EE).norm());
        tilt_mrad.push(1e3 * z.cross(&z_label).norm().atan2(z.dot(&z_label)));
        orientation_mrad.push(1e3 * pose.rotation.angle_to(&label.rotation));
        let outside = q.iter().zip(Q_MIN.iter().zip(&Q_MAX)).any(|(q, (min, max))| !(min..=max).contains(&q));
        limit_violations += usize::from(outside);
    }
    Judgement {
        judged: examples.len(),
        error_mm: Errors::of(error_mm),
        tilt_mrad: Errors::of(tilt_mrad),
        orientation_mrad: Errors::of(orientation_mrad),
        limit_violations,
    }
}
