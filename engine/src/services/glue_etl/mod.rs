//! AWS Glue job: reads a table or a folder, transforms its rows and writes files that are quick to query.

mod bookmark;
mod config;
mod model;
mod run;
mod target;
pub(super) mod terms;
mod writing;

pub use config::{
    Bookmark, Compression, Config, ExecutionClass, GlueVersion, OutputFormat, QualityAction,
    WorkerType,
};
pub use model::Model;

use crate::books::{Growth, UsageSpec};
use crate::lake::{Catalog, EtlStep, Ruleset};
use crate::metrics::metric;
use crate::node::object_reads::{LIST, with_reads};
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, TraceCx,
};

/// The kind.
#[derive(Debug)]
pub struct GlueEtl;

const fn dpu(key: &'static str) -> UsageSpec {
    UsageSpec {
        key,
        unit: "DPU-hour",
        // Thousandths of DPU-seconds: the smallest worker is a quarter of a DPU.
        base_per_unit: 3_600_000,
        rounding: "each run to the second, 1 minute at the least",
        growth: Growth::Linear,
    }
}
static DPU: UsageSpec = dpu("glue.etl_dpu_hour");
static FLEX: UsageSpec = dpu("glue.etl_flex_dpu_hour");
static DPU_6: UsageSpec = dpu("glue.etl_glue_6_dpu_hour");
static FLEX_6: UsageSpec = dpu("glue.etl_glue_6_flex_dpu_hour");

static SPEC: KindSpec = KindSpec {
    id: "glue-etl",
    title: "Glue job",
    title_ko: "Glue 작업",
    category: Category::Catalog,
    summary: "Reads a table or a folder, transforms its rows and writes files that are quick to query.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "Glue",
    inputs: &[
        InPort {
            name: "bucket",
            accepts: &[Flow::Bucket],
            max_wires: 1,
            required: false,
            help: "The bucket whose files are read when no table is named.",
        },
        InPort {
            name: "catalog",
            accepts: &[Flow::Catalog],
            max_wires: 1,
            required: false,
            help: "The database of the source table; a crawler here triggers runs.",
        },
        InPort {
            name: "trigger",
            accepts: &[Flow::Notices],
            max_wires: usize::MAX,
            required: false,
            help: "Events, each of which begins a run.",
        },
    ],
    outputs: &[
        OutPort {
            name: "out",
            flow: Flow::Objects,
            max_wires: 1,
            credit: 64,
            help: "The files that a run writes.",
        },
        OutPort {
            name: "catalog",
            flow: Flow::Catalog,
            max_wires: usize::MAX,
            credit: 1,
            help: "The database of the target table, for those that query it.",
        },
    ],
    metrics: &[
        metric(
            "glue.driver.aggregate.bytesRead",
            "Bytes",
            "Bytes that a run read.",
        ),
        metric(
            "glue.driver.aggregate.recordsRead",
            "Count",
            "Records that a run read.",
        ),
        metric(
            "glue.driver.aggregate.elapsedTime",
            "Milliseconds",
            "Time of a run, its start left out.",
        ),
        metric(
            "glue.driver.aggregate.numCompletedTasks",
            "Count",
            "Tasks that a run completed.",
        ),
        metric(
            "glue.driver.ExecutorAllocationManager.executors.numberAllExecutors",
            "Count",
            "Workers of a run, the driver left out.",
        ),
        metric(
            "glue.driver.ExecutorAllocationManager.executors.numberMaxNeededExecutors",
            "Count",
            "Workers that a run would have kept busy, the driver left out.",
        ),
        metric("glue.error.ALL", "Count", "Runs that failed or timed out."),
        metric("glue.succeed.ALL", "Count", "Runs that succeeded."),
        metric(
            "glue.data.quality.rules.passed",
            "Count",
            "Data quality rules that passed.",
        ),
        metric(
            "glue.data.quality.rules.failed",
            "Count",
            "Data quality rules that failed.",
        ),
        metric("RecordsWritten", "Count", "Records that a run wrote."),
        metric("FilesWritten", "Count", "Files that a run wrote."),
        metric(
            "ErrorRecords",
            "Count",
            "Records that did not parse and were left out.",
        ),
        metric(
            "DataQualityScore",
            "Percent",
            "Share of the data quality rules that passed.",
        ),
    ],
    usage: with_reads![&DPU, &FLEX, &DPU_6, &FLEX_6, &LIST,],
    quotas: &[
        "glue-etl.min_billed_s",
        "glue-etl.worker_g_025x_millidpus",
        "glue-etl.worker_g_1x_millidpus",
        "glue-etl.worker_g_2x_millidpus",
        "glue-etl.worker_g_4x_millidpus",
        "glue-etl.worker_g_8x_millidpus",
        "glue-etl.worker_g_12x_millidpus",
        "glue-etl.worker_g_16x_millidpus",
        "glue-etl.dpu_vcpus",
        "glue-etl.group_files_above",
        "glue-etl.retries_max",
        "glue-etl.concurrent_runs_default",
        "s3.list_page_max_objects",
        "s3.prefix_get_requests_per_second",
    ],
    latencies: &["glue-etl.start", "glue-etl.flex_start"],
    faults: &[FaultKind::Errors, FaultKind::Latency],
    remedies: &[
        Remedy::param(
            "errors",
            "transforms",
            "See in the list of events why the run failed, and correct the transforms or the source",
        ),
        Remedy::param(
            "errors",
            "max_retries",
            "Let a run that failed begin again by itself",
        ),
        Remedy::param(
            "concurrent runs",
            "max_concurrent_runs",
            "Allow more runs at the same time, or begin them less often",
        ),
        Remedy::param(
            "timeout",
            "number_of_workers",
            "More workers shorten a run as long as there are tasks for them",
        ),
    ],
};

impl Kind for GlueEtl {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        let last = config.transforms.len().saturating_sub(1);
        for (i, line) in config.transforms.iter().enumerate() {
            let field = format!("transforms[{i}]");
            match EtlStep::parse(line) {
                Ok(EtlStep::Relationalize(_)) if i < last => out.error(
                    &field,
                    "Relationalize makes several tables",
                    "make it the last transform",
                ),
                Ok(_) => {}
                Err(why) => out.error(&field, why, "see the manual page for all transforms"),
            }
        }
        let rules = config.data_quality_ruleset.trim();
        if let (false, Err(why)) = (rules.is_empty(), Ruleset::parse(rules)) {
            let example = "for example `Rules = [ RowCount > 0, IsComplete \"id\" ]`";
            out.error("data_quality_ruleset", why, example);
        }
        if let Err(e) = Catalog::default().create_database(&config.target_database) {
            out.error("target_database", e.to_string(), "for example `weir`");
        }
        if config.worker_type == WorkerType::G025x {
            out.warning(
                "worker_type",
                "AWS offers G.025X for streaming jobs only",
                "take G.1X for a job over files",
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
mod tests;
