//! Why a document cannot be opened or saved: one sentence that names the place, and one that names the mend.

use std::path::PathBuf;

/// Why a document cannot be opened or saved.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The text is not JSON.
    #[error("Line {line}, column {column}: {message}. {mend}")]
    Syntax {
        /// Line of the text, from 1.
        line: usize,
        /// Byte of the line, from 1.
        column: usize,
        /// What is wrong.
        message: String,
        /// What would be right.
        mend: &'static str,
    },
    /// A field is missing, unknown or of the wrong type or form.
    #[error("{}`{path}`: {message}. {mend}", place(*.line, *.column))]
    Field {
        /// Line of the text, from 1; 0 when it is not known.
        line: usize,
        /// Byte of the line, from 1.
        column: usize,
        /// Where in the document, for example `nodes[2].id`.
        path: String,
        /// What is wrong.
        message: String,
        /// What would be right.
        mend: &'static str,
    },
    /// A later version of the program wrote it.
    #[error(
        "The document has version {found} of the format, and this program knows versions up to {known}. Update Weir to open it."
    )]
    Newer {
        /// The document's version.
        found: u64,
        /// The latest version that is known.
        known: u32,
    },
    /// More bytes than a document may have.
    #[error(
        "The document is larger than {} MiB, the most that is opened. Check that it is the right file.",
        .limit / crate::units::MIB
    )]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The file cannot be read or written.
    #[error("{what} `{}` failed: {source}. {mend}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// What could be done.
        mend: &'static str,
        /// Why.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
}

fn place(line: usize, column: usize) -> String {
    if line == 0 {
        String::new()
    } else {
        format!("Line {line}, column {column}, ")
    }
}
