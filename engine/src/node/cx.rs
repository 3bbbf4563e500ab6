//! The door of a running node to the world: time, randomness, wires, timers, real work, meters, the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::NodeResult;
use super::follow::{Followed, Guest, Measured, TraceEnd};
use super::ids::{CallId, Tag, WireEnd, WireId};
use super::message::{Ask, Payload};
use super::profile::Profile;
use super::spec::{FaultKind, KindSpec};
use super::work::{Pool, Work};
use crate::books::{Books, LatencyLaw, UsageSpec};
use crate::code::Host;
use crate::data::{Batch, Root};
use crate::lake::{Lake, SqlEngine};
use crate::metrics::{LatencyMeter, Ledger, Meters, Part, Watch};
use crate::rng::Rng;
use crate::units::{SimDuration, SimTime};

/// What all nodes of a run share; none may change it but through its own guarded operations.
#[derive(Debug)]
pub struct World {
    /// Files and catalog.
    pub lake: Lake,
    /// The one door for SQL over the lake.
    pub sql: SqlEngine,
    /// Where code of the user runs.
    pub code: Host,
    /// Where real work is done.
    pub pool: Pool,
    /// Prices, quotas, latency.
    pub books: Arc<Books>,
    /// Where files may be read.
    pub root: Root,
    /// Virtual time zero: milliseconds since 1970 UTC.
    pub epoch_ms: i64,
    /// The document's seed.
    pub seed: u64,
    /// Where streams spill what does not fit in memory.
    pub spill_dir: std::path::PathBuf,
    /// Generated records that runs of one process may share.
    pub shared: crate::data::Shared,
    /// The concurrency that all functions of the run share.
    pub account: super::Account,
    /// Look at sizes and keys of records, for the report's account of the workload.
    pub profiles: bool,
}

/// A fault that is on.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Which.
    pub kind: FaultKind,
    /// Share that is struck, 0 to 1.
    pub rate: f64,
    /// Times as much traffic.
    pub factor: f64,
    /// Time added to every request.
    pub add: SimDuration,
    /// The shard that is lost.
    pub shard: u32,
}

impl Fault {
    /// The fault of this kind with its one figure: a share from 0 to 1, milliseconds that are added, a factor, or a shard's number.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "shard numbers are small and whole; a cast saturates"
    )]
    pub fn of(kind: FaultKind, figure: f64) -> Self {
        let mut fault = Self {
            kind,
            rate: 1.0,
            factor: 1.0,
            add: SimDuration::ZERO,
            shard: 0,
        };
        match kind {
            FaultKind::Errors
            | FaultKind::Throttle
            | FaultKind::PoisonRecords
            | FaultKind::WorkerLoss => {
                fault.rate = figure;
            }
            FaultKind::Latency => fault.add = SimDuration::from_secs_f64(figure / 1e3),
            FaultKind::TrafficSpike => fault.factor = figure,
            FaultKind::ShardLoss => fault.shard = figure as u32,
        }
        fault
    }
}

/// Something that goes on happening (throttling, errors), told once when it begins and once when it has ended.
#[derive(Debug, Clone)]
pub struct Incident {
    /// What, for example `throttled`.
    pub kind: &'static str,
    /// When it began.
    pub first: SimTime,
    /// When it was last seen.
    pub last: SimTime,
    /// How often.
    pub count: u64,
    /// In words, of its beginning.
    pub text: String,
}

impl Incident {
    /// Adds a later one of the same kind to it.
    fn extend(&mut self, later: &Self) {
        self.first = self.first.min(later.first);
        self.last = self.last.max(later.last);
        self.count += later.count;
    }
}

/// What the engine keeps for one node.
#[derive(Debug)]
pub struct NodeState {
    /// The node's id.
    pub id: String,
    /// What its kind declares.
    pub spec: &'static KindSpec,
    /// Its own random stream.
    pub rng: Rng,
    /// Where its records went.
    pub ledger: Ledger,
    /// Its metrics.
    pub meters: Meters,
    /// How long records took in it.
    pub latency: LatencyMeter,
    /// How long records took from their birth until they were delivered here.
    pub end_to_end: LatencyMeter,
    /// What it used, in the order of its kind's list, in base units.
    pub usage: Vec<u128>,
    /// Faults that are on.
    pub faults: Vec<Fault>,
    /// Faults that were on and have ended: each kind, and when it first began.
    pub past_faults: Vec<(FaultKind, SimTime)>,
    /// Incidents that may still go on.
    pub incidents: Vec<Incident>,
    /// Incidents that ended, those of one kind as one: when the first began, when the last was seen, how often in all.
    pub past_incidents: Vec<Incident>,
    /// When a limit was first used up (utilisation of 1 or more), and which.
    pub first_over: Option<(SimTime, &'static str)>,
    /// Use of each limit over the seconds in which it was the nearest, by its name, 1 being all of it.
    pub limits: BTreeMap<&'static str, crate::metrics::Point>,
    /// What its records are like, where its kind looks.
    pub profile: Profile,
    /// Records in it that are followed.
    pub followed: Followed,
    /// Wires that end here.
    pub ins: Vec<WireEnd>,
    /// Wires that begin here.
    pub outs: Vec<WireEnd>,
    next_call: u64,
}

impl NodeState {
    /// The state of a node before its run.
    #[must_use]
    pub fn new(id: &str, spec: &'static KindSpec, seed: u64) -> Self {
        Self {
            id: id.to_owned(),
            spec,
            rng: Rng::new(seed, id),
            ledger: Ledger::default(),
            meters: Meters::new(spec.metrics),
            latency: LatencyMeter::default(),
            end_to_end: LatencyMeter::default(),
            usage: vec![0; spec.usage.len()],
            faults: Vec::new(),
            incidents: Vec::new(),
            past_incidents: Vec::new(),
            past_faults: Vec::new(),
            first_over: None,
            limits: BTreeMap::new(),
            profile: Profile::default(),
            followed: Followed::default(),
            ins: Vec::new(),
            outs: Vec::new(),
            next_call: 0,
        }
    }
}

impl NodeState {
    /// Keeps an incident that ended. Kinds of incidents are few, so this is bounded.
    pub fn end_incident(&mut self, ended: Incident) {
        match self
            .past_incidents
            .iter_mut()
            .find(|i| i.kind == ended.kind)
        {
            Some(past) => past.extend(&ended),
            None => self.past_incidents.push(ended),
        }
    }
}

/// What a handler wants done; the event loop does it when the handler has returned.
#[derive(Debug)]
pub enum Effect {
    /// A payload down a wire.
    Send {
        /// On this wire.
        wire: WireId,
        /// Which call it is.
        call: CallId,
        /// What.
        payload: Payload,
        /// It arrives then.
        at: SimTime,
    },
    /// A question or answer up a wire.
    Ask {
        /// On this wire.
        wire: WireId,
        /// What.
        ask: Ask,
        /// It arrives then.
        at: SimTime,
    },
    /// A timer of this node.
    Timer {
        /// The node's tag.
        tag: Tag,
        /// It fires then.
        at: SimTime,
    },
    /// Let a watch read a metric of the node at the other end of a wire.
    Watch {
        /// The wire to that node.
        wire: WireId,
        /// The metric's name.
        metric: String,
        /// The reader.
        watch: Watch,
    },
    /// A line for the list of events.
    Event {
        /// One word.
        kind: &'static str,
        /// One sentence.
        text: String,
    },
}

/// The door. Lives for one handler.
#[derive(Debug)]
pub struct Cx<'a> {
    now: SimTime,
    state: &'a mut NodeState,
    effects: &'a mut Vec<Effect>,
    world: &'a Arc<World>,
}

impl<'a> Cx<'a> {
    /// Made by the event loop for each handler.
    pub fn new(
        now: SimTime,
        state: &'a mut NodeState,
        effects: &'a mut Vec<Effect>,
        world: &'a Arc<World>,
    ) -> Self {
        Self {
            now,
            state,
            effects,
            world,
        }
    }
    /// Virtual time.
    #[must_use]
    pub const fn now(&self) -> SimTime {
        self.now
    }
    /// The node's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.state.id
    }
    /// Virtual time as milliseconds since 1970 UTC.
    #[must_use]
    pub fn now_epoch_ms(&self) -> i64 {
        self.world.epoch_ms + i64::try_from(self.now.as_millis()).unwrap_or(i64::MAX / 2)
    }
    /// The node's own random stream.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.state.rng
    }
    /// What all nodes share.
    #[must_use]
    pub const fn world(&self) -> &Arc<World> {
        self.world
    }

    // Wires.

    /// The wires that begin at `port`.
    pub fn outs(&self, port: &str) -> impl Iterator<Item = &WireEnd> {
        self.state.outs.iter().filter(move |w| w.port == port)
    }
    /// The wires that end at `port`.
    pub fn ins(&self, port: &str) -> impl Iterator<Item = &WireEnd> {
        self.state.ins.iter().filter(move |w| w.port == port)
    }
    /// The port of this node that `wire` is at.
    #[must_use]
    pub fn port(&self, wire: WireId) -> &'static str {
        let mut ends = self.state.ins.iter().chain(&self.state.outs);
        ends.find(|w| w.id == wire).map_or("", |w| w.port)
    }
    #[expect(clippy::result_large_err, reason = "the payload comes back on purpose")]
    /// Sends `payload`; it arrives after `delay`. Comes back when the wire has no credit left.
    ///
    /// # Errors
    /// The payload, unsent.
    pub fn send(
        &mut self,
        wire: WireId,
        mut payload: Payload,
        delay: SimDuration,
    ) -> Result<CallId, Payload> {
        let Some(end) = self.state.outs.iter_mut().find(|w| w.id == wire) else {
            return Err(payload);
        };
        if end.credit == 0 {
            return Err(payload);
        }
        // Answers to polls and notices need no answer themselves; the asker's own limits bound them.
        if matches!(
            payload,
            Payload::Records(_) | Payload::Object(_) | Payload::Invoke { .. }
        ) {
            end.credit -= 1;
        }
        let call = CallId(self.state.next_call);
        self.state.next_call += 1;
        if let Payload::Invoke { call: id, .. } = &mut payload {
            *id = call;
        }
        self.state.ledger.on_wire += payload.records();
        self.effects.push(Effect::Send {
            wire,
            call,
            payload,
            at: self.now + delay,
        });
        Ok(call)
    }
    /// Asks or answers the sender at the other end of an input wire.
    pub fn ask(&mut self, wire: WireId, ask: Ask, delay: SimDuration) {
        self.state.ledger.on_wire += ask.records();
        self.effects.push(Effect::Ask {
            wire,
            ask,
            at: self.now + delay,
        });
    }
    /// Sets a timer.
    pub fn after(&mut self, delay: SimDuration, tag: Tag) {
        self.at(self.now + delay, tag);
    }
    /// Sets a timer for an instant; one in the past fires now.
    pub fn at(&mut self, at: SimTime, tag: Tag) {
        self.effects.push(Effect::Timer {
            tag,
            at: at.max(self.now),
        });
    }
    /// Reads a metric of the node at the other end of `wire` from now on.
    pub fn watch(&mut self, wire: WireId, metric: &str, watch: Watch) {
        self.effects.push(Effect::Watch {
            wire,
            metric: metric.to_owned(),
            watch,
        });
    }

    // Real work.

    /// Starts a computation on the pool; [`Cx::wait`] for it at its modelled instant.
    ///
    /// # Errors
    /// When the run is stopped.
    pub fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> NodeResult<Work<T>> {
        Ok(self.world.pool.compute(work)?)
    }
    /// Starts a future on the pool.
    ///
    /// # Errors
    /// When the run is stopped.
    pub fn start<T: Send + 'static>(
        &self,
        future: impl std::future::Future<Output = Result<T, String>> + Send + 'static,
    ) -> NodeResult<Work<T>> {
        Ok(self.world.pool.start(future)?)
    }
    /// The result of work.
    ///
    /// # Errors
    /// When the work failed or the run is stopped.
    pub fn wait<T>(&self, work: Work<T>) -> NodeResult<T> {
        Ok(self.world.pool.wait(work)?)
    }

    // The ledger.

    /// `records` came into being here.
    pub fn created(&mut self, records: u64, bytes: u64) {
        self.state.ledger.created += records;
        self.flow("RecordsIn", records);
        self.flow("BytesIn", bytes);
    }
    /// Looks at the sizes of records that came into being here, for the report's account of the workload.
    pub fn profile_sizes(&mut self, batch: &Batch) {
        if self.world.profiles {
            self.state.profile.look_at_sizes(batch);
        }
    }
    /// Looks at the keys of records in `field`: of those that came into being here, or that are spread by it.
    pub fn profile_keys(&mut self, batch: &Batch, field: &str) {
        if self.world.profiles {
            self.state.profile.look_at_keys(batch, field);
        }
    }
    /// `records` further copies were made.
    pub fn copied(&mut self, records: u64) {
        self.state.ledger.copied += records;
    }
    /// The records of `batch` were let go, for a reason that people can read.
    pub fn dropped_batch(&mut self, reason: &'static str, batch: &Batch) {
        self.dropped(reason, batch.records());
        self.ended(TraceEnd::Dropped(reason), |g| batch.born.contains(&g.born));
    }
    /// Of the followed records in this node, those that `is_it` finds came to `end`. For what is let go, failed or regrouped
    /// by count; [`Cx::delivered`] and [`Cx::dropped_batch`] say it themselves.
    pub fn ended(&mut self, end: TraceEnd, is_it: impl Fn(&Guest) -> bool) {
        self.state.followed.end(end, is_it);
    }
    /// `records` were let go, for a reason that people can read.
    pub fn dropped(&mut self, reason: &'static str, records: u64) {
        if records > 0 {
            *self.state.ledger.dropped.entry(reason).or_default() += records;
        }
    }
    /// `records` could not be processed and were put at `place`.
    pub fn failed(&mut self, place: &'static str, records: u64) {
        if records > 0 {
            *self.state.ledger.failed.entry(place).or_default() += records;
        }
    }
    /// `records` went into other records.
    pub fn merged(&mut self, records: u64) {
        self.state.ledger.merged += records;
    }
    /// Records born at these instants are at rest here now, each standing for `weight`.
    pub fn delivered(&mut self, born: &[u64], weight: u32, bytes: u64) {
        let n = u64::from(weight);
        self.state.ledger.delivered += born.len() as u64 * n;
        for &at in born {
            self.state
                .end_to_end
                .add(self.now, self.now.since(SimTime(at)), n);
        }
        self.ended(TraceEnd::Delivered, |g| born.contains(&g.born));
        self.flow("RecordsOut", born.len() as u64 * n);
        self.flow("BytesOut", bytes);
    }
    /// `records` were refused with an AWS error name.
    pub fn throttled(&mut self, error: &'static str, records: u64) {
        self.state.ledger.throttled += records;
        self.flow("Throttled", records);
        self.incident("throttled", records, || {
            format!("refuses records with {error}")
        });
    }
    /// `count` requests or invocations failed.
    pub fn errored(&mut self, count: u64, text: impl FnOnce() -> String) {
        self.state.ledger.errors += count;
        self.flow("Errors", count);
        self.incident("errors", count, text);
    }
    fn flow(&mut self, name: &'static str, n: u64) {
        if n > 0 {
            self.state.meters.put(self.now, name, n as f64, 1);
        }
    }

    // Meters.

    /// Puts a value of one of the kind's own metrics.
    pub fn metric(&mut self, name: &'static str, value: f64) {
        self.state.meters.put(self.now, name, value, 1);
    }
    /// Records took `took` in this node.
    pub fn passed(&mut self, took: SimDuration, records: u64) {
        self.state.latency.add(self.now, took, records);
        self.state.followed.measure(Measured::Passed(took));
    }
    /// Of their time in this node, records spent `took` in `part`.
    pub fn spent(&mut self, part: Part, took: SimDuration, records: u64) {
        if records > 0 {
            self.state.latency.add_part(self.now, part, took, records);
            self.state.followed.measure(Measured::Spent(part, took));
        }
    }
    /// Meters `quantity` base units of something that is billed.
    pub fn meter(&mut self, spec: &'static UsageSpec, quantity: u128) {
        let index = self.state.spec.usage.iter().position(|u| u.key == spec.key);
        debug_assert!(
            index.is_some(),
            "usage {} is not declared by its kind",
            spec.key
        );
        if let Some(index) = index {
            self.state.usage[index] += quantity;
        }
    }

    // Faults and events.

    /// The fault of this kind that is on.
    #[must_use]
    pub fn fault(&self, kind: FaultKind) -> Option<&Fault> {
        self.state.faults.iter().find(|f| f.kind == kind)
    }
    /// Draws whether a fault of this kind strikes now.
    pub fn strikes(&mut self, kind: FaultKind) -> bool {
        let Some(rate) = self.fault(kind).map(|f| f.rate) else {
            return false;
        };
        self.state.rng.chance(rate)
    }
    /// Draws how long a request takes, a latency fault included.
    pub fn draw(&mut self, law: &LatencyLaw) -> SimDuration {
        let z = self.state.rng.normal();
        let extra = self
            .fault(FaultKind::Latency)
            .map_or(SimDuration::ZERO, |f| f.add);
        law.sample(z) + extra
    }
    /// Tells people of something that happened once.
    pub fn event(&mut self, kind: &'static str, text: impl Into<String>) {
        self.effects.push(Effect::Event {
            kind,
            text: text.into(),
        });
    }
    /// Tells people of something that may go on: its beginning now, its end when it has been quiet for a minute.
    pub fn incident(&mut self, kind: &'static str, count: u64, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(open) = self.state.incidents.iter_mut().find(|i| i.kind == kind) {
            open.last = now;
            open.count += count;
            return;
        }
        let text = text();
        self.effects.push(Effect::Event {
            kind,
            text: text.clone(),
        });
        self.state.incidents.push(Incident {
            kind,
            first: now,
            last: now,
            count,
            text,
        });
    }
}
