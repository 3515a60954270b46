//! `franka-imit sim`: a robot for everybody's tests.
mod arms;
mod line;
mod operator;
mod orders;
mod page;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::common::Pace;
use super::exit::usage;
use super::keys::Keys;
use super::serve::Serve;
use crate::kinematics::{Pose, from_column_major, hand_tool};
use crate::robot::limits::Q_READY;
use crate::robot::realtime;
use crate::sim::faults::{self, SpecError};
use crate::sim::{Fault, Options, Sim, Tool, TruthSink, wire};
use arms::Arms;
use line::StatusLine;
use operator::Operator;
use page::Shown;

/// Noise of the measured joint positions, rad, unless asked otherwise: our estimate, the size of what a resting
/// Panda shows …
const Q_NOISE_RAD: f64 = 5e-6;
/// … and of its joint torques, Nm.
const TAU_NOISE_NM: f64 = 0.02;

/// Simulate a Panda that libfranka, libfranka-rs and panda-py can connect to.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Loopback address of the robot; given several times, as many robots (127.0.0.1, 127.0.0.2, ...).
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    bind: Vec<IpAddr>,
    /// What drives time: a state every millisecond, or, in motions, as fast as the client answers.
    #[arg(long, value_enum, default_value_t = Pace::Realtime)]
    pace: Pace,
    /// Joint positions at the start, seven numbers in rad [default: the ready pose].
    #[arg(long, value_name = "RAD", num_args = 7, allow_negative_numbers = true, help_heading = "The arm")]
    pose: Option<Vec<f64>>,
    /// What Desk knows of the end effector: hand, none, or a TOML file (F_T_NE, m_ee_kg, F_x_Cee_m, I_ee_kg_m2).
    #[arg(long, value_name = "NAME|FILE", default_value = "hand", help_heading = "The arm")]
    tool: String,
    /// No Franka hand: nothing answers on port 1338, and without --tool nothing is on the flange.
    #[arg(long, help_heading = "The arm")]
    no_hand: bool,
    /// The hand does not know its stroke before a client homes it, as after a change of fingers.
    #[arg(long, conflicts_with = "no_hand", help_heading = "The arm")]
    hand_not_homed: bool,
    /// Width of an object between the fingers, 0 to 0.08 m; without it there is none.
    #[arg(long, value_name = "W", help_heading = "The arm")]
    object_width_m: Option<f64>,
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
    /// Let something go wrong, for example drop:state:p=5% or tcp-reset@2s; may be given several times. `help` lists
    /// all kinds.
    #[arg(long, value_name = "SPEC", value_parser = FaultArg::parse)]
    fault: Vec<FaultArg>,
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
    /// Tell what is true of the arm every millisecond, as JSON lines: to a file, or as datagrams to a loopback
    /// ADDRESS:PORT. The state itself shows the robot's nominal view.
    #[arg(long, value_name = "FILE|ADDRESS")]
    truth: Option<TruthSink>,
    /// SCHED_FIFO priority of the robot's thread, 1 to 99; 0 asks for none.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..=99))]
    priority: i32,
    #[command(flatten)]
    serve: Serve,
    /// End after this time, s; without it the robot runs until Ctrl-C.
    #[arg(long)]
    duration_s: Option<f64>,
}

/// `--fault` as it is typed.
#[derive(Clone, Copy, Debug)]
enum FaultArg {
    Help,
    Given(Fault),
}

impl FaultArg {
    fn parse(text: &str) -> Result<Self, SpecError> {
        if text.trim() == "help" { Ok(Self::Help) } else { text.parse().map(Self::Given) }
    }
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

/// Serves until Ctrl-C, obeys keys and orders, with a status line every second.
///
/// # Errors
/// The options are out of range, an address is in use, or a simulator's thread has died.
pub(super) fn run(args: Args) -> anyhow::Result<()> {
    if args.fault.iter().any(|fault| matches!(fault, FaultArg::Help)) {
        say!("{}", faults::help());
        return Ok(());
    }
    let end = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&end))?;
    }
    let options = args.options()?;
    let mut sims = Vec::new();
    for address in &args.bind {
        let own = |path: &Path| own_file(path, *address, args.bind.len());
        let truth = args.truth.clone().map(|sink| match sink {
            TruthSink::File(path) => TruthSink::File(own(&path)),
            sink @ TruthSink::Datagrams(_) => sink,
        });
        let wire_log = args.wire_log.as_deref().map(own);
        sims.push(start(Options { bind: *address, wire_log, truth, ..options.clone() }, args.priority)?);
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
    // With several arms it is the first one.
    let mut page = Shown::open(&args.serve, &arms.sims()[0], args.tool(&options)?)?;
    let turn = if page.is_some() { page::TURN } else { TURN };
    let mut keys = Keys::open();
    let hint = if keys.is_some() { "q ends it, ? shows what else the keys do" } else { "Ctrl-C ends it" };
    say!("A simulated Panda listens on {}. {hint}.", addresses.join(", "));
    if keys.is_none() {
        arms::obey_standard_input(&arms)?;
    }
    let (start, mut line, mut operator) = (Instant::now(), StatusLine::new(&arms), Operator::default());
    while !arms.ended() && args.duration_s.is_none_or(|s| start.elapsed().as_secs_f64() < s) {
        match &mut keys {
            None => std::thread::sleep(turn),
            Some(keys) => {
                if let Some(key) = keys.next(turn) {
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
        if let Some(page) = &mut page {
            page.look(&arms.sims()[0]);
        }
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
    /// The tool that the robot knows of, in the flange frame.
    fn tool(&self, options: &Options) -> anyhow::Result<Pose> {
        match &options.tool {
            Some(tool) => {
                from_column_major(&tool.F_T_NE).map_err(|e| usage(format!("--tool {}: {e}", self.tool)))
            }
            None if options.hand => Ok(hand_tool()),
            None => Ok(Pose::identity()),
        }
    }

    /// The options of every arm but for its address and its files.
    fn options(&self) -> anyhow::Result<Options> {
        let pose = self.pose.clone().unwrap_or(Q_READY.to_vec());
        let defaults = Options::default();
        Ok(Options {
            pace: self.pace.into(),
            q_start_rad: std::array::from_fn(|i| pose[i]),
            hand: !self.no_hand && self.tool != "none",
            tool: read_tool(&self.tool)?,
            hand_homed: !self.hand_not_homed,
            object_width_m: self.object_width_m,
            payload_kg: self.payload_kg,
            floor_z_m: self.floor_z_m.unwrap_or(defaults.floor_z_m),
            model_error: self.model_error,
            arm_error: self.arm_error.as_deref().map(read).transpose()?.unwrap_or_default(),
            choices: self.choices.as_deref().map(read).transpose()?.unwrap_or_default(),
            seed: self.seed,
            q_noise_rad: self.q_noise_rad,
            tau_noise_nm: self.tau_noise_nm,
            command_loss: self.command_loss,
            faults: self
                .fault
                .iter()
                .filter_map(|fault| match fault {
                    FaultArg::Help => None,
                    FaultArg::Given(fault) => Some(*fault),
                })
                .collect(),
            recovery_delay_s: self.recovery_delay_s,
            protocol_version: self.protocol_version,
            ..defaults
        })
    }
}
