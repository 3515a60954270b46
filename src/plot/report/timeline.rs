//! Panels over the time of a motion, from its timeline.
use super::super::canvas::Pen;
use super::super::chart::{Axis, Chart, Mark};
use super::super::geometry::extent;
use super::super::scale::Scale;
use super::super::theme::Ink;
use crate::learn::judge::Errors;
use crate::telemetry::Timeline;
use crate::timing::Quantiles;

/// The middle of each bin, s.
fn times(line: &Timeline) -> impl Iterator<Item = f64> + '_ {
    (0..line.ticks.len()).map(|k| (k as f64 + 0.5) * line.bin_s)
}

pub(super) fn time_axis(line: &Timeline) -> Axis {
    Axis::new("time since the first tick, s", Scale::linear(0.0, line.bin_s * line.ticks.len() as f64))
}

fn bins(line: &Timeline) -> String {
    format!("1 kHz in bins of {:.0} ms", 1e3 * line.bin_s)
}

/// The distance from the reference of the same time; `all` is that of the whole motion.
pub(super) fn tracking(line: &Timeline, all: Errors, quantiles: Option<Quantiles>) -> Chart {
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
    let levels = match quantiles {
        Some(all) => [(all.p50, "p50"), (all.p99, "p99"), (all.max, "max")],
        None => [(all.mean, "mean"), (all.p95, "p95"), (all.max, "max")],
    };
    for (y, name) in levels {
        let label = format!("{name} {y:.2}");
        chart.marks.push(Mark::Level { y, pen: Pen::new(Ink::Muted, 1.0).dashed(), label });
    }
    chart.key(Ink::MEASURED, "mean of a bin");
    chart.key(Ink::MEASURED.thin(0.25), "up to its greatest");
    chart
}

/// How often the safety layer changed a proposal.
pub(super) fn limiter(line: &Timeline) -> Option<Chart> {
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

/// What arrived of our commands.
pub(super) fn link(line: &Timeline) -> Option<Chart> {
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
