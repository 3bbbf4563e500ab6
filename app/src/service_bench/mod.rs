//! The service benchmark: a small standard pipeline for each service, and its three figures beside those of the notes and of
//! AWS. What is run and read stands in `assets/bench/`.

mod write;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use weir_engine::data::Root;
use weir_engine::document::Document;
use weir_engine::report::{NodeSummary, Summary};
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};
use weir_engine::study::Watch;
use weir_engine::units::{GIB, SimDuration};

pub(crate) use self::write::{csv, figures_of, json, markdown, text};
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
/// A text in both languages.
pub(crate) struct Both {
    pub(crate) en: String,
    pub(crate) ko: String,
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
pub(crate) struct Official {
    throughput: String,
    latency: String,
    cost: String,
    pub(crate) source: String,
    pub(crate) date: String,
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

/// What the pipelines came to.
#[derive(Debug)]
pub(crate) struct Benchmark {
    pub(crate) rows: Vec<Row>,
    notes: NotesSource,
}

/// A service with its figures.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    id: String,
    pub(crate) title: Both,
    /// Ours; `None` without a model.
    ours: Option<Ours>,
    notes: Option<Figures>,
    pub(crate) official: Official,
    pub(crate) why: Both,
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

/// Runs the pipeline of every service, for `span` of virtual time instead of its own.
///
/// # Errors
/// When one fails, or it is stopped.
pub(crate) fn bench(span: Option<SimDuration>, watch: &Watch<'_>) -> Result<Benchmark, Failure> {
    let table = table()?;
    // Two services may share a pipeline.
    let measured = table.service.iter().filter_map(|e| e.measured.as_ref());
    let names: BTreeSet<&str> = measured.map(|m| m.document.as_str()).collect();
    let mut runs: BTreeMap<&str, Summary> = BTreeMap::new();
    for (done, name) in names.iter().enumerate() {
        runs.insert(name, run(name, span, watch)?);
        (watch.tell)(done + 1, names.len());
    }
    let row = |entry: &Entry| {
        let ours = entry.measured.as_ref();
        let ours = ours.and_then(|m| Some(m.read(runs.get(m.document.as_str())?)));
        Ok(Row {
            id: entry.id.clone(),
            title: entry.title.clone(),
            ours: ours.transpose()?,
            notes: entry.notes.clone(),
            official: entry.official.clone(),
            why: entry.why.clone(),
        })
    };
    let rows = table.service.iter().map(row);
    Ok(Benchmark {
        rows: rows.collect::<Result<_, Failure>>()?,
        notes: table.notes,
    })
}

fn run(name: &str, span: Option<SimDuration>, watch: &Watch<'_>) -> Result<Summary, Failure> {
    let options = RunOptions {
        run_for: span,
        bare: true,
        allow: watch.allow.clone(),
        ..RunOptions::default()
    };
    let root = Root::samples_only();
    let prepared = prepare(document(name)?, services::ALL, root, options)?;
    let summary = watch.finish(prepared)?.summary;
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

#[cfg(test)]
mod tests;
