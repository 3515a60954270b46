//! The live line of a drive: ten times a second on a terminal, nothing elsewhere.
use super::super::common::bar;
use crate::control::Pulse;
use crate::control::modes::Mode;
use crate::telemetry::Drive;
use indicatif::ProgressBar;
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_millis(100);

pub(super) struct Live {
    bar: ProgressBar,
    pub(super) laps: Option<f64>,
    lap_s: f64,
    shown: Option<Instant>,
}

impl Live {
    pub(super) fn new(laps: Option<f64>, lap_s: f64) -> Live {
        let template = match laps {
            Some(_) => "driving  {bar:24.cyan/dim} {msg}",
            None => "driving  {spinner:.cyan} {msg}",
        };
        let length = laps.map_or(0, |laps| (laps * lap_s * 1e3) as u64);
        Live { bar: bar(length, template), laps, lap_s, shown: None }
    }

    pub(super) fn show(&mut self, drive: &Drive, pulse: &Pulse, mode: Mode) {
        if self.bar.is_hidden() || self.shown.is_some_and(|shown| shown.elapsed() < PERIOD) {
            return;
        }
        self.shown = Some(Instant::now());
        let Some(last) = drive.last() else { return };
        let figures = drive.figures();
        self.bar.set_position((last.tau_s * 1e3) as u64);
        let lap = last.tau_s / self.lap_s;
        let place = match self.laps {
            _ if mode == Mode::Fault => "FAULT".to_string(),
            _ if mode == Mode::Stopping => "stopping".to_string(),
            _ if mode == Mode::Homing => "on the way to the start".to_string(),
            Some(laps) => format!("lap {lap:.1}/{laps:.1}"),
            None => format!("lap {lap:.1} · Ctrl-C stops"),
        };
        let contour = figures.contour_error_mm.map_or(String::new(), |e| format!(" · {:.2} mm", e.mean));
        self.bar.set_message(format!(
            "{place}{contour} · nearest limit: {} · missed {}/{} · learned {}",
            last.margin,
            figures.missed_commands,
            pulse.ticks(),
            figures.swaps
        ));
    }

    /// A line above the live one.
    pub(super) fn say(&self, words: &str) {
        if self.bar.is_hidden() {
            say!("{words}");
        } else {
            self.bar.println(words);
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
