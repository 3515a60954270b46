//! What a run tells: recorder, report, status.
