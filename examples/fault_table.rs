//! What a libfranka-rs client sees of every fault, what `franka-imit run` does on the same one, and what the simulator
//! counts: the text of `docs/faults.md`.
//!
//! ```text
//! cargo run --release --example fault_table > docs/faults.md
//! ```
//!
//! For each fault a simulated robot in this process and a client in a process of its own (this program again), which
//! connects, moves joint 1 by 0.02 rad in 1 s of its time and back. A client that hangs is ended and said to hang, one that
//! panics ends alone. After each, a second client must find a robot that serves it.
use std::io::Read;
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use franka::exception::FrankaResult;
use franka::{ControllerMode, JointPositions, MotionFinished, RealtimeConfig, Robot, RobotState};
use franka_imit::robot::{ERROR_NAMES, realtime};
use franka_imit::sim::{Fault, Options, Pace, Sim, Status, faults};

/// Faults in a robot's own time, where a delay is a delay.
const REAL_TIME: [&str; 7] = [
    "delay:state:ms=0.3:p=10%",
    "delay:state:ms=0.6:p=10%",
    "delay:state:ms=2:p=10%",
    "delay:command:ms=0.3:p=10%",
    "delay:command:ms=2:p=10%",
    "jitter:state:ms=0.5",
    "jitter:command:ms=1.5:p=20%",
];
/// Faults in lockstep, where nothing else is ever lost; one for each error of the robot follows.
const LOCKSTEP: [&str; 32] = [
    "drop:state:p=5%",
    "drop:command:p=5%",
    "burst:state:n=15@motion+0.5s",
    "burst:command:n=15@motion+0.5s",
    "burst:command:n=20@motion+0.5s",
    "delay:state:ms=2:p=2%",
    "delay:command:ms=2:p=5%",
    "jitter:state:ms=2:p=5%",
    "reorder:state:p=5%",
    "reorder:command:p=5%",
    "duplicate:state:p=5%",
    "duplicate:command:p=5%",
    "corrupt:state:offset=1240:bytes=8@motion+0.5s",
    "corrupt:state:offset=2364@motion+0.5s",
    "corrupt:command:offset=312@motion+0.5s",
    "corrupt:reply:offset=12@motion+0s",
    "wrong-length:state:length=100@motion+0.5s",
    "wrong-length:state:length=3000@motion+0.5s",
    "wrong-length:command@motion+0.5s",
    "wrong-length:reply@motion+0s",
    "drop:reply@motion+0s",
    "delay:reply:ms=500",
    "duplicate:reply",
    "huge-message-id@motion+0.5s",
    "mute-udp@motion+0.5s:for=1.3s",
    "mute-udp@motion+0.5s",
    "mute-all@motion+0.5s",
    "tcp-reset@motion+0.5s",
    "tcp-close@motion+0.5s",
    "wrong-version",
    "model-too-large:size=2MB",
    "user-stop@motion+0.5s:for=1s",
];

/// A client that has not ended by then hangs: it moves for 2 s, and waits 1 s for a state at most.
const PATIENCE: Duration = Duration::from_secs(6);
/// Motions of the next client, which a busy machine may disturb in real time.
const TRIES: u32 = 3;
/// What a client says that nothing has happened to.
const DONE: &str = "motion done; motion back done";
/// Where the driver keeps a model library, and takes it from when there is one.
const DRIVERS_MODEL: &str = "/tmp/model.so";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["client", address, what] => client(address, what),
        ["run", ..] => franka_imit::cli::main(),
        [] => table(),
        [..] => {
            eprintln!("usage: fault_table > docs/faults.md");
            ExitCode::from(2)
        }
    }
}

/// The client's side: one line for each thing it does.
fn client(address: &str, what: &str) -> ExitCode {
    let mut robot = match Robot::new(address, RealtimeConfig::Ignore, 1) {
        Ok(robot) => robot,
        Err(error) => {
            println!("cannot connect: {error}");
            return ExitCode::SUCCESS;
        }
    };
    if what == "recover"
        && let Err(error) = robot.automatic_error_recovery()
    {
        println!("recovery: {error}");
    }
    if what == "model" {
        match robot.load_model(true) {
            Ok(_) => println!("model loaded"),
            Err(error) => println!("model: {error}"),
        }
    }
    for (name, amplitude) in [("motion", 0.02), ("motion back", -0.02)] {
        match swing(&mut robot, amplitude) {
            Ok(()) => println!("{name} done"),
            Err(error) => {
                println!("{name}: {error}");
                return ExitCode::SUCCESS;
            }
        }
    }
    ExitCode::SUCCESS
}

fn swing(robot: &mut Robot, amplitude: f64) -> FrankaResult<()> {
    let (mut start, mut time) = (None, 0.0);
    robot.control_joint_positions(
        |state: &RobotState, step: &Duration| {
            time += step.as_secs_f64();
            let mut q: [f64; 7] = *start.get_or_insert(state.q_d);
            let s = f64::min(time, 1.0);
            q[0] += amplitude * s.powi(4) * (35.0 - 84.0 * s + 70.0 * s * s - 20.0 * s.powi(3));
            let command = JointPositions::new(q);
            if time >= 1.0 { command.motion_finished() } else { command }
        },
        ControllerMode::JointImpedance,
        false,
        1000.0,
    )
}

/// Runs a client against `address` for at most [`PATIENCE`]; what it saw.
fn watch(address: IpAddr, what: &str) -> std::io::Result<String> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["client", &address.to_string(), what])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let (mut said, mut cried) = (String::new(), String::new());
    child.stdout.take().map(|mut out| out.read_to_string(&mut said)).transpose()?;
    child.stderr.take().map(|mut err| err.read_to_string(&mut cried)).transpose()?;
    let mut saw: Vec<String> = said.lines().map(str::to_owned).collect();
    match status {
        None => saw.push("**hangs**".to_owned()),
        Some(status) if !status.success() => {
            let panic = cried.lines().skip_while(|line| !line.contains("panicked at")).nth(1);
            saw.push(format!("**panics**: {}", panic.unwrap_or("no words")));
        }
        Some(_) => {}
    }
    Ok(saw.join("; "))
}

/// What our own program does on the same fault: `run` by a policy that is trained already, on the robot at `address`.
fn drive(address: IpAddr, folder: &Path) -> anyhow::Result<String> {
    let report = folder.join("report.json");
    let _ = std::fs::remove_file(&report); // of the row before
    let started = Instant::now();
    let mut child = Command::new(std::env::current_exe()?)
        .args(["run", "--robot-ip", &address.to_string(), "--yes", "--speed", "1", "--duration-s", "0.5"])
        .args(["--policy", "policy.safetensors", "--report", "report.json", "--black-box", "."])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > 2 * PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok("**hangs**".to_string());
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let mut cried = String::new();
    child.stderr.take().map(|mut err| err.read_to_string(&mut cried)).transpose()?;
    let report: serde_json::Value =
        std::fs::read(&report).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let (cycles, missed) = (&report["cycles"], &report["missed_commands"]);
    Ok(match (status.code(), &report["black_box"]) {
        (Some(0), _) => format!("done: {cycles} cycles, {missed} missed"),
        (Some(code), found) => {
            let words = cried.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or("no words");
            // What to do about it is for the operator.
            let words = words.split(". ").next().unwrap_or(words);
            let ms = |key: &str| found[key].as_f64().map_or(String::new(), |ms| format!("{ms:.0}"));
            let when = match found {
                serde_json::Value::Null => "before it moved".to_string(),
                _ => {
                    format!("named after {} ms, left after {} ms", ms("named_after_ms"), ms("back_after_ms"))
                }
            };
            format!("exit {code}, {when}: {words}")
        }
        (None, _) => "**ended by a signal**".to_string(),
    })
}

/// What the simulator counted beside its faults, where it is not zero.
fn counts(status: &Status) -> String {
    let mut all: Vec<String> = status.injected.all().map(|(name, count)| format!("{name} {count}")).collect();
    for (name, count) in [
        ("commands missed", status.commands_missed),
        ("late", status.commands_late),
        ("twice", status.commands_duplicate),
        ("unasked", status.commands_unasked),
        ("malformed", status.commands_malformed),
        ("states overtaken", status.states_overtaken),
    ] {
        if count > 0 {
            all.push(format!("{name} {count}"));
        }
    }
    all.join(", ")
}

/// Waits until the robot listens again.
fn wait_for_port(sim: &Sim) {
    let start = Instant::now();
    while TcpStream::connect(sim.address()).is_err() && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// One line of the table; false when the simulator did not serve the next client.
fn row(number: u8, spec: &str, pace: Pace, folder: &Path) -> anyhow::Result<bool> {
    let fault: Fault = spec.parse()?;
    let options = Options {
        bind: IpAddr::from([127, 0, 41, number]),
        pace,
        lockstep_timeout_s: 0.1, // longer than a busy machine keeps a client waiting
        recovery_delay_s: 0.05,
        faults: vec![fault],
        ..Options::default()
    };
    let first = || {
        realtime::fifo(81); // where it is refused the table has a few missed commands more
    };
    let ours = {
        let bind = IpAddr::from([127, 0, 42, number]);
        let sim = Sim::start_with(Options { bind, ..options.clone() }, first)?;
        drive(sim.ip(), folder)?.replace('|', "/")
    };
    let sim = Sim::start_with(options, first)?;
    let saw = watch(sim.ip(), if spec.starts_with("model") { "model" } else { "move" })?;
    let counted = counts(&sim.status());
    sim.clear_faults();
    let mut next = String::new();
    for _ in 0..TRIES {
        wait_for_port(&sim);
        next = watch(sim.ip(), "recover")?;
        if next == DONE {
            break;
        }
    }
    let served = sim.is_alive() && next == DONE;
    let saw = saw.replace("libfranka-rs: ", "").replace('|', "/");
    let next = if served { "served" } else { next.as_str() };
    let pace = if pace == Pace::Realtime { "real time" } else { "lockstep" };
    println!("| `{spec}` | {pace} | {saw} | {ours} | {counted} | {next} |");
    Ok(served)
}

/// A folder with a policy for the circle.
fn policy() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let trained = Command::new(std::env::current_exe()?)
        .args([
            "run",
            "--sim",
            "--pace",
            "lockstep",
            "--duration-s",
            "0.5",
            "--save-policy",
            "policy.safetensors",
        ])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .status()?;
    anyhow::ensure!(trained.success(), "training ended with {trained}");
    Ok(folder)
}

fn table() -> ExitCode {
    let folder = match policy() {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("no policy to drive with: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!(
        "# Faults, and what a client sees of them\n\n\
         Made by `cargo run --release --example fault_table > docs/faults.md`: for each line a simulated robot, and\n\
         libfranka-rs 0.9.0 in a process of its own, which connects, moves joint 1 by 0.02 rad in 1 s of its time and\n\
         back. A client that had not ended after {} s **hangs**; its words are the driver's. Beside it `franka-imit run`,\n\
         which goes through the same driver, on its own robot with the same fault: its exit code (3: the robot stopped, 4:\n\
         our safety layer, 5: the robot was lost), the time from its last answer until the fault was seen and until the\n\
         operator had the program back, and its words. In real time a busy machine adds missed commands of its own; in\n\
         lockstep (0.1 s for a command) every count is the fault's.\n\
         `franka-imit sim --fault SPEC` injects one, as does the order `fault SPEC` to a running simulator, the list\n\
         `faults` in the configuration's `[sim]`, and `Options::faults` or `Sim::inject` of `franka_imit::sim`.\n",
        PATIENCE.as_secs()
    );
    println!("```text\n{}\n```\n", faults::help());
    println!(
        "| fault | pace | libfranka-rs alone | `franka-imit run` | the simulator counted | the next client |\n|---|---|---|---|---|---|"
    );
    let kept = Path::new(DRIVERS_MODEL).with_extension("so.kept");
    let moved = std::fs::rename(DRIVERS_MODEL, &kept).is_ok();
    let real_time = REAL_TIME.map(|spec| (spec.to_owned(), Pace::Realtime));
    let lockstep = LOCKSTEP.map(|spec| (spec.to_owned(), Pace::Lockstep));
    let reflexes = ERROR_NAMES.map(|name| (format!("reflex={name}@motion+0.3s"), Pace::Lockstep));
    let mut served = true;
    for (i, (spec, pace)) in real_time.into_iter().chain(lockstep).chain(reflexes).enumerate() {
        match row(1 + i as u8, &spec, pace, folder.path()) {
            Ok(this) => served &= this,
            Err(error) => {
                eprintln!("{spec}: {error}");
                served = false;
            }
        }
    }
    let _ = std::fs::remove_file(DRIVERS_MODEL); // there is none when the driver did not get one
    if moved && let Err(error) = std::fs::rename(&kept, DRIVERS_MODEL) {
        eprintln!("{} could not be put back: {error}", kept.display());
    }
    if served { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
