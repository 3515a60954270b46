//! The trainer's thread: behind everybody else's work, on cores of its own, and never a reason for the arm to stop.
use super::work::Work;
use crate::control::links::TrainerEnds;
use crate::demonstration::sample::Sample;
use crate::robot::realtime;
use crossbeam_channel::{RecvTimeoutError, Sender, TryRecvError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the trainer rests when there is nothing to do.
const REST: Duration = Duration::from_millis(1);

/// Who learns, in small portions of work.
pub(super) trait Pupil: Send + 'static {
    /// Takes one tick's sample.
    fn take(&mut self, sample: &Sample);

    /// One portion of work; whether there was any.
    fn advance(&mut self, ends: &TrainerEnds) -> bool;

    /// Portions of work after the sample that was taken last, in a lockstep run.
    fn portions(&self) -> usize;
}

/// Lets `pupil` learn on `cores` until it is told to stop or nobody sends samples any more, and gives it back; one that
/// panics is lost, and `failed` is called.
///
/// # Errors
/// What the system says when it cannot make a thread.
pub(super) fn spawn<P: Pupil>(
    mut pupil: P,
    ends: TrainerEnds,
    cores: Vec<usize>,
    until: Arc<AtomicBool>,
    failed: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<Option<P>>> {
    std::thread::Builder::new().name("trainer".into()).spawn(move || {
        realtime::block_signals();
        if ends.turns.is_none() {
            // In lockstep the robot waits for us: behind everybody else's work it would wait too long.
            realtime::nice();
        }
        realtime::pin(&cores);
        let result = catch_unwind(AssertUnwindSafe(|| match &ends.turns {
            Some(turns) => in_turns(&mut pupil, &ends, turns, &until),
            None => at_leisure(&mut pupil, &ends, &until),
        }));
        if result.is_err() {
            failed();
            return None;
        }
        Some(pupil)
    })
}

fn in_turns(pupil: &mut impl Pupil, ends: &TrainerEnds, turns: &Sender<()>, until: &AtomicBool) {
    while !until.load(Relaxed) {
        // Nothing is real-time here, so the trainer may park.
        match ends.samples.recv_timeout(REST) {
            Ok(sample) => {
                pupil.take(&sample);
                for _ in 0..pupil.portions() {
                    pupil.advance(ends);
                }
                if turns.send(()).is_err() {
                    return;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn at_leisure(pupil: &mut impl Pupil, ends: &TrainerEnds, until: &AtomicBool) {
    while !until.load(Relaxed) {
        loop {
            match ends.samples.try_recv() {
                Ok(sample) => pupil.take(&sample),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        if !pupil.advance(ends) {
            std::thread::sleep(REST);
        }
    }
}

impl Pupil for Work {
    fn take(&mut self, sample: &Sample) {
        Work::take(self, sample);
    }

    fn advance(&mut self, ends: &TrainerEnds) -> bool {
        Work::advance(self, ends)
    }

    fn portions(&self) -> usize {
        self.plan().options.lockstep_portions
    }
}
