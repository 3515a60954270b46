//! What can go wrong between us and an arm, by name.
use std::net::IpAddr;

/// A named fault of the robot, its driver or the network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The name does not resolve to an address.
    #[error(
        "the robot's address {name:?} cannot be resolved: {reason}. Give an IP address, for example 172.16.0.2"
    )]
    UnknownHost {
        /// What was given.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// Nothing answers, or the port is refused.
    #[error(
        "no robot answers at {address}, port 1337: {reason}. Check the address and the cable, that FCI is activated in \
         Desk, and that no other client is connected: the robot takes one"
    )]
    Unreachable {
        /// Where we tried.
        address: IpAddr,
        /// What the system said.
        reason: String,
    },
    /// The robot speaks another version of the protocol.
    #[error(
        "the robot at {address} speaks version {robot} of the research interface, this program version {ours} \
         (Panda/FER, system 4.0.x to 4.2.x). A Franka Research 3 (version 6 and up) cannot be driven"
    )]
    Version {
        /// Where.
        address: IpAddr,
        /// The robot's version.
        robot: u16,
        /// Ours.
        ours: u16,
    },
    /// The robot rejected a command.
    #[error("the robot rejected {command}: {reason}")]
    Rejected {
        /// Which command.
        command: &'static str,
        /// The driver's words.
        reason: String,
    },
    /// The robot does not have what was set in it.
    #[error(
        "the robot took {what} and reports another: set {set}, reported {reported}. Is another program setting it?"
    )]
    NotTaken {
        /// What was set.
        what: &'static str,
        /// Our value.
        set: String,
        /// The robot's.
        reported: String,
    },
    /// Something acts on the standing arm that the robot does not know of.
    #[error(
        "something acts on the arm at rest: {}. Nothing may touch it; declare what it carries in robot.load_mass_kg and \
         load_centre_m, or raise robot.rest_torque_nm",
        .0.join("; ")
    )]
    Residual(Vec<String>),
    /// The standing arm carries another load than it believes.
    #[error(
        "the arm is not let go: at rest it feels {mass_kg:+.2} kg at the end effector that nobody has declared (allowed \
         {allowed_kg:.2} kg either way), {}. Nothing may touch it; set robot.load_mass_kg to about {:.2} and \
         load_centre_m to where it is carried, or raise guidance.load_error_kg", torques(torque_nm),
        (declared_kg + mass_kg).max(0.0)
    )]
    Load {
        /// What is felt beyond what is declared, kg.
        mass_kg: f64,
        /// What is allowed, kg.
        allowed_kg: f64,
        /// What is declared, kg.
        declared_kg: f64,
        /// Mean external torque, Nm.
        torque_nm: super::Joints,
    },
    /// Where the standing arm is, a wrong load would not show.
    #[error(
        "the arm is not let go: where it stands, a load that is wrong by {allowed_kg:.2} kg would not show (it can be told \
         to {sigma_kg:.2} kg at best). Bring it to a pose with the hand away from the base's axis ('franka-imit home'), or \
         raise guidance.load_error_kg"
    )]
    LoadUnseen {
        /// What is allowed, kg.
        allowed_kg: f64,
        /// How well a mass can be told here: standard deviation, kg.
        sigma_kg: f64,
    },
    /// The robot stopped the motion by itself.
    #[error("the robot stopped the motion: {}", if errors.is_empty() { reason.clone() } else { errors.join(", ") })]
    Stopped {
        /// The robot's own names of its errors; empty when it gave none (a user stop).
        errors: Vec<&'static str>,
        /// The driver's words.
        reason: String,
    },
    /// The robot is in a mode in which it cannot move.
    #[error("the robot cannot move: its mode is {mode:?}{}. {mend}", if errors.is_empty() { String::new() } else { format!(" ({})", errors.join(", ")) })]
    NotReady {
        /// The mode it reports.
        mode: super::Mode,
        /// Active errors.
        errors: Vec<&'static str>,
        /// What a person should do.
        mend: &'static str,
    },
    /// No state came for too long.
    #[error("the robot was lost: {0}. Check the cable and the robot's own lights before reconnecting")]
    Lost(String),
    /// Our own step failed; the arm was braked with the limits alone.
    #[error(
        "our own control step failed ({0}); the arm was brought to rest. This is a bug: please report it"
    )]
    Control(String),
    /// Our own step did not end.
    #[error(
        "our own control step has not ended for {0:.2} s; without commands the robot has stopped by itself"
    )]
    Stuck(f64),
    /// Too many control threads were given up inside the driver.
    #[error("{0} connections were given up inside the driver: end this program and start it anew")]
    GivenUp(usize),
    /// The driver panicked; caught, and the connection given up.
    #[error("the driver failed inside ({0}); the connection is given up and the robot has stopped by itself")]
    Driver(String),
}

/// Torques of the joints in words.
fn torques(torque_nm: &super::Joints) -> String {
    let all: Vec<String> =
        torque_nm.iter().enumerate().map(|(k, t)| format!("joint {} {t:+.2} Nm", k + 1)).collect();
    all.join(", ")
}

/// What a caught panic said.
pub fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_string()
}
