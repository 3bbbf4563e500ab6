//! What a run asks of S3: its GET requests by prefix, and the bytes that cold classes bill.

use std::collections::BTreeMap;

use super::terms::TASK_BYTES;
use crate::lake::{Lake, ObjectMeta, prefix_of};
use crate::units::{SimDuration, SimTime};

/// By bucket.
#[derive(Debug, Default)]
pub(super) struct Reads {
    gets: BTreeMap<String, BTreeMap<String, u64>>,
    bytes: BTreeMap<(String, String), u64>,
}

impl Reads {
    /// Of these files, read `passes` times.
    pub(super) fn of<'a>(files: impl Iterator<Item = &'a ObjectMeta>, passes: u64) -> Self {
        let mut all = Self::default();
        for file in files {
            let gets = all.gets.entry(file.bucket.clone()).or_default();
            let tasks = file.size.div_ceil(TASK_BYTES).max(1);
            *gets.entry(prefix_of(&file.key).to_owned()).or_default() += tasks * passes;
            let place = (file.bucket.clone(), file.key.clone());
            all.bytes.insert(place, file.size * passes);
        }
        all
    }
    /// Makes the requests of a run that takes `own` for its work: how much longer it takes because a prefix answers
    /// `per_second` of them.
    pub(super) fn tell(
        &self,
        lake: &Lake,
        now: SimTime,
        own: SimDuration,
        per_second: u64,
    ) -> SimDuration {
        lake.note_reads(&self.bytes);
        let late = self
            .gets
            .iter()
            .map(|(bucket, gets)| lake.get_requests(bucket, gets, (now, own), per_second));
        late.max().unwrap_or_default()
    }
}
