//! What a run tells: figures of the drive, the report file, the live line.
mod drive;
mod report;
mod spread;

pub use drive::{Drive, DriveFigures};
pub use report::{Ending, Report, write_atomically};
pub use spread::Spread;
