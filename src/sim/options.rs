//! How a simulated Panda starts: what a configuration file may say of it.
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::choices::Choices;
use super::correcting_hand;
use super::faults::Fault;
use super::gripper::STROKE_M;
use super::plant::{ArmError, Push};
use super::tool::Tool;
use super::truth::TruthSink;
use super::virtual_hand::Plan;
use super::wire::VERSION;
use crate::range::{Violation, check_range, check_that};
use crate::robot::Joints;
use crate::robot::limits::{Q_MAX, Q_MIN, Q_READY};

/// What drives the robot's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// A state every millisecond of the monotonic clock. Behind schedule it goes on from there: never a burst.
    #[default]
    Realtime,
    /// In a motion the next state leaves as soon as the last one is answered, or counts as missed after
    /// `lockstep_timeout_s`; otherwise like [`Pace::Realtime`].
    Lockstep,
}

/// Options of the simulated Panda.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Address the robot lives on; only loopback, so that nobody mistakes it for a real one.
    pub bind: IpAddr,
    /// What drives time.
    pub pace: Pace,
    /// Lockstep: how long a command may take before it counts as missed, s.
    pub lockstep_timeout_s: f64,
    /// Joint positions at the start, rad.
    pub q_start_rad: Joints,
    /// Seed of every random draw (noise, losses).
    pub seed: u64,
    /// Standard deviation of the measured joint positions, rad; velocities get a hundredfold of it, in rad/s.
    pub q_noise_rad: f64,
    /// Standard deviation of the measured joint torques, Nm.
    pub tau_noise_nm: f64,
    /// How far the arm's masses are from what the robot knows of them: standard deviation of each as a share, 0 to
    /// 0.2; centres of mass are off by 0.05 m times this.
    pub model_error: f64,
    /// Friction of the joints as a share of the usual; 0 is none.
    pub friction: f64,
    /// Whether the Franka hand is on the flange.
    pub hand: bool,
    /// What Desk knows of the end effector, where it is neither the Franka hand nor nothing: in the place of
    /// `hand`.
    #[serde(skip)]
    pub tool: Option<Tool>,
    /// Whether the hand knows its stroke at the start; if not, it can only be homed.
    #[serde(skip)]
    pub hand_homed: bool,
    /// Width of what lies between the fingers, m.
    #[serde(skip)]
    pub object_width_m: Option<f64>,
    /// Mass between the fingers, which clients have to declare, kg.
    pub payload_kg: f64,
    /// Height of a horizontal plane the end effector can touch, m; out of reach by default.
    pub floor_z_m: f64,
    /// What the robot cannot see of itself.
    #[serde(skip)]
    pub arm_error: ArmError,
    /// What the real robot does not document.
    #[serde(skip)]
    pub choices: Choices,
    /// Pushes at the end effector in every motion, at times of their own: unlike those of [`super::Sim::push`] they
    /// repeat to the millisecond.
    #[serde(skip)]
    pub pushes: Vec<Push>,
    /// A virtual hand that guides the arm in the first motion; its clock begins with that motion's first command.
    #[serde(skip)]
    pub virtual_hand: Option<Plan>,
    /// A hand that corrects the arm on its way, in every motion.
    #[serde(skip)]
    pub correcting_hand: Option<correcting_hand::Plan>,
    /// Share of the commands lost on the way, 0 to 1.
    pub command_loss: f64,
    /// What else goes wrong, as `franka-imit sim --fault help` tells it.
    pub faults: Vec<Fault>,
    /// How long automatic error recovery takes, s. Real robots: 0.7 to 7.3 s (users' measurements).
    pub recovery_delay_s: f64,
    /// Protocol version the robot answers with; another than 5 refuses every client of today's Panda.
    #[serde(skip)]
    pub protocol_version: u16,
    /// In real time: whether commands are waited for when they come, to time them; see [`super::Sim::round_trips`].
    #[serde(skip)]
    pub time_round_trips: bool,
    /// Where every state and command is written; see [`super::wire_log`].
    #[serde(skip)]
    pub wire_log: Option<PathBuf>,
    /// Where what is true of the arm is told, every cycle.
    #[serde(skip)]
    pub truth: Option<TruthSink>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            pace: Pace::default(),
            lockstep_timeout_s: 0.020,
            q_start_rad: Q_READY,
            seed: 0,
            q_noise_rad: 0.0,
            tau_noise_nm: 0.0,
            model_error: 0.01,
            friction: 1.0,
            hand: true,
            tool: None,
            hand_homed: true,
            object_width_m: None,
            payload_kg: 0.0,
            floor_z_m: -10.0,
            arm_error: ArmError::default(),
            choices: Choices::default(),
            pushes: Vec::new(),
            virtual_hand: None,
            correcting_hand: None,
            command_loss: 0.0,
            faults: Vec::new(),
            recovery_delay_s: 1.0,
            protocol_version: VERSION,
            time_round_trips: false,
            wire_log: None,
            truth: None,
        }
    }
}

impl Options {
    /// What Desk knows of the end effector.
    pub fn end_effector(&self) -> Tool {
        self.tool.unwrap_or_else(|| if self.hand { Tool::hand() } else { Tool::default() })
    }

    /// Every option outside its range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        if let Some(TruthSink::Datagrams(to)) = self.truth {
            check_that(
                &mut out,
                "truth",
                to,
                to.ip().is_loopback(),
                "a file, or a loopback address and a port",
            );
        }
        let loopback = self.bind.is_loopback();
        check_that(
            &mut out,
            "bind",
            self.bind,
            loopback,
            "a loopback address (127.0.0.1 to 127.255.255.254)",
        );
        check_range(&mut out, "lockstep_timeout_s", self.lockstep_timeout_s, 0.001..=10.0, "s");
        for ((&q, low), high) in self.q_start_rad.iter().zip(Q_MIN).zip(Q_MAX) {
            check_range(&mut out, "q_start_rad", q, low..=high, "rad");
        }
        check_range(&mut out, "q_noise_rad", self.q_noise_rad, 0.0..=0.01, "rad");
        check_range(&mut out, "tau_noise_nm", self.tau_noise_nm, 0.0..=1.0, "Nm");
        check_range(&mut out, "model_error", self.model_error, 0.0..=0.2, "");
        check_range(&mut out, "friction", self.friction, 0.0..=10.0, "");
        if let Some(width) = self.object_width_m {
            check_range(&mut out, "object_width_m", width, 0.0..=STROKE_M, "m");
            check_that(&mut out, "object_width_m", width, self.hand, "only with a hand");
        }
        check_range(&mut out, "payload_kg", self.payload_kg, 0.0..=5.0, "kg");
        check_range(&mut out, "floor_z_m", self.floor_z_m, -10.0..=1.5, "m");
        out.extend(self.tool.iter().flat_map(Tool::validate));
        out.extend(self.arm_error.validate());
        out.extend(self.choices.validate());
        out.extend(self.pushes.iter().flat_map(Push::validate));
        out.extend(self.virtual_hand.iter().flat_map(Plan::validate));
        out.extend(self.correcting_hand.iter().flat_map(correcting_hand::Plan::validate));
        check_range(&mut out, "command_loss", self.command_loss, 0.0..=1.0, "");
        check_range(&mut out, "recovery_delay_s", self.recovery_delay_s, 0.0..=60.0, "s");
        out
    }
}
