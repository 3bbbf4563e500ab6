//! Temporary folders that are not left behind: each has a lock file beside it that its owner holds as long as it lives, so that
//! the next start of the program finds the folders of those who were killed.
//!
//! The lock is made before the folder and removed after it: a folder with a free lock has no owner. What has no lock file of this
//! form is nobody's business here.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempDir};

/// What the names of all folders and their locks begin with.
const PREFIX: &str = "weir-";
/// What the name of a lock ends in; before it stands the folder's name.
const LOCK: &str = ".lock";
/// Letters and digits at random in a name.
const RANDOM: usize = 10;
/// Names that are tried before it is given up.
const TRIES: usize = 20;

/// A temporary folder, removed when it is dropped, or else by the next start of the program.
#[derive(Debug)]
pub struct Temporary {
    // Dropped in this order: as long as there is a folder, there is its lock.
    folder: TempDir,
    /// Absent where the file system has no locks: then nobody else removes the folder.
    lock: Option<NamedTempFile>,
}

impl Temporary {
    /// A folder `weir-PURPOSE-...` in the system's temporary folder.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn new(purpose: &str) -> io::Result<Self> {
        Self::new_in(&std::env::temp_dir(), purpose)
    }

    /// The same in the folder `place`.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn new_in(place: &Path, purpose: &str) -> io::Result<Self> {
        let mut refused = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..TRIES {
            let file = Builder::new()
                .prefix(&format!("{PREFIX}{purpose}-"))
                .suffix(LOCK)
                .rand_bytes(RANDOM)
                .tempfile_in(place)?;
            // Free until now: whoever clears may have taken it for one that was left.
            let lock = match file.as_file().try_lock() {
                Ok(()) if is_there(file.path()) => Some(file),
                Ok(()) => continue,
                Err(fs::TryLockError::WouldBlock) => continue,
                Err(fs::TryLockError::Error(_no_locks_here)) => None,
            };
            let made = match lock.as_ref().and_then(|l| folder_of(l.path())) {
                // Only the one who holds the lock makes a folder of this name.
                Some(folder) => Builder::new()
                    .prefix(folder.file_name().unwrap_or_default())
                    .rand_bytes(0)
                    .tempdir_in(place),
                None => Builder::new()
                    .prefix(&format!("{PREFIX}{purpose}-"))
                    .tempdir_in(place),
            };
            match made {
                Ok(folder) => return Ok(Self { folder, lock }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => refused = e,
                Err(e) => return Err(e),
            }
        }
        Err(refused)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder where it is, for good.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        // The lock first: without it nobody takes the folder for left behind.
        drop(self.lock);
        self.folder.keep()
    }
}

/// The folder to which a lock file belongs, when its name is that of one.
fn folder_of(lock: &Path) -> Option<PathBuf> {
    let name = lock.file_name()?.to_str()?.strip_suffix(LOCK)?;
    let (purpose, random) = name.strip_prefix(PREFIX)?.rsplit_once('-')?;
    let is_purpose = !purpose.is_empty() && purpose.bytes().all(|b| b.is_ascii_lowercase());
    let is_random = random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_purpose && is_random).then(|| lock.with_file_name(name))
}

/// Whether the lock that one holds is still that of its name: whoever held it before may have removed the file.
fn is_there(lock: &Path) -> bool {
    fs::symlink_metadata(lock).is_ok_and(|m| m.is_file())
}

/// Removes the temporary folders in `place` whose owner is dead, one after the other as long as `goes_on` says so.
///
/// At least one goes. Folders in use, links, and everything else stay. Returns how many folders went. What cannot be removed stays for the next
/// time.
pub fn clear_left(place: &Path, mut goes_on: impl FnMut() -> bool) -> usize {
    let mut cleared = 0;
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let lock = entry.path();
        let Some(folder) = folder_of(&lock) else {
            continue;
        };
        if cleared > 0 && !goes_on() {
            break;
        }
        cleared += usize::from(clear_one(&lock, &folder));
    }
    cleared
}

/// Removes a folder and its lock when nobody holds the lock. True when there was such a folder.
fn clear_one(lock: &Path, folder: &Path) -> bool {
    // A pipe of this name would wait for ever when it is opened, and a link may lead anywhere.
    let Some(held) = is_there(lock).then(|| File::open(lock).ok()).flatten() else {
        return false;
    };
    if held.try_lock().is_err() || !is_there(lock) {
        return false;
    }
    let cleared = match fs::symlink_metadata(folder) {
        // `remove_dir_all` follows no link below it either.
        Ok(found) if found.is_dir() => match fs::remove_dir_all(folder) {
            Ok(()) => true,
            // The lock stays with what is left.
            Err(_stays) => return false,
        },
        Ok(_link_or_file) => return false,
        Err(_killed_before_it_was_made) => false,
    };
    let _stays = fs::remove_file(lock);
    drop(held);
    cleared
}

#[cfg(test)]
mod tests;
