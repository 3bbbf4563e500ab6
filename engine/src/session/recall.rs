//! A finished run's folder as a viewer sees a run: histories, percentiles, totals. What the folder does not hold (samples on
//! wires, traces, the inside of nodes) is empty.

use std::sync::Arc;

use crate::metrics::{LatencySummary, PARTS, Series};
use crate::node::{AnyKind, KindSpec};
use crate::report::{NodeSummary, RunFiles, Track};
use crate::runtime::{NodeSnapshot, RunEvent, RunSnapshot, RunState};
use crate::units::{SimDuration, SimTime};

/// Longest virtual time that is believed: a file from elsewhere could name any.
const SECONDS_MAX: f64 = 3.2e9;

/// The run in `files` at its end. Nodes of kinds that are not among `kinds` are left out.
#[must_use]
pub fn recall(files: &RunFiles, kinds: &[&'static dyn AnyKind]) -> RunSnapshot {
    let summary = &files.summary;
    let now = instant(summary.virtual_seconds);
    let nodes = summary.nodes.iter().filter_map(|(id, node)| {
        let spec = kinds.iter().map(|k| k.spec()).find(|s| s.id == node.kind)?;
        Some(Arc::new(recalled(files, id, node, spec)))
    });
    let events = files.events.iter().zip(0_u64..).map(|(event, seq)| {
        Arc::new(RunEvent {
            seq,
            at_seconds: event.at_seconds,
            node: event.node.clone(),
            kind: event.kind.clone(),
            text: event.text.clone(),
        })
    });
    RunSnapshot {
        state: match (summary.state.as_str(), &summary.error) {
            (_, Some(why)) => RunState::Failed(why.clone()),
            ("stopped", _) => RunState::Stopped,
            _ => RunState::Finished,
        },
        now,
        until: now,
        events: summary.model_events,
        host_seconds: summary.host_seconds,
        produced: summary.records.produced,
        delivered: summary.records.delivered,
        unaccounted: summary.records.unaccounted.into(),
        nodes: nodes.collect(),
        events_log: events.collect(),
        events_total: files.events.len() as u64,
        ..RunSnapshot::default()
    }
}

fn instant(seconds: f64) -> SimTime {
    let span = SimDuration::from_secs_f64(seconds.clamp(0.0, SECONDS_MAX));
    SimTime(span.0)
}

fn recalled(
    files: &RunFiles,
    id: &str,
    node: &NodeSummary,
    spec: &'static KindSpec,
) -> NodeSnapshot {
    let mut found = NodeSnapshot::past(id, spec);
    for meter in &mut found.meters.all {
        if let Some(track) = files.track(id, meter.spec.name) {
            meter.series = series(track);
            meter
                .series
                .points()
                .for_each(|(_, p)| meter.total.merge(p));
        }
    }
    let history = |metric: &str| files.track(id, metric).map_or_else(Series::default, series);
    let percentiles = |name: &str| ["p50", "p90", "p99"].map(|p| history(&format!("{name}.{p}")));
    found.latency_series = percentiles("Latency");
    found.end_to_end_series = percentiles("EndToEndLatency");
    found.part_series = PARTS.map(|(_, part)| history(&format!("Latency.{part}")));
    found.latency = node.latency_ms;
    found.end_to_end = node.end_to_end_ms;
    found.part_latency = PARTS.map(|(_, part)| part_of(node, part));
    let ledger = &mut found.ledger;
    ledger.received = node.ledger.received;
    ledger.created = node.ledger.created;
    ledger.copied = node.ledger.copied;
    ledger.sent = node.ledger.sent;
    ledger.on_wire = node.ledger.on_wire;
    ledger.delivered = node.ledger.delivered;
    ledger.merged = node.ledger.merged;
    ledger.bytes_received = node.bytes_in;
    ledger.bytes_sent = node.bytes_out;
    ledger.throttled = node.throttled;
    ledger.errors = node.errors;
    found.held = node.ledger.held;
    found
}

fn part_of(node: &NodeSummary, part: &str) -> Option<LatencySummary> {
    node.latency_parts_ms.get(part).copied()
}

fn series(track: &Track) -> Series {
    let mut found = Series::default();
    // Ascending as a run writes them; what is not is left out, since a series only goes on.
    let mut last = 0.0;
    for (at, point) in &track.points {
        if at.is_finite() && *at >= last && *at <= SECONDS_MAX {
            found.add_point(instant(*at), point);
            last = *at;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::{document, root};
    use super::super::{RunOptions, prepare};
    use super::*;
    use crate::services;

    #[test]
    fn a_folder_shows_the_histories_of_its_run() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("run");
        let options = RunOptions {
            out: Some(out.clone()),
            detail: true,
            ..RunOptions::default()
        };
        let prepared = prepare(document(), services::ALL, root(), options).unwrap();
        let outcome = prepared.finish().unwrap();
        let then = &outcome.snapshot;
        let now = recall(&RunFiles::open(&out).unwrap(), services::ALL);
        assert_eq!((now.now, now.produced), (then.now, then.produced));
        assert_eq!(now.nodes.len(), then.nodes.len());
        let mut compared = 0;
        for old in &then.nodes {
            let new = now.nodes.iter().find(|n| n.id == old.id).unwrap();
            let values = |s: &Series| {
                let points = s.points().filter(|(_, p)| p.count > 0);
                points.map(|(at, p)| (at, *p)).collect::<Vec<_>>()
            };
            for (a, b) in old.meters.all.iter().zip(&new.meters.all) {
                assert_eq!(
                    values(&a.series),
                    values(&b.series),
                    "{} {}",
                    old.id,
                    a.spec.name
                );
                assert_eq!(a.total.count, b.total.count);
                compared += values(&a.series).len();
            }
            for (a, b) in old.latency_series.iter().zip(&new.latency_series) {
                assert_eq!(values(a), values(b), "{}", old.id);
            }
            assert_eq!(old.ledger.delivered, new.ledger.delivered);
        }
        assert!(compared > 100, "{compared}");
    }
}
