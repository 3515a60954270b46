//! Pure: (last desired state, proposal) to (command, verdict, margin); total on any bits.
//!
//! A legal proposal passes unchanged, bit for bit. [`Guard`] asks in turn:
//! [`Limiter`]: each joint's position with its braking distance, velocity with head-room for lost commands,
//! acceleration and jerk; an illegal step becomes the nearest legal one.
//! Speed of the end effector: a step that is too fast becomes one nearer to the brake.
//! [`Workspace`]: box, table, walls and the arm's own links; a step from which the brake would not end clear of them
//! becomes the brake. The brake from a state that was let through is clear, so the arm stops in time.
//!
//! [`Watchdog`] looks at what the robot reports; [`start`] at where a motion would begin.
mod guard;
mod limiter;
mod margin;
mod options;
pub mod start;
mod stop;
mod verdict;
mod watchdog;
mod workspace;

pub use guard::{Guard, Judged};
pub use limiter::{Limiter, Motion};
pub use margin::{Limit, Margin, Part};
pub use options::Options;
pub use verdict::Verdict;
pub use watchdog::Watchdog;
pub use workspace::Workspace;
