//! What the simulator's tests share: a robot on its own address, a client, motions, a deadline.
#![allow(dead_code, unreachable_pub)] // each test binary uses its part

pub mod faults;
pub mod process;
pub mod raw;

use std::net::IpAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use franka::exception::{FrankaException, FrankaResult};
use franka::{JointPositions, JointVelocities, MotionFinished, RealtimeConfig, Robot, RobotState};
use franka_imit::sim::{Options, Pace, Sim, Status};

/// Lockstep with a quick recovery: what most tests want.
pub fn lockstep() -> Options {
    Options { pace: Pace::Lockstep, recovery_delay_s: 0.05, ..Options::default() }
}

/// A robot on its own loopback address, so that tests run side by side.
pub fn sim_at(address: [u8; 4], options: Options) -> Sim {
    Sim::start(Options { bind: IpAddr::from(address), ..options }).expect("the simulator starts")
}

/// A libfranka-rs client.
pub fn connect(sim: &Sim) -> Robot {
    Robot::new(&sim.ip().to_string(), RealtimeConfig::Ignore, 1).expect("the client connects")
}

/// Runs `test` on a thread of its own: a client that hangs fails the test instead of holding it for ever.
pub fn deadline<T: Send + 'static>(seconds: u64, test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let _ = done.send(test());
    });
    match result.recv_timeout(Duration::from_secs(seconds)) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not done within {seconds} s"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => panic!("the test ended without a result"),
        },
    }
}

/// Waits until the simulator's status fulfils `condition`.
pub fn wait_for(sim: &Sim, what: &str, condition: impl Fn(&Status) -> bool) -> Status {
    let start = Instant::now();
    loop {
        let status = sim.status();
        if condition(&status) {
            return status;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{what}: still not so: {status:?}");
        std::thread::yield_now();
    }
}

/// What to make of a motion that should have ended with success: the error without the log of the whole motion.
pub fn ended(error: FrankaException) {
    panic!("the motion ended with: {error}");
}

/// A smooth move of one joint by `amplitude` rad in `duration_s`, at rest at both ends.
pub fn swing(robot: &mut Robot, joint: usize, amplitude: f64, duration_s: f64) -> FrankaResult<()> {
    let mut start = None;
    let mut time = 0.0;
    robot.control_joint_positions(
        |state: &RobotState, step: &Duration| {
            time += step.as_secs_f64();
            let mut q: [f64; 7] = *start.get_or_insert(state.q_d);
            q[joint] += amplitude * smooth(time / duration_s);
            let command = JointPositions::new(q);
            if time >= duration_s { command.motion_finished() } else { command }
        },
        franka::ControllerMode::JointImpedance,
        false,
        1000.0,
    )
}

/// A smooth velocity pulse of one joint, at rest at both ends.
pub fn pulse(robot: &mut Robot, joint: usize, speed: f64, duration_s: f64) -> FrankaResult<()> {
    let mut time = 0.0;
    robot.control_joint_velocities(
        |_: &RobotState, step: &Duration| {
            time += step.as_secs_f64();
            let mut dq = [0.0; 7];
            dq[joint] = speed * (std::f64::consts::PI * (time / duration_s).min(1.0)).sin().powi(2);
            let command = JointVelocities::new(dq);
            if time >= duration_s { command.motion_finished() } else { command }
        },
        franka::ControllerMode::JointImpedance,
        false,
        1000.0,
    )
}

/// From 0 to 1 with zero velocity, acceleration and jerk at both ends.
pub fn smooth(s: f64) -> f64 {
    let s = s.clamp(0.0, 1.0);
    s.powi(4) * (35.0 - 84.0 * s + 70.0 * s * s - 20.0 * s.powi(3))
}

/// libfranka-rs writes `joint_reflex` as `JointReflex`.
pub fn in_driver(name: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').map(capital).collect()
}
