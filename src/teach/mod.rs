//! Teaching by hand: what a person guides becomes episodes, none of them lost, split, merged or kept twice.
//!
//! [`Dialogue`] decides, [`Segmenter`] sees where a motion begins and ends, [`Lesson`] puts both between the samples
//! and where episodes are kept. Nothing here knows a clock, a terminal or a file.
mod dialogue;
mod lesson;
mod segment;

pub use dialogue::{Action, Because, Dialogue, Input, Key, Mark, State};
pub use lesson::{Lesson, Sink, Told};
pub use segment::{Movement, Segmenter};

use crate::range::{Violation, check_range};
use serde::{Deserialize, Serialize};

/// Where an episode begins and ends when no key says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Speed of a joint at which a guided arm moves, rad/s …
    pub moves_rad_s: f64,
    /// … when it lasts so long, s.
    pub moves_s: f64,
    /// Speed below which it rests, rad/s …
    pub rests_rad_s: f64,
    /// … when it lasts so long, s.
    pub rests_s: f64,
    /// What belongs to a motion from before it was seen, s.
    pub before_s: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { moves_rad_s: 0.03, moves_s: 0.03, rests_rad_s: 0.01, rests_s: 1.0, before_s: 0.3 }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "moves_rad_s", self.moves_rad_s, 0.002..=1.0, "rad/s");
        // Another key's nonsense is not this one's.
        let moves_rad_s = if out.is_empty() { self.moves_rad_s } else { 1.0 };
        check_range(&mut out, "rests_rad_s", self.rests_rad_s, 0.001..=moves_rad_s, "rad/s");
        check_range(&mut out, "moves_s", self.moves_s, 0.0..=1.0, "s");
        check_range(&mut out, "rests_s", self.rests_s, 0.1..=30.0, "s");
        check_range(&mut out, "before_s", self.before_s, 0.0..=5.0, "s");
        out
    }
}
