//! Connections broken in every phase of a session: the simulated Panda keeps no thread, socket or memory of them, and
//! serves the next client as if nothing had been. A binary of its own, since it counts what the process holds.
mod sim_client;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use franka::{RealtimeConfig, Robot};
use franka_imit::robot::limits::Q_READY;
use franka_imit::robot::{Errors, Mode};
use franka_imit::sim::Sim;
use franka_imit::sim::wire::commands::{Connect, Header};
use franka_imit::sim::wire::state::RobotMode;
use franka_imit::sim::wire::{RobotCommand, RobotState};
use sim_client::process::{Held, reset};
use sim_client::raw::{Raw, joint_positions};
use sim_client::{deadline, lockstep, sim_at, smooth, swing, wait_for};

/// A phase, and a client that gets there and breaks off.
type Phase = (&'static str, fn(&Sim));

const PHASES: &[Phase] = &[
    ("connected, nothing said", |sim| drop(connect(sim))),
    ("half a header", |sim| say(sim, &[0, 0, 0, 0, 0, 0])),
    ("half of Connect's payload", |sim| say(sim, &hello(5)[..13])),
    ("Connect's answer not read", |sim| say(sim, &hello(5))),
    ("refused for another version", |sim| say(sim, &hello(4))),
    ("connected, no state read", |sim| drop(session(sim))),
    ("idle, closed", |sim| drop(idle(sim))),
    ("idle, reset", |sim| reset(idle(sim).tcp)),
    ("setters on their way", |sim| drop(setters(sim))),
    ("half of a setter's payload", |sim| {
        let mut raw = idle(sim);
        let bytes = raw.message(4, &[0; 416]);
        raw.tcp.write_all(&bytes[..200]).expect("sent");
    }),
    ("model library half read", |sim| {
        let mut raw = idle(sim);
        raw.request(13, &[0, 0]);
        raw.tcp.read_exact(&mut [0; 1000]).expect("a part");
    }),
    ("Move sent", |sim| {
        idle(sim).request_move(0, 0);
    }),
    ("MotionStarted not read", |sim| {
        let mut raw = idle(sim);
        raw.request_move(0, 0);
        wait_for(sim, "a motion", |status| status.mode == Mode::Move);
    }),
    ("first state of a motion", |sim| {
        session(sim).start_motion();
    }),
    ("first command sent", |sim| drop(moving(sim, 0, 0, 1))),
    ("in a joint position motion, closed", |sim| drop(moving(sim, 0, 0, 50))),
    ("in a joint position motion, reset", |sim| reset(moving(sim, 0, 0, 50).0.tcp)),
    ("in a Cartesian motion", |sim| drop(moving(sim, 1, 2, 50))),
    ("in torque control", |sim| drop(moving(sim, 2, 1, 50))),
    ("in a motion, no more to say", |sim| {
        let (raw, _) = moving(sim, 0, 0, 50);
        raw.tcp.shutdown(Shutdown::Write).expect("closed one way");
        wait_for(sim, "the session's end", |status| status.client.is_none());
    }),
    ("in a motion, UDP port closed first", |sim| {
        let (raw, _) = moving(sim, 0, 0, 50);
        drop(raw.udp);
        wait_for(sim, "states to nowhere", |status| status.commands_missed > 3);
        reset(raw.tcp);
    }),
    ("in a motion, a broken frame", |sim| {
        let (mut raw, _) = moving(sim, 0, 0, 50);
        raw.tcp.write_all(&[0xff; 40]).expect("sent");
        let _ = raw.tcp.read(&mut [0; 64]); // the robot closes
    }),
    ("commands missing", |sim| {
        let (mut raw, state) = moving(sim, 0, 0, 50);
        while raw.state().message_id < state.message_id + 5 {}
    }),
    ("twenty commands lost", |sim| {
        let (mut raw, _) = moving(sim, 0, 0, 50);
        while raw.state().robot_mode != RobotMode::Reflex {}
    }),
    ("finishing flag sent", |sim| drop(finish(sim))),
    ("settling", |sim| {
        finish(sim).state();
    }),
    ("last answer not read", |sim| {
        let mut raw = finish(sim);
        while raw.state().robot_mode != RobotMode::Idle {}
        look_on(&mut raw, 10);
    }),
    ("StopMove sent", |sim| {
        moving(sim, 0, 0, 50).0.request(2, &[]);
    }),
    ("Preempted not read", |sim| {
        let (mut raw, _) = moving(sim, 0, 0, 50);
        raw.request(2, &[]);
        raw.answer();
    }),
    ("in a reflex", |sim| drop(reflex(sim))),
    ("in recovery", |sim| {
        let mut raw = reflex(sim);
        raw.request(12, &[]);
        while raw.state().robot_mode != RobotMode::AutomaticErrorRecovery {}
    }),
    ("user stopped in a motion", |sim| {
        let (mut raw, _) = moving(sim, 0, 0, 50);
        sim.press_user_stop(true);
        while raw.state().robot_mode != RobotMode::UserStopped {}
    }),
    ("guided by hand", |sim| {
        let mut raw = idle(sim);
        sim.press_guiding(true);
        while raw.state().robot_mode != RobotMode::Guiding {}
    }),
];

#[test]
fn a_connection_broken_in_any_phase_leaves_nothing_behind_and_nobody_waiting() {
    assert!(PHASES.len() >= 24);
    let sim = sim_at([127, 0, 68, 1], lockstep());
    deadline(300, move || {
        for phase in PHASES {
            break_off(&sim, *phase); // buffers grow to their size the first time
        }
        let before = Held::now();
        for phase in PHASES {
            break_off(&sim, *phase);
            Held::back_to(&before, phase.0);
        }
        let now = Held::now();
        println!("{} phases, twice; before {before:?}, after {now:?}", PHASES.len());
        assert!(now.memory_kib < before.memory_kib + 1024, "before {before:?}, after {now:?}");
    });
}

/// Breaks off a connection, then lets another client recover the robot and complete a motion.
fn break_off(sim: &Sim, (phase, client): Phase) {
    client(sim);
    let left =
        wait_for(sim, phase, |status| status.client.is_none() && status.mode != Mode::AutomaticErrorRecovery);
    assert!(sim.is_alive(), "{phase}");
    sim.press_user_stop(false);
    sim.press_guiding(false);
    let motions = left.motions;
    {
        let mut robot =
            patiently(phase, || Robot::new(&sim.ip().to_string(), RealtimeConfig::Ignore, 1).ok());
        robot.automatic_error_recovery().unwrap_or_else(|error| panic!("{phase}: {error}"));
        let way = if robot.read_once().expect("a state").q_d[0] > 0.0 { -0.05 } else { 0.05 };
        swing(&mut robot, 0, way, 0.2).unwrap_or_else(|error| panic!("{phase}, the next client: {error}"));
    }
    let status = wait_for(sim, phase, |status| status.client.is_none() && status.mode == Mode::Idle);
    assert_eq!((status.motions, status.errors), (motions + 1, Errors::default()), "{phase}");
}

/// Tries until it works: after a client has gone, the port opens with the robot's next cycle.
fn patiently<T>(what: &str, attempt: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{what}: nobody listens");
        std::thread::yield_now();
    }
}

fn connect(sim: &Sim) -> TcpStream {
    patiently("connect", || TcpStream::connect(sim.address()).ok())
}

fn hello(version: u16) -> Vec<u8> {
    let payload = Connect { version, udp_port: 9 }.encode();
    let header = Header { command: 0, command_id: 0, size: 16 };
    [&header.encode()[..], &payload].concat()
}

fn say(sim: &Sim, bytes: &[u8]) {
    connect(sim).write_all(bytes).expect("sent");
}

fn session(sim: &Sim) -> Raw {
    Raw::over(sim, connect(sim))
}

fn idle(sim: &Sim) -> Raw {
    let mut raw = session(sim);
    look_on(&mut raw, 5);
    raw
}

fn look_on(raw: &mut Raw, states: u32) {
    for _ in 0..states {
        raw.state();
    }
}

fn setters(sim: &Sim) -> Raw {
    let mut raw = idle(sim);
    let bytes: Vec<u8> =
        (0..200).flat_map(|_| raw.message(5, &[2000_f64.to_le_bytes(); 7].concat())).collect();
    raw.tcp.write_all(&bytes).expect("sent");
    raw.answer();
    raw
}

/// What answers `state` in any motion and asks for nothing new but a little of joint 0.
fn onwards(state: &RobotState, cycle: u32) -> RobotCommand {
    let mut q_c = state.q_d;
    q_c[0] += 1e-3 * (smooth(f64::from(cycle + 1) / 500.0) - smooth(f64::from(cycle) / 500.0));
    RobotCommand { O_T_EE_c: state.O_T_EE_c, ..joint_positions(state, q_c) }
}

/// A motion that has been answered `cycles` times, and its next state.
fn moving(sim: &Sim, controller: u32, generator: u32, cycles: u32) -> (Raw, RobotState) {
    let mut raw = session(sim);
    let id = raw.request_move(controller, generator);
    assert_eq!(raw.answer(), (1, id, vec![1]));
    while raw.state().robot_mode != RobotMode::Move {}
    let mut state = raw.state();
    for cycle in 0..cycles {
        raw.command(&onwards(&state, cycle));
        state = raw.state();
        assert_eq!(state.robot_mode, RobotMode::Move, "{:?}", state.errors);
    }
    (raw, state)
}

/// A motion that stands still and is finished; the next state shows it settling.
fn finish(sim: &Sim) -> Raw {
    let (mut raw, mut state) = moving(sim, 0, 0, 0);
    for cycle in 0..20 {
        let mut command = joint_positions(&state, state.q_d);
        command.motion_generation_finished = cycle == 19;
        raw.command(&command);
        if cycle < 19 {
            state = raw.state();
        }
    }
    raw
}

fn reflex(sim: &Sim) -> Raw {
    let (mut raw, state) = moving(sim, 0, 0, 50);
    raw.command(&joint_positions(&state, Q_READY.map(|_| f64::NAN)));
    while raw.state().robot_mode != RobotMode::Reflex {}
    raw
}
