//! The running stream: its shards and how long records stay. What is written stays until every reader has it or the retention
//! ends. Writing is in `write.rs`, reading in `read.rs`, changes of the shards in `reshard.rs`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use serde_json::Value;

use super::config::Config;
use super::hot::TopKeys;
use super::read::Push;
use super::reshard::Reshaping;
use super::shards::KeyHashes;
use super::usage::{Metering, Rules};
use crate::books::LatencyLaw;
use crate::data::BatchLog;
use crate::node::{
    Admit, Ask, BuildCx, Cx, Gauges, Node, NodeResult, Notice, Pace, Payload, Retuned, Table, Tag,
    TokenBucket, TraceEnd, WireId,
};
use crate::units::{MIB, SimDuration, SimTime};

/// The AWS name of a refused write or read.
pub(super) const THROTTLED: &str = "ProvisionedThroughputExceededException";
const TIMER_EXPIRE: u32 = 0;
pub(super) const TIMER_RESHARD: u32 = 1;
pub(super) const TIMER_DEMAND: u32 = 2;
pub(super) const TIMER_GROW: u32 = 3;
pub(super) const TIMER_PUSH: u32 = 4;
/// Entries that nobody reads are only counted, by the minute.
pub(super) const COUNTING_STEP: SimDuration = SimDuration::secs(60);
/// Bytes of memory for records that wait to be read; more is spilled to disk.
const LOG_BUDGET: usize = if cfg!(test) { 256 << 10 } else { 256 << 20 };
/// The table of shards is made anew this often: making it costs more than all else that is shown.
const TABLE_STEP: SimDuration = SimDuration::secs(5);
/// Shards that are shown, the busiest first.
const SHOWN: usize = 50;

/// Limits and rules from the book.
#[derive(Debug, Clone)]
pub(super) struct Quotas {
    pub(super) write_records: u64,
    pub(super) write_bytes: u64,
    pub(super) read_bytes: u64,
    pub(super) read_calls: u64,
    pub(super) push_bytes: u64,
    pub(super) call_records: u64,
    pub(super) call_bytes: u64,
    pub(super) lockout_after_max: SimDuration,
    pub(super) lockout_after_throttle: SimDuration,
    pub(super) key_chars: usize,
    pub(super) consumers: usize,
    pub(super) changes_a_day: usize,
    pub(super) switches_a_day: usize,
    pub(super) most_percent: u64,
    pub(super) least_percent: u64,
    pub(super) demand: DemandQuotas,
}

/// How an on-demand stream grows.
#[derive(Debug, Clone)]
pub(super) struct DemandQuotas {
    pub(super) initial: u64,
    pub(super) most: u64,
    pub(super) percent: u64,
    pub(super) after: SimDuration,
    pub(super) split_above: u64,
}

impl Quotas {
    fn new(config: &Config, cx: &BuildCx) -> Result<Self, String> {
        let q = |key: &str| cx.quota(&format!("kinesis-data-streams.{key}"));
        let count = |key: &str| Ok::<_, String>(usize::try_from(q(key)?).unwrap_or(usize::MAX));
        Ok(Self {
            write_records: q("shard_write_records_per_second")?,
            write_bytes: q("shard_write_bytes_per_second")?,
            read_bytes: q("shard_read_bytes_per_second")?,
            read_calls: q("shard_get_records_calls_per_second")?,
            push_bytes: q("enhanced_fan_out_bytes_per_second")?,
            call_records: q("get_records_max_records")?,
            call_bytes: q("get_records_max_bytes")?,
            lockout_after_max: SimDuration::secs(q("get_records_lockout_after_max_bytes_s")?),
            lockout_after_throttle: SimDuration::secs(q("get_records_lockout_after_throttle_s")?),
            key_chars: count("partition_key_max_chars")?,
            consumers: count(if config.is_advantage() {
                "consumers_max_on_demand_advantage"
            } else {
                "consumers_max"
            })?,
            changes_a_day: count("update_shard_count_max_per_day")?,
            switches_a_day: count("mode_switches_max_per_day")?,
            most_percent: q("update_shard_count_max_percent")?,
            least_percent: q("update_shard_count_min_percent")?,
            demand: DemandQuotas {
                initial: q("on_demand_initial_write_bytes_per_second")?,
                most: q("on_demand_max_write_bytes_per_second")?,
                percent: q("on_demand_capacity_percent_of_peak")?,
                after: SimDuration::secs(q("on_demand_scale_up_s")?),
                split_above: q("on_demand_shard_split_bytes_per_second")?,
            },
        })
    }
}

/// Some records of one shard that came in at one instant.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) arrived: SimTime,
    /// Where the log has them; nothing when nobody reads.
    pub(super) log: Option<u64>,
    pub(super) rows: u32,
    pub(super) records: u64,
    /// Stream records that the rows are packed in; as many as rows unless the sender aggregates.
    pub(super) packs: u32,
    /// Bytes that packing adds to the rows.
    pub(super) overhead: u32,
}

/// One shard.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) lane: u32,
    /// Its first and last hash key.
    pub(super) keys: (u128, u128),
    pub(super) open: bool,
    /// Closed shards of the same hash keys that held records when this one was opened: they are read first.
    pub(super) parents: Vec<u32>,
    /// The shards that it was split or merged from.
    pub(super) descends: Vec<u32>,
    pub(super) write_records: TokenBucket,
    pub(super) write_bytes: TokenBucket,
    pub(super) records_used: Pace,
    pub(super) bytes_used: Pace,
    /// What was offered, tries again included, and what of it was refused.
    pub(super) records_asked: Pace,
    pub(super) bytes_asked: Pace,
    pub(super) throttled: Pace,
    pub(super) read_bytes: TokenBucket,
    pub(super) read_calls: TokenBucket,
    pub(super) locked_until: SimTime,
    /// Bytes and records taken in since the last look at the demand, and bytes a second before that.
    pub(super) taken: (u64, u64),
    pub(super) pace: u64,
    pub(super) top_keys: TopKeys,
    /// Number of the first entry in `entries`.
    pub(super) first: u64,
    pub(super) entries: VecDeque<Entry>,
}

impl Shard {
    pub(super) fn new(lane: u32, keys: (u128, u128), parents: Vec<u32>, q: &Quotas) -> Self {
        Self {
            lane,
            keys,
            open: true,
            parents,
            descends: Vec::new(),
            write_records: TokenBucket::new(q.write_records),
            write_bytes: TokenBucket::new(q.write_bytes),
            records_used: Pace::default(),
            bytes_used: Pace::default(),
            records_asked: Pace::default(),
            bytes_asked: Pace::default(),
            throttled: Pace::default(),
            read_bytes: TokenBucket::new(q.read_bytes),
            read_calls: TokenBucket::new(q.read_calls),
            locked_until: SimTime::ZERO,
            taken: (0, 0),
            pace: 0,
            top_keys: TopKeys::default(),
            first: 0,
            entries: VecDeque::new(),
        }
    }
    /// The larger use of its two write limits in the last second.
    fn used(&self, now: SimTime, q: &Quotas) -> f64 {
        let records = self.records_used.used(now, q.write_records);
        records.max(self.bytes_used.used(now, q.write_bytes))
    }
}

/// A reader's place in one shard: the next entry and the next row in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) entry: u64,
    pub(super) row: u32,
}

#[derive(Debug)]
pub(super) struct Reader {
    pub(super) wire: WireId,
    pub(super) places: BTreeMap<u32, Place>,
    /// Its checkpoints, in the shards where it keeps some; never beyond its place.
    pub(super) checkpoints: BTreeMap<u32, Place>,
    /// Records that it has not read.
    pub(super) unread: u64,
    /// Its subscriptions, for a consumer with enhanced fan-out.
    pub(super) push: Option<BTreeMap<u32, Push>>,
}

/// A running stream.
#[derive(Debug)]
pub struct Model {
    pub(super) config: Config,
    pub(super) quotas: Quotas,
    pub(super) rules: Rules,
    pub(super) get_law: LatencyLaw,
    pub(super) push_law: LatencyLaw,
    pub(super) starts: Vec<u128>,
    pub(super) hashes: KeyHashes,
    /// Shard of each hash range.
    pub(super) range_lanes: Vec<usize>,
    pub(super) shards: Vec<Shard>,
    pub(super) readers: Vec<Reader>,
    pub(super) log: BatchLog,
    /// Entries of the log that some reader still needs.
    pub(super) needed: BTreeSet<u64>,
    /// Records that are only counted, because nobody reads.
    pub(super) counted: u64,
    pub(super) metering: Metering,
    pub(super) reshaping: Reshaping,
    /// Rows since a key was looked at.
    pub(super) since_noted: usize,
    shown: RefCell<Option<Arc<Table>>>,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let q = |key: &str| cx.quota(&format!("kinesis-data-streams.{key}"));
        let quotas = Quotas::new(&config, cx)?;
        let mut model = Self {
            rules: Rules {
                put_unit_bytes: q("put_payload_unit_bytes")?.max(1),
                ingest_rounding: q("on_demand_ingest_rounding_bytes")?.max(1),
                included: SimDuration::secs(q("retention_included_h")? * 3600),
            },
            get_law: cx.latency("kinesis-data-streams.get_records")?,
            push_law: cx.latency("kinesis-data-streams.subscribe_to_shard")?,
            starts: Vec::new(),
            hashes: KeyHashes::default(),
            range_lanes: Vec::new(),
            shards: Vec::new(),
            readers: Vec::new(),
            log: BatchLog::new(LOG_BUDGET, &cx.world.spill_dir, &cx.node),
            needed: BTreeSet::new(),
            counted: 0,
            metering: Metering::default(),
            reshaping: Reshaping::new(
                cx.latency("kinesis-data-streams.reshard")?,
                config.shard_count,
            ),
            since_noted: 0,
            shown: RefCell::new(None),
            quotas,
            config,
        };
        let n = model.first_count();
        model.config.shard_count = n;
        model.set_ranges(super::shards::range_starts(n));
        Ok(model)
    }
    pub(super) fn open_count(&self) -> u64 {
        self.range_lanes.len() as u64
    }
    pub(super) fn tell_lanes(&self, cx: &mut Cx<'_>) {
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
        self.meter(cx);
        Ok(match self.change_shards(config, cx) {
            Ok(()) => Retuned::Live,
            Err(why) => Retuned::NextRun(why),
        })
    }
    /// Registers the readers; consumers with enhanced fan-out up to the limit.
    fn register(&mut self, cx: &mut Cx<'_>) {
        let shared: Vec<WireId> = cx.outs("out").map(|w| w.id).collect();
        let pushed: Vec<WireId> = cx.outs("fan-out").map(|w| w.id).collect();
        let most = self.quotas.consumers;
        if pushed.len() > most {
            cx.event(
                "refused",
                format!("LimitExceededException: a stream has at most {most} consumers with enhanced fan-out; the others get nothing"),
            );
        }
        let reader = |wire: WireId, push| Reader {
            wire,
            places: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            unread: 0,
            push,
        };
        let shared = shared.into_iter().map(|wire| reader(wire, None));
        let pushed = pushed.into_iter().take(most);
        self.readers = shared
            .chain(pushed.map(|wire| reader(wire, Some(BTreeMap::new()))))
            .collect();
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
                    let next = Place {
                        entry: shard.first + 1,
                        row: 0,
                    };
                    if let Some(mark) = reader.checkpoints.get_mut(&shard.lane) {
                        *mark = (*mark).max(next);
                    }
                    let place = reader.places.entry(shard.lane).or_default();
                    if place.entry == shard.first {
                        let missed = u64::from(entry.rows - place.row) * weight;
                        reader.unread -= missed;
                        *place = next;
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
    /// The busiest shards with their rates and hottest keys.
    fn table(&self, now: SimTime) -> Option<Table> {
        let q = &self.quotas;
        let mut shards: Vec<&Shard> = self
            .shards
            .iter()
            .filter(|s| s.open || !s.entries.is_empty())
            .collect();
        shards.sort_by(|a, b| b.used(now, q).total_cmp(&a.used(now, q)));
        shards.truncate(SHOWN);
        let text = |of: &dyn Fn(&Shard) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(shards.iter().map(|s| of(s))))
        };
        let number = |of: &dyn Fn(&Shard) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(shards.iter().map(|s| of(s))))
        };
        let two = |n: f64| (n * 100.0).round() / 100.0;
        let state = |s: &Shard| if s.open { "OPEN" } else { "CLOSED" }.to_owned();
        let top = |s: &Shard| {
            s.top_keys
                .top()
                .map_or((String::new(), 0.0), |(k, n)| (k.to_owned(), n))
        };
        let rows = RecordBatch::try_from_iter([
            ("shard", text(&|s| format!("shardId-{:012}", s.lane))),
            ("state", text(&state)),
            (
                "records_per_s",
                number(&|s| s.records_asked.last(now) as f64),
            ),
            (
                "mib_per_s",
                number(&|s| two(s.bytes_asked.last(now) as f64 / MIB as f64)),
            ),
            ("throttled_per_s", number(&|s| s.throttled.last(now) as f64)),
            ("percent_of_limit", number(&|s| two(100.0 * s.used(now, q)))),
            ("top_key", text(&|s| top(s).0)),
            ("percent_of_top_key", number(&|s| two(100.0 * top(s).1))),
        ]);
        rows.ok().map(|rows| Table {
            title: "Shards".to_owned(),
            rows: vec![rows],
            at: now,
        })
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.register(cx);
        self.tell_lanes(cx);
        cx.after(COUNTING_STEP, Tag::new(TIMER_EXPIRE, 0));
        cx.after(COUNTING_STEP, Tag::new(TIMER_DEMAND, 0));
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
        let (lane, max_records, max_bytes) = match ask {
            Ask::Poll {
                lane,
                max_records,
                max_bytes,
            } => (lane, max_records, max_bytes),
            Ask::Checkpoint { lane, records } => {
                self.checkpoint(wire, lane, records);
                return Ok(());
            }
            Ask::Rewind { lane, back } => {
                self.rewind(wire, lane, &back, cx);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let reader = self.readers.iter_mut().find(|r| r.wire == wire);
        let Some(reader) = reader else {
            return Ok(());
        };
        if let Some(subscriptions) = &mut reader.push {
            let limit = self.quotas.push_bytes;
            let push = subscriptions
                .entry(lane)
                .or_insert_with(|| Push::new(limit));
            push.ready(u64::from(max_records), max_bytes);
            return self.push(wire, lane, cx);
        }
        if max_records == 0 {
            return Ok(());
        }
        self.poll(wire, lane, u64::from(max_records), max_bytes, cx)
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TIMER_EXPIRE => {
                self.expire(cx);
                cx.after(COUNTING_STEP, tag);
            }
            TIMER_RESHARD => self.end_change(cx),
            TIMER_DEMAND => {
                self.look_at_demand(cx);
                cx.after(COUNTING_STEP, tag);
            }
            TIMER_GROW => self.grow(cx),
            TIMER_PUSH => {
                let wire = WireId(u32::try_from(tag.index >> 32).unwrap_or(u32::MAX));
                let lane = u32::try_from(tag.index & 0xffff_ffff).unwrap_or(u32::MAX);
                self.refilled(wire, lane);
                return self.push(wire, lane, cx);
            }
            _ => {}
        }
        Ok(())
    }
    fn command(
        &mut self,
        name: &str,
        argument: &Value,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Result<(), String>> {
        self.meter(cx);
        Ok(self.reshard_command(name, argument, cx))
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        self.meter(cx);
    }
    fn held(&self) -> u64 {
        self.counted + self.readers.iter().map(|r| r.unread).sum::<u64>()
    }
    fn sample(&self, now: SimTime, out: &mut Gauges) {
        let q = &self.quotas;
        let mut hottest: Option<(&Shard, f64)> = None;
        for shard in self.shards.iter().filter(|s| s.open) {
            out.limit(
                "records written a second to the busiest shard",
                shard.records_used.used(now, q.write_records),
            );
            out.limit(
                "bytes written a second to the busiest shard",
                shard.bytes_used.used(now, q.write_bytes),
            );
            let most = shard.used(now, q);
            if hottest.is_none_or(|(_, before)| most > before) {
                hottest = Some((shard, most));
            }
        }
        out.values = vec![
            ("open shards", self.open_count() as f64, "shards"),
            ("waiting for readers", self.held() as f64, "records"),
        ];
        if let Some((shard, _)) = hottest {
            out.values
                .push(("busiest shard", f64::from(shard.lane), ""));
            if let Some((_, share)) = shard.top_keys.top() {
                out.values
                    .push(("share of its hottest key", 100.0 * share, "%"));
            }
        }
        out.state = Some(self.reshaping.state().to_owned());
        let mut shown = self.shown.borrow_mut();
        if shown.as_ref().is_none_or(|t| now.since(t.at) >= TABLE_STEP) {
            *shown = self.table(now).map(Arc::new);
        }
        out.table.clone_from(&shown);
    }
}
