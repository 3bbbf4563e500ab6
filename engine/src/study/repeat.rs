//! The same drawing with different seeds: means with 95 % intervals, bands over time, warming up left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::figures::FIGURES;
use super::student::{interval, mean_interval, mser5};
use crate::metrics::Point;
use crate::report::{Band, Bands, Interval, Repeats, Summary};
use crate::runtime::{NodeSnapshot, RunSnapshot};
use crate::units::SimDuration;

/// Runs at the most.
pub const REPEATS_MAX: u32 = 1000;

/// What is left out at the beginning of each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarmUp {
    /// Nothing.
    Nothing,
    /// This much.
    Given(SimDuration),
    /// As much as MSER-5 finds in a first run, which is thrown away.
    Automatic,
}

/// A run of a series of repeats.
#[derive(Debug, Clone)]
pub struct Repeat {
    /// Its seed.
    pub seed: u64,
    /// Its figures.
    pub summary: Summary,
    /// Its histories.
    pub snapshot: Arc<RunSnapshot>,
}

/// The seeds of `runs` runs: the document's and those that follow it.
#[must_use]
pub fn seeds(first: u64, runs: u32) -> Vec<u64> {
    (0..u64::from(runs))
        .map(|i| first.wrapping_add(i))
        .collect()
}

/// How long `run` warms up by MSER-5: the longest over the nodes that deliver, of the time that records take and of how many
/// are delivered.
#[must_use]
pub fn warm_up_of(run: &RunSnapshot) -> SimDuration {
    let mut longest = SimDuration::ZERO;
    for node in run.nodes.iter().filter(|n| n.end_to_end.is_some()) {
        let latency = &node.end_to_end_series[0];
        let values: Vec<f64> = latency.points().filter_map(|(_, p)| p.average()).collect();
        // Intervals without a delivery have no latency: the cut is among those that have one.
        let cut = mser5(&values);
        let at = latency.points().filter(|(_, p)| p.count > 0).nth(cut);
        if cut > 0
            && let Some((at, _)) = at
        {
            longest = longest.max(SimDuration(at.0));
        }
    }
    longest
}

/// A figure without warming up; `None` for those that are of the whole run.
fn trimmed(summary: &Summary, name: &str) -> Option<Option<f64>> {
    let steady = summary.steady.as_ref()?;
    let latency =
        |of: fn(&crate::metrics::LatencySummary) -> f64| steady.latency_ms.as_ref().map(of);
    Some(match name {
        "latency_mean" => latency(|l| l.mean),
        "latency_p50" => latency(|l| l.p50),
        "latency_p90" => latency(|l| l.p90),
        "latency_p99" => latency(|l| l.p99),
        "latency_max" => latency(|l| l.max),
        "records_per_second" => Some(steady.throughput.records_per_second),
        "delivered_per_second" => Some(steady.throughput.delivered_per_second),
        "mb_per_second" => Some(steady.throughput.mb_per_second),
        _ => return None,
    })
}

/// The figures of all runs. `method` says how warming up was found.
#[must_use]
pub fn repeats(runs: &[Repeat], warm_up: WarmUp) -> Repeats {
    let left_out = runs
        .first()
        .and_then(|r| Some(r.summary.steady.as_ref()?.from_seconds));
    let metrics: BTreeMap<String, Interval> = FIGURES
        .iter()
        .filter_map(|figure| {
            let cut = |r: &Repeat| trimmed(&r.summary, figure.name);
            let is_cut = runs.first().is_some_and(|r| cut(r).is_some());
            let values = runs
                .iter()
                .map(|r| cut(r).unwrap_or_else(|| (figure.of)(&r.summary)));
            let interval = interval(figure.unit, values.collect(), is_cut)?;
            Some((figure.name.to_owned(), interval))
        })
        .collect();
    let (name, words) = match warm_up {
        WarmUp::Nothing => ("none", "nothing is left out at the beginning".to_owned()),
        WarmUp::Given(_) => (
            "given",
            "the beginning that was given is left out".to_owned(),
        ),
        WarmUp::Automatic => (
            "mser-5",
            "the beginning that MSER-5 finds in the end-to-end median of a first run is left out"
                .to_owned(),
        ),
    };
    Repeats {
        runs: runs.len(),
        seeds: runs.iter().map(|r| r.seed).collect(),
        confidence: 0.95,
        method: format!(
            "independent runs with one seed each; mean and two-sided 95 % interval of Student's t; {words} of \
             throughput and latency, never of cost and counts"
        ),
        warm_up_seconds: left_out.unwrap_or(0.0),
        warm_up_method: name.to_owned(),
        metrics,
    }
}

/// The histories that have bands.
fn histories(node: &NodeSnapshot) -> Vec<(String, &'static str, &crate::metrics::Series, bool)> {
    let mut found = Vec::new();
    for meter in &node.meters.all {
        match meter.spec.name {
            "RecordsIn" | "RecordsOut" => {
                found.push((
                    meter.spec.name.to_owned(),
                    "Count/Second",
                    &meter.series,
                    true,
                ));
            }
            "CostPerHour" => {
                found.push((
                    meter.spec.name.to_owned(),
                    meter.spec.unit,
                    &meter.series,
                    false,
                ));
            }
            _ => {}
        }
    }
    let latencies = [
        ("EndToEndLatency", &node.end_to_end_series),
        ("Latency", &node.latency_series),
    ];
    for (name, [p50, p90, p99]) in latencies {
        found.push((format!("{name}.p50"), "Milliseconds", p50, false));
        found.push((format!("{name}.p90"), "Milliseconds", p90, false));
        found.push((format!("{name}.p99"), "Milliseconds", p99, false));
    }
    found.retain(|(_, _, series, _)| !series.is_empty());
    found
}

/// Intervals of a series that make one of a band, tried in this order.
const WIDTHS: [usize; 7] = [1, 5, 10, 30, 60, 120, 300];

/// The runs' values in each interval, and how many intervals of the series are one. Buffers deliver once a minute and not
/// in the same second of every run: intervals become wider until four in five that have values have them of several runs.
fn columns(all: &[crate::metrics::Series]) -> (usize, Vec<Vec<Point>>) {
    let mut found = (1, Vec::new());
    for width in WIDTHS {
        let longest = all
            .iter()
            .map(crate::metrics::Series::len)
            .max()
            .unwrap_or(0);
        let mut columns: Vec<Vec<Point>> = vec![Vec::new(); longest.div_ceil(width)];
        for series in all {
            let mut merged = vec![Point::EMPTY; columns.len()];
            for (i, (_, point)) in series.points().enumerate() {
                if let Some(sum) = merged.get_mut(i / width) {
                    sum.merge(point);
                }
            }
            let filled = merged.into_iter().enumerate().filter(|(_, p)| p.count > 0);
            for (i, point) in filled {
                columns[i].push(point);
            }
        }
        let some = columns.iter().filter(|c| !c.is_empty()).count();
        let several = columns.iter().filter(|c| c.len() > 1).count();
        found = (width, columns);
        if several * 5 >= some * 4 {
            break;
        }
    }
    found
}

/// The pace of what a node gives, over intervals long enough that bursts of buffers do not hide how runs differ.
const CALM: &str = "RecordsOut.calm";

/// Means of a pace over longer intervals of a run of `end` seconds, in which a run that gave nothing gave 0.
fn calm(all: &[crate::metrics::Series], resolution: f64, end: f64) -> Band {
    let longest = all.iter().map(crate::metrics::Series::len).max();
    let width = crate::report::calm_width(end, resolution);
    // Not only to the last delivery: nothing after it is a pace too.
    let steps = crate::report::steps_of(end, resolution).max(longest.unwrap_or(0));
    let columns = steps.div_ceil(width);
    let mut sums = vec![vec![0.0; all.len()]; columns];
    for (run, series) in all.iter().enumerate() {
        for (i, (_, point)) in series.points().enumerate() {
            if let Some(sum) = sums.get_mut(i / width).and_then(|c| c.get_mut(run)) {
                *sum += point.sum;
            }
        }
    }
    let points = sums.iter().enumerate().filter_map(|(i, sums)| {
        let seconds = width.min(steps - i * width) as f64 * resolution;
        let values: Vec<f64> = sums.iter().map(|sum| sum / seconds).collect();
        let (mean, Some((lo, hi, _))) = mean_interval(&values)? else {
            return None;
        };
        Some([(i * width) as f64 * resolution, mean, lo, hi])
    });
    Band {
        node: String::new(),
        metric: String::new(),
        unit: String::new(),
        resolution_seconds: width as f64 * resolution,
        points: points.collect(),
    }
}

/// Bands of all runs; empty with fewer than two.
#[must_use]
pub fn bands(runs: &[Repeat]) -> Bands {
    let mut found = Bands::default();
    let Some((first, rest)) = runs.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return found;
    };
    let end = first.summary.virtual_seconds;
    for node in &first.snapshot.nodes {
        let others: Vec<&NodeSnapshot> = rest
            .iter()
            .filter_map(|r| r.snapshot.nodes.iter().find(|n| n.id == node.id))
            .map(AsRef::as_ref)
            .collect();
        for (metric, unit, series, is_rate) in histories(node) {
            let resolution = series.resolution();
            let mut all = vec![series.clone()];
            for other in &others {
                let mut of = histories(other).into_iter();
                let same = of.find(|h| h.0 == metric && h.2.resolution() == resolution);
                all.extend(same.map(|h| h.2.clone()));
            }
            if metric == "RecordsOut" {
                found.bands.push(Band {
                    node: node.id.clone(),
                    metric: CALM.to_owned(),
                    unit: unit.to_owned(),
                    ..calm(&all, resolution.as_secs_f64(), end)
                });
            }
            let (width, columns) = columns(&all);
            let seconds = resolution.as_secs_f64() * width as f64;
            let points = columns.iter().enumerate().filter_map(|(i, points)| {
                let value = |p: &Point| {
                    if is_rate {
                        Some(p.sum / seconds)
                    } else {
                        p.average()
                    }
                };
                let values: Vec<f64> = points.iter().filter_map(value).collect();
                let (mean, Some((lo, hi, _))) = mean_interval(&values)? else {
                    return None;
                };
                Some([i as f64 * seconds, mean, lo, hi])
            });
            let points: Vec<[f64; 4]> = points.collect();
            found.bands.push(Band {
                node: node.id.clone(),
                metric,
                unit: unit.to_owned(),
                resolution_seconds: seconds,
                points,
            });
        }
    }
    found
}

/// `12.3 s ± 0.4 s`: a mean with half its interval, for people.
#[must_use]
pub fn plus_minus(interval: &Interval) -> String {
    let show = |v: f64| super::compare::show(Some(v), &interval.unit);
    match interval.hi {
        Some(hi) => format!("{} ± {}", show(interval.mean), show(hi - interval.mean)),
        None => show(interval.mean),
    }
}

/// The table of figures for a terminal.
#[must_use]
pub fn repeats_terminal(repeats: &Repeats) -> String {
    let mut rows = vec![
        ["Figure", "mean ± 95 %", "least", "greatest"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for figure in FIGURES {
        let Some(found) = repeats.metrics.get(figure.name) else {
            continue;
        };
        let known = || found.values.iter().copied().flatten();
        let show = |v: f64| super::compare::show(Some(v), &found.unit);
        rows.push(vec![
            figure.name.to_owned(),
            plus_minus(found),
            show(known().fold(f64::INFINITY, f64::min)),
            show(known().fold(f64::NEG_INFINITY, f64::max)),
        ]);
    }
    format!(
        "\nRepeats     {} runs, seeds {}, warm-up {} ({})\n{}",
        repeats.runs,
        match repeats.seeds.as_slice() {
            [first, .., last] => format!("{first} to {last}"),
            [one] => one.to_string(),
            [] => String::new(),
        },
        crate::report::seconds(repeats.warm_up_seconds),
        repeats.warm_up_method,
        crate::report::aligned(&rows, &[1, 2, 3])
    )
}
