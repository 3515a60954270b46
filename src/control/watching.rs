//! A robot that only tells where it is: a person moves it by the buttons at its wrist, and nothing is asked of it.
use super::links::ControlEnds;
use super::pulse::Pulse;
use super::reading;
use crate::demonstration::sample::{Kind, Sample};
use crate::kinematics::{Pose, from_column_major, tool_down};
use crate::robot::panda::Panda;
use crate::robot::{Command, Fault, Mode, State};
use crate::safety::{self, Limiter, Motion, Verdict};
use crate::timing::Cycle;

/// Reads states until it is asked to stop; how many of them did not fit into the queue.
///
/// # Errors
/// When the robot is lost. Its own stops are no fault here: nothing of ours moves it.
pub(super) fn watch(panda: &mut Panda, ends: &ControlEnds, pulse: &Pulse) -> Result<u64, Fault> {
    let limiter = Limiter::new(&safety::Options::default());
    let (mut tick, mut dropped, mut last_ms) = (0, 0, None);
    while ends.requests.try_recv().is_err() {
        let state = panda.read()?;
        let received_ns = pulse.now_ns();
        let lost = last_ms.map_or(0, |last| state.time_ms.saturating_sub(last).saturating_sub(1));
        last_ms = Some(state.time_ms);
        pulse.beat(&Command::Position(state.q));
        let sample = sample(&state, tick, u32::try_from(lost).unwrap_or(u32::MAX), &limiter);
        let cycle = Cycle { received_ns, answered_ns: pulse.now_ns() };
        dropped += u64::from(ends.to_telemetry.try_send((sample, cycle)).is_err());
        tick += 1;
    }
    Ok(dropped)
}

fn sample(state: &State, tick: u64, lost: u32, limiter: &Limiter) -> Sample {
    let O_p_EE = reading::O_p_EE(state);
    let here =
        from_column_major(&state.O_T_EE).unwrap_or_else(|_| Pose::from_parts(O_p_EE.into(), tool_down()));
    Sample {
        tick,
        lost,
        kind: if state.mode == Mode::Guiding { Kind::Demonstration } else { Kind::None },
        tau_s: 0.0,
        state: *state,
        O_p_EE,
        x_ref: here,
        X: here,
        q_ref: state.q,
        q_c: state.q,
        verdict: Verdict::default(),
        margin: limiter.nearest_end(&Motion { q: state.q, dq: state.dq, ddq: [0.0; 7] }),
        swaps: 0,
        rollbacks: 0,
        edition: 0,
        course: 0,
        hand: crate::demonstration::sample::Hand::Away,
        pull_n: crate::kinematics::Point::zeros(),
    }
}
