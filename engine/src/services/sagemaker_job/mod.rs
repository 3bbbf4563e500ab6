//! A SageMaker job over a table of the catalog.
//!
//! It trains a model and leaves it in the lake as a file, or lets a stored model say what it thinks of every row (batch
//! transform), or writes the rows with features of them (processing).
//!
//! `work.rs` is the real work, `model.rs` the job around it.

mod config;
mod model;
#[cfg(test)]
mod tests;
mod work;

use crate::books::{UsageSpec, usage};
use crate::lake::check_query;
use crate::metrics::metric;
use crate::node::object_reads::with_reads;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, TraceCx,
};

pub use config::{Config, InstanceType, JobType, Trains};
pub use model::Model;

/// Instance-milliseconds.
const fn hours(key: &'static str) -> UsageSpec {
    usage(
        key,
        "instance-hour",
        3_600_000,
        "each job rounded up to 1 s, a minute at the least",
    )
}
/// Of training, in the order of [`InstanceType`].
static TRAINING: [UsageSpec; 6] = [
    hours("sagemaker.ml_m5_large_training_hour"),
    hours("sagemaker.ml_m5_xlarge_training_hour"),
    hours("sagemaker.ml_m5_2xlarge_training_hour"),
    hours("sagemaker.ml_c5_large_training_hour"),
    hours("sagemaker.ml_c5_xlarge_training_hour"),
    hours("sagemaker.ml_g4dn_xlarge_training_hour"),
];
/// Of batch transform.
static TRANSFORM: [UsageSpec; 6] = [
    hours("sagemaker.ml_m5_large_transform_hour"),
    hours("sagemaker.ml_m5_xlarge_transform_hour"),
    hours("sagemaker.ml_m5_2xlarge_transform_hour"),
    hours("sagemaker.ml_c5_large_transform_hour"),
    hours("sagemaker.ml_c5_xlarge_transform_hour"),
    hours("sagemaker.ml_g4dn_xlarge_transform_hour"),
];
/// Of processing.
static PROCESSING: [UsageSpec; 6] = [
    hours("sagemaker.ml_m5_large_processing_hour"),
    hours("sagemaker.ml_m5_xlarge_processing_hour"),
    hours("sagemaker.ml_m5_2xlarge_processing_hour"),
    hours("sagemaker.ml_c5_large_processing_hour"),
    hours("sagemaker.ml_c5_xlarge_processing_hour"),
    hours("sagemaker.ml_g4dn_xlarge_processing_hour"),
];

static SPEC: KindSpec = KindSpec {
    id: "sagemaker-job",
    title: "SageMaker job",
    title_ko: "SageMaker 작업",
    category: Category::Catalog,
    summary: "Trains a model on a table of the catalog and leaves it in the lake, lets a stored model judge every row (batch transform), or computes features of the rows (processing).",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "/aws/sagemaker/TrainingJobs",
    inputs: &[
        InPort {
            name: "catalog",
            accepts: &[Flow::Catalog],
            max_wires: 1,
            required: true,
            help: "The database of the rows.",
        },
        InPort {
            name: "models",
            accepts: &[Flow::Bucket],
            max_wires: 1,
            required: false,
            help: "The bucket with the stored model of a transform.",
        },
        InPort {
            name: "trigger",
            accepts: &[Flow::Notices],
            max_wires: usize::MAX,
            required: false,
            help: "Events, each of which begins a job.",
        },
    ],
    outputs: &[
        OutPort {
            name: "out",
            flow: Flow::Objects,
            max_wires: 1,
            credit: 4,
            help: "The model, or the rows with what the model says of them or with their features.",
        },
        OutPort {
            name: "rows",
            flow: Flow::Rows,
            max_wires: usize::MAX,
            credit: 1,
            help: "How much each input counted in the training.",
        },
    ],
    metrics: &[
        metric("JobsCompleted", "Count", "Jobs that completed."),
        metric("JobsFailed", "Count", "Jobs that failed or were stopped."),
        metric(
            "BillableTime",
            "Seconds",
            "Seconds that a job is billed for each instance.",
        ),
        metric("RowsRead", "Count", "Rows that a job read."),
        metric(
            "RowsWritten",
            "Count",
            "Rows that a transform or processing wrote.",
        ),
        metric("ModelBytes", "Bytes", "Size of the trained model."),
        metric(
            "train:logloss",
            "None",
            "Mean logarithmic loss on all rows.",
        ),
        metric(
            "train:accuracy",
            "None",
            "Share of all rows that are told rightly.",
        ),
        metric(
            "validation:logloss",
            "None",
            "Mean logarithmic loss on the rows that were kept back.",
        ),
        metric(
            "validation:accuracy",
            "None",
            "Share of the rows kept back that are told rightly.",
        ),
        metric(
            "validation:f1",
            "None",
            "Mean F1 of the classes on the rows that were kept back.",
        ),
    ],
    usage: with_reads![
        &TRAINING[0],
        &TRAINING[1],
        &TRAINING[2],
        &TRAINING[3],
        &TRAINING[4],
        &TRAINING[5],
        &TRANSFORM[0],
        &TRANSFORM[1],
        &TRANSFORM[2],
        &TRANSFORM[3],
        &TRANSFORM[4],
        &TRANSFORM[5],
        &PROCESSING[0],
        &PROCESSING[1],
        &PROCESSING[2],
        &PROCESSING[3],
        &PROCESSING[4],
        &PROCESSING[5],
    ],
    quotas: &["sagemaker-job.min_billed_s", "sagemaker-job.rows_max"],
    latencies: &["sagemaker-job.start"],
    faults: &[FaultKind::Errors, FaultKind::Latency],
    remedies: &[
        Remedy::param(
            "errors",
            "sql",
            "See in the list of events why the job failed: the query, its columns or too few classes",
        ),
        Remedy::param("runtime", "instance_count", "More instances are faster"),
        Remedy::param(
            "skipped-run",
            "schedule_seconds",
            "Begin jobs less often than they take",
        ),
    ],
};

/// The kind.
#[derive(Debug)]
pub struct SageMakerJob;

impl Kind for SageMakerJob {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        if let Err(problem) = check_query(&config.sql) {
            out.error(
                "sql",
                problem.to_string(),
                "one SELECT over tables of the catalog",
            );
        }
        let target = &config.target_prefix;
        if target.starts_with('/') || target.split('/').any(|p| p == "..") {
            out.error(
                "target_prefix",
                format!("`{target}` is no folder of a bucket"),
                "for example models/",
            );
        }
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<Model, String> {
        Model::new(config, cx)
    }
    fn retune(&self, model: &mut Model, config: Config, cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        Ok(model.retune(config, cx))
    }
}
