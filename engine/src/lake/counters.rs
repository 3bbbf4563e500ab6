//! What the scans of one query read, counted as they read it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::notes::Reads;
use super::query::Stored;
use super::store::ObjectMeta;

/// What the scans of one query read.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) bytes: AtomicU64,
    pub(super) files: AtomicU64,
    /// Rows of files of rows; Parquet's are in its plan's metrics.
    pub(super) rows: AtomicU64,
    pub(super) partitions_total: AtomicU64,
    pub(super) partitions_read: AtomicU64,
    /// What the tables hold, as they are planned.
    stored: Mutex<Stored>,
    /// A table of rows is among those that are read.
    pub(super) text: AtomicBool,
    /// What was read of each object.
    reads: Mutex<Reads>,
}

impl Counters {
    /// Counts bytes that were read of an object.
    pub(super) fn read(&self, meta: &ObjectMeta, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (meta.bucket.clone(), meta.key.clone());
        reads.entry(place).or_default().bytes += bytes;
    }
    /// Counts an object that is opened.
    pub(super) fn open(&self, meta: &ObjectMeta) {
        self.files.fetch_add(1, Ordering::Relaxed);
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (meta.bucket.clone(), meta.key.clone());
        reads.entry(place).or_default().opens += 1;
    }
    /// What the tables hold that were planned so far.
    pub(super) fn stored(&self) -> Stored {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// A table was planned that holds this.
    pub(super) fn holds(&self, all: Stored) {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.bytes += all.bytes;
        stored.left += all.left;
        stored.partitions += all.partitions;
    }
    /// What was read of each object.
    pub(super) fn reads(&self) -> Reads {
        self.reads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
