//! Bytes beside the lake that are not visible yet: whole at once, or written piece by piece.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::error::LakeError;
use super::store::Lake;
use crate::disk::{self, NewFile};

/// Bytes written beside the lake, not visible yet. Dropping it uncommitted removes them.
#[derive(Debug)]
pub struct Staged {
    size: u64,
    /// Rows in it, where its writer knows better than who commits it.
    rows: Option<u64>,
    path: Option<PathBuf>,
}

impl Staged {
    /// A file that will be written: what is there of it goes with this value, also when the disk refuses.
    const fn at(path: PathBuf) -> Self {
        Self {
            size: 0,
            rows: None,
            path: Some(path),
        }
    }
    /// Bytes that were staged.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
    /// Says how many rows are in it.
    pub(super) const fn with_rows(mut self, rows: u64) -> Self {
        self.rows = Some(rows);
        self
    }
    /// Rows in it, where its writer said.
    #[must_use]
    pub const fn rows(&self) -> Option<u64> {
        self.rows
    }
    /// The file's place.
    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }
    /// The file is somewhere else now.
    pub(super) fn moved(mut self) {
        self.path = None;
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            fs::remove_file(path).ok();
        }
    }
}

/// A file beside the lake that is being written. Dropping it removes what was written.
#[derive(Debug)]
pub struct StagedWriter {
    out: BufWriter<NewFile>,
    staged: Staged,
}

impl StagedWriter {
    /// The written bytes, ready to be committed.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn finish(self) -> Result<Staged, LakeError> {
        let Self { mut out, staged } = self;
        out.flush()
            .map_err(|e| LakeError::io("stage an object", staged.path().display(), e))?;
        Ok(staged)
    }
}

impl Write for StagedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.staged.size += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Lake {
    /// Writes bytes beside the lake, to become an object later. Any thread may call it.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn stage(&self, bytes: &[u8]) -> Result<Staged, LakeError> {
        let mut staged = Staged::at(self.staging_path()?);
        disk::write(staged.path(), bytes)
            .map_err(|e| LakeError::io("stage an object", staged.path().display(), e))?;
        staged.size = bytes.len() as u64;
        Ok(staged)
    }

    /// Copies a file of this machine beside the lake, to become an object later.
    ///
    /// # Errors
    /// A file that cannot be read, a disk that refuses.
    pub fn stage_file(&self, from: &Path) -> Result<Staged, LakeError> {
        let mut staged = Staged::at(self.staging_path()?);
        staged.size = disk::copy(from, staged.path())
            .map_err(|e| LakeError::io("copy a file into the lake", from.display(), e))?;
        Ok(staged)
    }

    /// Opens a file beside the lake that is written piece by piece. Any thread may call it.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn stage_writer(&self) -> Result<StagedWriter, LakeError> {
        let staged = Staged::at(self.staging_path()?);
        let file = NewFile::create(staged.path())
            .map_err(|e| LakeError::io("stage an object", staged.path().display(), e))?;
        Ok(StagedWriter {
            out: BufWriter::with_capacity(64 << 10, file),
            staged,
        })
    }
}
