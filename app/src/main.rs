//! The `weir` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    weir_app::main(std::env::args_os())
}
