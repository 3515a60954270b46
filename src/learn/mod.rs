//! Learning before and while the arm drives: objective, batches, training, trainer thread, gate.
pub mod adapt;
pub mod apprentice;
mod batches;
pub mod checkpoint;
pub mod corrected;
pub mod correction;
pub mod crew;
pub mod deflection;
mod draw;
pub mod experience;
pub mod gate;
pub mod judge;
mod learner;
pub mod objective;
mod options;
pub mod places;
mod readout;
mod shown;
mod steps;
mod thread;
pub mod train;
pub mod trainer;
pub mod watch;
pub mod work;

pub use apprentice::Apprentice;
pub use learner::Learner;
pub use trainer::{Counts as TrainerCounts, Trainer};
