//! Panels of a session of teaching.
use super::super::canvas::Pen;
use super::super::chart::{Axis, Chart, Mark};
use super::super::geometry::extent;
use super::super::rows::{self, Row};
use super::super::scale::Scale;
use super::super::theme::Ink;
use serde::Deserialize;

/// What is read of a `teach` report; one of an earlier version does not say what was going on when.
#[derive(Deserialize)]
pub(super) struct Teach {
    task: String,
    cycles: u64,
    lost_states: u64,
    dropped_samples: u64,
    episodes: Vec<Kept>,
    #[serde(default)]
    session: Session,
}

#[derive(Deserialize)]
struct Kept {
    number: u64,
    success: Option<bool>,
    file: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Session {
    length_s: f64,
    guided_s: Vec<[f64; 2]>,
    recorded: Vec<Recorded>,
    learnt_error_s_mm: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
struct Recorded {
    number: u64,
    from_s: f64,
    to_s: f64,
}

/// What is said above the panels, and the panels.
pub(super) fn panels(teach: &Teach) -> (Vec<String>, Vec<Chart>) {
    let mut words = vec![format!(
        "{}; {} episodes kept; {} cycles, {} states lost, {} samples dropped",
        if teach.task.is_empty() { "no task named" } else { &teach.task },
        teach.episodes.len(),
        teach.cycles,
        teach.lost_states,
        teach.dropped_samples
    )];
    let last = teach.episodes.last();
    words.extend(last.map(|kept| format!("the motion itself: franka-imit plot {}", kept.file)));
    (words, session(teach).into_iter().chain(learnt(&teach.session)).collect())
}

fn time_axis(session: &Session) -> Axis {
    Axis::new("time since the first state, s", Scale::linear(0.0, session.length_s.max(1e-3)))
}

/// When a hand guided the arm, and what became of what was recorded.
fn session(teach: &Teach) -> Option<Chart> {
    let Session { length_s, guided_s, recorded, .. } = &teach.session;
    if *length_s <= 0.0 {
        return None;
    }
    // A number that was thrown away comes again: the last time it was kept.
    let kept = |k: usize| {
        let number = recorded[k].number;
        let comes_again = recorded[k + 1..].iter().any(|later| later.number == number);
        teach.episodes.iter().find(|kept| kept.number == number && !comes_again)
    };
    let spans = |of: &dyn Fn(Option<&Kept>) -> bool| -> Vec<[f64; 2]> {
        let these = recorded.iter().enumerate().filter(|(k, _)| of(kept(*k)));
        these.map(|(_, span)| [span.from_s, span.to_s]).collect()
    };
    let marked =
        |success: Option<bool>| move |kept: Option<&Kept>| kept.is_some_and(|k| k.success == success);
    let rows = vec![
        Row::new("a hand guides", Ink::MEASURED, guided_s.clone()),
        Row::new("recorded, done", Ink::GOOD, spans(&marked(Some(true)))),
        Row::new("recorded, failed", Ink::BAD, spans(&marked(Some(false)))),
        Row::new("recorded, kept", Ink::GOOD, spans(&marked(None))),
        Row::new("thrown away", Ink::OTHER, spans(&|kept| kept.is_none())),
    ];
    Some(rows::chart("session", "What was going on", "every state, 1 kHz", time_axis(&teach.session), rows))
}

/// How far off was what is learnt while the hand guides.
fn learnt(session: &Session) -> Option<Chart> {
    let points = &session.learnt_error_s_mm;
    let [low, high] = extent(points.iter().map(|p| p[1]).filter(|mm| *mm > 0.0));
    if !low.is_finite() {
        return None;
    }
    let y = Axis::new("mm, mean over held-out samples", Scale::log(0.7 * low, 1.4 * high));
    let note =
        format!("{} times, each 100 updates or a multiple, on the last held-out samples", points.len());
    let mut chart = Chart::new("learnt", "Error of what is learnt meanwhile", note, time_axis(session), y);
    let label = format!("{:.2} mm", points.last()?[1]);
    chart.marks.push(Mark::Line { points: points.clone(), pen: Pen::new(Ink::MEASURED, 1.6), label });
    Some(chart)
}
