//! The running node: a consumer that polls the stream and invokes an endpoint of some instances, batch by batch. Batches of one shard
//! are scored one after the other, so that every key's records keep their order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::config::{Config, Emit, InstanceType};
use super::scoring::Scoring;
use super::{HOUR_LARGE, HOUR_XLARGE};
use crate::books::LatencyLaw;
use crate::data::{Batch, LabelWindows};
use crate::metrics::Part;
use crate::node::{
    Admit, Ask, BuildCx, CallId, Cx, Delivery, Event, FaultKind, Gauges, Node, NodeResult, Notice,
    Outcome, Payload, PutPolicy, Putter, Retuned, Table, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

const TIMER_POLL: u32 = 1;
const TIMER_DONE: u32 = 2;
const TIMER_AGAIN: u32 = 3;
const TIMER_PUT: u32 = 4;
const TIMER_REPORT: u32 = 5;
/// The consumer polls a shard once a second, as a mapping does.
const POLL: SimDuration = SimDuration::secs(1);
/// One that is behind polls as often as a shard allows one reader.
const CATCH_UP: SimDuration = SimDuration::millis(200);
/// An invocation that failed is tried again after this; AWS leaves it to the client.
const AGAIN: SimDuration = SimDuration::secs(1);
/// How often figures and tables are brought up to date.
const REPORT: SimDuration = SimDuration::secs(10);
/// The lane of records that are put, not polled.
const PUT_LANE: u32 = u32::MAX;

#[derive(Debug, Default)]
struct Lane {
    polling: bool,
    busy: bool,
    records: u64,
    /// When they got here, and the records.
    queue: VecDeque<(SimTime, Batch)>,
}

#[derive(Debug)]
struct Invocation {
    lane: u32,
    since: SimTime,
    begun: SimTime,
    overhead: SimDuration,
    batch: Batch,
    failed: bool,
}

/// A running detector.
#[derive(Debug)]
pub struct Model {
    config: Config,
    law: LatencyLaw,
    put_law: LatencyLaw,
    put_records: usize,
    put_bytes: u64,
    payload_bytes: u64,
    scoring: Scoring,
    source: Option<WireId>,
    lanes: BTreeMap<u32, Lane>,
    running: BTreeMap<u64, Invocation>,
    next: u64,
    putters: Vec<Putter>,
    table: Option<Arc<Table>>,
    anomalies: u64,
    metered: SimTime,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let records = cx.quota("kinesis-data-streams.put_records_max_records")?;
        Ok(Self {
            law: cx.latency("sagemaker-endpoint.invoke")?,
            put_law: cx.latency("kinesis-data-streams.put_records")?,
            put_records: usize::try_from(records).unwrap_or(500),
            put_bytes: cx.quota("kinesis-data-streams.put_records_max_bytes")?,
            payload_bytes: cx.quota("anomaly-detector.payload_max_bytes")?,
            scoring: Scoring::new(
                config.clone(),
                cx.world.seed,
                LabelWindows::read(&cx.world.root, &config.label_windows)?,
            ),
            source: None,
            lanes: BTreeMap::new(),
            running: BTreeMap::new(),
            next: 0,
            putters: Vec::new(),
            table: None,
            anomalies: 0,
            metered: SimTime::ZERO,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config) -> Retuned {
        if config.fixed() != self.config.fixed() {
            return Retuned::NextRun(
                "the models are made of `detector`, `fields`, `key_field` and the model's parameters".to_owned(),
            );
        }
        self.scoring.retune(config.clone());
        self.config = config;
        Retuned::Live
    }
    /// Batches that are scored at once.
    const fn capacity(&self) -> usize {
        (self.config.instance_count * self.config.instance_type.vcpus()) as usize
    }
    fn poll(&mut self, number: u32, cx: &mut Cx<'_>) {
        let enough = 2 * u64::from(self.config.batch_records);
        let (Some(wire), Some(lane)) = (self.source, self.lanes.get_mut(&number)) else {
            return;
        };
        if lane.polling || lane.records >= enough || number == PUT_LANE {
            return;
        }
        lane.polling = true;
        let ask = Ask::Poll {
            lane: number,
            max_records: self.config.batch_records.max(1000),
            max_bytes: self.payload_bytes,
        };
        cx.ask(wire, ask, SimDuration::ZERO);
    }
    fn delivered(&mut self, delivery: Delivery, cx: &mut Cx<'_>) {
        let now = cx.now();
        let lane = self.lanes.entry(delivery.lane).or_default();
        for (_, batch) in delivery.batches {
            lane.records += batch.records();
            lane.queue.push_back((now, batch));
        }
        let behind = delivery.behind > SimDuration::ZERO;
        let wait = if behind { CATCH_UP } else { POLL };
        cx.after(wait, Tag::new(TIMER_POLL, u64::from(delivery.lane)));
    }
    /// Invokes the endpoint for every lane that waits, as long as there is a free processor.
    fn pump(&mut self, cx: &mut Cx<'_>) {
        let ready: Vec<u32> = self
            .lanes
            .iter()
            .filter(|(_, l)| !l.busy && !l.queue.is_empty())
            .map(|(n, _)| *n)
            .collect();
        for number in ready {
            if self.running.len() >= self.capacity() {
                return;
            }
            self.invoke(number, cx);
        }
    }
    fn invoke(&mut self, number: u32, cx: &mut Cx<'_>) {
        let Some(lane) = self.lanes.get_mut(&number) else {
            return;
        };
        let Some((since, batch)) = lane.queue.pop_front() else {
            return;
        };
        let most = self.config.batch_records as usize;
        let fits = batch.rows_within(0, self.payload_bytes).min(most).max(1);
        let (batch, rest) = if fits < batch.len() {
            (
                batch.slice(0, fits),
                Some(batch.slice(fits, batch.len() - fits)),
            )
        } else {
            (batch, None)
        };
        if let Some(rest) = rest {
            lane.queue.push_front((since, rest));
        }
        lane.records -= batch.records();
        lane.busy = true;
        let failed = cx.strikes(FaultKind::Errors);
        let overhead = cx.draw(&self.law);
        let service =
            SimDuration::from_secs_f64(self.config.per_record_us * 1e-6 * batch.records() as f64);
        let invocation = Invocation {
            lane: number,
            since,
            begun: cx.now(),
            overhead,
            batch,
            failed,
        };
        cx.after(overhead + service, Tag::new(TIMER_DONE, self.next));
        self.running.insert(self.next, invocation);
        self.next += 1;
        self.poll(number, cx);
    }
    fn done(&mut self, number: u64, cx: &mut Cx<'_>) -> NodeResult {
        let Some(run) = self.running.remove(&number) else {
            return Ok(());
        };
        let took = cx.now().since(run.begun);
        cx.metric("Invocations", 1.0);
        cx.metric(
            "ModelLatency",
            took.0.saturating_sub(run.overhead.0) as f64 / 1000.0,
        );
        cx.metric("OverheadLatency", run.overhead.0 as f64 / 1000.0);
        if run.failed {
            cx.metric("Invocation5XXErrors", 1.0);
            cx.errored(1, || {
                "an invocation failed; the batch is tried again".to_owned()
            });
            if let Some(lane) = self.lanes.get_mut(&run.lane) {
                lane.records += run.batch.records();
                lane.queue.push_front((run.since, run.batch));
            }
            cx.after(AGAIN, Tag::new(TIMER_AGAIN, u64::from(run.lane)));
            return Ok(());
        }
        if let Some(lane) = self.lanes.get_mut(&run.lane) {
            lane.busy = false;
        }
        self.score(&run, cx)?;
        self.pump(cx);
        self.poll(run.lane, cx);
        Ok(())
    }
    fn score(&mut self, run: &Invocation, cx: &mut Cx<'_>) -> NodeResult {
        let before = self.scoring.forgotten;
        let epoch = cx.world().epoch_ms;
        let scored = self.scoring.score(&run.batch, epoch)?;
        let forgotten = self.scoring.forgotten - before;
        if forgotten > 0 {
            cx.incident("keys", forgotten, || {
                "forgets the models of keys to make room for others".to_owned()
            });
        }
        for score in &scored.scores {
            cx.metric("AnomalyScore", *score);
        }
        let weight = u64::from(run.batch.weight);
        self.anomalies += weight * scored.alerts.len() as u64;
        for alert in &scored.alerts {
            cx.metric("Anomalies", weight as f64);
            self.tell(alert, cx);
        }
        let way = [
            (Part::Queue, run.begun.since(run.since)),
            (Part::Transfer, run.overhead),
            (Part::Service, cx.now().since(run.begun + run.overhead)),
        ];
        let out = match self.config.emit {
            Emit::All => scored.batch,
            Emit::Anomalies => {
                let keep: arrow::buffer::BooleanBuffer = scored.anomalous.iter().copied().collect();
                let rest = scored.batch.filter(&!&keep)?;
                passed(&way, rest.records(), cx);
                cx.dropped_batch("no anomaly", &rest);
                scored.batch.filter(&keep)?
            }
        };
        self.put(&out, &way, cx);
        Ok(())
    }
    /// Tells people and services of an anomaly.
    fn tell(&self, alert: &super::scoring::Alert, cx: &mut Cx<'_>) {
        cx.incident("anomaly", 1, || alert.sentence());
        let wires: Vec<WireId> = cx.outs("alerts").map(|w| w.id).collect();
        if wires.is_empty() {
            return;
        }
        let detail = serde_json::json!({
            "time": alert.at_ms, "key": alert.key, "field": alert.field, "value": alert.value,
            "expected": alert.expected, "score": alert.score, "threshold": alert.threshold,
            "description": alert.sentence(),
        });
        let event = Arc::new(Event {
            source: "weir.anomaly-detector",
            detail_type: "Anomaly Detected".to_owned(),
            detail: detail.clone(),
            message: detail,
        });
        for wire in wires {
            // A notice needs no credit: it is always taken.
            let notice = Payload::Notice(Notice::Event(Arc::clone(&event)));
            if cx.send(wire, notice, SimDuration::ZERO).is_err() {
                cx.incident("buffer-full", 1, || "an alert could not be sent".to_owned());
            }
        }
    }
    fn put(&mut self, batch: &Batch, way: &[(Part, SimDuration)], cx: &mut Cx<'_>) {
        if batch.is_empty() {
            return;
        }
        if self.putters.is_empty() {
            passed(way, batch.records(), cx);
            cx.delivered(&batch.born, batch.weight, batch.bytes());
            return;
        }
        cx.copied(batch.records() * (self.putters.len() as u64 - 1));
        for part in batch.parts(self.put_records, self.put_bytes) {
            for putter in &mut self.putters {
                putter.put_after(part.clone(), way, cx);
            }
        }
    }
    /// Brings figures and tables up to date.
    fn report(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        cx.metric("Keys", self.scoring.keys() as f64);
        if let Some(f) = self.scoring.figures() {
            let values = [
                ("Precision", f.precision),
                ("Recall", f.recall),
                ("F1", f.f1),
                ("DetectionDelay", f.delay_ms.map(|ms| ms / 1000.0)),
                ("NabScore", f.nab),
            ];
            for (name, value) in values {
                if let Some(value) = value {
                    cx.metric(name, value);
                }
            }
        }
        let table = Arc::new(Table {
            title: "Newest anomalies".to_owned(),
            rows: vec![self.scoring.table()?],
            at: cx.now(),
        });
        let wires: Vec<WireId> = cx.outs("rows").map(|w| w.id).collect();
        for wire in wires {
            // Rows need no credit.
            if cx
                .send(wire, Payload::Rows(Arc::clone(&table)), SimDuration::ZERO)
                .is_err()
            {
                cx.incident("buffer-full", 1, || "a table could not be sent".to_owned());
            }
        }
        self.table = Some(table);
        Ok(())
    }
}

/// `records` are through the node after `way`.
fn passed(way: &[(Part, SimDuration)], records: u64, cx: &mut Cx<'_>) {
    let mut whole = SimDuration::ZERO;
    for (part, took) in way {
        whole += *took;
        if *took > SimDuration::ZERO {
            cx.spent(*part, *took, records);
        }
    }
    cx.passed(whole, records);
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.source = cx.ins("in").next().map(|w| w.id);
        let policy = PutPolicy::of_results(self.put_law.clone(), TIMER_PUT);
        self.putters = policy.putters("out", cx);
        cx.after(REPORT, Tag::new(TIMER_REPORT, 0));
        Ok(())
    }
    fn receive(&mut self, _wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Notice(Notice::Lanes(lanes)) => {
                for lane in lanes {
                    self.lanes.entry(lane).or_default();
                    self.poll(lane, cx);
                }
            }
            Payload::Delivery(delivery) => {
                self.delivered(delivery, cx);
                self.pump(cx);
            }
            Payload::Throttled { lane, .. } => {
                cx.after(POLL, Tag::new(TIMER_POLL, u64::from(lane)));
            }
            Payload::Records(batch) => {
                let now = cx.now();
                let lane = self.lanes.entry(PUT_LANE).or_default();
                let most = 100 * u64::from(self.config.batch_records);
                if lane.records + batch.records() > most {
                    let error = "ThrottlingException";
                    cx.throttled(error, batch.records());
                    return Ok(Admit::Refused {
                        payload: Payload::Records(batch),
                        error,
                    });
                }
                lane.records += batch.records();
                lane.queue.push_back((now, batch));
                self.pump(cx);
            }
            Payload::Notice(_) | Payload::Rows(_) => {}
            payload => {
                return Ok(Admit::Refused {
                    payload,
                    error: "ValidationError",
                });
            }
        }
        Ok(Admit::All)
    }
    fn settled(
        &mut self,
        wire: WireId,
        call: CallId,
        outcome: Outcome,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        if let Some(putter) = self.putters.iter_mut().find(|p| p.wire == wire) {
            putter.settled(call, outcome, cx);
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        let lane = u32::try_from(tag.index).unwrap_or(PUT_LANE);
        match tag.kind {
            TIMER_DONE => return self.done(tag.index, cx),
            TIMER_POLL => {
                if let Some(state) = self.lanes.get_mut(&lane) {
                    state.polling = false;
                }
                self.poll(lane, cx);
            }
            TIMER_AGAIN => {
                if let Some(state) = self.lanes.get_mut(&lane) {
                    state.busy = false;
                }
                self.pump(cx);
            }
            TIMER_REPORT => {
                self.report(cx)?;
                cx.after(REPORT, Tag::new(TIMER_REPORT, 0));
            }
            TIMER_PUT => {
                for putter in &mut self.putters {
                    putter.timer(tag, cx);
                }
            }
            _ => {}
        }
        Ok(())
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        let millis = cx.now().as_millis() - self.metered.as_millis();
        self.metered = cx.now();
        let usage = match self.config.instance_type {
            InstanceType::M5Large => &HOUR_LARGE,
            InstanceType::M5Xlarge => &HOUR_XLARGE,
        };
        cx.meter(
            usage,
            u128::from(millis) * u128::from(self.config.instance_count),
        );
    }
    fn held(&self) -> u64 {
        let waiting = self.lanes.values().flat_map(|l| &l.queue);
        waiting.map(|(_, b)| b.records()).sum::<u64>()
            + self
                .running
                .values()
                .map(|r| r.batch.records())
                .sum::<u64>()
            + self.putters.iter().map(Putter::held).sum::<u64>()
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        let busy = self.running.len() as f64 / self.capacity().max(1) as f64;
        out.limit("batches at once", busy);
        let keys = self.scoring.keys();
        if !self.config.key_field.is_empty() {
            out.limit(
                "keys with a model",
                keys as f64 / f64::from(self.config.max_keys.max(1)),
            );
        }
        out.values
            .push(("anomalies", self.anomalies as f64, "records"));
        out.values.push(("models", keys as f64, ""));
        if let Some(f) = self.scoring.figures() {
            let share = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.2}"));
            out.state = Some(format!(
                "found {} of {}, precision {}, recall {}, F1 {}, delay {} records, NAB {}",
                f.found,
                f.windows,
                share(f.precision),
                share(f.recall),
                share(f.f1),
                f.delay_rows
                    .map_or_else(|| "-".to_owned(), |d| format!("{d:.1}")),
                f.nab.map_or_else(|| "-".to_owned(), |n| format!("{n:.1}")),
            ));
            let named = [
                ("precision", f.precision),
                ("recall", f.recall),
                ("F1", f.f1),
                ("detection delay", f.delay_ms.map(|ms| ms / 1000.0)),
                ("NAB score", f.nab),
            ];
            for (name, value) in named {
                if let Some(value) = value {
                    let unit = if name == "detection delay" { "s" } else { "" };
                    out.values.push((name, value, unit));
                }
            }
        }
        out.table.clone_from(&self.table);
    }
}
