//! Streaming SQL over a stream: Kinesis Data Analytics for SQL, and Flink SQL on Managed Service for Apache Flink.
//!
//! `lake::streaming` understands the SQL and keeps the windows; `application.rs` gives its streams to the ports; `model.rs` is the
//! service around it, `scaling.rs` its capacity and bill.

mod application;
mod config;
mod model;
mod output;
mod reference;
mod scaling;

#[cfg(test)]
mod tests;

use crate::books::{UsageSpec, usage};
use crate::lake::streaming::{StreamProgram, check_streaming_sql};
use crate::metrics::metric;
use crate::node::object_reads::with_reads;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, Schemas, TraceCx,
};
use crate::units::{GIB, HOURS_PER_MONTH};

pub use config::{Config, Runtime};
pub use model::Model;

const HOUR_MS: u64 = 3_600_000;

static KPU_HOUR: UsageSpec = usage(
    "kinesis-analytics.kpu_hour",
    "KPU-hour",
    HOUR_MS,
    "each start to the second, 10 minutes at the least",
);
static STORAGE: UsageSpec = usage(
    "kinesis-analytics.running_storage_gb_month",
    "GB-month",
    GIB * HOURS_PER_MONTH * HOUR_MS,
    "50 GB for each KPU",
);

static BACKUP: UsageSpec = usage(
    "kinesis-analytics.durable_backup_gb_month",
    "GB-month",
    GIB * HOURS_PER_MONTH * HOUR_MS,
    "",
);

const fn destination(name: &'static str, help: &'static str) -> OutPort {
    OutPort {
        name,
        flow: Flow::Records,
        max_wires: usize::MAX,
        credit: 256,
        help,
    }
}

static SPEC: KindSpec = KindSpec {
    id: "kinesis-analytics",
    title: "Kinesis Analytics",
    title_ko: "Kinesis Analytics",
    category: Category::Function,
    summary: "Runs SQL over a stream without an end: windows, Random Cut Forest, reference data, chains of in-application streams.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/KinesisAnalytics",
    inputs: &[
        InPort {
            name: "in",
            accepts: &[Flow::Stream],
            max_wires: 1,
            required: true,
            help: "The stream that the SQL reads.",
        },
        InPort {
            name: "in_2",
            accepts: &[Flow::Stream],
            max_wires: 1,
            required: false,
            help: "A second stream, which the tables in `in_2_tables` read (Flink).",
        },
        InPort {
            name: "reference",
            accepts: &[Flow::Bucket],
            max_wires: 1,
            required: false,
            help: "The bucket with the reference data.",
        },
    ],
    outputs: &[
        destination("out", "The first in-application stream, put as records."),
        destination("out_2", "The second in-application stream."),
        destination("out_3", "The third in-application stream."),
        OutPort {
            name: "rows",
            flow: Flow::Rows,
            max_wires: usize::MAX,
            credit: 1,
            help: "The newest rows of the first stream as a table.",
        },
    ],
    metrics: &[
        metric(
            "millisBehindLatest",
            "Milliseconds",
            "How far behind the newest record of the stream the application is.",
        ),
        metric("KPUs", "Count", "KPUs that run the application."),
        metric(
            "numRecordsIn",
            "Count",
            "Records that the application took in.",
        ),
        metric(
            "numRecordsOut",
            "Count",
            "Records that it gave out, over all destinations.",
        ),
        metric(
            "numLateRecordsDropped",
            "Count",
            "Records that came after their window had closed.",
        ),
        metric(
            "containerCPUUtilization",
            "Percent",
            "How busy the processors were over a minute.",
        ),
        metric(
            "fullRestarts",
            "Count",
            "How often the application began anew.",
        ),
        metric(
            "StateKeys",
            "Count",
            "Groups, sessions and kept records that are open.",
        ),
        metric("OpenWindows", "Count", "Windows that are open."),
        metric(
            "ErrorRows",
            "Count",
            "Rows with a value that does not compute; Kinesis SQL has them in `error_stream`.",
        ),
    ],
    usage: with_reads![&KPU_HOUR, &STORAGE, &BACKUP,],
    quotas: &[
        "kinesis-analytics.kpus_max",
        "kinesis-analytics.sql_kpus_max",
        "kinesis-analytics.orchestration_kpus",
        "kinesis-analytics.running_storage_gib_per_kpu",
        "kinesis-analytics.min_billed_minutes",
        "kinesis-analytics.reference_bytes_max",
        "kinesis-analytics.scale_up_cpu_percent",
        "kinesis-analytics.scale_up_minutes",
        "kinesis-analytics.scale_down_cpu_percent",
        "kinesis-analytics.scale_down_minutes",
        "kinesis-data-streams.put_records_max_records",
        "kinesis-data-streams.put_records_max_bytes",
    ],
    latencies: &[
        "kinesis-analytics.process",
        "kinesis-analytics.restart",
        "kinesis-data-streams.put_records",
    ],
    faults: &[FaultKind::Errors, FaultKind::Latency],
    remedies: &[
        Remedy::param(
            "processors",
            "parallelism",
            "More tasks work on more shards at once, on more KPUs; more than there are shards help nothing",
        ),
        Remedy::param(
            "processors",
            "per_record_us",
            "Let the SQL do less for each record: filter first, group by fewer columns",
        ),
        Remedy::param(
            "state keys",
            "max_state_keys",
            "Allow more, or take shorter windows or keys with fewer values",
        ),
        Remedy::param(
            "state-full",
            "max_state_keys",
            "Allow more, or take shorter windows or keys with fewer values",
        ),
        Remedy::param(
            "late",
            "allowed_lateness_seconds",
            "Let windows wait for late records: a longer delay of the watermark, or this lateness",
        ),
        Remedy::param(
            "millisBehindLatest",
            "parallelism",
            "More tasks work on more shards at once, on more KPUs",
        ),
        Remedy::param(
            "errors",
            "sql",
            "See in the list of events what does not compute, or end the fault of the scenario",
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
pub struct KinesisAnalytics;

const MEND: &str = "see the manual page for what this runtime understands";

impl Kind for KinesisAnalytics {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, cx: &TraceCx<'_>, out: &mut Problems) {
        if let Err(e) = check_streaming_sql(&config.sql) {
            out.error("sql", e.to_string(), MEND);
        }
        if config.kpus(config.parallelism) > config.max_kpus {
            out.error(
                "parallelism",
                format!(
                    "{} tasks need {} KPUs",
                    config.parallelism,
                    config.kpus(config.parallelism)
                ),
                format!("at most {} KPUs, the `max_kpus`", config.max_kpus),
            );
        }
        if config.runtime == Runtime::Sql && !config.second_tables().is_empty() {
            out.error(
                "in_2_tables",
                "an application of Kinesis SQL has one streaming source",
                "take the `flink` runtime, or leave it empty",
            );
        }
        if config.runtime == Runtime::Sql && config.backup_gb > 0.0 {
            out.warning(
                "backup_gb",
                "an application of Kinesis SQL has no snapshots",
                "leave it at 0, or take the `flink` runtime",
            );
        }
        if let Err((param, why)) = reference::before(config, cx.root) {
            let example = match param {
                "reference_columns" => "for example ticker VARCHAR(4), company VARCHAR(16)",
                "reference_key" => "for example reference/companies.csv",
                _ => "for example companies.csv",
            };
            out.error(param, why, example);
        }
        if config.runtime == Runtime::Sql
            && (config.allowed_lateness_seconds > 0 || config.source_idle_timeout_seconds > 0)
        {
            out.warning(
                "allowed_lateness_seconds",
                "windows of Kinesis SQL go by ROWTIME, which is never late",
                "leave lateness and idle timeout at 0, or take the `flink` runtime",
            );
        }
    }
    fn trace(
        &self,
        config: &Config,
        inputs: &Schemas,
        cx: &TraceCx<'_>,
        out: &mut Problems,
    ) -> Schemas {
        let mut schemas = Schemas::new();
        let Some(input) = inputs.get("in") else {
            return schemas;
        };
        // What these two find is told by the check of the parameters.
        let Ok(reference) = reference::before(config, cx.root) else {
            return schemas;
        };
        if check_streaming_sql(&config.sql).is_err() {
            return schemas;
        }
        let second = match application::second(config, inputs.get("in_2")) {
            Ok(second) => second,
            Err((why, mend)) => {
                out.error("in_2_tables", why, mend);
                return schemas;
            }
        };
        let limits = config.limits(cx.seed);
        let compiled = StreamProgram::compile_of_two(
            &config.sql,
            config.dialect(),
            input,
            second.as_ref(),
            reference.as_ref(),
            limits,
        );
        let program = match compiled {
            Ok(program) => program,
            Err(e) => {
                out.error("sql", e.to_string(), MEND);
                return schemas;
            }
        };
        let mut outputs = program.outputs();
        outputs.extend(program.error_stream().map(|e| (e.1, e.2)));
        match application::ports(config, &program) {
            Ok(places) => {
                for ((port, _, _), place) in config.wanted().into_iter().zip(places) {
                    if let Some((_, schema)) = place.and_then(|p| outputs.get(p)) {
                        schemas.insert(port.to_owned(), schema.clone());
                    }
                }
            }
            Err((param, why)) => out.error(param, why, "name a stream of the script"),
        }
        schemas
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<Model, String> {
        Model::new(config, cx)
    }
    fn retune(&self, model: &mut Model, config: Config, cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        Ok(model.retune(config, cx))
    }
}
