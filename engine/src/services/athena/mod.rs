//! Amazon Athena: SQL over the tables of a data catalog, on a schedule or by hand.

mod capacity;
mod charge;
mod config;
mod model;
mod output;
mod query;
mod reuse;

pub use charge::{ScanCharge, scan_charge};
pub use config::Config;
pub use model::Model;

use crate::books::{Books, UsageSpec, usage};
use crate::lake::{ResultPlace, check_query, split_statements};
use crate::metrics::MetricSpec;
use crate::node::object_reads::with_reads;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, TraceCx,
};

/// The kind.
#[derive(Debug)]
pub struct Athena;

/// Bytes; 1 TB is 2^40 of them.
static SCANNED: UsageSpec = usage(
    "athena.scanned_tb",
    "TB",
    1 << 40,
    "each query up to 1 MB, 10 MB at the least",
);
/// DPU-milliseconds of a capacity reservation.
static DPU_HOUR: UsageSpec = usage("athena.provisioned_dpu_hour", "DPU-hour", 3_600_000, "");
/// Requests to the data catalog.
static CATALOG_REQUEST: UsageSpec = usage("glue.catalog_request", "request", 1, "");
/// LIST and PUT requests cost the same.
static PUT: UsageSpec = usage("s3.put_request", "request", 1, "");
const fn millis(name: &'static str, help: &'static str) -> MetricSpec {
    MetricSpec {
        name,
        unit: "Milliseconds",
        help,
    }
}

static SPEC: KindSpec = KindSpec {
    id: "athena",
    title: "Amazon Athena",
    title_ko: "Amazon Athena 쿼리",
    category: Category::Query,
    summary: "Runs SQL over the files behind a data catalog and bills the bytes that it reads.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/Athena",
    inputs: &[InPort {
        name: "catalog",
        accepts: &[Flow::Catalog, Flow::Bucket],
        max_wires: 1,
        required: true,
        help: "The database to query, or a bucket whose tables are defined by `setup`.",
    }],
    outputs: &[OutPort {
        name: "rows",
        flow: Flow::Rows,
        max_wires: usize::MAX,
        credit: 1,
        help: "The result of each query.",
    }],
    metrics: &[
        millis(
            "TotalExecutionTime",
            "From the start of a query to its result.",
        ),
        millis("QueryQueueTime", "Time that a query waited for its turn."),
        millis(
            "QueryPlanningTime",
            "Time to plan a query, partitions included.",
        ),
        millis(
            "EngineExecutionTime",
            "Time from the end of the queue to the end of the scan.",
        ),
        millis("ServiceProcessingTime", "Time to publish a result."),
        MetricSpec {
            name: "ProcessedBytes",
            unit: "Bytes",
            help: "Bytes that a query read, before rounding.",
        },
        MetricSpec {
            name: "TableBytes",
            unit: "Bytes",
            help: "Bytes of the tables that a query reads, at its moment.",
        },
        MetricSpec {
            name: "PartitionBytes",
            unit: "Bytes",
            help: "Of the bytes of the tables, those in the partitions that the query's filters left.",
        },
        MetricSpec {
            name: "TablePartitions",
            unit: "Count",
            help: "Partitions with files, of the tables that a query reads.",
        },
    ],
    usage: with_reads![&SCANNED, &DPU_HOUR, &PUT, &CATALOG_REQUEST,],
    quotas: &[
        "athena.active_dml_queries_max",
        "athena.active_ddl_queries_max",
        "athena.ddl_timeout_s",
        "athena.query_string_max_bytes",
        "athena.capacity_dpus_max",
        "athena.capacity_dpus_step",
        "athena.dpus_per_query_min",
        "athena.dpus_per_query_max",
        "athena.dpus_per_ddl_query",
        "glue.get_partitions_page",
        "athena.result_reuse_max_age_s",
        "athena.start_query_calls_per_second",
        "athena.start_query_burst",
        "athena.dml_timeout_s",
        "athena.min_billed_bytes",
        "athena.billed_step_bytes",
        "athena.workgroup_bytes_limit_min",
        "s3.range_get_min_bytes",
        "s3.prefix_get_requests_per_second",
    ],
    latencies: &[
        "athena.queue",
        "athena.planning",
        "athena.engine",
        "athena.service_processing",
    ],
    faults: &[FaultKind::Errors, FaultKind::Throttle, FaultKind::Latency],
    remedies: &[
        Remedy::param(
            "active queries",
            "schedule_seconds",
            "Ask less often, or read less per query: partitions and Parquet make queries shorter",
        ),
        Remedy::param(
            "reserved DPUs",
            "capacity_dpus",
            "Reserve more DPUs, or let each query have fewer: queries wait in a line for them",
        ),
        Remedy::param(
            "throttled",
            "schedule_seconds",
            "Ask less often: calls that start queries have a limit of their own",
        ),
        Remedy::param(
            "errors",
            "sql",
            "See in the list of events what fails, and correct the SQL",
        ),
        Remedy::param(
            "errors",
            "workgroup_bytes_limit",
            "Allow a query to read more, or filter on partition keys",
        ),
    ],
};

/// Statements that are too long to be asked.
fn check_lengths(config: &Config, region: &str, out: &mut Problems) {
    let books = Books::for_region(region);
    let Ok(most) = books.and_then(|b| b.quota_value("athena.query_string_max_bytes")) else {
        return;
    };
    let setup = split_statements(&config.setup).unwrap_or_default();
    let all = setup.iter().map(|sql| ("setup", sql));
    for (field, sql) in all.chain([("sql", &config.sql)]) {
        if let Some(why) = query::too_long(sql, most) {
            out.error(field, why, "write it shorter, for example with a view");
        }
    }
}

impl Kind for Athena {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, cx: &TraceCx<'_>, out: &mut Problems) {
        if let Err(problem) = check_query(&config.sql) {
            out.error(
                "sql",
                problem.to_string(),
                "one statement, for example `SELECT count(*) FROM orders`",
            );
        }
        match split_statements(&config.setup) {
            Ok(all) => {
                for problem in all.iter().filter_map(|sql| check_query(sql).err()) {
                    out.error(
                        "setup",
                        problem.to_string(),
                        "statements with semicolons between them",
                    );
                }
            }
            Err(problem) => out.error(
                "setup",
                problem.to_string(),
                "statements with semicolons between them",
            ),
        }
        check_lengths(config, cx.region, out);
        if !config.output_location.is_empty()
            && let Err(problem) = ResultPlace::parse(&config.output_location)
        {
            out.error(
                "output_location",
                problem.to_string(),
                "for example `s3://weir-lake/results/`",
            );
        }
        let books = Books::for_region(cx.region);
        let step = books.and_then(|b| b.quota_value("athena.capacity_dpus_step"));
        let step = step
            .ok()
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(1)
            .max(1);
        let off_step = [
            ("capacity_dpus", config.capacity_dpus),
            ("dpus_per_query", config.dpus_per_query),
        ]
        .into_iter()
        .find(|(_, dpus)| !dpus.is_multiple_of(step));
        if let Some((field, _)) = off_step {
            out.error(
                field,
                format!("{step} DPUs are the step of a reservation"),
                "for example 24",
            );
        } else if config.capacity_dpus > 0 && config.capacity_dpus < config.dpus_per_query {
            out.error(
                "capacity_dpus",
                "no query fits into the reservation",
                "as many as `dpus_per_query` at the least",
            );
        }
        let books = Books::for_region(cx.region);
        let least = books.and_then(|b| b.quota_value("athena.workgroup_bytes_limit_min"));
        let limit = config.workgroup_bytes_limit;
        if let Ok(least) = least
            && limit > 0
            && limit < least
        {
            out.error(
                "workgroup_bytes_limit",
                format!("{limit} bytes is too small for a limit"),
                format!("at least {least} bytes, or 0 for no limit"),
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

#[cfg(test)]
pub(super) mod tests;
