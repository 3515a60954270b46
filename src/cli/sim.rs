//! `franka-imit sim`: a robot for everybody's tests.
mod arms;
mod line;
mod operator;
mod orders;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::exit::usage;
use super::keys::Keys;
use crate::robot::limits::Q_READY;
use crate::robot::realtime;
use crate::sim::{ArmError, Options, Pace, Sim, wire};
use arms::Arms;
use line::StatusLine;
use operator::Operator;

/// Simulate a Panda that libfranka, libfranka-rs and panda-py can connect to.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Loopback address of the robot; given several times, as many robots (127.0.0.1, 127.0.0.2, ...).
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: Vec<IpAddr>,
    /// What drives time: a state every millisecond, or, in motions, as fast as the client answers.
    #[arg(long, value_enum, default_value_t = PaceArg::Realtime)]
    pace: PaceArg,
    /// Joint positions at the start, seven numbers in rad [default: the ready pose].
    #[arg(long, value_name = "RAD", num_args = 7, allow_negative_numbers = true, help_heading = "The arm")]
    pose: Option<Vec<f64>>,
    /// No hand on the flange.
    #[arg(long, help_heading = "The arm")]
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
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Standard deviation of the measured joint positions, rad.
    #[arg(long, default_value_t = 0.0)]
    q_noise_rad: f64,
    /// Share of the commands that get lost on the way, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    command_loss: f64,
    /// How long automatic error recovery takes, s.
    #[arg(long, default_value_t = 1.0)]
    recovery_delay_s: f64,
    /// Protocol version to answer with; another than 5 refuses every client of a Panda.
    #[arg(long, default_value_t = wire::VERSION)]
    protocol_version: u16,
    /// Take orders from whoever connects here, a line each, as from standard input (`help` lists them).
    #[arg(long, value_name = "ADDRESS:PORT")]
    orders: Option<SocketAddr>,
    /// Write every state and command to this file, as JSON lines; with several robots a file each, the address
    /// in its name.
    #[arg(long, value_name = "FILE")]
    wire_log: Option<PathBuf>,
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

fn read_arm_error(path: &Path) -> anyhow::Result<ArmError> {
    let text =
        std::fs::read_to_string(path).map_err(|e| usage(format!("cannot read {}: {e}", path.display())))?;
    toml::from_str(&text).map_err(|e| usage(format!("{}: {e}", path.display())))
}

/// Serves until Ctrl-C, obeys keys and orders, with a status line every second.
///
/// # Errors
/// The options are out of range, an address is in use, or a simulator's thread has died.
pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let end = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&end))?;
    }
    let options = args.options()?;
    let mut sims = Vec::new();
    for address in &args.bind {
        let wire_log = args.wire_log.as_deref().map(|path| own_file(path, *address, args.bind.len()));
        sims.push(start(Options { bind: *address, wire_log, ..options.clone() }, args.priority)?);
    }
    let arms = Arc::new(Arms::new(sims, end));
    let addresses: Vec<String> = arms.sims().iter().map(|sim| sim.address().to_string()).collect();
    if let Some(address) = args.orders {
        if !address.ip().is_loopback() {
            return Err(usage(format!(
                "--orders {address}: allowed: a loopback address, for example 127.0.0.1:1339"
            )));
        }
        arms::obey_connections(&arms, address).map_err(|e| usage(format!("--orders {address}: {e}")))?;
    }
    let mut keys = Keys::open();
    let hint = if keys.is_some() { "q ends it, ? shows what else the keys do" } else { "Ctrl-C ends it" };
    say!("A simulated Panda listens on {}. {hint}.", addresses.join(", "));
    if keys.is_none() {
        arms::obey_standard_input(&arms)?;
    }
    let (start, mut line, mut operator) = (Instant::now(), StatusLine::new(&arms), Operator::default());
    while !arms.ended() && args.duration_s.is_none_or(|s| start.elapsed().as_secs_f64() < s) {
        match &mut keys {
            None => std::thread::sleep(TURN),
            Some(keys) => {
                if let Some(key) = keys.next(TURN) {
                    if let Some(answer) = operator.press(key, &arms) {
                        line.clear();
                        say!("{answer}");
                    }
                    line.refresh();
                }
            }
        }
        let alive = arms.sims().iter().all(Sim::is_alive);
        anyhow::ensure!(alive, "a simulator's thread has died; its message stands above");
        line.look(&arms, operator.typed());
    }
    line.clear();
    Ok(())
}

/// How often keys, signals and the status are looked at.
const TURN: Duration = Duration::from_millis(50);

fn start(options: Options, priority: i32) -> anyhow::Result<Sim> {
    Ok(Sim::start_with(options, move || {
        if priority > 0 && !realtime::fifo(priority) {
            log::warn!(
                "priority {priority} was refused: add 'yourname - rtprio 99' to /etc/security/limits.conf"
            );
        }
    })?)
}

/// The file of one of several arms: the address goes before the ending.
fn own_file(path: &Path, address: IpAddr, arms: usize) -> PathBuf {
    if arms < 2 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{address}"));
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}

impl Args {
    /// The options of every arm but for its address and its files.
    fn options(&self) -> anyhow::Result<Options> {
        let pose = self.pose.clone().unwrap_or(Q_READY.to_vec());
        let defaults = Options::default();
        Ok(Options {
            pace: match self.pace {
                PaceArg::Realtime => Pace::Realtime,
                PaceArg::Lockstep => Pace::Lockstep,
            },
            q_start_rad: std::array::from_fn(|i| pose[i]),
            hand: !self.no_hand,
            payload_kg: self.payload_kg,
            floor_z_m: self.floor_z_m.unwrap_or(defaults.floor_z_m),
            model_error: self.model_error,
            arm_error: self.arm_error.as_deref().map(read_arm_error).transpose()?.unwrap_or_default(),
            seed: self.seed,
            q_noise_rad: self.q_noise_rad,
            command_loss: self.command_loss,
            recovery_delay_s: self.recovery_delay_s,
            protocol_version: self.protocol_version,
            ..defaults
        })
    }
}
