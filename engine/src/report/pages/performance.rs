//! What the pipeline did: throughput, latency end to end and by hop, freshness, backlog, limits, faults and recovery.

use std::collections::BTreeMap;

use super::super::svg::{Axis, Mark, Plot, Series, Shape, Unit, paint};
use super::super::text::{millis, number};
use super::derive::{Back, Derived};
use super::{Block, Cell, Page, Section, Table, Tone, bad, percent, span, whole};
use crate::document::Action;

/// Nodes that a plot tells apart.
const LINES: usize = 8;
/// Names of metrics that tell the age of the oldest or newest record: part of a CloudWatch name, in lower case.
const AGES: [&str; 5] = ["iteratorage", "freshness", "ageofoldest", "lag", "age"];

pub(super) fn section(page: &Page<'_>, derived: &Derived) -> Section {
    let over_time = latency_plot(page, derived);
    let mut blocks = vec![
        Block::Cards(cards(page)),
        Block::Text(tried_again(page)),
        Block::Heading(page.t("latency").to_owned()),
        Block::Table(latency(page)),
        page.picture(page.banded_caption("plot_latency", &over_time), &over_time),
        Block::Table(parts(page)),
        Block::Heading(page.t("freshness_backlog").to_owned()),
        Block::Text(page.t("freshness_note").to_owned()),
        Block::Table(freshness(page, derived)),
        page.picture(
            page.t("plot_freshness").to_owned(),
            &by_node(
                page,
                &derived.freshness,
                "plot_freshness",
                "axis_age",
                Unit::Seconds,
            ),
        ),
        page.picture(
            page.t("plot_backlog").to_owned(),
            &by_node(
                page,
                &derived.held,
                "plot_backlog",
                "axis_records",
                Unit::Of(page.words.unit("records").to_owned()),
            ),
        ),
        Block::Heading(page.t("limits").to_owned()),
        Block::Text(page.t("limits_note").to_owned()),
        Block::Table(limits(page)),
        page.picture(page.t("plot_limits").to_owned(), &limit_plot(page)),
        Block::Heading(page.t("faults").to_owned()),
    ];
    if derived.recoveries.is_empty() {
        blocks.push(Block::Text(page.t("no_faults").to_owned()));
    } else {
        blocks.push(Block::Text(page.t("recovery_note").to_owned()));
        blocks.push(Block::Table(recoveries(page, derived)));
    }
    blocks.extend(super::labels::blocks(page));
    blocks.extend(alarms(page));
    blocks.push(Block::Heading(page.t("ledger").to_owned()));
    blocks.push(Block::Text(
        page.say("ledger_note", &[("equation", &equation(page))]),
    ));
    blocks.push(Block::Table(nodes(page)));
    blocks.extend(reasons(page));
    Section {
        id: "performance",
        title: page.t("performance").to_owned(),
        blocks,
    }
}

/// What was refused on the way, and how much of it was sent again: all but what its senders gave up.
fn tried_again(page: &Page<'_>) -> String {
    let r = &page.run.summary.records;
    let refused: u64 = page.run.summary.wires.iter().map(|w| w.refused).sum();
    if refused == 0 {
        return page.t("nothing_refused").to_owned();
    }
    let by = r.dropped_by.iter().chain(&r.failed_by);
    let given_up = by.filter(|(why, _)| why.starts_with("refused"));
    let given_up: u64 = given_up.map(|(_, n)| n).sum();
    let grouped = |n: u64| crate::books::thousands(n.into());
    page.say(
        "tried_again",
        &[
            ("refused", &grouped(refused)),
            ("gone", &grouped(given_up)),
            ("again", &grouped(refused.saturating_sub(given_up))),
        ],
    )
}

fn cards(page: &Page<'_>) -> Vec<(String, Cell)> {
    let rate = |v: f64| format!("{} /s", number(v));
    let sum = |key: &str| {
        (
            page.t(key).to_owned(),
            bad(page.of_run(&page.of_nodes(key), whole)),
        )
    };
    vec![
        (
            page.t("offered").to_owned(),
            page.figure("throughput/records_per_second", rate),
        ),
        (
            page.t("delivered_rate").to_owned(),
            page.figure("throughput/delivered_per_second", rate),
        ),
        sum("throttled"),
        sum("errors"),
        (
            page.t("dropped").to_owned(),
            page.bad_count("records/dropped"),
        ),
        (
            page.t("failed").to_owned(),
            page.bad_count("records/failed"),
        ),
        (page.t("copied").to_owned(), page.count("records/copied")),
        (
            page.t("in_flight").to_owned(),
            page.count("records/in_flight"),
        ),
    ]
}

fn latency(page: &Page<'_>) -> Table {
    let mut table = page.head(
        page.t("latency_table"),
        &["where", ">mean", ">p50", ">p90", ">p99", ">p999", ">max"],
    );
    let mut row = |name: Cell, path: &str| {
        let figures = ["mean", "p50", "p90", "p99", "p999", "max"];
        let cells = figures.map(|f| page.figure(&format!("{path}/{f}"), millis));
        table.rows.push([name].into_iter().chain(cells).collect());
    };
    row(
        Cell::toned(page.t("end_to_end"), Tone::Strong),
        "latency_ms",
    );
    for (id, node) in &page.run.summary.nodes {
        if node.end_to_end_ms.is_some() {
            let name = page.say("end_to_end_at", &[("node", id)]);
            row(Cell::text(name), &format!("nodes/{id}/end_to_end_ms"));
        }
    }
    for (id, node) in &page.run.summary.nodes {
        if node.latency_ms.is_some() {
            row(
                Cell::text(page.say("hop", &[("node", id)])),
                &format!("nodes/{id}/latency_ms"),
            );
        }
    }
    table
}

fn latency_plot(page: &Page<'_>, derived: &Derived) -> Plot {
    let mut plot = Plot::new(
        page.t("plot_latency"),
        Axis::time(page.t("virtual_time"), page.run.summary.virtual_seconds),
        Axis::new(page.t("axis_latency"), Unit::Millis).log(),
    );
    let p = paint();
    // Told apart at a glance, the worst in red.
    let colors = [p.series(0), p.series(3), p.red.as_str()];
    for ((name, color), line) in ["p50", "p90", "p99"]
        .into_iter()
        .zip(colors)
        .zip(&derived.latency)
    {
        let mut series = Series {
            name: name.to_owned(),
            color: color.to_owned(),
            points: line.clone(),
            ..Series::default()
        };
        let metric = format!("EndToEndLatency.{name}");
        page.with_band(&mut series, &page.run.ends(), &metric, true);
        plot.series.push(series);
    }
    let goals = page.run.summary.objectives.iter();
    let goal = goals
        .filter(|o| o.metric.starts_with("latency_"))
        .find_map(|o| Some((o, o.at_most?)));
    if let Some((o, at_most)) = goal {
        plot.marks.push(Mark::Level {
            y: at_most,
            text: format!(
                "{}: {} \u{2264} {}",
                page.t("objective"),
                o.metric,
                millis(at_most)
            ),
            color: p.secondary.clone(),
        });
    }
    plot.marks.extend(page.fault_marks());
    plot
}

/// Where the time of a record goes in each node.
fn parts(page: &Page<'_>) -> Table {
    let mut table = page.head(page.t("parts_table"), &["node", "part", ">mean", ">share"]);
    for (id, node) in &page.run.summary.nodes {
        let at = |part: &str| format!("nodes/{id}/latency_parts_ms/{part}/mean");
        let all: Vec<String> = node.latency_parts_ms.keys().map(|p| at(p)).collect();
        for part in node.latency_parts_ms.keys() {
            table.rows.push(vec![
                Cell::toned(id.clone(), Tone::Code),
                Cell::text(page.words.part(part)),
                page.figure(&at(part), millis),
                page.share(&at(part), &all.join(" + "), percent),
            ]);
        }
    }
    table
}

fn freshness(page: &Page<'_>, derived: &Derived) -> Table {
    let mut table = page.head(
        page.t("freshness_table"),
        &["node", "metric", ">mean", ">max"],
    );
    for (id, line) in &derived.freshness {
        let worst = line.iter().map(|p| p[1]).fold(0.0, f64::max);
        table.rows.push(vec![
            Cell::toned(id.clone(), Tone::Code),
            Cell::text(page.t("age_of_newest")),
            Cell::text(span(time_mean(line))),
            Cell::text(span(worst)),
        ]);
    }
    let worst = derived.backlog.iter().map(|p| p[1]).fold(0.0, f64::max);
    table.rows.push(vec![
        Cell::text(page.t("whole_pipeline")),
        Cell::text(page.t("backlog")),
        Cell::text(number(time_mean(&derived.backlog))),
        Cell::text(number(worst)),
    ]);
    for (id, node) in &page.run.summary.nodes {
        for (name, metric) in &node.metrics {
            let low = name.to_lowercase();
            if metric.count == 0 || !AGES.iter().any(|a| low.contains(a)) {
                continue;
            }
            let show = |v: f64| match metric.unit.as_str() {
                "Milliseconds" => millis(v),
                "Seconds" => span(v),
                unit => format!("{} {unit}", number(v)),
            };
            let of = |field: &str| page.figure(&format!("nodes/{id}/metrics/{name}/{field}"), show);
            table.rows.push(vec![
                Cell::toned(id.clone(), Tone::Code),
                Cell::toned(name.clone(), Tone::Code),
                of("avg"),
                of("max"),
            ]);
        }
    }
    table
}

/// The mean of a line over time: each value counts as long as it holds.
fn time_mean(line: &[[f64; 2]]) -> f64 {
    let (mut area, mut time) = (0.0, 0.0);
    for pair in line.windows(2) {
        let span = pair[1][0] - pair[0][0];
        area += span * f64::midpoint(pair[0][1], pair[1][1]);
        time += span;
    }
    if time > 0.0 {
        area / time
    } else {
        line.first().map_or(0.0, |p| p[1])
    }
}

/// A line for each node, those with the most first, as many as can be told apart.
fn by_node(
    page: &Page<'_>,
    lines: &BTreeMap<String, Vec<[f64; 2]>>,
    title: &str,
    axis: &str,
    unit: Unit,
) -> Plot {
    let mut plot = Plot::new(
        page.t(title),
        Axis::time(page.t("virtual_time"), page.run.summary.virtual_seconds),
        Axis::new(page.t(axis), unit),
    );
    let most = |l: &[[f64; 2]]| l.iter().map(|p| p[1]).fold(0.0, f64::max);
    let mut ranked: Vec<(&String, &Vec<[f64; 2]>)> =
        lines.iter().filter(|(_, l)| most(l) > 0.0).collect();
    ranked.sort_by(|a, b| most(b.1).total_cmp(&most(a.1)));
    for (i, (id, line)) in ranked.into_iter().take(LINES).enumerate() {
        plot.series.push(Series {
            name: id.clone(),
            color: paint().series(i).to_owned(),
            shape: Shape::Line,
            points: line.clone(),
            ..Series::default()
        });
    }
    plot.marks = page.fault_marks();
    plot
}

fn limits(page: &Page<'_>) -> Table {
    let mut table = page.head(
        page.t("limits_table"),
        &["node", "limit", ">nearest_for", ">mean", ">max"],
    );
    for (id, node) in &page.run.summary.nodes {
        for name in node.limits.keys() {
            let of = |field: &str| format!("nodes/{id}/limits/{name}/{field}");
            let mut most = page.figure(&of("max"), percent);
            most.bar = most.figure.as_ref().map(|(_, v)| *v);
            table.rows.push(vec![
                Cell::toned(id.clone(), Tone::Code),
                Cell::text(page.words.limit(name)),
                page.figure(&of("seconds"), span),
                page.figure(&of("avg"), percent),
                most,
            ]);
        }
    }
    table
}

fn limit_plot(page: &Page<'_>) -> Plot {
    let lines = page.run.summary.nodes.keys().filter_map(|id| {
        let track = page.run.track(id, "Utilisation")?;
        let points = track.points.iter().map(|(at, p)| [*at, p.max]);
        Some((id.clone(), points.collect()))
    });
    let mut plot = by_node(
        page,
        &lines.collect(),
        "plot_limits",
        "axis_limit",
        Unit::Percent,
    );
    plot.marks.push(Mark::Level {
        y: 100.0,
        text: page.t("limit_itself").to_owned(),
        color: paint().red.clone(),
    });
    plot
}

fn recoveries(page: &Page<'_>, derived: &Derived) -> Table {
    let mut table = page.head(
        page.t("recovery_table"),
        &[
            "fault",
            "node",
            "from",
            ">p99_before",
            ">p99_after",
            ">latency_back",
            ">backlog_after",
            ">backlog_back",
        ],
    );
    let back = |b: Back| match b {
        Back::Unaffected => Cell::toned(page.t("never_left"), Tone::Good),
        Back::After(s) => Cell::text(span(s)),
        Back::Never => Cell::toned(page.t("not_recovered"), Tone::Bad),
        Back::Unknown => Cell::toned(page.t("cannot_tell"), Tone::Faint),
    };
    let dash = || Cell::toned("\u{2013}", Tone::Faint);
    for r in &derived.recoveries {
        let of = |pair: Option<(f64, f64)>, show: fn(f64) -> String| {
            pair.map_or_else(
                || [dash(), dash()],
                |(a, b)| [show(a), show(b)].map(Cell::text),
            )
        };
        let [before, after] = of(r.latency, millis);
        let [_, backlog] = of(r.backlog, number);
        table.rows.push(vec![
            Cell::text(page.words.fault(&r.fault)),
            Cell::toned(r.node.clone(), Tone::Code),
            Cell::text(format!("{} \u{2013} {}", span(r.from), span(r.to))),
            before,
            after,
            back(r.latency_back),
            backlog,
            back(r.backlog_back),
        ]);
    }
    table
}

fn alarms(page: &Page<'_>) -> Option<Block> {
    if page.run.summary.alarms.is_empty() {
        return None;
    }
    let mut table = page.head(page.t("alarms"), &["node", "at", "happens"]);
    for alarm in &page.run.summary.alarms {
        let state = alarm.state.clone().unwrap_or_default();
        table.rows.push(vec![
            Cell::toned(alarm.node.clone(), Tone::Code),
            Cell::toned(page.t("at_the_end"), Tone::Date),
            Cell::toned(state, Tone::Strong),
        ]);
        for change in &alarm.changes {
            table.rows.push(vec![
                Cell::toned(alarm.node.clone(), Tone::Code),
                Cell::toned(span(change.at_seconds), Tone::Date),
                Cell::text(page.said(&change.text)),
            ]);
        }
    }
    Some(Block::Table(table))
}

/// Where the records went as a sum: what came less what went is nothing.
fn equation(page: &Page<'_>) -> String {
    let r = &page.run.summary.records;
    let grouped = |n: u64| crate::books::thousands(n.into());
    let mut text = format!("{} {}", page.t("term_produced"), grouped(r.produced));
    let terms = [
        ("+", "term_created", r.created_downstream),
        ("+", "term_copied", r.copied),
        ("\u{2212}", "term_delivered", r.delivered),
        ("\u{2212}", "term_dropped", r.dropped),
        ("\u{2212}", "term_failed", r.failed),
        ("\u{2212}", "term_merged", r.merged),
        ("\u{2212}", "term_in_flight", r.in_flight),
    ];
    for (sign, key, n) in terms.into_iter().filter(|(.., n)| *n > 0) {
        text.push_str(&format!(" {sign} {} {}", page.t(key), grouped(n)));
    }
    format!("{text} = {}", grouped(r.unaccounted))
}

fn nodes(page: &Page<'_>) -> Table {
    let mut table = page.head(
        page.t("nodes_table"),
        &[
            "node",
            ">in",
            ">out",
            ">bytes_in",
            ">throttled",
            ">errors",
            ">delivered",
            ">in_flight",
            ">unaccounted",
        ],
    );
    for id in page.run.summary.nodes.keys() {
        let of = |field: &str| format!("nodes/{id}/{field}");
        table.rows.push(vec![
            Cell::toned(id.clone(), Tone::Code),
            page.count(&of("records_in")),
            page.count(&of("records_out")),
            page.count(&of("bytes_in")),
            page.bad_count(&of("throttled")),
            page.bad_count(&of("errors")),
            page.count(&of("ledger/delivered")),
            page.count(&of("ledger/held")),
            page.bad_count(&of("ledger/unaccounted")),
        ]);
    }
    table
}

/// Why records were dropped and where failed ones went.
fn reasons(page: &Page<'_>) -> Option<Block> {
    let r = &page.run.summary.records;
    if r.dropped_by.is_empty() && r.failed_by.is_empty() {
        return None;
    }
    let mut table = page.head(page.t("reasons"), &["what", "why", ">records"]);
    for (key, field, by) in [
        ("dropped", "dropped_by", &r.dropped_by),
        ("failed", "failed_by", &r.failed_by),
    ] {
        for why in by.keys() {
            table.rows.push(vec![
                Cell::text(page.t(key)),
                Cell::text(page.said(why)),
                page.count(&format!("records/{field}/{why}")),
            ]);
        }
    }
    Some(Block::Table(table))
}

impl Page<'_> {
    /// The faults of the scenario as bands in plots.
    pub(super) fn fault_marks(&self) -> Vec<Mark> {
        let end = self.run.summary.virtual_seconds;
        let steps = self.run.doc.scenario.iter();
        let mark = |step: &crate::document::Step| {
            let from = step.at.as_secs_f64();
            let (to, text, color) = match &step.action {
                Action::Fault { name, lasts, .. } => {
                    let to = lasts.map_or(end, |l| from + l.as_secs_f64());
                    (
                        to,
                        format!("{}: {}", step.node, self.words.fault(name)),
                        &paint().red,
                    )
                }
                Action::Set(set) => {
                    let names: Vec<&str> = set.keys().map(String::as_str).collect();
                    (
                        from,
                        format!("{}: {}", step.node, names.join(", ")),
                        &paint().secondary,
                    )
                }
            };
            Mark::Span {
                from,
                to: to.min(end),
                text,
                color: color.clone(),
            }
        };
        steps
            .filter(|s| s.at.as_secs_f64() <= end)
            .map(mark)
            .collect()
    }
}
