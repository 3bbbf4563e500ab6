//! One run: nodes, wires, the queue, and what each event does.

use std::sync::Arc;

use arrow::array::RecordBatch;
use serde::Serialize;
use serde_json::{Map, Value};

use super::log::EventLog;
use super::queue::Queue;
use super::snapshot::Shots;
use super::trace::{Landed, Tracer};
use super::upkeep::TICK;
use crate::books::Bill;
use crate::metrics::{LatencyMeter, Ledger};
use crate::node::{
    Admit, AnyKind, Ask, BuildCx, CallId, Cx, Effect, Fault, Flow, Gauges, Node, NodeError,
    NodeResult, NodeState, Outcome, Payload, Schemas, Tag, WireEnd, WireId, World,
};
use crate::units::{SimDuration, SimTime};

/// Events of one instant before the run is taken to go in circles.
const EVENTS_PER_INSTANT: u64 = 5_000_000;
/// Engine events go before (script) and after (tick) those of nodes.
pub(super) const RANK_SCRIPT: u16 = 0;
pub(super) const RANK_TICK: u16 = u16::MAX;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Stopped from outside.
    #[error("stopped")]
    Cancelled,
    /// A node cannot go on.
    #[error("{node}: {text}")]
    Node {
        /// Which.
        node: String,
        /// Why.
        text: String,
    },
    /// The engine itself cannot go on.
    #[error("{0}")]
    Engine(String),
}

/// A node to run.
#[derive(Debug)]
pub struct NodeSeat {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: &'static dyn AnyKind,
    /// Its parameters as drawn (defaults not filled in).
    pub params: Map<String, Value>,
    /// What is known of the records on its inputs.
    pub inputs: Schemas,
}

/// A wire to run: nodes by their place in the list.
#[derive(Debug, Clone)]
pub struct WirePlan {
    /// Sender and its port.
    pub from: (usize, &'static str),
    /// Receiver and its port.
    pub to: (usize, &'static str),
    /// What travels.
    pub flow: Flow,
    /// Calls without an answer at the most.
    pub credit: u32,
}

/// What a scenario step or a person does to a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Changes parameters.
    Set(Map<String, Value>),
    /// Brings a fault for a while.
    Fault(Fault, SimDuration),
    /// Asks for something by name.
    Command(String, Value),
}

/// An action at its time.
#[derive(Debug, Clone)]
pub struct ScriptStep {
    /// When.
    pub at: SimTime,
    /// The node by its place in the list.
    pub node: usize,
    /// What.
    pub action: Action,
}

/// What a person changed while the run went on, for the run's record.
#[derive(Debug, Clone, Serialize)]
pub struct Edit {
    /// Virtual seconds.
    pub at_seconds: f64,
    /// The node.
    pub node: String,
    /// In words.
    pub what: String,
}

/// All that a run is made from. Nodes are sorted by id.
#[derive(Debug, Default)]
pub struct RunPlan {
    /// The nodes.
    pub nodes: Vec<NodeSeat>,
    /// The wires.
    pub wires: Vec<WirePlan>,
    /// The scenario.
    pub script: Vec<ScriptStep>,
}

/// What the queue holds.
#[derive(Debug)]
pub(super) enum Event {
    Timer {
        node: usize,
        tag: Tag,
    },
    Arrive {
        wire: WireId,
        call: CallId,
        payload: Payload,
    },
    Back {
        wire: WireId,
        ask: Ask,
    },
    Script(usize),
    FaultEnds {
        node: usize,
        id: u64,
    },
    Tick,
}

/// A wire while it runs.
#[derive(Debug)]
pub struct WireState {
    /// As planned.
    pub plan: WirePlan,
    /// Records that were accepted at its end.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records that were refused at its end.
    pub refused: u64,
    /// When the first were.
    pub first_refused: Option<SimTime>,
    /// Records on it now.
    pub in_flight: u64,
    /// The latest records on it.
    pub last: Option<RecordBatch>,
}

/// How a run stood at an instant.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// The instant.
    pub at: SimTime,
    /// From birth to delivery, over all nodes.
    pub end_to_end: LatencyMeter,
    /// The ledger of each node.
    pub ledgers: Vec<Ledger>,
    /// Bytes that each node took in or made.
    pub bytes_in: Vec<f64>,
}

/// One execution of a pipeline.
pub struct Run {
    pub(super) world: Arc<World>,
    pub(super) seats: Vec<NodeSeat>,
    pub(super) nodes: Vec<Box<dyn Node>>,
    pub(super) states: Vec<NodeState>,
    pub(super) wires: Vec<WireState>,
    pub(super) gauges: Vec<Gauges>,
    pub(super) bill: Arc<Bill>,
    script: Vec<ScriptStep>,
    /// Number and beginning of each fault that is on, in the order of the node's list.
    pub(super) fault_ids: Vec<Vec<(u64, SimTime)>>,
    pub(super) next_fault: u64,
    pub(super) queue: Queue<Event>,
    effects: Vec<Effect>,
    pub(super) now: SimTime,
    pub(super) events: u64,
    instant_events: u64,
    pub(super) ticks: u64,
    /// When warming up is over, and how things stood then.
    pub(super) warm_up: Option<SimTime>,
    /// How often gauges are read.
    pub(super) tick: SimDuration,
    pub(super) baseline: Option<Baseline>,
    /// Nodes in which something happened since the last snapshot.
    pub(super) touched: Vec<bool>,
    pub(super) shots: Shots,
    pub(super) tracer: Tracer,
    /// What happened.
    pub log: EventLog,
    /// What people changed.
    pub edits: Vec<Edit>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("now", &self.now)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl Run {
    /// Builds all nodes and starts them at virtual time zero.
    ///
    /// # Errors
    /// When a node cannot be built or started.
    pub fn new(plan: RunPlan, world: Arc<World>, log: EventLog) -> Result<Self, RunError> {
        let mut states: Vec<NodeState> = plan
            .nodes
            .iter()
            .map(|s| NodeState::new(&s.id, s.kind.spec(), world.seed))
            .collect();
        let mut wires = Vec::new();
        for (i, wire) in plan.wires.into_iter().enumerate() {
            let id = WireId(u32::try_from(i).unwrap_or(u32::MAX));
            let (from, to) = (wire.from, wire.to);
            let end = |port, peer: usize| WireEnd {
                id,
                port,
                peer: plan.nodes[peer].id.clone(),
                credit: wire.credit,
            };
            states[from.0].outs.push(end(from.1, to.0));
            states[to.0].ins.push(end(to.1, from.0));
            wires.push(WireState {
                plan: wire,
                records: 0,
                bytes: 0,
                refused: 0,
                first_refused: None,
                in_flight: 0,
                last: None,
            });
        }
        let mut nodes = Vec::new();
        for seat in &plan.nodes {
            let cx = BuildCx {
                node: seat.id.clone(),
                inputs: seat.inputs.clone(),
                world: Arc::clone(&world),
            };
            let fail = |text| RunError::Node {
                node: seat.id.clone(),
                text,
            };
            nodes.push(seat.kind.build(&seat.params, &cx).map_err(fail)?);
        }
        let count = plan.nodes.len();
        let mut run = Self {
            world,
            seats: plan.nodes,
            nodes,
            states,
            wires,
            gauges: vec![Gauges::default(); count],
            bill: Arc::default(),
            script: plan.script,
            fault_ids: vec![Vec::new(); count],
            next_fault: 0,
            queue: Queue::default(),
            effects: Vec::new(),
            now: SimTime::ZERO,
            events: 0,
            instant_events: 0,
            ticks: 0,
            warm_up: None,
            tick: TICK,
            baseline: None,
            touched: vec![true; count],
            shots: Shots::default(),
            tracer: Tracer::default(),
            log,
            edits: Vec::new(),
        };
        for i in 0..run.script.len() {
            run.queue
                .push(run.script[i].at, RANK_SCRIPT, Event::Script(i));
        }
        run.queue.push(SimTime::ZERO + TICK, RANK_TICK, Event::Tick);
        for i in 0..count {
            run.call(i, |node, cx| node.start(cx))?;
        }
        Ok(run)
    }
    /// Reads gauges less often, for tests over many days.
    #[cfg(test)]
    pub(crate) const fn tick_every(&mut self, tick: SimDuration) {
        self.tick = tick;
    }
    /// Remembers how things stand at the first whole second at or after `at`, so that what comes after can be told apart.
    pub const fn warm_up_until(&mut self, at: SimTime) {
        self.warm_up = Some(at);
    }
    /// How things stood when warming up was over; `None` when it was not asked for or is not over.
    #[must_use]
    pub const fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_ref()
    }
    /// Virtual time.
    #[must_use]
    pub const fn now(&self) -> SimTime {
        self.now
    }
    /// Events done so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }
    /// When the next event is.
    #[must_use]
    pub fn next_at(&self) -> Option<SimTime> {
        self.queue.next_at()
    }
    /// What each node's state came to.
    #[must_use]
    pub fn states(&self) -> &[NodeState] {
        &self.states
    }
    /// The wires.
    #[must_use]
    pub fn wires(&self) -> &[WireState] {
        &self.wires
    }
    /// The nodes as planned.
    #[must_use]
    pub fn seats(&self) -> &[NodeSeat] {
        &self.seats
    }
    /// The gauges as last read.
    #[must_use]
    pub fn gauges(&self) -> &[Gauges] {
        &self.gauges
    }
    /// What all nodes share.
    #[must_use]
    pub const fn world(&self) -> &Arc<World> {
        &self.world
    }
    /// Records inside node `i` now.
    #[must_use]
    pub fn held(&self, i: usize) -> u64 {
        self.nodes[i].held()
    }
    /// Lets virtual time pass to `at` without an event; never backwards nor past the next event.
    pub(super) fn pass_time(&mut self, at: SimTime) {
        let limit = self.next_at().unwrap_or(at);
        self.now = self.now.max(at.min(limit));
    }
    /// Does the next event.
    ///
    /// # Errors
    /// When a node cannot go on.
    pub fn step(&mut self) -> Result<(), RunError> {
        let Some((at, event)) = self.queue.pop() else {
            return Ok(());
        };
        debug_assert!(at >= self.now, "time runs backwards");
        self.instant_events = if at == self.now {
            self.instant_events + 1
        } else {
            0
        };
        if self.instant_events > EVENTS_PER_INSTANT {
            return Err(RunError::Engine(format!(
                "the pipeline goes in circles at {:.3} s of virtual time (last event: {event:.80?})",
                at.as_secs_f64()
            )));
        }
        self.now = at;
        self.events += 1;
        match event {
            Event::Timer { node, tag } => self.call(node, |n, cx| n.timer(tag, cx)),
            Event::Arrive {
                wire,
                call,
                payload,
            } => self.arrive(wire, call, payload),
            Event::Back { wire, ask } => self.back(wire, ask),
            Event::Script(i) => {
                let step = self.script[i].clone();
                self.act(step.node, &step.action, "scenario")
            }
            Event::FaultEnds { node, id } => self.end_fault(node, id),
            Event::Tick => self.tick(),
        }
    }
    pub(super) fn note(&mut self, node: &str, kind: &str, text: String) -> Result<(), RunError> {
        self.log
            .push(self.now, node, kind, text)
            .map_err(RunError::Engine)
    }
    /// Runs a handler of node `i` and carries out what it wants.
    pub(super) fn call<R>(
        &mut self,
        i: usize,
        f: impl FnOnce(&mut dyn Node, &mut Cx<'_>) -> NodeResult<R>,
    ) -> Result<R, RunError> {
        let mut effects = std::mem::take(&mut self.effects);
        self.touched[i] = true;
        let followed = &mut self.states[i].followed;
        followed.measured.clear();
        let mut cx = Cx::new(self.now, &mut self.states[i], &mut effects, &self.world);
        let result = f(self.nodes[i].as_mut(), &mut cx);
        let result = result.map_err(|e| match e {
            NodeError::Cancelled => RunError::Cancelled,
            NodeError::Fatal(text) => RunError::Node {
                node: self.states[i].id.clone(),
                text,
            },
        })?;
        if !self.states[i].followed.ended.is_empty() {
            self.trace_ended(i);
        }
        for effect in effects.drain(..) {
            self.apply(i, effect)?;
        }
        self.effects = effects;
        Ok(result)
    }
    fn apply(&mut self, i: usize, effect: Effect) -> Result<(), RunError> {
        match effect {
            Effect::Send {
                wire,
                call,
                payload,
                at,
            } => {
                if !self.tracer.is_idle() {
                    self.trace_send(i, wire, call, &payload);
                }
                let state = &mut self.wires[wire.0 as usize];
                state.in_flight += payload.records();
                let rank = rank(state.plan.to.0);
                self.queue.push(
                    at,
                    rank,
                    Event::Arrive {
                        wire,
                        call,
                        payload,
                    },
                );
            }
            Effect::Ask { wire, ask, at } => {
                self.trace_answer(i, wire, &ask);
                let rank = rank(self.wires[wire.0 as usize].plan.from.0);
                self.queue.push(at, rank, Event::Back { wire, ask });
            }
            Effect::Timer { tag, at } => {
                self.queue.push(at, rank(i), Event::Timer { node: i, tag });
            }
            Effect::Watch {
                wire,
                metric,
                watch,
            } => {
                let peer = self.wires[wire.0 as usize].plan.from.0;
                if !self.states[peer].meters.watch(&metric, watch) {
                    let (id, peer) = (self.states[i].id.clone(), &self.states[peer].id);
                    let text = format!("`{peer}` has no metric `{metric}`; nothing is watched");
                    self.note(&id, "no-metric", text)?;
                }
            }
            Effect::Event { kind, text } => {
                let id = self.states[i].id.clone();
                self.note(&id, kind, text)?;
            }
        }
        Ok(())
    }
    fn arrive(&mut self, id: WireId, call: CallId, payload: Payload) -> Result<(), RunError> {
        let wire = &mut self.wires[id.0 as usize];
        let (from, to, port) = (wire.plan.from.0, wire.plan.to.0, wire.plan.to.1);
        let (records, bytes) = (payload.records(), payload.bytes());
        wire.in_flight -= records;
        if let Some(sample) = payload.sample().filter(|s| !s.is_empty()) {
            wire.last = Some(sample.rows.clone());
        }
        let answered = matches!(
            payload,
            Payload::Records(_) | Payload::Object(_) | Payload::Invoke { .. }
        );
        self.states[from].ledger.on_wire -= records;
        let mut landed = Landed::none();
        if !self.tracer.is_idle() {
            landed = self.trace_arrive((id, call, false), to, port);
        }
        let admit = self.call(to, |n, cx| n.receive(id, payload, cx))?;
        self.trace_admitted(&mut landed, &admit);
        let (back, back_bytes, outcome) = match admit {
            Admit::All => (0, 0, Outcome::Accepted),
            Admit::Partial { refused, error } => (
                refused.records(),
                refused.bytes(),
                Outcome::Partial { refused, error },
            ),
            Admit::Refused { payload, error } => {
                (records, bytes, Outcome::Refused { payload, error })
            }
        };
        self.move_records(from, to, records - back, bytes - back_bytes);
        let wire = &mut self.wires[id.0 as usize];
        wire.records += records - back;
        wire.bytes += bytes - back_bytes;
        wire.refused += back;
        if back > 0 {
            wire.first_refused.get_or_insert(self.now);
        }
        if answered {
            if let Some(end) = self.states[from].outs.iter_mut().find(|w| w.id == id) {
                end.credit += 1;
            }
            self.call(from, |n, cx| n.settled(id, call, outcome, cx))?;
            self.balance(from);
        }
        self.trace_left(&landed, from, answered);
        self.balance(to);
        Ok(())
    }
    fn back(&mut self, id: WireId, ask: Ask) -> Result<(), RunError> {
        let plan = &self.wires[id.0 as usize].plan;
        let (asker, asked, port) = (plan.to.0, plan.from.0, plan.from.1);
        let (records, bytes) = (ask.records(), ask.bytes());
        self.states[asker].ledger.on_wire -= records;
        self.move_records(asker, asked, records, bytes);
        let landed = match &ask {
            Ask::Reply { call, .. } if !self.tracer.is_idle() => {
                self.trace_arrive((id, *call, true), asked, port)
            }
            Ask::Settle { receipt, .. } if !self.tracer.is_idle() => {
                self.trace_arrive((id, CallId(*receipt), true), asked, port)
            }
            _ => Landed::none(),
        };
        self.call(asked, |n, cx| n.asked(id, ask, cx))?;
        self.trace_left(&landed, asker, false);
        self.balance(asked);
        Ok(())
    }
    fn move_records(&mut self, from: usize, to: usize, records: u64, bytes: u64) {
        if records == 0 {
            return;
        }
        self.touched[from] = true;
        let sender = &mut self.states[from];
        sender.ledger.sent += records;
        sender.ledger.bytes_sent += bytes;
        sender.meters.put(self.now, "RecordsOut", records as f64, 1);
        sender.meters.put(self.now, "BytesOut", bytes as f64, 1);
        let receiver = &mut self.states[to];
        receiver.ledger.received += records;
        receiver.ledger.bytes_received += bytes;
        receiver
            .meters
            .put(self.now, "RecordsIn", records as f64, 1);
        receiver.meters.put(self.now, "BytesIn", bytes as f64, 1);
    }
    /// In debug builds the books of a node balance after every exchange.
    fn balance(&self, i: usize) {
        if cfg!(debug_assertions) {
            let missing = self.states[i].ledger.unaccounted(self.nodes[i].held());
            assert!(
                missing == 0,
                "{}: {missing} records unaccounted at {:?}: {:?}, held {}",
                self.states[i].id,
                self.now,
                self.states[i].ledger,
                self.nodes[i].held()
            );
        }
    }
    /// The latest records of the batch that passed last on wire `i`.
    #[must_use]
    pub fn sample_of(&self, i: usize) -> Option<&RecordBatch> {
        self.wires.get(i)?.last.as_ref()
    }
}

fn rank(node: usize) -> u16 {
    u16::try_from(node + 1).unwrap_or(RANK_TICK - 1)
}
