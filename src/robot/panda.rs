//! The Panda through libfranka-rs: the only file that names the driver.
//!
//! The driver hangs or panics on ordinary network faults and allocates in every cycle; what is promised of
//! the control path is promised of everything that is ours inside its callback. `docs/real-time.md` says more.
use super::{Command, Errors, Fault, Joints, Mode, State};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::range::{Violation, check_each, check_range};

/// TCP port of the research interface.
pub const PORT: u16 = 1337;
/// The protocol version the driver speaks.
const OUR_VERSION: u16 = 5;
/// Two numbers that differ by less are what was set and what is reported of it.
const READ_BACK: f64 = 1e-6;
/// States in which what was set must have come back.
const READ_BACK_STATES: usize = 50;
/// The driver's low-pass filter acts after our safety layer: this value turns it off.
const NO_FILTER_HZ: f64 = 1000.0;

/// What is set in the robot before it moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// External joint torque, Nm, above which the robot stops by a reflex (both motion phases).
    pub collision_torque_nm: Joints,
    /// External force in the base frame, N, above which the robot stops by a reflex (both motion phases).
    pub collision_force_n: [f64; 3],
    /// External moment in the base frame, Nm, above which the robot stops by a reflex (both motion phases).
    pub collision_moment_nm: [f64; 3],
    /// Stiffness of the robot's own joint impedance controller, Nm/rad.
    pub joint_stiffness_nm_rad: Joints,
    /// Mass carried beyond the hand, kg.
    pub load_mass_kg: f64,
    /// Centre of mass of the load in the flange frame, m.
    pub load_centre_m: [f64; 3],
    /// Inertia of the load about its centre of mass, kg m², column-major.
    pub load_inertia_kg_m2: [f64; 9],
    /// The end effector in the nominal end effector's frame, column-major, m: set in the robot. Empty leaves what Desk has.
    pub NE_T_EE: Vec<f64>,
    /// External torque on each joint of the standing arm, Nm, above which no motion begins: a payload that is not
    /// declared, or a hand.
    pub rest_torque_nm: Joints,
    /// How long to wait for the robot to answer at all, s.
    pub connect_timeout_s: f64,
    /// Silence in a motion after which the robot counts as lost, s.
    pub silence_timeout_s: f64,
}

impl Default for Options {
    /// Moments and stiffnesses of libfranka 0.9.2, `examples/examples_common.cpp`, `setDefaultBehavior`, whose
    /// thresholds of 20 N and 20 Nm would stop the arm at a push of a hand that it is to come back from. 40 N is
    /// below what ISO/TS 15066 (table A.2) allows for contact of any part of a body (65 N, the face); at the arm's
    /// full reach it is 34 Nm at the first two joints.
    fn default() -> Self {
        Options {
            collision_torque_nm: [40.0, 40.0, 40.0, 40.0, 20.0, 20.0, 20.0],
            collision_force_n: [40.0; 3],
            collision_moment_nm: [25.0; 3],
            joint_stiffness_nm_rad: [3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0],
            load_mass_kg: 0.0,
            load_centre_m: [0.0; 3],
            load_inertia_kg_m2: [0.0; 9],
            NE_T_EE: Vec::new(),
            rest_torque_nm: [5.0, 5.0, 5.0, 5.0, 2.0, 2.0, 2.0],
            connect_timeout_s: 2.0,
            silence_timeout_s: 0.02,
        }
    }
}

impl Options {
    /// Every value outside its allowed range.
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        check_each(&mut out, "collision_torque_nm", &self.collision_torque_nm, 1.0..=100.0, "Nm");
        check_each(&mut out, "collision_force_n", &self.collision_force_n, 1.0..=200.0, "N");
        check_each(&mut out, "collision_moment_nm", &self.collision_moment_nm, 1.0..=100.0, "Nm");
        // libfranka 0.9.2, robot.h, setJointImpedance: [0, 14250] Nm/rad.
        check_each(&mut out, "joint_stiffness_nm_rad", &self.joint_stiffness_nm_rad, 0.0..=14250.0, "Nm/rad");
        check_range(&mut out, "load_mass_kg", self.load_mass_kg, 0.0..=3.0, "kg");
        check_each(&mut out, "load_centre_m", &self.load_centre_m, -0.5..=0.5, "m");
        check_each(&mut out, "load_inertia_kg_m2", &self.load_inertia_kg_m2, -1.0..=1.0, "kg m²");
        check_each(&mut out, "rest_torque_nm", &self.rest_torque_nm, 0.1..=87.0, "Nm");
        let is_pose = <[f64; 16]>::try_from(&self.NE_T_EE[..]).is_ok_and(|T| is_rigid(&T));
        if !self.NE_T_EE.is_empty() && !is_pose {
            out.push(Violation {
                key: "NE_T_EE",
                value: format!("{:?}", self.NE_T_EE),
                allowed: "nothing, or 16 numbers of a rigid transformation, column by column".to_string(),
            });
        }
        check_range(&mut out, "connect_timeout_s", self.connect_timeout_s, 0.1..=30.0, "s");
        check_range(&mut out, "silence_timeout_s", self.silence_timeout_s, 0.02..=10.0, "s");
        out
    }
}

/// A connected arm.
pub struct Panda {
    robot: franka::Robot,
    address: IpAddr,
}

/// The address of a robot's name.
///
/// # Errors
/// [`Fault::UnknownHost`].
pub fn resolve(name: &str) -> Result<IpAddr, Fault> {
    let unknown = |reason: String| Fault::UnknownHost { name: name.to_string(), reason };
    let found = (name, PORT).to_socket_addrs().map_err(|e| unknown(e.to_string()))?;
    let address = found.map(|address| address.ip()).find(IpAddr::is_ipv4);
    address.ok_or_else(|| unknown("no IPv4 address".to_string()))
}

/// Proves, by a plain TCP connection with a time limit, that something listens.
///
/// The driver itself connects without a limit and would hang on an address where nothing answers.
///
/// # Errors
/// [`Fault::Unreachable`].
pub fn probe(address: IpAddr, timeout: Duration) -> Result<(), Fault> {
    TcpStream::connect_timeout(&(address, PORT).into(), timeout)
        .map_err(|e| Fault::Unreachable { address, reason: e.to_string() })?;
    Ok(())
}

impl Panda {
    /// Connects and reads one state. Blocks without limit when the peer accepts but never answers: call it on
    /// a thread that a supervisor can give up.
    ///
    /// # Errors
    /// [`Fault::Version`], [`Fault::Unreachable`].
    pub fn connect(address: IpAddr) -> Result<Panda, Fault> {
        let robot = caught(|| {
            // A log of one state: longer logs reorder, grow, and can panic in the driver.
            franka::Robot::new(&address.to_string(), franka::RealtimeConfig::Ignore, 1)
        })
        // The driver panics on answers that are not the protocol's.
        .map_err(|_| Fault::Unreachable {
            address,
            reason: "what answers there does not speak the research interface".to_string(),
        })?
        .map_err(|e| match e {
            franka::exception::FrankaException::IncompatibleLibraryVersionError {
                server_version, ..
            } => Fault::Version { address, robot: server_version, ours: OUR_VERSION },
            e => Fault::Unreachable { address, reason: e.to_string() },
        })?;
        Ok(Panda { robot, address })
    }

    /// Where the arm is.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The newest state.
    ///
    /// # Errors
    /// [`Fault::Lost`], [`Fault::Driver`].
    pub fn read(&mut self) -> Result<State, Fault> {
        caught(|| self.robot.read_once())?.map(|s| state(&s)).map_err(|e| Fault::Lost(e.to_string()))
    }

    /// Sets collision thresholds, joint stiffness and load.
    ///
    /// # Errors
    /// [`Fault::Rejected`] names the setter.
    pub fn configure(&mut self, options: &Options) -> Result<(), Fault> {
        let rejected = |command| {
            move |e: franka::exception::FrankaException| Fault::Rejected { command, reason: e.to_string() }
        };
        let torque = options.collision_torque_nm;
        let ([fx, fy, fz], [mx, my, mz]) = (options.collision_force_n, options.collision_moment_nm);
        let force = [fx, fy, fz, mx, my, mz];
        caught(|| {
            self.robot.set_collision_behavior(torque, torque, torque, torque, force, force, force, force)
        })?
        .map_err(rejected("the collision thresholds"))?;
        caught(|| self.robot.set_joint_impedance(options.joint_stiffness_nm_rad))?
            .map_err(rejected("the joint stiffness"))?;
        caught(|| {
            self.robot.set_load(options.load_mass_kg, options.load_centre_m, options.load_inertia_kg_m2)
        })?
        .map_err(rejected("the load"))?;
        if let Ok(NE_T_EE) = <[f64; 16]>::try_from(&options.NE_T_EE[..]) {
            caught(|| self.robot.set_EE(NE_T_EE))?.map_err(rejected("the end effector's frame"))?;
        }
        self.check_taken(options)
    }

    /// Reads back what can be read back.
    fn check_taken(&mut self, options: &Options) -> Result<(), Fault> {
        let differ =
            |a: &[f64], b: &[f64]| a.iter().zip(b).any(|(a, b)| !(0.0..READ_BACK).contains(&(a - b).abs()));
        let mut wrong = None;
        for _ in 0..READ_BACK_STATES {
            let s = caught(|| self.robot.read_once())?.map_err(|e| Fault::Lost(e.to_string()))?;
            let load = [
                options.load_mass_kg,
                options.load_centre_m[0],
                options.load_centre_m[1],
                options.load_centre_m[2],
            ];
            let reported = [s.m_load, s.F_x_Cload[0], s.F_x_Cload[1], s.F_x_Cload[2]];
            wrong = if differ(&load, &reported) {
                Some(("the load's mass and centre", format!("{load:?}"), format!("{reported:?}")))
            } else if differ(&options.NE_T_EE, &s.NE_T_EE) {
                Some((
                    "the end effector's frame",
                    format!("{:?}", options.NE_T_EE),
                    format!("{:?}", s.NE_T_EE),
                ))
            } else {
                return Ok(());
            };
        }
        wrong.map_or(Ok(()), |(what, set, reported)| Err(Fault::NotTaken { what, set, reported }))
    }

    /// Clears the robot's errors; takes seconds on a real robot.
    ///
    /// # Errors
    /// [`Fault::Rejected`] when the robot does not.
    pub fn recover(&mut self) -> Result<(), Fault> {
        caught(|| self.robot.automatic_error_recovery())?
            .map_err(|e| Fault::Rejected { command: "the recovery", reason: e.to_string() })
    }

    /// Runs one joint-position motion under the robot's joint impedance controller until `tick` finishes it.
    ///
    /// `tick` gets each new state and returns finite joint positions, else the driver panics (caught here).
    ///
    /// # Errors
    /// [`Fault::Stopped`] with the robot's own reasons, [`Fault::Lost`], [`Fault::Driver`].
    pub fn drive(&mut self, mut tick: impl FnMut(&State) -> Command) -> Result<(), Fault> {
        let result = caught(|| {
            self.robot.control_joint_positions(
                |s, _| match tick(&state(s)) {
                    Command::Position(q) => franka::JointPositions::new(q),
                    Command::Finish(q) => {
                        franka::MotionFinished::motion_finished(franka::JointPositions::new(q))
                    }
                },
                franka::ControllerMode::JointImpedance,
                false, // the driver's own limiter keeps almost no margin for lost packets; ours does
                NO_FILTER_HZ,
            )
        })?;
        result.map_err(ended)
    }

    /// Runs one motion by torques beyond gravity, Nm, until `tick` says that one is the last.
    ///
    /// # Errors
    /// As [`Panda::drive`].
    pub fn drive_by_torque(&mut self, mut tick: impl FnMut(&State) -> (Joints, bool)) -> Result<(), Fault> {
        let result = caught(|| {
            self.robot.control_torques(
                |s: &franka::RobotState, _: &Duration| {
                    let (tau, is_last) = tick(&state(s));
                    let torques = franka::Torques::new(tau);
                    if is_last { franka::MotionFinished::motion_finished(torques) } else { torques }
                },
                false,
                NO_FILTER_HZ,
            )
        })?;
        result.map_err(ended)
    }
}

/// Why the driver ended a motion.
fn ended(error: franka::exception::FrankaException) -> Fault {
    match error {
        franka::exception::FrankaException::NetworkException { message } => Fault::Lost(message),
        franka::exception::FrankaException::ControlException { log, error } => {
            // The driver's text has names of its own; the state that ended the motion has the robot's.
            let last = log.and_then(|mut log| log.pop());
            let reasons = last.map(|record| errors(&record.state.last_motion_errors)).unwrap_or_default();
            let reason = error.replace("libfranka-rs: ", "").replace('"', "");
            Fault::Stopped { errors: reasons.names().collect(), reason }
        }
        e => Fault::Stopped { errors: Vec::new(), reason: e.to_string() },
    }
}

/// Whether sixteen numbers, column-major, are a rotation and a translation.
fn is_rigid(T: &[f64; 16]) -> bool {
    crate::kinematics::from_column_major(T).is_ok()
}

/// The driver's panics are faults with a name, never the end of the process.
fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| Fault::Driver(super::panic_words(&*panic)))
}

/// The driver's list of errors as a set.
fn errors(list: &franka::robot::errors::FrankaErrors) -> Errors {
    Errors(list.franka_errors.iter().fold(0, |bits, &error| bits | 1 << error as u64))
}

/// Our view of the driver's state; plain numbers, no allocation.
fn state(s: &franka::RobotState) -> State {
    State {
        time_ms: s.time.as_millis() as u64,
        q: s.q,
        dq: s.dq,
        q_d: s.q_d,
        dq_d: s.dq_d,
        ddq_d: s.ddq_d,
        tau_J: s.tau_J,
        tau_J_d: s.tau_J_d,
        tau_ext_hat_filtered: s.tau_ext_hat_filtered,
        O_T_EE: s.O_T_EE,
        F_T_EE: s.F_T_EE,
        O_F_ext_hat_K: s.O_F_ext_hat_K,
        mode: match s.robot_mode as u8 {
            1 => Mode::Idle,
            2 => Mode::Move,
            3 => Mode::Guiding,
            4 => Mode::Reflex,
            5 => Mode::UserStopped,
            6 => Mode::AutomaticErrorRecovery,
            _ => Mode::Other,
        },
        errors: errors(&s.current_errors),
        control_command_success_rate: s.control_command_success_rate,
    }
}
