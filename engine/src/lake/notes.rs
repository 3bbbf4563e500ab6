//! What readers and owners of a bucket tell each other: bytes that were read of each object, objects that lie in an archive.

use std::collections::{BTreeMap, BTreeSet};

use super::store::Lake;

/// Bytes by bucket and key.
pub(super) type Reads = BTreeMap<(String, String), u64>;

/// Notes beside the index.
#[derive(Debug, Default)]
pub(super) struct Notes {
    reads: BTreeMap<String, BTreeMap<String, u64>>,
    archived: BTreeMap<String, BTreeSet<String>>,
}

impl Lake {
    /// Notes that bytes of objects were read, for the owners of their buckets.
    pub fn note_reads(&self, reads: &BTreeMap<(String, String), u64>) {
        let mut index = self.index_mut();
        for ((bucket, key), bytes) in reads {
            let all = index.notes.reads.entry(bucket.clone()).or_default();
            *all.entry(key.clone()).or_default() += bytes;
        }
    }
    /// What was read of a bucket since the last time this was asked: bytes by key.
    #[must_use]
    pub fn take_reads(&self, bucket: &str) -> BTreeMap<String, u64> {
        if !self.index().notes.reads.contains_key(bucket) {
            return BTreeMap::new();
        }
        self.index_mut()
            .notes
            .reads
            .remove(bucket)
            .unwrap_or_default()
    }
    /// Says whether an object lies in an archive, where queries do not see it.
    pub fn set_archived(&self, bucket: &str, key: &str, archived: bool) {
        let known = self.is_archived(bucket, key);
        if known == archived {
            return;
        }
        let mut index = self.index_mut();
        let all = index.notes.archived.entry(bucket.to_owned()).or_default();
        if archived {
            all.insert(key.to_owned());
        } else {
            all.remove(key);
        }
    }
    /// True for an object that lies in an archive.
    #[must_use]
    pub fn is_archived(&self, bucket: &str, key: &str) -> bool {
        let index = self.index();
        index
            .notes
            .archived
            .get(bucket)
            .is_some_and(|all| all.contains(key))
    }
}
