//! Lambda: a Python handler or a SQL `SELECT` over each batch, with cold starts, concurrency, retries and the bill of a
//! function.
//!
//! `function.rs` is the function itself (durations, results, the bill), `environments.rs` what it runs in, `handler.rs` the
//! events and answers of Python handlers; `mapping.rs` reads a stream, `queue.rs` a queue, `events.rs` keeps what is sent
//! asynchronously; `model.rs` joins them.

mod account;
mod config;
mod environments;
mod events;
mod function;
mod give_up;
mod handler;
mod mapping;
mod model;
mod queue;
mod sql;

#[cfg(test)]
pub(super) mod concurrency_tests;
#[cfg(test)]
mod python_tests;
#[cfg(test)]
mod tests;

use crate::books::{UsageSpec, usage};
use crate::code::python_syntax;
use crate::lake::{Transform, check_query};
use crate::metrics::metric;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, Schemas, TraceCx,
};

pub use config::{Architecture, Config, Runtime};
pub use handler::{AnswerTo, understand};
pub use model::Model;

/// MB-milliseconds, priced by the GB-second.
const fn gb_seconds(key: &'static str, rounding: &'static str) -> UsageSpec {
    usage(key, "GB-second", 1024 * 1000, rounding)
}
const TO_A_MILLISECOND: &str = "each invocation rounded up to 1 ms";

pub(super) static REQUEST: UsageSpec = usage("lambda.request", "request", 1, "");
pub(super) static GB_SECOND_X86: UsageSpec = gb_seconds("lambda.gb_second_x86", TO_A_MILLISECOND);
pub(super) static GB_SECOND_ARM: UsageSpec = gb_seconds("lambda.gb_second_arm", TO_A_MILLISECOND);
pub(super) static PROVISIONED_X86: UsageSpec =
    gb_seconds("lambda.provisioned_concurrency_gb_second_x86", "");
pub(super) static PROVISIONED_ARM: UsageSpec =
    gb_seconds("lambda.provisioned_concurrency_gb_second_arm", "");
pub(super) static PROVISIONED_DURATION_X86: UsageSpec = gb_seconds(
    "lambda.provisioned_duration_gb_second_x86",
    TO_A_MILLISECOND,
);
pub(super) static PROVISIONED_DURATION_ARM: UsageSpec = gb_seconds(
    "lambda.provisioned_duration_gb_second_arm",
    TO_A_MILLISECOND,
);

pub(super) static EPHEMERAL_STORAGE: UsageSpec = gb_seconds(
    "lambda.ephemeral_storage_gb_second",
    "what is configured above 512 MB; each invocation rounded up to 1 ms",
);

static SPEC: KindSpec = KindSpec {
    id: "lambda",
    title: "Lambda",
    title_ko: "Lambda 함수",
    category: Category::Function,
    summary: "Runs a Python handler or a SQL SELECT over each batch of records, in environments that start cold.",
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
        InPort {
            name: "queue",
            accepts: &[Flow::Queue],
            max_wires: 1,
            required: false,
            help: "A queue that the event source mapping polls, batch by batch.",
        },
        InPort {
            name: "events",
            accepts: &[Flow::Records, Flow::Notices],
            max_wires: usize::MAX,
            required: false,
            help: "Events that are sent asynchronously: each record, and each notice of a service, is one call.",
        },
    ],
    outputs: &[
        OutPort {
            name: "out",
            flow: Flow::Records,
            max_wires: usize::MAX,
            credit: 256,
            help: "The results of batches and events, put as records.",
        },
        OutPort {
            name: "on_failure",
            flow: Flow::Records,
            max_wires: usize::MAX,
            credit: 256,
            help: "What is told of batches of the stream and of events that were given up.",
        },
    ],
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
        metric(
            "AsyncEventsReceived",
            "Count",
            "Events taken in to be run asynchronously.",
        ),
        metric(
            "AsyncEventsDropped",
            "Count",
            "Of those, given up without a run that succeeded.",
        ),
        metric(
            "ProvisionedConcurrencyInvocations",
            "Count",
            "Runs on provisioned environments.",
        ),
        metric(
            "ProvisionedConcurrencySpilloverInvocations",
            "Count",
            "Runs beside them, because all were at work.",
        ),
        metric(
            "ProvisionedConcurrencyUtilization",
            "None",
            "Share of the provisioned environments that are at work.",
        ),
    ],
    usage: &[
        &REQUEST,
        &GB_SECOND_X86,
        &GB_SECOND_ARM,
        &PROVISIONED_X86,
        &PROVISIONED_ARM,
        &PROVISIONED_DURATION_X86,
        &PROVISIONED_DURATION_ARM,
        &EPHEMERAL_STORAGE,
    ],
    quotas: &[
        "lambda.mb_per_vcpu",
        "lambda.ephemeral_storage_default_mb",
        "lambda.ephemeral_storage_max_mb",
        "lambda.concurrent_executions_max",
        "lambda.concurrency_scaling_environments",
        "lambda.concurrency_scaling_interval_s",
        "lambda.environment_idle_s",
        "lambda.payload_sync_max_bytes",
        "lambda.payload_async_max_bytes",
        "lambda.kinesis_batch_max_bytes",
        "lambda.kinesis_poll_interval_ms",
        "lambda.init_timeout_s",
        "lambda.sqs_initial_concurrent_batches",
        "lambda.sqs_scale_up_per_minute",
        "lambda.sqs_concurrent_invocations_max",
        "sqs.long_poll_max_s",
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
            "code",
            "See in the list of events what the handler raised, with its traceback",
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
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        if config.is_python() {
            if let Some(wrong) = python_syntax(&config.code) {
                let (line, column) = (wrong.line, wrong.column);
                out.error(
                    "code",
                    format!("Runtime.UserCodeSyntaxError: {}", wrong.message),
                    format!("line {line}, column {column}"),
                );
            }
            if !config.handler.contains('.') {
                out.error(
                    "handler",
                    format!("`{}` names no module", config.handler),
                    "for example lambda_function.lambda_handler",
                );
            }
        }
        if let Some(reserved) = config.reserved_concurrency
            && config.provisioned_concurrency > reserved
        {
            out.error(
                "provisioned_concurrency",
                format!(
                    "{} environments are more than are reserved",
                    config.provisioned_concurrency
                ),
                format!("at most {reserved}, the `reserved_concurrency`"),
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
        let mut schemas = Schemas::new();
        if config.is_python() {
            // What a handler makes shows when it runs.
            return schemas;
        }
        for port in ["in", "invoke", "queue", "events"] {
            let Some(input) = inputs.get(port) else {
                continue;
            };
            match Transform::compile(&config.sql, input.clone()) {
                Ok(transform) => {
                    let name = if port == "invoke" { "invoke" } else { "out" };
                    schemas.insert(name.to_owned(), transform.output_schema().clone());
                }
                Err(e) => {
                    out.error("sql", e.to_string(), "one SELECT over the table `records`");
                    break;
                }
            }
        }
        let is_known = ["in", "invoke", "queue", "events"]
            .iter()
            .any(|port| inputs.contains_key(*port));
        if is_known {
            return schemas;
        }
        // What will come is not known; whether it is a statement is.
        if config.sql.trim().is_empty() {
            out.error(
                "sql",
                "there is no SQL",
                "for example SELECT * FROM records",
            );
        } else if let Err(e) = check_query(&config.sql) {
            out.error("sql", e.to_string(), "one SELECT over the table `records`");
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
