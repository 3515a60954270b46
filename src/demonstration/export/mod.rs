//! Episodes for other programs: LeRobot data sets, CSV, NumPy.
mod columns;
mod frames;
mod lerobot;
mod stats;
mod tables;

pub use columns::{csv, npz, trajectory};
pub use frames::{Frame, frames};
pub use lerobot::{LeRobot, Options};

use std::path::PathBuf;

/// Why episodes cannot be exported; what was there before is untouched.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("{}: already there, and never overwritten: choose another place", place.display())]
    Exists { place: PathBuf },
    #[error("{}: {source}", place.display())]
    Io { place: PathBuf, source: std::io::Error },
    #[error("{}: {source}", place.display())]
    Parquet { place: PathBuf, source: parquet::errors::ParquetError },
    #[error("{}: {source}", place.display())]
    Arrow { place: PathBuf, source: arrow_schema::ArrowError },
    #[error("{episode}: the pose at {at_s:.3} s is none: {why}")]
    Pose { episode: String, at_s: f64, why: String },
    #[error("{episode}: {found} gripper, the episodes before {expected}: export them apart")]
    Gripper { episode: String, found: &'static str, expected: &'static str },
    #[error("no episode was given")]
    Nothing,
}
