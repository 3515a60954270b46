//! What a run tells: figures of the drive, and the report file.
mod curve;
mod drive;
mod report;
mod spread;

pub use curve::{Curve, CurvePoint};
pub use drive::{Drive, DriveFigures};
pub use report::{Ending, Report};
pub use spread::Spread;
