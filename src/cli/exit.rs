//! What an error means to the shell.
use crate::robot::Fault;
use crate::safety::{Margin, Verdict};
use crate::sim;

/// Something the person at the keyboard can mend: usage, configuration or data.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub String);

/// Our own safety layer ended the motion.
#[derive(Debug, thiserror::Error)]
#[error(
    "our own safety layer stopped the arm: {}{}",
    why.names().collect::<Vec<_>>().join(", "),
    by.map_or(String::new(), |by| format!(": {by} ({})", by.limit.key()))
)]
pub(super) struct SafetyStop {
    pub why: Verdict,
    /// By how much a limit was broken, where that has a figure.
    pub by: Option<Margin>,
}

/// Marks any error as the user's to mend.
pub(super) fn usage(error: impl std::fmt::Display) -> anyhow::Error {
    Usage(error.to_string()).into()
}

/// The documented exit code of an error.
pub(super) fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if let Some(fault) = cause.downcast_ref::<Fault>() {
            return match fault {
                Fault::Stopped { .. } | Fault::NotReady { .. } => 3,
                Fault::UnknownHost { .. }
                | Fault::Residual(_)
                | Fault::Load { .. }
                | Fault::LoadUnseen { .. } => 2,
                Fault::Rejected { .. } | Fault::NotTaken { .. } | Fault::Control(_) | Fault::Stuck(_) => 1,
                _ => 5,
            };
        }
        if cause.is::<crate::telemetry::claim::Error>() {
            return 5;
        }
        if cause.is::<SafetyStop>() {
            return 4;
        }
        if cause.is::<Usage>() || cause.is::<crate::config::Error>() {
            return 2;
        }
        if let Some(error) = cause.downcast_ref::<sim::Error>() {
            return if matches!(error, sim::Error::Thread(_)) { 1 } else { 2 };
        }
    }
    1
}

/// An error and its causes, each said once: many messages already end with their cause.
pub(super) fn words(error: &anyhow::Error) -> String {
    error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |said, cause| {
        if said.contains(&cause) { said } else { format!("{said}: {cause}") }
    })
}

/// A panic on the control thread is caught and becomes a named fault; it must not be printed as a crash.
pub(super) fn quiet_caught_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("control") {
            log::debug!("caught on the control thread: {panic}");
        } else {
            usual(panic);
        }
    }));
}
