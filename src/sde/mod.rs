//! Diffusion processes and the targets they perturb.
