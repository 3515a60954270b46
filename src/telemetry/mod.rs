//! What a run tells: figures of the drive, and the report file.
mod drive;
mod report;
mod spread;

pub use drive::{Drive, DriveFigures};
pub use report::{Ending, Report};
pub use spread::Spread;
