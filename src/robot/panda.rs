//! The Panda through libfranka-rs: the only file that names the driver.
//!
//! The driver hangs or panics on ordinary network faults and allocates in every cycle; what is promised of
//! the control path is promised of everything that is ours inside its callback. `docs/real-time.md` says more.
use super::{Command, Errors, Fault, Joints, Mode, State};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::range::{Violation, check_each, check_range};

/// TCP port of the research interface.
pub const PORT: u16 = 1337;
/// The protocol version the driver speaks.
const OUR_VERSION: u16 = 5;
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

/// Resolves a robot's name and proves, by a plain TCP connection with a time limit, that something listens.
///
/// The driver itself connects without a limit and would hang on an address where nothing answers.
///
/// # Errors
/// [`Fault::UnknownHost`], [`Fault::Unreachable`].
pub fn probe(name: &str, timeout: Duration) -> Result<IpAddr, Fault> {
    let unknown = |reason: String| Fault::UnknownHost { name: name.to_string(), reason };
    let address = (name, PORT)
        .to_socket_addrs()
        .map_err(|e| unknown(e.to_string()))?
        .find(SocketAddr::is_ipv4)
        .ok_or_else(|| unknown("no IPv4 address".to_string()))?;
    TcpStream::connect_timeout(&address, timeout)
        .map_err(|e| Fault::Unreachable { address: address.ip(), reason: e.to_string() })?;
    Ok(address.ip())
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
        .map_err(rejected("the load"))
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
        result.map_err(|e| match e {
            franka::exception::FrankaException::NetworkException { message } => Fault::Lost(message),
            franka::exception::FrankaException::ControlException { log, error } => {
                // The driver's text has names of its own; the state that ended the motion has the robot's.
                let last = log.and_then(|mut log| log.pop());
                let reasons = last.map(|record| errors(&record.state.last_motion_errors)).unwrap_or_default();
                let reason = error.replace("libfranka-rs: ", "").replace('"', "");
                Fault::Stopped { errors: reasons.names().collect(), reason }
            }
            e => Fault::Stopped { errors: Vec::new(), reason: e.to_string() },
        })
    }
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
