//! Documents in files: reading with a bound, writing so that a crash leaves the old file or the new one, never half.

use super::Document;
use super::error::DocumentError;
use crate::disk;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

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
        // Through a link, the file that it leads to is replaced, not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_not_there_yet| path.to_owned());
        let temporary = beside(&target);
        let write = || -> io::Result<()> {
            let mut file = File::create(&temporary)?;
            disk::write_all(&mut file, &temporary, self.to_json_pretty().as_bytes())?;
            file.sync_all()?;
            if let Ok(old) = fs::metadata(&target) {
                fs::set_permissions(&temporary, old.permissions())?;
            }
            fs::rename(&temporary, &target)
        };
        write().map_err(|source| {
            // What is left over is of no use; the first error is the one to tell.
            let _removed = fs::remove_file(&temporary);
            DocumentError::Io {
                what: "Saving",
                mend: "Check that the folder may be written to and has room.",
                source,
                path: path.to_owned(),
            }
        })
    }
}

/// A name in the same folder, so that the rename stays within one file system.
fn beside(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    target.with_file_name(name)
}
