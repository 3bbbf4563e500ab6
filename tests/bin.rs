//! The `weir` program, for the tests that drive it.

use std::process::ExitCode;

fn main() -> ExitCode {
    weir_app::main(std::env::args_os())
}
