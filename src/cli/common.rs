//! What subcommands share: configuration, trajectory, progress, report.
use super::exit::usage;
use crate::config::Config;
use crate::sim;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Options of every subcommand that works for a while.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Common {
    /// Configuration file or preset (default, original, sim, safety); may be given several times, later wins.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Vec<String>,
    /// Write a report (JSON, keys with units in their names).
    #[arg(long, value_name = "FILE.json")]
    pub(super) report: Option<PathBuf>,
}

impl Common {
    /// The configuration; every mistake in it at once.
    pub(super) fn load(&self) -> anyhow::Result<Config> {
        check_writable("--report", self.report.as_deref())?;
        Ok(Config::load(&self.config)?)
    }

    /// Writes the report, if one is wanted.
    pub(super) fn write<T: Serialize>(&self, report: &crate::telemetry::Report<T>) -> anyhow::Result<()> {
        if let Some(path) = &self.report {
            report
                .write(path)
                .map_err(|e| anyhow::anyhow!("the report {} cannot be written: {e}", path.display()))?;
            say!("report   {}", path.display());
        }
        Ok(())
    }
}

/// How a simulated robot keeps time, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Pace {
    /// 1 kHz by the clock, as a robot.
    Realtime,
    /// As fast as both sides answer; repeats bit for bit.
    Lockstep,
}

impl From<Pace> for sim::Pace {
    fn from(pace: Pace) -> sim::Pace {
        match pace {
            Pace::Realtime => sim::Pace::Realtime,
            Pace::Lockstep => sim::Pace::Lockstep,
        }
    }
}

impl Pace {
    /// Whether the robot waits for us.
    pub(super) fn is_lockstep(self) -> bool {
        self == Pace::Lockstep
    }

    /// Where both sides wait for each other a busy machine may hold everybody up: only a long silence means that the robot
    /// is gone.
    ///
    /// # Errors
    /// What to say of a robot that is not simulated: it waits for nobody.
    pub(super) fn suit(self, config: &mut Config, is_simulated: bool) -> Result<(), String> {
        const SILENCE_S: f64 = 5.0;
        if self.is_lockstep() {
            config.robot.silence_timeout_s = SILENCE_S;
            if !is_simulated {
                return Err("--pace lockstep: only a simulated robot waits for its commands".to_owned());
            }
        }
        Ok(())
    }
}

/// Refuses a file that could not be written, before any work is done for it.
pub(super) fn check_writable(option: &str, file: Option<&Path>) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if file.is_dir() || !folder.is_dir() {
        return Err(usage(format!("{option} {}: allowed: a file in a folder that exists", file.display())));
    }
    Ok(())
}

/// A flag that SIGINT, SIGTERM and SIGHUP set; a signal that finds it set ends the process at once.
///
/// It is set to begin with: clear it when there is something to bring to rest.
pub(super) fn stop_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(true));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&flag))?;
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}

/// A bar on a terminal, nothing elsewhere.
pub(super) fn bar(length: u64, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}

/// The most memory that this process ever had at once; none where the system does not say.
pub(super) fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
