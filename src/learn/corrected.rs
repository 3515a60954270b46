//! What became of a person's pushes, for the report.
use serde::Serialize;

/// One correction, for the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Laps since the start of the drive.
    pub lap: f64,
    /// Where on the path it begins and how long it is, m of arc length.
    pub at_m: f64,
    #[allow(missing_docs)]
    pub length_m: f64,
    /// The longest displacement, mm.
    pub largest_mm: f64,
    /// Why it was refused; none if it was learnt.
    pub refused: Option<String>,
}

/// What became of pushes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Corrections that displaced the path.
    pub learnt: u64,
    /// Corrections that did not.
    pub refused: u64,
    /// Pushes that asked for less than `correction.least_m`.
    pub too_small: u64,
    /// Corrections taken back by the operator.
    pub taken_back: u64,
    /// Whether there is one to take back.
    #[serde(skip)]
    pub may_take_back: bool,
    /// Each of the last ones.
    pub each: Vec<Entry>,
}

impl Report {
    /// Grows with everything that happens.
    pub fn news(&self) -> u64 {
        self.learnt + self.refused + self.too_small + self.taken_back
    }
}
