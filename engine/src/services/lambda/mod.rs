//! Lambda: a SQL `SELECT` over each batch, with cold starts, concurrency, retries and the bill of a function.
//!
//! `function.rs` is the function itself (environments, durations, the SQL), `mapping.rs` the event source mapping that reads
//! a stream, `model.rs` joins both.

mod config;
mod function;
mod mapping;
mod model;

#[cfg(test)]
mod tests;

use crate::books::{Growth, UsageSpec};
use crate::lake::Transform;
use crate::metrics::MetricSpec;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, Schemas, TraceCx,
};

pub use config::{Architecture, Config, Runtime};
pub use model::Model;

pub(super) static REQUEST: UsageSpec = UsageSpec {
    key: "lambda.request",
    unit: "request",
    base_per_unit: 1,
    rounding: "",
    growth: Growth::Linear,
};
pub(super) static GB_SECOND_X86: UsageSpec = UsageSpec {
    key: "lambda.gb_second_x86",
    unit: "GB-second",
    base_per_unit: 1024 * 1000,
    rounding: "each invocation rounded up to 1 ms",
    growth: Growth::Linear,
};
pub(super) static GB_SECOND_ARM: UsageSpec = UsageSpec {
    key: "lambda.gb_second_arm",
    unit: "GB-second",
    base_per_unit: 1024 * 1000,
    rounding: "each invocation rounded up to 1 ms",
    growth: Growth::Linear,
};

const fn metric(name: &'static str, unit: &'static str, help: &'static str) -> MetricSpec {
    MetricSpec { name, unit, help }
}

static SPEC: KindSpec = KindSpec {
    id: "lambda",
    title: "Lambda",
    title_ko: "Lambda 함수",
    category: Category::Function,
    summary: "Runs a SQL SELECT over each batch of records, in environments that start cold.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/Lambda",
    inputs: &[
        InPort {
            name: "in",
            accepts: &[Flow::Stream],
            max_wires: 1,
            required: false,
            help: "A stream that the event source mapping reads, batch by batch.",
        },
        InPort {
            name: "invoke",
            accepts: &[Flow::Invoke],
            max_wires: usize::MAX,
            required: false,
            help: "Calls that are answered on the same wire, such as a Firehose transform.",
        },
    ],
    outputs: &[OutPort {
        name: "out",
        flow: Flow::Records,
        max_wires: usize::MAX,
        credit: 256,
        help: "The results of batches from the stream, put as records.",
    }],
    metrics: &[
        metric(
            "Invocations",
            "Count",
            "Runs of the function, failed ones included.",
        ),
        metric("Errors", "Count", "Runs that failed."),
        metric(
            "Throttles",
            "Count",
            "Calls refused because no environment was free to be had.",
        ),
        metric("Duration", "Milliseconds", "How long the function ran."),
        metric(
            "InitDuration",
            "Milliseconds",
            "How long a new environment took to start.",
        ),
        metric("ConcurrentExecutions", "Count", "Environments at work."),
        metric(
            "IteratorAge",
            "Milliseconds",
            "Age of the last record of a batch when the function was through with it.",
        ),
    ],
    usage: &[&REQUEST, &GB_SECOND_X86, &GB_SECOND_ARM],
    quotas: &[
        "lambda.mb_per_vcpu",
        "lambda.concurrent_executions_max",
        "lambda.concurrency_scaling_environments",
        "lambda.concurrency_scaling_interval_s",
        "lambda.environment_idle_s",
        "lambda.payload_sync_max_bytes",
        "lambda.kinesis_batch_max_bytes",
        "lambda.kinesis_poll_interval_ms",
        "lambda.init_timeout_s",
        "kinesis-data-streams.put_records_max_records",
        "kinesis-data-streams.put_records_max_bytes",
    ],
    latencies: &[
        "lambda.cold_start_python",
        "lambda.cold_start_nodejs",
        "lambda.cold_start_java",
        "lambda.invoke_overhead",
        "lambda.duration",
        "kinesis-data-streams.put_records",
    ],
    faults: &[FaultKind::Errors, FaultKind::Throttle, FaultKind::Latency],
    remedies: &[
        Remedy::param(
            "concurrent executions",
            "reserved_concurrency",
            "Reserve more executions at once, or none so that the account's limit holds",
        ),
        Remedy::param(
            "concurrent executions",
            "memory_mb",
            "More memory brings more processor: runs are shorter, so fewer run at once",
        ),
        Remedy::param(
            "throttled",
            "reserved_concurrency",
            "Reserve more executions at once, or none so that the account's limit holds",
        ),
        Remedy::param(
            "throttled",
            "batch_size",
            "Larger batches need fewer runs for the same records",
        ),
        Remedy::param(
            "errors",
            "sql",
            "See in the list of events what fails: the SQL, the time or a fault",
        ),
        Remedy::param(
            "errors",
            "timeout_seconds",
            "Give runs that time out more time, or more memory to be faster",
        ),
        Remedy::param(
            "IteratorAge",
            "parallelization_factor",
            "Read each shard with more batches at once",
        ),
        Remedy::param(
            "IteratorAge",
            "batch_size",
            "Larger batches: each run has a fixed part of its time",
        ),
        Remedy::param(
            "discarded by the event source mapping",
            "maximum_retry_attempts",
            "Let batches be tried more often, or split so that one bad record does not take the others along",
        ),
        Remedy::elsewhere(
            "buffer-full",
            "The receiver of the results takes less than is made: raise its limits",
        ),
        Remedy::elsewhere(
            "given-up",
            "The receiver of the results refuses them again and again: raise its limits",
        ),
        Remedy::elsewhere(
            "refused",
            "The receiver of the results takes no such records: make smaller ones",
        ),
    ],
};

/// The kind.
#[derive(Debug)]
pub struct Lambda;

impl Kind for Lambda {
    type Config = Config;
    type Model = model::Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn trace(
        &self,
        config: &Config,
        inputs: &Schemas,
        _cx: &TraceCx<'_>,
        out: &mut Problems,
    ) -> Schemas {
        let mut schemas = Schemas::new();
        for port in ["in", "invoke"] {
            let Some(input) = inputs.get(port) else {
                continue;
            };
            match Transform::compile(&config.sql, input.clone()) {
                Ok(transform) => {
                    let name = if port == "in" { "out" } else { "invoke" };
                    schemas.insert(name.to_owned(), transform.output_schema().clone());
                }
                Err(e) => {
                    out.error("sql", e.to_string(), "one SELECT over the table `records`");
                    break;
                }
            }
        }
        if inputs.is_empty() && config.sql.trim().is_empty() {
            out.error(
                "sql",
                "there is no SQL",
                "for example SELECT * FROM records",
            );
        }
        schemas
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<model::Model, String> {
        model::Model::new(config, cx)
    }
    fn retune(
        &self,
        model: &mut model::Model,
        config: Config,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Retuned> {
        Ok(model.retune(config, cx))
    }
}
