//! What those who read buckets ask of S3, and pay for it.
//!
//! GET requests at the price of each object's class, waits where a prefix answers no faster, and the bytes that the owner of a cold
//! class bills.

use std::collections::BTreeMap;

use super::Cx;
use crate::books::{UsageSpec, usage};
use crate::lake::{ReadClass, Reads, prefix_of};
use crate::units::SimDuration;

const fn request(key: &'static str) -> UsageSpec {
    usage(key, "request", 1, "")
}

/// LIST requests cost as much as PUT requests.
pub static LIST: UsageSpec = request("s3.put_request");
/// GET requests of objects of Standard, and of restored copies, which lie there.
pub static GET: UsageSpec = request("s3.get_request");
/// GET requests of objects of Standard-Infrequent Access.
pub static GET_STANDARD_IA: UsageSpec = request("s3.get_request_standard_ia");
/// GET requests of objects of One Zone-Infrequent Access.
pub static GET_ONEZONE_IA: UsageSpec = request("s3.get_request_onezone_ia");
/// GET requests of objects of Glacier Instant Retrieval.
pub static GET_GLACIER_INSTANT: UsageSpec = request("s3.get_request_glacier_instant");
/// GET requests of objects of Intelligent-Tiering.
pub static GET_INTELLIGENT: UsageSpec = request("s3.get_request_intelligent_tiering");

/// Meters of a kind that reads buckets: its own, and GET requests of every class.
macro_rules! with_reads {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            &$crate::node::object_reads::GET,
            &$crate::node::object_reads::GET_STANDARD_IA,
            &$crate::node::object_reads::GET_ONEZONE_IA,
            &$crate::node::object_reads::GET_GLACIER_INSTANT,
            &$crate::node::object_reads::GET_INTELLIGENT,
        ]
    };
}
pub(crate) use with_reads;

const fn get(class: ReadClass) -> &'static UsageSpec {
    match class {
        ReadClass::Standard | ReadClass::Archive => &GET,
        ReadClass::StandardIa => &GET_STANDARD_IA,
        ReadClass::OnezoneIa => &GET_ONEZONE_IA,
        ReadClass::GlacierInstant => &GET_GLACIER_INSTANT,
        ReadClass::IntelligentTiering => &GET_INTELLIGENT,
    }
}

/// GET requests and bytes, by bucket and key.
#[derive(Debug, Default)]
pub struct ObjectReads(BTreeMap<(String, String), (u64, u64)>);

impl ObjectReads {
    /// What a statement read: a request for each time that it opened an object, and for each further `range` bytes of it.
    #[must_use]
    pub fn of_ranges(reads: &Reads, range: u64) -> Self {
        let asked = reads.iter().map(|(place, read)| {
            let requests = read.opens + read.bytes / range.max(1);
            (place.clone(), (requests, read.bytes))
        });
        Self(asked.collect())
    }
    /// What was read of whole objects: a request for each time that one was opened.
    #[must_use]
    pub fn of_opens(reads: &Reads) -> Self {
        Self::of_ranges(reads, u64::MAX)
    }
    /// One object, read by so many requests.
    pub fn add(&mut self, bucket: &str, key: &str, requests: u64, bytes: u64) {
        let place = (bucket.to_owned(), key.to_owned());
        let (all, sum) = self.0.entry(place).or_default();
        *all += requests;
        *sum += bytes;
    }
    /// Bills the requests to the reader, and tells the owners of the buckets what bytes were read.
    pub fn bill(&self, cx: &mut Cx<'_>) {
        let lake = cx.world().lake.clone();
        let mut by_class: BTreeMap<ReadClass, u64> = BTreeMap::new();
        for ((bucket, key), (requests, bytes)) in &self.0 {
            *by_class.entry(lake.class_of(bucket, key)).or_default() += requests;
            lake.note_read(bucket, key, *bytes);
        }
        for (class, requests) in by_class {
            cx.meter(get(class), u128::from(requests));
        }
    }
    /// Makes the requests of a reader that takes `own` for its work: how much longer it takes because a prefix answers
    /// `per_second` of them.
    #[must_use]
    pub fn wait(&self, own: SimDuration, per_second: u64, cx: &Cx<'_>) -> SimDuration {
        let mut buckets: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
        for ((bucket, key), (requests, _)) in &self.0 {
            let gets = buckets.entry(bucket).or_default();
            *gets.entry(prefix_of(key).to_owned()).or_default() += requests;
        }
        let lake = &cx.world().lake;
        let waits = buckets
            .iter()
            .map(|(bucket, gets)| lake.get_requests(bucket, gets, (cx.now(), own), per_second));
        waits.max().unwrap_or_default()
    }
}
