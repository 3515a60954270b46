//! Diffusion processes and the targets they perturb; the mathematics is in `docs/sde.md`.
//!
//! Training draws positions off the demonstration ([`Targets`]); at run time the same pull brings the arm
//! back to it ([`Follower`]).
mod deviation;
mod fit;
mod options;
mod perturb;
mod pose;
mod process;
mod track;

pub use deviation::Follower;
pub use fit::{Estimate, Fit, FitError, fit};
pub use options::{Form, Kind, Options};
pub use perturb::{Counts, PoseTarget, Target, Targets};
pub use pose::{Deviation, PoseProcess, deviate, deviation};
pub use process::{Process, Transition};
