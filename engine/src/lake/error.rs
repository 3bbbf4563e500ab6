//! What can go wrong in the lake: every message says what failed and what to do about it, the place last.

use std::fmt;
use std::io;

use arrow::error::ArrowError;

/// A refusal or failure of the lake's files, catalog or encoders.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The name breaks S3's rules for bucket names.
    #[error("the bucket name `{name}` is not allowed: {why}")]
    BucketName {
        /// The name as given.
        name: String,
        /// Which rule it breaks and what would be right.
        why: &'static str,
    },
    /// The key cannot be a file below the lake.
    #[error("the object key `{key}` is not allowed: {why}")]
    Key {
        /// The key as given, shortened.
        key: String,
        /// Which rule it breaks and what would be right.
        why: &'static str,
    },
    /// No bucket of that name was created.
    #[error("there is no bucket `{0}`; create it before objects go there")]
    NoSuchBucket(String),
    /// `NoSuchKey` in S3's words.
    #[error("there is no object `{key}` in bucket `{bucket}`; list the bucket to see its keys")]
    NoSuchKey {
        /// The bucket that was searched.
        bucket: String,
        /// The key that is not there.
        key: String,
    },
    /// A key is a folder of another one, or differs only by letter case on a file system that ignores case.
    #[error(
        "the key `{key}` collides with a file that is already there; choose another name or prefix"
    )]
    Collision {
        /// The key that cannot be written.
        key: String,
    },
    /// A new lake needs an empty place.
    #[error("the folder for the lake is not empty; choose a new folder: {0}")]
    NotEmpty(String),
    /// A symbolic link was found where a file or folder of the lake should be.
    #[error("a symbolic link is in the lake; links are not followed, remove it: {0}")]
    Link(String),
    /// The machine's file system refused.
    #[error("cannot {what}; check that the disk has room and the folder is writable: {path}")]
    Io {
        /// The attempt, as a verb phrase.
        what: &'static str,
        /// Where.
        path: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A catalog operation on something unknown, or a definition that does not fit.
    #[error("{0}")]
    Catalog(String),
    /// The catalog file does not parse.
    #[error("catalog.json does not read as a catalog ({0}); remove it to start with an empty one")]
    CatalogFile(String),
    /// Rows could not be written in a format.
    #[error("the rows cannot be written as {format}: {why}")]
    Encode {
        /// `Parquet`, `JSON`, `CSV`.
        format: &'static str,
        /// The encoder's reason.
        why: String,
    },
    /// A file's bytes do not read as what they should be.
    #[error("the file does not read as {format} ({why}): {key}")]
    Decode {
        /// What was expected.
        format: &'static str,
        /// The reader's reason.
        why: String,
        /// Which object.
        key: String,
    },
}

impl LakeError {
    /// Wraps an `io::Error` with what was tried and where.
    pub(crate) fn io(what: &'static str, path: impl fmt::Display, source: io::Error) -> Self {
        Self::Io {
            what,
            path: path.to_string(),
            source,
        }
    }
}

/// Why a statement cannot be planned or run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SqlProblem {
    /// One sentence: what is wrong and, where it can be known, what would be right.
    pub message: String,
    /// Line of the statement, from 1, where known.
    pub line: Option<u32>,
    /// Column of the line, from 1, where known.
    pub column: Option<u32>,
}

impl SqlProblem {
    /// A problem without a place.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            line: None,
            column: None,
        }
    }
    /// The same problem at a place of the statement.
    #[must_use]
    pub const fn at(mut self, line: u32, column: u32) -> Self {
        self.line = Some(line);
        self.column = Some(column);
        self
    }
}

impl fmt::Display for SqlProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, " (line {line}, column {column})"),
            _ => Ok(()),
        }
    }
}

impl From<LakeError> for SqlProblem {
    fn from(error: LakeError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<ArrowError> for SqlProblem {
    fn from(error: ArrowError) -> Self {
        Self::new(error.to_string())
    }
}
