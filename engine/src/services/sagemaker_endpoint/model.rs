//! A running endpoint: records come from a stream, shard by shard, or are put; they become invocations that wait for a worker of a
//! production variant, and go on with what the model says of them.
//!
//! Of one shard one invocation is under way at a time, and the model looks at invocations in the order in which they begin: so
//! the records of every key keep their order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::HOURS;
use super::config::{Config, Serving};
use super::fleet::{Fleet, Place, Scaled, Terms};
use super::inference::{Alert, Inference};
use super::variant::{NAMES, Variant};
use crate::books::LatencyLaw;
use crate::data::{Batch, LabelWindows};
use crate::metrics::Part;
use crate::node::object_reads::ObjectReads;
use crate::node::{
    Admit, Ask, BuildCx, CallId, Cx, Delivery, Gauges, Node, NodeResult, Notice, Outcome, Payload,
    PutPolicy, Putter, Retuned, Table, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

const TIMER_POLL: u32 = 1;
pub(super) const TIMER_DONE: u32 = 2;
pub(super) const TIMER_AGAIN: u32 = 3;
const TIMER_PUT: u32 = 4;
const TIMER_MINUTE: u32 = 5;
pub(super) const TIMER_OUT: u32 = 6;
const TIMER_INSTANCE: u32 = 7;
const TIMER_MODEL: u32 = 8;
const TIMER_DEPLOY: u32 = 9;
/// The consumer polls a shard once a second, as a mapping does.
const POLL: SimDuration = SimDuration::secs(1);
/// One that is behind polls as often as a shard allows one reader.
const CATCH_UP: SimDuration = SimDuration::millis(200);
const MINUTE: SimDuration = SimDuration::secs(60);
/// How often the bucket is looked at for a newer model.
const LOOK: SimDuration = SimDuration::secs(30);

/// What records spent their time in.
pub(super) type Way = Vec<(Part, SimDuration)>;

/// Records on their way to the model.
#[derive(Debug)]
pub(super) struct Request {
    /// The shard; `None` for records that were put.
    pub(super) lane: Option<u32>,
    pub(super) variant: usize,
    /// When the records got here.
    pub(super) since: SimTime,
    /// When this try began to wait.
    pub(super) waits: SimTime,
    pub(super) tries: u32,
    /// The model that is called for, of a multi-model endpoint.
    pub(super) model: String,
    pub(super) batch: Batch,
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) request: Request,
    pub(super) place: Place,
    pub(super) begun: SimTime,
    /// What the model said, or why the invocation fails.
    pub(super) answer: Result<(Batch, Vec<Alert>), &'static str>,
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    polling: bool,
    pub(super) busy: bool,
    records: u64,
    queue: VecDeque<(SimTime, Batch)>,
}

/// A running endpoint.
#[derive(Debug)]
pub struct Model {
    pub(super) config: Config,
    pub(super) terms: Terms,
    put_law: LatencyLaw,
    pub(super) put_records: usize,
    pub(super) put_bytes: u64,
    pub(super) variants: Vec<Variant>,
    bucket: Option<String>,
    source: Option<WireId>,
    pub(super) lanes: BTreeMap<u32, Lane>,
    pub(super) running: BTreeMap<u64, Running>,
    /// Failed invocations that wait for their next try.
    pub(super) again: BTreeMap<u64, Request>,
    /// Answers on their way out, with what their records spent their time in.
    pub(super) leaving: BTreeMap<u64, (Batch, Way, Vec<Alert>)>,
    pub(super) next: u64,
    pub(super) putters: Vec<Putter>,
    pub(super) table: Option<Arc<Table>>,
    pub(super) alerts: u64,
    metered: SimTime,
    minute: SimTime,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let records = cx.quota("kinesis-data-streams.put_records_max_records")?;
        let windows = Arc::new(LabelWindows::read(&cx.world.root, &config.label_windows)?);
        let variant = |(i, (hosted, key, weight, count)): (usize, (_, &str, f64, u32))| {
            let name = NAMES[i.min(1)];
            let inference = Inference::new(
                config.clone(),
                name,
                hosted,
                cx.world.seed,
                Arc::clone(&windows),
            );
            let mut fleet = Fleet::default();
            if inference.is_ready() && config.serving == Serving::RealTime {
                fleet.add(count);
            }
            Variant::new(key, weight, count, inference, fleet)
        };
        Ok(Self {
            terms: Terms::new(cx)?,
            put_law: cx.latency("kinesis-data-streams.put_records")?,
            put_records: usize::try_from(records).unwrap_or(500),
            put_bytes: cx.quota("kinesis-data-streams.put_records_max_bytes")?,
            variants: config
                .variants()
                .into_iter()
                .enumerate()
                .map(variant)
                .collect(),
            bucket: None,
            source: None,
            lanes: BTreeMap::new(),
            running: BTreeMap::new(),
            again: BTreeMap::new(),
            leaving: BTreeMap::new(),
            next: 0,
            putters: Vec::new(),
            table: None,
            alerts: 0,
            metered: SimTime::ZERO,
            minute: SimTime::ZERO,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        if config.fixed() != self.config.fixed() {
            return Retuned::NextRun(
                "an endpoint is made of its models, fields and machines; weights, instances, scaling and times may change".to_owned(),
            );
        }
        self.settle_usage(cx);
        for (i, (_, _, weight, count)) in config.variants().into_iter().enumerate() {
            let Some(variant) = self.variants.get_mut(i) else {
                continue;
            };
            variant.weight = weight;
            variant.inference.retune(config.clone());
            let deployed = variant.fleet.in_service() > 0;
            if std::mem::replace(&mut variant.count, count) != count && deployed {
                let more = variant.fleet.want(count);
                start_instances(i, more, &self.terms.start, cx);
            }
        }
        self.config = config;
        Retuned::Live
    }
    /// Every variant has its model.
    fn is_ready(&self) -> bool {
        self.variants.iter().all(|v| v.inference.is_ready())
    }
    const fn payload_bytes(&self) -> u64 {
        match self.config.serving {
            Serving::RealTime => self.terms.payload_bytes,
            Serving::Serverless => self.terms.serverless_payload_bytes,
        }
    }
    fn poll(&mut self, number: u32, cx: &mut Cx<'_>) {
        let enough = 2 * u64::from(self.config.batch_records);
        let ready = self.is_ready();
        let max_bytes = self.payload_bytes();
        let (Some(wire), Some(lane)) = (self.source, self.lanes.get_mut(&number)) else {
            return;
        };
        if !ready || lane.polling || lane.records >= enough {
            return;
        }
        lane.polling = true;
        let max_records = self.config.batch_records.max(1000);
        let ask = Ask::Poll {
            lane: number,
            max_records,
            max_bytes,
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
    /// The next invocation of each shard that has none under way.
    pub(super) fn advance(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let ready = self
            .lanes
            .iter()
            .filter(|(_, l)| !l.busy && !l.queue.is_empty());
        let ready: Vec<u32> = ready.map(|(n, _)| *n).collect();
        for number in ready {
            let most = self.rows_of_a_call();
            let bytes = self.payload_bytes();
            let Some(lane) = self.lanes.get_mut(&number) else {
                continue;
            };
            let Some((since, batch)) = lane.queue.pop_front() else {
                continue;
            };
            let mut parts: VecDeque<Batch> = self.config.calls(&batch, most, bytes)?.into();
            let Some(first) = parts.pop_front() else {
                continue;
            };
            for rest in parts.into_iter().rev() {
                lane.queue.push_front((since, rest));
            }
            lane.records -= first.records();
            lane.busy = true;
            self.enqueue(Some(number), since, first, cx);
        }
        self.pump(cx)?;
        self.lanes
            .keys()
            .copied()
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|n| self.poll(n, cx));
        Ok(())
    }
    const fn rows_of_a_call(&self) -> usize {
        self.config.batch_records as usize
    }
    fn enqueue(&mut self, lane: Option<u32>, since: SimTime, batch: Batch, cx: &mut Cx<'_>) {
        let variant = self.pick(cx);
        let model = self.config.target_model(&batch);
        let request = Request {
            lane,
            variant,
            since,
            waits: cx.now(),
            tries: 0,
            model,
            batch,
        };
        if let Some(variant) = self.variants.get_mut(variant) {
            variant.queue.push_back(request);
        }
    }
    /// A variant by its weight.
    fn pick(&self, cx: &mut Cx<'_>) -> usize {
        if self.variants.len() < 2 {
            return 0;
        }
        let total: f64 = self.variants.iter().map(|v| v.weight).sum();
        let first = self.variants.first().map_or(0.0, |v| v.weight);
        usize::from(cx.rng().unit() * total >= first)
    }
    fn waiting(&self) -> usize {
        self.variants.iter().map(|v| v.queue.len()).sum()
    }
    /// The minute's metrics, auto scaling, tables.
    fn each_minute(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.settle_usage(cx);
        let took = cx.now().since(self.minute);
        self.minute = cx.now();
        let real_time = self.config.serving == Serving::RealTime;
        for i in 0..self.variants.len() {
            let Some(variant) = self.variants.get_mut(i) else {
                continue;
            };
            let (per_instance, busy) = variant.fleet.minute(took);
            let (hits, loads) = (
                std::mem::take(&mut variant.fleet.hits),
                std::mem::take(&mut variant.fleet.loads),
            );
            if !variant.inference.is_ready() || (real_time && variant.fleet.in_service() == 0) {
                continue;
            }
            let named = &super::VARIANTS[i.min(1)];
            if real_time {
                cx.metric("InvocationsPerInstance", per_instance);
                cx.metric(named.each, per_instance);
                cx.metric("CPUUtilization", busy);
                cx.metric(named.cpu, busy);
                cx.metric("InstanceCount", f64::from(variant.fleet.in_service()));
            }
            if self.config.multi_model && hits + loads > 0 {
                cx.metric("ModelCacheHit", hits as f64 / (hits + loads) as f64);
                cx.metric("LoadedModelCount", variant.fleet.loaded() as f64);
            }
            if self.config.autoscaling && real_time {
                let scaled = variant
                    .fleet
                    .track(per_instance, &self.config, &self.terms, cx.now());
                self.scaled(i, scaled, per_instance, cx);
            }
        }
        self.report(cx)?;
        self.advance(cx)
    }
    fn scaled(&self, variant: usize, scaled: Option<Scaled>, per_instance: f64, cx: &mut Cx<'_>) {
        let name = NAMES[variant.min(1)];
        match scaled {
            Some(Scaled::Out(n)) => {
                cx.event("scaling", format!("{name}: {per_instance:.0} invocations a minute for each instance; {n} more instances start"));
                start_instances(variant, n, &self.terms.start, cx);
            }
            Some(Scaled::In(n)) => cx.event("scaling", format!("{name}: {per_instance:.0} invocations a minute for each instance; {n} instances go")),
            None => {}
        }
    }
    /// An instance is there.
    fn instance(&mut self, variant: usize, cx: &mut Cx<'_>) -> NodeResult {
        self.settle_usage(cx);
        if let Some(variant) = self.variants.get_mut(variant)
            && variant.fleet.starting > 0
        {
            variant.fleet.starting -= 1;
            variant.fleet.add(1);
        }
        self.advance(cx)
    }
    /// Looks for newer stored models.
    fn look(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let Some(bucket) = self.bucket.clone() else {
            return Ok(());
        };
        let lake = cx.world().lake.clone();
        for (i, variant) in self.variants.iter_mut().enumerate() {
            let Some(newest) = variant.newer(&lake, &bucket) else {
                continue;
            };
            let (key, version) = (newest.key, newest.version);
            let mut reads = ObjectReads::default();
            reads.add(&bucket, &key, 1, newest.size);
            reads.bill(cx);
            let (lake, bucket, file) = (lake.clone(), bucket.clone(), key.clone());
            let work = cx.compute(move || Ok(Variant::load(&lake, &bucket, &file)))?;
            match cx.wait(work)? {
                Ok(model) => {
                    cx.event(
                        "deploying",
                        format!("{}: `{key}` is on its way to the endpoint", NAMES[i.min(1)]),
                    );
                    variant.coming = Some((model, version));
                    let wait = match self.config.serving {
                        Serving::RealTime => cx.draw(&self.terms.start),
                        Serving::Serverless => SimDuration::ZERO,
                    };
                    cx.after(wait, Tag::new(TIMER_DEPLOY, i as u64));
                }
                Err(why) => cx.errored(1, || format!("`{key}` is not deployed: {why}")),
            }
        }
        Ok(())
    }
    fn deploy(&mut self, i: usize, cx: &mut Cx<'_>) -> NodeResult {
        self.settle_usage(cx);
        let Some(variant) = self.variants.get_mut(i) else {
            return Ok(());
        };
        let Some((model, _)) = variant.coming.take() else {
            return Ok(());
        };
        variant.inference.deploy(model);
        if self.config.serving == Serving::RealTime && variant.fleet.billed() == 0 {
            variant.fleet.add(variant.count);
        }
        cx.event("in-service", format!("{} is in service", NAMES[i.min(1)]));
        self.advance(cx)
    }
    fn take(&mut self, batch: Batch, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        let refuse = |batch: Batch, error: &'static str, cx: &mut Cx<'_>| {
            cx.metric("Invocation4XXErrors", 1.0);
            cx.throttled(error, batch.records());
            Ok(Admit::Refused {
                payload: Payload::Records(batch),
                error,
            })
        };
        if !self.is_ready() {
            return refuse(batch, "ModelNotReadyException", cx);
        }
        let calls = self
            .config
            .calls(&batch, self.rows_of_a_call(), self.payload_bytes())?;
        let running: u32 = self.variants.iter().map(|v| v.fleet.running()).sum();
        let slots: u32 = self
            .variants
            .iter()
            .map(|v| v.fleet.slots(&self.config))
            .sum();
        let (waiting, calling) = (self.waiting(), calls.len());
        let full = match self.config.serving {
            Serving::RealTime => waiting + calling > self.terms.waiting_max,
            // Nothing waits in front of a serverless endpoint, but for what one call of the sender holds.
            Serving::Serverless => {
                running > 0 && waiting + calling + running as usize > slots as usize
            }
        };
        if full {
            return refuse(batch, "ThrottlingException", cx);
        }
        let now = cx.now();
        for call in calls {
            self.enqueue(None, now, call, cx);
        }
        self.pump(cx)?;
        Ok(Admit::All)
    }
}

/// Lets `n` instances of a variant start.
fn start_instances(variant: usize, n: u32, law: &LatencyLaw, cx: &mut Cx<'_>) {
    for _ in 0..n {
        let wait = cx.draw(law);
        cx.after(wait, Tag::new(TIMER_INSTANCE, variant as u64));
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.source = cx.ins("in").next().map(|w| w.id);
        let policy = PutPolicy::of_results(self.put_law.clone(), TIMER_PUT);
        self.putters = policy.putters("out", cx);
        cx.after(MINUTE, Tag::new(TIMER_MINUTE, 0));
        if cx.ins("models").next().is_some() {
            cx.after(LOOK, Tag::new(TIMER_MODEL, 0));
        }
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
            Payload::Notice(Notice::Bucket(name)) => {
                self.bucket = Some(name);
                self.look(cx)?;
            }
            Payload::Delivery(delivery) => {
                self.delivered(delivery, cx);
                self.advance(cx)?;
            }
            Payload::Throttled { lane, .. } => {
                cx.after(POLL, Tag::new(TIMER_POLL, u64::from(lane)));
            }
            Payload::Records(batch) => return self.take(batch, cx),
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
        let small = u32::try_from(tag.index).unwrap_or(u32::MAX);
        match tag.kind {
            TIMER_DONE => self.done(tag.index, cx)?,
            TIMER_OUT => self.out(tag.index, cx),
            TIMER_POLL => {
                if let Some(lane) = self.lanes.get_mut(&small) {
                    lane.polling = false;
                }
                self.poll(small, cx);
            }
            TIMER_AGAIN => {
                if let Some(mut request) = self.again.remove(&tag.index) {
                    request.waits = cx.now();
                    if let Some(variant) = self.variants.get_mut(request.variant) {
                        variant.queue.push_back(request);
                    }
                    self.pump(cx)?;
                }
            }
            TIMER_MINUTE => {
                self.each_minute(cx)?;
                cx.after(MINUTE, Tag::new(TIMER_MINUTE, 0));
            }
            TIMER_INSTANCE => self.instance(small as usize, cx)?,
            TIMER_MODEL => {
                self.look(cx)?;
                cx.after(LOOK, Tag::new(TIMER_MODEL, 0));
            }
            TIMER_DEPLOY => self.deploy(small as usize, cx)?,
            _ => self.putters.iter_mut().for_each(|p| p.timer(tag, cx)),
        }
        Ok(())
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        let millis = cx.now().as_millis() - self.metered.as_millis();
        self.metered = cx.now();
        let usage = &HOURS[self.config.instance_type as usize];
        let instances: u64 = self
            .variants
            .iter()
            .map(|v| u64::from(v.fleet.billed()))
            .sum();
        cx.meter(usage, u128::from(millis) * u128::from(instances));
    }
    fn held(&self) -> u64 {
        let lanes = self
            .lanes
            .values()
            .flat_map(|l| &l.queue)
            .map(|(_, b)| b.records());
        let waiting = self
            .variants
            .iter()
            .flat_map(|v| &v.queue)
            .chain(self.again.values());
        let waiting = waiting.chain(self.running.values().map(|r| &r.request));
        let leaving = self.leaving.values().map(|(b, _, _)| b.records());
        lanes.sum::<u64>()
            + waiting.map(|r| r.batch.records()).sum::<u64>()
            + leaving.sum::<u64>()
            + self.putters.iter().map(Putter::held).sum::<u64>()
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        self.show(out, self.waiting(), self.terms.waiting_max);
    }
}
