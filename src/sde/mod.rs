//! Diffusion processes and the targets they perturb; the mathematics is in `docs/sde.md`.
mod options;

pub use options::{Kind, Options};
