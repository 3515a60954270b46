//! What a simulated robot tells about itself.
use std::net::SocketAddr;

use super::{HandStatus, Injected, Truth};
use crate::robot::{Errors, Mode};

/// What the simulator can tell about itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Status {
    /// Robot time, ms.
    pub time_ms: u64,
    /// What the robot does.
    pub mode: Mode,
    /// Active errors.
    pub errors: Errors,
    /// The client served, by its TCP address.
    pub client: Option<SocketAddr>,
    /// What is true of the arm.
    pub truth: Truth,
    /// Motions started.
    pub motions: u64,
    /// States sent to clients.
    pub states_sent: u64,
    /// States sent on a tick of the clock: all but those that a lockstep client calls for.
    pub states_timed: u64,
    /// Those among them that were handed to the kernel more than [`super::LATE`] after it.
    pub states_late: u64,
    /// Commands accepted.
    pub commands_received: u64,
    /// Slots of running motions without a command.
    pub commands_missed: u64,
    /// Commands that came after their slot.
    pub commands_late: u64,
    /// Commands for a slot that was filled.
    pub commands_duplicate: u64,
    /// Commands nobody asked for: outside motions, or for a state not yet sent.
    pub commands_unasked: u64,
    /// Commands swallowed on order.
    pub commands_dropped: u64,
    /// Datagrams from somebody else than the client.
    pub commands_foreign: u64,
    /// Datagrams of the client that are no command.
    pub commands_malformed: u64,
    /// States that left after a newer one.
    pub states_overtaken: u64,
    /// How often each fault was injected.
    pub injected: Injected,
    /// How often the schedule had to move because the machine was late.
    pub slips: u64,
    /// What the virtual hand is doing.
    pub virtual_hand: super::virtual_hand::Phase,
    /// The gripper, if there is one.
    pub hand: Option<HandStatus>,
}
