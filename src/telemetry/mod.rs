//! What a run tells.
mod report;
mod spread;
pub use report::{Ending, Report, write_atomically};
pub use spread::{Spread, SpreadFigures};
