//! From a finished run to its summary.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "byte counts below 2^53 that the meters keep as floats"
)]

use std::collections::BTreeMap;

use super::cost;
use super::objective::evaluate;
use super::records;
use super::summary::{
    AlarmChange, AlarmSummary, LedgerSummary, LimitUse, MetricSummary, NodeSummary, Summary,
    Throughput, Utilisation, WireSummary,
};
use crate::check::Goal;
use crate::metrics::{LatencyMeter, Meter, Point};
use crate::node::{Category, NodeState};
use crate::runtime::{Finished, Run, RunState};
use crate::units::SimTime;

/// Bytes in a MB, as throughput is given.
const MB: f64 = 1e6;

/// What a summary is of, beyond the run itself.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The document's name.
    pub pipeline: &'a str,
    /// What the document asks for.
    pub goals: &'a [Goal],
}

/// Sums a run up.
#[must_use]
pub fn summarize(finished: &Finished, subject: &Subject<'_>) -> Summary {
    let run = &finished.run;
    let virtual_seconds = run.now().as_secs_f64();
    let per_second = |n: f64| {
        if virtual_seconds > 0.0 {
            n / virtual_seconds
        } else {
            0.0
        }
    };
    let records = records::count(run);
    let produced_bytes = records::produced_bytes(run);
    let (state, error) = state_words(&finished.state);
    let host = finished.host_seconds;
    let throughput = Throughput {
        records_per_second: per_second(records.produced as f64),
        mb_per_second: per_second(produced_bytes as f64 / MB),
        delivered_per_second: per_second(records.delivered as f64),
    };
    let mut end_to_end = LatencyMeter::default();
    for state in run.states() {
        end_to_end.merge(&state.end_to_end);
    }
    let mut summary = Summary {
        weir: env!("CARGO_PKG_VERSION").to_owned(),
        pipeline: subject.pipeline.to_owned(),
        seed: run.world().seed,
        state: state.to_owned(),
        error,
        virtual_seconds,
        host_seconds: host,
        host_records_per_second: if host > 0.0 {
            records.produced as f64 / host
        } else {
            0.0
        },
        model_events: run.events(),
        records,
        throughput,
        latency_ms: end_to_end.summary(),
        steady: run.baseline().map(|b| records::steady(run, b, &end_to_end)),
        repeats: None,
        nodes: (0..run.states().len())
            .map(|i| (run.states()[i].id.clone(), node(run, i)))
            .collect(),
        wires: wires(run),
        lake: super::places::places(&run.world().lake),
        cost: cost::summarize(
            run.bill(),
            &run.world().books,
            &run.metered(),
            produced_bytes,
        ),
        alarms: alarms(run),
        objectives: Vec::new(),
    };
    summary.objectives = subject
        .goals
        .iter()
        .map(|l| evaluate(l, &summary))
        .collect();
    summary
}

fn state_words(state: &RunState) -> (&'static str, Option<String>) {
    match state {
        RunState::Running | RunState::Paused | RunState::Stopped => ("stopped", None),
        RunState::Finished => ("finished", None),
        RunState::Failed(why) => ("failed", Some(why.clone())),
    }
}

fn node(run: &Run, i: usize) -> NodeSummary {
    let state = &run.states()[i];
    let ledger = ledger(state, run.held(i));
    let gauges = &run.gauges()[i];
    let bill = run.bill();
    let lines = || bill.lines.iter().filter(|l| l.node == state.id);
    NodeSummary {
        kind: state.spec.id.to_owned(),
        records_in: ledger.received + ledger.created,
        records_out: ledger.sent + ledger.delivered,
        bytes_in: flow(state, "BytesIn").sum as u64,
        bytes_out: flow(state, "BytesOut").sum as u64,
        throttled: state.ledger.throttled,
        errors: state.ledger.errors,
        latency_ms: state.latency.summary(),
        latency_parts_ms: state
            .latency
            .parts()
            .map(|(name, ms)| (name.to_owned(), ms))
            .collect(),
        end_to_end_ms: state.end_to_end.summary(),
        cost_usd: lines()
            .filter_map(|l| l.usd)
            .sum::<crate::units::Usd>()
            .as_f64(),
        cost_unknown: lines()
            .filter(|l| l.usd.is_none())
            .map(|l| l.usage_type.clone())
            .collect(),
        utilisation: utilisation(state, gauges.utilisation.map(|(_, limit)| limit)),
        limits: state
            .limits
            .iter()
            .map(|(name, used)| limit_use(name, used, run.now()))
            .collect(),
        status: gauges.state.clone(),
        record_bytes: state.profile.sizes.as_ref().and_then(|s| s.summary()),
        keys: state
            .profile
            .keys
            .as_ref()
            .and_then(|(field, keys)| keys.summary(field)),
        ledger,
        metrics: state.meters.own().iter().map(metric).collect(),
    }
}

/// The total of a flow metric; all nodes have them.
pub(super) fn flow(state: &NodeState, name: &str) -> Point {
    let meter = state.meters.all.iter().find(|m| m.spec.name == name);
    meter.map_or(Point::EMPTY, |m| m.total)
}

fn utilisation(state: &NodeState, limit: Option<&str>) -> Option<Utilisation> {
    let total = flow(state, "Utilisation");
    total.average().map(|avg| Utilisation {
        limit: limit.map(ToOwned::to_owned),
        avg: avg / 100.0,
        max: total.max / 100.0,
    })
}

fn limit_use(name: &str, used: &Point, end: SimTime) -> (String, LimitUse) {
    // It is read at both ends of the run too.
    let seconds = end.as_secs_f64().ceil() as u64;
    let of = LimitUse {
        seconds: used.count.min(seconds),
        avg: used.average().unwrap_or_default(),
        max: used.max,
    };
    (name.to_owned(), of)
}

fn ledger(state: &NodeState, held: u64) -> LedgerSummary {
    let l = &state.ledger;
    let owned = |by: &BTreeMap<&'static str, u64>| {
        by.iter().map(|(why, n)| ((*why).to_owned(), *n)).collect()
    };
    LedgerSummary {
        received: l.received,
        created: l.created,
        copied: l.copied,
        sent: l.sent,
        on_wire: l.on_wire,
        delivered: l.delivered,
        dropped: owned(&l.dropped),
        failed: owned(&l.failed),
        merged: l.merged,
        held,
        unaccounted: i64::try_from(l.unaccounted(held)).unwrap_or(i64::MAX),
    }
}

fn metric(meter: &Meter) -> (String, MetricSummary) {
    let total = &meter.total;
    let seen = total.count > 0;
    let summary = MetricSummary {
        unit: meter.spec.unit.to_owned(),
        count: total.count,
        sum: total.sum,
        avg: total.average(),
        min: seen.then_some(total.min),
        max: seen.then_some(total.max),
        last: meter
            .series
            .points()
            .last()
            .and_then(|(_, point)| point.average()),
    };
    (meter.spec.name.to_owned(), summary)
}

fn wires(run: &Run) -> Vec<WireSummary> {
    let end = |(node, port): (usize, &str)| format!("{}.{port}", run.states()[node].id);
    let each = run.wires().iter().map(|w| WireSummary {
        from: end(w.plan.from),
        to: end(w.plan.to),
        records: w.records,
        bytes: w.bytes,
        refused: w.refused,
        in_flight: w.in_flight,
    });
    each.collect()
}

/// Nodes of the alerts category that read the metrics of another node, with what the list of events says of them.
fn alarms(run: &Run) -> Vec<AlarmSummary> {
    let watches = |i: &usize| {
        let state = &run.states()[*i];
        let reads_metrics = state
            .ins
            .iter()
            .any(|w| run.wires()[w.id.0 as usize].plan.flow == crate::node::Flow::Metrics);
        state.spec.category == Category::Alerts && reads_metrics
    };
    let one = |i: usize| {
        let id = &run.states()[i].id;
        let of_it = run.log.recent().filter(|e| e.node == *id);
        AlarmSummary {
            node: id.clone(),
            state: run.gauges()[i].state.clone(),
            changes: of_it
                .map(|e| AlarmChange {
                    at_seconds: e.at_seconds,
                    text: e.text.clone(),
                })
                .collect(),
        }
    };
    (0..run.states().len()).filter(watches).map(one).collect()
}
