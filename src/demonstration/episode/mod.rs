//! Episodes: every tick of a demonstration or a run in one durable file.
//!
//! The file is MCAP (mcap.dev) with protobuf messages, so that Foxglove, PlotJuggler and Rerun open it: topic
//! `/franka/state`, schema `franka_imit.State` (`state.proto`), and metadata records `episode`, `robot` and `end`.
mod damage;
mod meta;
mod reader;
mod tick;
mod wire;
mod writer;

pub use damage::{Damage, Error};
pub use meta::{End, FORMAT, Meta, RobotMeta};
pub use reader::{Reading, parse, read};
pub use tick::{Gripper, Tick};
pub use writer::{Options, Writer, step};

/// The ending of an episode's file name.
pub const EXTENSION: &str = "mcap";
/// What is added to it while the file is being written.
pub const PART: &str = "part";

/// One demonstration, or one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// What it is and how it came to be.
    pub meta: Meta,
    /// Every tick, in order of time.
    pub ticks: Vec<Tick>,
    /// How the recording ended; none when it was cut off.
    pub end: Option<End>,
}

/// Milliseconds that are missing between two ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The tick after the gap, counted from 0.
    pub index: usize,
    /// Ticks that should lie before it.
    pub missing: u64,
}

impl Episode {
    /// From the first tick to the last by the robot's clock, s.
    pub fn length_s(&self) -> f64 {
        match (self.ticks.first(), self.ticks.last()) {
            (Some(first), Some(last)) => last.robot_time_ms.saturating_sub(first.robot_time_ms) as f64 * 1e-3,
            _ => 0.0,
        }
    }

    /// Where milliseconds are missing.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> + '_ {
        gaps(&self.ticks)
    }
}

/// Where milliseconds are missing between `ticks`.
pub fn gaps(ticks: &[Tick]) -> impl Iterator<Item = Gap> + '_ {
    ticks.windows(2).enumerate().filter_map(|(i, pair)| {
        let missing = pair[1].robot_time_ms.saturating_sub(pair[0].robot_time_ms).saturating_sub(1);
        (missing > 0).then_some(Gap { index: i + 1, missing })
    })
}
