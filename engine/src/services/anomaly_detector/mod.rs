//! A detector of anomalies behind a SageMaker-style endpoint: scores every record of a stream, says why, and judges itself by labels.
//!
//! `scoring.rs` is the real work (the detectors of `weir-detect`), `model.rs` the endpoint around it.

mod config;
mod model;
mod scoring;

#[cfg(test)]
mod tests;

use crate::books::{UsageSpec, usage};
use crate::data::LabelWindows;
use crate::metrics::metric;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, Schemas, TraceCx,
};

pub use config::{Config, CutoffBy, Detector, Emit, InstanceType};
pub use model::Model;

const HOUR_MS: u64 = 3_600_000;

static HOUR_LARGE: UsageSpec = usage(
    "sagemaker.ml_m5_large_hosting_hour",
    "instance-hour",
    HOUR_MS,
    "",
);
static HOUR_XLARGE: UsageSpec = usage(
    "sagemaker.ml_m5_xlarge_hosting_hour",
    "instance-hour",
    HOUR_MS,
    "",
);

static SPEC: KindSpec = KindSpec {
    id: "anomaly-detector",
    title: "Anomaly detector",
    title_ko: "이상 탐지기",
    category: Category::Function,
    summary: "Scores every record by what came before it, says which field is off and by how much, and raises alerts.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/SageMaker",
    inputs: &[InPort {
        name: "in",
        accepts: &[Flow::Stream, Flow::Records],
        max_wires: 1,
        required: true,
        help: "A stream that is polled, or records that are put.",
    }],
    outputs: &[
        OutPort {
            name: "out",
            flow: Flow::Records,
            max_wires: usize::MAX,
            credit: 256,
            help: "The records with their scores, put as records.",
        },
        OutPort {
            name: "alerts",
            flow: Flow::Notices,
            max_wires: usize::MAX,
            credit: 1,
            help: "Each anomaly as an event, with field, value and what was expected.",
        },
        OutPort {
            name: "rows",
            flow: Flow::Rows,
            max_wires: usize::MAX,
            credit: 1,
            help: "The newest anomalies as a table.",
        },
    ],
    metrics: &[
        metric(
            "Invocations",
            "Count",
            "Calls of the endpoint, failed ones included.",
        ),
        metric("Invocation5XXErrors", "Count", "Calls that failed."),
        metric(
            "ModelLatency",
            "Microseconds",
            "How long the model took for a batch.",
        ),
        metric(
            "OverheadLatency",
            "Microseconds",
            "What the endpoint added to it.",
        ),
        metric("AnomalyScore", "None", "The score of each record."),
        metric(
            "Anomalies",
            "Count",
            "Records for which an alert was raised.",
        ),
        metric("Keys", "Count", "Keys that have a model."),
        metric(
            "Precision",
            "None",
            "Share of alerts that lie in a labelled window, so far.",
        ),
        metric(
            "Recall",
            "None",
            "Share of labelled windows with an alert in them, so far.",
        ),
        metric(
            "F1",
            "None",
            "Harmonic mean of precision and recall, so far.",
        ),
        metric(
            "DetectionDelay",
            "Seconds",
            "Mean time from the beginning of a labelled window to its first alert, so far.",
        ),
        metric(
            "NabScore",
            "None",
            "Score of the Numenta Anomaly Benchmark (standard profile) at the node's own threshold, so far.",
        ),
    ],
    usage: &[&HOUR_LARGE, &HOUR_XLARGE],
    quotas: &[
        "anomaly-detector.payload_max_bytes",
        "kinesis-data-streams.put_records_max_records",
        "kinesis-data-streams.put_records_max_bytes",
    ],
    latencies: &[
        "sagemaker-endpoint.invoke",
        "kinesis-data-streams.put_records",
    ],
    faults: &[FaultKind::Errors, FaultKind::Latency],
    remedies: &[
        Remedy::param(
            "batches at once",
            "instance_count",
            "More instances score more batches at once, as long as the stream has more shards",
        ),
        Remedy::param(
            "batches at once",
            "batch_records",
            "Larger batches: each invocation has a fixed part of its time",
        ),
        Remedy::param(
            "keys with a model",
            "max_keys",
            "Allow more models, or take a key with fewer values: a forgotten key has to learn anew",
        ),
        Remedy::param(
            "keys",
            "max_keys",
            "Allow more models, or take a key with fewer values: a forgotten key has to learn anew",
        ),
        Remedy::param(
            "throttled",
            "instance_count",
            "More instances take more records; a stream in front of it holds what comes too fast",
        ),
        Remedy::param(
            "anomaly",
            "cutoff_value",
            "Look at the record; when it is none, raise the cut-off or the quiet span",
        ),
        Remedy::elsewhere(
            "errors",
            "Invocations fail by a fault of the scenario: end it",
        ),
        Remedy::elsewhere(
            "buffer-full",
            "The receiver of the scored records takes less than is made: raise its limits",
        ),
        Remedy::elsewhere(
            "given-up",
            "The receiver of the scored records refuses them again and again: raise its limits",
        ),
        Remedy::elsewhere(
            "refused",
            "The receiver of the scored records takes no such records: make smaller ones",
        ),
    ],
};

/// Most bytes that all models together may take.
const MEMORY: u64 = 4 << 30;

/// The kind.
#[derive(Debug)]
pub struct AnomalyDetector;

impl Kind for AnomalyDetector {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, cx: &TraceCx<'_>, out: &mut Problems) {
        if let Err(why) = LabelWindows::read(cx.root, &config.label_windows) {
            out.error(
                "label_windows",
                why,
                "a CSV file with the columns start,end",
            );
        }
        let keys = if config.key_field.is_empty() {
            1
        } else {
            u64::from(config.max_keys)
        };
        let fields = config.field_names().count().max(1) as u64;
        let bytes = keys * model_bytes(config, fields);
        if bytes > MEMORY {
            out.error(
                "max_keys",
                format!("all models together may take {} GiB", bytes >> 30),
                format!(
                    "at most {} GiB: fewer keys, trees, samples or shingles",
                    MEMORY >> 30
                ),
            );
        }
    }
    fn trace(
        &self,
        config: &Config,
        inputs: &Schemas,
        _cx: &TraceCx<'_>,
        out: &mut Problems,
    ) -> Schemas {
        let Some(input) = inputs.get("in") else {
            return Schemas::new();
        };
        let known = || {
            input
                .fields()
                .iter()
                .map(|f| f.name().as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let named = [
            ("key_field", &config.key_field),
            ("label_field", &config.label_field),
        ];
        for (param, name) in named {
            if !name.is_empty() && input.field_with_name(name).is_err() {
                out.error(
                    param,
                    format!("the records have no field `{name}`"),
                    known(),
                );
            }
        }
        for name in config.field_names() {
            match input.field_with_name(name) {
                Ok(f) if f.data_type().is_numeric() => {}
                Ok(f) => out.error(
                    "fields",
                    format!("`{name}` is no number but {}", f.data_type()),
                    "name numeric fields",
                ),
                Err(_) => {
                    out.error(
                        "fields",
                        format!("the records have no field `{name}`"),
                        known(),
                    );
                }
            }
        }
        if scoring::looked_at(config, input).is_empty() {
            out.error(
                "fields",
                "the records have no numeric field",
                "records with a number",
            );
        }
        let scored = std::sync::Arc::new(scoring::scored_schema(input));
        [("out".to_owned(), scored)].into_iter().collect()
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<Model, String> {
        Model::new(config, cx)
    }
    fn retune(&self, model: &mut Model, config: Config, _cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        Ok(model.retune(config))
    }
}

/// What one model takes at the most, roughly: the arrays of its forest, or its windows.
fn model_bytes(config: &Config, fields: u64) -> u64 {
    let shingle = match config.detector {
        Detector::RandomCutForest => u64::from(config.shingle_size),
        _ => 1,
    };
    let samples = u64::from(config.num_samples_per_tree);
    let forest = u64::from(config.num_trees) * samples * (fields * shingle * 12 + 40);
    match config.detector {
        Detector::RandomCutForest => forest,
        Detector::IsolationForest => {
            u64::from(config.num_trees) * samples * 64 + samples * 4 * (fields * 8 + 24)
        }
        Detector::BestOf => fields * 720_000 + if fields > 1 { forest } else { 0 },
        _ => fields * 16 * u64::from(config.window_records.max(config.season_records)) + 4096,
    }
}
