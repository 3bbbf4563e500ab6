//! The door through which runs, documents and reports write.
//!
//! A file is whole or not there, a refusal names the file, and a test can say how much room a disk has. Temporary folders whose
//! owner was killed are cleared by the next one. Knows nothing of what is written.

mod temporary;

pub use temporary::{Temporary, clear_left};

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What the names of unfinished files end in.
const PART: &str = ".tmp";

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

/// Writes a whole file at once: whoever looks, also after the program was killed, finds the old file or the new one.
///
/// # Errors
/// A disk that refuses, or a file that may not be written; then the old file is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put_at_once(path, bytes, false)
}

/// As [`replace`], and what was written outlives the machine's failure too. Slower: for what a person made.
///
/// # Errors
/// As [`replace`].
pub fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put_at_once(path, bytes, true)
}

fn put_at_once(path: &Path, bytes: &[u8], is_lasting: bool) -> io::Result<()> {
    // Through a link, the file that it leads to is replaced, not the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_not_there_yet| path.to_owned());
    let old = fs::metadata(&target).ok();
    if let Some(old) = &old {
        if old.permissions().readonly() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the file is read-only",
            ));
        }
        // What stands for a device or a pipe cannot be exchanged.
        if !old.is_file() && !old.is_dir() {
            return write_all(
                &mut File::options().write(true).open(&target)?,
                &target,
                bytes,
            );
        }
    }
    let (mut file, part) = beside(&target)?;
    let written = || -> io::Result<()> {
        write_all(&mut file, &part, bytes)?;
        if is_lasting {
            file.sync_all()?;
        }
        if let Some(old) = old {
            fs::set_permissions(&part, old.permissions())?;
        }
        drop(file);
        fs::rename(&part, &target)
    };
    written().inspect_err(|_| {
        // What is left over is of no use; the first error is the one to tell.
        let _removed = fs::remove_file(&part);
    })
}

/// A new file in the folder of `target`, so that the rename stays within one file system. Its name is taken for no data.
fn beside(target: &Path) -> io::Result<(File, PathBuf)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        name.push(format!(".{}-{number}{PART}", std::process::id()));
        let part = target.with_file_name(name);
        match File::options().write(true).create_new(true).open(&part) {
            // Somebody who was killed had this number.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|file| (file, part)),
        }
    }
}

/// True for the name of a file that was being written when its writer was killed.
pub(crate) fn is_part(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') && name.ends_with(PART)
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

/// Copies a file so that the copy is whole or not there; an old one of that name is replaced.
///
/// # Errors
/// A file that cannot be read, or a disk that refuses; then an old copy is as it was.
pub fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    let (_empty, part) = beside(to)?;
    copy(from, &part)
        .and_then(|_| fs::rename(&part, to))
        .inspect_err(|_| {
            let _removed = fs::remove_file(&part);
        })
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

#[cfg(test)]
mod tests;
