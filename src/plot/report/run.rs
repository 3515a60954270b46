//! Panels of a drive.
use super::super::canvas::Pen;
use super::super::chart::{Axis, Chart, Mark};
use super::super::geometry::{Paths, extent};
use super::super::scale::Scale;
use super::super::theme::Ink;
use super::train::{self, Training};
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
    let line = format!(
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
    charts.extend(tracking(run));
    charts.extend(curve(run));
    charts.extend(run.train.as_ref().and_then(train::loss));
    charts.extend(limiter(&run.timeline));
    charts.extend(run.tick_histogram.as_ref().and_then(|buckets| latency(buckets, run.tick_us)));
    charts.extend(link(&run.timeline));
    (vec![line], charts)
}

/// The middle of each bin, s.
fn times(line: &Timeline) -> impl Iterator<Item = f64> + '_ {
    (0..line.ticks.len()).map(|k| (k as f64 + 0.5) * line.bin_s)
}

fn time_axis(line: &Timeline) -> Axis {
    Axis::new("time since the first tick, s", Scale::linear(0.0, line.bin_s * line.ticks.len() as f64))
}

fn bins(line: &Timeline) -> String {
    format!("1 kHz in bins of {:.0} ms", 1e3 * line.bin_s)
}

/// Where policies were taken over and given up.
fn changes(line: &Timeline, chart: &mut Chart) {
    for (counts, ink, words) in
        [(&line.swaps, Ink::GOOD, "policy taken over"), (&line.rollbacks, Ink::BAD, "given up")]
    {
        let mut found = 0;
        for (k, pair) in counts.windows(2).enumerate().filter(|(_, pair)| pair[1] > pair[0]) {
            found += pair[1] - pair[0];
            let x = (k + 1) as f64 * line.bin_s;
            chart
                .marks
                .insert(0, Mark::Moment { x, pen: Pen::new(ink.thin(0.55), 1.0), label: String::new() });
        }
        if found > 0 {
            chart.key(ink.thin(0.55), format!("{words}, {found}×"));
        }
    }
}

fn tracking(run: &Run) -> Option<Chart> {
    let (line, all) = (&run.timeline, run.tracking_error_mm?);
    let top = extent(line.tracking_error_max_mm.iter().flatten().copied())[1].max(all.max);
    let y = Axis::new("mm", Scale::linear(0.0, 1.05 * top));
    let mut chart = Chart::new("tracking", "Tracking error", bins(line), time_axis(line), y);
    let or_gap = |value: &Option<f64>| value.unwrap_or(f64::NAN);
    let mean = times(line).zip(line.tracking_error_mean_mm.iter().map(or_gap));
    let points: Vec<[f64; 2]> = mean.map(|(t, e)| [t, e]).collect();
    let max = line.tracking_error_max_mm.iter().map(or_gap);
    let band = points.iter().zip(max).map(|([t, mean], max)| [*t, *mean, max]).collect();
    chart.marks.push(Mark::Band { points: band, paint: Ink::MEASURED.thin(0.25) });
    chart.marks.push(Mark::Line { points, pen: Pen::new(Ink::MEASURED, 1.4), label: String::new() });
    // A report of an earlier version has no quantiles.
    let levels = match run.tracking_error_quantiles_mm {
        Some(all) => [(all.p50, "p50"), (all.p99, "p99"), (all.max, "max")],
        None => [(all.mean, "mean"), (all.p95, "p95"), (all.max, "max")],
    };
    for (y, name) in levels {
        let label = format!("{name} {y:.2}");
        chart.marks.push(Mark::Level { y, pen: Pen::new(Ink::Muted, 1.0).dashed(), label });
    }
    chart.key(Ink::MEASURED, "mean of a bin");
    chart.key(Ink::MEASURED.thin(0.25), "up to its greatest");
    changes(line, &mut chart);
    Some(chart)
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
    for (of, ink, words) in [
        ((|p| p.swaps) as fn(&CurvePoint) -> u32, Ink::GOOD, "policy taken over"),
        (|p| p.rollbacks, Ink::BAD, "given up"),
    ] {
        let changed = curve.windows(2).filter(|pair| of(&pair[1]) > of(&pair[0]));
        let moments: Vec<Mark> = changed
            .map(|pair| Mark::Moment {
                x: pair[1].t_s - 0.5 * stretch_s,
                pen: Pen::new(ink.thin(0.55), 1.0),
                label: String::new(),
            })
            .collect();
        if !moments.is_empty() {
            chart.key(ink.thin(0.55), words);
            chart.marks.splice(0..0, moments);
        }
    }
    Some(chart)
}

/// How often the safety layer changed a proposal.
fn limiter(line: &Timeline) -> Option<Chart> {
    let share = |k: usize| 100.0 * f64::from(line.limiter_active_ticks[k]) / f64::from(line.ticks[k].max(1));
    let length = line.ticks.len().min(line.limiter_active_ticks.len());
    if length == 0 {
        return None;
    }
    let total: u64 = line.limiter_active_ticks.iter().map(|n| u64::from(*n)).sum();
    let words =
        if total == 0 { "it never changed a proposal".into() } else { format!("active in {total} ticks") };
    let top = extent((0..length).map(share))[1].max(1.0);
    let y = Axis::new("% of the ticks of a bin", Scale::linear(0.0, 1.05 * top));
    let note = format!("{}; {words}", bins(line));
    let mut chart = Chart::new("limiter", "Safety layer at work", note, time_axis(line), y);
    for k in (0..length).filter(|k| line.limiter_active_ticks[*k] > 0) {
        let from = [k as f64 * line.bin_s, 0.0];
        let to = [(k + 1) as f64 * line.bin_s, share(k)];
        chart.marks.push(Mark::Box { from, to, paint: Ink::OTHER.into() });
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

/// What arrived of our commands.
fn link(line: &Timeline) -> Option<Chart> {
    let low = extent(line.success_rate_min.iter().flatten().copied())[0];
    if !low.is_finite() {
        return None;
    }
    let missed: u64 = line.missed_commands.iter().map(|n| u64::from(*n)).sum();
    let y =
        Axis::new("% of the last 100 commands", Scale::linear((100.0 * low - 1.0).clamp(0.0, 90.0), 100.5));
    let note = format!("{}, the least of each; {missed} commands missed", bins(line));
    let mut chart = Chart::new("link", "Commands that arrived", note, time_axis(line), y);
    for (t, _) in times(line).zip(&line.missed_commands).filter(|(_, missed)| **missed > 0) {
        chart.marks.push(Mark::Moment { x: t, pen: Pen::new(Ink::BAD.thin(0.5), 1.0), label: String::new() });
    }
    let rates = times(line).zip(&line.success_rate_min);
    let points = rates.map(|(t, rate)| [t, rate.map_or(f64::NAN, |rate| 100.0 * rate)]).collect();
    chart.marks.push(Mark::Line { points, pen: Pen::new(Ink::MEASURED, 1.6), label: String::new() });
    chart.key(Ink::MEASURED, "success rate, as the robot says");
    if missed > 0 {
        chart.key(Ink::BAD.thin(0.5), "a command was missed");
    }
    Some(chart)
}
