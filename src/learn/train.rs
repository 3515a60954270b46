//! Offline training (first slice).
use crate::range::Violation;
use serde::{Deserialize, Serialize};
/// How to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Seed.
    pub seed: u64,
    /// Steps.
    pub steps: usize,
}
impl Default for Options {
    fn default() -> Self {
        Options { seed: 1, steps: 3000 }
    }
}
impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        Vec::new()
    }
}
/// Report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// s
    pub train_s: f64,
    /// steps
    pub steps: u64,
}
