//! A motion without a path, watched to its end: what `home`, `recover` and `replay` share; and how any motion ended.
use super::exit::SafetyStop;
use crate::control::links::{self, OperatorEnds, Request};
use crate::control::modes::Mode;
use crate::control::{Outcome, Pilot, Pulse, Session};
use crate::demonstration::sample::Sample;
use crate::robot::Fault;
use crate::telemetry::black_box::Finding;
use crate::telemetry::{Abort, BlackBox, Chronicle, Timeline};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Why a motion ended early.
pub(super) enum Early {
    /// The robot, its driver, the network or our own step.
    Fault(Fault),
    /// Our own safety layer.
    Ours(SafetyStop),
}

impl Early {
    /// None of a motion that came to its end, or was asked to stop.
    pub(super) fn of(outcome: &Result<Outcome, Fault>) -> Option<Early> {
        match outcome {
            Err(fault) | Ok(Outcome { result: Err(fault), .. }) => Some(Early::Fault(fault.clone())),
            Ok(Outcome { stopped_by, .. }) if stopped_by.is_clear() => None,
            Ok(Outcome { stopped_by, stopped_at, .. }) => {
                Some(Early::Ours(SafetyStop { why: *stopped_by, by: *stopped_at }))
            }
        }
    }

    /// Keeps the last seconds in `folder`, and says whose fault it was and where they are.
    pub(super) fn keep(&self, black_box: &BlackBox, now_ns: u64, robot: &str, folder: &Path) -> Finding {
        let abort = match self {
            Early::Fault(fault) => Abort::Fault(fault),
            Early::Ours(stop) => Abort::Ours(stop.to_string()),
        };
        let found = black_box.conclude(&abort, now_ns, robot, folder);
        say_why(&found);
        found
    }
}

impl From<Early> for anyhow::Error {
    fn from(early: Early) -> anyhow::Error {
        match early {
            Early::Fault(fault) => fault.into(),
            Early::Ours(stop) => stop.into(),
        }
    }
}

/// Whose fault it was, and where the last seconds are.
pub(super) fn say_why(found: &Finding) {
    say!("why      {:?}: {}", found.culprit, found.because);
    if let Some(file) = &found.file {
        say!("         the last seconds are in {}", file.display());
    }
}

/// What came of a motion.
pub(super) struct Moved {
    pub(super) cycles: u64,
    /// Commands that the safety layer changed.
    pub(super) limited: u64,
    /// Whether a person asked it to stop.
    pub(super) asked: bool,
    pub(super) early: Option<Early>,
    /// What happened when.
    pub(super) timeline: Timeline,
    /// What is known of an early end, if anything had moved.
    pub(super) black_box: Option<Finding>,
}

/// Moves the arm as `pilot` says until its end, or until `rest` says how it shall end before; `look` is shown the samples since its last look.
/// The last seconds of a motion that ends early are kept in `folder`.
pub(super) fn go(
    session: Session,
    pilot: Box<dyn Pilot>,
    pulse: &Pulse,
    rest: impl Fn() -> Option<Request>,
    folder: &Path,
    mut look: impl FnMut(&[Sample]),
) -> Moved {
    let (control, _, operator) = links::link(false, false);
    let robot = session.address().to_string();
    let (mut black_box, mut chronicle) = (BlackBox::default(), Chronicle::default());
    let (mut cycles, mut limited, mut asked) = (0, 0, None);
    let mut take = |operator: &OperatorEnds, black_box: &mut BlackBox| {
        let mut samples = Vec::new();
        for (sample, cycle) in operator.samples.try_iter() {
            black_box.add(&sample, cycle);
            chronicle.add(&sample);
            cycles += 1;
            limited += u64::from(!sample.verdict.is_clear());
            samples.push(sample);
        }
        look(&samples);
    };
    let outcome = session.go(pilot, control, |pulse, mode| {
        black_box.look(pulse.now_ns(), mode == Mode::Fault);
        let wanted = rest();
        if wanted > asked && wanted.is_some_and(|request| operator.requests.try_send(request).is_ok()) {
            asked = wanted;
        }
        take(&operator, &mut black_box);
    });
    let now_ns = pulse.now_ns();
    take(&operator, &mut black_box);
    let early = Early::of(&outcome);
    let black_box =
        early.as_ref().filter(|_| cycles > 0).map(|early| early.keep(&black_box, now_ns, &robot, folder));
    Moved { cycles, limited, asked: asked.is_some(), early, timeline: chronicle.timeline(), black_box }
}

/// What a signal asks for.
pub(super) fn by_signal(stop: &AtomicBool) -> Option<Request> {
    stop.load(Relaxed).then_some(Request::Stop)
}
