//! The event source mapping of a stream: polls each shard, gathers batches, keeps them in order, retries what failed.

use std::collections::{BTreeMap, VecDeque};

use super::config::Config;
use crate::data::Batch;
use crate::node::{Ask, Cx, Delivery, NodeResult, Tag, WireId};
use crate::units::{SimDuration, SimTime};

/// A gathered batch, whole or half of one.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) lane: u32,
    pub(super) batch: Batch,
    /// When the stream took the last record in, for IteratorAge.
    pub(super) last_arrived: SimTime,
    /// When the mapping got the first record.
    pub(super) since: SimTime,
    /// Failed runs so far.
    pub(super) tries: u32,
    /// Time lost in them.
    pub(super) lost: SimDuration,
}

#[derive(Debug, Default)]
struct Lane {
    polling: bool,
    /// Arrived in the stream, got here, records.
    buffer: VecDeque<(SimTime, SimTime, Batch)>,
    rows: usize,
    bytes: u64,
    /// Batches that wait for a try before anything newer.
    first: VecDeque<Job>,
    at_work: u32,
    /// No try before this instant.
    blocked_until: SimTime,
}

/// All shards of one stream.
#[derive(Debug)]
pub(super) struct Mapping {
    wire: WireId,
    lanes: BTreeMap<u32, Lane>,
    poll_interval: SimDuration,
    batch_bytes: u64,
}

pub(super) const TIMER_POLL: u32 = 1;
pub(super) const TIMER_WINDOW: u32 = 2;

impl Mapping {
    pub(super) const fn new(wire: WireId, poll_interval: SimDuration, batch_bytes: u64) -> Self {
        Self {
            wire,
            lanes: BTreeMap::new(),
            poll_interval,
            batch_bytes,
        }
    }
    /// Records that wait here, weights included.
    pub(super) fn held(&self) -> u64 {
        let lane = |l: &Lane| {
            l.buffer.iter().map(|(_, _, b)| b.records()).sum::<u64>()
                + l.first.iter().map(|j| j.batch.records()).sum::<u64>()
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
        let enough = (config.batch_size * config.parallelization_factor) as usize;
        if state.polling || state.rows >= enough.max(1) {
            return;
        }
        state.polling = true;
        let ask = Ask::Poll {
            lane,
            max_records: 10_000,
            max_bytes: u64::MAX,
        };
        cx.ask(self.wire, ask, SimDuration::ZERO);
    }
    fn poll_later(&self, lane: u32, cx: &mut Cx<'_>) {
        cx.after(self.poll_interval, Tag::new(TIMER_POLL, u64::from(lane)));
    }
    pub(super) fn throttled(&self, lane: u32, cx: &mut Cx<'_>) {
        self.poll_later(lane, cx);
    }
    /// The poll timer of `lane` fired.
    pub(super) fn poll_due(&mut self, lane: u32, config: &Config, cx: &mut Cx<'_>) {
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.polling = false;
        }
        self.poll(lane, config, cx);
    }
    /// What a poll brought.
    pub(super) fn delivered(&mut self, delivery: Delivery, config: &Config, cx: &mut Cx<'_>) {
        let now = cx.now();
        let Some(lane) = self.lanes.get_mut(&delivery.lane) else {
            return;
        };
        if lane.rows == 0 && !delivery.batches.is_empty() && config.batch_window_seconds > 0 {
            let window = SimDuration::secs(u64::from(config.batch_window_seconds));
            cx.after(window, Tag::new(TIMER_WINDOW, u64::from(delivery.lane)));
        }
        for (arrived, batch) in delivery.batches {
            lane.rows += batch.len();
            lane.bytes += batch.bytes();
            lane.buffer.push_back((arrived, now, batch));
        }
        if delivery.behind > SimDuration::ZERO {
            // More is there already: the next call goes out as soon as there is room.
            lane.polling = false;
            self.poll(delivery.lane, config, cx);
        } else {
            self.poll_later(delivery.lane, cx);
        }
    }
    /// The lanes that exist.
    pub(super) fn lanes(&self) -> Vec<u32> {
        self.lanes.keys().copied().collect()
    }
    /// The next batch of `lane` that may run now.
    pub(super) fn next(
        &mut self,
        lane: u32,
        config: &Config,
        now: SimTime,
    ) -> NodeResult<Option<Job>> {
        let limit = self.batch_bytes;
        let Some(state) = self.lanes.get_mut(&lane) else {
            return Ok(None);
        };
        if state.at_work >= config.parallelization_factor || now < state.blocked_until {
            return Ok(None);
        }
        if let Some(job) = state.first.pop_front() {
            state.at_work += 1;
            return Ok(Some(job));
        }
        let full = state.rows >= config.batch_size as usize || state.bytes >= limit;
        let window = SimDuration::secs(u64::from(config.batch_window_seconds));
        let waited = state
            .buffer
            .front()
            .is_some_and(|(_, since, _)| now.since(*since) >= window);
        if state.buffer.is_empty() || !(full || waited) {
            return Ok(None);
        }
        let job = state.gather(lane, config.batch_size as usize, limit, now)?;
        state.at_work += 1;
        Ok(Some(job))
    }
    /// A run of a batch of `lane` has ended, well or not.
    pub(super) fn done(&mut self, lane: u32) {
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.at_work -= 1;
        }
    }
    /// `job` is to run again, before anything newer of its shard, not before `at`.
    pub(super) fn again(&mut self, job: Job, at: SimTime, cx: &mut Cx<'_>) {
        let lane = job.lane;
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.blocked_until = state.blocked_until.max(at);
            state.first.push_front(job);
            cx.at(at, Tag::new(TIMER_WINDOW, u64::from(lane)));
        }
    }
}

impl Lane {
    /// Takes up to `size` rows and `limit` bytes, at least one row, from the front of the buffer.
    fn gather(&mut self, lane: u32, size: usize, limit: u64, now: SimTime) -> NodeResult<Job> {
        let mut parts: Vec<Batch> = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        let (mut last_arrived, mut since) = (SimTime::ZERO, now);
        while rows < size && bytes < limit {
            let Some((arrived, got, batch)) = self.buffer.pop_front() else {
                break;
            };
            // Batches of another schema or weight begin a batch of their own.
            if parts
                .first()
                .is_some_and(|p| p.schema() != batch.schema() || p.weight != batch.weight)
            {
                self.buffer.push_front((arrived, got, batch));
                break;
            }
            let mut take = batch.len().min(size - rows);
            let mut taken_bytes = 0;
            for (i, n) in batch.sizes.iter().take(take).enumerate() {
                let n = u64::from(*n) * u64::from(batch.weight);
                if bytes + taken_bytes + n > limit && (i > 0 || rows > 0) {
                    take = i;
                    break;
                }
                taken_bytes += n;
            }
            if take < batch.len() {
                self.buffer
                    .push_front((arrived, got, batch.slice(take, batch.len() - take)));
            }
            if take == 0 {
                break;
            }
            since = since.min(got);
            last_arrived = last_arrived.max(arrived);
            rows += take;
            bytes += taken_bytes;
            parts.push(batch.slice(0, take));
        }
        self.rows -= rows;
        self.bytes -= bytes.min(self.bytes);
        let batch = if parts.len() == 1 {
            parts.swap_remove(0)
        } else {
            Batch::concat(&parts)?
        };
        Ok(Job {
            lane,
            batch,
            last_arrived,
            since,
            tries: 0,
            lost: SimDuration::ZERO,
        })
    }
}
