//! What a robot's state says of the arm, and whether it can be believed.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros
)]
use crate::kinematics::{Point, Pose, from_column_major};
use crate::policy::Input;
use crate::robot::{Joints, State, limits};
use crate::safety::{Motion, Verdict};

/// The measured position of the end effector in the base frame, m.
pub(super) fn O_p_EE(state: &State) -> Point {
    let [.., x, y, z, _] = state.O_T_EE;
    Point::new(x, y, z)
}

/// The measured pose as far as a policy is asked with it: where that is a position, and where the state has no
/// orientation, the orientation is the desired one, so that there is none to make a push of.
pub(super) fn seen(state: &State, input: Input, desired: &Pose) -> Pose {
    let turn = match input {
        Input::Position => desired.rotation,
        Input::Pose => from_column_major(&state.O_T_EE).map_or(desired.rotation, |pose| pose.rotation),
    };
    Pose::from_parts(O_p_EE(state).into(), turn)
}

/// Lost milliseconds that time follows at most in one tick: the robot has stopped by then.
const DT_MAX_MS: u64 = limits::LOST_COMMANDS_MAX as u64;

/// What a state means for the next command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The motion that the next command follows: the robot's own, or ours where the state makes no sense.
    pub(super) base: Motion,
    /// Milliseconds since the last state, at least one.
    pub(super) dt_ms: u64,
    /// Whether the state makes no sense.
    pub(super) verdict: Verdict,
}

impl Reading {
    /// Time since the last state, s.
    pub(super) fn dt_s(&self) -> f64 {
        self.dt_ms as f64 * limits::CYCLE_S
    }

    /// States that have not come since the last one.
    pub(super) fn lost(&self) -> u32 {
        self.dt_ms.saturating_sub(1) as u32
    }
}

/// Reads the states of one motion, each in the light of the command before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reader {
    /// The motion after the last command and the robot's time then, ms: stand in for a state that makes no sense.
    last: Option<(Motion, u64)>,
}

impl Reader {
    /// What `state` means.
    pub(super) fn read(&self, state: &State) -> Reading {
        let reported = Motion::of(state);
        let Some((expected, last_ms)) = &self.last else {
            let verdict = if makes_sense(state) { Verdict::default() } else { Verdict::STATE };
            return Reading { base: reported, dt_ms: 1, verdict };
        };
        let dt_ms = state.time_ms.saturating_sub(*last_ms);
        if makes_sense(state) && (1..=1000).contains(&dt_ms) && follows(expected, &reported.q, dt_ms) {
            Reading { base: reported, dt_ms: dt_ms.min(DT_MAX_MS), verdict: Verdict::default() }
        } else {
            Reading { base: *expected, dt_ms: 1, verdict: Verdict::STATE }
        }
    }

    /// The state that was read as `reading` is answered with `q_c`, rad.
    pub(super) fn answered(&mut self, state: &State, reading: &Reading, q_c: &Joints) {
        let now_ms = match self.last {
            // A state that makes no sense does not tell the time either.
            Some((_, last_ms)) if !reading.verdict.is_clear() => last_ms + reading.dt_ms,
            _ => state.time_ms,
        };
        self.last = Some((reading.base.after(q_c), now_ms));
    }
}

/// Whether a state can be a Panda's: finite, and inside the joint limits but for what a real arm may overrun.
pub(super) fn makes_sense(state: &State) -> bool {
    const OVERRUN_RAD: f64 = 0.1;
    let inside = |q: &Joints| {
        q.iter()
            .zip(limits::Q_MIN.iter().zip(&limits::Q_MAX))
            .all(|(q, (min, max))| *q >= min - OVERRUN_RAD && *q <= max + OVERRUN_RAD)
    };
    let motion = Motion::of(state);
    let slow = |v: &Joints, max: &Joints| v.iter().zip(max).all(|(v, max)| v.abs() <= 1.05 * max);
    inside(&state.q)
        && inside(&state.q_d)
        && motion.is_finite()
        && slow(&motion.dq, &limits::DQ_MAX)
        && slow(&motion.ddq, &limits::DDQ_MAX)
        && state.O_T_EE.iter().all(|x| x.is_finite())
}

/// Whether the robot can be at `q_d`, `dt_ms` after the state whose answer would have led to `expected`.
///
/// Through lost commands it goes on with constant acceleration, from which an answer that came in time can differ only
/// as far as the jerk limit lets it. Further away is no motion of this robot: the state is damaged, and a command based
/// on it would jump.
fn follows(expected: &Motion, q_d: &Joints, dt_ms: u64) -> bool {
    const ROUNDING_RAD: f64 = 1e-4;
    let T = limits::CYCLE_S;
    // The robot stops after so many.
    let lost = dt_ms.saturating_sub(1).min(u64::from(limits::LOST_COMMANDS_MAX)) as f64;
    let dt_s = (lost + 1.0) * T;
    let motion = expected.q.iter().zip(&expected.dq).zip(&expected.ddq);
    motion.zip(q_d.iter().zip(&limits::DDDQ_MAX)).all(|(((q, dq), ddq), (q_d, jerk))| {
        let there = q + lost * T * (dq + 0.5 * (lost + 1.0) * T * ddq);
        (q_d - there).abs() <= ROUNDING_RAD + jerk * dt_s.powi(3)
    })
}
