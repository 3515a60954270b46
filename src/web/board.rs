//! What the supervisor and the page have of each other. The supervisor never waits for the page.
use super::drawing::Drawing;
use super::lesson::Press;
use super::now::{Now, Stage};
use super::wishes::{Change, Wishes};
use crate::control::links::Request;
use axum::http::StatusCode;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Words kept for pages that come later.
const SAID: usize = 32;
/// What may be pressed before any of it is taken.
const PRESSES: usize = 8;

/// What is being followed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// Points of it, base frame, m.
    pub points_m: Vec<[f64; 3]>,
    /// Whether it ends where it begins.
    pub closed: bool,
    /// How far from it the arm counts as pushed, m.
    pub tube_m: f64,
    /// How long one lap takes, s.
    pub lap_s: f64,
    /// Rate at which the whole motion begins, and no page may make it faster.
    pub speed: f64,
}

/// What of a plan changes when a person corrects the path.
#[derive(Serialize)]
pub(super) struct Course<'a> {
    points_m: &'a [[f64; 3]],
    tube_m: f64,
    closed: bool,
}

impl Plan {
    pub(super) fn course(&self) -> Course<'_> {
        Course { points_m: &self.points_m, tube_m: self.tube_m, closed: self.closed }
    }
}

/// Something said to whoever looks.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Said {
    pub(super) number: u64,
    is_error: bool,
    words: String,
}

/// What the program is asked to do.
#[derive(Clone, Debug)]
pub enum Errand {
    /// To learn a drawing and follow it.
    Imitate(Box<Drawing>),
    /// To bring the arm to its ready pose.
    Home,
    /// To have the robot clear its errors.
    Recover,
}

/// Something to be done, and how often the arm had been told to rest before it was asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// What is to be done.
    pub errand: Errand,
    /// Compare it with what [`Page::rest`](super::Page::rest) knows.
    pub since: Since,
}

/// How often somebody had asked for rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Since {
    halts: u64,
    lapses: u64,
}

#[derive(Default)]
pub(super) struct Shown {
    pub(super) now: Now,
    pub(super) plan: (u64, Arc<Plan>),
    /// How often a path was displaced while it was followed.
    pub(super) course: u64,
    pub(super) said: VecDeque<Said>,
}

/// Shared by the two threads; each holds its locks for as long as a copy takes.
#[derive(Default)]
pub(super) struct Board {
    shown: Mutex<Shown>,
    order: Mutex<Option<Order>>,
    wishes: Mutex<Wishes>,
    /// Whether something to do is waited for.
    is_open: AtomicBool,
    /// What was pressed in a session of teaching; nothing is taken where there is none.
    presses: Mutex<Option<VecDeque<Press>>>,
    halts: AtomicU64,
    lapses: AtomicU64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// Shows `now`, unless the page is just looking: the next one will be seen.
    pub(super) fn show(&self, now: &Now) {
        if let Ok(mut shown) = self.shown.try_lock() {
            shown.now = *now;
        }
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, Shown> {
        locked(&self.shown)
    }

    pub(super) fn plan(&self, plan: Plan) {
        // What was asked of the motion before is not asked of this one.
        *locked(&self.wishes) = Wishes::default();
        let mut shown = self.shown();
        shown.plan = (shown.plan.0 + 1, Arc::new(plan));
    }

    /// What is followed goes along other points from now on; all else that was asked of it holds.
    pub(super) fn displace(&self, points_m: Vec<[f64; 3]>) {
        let mut shown = self.shown();
        shown.plan.1 = Arc::new(Plan { points_m, ..Plan::clone(&shown.plan.1) });
        shown.course += 1;
    }

    pub(super) fn say(&self, is_error: bool, words: &str) {
        let said = &mut self.shown().said;
        let number = said.back().map_or(1, |last| last.number + 1);
        if said.len() == SAID {
            said.pop_front();
        }
        said.push_back(Said { number, is_error, words: words.to_owned() });
    }

    /// What there is to do, if anything; from now on something is waited for.
    pub(super) fn next(&self) -> Option<Order> {
        let mut place = locked(&self.order);
        let order = place.take();
        self.is_open.store(order.is_none(), SeqCst);
        order
    }

    /// Nothing is waited for any more.
    pub(super) fn close(&self) {
        self.is_open.store(false, SeqCst);
        locked(&self.order).take();
        locked(&self.presses).take();
    }

    /// What was pressed first; from now on more is taken.
    pub(super) fn press(&self) -> Option<Press> {
        locked(&self.presses).get_or_insert_default().pop_front()
    }

    /// Gives the supervisor what was pressed; whether it is taken.
    pub(super) fn pressed(&self, press: Press) -> bool {
        match locked(&self.presses).as_mut() {
            Some(presses) if presses.len() < PRESSES => {
                presses.push_back(press);
                true
            }
            _ => false,
        }
    }

    /// Gives the supervisor something to do; whether it waited for it.
    pub(super) fn give(&self, errand: Errand) -> bool {
        let mut order = locked(&self.order);
        let is_wanted = self.is_open.swap(false, SeqCst);
        if is_wanted {
            *order = Some(Order { errand, since: self.since() });
        }
        is_wanted
    }

    /// Asks for a change of what moves; why not, if not.
    pub(super) fn wish(&self, change: Change) -> Result<(), (StatusCode, String)> {
        let shown = self.shown();
        if shown.now.stage != Stage::Driving {
            return Err((
                StatusCode::CONFLICT,
                "nothing moves that this could be asked of: draw, and press Imitate".to_owned(),
            ));
        }
        if let Some(words) = change.wrong(shown.plan.1.speed) {
            return Err((StatusCode::UNPROCESSABLE_ENTITY, words));
        }
        locked(&self.wishes).add(change);
        Ok(())
    }

    pub(super) fn wishes(&self) -> Wishes {
        *locked(&self.wishes)
    }

    pub(super) fn halt(&self) {
        self.halts.fetch_add(1, SeqCst);
    }

    pub(super) fn lapse(&self) {
        self.lapses.fetch_add(1, SeqCst);
    }

    pub(super) fn since(&self) -> Since {
        Since { halts: self.halts.load(SeqCst), lapses: self.lapses.load(SeqCst) }
    }

    /// What has been asked for since.
    pub(super) fn rest(&self, since: Since) -> Option<Request> {
        let now = self.since();
        match (now.halts != since.halts, now.lapses != since.lapses) {
            (true, _) => Some(Request::Halt),
            (false, true) => Some(Request::Stop),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_taken_only_when_one_is_waited_for_and_only_one() {
        let board = Board::default();
        assert!(!board.give(Errand::Home), "nobody waits yet");
        assert!(board.next().is_none());
        assert!(board.give(Errand::Home) && !board.give(Errand::Home));
        assert!(board.next().is_some());
        assert!(!board.give(Errand::Home), "the arm is moving");
    }

    #[test]
    fn what_is_pressed_is_taken_in_order_only_in_a_session_of_teaching_and_never_without_end() {
        let board = Board::default();
        assert!(!board.pressed(Press::Toggle), "nobody teaches");
        assert_eq!(board.press(), None);
        assert!(board.pressed(Press::Toggle) && board.pressed(Press::Keep));
        assert_eq!((board.press(), board.press()), (Some(Press::Toggle), Some(Press::Keep)));
        assert_eq!((0..100).filter(|_| board.pressed(Press::Toggle)).count(), PRESSES);
        board.close();
        assert!(!board.pressed(Press::Toggle), "the session is over");
    }

    #[test]
    fn wishes_are_of_the_motion_that_moves_and_of_no_other() {
        let board = Board::default();
        let hold = Change { held: Some(true), ..Change::default() };
        assert_eq!(
            board.wish(hold).map_err(|(status, _)| status),
            Err(StatusCode::CONFLICT),
            "nothing moves"
        );
        board.plan(Plan { speed: 0.5, ..Plan::default() });
        board.show(&Now { stage: Stage::Driving, ..Now::default() });
        assert!(board.wish(hold).is_ok() && board.wishes().held == Some(true));
        let fast = Change { speed: Some(0.6), held: Some(false), ..Change::default() };
        assert_eq!(board.wish(fast).map_err(|(status, _)| status), Err(StatusCode::UNPROCESSABLE_ENTITY));
        assert_eq!(board.wishes().held, Some(true), "nothing of what is refused is done");
        board.plan(Plan::default());
        assert_eq!(board.wishes(), Wishes::default());
    }

    #[test]
    fn a_corrected_path_is_another_course_of_the_same_plan_and_no_wish_is_forgotten() {
        let board = Board::default();
        board.plan(Plan { name: "circle".into(), speed: 0.5, tube_m: 0.02, ..Plan::default() });
        board.show(&Now { stage: Stage::Driving, ..Now::default() });
        let hold = Change { held: Some(true), ..Change::default() };
        board.wish(hold).expect("it moves");
        board.displace(vec![[0.5, 0.0, 0.4]; 2]);
        assert_eq!(board.wishes().held, Some(true));
        let shown = board.shown();
        let (number, plan) = &shown.plan;
        assert_eq!((*number, shown.course, plan.name.as_str(), plan.speed), (1, 1, "circle", 0.5));
        assert_eq!(plan.points_m, [[0.5, 0.0, 0.4]; 2], "who comes later sees it at once");
    }

    #[test]
    fn a_stop_counts_for_every_drawing_given_before_it_and_for_none_after() {
        let board = Board::default();
        board.next();
        board.give(Errand::Home);
        let before = board.since();
        board.halt();
        let order = board.next().expect("the drawing");
        assert_eq!((order.since, board.rest(order.since)), (before, Some(Request::Halt)));
        assert_eq!(board.rest(board.since()), None);
        let since = board.since();
        board.lapse();
        assert_eq!(board.rest(since), Some(Request::Stop));
        board.halt();
        assert_eq!(board.rest(since), Some(Request::Halt), "the faster one counts");
    }
}
