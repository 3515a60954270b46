//! Parse, run, exit code: everything else is in the library.
use franka_imit::robot::allocation::Counting;
use std::process::ExitCode;

/// So that a run can say what its control thread has allocated.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    franka_imit::cli::main()
}
