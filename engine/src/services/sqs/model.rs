//! A running queue: what is sent, what is hidden, what is in flight, what comes back, what is gone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::config::Config;
use super::fifo::Fifo;
use super::store::{Entry, Store};
use super::{FIFO_REQUEST, STANDARD_REQUEST};
use crate::books::{LatencyLaw, UsageSpec};
use crate::data::{Batch, JsonShape, json_sizes};
use crate::metrics::Part;
use crate::node::{
    Admit, Ask, BuildCx, CallId, Cx, FaultKind, Gauges, Messages, Node, NodeError, NodeResult,
    Notice, Outcome, Payload, Retuned, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

/// Sent messages become visible.
const TIMER_SENT: u32 = 1;
/// The visibility timeout of a receive ends.
const TIMER_VISIBLE: u32 = 2;
/// The wait of a receive ends.
const TIMER_EMPTY: u32 = 3;
/// Each minute: metrics, what is too old.
const TIMER_MINUTE: u32 = 4;
const MINUTE: SimDuration = SimDuration::secs(60);
/// Rows that may wait: beyond it this machine's memory is at stake.
const ROWS_MAX: usize = 4_000_000;

/// What one receive took away.
#[derive(Debug)]
struct Flight {
    wire: WireId,
    entries: Vec<Entry>,
    messages: u64,
    /// Messages that were given back and wait for the end of the visibility timeout.
    back: Option<Vec<Entry>>,
}

/// A receive that waits for messages.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    number: u64,
    wire: WireId,
    most: u32,
}

/// A running queue.
#[derive(Debug)]
pub struct Model {
    config: Config,
    law: LatencyLaw,
    chunk: u64,
    message_bytes: u64,
    batch_messages: usize,
    in_flight_max: u64,
    store: Store,
    fifo: Option<Fifo>,
    hidden: BTreeMap<u64, Vec<Entry>>,
    flights: BTreeMap<u64, Flight>,
    /// Receives whose visibility timeout ended before they were settled.
    late: BTreeSet<u64>,
    waiting: VecDeque<Waiting>,
    in_flight: u64,
    next: u64,
    /// No message of a FIFO queue is visible before those that were sent before it.
    last_visible: SimTime,
    notices: JsonShape,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let fifo = config
            .is_fifo()
            .then(|| Fifo::new(&config, cx))
            .transpose()?;
        Ok(Self {
            law: cx.latency("sqs.send_to_receive")?,
            chunk: cx.quota("sqs.request_chunk_bytes")?,
            message_bytes: cx.quota("sqs.message_max_bytes")?,
            batch_messages: usize::try_from(cx.quota("sqs.batch_max_messages")?).unwrap_or(10),
            in_flight_max: cx.quota("sqs.in_flight_messages_max")?,
            store: Store::default(),
            fifo,
            hidden: BTreeMap::new(),
            flights: BTreeMap::new(),
            late: BTreeSet::new(),
            waiting: VecDeque::new(),
            in_flight: 0,
            next: 0,
            last_visible: SimTime::ZERO,
            notices: JsonShape::default(),
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config) -> Retuned {
        if config.queue_type != self.config.queue_type {
            return Retuned::NextRun("`queue_type`: a queue keeps its sort".to_owned());
        }
        if let Some(fifo) = &mut self.fifo {
            fifo.retune(&config);
        }
        self.config = config;
        Retuned::Live
    }
    const fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
    const fn usage(&self) -> &'static UsageSpec {
        if self.fifo.is_some() {
            &FIFO_REQUEST
        } else {
            &STANDARD_REQUEST
        }
    }
    /// Requests that calls with these messages are billed as: one for each started 64 KB of each call of ten.
    fn requests(&self, batch: &Batch) -> u128 {
        let calls = batch.sizes.chunks(self.batch_messages);
        let each = calls.map(|call| {
            let bytes: u64 = call.iter().map(|n| u64::from(*n)).sum();
            u128::from(bytes.div_ceil(self.chunk).max(1))
        });
        each.sum::<u128>() * u128::from(batch.weight)
    }
    /// Messages that are sent.
    fn send(&mut self, batch: Batch, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        if cx.strikes(FaultKind::Errors) {
            cx.errored(1, || "fails requests with InternalError".to_owned());
            return Ok(refused(batch, "InternalError"));
        }
        let fits: Vec<bool> = batch
            .sizes
            .iter()
            .map(|n| u64::from(*n) <= self.message_bytes)
            .collect();
        let (mut good, mut bad) = (batch, None);
        if fits.contains(&false) {
            bad = Some(good.filter(&fits.iter().map(|f| !f).collect())?);
            good = good.filter(&fits.into_iter().collect())?;
        }
        if cx.strikes(FaultKind::Throttle)
            || self
                .fifo
                .as_mut()
                .is_some_and(|f| !f.admits_send(&good, cx.now()))
        {
            cx.throttled("ThrottlingException", good.records());
            return Ok(refused(good, "ThrottlingException"));
        }
        if self.store.rows() + good.len() > ROWS_MAX {
            return Err(NodeError::Fatal(format!(
                "more than {ROWS_MAX} messages wait: read the queue faster, or let the source make one record in N"
            )));
        }
        if !good.is_empty() {
            self.accept(&good, cx)?;
        }
        Ok(match bad {
            None => Admit::All,
            Some(refused) => {
                cx.incident("invalid", refused.records(), || {
                    "refuses messages over 1 MiB with InvalidParameterValue".to_owned()
                });
                Admit::Partial {
                    refused,
                    error: "InvalidParameterValue",
                }
            }
        })
    }
    fn accept(&mut self, batch: &Batch, cx: &mut Cx<'_>) -> NodeResult {
        cx.meter(self.usage(), self.requests(batch));
        cx.metric("NumberOfMessagesSent", batch.records() as f64);
        for size in &batch.sizes {
            cx.metric("SentMessageSize", f64::from(*size));
        }
        let now = cx.now();
        let delay = SimDuration::secs(u64::from(self.config.delay_seconds));
        let mut at = now + delay + cx.draw(&self.law);
        let mut entries = Vec::new();
        if let Some(fifo) = &mut self.fifo {
            at = at.max(self.last_visible);
            self.last_visible = at;
            for (group, batch) in fifo.groups(batch, cx)? {
                let number = self.number();
                entries.push(entry(batch, now, Some(group), number));
            }
        } else {
            let number = self.number();
            entries.push(entry(batch.clone(), now, None, number));
        }
        let number = self.number();
        self.hidden.insert(number, entries);
        cx.at(at, Tag::new(TIMER_SENT, number));
        Ok(())
    }
    /// Gives waiting receives what there is.
    fn serve(&mut self, cx: &mut Cx<'_>) {
        while self.store.has_some()
            && let Some(waiting) = self.waiting.front().copied()
        {
            // Long polling: no error at the limit, and no messages.
            let room = self.in_flight_max.saturating_sub(self.in_flight);
            let most = u64::from(waiting.most).min(room);
            if most == 0 {
                cx.incident("in-flight", 1, || {
                    "holds receives back: 120,000 messages are in flight".to_owned()
                });
                return;
            }
            if let Some(wait) = self.fifo.as_mut().and_then(|f| f.receive_wait(cx.now())) {
                cx.after(wait, Tag::new(TIMER_SENT, u64::MAX));
                return;
            }
            self.waiting.pop_front();
            self.give(waiting, most, cx);
        }
    }
    fn give(&mut self, to: Waiting, most: u64, cx: &mut Cx<'_>) {
        let now = cx.now();
        let entries = self.store.take(most);
        let receipt = self.number();
        let mut messages = 0;
        let mut requests = 0;
        for entry in &entries {
            let n = entry.batch.records();
            messages += n;
            requests += entry.batch.bytes();
            let waited = now.since(entry.since);
            cx.spent(Part::Queue, waited, n);
            cx.passed(waited, n);
        }
        let calls = messages.div_ceil(self.batch_messages as u64).max(1);
        cx.meter(
            self.usage(),
            u128::from(requests.div_ceil(self.chunk).max(calls)),
        );
        cx.metric("NumberOfMessagesReceived", messages as f64);
        self.in_flight += messages;
        let payload = Payload::Messages {
            receipt,
            messages: entries.iter().map(told).collect(),
        };
        let timeout = SimDuration::secs(u64::from(self.config.visibility_timeout_seconds));
        self.flights.insert(
            receipt,
            Flight {
                wire: to.wire,
                entries,
                messages,
                back: None,
            },
        );
        cx.after(timeout, Tag::new(TIMER_VISIBLE, receipt));
        // A payload of this sort needs no credit, so it cannot come back.
        let sent = cx.send(to.wire, payload, SimDuration::ZERO);
        debug_assert!(sent.is_ok(), "messages need no credit");
    }
    /// A receiver is through with what it got.
    fn settle(&mut self, receipt: u64, back: Vec<Messages>, cx: &mut Cx<'_>) {
        let returned: u64 = back.iter().map(|m| m.batch.records()).sum();
        if self.late.remove(&receipt) {
            // These messages are visible again already: what comes back is the same.
            cx.merged(returned);
            return;
        }
        let Some(flight) = self.flights.get_mut(&receipt) else {
            cx.merged(returned);
            return;
        };
        let deleted = flight.messages.saturating_sub(returned);
        let now = cx.now();
        let known = std::mem::take(&mut flight.entries);
        let entries = back.into_iter().map(|m| {
            let same = known
                .iter()
                .find(|e| e.sent == m.sent && e.group == m.group);
            Entry {
                batch: m.batch,
                sent: m.sent,
                since: now,
                receives: m.receives,
                group: m.group,
                number: same.map_or(0, |e| e.number),
            }
        });
        let entries: Vec<Entry> = entries.collect();
        self.in_flight -= deleted;
        flight.messages = returned;
        let all_gone = entries.is_empty();
        flight.back = Some(entries);
        if deleted > 0 {
            let calls = deleted.div_ceil(self.batch_messages as u64);
            cx.meter(self.usage(), u128::from(calls));
            cx.metric("NumberOfMessagesDeleted", deleted as f64);
        }
        if all_gone {
            self.flights.remove(&receipt);
            unlock(&mut self.store, &known);
            self.serve(cx);
        } else if let Some(flight) = self.flights.get_mut(&receipt) {
            // The groups stay locked until the messages are visible again.
            flight.entries = known;
        }
    }
    /// A visibility timeout ended.
    fn visible_again(&mut self, receipt: u64, cx: &mut Cx<'_>) {
        let Some(flight) = self.flights.remove(&receipt) else {
            return;
        };
        self.in_flight -= flight.messages;
        let now = cx.now();
        let again = if let Some(back) = flight.back {
            back
        } else {
            // The receiver still has them: they will be processed twice.
            cx.copied(flight.messages);
            self.late.insert(receipt);
            cx.incident("visible-again", flight.messages, || {
                "makes messages visible again that a receiver has not deleted in time".to_owned()
            });
            let copies = flight.entries.iter().cloned();
            copies.map(|e| Entry { since: now, ..e }).collect()
        };
        let dead_letters = cx.outs("dead_letter").next().map(|w| w.id);
        for entry in again {
            let too_often = self
                .config
                .max_receive_count
                .is_some_and(|m| entry.receives >= m);
            match dead_letters.filter(|_| too_often) {
                Some(wire) => {
                    let payload = Payload::Messages {
                        receipt: 0,
                        messages: vec![told(&entry)],
                    };
                    cx.incident("dead-letter", entry.batch.records(), || {
                        "moves messages that were received too often to the dead-letter queue"
                            .to_owned()
                    });
                    let sent = cx.send(wire, payload, SimDuration::ZERO);
                    debug_assert!(sent.is_ok(), "messages need no credit");
                }
                None => self.store.again(entry),
            }
        }
        unlock(&mut self.store, &flight.entries);
        self.serve(cx);
    }
    /// The dead letters of another queue: they keep the time at which they were sent.
    fn take_dead_letters(&mut self, messages: Vec<Messages>, cx: &mut Cx<'_>) {
        for m in messages {
            let number = self.number();
            let group = m.group.filter(|_| self.fifo.is_some());
            let group = group.or_else(|| self.fifo.as_ref().map(|_| "".into()));
            self.store.push(Entry {
                since: cx.now(),
                ..entry(m.batch, m.sent, group, number)
            });
        }
        self.serve(cx);
    }
    /// An event of a service is a message.
    fn take_notice(&mut self, notice: &Notice, cx: &mut Cx<'_>) -> NodeResult {
        let Notice::Event(event) = notice else {
            return Ok(());
        };
        let Some(object) = event.message.as_object() else {
            return Ok(());
        };
        let rows = self.notices.rows(vec![object.clone()])?;
        let sizes = json_sizes(&rows);
        let batch = Batch::new(rows, vec![cx.now().0].into(), sizes);
        cx.created(1, batch.bytes());
        if let Admit::Refused { .. } | Admit::Partial { .. } = self.send(batch, cx)? {
            cx.dropped("the queue refused an event", 1);
        }
        Ok(())
    }
    fn minute(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        let keep = SimDuration::secs(u64::from(self.config.message_retention_period_seconds));
        if now.since(SimTime::ZERO) >= keep {
            let limit = SimTime(now.0 - keep.0 + 1);
            for entry in self.store.expire(limit) {
                cx.dropped_batch("message retention period ended", &entry.batch);
                cx.incident("expired", entry.batch.records(), || {
                    "lets messages go whose retention period ended".to_owned()
                });
            }
        }
        let hidden: u64 = self
            .hidden
            .values()
            .flatten()
            .map(|e| e.batch.records())
            .sum();
        let in_flight = self
            .flights
            .values()
            .flat_map(|f| &f.entries)
            .map(|e| e.sent);
        let oldest = self.store.oldest().into_iter().chain(in_flight).min();
        let age = oldest.map_or(SimDuration::ZERO, |at| now.since(at));
        cx.metric("ApproximateAgeOfOldestMessage", age.as_secs_f64());
        let visible = self.store.records() as f64;
        cx.metric("ApproximateNumberOfMessagesVisible", visible);
        cx.metric(
            "ApproximateNumberOfMessagesNotVisible",
            self.in_flight as f64,
        );
        cx.metric("ApproximateNumberOfMessagesDelayed", hidden as f64);
        if let Some(fifo) = &mut self.fifo {
            fifo.forget(now);
        }
        cx.after(MINUTE, Tag::new(TIMER_MINUTE, 0));
    }
}

fn refused(batch: Batch, error: &'static str) -> Admit {
    Admit::Refused {
        payload: Payload::Records(batch),
        error,
    }
}

const fn entry(
    batch: Batch,
    sent: SimTime,
    group: Option<std::sync::Arc<str>>,
    number: u64,
) -> Entry {
    Entry {
        batch,
        sent,
        since: sent,
        receives: 0,
        group,
        number,
    }
}

fn told(entry: &Entry) -> Messages {
    Messages {
        batch: entry.batch.clone(),
        sent: entry.sent,
        receives: entry.receives,
        group: entry.group.clone(),
    }
}

/// Unlocks the groups that these messages locked, each once.
fn unlock(store: &mut Store, entries: &[Entry]) {
    let groups: BTreeSet<_> = entries.iter().filter_map(|e| e.group.clone()).collect();
    groups.iter().for_each(|g| store.unlock(g));
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        cx.after(MINUTE, Tag::new(TIMER_MINUTE, 0));
        Ok(())
    }
    fn receive(&mut self, _wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Records(batch) => return self.send(batch, cx),
            Payload::Messages { messages, .. } => self.take_dead_letters(messages, cx),
            Payload::Notice(notice) => self.take_notice(&notice, cx)?,
            Payload::Invoke { .. } | Payload::Object(_) | Payload::Delivery(_) => {
                return Ok(Admit::Refused {
                    payload,
                    error: "InvalidParameterValue",
                });
            }
            Payload::Throttled { .. } | Payload::Rows(_) => {}
        }
        Ok(Admit::All)
    }
    fn settled(&mut self, _: WireId, _: CallId, _: Outcome, _: &mut Cx<'_>) -> NodeResult {
        Ok(())
    }
    fn asked(&mut self, wire: WireId, ask: Ask, cx: &mut Cx<'_>) -> NodeResult {
        match ask {
            Ask::Receive { max_messages, wait } => {
                let number = self.number();
                self.waiting.push_back(Waiting {
                    number,
                    wire,
                    most: max_messages.clamp(1, 10),
                });
                cx.after(wait, Tag::new(TIMER_EMPTY, number));
                self.serve(cx);
            }
            Ask::Settle { receipt, back } => self.settle(receipt, back, cx),
            Ask::Poll { .. } | Ask::Checkpoint { .. } | Ask::Rewind { .. } | Ask::Reply { .. } => {}
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TIMER_SENT => {
                for entry in self.hidden.remove(&tag.index).into_iter().flatten() {
                    self.store.push(entry);
                }
                self.serve(cx);
            }
            TIMER_VISIBLE => self.visible_again(tag.index, cx),
            TIMER_EMPTY => {
                let place = self.waiting.iter().position(|w| w.number == tag.index);
                if let Some(waiting) = place.and_then(|i| self.waiting.remove(i)) {
                    cx.meter(self.usage(), 1);
                    cx.metric("NumberOfEmptyReceives", 1.0);
                    let payload = Payload::Messages {
                        receipt: 0,
                        messages: Vec::new(),
                    };
                    let sent = cx.send(waiting.wire, payload, SimDuration::ZERO);
                    debug_assert!(sent.is_ok(), "messages need no credit");
                }
            }
            _ => self.minute(cx),
        }
        Ok(())
    }
    fn held(&self) -> u64 {
        let hidden = self.hidden.values().flatten();
        let back = self.flights.values().flat_map(|f| f.back.iter().flatten());
        let aside: u64 = hidden.chain(back).map(|e| e.batch.records()).sum();
        aside + self.store.held()
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        let share = self.in_flight as f64 / self.in_flight_max as f64;
        out.limit("messages in flight", share);
        let visible = self.store.records() as f64;
        out.values.push(("visible", visible, "messages"));
        out.values
            .push(("in flight", self.in_flight as f64, "messages"));
        if self.fifo.is_some() {
            let groups = self.store.groups() as f64;
            out.values.push(("groups", groups, "groups"));
        }
        let readers: BTreeSet<WireId> = self.flights.values().map(|f| f.wire).collect();
        out.values
            .push(("readers at work", readers.len() as f64, "readers"));
    }
}
