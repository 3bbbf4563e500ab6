//! `weir bench services`: a small standard pipeline for each service, and its three figures beside those of the notes and of
//! AWS. What is run and read stands in `assets/bench/`.

use serde::{Deserialize, Serialize};
use weir_engine::data::Root;
use weir_engine::document::Document;
use weir_engine::report::{NodeSummary, Summary, aligned, csv_cell, dollars, millis, number};
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};
use weir_engine::units::{GIB, SimDuration};

use super::output::Output;
use crate::failure::Failure;

const TABLE: &str = include_str!("../../../assets/bench/services.toml");

/// Name and content of the documents in `assets/bench/`.
macro_rules! documents {
    ($($name:literal),*) => {
        &[$(($name, include_str!(concat!("../../../assets/bench/", $name, ".json")))),*]
    };
}

static DOCUMENTS: &[(&str, &str)] = documents!(
    "kinesis-data-streams",
    "firehose",
    "lambda",
    "s3",
    "athena",
    "glue-etl",
    "messaging",
    "anomaly-detector",
    "kinesis-analytics",
    "sagemaker-endpoint",
    "sagemaker-job"
);

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For a terminal
    Text,
    /// Markdown
    Md,
    /// Comma-separated values
    Csv,
    /// Everything, for programs
    Json,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    notes: NotesSource,
    service: Vec<Entry>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct NotesSource {
    source: String,
    date: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    title: Both,
    /// Absent while the service has no model.
    measured: Option<Measured>,
    notes: Option<Figures>,
    official: Official,
    why: Both,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Measured {
    document: String,
    node: String,
    throughput: Throughput,
    latency: Latency,
    cost: Cost,
}

#[derive(Debug, Deserialize, Serialize, Clone)]
#[serde(deny_unknown_fields)]
struct Both {
    en: String,
    ko: String,
}

#[derive(Debug, Deserialize, Serialize, Clone)]
#[serde(deny_unknown_fields)]
struct Figures {
    throughput: String,
    latency: String,
    cost: String,
}

#[derive(Debug, Deserialize, Serialize, Clone)]
#[serde(deny_unknown_fields)]
struct Official {
    throughput: String,
    latency: String,
    cost: String,
    source: String,
    date: String,
    /// Keys of the price book that `cost` quotes.
    #[serde(default)]
    prices: Vec<String>,
    /// Keys of the quotas that the texts quote.
    #[serde(default)]
    quotas: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case", deny_unknown_fields)]
enum Throughput {
    RecordsIn {
        unit: String,
    },
    MbIn {
        unit: String,
    },
    /// Sum of a metric over the sum of another, times a factor.
    Ratio {
        metric: String,
        over: String,
        factor: f64,
        unit: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case", deny_unknown_fields)]
enum Latency {
    Node {
        figure: Figure,
    },
    /// Mean of a metric; the factor makes it milliseconds.
    Metric {
        metric: String,
        factor: f64,
    },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Figure {
    Mean,
    P50,
    P99,
    Max,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "per", rename_all = "kebab-case", deny_unknown_fields)]
enum Cost {
    /// All that the node costs over what it took in.
    GbIn { unit: String },
    /// All that the node costs over the priced units of one usage, times a factor.
    Usage {
        usage: String,
        factor: f64,
        unit: String,
    },
}

/// A row of the result.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    title: Both,
    /// Ours; `None` without a model.
    ours: Option<Ours>,
    notes: Option<Figures>,
    official: Official,
    why: Both,
}

#[derive(Debug, Serialize, Clone)]
struct Ours {
    throughput: Option<f64>,
    throughput_unit: String,
    latency_ms: Option<f64>,
    latency_figure: String,
    cost_usd: Option<f64>,
    cost_unit: String,
    virtual_seconds: f64,
    seed: u64,
}

fn table() -> Result<Table, Failure> {
    toml::from_str(TABLE).map_err(|e| Failure::new(format!("assets/bench/services.toml: {e}")))
}

fn document(name: &str) -> Result<Document, Failure> {
    let found = DOCUMENTS.iter().find(|(known, _)| *known == name);
    let text = found.map(|(_, text)| *text).ok_or_else(|| {
        Failure::new(format!(
            "assets/bench/services.toml: there is no document `{name}`"
        ))
    })?;
    Document::parse(text).map_err(|e| Failure::new(format!("assets/bench/{name}.json: {e}")))
}

pub(crate) fn bench(
    span: Option<SimDuration>,
    format: Format,
    output: &mut Output,
) -> Result<(), Failure> {
    let table = table()?;
    let mut runs: Vec<(String, Summary)> = Vec::new();
    let mut rows = Vec::new();
    for entry in table.service {
        let ours = match &entry.measured {
            Some(measured) => {
                // Two services may share a pipeline.
                if !runs.iter().any(|(name, _)| *name == measured.document) {
                    let summary = run(&measured.document, span)?;
                    runs.push((measured.document.clone(), summary));
                }
                let found = runs.iter().find(|(name, _)| *name == measured.document);
                found
                    .map(|(_, summary)| measured.read(summary))
                    .transpose()?
            }
            None => None,
        };
        rows.push(Row {
            id: entry.id,
            title: entry.title,
            ours,
            notes: entry.notes,
            official: entry.official,
            why: entry.why,
        });
    }
    match format {
        Format::Text => output.print(&text(&rows)),
        Format::Md => output.print(&markdown(&rows)),
        Format::Csv => output.print(&csv(&rows)),
        Format::Json => output.print_json(&serde_json::json!({
            "weir": env!("CARGO_PKG_VERSION"),
            "notes": table.notes,
            "simulated": true,
            "services": rows,
        }))?,
    }
    Ok(())
}

fn run(name: &str, span: Option<SimDuration>) -> Result<Summary, Failure> {
    let options = RunOptions {
        run_for: span,
        bare: true,
        ..RunOptions::default()
    };
    let prepared = prepare(
        document(name)?,
        services::ALL,
        Root::samples_only(),
        options,
    )?;
    let summary = prepared.finish()?.summary;
    match &summary.error {
        Some(why) => Err(Failure::new(format!("assets/bench/{name}.json: {why}"))),
        None => Ok(summary),
    }
}

impl Measured {
    fn read(&self, summary: &Summary) -> Result<Ours, Failure> {
        let node = summary.nodes.get(&self.node).ok_or_else(|| {
            Failure::new(format!(
                "assets/bench/{}.json: there is no node `{}`",
                self.document, self.node
            ))
        })?;
        let seconds = summary.virtual_seconds;
        let (throughput, throughput_unit) = self.throughput.of(node, seconds);
        let (latency_ms, latency_figure) = self.latency.of(node);
        let (cost_usd, cost_unit) = self.cost.of(node, &self.node, summary);
        Ok(Ours {
            throughput,
            throughput_unit,
            latency_ms,
            latency_figure,
            cost_usd,
            cost_unit,
            virtual_seconds: seconds,
            seed: summary.seed,
        })
    }
}

/// `a / b`, where that is a number.
fn over(a: f64, b: f64) -> Option<f64> {
    (b > 0.0).then(|| a / b)
}

impl Throughput {
    fn of(&self, node: &NodeSummary, seconds: f64) -> (Option<f64>, String) {
        match self {
            Self::RecordsIn { unit } => (over(node.records_in as f64, seconds), unit.clone()),
            Self::MbIn { unit } => (over(node.bytes_in as f64 / 1e6, seconds), unit.clone()),
            Self::Ratio {
                metric,
                over: whole,
                factor,
                unit,
            } => {
                let sum = |name: &str| node.metrics.get(name).map_or(0.0, |m| m.sum);
                let value = over(sum(metric), sum(whole)).map(|v| v * factor);
                (value, unit.clone())
            }
        }
    }
}

impl Latency {
    fn of(&self, node: &NodeSummary) -> (Option<f64>, String) {
        match self {
            Self::Node { figure } => {
                let pick = |l: &weir_engine::metrics::LatencySummary| match figure {
                    Figure::Mean => l.mean,
                    Figure::P50 => l.p50,
                    Figure::P99 => l.p99,
                    Figure::Max => l.max,
                };
                let name = format!("{figure:?}").to_lowercase();
                (node.latency_ms.as_ref().map(pick), name)
            }
            Self::Metric { metric, factor } => {
                let mean = node.metrics.get(metric).and_then(|m| m.avg);
                (mean.map(|v| v * factor), format!("mean {metric}"))
            }
        }
    }
}

impl Cost {
    fn of(&self, node: &NodeSummary, id: &str, summary: &Summary) -> (Option<f64>, String) {
        let (quantity, unit) = match self {
            Self::GbIn { unit } => (node.bytes_in as f64 / GIB as f64, unit),
            Self::Usage {
                usage,
                factor,
                unit,
            } => {
                let lines = summary.cost.lines.iter();
                let line = lines
                    .into_iter()
                    .find(|l| l.node == id && l.usage_type == *usage);
                (line.map_or(0.0, |l| l.quantity * factor), unit)
            }
        };
        // A cost with a part that has no price is not known.
        let known = node.cost_unknown.is_empty().then_some(node.cost_usd);
        (known.and_then(|usd| over(usd, quantity)), unit.clone())
    }
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// Ours in words.
fn ours(row: &Row) -> [String; 3] {
    let Some(ours) = &row.ours else {
        return ["-", "-", "-"].map(str::to_owned);
    };
    [
        or_dash(
            ours.throughput
                .map(|v| format!("{} {}", number(v), ours.throughput_unit)),
        ),
        or_dash(
            ours.latency_ms
                .map(|v| format!("{} ({})", millis(v), ours.latency_figure)),
        ),
        or_dash(
            ours.cost_usd
                .map(|v| format!("{} per {}", dollars(v), ours.cost_unit)),
        ),
    ]
}

fn notes(row: &Row) -> [String; 3] {
    row.notes.as_ref().map_or_else(
        || ["-", "-", "-"].map(str::to_owned),
        |n| [n.throughput.clone(), n.latency.clone(), n.cost.clone()],
    )
}

fn text(rows: &[Row]) -> String {
    let head = ["Service", "", "Throughput", "Latency", "Cost"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for row in rows {
        let official = &row.official;
        let official = [&official.throughput, &official.latency, &official.cost].map(Clone::clone);
        for (who, figures) in [
            ("Weir", ours(row)),
            ("notes", notes(row)),
            ("AWS", official),
        ] {
            let title = if who == "Weir" {
                row.title.en.clone()
            } else {
                String::new()
            };
            let mut line = vec![title, who.to_owned()];
            line.extend(figures);
            lines.push(line);
        }
    }
    let mut out = aligned(&lines, &[]);
    out.push('\n');
    for row in rows {
        out.push_str(&format!("{}: {}\n", row.title.en, row.why.en));
    }
    out.push_str("\nSimulated, not measured on AWS; not a quote.\n");
    out
}

/// A cell of Markdown; a dollar sign opens no formula.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('$', "\\$")
}

fn markdown(rows: &[Row]) -> String {
    let mut out = "| Service | Throughput | Latency | Cost | Notes | Why they differ |\n|---|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let [throughput, latency, cost] = ours(row);
        let notes = row
            .notes
            .as_ref()
            .map_or_else(|| "-".to_owned(), |_| notes(row).join("; "));
        let cells = [
            row.title.en.clone(),
            throughput,
            latency,
            cost,
            notes,
            row.why.en.clone(),
        ];
        let cells: Vec<String> = cells.iter().map(|c| cell(c)).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}

fn csv(rows: &[Row]) -> String {
    let head = [
        "service",
        "throughput",
        "throughput_unit",
        "latency_ms",
        "latency_figure",
        "cost_usd",
        "cost_per",
        "notes_throughput",
        "notes_latency",
        "notes_cost",
        "official_throughput",
        "official_latency",
        "official_cost",
        "official_source",
        "official_date",
        "why",
    ];
    let mut out = format!("{}\n", head.join(","));
    for row in rows {
        let exact = |v: Option<f64>| v.map(|v| v.to_string()).unwrap_or_default();
        let mut cells = vec![row.id.clone()];
        match &row.ours {
            Some(o) => cells.extend([
                exact(o.throughput),
                o.throughput_unit.clone(),
                exact(o.latency_ms),
                o.latency_figure.clone(),
                exact(o.cost_usd),
                o.cost_unit.clone(),
            ]),
            None => cells.extend(std::iter::repeat_n(String::new(), 6)),
        }
        match &row.notes {
            Some(n) => cells.extend([n.throughput.clone(), n.latency.clone(), n.cost.clone()]),
            None => cells.extend(std::iter::repeat_n(String::new(), 3)),
        }
        let o = &row.official;
        cells.extend(
            [
                &o.throughput,
                &o.latency,
                &o.cost,
                &o.source,
                &o.date,
                &row.why.en,
            ]
            .map(Clone::clone),
        );
        let cells: Vec<String> = cells.iter().map(|c| csv_cell(c)).collect();
        out.push_str(&format!("{}\n", cells.join(",")));
    }
    out
}

#[cfg(test)]
mod tests;
