//! The trainer: learns from what the arm does, on its own thread, in small portions of work.
//!
//! In real time it works whenever there is something to do, at the lowest priority. In lockstep it does a
//! fixed number of portions for each tick and hands the turn back, so that a run repeats bit for bit.
use super::experience::{self, Experience};
use super::gate::{self, Gate, Progress, Refusal};
use super::learner::Learner;
use crate::control::links::TrainerEnds;
use crate::demonstration::expert::Expert;
use crate::demonstration::sample::Sample;
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::Point;
use crate::policy::Policy;
use crate::range::{Violation, check_count, check_range};
use crate::robot::{Joints, realtime};
use crate::{safety, sde};
use crossbeam_channel::{RecvTimeoutError, TryRecvError};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the trainer rests when there is nothing to do.
const REST: Duration = Duration::from_millis(1);

/// How learning goes on while the arm drives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Driven samples in a minibatch.
    pub batch_driven: usize,
    /// Expert-labelled perturbed targets in a minibatch: they keep what driving does not visit.
    pub batch_targets: usize,
    /// Perturbed targets nearer than this to the demonstration are left out: they would fight what driving
    /// teaches there, m.
    pub target_clearance_m: f64,
    /// Steps between two candidates.
    pub candidate_steps: usize,
    /// Refused candidates in a row after which the trainer begins anew from the running policy.
    pub patience: usize,
    /// Portions of work in one tick of a lockstep run: a portion is one step, or a part of a judgement.
    pub lockstep_portions: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            learning_rate: 2e-4,
            batch_driven: 32,
            batch_targets: 32,
            target_clearance_m: 0.004,
            candidate_steps: 150,
            patience: 4,
            lockstep_portions: 1,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_range(&mut out, "learning_rate", self.learning_rate, 1e-8..=0.1, "");
        check_count(&mut out, "batch_driven", self.batch_driven, 1..=4096, "samples");
        check_count(&mut out, "batch_targets", self.batch_targets, 0..=4096, "samples");
        check_range(&mut out, "target_clearance_m", self.target_clearance_m, 0.0..=0.1, "m");
        check_count(&mut out, "candidate_steps", self.candidate_steps, 1..=1_000_000, "steps");
        check_count(&mut out, "patience", self.patience, 1..=1000, "candidates");
        check_count(&mut out, "lockstep_portions", self.lockstep_portions, 1..=100, "portions");
        out
    }
}

/// What became of candidates and steps so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Candidates judged.
    pub offered: u64,
    /// Candidates handed to the control thread.
    pub accepted: u64,
    /// Candidates refused.
    pub rejected: u64,
    /// Of these, refused because they were not better; the others were not fit to drive.
    pub rejected_not_better: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Samples received.
    pub samples: u64,
    /// Whether the trainer failed and was given up; the arm drove on with the policy it had.
    pub failed: bool,
}

#[derive(Default)]
struct SharedCounts {
    offered: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
    not_better: AtomicU64,
    steps: AtomicU64,
    samples: AtomicU64,
    failed: AtomicBool,
}

/// Everything a trainer needs besides the running policy.
#[derive(Clone)]
pub struct Plan {
    /// How to learn.
    pub options: Options,
    /// Which samples teach.
    pub experience: experience::Options,
    /// What a candidate must show.
    pub gate: gate::Options,
    /// The limits a candidate is played ahead against.
    pub safety: safety::Options,
    /// The process that perturbs.
    pub sde: sde::Options,
    /// The path that is driven.
    pub timed: Arc<TimedPath>,
    /// Seconds of reference time per second.
    pub speed: f64,
    /// The labeller.
    pub expert: Arc<Expert>,
    /// The demonstrations: points and their labels.
    pub demonstrations: Arc<[(Point, Joints)]>,
    /// Seed of everything random.
    pub seed: u64,
}

/// A running trainer; dropping it stops and joins its thread.
pub struct Trainer {
    counts: Arc<SharedCounts>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Trainer {
    /// Starts a trainer for `policy`, the one that drives, on `cores`.
    ///
    /// # Errors
    /// What the system says when it cannot make a thread.
    pub fn spawn(
        plan: &Plan,
        policy: Policy,
        ends: TrainerEnds,
        cores: Vec<usize>,
    ) -> std::io::Result<Trainer> {
        let counts = Arc::new(SharedCounts::default());
        let stop = Arc::new(AtomicBool::new(false));
        let mut work = Work::new(plan, policy, Arc::clone(&counts));
        let (shared, until) = (Arc::clone(&counts), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("trainer".into()).spawn(move || {
            realtime::block_signals();
            if ends.turns.is_none() {
                realtime::nice(); // in lockstep the arm waits for us
            }
            realtime::pin(&cores);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match &ends.turns {
                Some(_) => work.in_turns(&ends, &until),
                None => work.at_leisure(&ends, &until),
            }));
            if result.is_err() {
                shared.failed.store(true, Relaxed);
                log::error!("the trainer failed; the arm drives on with the policy it has");
            }
        })?;
        Ok(Trainer { counts, stop, thread: Some(thread) })
    }

    /// What became of candidates and steps so far.
    pub fn counts(&self) -> Counts {
        let c = &self.counts;
        Counts {
            offered: c.offered.load(Relaxed),
            accepted: c.accepted.load(Relaxed),
            rejected: c.rejected.load(Relaxed),
            rejected_not_better: c.not_better.load(Relaxed),
            steps: c.steps.load(Relaxed),
            samples: c.samples.load(Relaxed),
            failed: c.failed.load(Relaxed),
        }
    }
}

impl Drop for Trainer {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it was caught and counted.
            let _ = thread.join();
        }
    }
}

/// The trainer's state; [`Work::advance`] is one portion and never allocates after warm-up.
pub struct Work {
    plan: Plan,
    experience: Experience,
    learner: Learner,
    gate: Gate,
    targets: sde::Targets,
    rng: StdRng,
    /// A copy of the policy that drives.
    running: Policy,
    /// The box that travels next; `None` while it is away.
    candidate: Option<Box<Policy>>,
    judging: bool,
    steps_left: usize,
    refused_in_a_row: usize,
    counts: Arc<SharedCounts>,
}

impl Work {
    fn new(plan: &Plan, policy: Policy, counts: Arc<SharedCounts>) -> Work {
        let o = &plan.options;
        Work {
            experience: Experience::new(&plan.experience),
            learner: Learner::new(&policy, o.batch_driven + o.batch_targets, o.learning_rate),
            gate: Gate::new(
                &plan.gate,
                &plan.safety,
                *plan.expert.F_T_EE(),
                Arc::clone(&plan.timed),
                plan.speed,
            ),
            targets: sde::Targets::new(&plan.sde),
            rng: StdRng::seed_from_u64(plan.seed ^ 0x7261_696e),
            candidate: Some(Box::new(policy.clone())),
            running: policy,
            judging: false,
            steps_left: o.candidate_steps,
            refused_in_a_row: 0,
            plan: plan.clone(),
            counts,
        }
    }

    /// Work for tests and benches that own no thread.
    pub fn without_thread(plan: &Plan, policy: Policy) -> Work {
        Work::new(plan, policy, Arc::new(SharedCounts::default()))
    }

    /// Optimiser steps so far.
    pub fn steps(&self) -> u64 {
        self.counts.steps.load(Relaxed)
    }

    /// Takes one tick's sample.
    pub fn take(&mut self, sample: &Sample) {
        self.counts.samples.fetch_add(1, Relaxed);
        self.experience.add(sample);
    }

    fn in_turns(&mut self, ends: &TrainerEnds, until: &AtomicBool) {
        while !until.load(Relaxed) {
            // Nothing is real-time here, so the trainer may park.
            match ends.samples.recv_timeout(REST) {
                Ok(sample) => {
                    self.take(&sample);
                    for _ in 0..self.plan.options.lockstep_portions {
                        self.advance(ends);
                    }
                    let Some(turns) = &ends.turns else { return };
                    if turns.send(()).is_err() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn at_leisure(&mut self, ends: &TrainerEnds, until: &AtomicBool) {
        while !until.load(Relaxed) {
            loop {
                match ends.samples.try_recv() {
                    Ok(sample) => self.take(&sample),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            if !self.advance(ends) {
                std::thread::sleep(REST);
            }
        }
    }

    /// One portion of work; whether there was any.
    pub fn advance(&mut self, ends: &TrainerEnds) -> bool {
        if let Ok(spent) = ends.spent.try_recv() {
            self.candidate = Some(spent);
        }
        if self.judging {
            self.judge(ends);
            return true;
        }
        if self.experience.memory.pairs().is_empty() || !self.gate.can_judge(self.experience.held_out.pairs())
        {
            return false;
        }
        self.step();
        self.steps_left = self.steps_left.saturating_sub(1);
        if self.steps_left == 0
            && let Some(candidate) = &mut self.candidate
        {
            self.learner.write_to(candidate);
            self.judging = true;
            self.steps_left = self.plan.options.candidate_steps;
            self.counts.offered.fetch_add(1, Relaxed);
        }
        true
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
            let clearance_m = o.target_clearance_m;
            let target = self.targets.draw(&mut self.rng, (x0, q0), |(x0, _), x| {
                ((x - x0).norm() >= clearance_m).then(|| expert.label(x).ok()).flatten()
            });
            if let Some(target) = target {
                self.learner.add(&target.O_p_EE, &target.q);
            }
        }
        self.learner.step();
        self.counts.steps.fetch_add(1, Relaxed);
    }

    fn judge(&mut self, ends: &TrainerEnds) {
        let Some(mut candidate) = self.candidate.take() else {
            self.judging = false;
            return;
        };
        let progress = self.gate.judge(&mut candidate, &mut self.running, self.experience.held_out.pairs());
        match progress {
            Progress::More => {}
            Progress::Refused(refusal) => {
                self.judging = false;
                self.counts.rejected.fetch_add(1, Relaxed);
                self.counts.not_better.fetch_add(u64::from(refusal == Refusal::NotBetter), Relaxed);
                self.refused_in_a_row += 1;
                if self.refused_in_a_row >= self.plan.options.patience {
                    self.learner.restart_from(&self.running);
                    self.refused_in_a_row = 0;
                }
            }
            Progress::Accepted => {
                self.judging = false;
                self.refused_in_a_row = 0;
                self.running.take_parameters(candidate.network());
                self.counts.accepted.fetch_add(1, Relaxed);
                // The channel has one place and this is the only box, so it is free.
                if let Err(back) = ends.policies.try_send(candidate) {
                    self.candidate = Some(back.into_inner());
                }
                return;
            }
        }
        self.candidate = Some(candidate);
    }
}
