//! A session's episodes, counted. Where they are written is still to come: until then this says that nothing is.
use super::Args;
use crate::control::Pulse;
use crate::demonstration::sample::Sample;
use crate::robot::{State, panda};
use crate::teach::{Because, Mark, Sink};
use crate::timing::Cycle;
use serde::Serialize;
use std::path::Path;

/// An episode that was kept, for the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Kept {
    number: u64,
    ticks: u64,
}

pub(super) struct Episodes {
    kept: Vec<Kept>,
    ticks: u64,
}

pub(super) fn check_folder(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

impl Episodes {
    pub(super) fn new(
        _: &Args,
        _: &str,
        _: &State,
        _: &panda::Options,
        _: &Pulse,
        _: Option<usize>,
    ) -> anyhow::Result<Episodes> {
        Ok(Episodes { kept: Vec::new(), ticks: 0 })
    }

    pub(super) fn first(&self) -> u64 {
        1
    }

    pub(super) fn set_gripper(&mut self, _: Option<crate::robot::gripper::Reading>) {}

    pub(super) fn kept(&self) -> &[Kept] {
        &self.kept
    }
}

impl Sink for Episodes {
    fn begin(&mut self, _: u64) -> Result<(), String> {
        self.ticks = 0;
        Ok(())
    }

    fn add(&mut self, _: &Sample, _: Cycle) {
        self.ticks += 1;
    }

    fn mark(&mut self, _: u64, _: &Mark) {}

    fn end(&mut self, _: u64, _: &Because) {}

    fn keep(&mut self, number: u64) -> Result<String, String> {
        self.kept.push(Kept { number, ticks: self.ticks });
        Ok(format!("counted  {number}: {} ticks, not written", self.ticks))
    }

    fn discard(&mut self, number: u64) -> Result<(), String> {
        self.kept.retain(|kept| kept.number != number);
        Ok(())
    }
}
