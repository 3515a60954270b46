//! Paths, time laws, expert labels, import; episodes, their store and export.
pub mod audit;
pub mod csv;
mod dataset;
pub mod drawing;
pub mod episode;
pub mod expert;
pub mod export;
mod filter;
pub mod foreign;
pub mod import;
pub mod json;
pub mod path;
mod pose_label;
mod profile;
pub mod sample;
pub mod shapes;
pub mod store;
mod survey;
pub mod time_law;
pub mod timed_path;
mod turning;

pub use audit::Audit;
pub use dataset::{BOX_MAX_M, BOX_MIN_M, Dataset, Error, Example, LabelledBy};
pub use pose_label::OtherTool;
pub use survey::{DESCRIBED_MAX, Extreme, Survey, Unlabelled};
