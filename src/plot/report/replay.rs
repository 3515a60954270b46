//! Panels of a replay.
use super::super::canvas::Pen;
use super::super::chart::{Axis, Chart, Mark};
use super::super::geometry::extent;
use super::super::scale::Scale;
use super::super::theme::Ink;
use crate::learn::judge::Errors;
use crate::robot::JOINTS;
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
    (vec![format!("plays {}", replay.episode)], joints.into_iter().chain(tool).chain(turn).collect())
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
