//! The figures of a run that runs are compared by: name, unit, which way is better, and where they stand in the summary.

use crate::report::Summary;

/// Which way a figure should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The lower the better.
    Lower,
    /// The higher the better.
    Higher,
    /// Neither.
    Neither,
}

/// A figure that every run has.
#[derive(Debug, Clone, Copy)]
pub struct RunFigure {
    /// Its name, as in conditions; the unit last where it has one.
    pub name: &'static str,
    /// `USD`, `ms`, `records/s`, `MB/s` or `records`.
    pub unit: &'static str,
    /// Which way it should go.
    pub better: Better,
    /// Its value; `None` when nothing was measured.
    pub of: fn(&Summary) -> Option<f64>,
}

const fn figure(
    name: &'static str,
    unit: &'static str,
    better: Better,
    of: fn(&Summary) -> Option<f64>,
) -> RunFigure {
    RunFigure {
        name,
        unit,
        better,
        of,
    }
}

fn each(s: &Summary, of: fn(&crate::report::NodeSummary) -> u64) -> Option<f64> {
    Some(s.nodes.values().map(of).sum::<u64>() as f64)
}

/// All of them, in the order of tables.
pub static FIGURES: &[RunFigure] = &[
    figure("usd_per_month", "USD", Better::Lower, |s| {
        s.cost.usd_per_month
    }),
    figure("usd_per_gb", "USD", Better::Lower, |s| s.cost.usd_per_gb),
    figure("total_usd", "USD", Better::Lower, |s| {
        Some(s.cost.total_usd)
    }),
    figure("latency_mean", "ms", Better::Lower, |s| {
        s.latency_ms.map(|l| l.mean)
    }),
    figure("latency_p50", "ms", Better::Lower, |s| {
        s.latency_ms.map(|l| l.p50)
    }),
    figure("latency_p90", "ms", Better::Lower, |s| {
        s.latency_ms.map(|l| l.p90)
    }),
    figure("latency_p99", "ms", Better::Lower, |s| {
        s.latency_ms.map(|l| l.p99)
    }),
    figure("latency_max", "ms", Better::Lower, |s| {
        s.latency_ms.map(|l| l.max)
    }),
    figure("records_per_second", "records/s", Better::Higher, |s| {
        Some(s.throughput.records_per_second)
    }),
    figure("delivered_per_second", "records/s", Better::Higher, |s| {
        Some(s.throughput.delivered_per_second)
    }),
    figure("mb_per_second", "MB/s", Better::Higher, |s| {
        Some(s.throughput.mb_per_second)
    }),
    figure("produced", "records", Better::Neither, |s| {
        Some(s.records.produced as f64)
    }),
    figure("delivered", "records", Better::Higher, |s| {
        Some(s.records.delivered as f64)
    }),
    figure("lost", "records", Better::Lower, |s| {
        Some((s.records.dropped + s.records.failed) as f64)
    }),
    figure("in_flight", "records", Better::Neither, |s| {
        Some(s.records.in_flight as f64)
    }),
    figure("throttled", "records", Better::Lower, |s| {
        each(s, |n| n.throttled)
    }),
    figure("errors", "requests", Better::Lower, |s| {
        each(s, |n| n.errors)
    }),
    figure("unaccounted", "records", Better::Lower, |s| {
        Some(s.records.unaccounted as f64)
    }),
];

/// The figure called `name`.
#[must_use]
pub fn figure_of(name: &str) -> Option<&'static RunFigure> {
    FIGURES.iter().find(|f| f.name == name)
}
