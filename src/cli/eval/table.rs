//! The table of an evaluation, for a terminal.
use super::ContenderFigures;
use crate::eval::{Interval, Options, Scenario, ScenarioFigures};

/// What counts as success, in a sentence.
pub(super) fn success_means(options: &Options) -> String {
    format!(
        "the episode ends by itself, at rest, without a reflex or a stop of our safety layer; 95 % of it within {} mm \
         of the path (after a push: back within {} mm for good {} s after its end) and {} mrad of where the tool should point",
        options.success_contour_mm,
        options.success_contour_mm,
        options.success_return_s,
        options.success_tilt_mrad
    )
}

/// Says everything: a block a scenario, a line a contender.
pub(super) fn say(contenders: &[ContenderFigures], scenarios: &[Scenario], options: &Options, success: &str) {
    say!("network  error along the path, mm: mean and max; tilt, mrad: max");
    for contender in contenders {
        let (error, tilt) = (contender.network.error_mm, contender.network.tilt_mrad);
        say!("  {:<11}{:>8.3}{:>9.3}{:>9.2}", contender.name, error.mean, error.max, tilt.max);
    }
    say!(
        "closed   loop on simulated robots: mean of {} seeds ± 95 % confidence (Student's t)",
        options.seeds
    );
    say!("success  {success}");
    for (k, scenario) in scenarios.iter().enumerate() {
        say!("{:<9}{}", scenario.name(), scenario.words(options));
        say!(
            "  {:<11}{:>14}{:>14}{:>14}{:>12}{:>8}{:>14}{:>8}{:>9}{:>9}",
            "",
            "contour mm",
            "its max mm",
            "tracking mm",
            "tilt mrad",
            "elbow",
            "jerk rad/s³",
            "arc",
            "limiter",
            "success"
        );
        let rows: Vec<(&str, &ScenarioFigures)> =
            contenders.iter().filter_map(|c| Some((c.name, c.scenarios.get(k)?))).collect();
        for (name, row) in &rows {
            say!(
                "  {name:<11}{:>14}{:>14}{:>14}{:>12}{:>8}{:>14}{:>8}{:>9}{:>9}",
                with_interval(row.contour_mean_mm.as_ref(), 3),
                with_interval(row.contour_max_mm.as_ref(), 2),
                with_interval(row.tracking_mean_mm.as_ref(), 3),
                with_interval(row.tilt_mean_mrad.as_ref(), 2),
                alone(row.elbow_drift_rad.as_ref(), 3),
                with_interval(row.jerk_rms_rad_s3.as_ref(), 0),
                alone(row.spectral_arc_length.as_ref(), 2),
                alone(row.limiter_active_ticks.as_ref(), 0),
                format!("{}/{}", row.success.count, row.success.of)
            );
        }
        if rows.iter().any(|(_, row)| row.push_peak_mm.is_some()) {
            say!("  {:<11}{:>14}{:>14}{:>14}", "worst push", "peak mm", "return s", "overshoot mm");
            for (name, row) in &rows {
                say!(
                    "  {name:<11}{:>14}{:>14}{:>14}",
                    with_interval(row.push_peak_mm.as_ref(), 2),
                    with_interval(row.push_return_s.as_ref(), 3),
                    with_interval(row.push_overshoot_mm.as_ref(), 2)
                );
            }
        }
        for (name, row) in &rows {
            if let Some((seed, fault)) = row.faults.first() {
                say!(
                    "  {name}: {} of {} ended early; seed {seed}: {fault}",
                    row.faults.len(),
                    row.success.of
                );
            }
        }
    }
}

fn with_interval(interval: Option<&Interval>, digits: usize) -> String {
    match interval {
        None => "–".to_string(),
        Some(Interval { mean, ci95: None, .. }) => format!("{mean:.digits$}"),
        Some(Interval { mean, ci95: Some(half), .. }) => format!("{mean:.digits$} ±{half:.digits$}"),
    }
}

fn alone(interval: Option<&Interval>, digits: usize) -> String {
    interval.map_or("–".to_string(), |interval| format!("{:.digits$}", interval.mean))
}
