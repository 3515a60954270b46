//! The control thread and what one tick of it does.
pub mod clock;
pub mod generator;
