//! Reading, each reader at its own place: `GetRecords` within the shared limits of a shard, and `SubscribeToShard`, which
//! pushes to a consumer within limits of its own.

use std::collections::BTreeMap;

use super::model::{Model, Place, THROTTLED, TIMER_PUSH};
use crate::metrics::Part;
use crate::node::{
    Cx, Delivery, FaultKind, NodeError, NodeResult, Payload, Tag, TokenBucket, WireId,
};
use crate::units::{SimDuration, SimTime};

/// A subscription whose limit is used up goes on after this.
const REFILL: SimDuration = SimDuration::millis(50);

/// A consumer's subscription to one shard.
#[derive(Debug)]
pub(super) struct Push {
    bytes: TokenBucket,
    /// What the consumer said that it can take, as it has not said so again.
    records_left: u64,
    bytes_left: u64,
    /// Nothing overtakes what was pushed before.
    arrives: SimTime,
    /// A timer is set for when the limit has room again.
    waits: bool,
}

impl Push {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            bytes: TokenBucket::new(limit),
            records_left: 0,
            bytes_left: 0,
            arrives: SimTime::ZERO,
            waits: false,
        }
    }
    /// When what was pushed last arrives.
    pub(super) const fn arrives(&self) -> SimTime {
        self.arrives
    }
    /// The consumer can take so much.
    pub(super) const fn ready(&mut self, records: u64, bytes: u64) {
        self.records_left = records;
        self.bytes_left = bytes;
    }
}

/// What one call returns at the most.
struct Most {
    records: u64,
    bytes: u64,
    /// Set when there was more, but not within these bytes.
    filled: bool,
    /// Stream records and bytes that the call returns.
    got: (u64, u64),
}

impl Model {
    /// Answers a GetRecords call of the reader at the other end of `wire`.
    pub(super) fn poll(
        &mut self,
        wire: WireId,
        lane: u32,
        max_records: u64,
        max_bytes: u64,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let now = cx.now();
        let slow = cx.strikes(FaultKind::Throttle);
        if self.is_over(wire, lane) {
            self.tell_end(wire, lane, SimDuration::ZERO, cx);
            return Ok(());
        }
        let delay = cx.draw(&self.get_law);
        cx.metric("GetRecords.Latency", delay.as_millis_f64());
        let shard = &mut self.shards[lane as usize];
        let locked = now < shard.locked_until;
        let over =
            !locked && (shard.read_bytes.available(now) == 0 || !shard.read_calls.take(now, 1));
        if over {
            // A call over the limit costs the next second; those in that second do not prolong it.
            shard.locked_until = now + self.quotas.lockout_after_throttle;
        }
        if locked || over || slow {
            cx.metric("ReadProvisionedThroughputExceeded", 1.0);
            cx.incident("read-throttled", 1, || {
                format!("refuses GetRecords on shard {lane} with {THROTTLED}")
            });
            drop(cx.send(
                wire,
                Payload::Throttled {
                    lane,
                    error: THROTTLED,
                },
                delay,
            ));
            return Ok(());
        }
        let lost = cx
            .fault(FaultKind::ShardLoss)
            .is_some_and(|f| f.shard == lane);
        let mut most = Most {
            records: max_records.min(self.quotas.call_records),
            bytes: max_bytes.min(self.quotas.call_bytes),
            filled: false,
            got: (0, 0),
        };
        let read = if lost || self.waits_for_parents(wire, lane) {
            Delivery {
                lane,
                batches: Vec::new(),
                behind: self.behind(wire, lane, now),
                key: self.config.partition_key.as_str().into(),
                pushed: false,
            }
        } else {
            self.read(wire, lane, &mut most, delay, cx)?
        };
        let shard = &mut self.shards[lane as usize];
        let (records, bytes) = most.got;
        shard.read_bytes.overdraw(now, bytes);
        if most.filled && most.bytes == self.quotas.call_bytes {
            shard.locked_until = now + self.quotas.lockout_after_max;
        }
        cx.metric("GetRecords.Records", records as f64);
        cx.metric("GetRecords.Bytes", bytes as f64);
        let age = read
            .batches
            .last()
            .map_or(read.behind, |(arrived, _)| now.since(*arrived));
        cx.metric("GetRecords.IteratorAgeMilliseconds", age.as_millis_f64());
        self.tell_read(&read, bytes, false, cx);
        drop(cx.send(wire, Payload::Delivery(read), delay));
        if self.is_over(wire, lane) {
            self.tell_end(wire, lane, delay, cx);
        }
        self.wake_children(wire, lane, cx)
    }
    fn tell_read(&mut self, read: &Delivery, bytes: u64, pushed: bool, cx: &mut Cx<'_>) {
        let now = cx.now();
        let old = read.batches.iter().filter(|(at, _)| Self::is_old(*at, now));
        let old = old.map(|(_, b)| b.bytes()).sum();
        self.meter_read(bytes, old, pushed, cx);
    }
    /// The limit of a subscription has room again.
    pub(super) fn refilled(&mut self, wire: WireId, lane: u32) {
        if let Some(push) = self.subscription(wire, lane) {
            push.waits = false;
        }
    }
    fn subscription(&mut self, wire: WireId, lane: u32) -> Option<&mut Push> {
        let reader = self.readers.iter_mut().find(|r| r.wire == wire)?;
        reader.push.as_mut()?.get_mut(&lane)
    }
    /// New records came into `lane`: every consumer that subscribes to it gets them.
    pub(super) fn push_to_all(&mut self, lane: u32, cx: &mut Cx<'_>) -> NodeResult {
        for i in 0..self.readers.len() {
            if self.readers[i].push.is_some() {
                self.push(self.readers[i].wire, lane, cx)?;
            }
        }
        Ok(())
    }
    /// A closed shard that is read to its end lets its children go on.
    fn wake_children(&mut self, wire: WireId, lane: u32, cx: &mut Cx<'_>) -> NodeResult {
        if self.shards[lane as usize].open || !self.has_read(wire, lane) {
            return Ok(());
        }
        let reader = self.readers.iter().find(|r| r.wire == wire);
        let Some(push) = reader.and_then(|r| r.push.as_ref()) else {
            return Ok(());
        };
        let children: Vec<u32> = push.keys().copied().filter(|l| *l > lane).collect();
        children
            .into_iter()
            .try_for_each(|child| self.push(wire, child, cx))
    }
    /// Sends a consumer what it has not got of `lane`, as far as its limit and what it can take allow.
    pub(super) fn push(&mut self, wire: WireId, lane: u32, cx: &mut Cx<'_>) -> NodeResult {
        let now = cx.now();
        if self.is_over(wire, lane) {
            self.tell_end(wire, lane, SimDuration::ZERO, cx);
            return Ok(());
        }
        if self.has_read(wire, lane)
            || self.waits_for_parents(wire, lane)
            || cx
                .fault(FaultKind::ShardLoss)
                .is_some_and(|f| f.shard == lane)
        {
            return Ok(());
        }
        let call_bytes = self.quotas.call_bytes;
        let Some(push) = self.subscription(wire, lane) else {
            return Ok(());
        };
        if push.records_left == 0 || push.bytes_left == 0 || push.waits {
            return Ok(());
        }
        let room = push.bytes.available(now);
        if room == 0 {
            push.waits = true;
            let index = (u64::from(wire.0) << 32) | u64::from(lane);
            cx.after(REFILL, Tag::new(TIMER_PUSH, index));
            return Ok(());
        }
        let mut most = Most {
            records: push.records_left,
            bytes: push.bytes_left.min(room).min(call_bytes),
            filled: false,
            got: (0, 0),
        };
        let arrives = push.arrives;
        let delay = cx.draw(&self.push_law).max(arrives.since(now));
        let read = self.read(wire, lane, &mut most, delay, cx)?;
        let (records, bytes) = most.got;
        if let Some(push) = self.subscription(wire, lane) {
            push.arrives = now + delay;
            push.bytes.overdraw(now, bytes);
            push.records_left = push.records_left.saturating_sub(records);
            push.bytes_left = push.bytes_left.saturating_sub(bytes);
        }
        cx.metric("SubscribeToShardEvent.Records", records as f64);
        cx.metric("SubscribeToShardEvent.Bytes", bytes as f64);
        cx.metric(
            "SubscribeToShardEvent.MillisBehindLatest",
            read.behind.as_millis_f64(),
        );
        self.tell_read(&read, bytes, true, cx);
        let goes_on = !read.batches.is_empty();
        drop(cx.send(wire, Payload::Delivery(read), delay));
        if self.is_over(wire, lane) {
            self.tell_end(wire, lane, delay, cx);
        }
        if goes_on {
            self.push(wire, lane, cx)?;
        }
        self.wake_children(wire, lane, cx)
    }
    /// True when `lane` gives the reader nothing more, ever: it does not exist, or is closed and read.
    pub(super) fn is_over(&self, wire: WireId, lane: u32) -> bool {
        let shard = self.shards.get(lane as usize);
        shard.is_none_or(|s| !s.open && self.has_read(wire, lane))
    }
    /// True when the reader has read all that is in `lane`.
    fn has_read(&self, wire: WireId, lane: u32) -> bool {
        let Some(shard) = self.shards.get(lane as usize) else {
            return true;
        };
        let reader = self.readers.iter().find(|r| r.wire == wire);
        let place = reader.and_then(|r| r.places.get(&lane));
        let read = place.map_or(0, |p| p.entry);
        read >= shard.first + shard.entries.len() as u64
    }
    /// Records of a key stay in order over a change of shards only when the closed shard is read to its end first.
    fn waits_for_parents(&mut self, wire: WireId, lane: u32) -> bool {
        let mut parents = std::mem::take(&mut self.shards[lane as usize].parents);
        parents.retain(|p| !self.shards[*p as usize].entries.is_empty());
        let waits = parents.iter().any(|p| !self.has_read(wire, *p));
        self.shards[lane as usize].parents = parents;
        waits
    }
    /// Moves the reader on and returns what it passed: whole entries or parts, up to the limits, at least one record.
    fn read(
        &mut self,
        wire: WireId,
        lane: u32,
        most: &mut Most,
        delay: SimDuration,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Delivery> {
        let now = cx.now();
        let shard = &mut self.shards[lane as usize];
        let mut batches = Vec::new();
        let (mut records_left, mut bytes_left) = (most.records, most.bytes);
        let Some(reader) = self.readers.iter_mut().find(|r| r.wire == wire) else {
            return Ok(Delivery {
                lane,
                batches,
                behind: SimDuration::ZERO,
                key: self.config.partition_key.as_str().into(),
                pushed: false,
            });
        };
        let place = reader.places.entry(lane).or_default();
        while let Some(entry) = usize::try_from(place.entry - shard.first)
            .ok()
            .and_then(|i| shard.entries.get(i))
        {
            let Some(number) = entry.log else { break };
            let batch = self
                .log
                .get(number)
                .map_err(|e| NodeError::Fatal(e.to_string()))?;
            let from = place.row as usize;
            let weight = u64::from(batch.weight);
            let (rows, packs) = (u64::from(entry.rows.max(1)), u64::from(entry.packs.max(1)));
            // One row may stand for more records than a call returns: it comes alone.
            let room = (records_left / weight).saturating_mul(rows) / packs;
            let room = usize::try_from(room.max(u64::from(batches.is_empty())));
            let mut take = 0;
            for size in batch
                .sizes
                .iter()
                .skip(from)
                .take(room.unwrap_or(usize::MAX))
            {
                let size = (u64::from(*size) + u64::from(entry.overhead)) * weight;
                if size > bytes_left && (take > 0 || !batches.is_empty()) {
                    most.filled = true;
                    break;
                }
                bytes_left = bytes_left.saturating_sub(size);
                take += 1;
            }
            if take == 0 {
                break;
            }
            let part = batch.slice(from, take);
            let records = (take as u64 * packs).div_ceil(rows) * weight;
            records_left = records_left.saturating_sub(records);
            most.got.0 += records;
            most.got.1 += part.bytes() + u64::from(entry.overhead) * part.records();
            reader.unread -= part.records();
            let waited = now.since(entry.arrived);
            cx.passed(waited + delay, part.records());
            cx.spent(Part::Queue, waited, part.records());
            cx.spent(Part::Transfer, delay, part.records());
            batches.push((entry.arrived, part));
            if from + take == batch.len() {
                *place = Place {
                    entry: place.entry + 1,
                    row: 0,
                };
            } else {
                place.row += u32::try_from(take).unwrap_or(u32::MAX);
                break;
            }
        }
        let pushed = reader.push.is_some();
        self.trim(lane);
        Ok(Delivery {
            lane,
            batches,
            behind: self.behind(wire, lane, now),
            key: self.config.partition_key.as_str().into(),
            pushed,
        })
    }
    /// Age of the next record that the reader has not read.
    fn behind(&self, wire: WireId, lane: u32, now: SimTime) -> SimDuration {
        let shard = &self.shards[lane as usize];
        let reader = self.readers.iter().find(|r| r.wire == wire);
        let place = reader.and_then(|r| r.places.get(&lane));
        let skip = place.map_or(0, |p| p.entry).saturating_sub(shard.first);
        let next = usize::try_from(skip)
            .ok()
            .and_then(|i| shard.entries.get(i));
        next.map_or(SimDuration::ZERO, |e| {
            now.since(e.arrived).max(SimDuration::millis(1))
        })
    }
    /// Drops entries of `lane` that every reader has passed, its checkpoint included.
    pub(super) fn trim(&mut self, lane: u32) {
        let entry = |of: &BTreeMap<u32, Place>| of.get(&lane).map(|p| p.entry);
        let places = self.readers.iter().map(|r| {
            let place = entry(&r.places).unwrap_or(0);
            entry(&r.checkpoints).map_or(place, |mark| mark.min(place))
        });
        let Some(least) = places.min() else {
            return;
        };
        let shard = &mut self.shards[lane as usize];
        while shard.first < least {
            if let Some(number) = shard.entries.pop_front().and_then(|e| e.log) {
                self.needed.remove(&number);
            }
            shard.first += 1;
        }
        self.forget();
    }
}
