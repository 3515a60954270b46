//! What people ask of a drive while it goes on: by a signal, a key or the page.
use super::super::keys::{Key, Keys};
use super::Watched;
use super::back::go_back;
use crate::control::links::{OperatorEnds, Request, Tempo};
use crate::learn::Trainer;
use crate::telemetry::Drive;
use crate::web::Wishes;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// What was asked for, and what of it the control thread has been told.
pub(super) struct Orders<'a> {
    watched: Option<Watched<'a>>,
    stop: &'a AtomicBool,
    trainer: Option<&'a Trainer>,
    keys: Option<Keys>,
    rest: Option<Request>,
    tempo: Tempo,
    /// What of the page's wishes has been seen to.
    seen: Wishes,
}

impl<'a> Orders<'a> {
    /// Of a drive that begins at `tempo`.
    pub(super) fn new(
        watched: Option<Watched<'a>>,
        stop: &'a AtomicBool,
        trainer: Option<&'a Trainer>,
        tempo: Tempo,
        is_compliant: bool,
    ) -> Orders<'a> {
        let keys = trainer.and_then(|_| Keys::open());
        if keys.is_some() {
            let correction = if is_compliant { "takes the last correction back, then " } else { "" };
            say!("keys     b {correction}goes back to the policy before and keeps it; Ctrl-C stops");
        }
        Orders { watched, stop, trainer, keys, rest: None, tempo, seen: Wishes::default() }
    }

    /// Whether somebody has asked for rest.
    pub(super) fn is_asked_to_rest(&self) -> bool {
        self.rest.is_some()
    }

    /// The tempo that the control thread has been told.
    pub(super) fn tempo(&self) -> &Tempo {
        &self.tempo
    }

    /// Whether policies that are learnt on the way are taken over; none where nothing is learnt.
    pub(super) fn is_learning(&self) -> Option<bool> {
        self.trainer.map(|trainer| !trainer.is_held())
    }

    /// Tells the control thread and the trainer what is new; what there is to say of it. What finds a queue full is told
    /// at the next look.
    pub(super) fn look(&mut self, operator: &OperatorEnds, drive: &Drive) -> Option<&'static str> {
        let by_page = self.watched.and_then(|watched| watched.rest());
        let by_signal = self.stop.load(Relaxed).then_some(Request::Stop);
        let wanted = if by_signal > by_page { by_signal } else { by_page };
        if wanted > self.rest
            && let Some(request) = wanted
            && operator.requests.try_send(request).is_ok()
        {
            self.rest = wanted;
        }
        let key = self.keys.as_mut().and_then(|keys| keys.next(Duration::ZERO));
        let by_key = (key == Some(Key::Char('b'))).then(|| go_back(drive, self.trainer, operator));
        self.look_at_wishes(operator, drive).or(by_key)
    }

    fn look_at_wishes(&mut self, operator: &OperatorEnds, drive: &Drive) -> Option<&'static str> {
        let wishes = self.watched?.page.wishes();
        let tempo = Tempo {
            rate: wishes.speed.unwrap_or(self.tempo.rate),
            is_held: wishes.held.unwrap_or(self.tempo.is_held),
            laps: wishes.laps.map_or(self.tempo.laps, |laps| (laps > 0).then_some(f64::from(laps))),
        };
        if tempo != self.tempo && operator.requests.try_send(Request::Tempo(tempo)).is_ok() {
            self.tempo = tempo;
        }
        let before = std::mem::replace(&mut self.seen, wishes);
        if wishes.learning != before.learning
            && let (Some(trainer), Some(learning)) = (self.trainer, wishes.learning)
        {
            trainer.hold(!learning);
        }
        (wishes.rollbacks != before.rollbacks).then(|| go_back(drive, self.trainer, operator))
    }
}
