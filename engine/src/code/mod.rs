//! User code in processes of its own: who may run it, and the Python workers that do.
//!
//! A document may come from anywhere, so its code runs only when the user allowed that very text ([`Permission`], by the
//! SHA-256 of the content), and with no more rights than it needs: an empty folder of its own, no environment, bounded memory
//! and output, and on Linux neither files of the user nor network nor other programs (`guard.py`). Its clock and its random
//! numbers are the run's. Knows nothing of nodes or records.

mod syntax;
mod webhook;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

pub use syntax::{SyntaxProblem, python_syntax};
pub use webhook::{Place, Webhook};
pub use worker::{Answer, Call, Failed, Program, Slot};

/// Names a text of code by its content: the SHA-256, as hexadecimal digits.
#[must_use]
pub fn fingerprint(code: &str) -> String {
    let digest = Sha256::digest(code.as_bytes());
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// Which code may run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Permission {
    /// None.
    #[default]
    Nothing,
    /// Whatever the document holds: the user said so for the whole run.
    Everything,
    /// The texts with these [`fingerprint`]s.
    These(BTreeSet<String>),
}

impl Permission {
    /// True when this text may run.
    #[must_use]
    pub fn covers(&self, code: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::These(known) => known.contains(&fingerprint(code)),
        }
    }
}

/// Where the code of one run is executed.
#[derive(Debug)]
pub struct Host {
    /// What may run.
    pub permission: Permission,
    /// Ends everything that runs.
    cancel: CancellationToken,
    /// Workers have their folders in here.
    folder: PathBuf,
}

impl Host {
    /// A host whose workers live in `folder` until `cancel` ends them.
    #[must_use]
    pub const fn new(permission: Permission, cancel: CancellationToken, folder: PathBuf) -> Self {
        Self {
            permission,
            cancel,
            folder,
        }
    }
    /// Whether this machine can run Python.
    ///
    /// # Errors
    /// One sentence for the user.
    pub fn python_is_there() -> Result<(), String> {
        match interpreter() {
            Some(_) => Ok(()),
            None => Err(
                "`python3` is not on this machine's path: install Python 3.8 or newer to run handlers"
                    .to_owned(),
            ),
        }
    }
}

/// The Python of this machine: the first on the path that is version 3.
fn interpreter() -> Option<&'static str> {
    static FOUND: OnceLock<Option<&'static str>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // On Windows `python3` may be the shop's placeholder, which fails.
        ["python3", "python"].into_iter().find(|name| {
            let mut ask = std::process::Command::new(name);
            ask.args([
                "-I",
                "-c",
                "import sys; sys.exit(sys.version_info < (3, 8))",
            ]);
            ask.stdin(std::process::Stdio::null());
            ask.stdout(std::process::Stdio::null());
            ask.stderr(std::process::Stdio::null());
            ask.status().is_ok_and(|s| s.success())
        })
    })
}
