//! The report file of a command: stable keys with units in their names, and a schema number.
use crate::atomic_file;
use serde::Serialize;
use std::path::Path;

/// Raised when a key changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The job is done.
    Done,
    /// A person asked it to stop.
    Stopped,
    /// Something failed; the faults say what.
    Failed,
}

/// A command's report: what every command says, then the command's own keys.
#[derive(Clone, Debug, Serialize)]
pub struct Report<T> {
    /// Version of these keys.
    pub schema: u32,
    /// The subcommand.
    pub command: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// How it ended.
    pub ending: Ending,
    /// Faults by name, in order.
    pub faults: Vec<String>,
    /// The command's own figures.
    #[serde(flatten)]
    pub figures: T,
}

impl<T: Serialize> Report<T> {
    /// A report of `command`.
    pub fn new(command: &'static str, ending: Ending, faults: Vec<String>, figures: T) -> Report<T> {
        Report { schema: SCHEMA, command, version: env!("CARGO_PKG_VERSION"), ending, faults, figures }
    }

    /// Writes the report as JSON; a reader sees the old file or the whole new one.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        atomic_file::write(path, text.as_bytes())
    }
}
