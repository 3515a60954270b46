//! The operator's key: back to what was before.
use crate::control::links::{OperatorEnds, Rollback};
use crate::learn::Trainer;
use crate::telemetry::Drive;

/// Takes the last correction of the path back, or else goes back to the policy before, which then stays; the words for it.
pub(super) fn go_back(drive: &Drive, trainer: Option<&Trainer>, operator: &OperatorEnds) -> &'static str {
    if let Some(trainer) = trainer.filter(|trainer| trainer.may_take_back()) {
        trainer.take_back();
        return "back     the last correction of the path is taken back";
    }
    if drive.last().is_none_or(|sample| sample.edition == 0) {
        return "back     nothing to go back to: the policy is the one the drive began with";
    }
    // First the trainer, or it might send one more.
    if let Some(trainer) = trainer {
        trainer.hold(true);
    }
    match operator.rollbacks.try_send(Rollback) {
        Ok(()) => "back     to the policy before; none is taken over any more in this drive",
        Err(_) => "back     the control thread is busy: press b again",
    }
}
