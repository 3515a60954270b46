//! What a run tells: figures of the drive, and the report file.
mod drive;
mod report;
mod spread;

pub use crate::atomic_file::write as write_atomically;
pub use drive::{Drive, DriveFigures};
pub use report::{Ending, Report};
pub use spread::Spread;
