//! A SageMaker endpoint: hosts a detector or a stored model on instances that scale, or serverless; one or two production variants.
//!
//! `inference.rs` is the real work, `fleet.rs` the machines of a variant, `variant.rs` what belongs to one variant, `model.rs` the
//! way of the records through all of it.

mod config;
mod fleet;
mod inference;
mod invoking;
mod model;
#[cfg(test)]
mod tests;
mod variant;

use std::sync::Arc;

use crate::books::{UsageSpec, usage};
use crate::data::LabelWindows;
use crate::metrics::{MetricSpec, metric};
use crate::node::object_reads::with_reads;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, Schemas, TraceCx,
};

pub use config::{Config, Hosted, InstanceType, ModelTime, Serving};
pub use model::Model;

const HOUR_MS: u64 = 3_600_000;

const fn hour(key: &'static str) -> UsageSpec {
    usage(key, "instance-hour", HOUR_MS, "")
}
/// Instance-hours, in the order of [`InstanceType`].
static HOURS: [UsageSpec; 6] = [
    hour("sagemaker.ml_m5_large_hosting_hour"),
    hour("sagemaker.ml_m5_xlarge_hosting_hour"),
    hour("sagemaker.ml_m5_2xlarge_hosting_hour"),
    hour("sagemaker.ml_c5_large_hosting_hour"),
    hour("sagemaker.ml_c5_xlarge_hosting_hour"),
    hour("sagemaker.ml_g4dn_xlarge_hosting_hour"),
];
static SERVERLESS: UsageSpec = usage(
    "sagemaker.serverless_inference_gb_second",
    "GB-second",
    1024 * 1000,
    "each invocation rounded up to 1 ms",
);
static DATA_IN: UsageSpec = usage("sagemaker.data_in_gb", "GB", 1 << 30, "");
static DATA_OUT: UsageSpec = usage("sagemaker.data_out_gb", "GB", 1 << 30, "");

/// Names of the metrics of one variant.
struct VariantMetrics {
    invocations: &'static str,
    latency: &'static str,
    each: &'static str,
    cpu: &'static str,
    f1: &'static str,
    accuracy: &'static str,
}
static VARIANTS: [VariantMetrics; 2] = [
    VariantMetrics {
        invocations: "Variant1.Invocations",
        latency: "Variant1.ModelLatency",
        each: "Variant1.InvocationsPerInstance",
        cpu: "Variant1.CPUUtilization",
        f1: "Variant1.F1",
        accuracy: "Variant1.Accuracy",
    },
    VariantMetrics {
        invocations: "Variant2.Invocations",
        latency: "Variant2.ModelLatency",
        each: "Variant2.InvocationsPerInstance",
        cpu: "Variant2.CPUUtilization",
        f1: "Variant2.F1",
        accuracy: "Variant2.Accuracy",
    },
];

static METRICS: [MetricSpec; 31] = [
    metric(
        "Invocations",
        "Count",
        "Calls of the endpoint, failed ones included.",
    ),
    metric(
        "Invocation4XXErrors",
        "Count",
        "Calls refused because of what they brought, or because there was no room.",
    ),
    metric(
        "Invocation5XXErrors",
        "Count",
        "Calls that failed or took too long.",
    ),
    metric(
        "ModelLatency",
        "Microseconds",
        "How long the model took for an invocation.",
    ),
    metric(
        "OverheadLatency",
        "Microseconds",
        "What the endpoint added to it.",
    ),
    metric(
        "InvocationsPerInstance",
        "Count",
        "Invocations of a minute for each instance.",
    ),
    metric(
        "CPUUtilization",
        "Percent",
        "Use of an instance's processors; 100 is one whole vCPU.",
    ),
    metric("InstanceCount", "Count", "Instances in service."),
    metric(
        "ModelSetupTime",
        "Microseconds",
        "How long a serverless environment took to start.",
    ),
    metric(
        "ModelLoadingWaitTime",
        "Microseconds",
        "How long an invocation waited for its model to be loaded.",
    ),
    metric(
        "ModelCacheHit",
        "None",
        "Share of invocations whose model was in memory already.",
    ),
    metric(
        "LoadedModelCount",
        "Count",
        "Models in the memory of all instances.",
    ),
    metric(
        "Alerts",
        "Count",
        "Anomalies, or series that left their usual class.",
    ),
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
        "Score of the Numenta Anomaly Benchmark (standard profile) of the alerts, so far.",
    ),
    metric(
        "Accuracy",
        "None",
        "Share of records of which the model said what their label says, so far.",
    ),
    metric(
        "Variant1.Invocations",
        "Count",
        "Calls of the first variant.",
    ),
    metric(
        "Variant1.ModelLatency",
        "Microseconds",
        "How long its model took.",
    ),
    metric(
        "Variant1.InvocationsPerInstance",
        "Count",
        "Its invocations of a minute for each instance.",
    ),
    metric(
        "Variant1.CPUUtilization",
        "Percent",
        "Use of its processors.",
    ),
    metric("Variant1.F1", "None", "Its F1, so far."),
    metric("Variant1.Accuracy", "None", "Its accuracy, so far."),
    metric(
        "Variant2.Invocations",
        "Count",
        "Calls of the second variant.",
    ),
    metric(
        "Variant2.ModelLatency",
        "Microseconds",
        "How long its model took.",
    ),
    metric(
        "Variant2.InvocationsPerInstance",
        "Count",
        "Its invocations of a minute for each instance.",
    ),
    metric(
        "Variant2.CPUUtilization",
        "Percent",
        "Use of its processors.",
    ),
    metric("Variant2.F1", "None", "Its F1, so far."),
    metric("Variant2.Accuracy", "None", "Its accuracy, so far."),
];

static SPEC: KindSpec = KindSpec {
    id: "sagemaker-endpoint",
    title: "SageMaker endpoint",
    title_ko: "SageMaker 엔드포인트",
    category: Category::Function,
    summary: "Answers each batch of records with what a detector or a stored model says of it, on instances that scale or serverless.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/SageMaker",
    inputs: &[
        InPort {
            name: "in",
            accepts: &[Flow::Stream, Flow::Records],
            max_wires: 1,
            required: true,
            help: "A stream that is polled, or records that are put.",
        },
        InPort {
            name: "models",
            accepts: &[Flow::Bucket],
            max_wires: 1,
            required: false,
            help: "The bucket with the stored models.",
        },
    ],
    outputs: &[
        OutPort {
            name: "out",
            flow: Flow::Records,
            max_wires: usize::MAX,
            credit: 256,
            help: "The records with what the model says, put as records.",
        },
        OutPort {
            name: "alerts",
            flow: Flow::Notices,
            max_wires: usize::MAX,
            credit: 1,
            help: "Each anomaly, and each series that leaves its usual class, as an event.",
        },
        OutPort {
            name: "rows",
            flow: Flow::Rows,
            max_wires: usize::MAX,
            credit: 1,
            help: "The newest alerts as a table.",
        },
    ],
    metrics: &METRICS,
    usage: with_reads![
        &HOURS[0],
        &HOURS[1],
        &HOURS[2],
        &HOURS[3],
        &HOURS[4],
        &HOURS[5],
        &SERVERLESS,
        &DATA_IN,
        &DATA_OUT,
    ],
    quotas: &[
        "sagemaker-endpoint.payload_max_bytes",
        "sagemaker-endpoint.serverless_payload_max_bytes",
        "sagemaker-endpoint.timeout_s",
        "sagemaker-endpoint.serverless_idle_s",
        "sagemaker-endpoint.waiting_max_invocations",
        "sagemaker-endpoint.scale_out_datapoints",
        "sagemaker-endpoint.scale_in_datapoints",
        "kinesis-data-streams.put_records_max_records",
        "kinesis-data-streams.put_records_max_bytes",
    ],
    latencies: &[
        "sagemaker-endpoint.overhead",
        "sagemaker-endpoint.instance_start",
        "sagemaker-endpoint.serverless_cold_start",
        "sagemaker-endpoint.model_load",
        "kinesis-data-streams.put_records",
    ],
    faults: &[FaultKind::Errors, FaultKind::Latency],
    remedies: &[
        Remedy::param(
            "invocations at once",
            "initial_instance_count",
            "More instances work on more invocations at once",
        ),
        Remedy::param(
            "invocations at once",
            "autoscaling",
            "Let the number of instances follow the traffic",
        ),
        Remedy::param(
            "waiting invocations",
            "initial_instance_count",
            "More instances work on more invocations at once",
        ),
        Remedy::param(
            "throttled",
            "initial_instance_count",
            "More instances, or a stream in front of it that holds what comes too fast",
        ),
        Remedy::param(
            "throttled",
            "serverless_max_concurrency",
            "Allow more serverless environments at once",
        ),
        Remedy::param(
            "errors",
            "model_key",
            "See in the list of events what fails: the model's file, its inputs, the time or a fault",
        ),
        Remedy::param(
            "given up by the endpoint's client",
            "max_retries",
            "Let invocations be tried more often, or end what makes them fail",
        ),
        Remedy::param(
            "the model takes no such records",
            "fields",
            "Send the fields that the model was trained with",
        ),
        Remedy::param(
            "alert",
            "alert_after",
            "Look at the record; when it is none, let alerts wait for more records in a row",
        ),
        Remedy::elsewhere(
            "buffer-full",
            "The receiver of the answers takes less than is made: raise its limits",
        ),
        Remedy::elsewhere(
            "given-up",
            "The receiver of the answers refuses them again and again: raise its limits",
        ),
        Remedy::elsewhere(
            "refused",
            "The receiver of the answers takes no such records: make smaller ones",
        ),
    ],
};

/// The kind.
#[derive(Debug)]
pub struct SageMakerEndpoint;

impl Kind for SageMakerEndpoint {
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
        if config.serving == Serving::Serverless {
            let not = [
                ("multi_model", config.multi_model),
                ("autoscaling", config.autoscaling),
                ("second_weight", config.second_weight > 0.0),
            ];
            for (param, set) in not {
                if set {
                    out.error(
                        param,
                        "a serverless endpoint has no instances to share or scale",
                        "leave it out, or serve in real time",
                    );
                }
            }
            if !config.serverless_memory_mb.is_multiple_of(1024) {
                out.error(
                    "serverless_memory_mb",
                    format!("{} MB cannot be had", config.serverless_memory_mb),
                    "1024, 2048, 3072, 4096, 5120 or 6144",
                );
            }
        }
        if config.min_capacity > config.max_capacity {
            out.error(
                "min_capacity",
                "is more than `max_capacity`",
                "exchange both",
            );
        }
        if config.multi_model && config.key_field.is_empty() {
            out.error(
                "key_field",
                "a multi-model endpoint needs the field that names the model",
                "for example machine_id",
            );
        }
        if config.multi_model && config.model_mb > config.instance_type.memory_mb() {
            out.error(
                "model_mb",
                "the model does not fit into an instance's memory",
                format!("at most {} MB", config.instance_type.memory_mb()),
            );
        }
        let stored = |hosted: Hosted, key: &str| hosted == Hosted::Stored && key.is_empty();
        for (param, (hosted, key, _, _)) in ["model_key", "second_model_key"]
            .into_iter()
            .zip(config.variants())
        {
            if stored(hosted, key) {
                out.error(
                    param,
                    "a stored model needs the name of its file or folder",
                    "for example models/",
                );
            }
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
        for (param, name) in [
            ("key_field", &config.key_field),
            ("label_field", &config.label_field),
        ] {
            if !name.is_empty() && input.field_with_name(name).is_err() {
                out.error(
                    param,
                    format!("the records have no field `{name}`"),
                    known(),
                );
            }
        }
        let numeric = |f: &str| {
            input
                .field_with_name(f)
                .is_ok_and(|f| f.data_type().is_numeric())
        };
        if let Err(name) = weir_detect::features::Inputs::new(&config.field_names(), numeric) {
            out.error(
                "fields",
                format!(
                    "`{name}` is neither a numeric field nor a feature of one such as x_mean_16"
                ),
                known(),
            );
        }
        let answered = Arc::new(inference::answered_schema(input));
        [("out".to_owned(), answered)].into_iter().collect()
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<Model, String> {
        Model::new(config, cx)
    }
    fn retune(&self, model: &mut Model, config: Config, cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        Ok(model.retune(config, cx))
    }
}
