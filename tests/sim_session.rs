//! Sessions with the simulated Panda: who may connect, what setters do, what happens when a client goes.
mod sim_client;

use std::io::ErrorKind;
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use franka::exception::FrankaException;
use franka::{ControllerMode, JointPositions, RealtimeConfig, Robot, RobotState};
use franka_imit::robot::Mode;
use franka_imit::sim::{Error, Options, Sim};
use sim_client::{connect, deadline, lockstep, sim_at, swing, wait_for};

#[test]
fn states_flow_as_soon_as_the_client_is_connected() {
    let sim = sim_at([127, 0, 1, 30], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let (mut count, mut last) = (0, 0);
        robot
            .read(|state| {
                let time = state.time.as_millis();
                assert!(time > last, "time goes on");
                (count, last) = (count + 1, time);
                count < 100
            })
            .expect("a hundred states");
        let state = robot.read_once().expect("a state");
        assert_eq!(state.q, state.q_d);
        assert!((state.m_ee - 0.73).abs() < 1e-12 && (state.m_total - 0.73).abs() < 1e-12);
        assert_eq!(state.O_ddP_O, [0.0, 0.0, -9.81]);
        assert_eq!(state.elbow[1], -1.0);
        let expected = [0.3069, 0.0, 0.4869]; // the hand's tool point at the ready pose, libfranka's convention
        for (axis, expected) in expected.into_iter().enumerate() {
            assert!((state.O_T_EE[12 + axis] - expected).abs() < 1e-3, "{:?}", &state.O_T_EE[12..15]);
        }
    });
}

#[test]
#[allow(deprecated)] // the wire still has the filters
fn setters_take_effect_and_refuse_what_is_out_of_range() {
    let sim = sim_at([127, 0, 1, 31], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut frame = [0.0; 16];
        (frame[0], frame[5], frame[10], frame[15]) = (1.0, 1.0, 1.0, 1.0);
        frame[14] = 0.1;
        robot
            .set_collision_behavior(
                [20.0; 7], [30.0; 7], [20.0; 7], [30.0; 7], [20.0; 6], [30.0; 6], [20.0; 6], [30.0; 6],
            )
            .expect("thresholds");
        robot.set_joint_impedance([2000.0; 7]).expect("joint impedance");
        robot.set_cartesian_impedance([2000.0, 2000.0, 2000.0, 100.0, 100.0, 100.0]).expect("impedance");
        robot.set_guiding_mode([true, true, false, false, false, true], false).expect("guiding");
        robot.set_K(frame).expect("K");
        robot.set_EE(frame).expect("EE");
        robot
            .set_load(0.5, [0.0, 0.0, 0.05], [1e-3, 0.0, 0.0, 0.0, 1e-3, 0.0, 0.0, 0.0, 1e-3])
            .expect("load");
        robot.set_filters(100.0, 100.0, 100.0, 100.0, 100.0).expect("filters");
        let wall = robot.get_virtual_wall(0).expect("a wall that is not active");
        assert!(!wall.active);
        let state = robot.read_once().expect("a state");
        assert_eq!((state.m_load, state.EE_T_K, state.NE_T_EE), (0.5, frame, frame));
        assert!((state.F_T_EE[14] - 0.2034).abs() < 1e-12);
        assert!((state.m_total - 1.23).abs() < 1e-12);

        assert!(robot.set_joint_impedance([14250.1; 7]).is_err());
        assert!(robot.set_cartesian_impedance([9.0, 2000.0, 2000.0, 100.0, 100.0, 100.0]).is_err());
        assert!(robot.set_filters(0.5, 100.0, 100.0, 100.0, 100.0).is_err());
        assert!(robot.set_load(-0.1, [0.0; 3], [0.0; 9]).is_err());
        assert!(robot.set_load(f64::NAN, [0.0; 3], [0.0; 9]).is_err());
        frame[0] = 1.1;
        assert!(robot.set_EE(frame).is_err());
        assert!(
            robot
                .set_collision_behavior(
                    [-1.0; 7], [30.0; 7], [20.0; 7], [30.0; 7], [20.0; 6], [30.0; 6], [20.0; 6], [30.0; 6]
                )
                .is_err()
        );
        assert_eq!(robot.read_once().expect("a state").m_load, 0.5, "what was refused changes nothing");
        swing(&mut robot, 2, 0.1, 0.5).expect("and a motion still works");
    });
}

#[test]
fn a_softer_joint_lags_and_sags_more() {
    let sim = sim_at([127, 0, 1, 32], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut residue = |stiffness: f64| {
            robot.set_joint_impedance([stiffness; 7]).expect("impedance");
            swing(&mut robot, 5, 0.2, 1.0).expect("a motion");
            wait_for(&sim, "idle", |status| status.mode == Mode::Idle);
            let state = robot.read_once().expect("a state");
            (state.q_d[5] - state.q[5]).abs()
        };
        assert!(residue(100.0) > 5.0 * residue(3000.0));
    });
}

#[test]
fn a_second_client_is_refused_and_the_first_loses_no_cycle() {
    let sim = sim_at([127, 0, 1, 34], Options { lockstep_timeout_s: 0.5, ..lockstep() });
    deadline(30, move || {
        let address = sim.address();
        let mut robot = connect(&sim);
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let intruder = std::thread::spawn({
            let stop = stop.clone();
            move || {
                let mut tries = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let refused = TcpStream::connect(address).expect_err("one client at a time");
                    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
                    tries += 1;
                }
                tries
            }
        });
        swing(&mut robot, 0, 0.2, 2.0).expect("the first client is not disturbed");
        assert_eq!(sim.status().commands_missed, 0);
        assert!(Robot::new(&address.ip().to_string(), RealtimeConfig::Ignore, 1).is_err());
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(intruder.join().expect("every try was refused") > 0);
    });
}

#[test]
fn a_probe_takes_no_slot_and_a_client_that_left_makes_room() {
    let sim = sim_at([127, 0, 1, 35], lockstep());
    deadline(30, move || {
        for round in 0..5 {
            let patient = TcpStream::connect(sim.address()).expect("a probe that stays silent");
            drop(TcpStream::connect(sim.address()).expect("a probe that closes"));
            let mut robot = connect(&sim);
            swing(&mut robot, round, 0.05, 0.3).expect("a motion");
            drop((robot, patient));
            wait_for(&sim, "the client has gone", |status| status.client.is_none());
            while TcpStream::connect(sim.address()).is_err() {
                std::thread::yield_now();
            }
        }
    });
}

#[test]
fn another_protocol_version_is_told_to_the_client() {
    let sim = sim_at([127, 0, 1, 36], Options { protocol_version: 4, ..lockstep() });
    deadline(20, move || {
        match Robot::new(&sim.ip().to_string(), RealtimeConfig::Ignore, 1) {
            Err(FrankaException::IncompatibleLibraryVersionError { server_version, library_version }) => {
                assert_eq!((server_version, library_version), (4, 5));
            }
            Err(other) => panic!("another error: {other}"),
            Ok(_) => panic!("connected to a robot of version 4"),
        }
        assert!(sim.status().client.is_none());
    });
}

#[test]
fn a_client_that_vanishes_in_motion_leaves_a_robot_that_stops_and_can_be_used() {
    let sim = sim_at([127, 0, 1, 37], lockstep());
    deadline(20, move || {
        let mut robot = connect(&sim);
        let mut cycle = 0;
        // A panic of the callback unwinds through the driver: no StopMove, the sockets just close.
        let vanished = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            robot.control_joint_positions(
                |state: &RobotState, _: &Duration| {
                    cycle += 1;
                    let mut q = state.q_d;
                    q[0] += (state.dq_d[0] + 2e-3) * 1e-3;
                    if cycle > 100 {
                        std::panic::resume_unwind(Box::new("the client's own fault")); // prints nothing
                    }
                    JointPositions::new(q)
                },
                ControllerMode::JointImpedance,
                false,
                1000.0,
            )
        }));
        assert!(vanished.is_err());
        drop(robot);
        let status = wait_for(&sim, "the motion ends", |s| s.client.is_none() && s.mode == Mode::Reflex);
        assert_eq!(status.errors.names().collect::<Vec<_>>(), ["communication_constraints_violation"]);
        while TcpStream::connect(sim.address()).is_err() {
            std::thread::yield_now();
        }
        let mut robot = connect(&sim);
        robot.automatic_error_recovery().expect("recovery");
        swing(&mut robot, 0, 0.1, 0.5).expect("the next motion");
    });
}

#[test]
fn two_robots_on_two_addresses_move_independently() {
    let sims = [sim_at([127, 0, 1, 38], lockstep()), sim_at([127, 0, 1, 39], lockstep())];
    let drivers = sims.map(|sim| {
        std::thread::spawn(move || {
            deadline(30, move || {
                let mut robot = connect(&sim);
                for joint in 0..4 {
                    swing(&mut robot, joint, 0.1, 0.5).expect("a motion");
                }
                sim.status().motions
            })
        })
    });
    for driver in drivers {
        assert_eq!(driver.join().expect("its motions end"), 4);
    }
}

#[test]
fn an_address_in_use_and_one_that_is_no_loopback_are_named() {
    let _sim = sim_at([127, 0, 1, 40], lockstep());
    let taken = Sim::start(Options { bind: IpAddr::from([127, 0, 1, 40]), ..lockstep() }).err();
    assert!(matches!(&taken, Some(Error::Bind { address, .. }) if address.port() == 1337), "{taken:?}");
    let outside = Sim::start(Options { bind: IpAddr::from([192, 168, 1, 2]), ..lockstep() }).err();
    let said = outside.expect("refused").to_string();
    assert!(said.contains("bind = 192.168.1.2") && said.contains("loopback"), "{said}");
}

#[test]
fn a_dropped_simulator_frees_its_port_at_once() {
    for _ in 0..5 {
        let sim = sim_at([127, 0, 1, 41], lockstep());
        deadline(10, move || {
            let mut robot = connect(&sim);
            robot.read_once().expect("a state");
            drop(sim);
        });
    }
}

#[test]
fn a_second_robot_at_an_address_is_refused_even_while_the_first_serves_a_client() {
    let sim = sim_at([127, 0, 1, 98], lockstep());
    let _robot = connect(&sim);
    let again = Sim::start(Options { bind: sim.ip(), ..lockstep() });
    assert!(matches!(again, Err(Error::Bind { .. })));
}
