//! Panels of a training.
use super::super::canvas::Pen;
use super::super::chart::{Axis, Chart, Mark};
use super::super::geometry::extent;
use super::super::scale::Scale;
use super::super::theme::Ink;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is read of a `train` report, or of the training in a report of `run`.
#[derive(Deserialize)]
pub(super) struct Training {
    train_s: f64,
    steps: u64,
    samples: u64,
    targets: u64,
    loss_mse_rad2: f64,
    loss_mse_rad2_at: BTreeMap<u64, f64>,
}

/// What is said above the panels, and the panels.
pub(super) fn panels(training: &Training) -> (Vec<String>, Vec<Chart>) {
    let line = format!(
        "{} examples and {} perturbed targets in {:.2} s",
        training.samples, training.targets, training.train_s
    );
    (vec![line], loss(training).into_iter().collect())
}

/// The loss, update by update.
pub(super) fn loss(training: &Training) -> Option<Chart> {
    let points: Vec<[f64; 2]> =
        training.loss_mse_rad2_at.iter().map(|(n, loss)| [*n as f64, *loss]).collect();
    let first = points.first()?[0];
    let [low, high] =
        extent(points.iter().map(|p| p[1]).chain([training.loss_mse_rad2]).filter(|x| *x > 0.0));
    // The updates noted lie closer at the beginning, where the loss falls fastest.
    let x = Axis::new("update", Scale::log(first.max(1.0), (training.steps as f64).max(10.0)));
    let y = Axis::new("rad², mean over samples and joints", Scale::log(0.7 * low, 1.4 * high));
    let note = format!("{} of {} updates, each before its step", points.len(), training.steps);
    let mut chart = Chart::new("loss", "Loss of training", note, x, y);
    chart.marks.push(Mark::Level {
        y: training.loss_mse_rad2,
        pen: Pen::new(Ink::GOOD, 1.2).dashed(),
        label: format!("end {:.1e}", training.loss_mse_rad2),
    });
    chart.marks.push(Mark::Line {
        points: points.clone(),
        pen: Pen::new(Ink::MEASURED, 1.6),
        label: String::new(),
    });
    chart.marks.push(Mark::Dots { points, radius: 2.2, paint: Ink::MEASURED.into() });
    Some(chart)
}
