//! What happened when in a motion that is no drive along a path: a way to a pose, a playback.
use super::arrivals::Arrivals;
use super::timeline::{Bins, Found, Timeline};
use crate::demonstration::sample::{Kind, Sample};

/// Collects a motion's samples by time, in fixed memory.
#[derive(Clone, Debug, Default)]
pub struct Chronicle {
    arrivals: Arrivals,
    bins: Bins,
}

impl Chronicle {
    /// Adds one tick; only one that is driven has an error.
    pub fn add(&mut self, sample: &Sample) {
        let reference = sample.x_ref.translation.vector;
        let error_mm = (sample.kind == Kind::Driven).then(|| 1e3 * (sample.O_p_EE - reference).norm());
        self.bins.add(sample, Found { arrived: self.arrivals.add(sample), error_mm });
    }

    /// What happened when.
    pub fn timeline(&self) -> Timeline {
        self.bins.timeline()
    }
}
