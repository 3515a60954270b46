//! The simulated hand: what libfranka-rs's gripper sees of it, and what only bytes can show.
mod sim_client;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use franka::Gripper;
use franka::exception::{FrankaException, FrankaResult};
use franka_imit::robot::Mode;
use franka_imit::sim::gripper::wire::{GripperState, Header, Move, PORT, Status, VERSION};
use franka_imit::sim::gripper::{SPEED_MAX_M_S, STROKE_M};
use franka_imit::sim::wire::commands::Connect;
use franka_imit::sim::{Error, HandStatus, Options, Sim};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sim_client::{connect, deadline, lockstep, sim_at, swing, wait_for};

fn gripper(sim: &Sim) -> Gripper {
    Gripper::new(&sim.ip().to_string()).expect("the hand answers")
}

/// Waits until the hand's status fulfils `condition`.
fn wait_for_hand(sim: &Sim, what: &str, condition: impl Fn(&HandStatus) -> bool) -> HandStatus {
    wait_for(sim, what, |status| status.hand.as_ref().is_some_and(&condition)).hand.expect("a hand")
}

/// Waits until the hand takes connections again.
fn wait_until_it_listens(sim: &Sim) {
    while TcpStream::connect(hand_of(sim)).is_err() {
        std::thread::yield_now();
    }
}

fn message_of(result: FrankaResult<bool>) -> String {
    match result {
        Err(FrankaException::CommandException { message }) => message,
        other => panic!("not a refused command: {other:?}"),
    }
}

/// A client made of bytes.
struct Raw {
    tcp: TcpStream,
    udp: UdpSocket,
    next_id: u32,
}

fn hand_of(sim: &Sim) -> SocketAddr {
    SocketAddr::new(sim.ip(), PORT)
}

impl Raw {
    /// Opens the sockets and asks for a session of this version.
    fn asking(sim: &Sim, version: u16) -> Self {
        let tcp = TcpStream::connect(hand_of(sim)).expect("the hand listens");
        let udp = UdpSocket::bind("0.0.0.0:0").expect("a port");
        udp.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        tcp.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        tcp.set_nodelay(true).expect("set");
        let udp_port = udp.local_addr().expect("bound").port();
        let mut raw = Self { tcp, udp, next_id: 0 };
        raw.request(0, &Connect { version, udp_port }.encode());
        raw
    }

    fn connect(sim: &Sim) -> Self {
        let mut raw = Self::asking(sim, VERSION);
        assert_eq!(raw.answer(), (0, 0, vec![0, 0, 3, 0]));
        raw
    }

    fn request(&mut self, command: u16, payload: &[u8]) -> u32 {
        let (command_id, size) = (self.next_id, (Header::LEN + payload.len()) as u32);
        self.next_id += 1;
        let mut bytes = Header { command, command_id, size }.encode().to_vec();
        bytes.extend_from_slice(payload);
        self.tcp.write_all(&bytes).expect("the hand reads");
        command_id
    }

    fn request_move(&mut self, width: f64) -> u32 {
        self.request(3, &Move { width, speed: 0.02 }.encode())
    }

    /// The next answer: command, id, payload.
    fn answer(&mut self) -> (u16, u32, Vec<u8>) {
        let mut header = [0; Header::LEN];
        self.tcp.read_exact(&mut header).expect("an answer");
        let header = Header::decode(&header).expect("a header");
        let mut payload = vec![0; header.size as usize - Header::LEN];
        self.tcp.read_exact(&mut payload).expect("its payload");
        (header.command, header.command_id, payload)
    }

    fn state(&mut self) -> GripperState {
        let mut bytes = [0; 64];
        let length = self.udp.recv(&mut bytes).expect("a state");
        GripperState::decode(&bytes[..length]).expect("23 valid bytes")
    }
}

fn status(status: Status) -> Vec<u8> {
    (status as u16).to_le_bytes().to_vec()
}

#[test]
fn a_homed_hand_opens_to_its_stroke_and_moves_to_widths() {
    let sim = sim_at([127, 0, 24, 1], Options { hand_homed: false, ..lockstep() });
    deadline(30, move || {
        let mut gripper = gripper(&sim);
        assert_eq!(gripper.server_version(), 3);
        let state = gripper.read_once().expect("a state");
        assert_eq!((state.max_width, state.is_grasped), (0.0, false));
        assert!(
            message_of(gripper.move_gripper(0.04, 0.1)).contains("failed"),
            "it does not know its stroke"
        );
        assert!(gripper.homing().expect("homing"));
        let state = gripper.read_once().expect("a state");
        assert_eq!((state.width, state.max_width), (STROKE_M, STROKE_M));
        for width in [0.05, 0.0, 0.02, STROKE_M] {
            assert!(gripper.move_gripper(width, SPEED_MAX_M_S).expect("a width within reach"));
            wait_for_hand(&sim, "the width", |hand| (hand.width_m - width).abs() < 0.005 && !hand.moving);
        }
    });
}

#[test]
fn widths_out_of_reach_and_what_is_no_number_fail_and_nothing_moves() {
    let sim = sim_at([127, 0, 24, 2], lockstep());
    deadline(30, move || {
        let mut gripper = gripper(&sim);
        for (width, speed) in
            [(-0.01, 0.1), (0.09, 0.1), (f64::NAN, 0.1), (0.04, f64::NAN), (0.04, 0.0), (0.04, f64::INFINITY)]
        {
            let said = message_of(gripper.move_gripper(width, speed));
            assert!(said.contains("failed"), "{width} {speed}: {said}");
            let said = message_of(gripper.grasp(width, speed, 20.0, None, None));
            assert!(said.contains("failed"), "{width} {speed}: {said}");
        }
        for (force, inner, outer) in
            [(-1.0, 0.1, 0.1), (f64::NAN, 0.1, 0.1), (20.0, -0.1, 0.1), (20.0, 0.1, f64::NAN)]
        {
            message_of(gripper.grasp(0.04, 0.1, force, Some(inner), Some(outer)));
        }
        assert_eq!(gripper.read_once().expect("a state").width, STROKE_M);
    });
}

#[test]
fn a_grasp_in_thin_air_returns_false_and_one_of_an_object_holds_it() {
    let sim = sim_at([127, 0, 24, 3], lockstep());
    deadline(30, move || {
        let mut gripper = gripper(&sim);
        assert!(!gripper.grasp(0.03, 0.1, 40.0, None, None).expect("a grasp of nothing"));
        assert!(!gripper.read_once().expect("a state").is_grasped);

        sim.set_object_width(Some(0.032));
        wait_for_hand(&sim, "the object parts the fingers", |hand| hand.width_m == 0.032);
        assert!(gripper.grasp(0.03, 0.1, 40.0, None, None).expect("a grasp"));
        let state = gripper.read_once().expect("a state");
        assert!(state.is_grasped && (state.width - 0.032).abs() < 1e-9, "{state:?}");
        assert!(!gripper.grasp(0.03, 0.1, 40.0, Some(0.001), Some(0.001)).expect("too fine a tolerance"));
        assert!(gripper.grasp(0.03, 0.1, 40.0, None, None).expect("a grasp"));

        assert!(gripper.move_gripper(0.06, 0.1).expect("let go"));
        assert!(!gripper.read_once().expect("a state").is_grasped);
        assert!(gripper.grasp(0.03, 0.1, 40.0, None, None).expect("a grasp"));
        sim.set_object_width(None);
        let hand = wait_for_hand(&sim, "it was taken away", |hand| !hand.is_grasped && !hand.moving);
        assert_eq!(hand.width_m, 0.0);
    });
}

#[test]
fn the_object_of_the_options_stops_a_move_that_cannot_pass_it() {
    let sim = sim_at([127, 0, 24, 4], Options { object_width_m: Some(0.05), ..lockstep() });
    deadline(30, move || {
        let mut gripper = gripper(&sim);
        assert!(gripper.homing().expect("homing, with the object held aside"));
        assert!(!gripper.move_gripper(0.02, 0.1).expect("an answer"), "the object is in the way");
        assert_eq!(gripper.read_once().expect("a state").width, 0.05);
        assert!(gripper.stop().expect("a stop at rest"));
    });
}

#[test]
fn a_stop_aborts_a_motion_first_and_succeeds_then() {
    let sim = sim_at([127, 0, 24, 5], lockstep());
    deadline(30, move || {
        let mut raw = Raw::connect(&sim);
        let motion = raw.request_move(0.0);
        wait_for_hand(&sim, "on the way", |hand| hand.width_m < 0.075);
        let stop = raw.request(4, &[]);
        assert_eq!(raw.answer(), (3, motion, status(Status::Aborted)));
        assert_eq!(raw.answer(), (4, stop, status(Status::Success)));
        let hand = sim.status().hand.expect("a hand");
        assert!(!hand.moving && hand.width_m > 0.01, "{hand:?}");
        let mut before = raw.state();
        while before.width != hand.width_m {
            before = raw.state(); // those that were on their way
        }
        for _ in 0..5 {
            let later = raw.state();
            assert!(later.message_id > before.message_id && later.width == before.width);
            assert_eq!((later.max_width, later.is_grasped), (STROKE_M, false));
            assert!((10..60).contains(&later.temperature));
            before = later;
        }
    });
}

#[test]
fn a_second_command_takes_the_place_of_the_first() {
    let sim = sim_at([127, 0, 24, 6], lockstep());
    deadline(30, move || {
        let mut raw = Raw::connect(&sim);
        let first = raw.request_move(0.0);
        let second = raw.request_move(0.079);
        let third = raw.request(3, &Move { width: 1.0, speed: 0.1 }.encode());
        assert_eq!(raw.answer(), (3, first, status(Status::Aborted)));
        let mut rest = [raw.answer(), raw.answer()];
        rest.sort_by_key(|(_, id, _)| *id);
        let expected = [(3, second, status(Status::Success)), (3, third, status(Status::Fail))];
        assert_eq!(rest, expected, "what is refused disturbs nothing");
    });
}

#[test]
fn another_version_is_refused_and_told_ours() {
    let sim = sim_at([127, 0, 24, 7], lockstep());
    deadline(20, move || {
        for version in [0, 2, 4, u16::MAX] {
            let mut raw = Raw::asking(&sim, version);
            assert_eq!(raw.answer(), (0, 0, vec![1, 0, 3, 0]), "version {version}");
            assert_eq!(sim.status().hand.expect("a hand").client, None);
        }
        Raw::connect(&sim).state();
    });
}

#[test]
fn a_second_client_is_refused_while_the_first_is_served() {
    let sim = sim_at([127, 0, 24, 8], lockstep());
    deadline(20, move || {
        let mut first = gripper(&sim);
        let refused = TcpStream::connect(hand_of(&sim)).expect_err("one client at a time");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert!(Gripper::new(&sim.ip().to_string()).is_err());
        assert!(first.move_gripper(0.07, 0.1).expect("the first is not disturbed"));
        drop(first);
        wait_for_hand(&sim, "it has gone", |hand| hand.client.is_none());
        wait_until_it_listens(&sim);
        gripper(&sim).read_once().expect("the next is served");
    });
}

#[test]
fn a_client_that_vanishes_stops_the_fingers_and_the_next_finds_a_quiet_hand() {
    let sim = sim_at([127, 0, 24, 9], lockstep());
    deadline(30, move || {
        let mut raw = Raw::connect(&sim);
        raw.request_move(0.0);
        wait_for_hand(&sim, "on the way", |hand| hand.width_m < 0.075);
        drop(raw);
        let hand = wait_for_hand(&sim, "at rest", |hand| hand.client.is_none() && !hand.moving);
        assert!(hand.width_m > 0.01, "not at its goal: {hand:?}");
        wait_until_it_listens(&sim);
        let mut raw = Raw::connect(&sim);
        let id = raw.request_move(0.079);
        assert_eq!(raw.answer(), (3, id, status(Status::Success)), "no answer is left over");
    });
}

#[test]
fn any_bytes_leave_a_hand_that_serves() {
    let sim = sim_at([127, 0, 24, 10], lockstep());
    deadline(120, move || {
        // Whole garbage, and after a good Connect: requests whose command, size and payload are anything.
        let stream = (
            any::<bool>(),
            prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..80),
                    (0_u16..6, any::<u32>(), 0_u32..80, prop::collection::vec(any::<u8>(), 0..60)).prop_map(
                        |(command, command_id, size, payload)| {
                            [&Header { command, command_id, size }.encode()[..], &payload].concat()
                        }
                    ),
                    (1_u16..5, any::<u32>(), prop::collection::vec(any::<u8>(), 40)).prop_map(
                        |(command, command_id, payload)| {
                            let length = [4, 0, 40, 16, 0][usize::from(command)];
                            let size = (Header::LEN + length) as u32;
                            [&Header { command, command_id, size }.encode()[..], &payload[..length]].concat()
                        }
                    ),
                ],
                1..12,
            ),
        );
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(60) });
        runner
            .run(&stream, |(greets, messages)| {
                wait_until_it_listens(&sim);
                let mut tcp = if greets {
                    Raw::connect(&sim).tcp
                } else {
                    TcpStream::connect(hand_of(&sim)).expect("the hand listens")
                };
                for message in messages {
                    if tcp.write_all(&message).is_err() {
                        break; // dropped already
                    }
                }
                let _ = tcp.shutdown(std::net::Shutdown::Write);
                let _ = tcp.read_to_end(&mut Vec::new()); // until the hand has closed its side too
                drop(tcp);
                wait_for_hand(&sim, "the stream has ended", |hand| hand.client.is_none());
                prop_assert!(sim.is_alive());
                Ok(())
            })
            .expect("the hand lives");
        wait_for_hand(&sim, "at rest", |hand| !hand.moving);
        wait_until_it_listens(&sim);
        assert!(gripper(&sim).move_gripper(0.04, 0.1).expect("and serves"));
    });
}

#[test]
fn a_client_that_only_asks_is_read_no_faster_than_it_is_answered() {
    let sim = sim_at([127, 0, 24, 11], lockstep());
    deadline(60, move || {
        let mut raw = Raw::connect(&sim);
        let asked = 300;
        for _ in 0..asked {
            raw.request(4, &[]);
        }
        for id in 1..=asked {
            assert_eq!(raw.answer(), (4, id, status(Status::Success)));
        }
    });
}

#[test]
fn the_hand_moves_beside_a_robot_in_motion() {
    let sim = sim_at([127, 0, 24, 12], Options { lockstep_timeout_s: 0.5, ..lockstep() });
    deadline(60, move || {
        let mut robot = connect(&sim);
        let ip = sim.ip().to_string();
        let hand = std::thread::spawn(move || {
            let mut gripper = Gripper::new(&ip).expect("the hand answers");
            gripper.move_gripper(0.02, 0.1).expect("a move")
        });
        for amplitude in [0.2, -0.2, 0.2, -0.2] {
            swing(&mut robot, 0, amplitude, 1.0).expect("a motion");
        }
        assert!(hand.join().expect("no panic"));
        let after = sim.status();
        assert_eq!((after.commands_missed, after.motions), (0, 4));
        assert_eq!(after.hand.expect("a hand").width_m, 0.02);
        wait_until_it_listens(&sim);
        sim.press_user_stop(true);
        wait_for(&sim, "user stop", |status| status.mode == Mode::UserStopped);
        assert!(gripper(&sim).move_gripper(0.05, 0.1).expect("the hand is not the arm"));
    });
}

#[test]
fn a_robot_without_a_hand_opens_no_port_for_one() {
    let sim = sim_at([127, 0, 24, 13], Options { hand: false, ..lockstep() });
    assert!(sim.status().hand.is_none());
    sim.set_object_width(Some(0.02)); // nothing to hold it
    let refused = TcpStream::connect(hand_of(&sim)).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let options = Options { hand: false, object_width_m: Some(0.02), ..lockstep() };
    let said = Sim::start(options).err().expect("no object without a hand").to_string();
    assert!(said.contains("object_width_m = 0.02: allowed only with a hand"), "{said}");
    let options = Options { object_width_m: Some(0.081), ..lockstep() };
    let said = Sim::start(options).err().expect("too wide").to_string();
    assert!(said.contains("object_width_m = 0.081: allowed 0 to 0.08 m"), "{said}");
}

#[test]
fn a_hands_port_in_use_is_named_and_a_dropped_simulator_frees_it() {
    let taken = std::net::TcpListener::bind("127.0.24.14:1338").expect("free");
    let options = Options { bind: [127, 0, 24, 14].into(), ..lockstep() };
    let error = Sim::start(options.clone()).err();
    assert!(matches!(&error, Some(Error::Bind { address, .. }) if address.port() == PORT), "{error:?}");
    drop(taken);
    for _ in 0..5 {
        let sim = Sim::start(options.clone()).expect("the ports are free again");
        deadline(10, move || {
            let mut raw = Raw::connect(&sim);
            raw.request_move(0.0);
            raw.state();
            drop(sim);
        });
    }
}
