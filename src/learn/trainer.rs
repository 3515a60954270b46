//! The trainer: learns from what the arm does, on its own thread, in small portions of work.
//!
//! In real time it works whenever there is something to do, at the lowest priority. In lockstep it does a
//! fixed number of portions for each tick and hands the turn back, so that a run repeats bit for bit; the
//! robot waits for it, so there its priority is the usual one.
use super::gate::{self, Refusal};
use super::refusals::{Refusals, Refused};
use super::work::Work;
use super::{corrected, correction, experience, thread, watch};
use crate::control::links::TrainerEnds;
use crate::demonstration::expert::Expert;
use crate::demonstration::timed_path::TimedPath;
use crate::kinematics::Pose;
use crate::policy::Policy;
use crate::range::{Violation, check_count, check_range};
use crate::robot::Joints;
use crate::{safety, sde};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// How learning goes on while the arm drives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Driven samples in a minibatch.
    pub batch_driven: usize,
    /// Expert-labelled perturbed targets in a minibatch: the tube around the path.
    pub batch_targets: usize,
    /// Points anywhere in the policy's region in a minibatch, with the answers it gave at first: they keep what
    /// driving does not visit. Both kinds are corrected by what the joints have been seen to lose.
    pub batch_elsewhere: usize,
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
            batch_driven: 48,
            batch_targets: 48,
            batch_elsewhere: 48,
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
        check_count(&mut out, "batch_elsewhere", self.batch_elsewhere, 0..=4096, "samples");
        check_count(&mut out, "candidate_steps", self.candidate_steps, 1..=1_000_000, "steps");
        check_count(&mut out, "patience", self.patience, 1..=1000, "candidates");
        check_count(&mut out, "lockstep_portions", self.lockstep_portions, 1..=100, "portions");
        out
    }
}

/// How many candidates were refused for each reason, in the order of [`Refusal::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasons(pub [u64; Refusal::ALL.len()]);

impl Serialize for Reasons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (count, (_, name)) in self.0.iter().zip(Refusal::ALL) {
            map.serialize_entry(name, count)?;
        }
        map.end()
    }
}

/// What became of candidates and steps so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Candidates judged.
    pub offered: u64,
    /// Candidates handed to the control thread.
    pub accepted: u64,
    /// Candidates refused.
    pub rejected: u64,
    /// Of these, refused because they were not better; the others were not fit to drive.
    pub rejected_not_better: u64,
    /// Refused, by reason.
    pub rejected_by_reason: Reasons,
    /// Accepted ones that came back unused: the policy they were made for had been given up.
    pub returned: u64,
    /// Policies given up because the arm was measured to be worse off.
    pub rolled_back_by_measurement: u64,
    /// Policies given up because the operator asked for it.
    pub rolled_back_by_operator: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Samples received.
    pub samples: u64,
    /// Mass at the end effector that the robot does not know of, as the joints feel it, kg.
    pub undeclared_load_kg: f64,
    /// What became of a person's pushes.
    pub corrections: corrected::Report,
    /// Whether the trainer failed and was given up; the arm drove on with the policy it had.
    pub failed: bool,
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) accepted: AtomicU64,
    pub(super) rejected: [AtomicU64; Refusal::ALL.len()],
    refusals: Refusals,
    pub(super) returned: AtomicU64,
    pub(super) rolled_back_by_measurement: AtomicU64,
    pub(super) rolled_back_by_operator: AtomicU64,
    pub(super) steps: AtomicU64,
    pub(super) samples: AtomicU64,
    /// The robot's time of the last one, ms.
    pub(super) time_ms: AtomicU64,
    /// The bits of an `f64`.
    pub(super) undeclared_load_kg: AtomicU64,
    /// What became of pushes, and the path they have made; told when it changes.
    pub(super) corrected: Mutex<(corrected::Report, Option<Arc<TimedPath>>)>,
    /// Whether the last correction is to be taken back.
    pub(super) take_back: AtomicBool,
    failed: AtomicBool,
    /// Whether no candidate is to be offered any more.
    pub(super) held: AtomicBool,
    /// Whether a person does not want any.
    held_by_person: AtomicBool,
}

impl Shared {
    pub(super) fn refuse(&self, why: Refusal) {
        let reasons = Refusal::ALL.iter().zip(&self.rejected);
        reasons.filter(|((reason, _), _)| *reason == why).for_each(|(_, count)| {
            count.fetch_add(1, Relaxed);
        });
        self.refusals.add(Refused { time_ms: self.time_ms.load(Relaxed), why });
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.load(Relaxed) || self.held_by_person.load(Relaxed)
    }

    pub(super) fn counts(&self) -> Counts {
        let reasons = self.rejected.each_ref().map(|count| count.load(Relaxed));
        let (accepted, rejected) = (self.accepted.load(Relaxed), reasons.iter().sum());
        let not_better = Refusal::ALL.iter().zip(reasons).find(|((why, _), _)| *why == Refusal::NotBetter);
        Counts {
            offered: accepted + rejected,
            accepted,
            rejected,
            rejected_not_better: not_better.map_or(0, |(_, count)| count),
            rejected_by_reason: Reasons(reasons),
            returned: self.returned.load(Relaxed),
            rolled_back_by_measurement: self.rolled_back_by_measurement.load(Relaxed),
            rolled_back_by_operator: self.rolled_back_by_operator.load(Relaxed),
            steps: self.steps.load(Relaxed),
            samples: self.samples.load(Relaxed),
            undeclared_load_kg: f64::from_bits(self.undeclared_load_kg.load(Relaxed)),
            corrections: self.corrected.lock().map(|c| c.0.clone()).unwrap_or_default(),
            failed: self.failed.load(Relaxed),
        }
    }
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
    /// How pushes become a path.
    pub correction: correction::Options,
    /// What it must show once it drives.
    pub watch: watch::Options,
    /// How long a swap takes, s.
    pub swap_s: f64,
    /// What the robot's joints are set to, Nm/rad.
    pub stiffness_nm_rad: Joints,
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
    /// The demonstrations: poses and their labels.
    pub demonstrations: Arc<[(Pose, Joints)]>,
    /// Seed of everything random.
    pub seed: u64,
}

/// A running trainer; dropping it stops and joins its thread.
pub struct Trainer {
    counts: Arc<Shared>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<Work>>>,
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
        let counts = Arc::new(Shared::default());
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work::new(plan, policy, Arc::clone(&counts));
        let shared = Arc::clone(&counts);
        let failed = move || {
            shared.failed.store(true, Relaxed);
            log::error!("the trainer failed; the arm drives on with the policy it has");
        };
        let thread = thread::spawn(work, ends, cores, Arc::clone(&stop), failed)?;
        Ok(Trainer { counts, stop, thread: Some(thread) })
    }

    /// What became of candidates and steps so far.
    pub fn counts(&self) -> Counts {
        self.counts.counts()
    }

    /// The last candidates that were refused, the oldest first.
    pub fn refusals(&self) -> Vec<Refused> {
        self.counts.refusals.kept()
    }

    /// What has become of pushes and the path they have made, if more has happened than `told` ([`corrected::Report::news`]).
    pub fn corrected(&self, told: u64) -> Option<(corrected::Report, Arc<TimedPath>)> {
        let corrected = self.counts.corrected.lock().ok()?;
        let (report, timed) = &*corrected;
        timed.as_ref().filter(|_| report.news() > told).map(|timed| (report.clone(), Arc::clone(timed)))
    }

    /// Whether there is a correction to take back.
    pub fn may_take_back(&self) -> bool {
        let told = |(report, _): &(corrected::Report, _)| report.may_take_back;
        self.counts.corrected.lock().is_ok_and(|corrected| told(&corrected))
    }

    /// Takes the last correction back.
    pub fn take_back(&self) {
        self.counts.take_back.store(true, Relaxed);
    }

    /// Ends the thread without waiting for it: at the lowest priority, on a busy machine, its last portion of work may
    /// take longer than whoever asked for the end wants to wait.
    pub fn leave(mut self) {
        self.stop.store(true, Relaxed);
        self.thread = None;
    }

    /// From now on no candidate is offered: somebody has asked for a policy to stay; or they are again.
    pub fn hold(&self, is_held: bool) {
        self.counts.held_by_person.store(is_held, Relaxed);
    }

    /// Whether none is offered.
    pub fn is_held(&self) -> bool {
        self.counts.is_held()
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
