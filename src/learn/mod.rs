//! Objective, batches, trainer thread, gate, checkpoint.
pub mod experience;
pub mod gate;
mod learner;
pub mod train;
pub mod trainer;

pub use learner::Learner;
pub use trainer::{Counts as TrainerCounts, Trainer};
