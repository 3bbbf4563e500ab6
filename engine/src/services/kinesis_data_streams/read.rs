//! Reading: GetRecords within the shared limits of a shard, each reader at its own place.

use super::model::{Model, Place, THROTTLED};
use crate::metrics::Part;
use crate::node::{Cx, Delivery, FaultKind, NodeError, NodeResult, Payload, WireId};
use crate::units::{SimDuration, SimTime};

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
        let delay = cx.draw(&self.get_law);
        cx.metric("GetRecords.Latency", delay.as_millis_f64());
        let slow = cx.strikes(FaultKind::Throttle);
        let Some(shard) = self.shards.get_mut(lane as usize) else {
            return Ok(());
        };
        let allowed = now >= shard.locked_until
            && shard.read_calls.take(now, 1)
            && shard.read_bytes.available(now) > 0;
        if !allowed || slow {
            shard.locked_until = shard
                .locked_until
                .max(now + self.quotas.lockout_after_throttle);
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
        let max_records = if lost {
            0
        } else {
            max_records.min(self.quotas.call_records)
        };
        let read = self.read(
            wire,
            lane,
            max_records,
            max_bytes.min(self.quotas.call_bytes),
            cx,
        )?;
        let shard = &mut self.shards[lane as usize];
        let (records, bytes) = read
            .batches
            .iter()
            .fold((0, 0), |(r, b), (_, x)| (r + x.records(), b + x.bytes()));
        shard.read_bytes.overdraw(now, bytes);
        if bytes >= self.quotas.call_bytes {
            shard.locked_until = now + self.quotas.lockout_after_max;
        }
        cx.metric("GetRecords.Records", records as f64);
        cx.metric("GetRecords.Bytes", bytes as f64);
        let age = read
            .batches
            .last()
            .map_or(SimDuration::ZERO, |(arrived, _)| now.since(*arrived));
        cx.metric("GetRecords.IteratorAgeMilliseconds", age.as_millis_f64());
        drop(cx.send(wire, Payload::Delivery(read), delay));
        Ok(())
    }
    /// Moves the reader on and returns what it passed: whole entries or parts, up to the limits, at least one record.
    fn read(
        &mut self,
        wire: WireId,
        lane: u32,
        max_records: u64,
        max_bytes: u64,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Delivery> {
        let now = cx.now();
        let shard = &mut self.shards[lane as usize];
        let mut batches = Vec::new();
        let (mut records_left, mut bytes_left) = (max_records, max_bytes);
        let Some(reader) = self.readers.iter_mut().find(|r| r.wire == wire) else {
            return Ok(Delivery {
                lane,
                batches,
                behind: SimDuration::ZERO,
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
            let room = usize::try_from(records_left / weight).unwrap_or(usize::MAX);
            let mut take = 0;
            for size in batch.sizes.iter().skip(from).take(room) {
                let size = u64::from(*size) * weight;
                if size > bytes_left && (take > 0 || !batches.is_empty()) {
                    break;
                }
                bytes_left = bytes_left.saturating_sub(size);
                take += 1;
            }
            if take == 0 {
                break;
            }
            let part = batch.slice(from, take);
            records_left -= part.records();
            reader.unread -= part.records();
            let waited = now.since(entry.arrived);
            cx.passed(waited, part.records());
            cx.spent(Part::Queue, waited, part.records());
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
        let newest = shard.entries.back().map_or(now, |e| e.arrived);
        let next: Option<SimTime> = usize::try_from(place.entry - shard.first)
            .ok()
            .and_then(|i| shard.entries.get(i))
            .map(|e| e.arrived);
        let behind = next.map_or(SimDuration::ZERO, |n| {
            newest.since(n).max(SimDuration::millis(1))
        });
        self.trim(lane);
        Ok(Delivery {
            lane,
            batches,
            behind,
        })
    }
    /// Drops entries of `lane` that every reader has passed.
    fn trim(&mut self, lane: u32) {
        let places = self
            .readers
            .iter()
            .map(|r| r.places.get(&lane).map_or(0, |p| p.entry));
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
