//! Where all records of a run went: the sum over nodes, and the checks of nodes against wires.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "byte counts below 2^53 that the meters keep as floats"
)]

use std::collections::BTreeMap;

use super::collect::flow;
use super::summary::{Records, Steady, Throughput};
use crate::metrics::{LatencyMeter, Ledger};
use crate::node::{Flow, NodeState};
use crate::runtime::{Baseline, Run};

/// True when no wire brings records to this node: what it creates is what the pipeline produces.
fn is_source(run: &Run, state: &NodeState) -> bool {
    let brings = |flow: Flow| flow.carries_records() || flow == Flow::Invoke;
    !state
        .ins
        .iter()
        .any(|w| brings(run.wires()[w.id.0 as usize].plan.flow))
}

/// Bytes on the wire of what the sources made.
pub(super) fn produced_bytes(run: &Run) -> u64 {
    let sources = run.states().iter().filter(|s| is_source(run, s));
    sources.map(|s| flow(s, "BytesIn").sum as u64).sum()
}

/// What came after `baseline`.
pub(super) fn steady(run: &Run, baseline: &Baseline, end_to_end: &LatencyMeter) -> Steady {
    let (mut produced, mut bytes, mut delivered) = (0, 0.0, 0);
    let (mut lost, mut throttled, mut errors) = (0, 0, 0);
    for (i, state) in run.states().iter().enumerate() {
        let (Some(old), Some(old_bytes)) = (baseline.ledgers.get(i), baseline.bytes_in.get(i))
        else {
            continue;
        };
        let new = &state.ledger;
        if is_source(run, state) {
            produced += new.created - old.created;
            bytes += flow(state, "BytesIn").sum - old_bytes;
        }
        delivered += new.delivered - old.delivered;
        let gone = |l: &Ledger| l.dropped_total() + l.failed_total();
        lost += gone(new) - gone(old);
        throttled += new.throttled - old.throttled;
        errors += new.errors - old.errors;
    }
    let seconds = run.now().since(baseline.at).as_secs_f64();
    let per_second = |n: f64| if seconds > 0.0 { n / seconds } else { 0.0 };
    Steady {
        from_seconds: baseline.at.as_secs_f64(),
        seconds,
        throughput: Throughput {
            records_per_second: per_second(produced as f64),
            mb_per_second: per_second(bytes / 1e6),
            delivered_per_second: per_second(delivered as f64),
        },
        latency_ms: end_to_end.summary_since(&baseline.end_to_end),
        lost,
        throttled,
        errors,
    }
}

/// The sum over all nodes.
pub(super) fn count(run: &Run) -> Records {
    let mut records = Records::default();
    let (mut sent, mut received) = (0_u64, 0_u64);
    for (i, state) in run.states().iter().enumerate() {
        let ledger = &state.ledger;
        if is_source(run, state) {
            records.produced += ledger.created;
        } else {
            records.created_downstream += ledger.created;
        }
        records.copied += ledger.copied;
        records.delivered += ledger.delivered;
        records.dropped += ledger.dropped_total();
        records.failed += ledger.failed_total();
        records.merged += ledger.merged;
        records.in_flight += run.held(i) + ledger.on_wire;
        add(&mut records.dropped_by, &ledger.dropped);
        add(&mut records.failed_by, &ledger.failed);
        sent += ledger.sent;
        received += ledger.received;
    }
    let whole = i128::from(records.produced)
        + i128::from(records.created_downstream)
        + i128::from(records.copied)
        - i128::from(records.delivered)
        - i128::from(records.dropped)
        - i128::from(records.failed)
        - i128::from(records.merged)
        - i128::from(records.in_flight);
    let unaccounted = run
        .unaccounted()
        .max(whole.abs())
        .saturating_add(i128::from(sent.abs_diff(received)))
        .saturating_add(wire_gap(run));
    records.unaccounted = u64::try_from(unaccounted).unwrap_or(u64::MAX);
    records.equation = equation(&records, whole);
    records
}

fn add(sum: &mut BTreeMap<String, u64>, part: &BTreeMap<&'static str, u64>) {
    for (why, n) in part {
        *sum.entry((*why).to_owned()).or_default() += n;
    }
}

/// Records that nodes say they sent, took in or have on the way, but their wires did not see. Nodes that answer on the
/// same wire are left out: wires count one direction.
fn wire_gap(run: &Run) -> i128 {
    let mut gap = 0_i128;
    for state in run.states() {
        let wire = |id: crate::node::WireId| &run.wires()[id.0 as usize];
        let mut ends = state.ins.iter().chain(&state.outs);
        if ends.any(|w| wire(w.id).plan.flow == Flow::Invoke) {
            continue;
        }
        let Ledger {
            received,
            sent,
            on_wire,
            ..
        } = state.ledger;
        let came: u64 = state.ins.iter().map(|w| wire(w.id).records).sum();
        let went: u64 = state.outs.iter().map(|w| wire(w.id).records).sum();
        let going: u64 = state.outs.iter().map(|w| wire(w.id).in_flight).sum();
        for (said, seen) in [(received, came), (sent, went), (on_wire, going)] {
            gap += i128::from(said.abs_diff(seen));
        }
    }
    gap
}

/// The sum in figures; what is zero is left out, but for produced, delivered and in flight.
fn equation(r: &Records, result: i128) -> String {
    let mut text = format!("produced {}", r.produced);
    for (word, n) in [
        ("created downstream", r.created_downstream),
        ("copied", r.copied),
    ] {
        if n > 0 {
            text.push_str(&format!(" + {word} {n}"));
        }
    }
    text.push_str(&format!(" - delivered {}", r.delivered));
    for (word, n) in [
        ("dropped", r.dropped),
        ("failed", r.failed),
        ("merged", r.merged),
    ] {
        if n > 0 {
            text.push_str(&format!(" - {word} {n}"));
        }
    }
    format!("{text} - in flight {} = {result}", r.in_flight)
}
