//! Age, backlog and recovery, computed again from `metrics.parquet`.

use std::collections::BTreeMap;

use super::super::super::text::{millis, number};
use super::super::{Page, span};
use crate::document::Action;
use crate::metrics::Point;
use crate::report::RunFiles;

/// Mean over time and most of the age (seconds) of the newest record that was delivered at a node: from each delivery on it
/// grows with time, and falls within a millisecond at the next. Deliveries in each second are a line.
pub(super) fn age(run: &RunFiles, node: &str) -> Option<(f64, f64)> {
    let points = &run.track(node, "EndToEndLatency.p50")?.points;
    let ages: Vec<(f64, f64)> = points
        .iter()
        .map(|(at, p)| (*at, p.max / 1_000.0))
        .collect();
    let (mut area, mut time, mut most) = (0.0, 0.0, 0.0_f64);
    for (i, (at, age)) in ages.iter().enumerate() {
        let next = ages.get(i + 1);
        let gap = next.map_or(run.summary.virtual_seconds, |n| n.0) - at;
        let grown = if gap > 1.5 { age + gap } else { *age };
        most = most.max(grown);
        if gap > 1.5 {
            area += (gap - 0.001) * (age + grown) / 2.0;
            time += gap - 0.001;
        }
        if let Some((_, then)) = next {
            let fall = if gap > 1.5 { 0.001 } else { gap };
            area += fall * (grown + then) / 2.0;
            time += fall;
        }
    }
    Some(if time > 0.0 {
        (area / time, most)
    } else {
        (ages.first()?.1, most)
    })
}

/// A metric of several nodes over time, in the longest of their intervals: sums or the most of what `value` tells.
fn signal(
    run: &RunFiles,
    nodes: &[&str],
    metric: &str,
    join: fn(f64, f64) -> f64,
    value: fn(Point) -> f64,
) -> Vec<(f64, f64)> {
    let tracks: Vec<_> = nodes.iter().filter_map(|n| run.track(n, metric)).collect();
    let step = tracks.iter().map(|t| t.resolution).fold(1.0, f64::max);
    let mut all: BTreeMap<i64, f64> = BTreeMap::new();
    for track in tracks {
        let mut own: BTreeMap<i64, Point> = BTreeMap::new();
        for (at, point) in &track.points {
            #[expect(clippy::cast_possible_truncation, reason = "seconds of a small run")]
            let slot = (at / step).round() as i64;
            own.entry(slot).or_insert(Point::EMPTY).merge(point);
        }
        for (slot, point) in own {
            let v = value(point);
            all.entry(slot)
                .and_modify(|a| *a = join(*a, v))
                .or_insert(v);
        }
    }
    all.into_iter()
        .map(|(slot, v)| (slot as f64 * step, v))
        .collect()
}

fn held(run: &RunFiles) -> Vec<(f64, f64)> {
    let nodes: Vec<&str> = run.summary.nodes.keys().map(String::as_str).collect();
    signal(
        run,
        &nodes,
        "RecordsHeld",
        |a, b| a + b,
        |p| p.sum / p.count as f64,
    )
}

/// Mean over time and most of the records inside all nodes.
pub(super) fn backlog(run: &RunFiles) -> (f64, f64) {
    let line = held(run);
    let area: f64 = line
        .windows(2)
        .map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0)
        .sum();
    let time = line.last().map_or(0.0, |l| l.0 - line[0].0);
    let most = line.iter().map(|p| p.1).fold(0.0, f64::max);
    (
        if time > 0.0 {
            area / time
        } else {
            line.first().map_or(0.0, |p| p.1)
        },
        most,
    )
}

/// The rows of the table of faults: fault, node, span, p99 before and worst, its time to recover, backlog worst, its time.
pub(super) fn recoveries(page: &Page<'_>) -> Vec<[String; 8]> {
    let run = page.run;
    let end = run.summary.virtual_seconds;
    let p99 = signal(run, &run.ends(), "EndToEndLatency.p99", f64::max, |p| p.max);
    let held = held(run);
    let faults = run.doc.scenario.iter().filter_map(|s| match &s.action {
        Action::Fault { name, lasts, .. } => {
            let from = s.at.as_secs_f64();
            Some((
                name,
                &s.node,
                from,
                lasts.map_or(end, |l| end.min(from + l.as_secs_f64())),
            ))
        }
        Action::Set(_) => None,
    });
    let faults: Vec<_> = faults.filter(|f| f.2 < end).collect();
    let row = |(name, node, from, to): &(&String, &String, f64, f64)| {
        // What a later fault does is its own.
        let next = faults
            .iter()
            .map(|f| f.2)
            .filter(|b| b >= to && b > from)
            .fold(f64::INFINITY, f64::min);
        let [before, worst] = [(from - 300.0, *from), (*from, next)].map(|(a, b)| most(&p99, a, b));
        let both = before.zip(worst);
        let backlog = most(&held, from - 300.0, *from).and(most(&held, *from, next));
        let dash = || "\u{2013}".to_owned();
        [
            page.words.fault(name),
            (*node).clone(),
            format!("{} \u{2013} {}", span(*from), span(*to)),
            both.map_or_else(dash, |b| millis(b.0)),
            both.map_or_else(dash, |b| millis(b.1)),
            back(page, &p99, *from, *to),
            backlog.map_or_else(dash, number),
            back(page, &held, *from, *to),
        ]
    };
    faults.iter().map(row).collect()
}

fn most(line: &[(f64, f64)], from: f64, to: f64) -> Option<f64> {
    let within = line.iter().filter(|(at, _)| (from..to).contains(at));
    within.map(|p| p.1).reduce(f64::max)
}

/// From the end of a fault to the first instant after which a minute is no worse than 110 % of the five minutes before it.
fn back(page: &Page<'_>, line: &[(f64, f64)], from: f64, to: f64) -> String {
    let usual = most(line, from - 300.0, from);
    let after = line.iter().filter(|p| p.0 >= to);
    let (Some(usual), true, true) = (
        usual,
        to < page.run.summary.virtual_seconds,
        after.clone().count() > 0,
    ) else {
        return page.t("cannot_tell").to_owned();
    };
    let worst = |from: f64, to: f64| most(line, from, to).unwrap_or(0.0) / usual.max(1e-300);
    let calm = after
        .map(|p| p.0)
        .find(|at| worst(*at, at + 60.0) <= 1.1 + 1e-12);
    let first = line.iter().find(|p| p.0 >= to).map(|p| p.0);
    match calm {
        None => page.t("not_recovered").to_owned(),
        Some(at) if Some(at) == first && worst(from, to) <= 1.1 + 1e-12 => {
            page.t("never_left").to_owned()
        }
        Some(at) => span(at - to),
    }
}
