//! The transform: its own buffer for each lane, calls to the function with a bound on those under way, retries, and what
//! failed for good.

use std::collections::{BTreeMap, VecDeque};

use super::buffer::Came;
use super::config::Config;
use crate::data::Batch;
use crate::node::{CallId, Cx, Payload, ReplyStatus, Tag, WireId};
use crate::units::{SimDuration, SimTime};

pub(super) const TIMER_FLUSH: u32 = 2;
pub(super) const TIMER_RETRY: u32 = 3;

/// Records on their way, with the instant that each batch came in.
pub(super) type Arrived = (SimTime, Batch);

#[derive(Debug, Default)]
struct Lane {
    waiting: Vec<Arrived>,
    /// When the first of them came.
    since: SimTime,
    bytes: u64,
    /// Counts flushes, so that a timer of an earlier buffer is known as stale.
    generation: u32,
    /// Calls that wait for a free slot.
    queue: VecDeque<Call>,
    under_way: usize,
}

#[derive(Debug)]
struct Call {
    lane: u32,
    parts: Vec<Arrived>,
    tries: u64,
    begun: SimTime,
}

/// A call that has been answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// These records go on.
    Done {
        lane: u32,
        /// When the records of the call came.
        since: Came,
        /// What the function made of them, and when that came.
        batches: Vec<(Came, Batch)>,
        /// What the function itself gave back as failed.
        failed: Vec<Batch>,
        /// Calls that were made.
        attempts: u64,
    },
    /// Given up after all tries.
    Failed {
        lane: u32,
        parts: Vec<Arrived>,
        status: ReplyStatus,
        /// Calls that were made.
        attempts: u64,
    },
    /// Will be tried again.
    Retrying,
}

#[derive(Debug)]
pub(super) struct Transform {
    pub(super) wire: WireId,
    lanes: BTreeMap<u32, Lane>,
    calls: BTreeMap<CallId, Call>,
    retries: BTreeMap<u64, Call>,
    next_retry: u64,
    max_calls: usize,
    max_tries: u64,
}

impl Transform {
    pub(super) const fn new(wire: WireId, max_calls: usize, max_tries: u64) -> Self {
        Self {
            wire,
            lanes: BTreeMap::new(),
            calls: BTreeMap::new(),
            retries: BTreeMap::new(),
            next_retry: 0,
            max_calls,
            max_tries,
        }
    }
    /// Records here, but for those with the function.
    pub(super) fn held(&self) -> u64 {
        let sum = |parts: &[Arrived]| parts.iter().map(|(_, b)| b.records()).sum::<u64>();
        let lanes = self
            .lanes
            .values()
            .map(|l| sum(&l.waiting) + l.queue.iter().map(|c| sum(&c.parts)).sum::<u64>());
        lanes.sum::<u64>() + self.retries.values().map(|c| sum(&c.parts)).sum::<u64>()
    }
    /// When the oldest record here came in.
    pub(super) fn oldest(&self) -> Option<SimTime> {
        let lanes = self.lanes.values();
        let here = lanes.flat_map(|l| {
            l.waiting
                .iter()
                .chain(l.queue.iter().flat_map(|c| &c.parts))
        });
        let away = self
            .calls
            .values()
            .chain(self.retries.values())
            .flat_map(|c| &c.parts);
        here.chain(away).map(|(at, _)| *at).min()
    }
    /// Takes records in; sends them on whenever the buffer is full.
    pub(super) fn add(&mut self, lane: u32, batch: &Batch, config: &Config, cx: &mut Cx<'_>) {
        let size = config.transform_bytes();
        let mut offset = 0;
        while offset < batch.len() {
            let state = self.lanes.entry(lane).or_default();
            if state.waiting.is_empty() {
                let tag = Tag::new(
                    TIMER_FLUSH,
                    (u64::from(lane) << 32) | u64::from(state.generation),
                );
                state.since = cx.now();
                cx.after(config.transform_interval(), tag);
            }
            let room = size.saturating_sub(state.bytes);
            let rows = batch.rows_within(offset, room);
            let part = batch.slice(offset, rows);
            offset += rows;
            state.bytes += part.bytes();
            state.waiting.push((cx.now(), part));
            if state.bytes >= size {
                self.flush(lane, cx);
            }
        }
    }
    /// The interval was changed: buffers that are open keep to the new one.
    pub(super) fn retuned(&self, config: &Config, cx: &mut Cx<'_>) {
        for (lane, state) in self.lanes.iter().filter(|(_, l)| !l.waiting.is_empty()) {
            let tag = Tag::new(
                TIMER_FLUSH,
                (u64::from(*lane) << 32) | u64::from(state.generation),
            );
            cx.at(state.since + config.transform_interval(), tag);
        }
    }
    /// True when so many calls of a lane wait that it takes no more records for now.
    pub(super) fn is_full(&self, lane: u32) -> bool {
        let waiting = self.lanes.get(&lane).map_or(0, |l| l.queue.len());
        waiting >= 2 * self.max_calls
    }
    /// The buffer's interval ended.
    pub(super) fn flush_due(&mut self, tag: Tag, config: &Config, cx: &mut Cx<'_>) {
        let (lane, generation) = (tag.index >> 32, tag.index & 0xffff_ffff);
        let lane = u32::try_from(lane).unwrap_or(0);
        let interval = config.transform_interval();
        let due =
            |l: &Lane| u64::from(l.generation) == generation && cx.now().since(l.since) >= interval;
        if self.lanes.get(&lane).is_some_and(due) {
            self.flush(lane, cx);
        }
    }
    fn flush(&mut self, lane: u32, cx: &mut Cx<'_>) {
        let state = self.lanes.entry(lane).or_default();
        state.generation = state.generation.wrapping_add(1);
        state.bytes = 0;
        let parts = std::mem::take(&mut state.waiting);
        if parts.is_empty() {
            return;
        }
        // Batches of another schema or weight go in a call of their own.
        let mut group: Vec<Arrived> = Vec::new();
        for part in parts {
            if group
                .first()
                .is_some_and(|(_, g)| g.schema() != part.1.schema() || g.weight != part.1.weight)
            {
                let parts = std::mem::take(&mut group);
                state.queue.push_back(Call {
                    lane,
                    parts,
                    tries: 0,
                    begun: cx.now(),
                });
            }
            group.push(part);
        }
        state.queue.push_back(Call {
            lane,
            parts: group,
            tries: 0,
            begun: cx.now(),
        });
        self.pump(lane, cx);
    }
    fn pump(&mut self, lane: u32, cx: &mut Cx<'_>) {
        let state = self.lanes.entry(lane).or_default();
        while state.under_way < self.max_calls {
            let Some(mut call) = state.queue.pop_front() else {
                return;
            };
            call.begun = cx.now();
            let batches = call.parts.iter().map(|(_, b)| b.clone()).collect();
            let payload = Payload::Invoke {
                call: CallId(0),
                batches,
            };
            match cx.send(self.wire, payload, SimDuration::ZERO) {
                Ok(id) => {
                    state.under_way += 1;
                    self.calls.insert(id, call);
                }
                Err(_) => {
                    state.queue.push_front(call);
                    return;
                }
            }
        }
    }
    /// The function did not even take the call.
    pub(super) fn refused(&mut self, id: CallId, cx: &mut Cx<'_>) -> Answer {
        self.answered(id, ReplyStatus::TooManyRequests, Vec::new(), Vec::new(), cx)
    }
    /// The function answered.
    pub(super) fn answered(
        &mut self,
        id: CallId,
        status: ReplyStatus,
        batches: Vec<Batch>,
        failed: Vec<Batch>,
        cx: &mut Cx<'_>,
    ) -> Answer {
        let Some(mut call) = self.calls.remove(&id) else {
            return Answer::Retrying;
        };
        let lane = call.lane;
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.under_way -= 1;
        }
        cx.metric(
            "ExecuteProcessing.Duration",
            cx.now().since(call.begun).as_millis_f64(),
        );
        cx.metric(
            "ExecuteProcessing.Success",
            f64::from(u8::from(status == ReplyStatus::Ok)),
        );
        let answer = if status == ReplyStatus::Ok {
            let came = call.parts.iter().map(|(at, b)| (*at, b.records()));
            let since = Came::Shares(came.collect());
            // A function that gives back as many batches as it was given keeps them apart.
            let apart = batches.len() == call.parts.len();
            let of = |i: usize| match call.parts.get(i).filter(|_| apart) {
                Some((at, _)) => Came::At(*at),
                None => since.clone(),
            };
            let batches = batches.into_iter().enumerate();
            let batches = batches.map(|(i, b)| (of(i), b)).collect();
            Answer::Done {
                lane,
                since,
                batches,
                failed,
                attempts: call.tries + 1,
            }
        } else if call.tries < self.max_tries {
            call.tries += 1;
            let wait = SimDuration::millis(500 << call.tries.min(6));
            self.retries.insert(self.next_retry, call);
            cx.after(wait, Tag::new(TIMER_RETRY, self.next_retry));
            self.next_retry += 1;
            Answer::Retrying
        } else {
            Answer::Failed {
                lane,
                parts: call.parts,
                status,
                attempts: call.tries + 1,
            }
        };
        self.pump(lane, cx);
        answer
    }
    /// A failed call's wait ended.
    pub(super) fn retry_due(&mut self, tag: Tag, cx: &mut Cx<'_>) {
        if let Some(call) = self.retries.remove(&tag.index) {
            let lane = call.lane;
            self.lanes.entry(lane).or_default().queue.push_front(call);
            self.pump(lane, cx);
        }
    }
}
