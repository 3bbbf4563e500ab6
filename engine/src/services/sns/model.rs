//! A running topic: what is published goes to every subscriber whose policy lets it through, and is not kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::DateTime;

use super::config::Config;
use super::fifo::{Fifo, Line};
use super::notification::{self, Envelope};
use super::tee::Tee;
use super::{
    FIFO_DELIVERY, FIFO_PUBLISH, FIFO_PUBLISH_GB, FIREHOSE_DELIVERY, LAMBDA_DELIVERY,
    PAYLOAD_FILTERED, PUBLISH, SQS_DELIVERY,
};
use crate::books::LatencyLaw;
use crate::data::{Batch, JsonShape, Pattern, json_sizes, json_values};
use crate::node::{
    Admit, BuildCx, CallId, Cx, FaultKind, Gauges, Node, NodeResult, Notice, Outcome, Pace,
    Payload, PutPolicy, Putter, Retuned, Table, Tag, TokenBucket, WireId,
};
use crate::units::{SimDuration, SimTime};

/// The port of queues, the only one that a FIFO topic delivers to.
pub(super) const QUEUES: &str = "queues";

const TIMER_PUT: u32 = 1;
/// Deliveries to queues and functions are tried so often, over 23 days.
const TRIES: u32 = 100_015;
/// Messages that may wait for a subscriber.
const WAITING: u64 = 1_000_000;
/// Notifications that are shown.
const SHOWN: usize = 20;
/// Notifications that are told in the list of events.
const TOLD: usize = 100;

/// How a subscriber is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Queue,
    Function,
    Stream,
}

#[derive(Debug)]
struct Subscription {
    peer: String,
    protocol: Protocol,
    putter: Putter,
    /// Messages of a FIFO topic that wait for those before them.
    line: Line,
}

impl Subscription {
    /// Takes messages of a FIFO topic, which go one call after the other.
    fn take(&mut self, messages: Batch, cx: &mut Cx<'_>) -> NodeResult {
        if self.line.held() + messages.records() > WAITING {
            cx.dropped_batch("sender's buffer is full", &messages);
            cx.incident("buffer-full", messages.records(), || {
                "drops records because too many wait to be sent".to_owned()
            });
            return Ok(());
        }
        self.line.push(messages, cx.now());
        self.line.pump(&mut self.putter, cx)
    }
}

/// A running topic.
#[derive(Debug)]
pub struct Model {
    config: Config,
    policies: BTreeMap<String, Pattern>,
    law: LatencyLaw,
    message_bytes: u64,
    chunk: u64,
    batch_messages: usize,
    limit: TokenBucket,
    fifo: Option<Fifo>,
    pace: Pace,
    subscriptions: Vec<Subscription>,
    messages: u64,
    shape: JsonShape,
    shown: VecDeque<RecordBatch>,
    told: usize,
    tee: Tee,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        Ok(Self {
            policies: config.policies()?,
            law: cx.latency("sns.delivery")?,
            message_bytes: cx.quota("sns.message_max_bytes")?,
            chunk: cx.quota("sns.request_chunk_bytes")?,
            batch_messages: usize::try_from(cx.quota("sns.publish_batch_max_messages")?)
                .unwrap_or(10),
            limit: TokenBucket::new(cx.quota("sns.publish_messages_per_second")?),
            fifo: config
                .is_fifo()
                .then(|| Fifo::new(&config, cx))
                .transpose()?,
            pace: Pace::default(),
            subscriptions: Vec::new(),
            messages: 0,
            shape: JsonShape::default(),
            shown: VecDeque::new(),
            told: 0,
            tee: Tee::new(&config, cx)?,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config) -> Retuned {
        if config.webhook != self.config.webhook
            || config.keep_messages != self.config.keep_messages
        {
            return Retuned::NextRun(
                "`webhook` and `keep_messages` hold for a whole run".to_owned(),
            );
        }
        if config.topic_type != self.config.topic_type
            || config.fifo_throughput_scope != self.config.fifo_throughput_scope
        {
            return Retuned::NextRun(
                "`topic_type` and `fifo_throughput_scope`: a topic keeps its sort".to_owned(),
            );
        }
        match config.policies() {
            Ok(policies) => {
                if let Some(fifo) = &mut self.fifo {
                    fifo.retune(&config);
                }
                (self.policies, self.config) = (policies, config);
                Retuned::Live
            }
            Err(e) => Retuned::NextRun(format!("`filter_policies`: {e}")),
        }
    }
    fn publish(&mut self, batch: Batch, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        if cx.strikes(FaultKind::Errors) {
            cx.errored(1, || "fails requests with InternalError".to_owned());
            return Ok(Admit::Refused {
                payload: Payload::Records(batch),
                error: "InternalError",
            });
        }
        if let Some(large) = batch
            .sizes
            .iter()
            .position(|n| u64::from(*n) > self.message_bytes)
        {
            let size = batch.sizes[large];
            cx.incident("invalid", batch.records(), || {
                format!("refuses a message of {size} bytes with InvalidParameterValue")
            });
            return Ok(Admit::Refused {
                payload: Payload::Records(batch),
                error: "InvalidParameterValue",
            });
        }
        if self.fifo.is_some() {
            return self.publish_in_order(&batch, cx);
        }
        let now = cx.now();
        let weight = u64::from(batch.weight);
        let room = if cx.strikes(FaultKind::Throttle) {
            0
        } else {
            usize::try_from(self.limit.available(now) / weight).unwrap_or(usize::MAX)
        };
        let taken = room.min(batch.len());
        let good = batch.slice(0, taken);
        self.limit.overdraw(now, good.records());
        self.pace.take(now, good.records());
        if !good.is_empty() {
            self.deliver(&good, cx)?;
        }
        if taken == batch.len() {
            return Ok(Admit::All);
        }
        let refused = batch.slice(taken, batch.len() - taken);
        Ok(self.throttled(refused, false, cx))
    }
    /// A call to a FIFO topic: what is within the limits is taken, and doubles of it go to nobody.
    fn publish_in_order(&mut self, batch: &Batch, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        let now = cx.now();
        if cx.strikes(FaultKind::Throttle) {
            return Ok(self.throttled(batch.clone(), true, cx));
        }
        let Some(fifo) = &mut self.fifo else {
            return Ok(Admit::All);
        };
        let sorted = fifo.sort(batch, now)?;
        let taken = batch.records() - sorted.refused.records();
        self.pace.take(now, taken);
        if !sorted.doubles.is_empty() {
            self.meter_publish(&sorted.doubles, cx);
            cx.dropped_batch("a double within five minutes", &sorted.doubles);
        }
        if !sorted.fresh.is_empty() {
            self.deliver(&sorted.fresh, cx)?;
        }
        if sorted.refused.is_empty() {
            return Ok(Admit::All);
        }
        Ok(self.throttled(sorted.refused, taken == 0, cx))
    }
    fn throttled(&mut self, refused: Batch, whole: bool, cx: &mut Cx<'_>) -> Admit {
        let error = "ThrottledException";
        self.pace.refuse(cx.now());
        cx.throttled(error, refused.records());
        if whole {
            let payload = Payload::Records(refused);
            return Admit::Refused { payload, error };
        }
        Admit::Partial { refused, error }
    }
    /// What was published is billed, doubles too.
    fn meter_publish(&self, batch: &Batch, cx: &mut Cx<'_>) {
        if self.fifo.is_some() {
            cx.meter(&FIFO_PUBLISH, u128::from(batch.records()));
            cx.meter(&FIFO_PUBLISH_GB, u128::from(batch.bytes()));
        } else {
            cx.meter(&PUBLISH, self.requests(batch));
        }
        cx.metric("NumberOfMessagesPublished", batch.records() as f64);
        for size in &batch.sizes {
            cx.metric("PublishSize", f64::from(*size));
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
    fn deliver(&mut self, batch: &Batch, cx: &mut Cx<'_>) -> NodeResult {
        self.meter_publish(batch, cx);
        self.show(batch, cx);
        let envelope = self.envelope(batch, cx);
        self.tee.take(batch, &envelope, cx)?;
        if self.subscriptions.is_empty() {
            // People read it: the list of events and the node's table.
            cx.passed(SimDuration::ZERO, batch.records());
            cx.delivered(&batch.born, batch.weight, batch.bytes());
            return Ok(());
        }
        let filtered = self
            .subscriptions
            .iter()
            .any(|s| self.policies.contains_key(&s.peer));
        let values = if filtered {
            json_values(batch)?
        } else {
            Vec::new()
        };
        let mut reached = vec![0_u64; batch.len()];
        for subscription in &mut self.subscriptions {
            let wanted = match self.policies.get(&subscription.peer) {
                None => batch.clone(),
                Some(policy) => {
                    cx.meter(&PAYLOAD_FILTERED, u128::from(batch.bytes()));
                    let keep = values.iter().map(|v| policy.matches(v)).collect();
                    batch.filter(&keep)?
                }
            };
            let kept: Vec<bool> = match self.policies.get(&subscription.peer) {
                None => vec![true; batch.len()],
                Some(policy) => values.iter().map(|v| policy.matches(v)).collect(),
            };
            kept.iter()
                .zip(&mut reached)
                .for_each(|(k, n)| *n += u64::from(*k));
            let out = batch.records() - wanted.records();
            if out > 0 {
                cx.metric("NumberOfNotificationsFilteredOut", out as f64);
            }
            if wanted.is_empty() {
                continue;
            }
            let raw = self.config.raw_message_delivery;
            if let Some(fifo) = &self.fifo {
                cx.meter(&FIFO_DELIVERY, u128::from(wanted.records()));
                let message = if raw {
                    wanted
                } else {
                    let groups = fifo.names(&wanted)?;
                    notification::ordered(&wanted, &envelope, groups)?
                };
                subscription.take(message, cx)?;
                continue;
            }
            let (usage, message) = match subscription.protocol {
                Protocol::Function => (&LAMBDA_DELIVERY, notification::events(&wanted, &envelope)?),
                Protocol::Queue if raw => (&SQS_DELIVERY, wanted),
                Protocol::Stream if raw => (&FIREHOSE_DELIVERY, wanted),
                Protocol::Queue => (
                    &SQS_DELIVERY,
                    notification::notifications(&wanted, &envelope)?,
                ),
                Protocol::Stream => (
                    &FIREHOSE_DELIVERY,
                    notification::notifications(&wanted, &envelope)?,
                ),
            };
            cx.meter(usage, u128::from(message.records()));
            subscription.putter.put(message, cx);
        }
        // A message that several get is copied, one that none gets is gone: a topic keeps nothing.
        let weight = u64::from(batch.weight);
        let copies: u64 = reached.iter().map(|n| n.saturating_sub(1)).sum();
        cx.copied(copies * weight);
        let nobody = batch.filter(&reached.iter().map(|n| *n == 0).collect())?;
        if !nobody.is_empty() {
            cx.dropped_batch("no subscription's filter policy lets it through", &nobody);
        }
        Ok(())
    }
    fn envelope(&mut self, batch: &Batch, cx: &Cx<'_>) -> Envelope {
        let region = cx.world().books.region();
        let first = self.messages;
        self.messages += batch.len() as u64;
        Envelope {
            topic_arn: format!(
                "arn:aws:sns:{region}:123456789012:{}{}",
                cx.id(),
                if self.fifo.is_some() { ".fifo" } else { "" }
            ),
            subject: self.config.subject.clone(),
            timestamp: timestamp(cx.now_epoch_ms()),
            first,
        }
    }
    /// Keeps the newest for people to read.
    fn show(&mut self, batch: &Batch, cx: &mut Cx<'_>) {
        self.shown.push_back(batch.rows.slice(batch.len() - 1, 1));
        if self.shown.len() > SHOWN {
            self.shown.pop_front();
        }
        if self.told < TOLD {
            self.told += 1;
            let last = batch.slice(batch.len() - 1, 1);
            let text = json_values(&last).ok().and_then(|mut v| v.pop());
            let text = text.map_or(String::new(), |v| v.to_string());
            let text: String = text.chars().take(500).collect();
            cx.event(
                "notification",
                format!("{} published, the newest: {text}", batch.records()),
            );
        }
    }
    /// An event of a service, or an alarm, is a message.
    fn take_notice(&mut self, notice: &Notice, cx: &mut Cx<'_>) -> NodeResult {
        let Notice::Event(event) = notice else {
            return Ok(());
        };
        let Some(object) = event.message.as_object() else {
            return Ok(());
        };
        let rows = self.shape.rows(vec![object.clone()])?;
        let sizes = json_sizes(&rows);
        let batch = Batch::new(rows, vec![cx.now().0].into(), sizes);
        cx.created(1, batch.bytes());
        if !matches!(self.publish(batch, cx)?, Admit::All) {
            cx.dropped("the topic refused an event", 1);
        }
        Ok(())
    }
}

/// As `2026-01-05T00:00:00.000Z`.
fn timestamp(epoch_ms: i64) -> String {
    let at = DateTime::from_timestamp_millis(epoch_ms).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let ports = [
            (QUEUES, Protocol::Queue),
            ("functions", Protocol::Function),
            ("streams", Protocol::Stream),
        ];
        for (port, protocol) in ports {
            let ends: Vec<(WireId, String)> =
                cx.outs(port).map(|w| (w.id, w.peer.clone())).collect();
            for (wire, peer) in ends {
                let policy = PutPolicy {
                    latency: self.law.clone(),
                    max_calls: 256,
                    max_retries: TRIES,
                    backoff: SimDuration::secs(1),
                    max_waiting: WAITING,
                    tag_kind: TIMER_PUT,
                };
                self.subscriptions.push(Subscription {
                    peer,
                    protocol,
                    putter: Putter::new(wire, policy),
                    line: Line::default(),
                });
            }
        }
        Ok(())
    }
    fn receive(&mut self, _wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Records(batch) => self.publish(batch, cx),
            Payload::Notice(notice) => {
                self.take_notice(&notice, cx)?;
                Ok(Admit::All)
            }
            Payload::Rows(_) | Payload::Throttled { .. } => Ok(Admit::All),
            payload => Ok(Admit::Refused {
                payload,
                error: "InvalidParameterValue",
            }),
        }
    }
    fn settled(
        &mut self,
        wire: WireId,
        call: CallId,
        outcome: Outcome,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        if let Some(s) = self
            .subscriptions
            .iter_mut()
            .find(|s| s.putter.wire == wire)
        {
            let settled = s.putter.settled(call, outcome, cx);
            if settled.accepted > 0 {
                cx.metric("NumberOfNotificationsDelivered", settled.accepted as f64);
            }
            if settled.refused > 0 {
                cx.metric("NumberOfNotificationsFailed", settled.refused as f64);
            }
            s.line.pump(&mut s.putter, cx)?;
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        for subscription in &mut self.subscriptions {
            subscription.putter.timer(tag, cx);
            subscription.line.pump(&mut subscription.putter, cx)?;
        }
        Ok(())
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        if let Err(e) = self.tee.write(cx) {
            cx.event(
                "failed",
                format!("the file of messages cannot be written: {e}"),
            );
        }
    }
    fn held(&self) -> u64 {
        let all = self.subscriptions.iter();
        all.map(|s| s.putter.held() + s.line.held()).sum()
    }
    fn sample(&self, now: SimTime, out: &mut Gauges) {
        let rate = self.fifo.as_ref().map_or(self.limit.rate(), Fifo::rate);
        out.limit("messages published a second", self.pace.used(now, rate));
        if let Some(last) = self.shown.back() {
            let same = self
                .shown
                .iter()
                .rev()
                .take_while(|r| r.schema() == last.schema());
            let mut rows: Vec<RecordBatch> = same.cloned().collect();
            rows.reverse();
            out.table = Some(Arc::new(Table {
                title: "newest messages".to_owned(),
                rows,
                at: now,
            }));
        }
    }
}
