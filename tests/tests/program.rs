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

/// A source that offers half as much again as its one shard takes, and a delivery: a few seconds to run.
pub(crate) const SMALL: &str = r#"{
  "weir": 1, "name": "small", "run_for": "2m",
  "nodes": [
    { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 1500, "sample_one_in": 50 } },
    { "id": "stream", "kind": "kinesis-data-streams", "at": [1, 0] },
    { "id": "hose", "kind": "firehose", "at": [2, 0], "params": { "buffer_interval_seconds": 60 } },
    { "id": "lake", "kind": "s3", "at": [3, 0] }
  ],
  "wires": [ { "from": "producer.out", "to": "stream.in" }, { "from": "stream.out", "to": "hose.in" },
             { "from": "hose.out", "to": "lake.in" } ]
}"#;
