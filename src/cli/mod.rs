//! One file a subcommand, nothing but glue.
pub mod sim;

use std::process::ExitCode;

pub mod expert;

/// Runs the program; returns its documented exit code.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
