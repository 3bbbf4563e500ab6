//! Writing: `PutRecords` within the two limits of each shard, record by record.

use arrow::array::UInt32Array;

use super::PUT_UNIT;
use super::model::{COUNTING_STEP, Entry, Model, THROTTLED};
use super::shards::{for_each_key, hash_key, range_of};
use crate::data::Batch;
use crate::node::{Admit, Cx, FaultKind, NodeError, NodeResult};

const INTERNAL: &str = "InternalFailure";
const INVALID: &str = "ValidationException";
/// Characters of a random UUID, the key of records that have no key of their own.
const UUID_BYTES: u32 = 36;

/// What becomes of each row of a call.
#[derive(Default)]
struct Sorted {
    /// Hash range and row of those taken, by range, in the order of the call within each.
    taken: Vec<(u32, u32)>,
    refused: Vec<u32>,
    throttled: u64,
    invalid: u64,
    units: u64,
}

impl Model {
    /// Takes `batch` in, record by record, within the limits of each shard.
    pub(super) fn put(&mut self, batch: Batch, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        let sorted = self.sort(&batch, cx)?;
        let weight = u64::from(batch.weight);
        let total = batch.records();
        let taken = sorted.taken.len() as u64 * weight;
        cx.metric("PutRecords.TotalRecords", total as f64);
        cx.metric("PutRecords.SuccessfulRecords", taken as f64);
        cx.metric("IncomingRecords", taken as f64);
        cx.meter(&PUT_UNIT, u128::from(sorted.units * weight));
        self.take(&batch, &sorted.taken, cx)?;
        if sorted.refused.is_empty() {
            return Ok(Admit::All);
        }
        let error = Self::tell_refusals(&sorted, weight, cx);
        if sorted.taken.is_empty() {
            let payload = crate::node::Payload::Records(batch);
            return Ok(Admit::Refused { payload, error });
        }
        let refused = batch.take(&UInt32Array::from(sorted.refused))?;
        Ok(Admit::Partial { refused, error })
    }
    /// Counts what is refused. One answer has one error name: the one that is worth another try comes first.
    fn tell_refusals(sorted: &Sorted, weight: u64, cx: &mut Cx<'_>) -> &'static str {
        let failures = sorted.refused.len() as u64 - sorted.throttled - sorted.invalid;
        if sorted.throttled > 0 {
            let n = sorted.throttled * weight;
            cx.metric("PutRecords.ThrottledRecords", n as f64);
            cx.metric("WriteProvisionedThroughputExceeded", n as f64);
            cx.throttled(THROTTLED, n);
        }
        if failures + sorted.invalid > 0 {
            let n = (failures + sorted.invalid) * weight;
            cx.metric("PutRecords.FailedRecords", n as f64);
        }
        if failures > 0 {
            cx.errored(failures * weight, || {
                format!("refuses records with {INTERNAL}")
            });
        }
        if sorted.invalid > 0 {
            cx.incident("invalid", sorted.invalid * weight, || {
                format!("refuses records that are too long with {INVALID}")
            });
        }
        match (sorted.throttled, failures) {
            (0, 0) => INVALID,
            (0, _) => INTERNAL,
            _ => THROTTLED,
        }
    }
    /// Puts the rows of `taken` into their shards.
    fn take(&mut self, batch: &Batch, taken: &[(u32, u32)], cx: &mut Cx<'_>) -> NodeResult {
        let (Some(first), Some(last)) = (taken.first(), taken.last()) else {
            return Ok(());
        };
        let kept = if taken.len() == batch.len() && first.0 == last.0 {
            batch.clone()
        } else {
            let rows: Vec<u32> = taken.iter().map(|(_, row)| *row).collect();
            batch.take(&UInt32Array::from(rows))?
        };
        cx.metric("IncomingBytes", kept.bytes() as f64);
        let mut offset = 0;
        for part in taken.chunk_by(|a, b| a.0 == b.0) {
            let shard = self.range_lanes[part[0].0 as usize];
            self.append(shard, kept.slice(offset, part.len()), cx)?;
            offset += part.len();
        }
        Ok(())
    }
    fn append(&mut self, shard: usize, part: Batch, cx: &mut Cx<'_>) -> NodeResult {
        let now = cx.now();
        let records = part.records();
        let entries = &mut self.shards[shard].entries;
        if self.readers.is_empty() {
            self.counted += records;
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
        let rows = u32::try_from(part.len()).unwrap_or(u32::MAX);
        let number = self
            .log
            .append(part)
            .map_err(|e| NodeError::Fatal(e.to_string()))?;
        self.needed.insert(number);
        entries.push_back(Entry {
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
        let mut sorted = Sorted::default();
        let keys = self.keys(batch, cx)?;
        for (row, (range, key_bytes)) in (0_u32..).zip(keys) {
            let shard = &mut self.shards[self.range_lanes[range as usize]];
            let size = u64::from(batch.sizes[row as usize]) + u64::from(key_bytes);
            if size > self.quotas.record_bytes {
                sorted.refused.push(row);
                sorted.invalid += 1;
                continue;
            }
            if lost == Some(shard.lane) || (shaky && cx.strikes(FaultKind::Errors)) {
                sorted.refused.push(row);
                continue;
            }
            // Both limits hold at once; a record that misses one takes from neither.
            let room = (
                shard.write_records.admits(now, weight),
                shard.write_bytes.admits(now, size * weight),
            );
            if !room.0 {
                shard.records_used.refuse(now);
            }
            if !room.1 {
                shard.bytes_used.refuse(now);
            }
            if room != (true, true) || (slow && cx.strikes(FaultKind::Throttle)) {
                sorted.refused.push(row);
                sorted.throttled += 1;
                continue;
            }
            shard.write_records.overdraw(now, weight);
            shard.write_bytes.overdraw(now, size * weight);
            shard.records_used.take(now, weight);
            shard.bytes_used.take(now, size * weight);
            sorted.units += size.div_ceil(self.quotas.put_unit_bytes).max(1);
            sorted.taken.push((range, row));
        }
        sorted.taken.sort_unstable();
        Ok(sorted)
    }
    /// The hash range and the key's length of every row.
    fn keys(&self, batch: &Batch, cx: &mut Cx<'_>) -> NodeResult<Vec<(u32, u32)>> {
        let mut keys = Vec::with_capacity(batch.len());
        if let Some(column) = batch.rows.column_by_name(&self.config.partition_key) {
            let starts = &self.starts;
            for_each_key(column, self.quotas.key_chars, |key| {
                let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
                let range = if starts.len() == 1 {
                    0
                } else {
                    range_of(starts, hash_key(key))
                };
                keys.push((u32::try_from(range).unwrap_or(0), length));
            })?;
        } else {
            // A random UUID as the key, as producers without an order of their own use.
            let ranges = self.starts.len() as u64;
            let mut range = || u32::try_from(cx.rng().below(ranges)).unwrap_or(0);
            keys.extend((0..batch.len()).map(|_| (range(), UUID_BYTES)));
        }
        Ok(keys)
    }
}
