//! A running bucket: request limits per prefix, files into the lake, storage over time, the lifecycle rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::config::Config;
use super::events;
use super::usage::ClassTerms;
use crate::books::LatencyLaw;
use crate::lake::ObjectKey;
use crate::node::{
    Admit, BuildCx, Cx, FaultKind, Gauges, Node, NodeError, NodeResult, Notice, ObjectPut, Payload,
    Retuned, Tag, TokenBucket, TraceEnd, WireId,
};
use crate::units::{SimDuration, SimTime};

const DAY_MS: i64 = 86_400_000;
/// Prefixes whose rates are remembered before the idle ones are forgotten.
const PREFIXES: usize = 1024;

/// One file as it is billed.
#[derive(Debug, Clone, Copy)]
struct Stored {
    /// Bytes that the records stand for.
    bytes: u64,
    /// Bytes that are billed.
    billed: u64,
    at: SimTime,
}

/// A running bucket.
#[derive(Debug)]
pub struct Model {
    config: Config,
    bucket: String,
    terms: ClassTerms,
    least_bytes: u64,
    least_time: SimDuration,
    puts_per_second: u64,
    latency: LatencyLaw,
    event_law: LatencyLaw,
    /// Files that were put so far.
    puts: u64,
    prefixes: BTreeMap<String, TokenBucket>,
    objects: BTreeMap<String, Stored>,
    bytes: u64,
    billed: u64,
    /// Until when storage is metered.
    metered: SimTime,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let terms = ClassTerms::of(config.storage_class);
        let (least_bytes, least_days) = match terms.least {
            Some((bytes, days)) => (cx.quota(bytes)?, cx.quota(days)?),
            None => (0, 0),
        };
        Ok(Self {
            bucket: config.bucket_name(&cx.node),
            terms,
            least_bytes,
            least_time: SimDuration::secs(least_days * 86_400),
            puts_per_second: cx.quota("s3.prefix_put_requests_per_second")?,
            latency: cx.latency("s3.put_object")?,
            event_law: cx.latency("s3.event_notification")?,
            puts: 0,
            prefixes: BTreeMap::new(),
            objects: BTreeMap::new(),
            bytes: 0,
            billed: 0,
            metered: SimTime::ZERO,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config) -> Retuned {
        if config.bucket != self.config.bucket {
            return Retuned::NextRun("`bucket`: a bucket keeps its name".to_owned());
        }
        if config.storage_class != self.config.storage_class {
            return Retuned::NextRun(
                "`storage_class`: files that are there keep their class".to_owned(),
            );
        }
        self.config = config;
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
        let prefix = put.key.rsplit_once('/').map_or("", |(prefix, _)| prefix);
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
        let lake = &cx.world().lake;
        lake.commit(put.staged, &self.bucket, &put.key, cx.now(), records)
            .map_err(|e| NodeError::Fatal(format!("bucket `{}`: {e}", self.bucket)))?;
        self.accrue(cx);
        self.remove(&put.key, cx);
        let stored = Stored {
            bytes,
            billed: bytes.max(self.least_bytes),
            at: cx.now(),
        };
        self.bytes += stored.bytes;
        self.billed += stored.billed;
        self.objects.insert(put.key, stored);
        cx.meter(self.terms.put, 1);
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
            let event = events::created(&self.bucket, key, bytes, self.puts, cx);
            let delay = cx.draw(&self.event_law);
            let notice = Payload::Notice(Notice::Event(Arc::new(event)));
            let sent = cx.send(wire, notice, delay);
            debug_assert!(sent.is_ok(), "notices need no credit");
        }
    }
    /// Meters storage up to now.
    fn accrue(&mut self, cx: &mut Cx<'_>) {
        let millis = cx.now().as_millis() - self.metered.as_millis();
        cx.meter(
            self.terms.storage,
            u128::from(self.billed) * u128::from(millis),
        );
        self.metered = cx.now();
    }
    /// Takes a file off the books; what its class bills at the least is billed now.
    fn remove(&mut self, key: &str, cx: &mut Cx<'_>) {
        let Some(stored) = self.objects.remove(key) else {
            return;
        };
        self.bytes -= stored.bytes;
        self.billed -= stored.billed;
        let rest = (stored.at + self.least_time).since(cx.now());
        let millis = u128::from(rest.0 / 1_000_000);
        cx.meter(self.terms.storage, u128::from(stored.billed) * millis);
    }
    /// The lifecycle rule: creation and `expire_days`, rounded up to midnight UTC. Runs at each midnight.
    fn expire(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let days = u64::from(self.config.expire_days);
        if days == 0 {
            return Ok(());
        }
        let now = cx.now();
        let age = SimDuration::secs(days * 86_400);
        let due = |stored: &Stored| stored.at + age <= now;
        let expired: Vec<String> = self
            .objects
            .iter()
            .filter(|(_, s)| due(s))
            .map(|(key, _)| key.clone())
            .collect();
        if expired.is_empty() {
            return Ok(());
        }
        self.accrue(cx);
        for key in &expired {
            cx.world()
                .lake
                .delete(&self.bucket, key)
                .map_err(|e| NodeError::Fatal(e.to_string()))?;
            self.remove(key, cx);
        }
        let n = expired.len();
        cx.event(
            "expired",
            format!("the lifecycle rule deleted {n} files older than {days} days"),
        );
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
    fn timer(&mut self, _tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        self.expire(cx)?;
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
