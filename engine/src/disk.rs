//! The door through which runs and documents write: a refusal names the file, and a test can say how much room a disk has. Knows
//! nothing of what is written.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A new file that is being written. What goes wrong is told with the file's name and what to do, since those who write through it
/// (encoders, logs) do not know it.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
}

impl NewFile {
    /// Makes the file, or empties it.
    ///
    /// # Errors
    /// A disk that refuses.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::create(path)?,
            path: path.to_owned(),
        })
    }
    fn named(&self, e: &io::Error) -> io::Error {
        let path = self.path.display();
        io::Error::new(
            e.kind(),
            format!("{e}; check that the disk has room: {path}"),
        )
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        allowed(&self.path, bytes)
            .and_then(|bytes| self.file.write(bytes))
            .map_err(|e| self.named(&e))
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|e| self.named(&e))
    }
}

/// Writes a whole file; an old one of that name is replaced.
///
/// # Errors
/// A disk that refuses; then a part of the file may be there.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_all(&mut File::create(path)?, path, bytes)
}

/// Writes bytes to an open file of this path.
///
/// # Errors
/// A disk that refuses; then a part of the bytes may be there.
pub(crate) fn write_all(file: &mut File, path: &Path, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let now = allowed(path, bytes)?;
        file.write_all(now)?;
        bytes = bytes.get(now.len()..).unwrap_or_default();
    }
    Ok(())
}

/// Copies a file.
///
/// # Errors
/// A file that cannot be read, or a disk that refuses; then a part of the copy may be there.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    #[cfg(test)]
    if full::is_limited(to) {
        let bytes = std::fs::read(from)?;
        write(to, &bytes)?;
        return Ok(bytes.len() as u64);
    }
    std::fs::copy(from, to)
}

/// What of these bytes the disk takes now.
#[cfg(not(test))]
const fn allowed<'a>(_: &Path, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
    Ok(bytes)
}

#[cfg(test)]
use full::allowed;

/// Disks with little room, by folder.
#[cfg(test)]
pub(crate) mod full {
    use super::{Path, PathBuf, io};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    static ROOM: Mutex<Vec<(PathBuf, usize)>> = Mutex::new(Vec::new());

    fn room() -> MutexGuard<'static, Vec<(PathBuf, usize)>> {
        ROOM.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on there is room for this many bytes below the folder.
    pub(crate) fn limit(folder: &Path, bytes: usize) {
        room().retain(|(f, _)| f != folder);
        room().push((folder.to_owned(), bytes));
    }

    pub(super) fn is_limited(path: &Path) -> bool {
        room().iter().any(|(folder, _)| path.starts_with(folder))
    }

    /// As a disk does it: a part is written, then nothing more.
    pub(super) fn allowed<'a>(path: &Path, bytes: &'a [u8]) -> io::Result<&'a [u8]> {
        let mut room = room();
        let Some((_, left)) = room.iter_mut().find(|(f, _)| path.starts_with(f)) else {
            return Ok(bytes);
        };
        if *left == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = &bytes[..bytes.len().min(*left)];
        *left -= taken.len();
        Ok(taken)
    }
}
