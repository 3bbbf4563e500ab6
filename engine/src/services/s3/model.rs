//! A running bucket: request limits per prefix, files into the lake, storage over time, the lifecycle rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::archive::{Restores, TIMER_RESTORED};
use super::config::{Config, StorageClass};
use super::events;
use super::shelf::{Shelf, Stored, Terms};
use super::usage::ClassTerms;
use crate::books::LatencyLaw;
use crate::lake::{ObjectKey, prefix_of};
use crate::node::{
    Admit, BuildCx, Cx, FaultKind, Gauges, Node, NodeError, NodeResult, Notice, ObjectPut, Payload,
    Retuned, Tag, TokenBucket, TraceEnd, WireId,
};
use crate::units::{SimDuration, SimTime};

const DAY_MS: i64 = 86_400_000;
/// Prefixes whose rates are remembered before the idle ones are forgotten.
const PREFIXES: usize = 1024;

/// A running bucket.
#[derive(Debug)]
pub struct Model {
    pub(super) config: Config,
    pub(super) bucket: String,
    terms: ClassTerms,
    pub(super) shelf: Shelf,
    pub(super) restores: Restores,
    puts_per_second: u64,
    latency: LatencyLaw,
    event_law: LatencyLaw,
    /// Files that were put so far.
    puts: u64,
    prefixes: BTreeMap<String, TokenBucket>,
    pub(super) objects: BTreeMap<String, Stored>,
    /// Versions that were replaced, with when.
    noncurrent: Vec<(Stored, SimTime)>,
    /// Parts of uploads that broke off.
    broken: Vec<Stored>,
    bytes: u64,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let terms = ClassTerms::of(config.storage_class);
        Ok(Self {
            bucket: config.bucket_name(&cx.node),
            terms,
            shelf: Shelf::new(Terms::new(cx)?),
            restores: Restores::new(cx)?,
            puts_per_second: cx.quota("s3.prefix_put_requests_per_second")?,
            latency: cx.latency("s3.put_object")?,
            event_law: cx.latency("s3.event_notification")?,
            puts: 0,
            prefixes: BTreeMap::new(),
            objects: BTreeMap::new(),
            noncurrent: Vec::new(),
            broken: Vec::new(),
            bytes: 0,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        if config.bucket != self.config.bucket {
            return Retuned::NextRun("`bucket`: a bucket keeps its name".to_owned());
        }
        if config.storage_class != self.config.storage_class {
            return Retuned::NextRun(
                "`storage_class`: files that are there keep their class".to_owned(),
            );
        }
        let wanted = config.restore_prefix.clone();
        let wanted = wanted.filter(|_| config.restore_prefix != self.config.restore_prefix);
        self.config = config;
        if let Some(prefix) = wanted {
            self.restore(&prefix, cx);
        }
        Retuned::Live
    }

    /// Why a request fails, if it does.
    fn refusal(&mut self, put: &ObjectPut, cx: &mut Cx<'_>) -> Option<&'static str> {
        if cx.strikes(FaultKind::Errors) {
            cx.metric("5xxErrors", 1.0);
            cx.errored(1, || "fails requests with InternalError".to_owned());
            return Some("InternalError");
        }
        if ObjectKey::parse(&put.key).is_err() {
            cx.metric("4xxErrors", 1.0);
            // Requests that fail by the sender's fault are billed; those with a 5xx answer are not.
            cx.meter(self.terms.put, 1);
            let key: String = put.key.chars().take(80).collect();
            cx.errored(1, || {
                format!("refuses the key `{key}` with InvalidArgument")
            });
            return Some("InvalidArgument");
        }
        let prefix = prefix_of(&put.key);
        let now = cx.now();
        let throttled = cx.strikes(FaultKind::Throttle) || !self.rate(prefix, now).take(now, 1);
        if throttled {
            cx.metric("5xxErrors", 1.0);
            cx.throttled("SlowDown", put.records());
            return Some("SlowDown");
        }
        None
    }
    fn rate(&mut self, prefix: &str, now: SimTime) -> &mut TokenBucket {
        if self.prefixes.len() >= PREFIXES && !self.prefixes.contains_key(prefix) {
            self.prefixes.retain(|_, bucket| !bucket.is_full(now));
        }
        let rate = self.puts_per_second;
        self.prefixes
            .entry(prefix.to_owned())
            .or_insert_with(|| TokenBucket::new(rate))
    }
    fn put(&mut self, put: ObjectPut, cx: &mut Cx<'_>) -> NodeResult {
        let records = put.records();
        let rows: u64 = put.born.iter().map(|(_, born)| born.len() as u64).sum();
        let size = put.staged.size();
        let key = put.key.clone();
        // A source that makes one record in N writes a file of one Nth: the bill counts the whole.
        let bytes = if rows == 0 {
            size
        } else {
            let whole = u128::from(size) * u128::from(records) / u128::from(rows);
            u64::try_from(whole).unwrap_or(u64::MAX)
        };
        // Before the file is there, or it would be taken for that of somebody else.
        self.accrue(cx);
        let lake = &cx.world().lake;
        lake.commit(put.staged, &self.bucket, &put.key, cx.now(), records)
            .map_err(|e| NodeError::Fatal(format!("bucket `{}`: {e}", self.bucket)))?;
        self.remove(&put.key, cx);
        let stored = self
            .shelf
            .put(bytes, self.config.storage_class, cx.now(), cx);
        self.bytes += stored.bytes;
        self.classed(&put.key, stored.class, cx);
        self.objects.insert(put.key, stored);
        self.meter_upload(bytes, cx);
        cx.metric("BytesUploaded", bytes as f64);
        if put.failed {
            let place = "error output in S3";
            cx.failed(place, records);
            cx.ended(TraceEnd::Failed(place), |g| {
                put.born.iter().any(|(_, born)| born.contains(&g.born))
            });
        } else {
            let mut record_bytes = put.record_bytes;
            for (weight, born) in &put.born {
                cx.delivered(born, *weight, std::mem::take(&mut record_bytes));
            }
        }
        self.tell(&key, bytes, cx);
        // The sender's own latency covers the request; the records are at rest as soon as it is answered.
        cx.passed(SimDuration::ZERO, records);
        Ok(())
    }
    /// An event for everybody who wants to know of a new file.
    fn tell(&mut self, key: &str, bytes: u64, cx: &mut Cx<'_>) {
        let wires: Vec<WireId> = cx.outs("events").map(|w| w.id).collect();
        self.puts += 1;
        for wire in wires {
            let event = Arc::new(events::created(&self.bucket, key, bytes, self.puts, cx));
            let share = self.config.duplicate_event_percent / 100.0;
            let twice = share > 0.0 && cx.rng().chance(share);
            // Each takes its own time, so that events may overtake each other: the sequencer tells their order.
            for _ in 0..=usize::from(twice) {
                let delay = cx.draw(&self.event_law);
                let notice = Payload::Notice(Notice::Event(Arc::clone(&event)));
                let sent = cx.send(wire, notice, delay);
                debug_assert!(sent.is_ok(), "notices need no credit");
            }
        }
    }
    /// The requests of an upload: one, or its parts with a beginning and an end.
    fn meter_upload(&mut self, bytes: u64, cx: &mut Cx<'_>) {
        let Some(parts) = self.parts(bytes) else {
            cx.meter(self.terms.put, 1);
            return;
        };
        cx.meter(self.terms.put, u128::from(parts) + 2);
        let share = f64::from(self.config.multipart_broken_percent) / 100.0;
        if share > 0.0 && cx.rng().chance(share) {
            // All parts of the first attempt came, its end did not.
            cx.meter(self.terms.put, u128::from(parts) + 1);
            let stored = self
                .shelf
                .put(bytes, self.config.storage_class, cx.now(), cx);
            self.broken.push(stored);
        }
    }
    /// Parts in which a file is uploaded; `None` when it is put at once.
    fn parts(&self, bytes: u64) -> Option<u64> {
        let threshold = u64::from(self.config.multipart_threshold_mib) << 20;
        let part = u64::from(self.config.multipart_part_mib.max(1)) << 20;
        (threshold > 0 && bytes > threshold).then(|| bytes.div_ceil(part))
    }
    /// Tells the lake how reading a file is billed, and whether it can be read.
    fn classed(&self, key: &str, class: StorageClass, cx: &Cx<'_>) {
        cx.world()
            .lake
            .set_class(&self.bucket, key, class.read_class());
    }
    /// Meters storage up to now, what others have written into the bucket since, and what was read of it.
    pub(super) fn accrue(&mut self, cx: &mut Cx<'_>) {
        self.shelf.accrue(cx);
        let lake = cx.world().lake.clone();
        let gets = lake.take_gets(&self.bucket);
        if gets.requests > 0 {
            cx.metric("GetRequests", (gets.requests + gets.slowed) as f64);
        }
        if gets.slowed > 0 {
            cx.metric("5xxErrors", gets.slowed as f64);
            cx.incident("read-throttled", gets.slowed, || {
                "answers readers with SlowDown: they ask a prefix for more than it gives".to_owned()
            });
        }
        if lake.count(&self.bucket) != self.objects.len() {
            for meta in lake.list(&self.bucket, "") {
                if !self.objects.contains_key(&meta.key) {
                    let class = self.config.storage_class;
                    let stored = self.shelf.put(meta.size, class, meta.committed_at, cx);
                    self.bytes += stored.bytes;
                    self.classed(&meta.key, class, cx);
                    self.objects.insert(meta.key, stored);
                }
            }
        }
        for (key, bytes) in lake.take_reads(&self.bucket) {
            if let Some(stored) = self.objects.get_mut(&key) {
                self.shelf.read(stored, bytes, cx);
            }
        }
    }
    /// Takes a file off the books, or keeps it as an older version.
    fn remove(&mut self, key: &str, cx: &mut Cx<'_>) {
        let Some(stored) = self.objects.remove(key) else {
            return;
        };
        self.bytes -= stored.bytes;
        self.drop_copy(key, cx);
        self.classed(key, self.config.storage_class, cx);
        if self.config.versioning {
            self.noncurrent.push((stored, cx.now()));
        } else {
            self.shelf.remove(&stored, cx);
        }
    }
    /// The lifecycle rules: creation and days, rounded up to midnight UTC. Runs at each midnight.
    fn lifecycle(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.accrue(cx);
        let now = cx.now();
        let days = |n: u32| SimDuration::secs(u64::from(n) * 86_400);
        let due = |at: SimTime, n: u32| n > 0 && at + days(n) <= now;
        let config = self.config.clone();
        self.end_copies(cx);
        self.expire(&config, cx)?;
        let mut moved = 0;
        let to = config.transition_class;
        for (key, stored) in &mut self.objects {
            let small = stored.bytes < self.shelf.terms.moved_bytes;
            if due(stored.at, config.transition_days) && !small && stored.class.may_become(to) {
                self.shelf.become_class(stored, to, cx);
                cx.world()
                    .lake
                    .set_class(&self.bucket, key, to.read_class());
                moved += 1;
            }
            self.shelf.retier(stored, now);
        }
        if moved > 0 {
            let days = config.transition_days;
            cx.event(
                "moved",
                format!("the lifecycle rule moved {moved} files older than {days} days"),
            );
        }
        let gone = |at: &(Stored, SimTime)| due(at.1, config.noncurrent_expire_days);
        for (stored, _) in self.noncurrent.extract_if(.., |v| gone(v)) {
            self.shelf.remove(&stored, cx);
        }
        for stored in self
            .broken
            .extract_if(.., |s| due(s.at, config.multipart_abort_days))
        {
            self.shelf.remove(&stored, cx);
        }
        Ok(())
    }
    fn expire(&mut self, config: &Config, cx: &mut Cx<'_>) -> NodeResult {
        let days = u64::from(config.expire_days);
        if days == 0 {
            return Ok(());
        }
        let now = cx.now();
        let age = SimDuration::secs(days * 86_400);
        let expired: Vec<String> = self
            .objects
            .iter()
            .filter(|(_, s)| s.at + age <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in &expired {
            cx.world()
                .lake
                .delete(&self.bucket, key)
                .map_err(|e| NodeError::Fatal(e.to_string()))?;
            self.remove(key, cx);
        }
        let n = expired.len();
        if n > 0 {
            cx.event(
                "expired",
                format!("the lifecycle rule deleted {n} files older than {days} days"),
            );
        }
        Ok(())
    }
    fn next_midnight(cx: &Cx<'_>) -> SimTime {
        let now = cx.now_epoch_ms();
        let wait = DAY_MS - now.rem_euclid(DAY_MS);
        // Counted from whole milliseconds, so that midnights stay exact.
        let base = SimTime(cx.now().as_millis() * 1_000_000);
        base + SimDuration::millis(u64::try_from(wait).unwrap_or(0))
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let lake = &cx.world().lake;
        if lake.buckets().contains(&self.bucket) {
            return Err(NodeError::Fatal(format!(
                "another node has the bucket `{}` already; give each its own `bucket`",
                self.bucket
            )));
        }
        lake.create_bucket(&self.bucket)
            .map_err(|e| NodeError::Fatal(e.to_string()))?;
        lake.set_bucket_class(&self.bucket, self.config.storage_class.read_class());
        let wires: Vec<WireId> = cx.outs("bucket").map(|w| w.id).collect();
        for wire in wires {
            let notice = Payload::Notice(Notice::Bucket(self.bucket.clone()));
            if cx.send(wire, notice, SimDuration::ZERO).is_err() {
                return Err(NodeError::Fatal(
                    "a wire has no credit for a notice".to_owned(),
                ));
            }
        }
        cx.at(Self::next_midnight(cx), Tag::new(0, 0));
        Ok(())
    }
    fn receive(&mut self, _wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        let Payload::Object(put) = payload else {
            return Ok(Admit::Refused {
                payload,
                error: "MethodNotAllowed",
            });
        };
        cx.metric("PutRequests", 1.0);
        let first_byte = cx.draw(&self.latency);
        cx.metric("FirstByteLatency", first_byte.as_millis_f64());
        match self.refusal(&put, cx) {
            Some(error) => Ok(Admit::Refused {
                payload: Payload::Object(put),
                error,
            }),
            None => self.put(put, cx).map(|()| Admit::All),
        }
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        if tag.kind == TIMER_RESTORED {
            self.restored(tag.index, cx);
            return Ok(());
        }
        self.lifecycle(cx)?;
        cx.at(Self::next_midnight(cx), Tag::new(0, 0));
        Ok(())
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        self.accrue(cx);
        cx.metric("BucketSizeBytes", self.bytes as f64);
        cx.metric("NumberOfObjects", self.objects.len() as f64);
    }
    fn held(&self) -> u64 {
        0
    }
    fn sample(&self, now: SimTime, out: &mut Gauges) {
        let busiest = self.prefixes.values().map(|b| b.used(now));
        out.limit("PUT requests of a prefix", busiest.fold(0.0, f64::max));
        out.values = vec![
            ("files", self.objects.len() as f64, ""),
            ("size", self.bytes as f64, "B"),
        ];
    }
}
