//! One file a subcommand, nothing but glue.
/// Prints a line; a terminal that has gone must not end a run, so that no one hears it is no error.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

mod arm;
mod bench;
mod common;
mod demos;
mod doctor;
mod eval;
mod exit;
mod expert;
mod fit_sde;
mod home;
mod keys;
mod motion;
mod plot;
mod prepare;
mod recover;
mod replay;
mod run;
mod serve;
mod sim;
mod status;
mod teach;
mod train;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Teach a Franka Emika Panda by example: draw a motion, learn it in seconds, drive the arm at 1 kHz.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, after_help = format!("{EXIT_CODES}\n\nStart here, no robot needed:  franka-imit run --sim"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say more: once for progress in words, twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

const EXIT_CODES: &str = "Exit codes: 0 done · 1 failed · 2 usage, configuration or data · 3 the robot stopped \
the motion · 4 our own safety layer stopped it · 5 the robot or its driver was not reached or was lost";

#[derive(Debug, Subcommand)]
enum Command {
    /// Learn a motion and drive the arm along it, learning on the way.
    #[command(after_help = EXIT_CODES)]
    Run(run::Args),
    /// Train a policy from demonstrations, or from expert data made on the spot.
    #[command(after_help = EXIT_CODES)]
    Train(train::Args),
    /// Make expert data: joint labels for positions, from the inverse-kinematics solver.
    #[command(after_help = EXIT_CODES)]
    Expert(expert::Args),
    /// Judge a policy along a trajectory, without a robot.
    #[command(after_help = EXIT_CODES)]
    Eval(eval::Args),
    /// Teach by hand: guide the arm, and keep what it did as episodes.
    #[command(after_help = EXIT_CODES)]
    Teach(teach::Args),
    /// Play an episode's joints back: what was taught, as it was taught.
    #[command(after_help = EXIT_CODES)]
    Replay(replay::Args),
    /// Draw a report or an episode as SVG or PNG.
    #[command(after_help = EXIT_CODES)]
    Plot(plot::Args),
    /// Look after demonstrations: list, show, remove, trim, repair.
    #[command(after_help = EXIT_CODES)]
    Demos(demos::Args),
    /// Bring the arm to its ready pose.
    #[command(after_help = EXIT_CODES)]
    Home(home::Args),
    /// Clear a robot's errors after it has stopped.
    #[command(after_help = EXIT_CODES)]
    Recover(recover::Args),
    /// Say which robots are held on this machine, and what is done with them.
    #[command(after_help = EXIT_CODES)]
    Status(status::Args),
    /// Measure what this machine does: the network, training, kinematics, a tick, the simulated arm.
    #[command(after_help = EXIT_CODES)]
    Bench(bench::Args),
    /// Simulate a Panda on a socket: libfranka, libfranka-rs and panda-py connect to it.
    #[command(after_help = EXIT_CODES)]
    Sim(sim::Args),
    /// Is this machine fit to drive a robot? What was found, what is wanted, and the command that mends it.
    #[command(after_help = format!("Exit code: 0 when no check fails, 1 when one does; what only could be better, or cannot be read, is no \
                                    failure.\n\n{EXIT_CODES}"))]
    Doctor(doctor::Args),
}

/// Runs the program; returns its documented exit code.
pub fn main() -> ExitCode {
    let started = std::time::Instant::now();
    let cli = Cli::parse();
    let level = match cli.verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level))
        .format_timestamp_millis()
        .format_target(false)
        .init();
    exit::quiet_caught_panics();
    let result = match cli.command {
        Command::Run(args) => run::run(args, started),
        Command::Train(args) => train::run(&args),
        Command::Expert(args) => expert::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Teach(args) => teach::run(&args, started),
        Command::Replay(args) => replay::run(&args, started),
        Command::Plot(args) => plot::run(&args),
        Command::Demos(args) => demos::run(&args),
        Command::Home(args) => home::run(&args, started),
        Command::Recover(args) => recover::run(&args, started),
        Command::Status(args) => status::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Sim(args) => sim::run(args),
        Command::Doctor(args) => doctor::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", exit::words(&error));
            ExitCode::from(exit::code(&error))
        }
    }
}
