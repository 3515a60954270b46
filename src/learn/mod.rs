//! Objective, batches, trainer thread, gate, checkpoint.
