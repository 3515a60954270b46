//! All episodes of an evaluation, a few at a time.
use super::drive::{Error, Task};
use super::{Contender, Disturbance, Episode, Options, Scenario, ScenarioFigures};
use crate::policy::Policy;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What is to be driven.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// What all episodes have in common.
    pub task: &'a Task,
    /// The policy that is judged.
    pub policy: &'a Policy,
    /// Who drives.
    pub contenders: &'a [Contender],
    /// Through what.
    pub scenarios: &'a [Scenario],
    /// How much of it.
    pub options: &'a Options,
    /// The first seed; episodes count on from it.
    pub seed: u64,
    /// Episodes at a time.
    pub jobs: usize,
}

/// Episodes driven, of how many.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Drives everything; the figures by contender, then by scenario.
///
/// # Errors
/// The first [`Error`]: without a robot there is nothing to judge.
pub fn run(plan: &Plan, progress: Progress) -> Result<Vec<Vec<ScenarioFigures>>, Error> {
    let (scenarios, seeds) = (plan.scenarios.len(), plan.options.seeds);
    let count = plan.contenders.len() * scenarios * seeds;
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let driven: Mutex<Vec<(usize, Result<Episode, Error>)>> = Mutex::new(Vec::with_capacity(count));
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Relaxed);
                    if job >= count {
                        return;
                    }
                    let (contender, rest) = (job / (scenarios * seeds), job % (scenarios * seeds));
                    let episode = plan.episode(contender, rest / seeds, rest % seeds);
                    if episode.is_err() {
                        next.store(count, Relaxed);
                    }
                    let mut driven = driven.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    driven.push((job, episode));
                    drop(driven);
                    progress(done.fetch_add(1, Relaxed) + 1, count);
                }
            });
        }
    });
    let mut driven = driven.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    driven.sort_by_key(|(job, _)| *job);
    let episodes: Vec<(u64, Episode)> = driven
        .into_iter()
        .map(|(job, episode)| Ok((plan.seed + (job % seeds) as u64, episode?)))
        .collect::<Result<_, Error>>()?;
    let figures: Vec<ScenarioFigures> = episodes
        .chunks(seeds.max(1))
        .zip(plan.scenarios.iter().cycle())
        .map(|(episodes, scenario)| ScenarioFigures::of(*scenario, episodes))
        .collect();
    Ok(figures.chunks(scenarios.max(1)).map(<[_]>::to_vec).collect())
}

impl Plan<'_> {
    fn episode(&self, contender: usize, scenario: usize, seed: usize) -> Result<Episode, Error> {
        let task = self.task;
        let seed = self.seed + seed as u64;
        let start = task.timed.pose(0.0);
        let q_first = task.expert.label_pose(&start).unwrap_or(task.sim.q_start_rad);
        let disturbance = Disturbance::draw(
            self.scenarios[scenario],
            seed,
            self.options,
            &task.timed,
            &q_first,
            &task.settings,
        );
        let drove = task.drive(self.policy, &self.contenders[contender], &disturbance)?;
        Ok(Episode::of(&drove, task, &disturbance, self.options))
    }
}
