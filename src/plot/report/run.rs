//! Panels of a drive.
use super::super::canvas::Pen;
use super::super::chart::{Axis, Chart, Mark};
use super::super::geometry::{Paths, extent};
use super::super::scale::Scale;
use super::super::theme::Ink;
use super::train::{self, Training};
use super::{policies, timeline};
use crate::learn::judge::Errors;
use crate::telemetry::{CurvePoint, Timeline};
use crate::timing::{Buckets, Quantiles};
use serde::Deserialize;

/// What is read of a `run` report.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Run {
    trajectory: Option<Trajectory>,
    robot: Option<Robot>,
    cycles: u64,
    missed_commands: u64,
    limiter_active_ticks: u64,
    tracking_error_mm: Option<Errors>,
    tracking_error_quantiles_mm: Option<Quantiles>,
    tick_us: Option<Quantiles>,
    tick_histogram: Option<Buckets>,
    error_curve: Vec<CurvePoint>,
    timeline: Timeline,
    policies: policies::Counts,
    refusals: Vec<policies::Refusal>,
    train: Option<Training>,
    path: Path,
}

#[derive(Deserialize)]
struct Trajectory {
    name: String,
}

#[derive(Deserialize)]
struct Robot {
    address: String,
    simulated: bool,
    pace: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Path {
    sampled_hz: Option<f64>,
    tube_m: Option<f64>,
    reference_m: Vec<[f64; 3]>,
    measured_m: Vec<[f64; 3]>,
}

/// What is said above the panels, and the panels.
pub(super) fn panels(run: &Run) -> (Vec<String>, Vec<Chart>) {
    let trajectory = run.trajectory.as_ref().map_or(String::new(), |t| format!("follow {}; ", t.name));
    let robot = run.robot.as_ref().map_or(String::new(), |r| {
        format!("{}, {}", if r.simulated { "simulated robot" } else { &r.address }, r.pace)
    });
    let words = format!(
        "{trajectory}{robot}; {} cycles, {} commands missed, limiter active in {}",
        run.cycles, run.missed_commands, run.limiter_active_ticks
    );
    let rate = run.path.sampled_hz.map_or("sampled evenly".into(), |hz| format!("sampled at {hz:.0} Hz"));
    let paths = Paths {
        reference_m: &run.path.reference_m,
        measured_m: &run.path.measured_m,
        tube_m: run.path.tube_m,
        note: format!("base frame, {rate}"),
    };
    let mut charts = paths.charts();
    let line = &run.timeline;
    charts.extend(run.tracking_error_mm.map(|all| {
        let mut chart = timeline::tracking(line, all, run.tracking_error_quantiles_mm);
        policies::mark(line, &run.refusals, &run.policies, &mut chart);
        chart
    }));
    charts.extend(curve(run));
    charts.extend(run.train.as_ref().and_then(train::loss));
    charts.extend(policies::chart(line, &run.refusals, &run.policies, timeline::time_axis(line)));
    charts.extend(timeline::limiter(line));
    charts.extend(run.tick_histogram.as_ref().and_then(|buckets| latency(buckets, run.tick_us)));
    charts.extend(timeline::link(line));
    (vec![words], charts)
}

/// What learning on the way has made of the errors.
fn curve(run: &Run) -> Option<Chart> {
    let curve = &run.error_curve;
    let stretch_s = curve.get(1)?.t_s - curve[0].t_s;
    let top = extent(curve.iter().map(|p| p.contour_error_mm))[1];
    let x = Axis::new("time on the path, s", Scale::linear(0.0, curve.last()?.t_s));
    let note = format!("1 kHz, means of {stretch_s:.0} s");
    let y = Axis::new("mm", Scale::linear(0.0, 1.15 * top));
    let mut chart = Chart::new("contour", "Distance from the curve", note, x, y);
    let points: Vec<[f64; 2]> = curve.iter().map(|p| [p.t_s - 0.5 * stretch_s, p.contour_error_mm]).collect();
    chart.marks.push(Mark::Line {
        points: points.clone(),
        pen: Pen::new(Ink::MEASURED, 1.8),
        label: format!("{:.2} mm", curve.last()?.contour_error_mm),
    });
    if points.len() < 60 {
        chart.marks.push(Mark::Dots { points, radius: 2.6, paint: Ink::MEASURED.into() });
    }
    let changes = [
        ((|p| p.swaps) as fn(&CurvePoint) -> u32, Pen::new(Ink::GOOD.thin(0.55), 1.0), "policy taken over"),
        (|p| p.rollbacks, Pen::new(Ink::BAD.thin(0.8), 1.0).dashed(), "given up"),
    ];
    for (of, pen, words) in changes {
        let changed = curve.windows(2).filter(|pair| of(&pair[1]) > of(&pair[0]));
        let at = |pair: &[CurvePoint]| pair[1].t_s - 0.5 * stretch_s;
        let moments: Vec<Mark> =
            changed.map(|pair| Mark::Moment { x: at(pair), pen, label: String::new() }).collect();
        if !moments.is_empty() {
            chart.key(pen, words);
            chart.marks.splice(0..0, moments);
        }
    }
    Some(chart)
}

/// How long a tick takes us.
fn latency(buckets: &Buckets, quantiles: Option<Quantiles>) -> Option<Chart> {
    let (first, last) = (*buckets.edges_us.first()?, *buckets.edges_us.last()?);
    let most = *buckets.counts.iter().max()? as f64;
    let count: u64 = buckets.counts.iter().sum();
    let x = Axis::new("from a state to its command, µs", Scale::log(first, last));
    let y = Axis::new("ticks", Scale::log(0.7, 2.0 * most.max(5.0)));
    let note = format!("every tick at 1 kHz, {count} of them, 20 bars a decade");
    let mut chart = Chart::new("latency", "Time of a tick", note, x, y);
    for (edges, count) in buckets.edges_us.windows(2).zip(&buckets.counts).filter(|(_, count)| **count > 0) {
        let (from, to) = ([edges[0], 0.7], [edges[1], *count as f64]);
        chart.marks.push(Mark::Box { from, to, paint: Ink::MEASURED.thin(0.8) });
    }
    if let Some(q) = quantiles {
        for (x, name, ink) in
            [(q.p50, "p50", Ink::Text), (q.p99, "p99", Ink::OTHER), (q.p999, "p99.9", Ink::BAD)]
        {
            chart.marks.push(Mark::Moment { x, pen: Pen::new(ink, 1.2), label: String::new() });
            chart.key(ink, format!("{name} {x:.1} µs"));
        }
        chart.key(Ink::MEASURED.thin(0.8), format!("max {:.0} µs", q.max));
    }
    Some(chart)
}
