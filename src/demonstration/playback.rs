//! Joints of an episode over its own time, as the control loop plays them: smooth, a row each millisecond.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]
use crate::robot::limits::CYCLE_S;
use crate::robot::{JOINTS, Joints};

/// A motion of the joints from rest to rest; nothing here allocates or panics but [`Playback::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct Playback {
    /// At each millisecond, rad.
    rows: Vec<Joints>,
}

impl Playback {
    /// Through `rows`, rad, a millisecond apart; there is at least one.
    pub fn new(rows: Vec<Joints>) -> Playback {
        Playback { rows }
    }

    /// How long it takes at its own pace, s.
    pub fn duration_s(&self) -> f64 {
        self.rows.len().saturating_sub(1) as f64 * CYCLE_S
    }

    /// The joints, rad, `tau_s` after its start; held at the ends, and at the start for what is no time.
    pub fn at(&self, tau_s: f64) -> Joints {
        let place = (tau_s / CYCLE_S).max(0.0).min(self.rows.len() as f64);
        let k = place as usize;
        let u = place - k as f64;
        let row = |k: usize| self.rows.get(k).or(self.rows.last()).copied().unwrap_or([0.0; JOINTS]);
        let [before, a, b, after] = [row(k.saturating_sub(1)), row(k), row(k + 1), row(k + 2)];
        let mut q = a;
        for ((((q, before), a), b), after) in q.iter_mut().zip(before).zip(a).zip(b).zip(after) {
            // The cubic whose slopes at the rows are those of their neighbours.
            let (m0, m1, chord) = (0.5 * (b - before), 0.5 * (after - a), b - a);
            let (c, d) = (chord * 3.0 - m0 * 2.0 - m1, m0 + m1 - chord * 2.0);
            *q += (m0 + (c + d * u) * u) * u;
        }
        q
    }

    /// The joints at each millisecond, rad.
    pub fn rows(&self) -> &[Joints] {
        &self.rows
    }
}
