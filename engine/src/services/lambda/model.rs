//! The running node: the function between its event sources, its callers and what it puts results to.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use serde_json::Value;

use super::account::{Times, account, answer, passed};
use super::config::Config;
use super::events::{EventJob, Events, TIMER_EVENT};
use super::function::{End, Failure, Function, Output, Request, Run};
use super::handler::Contract;
use super::mapping::{Job, Mapping, TIMER_POLL, TIMER_WINDOW};
use super::queue::{Queue, QueueJob, QueueTerms, TIMER_QUEUE};
use crate::data::{Batch, JsonShape};
use crate::metrics::Part;
use crate::node::{
    Admit, Ask, BuildCx, CallId, Cx, Gauges, Node, NodeResult, Notice, Outcome, Payload, PutPolicy,
    Putter, ReplyStatus, Retuned, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

const TIMER_DONE: u32 = 3;
const TIMER_PUT: u32 = 4;
/// A batch that was throttled is tried again after this.
const THROTTLE_WAIT: SimDuration = SimDuration::secs(1);
/// The mapping waits between tries; AWS publishes no figure: here the wait doubles from twice the first to the longest.
const FIRST_WAIT: SimDuration = SimDuration::millis(200);
const LONGEST_WAIT: SimDuration = SimDuration::secs(30);

#[derive(Debug)]
enum Caller {
    Stream(Job),
    Queue(QueueJob),
    Event(EventJob),
    Wire(WireId, CallId),
}

/// A running function.
#[derive(Debug)]
pub struct Model {
    pub(super) function: Function,
    mapping: Option<Mapping>,
    queue: Option<Queue>,
    events: Events,
    terms: QueueTerms,
    poll_interval: SimDuration,
    batch_bytes: u64,
    event_bytes: u64,
    put_law: crate::books::LatencyLaw,
    put_records: usize,
    put_bytes: u64,
    runs: BTreeMap<u64, (Run, Caller)>,
    next_run: u64,
    putters: Vec<Putter>,
    /// To where what was given up is told.
    pub(super) destinations: Vec<Putter>,
    pub(super) destination_shape: JsonShape,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        Ok(Self {
            function: Function::new(config, cx)?,
            mapping: None,
            queue: None,
            events: Events::default(),
            terms: QueueTerms::new(cx)?,
            poll_interval: SimDuration::millis(cx.quota("lambda.kinesis_poll_interval_ms")?),
            batch_bytes: cx.quota("lambda.kinesis_batch_max_bytes")?,
            event_bytes: cx.quota("lambda.payload_async_max_bytes")?,
            put_law: cx.latency("kinesis-data-streams.put_records")?,
            put_records: usize::try_from(cx.quota("kinesis-data-streams.put_records_max_records")?)
                .unwrap_or(500),
            put_bytes: cx.quota("kinesis-data-streams.put_records_max_bytes")?,
            runs: BTreeMap::new(),
            next_run: 0,
            putters: Vec::new(),
            destinations: Vec::new(),
            destination_shape: JsonShape::default(),
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        match self.function.retune(config, cx) {
            Ok(()) => Retuned::Live,
            Err(why) => Retuned::NextRun(why),
        }
    }
    fn policy(&self) -> PutPolicy {
        PutPolicy::of_results(self.put_law.clone(), TIMER_PUT)
    }
    pub(super) fn source(cx: &Cx<'_>, port: &str) -> String {
        cx.ins(port)
            .next()
            .map_or(String::new(), |w| w.peer.clone())
    }
    /// Runs whatever of the stream may run.
    fn pump(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let Some(mut mapping) = self.mapping.take() else {
            return Ok(());
        };
        let size = u64::from(self.function.config.batch_size);
        let source = Self::source(cx, "in");
        let epoch = cx.world().epoch_ms;
        'lanes: for lane in mapping.lanes() {
            while let Some(mut job) = mapping.next(lane, &self.function.config, cx)? {
                let arrived = i64::try_from(job.last_arrived.as_millis()).unwrap_or(0);
                let request = Request {
                    input: job.batch.clone(),
                    contract: Contract::Stream {
                        lane,
                        first: job.first,
                        arrived_ms: epoch + arrived,
                    },
                    size: Some(size),
                    source: source.clone(),
                };
                match self.function.begin(request, cx)? {
                    Ok(run) => {
                        job.first_run.get_or_insert(run.begun);
                        self.started(run, Caller::Stream(job), cx);
                    }
                    Err(_) => {
                        // Throttling does not use up a try.
                        let at = cx.now() + THROTTLE_WAIT;
                        mapping.again(vec![job], at, cx);
                        continue 'lanes;
                    }
                }
            }
            mapping.poll(lane, &self.function.config, cx);
        }
        self.mapping = Some(mapping);
        Ok(())
    }
    /// Runs whatever of the queue may run.
    fn pump_queue(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let Some(mut queue) = self.queue.take() else {
            return Ok(());
        };
        let source = Self::source(cx, "queue");
        while let Some(job) = queue.next(&self.function.config, cx)? {
            let request = Request {
                input: job.batch.clone(),
                contract: job.contract(cx.world().epoch_ms),
                size: Some(u64::from(self.function.config.batch_size)),
                source: source.clone(),
            };
            match self.function.begin(request, cx)? {
                Ok(run) => self.started(run, Caller::Queue(job), cx),
                // The messages become visible again when their visibility timeout ends.
                Err(_) => queue.settle(job, &|_| true, cx)?,
            }
        }
        queue.poll(&self.function.config, cx);
        self.queue = Some(queue);
        Ok(())
    }
    /// Runs events that wait.
    fn pump_events(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        for mut job in self.events.due() {
            let request = Request {
                input: job.batch.clone(),
                contract: job.contract(),
                size: Some(1),
                source: job.source.clone(),
            };
            match self.function.begin(request, cx)? {
                Ok(run) => {
                    job.first_run.get_or_insert(run.begun);
                    self.started(run, Caller::Event(job), cx);
                }
                Err(_) => {
                    let fate = self.events.throttled(job, &self.function.config, cx);
                    self.give_up(fate, &Failure::throttled(), cx)?;
                }
            }
        }
        if self.events.is_ready() {
            cx.after(SimDuration::millis(1), Tag::new(TIMER_EVENT, u64::MAX));
        }
        Ok(())
    }
    fn started(&mut self, run: Run, caller: Caller, cx: &mut Cx<'_>) {
        cx.at(run.ends(), Tag::new(TIMER_DONE, self.next_run));
        self.runs.insert(self.next_run, (run, caller));
        self.next_run += 1;
    }
    fn ended(&mut self, number: u64, cx: &mut Cx<'_>) -> NodeResult {
        let Some((run, caller)) = self.runs.remove(&number) else {
            return Ok(());
        };
        let input = run.input().clone();
        let mut times = Times {
            begun: run.begun,
            parts: [
                (Part::Transfer, run.overhead),
                (Part::ColdStart, run.cold),
                (Part::Service, run.duration),
            ],
        };
        let result = match self.function.end(run, cx)? {
            End::Later(run) => {
                self.started(run, caller, cx);
                return Ok(());
            }
            End::Now(result) => result,
        };
        let before = times.parts[0].1 + times.parts[1].1;
        times.parts[2].1 = cx.now().since(times.begun + before);
        match caller {
            Caller::Wire(wire, call) => answer((wire, call), &input, result, &times, cx),
            Caller::Stream(job) => {
                match result {
                    Ok(output) => self.succeeded(job, &output, &times, cx),
                    Err((_, why)) => self.failed(job, &why, cx)?,
                }
                return self.pump(cx);
            }
            Caller::Queue(job) => {
                self.queue_ended(job, result, &times, cx)?;
                return self.pump_queue(cx);
            }
            Caller::Event(job) => match result {
                Ok(output) => {
                    let way = times.way(job.first_run, job.since);
                    account(&job.batch, &output, cx);
                    self.hand_on(&output, &way, cx);
                }
                Err((_, why)) => {
                    let fate = self.events.failed(job, &self.function.config, cx);
                    self.give_up(fate, &why, cx)?;
                }
            },
        }
        Ok(())
    }
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handed over: nobody has a use for it afterwards"
    )]
    fn succeeded(&mut self, job: Job, output: &Output, times: &Times, cx: &mut Cx<'_>) {
        let now = cx.now();
        let rows = job.batch.len();
        let done = rows - output.failed.len();
        cx.metric("IteratorAge", now.since(job.last_arrived).as_millis_f64());
        let way = times.way(job.first_run, job.since);
        account(&job.part(0, done).batch, output, cx);
        self.hand_on(output, &way, cx);
        if done == rows {
            if let Some(mapping) = &mut self.mapping {
                mapping.done(job.lane, job.slot);
            }
            return;
        }
        // The batch is taken up to the first item that failed; the rest is tried again.
        let rest = Job {
            since: job.since,
            ..job.part(done, rows - done)
        };
        let why = Failure::items(output.failed.len());
        let outcome = self.failed(rest, &why, cx);
        debug_assert!(outcome.is_ok(), "a record of a batch given up");
    }
    /// Results go on, or end here when the handler put none on.
    fn hand_on(&mut self, output: &Output, way: &[(Part, SimDuration)], cx: &mut Cx<'_>) {
        if output.ends {
            let batch = &output.batch;
            passed(way, batch.records(), cx);
            cx.delivered(&batch.born, batch.weight, batch.bytes());
        } else {
            self.put(&output.batch, way, cx);
        }
    }
    /// Hands results on in calls of the most that one may hold; without a wire the function itself is the end of the line.
    /// `way` is what the records spent their time in so far.
    fn put(&mut self, batch: &Batch, way: &[(Part, SimDuration)], cx: &mut Cx<'_>) {
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
    fn queue_ended(
        &mut self,
        job: QueueJob,
        result: Result<Output, (Batch, Failure)>,
        times: &Times,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let Some(mut queue) = self.queue.take() else {
            return Ok(());
        };
        match result {
            Ok(output) => {
                let way = times.way(None, job.since);
                let failed = output.failed_rows(&job.batch);
                let taken = job.batch.filter(&failed.iter().map(|f| !f).collect())?;
                account(&taken, &output, cx);
                self.hand_on(&output, &way, cx);
                queue.settle(job, &|row| failed.get(row).copied().unwrap_or(false), cx)?;
            }
            Err(_) => queue.settle(job, &|_| true, cx)?,
        }
        self.queue = Some(queue);
        Ok(())
    }
    fn failed(&mut self, mut job: Job, why: &Failure, cx: &mut Cx<'_>) -> NodeResult {
        let config = &self.function.config;
        let Some(mapping) = &mut self.mapping else {
            return Ok(());
        };
        let now = cx.now();
        let age = now.since(job.last_arrived);
        cx.metric("IteratorAge", age.as_millis_f64());
        let rows = job.batch.len();
        let most_age = config.maximum_record_age_seconds;
        let too_old = most_age >= 0 && age >= SimDuration::secs(u64::from(most_age.unsigned_abs()));
        if config.bisect_batch_on_function_error && rows > 1 && !too_old {
            // Splitting does not use up a try. The first half runs first.
            let (first, second) = job.halves();
            mapping.again(vec![first, second], now, cx);
            return Ok(());
        }
        job.tries += 1;
        let most = config.maximum_retry_attempts;
        if too_old || (most >= 0 && job.tries > most.unsigned_abs()) {
            mapping.done(job.lane, job.slot);
            return self.discard(&job, too_old, why, cx);
        }
        let wait = SimDuration(FIRST_WAIT.0 << job.tries.min(16)).min(LONGEST_WAIT);
        mapping.again(vec![job], now + wait, cx);
        Ok(())
    }
    fn invoke(
        &mut self,
        wire: WireId,
        call: CallId,
        batches: &[Batch],
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let input = if let [one] = batches {
            one.clone()
        } else {
            Batch::concat(batches)?
        };
        let peer = cx.ins("invoke").find(|w| w.id == wire);
        let request = Request {
            input,
            contract: Contract::Transform,
            size: None,
            source: peer.map_or(String::new(), |w| w.peer.clone()),
        };
        match self.function.begin(request, cx)? {
            Ok(run) => self.started(run, Caller::Wire(wire, call), cx),
            Err(input) => {
                let reply = Ask::Reply {
                    call,
                    status: ReplyStatus::TooManyRequests,
                    batches: vec![input],
                    failed: Vec::new(),
                };
                cx.ask(wire, reply, SimDuration::ZERO);
            }
        }
        Ok(())
    }
    /// Events that are sent: each record is one.
    fn take_events(&mut self, wire: WireId, batch: Batch, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        let large = batch.sizes.iter().any(|n| u64::from(*n) > self.event_bytes);
        if large {
            return Ok(Admit::Refused {
                payload: Payload::Records(batch),
                error: "ValidationException",
            });
        }
        let source = cx.ins("events").find(|w| w.id == wire);
        let source = source.map_or(String::new(), |w| w.peer.clone());
        cx.metric("AsyncEventsReceived", batch.records() as f64);
        for row in 0..batch.len() {
            let one = batch.slice(row, 1);
            self.events
                .push(EventJob::new(one, None, &source, cx.now()));
        }
        self.pump_events(cx)?;
        Ok(Admit::All)
    }
    /// An event of a service.
    fn take_notice(&mut self, wire: WireId, event: &Value, cx: &mut Cx<'_>) -> NodeResult {
        if !self.function.config.is_python() {
            cx.incident("ignored", 1, || {
                "an event is nothing that SQL can read: write the function in Python".to_owned()
            });
            return Ok(());
        }
        let source = cx.ins("events").find(|w| w.id == wire);
        let source = source.map_or(String::new(), |w| w.peer.clone());
        let empty = RecordBatch::new_empty(Arc::new(Schema::empty()));
        let batch = Batch::new(empty, Vec::new().into(), Vec::new().into());
        cx.metric("AsyncEventsReceived", 1.0);
        let event = Some(Arc::new(event.clone()));
        self.events
            .push(EventJob::new(batch, event, &source, cx.now()));
        self.pump_events(cx)
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let source = cx.ins("in").next().map(|w| w.id);
        self.mapping = source.map(|wire| Mapping::new(wire, self.poll_interval, self.batch_bytes));
        let queue = cx.ins("queue").next().map(|w| w.id);
        self.queue = queue.map(|wire| Queue::new(wire, &self.terms));
        let putters = |port: &str| -> Vec<Putter> {
            let wires = cx.outs(port).map(|w| w.id);
            wires.map(|wire| Putter::new(wire, self.policy())).collect()
        };
        (self.putters, self.destinations) = (putters("out"), putters("on_failure"));
        self.pump_queue(cx)
    }
    fn receive(&mut self, wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Notice(Notice::Lanes(lanes)) => {
                if let Some(mapping) = &mut self.mapping {
                    mapping.open(&lanes, &self.function.config, cx);
                }
            }
            Payload::Delivery(delivery) => {
                if let Some(mapping) = &mut self.mapping {
                    mapping.delivered(delivery, &self.function.config, cx)?;
                }
                self.pump(cx)?;
            }
            Payload::Throttled { lane, .. } => {
                if let Some(mapping) = &self.mapping {
                    mapping.throttled(lane, cx);
                }
            }
            Payload::Invoke { call, batches } => self.invoke(wire, call, &batches, cx)?,
            Payload::Messages { receipt, messages } => {
                if let Some(queue) = &mut self.queue {
                    queue.received(receipt, messages, cx);
                }
                self.pump_queue(cx)?;
            }
            Payload::Records(batch) => return self.take_events(wire, batch, cx),
            Payload::Notice(Notice::Event(event)) => self.take_notice(wire, &event.message, cx)?,
            Payload::Object(_) => {
                return Ok(Admit::Refused {
                    payload,
                    error: "InvalidRequestContentException",
                });
            }
            Payload::Rows(_) | Payload::Notice(_) => {}
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
        let mut putters = self.putters.iter_mut().chain(&mut self.destinations);
        if let Some(putter) = putters.find(|p| p.wire == wire) {
            putter.settled(call, outcome, cx);
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TIMER_DONE => return self.ended(tag.index, cx),
            TIMER_PUT => {
                for putter in self.putters.iter_mut().chain(&mut self.destinations) {
                    putter.timer(tag, cx);
                }
            }
            TIMER_POLL => {
                let lane = u32::try_from(tag.index).unwrap_or(0);
                if let Some(mapping) = &mut self.mapping {
                    mapping.poll_due(lane, &self.function.config, cx);
                }
            }
            TIMER_WINDOW => return self.pump(cx),
            TIMER_QUEUE => {
                if let Some(queue) = &mut self.queue {
                    queue.tick(tag);
                }
                return self.pump_queue(cx);
            }
            TIMER_EVENT => {
                self.events.timer(tag);
                return self.pump_events(cx);
            }
            _ => {}
        }
        Ok(())
    }
    fn held(&self) -> u64 {
        let running: u64 = self.runs.values().map(|(r, _)| r.input().records()).sum();
        running
            + self.mapping.as_ref().map_or(0, Mapping::held)
            + self.queue.as_ref().map_or(0, Queue::held)
            + self.events.held()
            + self
                .putters
                .iter()
                .chain(&self.destinations)
                .map(Putter::held)
                .sum::<u64>()
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        self.function.meter_provisioned(cx);
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        let environments = &self.function.environments;
        let limit = f64::from(environments.limit(&self.function.config).max(1));
        let running = f64::from(environments.running());
        out.limit("concurrent executions", running / limit);
        out.values.push(("at work", running, "environments"));
        let (host, calls) = self.function.host;
        if calls > 0 {
            let mean = host.as_secs_f64() * 1e3 / f64::from(calls);
            out.values.push(("a call on this machine", mean, "ms"));
        }
    }
}
