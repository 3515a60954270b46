//! Whether a machine is fit to drive a robot: what was found, what is wanted, and the command that mends it.
//!
//! Files of the kernel are read below a root ([`Machine`]) and everything else is behind [`Trials`], so that
//! recorded machines are examined as the present one is. What cannot be read is said to be so and is no failure.
mod cores;
mod disk;
mod echo;
mod ethtool;
mod finding;
mod kernel;
mod link;
mod machine;
mod memory;
mod network;
mod route;
mod scheduling;
mod sockets;
mod trials;

pub use finding::{Finding, Verdict};
pub use machine::{Machine, Unread};
pub use trials::{Coalescing, Here, Trials};

use crate::robot::{panda, realtime};
use std::net::Ipv4Addr;
use std::path::Path;

/// What the machine is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose<'a> {
    /// What the control thread will ask of the kernel.
    pub realtime: &'a realtime::Options,
    /// Where recordings go.
    pub recordings: &'a Path,
    /// The robot; none leaves the network to it unexamined.
    pub robot: Option<Ipv4Addr>,
}

/// Examines a machine from the kernel up to the network; talks to no robot.
pub fn examine(machine: &Machine, trials: &dyn Trials, purpose: &Purpose) -> Vec<Finding> {
    let control = cores::control_core(machine, purpose.realtime);
    [
        kernel::examine(machine),
        scheduling::examine(machine, trials, purpose.realtime),
        memory::examine(machine),
        cores::examine(machine, purpose.realtime),
        network::examine(machine, trials, purpose.robot, control),
        sockets::examine(machine),
        disk::examine(trials, purpose.recordings),
    ]
    .concat()
}

/// Examines the robot at `address` and the link to it, in about five seconds. The arm is not moved, so that the way
/// from a state to its command is not measured here: the report of `run` has it.
pub fn examine_robot(
    address: Ipv4Addr,
    robot: &panda::Options,
    realtime: &realtime::Options,
) -> Vec<Finding> {
    link::examine(address, robot, realtime)
}
