//! The gate between the trainer and the arm: a candidate drives only if it is better, and only if it is fit to.
//!
//! A candidate must be finite; must beat the running policy by a margin on samples that neither was trained on,
//! in where the end effector would be, and lose neither in position nor in orientation; must not have become worse
//! elsewhere in the region the policy serves; must be near enough to the running one to be faded in; and, played
//! ahead along the whole path, must stay inside the joints' position, velocity and acceleration limits and point
//! where it was asked. Work comes in small portions, so that the trainer never holds up a lockstep run.
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::{Pose, forward};
use crate::policy::{Input, Policy};
use crate::range::{Violation, check_count, check_range};
use crate::robot::{JOINTS, Joints, limits};
use crate::safety::{self, Limiter};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Evaluations in one portion of work.
const PORTION: usize = 32;
/// A turn of the tool counts as the way of a point this far from the end effector, m.
const LEVER_M: f64 = 0.1;
/// Distance in reference time between the points of the play-ahead, s.
const STRIDE_S: f64 = 2e-3;
/// Share of the wish's allowed error that a candidate may use: the safety layer, which ends a drive, has the rest.
const WISH_SHARE: f64 = 0.8;
/// A loss in position or orientation smaller than this is none: 0.1 mm, 1 mrad.
const SLACK: (f64, f64) = (1e-4, 1e-3);

/// What a candidate must show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Share by which a candidate's error on held-out samples must be smaller than the running policy's.
    pub margin_share: f64,
    /// Held-out samples needed before anything is judged.
    pub held_out_min: usize,
    /// Share by which a candidate's error elsewhere in the policy's region may be larger than the running one's.
    pub elsewhere_share: f64,
    /// Share of the robot's velocity and acceleration limits that a candidate may ask for.
    pub limits_share: f64,
    /// Largest difference between candidate and running policy anywhere on the path; a candidate further away goes
    /// part of its way, rad.
    pub step_rad: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            margin_share: 0.05,
            held_out_min: 64,
            elsewhere_share: 0.1,
            limits_share: 0.7,
            step_rad: 0.02,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "margin_share", self.margin_share, 0.0..=0.9, "");
        check_count(&mut out, "held_out_min", self.held_out_min, 8..=100_000, "samples");
        check_range(&mut out, "elsewhere_share", self.elsewhere_share, 0.0..=1.0, "");
        check_range(&mut out, "limits_share", self.limits_share, 0.05..=0.95, "");
        check_range(&mut out, "step_rad", self.step_rad, 1e-4..=0.1, "rad");
        out
    }
}

/// Why a candidate was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A weight or an output is NaN or infinite.
    NotFinite,
    /// Not better than the running policy by the margin.
    NotBetter,
    /// Worse elsewhere in the region than the running policy.
    Elsewhere,
    /// Too far from the running policy to be faded in.
    Step,
    /// Leaves the joint position limits on the path ahead.
    Position,
    /// Too fast on the path ahead.
    Velocity,
    /// Accelerates too much on the path ahead.
    Acceleration,
    /// Points too far from where it is asked on the path ahead.
    Wish,
}

impl Refusal {
    /// Every reason, in order, with its name in reports.
    pub const ALL: [(Refusal, &'static str); 8] = [
        (Refusal::NotFinite, "not_finite"),
        (Refusal::NotBetter, "not_better"),
        (Refusal::Elsewhere, "elsewhere"),
        (Refusal::Step, "step"),
        (Refusal::Position, "joint_position"),
        (Refusal::Velocity, "joint_velocity"),
        (Refusal::Acceleration, "joint_acceleration"),
        (Refusal::Wish, "wish"),
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        Refusal::ALL.iter().find(|(reason, _)| *reason == self).map_or("", |(_, name)| name)
    }
}

/// What a portion of work led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More portions to do.
    More,
    /// Fit to drive.
    Accepted,
    /// Not fit to drive.
    Refused(Refusal),
}

/// What candidates are judged on: poses and the joints to ask for there (rad).
#[derive(Clone, Copy)]
pub struct Exam<'a> {
    /// Driven or shown, never trained on.
    pub held_out: &'a [(Pose, Joints)],
    /// Anywhere in the region, as far as is known.
    pub elsewhere: &'a [(Pose, Joints)],
}

/// Judges one candidate at a time; never allocates after `new`.
pub struct Gate {
    options: Options,
    timed: Arc<TimedPath>,
    limiter: Limiter,
    F_T_EE: Pose,
    wish_error_m: f64,
    wish_error_rad: f64,
    speed: f64,
    end_s: f64,
    stage: Stage,
}

enum Stage {
    HeldOut { next: usize, candidate: Errors, running: Errors },
    Elsewhere { next: usize, candidate: Errors, running: Errors },
    Ahead { tau_s: f64, last: Option<(Joints, Option<Joints>)> },
}

impl Gate {
    /// A gate for drives along `timed` at `speed` seconds of reference time per second.
    pub fn new(
        options: &Options,
        safety: &safety::Options,
        F_T_EE: Pose,
        timed: Arc<TimedPath>,
        speed: f64,
    ) -> Gate {
        // An open path is driven there and back. One lap is every lap, so this is all that remains of any drive;
        // the strides beyond the seam see the step over it.
        let laps = if timed.path().is_closed() { 1.0 } else { 2.0 };
        Gate {
            options: options.clone(),
            limiter: Limiter::new(safety),
            F_T_EE,
            wish_error_m: WISH_SHARE * safety.wish_error_m,
            wish_error_rad: WISH_SHARE * safety.wish_error_rad,
            speed,
            end_s: laps * timed.lap_s() + 3.0 * STRIDE_S,
            timed,
            stage: Stage::start(),
        }
    }

    /// From now on for drives along `timed`, which takes as long.
    pub fn follow(&mut self, timed: Arc<TimedPath>) {
        self.timed = timed;
        self.reset();
    }

    /// Forgets the candidate under judgement.
    pub fn reset(&mut self) {
        self.stage = Stage::start();
    }

    /// Whether there are enough held-out samples to judge by.
    pub fn can_judge(&self, held_out: &[(Pose, Joints)]) -> bool {
        held_out.len() >= self.options.held_out_min
    }

    /// Does one portion of the judgement.
    pub fn judge(&mut self, candidate: &mut Policy, running: &mut Policy, exam: Exam) -> Progress {
        let progress = match self.stage {
            Stage::HeldOut { .. } => self.compare(candidate, running, exam),
            Stage::Elsewhere { .. } => self.look_elsewhere(candidate, running, exam),
            Stage::Ahead { .. } => self.play_ahead(candidate, running),
        };
        if progress != Progress::More {
            self.reset();
        }
        progress
    }

    /// Whether a policy that is not compared with any is fit to drive: only the play-ahead, all at once.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&mut self, policy: &mut Policy) -> Result<(), Refusal> {
        let mut same = policy.clone();
        self.stage = Stage::Ahead { tau_s: 0.0, last: None };
        loop {
            match self.play_ahead(policy, &mut same) {
                Progress::More => {}
                done => {
                    self.reset();
                    return if let Progress::Refused(why) = done { Err(why) } else { Ok(()) };
                }
            }
        }
    }

    fn compare(&mut self, candidate: &mut Policy, running: &mut Policy, exam: Exam) -> Progress {
        let Stage::HeldOut { next, candidate: theirs, running: ours } = &mut self.stage else {
            return Progress::More;
        };
        let all = add_portion(next, exam.held_out, &self.F_T_EE, (candidate, theirs), (running, ours));
        if !theirs.total().is_finite() {
            return Progress::Refused(Refusal::NotFinite);
        }
        if !all {
            return Progress::More;
        }
        // Errors, not squares: the margin is a share of what a person sees.
        let better = theirs.total() <= (1.0 - self.options.margin_share) * ours.total();
        if !better || theirs.loses_to(ours, self.options.margin_share, SLACK) {
            return Progress::Refused(Refusal::NotBetter);
        }
        self.stage = Stage::Elsewhere { next: 0, candidate: Errors::default(), running: Errors::default() };
        Progress::More
    }

    fn look_elsewhere(&mut self, candidate: &mut Policy, running: &mut Policy, exam: Exam) -> Progress {
        let Stage::Elsewhere { next, candidate: theirs, running: ours } = &mut self.stage else {
            return Progress::More;
        };
        let all = add_portion(next, exam.elsewhere, &self.F_T_EE, (candidate, theirs), (running, ours));
        if !theirs.total().is_finite() {
            return Progress::Refused(Refusal::NotFinite);
        }
        if !all {
            return Progress::More;
        }
        if theirs.loses_to(ours, self.options.elsewhere_share, SLACK) {
            return Progress::Refused(Refusal::Elsewhere);
        }
        self.stage = Stage::Ahead { tau_s: 0.0, last: None };
        Progress::More
    }

    fn play_ahead(&mut self, candidate: &mut Policy, running: &mut Policy) -> Progress {
        let Stage::Ahead { tau_s, last } = &mut self.stage else { return Progress::More };
        let dt_s = STRIDE_S / self.speed;
        for _ in 0..PORTION {
            let x = self.timed.pose(*tau_s);
            let q = candidate.ask(&x);
            if !q.iter().all(|q| q.is_finite()) {
                return Progress::Refused(Refusal::NotFinite);
            }
            let step = running.ask(&x).iter().zip(&q).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if step > self.options.step_rad {
                return Progress::Refused(Refusal::Step);
            }
            if self.limiter.outside(&q).is_some() {
                return Progress::Refused(Refusal::Position);
            }
            let there = forward(&q, &self.F_T_EE);
            let is_near = (there.translation.vector - x.translation.vector).norm() <= self.wish_error_m;
            let is_turned = candidate.card().input == Input::Position
                || there.rotation.angle_to(&x.rotation) <= self.wish_error_rad;
            if !is_near || !is_turned {
                return Progress::Refused(Refusal::Wish);
            }
            let mut dq = None;
            if let Some((q_last, dq_last)) = &last {
                let v: Joints = std::array::from_fn(|i| (q[i] - q_last[i]) / dt_s);
                if (0..JOINTS).any(|i| v[i].abs() > self.options.limits_share * limits::DQ_MAX[i]) {
                    return Progress::Refused(Refusal::Velocity);
                }
                if let Some(v_last) = dq_last {
                    let allowed = |i: usize| self.options.limits_share * limits::DDQ_MAX[i];
                    if (0..JOINTS).any(|i| (v[i] - v_last[i]).abs() / dt_s > allowed(i)) {
                        return Progress::Refused(Refusal::Acceleration);
                    }
                }
                dq = Some(v);
            }
            *last = Some((q, dq));
            *tau_s += STRIDE_S;
            if *tau_s > self.end_s {
                return Progress::Accepted;
            }
        }
        Progress::More
    }
}

impl Stage {
    fn start() -> Stage {
        Stage::HeldOut { next: 0, candidate: Errors::default(), running: Errors::default() }
    }
}

/// Adds the errors of two policies on the next portion of pairs; whether that were all.
fn add_portion(
    next: &mut usize,
    pairs: &[(Pose, Joints)],
    F_T_EE: &Pose,
    (candidate, theirs): (&mut Policy, &mut Errors),
    (running, ours): (&mut Policy, &mut Errors),
) -> bool {
    let end = (*next + PORTION).min(pairs.len());
    for (x, label) in pairs.get(*next..end).unwrap_or_default() {
        let there = forward(label, F_T_EE);
        theirs.add(&there, &forward(&candidate.ask(x), F_T_EE));
        ours.add(&there, &forward(&running.ask(x), F_T_EE));
    }
    *next = end;
    end >= pairs.len()
}

/// Root mean square errors of one policy over poses of the end effector.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Errors {
    count: usize,
    position_m2: f64,
    rotation_rad2: f64,
}

impl Errors {
    /// Adds how far the end effector is from where it should be.
    pub(super) fn add(&mut self, should: &Pose, is: &Pose) {
        self.count += 1;
        self.position_m2 += (should.translation.vector - is.translation.vector).norm_squared();
        self.rotation_rad2 += should.rotation.angle_to(&is.rotation).powi(2);
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    fn position_m(&self) -> f64 {
        (self.position_m2 / self.count.max(1) as f64).sqrt()
    }

    fn rotation_rad(&self) -> f64 {
        (self.rotation_rad2 / self.count.max(1) as f64).sqrt()
    }

    /// Both as one distance, m.
    pub(super) fn total(&self) -> f64 {
        self.position_m().hypot(LEVER_M * self.rotation_rad())
    }

    /// Whether position or orientation is worse than the other's by more than `share` and `slack` (m, rad).
    pub(super) fn loses_to(&self, other: &Errors, share: f64, slack: (f64, f64)) -> bool {
        self.position_m() > (1.0 + share) * other.position_m() + slack.0
            || self.rotation_rad() > (1.0 + share) * other.rotation_rad() + slack.1
    }
}
