//! The running node: the function between its event source mapping, its callers and what it puts results to.

use std::collections::BTreeMap;

use super::config::Config;
use super::function::{Function, Output, Run};
use super::mapping::{Job, Mapping, TIMER_POLL, TIMER_WINDOW};
use crate::data::Batch;
use crate::metrics::Part;
use crate::node::{
    Admit, Ask, BuildCx, CallId, Cx, Gauges, Node, NodeResult, Notice, Outcome, Payload, PutPolicy,
    Putter, ReplyStatus, Retuned, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

const TIMER_DONE: u32 = 3;
const TIMER_PUT: u32 = 4;
/// Records of one put call at the most.
const PUT_RECORDS: usize = 500;

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
            runs: BTreeMap::new(),
            next_run: 0,
            putters: Vec::new(),
        })
    }
    pub(super) fn retune(&mut self, config: Config) -> Retuned {
        self.function.retune(config);
        Retuned::Live
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
        for lane in mapping.lanes() {
            while let Some(job) = mapping.next(lane, &self.function.config, cx.now())? {
                match self.function.begin(job.batch.clone(), cx)? {
                    Ok(run) => self.started(run, Caller::Stream(job), cx),
                    Err(_) => {
                        // Throttling does not use up a try.
                        mapping.done(lane);
                        let at = cx.now() + SimDuration::secs(1);
                        mapping.again(job, at, cx);
                        break;
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
        let (begun, cold, duration) = (run.begun, run.cold, run.duration);
        let result = self.function.end(run, cx)?;
        let times = Times {
            begun,
            cold,
            duration,
        };
        match caller {
            Caller::Wire(wire, call) => answer(wire, call, result, &times, cx),
            Caller::Stream(job) => {
                if let Some(mapping) = &mut self.mapping {
                    mapping.done(job.lane);
                }
                match result {
                    Ok(output) => self.succeeded(&job, output, &times, cx),
                    Err((_, why)) => self.failed(job, why, &times, cx),
                }
                return self.pump(cx);
            }
        }
        Ok(())
    }
    fn succeeded(&mut self, job: &Job, output: Output, times: &Times, cx: &mut Cx<'_>) {
        let now = cx.now();
        let records = job.batch.records();
        cx.metric("IteratorAge", now.since(job.last_arrived).as_millis_f64());
        cx.passed(now.since(job.since), records);
        let queue = times.begun.since(job.since);
        cx.spent(Part::Retry, job.lost, records);
        cx.spent(
            Part::Queue,
            SimDuration(queue.0.saturating_sub(job.lost.0)),
            records,
        );
        cx.spent(Part::ColdStart, times.cold, records);
        cx.spent(Part::Service, times.duration, records);
        account(&output, cx);
        self.put(&output.batch, cx);
    }
    /// Hands results on in calls of up to 500; without a wire the function itself is the end of the line.
    fn put(&mut self, batch: &Batch, cx: &mut Cx<'_>) {
        if self.putters.is_empty() {
            cx.delivered(&batch.born, batch.weight, batch.bytes());
            return;
        }
        cx.copied(batch.records() * (self.putters.len() as u64 - 1));
        for putter in &mut self.putters {
            let mut offset = 0;
            while offset < batch.len() {
                let rows = PUT_RECORDS.min(batch.len() - offset);
                putter.put(batch.slice(offset, rows), cx);
                offset += rows;
            }
        }
    }
    fn failed(&mut self, mut job: Job, why: &'static str, times: &Times, cx: &mut Cx<'_>) {
        let config = &self.function.config;
        let Some(mapping) = &mut self.mapping else {
            return;
        };
        let now = cx.now();
        job.tries += 1;
        job.lost += now.since(times.begun);
        let rows = job.batch.len();
        if config.bisect_batch_on_function_error && rows > 1 {
            // Splitting does not use up a try. The first half runs first.
            let half = rows / 2;
            let second = Job {
                batch: job.batch.slice(half, rows - half),
                tries: job.tries - 1,
                ..job.clone()
            };
            let first = Job {
                batch: job.batch.slice(0, half),
                tries: job.tries - 1,
                ..job
            };
            mapping.again(second, now, cx);
            mapping.again(first, now, cx);
            return;
        }
        let most = config.maximum_retry_attempts;
        if most >= 0 && job.tries > most.unsigned_abs() {
            cx.failed(
                "discarded by the event source mapping after all tries",
                job.batch.records(),
            );
            cx.event(
                "discarded",
                format!("a batch of {rows} records was given up: {why}"),
            );
            return;
        }
        // The mapping waits between tries; AWS publishes no figure, the wait doubles from 0.2 s to 30 s here.
        let wait = SimDuration::millis(200 << job.tries.min(8))
            .0
            .min(SimDuration::secs(30).0);
        mapping.again(job, now + SimDuration(wait), cx);
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
        match self.function.begin(input, cx)? {
            Ok(run) => self.started(run, Caller::Wire(wire, call), cx),
            Err(input) => {
                let reply = Ask::Reply {
                    call,
                    status: ReplyStatus::TooManyRequests,
                    batches: vec![input],
                };
                cx.ask(wire, reply, SimDuration::ZERO);
            }
        }
        Ok(())
    }
}

struct Times {
    begun: SimTime,
    cold: SimDuration,
    duration: SimDuration,
}

/// What the SQL left out, joined or added.
fn account(output: &Output, cx: &mut Cx<'_>) {
    cx.dropped("left out by the function's WHERE", output.filtered);
    if output.merged > 0 {
        cx.merged(output.merged);
    }
    if output.created > 0 {
        cx.copied(output.created);
    }
}

fn answer(
    wire: WireId,
    call: CallId,
    result: Result<Output, (Batch, &'static str)>,
    times: &Times,
    cx: &mut Cx<'_>,
) {
    let (status, batch) = match result {
        Ok(output) => {
            let records = output.batch.records() + output.filtered + output.merged;
            cx.passed(cx.now().since(times.begun), records);
            cx.spent(Part::ColdStart, times.cold, records);
            cx.spent(Part::Service, times.duration, records);
            account(&output, cx);
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
                    mapping.delivered(delivery, &self.function.config, cx);
                }
                self.pump(cx)?;
            }
            Payload::Throttled { lane, .. } => {
                if let Some(mapping) = &self.mapping {
                    mapping.throttled(lane, cx);
                }
            }
            Payload::Invoke { call, batches } => self.invoke(wire, call, &batches, cx)?,
            Payload::Records(_) | Payload::Object(_) => {
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
