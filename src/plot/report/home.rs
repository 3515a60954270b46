//! Panels of a way to the ready pose.
use super::super::canvas::Pen;
use super::super::chart::{Axis, Chart, Mark};
use super::super::geometry::extent;
use super::super::scale::Scale;
use super::super::theme::Ink;
use super::timeline;
use crate::robot::JOINTS;
use crate::telemetry::Timeline;
use serde::Deserialize;

/// What is read of a `home` report; one of an earlier version has no way and no timeline.
#[derive(Deserialize)]
pub(super) struct Home {
    robot: String,
    off_rad: f64,
    cycles: u64,
    limiter_active_ticks: u64,
    #[serde(default)]
    way: Way,
    #[serde(default)]
    timeline: Timeline,
}

#[derive(Default, Deserialize)]
struct Way {
    sampled_hz: f64,
    off_rad: Vec<[f64; JOINTS]>,
}

/// What is said above the panels, and the panels.
pub(super) fn panels(home: &Home) -> (Vec<String>, Vec<Chart>) {
    let words = format!(
        "to the ready pose, {}; at the end {:.4} rad from it; {} cycles, limiter active in {}",
        home.robot, home.off_rad, home.cycles, home.limiter_active_ticks
    );
    let line = &home.timeline;
    let charts = way(&home.way).into_iter().chain(timeline::limiter(line)).chain(timeline::link(line));
    (vec![words], charts.collect())
}

/// How far each joint is from the pose.
fn way(way: &Way) -> Option<Chart> {
    let [low, high] = extent(way.off_rad.iter().flatten().copied());
    if !(low.is_finite() && way.sampled_hz > 0.0) {
        return None;
    }
    let margin = 0.06 * (high - low).max(1e-3);
    let y = Axis::new("q − q of the pose, rad", Scale::linear(low.min(0.0) - margin, high.max(0.0) + margin));
    let end_s = way.off_rad.len() as f64 / way.sampled_hz;
    let x = Axis::new("time since the first tick, s", Scale::linear(0.0, end_s));
    let note = format!("measured joints, sampled at {:.0} Hz", way.sampled_hz);
    let mut chart = Chart::new("way", "Way to the pose, joint by joint", note, x, y);
    for j in 0..JOINTS {
        let at = |(k, row): (usize, &[f64; JOINTS])| [k as f64 / way.sampled_hz, row[j]];
        let points = way.off_rad.iter().enumerate().map(at).collect();
        let pen = Pen::new(Ink::Series(j), 1.4);
        chart.marks.push(Mark::Line { points, pen, label: format!("joint {}", j + 1) });
    }
    Some(chart)
}
