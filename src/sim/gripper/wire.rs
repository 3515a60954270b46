//! The bytes of the hand's protocol, version 3: like the robot's ([`crate::sim::wire`]), with a shorter header and
//! statuses of two bytes.
//!
//! Layouts and numbers are those of libfranka-common's `research_interface/gripper` headers (the submodule of
//! libfranka 0.9.2), packed to 1.
use crate::sim::session::Protocol;
use crate::sim::wire::commands::{self, Connect, ConnectStatus};
use crate::sim::wire::{Malformed, Wire, layout};

/// TCP port of the hand.
pub const PORT: u16 = 1338;
/// Its protocol version.
pub const VERSION: u16 = 3;

layout! {
    /// In front of every TCP message, both ways.
    Header, 10, header {
        /// Which command, 0 to 4.
        command: u16 = 0,
        /// Counts a connection's requests; the answer repeats it.
        command_id: u32 = 2,
        /// Header and payload, bytes.
        size: u32 = 6,
    }
}

layout! {
    /// Closes onto an object and holds it.
    Grasp, 40, grasp {
        /// Width of the object, m.
        width: f64 = 0,
        /// How much narrower than that it may turn out to be, m …
        epsilon_inner: f64 = 8,
        /// … and how much wider, m.
        epsilon_outer: f64 = 16,
        /// How fast the width changes, m/s.
        speed: f64 = 24,
        /// How hard the fingers press, N.
        force: f64 = 32,
    }
}

layout! {
    /// Opens or closes to a width.
    Move, 16, motion {
        /// m.
        width: f64 = 0,
        /// How fast the width changes, m/s.
        speed: f64 = 8,
    }
}

layout! {
    /// What the hand says of itself, over UDP.
    GripperState, 23, state {
        /// ms since the hand was switched on.
        message_id: u32 = 0,
        /// Between the fingers, m.
        width: f64 = 4,
        /// The widest it opens, m; 0 until it is known.
        max_width: f64 = 12,
        /// Whether an object is held.
        is_grasped: bool = 20,
        /// °C.
        temperature: u16 = 21,
    }
}

/// A request over TCP.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)] // each payload says what it is
pub enum Request {
    Connect(Connect),
    Homing,
    Grasp(Grasp),
    Move(Move),
    Stop,
}

impl Request {
    /// Reads the payload of `command`.
    ///
    /// # Errors
    /// An unknown command, or a payload of another length.
    pub fn decode(command: u32, payload: &[u8]) -> Result<Self, Malformed> {
        let empty = |request, what| match payload.len() {
            0 => Ok(request),
            got => Err(Malformed::Length { what, expected: 0, got }),
        };
        match command {
            0 => Connect::decode(payload).map(Self::Connect),
            1 => empty(Self::Homing, "Homing"),
            2 => Grasp::decode(payload).map(Self::Grasp),
            3 => Move::decode(payload).map(Self::Move),
            4 => empty(Self::Stop, "Stop"),
            other => Err(Malformed::Command(other)),
        }
    }

    /// Its number.
    pub fn command(&self) -> u16 {
        match self {
            Self::Connect(_) => 0,
            Self::Homing => 1,
            Self::Grasp(_) => 2,
            Self::Move(_) => 3,
            Self::Stop => 4,
        }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Status {
    /// As asked.
    Success = 0,
    /// Refused; libfranka throws.
    Fail = 1,
    /// Done without the result; libfranka returns false.
    Unsuccessful = 2,
    /// Ended by another command; libfranka throws.
    Aborted = 3,
}

/// The whole answer to request `command_id`, header first; `more` follows the status.
pub fn answer(command: u16, command_id: u32, status: u16, more: &[u8]) -> Vec<u8> {
    let size = (Header::LEN + u16::LEN + more.len()) as u32;
    let mut bytes = Header { command, command_id, size }.encode().to_vec();
    bytes.extend_from_slice(&status.to_le_bytes());
    bytes.extend_from_slice(more);
    bytes
}

/// The protocol of the hand, for a session.
#[derive(Debug)]
pub(crate) enum GripperProtocol {}

impl Protocol for GripperProtocol {
    type Request = Request;
    const HEADER: usize = Header::LEN;

    fn header(bytes: &[u8]) -> Result<commands::Header, Malformed> {
        let Header { command, command_id, size } = Header::decode(bytes)?;
        Ok(commands::Header { command: command.into(), command_id, size })
    }

    fn request(command: u32, payload: &[u8]) -> Result<Request, Malformed> {
        Request::decode(command, payload)
    }

    fn connect(request: &Request) -> Option<Connect> {
        match request {
            Request::Connect(connect) => Some(*connect),
            _ => None,
        }
    }

    fn connected(status: ConnectStatus, version: u16, command_id: u32) -> Vec<u8> {
        answer(0, command_id, status as u16, &version.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), command in 0_u32..7) {
            let _ = Header::decode(&bytes);
            let _ = GripperState::decode(&bytes);
            let _ = GripperProtocol::header(&bytes);
            if let Ok(request) = Request::decode(command, &bytes) {
                prop_assert_eq!(u32::from(request.command()), command);
            }
        }
    }

    #[test]
    fn messages_have_the_lengths_and_the_order_of_the_protocol() {
        for (command, length) in [(0, 4), (1, 0), (2, 40), (3, 16), (4, 0)] {
            assert!(Request::decode(command, &vec![0; length]).is_ok(), "command {command}");
            assert!(Request::decode(command, &vec![0; length + 1]).is_err(), "command {command}");
        }
        assert_eq!(Request::decode(5, &[]), Err(Malformed::Command(5)));
        let said = GripperProtocol::connected(ConnectStatus::IncompatibleLibraryVersion, 3, 0);
        assert_eq!(said, [0, 0, 0, 0, 0, 0, 14, 0, 0, 0, 1, 0, 3, 0]);
        assert_eq!(answer(3, 0x01020304, Status::Aborted as u16, &[]), [3, 0, 4, 3, 2, 1, 12, 0, 0, 0, 3, 0]);
        let grasp =
            Grasp { width: 1.0, epsilon_inner: 2.0, epsilon_outer: 3.0, speed: 4.0, force: 5.0 }.encode();
        let numbers: Vec<f64> = grasp.chunks(8).filter_map(f64::get).collect();
        assert_eq!(numbers, [1.0, 2.0, 3.0, 4.0, 5.0], "the tolerances stand before speed and force");
    }
}
