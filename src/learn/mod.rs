//! Objective, batches, training, trainer thread, gate.
mod batches;
pub mod experience;
pub mod gate;
pub mod judge;
mod learner;
pub mod objective;
mod readout;
pub mod train;
pub mod trainer;

pub use learner::Learner;
pub use trainer::{Counts as TrainerCounts, Trainer};
