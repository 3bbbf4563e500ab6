//! A running bus: what is put or happens is matched by every rule and goes to the rules' targets.

use std::collections::VecDeque;

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::archive::Archive;
use super::config::{Config, Rule, plain};
use super::{CUSTOM_EVENT, SCHEDULER};
use crate::books::LatencyLaw;
use crate::data::{Batch, JsonShape, json_sizes, json_values};
use crate::metrics::Part;
use crate::node::{
    Admit, BuildCx, CallId, Cx, Event, FaultKind, Gauges, Node, NodeResult, Notice, Outcome, Pace,
    Payload, PutPolicy, Putter, Retuned, Tag, TokenBucket, WireId,
};
use crate::units::{SimDuration, SimTime};

const TIMER_PUT: u32 = 1;
const TIMER_SCHEDULE: u32 = 2;
const TIMER_BACKLOG: u32 = 3;
/// Tries of a delivery, over 24 hours.
const TRIES: u32 = 185;

/// An event on its way: when it was born, what it is, how many real ones it stands for.
type Way = (u64, Value, u32);
/// What one target gets.
type Line = Vec<(u64, Map<String, Value>, u32)>;

/// A running bus.
#[derive(Debug)]
pub struct Model {
    config: Config,
    rules: Vec<Rule>,
    law: LatencyLaw,
    entry_bytes: u64,
    chunk: u64,
    puts: TokenBucket,
    pace: Pace,
    invocations: TokenBucket,
    targets: Vec<(String, Putter, JsonShape)>,
    /// What waits for the limit of invocations: the target's place, when it came, the batch.
    backlog: VecDeque<(usize, SimTime, Batch)>,
    events: u64,
    generation: u64,
    archive: Archive,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        Ok(Self {
            rules: config
                .rules()
                .map_err(|(field, e)| format!("`{field}`: {e}"))?,
            law: cx.latency("eventbridge.delivery")?,
            entry_bytes: cx.quota("eventbridge.entry_max_bytes")?,
            chunk: cx.quota("eventbridge.billing_chunk_bytes")?,
            puts: TokenBucket::new(cx.quota("eventbridge.put_events_per_second")?),
            pace: Pace::default(),
            invocations: TokenBucket::new(cx.quota("eventbridge.invocations_per_second")?),
            targets: Vec::new(),
            backlog: VecDeque::new(),
            events: 0,
            generation: 0,
            archive: Archive::default(),
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        match config.rules() {
            Ok(rules) => {
                let keeps = self.keeps();
                self.archive.settle(keeps, cx);
                (self.rules, self.config) = (rules, config);
                self.generation += 1;
                self.schedule(cx);
                Retuned::Live
            }
            Err((field, e)) => Retuned::NextRun(format!("`{field}`: {e}")),
        }
    }
    fn head(&mut self, cx: &Cx<'_>) -> Map<String, Value> {
        self.events += 1;
        let at = DateTime::from_timestamp_millis(cx.now_epoch_ms()).unwrap_or_default();
        let head = json!({
            "version": "0",
            "id": format!("00000000-0000-4000-8000-{:012x}", self.events),
            "account": "123456789012",
            "time": at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": cx.world().books.region(),
            "resources": [],
        });
        head.as_object().cloned().unwrap_or_default()
    }
    fn event(&mut self, source: Value, detail_type: Value, detail: Value, cx: &Cx<'_>) -> Value {
        let mut event = self.head(cx);
        event.insert("source".to_owned(), source);
        event.insert("detail-type".to_owned(), detail_type);
        event.insert("detail".to_owned(), detail);
        Value::Object(event)
    }
    /// `PutEvents`.
    fn put(&mut self, batch: Batch, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        let refuse = |batch, error| {
            Ok(Admit::Refused {
                payload: Payload::Records(batch),
                error,
            })
        };
        if cx.strikes(FaultKind::Errors) {
            cx.errored(1, || "fails requests with InternalException".to_owned());
            return refuse(batch, "InternalException");
        }
        if batch.sizes.iter().any(|n| u64::from(*n) > self.entry_bytes) {
            cx.incident("invalid", batch.records(), || {
                "refuses entries over 256 KB with ValidationException".to_owned()
            });
            return refuse(batch, "ValidationException");
        }
        let now = cx.now();
        let weight = u64::from(batch.weight);
        let room = if cx.strikes(FaultKind::Throttle) {
            0
        } else {
            usize::try_from(self.puts.available(now) / weight).unwrap_or(usize::MAX)
        };
        let taken = room.min(batch.len());
        let good = batch.slice(0, taken);
        self.puts.overdraw(now, good.records());
        self.pace.take(now, good.records());
        if !good.is_empty() {
            self.take(&good, cx)?;
        }
        if taken == batch.len() {
            return Ok(Admit::All);
        }
        self.pace.refuse(now);
        let refused = batch.slice(taken, batch.len() - taken);
        cx.throttled("ThrottlingException", refused.records());
        Ok(Admit::Partial {
            refused,
            error: "ThrottlingException",
        })
    }
    fn take(&mut self, batch: &Batch, cx: &mut Cx<'_>) -> NodeResult {
        let chunks = batch
            .sizes
            .iter()
            .map(|n| u128::from(u64::from(*n).div_ceil(self.chunk).max(1)));
        cx.meter(
            &CUSTOM_EVENT,
            chunks.sum::<u128>() * u128::from(batch.weight),
        );
        cx.metric("PutEventsEntriesCount", batch.records() as f64);
        let mut events = Vec::with_capacity(batch.len());
        for (value, born) in json_values(batch)?.into_iter().zip(batch.born.iter()) {
            // What is an entry already keeps its source and its type.
            let is_entry = value.get("detail-type").is_some() && value.get("detail").is_some();
            let event = if is_entry {
                let own = |name: &str| value[name].clone();
                self.event(own("source"), own("detail-type"), own("detail"), cx)
            } else {
                let (source, kind) = (self.config.source.clone(), self.config.detail_type.clone());
                self.event(source.into(), kind.into(), value, cx)
            };
            events.push((*born, event, batch.weight));
        }
        self.route(&events, cx)
    }
    fn keeps(&self) -> SimDuration {
        SimDuration::secs(u64::from(self.config.archive_retention_days) * 86_400)
    }
    /// Puts events into the archive, if there is one.
    fn archive(&mut self, events: &[Way], cx: &mut Cx<'_>) {
        if self.config.archive {
            let size =
                |(_, event, weight): &Way| event.to_string().len() as u64 * u64::from(*weight);
            let bytes = events.iter().map(size).sum();
            let keeps = self.keeps();
            self.archive.put(bytes, keeps, cx);
        }
    }
    /// Matches events by all rules and hands them to targets.
    fn route(&mut self, events: &[Way], cx: &mut Cx<'_>) -> NodeResult {
        self.archive(events, cx);
        let mut lines: Vec<Line> = vec![Vec::new(); self.targets.len()];
        let mut matched = 0_u64;
        for (born, event, weight) in events {
            let mut copies = 0;
            let mut hits = 0;
            for rule in &self.rules {
                let hit = rule.pattern.as_ref().is_some_and(|p| p.matches(event));
                if !hit {
                    continue;
                }
                hits += 1;
                copies += self.hand(rule, event, (*born, *weight), &mut lines);
            }
            let n = u64::from(*weight);
            matched += u64::from(hits > 0) * n;
            cx.metric("TriggeredRules", (hits * n) as f64);
            count(copies, hits > 0, (*born, *weight), cx);
        }
        cx.metric("MatchedEvents", matched as f64);
        self.send(lines, cx)
    }
    /// Gives an event to the targets of a rule; how many that are.
    fn hand(
        &self,
        rule: &Rule,
        event: &Value,
        (born, weight): (u64, u32),
        lines: &mut [Line],
    ) -> u64 {
        let input = match &rule.transformer {
            Some(transformer) => transformer.apply(event),
            None => event.as_object().cloned().unwrap_or_default(),
        };
        let named = |peer: &String| rule.targets.contains(&plain(peer));
        let any_named = self.targets.iter().any(|(peer, ..)| named(peer));
        let mut copies = 0;
        for (line, (peer, ..)) in lines.iter_mut().zip(&self.targets) {
            if !any_named || named(peer) {
                line.push((born, input.clone(), weight));
                copies += 1;
            }
        }
        copies
    }
    fn send(&mut self, lines: Vec<Line>, cx: &mut Cx<'_>) -> NodeResult {
        for (place, line) in lines.into_iter().enumerate() {
            let mut rest = line.into_iter().peekable();
            while let Some(first) = rest.next() {
                let weight = first.2;
                let (mut born, mut objects) = (vec![first.0], vec![first.1]);
                while let Some((at, object, _)) = rest.next_if(|e| e.2 == weight) {
                    born.push(at);
                    objects.push(object);
                }
                let rows = self.targets[place].2.rows(objects)?;
                let sizes = json_sizes(&rows);
                let batch = Batch {
                    weight,
                    ..Batch::new(rows, born.into(), sizes)
                };
                self.backlog.push_back((place, cx.now(), batch));
            }
        }
        self.pump(cx);
        Ok(())
    }
    /// Hands on what the limit of invocations allows; the rest is delayed.
    fn pump(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        while let Some((place, since, batch)) = self.backlog.pop_front() {
            let weight = u64::from(batch.weight);
            let room =
                usize::try_from(self.invocations.available(now) / weight).unwrap_or(usize::MAX);
            let taken = room.min(batch.len());
            let part = batch.slice(0, taken);
            self.invocations.overdraw(now, part.records());
            if taken > 0 {
                let waited = [(Part::Queue, now.since(since))];
                cx.metric("Invocations", part.records() as f64);
                if let Some((_, putter, _)) = self.targets.get_mut(place) {
                    putter.put_after(part, &waited, cx);
                }
            }
            if taken < batch.len() {
                let rest = batch.slice(taken, batch.len() - taken);
                cx.metric("ThrottledRules", rest.records() as f64);
                cx.incident("delayed", rest.records(), || {
                    "delays events: more targets are invoked than the region allows a second"
                        .to_owned()
                });
                self.backlog.push_front((place, since, rest));
                let wait = 1_000_000_000 / self.invocations.rate().max(1) * weight;
                cx.after(SimDuration(wait.max(1_000_000)), Tag::new(TIMER_BACKLOG, 0));
                return;
            }
        }
    }
    /// Sets the timers of all schedules.
    fn schedule(&self, cx: &mut Cx<'_>) {
        for place in 0..self.rules.len() {
            self.arm(place, cx);
        }
    }
    fn arm(&self, place: usize, cx: &mut Cx<'_>) {
        let Some(schedule) = self.rules.get(place).and_then(|r| r.schedule.as_ref()) else {
            return;
        };
        let epoch = cx.world().epoch_ms;
        if let Some(next) = schedule.next(epoch, cx.now_epoch_ms()) {
            let at = u64::try_from(next - epoch).unwrap_or(0);
            let index = (self.generation << 16) | place as u64;
            cx.at(
                SimTime(at.saturating_mul(1_000_000)),
                Tag::new(TIMER_SCHEDULE, index),
            );
        }
    }
    fn scheduled(&mut self, index: u64, cx: &mut Cx<'_>) -> NodeResult {
        let place = usize::try_from(index & 0xffff).unwrap_or(usize::MAX);
        if index >> 16 != self.generation {
            return Ok(());
        }
        self.arm(place, cx);
        let Some(rule) = self.rules.get(place).cloned() else {
            return Ok(());
        };
        let source = if rule.is_scheduler {
            "aws.scheduler"
        } else {
            "aws.events"
        };
        let mut event = self.event(source.into(), "Scheduled Event".into(), json!({}), cx);
        let region = cx.world().books.region();
        event["resources"] = json!([format!(
            "arn:aws:events:{region}:123456789012:rule/{}",
            rule.name
        )]);
        cx.metric("TriggeredRules", 1.0);
        cx.created(1, event.to_string().len() as u64);
        let born = cx.now().0;
        let mut lines = vec![Vec::new(); self.targets.len()];
        let copies = self.hand(&rule, &event, (born, 1), &mut lines);
        if rule.is_scheduler {
            cx.meter(&SCHEDULER, u128::from(copies));
        }
        count(copies, true, (born, 1), cx);
        self.send(lines, cx)
    }
    /// An event of an AWS service; these are free.
    fn happened(&mut self, event: &Event, cx: &mut Cx<'_>) -> NodeResult {
        let whole = self.event(
            event.source.into(),
            event.detail_type.clone().into(),
            event.detail.clone(),
            cx,
        );
        cx.created(1, whole.to_string().len() as u64);
        self.route(&[(cx.now().0, whole, 1)], cx)
    }
}

/// Where one event went, for the ledger.
fn count(copies: u64, hit: bool, (born, weight): (u64, u32), cx: &mut Cx<'_>) {
    let n = u64::from(weight);
    if copies > 0 {
        cx.copied((copies - 1) * n);
    } else if hit {
        // A rule without a target: the event ends here.
        cx.passed(SimDuration::ZERO, n);
        cx.delivered(&[born], weight, 0);
    } else {
        let why = "no rule matches the event";
        cx.dropped(why, n);
        cx.ended(crate::node::TraceEnd::Dropped(why), |g| g.born == born);
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let ends: Vec<(WireId, String)> =
            cx.outs("targets").map(|w| (w.id, w.peer.clone())).collect();
        for (wire, peer) in ends {
            let policy = PutPolicy {
                latency: self.law.clone(),
                max_calls: 256,
                max_retries: TRIES,
                backoff: SimDuration::secs(1),
                max_waiting: 1_000_000,
                tag_kind: TIMER_PUT,
            };
            self.targets
                .push((peer, Putter::new(wire, policy), JsonShape::default()));
        }
        self.schedule(cx);
        Ok(())
    }
    fn receive(&mut self, _wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Records(batch) => self.put(batch, cx),
            Payload::Notice(Notice::Event(event)) => {
                self.happened(&event, cx)?;
                Ok(Admit::All)
            }
            Payload::Notice(_) | Payload::Rows(_) | Payload::Throttled { .. } => Ok(Admit::All),
            payload => Ok(Admit::Refused {
                payload,
                error: "ValidationException",
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
        if let Some((_, putter, _)) = self.targets.iter_mut().find(|(_, p, _)| p.wire == wire) {
            let settled = putter.settled(call, outcome, cx);
            if settled.refused > 0 {
                cx.metric("FailedInvocations", settled.refused as f64);
            }
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TIMER_PUT => {
                for (_, putter, _) in &mut self.targets {
                    putter.timer(tag, cx);
                }
            }
            TIMER_SCHEDULE => return self.scheduled(tag.index, cx),
            _ => self.pump(cx),
        }
        Ok(())
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        let keeps = self.keeps();
        self.archive.settle(keeps, cx);
    }
    fn held(&self) -> u64 {
        let waiting: u64 = self.backlog.iter().map(|(_, _, b)| b.records()).sum();
        waiting + self.targets.iter().map(|(_, p, _)| p.held()).sum::<u64>()
    }
    fn sample(&self, now: SimTime, out: &mut Gauges) {
        let rate = self.puts.rate();
        out.limit("events put a second", self.pace.used(now, rate));
        let waiting: u64 = self.backlog.iter().map(|(_, _, b)| b.records()).sum();
        out.values.push(("delayed", waiting as f64, "events"));
        if self.config.archive {
            let bytes = self.archive.bytes() as f64;
            out.values.push(("archive", bytes, "B"));
        }
    }
}
