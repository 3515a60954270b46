//! Learning while a person guides the arm: from the first millisecond on, so that a policy is there when the hand lets go.
//!
//! Nothing is known beforehand of where the hand will go. The network's units are fitted to what has been seen, and made
//! anew as that grows, without a change to what the network answers ([`convert`]).
use super::Learner;
use super::experience::Ring;
use super::judge::{Judgement, judge};
use super::objective::JointWeights;
use super::thread::{self, Pupil};
use crate::control::links::TrainerEnds;
use crate::demonstration::Example;
use crate::demonstration::expert::Expert;
use crate::demonstration::sample::{Kind, Sample};
use crate::kinematics::{Pose, forward};
use crate::policy::units::convert;
use crate::policy::{self, Card, Input, Layout, Network, Normalisation, Policy};
use crate::range::{Violation, check_count, check_range};
use crate::robot::Joints;
use crate::sde;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

/// Keeps the apprentice's draws apart from all others.
const DRAW_STREAM: u64 = 0x6170_7072;
/// Of so many demonstrated samples one is not learnt from but judged on.
const HELD_OUT_EVERY: usize = 10;
/// Held-out samples kept: the last ones.
const HELD_OUT: usize = 128;
/// Portions of work between two judgements.
const JUDGE_EVERY: usize = 100;
/// The units are made anew when there is so much more to fit them to.
const GROWTH: f64 = 1.25;

/// How to learn while a person guides the arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Demonstrated samples in a minibatch.
    pub batch_demonstrations: usize,
    /// Perturbed targets in a minibatch.
    pub batch_targets: usize,
    /// A sample is taken when the end effector is so far from the last one, m …
    pub spacing_m: f64,
    /// … or turned so far, rad.
    pub spacing_rad: f64,
    /// Samples remembered, and as many targets.
    pub memory_samples: usize,
    /// Targets drawn and labelled in one portion of work.
    pub targets_a_step: usize,
    /// Ticks of a lockstep session between two portions of work.
    pub lockstep_ticks: usize,
    /// Updates on the taught motion once it is known as a whole …
    pub polish_steps: usize,
    /// … the learning rate they begin with …
    pub polish_learning_rate: f64,
    /// … and perturbed targets drawn for them.
    pub polish_targets: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            learning_rate: 2e-3,
            batch_demonstrations: 64,
            batch_targets: 64,
            spacing_m: 0.0005,
            spacing_rad: 0.002,
            memory_samples: 20_000,
            targets_a_step: 8,
            lockstep_ticks: 4,
            polish_steps: 400,
            polish_learning_rate: 2e-3,
            polish_targets: 2000,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "learning_rate", self.learning_rate, 1e-8..=0.1, "");
        check_count(&mut out, "batch_demonstrations", self.batch_demonstrations, 1..=4096, "samples");
        check_count(&mut out, "batch_targets", self.batch_targets, 0..=4096, "samples");
        check_range(&mut out, "spacing_m", self.spacing_m, 1e-5..=0.1, "m");
        check_range(&mut out, "spacing_rad", self.spacing_rad, 1e-5..=1.0, "rad");
        check_count(&mut out, "memory_samples", self.memory_samples, 64..=1_000_000, "samples");
        check_count(&mut out, "targets_a_step", self.targets_a_step, 0..=256, "targets");
        check_count(&mut out, "lockstep_ticks", self.lockstep_ticks, 1..=1000, "ticks");
        check_count(&mut out, "polish_steps", self.polish_steps, 1..=1_000_000, "steps");
        check_range(&mut out, "polish_learning_rate", self.polish_learning_rate, 1e-8..=0.1, "");
        check_count(&mut out, "polish_targets", self.polish_targets, 1..=1_000_000, "targets");
        out
    }
}

/// Everything an apprentice needs besides samples.
#[derive(Clone)]
pub struct Plan {
    /// How to learn.
    pub options: Options,
    /// The shape of the network; it is asked with poses, whatever this says.
    pub shape: policy::Options,
    /// The process that perturbs.
    pub sde: sde::Options,
    /// The labeller of perturbed targets, by continuation from the joints that were taught.
    pub expert: Expert,
    /// Seed of everything random.
    pub seed: u64,
}

/// What was learnt while the arm was guided.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Samples of the guided arm.
    pub guided_samples: u64,
    /// Of these, demonstrated samples that were taken to learn from and to judge on.
    pub taken: usize,
    /// Perturbed targets labelled.
    pub targets: u64,
    /// Perturbed poses that the expert could not label.
    pub targets_rejected: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// On the last of the held-out samples; none when there were too few samples.
    pub held_out: Option<Judgement>,
}

/// A running apprentice; dropping it stops and joins its thread.
pub struct Apprentice {
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<Work>>>,
}

/// What the apprentice tells while it learns.
#[derive(Default)]
struct Shared {
    /// The bits of the mean error on held-out samples, mm; 0 until there is one.
    error_mm: AtomicU64,
}

impl Apprentice {
    /// Starts an apprentice on `cores`.
    ///
    /// # Errors
    /// What the system says when it cannot make a thread.
    pub fn spawn(plan: &Plan, ends: TrainerEnds, cores: Vec<usize>) -> std::io::Result<Apprentice> {
        let (shared, stop) = (Arc::new(Shared::default()), Arc::new(AtomicBool::new(false)));
        let work = Work::new(plan, Arc::clone(&shared));
        let failed = || log::error!("learning while guided failed; the episodes are recorded all the same");
        let thread = thread::spawn(work, ends, cores, Arc::clone(&stop), failed)?;
        Ok(Apprentice { shared, stop, thread: Some(thread) })
    }

    /// Mean distance of FK(π(x)) from x on held-out samples, mm, as last judged.
    pub fn error_mm(&self) -> Option<f64> {
        let bits = self.shared.error_mm.load(Relaxed);
        (bits != 0).then(|| f64::from_bits(bits))
    }

    /// Ends it after the portion of work it is at: what it has learnt; none when it has failed.
    pub fn finish(mut self) -> Option<(Option<Policy>, Report)> {
        self.stop.store(true, Relaxed);
        self.thread.take()?.join().ok()?.map(Work::finish)
    }
}

impl Drop for Apprentice {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic in it was caught, and said
        }
    }
}

/// The apprentice's state.
pub struct Work {
    plan: Plan,
    memory: Ring,
    held_out: Ring,
    tube: Ring,
    targets: sde::Targets,
    rng: StdRng,
    last: Option<Pose>,
    /// The policy and what teaches it, once there is something to fit units to.
    pupil: Option<(Policy, Learner)>,
    /// Samples at which the units are made anew.
    fit_at: usize,
    /// Whether the last sample was of a guided arm.
    is_guided: bool,
    report: Report,
    shared: Arc<Shared>,
}

impl Work {
    fn new(plan: &Plan, shared: Arc<Shared>) -> Work {
        let o = &plan.options;
        Work {
            memory: Ring::new(o.memory_samples),
            held_out: Ring::new(HELD_OUT),
            tube: Ring::new(o.memory_samples),
            targets: sde::Targets::new(&plan.sde),
            rng: StdRng::seed_from_u64(plan.seed ^ DRAW_STREAM),
            last: None,
            pupil: None,
            fit_at: 2,
            is_guided: false,
            report: Report::default(),
            shared,
            plan: plan.clone(),
        }
    }

    /// Work for tests that own no thread.
    pub fn without_thread(plan: &Plan) -> Work {
        Work::new(plan, Arc::default())
    }

    /// Takes one tick's sample; only a guided arm teaches.
    pub fn take(&mut self, sample: &Sample) {
        self.is_guided = sample.kind == Kind::Demonstration;
        if !self.is_guided {
            return;
        }
        self.report.guided_samples += 1;
        let (q, o) = (sample.state.q, &self.plan.options);
        let here = forward(&q, self.plan.expert.F_T_EE());
        let is_near = |last: &Pose| {
            (here.translation.vector - last.translation.vector).norm() < o.spacing_m
                && here.rotation.angle_to(&last.rotation) < o.spacing_rad
        };
        if !q.iter().all(|q| q.is_finite()) || self.last.as_ref().is_some_and(is_near) {
            return;
        }
        self.last = Some(here);
        self.report.taken += 1;
        let ring = if self.report.taken.is_multiple_of(HELD_OUT_EVERY) {
            &mut self.held_out
        } else {
            &mut self.memory
        };
        ring.add((here, q));
    }

    /// One portion of work; whether there was any.
    pub fn advance(&mut self) -> bool {
        if self.memory.pairs().len() < 2 {
            return false;
        }
        self.draw();
        if self.pupil.is_none() || self.report.taken >= self.fit_at {
            self.fit_units();
            return true;
        }
        self.step();
        if self.report.steps.is_multiple_of(JUDGE_EVERY as u64)
            && let Some(judgement) = self.judge()
        {
            // Never the bits of nothing.
            self.shared.error_mm.store(judgement.error_mm.mean.max(f64::MIN_POSITIVE).to_bits(), Relaxed);
        }
        true
    }

    /// What has been learnt; no policy of too few samples.
    pub fn finish(mut self) -> (Option<Policy>, Report) {
        self.report.held_out = self.judge();
        let counts = self.targets.counts();
        (self.report.targets, self.report.targets_rejected) = (counts.accepted, counts.rejected);
        let policy = self.pupil.map(|(mut policy, learner)| {
            learner.write_average(&mut policy);
            policy
        });
        (policy, self.report)
    }

    fn judge(&mut self) -> Option<Judgement> {
        let F_T_EE = *self.plan.expert.F_T_EE();
        let examples = examples(self.held_out.pairs());
        let (policy, learner) = self.pupil.as_mut().filter(|_| !examples.is_empty())?;
        learner.write_average(policy);
        Some(judge(policy, &examples, &F_T_EE))
    }

    /// Perturbed targets around what was demonstrated.
    fn draw(&mut self) {
        let memory = self.memory.pairs();
        for _ in 0..self.plan.options.targets_a_step {
            let (from, q) = &memory[self.rng.random_range(0..memory.len())];
            let expert = &self.plan.expert;
            let continued = |from: (&Pose, &Joints), to: &Pose| expert.pose_continuation(from, to).ok();
            if let Some(target) = self.targets.draw_pose(&mut self.rng, (from, q), continued) {
                self.tube.add((target.O_T_EE, target.q));
            }
        }
    }

    /// Units of all that has been seen, for the same policy.
    fn fit_units(&mut self) {
        let Plan { shape, expert, options, seed, .. } = &self.plan;
        self.fit_at = (GROWTH * self.report.taken as f64).ceil() as usize + 1;
        let pairs = || self.memory.pairs().iter().chain(self.tube.pairs());
        let rows: Vec<_> = pairs().map(|(pose, _)| Input::Pose.numbers(pose)).collect();
        let rows = || rows.iter().map(|row| &row[..]);
        let units = Normalisation::fit(Input::Pose.width(), rows(), pairs().map(|(_, q)| q));
        let network = match self.pupil.take() {
            None => Network::random(Layout::new(Input::Pose.width(), &shape.hidden), shape.activation, *seed),
            Some((mut policy, learner)) => {
                learner.write_average(&mut policy);
                let mut network = policy.network().clone();
                let layout = network.layout().clone();
                convert(&layout, network.parameters_mut(), policy.normalisation(), &units);
                network
            }
        };
        let card = Card { input: Input::Pose, ..Card::new(expert.F_T_EE()) };
        let squares = JointWeights::Tool.squares(&examples(self.memory.pairs()), expert.F_T_EE(), &units);
        self.pupil = Policy::new(network, units, card).map(|policy| {
            let batch = options.batch_demonstrations + options.batch_targets;
            let learner = Learner::new(&policy, batch, options.learning_rate).weighed(&squares);
            (policy, learner)
        });
    }

    fn step(&mut self) {
        let Some((_, learner)) = &mut self.pupil else { return };
        let o = &self.plan.options;
        learner.begin();
        for (ring, count) in [(&self.memory, o.batch_demonstrations), (&self.tube, o.batch_targets)] {
            let pairs = ring.pairs();
            for _ in 0..if pairs.is_empty() { 0 } else { count } {
                let (pose, q) = &pairs[self.rng.random_range(0..pairs.len())];
                learner.add(pose, q);
            }
        }
        learner.step();
        self.report.steps += 1;
    }
}

impl Pupil for Work {
    fn take(&mut self, sample: &Sample) {
        Work::take(self, sample);
    }

    fn advance(&mut self, _: &TrainerEnds) -> bool {
        Work::advance(self)
    }

    fn portions(&self) -> usize {
        // A session ends when a person says so, at no certain tick: what is learnt must not hang on that.
        let guided = self.report.guided_samples;
        usize::from(self.is_guided && guided.is_multiple_of(self.plan.options.lockstep_ticks as u64))
    }
}

fn examples(pairs: &[(Pose, Joints)]) -> Vec<Example> {
    pairs.iter().map(|(pose, q)| Example { O_p_EE: pose.translation.vector, q: *q }).collect()
}
