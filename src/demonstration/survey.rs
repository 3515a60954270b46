//! What an expert makes of a row of points: where it has no answer, and how smooth the answers are.
use serde::Serialize;

use super::expert::Expert;
use crate::kinematics::{Point, Pose, limit_margin_rad, tool_down};
use crate::robot::Joints;

/// Points without a label that a survey describes one by one; beyond, it only counts them.
pub const DESCRIBED_MAX: usize = 20;

/// An expert's labels along a row of points.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Survey {
    /// Points given.
    pub points: usize,
    /// Points without a label.
    pub unlabelled: usize,
    /// The first of these, at most [`DESCRIBED_MAX`].
    pub unlabelled_first: Vec<Unlabelled>,
    /// The joint that comes nearest to one of its limits, and how near.
    pub limit_margin_min: Option<Extreme>,
    /// The largest change of a joint from one point to the next.
    pub step_max: Option<Extreme>,
}

/// A point the expert has no label for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unlabelled {
    /// Its place in the row, from 0.
    pub index: usize,
    /// The end effector, base frame, m.
    pub O_p_EE_m: [f64; 3],
    /// The expert's words.
    pub why: String,
}

/// The most or least of something, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Extreme {
    /// The joint, 1 to 7.
    pub joint: usize,
    /// The point's place in the row, from 0; of a step, the point it leads to.
    pub index: usize,
    /// How much, rad.
    pub rad: f64,
}

/// The joint (from 0) that changes most from `a` to `b`, and by how much, rad.
pub(super) fn largest_change_rad(a: &Joints, b: &Joints) -> (usize, f64) {
    let changes = a.iter().zip(b).map(|(a, b)| (b - a).abs());
    changes.enumerate().fold((0, 0.0), |most, this| if this.1 > most.1 { this } else { most })
}

impl Expert {
    /// Labels `points` (base frame, m), the tool pointing down, in their order and reports what stands out.
    pub fn survey(&self, points: &[Point]) -> Survey {
        self.survey_poses(points.iter().map(|p| Pose::from_parts((*p).into(), tool_down())))
    }

    /// [`Self::survey`] of whole poses.
    pub fn survey_poses(&self, poses: impl Iterator<Item = Pose>) -> Survey {
        let mut survey = Survey::default();
        let mut before: Option<Joints> = None;
        for (index, pose) in poses.enumerate() {
            survey.points += 1;
            let label = self.label_pose(&pose);
            match label {
                Ok(q) => {
                    let (joint, rad) = limit_margin_rad(&q);
                    if survey.limit_margin_min.is_none_or(|least| rad < least.rad) {
                        survey.limit_margin_min = Some(Extreme { joint: joint + 1, index, rad });
                    }
                    if let Some(before) = before {
                        let (joint, rad) = largest_change_rad(&before, &q);
                        if survey.step_max.is_none_or(|most| rad > most.rad) {
                            survey.step_max = Some(Extreme { joint: joint + 1, index, rad });
                        }
                    }
                }
                Err(error) => {
                    survey.unlabelled += 1;
                    if survey.unlabelled_first.len() < DESCRIBED_MAX {
                        let unlabelled = Unlabelled {
                            index,
                            O_p_EE_m: pose.translation.vector.into(),
                            why: error.to_string(),
                        };
                        survey.unlabelled_first.push(unlabelled);
                    }
                }
            }
            before = label.ok();
        }
        survey
    }
}
