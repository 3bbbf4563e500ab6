//! The event source mapping of a stream: polls each shard, gathers batches, keeps them in order, retries what failed.
//!
//! A shard has as many slots as the parallelization factor. A batch takes a slot until it is through or given up, its
//! retries and halves included: with one slot, a batch that fails blocks its shard.

use std::collections::{BTreeMap, VecDeque};

use super::config::Config;
use crate::data::Batch;
use crate::node::{Ask, Cx, Delivery, NodeResult, Tag, WireId};
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
    /// When the mapping got the first record.
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
    /// Arrived in the stream, got here, records.
    buffer: VecDeque<(SimTime, SimTime, Batch)>,
    records: u64,
    bytes: u64,
    /// Rows that went into batches so far.
    taken: u64,
    slots: Vec<Slot>,
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
            let waiting = l.slots.iter().flat_map(|s| &s.waiting);
            l.buffer.iter().map(|(_, _, b)| b.records()).sum::<u64>()
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
        let full = state.records >= enough || state.bytes >= self.batch_bytes;
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
    pub(super) fn delivered(&mut self, delivery: Delivery, cx: &mut Cx<'_>) {
        let now = cx.now();
        let Some(lane) = self.lanes.get_mut(&delivery.lane) else {
            return;
        };
        for (arrived, batch) in delivery.batches {
            lane.records += batch.records();
            lane.bytes += batch.bytes();
            lane.buffer.push_back((arrived, now, batch));
        }
        let wait = if delivery.behind > SimDuration::ZERO {
            CATCH_UP
        } else {
            self.poll_interval
        };
        cx.after(wait, Tag::new(TIMER_POLL, u64::from(delivery.lane)));
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
        let ready = |s: &&mut Slot| !s.running && now >= s.not_before;
        if let Some(slot) = state.slots.iter_mut().find(ready)
            && let Some(job) = slot.waiting.pop_front()
        {
            slot.running = true;
            return Ok(Some(job));
        }
        let Some((_, since, _)) = state.buffer.front() else {
            return Ok(None);
        };
        if state.slots.len() >= config.parallelization_factor as usize {
            return Ok(None);
        }
        let full = state.records >= u64::from(config.batch_size) || state.bytes >= self.batch_bytes;
        let ends = *since + SimDuration::secs(u64::from(config.batch_window_seconds));
        if !full && now < ends {
            if state.window_ends != ends {
                state.window_ends = ends;
                cx.at(ends, Tag::new(TIMER_WINDOW, u64::from(lane)));
            }
            return Ok(None);
        }
        let number = self.next_slot;
        self.next_slot += 1;
        let job = state.gather(lane, number, config, self.batch_bytes)?;
        state.slots.push(Slot {
            number,
            running: true,
            waiting: VecDeque::new(),
            not_before: now,
        });
        Ok(Some(job))
    }
    /// A batch is through or given up: its slot goes on with what else waits in it, or becomes free.
    pub(super) fn done(&mut self, lane: u32, slot: u64) {
        let Some(state) = self.lanes.get_mut(&lane) else {
            return;
        };
        if let Some(slot) = state.slots.iter_mut().find(|s| s.number == slot) {
            slot.running = false;
        }
        state.slots.retain(|s| s.running || !s.waiting.is_empty());
    }
    /// `jobs` of one slot are to run, in their order, not before `at`.
    pub(super) fn again(&mut self, jobs: Vec<Job>, at: SimTime, cx: &mut Cx<'_>) {
        let Some((lane, number)) = jobs.first().map(|j| (j.lane, j.slot)) else {
            return;
        };
        let slots = self.lanes.get_mut(&lane).map(|l| &mut l.slots);
        if let Some(slot) = slots.and_then(|s| s.iter_mut().find(|s| s.number == number)) {
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
    /// Takes one batch from the front of the buffer: at least one row.
    fn gather(&mut self, lane: u32, slot: u64, config: &Config, limit: u64) -> NodeResult<Job> {
        let size = u64::from(config.batch_size);
        let mut parts: Vec<Batch> = Vec::new();
        let (mut records, mut bytes) = (0, 0);
        let (mut last_arrived, mut since) = (SimTime::ZERO, SimTime::MAX);
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
                since = since.min(got);
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
        let first = self.taken;
        self.taken += batch.len() as u64;
        Ok(Job {
            lane,
            slot,
            first,
            batch,
            last_arrived,
            since,
            tries: 0,
            first_run: None,
        })
    }
}
