//! What a session of teaching shows on the page, and what is pressed there.
use super::super::run::{Watched, view};
use super::desk::Wish;
use super::live::Live;
use crate::control::links::Request;
use crate::demonstration::sample::Kind;
use crate::robot::limits::CYCLE_S;
use crate::teach::{Dialogue, Key, Mark, State};
use crate::web::{Lesson, LessonState, Now, Page, Press, Stage};
use std::time::{Duration, Instant};

/// Between two updates; the page takes what is there when it looks.
const PERIOD: Duration = Duration::from_millis(15);

/// A session as the page sees it.
pub(super) struct View<'a> {
    watched: Watched<'a>,
    shown: Option<Instant>,
}

impl<'a> View<'a> {
    pub(super) fn new(watched: Watched<'a>) -> View<'a> {
        View { watched, shown: None }
    }

    pub(super) fn page(&self) -> &'a Page {
        self.watched.page
    }

    /// How the arm shall come to rest, if somebody at the page has asked for it.
    pub(super) fn rest(&self) -> Option<Request> {
        self.watched.rest()
    }

    /// What was pressed first of what was not taken yet.
    pub(super) fn look(&self) -> Option<Wish> {
        Some(match self.watched.page.press()? {
            Press::Toggle => Wish::Say(Key::Toggle),
            Press::Keep => Wish::Say(Key::Keep),
            Press::Discard => Wish::Say(Key::Discard),
            Press::Redo => Wish::Say(Key::Redo),
            Press::Success(done) => Wish::Say(Key::Mark(Mark::Success(done))),
            Press::Label(text) => Wish::Say(Key::Mark(Mark::Label(text.trim().to_owned()))),
            Press::Note(text) => Wish::Say(Key::Mark(Mark::Note(text.trim().to_owned()))),
            Press::HandsFree => Wish::Say(Key::HandsFree),
            Press::Grip(close) => Wish::Grip(close),
            Press::Quit => Wish::Quit,
        })
    }

    /// Shows what there is, if it is time.
    pub(super) fn show(
        &mut self,
        live: &Live,
        dialogue: &Dialogue,
        samples: u64,
        wanted: Option<u64>,
        learnt_mm: Option<f64>,
    ) {
        let Some(last) = live.last().filter(|_| self.shown.is_none_or(|at| at.elapsed() > PERIOD)) else {
            return;
        };
        self.shown = Some(Instant::now());
        let (state, episode) = match dialogue.state() {
            State::Ready => (LessonState::Ready, 0),
            State::Recording(number) => (LessonState::Recording, number),
            State::Review(number) => (LessonState::Review, number),
            State::Over => (LessonState::Over, 0),
        };
        let lesson = Lesson {
            state,
            episode,
            kept: [dialogue.kept(), wanted.unwrap_or(0)],
            recorded_s: samples as f64 * CYCLE_S,
            hands_free: dialogue.is_hands_free(),
            guided: last.kind == Kind::Demonstration,
            speed_m_s: live.speed_m_s(),
            rate_hz: live.rate_hz(),
            lost: live.lost(),
            learnt_mm,
        };
        let mut now = Now { stage: Stage::Teaching, lesson: Some(lesson), ..Now::default() };
        view::at(&mut now, &last.state, last.q_c);
        self.watched.page.show(&now);
    }
}
