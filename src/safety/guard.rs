//! The safety layer of one tick as a whole.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]
use super::{Limit, Limiter, Margin, Motion, Options, Verdict, Workspace};
use crate::kinematics::{Jacobian, Pose, jacobian};
use crate::robot::Joints;
use nalgebra::SVector;

/// Halvings between a proposal that is too fast for the end effector and the brake.
const HALVINGS: u32 = 5;

/// A bound on a speed is good enough below this share of its limit; above it the speed itself is told.
const BOUND_SHARE: f64 = 0.5;

/// Judges each command before it is sent; see the module `safety`.
#[derive(Clone)]
pub struct Guard {
    limiter: Limiter,
    workspace: Workspace,
    F_T_EE: Pose,
    tool_speed_m_s: f64,
    tool_turn_rad_s: f64,
}

/// A command and what was found on the way to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// The command, rad.
    pub q_c: Joints,
    /// Why it is not what was proposed, if it is not.
    pub verdict: Verdict,
    /// What broke the proposal, or else the tightest limit.
    pub margin: Margin,
}

impl Guard {
    /// What `options` describe, for an arm with the tool `F_T_EE`.
    pub fn new(options: &Options, F_T_EE: &Pose) -> Guard {
        Guard {
            limiter: Limiter::new(options),
            workspace: Workspace::new(options, F_T_EE),
            F_T_EE: *F_T_EE,
            tool_speed_m_s: options.tool_speed_m_s,
            tool_turn_rad_s: options.tool_turn_rad_s,
        }
    }

    /// The limits of the joints.
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Where the arm may be.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The command nearest to `proposal`, rad, that is legal after `base`: itself, bit for bit, when it is legal.
    pub fn judge(&self, base: &Motion, proposal: &Joints) -> Judged {
        let (mut q_c, mut verdict) = self.limiter.limit(base, proposal);
        if !base.is_finite() {
            return Judged { q_c, verdict, margin: self.limiter.nearest_end(&base.after(&q_c)) };
        }
        let mut next = base.after(&q_c);
        let joints = self.limiter.nearest_end(&next);
        let (speed, O_J_EE) = self.tool_margin(&next);
        let mut brake = None;
        let mut braked = || *brake.get_or_insert_with(|| self.limiter.brake(base));
        if !speed.holds() {
            verdict = verdict.and(Verdict::TOOL_SPEED);
            q_c = self.slower(base, &q_c, &braked(), O_J_EE.as_ref());
            next = base.after(&q_c);
        }
        let place = self.workspace.judge(&self.limiter, base, &next);
        if !place.holds() {
            let why = verdict.and(bit(place.limit));
            return Judged { q_c: braked(), verdict: why, margin: place };
        }
        let margin =
            if verdict.has(Verdict::TOOL_SPEED) { speed } else { joints.tighter(speed).tighter(place) };
        Judged { q_c, verdict, margin }
    }

    /// The next command of a brake to rest, which nothing forbids.
    pub fn brake(&self, base: &Motion) -> Judged {
        let q_c = self.limiter.brake(base);
        let margin = self.limiter.nearest_end(&base.after(&q_c));
        Judged { q_c, verdict: Verdict::default(), margin }
    }

    /// What would keep the arm from moving like this: the limit that it, or a stop from it, breaks.
    pub fn forbids(&self, motion: &Motion) -> Option<Margin> {
        let here = self.workspace.nearest(&motion.q);
        let during = || self.workspace.judge(&self.limiter, motion, motion);
        [here, self.tool_margin(motion).0, self.limiter.nearest_end(motion)]
            .into_iter()
            .find(|margin| !margin.holds())
            .or_else(|| Some(during()).filter(|margin| !margin.holds()))
    }

    /// What is left of the end effector's speed, once the acceleration has been taken back, and the Jacobian if it took
    /// that to tell.
    fn tool_margin(&self, motion: &Motion) -> (Margin, Option<Jacobian>) {
        let peak = self.limiter.peak_velocity(motion);
        // Bounds that hold in every posture; only what they do not settle needs the Jacobian.
        let levers = self.workspace.tool_levers().iter().zip(&peak);
        let (mut speed, mut turn): (f64, f64) =
            (levers.map(|(lever, dq)| lever * dq.abs()).sum(), peak.iter().map(|dq| dq.abs()).sum());
        let is_far = |is: f64, max: f64| is <= BOUND_SHARE * max;
        if !(is_far(speed, self.tool_speed_m_s) && is_far(turn, self.tool_turn_rad_s)) {
            let O_J_EE = jacobian(&motion.q, &self.F_T_EE);
            (speed, turn) = speed_and_turn(&O_J_EE, &peak);
            return (self.left_of(speed, turn), Some(O_J_EE));
        }
        (self.left_of(speed, turn), None)
    }

    fn left_of(&self, speed_m_s: f64, turn_rad_s: f64) -> Margin {
        let whole = |limit, max: f64, is: f64| Margin::new(limit, max - is, max);
        let speed = whole(Limit::ToolSpeed, self.tool_speed_m_s, speed_m_s);
        speed.tighter(whole(Limit::ToolTurn, self.tool_turn_rad_s, turn_rad_s))
    }

    /// Between a command that is too fast for the end effector and the `brake`, which is as legal for the joints as
    /// both; the brake itself if nothing else is slow enough.
    fn slower(&self, base: &Motion, q_c: &Joints, brake: &Joints, O_J_EE: Option<&Jacobian>) -> Joints {
        let Some(O_J_EE) = O_J_EE else { return *brake };
        let (mut slow, mut fast) = (0.0, 1.0);
        let blend = |share: f64| {
            let mut q = *brake;
            q.iter_mut().zip(q_c).for_each(|(q, q_c)| *q += share * (q_c - *q));
            q
        };
        // One step does not change the posture.
        for _ in 0..HALVINGS {
            let middle = 0.5 * (slow + fast);
            let peak = self.limiter.peak_velocity(&base.after(&blend(middle)));
            let (speed, turn) = speed_and_turn(O_J_EE, &peak);
            if self.left_of(speed, turn).holds() {
                slow = middle;
            } else {
                fast = middle;
            }
        }
        blend(slow)
    }
}

/// Speed, m/s, and turning, rad/s, of the end effector whose joints move by `dq`, rad/s.
fn speed_and_turn(O_J_EE: &Jacobian, dq: &Joints) -> (f64, f64) {
    let O_dP_EE = O_J_EE * SVector::<f64, 7>::from(*dq);
    (O_dP_EE.fixed_rows::<3>(0).norm(), O_dP_EE.fixed_rows::<3>(3).norm())
}

fn bit(limit: Limit) -> Verdict {
    match limit {
        Limit::Box(..) => Verdict::BOX,
        Limit::Own(..) => Verdict::OWN,
        _ => Verdict::WALL,
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
