//! `franka-imit sim`: a robot for everybody's tests.
mod orders;

use std::io::{BufRead, IsTerminal, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::exit::usage;
use crate::robot::limits::Q_READY;
use crate::robot::realtime;
use crate::sim::{Options, Pace, Sim, Status, Tool, TruthSink, wire};
use orders::Order;

/// Noise of the measured joint positions, rad, unless asked otherwise: our estimate, the size of what a resting
/// Panda shows …
const Q_NOISE_RAD: f64 = 5e-6;
/// … and of its joint torques, Nm.
const TAU_NOISE_NM: f64 = 0.02;

/// Simulate a Panda that libfranka, libfranka-rs and panda-py can connect to.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Loopback address of the robot; several robots take several addresses (127.0.0.1, 127.0.0.2, ...).
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// What drives time: a state every millisecond, or, in motions, as fast as the client answers.
    #[arg(long, value_enum, default_value_t = PaceArg::Realtime)]
    pace: PaceArg,
    /// Joint positions at the start, seven numbers in rad [default: the ready pose].
    #[arg(long, value_name = "RAD", num_args = 7, allow_negative_numbers = true, help_heading = "The arm")]
    pose: Option<Vec<f64>>,
    /// What Desk knows of the end effector: hand, none, or a TOML file (F_T_NE, m_ee_kg, F_x_Cee_m, I_ee_kg_m2).
    #[arg(long, value_name = "NAME|FILE", default_value = "hand", help_heading = "The arm")]
    tool: String,
    /// The same as `--tool none`.
    #[arg(long, hide = true, conflicts_with = "tool")]
    no_hand: bool,
    /// Mass between the fingers, which a client has to declare with SetLoad, kg.
    #[arg(long, default_value_t = 0.0, help_heading = "The arm")]
    payload_kg: f64,
    /// Height of a horizontal plane the end effector can touch, m.
    #[arg(long, allow_negative_numbers = true, help_heading = "The arm")]
    floor_z_m: Option<f64>,
    /// How far the arm's masses are from what the robot knows of them, as a share (standard deviation).
    #[arg(long, default_value_t = Options::default().model_error, help_heading = "The arm")]
    model_error: f64,
    /// Errors the robot cannot see (TOML): joint_offset_rad, link_bend_rad, link_shift_m, payload_kg,
    /// payload_centre_m.
    #[arg(long, value_name = "FILE", help_heading = "The arm")]
    arm_error: Option<PathBuf>,
    /// What the real robot does not document, chosen otherwise (TOML): the keys and their defaults are in
    /// docs/fci-v5.md.
    #[arg(long, value_name = "FILE")]
    choices: Option<PathBuf>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Standard deviation of the measured joint positions, rad; velocities get a hundredfold of it, in rad/s.
    #[arg(long, default_value_t = Q_NOISE_RAD)]
    q_noise_rad: f64,
    /// Standard deviation of the measured joint torques, Nm.
    #[arg(long, default_value_t = TAU_NOISE_NM)]
    tau_noise_nm: f64,
    /// Share of the commands that get lost on the way, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    command_loss: f64,
    /// How long automatic error recovery takes, s.
    #[arg(long, default_value_t = 1.0)]
    recovery_delay_s: f64,
    /// Protocol version to answer with; another than 5 refuses every client of a Panda.
    #[arg(long, default_value_t = wire::VERSION)]
    protocol_version: u16,
    /// Write every state and command to this file, as JSON lines.
    #[arg(long, value_name = "FILE")]
    wire_log: Option<PathBuf>,
    /// Tell what is true of the arm every millisecond, as JSON lines: to a file, or as datagrams to a loopback
    /// ADDRESS:PORT. The state itself shows the robot's nominal view.
    #[arg(long, value_name = "FILE|ADDRESS")]
    truth: Option<TruthSink>,
    /// SCHED_FIFO priority of the robot's thread, 1 to 99; 0 asks for none.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..=99))]
    priority: i32,
    /// End after this time, s; without it the robot runs until Ctrl-C.
    #[arg(long)]
    duration_s: Option<f64>,
}

/// [`Pace`] as it is typed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum PaceArg {
    Realtime,
    Lockstep,
}

/// Orders that wait for the simulator to take them; more are read later.
const ORDERS: usize = 16;

/// Lines of standard input as they come; the end of input is the end of orders, not of the simulator.
fn orders() -> std::io::Result<Receiver<String>> {
    let (send, receive) = sync_channel(ORDERS);
    std::thread::Builder::new().name("orders".to_owned()).spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if send.send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(receive)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text =
        std::fs::read_to_string(path).map_err(|e| usage(format!("cannot read {}: {e}", path.display())))?;
    toml::from_str(&text).map_err(|e| usage(format!("{}: {e}", path.display())))
}

fn read_tool(name: &str) -> anyhow::Result<Option<Tool>> {
    match name {
        "hand" | "none" => Ok(None), // `Options::hand` says which
        file if Path::new(file).exists() => read(Path::new(file)).map(Some),
        other => Err(usage(format!("--tool {other}: neither hand nor none, and no such file"))),
    }
}

/// Serves until Ctrl-C, obeys the orders on standard input, with a status line every second.
///
/// # Errors
/// The options are out of range, the address is in use, or the simulator's thread has died.
pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let end = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&end))?;
    }
    let pose = args.pose.unwrap_or(Q_READY.to_vec());
    let defaults = Options::default();
    let options = Options {
        bind: args.bind,
        pace: match args.pace {
            PaceArg::Realtime => Pace::Realtime,
            PaceArg::Lockstep => Pace::Lockstep,
        },
        q_start_rad: std::array::from_fn(|i| pose[i]),
        hand: !args.no_hand && args.tool != "none",
        tool: read_tool(&args.tool)?,
        payload_kg: args.payload_kg,
        floor_z_m: args.floor_z_m.unwrap_or(defaults.floor_z_m),
        model_error: args.model_error,
        arm_error: args.arm_error.as_deref().map(read).transpose()?.unwrap_or_default(),
        choices: args.choices.as_deref().map(read).transpose()?.unwrap_or_default(),
        seed: args.seed,
        q_noise_rad: args.q_noise_rad,
        tau_noise_nm: args.tau_noise_nm,
        command_loss: args.command_loss,
        recovery_delay_s: args.recovery_delay_s,
        protocol_version: args.protocol_version,
        wire_log: args.wire_log,
        truth: args.truth,
        ..defaults
    };
    let priority = args.priority;
    let sim = Sim::start_with(options, move || {
        if priority > 0 && !realtime::fifo(priority) {
            log::warn!(
                "priority {priority} was refused: add 'yourname - rtprio 99' to /etc/security/limits.conf"
            );
        }
    })?;
    say!(
        "A simulated Panda listens on {}. Ctrl-C ends it; `help` and Enter shows what else it obeys.",
        sim.address()
    );
    let orders = orders()?;
    let start = Instant::now();
    let mut last = sim.status();
    let mut next_line = start + Duration::from_secs(1);
    while !end.load(Ordering::Relaxed) && args.duration_s.is_none_or(|s| start.elapsed().as_secs_f64() < s) {
        std::thread::sleep(Duration::from_millis(50));
        while let Ok(line) = orders.try_recv() {
            match Order::parse(&line) {
                Ok(order) if !order.obey(&sim) => end.store(true, Ordering::Relaxed),
                Ok(_) => {}
                Err(_) if line.trim().is_empty() => {}
                Err(why) => eprintln!("{why}"),
            }
        }
        anyhow::ensure!(sim.is_alive(), "the simulator's thread has died; its message stands above");
        if Instant::now() >= next_line {
            next_line += Duration::from_secs(1);
            let status = sim.status();
            say(&status, &last);
            last = status;
        }
    }
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    Ok(())
}

/// Mode, client, rate and errors of the last second.
fn line(now: &Status, last: &Status) -> String {
    let client = now.client.map_or("no client".to_owned(), |client| format!("client {client}"));
    let errors = now.errors.names().collect::<Vec<_>>().join(", ");
    let commands = now.commands_received - last.commands_received;
    let missed = now.commands_missed - last.commands_missed;
    let states = now.states_sent - last.states_sent;
    let mut line = format!("{:?}, {client}, {states} states/s, {commands} commands/s", now.mode);
    if missed > 0 {
        line += &format!(", {missed} missed");
    }
    let slips = now.slips - last.slips;
    if slips > 0 {
        line += &format!(", late {slips} times");
    }
    if !errors.is_empty() {
        line += &format!(", errors: {errors}");
    }
    line
}

/// One line that is rewritten on a terminal; elsewhere a line only when mode, client or errors have changed.
fn say(now: &Status, last: &Status) {
    let line = line(now, last);
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K{line}");
        let _ = std::io::stderr().flush(); // a status line that cannot be shown is not worth ending for
    } else if (now.mode, now.client, now.errors) != (last.mode, last.client, last.errors) {
        eprintln!("{line}");
    }
}
