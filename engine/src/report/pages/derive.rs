//! Figures that are computed from the metrics over time: offered and delivered pace, backlog, freshness, and how long the
//! pipeline took to recover from each fault of its scenario.
//!
//! Freshness: how old the newest delivered record is; at each instant the time since the last delivery plus the median
//! latency of what was delivered then. Recovered: from the end of a fault until the signal is back at no more than 110 % of
//! the most that it was in the five minutes before the fault, and stays there for a minute (or to the end of the run).

use std::collections::BTreeMap;

use super::super::folder::{RunFiles, Track};
use crate::document::{Action, Step};
use crate::metrics::Point;

/// Seconds before a fault that tell what is usual.
const USUAL: f64 = 300.0;
/// Seconds for which a signal must stay down.
const STAYS: f64 = 60.0;
/// How much above the usual is as usual.
const SLACK: f64 = 1.1;

/// Values by seconds.
pub(super) type Line = Vec<[f64; 2]>;

/// How long something took after a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Back {
    /// It never left.
    Unaffected,
    /// So many seconds.
    After(f64),
    /// Not until the end of the run.
    Never,
    /// Nothing to compare with, or the fault lasts to the end.
    Unknown,
}

/// A fault and what followed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recovery {
    pub(super) node: String,
    pub(super) fault: String,
    pub(super) from: f64,
    pub(super) to: f64,
    /// The most of end-to-end p99 (ms) before the fault, and from its beginning to the next fault or the end.
    pub(super) latency: Option<(f64, f64)>,
    pub(super) latency_back: Back,
    /// The most of the backlog (records) in the same spans.
    pub(super) backlog: Option<(f64, f64)>,
    pub(super) backlog_back: Back,
}

/// Everything that is computed.
#[derive(Debug, Clone, Default)]
pub(super) struct Derived {
    /// Records a second that sources made.
    pub(super) offered: Line,
    /// Records a second that came to rest.
    pub(super) delivered: Line,
    /// Records a second that any node refused.
    pub(super) refused: Line,
    /// End to end p50, p90, p99 in milliseconds: the worst of the nodes that deliver.
    pub(super) latency: [Line; 3],
    /// Records inside all nodes.
    pub(super) backlog: Line,
    /// The same by node.
    pub(super) held: BTreeMap<String, Line>,
    /// Seconds, by node that delivers.
    pub(super) freshness: BTreeMap<String, Line>,
    pub(super) recoveries: Vec<Recovery>,
}

fn line(track: Option<&Track>, value: impl Fn(&Point, f64) -> f64) -> Line {
    let Some(track) = track else {
        return Vec::new();
    };
    let each = track.points.iter();
    each.map(|(at, p)| [*at, value(p, track.resolution)])
        .collect()
}

fn mean(point: &Point) -> f64 {
    point.average().unwrap_or(0.0)
}

/// The sum (or the most) of several lines by interval. The intervals are those of the coarsest; finer ones go into them.
fn joined(
    run: &RunFiles,
    nodes: &[&str],
    metric: &str,
    most: bool,
    value: fn(&Point, f64) -> f64,
) -> Line {
    let tracks: Vec<&Track> = nodes.iter().filter_map(|n| run.track(n, metric)).collect();
    let coarsest = step_of(run, nodes, metric);
    let mut all: BTreeMap<u64, f64> = BTreeMap::new();
    for track in tracks {
        let mut merged: BTreeMap<u64, Point> = BTreeMap::new();
        for (at, point) in &track.points {
            merged
                .entry(slot(*at, coarsest))
                .or_insert(Point::EMPTY)
                .merge(point);
        }
        for (at, point) in merged {
            let entry = all.entry(at).or_insert(0.0);
            let v = value(&point, coarsest);
            *entry = if most { entry.max(v) } else { *entry + v };
        }
    }
    all.into_iter()
        .map(|(i, v)| [i as f64 * coarsest, v])
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of a run are not negative and below 2^53"
)]
fn slot(at: f64, resolution: f64) -> u64 {
    (at / resolution).round() as u64
}

/// Records a second over longer intervals, so that what comes in bursts can be compared with what comes steadily. `line`
/// has a value for each interval of `step` seconds in which there were any; in the others there were none.
fn calmed(line: &[[f64; 2]], step: f64, end: f64) -> Line {
    if line.is_empty() {
        return Line::new();
    }
    let many = super::super::bands::calm_width(end, step) as u64;
    let wide = many as f64 * step;
    // What comes at the very end belongs to the last, which may be shorter.
    let last = slot((end - step).max(0.0), step) / many;
    let mut records: BTreeMap<u64, f64> = (0..=last).map(|i| (i, 0.0)).collect();
    for [at, v] in line {
        *records
            .entry((slot(*at, step) / many).min(last))
            .or_default() += v * step;
    }
    let pace = |(i, records): (u64, f64)| {
        let from = i as f64 * wide;
        [from, records / (end - from).clamp(step, wide)]
    };
    let mut paces: Line = records.into_iter().map(pace).collect();
    // It holds to the end.
    paces.extend(paces.last().map(|[_, v]| [end, *v]));
    paces
}

/// Seconds of the longest interval of a metric among several nodes, at least one.
fn step_of(run: &RunFiles, nodes: &[&str], metric: &str) -> f64 {
    let tracks = nodes.iter().filter_map(|n| run.track(n, metric));
    tracks.map(|t| t.resolution).fold(1.0, f64::max)
}

pub(super) fn derive(run: &RunFiles) -> Derived {
    let summary = &run.summary;
    let all: Vec<&str> = summary.nodes.keys().map(String::as_str).collect();
    let sources = run.sources();
    let ends: Vec<&str> = run.ends();
    let rate = |p: &Point, resolution: f64| p.sum / resolution;
    let end = summary.virtual_seconds;
    let freshness = ends.iter().map(|node| {
        let at = run.track(node, "EndToEndLatency.p50");
        ((*node).to_owned(), freshness(&line(at, |p, _| p.max), end))
    });
    let percentile = |metric| joined(run, &ends, metric, true, |p, _| p.max);
    let latency = [
        "EndToEndLatency.p50",
        "EndToEndLatency.p90",
        "EndToEndLatency.p99",
    ]
    .map(percentile);
    let backlog = joined(run, &all, "RecordsHeld", false, |p, _| mean(p));
    let pace = |nodes: &[&str], metric| {
        let line = joined(run, nodes, metric, false, rate);
        calmed(&line, step_of(run, nodes, metric), end)
    };
    Derived {
        offered: pace(&sources, "RecordsIn"),
        delivered: pace(&ends, "RecordsOut"),
        refused: pace(&all, "Throttled"),
        recoveries: recoveries(run, &latency[2], &backlog),
        latency,
        backlog,
        held: all
            .iter()
            .map(|n| {
                (
                    (*n).to_owned(),
                    line(run.track(n, "RecordsHeld"), |p, _| mean(p)),
                )
            })
            .collect(),
        freshness: freshness.filter(|(_, l)| !l.is_empty()).collect(),
    }
}

/// From (when delivered, median latency in ms) to the age of the newest record: it grows with time and falls with a delivery.
fn freshness(deliveries: &[[f64; 2]], end: f64) -> Line {
    let mut out = Line::new();
    for (i, [at, ms]) in deliveries.iter().enumerate() {
        let age = ms / 1_000.0;
        out.push([*at, age]);
        let next = deliveries.get(i + 1).map_or(end, |d| d[0]);
        if next - at > 1.5 {
            out.push([next - 0.001, age + next - at]);
        }
    }
    out
}

fn recoveries(run: &RunFiles, p99: &[[f64; 2]], backlog: &[[f64; 2]]) -> Vec<Recovery> {
    let end = run.summary.virtual_seconds;
    let steps = run.doc.scenario.iter();
    let faults = steps.filter_map(|step| match &step.action {
        Action::Fault { name, lasts, .. } if step.at.as_secs_f64() < end => {
            let from = step.at.as_secs_f64();
            let to = lasts.map_or(end, |l| (from + l.as_secs_f64()).min(end));
            Some((step, name, from, to))
        }
        _ => None,
    });
    let faults: Vec<_> = faults.collect();
    let begins: Vec<f64> = faults.iter().map(|f| f.2).collect();
    let one = |(step, name, from, to): (&Step, &String, f64, f64)| {
        let until = next_fault(&begins, from, to);
        Recovery {
            node: step.node.clone(),
            fault: name.clone(),
            from,
            to,
            latency: before_and_after(p99, from, until),
            latency_back: back(p99, from, to, end),
            backlog: before_and_after(backlog, from, until),
            backlog_back: back(backlog, from, to, end),
        }
    };
    faults.into_iter().map(one).collect()
}

/// When the next fault begins that does not overlap this one: what it does is not put down to this one.
fn next_fault(begins: &[f64], from: f64, to: f64) -> f64 {
    let later = begins.iter().filter(|b| **b >= to && **b > from);
    later.copied().fold(f64::INFINITY, f64::min)
}

fn most(signal: &[[f64; 2]], from: f64, to: f64) -> Option<f64> {
    let within = signal.iter().filter(|[at, _]| *at >= from && *at < to);
    within.map(|[_, v]| *v).reduce(f64::max)
}

fn before_and_after(signal: &[[f64; 2]], from: f64, until: f64) -> Option<(f64, f64)> {
    Some((
        most(signal, from - USUAL, from)?,
        most(signal, from, until)?,
    ))
}

/// How long after `to` a signal is back for good.
fn back(signal: &[[f64; 2]], from: f64, to: f64, end: f64) -> Back {
    let Some(usual) = most(signal, from - USUAL, from) else {
        return Back::Unknown;
    };
    if to >= end {
        return Back::Unknown;
    }
    let ceiling = usual * SLACK;
    let after: Vec<&[f64; 2]> = signal.iter().filter(|[at, _]| *at >= to).collect();
    if after.is_empty() {
        return Back::Unknown;
    }
    let calm_from = |i: usize| {
        let start = after[i][0];
        after[i..]
            .iter()
            .take_while(|p| p[0] < start + STAYS)
            .all(|p| p[1] <= ceiling)
    };
    match (0..after.len()).find(|i| after[*i][1] <= ceiling && calm_from(*i)) {
        Some(0) if most(signal, from, to).is_none_or(|m| m <= ceiling) => Back::Unaffected,
        Some(i) => Back::After((after[i][0] - to).max(0.0)),
        None => Back::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::NodeSummary;

    fn signal(values: &[(f64, f64)]) -> Line {
        // A value a second, each holding until the next.
        let mut out = Line::new();
        for (i, (from, v)) in values.iter().enumerate() {
            let to = values.get(i + 1).map_or(1_000.0, |n| n.0);
            let mut at = *from;
            while at < to {
                out.push([at, *v]);
                at += 1.0;
            }
        }
        out
    }

    #[test]
    fn a_signal_is_back_when_it_stays_as_usual() {
        let steady = signal(&[(0.0, 10.0)]);
        assert_eq!(back(&steady, 300.0, 360.0, 1_000.0), Back::Unaffected);
        // Back at the end of the fault itself: it took no time, and it was affected.
        let during = signal(&[(0.0, 10.0), (310.0, 99.0), (360.0, 10.0)]);
        assert_eq!(back(&during, 300.0, 360.0, 1_000.0), Back::After(0.0));
        let late = signal(&[(0.0, 10.0), (300.0, 99.0), (400.0, 10.5)]);
        assert_eq!(back(&late, 300.0, 360.0, 1_000.0), Back::After(40.0));
        // A short calm does not count.
        let twice = signal(&[
            (0.0, 10.0),
            (300.0, 99.0),
            (400.0, 9.0),
            (420.0, 50.0),
            (500.0, 9.0),
        ]);
        assert_eq!(back(&twice, 300.0, 360.0, 1_000.0), Back::After(140.0));
        let never = signal(&[(0.0, 10.0), (300.0, 99.0)]);
        assert_eq!(back(&never, 300.0, 360.0, 1_000.0), Back::Never);
        assert_eq!(back(&never, 300.0, 1_000.0, 1_000.0), Back::Unknown);
        assert_eq!(back(&[], 300.0, 360.0, 1_000.0), Back::Unknown);
    }

    fn area(steps: &[[f64; 2]]) -> f64 {
        steps
            .windows(2)
            .map(|w| w[0][1] * (w[1][0] - w[0][0]))
            .sum()
    }

    #[test]
    fn records_below_the_plotted_paces_are_those_of_the_summary() {
        let runs = crate::report::testing::of_templates().chain([crate::report::testing::run()]);
        for run in runs {
            let derived = derive(run);
            let sum = |nodes: Vec<&str>, of: fn(&NodeSummary) -> u64| -> f64 {
                let each = nodes.into_iter().map(|n| of(&run.summary.nodes[n]));
                each.sum::<u64>() as f64
            };
            let refused = run.summary.nodes.values().map(|n| n.throttled).sum::<u64>();
            for (what, line, total) in [
                (
                    "offered",
                    &derived.offered,
                    sum(run.sources(), |n| n.records_in),
                ),
                (
                    "delivered",
                    &derived.delivered,
                    sum(run.ends(), |n| n.records_out),
                ),
                ("refused", &derived.refused, refused as f64),
            ] {
                let drawn = area(line);
                let close = (drawn - total).abs() <= 1e-6 * total;
                assert!(close, "{} {what}: {drawn} of {total}", run.summary.pipeline);
            }
        }
    }

    #[test]
    fn pace_of_bursts_is_their_records_over_the_time() {
        // 600 records each half minute, told by the second in which they came.
        let bursts: Line = (1..=20)
            .map(|i| [f64::from(i) * 30.0 - 1.0, 600.0])
            .collect();
        let calm = calmed(&bursts, 1.0, 600.0);
        assert_eq!(calm.len(), 11);
        assert!(
            calm.iter().all(|[_, v]| (v - 20.0).abs() < 1e-9),
            "{calm:?}"
        );
        // Of a run that ends within an interval, with records at its very end.
        let paces = calmed(&[[0.0, 60.0], [90.0, 30.0], [97.0, 5.0]], 1.0, 97.0);
        assert!((area(&paces) - 95.0).abs() < 1e-9, "{paces:?}");
        assert!(calmed(&[], 1.0, 60.0).is_empty());
    }

    #[test]
    fn worst_of_a_fault_ends_where_the_next_begins() {
        let begins = [300.0, 330.0, 600.0];
        assert_eq!(next_fault(&begins, 300.0, 360.0), 600.0);
        assert_eq!(next_fault(&begins, 600.0, 660.0), f64::INFINITY);
        let signal = signal(&[(0.0, 10.0), (320.0, 50.0), (400.0, 9.0), (610.0, 99.0)]);
        assert_eq!(before_and_after(&signal, 300.0, 600.0), Some((10.0, 50.0)));
    }

    #[test]
    fn age_grows_until_the_next_delivery() {
        let line = freshness(&[[60.0, 30_000.0], [120.0, 30_000.0]], 150.0);
        let tops: Vec<f64> = line.iter().map(|p| p[1].round()).collect();
        assert_eq!(tops, [30.0, 90.0, 30.0, 60.0]);
    }
}
