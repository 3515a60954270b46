//! When a hand guided the arm, when an episode was recorded, and what was learnt by then: for the report, in bounded memory.
use crate::demonstration::sample::{Kind, Sample};
use crate::robot::limits::CYCLE_S;
use crate::teach::State;
use crate::telemetry::Thinned;
use serde::Serialize;

/// Spans of each kind kept: the last ones.
const SPANS: usize = 500;
/// Judgements kept of what is learnt.
const JUDGED: usize = 1000;

/// What a report says of it; times since the first state of the session, s.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Figures {
    length_s: f64,
    /// From when to when a hand guided the arm.
    guided_s: Vec<[f64; 2]>,
    /// What was recorded; of a number that comes again the last counts.
    recorded: Vec<Recorded>,
    /// When what is learnt was judged, and how far it was off then, mm.
    learnt_error_s_mm: Vec<[f64; 2]>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Recorded {
    /// Of the episode.
    number: u64,
    from_s: f64,
    to_s: f64,
}

pub(super) struct Diary {
    start_ms: Option<u64>,
    figures: Figures,
    /// What the last state belonged to.
    is_guided: bool,
    recording: Option<u64>,
    learnt: Thinned<[f64; 2]>,
    error_mm: Option<f64>,
}

impl Diary {
    pub(super) fn new() -> Diary {
        Diary {
            start_ms: None,
            figures: Figures::default(),
            is_guided: false,
            recording: None,
            learnt: Thinned::new(JUDGED),
            error_mm: None,
        }
    }

    /// Adds one state, and what the session was at with it.
    pub(super) fn add(&mut self, sample: &Sample, state: State) {
        let start_ms = *self.start_ms.get_or_insert(sample.state.time_ms);
        let now_s = sample.state.time_ms.saturating_sub(start_ms) as f64 * CYCLE_S;
        let Figures { length_s, guided_s, recorded, .. } = &mut self.figures;
        *length_s = now_s + CYCLE_S;
        let was_guided = std::mem::replace(&mut self.is_guided, sample.kind == Kind::Demonstration);
        if self.is_guided {
            match guided_s.last_mut().filter(|_| was_guided) {
                Some([_, to_s]) => *to_s = *length_s,
                None => push(guided_s, [now_s, *length_s]),
            }
        }
        let number = if let State::Recording(number) = state { Some(number) } else { None };
        let before = std::mem::replace(&mut self.recording, number);
        if let Some(number) = number {
            match recorded.last_mut().filter(|_| before == Some(number)) {
                Some(span) => span.to_s = *length_s,
                None => push(recorded, Recorded { number, from_s: now_s, to_s: *length_s }),
            }
        }
    }

    /// How far off what is learnt is now, mm, where that is known.
    pub(super) fn judged(&mut self, error_mm: Option<f64>) {
        if let Some(mm) = error_mm.filter(|_| error_mm != self.error_mm) {
            self.error_mm = error_mm;
            self.learnt.add([self.figures.length_s, mm]);
        }
    }

    pub(super) fn figures(&self) -> Figures {
        Figures { learnt_error_s_mm: self.learnt.rows().to_vec(), ..self.figures.clone() }
    }
}

fn push<T>(spans: &mut Vec<T>, span: T) {
    if spans.len() == SPANS {
        spans.remove(0);
    }
    spans.push(span);
}
