//! AWS Glue crawler: finds out what tables the files of a bucket make, and writes them into the catalog.

mod apply;
mod config;
mod model;
mod scope;

pub use config::{Config, DeleteBehavior, RecrawlPolicy, UpdateBehavior};
pub use model::Model;

use crate::books::{UsageSpec, usage};
use crate::lake::{Catalog, CsvClassifier};
use crate::metrics::metric;
use crate::node::object_reads::{LIST, with_reads};
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, TraceCx,
};
use crate::units::HOURS_PER_MONTH;

/// The kind.
#[derive(Debug)]
pub struct GlueCrawler;

/// DPU-seconds.
static DPU: UsageSpec = usage(
    "glue.crawler_dpu_hour",
    "DPU-hour",
    3600,
    "each run to the second, 10 minutes at the least",
);
/// Databases, tables and partitions in the catalog.
static CATALOG_OBJECT: UsageSpec = usage(
    "glue.catalog_object_month",
    "object-month",
    HOURS_PER_MONTH * 3_600_000,
    "",
);
static CATALOG_REQUEST: UsageSpec = usage("glue.catalog_request", "request", 1, "");
static SPEC: KindSpec = KindSpec {
    id: "glue-crawler",
    title: "Glue crawler",
    title_ko: "Glue 크롤러",
    category: Category::Catalog,
    summary: "Reads the files of a bucket from time to time and keeps the data catalog's tables in step with them.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/Glue",
    inputs: &[InPort {
        name: "bucket",
        accepts: &[Flow::Bucket],
        max_wires: 1,
        required: true,
        help: "The bucket to crawl.",
    }],
    outputs: &[OutPort {
        name: "catalog",
        flow: Flow::Catalog,
        max_wires: usize::MAX,
        credit: 1,
        help: "The database, for those that query it.",
    }],
    metrics: &[
        metric("CrawlerRuns", "Count", "Runs that ended well."),
        metric("CrawlerFailures", "Count", "Runs that failed."),
        metric("CrawlerDuration", "Seconds", "How long each run took."),
        metric("ObjectsCrawled", "Count", "Files that a run looked at."),
        metric("TablesCreated", "Count", "Tables that a run made."),
        metric(
            "TablesUpdated",
            "Count",
            "Tables whose definition a run changed.",
        ),
        metric("PartitionsCreated", "Count", "Partitions that a run added."),
    ],
    usage: with_reads![&DPU, &LIST, &CATALOG_OBJECT, &CATALOG_REQUEST,],
    quotas: &[
        "glue-crawler.min_billed_s",
        "glue-crawler.dpus",
        "glue.batch_create_partition_max",
        "s3.list_page_max_objects",
        "s3.prefix_get_requests_per_second",
    ],
    latencies: &[
        "glue-crawler.start",
        "glue-crawler.per_object",
        "glue-crawler.stop",
    ],
    faults: &[FaultKind::Errors, FaultKind::Latency],
    remedies: &[Remedy::elsewhere(
        "errors",
        "A failed run is made good by the next one; start one by hand to be sooner",
    )],
};

impl Kind for GlueCrawler {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        // The catalog knows which names it takes.
        if let Err(e) = Catalog::default().create_database(&config.database) {
            out.error("database", e.to_string(), "for example `weir`");
        }
        for (i, text) in config.classifiers.iter().enumerate() {
            if let Err(why) = CsvClassifier::parse(text) {
                let field = format!("classifiers[{i}]");
                out.error(&field, why, "see the manual page for classifiers");
            }
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
