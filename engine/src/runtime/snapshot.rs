//! What a viewer sees of a run: immutable, shared, made at the viewer's cadence and never waited for.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::log::RunEvent;
use super::run::Run;
use crate::books::Bill;
use crate::metrics::{LatencySummary, Ledger, Meters, Series};
use crate::node::{Fault, Gauges, Incident};
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
    /// Time per part over time.
    pub part_series: [Series; 6],
    /// From birth to delivery here.
    pub end_to_end: Option<LatencySummary>,
    /// The same over time.
    pub end_to_end_series: [Series; 3],
    /// Faults that are on.
    pub faults: Vec<Fault>,
    /// What goes wrong at the moment.
    pub incidents: Vec<Incident>,
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
    /// Records made by all sources.
    pub produced: u64,
    /// Records at rest.
    pub delivered: u64,
    /// Records that cannot be explained.
    pub unaccounted: i128,
    /// Nodes by id.
    pub nodes: Vec<NodeSnapshot>,
    /// Wires as drawn.
    pub wires: Vec<WireSnapshot>,
    /// The latest events, oldest first.
    pub events_log: Vec<RunEvent>,
    /// Events in all.
    pub events_total: u64,
    /// The bill as of the last virtual minute.
    pub bill: Arc<Bill>,
}

/// Events that a snapshot carries.
const LOG_TAIL: usize = 200;

impl Run {
    /// The run as it is now. `detail` brings the histories and samples along, for a viewer that draws them.
    pub(super) fn snapshot(
        &self,
        state: RunState,
        until: SimTime,
        host_seconds: f64,
        detail: bool,
    ) -> RunSnapshot {
        let nodes = if detail {
            (0..self.nodes.len())
                .map(|i| self.node_snapshot(i))
                .collect()
        } else {
            Vec::new()
        };
        let wires = if detail {
            self.wires.iter().map(|w| self.wire_snapshot(w)).collect()
        } else {
            Vec::new()
        };
        let tail: Vec<RunEvent> = if detail {
            let mut tail: Vec<RunEvent> = self.log.recent().rev().take(LOG_TAIL).cloned().collect();
            tail.reverse();
            tail
        } else {
            Vec::new()
        };
        RunSnapshot {
            state,
            now: self.now,
            until,
            events: self.events,
            host_seconds,
            produced: self
                .states
                .iter()
                .filter(|s| s.ins.is_empty())
                .map(|s| s.ledger.created)
                .sum(),
            delivered: self.states.iter().map(|s| s.ledger.delivered).sum(),
            unaccounted: self.unaccounted(),
            nodes,
            wires,
            events_log: tail,
            events_total: self.log.total(),
            bill: Arc::clone(&self.bill),
        }
    }
    fn node_snapshot(&self, i: usize) -> NodeSnapshot {
        let state = &self.states[i];
        NodeSnapshot {
            id: state.id.clone(),
            kind: state.spec.id,
            ledger: state.ledger.clone(),
            held: self.nodes[i].held(),
            gauges: self.gauges[i].clone(),
            meters: state.meters.clone(),
            latency: state.latency.summary(),
            latency_series: state.latency.series.clone(),
            part_series: state.latency.part_series.clone(),
            end_to_end: state.end_to_end.summary(),
            end_to_end_series: state.end_to_end.series.clone(),
            faults: state.faults.clone(),
            incidents: state.incidents.clone(),
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
            in_flight: w.in_flight,
            last: w.last.clone(),
        }
    }
}
