//! Panels of a replay.
use super::super::canvas::Pen;
use super::super::chart::{Axis, Chart, Mark};
use super::super::geometry::extent;
use super::super::scale::Scale;
use super::super::symbol::{Key, Symbol};
use super::super::theme::Ink;
use super::timeline;
use crate::learn::judge::Errors;
use crate::robot::JOINTS;
use crate::telemetry::Timeline;
use serde::Deserialize;

/// What is read of a `replay` report.
#[derive(Deserialize)]
pub(super) struct Replay {
    episode: String,
    #[serde(default)]
    joint_error_mrad: Option<[Errors; JOINTS]>,
    #[serde(default)]
    tracking_error_mm: Option<Errors>,
    #[serde(default)]
    contour_error_mm: Option<Errors>,
    #[serde(default)]
    orientation_error_mrad: Option<Errors>,
    demands: [Demands; JOINTS],
    #[serde(default)]
    timeline: Option<Timeline>,
}

/// The worst that the motion asks of a joint.
#[derive(Deserialize)]
struct Demands {
    velocity: Used,
    acceleration: Used,
    jerk: Used,
}

/// Which share of a limit, 1 is all of it.
#[derive(Deserialize)]
struct Used {
    share: f64,
}

/// What is said above the panels, and the panels.
pub(super) fn panels(replay: &Replay) -> (Vec<String>, Vec<Chart>) {
    let joints = replay.joint_error_mrad.map(|joints| {
        let rows = joints.iter().enumerate().map(|(j, errors)| (format!("joint {}", j + 1), *errors));
        errors("joints", "Joints against the episode", "mrad", rows.collect())
    });
    let positions: Vec<(String, Errors)> =
        [("of that moment", replay.tracking_error_mm), ("nearest place", replay.contour_error_mm)]
            .into_iter()
            .filter_map(|(name, errors)| Some((name.to_string(), errors?)))
            .collect();
    let tool = (!positions.is_empty())
        .then(|| errors("tracking", "End effector against the taught", "mm", positions));
    let turn = replay.orientation_error_mrad.map(|all| {
        errors("orientation", "Orientation of the tool", "mrad", vec![("nearest place".into(), all)])
    });
    let line = replay.timeline.as_ref();
    let by_time = replay.tracking_error_mm.zip(line).map(|(all, line)| Chart {
        name: "error",
        title: "End effector against the taught of that moment".into(),
        ..timeline::tracking(line, all, None)
    });
    let charts = by_time.into_iter().chain(joints).chain(tool).chain(turn).chain([demands(&replay.demands)]);
    let charts = charts.chain(line.and_then(timeline::limiter)).chain(line.and_then(timeline::link));
    (vec![format!("plays {}", replay.episode)], charts.collect())
}

/// What the motion asks of each joint at the pace it is played.
fn demands(joints: &[Demands; JOINTS]) -> Chart {
    let place = |k: usize| (JOINTS - k) as f64 - 0.5;
    let shares = |d: &Demands| [&d.velocity, &d.acceleration, &d.jerk].map(|used| 100.0 * used.share);
    let high = extent(joints.iter().flat_map(shares))[1];
    let mut y = Axis::new("", Scale::linear(0.0, JOINTS as f64));
    y.names = Some((0..JOINTS).map(|k| (place(k), format!("joint {}", k + 1))).collect());
    let x = Axis::new("% of the joint's limit", Scale::linear(0.0, (1.05 * high).max(1.0)));
    let mut chart =
        Chart::new("demands", "What is asked of the joints", "the worst of every millisecond", x, y);
    let kinds = [(Symbol::Up, Ink::MEASURED, "velocity"), (Symbol::Down, Ink::OTHER, "acceleration")];
    for (n, (symbol, ink, words)) in kinds.into_iter().chain([(Symbol::Cross, Ink::BAD, "jerk")]).enumerate()
    {
        let points = joints.iter().enumerate().map(|(k, d)| [shares(d)[n], place(k)]).collect();
        chart.marks.push(Mark::Signs { points, symbol, paint: ink.into() });
        chart.key(Key::Symbol(symbol, ink.into()), words);
    }
    chart
}

/// A row a quantity: from the mean over the 95th percentile to the maximum.
fn errors(name: &'static str, title: &str, unit: &str, rows: Vec<(String, Errors)>) -> Chart {
    let high = extent(rows.iter().map(|(_, errors)| errors.max))[1];
    let place = |k: usize| (rows.len() - k) as f64 - 0.5;
    let mut y = Axis::new("", Scale::linear(0.0, rows.len() as f64));
    y.names = Some(rows.iter().enumerate().map(|(k, (words, _))| (place(k), words.clone())).collect());
    let x = Axis::new(unit, Scale::linear(0.0, 1.05 * high));
    let mut chart = Chart::new(name, title, "every tick of the motion at 1 kHz", x, y);
    let dots = [(Ink::GOOD, "mean"), (Ink::OTHER, "p95"), (Ink::BAD, "max")];
    for (k, (_, errors)) in rows.iter().enumerate() {
        let y = place(k);
        let ends = vec![[errors.mean, y], [errors.max, y]];
        chart.marks.push(Mark::Path { points: ends, pen: Pen::new(Ink::Muted.thin(0.5), 2.0), radius: None });
        for ((ink, _), value) in dots.iter().zip([errors.mean, errors.p95, errors.max]) {
            chart.marks.push(Mark::Dots { points: vec![[value, y]], radius: 4.0, paint: (*ink).into() });
        }
    }
    dots.into_iter().for_each(|(ink, words)| chart.key(ink, words));
    chart
}
