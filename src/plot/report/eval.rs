//! Panels of an evaluation.
use super::super::canvas::Pen;
use super::super::chart::{Axis, Chart, Mark};
use super::super::geometry::extent;
use super::super::scale::Scale;
use super::super::theme::Ink;
use serde::Deserialize;

/// What is read of an `eval` report.
#[derive(Deserialize)]
pub(super) struct Eval {
    policy: String,
    trajectory: String,
    #[serde(default)]
    closed_loop: Option<ClosedLoop>,
}

#[derive(Deserialize)]
struct ClosedLoop {
    contenders: Vec<Contender>,
}

#[derive(Deserialize)]
struct Contender {
    name: String,
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
struct Scenario {
    scenario: String,
    success: Success,
    contour_mean_mm: Option<Interval>,
    tilt_mean_mrad: Option<Interval>,
    push_return_s: Option<Interval>,
}

#[derive(Deserialize)]
struct Success {
    count: u64,
    of: u64,
}

#[derive(Deserialize)]
struct Interval {
    mean: f64,
    ci95: Option<f64>,
    per_seed: Vec<Option<f64>>,
}

/// What is said above the panels, and the panels.
pub(super) fn panels(eval: &Eval) -> (Vec<String>, Vec<Chart>) {
    let line = format!("{} along {}", eval.policy, eval.trajectory);
    let Some(closed_loop) = &eval.closed_loop else { return (vec![line], Vec::new()) };
    let contenders = &closed_loop.contenders;
    let charts = [
        spread("contour", "Distance from the curve", "mm, mean of an episode", contenders, |s| {
            s.contour_mean_mm.as_ref()
        }),
        spread("tilt", "Tilt of the tool", "mrad, mean of an episode", contenders, |s| {
            s.tilt_mean_mrad.as_ref()
        }),
        spread("return", "Back on the path after a push", "s, worst push of an episode", contenders, |s| {
            s.push_return_s.as_ref()
        }),
    ];
    (vec![line], charts.into_iter().flatten().collect())
}

/// A row a contender in a scenario: a dot a seed, the mean and its confidence interval.
fn spread(
    name: &'static str,
    title: &str,
    unit: &str,
    contenders: &[Contender],
    of: impl Fn(&Scenario) -> Option<&Interval>,
) -> Option<Chart> {
    let scenarios = contenders.first()?.scenarios.iter().map(|s| &s.scenario).enumerate();
    let mut rows = Vec::new();
    for (k, scenario) in scenarios {
        for (n, contender) in contenders.iter().enumerate() {
            let Some(figures) = contender.scenarios.get(k) else { continue };
            if let Some(interval) = of(figures) {
                let Success { count, of } = &figures.success;
                rows.push((format!("{scenario}, {} {count}/{of}", contender.name), n, interval));
            }
        }
    }
    let all = rows.iter().flat_map(|(_, _, interval)| {
        let half = interval.ci95.unwrap_or(0.0);
        interval.per_seed.iter().flatten().copied().chain([interval.mean + half])
    });
    let [low, high] = extent(all.filter(|x| *x > 0.0));
    if rows.is_empty() || !high.is_finite() {
        return None;
    }
    let scale = match high > 30.0 * low {
        true => Scale::log(0.8 * low, 1.2 * high),
        false => Scale::linear(0.0, 1.05 * high),
    };
    let place = |k: usize| (rows.len() - k) as f64 - 0.5;
    let mut y = Axis::new("scenario, contender, successes", Scale::linear(0.0, rows.len() as f64));
    y.names = Some(rows.iter().enumerate().map(|(k, (words, ..))| (place(k), words.clone())).collect());
    let note = "a dot a seed; bar: mean and 95 % confidence (Student's t); every episode judged at 1 kHz";
    let mut chart = Chart::new(name, title, note, Axis::new(unit, scale), y);
    for (k, (_, n, interval)) in rows.iter().enumerate() {
        let (y, ink) = (place(k), Ink::Series(*n));
        let points = interval.per_seed.iter().flatten().map(|value| [*value, y]).collect();
        if let Some(half) = interval.ci95 {
            let ends = [interval.mean - half, interval.mean + half].map(|x| [x, y]).to_vec();
            chart.marks.push(Mark::Path { points: ends, pen: Pen::new(ink, 2.0), radius: None });
        }
        chart.marks.push(Mark::Dots { points, radius: 2.6, paint: ink.thin(0.5) });
        chart.marks.push(Mark::Dots { points: vec![[interval.mean, y]], radius: 4.0, paint: ink.into() });
    }
    Some(chart)
}
