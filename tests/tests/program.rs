//! Runs the program and looks at what it says.

use std::path::Path;
use std::process::{Command, Stdio};

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program in `dir` with these arguments.
pub(crate) fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir-under-test"));
    command
        .current_dir(dir)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn weir(dir: &Path, arguments: &[&str]) -> Said {
    let output = command(dir, arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

impl Said {
    /// Fails unless the program ended with `code`, and said nothing that only programmers read.
    pub(crate) fn ended(self, code: i32) -> Self {
        let begin: String = self.out.chars().take(400).collect();
        assert_eq!(self.code, code, "{}\n{begin}", self.err);
        for word in ["panicked", "RUST_BACKTRACE", "Error {", "Some(", "Err("] {
            assert!(!self.err.contains(word), "{}", self.err);
        }
        self
    }
}
