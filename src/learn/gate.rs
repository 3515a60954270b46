//! The gate between the trainer and the arm: a candidate drives only if it is better, and only if it is fit to.
//!
//! A candidate must be finite; must beat the running policy by a margin on driven samples that neither was
//! trained on, in where the end effector would be, without being worse at the worst of them; must be near
//! enough to it to be faded in; and, played ahead along the whole path, must stay inside the joints'
//! position, velocity and acceleration limits. Work comes in small portions, so that the trainer never holds
//! up a lockstep run.
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::{Point, Pose, forward};
use crate::policy::Policy;
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

/// What a candidate must show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Share by which a candidate's error on held-out samples must be smaller than the running policy's.
    pub margin_share: f64,
    /// Held-out samples needed before anything is judged.
    pub held_out_min: usize,
    /// Share of the robot's velocity and acceleration limits that a candidate may ask for.
    pub limits_share: f64,
    /// Largest difference between candidate and running policy anywhere on the path, rad.
    pub step_rad: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options { margin_share: 0.05, held_out_min: 64, limits_share: 0.7, step_rad: 0.02 }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "margin_share", self.margin_share, 0.0..=0.9, "");
        check_count(&mut out, "held_out_min", self.held_out_min, 8..=100_000, "samples");
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
    /// Too far from the running policy to be faded in.
    Step,
    /// Leaves the joint position limits on the path ahead.
    Position,
    /// Too fast on the path ahead.
    Velocity,
    /// Accelerates too much on the path ahead.
    Acceleration,
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

/// Judges one candidate at a time; never allocates after `new`.
pub struct Gate {
    options: Options,
    timed: Arc<TimedPath>,
    limiter: Limiter,
    F_T_EE: Pose,
    speed: f64,
    /// An open path is driven there and back.
    end_s: f64,
    stage: Stage,
}

enum Stage {
    HeldOut { next: usize, candidate: Errors, running: Errors },
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
        let laps = if timed.path().is_closed() { 1.0 } else { 2.0 };
        Gate {
            options: options.clone(),
            limiter: Limiter::new(safety),
            F_T_EE,
            speed,
            end_s: laps * timed.lap_s(),
            timed,
            stage: Stage::start(),
        }
    }

    /// Forgets the candidate under judgement.
    pub fn reset(&mut self) {
        self.stage = Stage::start();
    }

    /// Whether there are enough held-out samples to judge by.
    pub fn can_judge(&self, held_out: &[(Point, Joints)]) -> bool {
        held_out.len() >= self.options.held_out_min
    }

    /// Does one portion of the judgement.
    pub fn judge(
        &mut self,
        candidate: &mut Policy,
        running: &mut Policy,
        held_out: &[(Point, Joints)],
    ) -> Progress {
        let progress = match self.stage {
            Stage::HeldOut { .. } => self.compare(candidate, running, held_out),
            Stage::Ahead { .. } => self.play_ahead(candidate, running),
        };
        if progress != Progress::More {
            self.reset();
        }
        progress
    }

    fn compare(
        &mut self,
        candidate: &mut Policy,
        running: &mut Policy,
        held_out: &[(Point, Joints)],
    ) -> Progress {
        let Stage::HeldOut { next, candidate: theirs, running: ours } = &mut self.stage else {
            return Progress::More;
        };
        let end = (*next + PORTION).min(held_out.len());
        for (p, label) in &held_out[*next..end] {
            let there = forward(label, &self.F_T_EE);
            theirs.add(&there, &forward(&candidate.evaluate(p.as_slice()), &self.F_T_EE));
            ours.add(&there, &forward(&running.evaluate(p.as_slice()), &self.F_T_EE));
        }
        *next = end;
        if !theirs.squares.is_finite() {
            return Progress::Refused(Refusal::NotFinite);
        }
        if end < held_out.len() {
            return Progress::More;
        }
        // Errors, not squares: the margin is a share of what a person sees.
        let better = theirs.squares.sqrt() <= (1.0 - self.options.margin_share) * ours.squares.sqrt();
        if !better || theirs.worst > ours.worst {
            return Progress::Refused(Refusal::NotBetter);
        }
        self.stage = Stage::Ahead { tau_s: 0.0, last: None };
        Progress::More
    }

    fn play_ahead(&mut self, candidate: &mut Policy, running: &mut Policy) -> Progress {
        let Stage::Ahead { tau_s, last } = &mut self.stage else { return Progress::More };
        let dt_s = STRIDE_S / self.speed;
        for _ in 0..PORTION {
            let x = self.timed.at(*tau_s).0;
            let q = candidate.evaluate(x.as_slice());
            if !q.iter().all(|q| q.is_finite()) {
                return Progress::Refused(Refusal::NotFinite);
            }
            let step =
                running.evaluate(x.as_slice()).iter().zip(&q).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if step > self.options.step_rad {
                return Progress::Refused(Refusal::Step);
            }
            if self.limiter.outside(&q).is_some() {
                return Progress::Refused(Refusal::Position);
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

/// Errors of one policy on the held-out samples, m.
#[derive(Clone, Copy, Default)]
struct Errors {
    squares: f64,
    worst: f64,
}

impl Errors {
    /// Adds how far the end effector would be from where the label puts it.
    fn add(&mut self, label: &Pose, policy: &Pose) {
        let way = label.translation.vector - policy.translation.vector;
        let turn = LEVER_M * label.rotation.angle_to(&policy.rotation);
        let square = way.norm_squared() + turn * turn;
        self.squares += square;
        self.worst = self.worst.max(square.sqrt());
    }
}
