//! What a drive shows on the page.
use super::super::prepare::Prepared;
use crate::control::links::{Request, Tempo};
use crate::control::modes::Mode;
use crate::demonstration::path::Path;
use crate::demonstration::sample::Sample;
use crate::learn::TrainerCounts;
use crate::learn::train::Progress;
use crate::robot::{self, State};
use crate::telemetry::Drive;
use crate::timing::Cycle;
use crate::web::{Now, Page, Plan, Since, Stage};
use std::time::{Duration, Instant};

/// Points of a path that a page draws, at most.
const POINTS: usize = 800;
/// Between two updates; the page takes what is there when it looks.
const PERIOD: Duration = Duration::from_millis(15);

/// The page on which a motion is shown, and how often somebody there had asked for rest before it was ordered.
#[derive(Clone, Copy)]
pub(in super::super) struct Watched<'a> {
    pub(in super::super) page: &'a Page,
    pub(super) since: Since,
}

impl<'a> Watched<'a> {
    /// From now on.
    pub(in super::super) fn new(page: &'a Page) -> Watched<'a> {
        Watched { page, since: page.since() }
    }

    /// How the arm shall come to rest, if somebody at the page has asked for it.
    pub(in super::super) fn rest(&self) -> Option<Request> {
        self.page.rest(self.since)
    }
}

/// A drive as the page sees it.
pub(super) struct View<'a> {
    page: &'a Page,
    now: Now,
    lap_s: f64,
    /// What the update before had been told of the safety layer's work.
    limited: u64,
    shown: Option<Instant>,
}

impl<'a> View<'a> {
    pub(super) fn new(page: &'a Page, prepared: &Prepared, tempo: &Tempo, tube_m: f64) -> View<'a> {
        let path = prepared.timed.path();
        page.plan(Plan {
            name: prepared.figures.name.clone(),
            points_m: drawn(path),
            closed: path.is_closed(),
            tube_m,
            lap_s: prepared.timed.lap_s(),
            speed: tempo.rate,
        });
        let train = prepared.train.as_ref();
        let now = Now {
            stage: Stage::Driving,
            laps: [0.0, tempo.laps.unwrap_or(0.0)],
            speed: tempo.rate,
            loss_mse_rad2: train.map(|train| train.loss_mse_rad2),
            steps: train.map_or(0, |train| train.steps as u64),
            ..Now::default()
        };
        View { page, now, lap_s: prepared.timed.lap_s(), limited: 0, shown: None }
    }

    /// Takes what the control thread has told; `error_mm` is the drive's of this sample.
    pub(super) fn add(&mut self, sample: &Sample, cycle: Cycle, error_mm: Option<[f64; 2]>) {
        let now = &mut self.now;
        now.count_step(cycle.answered_ns - cycle.received_ns);
        if let Some([tracking, contour]) = error_mm {
            now.tracking_mm = Some(now.tracking_mm.map_or(tracking, |worst| worst.max(tracking)));
            now.contour_mm = Some(now.contour_mm.map_or(contour, |worst| worst.max(contour)));
        }
        at(now, &sample.state, sample.q_c);
        now.O_p_EE_m = sample.O_p_EE.into();
        now.x_ref_m = sample.x_ref.translation.vector.into();
        now.tau_s = sample.tau_s;
        now.edition = sample.edition;
    }

    /// The path that is followed from now on, as a person has corrected it.
    pub(super) fn displace(&self, path: &Path) {
        self.page.displace(drawn(path));
    }

    /// Says something of the drive to whoever looks.
    pub(super) fn say(&self, words: &str) {
        self.page.say(false, words);
    }

    /// How the motion goes on from now.
    pub(super) fn tempo(&mut self, tempo: &Tempo, learning: Option<bool>) {
        let now = &mut self.now;
        (now.held, now.speed, now.learning) = (tempo.is_held, tempo.rate, learning);
        now.laps[1] = tempo.laps.unwrap_or(0.0);
    }

    /// Shows what there is, if it is time.
    pub(super) fn look(&mut self, drive: &Drive, mode: Mode, counts: impl FnOnce() -> TrainerCounts) {
        let is_news = self.shown.is_none_or(|at| at.elapsed() > PERIOD) || mode != self.now.mode;
        if !is_news || drive.last().is_none() {
            return;
        }
        self.shown = Some(Instant::now());
        let (figures, counts) = (drive.figures(), counts());
        let now = &mut self.now;
        now.mode = mode;
        now.laps[0] = now.tau_s / self.lap_s;
        now.contour_so_far_mm = figures.contour_error_mm.map(|error| [error.mean, error.max]);
        now.cycles = [figures.cycles, figures.missed_commands];
        now.limited = [figures.limiter_active_ticks - self.limited, figures.limiter_active_ticks];
        now.policies =
            [counts.offered, u64::from(figures.swaps), counts.rejected, u64::from(figures.rollbacks)];
        now.refused = counts.rejected_by_reason.0;
        now.steps = now.steps.max(counts.steps);
        self.limited = figures.limiter_active_ticks;
        self.page.show(now);
        (now.tracking_mm, now.contour_mm) = (None, None);
    }
}

/// As many points of a path as a page draws, m.
fn drawn(path: &Path) -> Vec<[f64; 3]> {
    let every = path.points().len().div_ceil(POINTS).max(1);
    let last = path.points().last().copied();
    path.points().iter().step_by(every).copied().chain(last).map(Into::into).collect()
}

/// Shows that a motion is learnt, and how far that is.
pub(super) fn learning(page: &Page, state: &State, progress: Option<Progress>) {
    let mut now = Now { stage: Stage::Learning, ..Now::default() };
    at(&mut now, state, state.q_d);
    if let Some(Progress { step, steps, loss_mse_rad2, error_mm }) = progress {
        (now.steps, now.steps_all) = (step as u64, steps as u64);
        now.loss_mse_rad2 = Some(loss_mse_rad2);
        now.training_error_mm = Some(error_mm);
    }
    page.show(&now);
}

/// The arm as its state says, commanded to `q_c_rad`.
pub(in super::super) fn at(now: &mut Now, state: &State, q_c_rad: [f64; 7]) {
    now.ready =
        matches!(state.mode, robot::Mode::Idle | robot::Mode::Move) && state.errors.names().next().is_none();
    now.errors = state.errors;
    now.q_rad = state.q;
    now.q_c_rad = q_c_rad;
    now.O_p_EE_m = [state.O_T_EE[12], state.O_T_EE[13], state.O_T_EE[14]];
    now.success_rate = state.control_command_success_rate;
}
