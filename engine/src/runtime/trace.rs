//! Following single records from hop to hop, for people to see where the time goes. Runs beside the events: it changes
//! nothing that a run does, and costs one look at an empty list wherever no followed record is.
//!
//! A record is known by the instant of its birth (and its size, where a node hands it on as it is). Where that does not tell
//! it from others any more, or where it goes into other records, its trace ends and says so.

use std::sync::Arc;

use super::run::Run;
use crate::data::Batch;
use crate::metrics::Part;
use crate::node::{
    Admit, Ask, CallId, Category, Flow, Guest, Measured, NodeState, Payload, TraceEnd, WireId,
    parts_of,
};
use crate::units::{SimDuration, SimTime};

/// Traces that are kept; the oldest go, those that are over first.
const TRACES: usize = 64;
/// Stations of one trace at the most.
const HOPS: usize = 64;
/// Virtual time between two records of a source that are followed unasked.
const UNASKED_EVERY: SimDuration = SimDuration::secs(10);
/// Snapshots between two of them: at full speed ten virtual seconds are over in a blink, and looking for a record costs.
const UNASKED_SNAPSHOTS: u64 = 4;
/// Of one source, records on their way at the most that are followed unasked.
const UNASKED_OPEN: usize = 4;

/// The way of one record.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Counts up from 0 in a run.
    pub id: u64,
    /// The node that made it.
    pub source: String,
    /// When it came into being.
    pub born: SimTime,
    /// Records that it stands for: more than 1 where the source samples.
    pub weight: u32,
    /// True when a person asked for it.
    pub is_asked: bool,
    /// Its stations in the order in which it came to them; a copy for a second reader is a branch.
    pub hops: Vec<Hop>,
    /// True when every branch has come to its end.
    pub is_over: bool,
}

/// A stay of a followed record in one node.
#[derive(Debug, Clone)]
pub struct Hop {
    /// The station before, by its place in the list; `None` at the source.
    pub from: Option<usize>,
    /// The node.
    pub node: String,
    /// The port that it came in by (an output's name for what a function answered); empty at the source.
    pub port: &'static str,
    /// When the node had it; at the source, its birth.
    pub arrived: SimTime,
    /// When it was first sent on.
    pub first_sent: Option<SimTime>,
    /// When the receiver had it, the first of several; `None` while it is here, on its way, or when its way ends here.
    pub left: Option<SimTime>,
    /// How often it was sent on.
    pub tries: u32,
    /// How often it was refused.
    pub refusals: u32,
    /// What the time from `arrived` to `left` was spent in; empty where the node does not tell.
    pub parts: Vec<(Part, SimDuration)>,
    /// How and when its way ended here.
    pub end: Option<(TraceEnd, SimTime)>,
}

/// Where a followed record is.
#[derive(Debug)]
struct Place {
    trace: u64,
    hop: usize,
    node: usize,
    born: u64,
    /// Its bytes; `None` where they are not known.
    size: Option<u32>,
    /// Wires by which it has left.
    left_by: Vec<WireId>,
    /// What the handler that sent it measured.
    measured: Vec<Measured>,
}

/// A followed record on a wire.
#[derive(Debug)]
struct Flight {
    wire: WireId,
    call: CallId,
    /// An answer, against the wire's direction.
    is_back: bool,
    trace: u64,
    hop: usize,
    born: u64,
    size: Option<u32>,
}

/// All traces of a run.
#[derive(Debug, Default)]
pub(super) struct Tracer {
    /// Follow records unasked.
    pub(super) unasked: bool,
    traces: Vec<Arc<Trace>>,
    places: Vec<Place>,
    flights: Vec<Flight>,
    /// Sources whose next record is to be followed.
    asked: Vec<usize>,
    /// When each source was last followed unasked, and whether enough snapshots have passed since.
    last: Vec<(usize, SimTime, bool)>,
    next: u64,
    /// As last shown.
    shown: Arc<[Arc<Trace>]>,
    stale: bool,
}

impl Tracer {
    /// The traces as they are now, the oldest first.
    pub(super) fn show(&mut self) -> Arc<[Arc<Trace>]> {
        if self.stale {
            self.shown = self.traces.iter().cloned().collect();
            self.stale = false;
        }
        Arc::clone(&self.shown)
    }
    /// True when nothing is followed and nothing is to be.
    pub(super) const fn is_idle(&self) -> bool {
        self.traces.is_empty() && self.asked.is_empty() && !self.unasked
    }
    /// A snapshot was taken, the `count`th.
    pub(super) fn shown(&mut self, count: u64) {
        if count.is_multiple_of(UNASKED_SNAPSHOTS) {
            self.last
                .iter_mut()
                .for_each(|(_, _, rested)| *rested = true);
        }
    }
    /// False when surely no record of source `node` is to be followed now.
    fn may_want(&self, node: usize, now: SimTime) -> bool {
        let due =
            |(_, at, rested): &(usize, SimTime, bool)| *rested && now.since(*at) >= UNASKED_EVERY;
        let last = self.last.iter().find(|(n, _, _)| *n == node);
        self.asked.contains(&node) || self.unasked && last.is_none_or(due)
    }
    /// The next record that leaves source `node` is to be followed.
    pub(super) fn ask(&mut self, node: usize) {
        if !self.asked.contains(&node) {
            self.asked.push(node);
        }
    }
    fn trace_mut(&mut self, id: u64) -> Option<&mut Trace> {
        self.stale = true;
        let found = self.traces.iter_mut().find(|t| t.id == id)?;
        Some(Arc::make_mut(found))
    }
    fn hop_mut(&mut self, id: u64, hop: usize) -> Option<&mut Hop> {
        self.trace_mut(id)?.hops.get_mut(hop)
    }
    /// Ends the branch at a hop.
    fn end(&mut self, id: u64, hop: usize, end: TraceEnd, now: SimTime) {
        if let Some(hop) = self.hop_mut(id, hop) {
            hop.end.get_or_insert((end, now));
        }
    }
    /// Marks a trace that is nowhere any more.
    fn settle(&mut self, id: u64) {
        let open =
            self.places.iter().any(|p| p.trace == id) || self.flights.iter().any(|f| f.trace == id);
        if !open && let Some(trace) = self.trace_mut(id) {
            trace.is_over = true;
        }
    }
    /// Takes the record of a place out of its node.
    fn leave(&mut self, at: usize, states: &mut [NodeState]) {
        let place = self.places.swap_remove(at);
        let here = &mut states[place.node].followed.here;
        if let Some(i) = here.iter().position(|g| g.born == place.born) {
            here.swap_remove(i);
        }
        self.settle(place.trace);
    }
    fn place_of(&self, trace: u64, hop: usize) -> Option<usize> {
        self.places
            .iter()
            .position(|p| p.trace == trace && p.hop == hop)
    }
    /// Lets the oldest trace go when the list is full.
    fn make_room(&mut self, now: SimTime, states: &mut [NodeState]) {
        if self.traces.len() < TRACES {
            return;
        }
        let over = self.traces.iter().position(|t| t.is_over);
        let gone = self.traces[over.unwrap_or(0)].id;
        self.flights.retain(|f| f.trace != gone);
        while let Some(at) = self.places.iter().position(|p| p.trace == gone) {
            self.end(gone, self.places[at].hop, TraceEnd::GivenUp, now);
            self.leave(at, states);
        }
        self.traces.retain(|t| t.id != gone);
    }
    /// True when the next record of source `node` is to be followed.
    fn wants(&mut self, node: usize, source: &str, now: SimTime) -> Option<bool> {
        if let Some(i) = self.asked.iter().position(|n| *n == node) {
            self.asked.swap_remove(i);
            return Some(true);
        }
        if !self.may_want(node, now) {
            return None;
        }
        let open = self
            .traces
            .iter()
            .filter(|t| !t.is_over && !t.is_asked && t.source == source);
        if open.count() >= UNASKED_OPEN {
            return None;
        }
        match self.last.iter_mut().find(|(n, _, _)| *n == node) {
            Some(last) => (last.1, last.2) = (now, false),
            None => self.last.push((node, now, false)),
        }
        Some(false)
    }
}

/// How often a record is in a payload, and its size there.
fn seek(batches: &mut dyn Iterator<Item = &Batch>, born: u64, size: Option<u32>) -> (usize, u32) {
    let (mut count, mut found) = (0, 0);
    for batch in batches {
        for (at, bytes) in batch.born.iter().zip(batch.sizes.iter()) {
            if *at == born && size.is_none_or(|s| s == *bytes) {
                count += 1;
                found = *bytes;
            }
        }
    }
    (count, found)
}

fn seek_payload(payload: &Payload, born: u64, size: Option<u32>) -> (usize, Option<u32>) {
    let some = |(count, found): (usize, u32)| (count, Some(found));
    match payload {
        Payload::Records(batch) => some(seek(&mut std::iter::once(batch), born, size)),
        Payload::Delivery(d) => some(seek(&mut d.batches.iter().map(|(_, b)| b), born, size)),
        Payload::Invoke { batches, .. } => some(seek(&mut batches.iter(), born, size)),
        Payload::Messages { messages, .. } => {
            some(seek(&mut messages.iter().map(|m| &m.batch), born, size))
        }
        Payload::Object(object) => {
            let all = object.born.iter().flat_map(|(_, all)| all);
            (all.filter(|at| **at == born).count(), None)
        }
        Payload::Throttled { .. } | Payload::Rows(_) | Payload::Notice(_) => (0, None),
    }
}

/// A record in the middle of a batch that no other of the batch has its birth with.
fn pick(batch: &Batch) -> Option<(u64, u32)> {
    let row = batch.len() / 2;
    let born = *batch.born.get(row)?;
    let size = *batch.sizes.get(row)?;
    let alone = batch.born.iter().filter(|at| **at == born).count() == 1;
    alone.then_some((born, size))
}

impl Run {
    /// Follows the next record that `node` makes.
    pub(super) fn follow(&mut self, node: usize) -> Result<(), super::run::RunError> {
        if self.states[node].ins.is_empty() {
            self.tracer.ask(node);
            return Ok(());
        }
        let id = self.states[node].id.clone();
        let text = "it makes no records; ask a source to be followed".to_owned();
        self.note(&id, "trace", text)
    }
    /// What became of the followed records in node `i` in the handler that just ran.
    pub(super) fn trace_ended(&mut self, i: usize) {
        let ended = std::mem::take(&mut self.states[i].followed.ended);
        for (born, end) in ended {
            let mut at = self.tracer.places.len();
            while at > 0 {
                at -= 1;
                let place = &self.tracer.places[at];
                if place.node == i && place.born == born {
                    let (trace, hop) = (place.trace, place.hop);
                    self.tracer.end(trace, hop, end, self.now);
                    self.tracer.leave(at, &mut self.states);
                }
            }
        }
    }
    /// Node `i` sends `payload`: followed records in it are under way now.
    pub(super) fn trace_send(&mut self, i: usize, wire: WireId, call: CallId, payload: &Payload) {
        if !self.states[i].followed.here.is_empty() {
            let seeks = |born, size| seek_payload(payload, born, size);
            self.trace_departures(i, (wire, call, false), seeks);
        }
        let Payload::Records(batch) = payload else {
            return;
        };
        if !self.states[i].ins.is_empty() || !self.tracer.may_want(i, self.now) {
            return;
        }
        let state = &self.states[i];
        let taken =
            pick(batch).filter(|(born, _)| !state.followed.here.iter().any(|g| g.born == *born));
        if let Some((born, size)) = taken
            && let Some(is_asked) = self.tracer.wants(i, &state.id, self.now)
        {
            self.trace_begin(i, born, size, batch.weight, is_asked);
            self.trace_departures(i, (wire, call, false), |b, s| {
                if b == born {
                    seek_payload(payload, b, s)
                } else {
                    (0, None)
                }
            });
        }
    }
    /// Node `i` answers: the same for what travels back.
    pub(super) fn trace_answer(&mut self, i: usize, wire: WireId, ask: &Ask) {
        if self.states[i].followed.here.is_empty() {
            return;
        }
        let (call, batches): (CallId, Vec<&Batch>) = match ask {
            Ask::Reply {
                call,
                batches,
                failed,
                ..
            } => (*call, batches.iter().chain(failed).collect()),
            Ask::Settle { receipt, back } => {
                (CallId(*receipt), back.iter().map(|m| &m.batch).collect())
            }
            Ask::Poll { .. }
            | Ask::Checkpoint { .. }
            | Ask::Rewind { .. }
            | Ask::Receive { .. } => return,
        };
        self.trace_departures(i, (wire, call, true), |born, size| {
            let (count, found) = seek(&mut batches.iter().copied(), born, size);
            (count, Some(found))
        });
    }
    fn trace_begin(&mut self, i: usize, born: u64, size: u32, weight: u32, is_asked: bool) {
        self.tracer.make_room(self.now, &mut self.states);
        let id = self.tracer.next;
        self.tracer.next += 1;
        let node = self.states[i].id.clone();
        let mut trace = Trace {
            id,
            source: node.clone(),
            born: SimTime(born),
            weight,
            is_asked,
            hops: Vec::new(),
            is_over: false,
        };
        trace.hops.push(Hop::new(None, node, "", SimTime(born)));
        self.tracer.traces.push(Arc::new(trace));
        self.trace_place(id, 0, i, (born, Some(size)));
    }
    /// The record of a trace is in node `i` now.
    fn trace_place(&mut self, trace: u64, hop: usize, i: usize, (born, size): (u64, Option<u32>)) {
        self.tracer.stale = true;
        let arrived = if hop == 0 { SimTime(born) } else { self.now };
        self.states[i].followed.here.push(Guest { born, arrived });
        // A function hands on another record for each: only the birth is the same.
        let same = self.states[i].spec.category != Category::Function;
        self.tracer.places.push(Place {
            trace,
            hop,
            node: i,
            born,
            size: size.filter(|_| same),
            left_by: Vec::new(),
            measured: Vec::new(),
        });
    }
    fn trace_departures(
        &mut self,
        i: usize,
        (wire, call, is_back): (WireId, CallId, bool),
        seeks: impl Fn(u64, Option<u32>) -> (usize, Option<u32>),
    ) {
        for at in (0..self.tracer.places.len()).rev() {
            let place = &self.tracer.places[at];
            if place.node != i || place.left_by.contains(&wire) {
                continue;
            }
            let (trace, hop, born) = (place.trace, place.hop, place.born);
            let size = match seeks(born, place.size) {
                (0, _) => continue,
                (1, size) => size,
                _ => {
                    self.tracer.end(trace, hop, TraceEnd::Ambiguous, self.now);
                    self.tracer.leave(at, &mut self.states);
                    continue;
                }
            };
            self.tracer.places[at]
                .measured
                .clone_from(&self.states[i].followed.measured);
            let now = self.now;
            if let Some(hop) = self.tracer.hop_mut(trace, hop) {
                hop.first_sent.get_or_insert(now);
                hop.tries += 1;
            }
            self.tracer.flights.push(Flight {
                wire,
                call,
                is_back,
                trace,
                hop,
                born,
                size,
            });
        }
    }
    /// Something arrives: the followed records in it are at node `to` now, unless they are refused.
    pub(super) fn trace_arrive(
        &mut self,
        (wire, call, is_back): (WireId, CallId, bool),
        to: usize,
        port: &'static str,
    ) -> Landed {
        let mut landed = Vec::new();
        while let Some(at) = self
            .tracer
            .flights
            .iter()
            .position(|f| f.wire == wire && f.call == call && f.is_back == is_back)
        {
            let flight = self.tracer.flights.swap_remove(at);
            let node = self.states[to].id.clone();
            let now = self.now;
            let Some(trace) = self.tracer.trace_mut(flight.trace) else {
                continue;
            };
            let hop = trace.hops.len();
            if hop >= HOPS {
                self.tracer
                    .end(flight.trace, flight.hop, TraceEnd::GivenUp, now);
                continue;
            }
            trace.hops.push(Hop::new(Some(flight.hop), node, port, now));
            self.trace_place(flight.trace, hop, to, (flight.born, flight.size));
            landed.push((flight, hop));
        }
        Landed(landed)
    }
    /// The receiver answered; refused records are where they were.
    pub(super) fn trace_admitted(&mut self, landed: &mut Landed, admit: &Admit) {
        landed.0.retain(|(flight, hop)| {
            let refused = match admit {
                Admit::All => false,
                Admit::Partial { refused, .. } => refused.born.contains(&flight.born),
                Admit::Refused { .. } => true,
            };
            if refused {
                if let Some(at) = self.tracer.place_of(flight.trace, *hop) {
                    self.tracer.leave(at, &mut self.states);
                }
                if let Some(trace) = self.tracer.trace_mut(flight.trace) {
                    trace.hops.truncate(*hop);
                    trace.is_over = false;
                    trace.hops[flight.hop].refusals += 1;
                }
            }
            !refused
        });
    }
    /// The sender has heard that its records are there: they have left it.
    pub(super) fn trace_left(&mut self, landed: &Landed, from: usize, is_answered: bool) {
        for (flight, _) in &landed.0 {
            let Some(at) = self.tracer.place_of(flight.trace, flight.hop) else {
                continue;
            };
            let now = self.now;
            let wire = &self.wires[flight.wire.0 as usize].plan;
            let (port, flow) = (wire.from.1, wire.flow);
            let place = &mut self.tracer.places[at];
            place.left_by.push(flight.wire);
            let mut measured = std::mem::take(&mut place.measured);
            if is_answered {
                measured.clone_from(&self.states[from].followed.measured);
            }
            // By a port with several wires it leaves once for each.
            let done = flight.is_back
                || self.states[from]
                    .outs
                    .iter()
                    .filter(|w| w.port == port)
                    .all(|w| place.left_by.contains(&w.id));
            if let Some(hop) = self.tracer.hop_mut(flight.trace, flight.hop)
                && hop.left.is_none()
            {
                hop.left = Some(now);
                hop.parts = parts_of(&measured, now.since(hop.arrived));
                if hop.parts.is_empty() && flow == Flow::Stream && !flight.is_back {
                    hop.parts = polled(hop, now);
                }
            }
            if done {
                self.tracer.leave(at, &mut self.states);
            }
        }
    }
}

/// In a stream there is only waiting to be read, and the way to the reader.
fn polled(hop: &Hop, now: SimTime) -> Vec<(Part, SimDuration)> {
    let sent = hop.first_sent.unwrap_or(now);
    vec![
        (Part::Queue, sent.since(hop.arrived)),
        (Part::Transfer, now.since(sent)),
    ]
}

/// Followed records that came with one payload.
#[derive(Debug)]
pub(super) struct Landed(Vec<(Flight, usize)>);

impl Landed {
    /// None.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }
}

impl Hop {
    const fn new(from: Option<usize>, node: String, port: &'static str, arrived: SimTime) -> Self {
        Self {
            from,
            node,
            port,
            arrived,
            first_sent: None,
            left: None,
            tries: 0,
            refusals: 0,
            parts: Vec::new(),
            end: None,
        }
    }
}
