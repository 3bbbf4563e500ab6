//! What a statement changes: files that become visible and changes of the catalog, decided on a thread, done at one
//! instant of virtual time.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::lake::catalog::Catalog;
use crate::lake::error::LakeError;
use crate::lake::staging::Staged;
use crate::lake::store::Lake;
use crate::units::SimTime;

type Change = Box<dyn FnOnce(&mut Catalog, SimTime) -> Result<(), LakeError> + Send>;

/// A file that waits for its instant.
#[derive(Debug)]
pub(super) struct NewFile {
    pub(super) staged: Staged,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) rows: u64,
}

#[derive(Default)]
struct Parts {
    /// Made if it is not there.
    bucket: Option<String>,
    files: Vec<NewFile>,
    changes: Vec<Change>,
}

/// What a statement changes in the lake when it is over. Nothing is changed unless [`Effect::apply`] is called; files
/// that were prepared for it are removed with it.
pub struct Effect(Mutex<Parts>);

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Effect")
            .field("files", &parts.files)
            .field("changes", &parts.changes.len())
            .finish()
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Files that are new.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows in them.
    pub rows: u64,
}

impl Effect {
    pub(super) fn nothing() -> Self {
        Self(Mutex::new(Parts::default()))
    }
    /// A change of the catalog.
    pub(super) fn change(
        change: impl FnOnce(&mut Catalog, SimTime) -> Result<(), LakeError> + Send + 'static,
    ) -> Self {
        Self::nothing().and(change)
    }
    /// One more change, done after the others; all or none are done.
    pub(super) fn and(
        mut self,
        change: impl FnOnce(&mut Catalog, SimTime) -> Result<(), LakeError> + Send + 'static,
    ) -> Self {
        self.parts().changes.push(Box::new(change));
        self
    }
    pub(super) fn with_files(mut self, bucket: Option<String>, files: Vec<NewFile>) -> Self {
        let parts = self.parts();
        parts.bucket = bucket;
        parts.files = files;
        self
    }
    fn parts(&mut self) -> &mut Parts {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does it, once: files first, then the catalog, so that no definition names files that are not there.
    ///
    /// # Errors
    /// A table that is there already or is gone meanwhile; a disk that refuses.
    pub fn apply(&self, lake: &Lake, at: SimTime) -> Result<Written, LakeError> {
        let parts = {
            let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *parts)
        };
        if let Some(bucket) = parts.bucket {
            lake.create_bucket(&bucket)?;
        }
        let mut written = Written::default();
        for file in parts.files {
            written.files += 1;
            written.bytes += file.staged.size();
            written.rows += file.rows;
            lake.commit(file.staged, &file.bucket, &file.key, at, file.rows)?;
        }
        if !parts.changes.is_empty() {
            lake.change_catalog(|catalog| {
                parts
                    .changes
                    .into_iter()
                    .try_for_each(|change| change(catalog, at))
            })?;
        }
        Ok(written)
    }
}
