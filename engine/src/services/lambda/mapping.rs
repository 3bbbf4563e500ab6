//! The event source mapping of a stream: polls each shard, gathers batches, keeps them in order, retries what failed.
//!
//! A shard has as many parts as the parallelization factor. The records of one partition key are always of one part, and a part
//! has one batch at a time, its retries and halves included: so the order of a key holds, and a batch that fails blocks its part,
//! which with one part is the shard.

use std::collections::{BTreeMap, VecDeque};

use arrow::array::UInt32Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::config::Config;
use crate::data::Batch;
use crate::node::{Ask, Cx, Delivery, NodeError, NodeResult, Tag, WireId};
use crate::units::{SimDuration, SimTime};

pub(super) const TIMER_POLL: u32 = 1;
pub(super) const TIMER_WINDOW: u32 = 2;
/// Records of one GetRecords call at the most.
const POLL_RECORDS: u32 = 10_000;
/// A mapping that is behind polls as often as a shard allows one reader.
const CATCH_UP: SimDuration = SimDuration::millis(200);

/// A gathered batch, whole or half of one.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) lane: u32,
    /// The slot of its shard that it has.
    pub(super) slot: u64,
    pub(super) batch: Batch,
    /// The number of the first record in its shard.
    pub(super) first: u64,
    /// When the stream took the last record in, for `IteratorAge`.
    pub(super) last_arrived: SimTime,
    /// When the mapping got its records, on average.
    pub(super) since: SimTime,
    /// Failed runs so far.
    pub(super) tries: u32,
    /// When its first run began, if one did.
    pub(super) first_run: Option<SimTime>,
}

/// A place for one batch at a time.
#[derive(Debug)]
struct Slot {
    number: u64,
    running: bool,
    /// What waits for another try: a batch, or its halves in order.
    waiting: VecDeque<Job>,
    /// No try before this instant.
    not_before: SimTime,
}

#[derive(Debug, Default)]
struct Lane {
    polling: bool,
    parts: Vec<Part>,
    /// Rows that went into batches so far.
    taken: u64,
}

/// Records of some keys of a shard.
#[derive(Debug, Default)]
struct Part {
    /// Arrived in the stream, got here, records.
    buffer: VecDeque<(SimTime, SimTime, Batch)>,
    records: u64,
    bytes: u64,
    slot: Option<Slot>,
    /// The instant of the latest timer for the end of a batch window.
    window_ends: SimTime,
}

/// All shards of one stream.
#[derive(Debug)]
pub(super) struct Mapping {
    wire: WireId,
    lanes: BTreeMap<u32, Lane>,
    poll_interval: SimDuration,
    batch_bytes: u64,
    next_slot: u64,
}

impl Mapping {
    pub(super) const fn new(wire: WireId, poll_interval: SimDuration, batch_bytes: u64) -> Self {
        Self {
            wire,
            lanes: BTreeMap::new(),
            poll_interval,
            batch_bytes,
            next_slot: 0,
        }
    }
    /// Records that wait here, weights included.
    pub(super) fn held(&self) -> u64 {
        let lane = |l: &Lane| {
            let slots = l.parts.iter().filter_map(|p| p.slot.as_ref());
            let waiting = slots.flat_map(|s| &s.waiting);
            l.parts.iter().map(|p| p.records).sum::<u64>()
                + waiting.map(|j| j.batch.records()).sum::<u64>()
        };
        self.lanes.values().map(lane).sum()
    }
    pub(super) fn open(&mut self, lanes: &[u32], config: &Config, cx: &mut Cx<'_>) {
        for lane in lanes {
            self.lanes.entry(*lane).or_default();
            self.poll(*lane, config, cx);
        }
    }
    /// Polls `lane` unless a poll is out or enough waits here.
    pub(super) fn poll(&mut self, lane: u32, config: &Config, cx: &mut Cx<'_>) {
        let Some(state) = self.lanes.get_mut(&lane) else {
            return;
        };
        let enough = u64::from(config.batch_size) * u64::from(config.parallelization_factor);
        let sum = |of: fn(&Part) -> u64| state.parts.iter().map(of).sum::<u64>();
        let full = sum(|p| p.records) >= enough || sum(|p| p.bytes) >= self.batch_bytes;
        if state.polling || full {
            return;
        }
        state.polling = true;
        let ask = Ask::Poll {
            lane,
            max_records: POLL_RECORDS,
            max_bytes: self.batch_bytes,
        };
        cx.ask(self.wire, ask, SimDuration::ZERO);
    }
    /// The stream refused a poll: the next comes after the usual interval.
    pub(super) fn throttled(&self, lane: u32, cx: &mut Cx<'_>) {
        cx.after(self.poll_interval, Tag::new(TIMER_POLL, u64::from(lane)));
    }
    /// The poll timer of `lane` fired.
    pub(super) fn poll_due(&mut self, lane: u32, config: &Config, cx: &mut Cx<'_>) {
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.polling = false;
        }
        self.poll(lane, config, cx);
    }
    /// What a poll brought.
    ///
    /// # Errors
    /// A key that cannot be read.
    pub(super) fn delivered(
        &mut self,
        delivery: Delivery,
        config: &Config,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let now = cx.now();
        let Some(lane) = self.lanes.get_mut(&delivery.lane) else {
            return Ok(());
        };
        let parts = config.parallelization_factor.max(1) as usize;
        if lane.parts.len() < parts {
            lane.parts.resize_with(parts, Part::default);
        }
        for (arrived, batch) in delivery.batches {
            lane.spread(&batch, &delivery.key, parts, config, (arrived, now))?;
        }
        let wait = if delivery.behind > SimDuration::ZERO {
            CATCH_UP
        } else {
            self.poll_interval
        };
        cx.after(wait, Tag::new(TIMER_POLL, u64::from(delivery.lane)));
        Ok(())
    }
    /// The lanes that exist.
    pub(super) fn lanes(&self) -> Vec<u32> {
        self.lanes.keys().copied().collect()
    }
    /// The next batch of `lane` that may run now: one that is to be tried again, or a new one when a slot is free and the
    /// batch is full or its window has ended.
    pub(super) fn next(
        &mut self,
        lane: u32,
        config: &Config,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Option<Job>> {
        let now = cx.now();
        let Some(state) = self.lanes.get_mut(&lane) else {
            return Ok(None);
        };
        for part in &mut state.parts {
            if let Some(slot) = &mut part.slot {
                if !slot.running
                    && now >= slot.not_before
                    && let Some(job) = slot.waiting.pop_front()
                {
                    slot.running = true;
                    return Ok(Some(job));
                }
                continue;
            }
            let Some((_, since, _)) = part.buffer.front() else {
                continue;
            };
            let full =
                part.records >= u64::from(config.batch_size) || part.bytes >= self.batch_bytes;
            let ends = *since + SimDuration::secs(u64::from(config.batch_window_seconds));
            if !full && now < ends {
                if part.window_ends != ends {
                    part.window_ends = ends;
                    cx.at(ends, Tag::new(TIMER_WINDOW, u64::from(lane)));
                }
                continue;
            }
            let number = self.next_slot;
            self.next_slot += 1;
            let mut job = part.gather(config, self.batch_bytes)?;
            (job.lane, job.slot, job.first) = (lane, number, state.taken);
            state.taken += job.batch.len() as u64;
            part.slot = Some(Slot {
                number,
                running: true,
                waiting: VecDeque::new(),
                not_before: now,
            });
            return Ok(Some(job));
        }
        Ok(None)
    }
    fn slot(&mut self, lane: u32, number: u64) -> Option<&mut Option<Slot>> {
        let parts = &mut self.lanes.get_mut(&lane)?.parts;
        let mut slots = parts.iter_mut().map(|p| &mut p.slot);
        slots.find(|s| s.as_ref().is_some_and(|s| s.number == number))
    }
    /// A batch is through or given up: its slot goes on with what else waits in it, or becomes free.
    pub(super) fn done(&mut self, lane: u32, slot: u64) {
        if let Some(place) = self.slot(lane, slot)
            && let Some(slot) = place
        {
            slot.running = false;
            if slot.waiting.is_empty() {
                *place = None;
            }
        }
    }
    /// `jobs` of one slot are to run, in their order, not before `at`.
    pub(super) fn again(&mut self, jobs: Vec<Job>, at: SimTime, cx: &mut Cx<'_>) {
        let Some((lane, number)) = jobs.first().map(|j| (j.lane, j.slot)) else {
            return;
        };
        if let Some(Some(slot)) = self.slot(lane, number) {
            slot.running = false;
            slot.not_before = at;
            for job in jobs.into_iter().rev() {
                slot.waiting.push_front(job);
            }
            cx.at(at, Tag::new(TIMER_WINDOW, u64::from(lane)));
        }
    }
}

impl Job {
    /// Both halves, the first of which runs first.
    pub(super) fn halves(&self) -> (Self, Self) {
        let rows = self.batch.len();
        let half = rows / 2;
        (self.part(0, half), self.part(half, rows - half))
    }
    /// Rows of it as a batch of its own.
    pub(super) fn part(&self, offset: usize, len: usize) -> Self {
        Self {
            batch: self.batch.slice(offset, len),
            first: self.first + offset as u64,
            ..self.clone()
        }
    }
}

impl Lane {
    /// Gives the rows of `batch` to `parts` parts, those of one key to the same. Rows without a key go, a batch's worth at a time,
    /// to the part that has least.
    fn spread(
        &mut self,
        batch: &Batch,
        key: &str,
        parts: usize,
        config: &Config,
        (arrived, got): (SimTime, SimTime),
    ) -> NodeResult {
        if parts == 1 {
            self.parts[0].push(arrived, got, batch.clone());
            return Ok(());
        }
        let Some(column) = batch.rows.column_by_name(key) else {
            let size = (config.batch_size / batch.weight).max(1) as usize;
            for from in (0..batch.len()).step_by(size) {
                let piece = batch.slice(from, size.min(batch.len() - from));
                let least = self.parts[..parts].iter_mut().min_by_key(|p| p.records);
                if let Some(part) = least {
                    part.push(arrived, got, piece);
                }
            }
            return Ok(());
        };
        let format = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::default())
            .map_err(|e| NodeError::Fatal(format!("the partition key cannot be read: {e}")))?;
        let mut rows = vec![Vec::new(); parts];
        for (i, row) in (0..batch.len()).zip(0_u32..) {
            let text = format.value(i).to_string();
            let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            });
            let part = usize::try_from(hash % parts as u64).unwrap_or(0);
            rows[part].push(row);
        }
        for (part, rows) in self.parts.iter_mut().zip(rows) {
            if !rows.is_empty() {
                part.push(arrived, got, batch.take(&UInt32Array::from(rows))?);
            }
        }
        Ok(())
    }
}

/// The mean of instants whose sum is `sum`.
pub(super) fn mean(sum: u128, records: u64) -> SimTime {
    SimTime(u64::try_from(sum / u128::from(records.max(1))).unwrap_or(0))
}

impl Part {
    fn push(&mut self, arrived: SimTime, got: SimTime, batch: Batch) {
        if batch.is_empty() {
            return;
        }
        self.records += batch.records();
        self.bytes += batch.bytes();
        self.buffer.push_back((arrived, got, batch));
    }
    /// Takes one batch from the front of the buffer: at least one row.
    fn gather(&mut self, config: &Config, limit: u64) -> NodeResult<Job> {
        let size = u64::from(config.batch_size);
        let mut parts: Vec<Batch> = Vec::new();
        let (mut records, mut bytes) = (0, 0);
        let (mut last_arrived, mut waits) = (SimTime::ZERO, 0_u128);
        while let Some((arrived, got, batch)) = self.buffer.pop_front() {
            // Batches of another schema or weight begin a batch of their own.
            let joins = parts
                .first()
                .is_none_or(|p| p.schema() == batch.schema() && p.weight == batch.weight);
            let weight = u64::from(batch.weight);
            let room = if joins { (size - records) / weight } else { 0 };
            let mut take = 0;
            for n in &batch.sizes {
                let n = u64::from(*n) * weight;
                let first = parts.is_empty() && take == 0;
                if !first && (take >= room || bytes + n > limit) {
                    break;
                }
                bytes += n;
                take += 1;
            }
            let taken = usize::try_from(take).unwrap_or(usize::MAX).min(batch.len());
            let whole = taken == batch.len();
            if !whole {
                let rest = batch.slice(taken, batch.len() - taken);
                self.buffer.push_front((arrived, got, rest));
            }
            if taken > 0 {
                waits += u128::from(got.0) * u128::from(take * weight);
                last_arrived = last_arrived.max(arrived);
                records += take * weight;
                parts.push(if whole { batch } else { batch.slice(0, taken) });
            }
            if !whole || records >= size {
                break;
            }
        }
        self.records -= records;
        self.bytes -= bytes;
        let batch = if parts.len() == 1 {
            parts.swap_remove(0)
        } else {
            Batch::concat(&parts)?
        };
        Ok(Job {
            lane: 0,
            slot: 0,
            first: 0,
            batch,
            last_arrived,
            since: mean(waits, records),
            tries: 0,
            first_run: None,
        })
    }
}
