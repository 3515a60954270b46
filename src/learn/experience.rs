//! What driving and people teach: pairs (pose, joints to ask for there), in rings of fixed size.
//!
//! While the policy drives, the robot shows what it loses between the joints asked for and the joints reached,
//! `δ = q_d − q`. To stand at the expert's joints q* for what was measured one has to ask for q* + δ. Where the
//! measured arm stands as the expert would, that is exactly `q_d`, the inverse of the closed loop; where it stands
//! tilted, as a sagging arm does, `q_d` itself would put it back tilted.
//!
//! The arm also lags behind its desired joints by a few milliseconds: δ of the same instant would teach the network
//! to lead, at this one speed. The lag is estimated ([`Deflection::lag_s`]) and taken out; what remains is what
//! driving should teach: sag, friction, soft gains.
use super::deflection::Deflection;
use crate::demonstration::expert::Expert;
use crate::demonstration::sample::{Kind, Sample};
use crate::kinematics::{Pose, from_column_major, tool_down};
use crate::policy::Input;
use crate::range::{Violation, check_count, check_range};
use crate::robot::{Joints, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Of this many blocks of kept samples, the last is held out.
const BLOCKS: usize = 8;
/// Share of a change that the usual external torque takes over in one tick: half a second when free …
const USUAL_FREE: f64 = 1.0 / 500.0;
/// … and ten seconds in contact: a load that stays becomes usual, a hand that lets go does not.
const USUAL_IN_CONTACT: f64 = 1.0 / 10_000.0;
/// One quasi-static tick in this many tells of the deflection.
const DEFLECTION_EVERY_TICKS: usize = 4;

/// Which samples teach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Samples kept for training.
    pub memory_samples: usize,
    /// Samples kept apart, never trained on, that judge a candidate.
    pub held_out_samples: usize,
    /// One sample in this many ticks is kept.
    pub every_ticks: usize,
    /// A block of this many kept samples in every eight is held out, so that neighbours of held-out samples
    /// are not all trained on.
    pub block_samples: usize,
    /// Joint acceleration above which a sample is not quasi-static, rad/s².
    pub quasi_static_rad_s2: f64,
    /// External torque on any joint, beyond what is usual there, above which the arm is in contact, Nm. What is usual
    /// follows slowly: an undeclared load shows as such a torque all the time, and is what is to be healed.
    pub contact_nm: f64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            memory_samples: 4096,
            held_out_samples: 512,
            every_ticks: 4,
            block_samples: 4,
            quasi_static_rad_s2: 2.0,
            contact_nm: 4.0,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_count(&mut out, "memory_samples", self.memory_samples, 64..=1_000_000, "samples");
        check_count(&mut out, "held_out_samples", self.held_out_samples, 32..=100_000, "samples");
        check_count(&mut out, "every_ticks", self.every_ticks, 1..=1000, "ticks");
        check_count(&mut out, "block_samples", self.block_samples, 1..=1000, "samples");
        check_range(&mut out, "quasi_static_rad_s2", self.quasi_static_rad_s2, 0.01..=20.0, "rad/s²");
        check_range(&mut out, "contact_nm", self.contact_nm, 0.5..=80.0, "Nm");
        out
    }
}

/// A ring of pairs that forgets the oldest; never allocates after `new`.
pub struct Ring {
    pairs: Vec<(Pose, Joints)>,
    next: usize,
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Ring {
        Ring { pairs: Vec::with_capacity(capacity), next: 0 }
    }

    pub(super) fn add(&mut self, pair: (Pose, Joints)) {
        if self.pairs.len() < self.pairs.capacity() {
            self.pairs.push(pair);
        } else {
            self.pairs[self.next] = pair;
            self.next = (self.next + 1) % self.pairs.len();
        }
    }

    pub(super) fn clear(&mut self) {
        self.pairs.clear();
        self.next = 0;
    }

    /// The pairs (O_T_EE, joints in rad), in no particular order.
    pub fn pairs(&self) -> &[(Pose, Joints)] {
        &self.pairs
    }
}

/// Collects what driving and people teach: pairs to train on, pairs to judge by, and what the joints lose.
pub struct Experience {
    options: Options,
    expert: Arc<Expert>,
    input: Input,
    /// What the joints lose.
    pub deflection: Deflection,
    /// Pairs to train on.
    pub memory: Ring,
    /// Pairs that only judge.
    pub held_out: Ring,
    ticks: usize,
    kept: usize,
    /// External torque that is usual, Nm.
    usual_nm: Option<Joints>,
}

impl Experience {
    /// Empty, with all its memory, for a policy that is asked with `input`; `stiffness_nm_rad` is what the robot's
    /// joints are set to.
    pub fn new(
        options: &Options,
        expert: Arc<Expert>,
        input: Input,
        stiffness_nm_rad: &Joints,
    ) -> Experience {
        Experience {
            memory: Ring::new(options.memory_samples),
            held_out: Ring::new(options.held_out_samples),
            options: options.clone(),
            deflection: Deflection::new(expert.F_T_EE(), stiffness_nm_rad),
            expert,
            input,
            ticks: 0,
            kept: 0,
            usual_nm: None,
        }
    }

    /// Takes one tick's sample; whether it was the quasi-static, free arm under its policy.
    pub fn add(&mut self, sample: &Sample) -> bool {
        let s = &sample.state;
        let free = self.is_free(s);
        let quasi_static = s.ddq_d.iter().all(|a| a.abs() <= self.options.quasi_static_rad_s2);
        let (is_driven, is_shown) = match sample.kind {
            Kind::Driven => (free && quasi_static, false),
            // A hand guides the arm: contact is what makes it a demonstration.
            Kind::Demonstration | Kind::Correction => (false, true),
            Kind::None => (false, false),
        };
        if !is_driven && !is_shown {
            return false;
        }
        self.ticks += 1;
        if is_driven && self.ticks.is_multiple_of(DEFLECTION_EVERY_TICKS) {
            self.deflection.add(&s.q_d, &s.q, &s.dq_d);
        }
        if self.ticks.is_multiple_of(self.options.every_ticks)
            && let Some(seen) = self.seen(sample)
            && let Some(label) = match sample.kind {
                Kind::Demonstration => Some(self.ask_for(&s.q)),
                // A hand that pushes the tool shows a place; how the arm stands there it has not chosen.
                Kind::Correction => self.expert.label_pose(&seen).ok().map(|q| self.ask_for(&q)),
                _ => self.driven(sample, &seen),
            }
        {
            let held_out = (self.kept / self.options.block_samples) % BLOCKS == BLOCKS - 1;
            self.kept += 1;
            if held_out { &mut self.held_out } else { &mut self.memory }.add((seen, label));
        }
        is_driven
    }

    /// Forgets everything: what was learnt has made the arm worse.
    pub fn forget(&mut self) {
        self.memory.clear();
        self.held_out.clear();
        self.deflection.forget();
        self.usual_nm = None;
    }

    /// What to ask for where the expert would take `q`, or a person has shown it, rad.
    pub fn ask_for(&self, q: &Joints) -> Joints {
        let lost = self.deflection.at(q);
        std::array::from_fn(|i| q[i] + lost[i])
    }

    /// The measured pose as the policy would be told of it; none where the robot reports no pose.
    fn seen(&self, sample: &Sample) -> Option<Pose> {
        match self.input {
            Input::Position => Some(Pose::from_parts(sample.O_p_EE.into(), tool_down())),
            Input::Pose => from_column_major(&sample.state.O_T_EE).ok(),
        }
    }

    /// What had to be asked for to stand as the expert would for what was `seen`.
    fn driven(&self, sample: &Sample, seen: &Pose) -> Option<Joints> {
        if !self.deflection.is_known() {
            return None; // the lag is not known either
        }
        let (s, lag_s) = (&sample.state, self.deflection.lag_s());
        let asked: Joints = std::array::from_fn(|i| s.q_d[i] - lag_s[i] * s.dq_d[i]);
        Some(match self.expert.label_pose(seen) {
            Ok(q) => std::array::from_fn(|i| q[i] + asked[i] - s.q[i]),
            Err(_) => asked,
        })
    }

    /// Whether nothing touches the arm: the external torque is near what is usual.
    fn is_free(&mut self, s: &State) -> bool {
        let tau = &s.tau_ext_hat_filtered;
        if !tau.iter().all(|tau| tau.is_finite()) {
            return false;
        }
        let usual = self.usual_nm.get_or_insert(*tau);
        let free = tau.iter().zip(usual.iter()).all(|(t, u)| (t - u).abs() <= self.options.contact_nm);
        let share = if free { USUAL_FREE } else { USUAL_IN_CONTACT };
        usual.iter_mut().zip(tau).for_each(|(u, t)| *u += share * (t - *u));
        free
    }
}
