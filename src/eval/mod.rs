//! How good a policy is: its error, then its drives on the simulated robot, beside those of honest baselines.
//!
//! ```text
//!  seed ─► Scenario ─► disturbance ─► sim::Sim ◄── driver, control thread, lockstep ──► ticks
//!  Contender (policy, analytic, polynomial, nearest) ──────────┘                          │
//!                     table, JSON ◄── Interval over the seeds ◄── metrics, smoothness ◄───┘
//! ```
//!
//! Every drive goes through the real driver and the real control thread; only time is the simulator's, so that one
//! seed gives one answer. `docs/eval.md` defines every figure.
mod baseline;
mod drive;
mod metrics;
mod options;
mod plan;
mod polynomial;
mod scenario;
pub mod smoothness;
mod statistics;
mod summary;

pub use baseline::{Contender, Table};
pub use drive::{Drove, Error, Task, Tick};
pub use metrics::{Recovery, recoveries};
pub use options::Options;
pub use plan::{Plan, Progress, run};
pub use polynomial::Polynomial;
pub use scenario::{Disturbance, Scenario};
pub use statistics::Interval;
pub use summary::{Episode, ScenarioFigures, Success};
