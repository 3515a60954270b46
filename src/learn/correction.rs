//! What a person has pushed an arm to while it drove: gathered by where on the path it was, and made the next path.
//!
//! ```text
//! sample (pushed) ─► by place on the path ─► displacement, smooth, nothing beside the stretch ─► path, displaced
//!     ─► reach, walls, speed and acceleration of the joints, the policy's region, the gate's play-ahead ─► driven
//! ```
//!
//! The policy answers "where are the joints for this place"; where to go next is the reference's to say. So a correction
//! displaces the reference, and the policy is taught the places around it.
use super::corrected::{Entry, Report};
use super::gate::Gate;
use super::places;
use super::shown::Shown;
use super::trainer::{Plan, Shared};
use crate::control::Course;
use crate::demonstration::demand::Excess;
use crate::demonstration::displaced::{self, Displacement};
use crate::demonstration::expert::Expert;
use crate::demonstration::sample::{Hand, Sample};
use crate::demonstration::time_law;
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::{Point, Pose};
use crate::policy::{Input, Policy};
use crate::range::{Violation, check_range, check_that};
use crate::robot::Joints;
use crate::robot::limits::CYCLE_S;
use crate::safety::Guard;
use crossbeam_channel::Sender;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// How far along the path the arm is looked for around the reference, m: a hand holds it back no farther.
const WINDOW_M: f64 = 0.05;
/// Corrections that can be taken back, and those that are reported.
const KEPT: usize = 64;

/// How pushes become a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Distance along the path between the places at which a displacement is kept, m.
    pub step_m: f64,
    /// How smooth it is along the path, m: what repeats within 2π of it is damped by half.
    pub smooth_m: f64,
    /// A hand that still pulls wants the arm elsewhere yet, by its pull over this, N/m: stiffer than any grip, so that it is
    /// never taken for more than it means.
    pub grip_n_m: f64,
    /// Time in which a hand lets go, s; what is felt of it by then shows nothing.
    pub let_go_s: f64,
    /// After the hand has gone for so long, the correction is made, s: a hand may hesitate.
    pub rest_s: f64,
    /// What displaces the path by less is none, m.
    pub least_m: f64,
    /// What displaces it by more is refused, m.
    pub most_m: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            step_m: 0.004,
            smooth_m: 0.006,
            grip_n_m: 2500.0,
            let_go_s: 0.15,
            rest_s: 0.5,
            least_m: 0.001,
            most_m: 0.05,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "step_m", self.step_m, 0.001..=0.05, "m");
        check_range(&mut out, "smooth_m", self.smooth_m, 0.0..=0.1, "m");
        check_range(&mut out, "grip_n_m", self.grip_n_m, 500.0..=1e6, "N/m");
        check_range(&mut out, "let_go_s", self.let_go_s, 0.0..=1.0, "s");
        check_range(&mut out, "rest_s", self.rest_s, 0.05..=10.0, "s");
        check_range(&mut out, "least_m", self.least_m, 0.0..=0.02, "m");
        check_range(&mut out, "most_m", self.most_m, 0.001..=0.2, "m");
        check_that(&mut out, "least_m", self.least_m, self.least_m < self.most_m, "below most_m");
        out
    }
}

/// Why a correction is not driven.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Refused {
    #[error(
        "it displaces the path by {way_m:.3} m, allowed correction.most_m = {most_m}: correct it in smaller steps"
    )]
    Far { way_m: f64, most_m: f64 },
    #[error(transparent)]
    Reach(#[from] time_law::Error),
    #[error("it cannot be followed at this pace: {0}; drive slower (--speed), or push less abruptly")]
    Fast(Excess),
    #[error("{0}")]
    Place(String),
    #[error(
        "({:.3}, {:.3}, {:.3}) m lies outside the region the policy was trained in: train one for a wider region (a larger \
         sde.sigma_m_sqrt_s), or push less far", at.x, at.y, at.z
    )]
    Region { at: Point },
    #[error("the gate refuses it, played ahead: {0}")]
    Gate(&'static str),
}

/// Gathers pushes and makes paths of them.
pub(super) struct Corrections {
    options: Options,
    plan: Plan,
    guard: Guard,
    /// The course that is driven, or on its way, and those before it to go back to, with the lap they were left in.
    course: Course,
    before: Vec<(Arc<TimedPath>, f64)>,
    /// All that the control thread may still have.
    kept: Vec<Course>,
    /// On its way to the control thread.
    pending: Option<Course>,
    driven: u32,
    shown: Shown,
    away_s: f64,
    report: Report,
    shared: Arc<Shared>,
}

impl Corrections {
    pub(super) fn new(plan: &Plan, shared: Arc<Shared>) -> Corrections {
        let course = Course { timed: Arc::clone(&plan.timed), number: 0 };
        Corrections {
            options: plan.correction.clone(),
            guard: Guard::new(&plan.safety, plan.expert.F_T_EE()),
            plan: plan.clone(),
            kept: vec![course.clone()],
            course,
            before: Vec::new(),
            pending: None,
            driven: 0,
            shown: Shown::default(),
            away_s: 0.0,
            report: Report::default(),
            shared,
        }
    }

    /// Takes one tick's sample; the path that is driven from now on, if it is another.
    ///
    /// Allocates and takes its time only while a hand is at the arm.
    pub(super) fn take(&mut self, sample: &Sample, running: &mut Policy) -> Option<Arc<TimedPath>> {
        if self.shared.take_back.swap(false, Relaxed) {
            self.take_back();
        }
        let mut news = None;
        if sample.course != self.driven {
            self.driven = sample.course;
            self.shown = Shown::default();
            news = self.kept.iter().find(|c| c.number == self.driven).map(|c| Arc::clone(&c.timed));
        }
        if self.driven == self.course.number {
            self.gather(sample, running);
        }
        news
    }

    fn gather(&mut self, sample: &Sample, running: &mut Policy) {
        match sample.hand {
            Hand::Load => self.shown = Shown::default(),
            Hand::Away => {
                self.shown.let_go();
                self.away_s += CYCLE_S * (1.0 + f64::from(sample.lost));
                if !self.shown.is_empty() && self.away_s >= self.options.rest_s {
                    self.conclude(sample, running);
                }
            }
            Hand::Touching | Hand::Pushing => {
                self.away_s = 0.0;
                let timed = &self.course.timed;
                let path = timed.path();
                let near = path.nearest_around(&sample.O_p_EE, timed.arc_m(sample.tau_s), WINDOW_M);
                let (count, step_m) = Displacement::grid(path, self.options.step_m);
                let along = path.tangent(near.arc_m);
                let wish = sample.O_p_EE + sample.pull_n / self.options.grip_n_m - path.point(near.arc_m);
                self.shown.take(
                    (near.arc_m / step_m).round() as isize,
                    path.is_closed().then_some(count as isize),
                    wish - along * along.dot(&wish),
                    sample.hand == Hand::Pushing,
                    (self.options.let_go_s / CYCLE_S) as usize,
                );
            }
        }
    }

    /// The hand has gone: what it has shown becomes a path, or is refused with its reason.
    fn conclude(&mut self, sample: &Sample, running: &mut Policy) {
        let shown = std::mem::take(&mut self.shown);
        let mut by = Displacement::none(self.course.timed.path(), self.options.step_m);
        let step_m = by.step_m();
        shown.displace(&mut by, self.options.smooth_m / step_m);
        let [first, last] = shown.ends();
        let largest_m = by.largest_m();
        if largest_m < self.options.least_m {
            self.report.too_small += 1;
            self.tell();
            return;
        }
        let timed = Arc::new(displaced::displaced(&self.course.timed, &by));
        let refused = match largest_m > self.options.most_m {
            true => Some(Refused::Far { way_m: largest_m, most_m: self.options.most_m }),
            false => self.check(&timed, running).err(),
        };
        let lap = sample.tau_s / timed.lap_s().max(CYCLE_S);
        let length_m = self.course.timed.path().length_m();
        let entry = Entry {
            lap,
            at_m: (first as f64 * step_m).rem_euclid(length_m),
            length_m: (last - first) as f64 * step_m,
            largest_mm: 1e3 * largest_m,
            refused: refused.as_ref().map(Refused::to_string),
        };
        match &refused {
            Some(why) => {
                self.report.refused += 1;
                log::warn!(
                    "a correction of {:.1} mm at {:.3} m of the path is refused: {why}",
                    entry.largest_mm,
                    entry.at_m
                );
            }
            None => {
                self.report.learnt += 1;
                // What a hand does in one lap is one correction to take back.
                if self.before.last().is_none_or(|(_, left)| left.floor() != lap.floor()) {
                    self.before.push((Arc::clone(&self.course.timed), lap));
                    self.before.drain(..self.before.len().saturating_sub(KEPT));
                }
                self.send(timed);
            }
        }
        self.report.each.push(entry);
        self.report.each.drain(..self.report.each.len().saturating_sub(KEPT));
        self.tell();
    }

    /// # Errors
    /// The first thing that stands against driving `timed`.
    fn check(&self, timed: &Arc<TimedPath>, running: &mut Policy) -> Result<(), Refused> {
        let Plan { expert, safety, gate, speed, .. } = &self.plan;
        let faster = speed.max(1.0);
        let options = time_law::Options {
            joint_velocity_share: gate.limits_share / faster,
            joint_acceleration_share: gate.limits_share / faster.powi(3),
            ..time_law::Options::default()
        };
        if let Some(excess) = displaced::check(timed, &mut |x| expert.label_pose(x), &options)? {
            return Err(Refused::Fast(excess));
        }
        places::check_path(&self.guard, timed, expert, *speed).map_err(Refused::Place)?;
        if let Some(x) = timed.path().poses().find(|x| !running.knows(x, safety.region_margin_m)) {
            return Err(Refused::Region { at: x.translation.vector });
        }
        let mut gate = Gate::new(&self.plan.gate, safety, *expert.F_T_EE(), Arc::clone(timed), *speed);
        gate.check(running).map_err(|why| Refused::Gate(why.name()))
    }

    fn send(&mut self, timed: Arc<TimedPath>) {
        self.report.may_take_back = !self.before.is_empty();
        self.course = Course { timed, number: self.course.number + 1 };
        // The control thread frees nothing: what it may still have is kept here.
        self.kept.retain(|course| Arc::strong_count(&course.timed) > 1);
        self.kept.push(self.course.clone());
        self.pending = Some(self.course.clone());
    }

    /// Goes back to the path before the last correction, if there is one.
    fn take_back(&mut self) {
        let Some((timed, _)) = self.before.pop() else { return };
        self.shown = Shown::default();
        self.report.taken_back += 1;
        self.send(timed);
        self.tell();
    }

    fn tell(&self) {
        if let Ok(mut told) = self.shared.corrected.lock() {
            *told = (self.report.clone(), Some(Arc::clone(&self.course.timed)));
        }
    }

    /// Hands a new path to the control thread as soon as that has room.
    pub(super) fn advance(&mut self, courses: &Sender<Course>) {
        if let Some(course) = self.pending.take()
            && let Err(back) = courses.try_send(course)
        {
            self.pending = Some(back.into_inner());
        }
    }

    /// The path with every correction so far.
    pub(super) fn timed(&self) -> &Arc<TimedPath> {
        &self.course.timed
    }
}

/// Poses along a path, as a policy is asked for them, and the expert's joints there.
pub(super) fn demonstrated(timed: &TimedPath, expert: &Expert, input: Input) -> Arc<[(Pose, Joints)]> {
    // The path's points are half a millimetre apart.
    let poses = timed.path().poses().step_by(2);
    poses.filter_map(|x| Some((input.seen(&x), expert.label_pose(&x).ok()?))).collect()
}
