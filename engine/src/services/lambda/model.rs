//! The running node: the function between its event source mapping, its callers and what it puts results to.

use std::collections::BTreeMap;

use super::config::Config;
use super::function::{Function, Origin, Output, Run};
use super::mapping::{Job, Mapping, TIMER_POLL, TIMER_WINDOW};
use crate::data::Batch;
use crate::metrics::Part;
use crate::node::{
    Admit, Ask, BuildCx, CallId, Cx, Gauges, Node, NodeResult, Notice, Outcome, Payload, PutPolicy,
    Putter, ReplyStatus, Retuned, Tag, TraceEnd, WireId,
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
    Wire(WireId, CallId),
}

/// A running function.
#[derive(Debug)]
pub struct Model {
    function: Function,
    mapping: Option<Mapping>,
    poll_interval: SimDuration,
    batch_bytes: u64,
    put_law: crate::books::LatencyLaw,
    put_records: usize,
    put_bytes: u64,
    runs: BTreeMap<u64, (Run, Caller)>,
    next_run: u64,
    putters: Vec<Putter>,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        Ok(Self {
            function: Function::new(config, cx)?,
            mapping: None,
            poll_interval: SimDuration::millis(cx.quota("lambda.kinesis_poll_interval_ms")?),
            batch_bytes: cx.quota("lambda.kinesis_batch_max_bytes")?,
            put_law: cx.latency("kinesis-data-streams.put_records")?,
            put_records: usize::try_from(cx.quota("kinesis-data-streams.put_records_max_records")?)
                .unwrap_or(500),
            put_bytes: cx.quota("kinesis-data-streams.put_records_max_bytes")?,
            runs: BTreeMap::new(),
            next_run: 0,
            putters: Vec::new(),
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &Cx<'_>) -> Retuned {
        match self.function.retune(config, cx) {
            Ok(()) => Retuned::Live,
            Err(why) => Retuned::NextRun(why),
        }
    }
    fn policy(&self) -> PutPolicy {
        PutPolicy {
            latency: self.put_law.clone(),
            max_calls: 64,
            max_retries: 10,
            backoff: SimDuration::millis(100),
            max_waiting: 1_000_000,
            tag_kind: TIMER_PUT,
        }
    }
    /// Runs whatever of the stream may run.
    fn pump(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let Some(mut mapping) = self.mapping.take() else {
            return Ok(());
        };
        let size = u64::from(self.function.config.batch_size);
        'lanes: for lane in mapping.lanes() {
            while let Some(mut job) = mapping.next(lane, &self.function.config, cx)? {
                let batch = job.batch.clone();
                match self.function.begin(batch, Origin::Stream(size), cx)? {
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
    fn started(&mut self, run: Run, caller: Caller, cx: &mut Cx<'_>) {
        cx.at(run.ends(), Tag::new(TIMER_DONE, self.next_run));
        self.runs.insert(self.next_run, (run, caller));
        self.next_run += 1;
    }
    fn ended(&mut self, number: u64, cx: &mut Cx<'_>) -> NodeResult {
        let Some((run, caller)) = self.runs.remove(&number) else {
            return Ok(());
        };
        let times = Times {
            begun: run.begun,
            parts: [
                (Part::Transfer, run.overhead),
                (Part::ColdStart, run.cold),
                (Part::Service, run.duration),
            ],
        };
        let input = run.input().clone();
        let result = self.function.end(run, cx)?;
        match caller {
            Caller::Wire(wire, call) => answer((wire, call), &input, result, &times, cx),
            Caller::Stream(job) => {
                match result {
                    Ok(output) => self.succeeded(&job, &output, &times, cx),
                    Err((_, why)) => self.failed(job, why, cx),
                }
                return self.pump(cx);
            }
        }
        Ok(())
    }
    fn succeeded(&mut self, job: &Job, output: &Output, times: &Times, cx: &mut Cx<'_>) {
        let now = cx.now();
        if let Some(mapping) = &mut self.mapping {
            mapping.done(job.lane, job.slot);
        }
        cx.metric("IteratorAge", now.since(job.last_arrived).as_millis_f64());
        let first_run = job.first_run.unwrap_or(times.begun);
        let mut way = vec![
            (Part::Queue, first_run.since(job.since)),
            (Part::Retry, times.begun.since(first_run)),
        ];
        way.extend(times.parts);
        account(&job.batch, output, cx);
        self.put(&output.batch, &way, cx);
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
    fn failed(&mut self, mut job: Job, why: &'static str, cx: &mut Cx<'_>) {
        let config = &self.function.config;
        let Some(mapping) = &mut self.mapping else {
            return;
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
            return;
        }
        job.tries += 1;
        let most = config.maximum_retry_attempts;
        if too_old || (most >= 0 && job.tries > most.unsigned_abs()) {
            mapping.done(job.lane, job.slot);
            let place = "discarded by the event source mapping";
            cx.failed(place, job.batch.records());
            cx.ended(TraceEnd::Failed(place), |g| {
                job.batch.born.contains(&g.born)
            });
            let reason = if too_old { "too old" } else { "out of tries" };
            cx.event(
                "discarded",
                format!("a batch of {rows} records was given up, {reason}: {why}"),
            );
            return;
        }
        let wait = SimDuration(FIRST_WAIT.0 << job.tries.min(16)).min(LONGEST_WAIT);
        mapping.again(vec![job], now + wait, cx);
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
        match self.function.begin(input, Origin::Invoke, cx)? {
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
}

/// When a run began and what its time went into.
struct Times {
    begun: SimTime,
    parts: [(Part, SimDuration); 3],
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

/// What the SQL left out, joined or added.
fn account(input: &Batch, output: &Output, cx: &mut Cx<'_>) {
    let why = "left out by the function's WHERE";
    cx.dropped(why, output.filtered);
    let end = if output.regrouped {
        TraceEnd::Regrouped
    } else {
        TraceEnd::Dropped(why)
    };
    cx.ended(end, |g| {
        let goes_on = !output.regrouped && output.batch.born.contains(&g.born);
        !goes_on && input.born.contains(&g.born)
    });
    if output.merged > 0 {
        cx.merged(output.merged);
    }
    if output.created > 0 {
        cx.copied(output.created);
    }
}

fn answer(
    (wire, call): (WireId, CallId),
    input: &Batch,
    result: Result<Output, (Batch, &'static str)>,
    times: &Times,
    cx: &mut Cx<'_>,
) {
    let (status, batch) = match result {
        Ok(output) => {
            let records = output.batch.records() + output.filtered + output.merged;
            passed(&times.parts, records, cx);
            account(input, &output, cx);
            (ReplyStatus::Ok, output.batch)
        }
        Err((input, _)) => (ReplyStatus::FunctionError, input),
    };
    cx.ask(
        wire,
        Ask::Reply {
            call,
            status,
            batches: vec![batch],
            failed: Vec::new(),
        },
        SimDuration::ZERO,
    );
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let source = cx.ins("in").next().map(|w| w.id);
        self.mapping = source.map(|wire| Mapping::new(wire, self.poll_interval, self.batch_bytes));
        let wires: Vec<WireId> = cx.outs("out").map(|w| w.id).collect();
        self.putters = wires
            .into_iter()
            .map(|wire| Putter::new(wire, self.policy()))
            .collect();
        Ok(())
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
                    mapping.delivered(delivery, cx);
                }
                self.pump(cx)?;
            }
            Payload::Throttled { lane, .. } => {
                if let Some(mapping) = &self.mapping {
                    mapping.throttled(lane, cx);
                }
            }
            Payload::Invoke { call, batches } => self.invoke(wire, call, &batches, cx)?,
            Payload::Records(_) | Payload::Messages { .. } | Payload::Object(_) => {
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
        if let Some(putter) = self.putters.iter_mut().find(|p| p.wire == wire) {
            putter.settled(call, outcome, cx);
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TIMER_DONE => return self.ended(tag.index, cx),
            TIMER_PUT => {
                for putter in &mut self.putters {
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
            _ => {}
        }
        Ok(())
    }
    fn held(&self) -> u64 {
        let running: u64 = self.runs.values().map(|(r, _)| r.input().records()).sum();
        running
            + self.mapping.as_ref().map_or(0, Mapping::held)
            + self.putters.iter().map(Putter::held).sum::<u64>()
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        let limit = f64::from(self.function.limit().max(1));
        out.limit(
            "concurrent executions",
            f64::from(self.function.running()) / limit,
        );
        out.values.push((
            "at work",
            f64::from(self.function.running()),
            "environments",
        ));
    }
}
