//! Where a guided motion begins and where it has ended.
use super::Options;
use crate::demonstration::sample::{Kind, Sample};
use crate::robot::limits::CYCLE_S;

/// What a guided arm has begun to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// A hand moves it.
    Moves,
    /// It has been resting for long enough.
    Rests,
}

/// Sees motion begin and end, sample by sample.
#[derive(Clone, Debug)]
pub struct Segmenter {
    options: Options,
    moves: bool,
    /// How long the opposite has been true, s.
    lasts_s: f64,
}

impl Segmenter {
    /// One that takes the arm to rest.
    pub fn new(options: &Options) -> Segmenter {
        Segmenter { options: options.clone(), moves: false, lasts_s: 0.0 }
    }

    /// What has begun with this sample. Only what a hand does counts as motion.
    pub fn look(&mut self, sample: &Sample) -> Option<Movement> {
        let speed = sample.state.dq.iter().fold(0.0, |fastest: f64, dq| fastest.max(dq.abs()));
        let o = &self.options;
        let (other, for_s) = if self.moves {
            (speed < o.rests_rad_s, o.rests_s)
        } else {
            (speed > o.moves_rad_s && sample.kind == Kind::Demonstration, o.moves_s)
        };
        let passed_s = (1.0 + f64::from(sample.lost)) * CYCLE_S;
        self.lasts_s = if other { self.lasts_s + passed_s } else { 0.0 };
        if self.lasts_s <= for_s {
            return None;
        }
        (self.moves, self.lasts_s) = (!self.moves, 0.0);
        Some(if self.moves { Movement::Moves } else { Movement::Rests })
    }
}
