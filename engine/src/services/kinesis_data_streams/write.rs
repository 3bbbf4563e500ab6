//! Writing: `PutRecords` within the two limits of each shard, record by record.

use std::collections::BTreeMap;

use arrow::array::UInt32Array;

use super::hot::ONE_IN;
use super::model::{COUNTING_STEP, Entry, Model, THROTTLED};
use super::pack::Pack;
use super::shards::{explicit_keys, for_each_key, range_of};
use super::usage::{ingest_bytes, put_units};
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
    /// Payload units and rounded bytes of the stream records that were taken.
    units: u64,
    ingest: u64,
    /// With aggregation: stream records and added bytes of those taken, by range.
    packed: BTreeMap<u32, (u32, u32)>,
}

/// Where a row goes, and the key that says so.
#[derive(Debug, Clone, Copy)]
struct Key {
    range: u32,
    bytes: u32,
    /// Of records that the sender packs; otherwise 0.
    hash: u128,
}

/// How a stream record fares.
enum Fate {
    Taken,
    Throttled,
    Invalid,
    Failed,
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
        self.meter_write(
            sorted.units * weight,
            sorted.ingest * weight,
            batch.bytes() * taken / total.max(1),
            cx,
        );
        self.take(&batch, &sorted, cx)?;
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
    fn take(&mut self, batch: &Batch, sorted: &Sorted, cx: &mut Cx<'_>) -> NodeResult {
        let parts = parts(batch, &sorted.taken)?;
        let Some(bytes) = parts
            .iter()
            .map(|(_, part)| part.bytes())
            .reduce(|a, b| a + b)
        else {
            return Ok(());
        };
        cx.metric("IncomingBytes", bytes as f64);
        let mut lanes = Vec::new();
        for (range, part) in parts {
            cx.profile_keys(&part, &self.config.partition_key);
            let shard = self.range_lanes[range as usize];
            let rows = u32::try_from(part.len()).unwrap_or(u32::MAX);
            let packed = sorted.packed.get(&range).copied();
            let (packs, overhead) = packed.unwrap_or((rows, 0));
            self.append(shard, part, packs, overhead / rows.max(1), cx)?;
            lanes.push(self.shards[shard].lane);
        }
        for lane in lanes {
            self.push_to_all(lane, cx)?;
        }
        Ok(())
    }
    fn append(
        &mut self,
        shard: usize,
        part: Batch,
        packs: u32,
        overhead: u32,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let now = cx.now();
        let records = part.records();
        let state = &mut self.shards[shard];
        let weight = u64::from(part.weight);
        state.taken.0 += part.bytes() + u64::from(overhead) * records;
        state.taken.1 += u64::from(packs) * weight;
        let entries = &mut state.entries;
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
                    packs,
                    overhead,
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
            packs,
            overhead,
        });
        Ok(())
    }
    /// Decides the shard and the fate of every row.
    fn sort(&mut self, batch: &Batch, cx: &mut Cx<'_>) -> NodeResult<Sorted> {
        let weight = u64::from(batch.weight);
        let keys = self.keys(batch, cx)?;
        let mut sorted = Sorted::default();
        if batch.aggregate > 0 {
            self.sort_packed(batch, &keys, &mut sorted, cx);
        } else {
            for (row, key) in (0_u32..).zip(&keys) {
                let size = u64::from(batch.sizes[row as usize]) + u64::from(key.bytes);
                let fate = self.admit(key.range, size, weight, cx);
                sorted.count(&fate, key.range, &[row]);
                if matches!(fate, Fate::Taken) {
                    sorted.units += put_units(size, self.rules.put_unit_bytes);
                    sorted.ingest += ingest_bytes(size, self.rules.ingest_rounding);
                }
            }
        }
        sorted.by_range(self.starts.len());
        sorted.refused.sort_unstable();
        Ok(sorted)
    }
    /// The same for records that the sender packs, those of one shard together.
    fn sort_packed(&mut self, batch: &Batch, keys: &[Key], sorted: &mut Sorted, cx: &mut Cx<'_>) {
        let weight = u64::from(batch.weight);
        let most = u64::from(batch.aggregate);
        let mut open: BTreeMap<u32, Pack> = BTreeMap::new();
        let mut closed: Vec<(u32, Pack)> = Vec::new();
        for (row, key) in (0_u32..).zip(keys) {
            let data = u64::from(batch.sizes[row as usize]);
            let key_bytes = u64::from(key.bytes);
            let pack = open.entry(key.range).or_default();
            if !pack.add(row, key.hash, key_bytes, data, most) {
                closed.push((key.range, std::mem::take(pack)));
                pack.add(row, key.hash, key_bytes, data, most);
            }
        }
        closed.extend(open);
        for (range, pack) in closed {
            let size = pack.size();
            let fate = self.admit(range, size, weight, cx);
            sorted.count(&fate, range, &pack.rows);
            if matches!(fate, Fate::Taken) {
                sorted.units += put_units(size, self.rules.put_unit_bytes);
                sorted.ingest += ingest_bytes(size, self.rules.ingest_rounding);
                let data: u64 = pack
                    .rows
                    .iter()
                    .map(|r| u64::from(batch.sizes[*r as usize]))
                    .sum();
                let added = u32::try_from(size.saturating_sub(data)).unwrap_or(u32::MAX);
                let packed = sorted.packed.entry(range).or_default();
                *packed = (packed.0 + 1, packed.1.saturating_add(added));
            }
        }
    }
    /// Whether a stream record of `size` bytes, key included, is taken by the shard of a hash range.
    fn admit(&mut self, range: u32, size: u64, weight: u64, cx: &mut Cx<'_>) -> Fate {
        let now = cx.now();
        if size > u64::from(self.config.max_record_kib) * 1024 {
            return Fate::Invalid;
        }
        let shard = &mut self.shards[self.range_lanes[range as usize]];
        let lost = cx
            .fault(FaultKind::ShardLoss)
            .is_some_and(|f| f.shard == shard.lane);
        if lost || cx.strikes(FaultKind::Errors) {
            return Fate::Failed;
        }
        shard.records_asked.take(now, weight);
        shard.bytes_asked.take(now, size * weight);
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
        if room != (true, true) || cx.strikes(FaultKind::Throttle) {
            shard.throttled.take(now, weight);
            return Fate::Throttled;
        }
        shard.write_records.overdraw(now, weight);
        shard.write_bytes.overdraw(now, size * weight);
        shard.records_used.take(now, weight);
        shard.bytes_used.take(now, size * weight);
        Fate::Taken
    }
    /// The hash range and the key of every row.
    fn keys(&mut self, batch: &Batch, cx: &mut Cx<'_>) -> NodeResult<Vec<Key>> {
        let now = cx.now();
        let mut keys = Vec::with_capacity(batch.len());
        if let Some(column) = batch.rows.column_by_name(&self.config.partition_key) {
            let (starts, hashes) = (&self.starts, &mut self.hashes);
            let is_packed = batch.aggregate > 0;
            let mut noted: Vec<(u32, Vec<u8>)> = Vec::new();
            let mut since = self.since_noted;
            for_each_key(column, self.quotas.key_chars, |key| {
                let (range, hash) = if is_packed {
                    let hash = hashes.of(key);
                    (u32::try_from(range_of(starts, hash)).unwrap_or(0), hash)
                } else {
                    (hashes.range(key, starts), 0)
                };
                since += 1;
                if since >= ONE_IN {
                    since = 0;
                    noted.push((range, key.to_vec()));
                }
                keys.push(Key {
                    range,
                    bytes: u32::try_from(key.len()).unwrap_or(u32::MAX),
                    hash,
                });
            })?;
            self.since_noted = since;
            for (range, key) in noted {
                let shard = self.range_lanes[range as usize];
                self.shards[shard].top_keys.note(now, &key);
            }
        } else {
            // A random UUID as the key, as producers without an order of their own use.
            keys.extend((0..batch.len()).map(|_| {
                let hash =
                    (u128::from(cx.rng().next_u64()) << 64) | u128::from(cx.rng().next_u64());
                Key {
                    range: u32::try_from(range_of(&self.starts, hash)).unwrap_or(0),
                    bytes: UUID_BYTES,
                    hash,
                }
            }));
        }
        if let Some(column) = batch.rows.column_by_name(&self.config.explicit_hash_key) {
            for (key, own) in keys.iter_mut().zip(explicit_keys(column)?) {
                if let Some(hash) = own {
                    key.range = u32::try_from(range_of(&self.starts, hash)).unwrap_or(0);
                }
            }
        }
        Ok(keys)
    }
}

/// The rows of each range of `taken`, by range, in the order of the call within each.
fn parts(batch: &Batch, taken: &[(u32, u32)]) -> NodeResult<Vec<(u32, Batch)>> {
    let by_range = || taken.chunk_by(|a, b| a.0 == b.0);
    let follow = |part: &[(u32, u32)]| part.is_sorted_by(|a, b| b.1 == a.1 + 1);
    if by_range().all(follow) {
        // One range, or few rows: they share the buffers of the call.
        let part = |p: &[(u32, u32)]| (p[0].0, batch.slice(p[0].1 as usize, p.len()));
        return Ok(by_range().map(part).collect());
    }
    let rows: Vec<u32> = taken.iter().map(|(_, row)| *row).collect();
    let kept = batch.take(&UInt32Array::from(rows))?;
    let mut offset = 0;
    let part = |p: &[(u32, u32)]| {
        let part = kept.slice(offset, p.len());
        offset += p.len();
        (p[0].0, part)
    };
    Ok(by_range().map(part).collect())
}

impl Sorted {
    /// Brings what was taken in the order of its ranges, and of its rows within each.
    fn by_range(&mut self, ranges: usize) {
        let rows_rise = self.taken.is_sorted_by(|a, b| a.1 <= b.1);
        if !rows_rise || ranges > self.taken.len() {
            self.taken.sort_unstable();
            return;
        }
        // Few ranges: each row goes straight to its place.
        let mut next = vec![0_usize; ranges + 1];
        for (range, _) in &self.taken {
            next[*range as usize + 1] += 1;
        }
        for i in 1..next.len() {
            next[i] += next[i - 1];
        }
        let mut placed = vec![(0, 0); self.taken.len()];
        for pair in &self.taken {
            let place = &mut next[pair.0 as usize];
            placed[*place] = *pair;
            *place += 1;
        }
        self.taken = placed;
    }
    fn count(&mut self, fate: &Fate, range: u32, rows: &[u32]) {
        let n = rows.len() as u64;
        match fate {
            Fate::Taken => {
                self.taken.extend(rows.iter().map(|row| (range, *row)));
                return;
            }
            Fate::Throttled => self.throttled += n,
            Fate::Invalid => self.invalid += n,
            Fate::Failed => {}
        }
        self.refused.extend(rows);
    }
}
