//! The running stream: its shards, how long records stay, and the change of the shard count. What is written stays until every
//! reader has it or the retention ends. Writing is in `write.rs`, reading in `read.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::shards::{range_of, range_starts};
use super::{Config, EXTENDED_RETENTION, SHARD_HOUR};
use crate::books::LatencyLaw;
use crate::data::BatchLog;
use crate::node::{
    Admit, Ask, BuildCx, Cx, Gauges, Node, NodeResult, Notice, Pace, Payload, Retuned, Tag,
    TokenBucket, TraceEnd, WireId,
};
use crate::units::{SimDuration, SimTime};

/// The AWS name of a refused write or read.
pub(super) const THROTTLED: &str = "ProvisionedThroughputExceededException";
const TIMER_EXPIRE: u32 = 0;
const TIMER_RESHARD: u32 = 1;
/// Entries that nobody reads are only counted, by the minute.
pub(super) const COUNTING_STEP: SimDuration = SimDuration::secs(60);
/// Bytes of memory for records that wait to be read; more is spilled to disk.
const LOG_BUDGET: usize = if cfg!(test) { 256 << 10 } else { 256 << 20 };
const DAY: SimDuration = SimDuration::secs(86_400);

/// Limits and rules from the book.
#[derive(Debug, Clone)]
pub(super) struct Quotas {
    pub(super) write_records: u64,
    pub(super) write_bytes: u64,
    pub(super) read_bytes: u64,
    pub(super) read_calls: u64,
    pub(super) call_records: u64,
    pub(super) call_bytes: u64,
    pub(super) lockout_after_max: SimDuration,
    pub(super) lockout_after_throttle: SimDuration,
    pub(super) record_bytes: u64,
    pub(super) key_chars: usize,
    pub(super) put_unit_bytes: u64,
    included_hours: u32,
    changes_a_day: usize,
    most_percent: u64,
    least_percent: u64,
}

/// Some records of one shard that came in at one instant.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) arrived: SimTime,
    /// Where the log has them; nothing when nobody reads.
    pub(super) log: Option<u64>,
    pub(super) rows: u32,
    pub(super) records: u64,
}

/// One shard.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) lane: u32,
    pub(super) open: bool,
    /// Closed shards of the same hash keys that held records when this one was opened: they are read first.
    pub(super) parents: Vec<u32>,
    pub(super) write_records: TokenBucket,
    pub(super) write_bytes: TokenBucket,
    pub(super) records_used: Pace,
    pub(super) bytes_used: Pace,
    pub(super) read_bytes: TokenBucket,
    pub(super) read_calls: TokenBucket,
    pub(super) locked_until: SimTime,
    /// Number of the first entry in `entries`.
    pub(super) first: u64,
    pub(super) entries: VecDeque<Entry>,
}

/// A reader's place in one shard: the next entry and the next row in it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) entry: u64,
    pub(super) row: u32,
}

#[derive(Debug)]
pub(super) struct Reader {
    pub(super) wire: WireId,
    pub(super) places: BTreeMap<u32, Place>,
    /// Records that it has not read.
    pub(super) unread: u64,
}

/// A running stream.
#[derive(Debug)]
pub struct Model {
    pub(super) config: Config,
    pub(super) quotas: Quotas,
    pub(super) get_law: LatencyLaw,
    reshard_law: LatencyLaw,
    pub(super) starts: Vec<u128>,
    /// Shard of each hash range.
    pub(super) range_lanes: Vec<usize>,
    pub(super) shards: Vec<Shard>,
    pub(super) readers: Vec<Reader>,
    pub(super) log: BatchLog,
    /// Entries of the log that some reader still needs.
    pub(super) needed: BTreeSet<u64>,
    /// Records that are only counted, because nobody reads.
    pub(super) counted: u64,
    metered_until: SimTime,
    /// The shard count that is being changed to.
    target: Option<u32>,
    /// When the shard count was changed in the last 24 hours.
    changes: VecDeque<SimTime>,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let q = |key: &str| cx.quota(&format!("kinesis-data-streams.{key}"));
        let quotas = Quotas {
            write_records: q("shard_write_records_per_second")?,
            write_bytes: q("shard_write_bytes_per_second")?,
            read_bytes: q("shard_read_bytes_per_second")?,
            read_calls: q("shard_get_records_calls_per_second")?,
            call_records: q("get_records_max_records")?,
            call_bytes: q("get_records_max_bytes")?,
            lockout_after_max: SimDuration::secs(q("get_records_lockout_after_max_bytes_s")?),
            lockout_after_throttle: SimDuration::secs(q("get_records_lockout_after_throttle_s")?),
            record_bytes: q("record_max_bytes")?,
            key_chars: usize::try_from(q("partition_key_max_chars")?).unwrap_or(256),
            put_unit_bytes: q("put_payload_unit_bytes")?.max(1),
            included_hours: u32::try_from(q("retention_included_h")?).unwrap_or(24),
            changes_a_day: usize::try_from(q("update_shard_count_max_per_day")?).unwrap_or(10),
            most_percent: q("update_shard_count_max_percent")?,
            least_percent: q("update_shard_count_min_percent")?,
        };
        let log = BatchLog::new(LOG_BUDGET, &cx.world.spill_dir, &cx.node);
        let mut model = Self {
            get_law: cx.latency("kinesis-data-streams.get_records")?,
            reshard_law: cx.latency("kinesis-data-streams.reshard")?,
            starts: Vec::new(),
            range_lanes: Vec::new(),
            shards: Vec::new(),
            readers: Vec::new(),
            log,
            needed: BTreeSet::new(),
            counted: 0,
            metered_until: SimTime::ZERO,
            target: None,
            changes: VecDeque::new(),
            quotas,
            config,
        };
        model.open_shards(model.config.shard_count);
        Ok(model)
    }
    /// Closes all open shards and opens `n` new ones over the whole hash range.
    fn open_shards(&mut self, n: u32) {
        let starts = range_starts(n);
        let parents: Vec<Vec<u32>> = (0..starts.len())
            .map(|range| self.parents_of(&starts, range))
            .collect();
        for shard in &mut self.shards {
            shard.open = false;
        }
        self.starts = starts;
        self.range_lanes.clear();
        for parents in parents {
            self.range_lanes.push(self.shards.len());
            let lane = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
            let q = &self.quotas;
            self.shards.push(Shard {
                lane,
                open: true,
                parents,
                write_records: TokenBucket::new(q.write_records),
                write_bytes: TokenBucket::new(q.write_bytes),
                records_used: Pace::default(),
                bytes_used: Pace::default(),
                read_bytes: TokenBucket::new(q.read_bytes),
                read_calls: TokenBucket::new(q.read_calls),
                locked_until: SimTime::ZERO,
                first: 0,
                entries: VecDeque::new(),
            });
        }
    }
    /// Shards with records whose hash keys are among those of range number `range` of `starts`, and what they wait for.
    fn parents_of(&self, starts: &[u128], range: usize) -> Vec<u32> {
        if self.range_lanes.is_empty() {
            return Vec::new();
        }
        let last_key = starts.get(range + 1).map_or(u128::MAX, |next| next - 1);
        let old = range_of(&self.starts, starts[range])..=range_of(&self.starts, last_key);
        let old = self.range_lanes[old].iter().map(|i| &self.shards[*i]);
        let mut lanes: Vec<u32> = old
            .flat_map(|s| s.parents.iter().copied().chain([s.lane]))
            .filter(|lane| !self.shards[*lane as usize].entries.is_empty())
            .collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    }
    fn open_count(&self) -> u64 {
        self.range_lanes.len() as u64
    }
    fn tell_lanes(&self, cx: &mut Cx<'_>) {
        let lanes: Vec<u32> = self
            .shards
            .iter()
            .filter(|s| s.open || !s.entries.is_empty())
            .map(|s| s.lane)
            .collect();
        for reader in &self.readers {
            // A notice needs no credit and cannot come back.
            drop(cx.send(
                reader.wire,
                Payload::Notice(Notice::Lanes(lanes.clone())),
                SimDuration::ZERO,
            ));
        }
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        let (shards, old) = (config.shard_count, self.config.shard_count);
        if shards != old
            && let Some(why) = self.refusal(shards, cx.now())
        {
            return Ok(Retuned::NextRun(why));
        }
        self.meter(cx);
        self.config = Config {
            shard_count: old,
            ..config
        };
        if shards != old {
            self.begin_change(shards, cx);
        }
        Ok(Retuned::Live)
    }
    /// Why `UpdateShardCount` is refused, if it is.
    fn refusal(&mut self, shards: u32, now: SimTime) -> Option<String> {
        if self.target.is_some() {
            return Some("ResourceInUseException: the shards are being changed already".to_owned());
        }
        let old = u64::from(self.config.shard_count);
        let most = (old * self.quotas.most_percent / 100).max(1);
        let least = (old * self.quotas.least_percent).div_ceil(100).max(1);
        if !(least..=most).contains(&u64::from(shards)) {
            return Some(format!(
                "LimitExceededException: UpdateShardCount goes from {old} to at least {least} and at most {most} shards"
            ));
        }
        while self.changes.front().is_some_and(|at| now.since(*at) >= DAY) {
            self.changes.pop_front();
        }
        let most = self.quotas.changes_a_day;
        (self.changes.len() >= most).then(|| {
            format!("LimitExceededException: UpdateShardCount works {most} times in 24 hours")
        })
    }
    /// One split or merge after the other, then all at once is as it should be.
    fn begin_change(&mut self, shards: u32, cx: &mut Cx<'_>) {
        let old = self.config.shard_count;
        let mut takes = SimDuration::ZERO;
        for _ in 0..shards.abs_diff(old) {
            takes += cx.draw(&self.reshard_law);
        }
        self.target = Some(shards);
        self.changes.push_back(cx.now());
        cx.after(takes, Tag::new(TIMER_RESHARD, 0));
        cx.event(
            "resharding",
            format!(
                "UpdateShardCount from {old} to {shards} shards takes {:.0} s",
                takes.as_secs_f64()
            ),
        );
    }
    fn meter(&mut self, cx: &mut Cx<'_>) {
        let ms = u128::from(cx.now().as_millis() - self.metered_until.as_millis());
        self.metered_until = cx.now();
        let shard_ms = ms * u128::from(self.open_count());
        cx.meter(&SHARD_HOUR, shard_ms);
        if self.config.retention_hours > self.quotas.included_hours {
            cx.meter(&EXTENDED_RETENTION, shard_ms);
        }
    }
    /// Lets go of what is older than the retention and of what all readers have.
    fn expire(&mut self, cx: &mut Cx<'_>) {
        let horizon = SimDuration::secs(u64::from(self.config.retention_hours) * 3600);
        let now = cx.now();
        for shard in &mut self.shards {
            while shard
                .entries
                .front()
                .is_some_and(|e| now.since(e.arrived) >= horizon)
            {
                let Some(entry) = shard.entries.pop_front() else {
                    break;
                };
                if entry.log.is_none() {
                    self.counted -= entry.records;
                    let why = "retention ended and nobody reads";
                    cx.dropped(why, entry.records);
                    cx.ended(TraceEnd::Dropped(why), |g| g.arrived == entry.arrived);
                }
                let weight = entry.records / u64::from(entry.rows.max(1));
                for reader in &mut self.readers {
                    let place = reader.places.entry(shard.lane).or_default();
                    if place.entry == shard.first {
                        let missed = u64::from(entry.rows - place.row) * weight;
                        reader.unread -= missed;
                        *place = Place {
                            entry: shard.first + 1,
                            row: 0,
                        };
                        let why = "retention ended before it was read";
                        cx.dropped(why, missed);
                        cx.ended(TraceEnd::Dropped(why), |g| g.arrived == entry.arrived);
                    }
                }
                if let Some(number) = entry.log {
                    self.needed.remove(&number);
                }
                shard.first += 1;
            }
        }
        self.forget();
    }
    /// Frees the log up to the oldest entry that somebody still needs.
    pub(super) fn forget(&mut self) {
        let oldest = self.needed.first().copied();
        self.log.forget_before(oldest.unwrap_or(u64::MAX));
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let wires: Vec<WireId> = cx.outs("out").map(|w| w.id).collect();
        self.readers = wires
            .into_iter()
            .map(|wire| Reader {
                wire,
                places: BTreeMap::new(),
                unread: 0,
            })
            .collect();
        self.tell_lanes(cx);
        cx.after(COUNTING_STEP, Tag::new(TIMER_EXPIRE, 0));
        Ok(())
    }
    fn receive(&mut self, _wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Records(batch) => self.put(batch, cx),
            payload => Ok(Admit::Refused {
                payload,
                error: "ValidationException",
            }),
        }
    }
    fn asked(&mut self, wire: WireId, ask: Ask, cx: &mut Cx<'_>) -> NodeResult {
        match ask {
            Ask::Poll {
                lane,
                max_records,
                max_bytes,
            } => self.poll(wire, lane, u64::from(max_records), max_bytes, cx),
            Ask::Reply { .. } | Ask::Receive { .. } | Ask::Settle { .. } => Ok(()),
        }
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        if tag.kind == TIMER_EXPIRE {
            self.expire(cx);
            cx.after(COUNTING_STEP, tag);
        } else if let Some(n) = self.target.take() {
            self.meter(cx);
            self.config.shard_count = n;
            self.open_shards(n);
            self.tell_lanes(cx);
            cx.event("resharded", format!("the stream has {n} open shards now"));
        }
        Ok(())
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        self.meter(cx);
    }
    fn held(&self) -> u64 {
        self.counted + self.readers.iter().map(|r| r.unread).sum::<u64>()
    }
    fn sample(&self, now: SimTime, out: &mut Gauges) {
        let q = &self.quotas;
        for shard in self.shards.iter().filter(|s| s.open) {
            out.limit(
                "records written a second to the busiest shard",
                shard.records_used.used(now, q.write_records),
            );
            out.limit(
                "bytes written a second to the busiest shard",
                shard.bytes_used.used(now, q.write_bytes),
            );
        }
        out.values = vec![
            ("open shards", self.open_count() as f64, "shards"),
            ("waiting for readers", self.held() as f64, "records"),
        ];
        let state = self.target.map_or("ACTIVE", |_| "UPDATING");
        out.state = Some(state.to_owned());
    }
}
