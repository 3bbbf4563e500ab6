//! What the pipeline is for and what it was given to do.

use serde_json::Value;

use super::super::svg::{Axis, Plot, Series, Shape, Unit, paint};
use super::super::text::number;
use super::derive::Derived;
use super::{Block, Cell, Page, Section, Table, span, whole};
use crate::document::Action;

pub(super) fn section(page: &Page<'_>, derived: &Derived) -> Section {
    let doc = &page.run.doc;
    let mut blocks = Vec::new();
    let purpose = doc
        .description
        .as_deref()
        .unwrap_or(page.t("no_description"));
    blocks.push(Block::Text(purpose.to_owned()));
    blocks.push(Block::Cards(vec![
        (
            page.t("duration").to_owned(),
            page.figure("virtual_seconds", span),
        ),
        (
            page.t("offered").to_owned(),
            page.figure("throughput/records_per_second", |v| {
                format!("{} /s", number(v))
            }),
        ),
        (
            page.t("offered_mb").to_owned(),
            page.figure("throughput/mb_per_second", |v| {
                format!("{} MB/s", number(v))
            }),
        ),
        (
            page.t("produced").to_owned(),
            page.count("records/produced"),
        ),
        (page.t("record_size").to_owned(), record_size(page)),
    ]));
    for id in page.run.sources() {
        blocks.push(Block::Table(source(page, id)));
    }
    let rates = rate_plot(page, derived);
    blocks.push(Block::Picture(
        page.banded_caption("plot_rate", &rates),
        rates.markup(),
    ));
    if doc.scenario.is_empty() {
        blocks.push(Block::Text(page.t("no_scenario").to_owned()));
    } else {
        blocks.push(Block::Table(scenario(page)));
    }
    Section {
        id: "workload",
        title: page.t("workload").to_owned(),
        blocks,
    }
}

fn record_size(page: &Page<'_>) -> Cell {
    let nodes = &page.run.summary.nodes;
    let sources = page.run.sources();
    let of = |pick: fn(&super::super::summary::NodeSummary) -> u64| -> u64 {
        sources
            .iter()
            .filter_map(|id| nodes.get(*id))
            .map(pick)
            .sum()
    };
    let (bytes, records) = (of(|n| n.bytes_in), of(|n| n.records_in));
    if records == 0 {
        return Cell::text("\u{2013}");
    }
    Cell::text(format!("{} B", number(bytes as f64 / records as f64)))
}

/// A source and what it was told.
fn source(page: &Page<'_>, id: &str) -> Table {
    let caption = page.say("source_caption", &[("node", id)]);
    let mut table = page.head(&caption, &["parameter", "value"]);
    if let Some(node) = page.run.doc.node(id) {
        let schema = page.schema(&node.kind);
        for (name, value) in &node.params {
            let unit = schema["properties"][name]["x-unit"].as_str();
            table.rows.push(vec![
                Cell::toned(name.clone(), super::Tone::Code),
                Cell::text(page.parameter(value, unit.unwrap_or_default())),
            ]);
        }
    }
    let made = [("produced", "records_in"), ("bytes", "bytes_in")];
    for (key, field) in made {
        table.rows.push(vec![
            Cell::text(page.t(key)),
            page.figure(&format!("nodes/{id}/{field}"), whole),
        ]);
    }
    table
}

/// A parameter's value as a person writes it.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "\u{2013}".to_owned(),
        other => other.to_string(),
    }
}

impl Page<'_> {
    /// The schema of a kind's parameters.
    pub(super) fn schema(&self, kind: &str) -> Value {
        let known = self.kinds.iter().find(|k| k.spec().id == kind);
        known.map_or(Value::Null, |k| k.schema())
    }
    /// A parameter's value with its unit: figures grouped by thousands, nothing behind a point that is only written so.
    pub(super) fn parameter(&self, value: &Value, unit: &str) -> String {
        let figure = match value {
            Value::Number(n) => match (n.as_u64(), n.as_f64()) {
                (Some(n), _) => crate::books::thousands(n.into()),
                (None, Some(x)) if x >= 1_000.0 && x.fract().abs() < f64::EPSILON => whole(x),
                (None, Some(x)) => x.to_string(),
                (None, None) => n.to_string(),
            },
            other => return plain(other),
        };
        match unit {
            "" => figure,
            unit => format!("{figure} {}", self.words.unit(unit)),
        }
    }
}

fn rate_plot(page: &Page<'_>, derived: &Derived) -> Plot {
    let end = page.run.summary.virtual_seconds;
    let mut plot = Plot::new(
        page.t("plot_rate"),
        Axis::time(page.t("virtual_time"), end),
        Axis::new(
            page.t("axis_rate"),
            Unit::Of(page.words.unit("records/s").to_owned()),
        ),
    );
    let p = paint();
    let series = |key: &str, color: &str, points: &[[f64; 2]]| Series {
        name: page.t(key).to_owned(),
        color: color.to_owned(),
        points: points.to_vec(),
        shape: Shape::Steps,
        ..Series::default()
    };
    // What is delivered comes in bursts, at other seconds in every run: both the line and its band are means over longer intervals.
    let mut delivered = series("delivered_rate", &p.green, &derived.delivered);
    page.with_band(&mut delivered, &page.run.ends(), "RecordsOut.calm", false);
    plot.series.push(delivered);
    let mut offered = series("offered", p.series(0), &derived.offered);
    page.with_band(&mut offered, &page.run.sources(), "RecordsIn", false);
    plot.series.push(offered);
    if derived.refused.iter().any(|r| r[1] > 0.0) {
        plot.series
            .push(series("throttled", &p.red, &derived.refused));
    }
    plot.marks = page.fault_marks();
    plot
}

fn scenario(page: &Page<'_>) -> Table {
    let mut table = page.head(page.t("scenario"), &["at", "node", "happens"]);
    for step in &page.run.doc.scenario {
        let what = match &step.action {
            Action::Set(set) => {
                let each = set.iter().map(|(name, v)| format!("{name} = {}", plain(v)));
                each.collect::<Vec<_>>().join(", ")
            }
            Action::Fault {
                name,
                lasts,
                parameters,
            } => {
                let with = parameters
                    .iter()
                    .map(|(name, v)| format!("{name} {}", plain(v)));
                let lasts = lasts.map_or_else(
                    || page.t("to_the_end").to_owned(),
                    |l| span(l.as_secs_f64()),
                );
                let parts: Vec<String> = with.chain([lasts]).collect();
                format!("{}: {}", page.words.fault(name), parts.join(", "))
            }
        };
        table.rows.push(vec![
            Cell::text(span(step.at.as_secs_f64())),
            Cell::toned(step.node.clone(), super::Tone::Code),
            Cell::text(what),
        ]);
    }
    table
}
