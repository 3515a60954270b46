//! What looks at a drive every few milliseconds: the figures, the live line, the black box, the status for others.
use super::live::Live;
use super::service::Service;
use super::view::View;
use crate::control::Pulse;
use crate::control::links::{OperatorEnds, Tempo};
use crate::control::modes::Mode;
use crate::learn::{Trainer, TrainerCounts};
use crate::telemetry::{BlackBox, Claim, Drive};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often others are told, unless something happens.
const PERIOD: Duration = Duration::from_millis(100);

pub(super) struct Watch<'a> {
    pub(super) drive: Drive,
    pub(super) live: Live,
    pub(super) black_box: BlackBox,
    pub(super) service: Service,
    claim: &'a Claim,
    trajectory: &'a str,
    published: Option<(Instant, Mode)>,
    /// Corrections that were told of.
    told: u64,
    made: u64,
    view: Option<View<'a>>,
}

/// What `franka-imit status` shows of a drive.
#[derive(Serialize)]
struct Status<'a> {
    schema: u32,
    mode: Mode,
    /// Why nothing moves any more, if so.
    fault: Option<String>,
    trajectory: &'a str,
    reference_time_s: f64,
    cycles: u64,
    missed_commands: u64,
    success_rate: f64,
    contour_error_mean_mm: Option<f64>,
    O_p_EE_m: [f64; 3],
    q_rad: [f64; 7],
    policies_taken_over: u32,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        drive: Drive,
        live: Live,
        service: Service,
        claim: &'a Claim,
        trajectory: &'a str,
        view: Option<View<'a>>,
    ) -> Watch<'a> {
        Watch {
            drive,
            live,
            black_box: BlackBox::default(),
            service,
            claim,
            trajectory,
            published: None,
            view,
            told: 0,
            made: 0,
        }
    }

    /// Tells of corrections, and measures against the path with them.
    pub(super) fn follow(&mut self, trainer: Option<&Trainer>) {
        let Some((report, timed)) = trainer.and_then(|trainer| trainer.corrected(self.told)) else { return };
        if self.drive.follow(Arc::clone(&timed))
            && let Some(view) = &self.view
        {
            view.displace(timed.path());
        }
        self.told = report.news();
        let made = report.learnt + report.refused;
        let news = (made - self.made).min(report.each.len() as u64) as usize;
        self.made = made;
        for entry in &report.each[report.each.len() - news..] {
            let what = format!(
                "{:.1} mm over {:.0} mm of the path from {:.3} m on",
                entry.largest_mm,
                1e3 * entry.length_m,
                entry.at_m
            );
            let words = match &entry.refused {
                None => format!("correct  {what}; b takes it back"),
                Some(why) => format!("correct  {what}: refused: {why}"),
            };
            self.say(&words);
        }
    }

    /// How the motion goes on from now.
    pub(super) fn tempo(&mut self, tempo: &Tempo, learning: Option<bool>) {
        self.live.laps = tempo.laps;
        if let Some(view) = &mut self.view {
            view.tempo(tempo, learning);
        }
    }

    /// Says something of the drive, at the terminal and on the page.
    pub(super) fn say(&self, words: &str) {
        self.live.say(words);
        if let Some(view) = &self.view {
            view.say(words);
        }
    }

    /// Takes what the control thread has told since the last look.
    pub(super) fn take(&mut self, operator: &OperatorEnds) {
        for (sample, cycle) in operator.samples.try_iter() {
            self.drive.add(&sample);
            self.black_box.add(&sample, cycle);
            if let Some(view) = &mut self.view {
                view.add(&sample, cycle, self.drive.error_mm());
            }
        }
    }

    pub(super) fn look(
        &mut self,
        operator: &OperatorEnds,
        pulse: &Pulse,
        mode: Mode,
        counts: impl FnOnce() -> TrainerCounts,
    ) {
        self.black_box.look(pulse.now_ns(), mode == Mode::Fault);
        self.take(operator);
        self.live.show(&self.drive, pulse, mode);
        if let Some(view) = &mut self.view {
            view.look(&self.drive, mode, counts);
        }
        self.service.look(pulse, || words(&self.drive, mode));
        let is_news = self.published.is_none_or(|(at, before)| before != mode || at.elapsed() > PERIOD);
        if is_news {
            self.published = Some((Instant::now(), mode));
            self.publish(mode, pulse);
        }
    }

    fn publish(&self, mode: Mode, pulse: &Pulse) {
        let Some(last) = self.drive.last() else { return };
        let figures = self.drive.figures();
        let silent = || pulse.is_silent().then(|| "no state comes from the robot".to_string());
        self.claim.publish(&Status {
            schema: 1,
            mode,
            fault: pulse.broken().map(str::to_string).or_else(silent),
            trajectory: self.trajectory,
            reference_time_s: last.tau_s,
            cycles: figures.cycles,
            missed_commands: figures.missed_commands,
            success_rate: last.state.control_command_success_rate,
            contour_error_mean_mm: figures.contour_error_mm.map(|error| error.mean),
            O_p_EE_m: last.O_p_EE.into(),
            q_rad: last.state.q,
            policies_taken_over: figures.swaps,
        });
    }
}

/// Where the drive is, in a line for a service manager.
fn words(drive: &Drive, mode: Mode) -> String {
    let figures = drive.figures();
    let contour =
        figures.contour_error_mm.map_or(String::new(), |e| format!(", {:.2} mm from the curve", e.mean));
    format!(
        "{mode:?}{contour}; {} of {} commands missed, {} policies taken over",
        figures.missed_commands, figures.cycles, figures.swaps
    )
}
