//! From a path and a robot's tool to a policy that can drive: labels, time law, training, first judgement.
use super::exit::usage;
use crate::config::Config;
use crate::demonstration::expert::Expert;
use crate::demonstration::path::Path;
use crate::demonstration::shapes::About;
use crate::demonstration::timed_path::TimedPath;
use crate::demonstration::{Dataset, Example, LabelledBy, Survey, time_law};
use crate::kinematics::{Apart, Pose, forward};
use crate::learn::gate::Gate;
use crate::learn::judge::{Judgement, judge};
use crate::learn::places::check_path;
use crate::learn::train::Progress;
use crate::learn::{adapt, trainer};
use crate::policy::{self, Input, Policy};
use crate::robot::State;
use crate::safety::{Guard, Limiter};
use serde::Serialize;
use std::sync::Arc;

/// Distance between two demonstrated points along the path, m.
const DEMONSTRATION_STEP_M: f64 = 0.001;

/// A policy further from the path than this would drive elsewhere than where we say it will, m.
const OFF_PATH_MAX_M: f64 = 0.02;

/// Everything a drive needs.
pub(super) struct Prepared {
    pub expert: Arc<Expert>,
    pub timed: Arc<TimedPath>,
    pub policy: Policy,
    pub F_T_EE: Pose,
    pub demonstrations: Arc<[(Pose, crate::robot::Joints)]>,
    pub train: Option<crate::learn::train::Report>,
    /// How a policy for another tool was taught the robot's.
    pub adapted: Option<adapt::Report>,
    /// The policy's error along the reference.
    pub network: Judgement,
    pub figures: TrajectoryFigures,
}

/// What a policy is made from, besides the path.
pub(super) enum Start {
    /// Nothing: it is trained.
    Nothing,
    /// This one drives.
    Given(Policy),
    /// What was learnt while the arm was guided, to be polished on the motion as a whole.
    Apprentice(Policy),
}

/// What a report says of a trajectory.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TrajectoryFigures {
    pub name: String,
    pub length_m: f64,
    pub closed: bool,
    pub corners: usize,
    pub lap_s: f64,
    /// Times that a motion with times of its own was made slower, to keep the joints in their limits; 1 mostly.
    pub stretch: f64,
    pub top_speed_m_s: f64,
    /// Whether the trajectory says how the tool turns; else it points down.
    pub posed: bool,
    /// Highest angular speed of the tool, rad/s.
    pub top_turn_rad_s: f64,
    /// The slowest place other than a stop, and what slows it; none if the whole path runs at its speed.
    pub slowest: Option<Slowed>,
    /// How far smoothing moved a drawing, m.
    pub smoothing_moved_m: f64,
    pub extent_m: [[f64; 3]; 2],
    pub labels: Survey,
}

/// Where a path is slowed, and why.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Slowed {
    pub speed_m_s: f64,
    pub O_p_EE_m: [f64; 3],
    pub because: String,
}

/// The policy in `file`.
pub(super) fn load_policy(file: &std::path::Path) -> anyhow::Result<Policy> {
    Policy::load(file).map_err(|error| match error {
        policy::Error::Read { .. } => usage(error),
        _ => usage(format!("{}: {error}", file.display())),
    })
}

/// A policy of positions cannot follow a path that says how the tool turns.
pub(super) fn check_input(policy: &Policy, path: &Path, name: &str) -> Result<(), String> {
    match (policy.card().input, path.is_posed()) {
        (Input::Position, true) => Err(format!(
            "{name} says how the tool turns (qx,qy,qz,qw), and the policy is asked with positions only: give no \
             policy, or train one with network.input = \"pose\"; or leave these columns out, and the tool points down"
        )),
        _ => Ok(()),
    }
}

/// A path that says how the tool turns is learnt by a policy of poses.
pub(super) fn choose_input(config: &mut Config, path: &Path) {
    if path.is_posed() && config.network.input == Input::Position {
        say!(
            "note     the trajectory says how the tool turns: the policy will be asked with poses (network.input)"
        );
        config.network.input = Input::Pose;
    }
}

/// How far the tool of a demonstration may be from the robot's; less is said.
const OTHER_TOOL: Apart = Apart { way_m: 0.01, turn_rad: 0.05 };

/// A demonstration is of a tool's poses: with another tool the arm would be elsewhere.
pub(super) fn check_tool(taught: Option<&About>, F_T_EE: &Pose, name: &str) -> anyhow::Result<()> {
    let Some(About { F_T_EE: taught, .. }) = taught else { return Ok(()) };
    let apart = Apart::of(taught, F_T_EE);
    if !apart.is_within(&OTHER_TOOL) {
        let p = taught.translation.vector;
        return Err(usage(format!(
            "{name} was taught with another tool, {apart} from the robot's F_T_EE (allowed {OTHER_TOOL}): mount that \
             tool and set its end effector in Desk, at ({:.4}, {:.4}, {:.4}) m in the flange frame; or write the positions with \
             'franka-imit demos export csv' and follow that file",
            p.x, p.y, p.z
        )));
    }
    if !apart.is_within(&Apart::SAME_TOOL) {
        say!(
            "note     {name} was taught with a tool {apart} from the robot's F_T_EE: the robot's end effector goes where that \
             one went, and the joints a little elsewhere"
        );
    }
    Ok(())
}

/// The time law of `path`; a taught motion that is too fast for the arm is slowed, and it is said why.
pub(super) fn plan(config: &Config, path: &Path, expert: &Expert, name: &str) -> anyhow::Result<TimedPath> {
    let failed = |e: time_law::Error| usage(format!("trajectory {name}: {e}"));
    let mut label = |x: &Pose| expert.label_pose(x);
    if !expert.is_taught() && !config.drawing.may_be_slowed {
        return time_law::plan(path, &mut label, &config.motion).map_err(failed);
    }
    let (timed, excess) = time_law::retimed(path, &mut label, &config.motion).map_err(failed)?;
    if let Some(excess) = excess.filter(|_| path.timing().is_some()) {
        say!(
            "note     {name} is retimed, {:.2} times slower than taught or drawn: as it was, {excess} (motion.joint_velocity_share, \
             motion.joint_acceleration_share)",
            timed.stretch()
        );
    }
    Ok(timed)
}

/// The expert for a tool, with the postures that were taught along `path` if any were.
pub(super) fn taught(config: &Config, F_T_EE: Pose, path: &Path, name: &str) -> anyhow::Result<Expert> {
    Expert::new(config.expert, F_T_EE).taught_by(path).map_err(|e| usage(format!("trajectory {name}: {e}")))
}

/// Labels `path` for the robot's tool, gives it its time law, and trains (or takes) a policy for it; `tell` is told how
/// the training goes.
pub(super) fn prepare(
    config: &Config,
    name: &str,
    path: Path,
    state: &State,
    start: Start,
    speed: f64,
    tell: &mut dyn FnMut(Progress),
) -> anyhow::Result<Prepared> {
    let F_T_EE = super::arm::tool(state)?;
    let expert = taught(config, F_T_EE, &path, name)?;
    let expert = Arc::new(expert);
    let timed = Arc::new(plan(config, &path, &expert, name)?);
    let examples = demonstrate(&path, &expert)?;
    check_margin(config, &examples).map_err(|e| usage(format!("trajectory {name}: {e}")))?;
    let guard = Guard::new(&config.safety, &F_T_EE);
    check_path(&guard, &timed, &expert, speed).map_err(|e| usage(format!("trajectory {name}: {e}")))?;
    let figures = TrajectoryFigures::of(name, &timed, &expert);
    let (mut policy, train, adapted) = match start {
        Start::Given(policy) => {
            check_region(config, &policy, &timed).map_err(usage)?;
            match policy.card().check_tool(&state.F_T_EE) {
                Ok(()) => (policy, None, None),
                Err(other_tool) => {
                    let mut gate = Gate::new(&config.gate, &config.safety, F_T_EE, Arc::clone(&timed), speed);
                    let (policy, report) =
                        adapt::adapt(&policy, &expert, &examples, &mut gate, config.training.seed)
                            .map_err(|why| usage(format!("{other_tool}. It was not adapted: {why}")))?;
                    (policy, None, Some(report))
                }
            }
        }
        Start::Nothing | Start::Apprentice(_) => {
            let data = Dataset {
                examples: examples.clone(),
                F_T_EE,
                source: name.to_string(),
                labelled_by: LabelledBy::Expert(config.expert),
            };
            let trained = match &start {
                Start::Apprentice(policy) => super::train::polish(config, &data, &expert, policy, tell)?,
                _ => super::train::learn(config, &data, &expert, tell)?,
            };
            (trained.policy, Some(trained.report), None)
        }
    };
    let network = judge_along(&mut policy, &timed, &expert);
    let off_mm = network.error_mm.max;
    if off_mm.is_nan() || off_mm > 1e3 * OFF_PATH_MAX_M {
        return Err(usage(format!(
            "the policy leaves the trajectory by up to {off_mm:.1} mm, allowed {:.0}: train one for it, or train longer",
            1e3 * OFF_PATH_MAX_M
        )));
    }
    let turned = |e: &Example| Pose::from_parts(e.O_p_EE.into(), forward(&e.q, &F_T_EE).rotation);
    let input = policy.card().input;
    let demonstrations = examples.iter().map(|e| (input.seen(&turned(e)), e.q)).collect();
    Ok(Prepared { expert, timed, policy, F_T_EE, demonstrations, train, adapted, network, figures })
}

impl Prepared {
    /// What the trainer needs to go on learning.
    pub(super) fn learning(&self, config: &Config, speed: f64) -> trainer::Plan {
        trainer::Plan {
            options: config.fine_tuning.clone(),
            experience: config.experience.clone(),
            gate: config.gate.clone(),
            correction: config.correction.clone(),
            watch: config.watch.clone(),
            swap_s: config.control.swap_s,
            stiffness_nm_rad: config.robot.joint_stiffness_nm_rad,
            safety: config.safety.clone(),
            sde: config.sde.clone(),
            timed: Arc::clone(&self.timed),
            speed,
            expert: Arc::clone(&self.expert),
            demonstrations: Arc::clone(&self.demonstrations),
            seed: config.training.seed,
        }
    }

    /// Says what will be driven, in a few lines.
    pub(super) fn say(&self) {
        let f = &self.figures;
        let margin = f.labels.limit_margin_min.map_or(String::new(), |m| {
            format!(", nearest joint limit {:.2} rad away (joint {})", m.rad, m.joint)
        });
        say!(
            "path     {}: {:.3} m, one lap {:.2} s, up to {:.2} m/s{margin}",
            f.name,
            f.length_m,
            f.lap_s,
            f.top_speed_m_s
        );
        if f.posed {
            say!("         the tool turns as the file says, at up to {:.2} rad/s", f.top_turn_rad_s);
        }
        if f.smoothing_moved_m > 0.0 {
            say!("         smoothing moved the drawing by at most {:.1} mm", 1e3 * f.smoothing_moved_m);
        }
        if let Some(train) = &self.train {
            super::train::say(train);
        }
        if let Some(adapted) = &self.adapted {
            say!(
                "note     the policy was made for another tool than the robot's (F_T_EE: {:.1} mm and {:.0} mrad apart): \
                 adapted in {:.2} s; error along the path mean {:.2} mm before, {:.2} mm after",
                adapted.tool_moved_mm,
                adapted.tool_turned_mrad,
                adapted.adapt_s,
                adapted.error_before_mm.mean,
                adapted.error_after_mm.mean
            );
        }
        say!(
            "policy   error along the path: mean {:.3} mm, max {:.3} mm; tilt max {:.2} mrad, orientation max {:.2} mrad",
            self.network.error_mm.mean,
            self.network.error_mm.max,
            self.network.tilt_mrad.max,
            self.network.orientation_mrad.max
        );
    }
}

/// Points along the path with their labels.
fn demonstrate(path: &Path, expert: &Expert) -> anyhow::Result<Vec<Example>> {
    let steps = (path.length_m() / DEMONSTRATION_STEP_M).ceil().max(1.0) as usize;
    (0..=steps)
        .map(|k| {
            let at = path.pose(path.length_m() * k as f64 / steps as f64);
            let O_p_EE = at.translation.vector;
            expert.label_pose(&at).map(|q| Example { O_p_EE, q }).map_err(usage)
        })
        .collect()
}

/// FK(π(x)) against x, and the tool's orientation against the expert's, at every millisecond of a lap.
pub(super) fn judge_along(policy: &mut Policy, timed: &TimedPath, expert: &Expert) -> Judgement {
    judge(policy, &along(timed, expert), expert.F_T_EE())
}

/// The reference and its labels at every millisecond of a lap.
pub(super) fn along(timed: &TimedPath, expert: &Expert) -> Vec<Example> {
    let poses = (0..=(timed.lap_s() * 1e3) as u64).map(|ms| timed.pose(ms as f64 * 1e-3));
    let example = |x: Pose| Some(Example { O_p_EE: x.translation.vector, q: expert.label_pose(&x).ok()? });
    poses.filter_map(example).collect()
}

/// The safety layer would hold the arm off a path that comes nearer to a joint limit than it allows.
fn check_margin(config: &Config, examples: &[Example]) -> Result<(), String> {
    let limiter = Limiter::new(&config.safety);
    let outside = examples.iter().find_map(|e| Some((e.O_p_EE, limiter.outside(&e.q)?)));
    outside.map_or(Ok(()), |(p, (joint, q, (low, high)))| {
        Err(format!(
            "at ({:.3}, {:.3}, {:.3}) m joint {joint} would stand at {q:.3} rad, allowed {low:.3} to {high:.3} with \
             safety.position_margin_rad = {}; move the path, or lower the margin",
            p.x, p.y, p.z, config.safety.position_margin_rad
        ))
    })
}

/// A policy is only asked where it was trained.
pub(super) fn check_region(config: &Config, policy: &Policy, timed: &TimedPath) -> Result<(), String> {
    let Some(region) = &policy.card().region else {
        return Err("the policy does not say where it was trained; train one for this trajectory".to_string());
    };
    let input = policy.card().input;
    // No number of a rotation is beyond 1, and few examples are turned so that one is exactly that.
    let margin_m = if input == Input::Pose { config.safety.region_margin_m } else { 0.0 };
    match timed.path().poses().find(|x| !region.contains_pose(input, x, margin_m)) {
        None => Ok(()),
        Some(x) if region.contains_pose(Input::Position, &x, margin_m) => Err(format!(
            "the trajectory turns the tool otherwise than the policy was trained: at ({:.3}, {:.3}, {:.3}) m the first \
             two columns of its rotation are {:.3?}, outside {:.3?} to {:.3?}. Train one for this trajectory",
            x.translation.x,
            x.translation.y,
            x.translation.z,
            &input.numbers(&x)[3..],
            region.min.get(3..).unwrap_or_default(),
            region.max.get(3..).unwrap_or_default()
        )),
        Some(Pose { translation: p, .. }) => Err(format!(
            "the trajectory leaves the region the policy was trained in: ({:.3}, {:.3}, {:.3}) m is outside {:.3?} to \
             {:.3?} m. Train one for this trajectory, or move it",
            p.x, p.y, p.z, region.min, region.max
        )),
    }
}

impl TrajectoryFigures {
    fn of(name: &str, timed: &TimedPath, expert: &Expert) -> TrajectoryFigures {
        let path = timed.path();
        let [low, high] = timed.extent();
        TrajectoryFigures {
            name: name.to_string(),
            length_m: path.length_m(),
            closed: path.is_closed(),
            corners: path.corners().len(),
            lap_s: timed.lap_s(),
            stretch: timed.stretch(),
            top_speed_m_s: timed.top_speed_m_s(),
            posed: path.is_posed(),
            top_turn_rad_s: timed.top_turn_rad_s(),
            slowest: timed.slowest().map(|s| Slowed {
                speed_m_s: s.speed_m_s,
                O_p_EE_m: s.point.into(),
                because: format!("{:?}", s.limit),
            }),
            smoothing_moved_m: path.deviation_m(),
            extent_m: [low.into(), high.into()],
            labels: expert.survey_poses(path.poses()),
        }
    }
}
