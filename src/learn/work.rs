//! The trainer's work, in portions: take samples, make a step, judge a candidate, look back after a swap.
//!
//! ```text
//! sample ─► experience ─► step, step, … ─► candidate ─► gate ─► control thread ─► watch ─► good, or back
//! ```
//!
//! A number goes with every policy. The trainer takes a candidate for the running policy only when a sample says so,
//! and offers the next one only when the last has been found no worse.
use super::correction::{self, Corrections};
use super::experience::Experience;
use super::gate::{Exam, Gate, Progress, Refusal};
use super::learner::Learner;
use super::objective::JointWeights;
use super::trainer::{Counts, Plan, Shared};
use super::watch::{Finding, Look, Watch};
use crate::control::Edition;
use crate::control::links::TrainerEnds;
use crate::demonstration::Example;
use crate::demonstration::sample::Sample;
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::Pose;
use crate::policy::{Card, Input, Policy};
use crate::robot::Joints;
use crate::sde;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Keeps the trainer's draws apart from those of the training before the drive.
const DRAW_STREAM: u64 = 0x7261_696e;
/// Boxes that travel: one on its way, two kept by the control thread beside the one that drives.
const BOXES: usize = 3;
/// Points of the region on which a candidate must not have become worse.
const ELSEWHERE: usize = 128;
/// A swap is looked back on in one tick of this many.
const LOOK_EVERY: u64 = 8;
/// A candidate too far from the running policy goes half as far, so many times.
const HALVINGS: u32 = 4;
/// Rollbacks by measurement after which no candidate is offered any more: what is learnt here does harm.
const ROLLBACKS_MAX: u64 = 3;

/// The trainer's state; [`Work::advance`] is one portion and never allocates after warm-up.
pub struct Work {
    plan: Plan,
    experience: Experience,
    corrections: Corrections,
    learner: Learner,
    gate: Gate,
    watch: Watch,
    targets: sde::Targets,
    rng: StdRng,
    policies: Policies,
    /// The boxes that are here; they travel as boxes.
    #[allow(clippy::vec_box)]
    boxes: Vec<Box<Edition>>,
    /// Under judgement.
    candidate: Option<Box<Edition>>,
    /// How far it goes from the running policy to the learner's.
    share: f32,
    /// Points of the region and the expert's labels; the same, with what the joints lose.
    elsewhere: Vec<(Pose, Joints)>,
    exam: Vec<(Pose, Joints)>,
    withdrawal: Withdrawal,
    /// The joints' lag when the last swap was made, s: a load that changes right after it must not be taken for lag.
    lag_s: Joints,
    steps_left: usize,
    refused_in_a_row: usize,
    counts: Arc<Shared>,
}

/// Copies of the policies that the control thread has, by number.
struct Policies {
    first: Policy,
    running: Policy,
    number: u32,
    before: Policy,
    before_number: Option<u32>,
    sent: Policy,
    sent_number: Option<u32>,
    next_number: u32,
}

/// Where giving a policy up stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Withdrawal {
    None,
    Wanted,
    UnderWay,
}

impl Work {
    pub(super) fn new(plan: &Plan, policy: Policy, counts: Arc<Shared>) -> Work {
        let o = &plan.options;
        let F_T_EE = *plan.expert.F_T_EE();
        let examples: Vec<Example> = plan
            .demonstrations
            .iter()
            .map(|(at, q)| Example { O_p_EE: at.translation.vector, q: *q })
            .collect();
        let squares = JointWeights::Tool.squares(&examples, &F_T_EE, policy.normalisation());
        let batch = o.batch_driven + o.batch_targets + o.batch_elsewhere;
        let mut rng = StdRng::seed_from_u64(plan.seed ^ DRAW_STREAM);
        let mut first = policy.clone();
        let elsewhere: Vec<_> = (0..ELSEWHERE)
            .filter_map(|_| {
                let x = anywhere(&first, &mut rng)?;
                Some((x, plan.expert.label_pose(&x).unwrap_or_else(|_| first.ask(&x))))
            })
            .collect();
        Work {
            corrections: Corrections::new(plan, Arc::clone(&counts)),
            experience: Experience::new(
                &plan.experience,
                Arc::clone(&plan.expert),
                policy.card().input,
                &plan.stiffness_nm_rad,
            ),
            learner: Learner::new(&policy, batch, o.learning_rate).weighed(&squares),
            gate: Gate::new(&plan.gate, &plan.safety, F_T_EE, Arc::clone(&plan.timed), plan.speed),
            watch: Watch::new(&plan.watch, F_T_EE, plan.swap_s),
            targets: sde::Targets::new(&plan.sde),
            rng,
            boxes: (0..BOXES).map(|_| Box::new(Edition::first(policy.clone()))).collect(),
            policies: Policies {
                first: policy.clone(),
                before: policy.clone(),
                sent: policy.clone(),
                running: policy,
                number: 0,
                before_number: None,
                sent_number: None,
                next_number: 1,
            },
            candidate: None,
            share: 1.0,
            exam: elsewhere.clone(),
            elsewhere,
            withdrawal: Withdrawal::None,
            lag_s: [0.0; 7],
            steps_left: o.candidate_steps,
            refused_in_a_row: 0,
            plan: plan.clone(),
            counts,
        }
    }

    /// Work for tests and benches that own no thread.
    pub fn without_thread(plan: &Plan, policy: Policy) -> Work {
        Work::new(plan, policy, Arc::new(Shared::default()))
    }

    /// What it was made from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What became of candidates and steps so far.
    pub fn counts(&self) -> Counts {
        self.counts.counts()
    }

    /// Optimiser steps so far.
    pub fn steps(&self) -> u64 {
        self.counts.steps.load(Relaxed)
    }

    /// Takes one tick's sample.
    pub fn take(&mut self, sample: &Sample) {
        let ticks = self.counts.samples.fetch_add(1, Relaxed);
        self.counts.time_ms.store(sample.state.time_ms, Relaxed);
        self.follow(sample);
        self.correct(sample);
        let looks = self.experience.add(sample) && ticks.is_multiple_of(LOOK_EVERY);
        if looks && self.watch.sees(sample.state.time_ms) {
            self.look(sample);
        }
    }

    /// What a hand has to say of the path.
    fn correct(&mut self, sample: &Sample) {
        let p = &mut self.policies;
        if let Some(timed) = self.corrections.take(sample, &mut p.running) {
            self.plan.demonstrations =
                correction::demonstrated(&timed, &self.plan.expert, p.first.card().input);
            self.gate.follow(timed);
        }
    }

    /// The path with what a person has corrected.
    pub fn corrected(&self) -> &Arc<TimedPath> {
        self.corrections.timed()
    }

    /// Takes the last correction back with the next sample.
    pub fn take_back(&self) {
        self.counts.take_back.store(true, Relaxed);
    }

    /// Which policy the control thread has: a new one was taken over, or given up for an older one.
    fn follow(&mut self, sample: &Sample) {
        let p = &mut self.policies;
        if sample.edition == p.number {
            return;
        }
        if p.sent_number == Some(sample.edition) {
            p.before_number = Some(p.number);
            std::mem::swap(&mut p.before, &mut p.running);
            std::mem::swap(&mut p.running, &mut p.sent);
            (p.number, p.sent_number) = (sample.edition, None);
            self.watch.begin(sample.state.time_ms);
            self.lag_s = self.experience.deflection.lag_s();
            return;
        }
        if p.before_number == Some(sample.edition) {
            std::mem::swap(&mut p.running, &mut p.before);
        } else if sample.edition == 0 {
            p.running.take_parameters(p.first.network());
        } else {
            return; // cannot be: the control thread has no other
        }
        (p.number, p.before_number) = (sample.edition, None);
        self.watch.end();
        self.gate.reset();
        self.boxes.extend(self.candidate.take());
        self.learner.restart_from(&p.running);
        if self.withdrawal == Withdrawal::UnderWay {
            // What it was learnt from holds no more, or never did.
            self.experience.forget();
            let rollbacks = self.counts.rolled_back_by_measurement.fetch_add(1, Relaxed) + 1;
            if rollbacks >= ROLLBACKS_MAX {
                self.counts.held.store(true, Relaxed);
            }
        } else {
            self.counts.rolled_back_by_operator.fetch_add(1, Relaxed);
        }
        self.withdrawal = Withdrawal::None;
    }

    fn look(&mut self, sample: &Sample) {
        let (s, p) = (&sample.state, &mut self.policies);
        let Ok(q_expert) = self.plan.expert.label_pose(&sample.X) else { return };
        let look = Look {
            time_ms: s.time_ms,
            q: &std::array::from_fn(|i| s.q[i] + self.lag_s[i] * s.dq_d[i]),
            q_expert: &q_expert,
            running: &p.running.ask(&sample.X),
            before: &p.before.ask(&sample.X),
        };
        if self.watch.look(look) == Finding::Worse {
            self.withdrawal = Withdrawal::Wanted;
        }
    }

    /// One portion of work; whether there was any.
    pub fn advance(&mut self, ends: &TrainerEnds) -> bool {
        self.corrections.advance(&ends.courses);
        while self.boxes.len() < self.boxes.capacity()
            && let Ok(spent) = ends.spent.try_recv()
        {
            if self.policies.sent_number == Some(spent.number) {
                self.policies.sent_number = None;
                self.counts.returned.fetch_add(1, Relaxed);
            }
            self.boxes.push(spent);
        }
        if self.withdrawal == Withdrawal::Wanted && ends.withdrawn.try_send(self.policies.number).is_ok() {
            self.withdrawal = Withdrawal::UnderWay;
        }
        if self.candidate.is_some() {
            self.judge(ends);
            return true;
        }
        if self.experience.memory.pairs().is_empty() || !self.gate.can_judge(self.experience.held_out.pairs())
        {
            return false;
        }
        self.step();
        self.steps_left = self.steps_left.saturating_sub(1);
        if self.steps_left == 0 && self.may_offer() {
            self.propose();
        }
        true
    }

    fn may_offer(&self) -> bool {
        self.policies.sent_number.is_none()
            && !self.watch.is_on()
            && self.withdrawal == Withdrawal::None
            && !self.counts.is_held()
    }

    fn step(&mut self) {
        let o = &self.plan.options;
        let memory = self.experience.memory.pairs();
        self.learner.begin();
        for _ in 0..o.batch_driven {
            let (p, q) = &memory[self.rng.random_range(0..memory.len())];
            self.learner.add(p, q);
        }
        for _ in 0..o.batch_targets {
            let (x0, q0) =
                &self.plan.demonstrations[self.rng.random_range(0..self.plan.demonstrations.len())];
            let expert = &self.plan.expert;
            let target = match self.policies.first.card().input {
                Input::Position => {
                    let at = &x0.translation.vector;
                    let target = self.targets.draw(&mut self.rng, (at, q0), |_, x| expert.label(x).ok());
                    target.map(sde::PoseTarget::from)
                }
                Input::Pose => {
                    self.targets.draw_pose(&mut self.rng, (x0, q0), |_, x| expert.label_pose(x).ok())
                }
            };
            if let Some(target) = target {
                self.learner.add(&target.O_T_EE, &self.experience.ask_for(&target.q));
            }
        }
        for _ in 0..o.batch_elsewhere {
            if let Some(x) = anywhere(&self.policies.first, &mut self.rng) {
                let q = self.policies.first.ask(&x);
                self.learner.add(&x, &self.experience.ask_for(&q));
            }
        }
        self.learner.step();
        self.counts.steps.fetch_add(1, Relaxed);
    }

    /// Makes a candidate of what was learnt.
    fn propose(&mut self) {
        let Some(mut edition) = self.boxes.pop() else { return };
        (edition.number, edition.basis) = (self.policies.next_number, self.policies.number);
        self.candidate = Some(edition);
        self.share = 1.0;
        self.write_candidate();
        for (exam, (p, q)) in self.exam.iter_mut().zip(&self.elsewhere) {
            *exam = (*p, self.experience.ask_for(q));
        }
        self.steps_left = self.plan.options.candidate_steps;
        let load_kg = self.experience.deflection.load_kg();
        self.counts.undeclared_load_kg.store(load_kg.to_bits(), Relaxed);
    }

    fn write_candidate(&mut self) {
        if let Some(edition) = &mut self.candidate {
            edition.policy.take_parameters(self.policies.running.network());
            self.learner.write_towards(&mut edition.policy, self.share);
        }
    }

    fn judge(&mut self, ends: &TrainerEnds) {
        let Some(candidate) = &mut self.candidate else { return };
        let exam = Exam { held_out: self.experience.held_out.pairs(), elsewhere: &self.exam };
        match self.gate.judge(&mut candidate.policy, &mut self.policies.running, exam) {
            Progress::More => {}
            Progress::Refused(Refusal::Step) if self.share > 0.5_f32.powi(HALVINGS as i32) => {
                self.share *= 0.5;
                self.write_candidate();
            }
            Progress::Refused(why) => {
                self.counts.refuse(why);
                self.boxes.extend(self.candidate.take());
                self.refused_in_a_row += 1;
                if self.refused_in_a_row >= self.plan.options.patience {
                    self.learner.restart_from(&self.policies.running);
                    self.refused_in_a_row = 0;
                }
            }
            Progress::Accepted => self.send(ends),
        }
    }

    fn send(&mut self, ends: &TrainerEnds) {
        let Some(edition) = self.candidate.take() else { return };
        self.refused_in_a_row = 0;
        let p = &mut self.policies;
        p.sent.take_parameters(edition.policy.network());
        p.sent_number = Some(edition.number);
        p.next_number += 1;
        self.counts.accepted.fetch_add(1, Relaxed);
        // The channel has one place and no other is on its way, so it is free.
        if let Err(back) = ends.policies.try_send(edition) {
            p.sent_number = None;
            self.boxes.push(back.into_inner());
        }
    }
}

/// A pose anywhere in the region that `policy` serves; none when it does not say which.
fn anywhere(policy: &Policy, rng: &mut StdRng) -> Option<Pose> {
    let Card { input, region, .. } = policy.card();
    region.as_ref()?.pose(*input, || rng.random::<f64>())
}
