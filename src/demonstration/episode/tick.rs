//! What an episode keeps of one millisecond.
use crate::demonstration::sample::{Kind, Sample};
use crate::robot::{Errors, JOINTS, Joints, Mode};
use crate::safety::Verdict;
use crate::timing::Cycle;

/// What the gripper said last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gripper {
    /// Distance of the fingers, m.
    pub width_m: f64,
    /// Whether it holds something.
    pub is_grasped: bool,
}

/// One millisecond; SI units, joints base to flange, poses column-major, base frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    /// Robot time, ms since its start.
    pub robot_time_ms: u64,
    /// When the state came, ns on this machine's monotonic clock since the program's start.
    pub monotonic_ns: u64,
    /// From the state's arrival to our command, ns.
    pub compute_ns: u64,
    /// States missed since the tick before.
    pub lost: u32,
    /// Measured joint positions, rad.
    pub q: Joints,
    /// Measured joint velocities, rad/s.
    pub dq: Joints,
    /// The robot's last desired joint positions, rad.
    pub q_d: Joints,
    /// The command that answered this state, rad.
    pub q_c: Joints,
    /// Measured joint torques, Nm.
    pub tau_J: Joints,
    /// Estimate of external joint torques, Nm.
    pub tau_ext_hat_filtered: Joints,
    /// Estimate of the external wrench, base frame, N and Nm.
    pub O_F_ext_hat_K: [f64; 6],
    /// Measured pose of the end effector.
    pub O_T_EE: [f64; 16],
    /// The gripper, if there is one.
    pub gripper: Option<Gripper>,
    /// What the robot says it is doing.
    pub mode: Mode,
    /// What the tick teaches.
    pub kind: Kind,
    /// Active errors.
    pub errors: Errors,
    /// Share of the last 100 commands that the robot received, 0 to 1.
    pub control_command_success_rate: f64,
    /// What our own safety layer said of the wish.
    pub verdict: Verdict,
    /// Reference time, s.
    pub tau_s: f64,
    /// Reference position, m.
    pub x_ref: [f64; 3],
    /// Number of the policy in use.
    pub edition: u32,
}

impl Tick {
    /// All zeros, at rest: for whoever knows only a few of the quantities.
    pub const ZERO: Tick = Tick {
        robot_time_ms: 0,
        monotonic_ns: 0,
        compute_ns: 0,
        lost: 0,
        q: [0.0; JOINTS],
        dq: [0.0; JOINTS],
        q_d: [0.0; JOINTS],
        q_c: [0.0; JOINTS],
        tau_J: [0.0; JOINTS],
        tau_ext_hat_filtered: [0.0; JOINTS],
        O_F_ext_hat_K: [0.0; 6],
        O_T_EE: [0.0; 16],
        gripper: None,
        mode: Mode::Idle,
        kind: Kind::None,
        errors: Errors(0),
        control_command_success_rate: 0.0,
        verdict: Verdict(0),
        tau_s: 0.0,
        x_ref: [0.0; 3],
        edition: 0,
    };

    /// What is kept of a tick of the control loop.
    pub fn of(sample: &Sample, cycle: Cycle, gripper: Option<Gripper>) -> Tick {
        let s = &sample.state;
        Tick {
            robot_time_ms: s.time_ms,
            monotonic_ns: cycle.received_ns,
            compute_ns: cycle.answered_ns.saturating_sub(cycle.received_ns),
            lost: sample.lost,
            q: s.q,
            dq: s.dq,
            q_d: s.q_d,
            q_c: sample.q_c,
            tau_J: s.tau_J,
            tau_ext_hat_filtered: s.tau_ext_hat_filtered,
            O_F_ext_hat_K: s.O_F_ext_hat_K,
            O_T_EE: s.O_T_EE,
            gripper,
            mode: s.mode,
            kind: sample.kind,
            errors: s.errors,
            control_command_success_rate: s.control_command_success_rate,
            verdict: sample.verdict,
            tau_s: sample.tau_s,
            x_ref: sample.x_ref.translation.vector.into(),
            edition: sample.edition,
        }
    }

    /// Measured position of the end effector, base frame, m.
    pub fn O_p_EE(&self) -> [f64; 3] {
        [self.O_T_EE[12], self.O_T_EE[13], self.O_T_EE[14]]
    }

    /// Whether every number that a demonstration is learnt or replayed from is one.
    pub fn is_finite(&self) -> bool {
        let numbers = self.q.iter().chain(&self.dq).chain(&self.q_d).chain(&self.q_c).chain(&self.O_T_EE);
        numbers.into_iter().all(|x| x.is_finite())
    }
}
