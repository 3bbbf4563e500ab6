//! From a document to a finished run in its folder: [`prepare`] checks everything, then makes the folder and starts;
//! [`Prepared::finish`] waits for the end and writes what the run came to.
//!
//! Nothing is written for a document or options that are refused. Every figure except those in fields whose names begin
//! with `host_` is the same for the same document, seed and version.

mod code;
mod finish;
mod folder;
mod options;
mod prepare;
mod recall;
mod verify;

pub use crate::code::Permission;
pub use code::{CodeText, check_code, code_in};
pub use finish::Outcome;
pub use options::{DEFAULT_MEMORY_BYTES, RunOptions, Setting};
pub use prepare::{Prepared, Stopper, prepare};
pub use recall::recall;
pub use verify::{Verified, kit_root, verify};

/// What Athena would charge for a query that a person runs over a lake.
pub use crate::services::athena::{ScanCharge, scan_charge};

use crate::node::Problem;

/// Why a run was refused or could not be finished.
#[derive(Debug, thiserror::Error)]
#[must_use]
pub enum SessionError {
    /// The drawing has errors; warnings come along.
    #[error("{}", join(.0))]
    Document(Vec<Problem>),
    /// The document holds code that the user has not allowed to run.
    #[error("{}", not_allowed(.0))]
    Code(Vec<CodeText>),
    /// An option does not fit the document.
    #[error("{0}")]
    Argument(String),
    /// The run folder cannot be made or written.
    #[error("{0}")]
    Folder(String),
    /// A node cannot be built, or the machine gives no threads.
    #[error("{0}")]
    Engine(String),
}

fn not_allowed(code: &[CodeText]) -> String {
    let places: Vec<String> = code
        .iter()
        .map(|c| format!("`{}.{}`", c.node, c.param))
        .collect();
    format!(
        "{} holds code that would run on this machine: read it, and if you trust it allow it with `--allow-code`; in the window, Run asks",
        places.join(", ")
    )
}

fn join(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[cfg(test)]
mod pipeline_tests;
#[cfg(test)]
mod recomputed_tests;
#[cfg(test)]
mod start_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod verify_tests;
#[cfg(test)]
mod view_tests;
