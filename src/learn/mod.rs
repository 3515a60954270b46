//! Learning: objective, batches, training, what is judged; trainer thread and gate.
mod batches;
pub mod judge;
pub mod objective;
mod readout;
pub mod train;
