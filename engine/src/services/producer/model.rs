//! The running producer: when records are made, how they are gathered into calls, and one putter for each receiver.

use arrow::buffer::BooleanBuffer;

use super::config::Config;
use super::source::Generated;
use crate::data::{Arrivals, Batch};
use crate::node::{
    BuildCx, CallId, Cx, FaultKind, Gauges, Node, NodeResult, Outcome, PutPolicy, Putter, Retuned,
    Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

const TIMER_MAKE: u32 = 0;
const TIMER_PUT: u32 = 1;
/// The shortest time between two looks at the clock: bounds the number of events at very high rates.
const SHORTEST_TICK: SimDuration = SimDuration::millis(1);

/// A running producer.
#[derive(Debug)]
pub struct Model {
    config: Config,
    source: Generated,
    arrivals: Arrivals,
    /// Time zero of the arrivals.
    begun: SimTime,
    law: crate::books::LatencyLaw,
    putters: Vec<Putter>,
    put_max_bytes: u64,
    seed: u64,
    epoch_ms: i64,
    born: Vec<u64>,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let rate = config.rate_of(config.records_per_second);
        Ok(Self {
            source: Generated::new(&config, cx.world.seed, &cx.node)?,
            arrivals: Arrivals::new(config.shape(), rate).map_err(|e| e.to_string())?,
            begun: SimTime::ZERO,
            law: cx.latency("kinesis-data-streams.put_records")?,
            putters: Vec::new(),
            put_max_bytes: cx.quota("kinesis-data-streams.put_records_max_bytes")?,
            seed: cx.world.seed,
            epoch_ms: cx.world.epoch_ms,
            born: Vec::new(),
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        if config.file != self.config.file {
            return Retuned::NextRun("another file is read from the beginning of a run".to_owned());
        }
        if let Err(text) = self.source.retune(&config, self.seed, cx.id()) {
            return Retuned::NextRun(text);
        }
        let rate = config.rate_of(config.records_per_second);
        let changed = if config.shape() == self.config.shape() {
            self.arrivals
                .set_rate(SimTime(cx.now().0 - self.begun.0), rate)
        } else {
            // Another shape begins now, at its own beginning.
            Arrivals::new(config.shape(), rate).map(|arrivals| {
                self.arrivals = arrivals;
                self.begun = cx.now();
            })
        };
        if let Err(e) = changed {
            return Retuned::NextRun(e.to_string());
        }
        self.config = config;
        self.spike(cx);
        let policy = self.policy();
        for putter in &mut self.putters {
            putter.policy = policy.clone();
        }
        Retuned::Live
    }
    fn policy(&self) -> PutPolicy {
        PutPolicy {
            latency: self.law.clone(),
            max_calls: self.config.max_connections as usize,
            max_retries: self.config.max_retries,
            backoff: SimDuration::millis(u64::from(self.config.backoff_ms)),
            max_waiting: self.config.buffer_records,
            tag_kind: TIMER_PUT,
        }
    }
    fn spike(&mut self, cx: &Cx<'_>) {
        let factor = cx.fault(FaultKind::TrafficSpike).map_or(1.0, |f| f.factor);
        // A factor beyond what arrivals take is cut by the check of the scenario before the run.
        drop(
            self.arrivals
                .set_factor(SimTime(cx.now().0 - self.begun.0), factor),
        );
    }
    /// How long to gather: until a call is full at the present rate, or the linger time ends.
    fn tick(&self, made: usize, last: SimDuration) -> SimDuration {
        let linger = SimDuration::millis(u64::from(self.config.linger_ms));
        if made == 0 {
            return linger;
        }
        let full =
            SimDuration(last.0.saturating_mul(u64::from(self.config.batch_records)) / made as u64);
        full.min(linger).max(SHORTEST_TICK)
    }
    /// Makes what is due and puts it.
    fn make(&mut self, span: SimDuration, cx: &mut Cx<'_>) -> NodeResult {
        let mut born = std::mem::take(&mut self.born);
        born.clear();
        self.arrivals
            .fill(cx.now(), cx.rng(), &mut born, usize::MAX);
        let mut rest = born.as_slice();
        while !rest.is_empty() {
            let most = rest.len().min(self.config.batch_records as usize);
            let batch = self.source.take(&rest[..most], self.epoch_ms, cx)?;
            rest = &rest[batch.len()..];
            self.put(batch, cx);
        }
        let next = self.tick(born.len(), span);
        self.born = born;
        cx.after(next, Tag::new(TIMER_MAKE, next.0));
        Ok(())
    }
    fn put(&mut self, batch: Batch, cx: &mut Cx<'_>) {
        let mut batch = Batch {
            weight: self.config.sample_one_in,
            ..batch
        };
        if let Some(rate) = cx.fault(FaultKind::PoisonRecords).map(|f| f.rate) {
            let bits: BooleanBuffer = (0..batch.len()).map(|_| cx.rng().chance(rate)).collect();
            batch.malformed = (bits.count_set_bits() > 0).then_some(bits);
        }
        cx.created(batch.records(), batch.bytes());
        cx.metric("UserRecordsReceived", batch.records() as f64);
        if self.putters.is_empty() {
            cx.dropped("nothing is connected", batch.records());
            return;
        }
        cx.copied(batch.records() * (self.putters.len() as u64 - 1));
        for putter in &mut self.putters {
            for part in batch.parts(usize::MAX, self.put_max_bytes) {
                putter.put(part, cx);
            }
        }
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let wires: Vec<WireId> = cx.outs("out").map(|w| w.id).collect();
        self.putters = wires
            .into_iter()
            .map(|wire| Putter::new(wire, self.policy()))
            .collect();
        let first = SimDuration::millis(u64::from(self.config.linger_ms));
        cx.after(first, Tag::new(TIMER_MAKE, first.0));
        Ok(())
    }
    fn settled(
        &mut self,
        wire: WireId,
        call: CallId,
        outcome: Outcome,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let refused = match &outcome {
            Outcome::Accepted => 0,
            Outcome::Partial { refused, .. } => refused.records(),
            Outcome::Refused { payload, .. } => payload.records(),
        };
        if let Some(putter) = self.putters.iter_mut().find(|p| p.wire == wire) {
            let settled = putter.settled(call, outcome, cx);
            cx.metric("UserRecordsPut", settled.accepted as f64);
            if refused > 0 {
                cx.metric("AllErrors", refused as f64);
            }
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TIMER_MAKE => return self.make(SimDuration(tag.index), cx),
            TIMER_PUT => {
                for putter in &mut self.putters {
                    putter.timer(tag, cx);
                }
            }
            _ => {}
        }
        Ok(())
    }
    fn fault_changed(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.spike(cx);
        Ok(())
    }
    fn held(&self) -> u64 {
        self.putters.iter().map(Putter::held).sum()
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        let waiting: u64 = self.putters.iter().map(Putter::waiting).sum();
        out.limit(
            "records that may wait to be sent",
            waiting as f64 / self.config.buffer_records.max(1) as f64,
        );
        out.values
            .push(("waiting to be sent", waiting as f64, "records"));
    }
}
