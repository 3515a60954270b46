//! Paths, time laws, expert labels, import.
pub mod audit;
mod dataset;
pub mod expert;
pub mod import;
pub mod json;
mod survey;

pub use audit::Audit;
pub use dataset::{BOX_MAX_M, BOX_MIN_M, Dataset, Error, Example, LabelledBy};
pub use survey::{DESCRIBED_MAX, Extreme, Survey, Unlabelled};
