//! Documents in files: reading with a bound, writing so that a crash leaves the old file or the new one, never half.

use super::Document;
use super::error::DocumentError;
use crate::disk;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Most bytes of a document.
pub const FILE_BYTES_MAX: u64 = 32 << 20;

impl Document {
    /// Reads the document in the file `path`.
    ///
    /// # Errors
    /// When the file cannot be read, is too large or is not a document.
    pub fn load(path: &Path) -> Result<Self, DocumentError> {
        let mut bytes = Vec::new();
        let read =
            File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
        read.map_err(|source| DocumentError::Io {
            what: "Reading",
            mend: "Check that the file is there and may be read.",
            source,
            path: path.to_owned(),
        })?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(DocumentError::TooLarge {
                limit: FILE_BYTES_MAX,
            });
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to());
            let lines = before.unwrap_or_default().iter().filter(|&&b| b == b'\n');
            DocumentError::Syntax {
                line: lines.count() + 1,
                column: 1,
                message: "the text is not UTF-8".to_owned(),
                mend: "Save it in UTF-8.",
            }
        })?;
        Self::parse(&text)
    }

    /// Writes the document to the file `path`, replacing it at once.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn save(&self, path: &Path) -> Result<(), DocumentError> {
        disk::save(path, self.to_json_pretty().as_bytes()).map_err(|source| DocumentError::Io {
            what: "Saving",
            mend: "Check that the folder may be written to and has room.",
            source,
            path: path.to_owned(),
        })
    }
}
