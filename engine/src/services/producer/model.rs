//! The running producer: records are gathered into calls as they come into being, one putter for each receiver.

use std::collections::VecDeque;

use arrow::buffer::BooleanBuffer;

use super::config::Config;
use super::source::Source;
use crate::data::{Batch, Blemisher};
use crate::metrics::Part;
use crate::node::{
    BuildCx, CallId, Cx, FaultKind, Gauges, Node, NodeResult, Outcome, PutPolicy, Putter, Retuned,
    Tag, WireId,
};
use crate::rng::Rng;
use crate::units::{SimDuration, SimTime};

const TIMER_MAKE: u32 = 0;
const TIMER_PUT: u32 = 1;
/// The shortest time between two looks at the clock: bounds the number of events at very high rates.
const SHORTEST_TICK: SimDuration = SimDuration::millis(1);
/// How often the records that wait are told to CloudWatch.
const PENDING_STEP: SimDuration = SimDuration::secs(1);

/// A running producer.
#[derive(Debug)]
pub struct Model {
    config: Config,
    source: Source,
    law: crate::books::LatencyLaw,
    putters: Vec<Putter>,
    put_max_bytes: u64,
    epoch_ms: i64,
    /// Instants of records that are gathered for the next call and not made so far.
    gathered: VecDeque<u64>,
    /// Timers of earlier plans are ignored.
    plan: u64,
    /// Draws which records are spoilt, by a fault or as the parameters say.
    poison: Rng,
    blemisher: Blemisher,
    pending_told: SimTime,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        Ok(Self {
            source: Source::new(&config, cx)?,
            law: cx.latency("kinesis-data-streams.put_records")?,
            putters: Vec::new(),
            put_max_bytes: cx.quota("kinesis-data-streams.put_records_max_bytes")?,
            epoch_ms: cx.world.epoch_ms,
            gathered: VecDeque::new(),
            plan: 0,
            poison: Rng::new(cx.world.seed, &format!("{}/poison", cx.node)),
            blemisher: Blemisher::new(config.blemishes(), config.key()),
            pending_told: SimTime::ZERO,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        let file = |c: &Config| {
            let fields = (c.records_at.clone(), c.time_field.clone());
            (c.file.clone(), c.file_use, fields, c.replay_pace)
        };
        if file(&config) != file(&self.config) || config.replay_speed != self.config.replay_speed {
            return Ok(Retuned::NextRun(
                "`file`: a file is read from its beginning to its end in one way".to_owned(),
            ));
        }
        // What came into being before goes by the old parameters.
        self.make(cx)?;
        if let Err(why) = self.source.retune(&self.config, &config, cx) {
            return Ok(Retuned::NextRun(why));
        }
        self.blemisher = Blemisher::new(config.blemishes(), config.key());
        self.config = config;
        self.spike(cx);
        let policy = self.policy();
        for putter in &mut self.putters {
            putter.policy = policy.clone();
        }
        self.schedule(cx)?;
        Ok(Retuned::Live)
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
        self.source.set_factor(factor, cx.now());
    }
    const fn linger(&self) -> SimDuration {
        SimDuration::millis(self.config.linger_ms as u64)
    }
    /// Makes what is due: full calls, and what is left when its linger time has ended.
    fn make(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let full = self.config.call_records();
        loop {
            let mut due = std::mem::take(&mut self.gathered);
            self.source.fill(&mut due, full, cx)?;
            self.gathered = due;
            let oldest = self.gathered.front().copied();
            let is_due = |at: u64| cx.now().since(SimTime(at)) >= self.linger();
            if self.gathered.len() < full && !oldest.is_some_and(is_due) {
                return Ok(());
            }
            if !self.call(cx)? {
                self.gathered.clear();
                return Ok(());
            }
        }
    }
    /// Puts what is gathered; false when there are no records for it.
    fn call(&mut self, cx: &mut Cx<'_>) -> NodeResult<bool> {
        let mut pieces = Vec::new();
        while !self.gathered.is_empty() {
            let born = self.gathered.make_contiguous();
            let Some(piece) = self.source.take(born, self.epoch_ms, cx)? else {
                break;
            };
            self.gathered.drain(..piece.len());
            pieces.push(piece);
        }
        match pieces.as_slice() {
            [] => return Ok(false),
            [whole] => self.put(whole.clone(), cx)?,
            _ => self.put(Batch::concat(&pieces)?, cx)?,
        }
        Ok(true)
    }
    /// Sets the timer for the next call: when it is full at the present rate, or when the linger time of its first record
    /// ends.
    fn schedule(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.plan += 1;
        let next = self.source.next(cx)?;
        let first = match (self.gathered.front(), next) {
            (Some(at), _) => SimTime(*at),
            (None, Some((at, _))) => at,
            (None, None) => return Ok(()),
        };
        let latest = first + self.linger();
        let full = next.filter(|(_, rate)| *rate > 0.0).map(|(at, rate)| {
            let missing = self
                .config
                .call_records()
                .saturating_sub(self.gathered.len())
                .saturating_sub(1);
            at + SimDuration::from_secs_f64(missing as f64 / rate)
        });
        let at = full.map_or(latest, |full| full.min(latest));
        cx.at(
            at.max(cx.now() + SHORTEST_TICK),
            Tag::new(TIMER_MAKE, self.plan),
        );
        Ok(())
    }
    fn put(&mut self, batch: Batch, cx: &mut Cx<'_>) -> NodeResult {
        let batch = Batch {
            weight: self.config.sample_one_in,
            aggregate: if self.config.aggregation {
                self.config.aggregation_max_bytes
            } else {
                0
            },
            ..batch
        };
        let made = batch.records();
        let batch = self.spoil(batch, cx)?;
        cx.created(batch.records(), batch.bytes());
        cx.profile_sizes(&batch);
        cx.profile_keys(&batch, self.config.key());
        cx.metric("UserRecordsReceived", made as f64);
        if self.putters.is_empty() {
            cx.dropped("nothing is connected", batch.records());
            return Ok(());
        }
        cx.copied(batch.records() * (self.putters.len() as u64 - 1));
        for part in batch.parts(self.config.call_records(), self.put_max_bytes) {
            let gathered = [(Part::Buffer, mean_age(&part, cx.now()))];
            for putter in &mut self.putters {
                putter.put_after(part.clone(), &gathered, cx);
            }
        }
        self.tell_pending(cx);
        Ok(())
    }
    /// Records as they really are: with what the parameters and a fault do to them.
    fn spoil(&mut self, batch: Batch, cx: &mut Cx<'_>) -> NodeResult<Batch> {
        let weight = u64::from(batch.weight);
        let (mut batch, counts) = self.blemisher.apply(batch, &mut self.poison)?;
        for (name, rows) in [
            ("RecordsWithNull", counts.nulls),
            ("LateRecords", counts.late),
            ("DuplicateRecords", counts.duplicates),
        ] {
            if rows > 0 {
                cx.metric(name, (rows * weight) as f64);
            }
        }
        if let Some(rate) = cx.fault(FaultKind::PoisonRecords).map(|f| f.rate) {
            let poison = &mut self.poison;
            let bits: BooleanBuffer = (0..batch.len()).map(|_| poison.chance(rate)).collect();
            let bits = match &batch.malformed {
                Some(before) => before | &bits,
                None => bits,
            };
            batch.malformed = (bits.count_set_bits() > 0).then_some(bits);
        }
        let malformed = batch.malformed_rows() as u64;
        if malformed > 0 {
            cx.metric("MalformedRecords", (malformed * weight) as f64);
        }
        Ok(batch)
    }
    fn tell_pending(&mut self, cx: &mut Cx<'_>) {
        if cx.now() >= self.pending_told {
            self.pending_told = cx.now() + PENDING_STEP;
            cx.metric("UserRecordsPending", self.pending() as f64);
        }
    }
    fn pending(&self) -> u64 {
        self.putters.iter().map(Putter::waiting).sum()
    }
}

/// How long the records of one call were gathered, on average.
fn mean_age(batch: &Batch, now: SimTime) -> SimDuration {
    let ages = batch.born.iter().map(|at| now.since(SimTime(*at)).0);
    let sum: u128 = ages.map(u128::from).sum();
    SimDuration(u64::try_from(sum / batch.len().max(1) as u128).unwrap_or(0))
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let wires: Vec<WireId> = cx.outs("out").map(|w| w.id).collect();
        self.putters = wires
            .into_iter()
            .map(|wire| Putter::new(wire, self.policy()))
            .collect();
        self.schedule(cx)
    }
    fn settled(
        &mut self,
        wire: WireId,
        call: CallId,
        outcome: Outcome,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        if let Some(putter) = self.putters.iter_mut().find(|p| p.wire == wire) {
            let settled = putter.settled(call, outcome, cx);
            cx.metric("UserRecordsPut", settled.accepted as f64);
            cx.metric("RequestTime", settled.took.as_millis_f64());
            if settled.refused > 0 {
                cx.metric("AllErrors", settled.refused as f64);
            }
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            TIMER_MAKE if tag.index == self.plan => {
                self.make(cx)?;
                return self.schedule(cx);
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
    fn fault_changed(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.make(cx)?;
        self.spike(cx);
        self.schedule(cx)
    }
    fn held(&self) -> u64 {
        self.putters.iter().map(Putter::held).sum()
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        let waiting = self.pending();
        out.limit(
            "records that may wait to be sent",
            waiting as f64 / self.config.buffer_records.max(1) as f64,
        );
        out.values
            .push(("waiting to be sent", waiting as f64, "records"));
    }
}
