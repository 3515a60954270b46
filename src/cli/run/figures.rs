//! What `run` reports and says at the end.
use super::super::motion::say_why;
use super::super::prepare::{self, TrajectoryFigures};
use super::Run;
use super::fingers::{self, Asked};
use crate::control::{ControlUsage, Outcome, Pulse, SampleCounts};
use crate::learn::judge::{Errors, Judgement};
use crate::learn::{Refused, TrainerCounts, adapt, train};
use crate::policy::Policy;
use crate::robot::{panda, realtime};
use crate::safety;
use crate::telemetry::{CurvePoint, Drive, DriveFigures, Ending, Finding, Saved, Timeline};
use crate::timing::{Buckets, Quantiles};
use serde::Serialize;

/// A load that a person would want to declare, kg; friction and the model's own errors look like less.
const LOAD_WORTH_SAYING_KG: f64 = 0.2;

/// The keys of a `run` report besides those of every report.
#[derive(Serialize)]
pub(super) struct Figures {
    trajectory: TrajectoryFigures,
    robot: RobotFigures,
    /// The limits our own safety layer held.
    safety: safety::Options,
    #[serde(flatten)]
    drive: DriveFigures,
    /// Our own time from a state's arrival to its command.
    tick_us: Option<Quantiles>,
    /// The same, tick by tick in buckets.
    tick_histogram: Option<Buckets>,
    /// What the control thread used of the machine while it drove.
    control_thread: Option<ControlUsage>,
    /// FK(π(x)) against x along the reference, of the policy the drive began with.
    network_error_mm: Errors,
    /// Tool axis of FK(π(x)) against the reference's, of the same.
    network_tilt_mrad: Errors,
    /// Orientation of FK(π(x)) against the reference's, of the same.
    network_orientation_mrad: Errors,
    /// The same for the policy in use at the end.
    network_at_end: Option<Judgement>,
    policies: TrainerCounts,
    /// The last candidates that the gate refused.
    pub(super) refusals: Vec<RefusalFigures>,
    sample_counts: SampleCounts,
    /// From the start of the process to the first command that moved the arm.
    first_motion_s: Option<f64>,
    /// From the moment at which the hand that taught the motion let go until the arm moves by itself, s.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_release_s: Option<f64>,
    train: Option<train::Report>,
    /// How a policy for another tool was taught the robot's.
    adapted: Option<adapt::Report>,
    /// Errors by time on the path: what learning on the way has made of them.
    error_curve: Vec<CurvePoint>,
    /// What happened when.
    timeline: Timeline,
    /// After an abort: whose fault it was, why we think so, and where the last seconds are.
    black_box: Option<Finding>,
    /// What became of the record, if one was wanted and could be kept.
    pub(super) record: Option<Saved>,
    /// With `--gripper`: what was asked of it, and when.
    pub(super) gripper: Option<Vec<Asked>>,
    path: PathFigures,
}

fn how(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done => "done, at rest",
        Ending::Stopped => "stopped as asked, at rest",
        Ending::Failed => "ended early",
    }
}

#[derive(Serialize)]
struct RobotFigures {
    address: String,
    simulated: bool,
    pace: &'static str,
    speed: f64,
    F_T_EE: [f64; 16],
    realtime: realtime::Granted,
    set: panda::Options,
}

/// A candidate that the gate has refused.
#[derive(Serialize)]
pub(super) struct RefusalFigures {
    /// When, on the timeline, s.
    t_s: f64,
    /// Why, as in `policies.rejected_by_reason`.
    reason: &'static str,
}

/// Refusals on the timeline of `drive`.
pub(super) fn refusals(refused: &[Refused], drive: &Drive) -> Vec<RefusalFigures> {
    let on_timeline = |refused: &Refused| {
        Some(RefusalFigures { t_s: drive.since_start_s(refused.time_ms)?, reason: refused.why.name() })
    };
    refused.iter().filter_map(on_timeline).collect()
}

#[derive(Serialize)]
struct PathFigures {
    /// Positions a second on the path, every one of both lists at the same moment.
    sampled_hz: f64,
    /// Distance from the desired position beyond which the arm counts as pushed.
    tube_m: f64,
    reference_m: Vec<[f64; 3]>,
    measured_m: Vec<[f64; 3]>,
}

impl Figures {
    #[allow(clippy::too_many_arguments)] // each is one place a figure comes from
    pub(super) fn new(
        run: &Run,
        outcome: Option<Outcome>,
        drive: &Drive,
        counts: TrainerCounts,
        last: Option<&mut Policy>,
        pulse: &Pulse,
        realtime: realtime::Granted,
        name: &str,
        black_box: Option<Finding>,
    ) -> Figures {
        let prepared = run.prepared;
        let (reference_m, measured_m) = drive.path();
        Figures {
            trajectory: prepared.figures.clone(),
            robot: RobotFigures {
                address: name.to_string(),
                simulated: run.args.sim,
                pace: if run.args.is_lockstep() { "lockstep" } else { "realtime" },
                speed: run.speed,
                F_T_EE: run.state.F_T_EE,
                realtime,
                set: run.config.robot.clone(),
            },
            safety: run.config.safety.clone(),
            drive: drive.figures(),
            tick_histogram: outcome.as_ref().filter(|o| !o.tick_ns.is_empty()).map(|o| o.tick_ns.buckets()),
            tick_us: outcome.as_ref().filter(|o| !o.tick_ns.is_empty()).map(|o| o.tick_ns.quantiles_us()),
            control_thread: outcome.as_ref().filter(|o| !o.tick_ns.is_empty()).map(|o| o.usage),
            network_error_mm: prepared.network.error_mm,
            network_tilt_mrad: prepared.network.tilt_mrad,
            network_orientation_mrad: prepared.network.orientation_mrad,
            network_at_end: last
                .map(|policy| prepare::judge_along(policy, &prepared.timed, &prepared.expert)),
            policies: counts,
            refusals: Vec::new(),
            sample_counts: outcome.as_ref().map(|o| o.samples).unwrap_or_default(),
            first_motion_s: pulse.first_motion_s(),
            from_release_s: pulse
                .first_motion_s()
                .zip(run.released_ns)
                .map(|(moved_s, ns)| moved_s - 1e-9 * ns as f64),
            train: prepared.train.clone(),
            adapted: prepared.adapted.clone(),
            error_curve: drive.curve(),
            timeline: drive.timeline(),
            black_box,
            record: None,
            gripper: None,
            path: PathFigures {
                sampled_hz: drive.path_sampled_hz(),
                tube_m: run.config.sde.tube_m,
                reference_m: reference_m.to_vec(),
                measured_m: measured_m.to_vec(),
            },
        }
    }

    /// How it went, in a sentence.
    pub(super) fn words(&self, ending: &Ending) -> String {
        let errors = self.drive.contour_error_mm.map_or(String::new(), |error| {
            format!(": from the curve mean {:.2} mm, max {:.2} mm", error.mean, error.max)
        });
        format!("{} {}{errors}", self.trajectory.name, how(ending))
    }

    /// The summary a person reads.
    pub(super) fn say(&self, ending: &Ending) {
        let d = &self.drive;
        let how = how(ending);
        say!(
            "drove    {how}: {} cycles, {} commands missed; in the worst tenth of a second {:.0} % arrived",
            d.cycles,
            d.missed_commands,
            100.0 * d.success_rate_min
        );
        match (d.contour_error_mm, d.tracking_error_mm) {
            (Some(contour), Some(tracking)) => say!(
                "error    from the curve mean {:.2} mm, max {:.2} mm; from the moving reference mean {:.2} mm, max {:.2} mm",
                contour.mean,
                contour.max,
                tracking.mean,
                tracking.max
            ),
            _ => say!("error    none measured: the path was not reached"),
        }
        if let Some(turn) = d.orientation_error_mrad.filter(|_| self.trajectory.posed) {
            say!(
                "         orientation of the tool from the path's mean {:.1} mrad, max {:.1} mrad",
                turn.mean,
                turn.max
            );
        }
        let back = match d.rollbacks {
            0 => String::new(),
            rollbacks => format!(", {rollbacks} given up for the one before"),
        };
        say!(
            "learning {} samples, {} steps; {} policies offered, {} taken over, {} refused{back}",
            self.policies.samples,
            self.policies.steps,
            self.policies.offered,
            d.swaps,
            self.policies.rejected
        );
        if let Some(nearest) = &d.nearest_limit {
            say!("limits   the nearest: {} {:.3} {}", nearest.limit, nearest.left, nearest.unit);
        }
        self.gripper.iter().for_each(|asked| fingers::say(asked));
        self.say_healing();
        self.black_box.iter().for_each(say_why);
        if let (Some(tick_us), Some(first_motion_s)) = (self.tick_us, self.first_motion_s) {
            let begun = match self.from_release_s {
                Some(from_release_s) => format!("{from_release_s:.2} s after the hand had let go"),
                None => format!("after {first_motion_s:.2} s"),
            };
            say!(
                "timing   tick p50 {:.1} µs, p99 {:.1} µs; limiter active in {} ticks; first motion {begun}",
                tick_us.p50,
                tick_us.p99,
                d.limiter_active_ticks
            );
        }
        self.say_machine();
    }

    /// What the machine has done to the control thread, in words.
    fn say_machine(&self) {
        let Some(usage) = &self.control_thread else { return };
        let later = usage.page_faults_later;
        let allocated = match (&usage.allocations, usage.driver_allocations_per_cycle) {
            (Some(ours), Some(drivers)) => {
                format!("; allocations {} of ours, {drivers:.1} a cycle of the driver's", ours.calls())
            }
            _ => String::new(),
        };
        say!(
            "machine  {}; page faults {} in the first second, {} after it{allocated}; control thread at work {:.0} % of \
             the time, interrupted {} times",
            self.robot.realtime.words(),
            usage.page_faults_first_s.minor + usage.page_faults_first_s.major,
            later.minor + later.major,
            100.0 * usage.cpu_share,
            usage.preempted
        );
    }

    /// What learning on the way has done, and what it says of the arm.
    fn say_healing(&self) {
        let (Some(first), Some(last)) = (self.error_curve.first(), self.error_curve.last()) else { return };
        if self.drive.swaps > 0 && self.error_curve.len() > 1 {
            say!(
                "healing  from {:.2} mm off the curve and {:.1} mrad of tilt in the first second to {:.2} mm and {:.1} mrad \
                 in the last",
                first.contour_error_mm,
                first.tilt_mrad,
                last.contour_error_mm,
                last.tilt_mrad
            );
        }
        let load_kg = self.policies.undeclared_load_kg;
        if load_kg.abs() > LOAD_WORTH_SAYING_KG {
            say!(
                "note     the arm sags as under {load_kg:+.2} kg that the robot does not know of: if it carries that, declare \
                 it in robot.load_mass_kg"
            );
        }
    }
}
