//! A control law of our own: joints on springs and dampers, for an arm that gives way to a hand, and for policies that
//! step.
//!
//! τ = M(q) ddq_d + K (q_d − q) + D (dq_d − dq) + C(q, dq) dq; the robot adds gravity by itself. Without the first term
//! soft springs would cut corners: they would have to be deflected by M ddq_d / K before the arm turns. The spring's
//! deflection is held to a leash: however far the desired motion is from the arm, it is pulled with no more than K · leash.
//!
//! Under torque control the robot has no desired motion, so it is kept here, by the robot's own rules: backward
//! differences of one cycle, and constant acceleration through lost commands. What moves the arm cannot tell the two
//! laws apart.
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
use crate::dynamics::{Arm, HAND};
use crate::range::{Violation, check_each, check_range};
use crate::robot::{Command, Joints, State, limits};
use crate::safety::Motion;
use serde::{Deserialize, Serialize};

/// Milliseconds through which the robot extrapolates before it stops.
const LOST_MAX: u64 = limits::LOST_COMMANDS_MAX as u64;

/// Over this time the desired acceleration is averaged, s: it changes with each command.
const ACCELERATION_S: f64 = 0.005;

/// How soft the arm is, and how hard it may be pushed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Springs of the joints, Nm/rad.
    pub stiffness_nm_rad: Joints,
    /// Dampers of the joints, Nm s/rad.
    pub damping_nm_s_rad: Joints,
    /// Largest deflection of a spring that still pulls harder, rad.
    pub leash_rad: f64,
    /// Share of the joints' torque limits in use.
    pub torque_share: f64,
    /// Share of the robot's limit on the rate of a torque in use.
    pub torque_rate_share: f64,
}

impl Default for Options {
    /// Springs and dampers of libfranka 0.9.2, `examples/joint_impedance_control.cpp`.
    fn default() -> Self {
        Options {
            stiffness_nm_rad: [600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0],
            damping_nm_s_rad: [50.0, 50.0, 50.0, 50.0, 30.0, 25.0, 15.0],
            leash_rad: 0.1,
            torque_share: 0.8,
            torque_rate_share: 0.9,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_each(&mut out, "stiffness_nm_rad", &self.stiffness_nm_rad, 0.0..=2000.0, "Nm/rad");
        check_each(&mut out, "damping_nm_s_rad", &self.damping_nm_s_rad, 0.0..=100.0, "Nm s/rad");
        check_range(&mut out, "leash_rad", self.leash_rad, 0.005..=0.5, "rad");
        check_range(&mut out, "torque_share", self.torque_share, 0.05..=1.0, "");
        check_range(&mut out, "torque_rate_share", self.torque_rate_share, 0.05..=0.98, "");
        out
    }
}

/// What is asked of the joints for one millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Torque {
    /// Beyond gravity, Nm.
    pub tau: Joints,
    /// Whether it is the last of the motion.
    pub is_last: bool,
}

/// The law, with the desired motion that it keeps.
#[derive(Clone, Debug)]
pub struct Impedance {
    options: Options,
    arm: Arm,
    desired: Option<(Motion, u64)>,
    /// The desired acceleration, averaged, rad/s².
    ddq_d: Joints,
}

impl Impedance {
    /// A law that has not seen the arm yet.
    pub fn new(options: &Options) -> Impedance {
        Impedance { options: options.clone(), arm: Arm::panda_with(HAND), desired: None, ddq_d: [0.0; 7] }
    }

    /// A law that takes a moving arm over where it is measured.
    pub(super) fn taking_over(options: &Options, state: &State) -> Impedance {
        let motion = Motion { q: state.q, dq: state.dq, ddq: [0.0; 7] };
        Impedance { desired: Some((motion, state.time_ms)), ..Impedance::new(options) }
    }

    /// The state as it would be if the robot kept the desired motion: where it was last told to be, and how fast.
    ///
    /// The first one is the robot's own, at rest.
    pub fn see(&mut self, state: &State) -> State {
        let rest = || Motion { q: state.q_d, dq: [0.0; 7], ddq: [0.0; 7] };
        let motion = match self.desired {
            None => rest(),
            Some((mut motion, at_ms)) => {
                let lost = state.time_ms.saturating_sub(at_ms).saturating_sub(1).min(LOST_MAX);
                (0..lost).for_each(|_| motion = extrapolated(&motion));
                motion
            }
        };
        self.desired = Some((motion, state.time_ms));
        State { q_d: motion.q, dq_d: motion.dq, ddq_d: motion.ddq, ..*state }
    }

    /// The torque that pulls the arm of `state` to where `command` wants it. Finite whatever comes.
    pub fn answer(&mut self, state: &State, command: &Command) -> Torque {
        let (q_c, is_last) = match command {
            Command::Position(q) => (q, false),
            Command::Finish(q) => (q, true),
        };
        let (before, at_ms) = self.desired.unwrap_or_default();
        let desired = before.after(q_c);
        self.desired = Some((desired, at_ms));
        for ((mean, ddq), max) in self.ddq_d.iter_mut().zip(&desired.ddq).zip(&limits::DDQ_MAX) {
            *mean += (ddq - *mean) * (limits::CYCLE_S / ACCELERATION_S);
            // What is not finite must not stay.
            *mean = if mean.is_finite() { mean.max(-max).min(*max) } else { 0.0 };
        }
        // Gravity is the robot's.
        let inertial = self.arm.inverse_dynamics(&state.q, &state.dq, &self.ddq_d, &[0.0; 3]);
        let o = &self.options;
        let mut tau = state.tau_J_d;
        let step = o.torque_rate_share * limits::DTAU_MAX * limits::CYCLE_S;
        let springs = o.stiffness_nm_rad.iter().zip(&o.damping_nm_s_rad).zip(&limits::TAU_MAX);
        let motion = desired.q.iter().zip(&desired.dq).zip(state.q.iter().zip(&state.dq)).zip(&inertial);
        for ((tau, ((k, d), max)), (((q_d, dq_d), (q, dq)), c)) in tau.iter_mut().zip(springs).zip(motion) {
            let pull = k * (q_d - q).max(-o.leash_rad).min(o.leash_rad) + d * (dq_d - dq) + c;
            let max = o.torque_share * max;
            // What is not finite pulls nothing: `max` and `min` pass over a NaN.
            let wanted = if pull.is_finite() { pull.max(-max).min(max) } else { 0.0 };
            let base = if tau.is_finite() { *tau } else { 0.0 };
            *tau = base + (wanted - base).max(-step).min(step);
        }
        Torque { tau, is_last }
    }
}

/// A millisecond without a command, as the robot bridges it.
fn extrapolated(motion: &Motion) -> Motion {
    let mut q = motion.q;
    for ((q, dq), ddq) in q.iter_mut().zip(&motion.dq).zip(&motion.ddq) {
        *q += (dq + ddq * limits::CYCLE_S) * limits::CYCLE_S;
    }
    motion.after(&q)
}
