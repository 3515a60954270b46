use proptest::prelude::*;

use super::commands::*;
use super::framing::{Framed, next_request};
use super::state::{ControllerMode, MotionGeneratorMode, RobotMode, at};
use super::*;

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), command in 0_u32..20) {
        let _ = Header::decode(&bytes);
        let _ = RobotCommand::decode(&bytes);
        let _ = RobotState::decode(&bytes);
        let _ = Request::decode(command, &bytes);
    }

    #[test]
    fn a_command_of_the_right_length_is_read_or_named_by_its_field(mut bytes in prop::collection::vec(any::<u8>(), 370)) {
        match RobotCommand::decode(&bytes) {
            Ok(read) => prop_assert_eq!(read.encode().to_vec(), bytes),
            Err(malformed) => {
                let flags = bytes[312] > 1 || bytes[313] > 1;
                prop_assert!(flags, "{}", malformed);
                (bytes[312], bytes[313]) = (0, 1);
                prop_assert!(RobotCommand::decode(&bytes).is_ok());
            }
        }
    }

    #[test]
    fn a_state_that_is_read_is_written_the_same(seed in prop::collection::vec(any::<u8>(), 2373)) {
        let mut bytes = seed;
        bytes[2280] %= 5;
        bytes[2281] %= 4;
        bytes[2364] %= 7;
        for flag in &mut bytes[2282..2364] {
            *flag %= 2;
        }
        let state = RobotState::decode(&bytes).expect("every field is valid");
        prop_assert_eq!(state.encode().to_vec(), bytes);
    }
}

/// The requests of a stream that comes in pieces of the given lengths, and whether it ended in a broken one.
fn requests(stream: &[u8], pieces: &[usize]) -> (Vec<String>, bool) {
    let (mut bytes, mut all) = (Vec::new(), Vec::new());
    let (mut rest, mut lengths) = (stream, pieces.iter().cycle());
    while !rest.is_empty() {
        let length = lengths.next().map_or(1, |&length| length.clamp(1, rest.len()));
        bytes.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
        loop {
            match next_request(&bytes) {
                Ok(Some(Framed { header, request, length })) => {
                    bytes.drain(..length);
                    all.push(format!("{header:?} {request:?}")); // a NaN is not equal to itself
                }
                Ok(None) => break,
                Err(_) => return (all, true),
            }
        }
    }
    (all, false)
}

proptest! {
    #[test]
    fn a_stream_is_the_same_requests_however_it_is_cut(
        commands in prop::collection::vec((0_u32..15, any::<u32>(), any::<u8>()), 0..6),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        pieces in prop::collection::vec(1_usize..300, 1..8),
    ) {
        let lengths = [4, 56, 0, 4, 416, 56, 48, 7, 128, 128, 104, 40, 0, 2, 3];
        let mut stream = Vec::new();
        for (command, command_id, fill) in commands {
            let payload = vec![fill; lengths[command as usize]];
            let size = (Header::LEN + payload.len()) as u32;
            stream.extend(Header { command, command_id, size }.encode());
            stream.extend(payload);
        }
        for (place, value) in flips {
            if !stream.is_empty() {
                let place = place.index(stream.len());
                stream[place] ^= value;
            }
        }
        prop_assert_eq!(requests(&stream, &pieces), requests(&stream, &[stream.len().max(1)]));
    }
}

#[test]
fn the_named_ranges_lie_where_libfranka_common_has_them() {
    let printed_by_the_headers = [
        (at::message_id, 0, 8),
        (at::O_T_EE, 8, 136),
        (at::F_T_NE, 520, 648),
        (at::m_ee, 776, 784),
        (at::elbow, 984, 1000),
        (at::tau_J, 1016, 1072),
        (at::q, 1184, 1240),
        (at::q_d, 1240, 1296),
        (at::dq_d, 1352, 1408),
        (at::ddq_d, 1408, 1464),
        (at::O_F_ext_hat_K, 1728, 1776),
        (at::O_T_EE_c, 1944, 2072),
        (at::theta, 2168, 2224),
        (at::motion_generator_mode, 2280, 2281),
        (at::errors, 2282, 2323),
        (at::reflex_reason, 2323, 2364),
        (at::robot_mode, 2364, 2365),
        (at::control_command_success_rate, 2365, 2373),
    ];
    for (range, start, end) in printed_by_the_headers {
        assert_eq!(range, start..end);
    }
    assert_eq!(RobotCommand::LEN, 370);
    assert_eq!(command::tau_J_d, 314..370);
}

#[test]
fn modes_and_errors_have_their_numbers() {
    let mut bytes = [0; RobotState::LEN];
    bytes[2280] = 2;
    bytes[2281] = 3;
    bytes[2364] = 4;
    bytes[2282 + 25] = 1;
    let state = RobotState::decode(&bytes).expect("valid");
    assert_eq!(state.motion_generator_mode, MotionGeneratorMode::JointVelocity);
    assert_eq!(state.controller_mode, ControllerMode::Other);
    assert_eq!(state.robot_mode, RobotMode::Reflex);
    assert_eq!(state.errors.names().collect::<Vec<_>>(), ["communication_constraints_violation"]);
    assert!(state.reflex_reason.is_empty());
}

#[test]
fn requests_have_the_lengths_of_the_protocol() {
    let sizes = [4, 56, 0, 4, 416, 56, 48, 7, 128, 128, 104, 40, 0, 2]
        .into_iter()
        .enumerate()
        .map(|(i, n)| (i as u32, n));
    for (command, length) in sizes {
        assert!(Request::decode(command, &vec![0; length]).is_ok(), "command {command}");
        assert!(Request::decode(command, &vec![0; length + 1]).is_err(), "command {command}");
    }
    assert_eq!(Request::decode(14, &[]), Err(Malformed::Command(14)));
}

#[test]
fn answers_have_the_lengths_of_the_protocol() {
    let limit = Response::CartesianLimit {
        status: SetterStatus::Success,
        object_world_size: [0.0; 3],
        object_frame: [0.0; 16],
        active: true,
    };
    let connect = Response::Connect { status: ConnectStatus::Success, version: 5 };
    assert_eq!(limit.encode(7).len(), 166);
    assert_eq!(connect.encode(0), [0, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0, 0, 5, 0]);
    assert_eq!(
        Response::Move(MoveStatus::ReflexAborted).encode(0x01020304),
        [1, 0, 0, 0, 4, 3, 2, 1, 13, 0, 0, 0, 6]
    );
    assert_eq!(Response::NoModelLibrary.encode(1).len(), 13);
}
