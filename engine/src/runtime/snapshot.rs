//! What a viewer sees of a run: immutable, shared, made at the viewer's cadence and never waited for.
//!
//! A snapshot shares with the one before it what did not change: nodes in which nothing happened, the tail of the list of
//! events; and with the run itself all histories, which are copied only where they go on.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::log::RunEvent;
use super::run::Run;
use super::trace::Trace;
use crate::books::Bill;
use crate::metrics::{LatencySummary, Ledger, Meters, Series};
use crate::node::{Fault, FaultKind, Gauges, Incident, KindSpec};
use crate::units::SimTime;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RunState {
    /// Going on.
    #[default]
    Running,
    /// Waiting to be resumed.
    Paused,
    /// At its end.
    Finished,
    /// Stopped by a person.
    Stopped,
    /// Ended by an error, in words.
    Failed(String),
}

/// One node at one instant.
#[derive(Debug, Clone)]
pub struct NodeSnapshot {
    /// Its id.
    pub id: String,
    /// Its kind's id.
    pub kind: &'static str,
    /// Where its records went.
    pub ledger: Ledger,
    /// Records inside.
    pub held: u64,
    /// What it shows of its inside.
    pub gauges: Gauges,
    /// Its metrics with their histories.
    pub meters: Meters,
    /// How long records took in it.
    pub latency: Option<LatencySummary>,
    /// Median, 90th and 99th percentile over time.
    pub latency_series: [Series; 3],
    /// What each part took of that time, in the order of [`crate::metrics::PARTS`].
    pub part_latency: [Option<LatencySummary>; 6],
    /// Time per part over time.
    pub part_series: [Series; 6],
    /// From birth to delivery here.
    pub end_to_end: Option<LatencySummary>,
    /// The same over time.
    pub end_to_end_series: [Series; 3],
    /// Records that the two summaries are of.
    summed: (u64, u64),
    /// Faults that are on.
    pub faults: Vec<Fault>,
    /// Since when each of them is on.
    pub faults_since: Vec<SimTime>,
    /// Faults that were on and have ended: each kind, and when it first began.
    pub past_faults: Vec<(FaultKind, SimTime)>,
    /// What goes wrong at the moment.
    pub incidents: Vec<Incident>,
    /// What went wrong and has ended, one entry for each kind of incident.
    pub past_incidents: Vec<Incident>,
    /// When a limit was first used up, and which.
    pub first_over: Option<(SimTime, &'static str)>,
}

impl NodeSnapshot {
    /// A node of a run that is over, without anything in it so far.
    #[must_use]
    pub fn past(id: &str, spec: &'static KindSpec) -> Self {
        Self {
            id: id.to_owned(),
            kind: spec.id,
            ledger: Ledger::default(),
            held: 0,
            gauges: Gauges::default(),
            meters: Meters::new(spec.metrics),
            latency: None,
            latency_series: Default::default(),
            part_latency: [None; 6],
            part_series: Default::default(),
            end_to_end: None,
            end_to_end_series: Default::default(),
            summed: (0, 0),
            faults: Vec::new(),
            faults_since: Vec::new(),
            past_faults: Vec::new(),
            incidents: Vec::new(),
            past_incidents: Vec::new(),
            first_over: None,
        }
    }
}

/// One wire at one instant.
#[derive(Debug, Clone)]
pub struct WireSnapshot {
    /// Sender's id and port.
    pub from: (String, &'static str),
    /// Receiver's id and port.
    pub to: (String, &'static str),
    /// Records accepted at its end.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records refused at its end.
    pub refused: u64,
    /// When the first were.
    pub first_refused: Option<SimTime>,
    /// Records on it.
    pub in_flight: u64,
    /// The latest records on it.
    pub last: Option<RecordBatch>,
}

/// A run at one instant.
#[derive(Debug, Clone, Default)]
pub struct RunSnapshot {
    /// Where it stands.
    pub state: RunState,
    /// Virtual time.
    pub now: SimTime,
    /// Virtual time at its end.
    pub until: SimTime,
    /// Events done.
    pub events: u64,
    /// Seconds of the machine since the start.
    pub host_seconds: f64,
    /// Commands that were carried out before it.
    pub obeyed: u64,
    /// Snapshots before this one.
    pub snapshots: u64,
    /// Seconds of the machine that they took of the run's own thread.
    pub snapshot_seconds: f64,
    /// Records made by all sources.
    pub produced: u64,
    /// Records at rest.
    pub delivered: u64,
    /// Records that cannot be explained.
    pub unaccounted: i128,
    /// Nodes by id.
    pub nodes: Vec<Arc<NodeSnapshot>>,
    /// Wires as drawn.
    pub wires: Vec<WireSnapshot>,
    /// The latest events, oldest first.
    pub events_log: Arc<[Arc<RunEvent>]>,
    /// Events in all.
    pub events_total: u64,
    /// The event that a paused run waits after, when a [`Breakpoint`](super::Breakpoint) named it.
    pub broke_at: Option<Arc<RunEvent>>,
    /// The bill as of the last virtual minute.
    pub bill: Arc<Bill>,
    /// The ways of single records, the oldest first.
    pub traces: Arc<[Arc<Trace>]>,
}

/// Events that a snapshot carries.
const LOG_TAIL: usize = 200;

/// Snapshots from one computation of a node's percentiles to the next: they read whole histograms.
const SUMMARY_EVERY: u64 = 4;

/// What one snapshot keeps for the next.
#[derive(Debug, Default)]
pub(super) struct Shots {
    count: u64,
    nodes: Vec<Arc<NodeSnapshot>>,
    tail: Arc<[Arc<RunEvent>]>,
    tail_total: u64,
}

impl Run {
    /// The run as it is now. `detail` brings the histories and samples along, for a viewer that draws them.
    pub(super) fn snapshot(
        &mut self,
        state: RunState,
        until: SimTime,
        host_seconds: f64,
        detail: bool,
    ) -> RunSnapshot {
        if detail {
            if state == RunState::Paused {
                self.look_inside();
            }
            self.shoot(state != RunState::Running);
        }
        let wires = if detail {
            self.wires.iter().map(|w| self.wire_snapshot(w)).collect()
        } else {
            Vec::new()
        };
        RunSnapshot {
            state,
            now: self.now,
            until,
            events: self.events,
            host_seconds,
            obeyed: 0,
            snapshots: 0,
            snapshot_seconds: 0.0,
            produced: self
                .states
                .iter()
                .filter(|s| s.ins.is_empty())
                .map(|s| s.ledger.created)
                .sum(),
            delivered: self.states.iter().map(|s| s.ledger.delivered).sum(),
            unaccounted: self.unaccounted(),
            nodes: self.shots.nodes.clone(),
            wires,
            events_log: Arc::clone(&self.shots.tail),
            events_total: self.log.total(),
            broke_at: None,
            bill: Arc::clone(&self.bill),
            traces: self.tracer.show(),
        }
    }
    /// Brings the nodes and the tail up to date. `exact` computes every percentile anew.
    fn shoot(&mut self, exact: bool) {
        let mut shots = std::mem::take(&mut self.shots);
        let touched = std::mem::take(&mut self.touched);
        let nodes = (0..self.nodes.len()).map(|i| {
            let turn = exact || (shots.count + i as u64).is_multiple_of(SUMMARY_EVERY);
            match shots.nodes.get(i) {
                None => Arc::new(self.node_snapshot(i, None)),
                // Its percentiles may be due although nothing happened since the last snapshot.
                Some(old) if touched[i] || (turn && self.is_behind(i, old)) => {
                    let taken_over = (!turn).then_some(old);
                    Arc::new(self.node_snapshot(i, taken_over))
                }
                Some(old) => Arc::clone(old),
            }
        });
        shots.nodes = nodes.collect();
        if self.log.total() != shots.tail_total || shots.count == 0 {
            shots.tail = self.log.tail(LOG_TAIL);
            shots.tail_total = self.log.total();
        }
        shots.count += 1;
        self.tracer.shown(shots.count);
        self.shots = shots;
        self.touched = touched;
        self.touched.fill(false);
    }
    /// True when the percentiles of `old` leave records out.
    fn is_behind(&self, i: usize, old: &NodeSnapshot) -> bool {
        let state = &self.states[i];
        old.summed != (state.latency.count(), state.end_to_end.count())
    }
    /// Node `i`; with `old` its percentiles are taken over from there.
    fn node_snapshot(&self, i: usize, old: Option<&Arc<NodeSnapshot>>) -> NodeSnapshot {
        let state = &self.states[i];
        let counts = (state.latency.count(), state.end_to_end.count());
        let (latency, part_latency, end_to_end, summed) = match old {
            Some(old) => (old.latency, old.part_latency, old.end_to_end, old.summed),
            None => (
                state.latency.summary(),
                state.latency.part_summaries(),
                state.end_to_end.summary(),
                counts,
            ),
        };
        NodeSnapshot {
            id: state.id.clone(),
            kind: state.spec.id,
            ledger: state.ledger.clone(),
            held: self.nodes[i].held(),
            gauges: self.gauges[i].clone(),
            meters: state.meters.clone(),
            latency,
            part_latency,
            latency_series: state.latency.series.clone(),
            part_series: state.latency.part_series.clone(),
            end_to_end,
            end_to_end_series: state.end_to_end.series.clone(),
            summed,
            faults: state.faults.clone(),
            faults_since: self.fault_ids[i].iter().map(|(_, at)| *at).collect(),
            past_faults: state.past_faults.clone(),
            incidents: state.incidents.clone(),
            past_incidents: state.past_incidents.clone(),
            first_over: state.first_over,
        }
    }
    fn wire_snapshot(&self, w: &super::run::WireState) -> WireSnapshot {
        let id = |n: usize| self.states[n].id.clone();
        WireSnapshot {
            from: (id(w.plan.from.0), w.plan.from.1),
            to: (id(w.plan.to.0), w.plan.to.1),
            records: w.records,
            bytes: w.bytes,
            refused: w.refused,
            first_refused: w.first_refused,
            in_flight: w.in_flight,
            last: w.last.clone(),
        }
    }
}
