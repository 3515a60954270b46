//! From one episode to its figures, and from the episodes of a scenario to means over the seeds.
use super::drive::{Drove, Task};
use super::metrics::{Recovery, recoveries};
use super::smoothness::{jerk_rms_rad_s3, spectral_arc_length};
use super::{Disturbance, Interval, Options, Scenario};
use crate::kinematics::forward;
use crate::robot::limits::CYCLE_S;
use crate::telemetry::DriveFigures;
use serde::Serialize;

/// The desired motion is sampled so sparsely for its spectrum: ten times the cut-off, and 100 Hz.
const SPECTRUM_EVERY: usize = 10;

/// The figures of one episode.
#[derive(Clone, Debug)]
pub struct Episode {
    /// Those of the drive.
    pub drive: DriveFigures,
    /// What ended it early.
    pub fault: Option<String>,
    /// Of each push; none if the path was not followed then.
    pub recoveries: Vec<Option<Recovery>>,
    /// Root mean square of the commanded jerk on the path, rad/s³.
    pub jerk_rms_rad_s3: Option<f64>,
    /// Spectral arc length of the commanded speed of the end effector on the path.
    pub spectral_arc_length: Option<f64>,
    /// Whether it counts as success.
    pub success: bool,
}

impl Episode {
    /// Of an episode of `task` with `disturbance`.
    pub fn of(drove: &Drove, task: &Task, disturbance: &Disturbance, options: &Options) -> Self {
        let path = task.timed.path();
        let pushes = &disturbance.pushes;
        let recoveries = recoveries(&drove.ticks, pushes, path, options.success_contour_mm);
        let commands: Vec<_> = drove.ticks.iter().filter(|tick| tick.follows).map(|tick| tick.q_c).collect();
        let places: Vec<_> = commands
            .iter()
            .step_by(SPECTRUM_EVERY)
            .map(|q| forward(q, &task.F_T_EE).translation.vector)
            .collect();
        let sample_s = SPECTRUM_EVERY as f64 * CYCLE_S;
        let speed: Vec<f64> = places.windows(2).map(|pair| (pair[1] - pair[0]).norm() / sample_s).collect();
        let mut episode = Self {
            drive: drove.figures.clone(),
            fault: drove.fault.clone(),
            recoveries,
            jerk_rms_rad_s3: jerk_rms_rad_s3(&commands),
            spectral_arc_length: spectral_arc_length(&speed, sample_s),
            success: false,
        };
        episode.success = episode.succeeds(options);
        episode
    }

    fn succeeds(&self, options: &Options) -> bool {
        let near = match (self.drive.contour_error_mm, self.recoveries.is_empty()) {
            // While it is pushed an arm may be anywhere: what counts is that it comes back.
            (Some(_), false) => self.recoveries.iter().all(|recovery| {
                let return_s = recovery.and_then(|recovery| recovery.return_s);
                return_s.is_some_and(|return_s| return_s <= options.success_return_s)
            }),
            (Some(contour), true) => contour.p95 <= options.success_contour_mm,
            (None, _) => false,
        };
        let upright = self.drive.tilt_mrad.is_some_and(|tilt| tilt.p95 <= options.success_tilt_mrad);
        self.fault.is_none() && near && upright
    }

    /// The worst over the pushes; `None` without any, or where one has no value.
    fn worst_push(&self, value: impl Fn(&Recovery) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> =
            self.recoveries.iter().map(|recovery| recovery.as_ref().and_then(&value)).collect();
        values.and_then(|values| values.into_iter().reduce(f64::max))
    }
}

/// How many of the episodes succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Success {
    /// So many succeeded …
    pub count: usize,
    /// … of so many.
    pub of: usize,
}

/// A contender in a scenario: means over the seeds.
#[derive(Clone, Debug, Serialize)]
pub struct ScenarioFigures {
    /// Which.
    pub scenario: Scenario,
    /// How many episodes succeeded.
    pub success: Success,
    /// Measured position against the nearest point of the path, mean of an episode, mm.
    pub contour_mean_mm: Option<Interval>,
    /// The same, maximum of an episode, mm.
    pub contour_max_mm: Option<Interval>,
    /// Measured position against the reference of the same time, mean of an episode, mm.
    pub tracking_mean_mm: Option<Interval>,
    /// Measured tool axis against the reference's, mean of an episode, mrad.
    pub tilt_mean_mrad: Option<Interval>,
    /// The same, maximum of an episode, mrad.
    pub tilt_max_mrad: Option<Interval>,
    /// Measured orientation of the tool against the reference's, mean of an episode, mrad.
    pub orientation_mean_mrad: Option<Interval>,
    /// Desired joint 3 against the expert's, maximum of an episode, rad.
    pub elbow_drift_rad: Option<Interval>,
    /// Root mean square of the commanded jerk, rad/s³.
    pub jerk_rms_rad_s3: Option<Interval>,
    /// Spectral arc length of the commanded speed of the end effector; nearer to 0 is smoother.
    pub spectral_arc_length: Option<Interval>,
    /// Ticks of an episode in which the safety layer changed a proposal.
    pub limiter_active_ticks: Option<Interval>,
    /// Greatest distance from the path after a push, the worst of an episode, mm.
    pub push_peak_mm: Option<Interval>,
    /// From the end of a push until back for good, the worst of an episode, s; over those that came back.
    pub push_return_s: Option<Interval>,
    /// How far the arm swings beyond the path after a push, the worst of an episode, mm.
    pub push_overshoot_mm: Option<Interval>,
    /// What ended episodes early, with their seeds.
    pub faults: Vec<(u64, String)>,
}

impl ScenarioFigures {
    /// Over `episodes`, each with its seed, in order.
    pub fn of(scenario: Scenario, episodes: &[(u64, Episode)]) -> Self {
        let over = |value: &dyn Fn(&Episode) -> Option<f64>| {
            Interval::of(episodes.iter().map(|(_, episode)| value(episode)).collect())
        };
        let push = |value: fn(&Recovery) -> Option<f64>| over(&move |episode| episode.worst_push(value));
        let succeeded = episodes.iter().filter(|(_, episode)| episode.success).count();
        let faults = episodes.iter().filter_map(|(seed, e)| Some((*seed, e.fault.clone()?))).collect();
        Self {
            scenario,
            success: Success { count: succeeded, of: episodes.len() },
            contour_mean_mm: over(&|e| e.drive.contour_error_mm.map(|error| error.mean)),
            contour_max_mm: over(&|e| e.drive.contour_error_mm.map(|error| error.max)),
            tracking_mean_mm: over(&|e| e.drive.tracking_error_mm.map(|error| error.mean)),
            tilt_mean_mrad: over(&|e| e.drive.tilt_mrad.map(|tilt| tilt.mean)),
            tilt_max_mrad: over(&|e| e.drive.tilt_mrad.map(|tilt| tilt.max)),
            orientation_mean_mrad: over(&|e| e.drive.orientation_error_mrad.map(|error| error.mean)),
            elbow_drift_rad: over(&|e| e.drive.contour_error_mm.map(|_| e.drive.elbow_drift_rad)),
            jerk_rms_rad_s3: over(&|e| e.jerk_rms_rad_s3),
            spectral_arc_length: over(&|e| e.spectral_arc_length),
            limiter_active_ticks: over(&|e| Some(e.drive.limiter_active_ticks as f64)),
            push_peak_mm: push(|recovery| Some(recovery.peak_mm)),
            push_return_s: push(|recovery| recovery.return_s),
            push_overshoot_mm: push(|recovery| Some(recovery.overshoot_mm)),
            faults,
        }
    }
}
