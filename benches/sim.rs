//! Speed and punctuality of the simulated Panda, as README and `docs/fci-v5.md` claim them: time of a plant step,
//! lockstep speed under a libfranka-rs client that answers at once, and how many states of a real-time run leave on
//! their tick beside how often a plain timer thread of the same run wakes on its own.
//!
//! `cargo bench --bench sim`, or `... -- plant`, `lockstep`, `realtime` for one of them; a busy machine shows in every
//! figure, so its load is printed with them.
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use franka::{ControllerMode, JointPositions, MotionFinished, RealtimeConfig, Robot, RobotState};
use franka_imit::robot::realtime::{cores, fifo, pin};
use franka_imit::sim::{Exercise, LATE, Options, Pace, Sim};

/// Runs whose median counts.
const RUNS: usize = 5;
/// Robot time of a lockstep run, s.
const LOCKSTEP_S: f64 = 20.0;
/// Length of a real-time run, s.
const REALTIME_S: f64 = 20.0;
const CYCLE: Duration = Duration::from_millis(1);
/// The same rule as the simulator's: whoever is later than this goes on from there.
const SLIP: Duration = Duration::from_micros(250);

fn main() {
    let cores = cores();
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown CPU");
    let kernel = read("/proc/sys/kernel/osrelease");
    println!("{model}, {} cores, Linux {}", cores.len(), kernel.trim());
    println!("{:<58}{:>8}   {:<36}load", "figure", "median", "all runs");

    let options = Options::default();
    let us = |time: &Duration| time.as_secs_f64() * 1e6;
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |figure: &str| asked.is_empty() || asked.iter().any(|word| word == figure);
    if wanted("plant") {
        row("plant step, us (median of 50 000 steps)", 2, || {
            let mut arm = Exercise::new(&options);
            let step = |_| {
                let start = Instant::now();
                arm.step();
                us(&start.elapsed())
            };
            median((0..50_000).map(step).collect())
        });
    }
    let (first, last) = (cores[0], cores[cores.len() - 1]);
    if wanted("lockstep") {
        row("lockstep, x real time, both on one core", 1, || lockstep([first, first]));
        row("lockstep, x real time, a core each", 1, || lockstep([first, last]));
    }
    if wanted("realtime") {
        realtime(0);
        realtime(80);
    }
}

/// Measures [`RUNS`] times and prints a line of the table.
fn row(name: &str, digits: usize, mut measure: impl FnMut() -> f64) {
    let runs: Vec<f64> = (0..RUNS).map(|_| measure()).collect();
    let all: Vec<String> = runs.iter().map(|run| format!("{run:.digits$}")).collect();
    println!("{name:<58}{:>8.digits$}   {:<36}{}", median(runs), all.join(" "), load());
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}

/// A robot whose thread runs `on_thread` first.
fn sim(pace: Pace, on_thread: impl FnOnce() + Send + 'static) -> Sim {
    let options = Options { bind: IpAddr::from([127, 0, 66, 1]), pace, ..Options::default() };
    Sim::start_with(options, on_thread).expect("127.0.66.1 is free")
}

/// Holds the arm still in a motion for `seconds` of real time, again after every reflex that a busy machine causes.
fn hold(sim: &Sim, seconds: f64) {
    let mut robot = client(sim);
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        let mut q = None;
        let motion = robot.control_joint_positions(
            |state: &RobotState, _: &Duration| {
                let command = JointPositions::new(*q.get_or_insert(state.q_d));
                if start.elapsed().as_secs_f64() >= seconds { command.motion_finished() } else { command }
            },
            ControllerMode::JointImpedance,
            false,
            1000.0,
        );
        if motion.is_err() {
            robot.automatic_error_recovery().expect("the robot recovers");
        }
    }
}

fn client(sim: &Sim) -> Robot {
    Robot::new(&sim.ip().to_string(), RealtimeConfig::Ignore, 1).expect("the client connects")
}

/// Swings joint 1 for `seconds` of robot time; how much of it passed, and how long that took.
fn swing(sim: &Sim, seconds: f64) -> (f64, f64) {
    let mut robot = client(sim);
    let mut begin: Option<([f64; 7], Instant)> = None;
    let (mut time, mut took) = (0.0, 0.0);
    robot
        .control_joint_positions(
            |state: &RobotState, step: &Duration| {
                let (mut q, start) = *begin.get_or_insert_with(|| (state.q_d, Instant::now()));
                time += step.as_secs_f64();
                took = start.elapsed().as_secs_f64();
                q[1] += 0.1 * (1.0 - (std::f64::consts::PI * time).cos());
                let command = JointPositions::new(q);
                if time >= seconds { command.motion_finished() } else { command }
            },
            ControllerMode::JointImpedance,
            false,
            1000.0,
        )
        .expect("the motion ends with success");
    (time, took)
}

/// How many times faster than real time a motion runs, the robot and the client pinned to `on`.
fn lockstep(on: [usize; 2]) -> f64 {
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            pin(&[on[1]]);
            let sim = sim(Pace::Lockstep, move || {
                pin(&[on[0]]);
            });
            let (robot_s, real_s) = swing(&sim, LOCKSTEP_S);
            robot_s / real_s
        });
        client.join().expect("a run")
    })
}

/// The share of states that leave on their tick and, in the same run, of a plain timer thread's wake-ups.
fn realtime(priority: i32) {
    let ask = move || {
        if priority > 0 && !fifo(priority) {
            println!("priority {priority} was refused: normal scheduling instead");
        }
    };
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let sim = sim(Pace::Realtime, ask);
        let end = Arc::new(AtomicBool::new(false));
        let timer = std::thread::spawn({
            let end = Arc::clone(&end);
            move || {
                ask();
                timer(&end)
            }
        });
        hold(&sim, REALTIME_S);
        end.store(true, Ordering::Relaxed);
        let (wakes, late) = timer.join().expect("a timer");
        let status = sim.status();
        let share = |late: u64, all: u64| 100.0 * (1.0 - late as f64 / all.max(1) as f64);
        runs.push([share(status.states_late, status.states_timed), share(late, wakes)]);
    }
    let us = LATE.as_micros();
    for (which, name) in ["states that leave", "timer thread wakes"].into_iter().enumerate() {
        let mut next = runs.iter().map(|run| run[which]);
        let name = format!("{name} within {us} us, %, {}", scheduling(priority));
        row(&name, 2, || next.next().unwrap_or(f64::NAN));
    }
    let mut next = runs.iter().map(|run| run[0] - run[1]);
    row("  difference, percentage points (>= -0.1)", 2, || next.next().unwrap_or(f64::NAN));
}

fn scheduling(priority: i32) -> String {
    if priority == 0 { "normal".to_owned() } else { format!("FIFO {priority}") }
}

/// A thread that sleeps from millisecond to millisecond: how often it woke, and how often too late.
fn timer(end: &AtomicBool) -> (u64, u64) {
    let (mut wakes, mut late) = (0, 0);
    let mut tick = Instant::now();
    while !end.load(Ordering::Relaxed) {
        tick += CYCLE;
        std::thread::sleep(tick.saturating_duration_since(Instant::now()));
        let lateness = tick.elapsed();
        wakes += 1;
        late += u64::from(lateness > LATE);
        if lateness > SLIP {
            tick += lateness;
        }
    }
    (wakes, late)
}
