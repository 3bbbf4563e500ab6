//! Putting batches to a receiver that may refuse some: shared by everything that calls a put API. Retries only what was
//! refused, with exponential backoff and jitter, and gives up with a reason.

use std::collections::{BTreeMap, VecDeque};

use super::Tag;
use super::cx::{CallId, Cx, WireId};
use super::message::{Outcome, Payload};
use crate::books::LatencyLaw;
use crate::data::Batch;
use crate::metrics::Part;
use crate::units::{SimDuration, SimTime};

/// How a sender treats refusals.
#[derive(Debug, Clone)]
pub struct PutPolicy {
    /// How long one call takes.
    pub latency: LatencyLaw,
    /// Calls without an answer at the most.
    pub max_calls: usize,
    /// Further tries of a refused record before it is dropped.
    pub max_retries: u32,
    /// The first backoff; doubles with each try, up to 100 times itself, halved at random.
    pub backoff: SimDuration,
    /// Records that may wait here; more are dropped.
    pub max_waiting: u64,
    /// The tag kind that the owner reserves for retries.
    pub tag_kind: u32,
}

#[derive(Debug)]
struct Attempt {
    batch: Batch,
    tries: u32,
    /// When the records came here.
    since: SimTime,
    /// When they were refused last, so that the wait counts as retry time.
    waiting_since: SimTime,
    retry_time: SimDuration,
}

/// Calls under way on one wire, refused records that wait for their next try, and batches that wait for a free call.
#[derive(Debug)]
pub struct Putter {
    /// The wire that it puts to.
    pub wire: WireId,
    /// How it treats refusals.
    pub policy: PutPolicy,
    queue: VecDeque<Attempt>,
    calls: BTreeMap<CallId, Attempt>,
    backing_off: BTreeMap<u64, Attempt>,
    next_retry: u64,
    waiting: u64,
}

impl Putter {
    /// A putter on `wire`.
    #[must_use]
    pub const fn new(wire: WireId, policy: PutPolicy) -> Self {
        Self {
            wire,
            policy,
            queue: VecDeque::new(),
            calls: BTreeMap::new(),
            backing_off: BTreeMap::new(),
            next_retry: 0,
            waiting: 0,
        }
    }
    /// Records that wait here (not those on the wire).
    #[must_use]
    pub fn held(&self) -> u64 {
        let queued = self.queue.iter().chain(self.backing_off.values());
        queued.map(|a| a.batch.records()).sum()
    }
    /// Records that wait here, kept up to date: the same as [`Putter::held`] without counting.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.waiting
    }
    /// Calls without an answer.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }
    /// Puts one call's worth of records, now or when there is room.
    pub fn put(&mut self, batch: Batch, cx: &mut Cx<'_>) {
        if batch.is_empty() {
            return;
        }
        if self.waiting + batch.records() > self.policy.max_waiting {
            cx.dropped("sender's buffer is full", batch.records());
            cx.incident("buffer-full", batch.records(), || {
                "drops records because too many wait to be sent".to_owned()
            });
            return;
        }
        self.waiting += batch.records();
        let now = cx.now();
        self.queue.push_back(Attempt {
            batch,
            tries: 0,
            since: now,
            waiting_since: now,
            retry_time: SimDuration::ZERO,
        });
        self.pump(cx);
    }
    /// A timer with the policy's tag kind fired.
    pub fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) {
        if let Some(mut attempt) = self.backing_off.remove(&tag.index) {
            attempt.retry_time += cx.now().since(attempt.waiting_since);
            self.queue.push_front(attempt);
            self.pump(cx);
        }
    }
    /// What became of a call. Returns the records that were accepted.
    pub fn settled(&mut self, call: CallId, outcome: Outcome, cx: &mut Cx<'_>) -> u64 {
        let Some(attempt) = self.calls.remove(&call) else {
            return 0;
        };
        let sent = attempt.batch.records();
        let refused = match outcome {
            Outcome::Accepted => None,
            Outcome::Partial { refused, .. } => Some(refused),
            Outcome::Refused { .. } => Some(attempt.batch.clone()),
        };
        let refused_records = refused.as_ref().map_or(0, Batch::records);
        let accepted = sent - refused_records;
        if accepted > 0 {
            let took = cx.now().since(attempt.since);
            cx.passed(took, accepted);
            cx.spent(Part::Retry, attempt.retry_time, accepted);
            cx.spent(
                Part::Transfer,
                SimDuration(took.0.saturating_sub(attempt.retry_time.0)),
                accepted,
            );
        }
        if let Some(batch) = refused {
            self.retry(Attempt { batch, ..attempt }, cx);
        }
        self.pump(cx);
        accepted
    }
    fn retry(&mut self, mut attempt: Attempt, cx: &mut Cx<'_>) {
        if attempt.tries >= self.policy.max_retries {
            cx.dropped("refused after all retries", attempt.batch.records());
            return;
        }
        attempt.tries += 1;
        attempt.waiting_since = cx.now();
        let ceiling = self.policy.backoff * (1 << (attempt.tries - 1).min(6)).min(100);
        let half = ceiling.0 / 2;
        let wait = SimDuration(half + cx.rng().below(half.max(1)));
        self.waiting += attempt.batch.records();
        self.backing_off.insert(self.next_retry, attempt);
        cx.after(wait, Tag::new(self.policy.tag_kind, self.next_retry));
        self.next_retry += 1;
    }
    /// Sends what may be sent.
    fn pump(&mut self, cx: &mut Cx<'_>) {
        while self.calls.len() < self.policy.max_calls {
            let Some(attempt) = self.queue.pop_front() else {
                return;
            };
            let delay = cx.draw(&self.policy.latency);
            match cx.send(self.wire, Payload::Records(attempt.batch.clone()), delay) {
                Ok(call) => {
                    self.waiting -= attempt.batch.records();
                    self.calls.insert(call, attempt);
                }
                Err(_) => {
                    self.queue.push_front(attempt);
                    return;
                }
            }
        }
    }
}
