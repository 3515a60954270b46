//! Signs of life of the control thread.
use super::Phase;
use crate::demonstration::sample::Sample;
use crate::robot::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

/// Control threads of this process that were left behind and have not ended.
static GIVEN_UP: AtomicUsize = AtomicUsize::new(0);

const PHASES: [Phase; 5] = [Phase::Approach, Phase::Follow, Phase::Rest, Phase::Brake, Phase::Done];

/// What the supervisor reads of the control thread without a lock.
#[derive(Debug)]
pub struct Pulse {
    epoch: Instant,
    thread_id: AtomicI32,
    ticks: AtomicU64,
    /// Nanoseconds after `epoch`, plus one so that 0 means "not yet".
    first_motion_ns: AtomicU64,
    in_step: AtomicBool,
    finishing: AtomicBool,
    /// Index into [`PHASES`].
    phase: AtomicU8,
    silent: AtomicBool,
    given_up: AtomicBool,
    broken: OnceLock<String>,
}

impl Pulse {
    /// No sign of life yet; times will be counted from `epoch`.
    pub fn new(epoch: Instant) -> Pulse {
        Pulse {
            epoch,
            thread_id: AtomicI32::new(0),
            ticks: AtomicU64::new(0),
            first_motion_ns: AtomicU64::new(0),
            in_step: AtomicBool::new(false),
            finishing: AtomicBool::new(false),
            phase: AtomicU8::new(0),
            silent: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            broken: OnceLock::new(),
        }
    }

    /// Ticks done so far.
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Relaxed)
    }

    /// Seconds from the epoch to the first command that moved the arm.
    pub fn first_motion_s(&self) -> Option<f64> {
        let ns = self.first_motion_ns.load(Relaxed);
        (ns > 0).then_some(ns as f64 * 1e-9)
    }

    /// Whether the last command of the motion has been given.
    pub fn is_finishing(&self) -> bool {
        self.finishing.load(Relaxed)
    }

    /// What the motion is doing.
    pub fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Relaxed)) % PHASES.len()]
    }

    /// Whether ticks have stopped coming, as the supervisor sees it.
    pub fn is_silent(&self) -> bool {
        self.silent.load(Relaxed)
    }

    /// Why our own step broke, if it did: the arm is then being braked.
    pub fn broken(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// Nanoseconds since the epoch.
    pub fn now_ns(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// The control thread's number with the kernel; 0 before it has begun.
    pub(super) fn thread_id(&self) -> i32 {
        self.thread_id.load(Relaxed)
    }

    /// Whether the control thread is in our own step, not in the driver.
    pub(super) fn is_in_step(&self) -> bool {
        self.in_step.load(Relaxed)
    }

    pub(super) fn set_in_step(&self, in_step: bool) {
        self.in_step.store(in_step, Relaxed);
    }

    pub(super) fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Relaxed);
    }

    /// Control threads of this process that were left behind and have not ended.
    pub(super) fn given_up() -> usize {
        GIVEN_UP.load(Relaxed)
    }

    /// The thread is left behind.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Relaxed);
        GIVEN_UP.fetch_add(1, Relaxed);
    }

    /// The thread ends after all.
    pub(super) fn end(&self) {
        if self.given_up.swap(false, Relaxed) {
            GIVEN_UP.fetch_sub(1, Relaxed);
        }
    }

    pub(super) fn begin(&self, thread_id: i32) {
        self.thread_id.store(thread_id, Relaxed);
    }

    /// A state was answered with `command`.
    pub(super) fn beat(&self, command: &Command) {
        self.ticks.fetch_add(1, Relaxed);
        self.finishing.store(matches!(command, Command::Finish(_)), Relaxed);
    }

    /// What the step that ended at `now_ns` was about.
    pub(super) fn note(&self, sample: &Sample, phase: Phase, now_ns: u64) {
        let phase = PHASES.iter().position(|p| *p == phase).unwrap_or(0);
        self.phase.store(phase as u8, Relaxed);
        if self.first_motion_ns.load(Relaxed) == 0 && sample.q_c != sample.state.q_d {
            self.first_motion_ns.store(now_ns + 1, Relaxed);
        }
    }

    pub(super) fn break_down(&self, why: String) {
        let _ = self.broken.set(why); // the first reason stays
    }
}
