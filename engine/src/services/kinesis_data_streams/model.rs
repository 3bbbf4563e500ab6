//! The running stream: what is written goes to shards within their limits and stays until every reader has it or the
//! retention ends. Reading is in `read.rs`.

use std::collections::{BTreeMap, VecDeque};

use arrow::array::UInt32Array;

use super::shards::{for_each_key, hash_key, range_of, range_starts};
use super::{Config, EXTENDED_RETENTION, PUT_UNIT, SHARD_HOUR};
use crate::books::LatencyLaw;
use crate::data::{Batch, BatchLog};
use crate::node::{
    Admit, Ask, BuildCx, Cx, FaultKind, Gauges, Node, NodeError, NodeResult, Notice, Payload,
    Retuned, Tag, TokenBucket, WireId,
};
use crate::units::{SimDuration, SimTime};

/// The AWS name of a refused write or read.
pub(super) const THROTTLED: &str = "ProvisionedThroughputExceededException";
const INTERNAL: &str = "InternalFailure";
const TIMER_EXPIRE: u32 = 0;
const TIMER_RESHARD: u32 = 1;
/// Entries that nobody reads are only counted, by the minute.
const COUNTING_STEP: SimDuration = SimDuration::secs(60);

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
    record_bytes: u64,
    key_chars: usize,
    put_unit_bytes: u64,
    included_hours: u32,
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
    write_records: TokenBucket,
    write_bytes: TokenBucket,
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
    config: Config,
    pub(super) quotas: Quotas,
    pub(super) get_law: LatencyLaw,
    reshard_law: LatencyLaw,
    starts: Vec<u128>,
    /// Lane of each hash range.
    range_lanes: Vec<usize>,
    pub(super) shards: Vec<Shard>,
    pub(super) readers: Vec<Reader>,
    pub(super) log: BatchLog,
    /// Lanes of log entries by number, to know when one may be forgotten: entries that still need the log.
    pub(super) needed: BTreeMap<u64, u32>,
    counted: u64,
    metered_until: SimTime,
    target: Option<u32>,
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
        };
        let log = BatchLog::new(LOG_BUDGET, cx.world.spill_dir.clone(), &cx.node);
        let mut model = Self {
            get_law: cx.latency("kinesis-data-streams.get_records")?,
            reshard_law: cx.latency("kinesis-data-streams.reshard")?,
            starts: Vec::new(),
            range_lanes: Vec::new(),
            shards: Vec::new(),
            readers: Vec::new(),
            log,
            needed: BTreeMap::new(),
            counted: 0,
            metered_until: SimTime::ZERO,
            target: None,
            quotas,
            config,
        };
        model.open_shards(model.config.shard_count);
        Ok(model)
    }
    /// Closes all open shards and opens `n` new ones over the whole hash range.
    fn open_shards(&mut self, n: u32) {
        for shard in &mut self.shards {
            shard.open = false;
        }
        self.starts = range_starts(n);
        self.range_lanes.clear();
        for _ in 0..n {
            self.range_lanes.push(self.shards.len());
            let lane = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
            let q = &self.quotas;
            self.shards.push(Shard {
                lane,
                open: true,
                write_records: TokenBucket::new(q.write_records),
                write_bytes: TokenBucket::new(q.write_bytes),
                read_bytes: TokenBucket::new(q.read_bytes),
                read_calls: TokenBucket::new(q.read_calls),
                locked_until: SimTime::ZERO,
                first: 0,
                entries: VecDeque::new(),
            });
        }
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
        self.meter(cx);
        let shards = config.shard_count;
        let old = self.config.shard_count;
        self.config = Config {
            shard_count: old,
            ..config
        };
        if shards == old {
            return Ok(Retuned::Live);
        }
        if self.target.is_some() {
            return Ok(Retuned::NextRun(
                "ResourceInUseException: the shards are being changed already".to_owned(),
            ));
        }
        if shards > old * 2 || shards < old.div_ceil(2) {
            return Ok(Retuned::NextRun(format!(
                "LimitExceededException: UpdateShardCount goes from {old} to at least {} and at most {}",
                old.div_ceil(2),
                old * 2
            )));
        }
        // One split or merge after the other.
        let mut takes = SimDuration::ZERO;
        for _ in 0..shards.abs_diff(old) {
            takes += cx.draw(&self.reshard_law);
        }
        self.target = Some(shards);
        cx.after(takes, Tag::new(TIMER_RESHARD, 0));
        cx.event(
            "resharding",
            format!(
                "UpdateShardCount from {old} to {shards} shards takes {:.0} s",
                takes.as_secs_f64()
            ),
        );
        Ok(Retuned::Live)
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
    /// Takes `batch` in, record by record, within the limits of each shard.
    fn put(&mut self, batch: Batch, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        let sorted = self.sort(&batch, cx)?;
        let weight = u64::from(batch.weight);
        let total = batch.records();
        let refused: u64 = sorted.refused.len() as u64 * weight;
        cx.metric("PutRecords.TotalRecords", total as f64);
        cx.metric("PutRecords.SuccessfulRecords", (total - refused) as f64);
        cx.metric("IncomingRecords", (total - refused) as f64);
        cx.meter(&PUT_UNIT, u128::from(sorted.units * weight));
        let whole = sorted.refused.is_empty() && sorted.by_shard.len() == 1;
        let kept = if whole {
            batch.clone()
        } else {
            batch.take(&UInt32Array::from(sorted.order))?
        };
        cx.metric("IncomingBytes", kept.bytes() as f64);
        let mut offset = 0;
        for (shard, rows) in sorted.by_shard {
            self.append(shard, kept.slice(offset, rows), cx)?;
            offset += rows;
        }
        if sorted.refused.is_empty() {
            return Ok(Admit::All);
        }
        let error = if sorted.throttled > 0 {
            THROTTLED
        } else {
            INTERNAL
        };
        if sorted.throttled > 0 {
            let n = sorted.throttled * weight;
            cx.metric("PutRecords.ThrottledRecords", n as f64);
            cx.metric("WriteProvisionedThroughputExceeded", n as f64);
            cx.throttled(THROTTLED, n);
        }
        let failures = sorted.refused.len() as u64 - sorted.throttled;
        if failures > 0 {
            cx.metric("PutRecords.FailedRecords", (failures * weight) as f64);
            cx.errored(failures * weight, || {
                format!("refuses records with {INTERNAL}")
            });
        }
        let refused = batch.take(&UInt32Array::from(sorted.refused))?;
        Ok(Admit::Partial { refused, error })
    }
    fn append(&mut self, shard: usize, part: Batch, cx: &mut Cx<'_>) -> NodeResult {
        let now = cx.now();
        let records = part.records();
        let rows = u32::try_from(part.len()).unwrap_or(u32::MAX);
        let lane = self.shards[shard].lane;
        if self.readers.is_empty() {
            self.counted += records;
            let entries = &mut self.shards[shard].entries;
            match entries
                .back_mut()
                .filter(|e| now.since(e.arrived) < COUNTING_STEP)
            {
                Some(entry) => entry.records += records,
                None => entries.push_back(Entry {
                    arrived: now,
                    log: None,
                    rows: 0,
                    records,
                }),
            }
            return Ok(());
        }
        cx.copied(records * (self.readers.len() as u64 - 1));
        for reader in &mut self.readers {
            reader.unread += records;
        }
        let number = self
            .log
            .append(part)
            .map_err(|e| NodeError::Fatal(e.to_string()))?;
        self.needed.insert(number, lane);
        self.shards[shard].entries.push_back(Entry {
            arrived: now,
            log: Some(number),
            rows,
            records,
        });
        Ok(())
    }
    /// Decides the shard and the fate of every row.
    fn sort(&mut self, batch: &Batch, cx: &mut Cx<'_>) -> NodeResult<Sorted> {
        let now = cx.now();
        let lost = cx.fault(FaultKind::ShardLoss).map(|f| f.shard);
        let shaky = cx.fault(FaultKind::Errors).is_some();
        let slow = cx.fault(FaultKind::Throttle).is_some();
        let weight = u64::from(batch.weight);
        let mut lanes: Vec<Vec<u32>> = vec![Vec::new(); self.range_lanes.len()];
        let (mut refused, mut throttled, mut units) = (Vec::new(), 0, 0);
        let keys = self.keys(batch, cx)?;
        for (row, (range, key_bytes)) in keys.into_iter().enumerate() {
            let index = u32::try_from(row).unwrap_or(u32::MAX);
            let shard = &mut self.shards[self.range_lanes[range]];
            let size = u64::from(batch.sizes[row]) + u64::from(key_bytes);
            let down = lost == Some(shard.lane) || (shaky && cx.strikes(FaultKind::Errors));
            if down || size > self.quotas.record_bytes {
                refused.push(index);
                continue;
            }
            // Both limits hold at once; a record that misses one takes from neither.
            let room = shard.write_records.available(now) >= weight
                && shard.write_bytes.available(now) >= size * weight;
            if !room || (slow && cx.strikes(FaultKind::Throttle)) {
                refused.push(index);
                throttled += 1;
                continue;
            }
            shard.write_records.overdraw(now, weight);
            shard.write_bytes.overdraw(now, size * weight);
            units += size.div_ceil(self.quotas.put_unit_bytes).max(1);
            lanes[range].push(index);
        }
        let by_shard = lanes
            .iter()
            .enumerate()
            .filter(|(_, rows)| !rows.is_empty());
        let by_shard = by_shard
            .map(|(range, rows)| (self.range_lanes[range], rows.len()))
            .collect();
        Ok(Sorted {
            by_shard,
            order: lanes.concat(),
            refused,
            throttled,
            units,
        })
    }
    /// The hash range and the key's length of every row.
    fn keys(&self, batch: &Batch, cx: &mut Cx<'_>) -> NodeResult<Vec<(usize, u32)>> {
        let mut keys = Vec::with_capacity(batch.len());
        if let Some(column) = batch.rows.column_by_name(&self.config.partition_key) {
            let starts = &self.starts;
            for_each_key(column, self.quotas.key_chars, |_, key| {
                let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
                let range = if starts.len() == 1 {
                    0
                } else {
                    range_of(starts, hash_key(key))
                };
                keys.push((range, length));
            })?;
        } else {
            // A random UUID as the key, as producers without an order of their own use: 36 bytes.
            let ranges = self.starts.len() as u64;
            keys.extend(
                (0..batch.len())
                    .map(|_| (usize::try_from(cx.rng().below(ranges)).unwrap_or(0), 36)),
            );
        }
        Ok(keys)
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
                    cx.dropped("retention ended and nobody reads", entry.records);
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
                        cx.dropped("retention ended before it was read", missed);
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
        let oldest = self.needed.first_key_value().map(|(n, _)| *n);
        self.log.forget_before(oldest.unwrap_or(u64::MAX));
    }
}

/// Bytes of memory for records that wait to be read; more is spilled to disk.
const LOG_BUDGET: usize = 256 << 20;

struct Sorted {
    /// Shard and number of rows, in the order of `order`.
    by_shard: Vec<(usize, usize)>,
    /// Accepted rows, shard by shard.
    order: Vec<u32>,
    refused: Vec<u32>,
    throttled: u64,
    units: u64,
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
            Ask::Reply { .. } => Ok(()),
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
        let used = |bucket: &TokenBucket| {
            let mut bucket = bucket.clone();
            1.0 - bucket.available(now) as f64 / bucket.rate() as f64
        };
        for shard in self.shards.iter().filter(|s| s.open) {
            out.limit(
                "records written a second to the busiest shard",
                used(&shard.write_records),
            );
            out.limit(
                "bytes written a second to the busiest shard",
                used(&shard.write_bytes),
            );
        }
        out.values
            .push(("open shards", self.open_count() as f64, "shards"));
        out.values
            .push(("waiting for readers", self.held() as f64, "records"));
        out.state = self.target.map(|_| "UPDATING".to_owned());
    }
}
