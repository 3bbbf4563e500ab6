//! Objectives: the measured value against its bounds.

use super::summary::{NodeSummary, ObjectiveResult, Summary};
use crate::check::{Goal, LatencyFigure, Measure, Over};
use crate::metrics::LatencySummary;

/// Measures one objective in a summary. What was not measured is not reached.
#[must_use]
pub fn evaluate(goal: &Goal, summary: &Summary) -> ObjectiveResult {
    let value = if goal.node.is_empty() {
        of_pipeline(&goal.measure, summary)
    } else {
        summary
            .nodes
            .get(&goal.node)
            .and_then(|n| of_node(goal, n, summary))
    };
    let ok = value.is_some_and(|v| {
        goal.at_most.is_none_or(|most| v <= most) && goal.at_least.is_none_or(|least| v >= least)
    });
    ObjectiveResult {
        node: goal.node.clone(),
        metric: goal.metric.clone(),
        unit: goal.measure.unit().to_owned(),
        value,
        at_most: goal.at_most,
        at_least: goal.at_least,
        ok,
        text: sentence(goal, value, ok),
    }
}

fn of_pipeline(measure: &Measure, s: &Summary) -> Option<f64> {
    let nodes = || s.nodes.values();
    match measure {
        Measure::Latency(figure) => s.latency_ms.map(|l| pick(l, *figure)),
        Measure::UsdPerMonth => s.cost.usd_per_month,
        Measure::UsdPerHour => s.cost.usd_per_hour,
        Measure::UsdPerGb => s.cost.usd_per_gb,
        Measure::TotalUsd => Some(s.cost.total_usd),
        Measure::RecordsPerSecond => Some(s.throughput.records_per_second),
        Measure::DeliveredPerSecond => Some(s.throughput.delivered_per_second),
        Measure::Dropped => Some(s.records.dropped as f64),
        Measure::Failed => Some(s.records.failed as f64),
        Measure::Lost => Some((s.records.dropped + s.records.failed) as f64),
        Measure::Throttled => Some(nodes().map(|n| n.throttled).sum::<u64>() as f64),
        Measure::Errors => Some(nodes().map(|n| n.errors).sum::<u64>() as f64),
        Measure::Unaccounted => Some(s.records.unaccounted as f64),
        Measure::Metric { .. } => None,
    }
}

fn of_node(goal: &Goal, n: &NodeSummary, s: &Summary) -> Option<f64> {
    let share = |whole: Option<f64>| match whole {
        // Per hour and per GB are the run's divisors over the node's own cost.
        Some(whole) if s.cost.total_usd > 0.0 => Some(whole * (n.cost_usd / s.cost.total_usd)),
        other => other,
    };
    match &goal.measure {
        Measure::Latency(figure) => n.end_to_end_ms.or(n.latency_ms).map(|l| pick(l, *figure)),
        Measure::UsdPerMonth => {
            let lines = s.cost.lines.iter().filter(|l| l.node == goal.node);
            s.cost
                .usd_per_month
                .map(|_| lines.filter_map(|l| l.usd_per_month).sum())
        }
        Measure::UsdPerHour => share(s.cost.usd_per_hour),
        Measure::UsdPerGb => share(s.cost.usd_per_gb),
        Measure::TotalUsd => Some(n.cost_usd),
        Measure::RecordsPerSecond => {
            (s.virtual_seconds > 0.0).then(|| n.records_out as f64 / s.virtual_seconds)
        }
        Measure::DeliveredPerSecond => {
            (s.virtual_seconds > 0.0).then(|| n.ledger.delivered as f64 / s.virtual_seconds)
        }
        Measure::Dropped => Some(n.ledger.dropped.values().sum::<u64>() as f64),
        Measure::Failed => Some(n.ledger.failed.values().sum::<u64>() as f64),
        Measure::Lost => {
            let lost = n.ledger.dropped.values().chain(n.ledger.failed.values());
            Some(lost.sum::<u64>() as f64)
        }
        Measure::Throttled => Some(n.throttled as f64),
        Measure::Errors => Some(n.errors as f64),
        Measure::Unaccounted => Some(n.ledger.unaccounted.unsigned_abs() as f64),
        Measure::Metric { name, over, .. } => n.metrics.get(name).and_then(|m| match over {
            Over::Avg => m.avg,
            Over::Sum => Some(m.sum),
            Over::Max => m.max,
        }),
    }
}

const fn pick(l: LatencySummary, figure: LatencyFigure) -> f64 {
    match figure {
        LatencyFigure::Mean => l.mean,
        LatencyFigure::P50 => l.p50,
        LatencyFigure::P90 => l.p90,
        LatencyFigure::P99 => l.p99,
        LatencyFigure::P999 => l.p999,
        LatencyFigure::Max => l.max,
    }
}

fn sentence(goal: &Goal, value: Option<f64>, ok: bool) -> String {
    let what = if goal.node.is_empty() {
        goal.metric.clone()
    } else {
        format!("{} of {}", goal.metric, goal.node)
    };
    let unit = goal.measure.unit();
    let Some(value) = value else {
        return format!("{what} was not measured, so the objective is not met");
    };
    let figure = |v: f64| format!("{} {unit}", super::text::number(v));
    let bounds: Vec<String> = [("at most", goal.at_most), ("at least", goal.at_least)]
        .into_iter()
        .filter_map(|(word, bound)| bound.map(|b| format!("{word} {}", figure(b))))
        .collect();
    let verdict = if ok { "met" } else { "not met" };
    format!(
        "{what} is {}, wanted {}: {verdict}",
        figure(value),
        bounds.join(" and ")
    )
}
