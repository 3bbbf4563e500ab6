//! The folder of a run: made when everything else was found right, taken back when the run cannot begin after all.

use std::fs;
use std::path::{Path, PathBuf};

use super::SessionError;
use crate::disk::{self, Temporary};

/// Where streams spill while they run; removed at the end.
const SPILL: &str = ".spill";

/// A run folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Removes a temporary folder when it is dropped.
    temporary: Option<Temporary>,
    /// Folders that were made for it, the outermost first.
    made: Vec<PathBuf>,
}

/// Refuses a place where no run can be written. Writes nothing.
pub(super) fn check(out: Option<&Path>) -> Result<(), SessionError> {
    let Some(out) = out else {
        return Ok(());
    };
    let shown = out.display();
    if out.as_os_str().is_empty() {
        return Err(SessionError::Folder(
            "the name of the run folder is empty: name a new folder".to_owned(),
        ));
    }
    match fs::read_dir(out) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(SessionError::Folder(format!(
                "the folder `{shown}` is not empty: name a new or empty folder for the run, or remove this one"
            ))),
        },
        Err(_) if out.symlink_metadata().is_ok() => Err(SessionError::Folder(format!(
            "`{shown}` is there and is no folder that can be read: name a new or empty folder for the run"
        ))),
        Err(_) => Ok(()),
    }
}

impl Folder {
    /// Makes the folder, or a temporary one.
    pub(super) fn create(out: Option<&Path>) -> Result<Self, SessionError> {
        check(out)?;
        let Some(out) = out else {
            let temporary = Temporary::new("run").map_err(|e| {
                SessionError::Folder(format!(
                    "no temporary folder can be made ({e}): name a folder with `--out`"
                ))
            })?;
            return Ok(Self {
                path: temporary.path().to_owned(),
                temporary: Some(temporary),
                made: Vec::new(),
            });
        };
        let missing: Vec<PathBuf> = out
            .ancestors()
            .take_while(|p| !p.as_os_str().is_empty() && !p.exists())
            .map(Path::to_owned)
            .collect();
        let folder = Self {
            path: out.to_owned(),
            temporary: None,
            made: missing.into_iter().rev().collect(),
        };
        match fs::create_dir_all(out) {
            Ok(()) => Ok(folder),
            Err(e) => {
                folder.undo();
                Err(SessionError::Folder(format!(
                    "the folder `{}` cannot be made ({e}): name another one",
                    out.display()
                )))
            }
        }
    }
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
    /// Where streams spill.
    pub(super) fn spill(&self) -> PathBuf {
        self.path.join(SPILL)
    }
    /// Takes everything back.
    pub(super) fn undo(self) {
        // The refusal that led here is what people are told; what cannot be removed stays.
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            let _leftover = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
        }
        for made in self.made.iter().rev() {
            let _leftover = fs::remove_dir(made);
        }
    }
    /// Writes a file of the run.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), SessionError> {
        let path = self.path.join(name);
        disk::replace(&path, bytes).map_err(|e| {
            SessionError::Folder(format!(
                "`{}` cannot be written ({e}): check that the disk has room",
                path.display()
            ))
        })
    }
    /// The run is over: what it spilled goes, and the folder belongs to whoever asked for it.
    pub(super) fn close(self, keep: bool) -> (PathBuf, Option<Temporary>) {
        let _nothing_spilled = fs::remove_dir_all(self.spill());
        match self.temporary {
            Some(temporary) if keep => (temporary.keep(), None),
            Some(temporary) => (self.path, Some(temporary)),
            None => (self.path, None),
        }
    }
}
