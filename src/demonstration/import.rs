//! Data sets from files, and new labels for old positions.
use std::path::Path;

use serde::Serialize;

use super::audit::{Audit, TOOL_UNKNOWN_M};
use super::dataset::{Dataset, Example, LabelledBy};
use super::expert::{self, Expert};
use super::json::{self, Error};
use super::survey::{DESCRIBED_MAX, Unlabelled};
use crate::kinematics::{Point, Pose};
use crate::robot::JOINTS;

impl Dataset {
    /// The data set of a file, as it is; `F_T_EE` says whose positions it gives, or is found from the labels.
    ///
    /// # Errors
    /// [`Error`] for the file and every sample that is wrong; [`Error::ToolUnknown`] when the tool was not given
    /// and no tool explains the labels.
    pub fn load(file: &Path, F_T_EE: Option<Pose>) -> Result<Self, Error> {
        let source = file.display().to_string();
        let examples = json::read(file)?;
        let audit = Audit::of(&examples, &source);
        Self::of_examples(examples, &audit, F_T_EE)
    }

    /// The data set of examples already read and audited; `F_T_EE` as in [`Dataset::load`].
    ///
    /// # Errors
    /// [`Error::ToolUnknown`].
    pub fn of_examples(examples: Vec<Example>, audit: &Audit, F_T_EE: Option<Pose>) -> Result<Self, Error> {
        let source = audit.source.clone();
        if audit.conflicts > 0 {
            let (n, most) = (audit.conflicts, audit.conflict_max_rad);
            log::warn!(
                "{source}: {n} samples contradict an earlier label of their position, by up to {most:.3} rad"
            );
        }
        let residual_m = 1e-3 * audit.tool_residual_mm;
        let F_T_EE = F_T_EE.or(audit.F_T_EE()).ok_or_else(|| Error::ToolUnknown {
            file: source.clone(),
            residual_m,
            max_m: TOOL_UNKNOWN_M,
        })?;
        Ok(Self { examples, F_T_EE, source, labelled_by: LabelledBy::File })
    }

    /// Writes the examples as [`Dataset::load`] reads them, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, file: &Path) -> Result<(), Error> {
        json::write(self, file)
    }

    /// The same positions with the expert's labels, and those dropped for which it has none.
    ///
    /// The positions are taken for those of the expert's end effector.
    pub fn relabel(&self, expert: &Expert) -> Relabelled {
        let mut out = Relabelled {
            dataset: Self {
                examples: Vec::with_capacity(self.examples.len()),
                F_T_EE: *expert.F_T_EE(),
                source: self.source.clone(),
                labelled_by: LabelledBy::Expert(*expert.options()),
            },
            dropped: Dropped::default(),
        };
        for (index, Example { O_p_EE, .. }) in self.examples.iter().enumerate() {
            match expert.label(O_p_EE) {
                Ok(q) => out.dataset.examples.push(Example { O_p_EE: *O_p_EE, q }),
                Err(why) => out.dropped.add(index, O_p_EE, &why),
            }
        }
        out
    }
}

/// A data set with new labels, and what was left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Relabelled {
    /// The examples that have a label; may be empty.
    pub dataset: Dataset,
    /// The others.
    pub dropped: Dropped,
}

/// Samples for which the expert has no label.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Dropped {
    /// Out of the arm's reach, or without a posture.
    pub out_of_reach: usize,
    /// Reached only with a joint outside its limits, by joint 1 to 7.
    pub outside_limits: [usize; JOINTS],
    /// The first of them, at most 20.
    pub first: Vec<Unlabelled>,
}

impl Dropped {
    /// All samples dropped.
    pub fn count(&self) -> usize {
        self.out_of_reach + self.outside_limits.iter().sum::<usize>()
    }

    fn add(&mut self, index: usize, O_p_EE: &Point, why: &expert::Error) {
        match why {
            expert::Error::OutsideLimits { joint, .. } => self.outside_limits[*joint] += 1,
            _ => self.out_of_reach += 1,
        }
        if self.first.len() < DESCRIBED_MAX {
            self.first.push(Unlabelled { index, O_p_EE_m: (*O_p_EE).into(), why: why.to_string() });
        }
    }
}
