//! What the pipeline is for and what it was given to do.

use serde_json::Value;

use super::super::svg::{Axis, Plot, Series, Shape, Unit, paint};
use super::super::text::number;
use super::derive::Derived;
use super::{Block, Cell, Page, Section, Table, Tone, percent, span, whole};
use crate::document::Action;
use crate::metrics::{KeySummary, SizeSummary};

/// Sources up to which each has a table and a picture of its own.
const FEW: usize = 8;

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
    let sources = page.run.sources();
    if sources.len() > FEW {
        blocks.push(Block::Table(all_sources(page, &sources)));
    } else {
        let each = sources.iter().map(|id| Block::Table(source(page, id)));
        blocks.extend(each);
    }
    blocks.extend(records(page));
    let rates = rate_plot(page, derived);
    blocks.push(page.picture(page.banded_caption("plot_rate", &rates), &rates));
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
    let sources = page.run.sources();
    let of = |field: &str| -> String {
        let each = sources.iter().map(|id| format!("nodes/{id}/{field}"));
        each.collect::<Vec<_>>().join(" + ")
    };
    page.quotient(&of("bytes_in"), &of("records_in"), |v| {
        format!("{} B", number(v))
    })
}

/// Many sources: a row for each.
fn all_sources(page: &Page<'_>, ids: &[&str]) -> Table {
    let mut table = page.head(
        page.t("sources_caption"),
        &["node", "told", ">produced", ">bytes"],
    );
    for id in ids {
        let told = page.run.doc.node(id).map(|node| {
            let schema = page.schema(&node.kind);
            let each = node.params.iter().map(|(name, value)| {
                let unit = schema["properties"][name]["x-unit"].as_str();
                format!("{name} {}", page.parameter(value, unit.unwrap_or_default()))
            });
            each.collect::<Vec<_>>().join(", ")
        });
        table.rows.push(vec![
            Cell::toned(*id, Tone::Code),
            Cell::text(told.unwrap_or_default()),
            page.figure(&format!("nodes/{id}/records_in"), whole),
            page.figure(&format!("nodes/{id}/bytes_in"), whole),
        ]);
    }
    table
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
                Cell::toned(name.clone(), Tone::Code),
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

/// What the records are like: their sizes with a picture for each source, and how unequal their keys are.
fn records(page: &Page<'_>) -> Vec<Block> {
    let nodes = || page.run.summary.nodes.iter();
    let mut blocks = Vec::new();
    let sized = || nodes().filter_map(|(id, n)| Some((id, n.record_bytes.as_ref()?)));
    if sized().next().is_some() {
        let mut table = page.head(
            page.t("sizes_table"),
            &[
                "node", ">records", ">mean", ">least", ">p50", ">p90", ">p99", ">p999", ">most",
            ],
        );
        let fields = ["mean", "min", "p50", "p90", "p99", "p999", "max"];
        for (id, _) in sized() {
            let of = |field: &str| format!("nodes/{id}/record_bytes/{field}");
            let bytes = |field| page.figure(&of(field), |v| format!("{} B", number(v)));
            let begin = [
                Cell::toned(id.clone(), Tone::Code),
                page.count(&of("records")),
            ];
            let figures = fields.map(bytes);
            table.rows.push(begin.into_iter().chain(figures).collect());
        }
        blocks.push(Block::Table(table));
    }
    let drawn = || sized().filter(|(_, s)| s.bars.len() > 1);
    for (id, sizes) in drawn().take(FEW) {
        let caption = page.say("plot_sizes", &[("node", id)]);
        let plot = size_plot(page, &caption, sizes);
        blocks.push(page.picture(caption, &plot));
    }
    let more = drawn().skip(FEW).count();
    if more > 0 {
        let count = more.to_string();
        blocks.push(Block::Text(page.say("more_sizes", &[("count", &count)])));
    }
    let keyed: Vec<_> = nodes()
        .filter_map(|(id, n)| Some((id, n.keys.as_ref()?)))
        .collect();
    if !keyed.is_empty() {
        blocks.push(Block::Table(keys(page, &keyed)));
        blocks.push(Block::Text(page.t("keys_note").to_owned()));
    }
    blocks
}

/// Shares of the records by size, as bars.
fn size_plot(page: &Page<'_>, title: &str, sizes: &SizeSummary) -> Plot {
    let axis = |key: &str, unit: Unit| Axis::new(page.t(key), unit);
    let mut plot = Plot::new(
        title,
        axis("axis_size", Unit::Of("B".to_owned())).tight(),
        axis("axis_records_share", Unit::Percent),
    );
    plot.height = 180.0;
    let share = |n: u64| 100.0 * n as f64 / sizes.records.max(1) as f64;
    let corners = sizes
        .bars
        .iter()
        .flat_map(|b| [b.from, b.to].map(|x| [x as f64, share(b.records)]));
    plot.series.push(Series {
        name: page.t("axis_records_share").to_owned(),
        color: paint().series(0).to_owned(),
        shape: Shape::Area,
        points: corners.collect(),
        ..Series::default()
    });
    plot
}

/// How unequal keys are, where they are looked at.
fn keys(page: &Page<'_>, keyed: &[(&String, &KeySummary)]) -> Table {
    let mut table = page.head(
        page.t("keys_table"),
        &[
            "node",
            "key_field",
            ">keys_distinct",
            ">key_top",
            ">key_top_10",
            ">key_top_percent",
            ">keys_effective",
            "counted",
        ],
    );
    for (id, keys) in keyed {
        let of = |field: &str| format!("nodes/{id}/keys/{field}");
        let counted = if keys.exact {
            "key_exact"
        } else {
            "key_sampled"
        };
        table.rows.push(vec![
            Cell::toned((*id).clone(), Tone::Code),
            Cell::toned(keys.field.clone(), Tone::Code),
            page.count(&of("distinct")),
            page.figure(&of("top_share"), percent),
            page.figure(&of("top_10_share"), percent),
            page.figure(&of("top_percent_share"), percent),
            page.figure(&of("effective"), number),
            Cell::toned(page.t(counted), Tone::Date),
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
            Cell::toned(step.node.clone(), Tone::Code),
            Cell::text(what),
        ]);
    }
    table
}
