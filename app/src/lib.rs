//! The `weir` program: the designer (a window over the engine) and the command line over the same engine.

mod cli;
pub mod designer;
mod failure;
mod open;
mod service_bench;
mod templates;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program with these arguments, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    cli::main(args)
}
