//! Putting batches to a receiver that may refuse some: shared by everything that calls a put API. Retries only what was
//! refused, with exponential backoff and jitter, and gives up with a reason.

use std::collections::{BTreeMap, VecDeque};

use super::Tag;
use super::cx::Cx;
use super::ids::{CallId, WireId};
use super::message::{Outcome, Payload};
use crate::books::LatencyLaw;
use crate::data::Batch;
use crate::metrics::Part;
use crate::units::{SimDuration, SimTime};

/// Doublings of the first backoff at the most: it never waits longer than 64 times that.
const DOUBLINGS: u32 = 6;
/// Error names that another try of the same records does not mend.
const HOPELESS: [&str; 4] = [
    "InvalidParameterValue",
    "ValidationException",
    "InvalidArgumentException",
    "ResourceNotFoundException",
];

/// How a sender treats refusals.
#[derive(Debug, Clone)]
pub struct PutPolicy {
    /// How long one call takes.
    pub latency: LatencyLaw,
    /// Calls without an answer at the most.
    pub max_calls: usize,
    /// Further tries of a refused record before it is dropped.
    pub max_retries: u32,
    /// The first backoff; doubles with each try up to 64 times itself; between half and the whole of it, at random.
    pub backoff: SimDuration,
    /// Records that may wait here; more are dropped.
    pub max_waiting: u64,
    /// The tag kind that the owner reserves for retries; all putters of a node share it.
    pub tag_kind: u32,
}

impl PutPolicy {
    /// As a function or an application sends what it made: 64 calls at once, ten further tries that begin 100 ms apart, and a
    /// million records that may wait. Assumed: whoever writes the code chooses.
    #[must_use]
    pub const fn of_results(latency: LatencyLaw, tag_kind: u32) -> Self {
        Self {
            latency,
            max_calls: 64,
            max_retries: 10,
            backoff: SimDuration::millis(100),
            max_waiting: 1_000_000,
            tag_kind,
        }
    }
    /// A putter for each wire of an output.
    #[must_use]
    pub fn putters(&self, port: &str, cx: &Cx<'_>) -> Vec<Putter> {
        let wires = cx.outs(port);
        wires.map(|w| Putter::new(w.id, self.clone())).collect()
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settled {
    /// Records that were taken.
    pub accepted: u64,
    /// Records that came back.
    pub refused: u64,
    /// How long the call took.
    pub took: SimDuration,
}

#[derive(Debug)]
struct Attempt {
    batch: Batch,
    tries: u32,
    /// What the records spent in the node before they came here.
    before: Vec<(Part, SimDuration)>,
    /// When the records came here.
    since: SimTime,
    /// When the first call with them was sent.
    first_sent: Option<SimTime>,
    /// When the latest was.
    sent: SimTime,
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
            // Putters of one node share a tag kind: the wire keeps their timers apart.
            next_retry: (wire.0 as u64) << 32,
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
        self.put_after(batch, &[], cx);
    }
    /// The same for records that have been in the node already: `before` says what they spent their time in there, so that
    /// their whole way through the node is measured once, when they are taken.
    pub fn put_after(&mut self, batch: Batch, before: &[(Part, SimDuration)], cx: &mut Cx<'_>) {
        if batch.is_empty() {
            return;
        }
        if self.waiting + batch.records() > self.policy.max_waiting {
            cx.dropped_batch("sender's buffer is full", &batch);
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
            before: before.to_vec(),
            since: now,
            first_sent: None,
            sent: now,
        });
        self.pump(cx);
    }
    /// A timer with the policy's tag kind fired; those of other putters are ignored.
    pub fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) {
        if let Some(attempt) = self.backing_off.remove(&tag.index) {
            self.queue.push_front(attempt);
            self.pump(cx);
        }
    }
    /// What became of a call.
    pub fn settled(&mut self, call: CallId, outcome: Outcome, cx: &mut Cx<'_>) -> Settled {
        let Some(attempt) = self.calls.remove(&call) else {
            return Settled::default();
        };
        let sent = attempt.batch.records();
        let refused = match outcome {
            Outcome::Accepted => None,
            Outcome::Partial { refused, error } => Some((refused, error)),
            Outcome::Refused { error, .. } => Some((attempt.batch.clone(), error)),
        };
        let back = refused.as_ref().map_or(0, |(b, _)| b.records());
        let settled = Settled {
            accepted: sent - back,
            refused: back,
            took: cx.now().since(attempt.sent),
        };
        attempt.measure(settled, cx);
        if let Some((batch, error)) = refused {
            self.retry(Attempt { batch, ..attempt }, error, cx);
        }
        self.pump(cx);
        settled
    }
    fn retry(&mut self, mut attempt: Attempt, error: &'static str, cx: &mut Cx<'_>) {
        let records = attempt.batch.records();
        if HOPELESS.contains(&error) {
            cx.dropped_batch("refused as invalid", &attempt.batch);
            cx.incident("refused", records, || {
                format!("drops records that were refused with {error}")
            });
            return;
        }
        if attempt.tries >= self.policy.max_retries {
            cx.dropped_batch("refused after all retries", &attempt.batch);
            cx.incident("given-up", records, || {
                format!("drops records that were still refused with {error} after all retries")
            });
            return;
        }
        let ceiling = self.policy.backoff * (1 << attempt.tries.min(DOUBLINGS));
        attempt.tries += 1;
        let half = ceiling.0 / 2;
        let wait = SimDuration(half + cx.rng().below(half.max(1)));
        self.waiting += records;
        self.backing_off.insert(self.next_retry, attempt);
        cx.after(wait, Tag::new(self.policy.tag_kind, self.next_retry));
        self.next_retry += 1;
    }
    /// Sends what may be sent.
    fn pump(&mut self, cx: &mut Cx<'_>) {
        while self.calls.len() < self.policy.max_calls {
            let Some(mut attempt) = self.queue.pop_front() else {
                return;
            };
            let delay = cx.draw(&self.policy.latency);
            match cx.send(self.wire, Payload::Records(attempt.batch.clone()), delay) {
                Ok(call) => {
                    self.waiting -= attempt.batch.records();
                    attempt.sent = cx.now();
                    attempt.first_sent.get_or_insert(cx.now());
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

impl Attempt {
    /// The way of the records that were taken: before, waiting for a free call, failed tries, the call itself.
    fn measure(&self, settled: Settled, cx: &mut Cx<'_>) {
        let n = settled.accepted;
        if n == 0 {
            return;
        }
        let first = self.first_sent.unwrap_or(self.sent);
        let own = [
            (Part::Queue, first.since(self.since)),
            (Part::Retry, self.sent.since(first)),
            (Part::Transfer, settled.took),
        ];
        let mut whole = SimDuration::ZERO;
        for (part, took) in self.before.iter().chain(&own) {
            whole += *took;
            if *took > SimDuration::ZERO {
                cx.spent(*part, *took, n);
            }
        }
        cx.passed(whole, n);
    }
}
