//! Bytes beside the lake that are not visible yet: whole at once, or written piece by piece.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::error::LakeError;
use super::store::Lake;

/// Bytes written beside the lake, not visible yet. Dropping it uncommitted removes them.
#[derive(Debug)]
pub struct Staged {
    size: u64,
    path: Option<PathBuf>,
}

impl Staged {
    /// Bytes that were staged.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
    /// The file, which is the caller's from now on.
    pub(super) fn into_path(mut self) -> PathBuf {
        self.path.take().unwrap_or_default()
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
    out: BufWriter<File>,
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
            .map_err(|e| LakeError::io("stage an object", "the staging folder", e))?;
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
        let path = self.staging_path()?;
        fs::write(&path, bytes).map_err(|e| LakeError::io("stage an object", path.display(), e))?;
        Ok(Staged {
            size: bytes.len() as u64,
            path: Some(path),
        })
    }

    /// Copies a file of this machine beside the lake, to become an object later.
    ///
    /// # Errors
    /// A file that cannot be read, a disk that refuses.
    pub fn stage_file(&self, from: &Path) -> Result<Staged, LakeError> {
        let path = self.staging_path()?;
        let size = fs::copy(from, &path)
            .map_err(|e| LakeError::io("copy a file into the lake", from.display(), e))?;
        Ok(Staged {
            size,
            path: Some(path),
        })
    }

    /// Opens a file beside the lake that is written piece by piece. Any thread may call it.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn stage_writer(&self) -> Result<StagedWriter, LakeError> {
        let path = self.staging_path()?;
        let file =
            File::create(&path).map_err(|e| LakeError::io("stage an object", path.display(), e))?;
        Ok(StagedWriter {
            out: BufWriter::with_capacity(64 << 10, file),
            staged: Staged {
                size: 0,
                path: Some(path),
            },
        })
    }
}
