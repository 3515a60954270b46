//! What a run tells: figures of the drive, the report file, who holds the robot, the last seconds before an abort, and the whole
//! drive in a file.
mod arrivals;
pub mod black_box;
mod chronicle;
pub mod claim;
mod culprit;
mod curve;
mod drive;
pub mod recorder;
mod report;
mod spread;
mod thinned;
mod timeline;

pub use black_box::{Abort, BlackBox, Finding};
pub use chronicle::Chronicle;
pub use claim::Claim;
pub use culprit::Culprit;
pub use curve::{Curve, CurvePoint};
pub use drive::{Drive, DriveFigures};
pub use recorder::{Recorder, Saved};
pub use report::{Ending, Report, SCHEMA};
pub use spread::Spread;
pub use thinned::Thinned;
pub use timeline::Timeline;
