//! What readers and owners of a bucket tell each other: bytes that were read of each object, requests that were made of each
//! prefix and how fast they may come, the classes that objects lie in and copies of archived ones that were restored.

use std::collections::{BTreeMap, BTreeSet};

use super::store::Lake;
use crate::units::{SimDuration, SimTime};

/// Prefixes whose requests are remembered; those that are done are forgotten beyond.
const PREFIXES: usize = 1024;

/// What a reader read of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectRead {
    /// Times that it was opened.
    pub opens: u64,
    /// Bytes that were read, footers of Parquet files not counted.
    pub bytes: u64,
}

/// By bucket and key.
pub type Reads = BTreeMap<(String, String), ObjectRead>;

/// How reading an object is billed: its storage class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ReadClass {
    /// S3 Standard.
    #[default]
    Standard,
    /// S3 Standard-Infrequent Access.
    StandardIa,
    /// S3 One Zone-Infrequent Access.
    OnezoneIa,
    /// S3 Glacier Instant Retrieval.
    GlacierInstant,
    /// S3 Intelligent-Tiering.
    IntelligentTiering,
    /// An archive, which is not read but for restored copies.
    Archive,
}

/// The classes of a bucket's objects.
#[derive(Debug, Default)]
struct Classes {
    /// Of what is put there.
    usual: ReadClass,
    /// Of objects that lie in another.
    others: BTreeMap<String, ReadClass>,
}

/// Notes beside the index.
#[derive(Debug, Default)]
pub(super) struct Notes {
    reads: BTreeMap<String, BTreeMap<String, u64>>,
    classes: BTreeMap<String, Classes>,
    restored: BTreeMap<String, BTreeSet<String>>,
    /// By bucket and prefix: when all requests so far are answered.
    answered: BTreeMap<(String, String), SimTime>,
    /// By bucket: GET requests, and those that were refused once, since its owner asked.
    gets: BTreeMap<String, Gets>,
}

/// GET requests of a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gets {
    /// Requests that were answered in the end.
    pub requests: u64,
    /// Those that were refused with `SlowDown` before.
    pub slowed: u64,
}

/// The prefix of a key: all up to its last `/`.
#[must_use]
pub fn prefix_of(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(prefix, _)| prefix)
}

/// Whether an object can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archive {
    /// In no archive.
    No,
    /// In an archive, and not restored.
    Archived,
    /// In an archive, with a restored copy.
    Restored,
}

impl Lake {
    /// Notes that bytes of an object were read, for the owner of its bucket.
    pub fn note_read(&self, bucket: &str, key: &str, bytes: u64) {
        let mut index = self.index_mut();
        let all = index.notes.reads.entry(bucket.to_owned()).or_default();
        *all.entry(key.to_owned()).or_default() += bytes;
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
    /// A reader that takes `own` for its work makes these GET requests, by prefix, of which each prefix answers `per_second`.
    /// What comes faster is refused with `SlowDown` and tried again, after what others asked before: how much longer the
    /// reader takes.
    #[must_use]
    pub fn get_requests(
        &self,
        bucket: &str,
        gets: &BTreeMap<String, u64>,
        (now, own): (SimTime, SimDuration),
        per_second: u64,
    ) -> SimDuration {
        let mut index = self.index_mut();
        let notes = &mut index.notes;
        if notes.answered.len() >= PREFIXES {
            notes.answered.retain(|_, at| *at > now);
        }
        // A second's worth may come at once.
        let due = now + own + SimDuration::secs(1);
        let mut late = SimDuration::ZERO;
        let mut all = Gets::default();
        for (prefix, requests) in gets {
            let place = (bucket.to_owned(), prefix.clone());
            let answered = notes.answered.entry(place).or_insert(now);
            let nanos = u128::from(*requests) * 1_000_000_000 / u128::from(per_second.max(1));
            let takes = SimDuration(u64::try_from(nanos).unwrap_or(u64::MAX));
            *answered = (*answered).max(now) + takes;
            let over = answered.since(due);
            let slowed = u128::from(over.0) * u128::from(per_second) / 1_000_000_000;
            all.slowed += u64::try_from(slowed).unwrap_or(u64::MAX).min(*requests);
            all.requests += requests;
            late = late.max(over);
        }
        let sum = notes.gets.entry(bucket.to_owned()).or_default();
        sum.requests += all.requests;
        sum.slowed += all.slowed;
        late
    }
    /// GET requests of a bucket since the last time this was asked.
    #[must_use]
    pub fn take_gets(&self, bucket: &str) -> Gets {
        if !self.index().notes.gets.contains_key(bucket) {
            return Gets::default();
        }
        let taken = self.index_mut().notes.gets.remove(bucket);
        taken.unwrap_or_default()
    }
    /// Says whether an archived object has a restored copy.
    pub fn set_restored(&self, bucket: &str, key: &str, restored: bool) {
        let mut index = self.index_mut();
        let all = index.notes.restored.entry(bucket.to_owned()).or_default();
        if restored {
            all.insert(key.to_owned());
        } else {
            all.remove(key);
        }
    }
    /// Whether an object can be read.
    #[must_use]
    pub fn archive_of(&self, bucket: &str, key: &str) -> Archive {
        if !self.is_archived(bucket, key) {
            return Archive::No;
        }
        let index = self.index();
        let restored = index.notes.restored.get(bucket);
        if restored.is_some_and(|all| all.contains(key)) {
            Archive::Restored
        } else {
            Archive::Archived
        }
    }
    /// Says in which class objects lie that are put into a bucket.
    pub fn set_bucket_class(&self, bucket: &str, class: ReadClass) {
        let mut index = self.index_mut();
        let classes = index.notes.classes.entry(bucket.to_owned()).or_default();
        classes.usual = class;
    }
    /// Says in which class an object lies.
    pub fn set_class(&self, bucket: &str, key: &str, class: ReadClass) {
        if self.class_of(bucket, key) == class {
            return;
        }
        let mut index = self.index_mut();
        let classes = index.notes.classes.entry(bucket.to_owned()).or_default();
        if classes.usual == class {
            classes.others.remove(key);
        } else {
            classes.others.insert(key.to_owned(), class);
        }
    }
    /// The class in which an object lies: that of its bucket when nobody said another.
    #[must_use]
    pub fn class_of(&self, bucket: &str, key: &str) -> ReadClass {
        let index = self.index();
        let classes = index.notes.classes.get(bucket);
        classes.map_or_else(ReadClass::default, |c| {
            c.others.get(key).copied().unwrap_or(c.usual)
        })
    }
    /// True for an object that lies in an archive.
    #[must_use]
    pub fn is_archived(&self, bucket: &str, key: &str) -> bool {
        self.class_of(bucket, key) == ReadClass::Archive
    }
}
