//! A consumer application of the Kinesis Client Library: workers that share the shards of a stream by leases.
//!
//! `leases.rs` is who reads what, `model.rs` reading, processing and checkpoints, `table.rs` the lease table and the bill.

mod balance;
mod config;
mod leases;
mod model;
mod table;

#[cfg(test)]
mod tests;

use crate::books::{UsageSpec, usage};
use crate::metrics::{MetricSpec, metric};
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, Schemas, TraceCx,
};

pub use config::{Config, LeaseAssignment, LeaseTableMode};
pub use model::Model;
#[cfg(test)]
pub(super) use table::read_units;

const HOUR_MS: u64 = 3_600_000;

static WRITE: UsageSpec = usage(
    "dynamodb.write_request_unit",
    "write request unit",
    1,
    "each row written up to 1 KB",
);
static READ: UsageSpec = usage(
    "dynamodb.read_request_unit",
    "read request unit",
    2,
    "half a unit for each 4 KB of an eventually consistent read",
);
static WCU_HOUR: UsageSpec = usage("dynamodb.wcu_hour", "WCU-hour", HOUR_MS, "");
static RCU_HOUR: UsageSpec = usage("dynamodb.rcu_hour", "RCU-hour", HOUR_MS, "");
/// Custom metrics that the application publishes.
static METRIC: UsageSpec = usage(
    "cloudwatch.metric_month",
    "metric-month",
    crate::units::HOURS_PER_MONTH * HOUR_MS,
    "",
);
static PUT_METRIC: UsageSpec = usage(
    "cloudwatch.api_request",
    "request",
    // Thousandths: what falls on a part of the interval between two calls counts.
    1000,
    "",
);
static WORKER_HOUR: UsageSpec = usage("kcl-consumer.worker_hour", "instance-hour", HOUR_MS, "");

static METRICS: &[MetricSpec] = &[
    metric(
        "MillisBehindLatest",
        "Milliseconds",
        "How far behind the newest record of a shard its worker is.",
    ),
    metric(
        "RecordsProcessed",
        "Count",
        "Records that `processRecords` was called with.",
    ),
    metric(
        "DataBytesProcessed",
        "Bytes",
        "Bytes that `processRecords` was called with.",
    ),
    metric(
        "RecordsReadAgain",
        "Count",
        "Records that were processed before and came again, because no checkpoint was behind them.",
    ),
    metric("NumWorkers", "Count", "Workers that live."),
    metric(
        "TotalLeases",
        "Count",
        "Leases: shards that are not read to their end.",
    ),
    metric("CurrentLeases", "Count", "Leases that a worker holds."),
    metric(
        "ExpiredLeases",
        "Count",
        "Leases that were taken because nobody had renewed them in time.",
    ),
    metric(
        "LostLeases",
        "Count",
        "Leases that a living worker lost to another.",
    ),
    metric(
        "WorkerUtilization",
        "Percent",
        "How busy the processors of the busiest worker were.",
    ),
    metric(
        "ReadThrottles",
        "Count",
        "GetRecords calls that the stream refused.",
    ),
    metric(
        "LeaseTableThrottles",
        "Count",
        "Writes to the lease table that were throttled.",
    ),
];

static REMEDIES: &[Remedy] = &[
    Remedy::param(
        "processors of the busiest worker",
        "workers",
        "More workers share the shards; more than there are shards help nothing",
    ),
    Remedy::param(
        "processors of the busiest worker",
        "vcpus",
        "A worker with more processors works on more of its shards at once",
    ),
    Remedy::param(
        "processors of the busiest worker",
        "per_record_us",
        "Let `processRecords` do less for each record",
    ),
    Remedy::param(
        "MillisBehindLatest",
        "workers",
        "More workers share the shards; more than there are shards help nothing",
    ),
    Remedy::param(
        "RecordsReadAgain",
        "checkpoint_interval_seconds",
        "Call `checkpoint` more often: fewer records come again, for more writes to the lease table",
    ),
    Remedy::param(
        "lease-taken",
        "failover_time_ms",
        "A shorter time lets another worker begin sooner, for more writes to the lease table",
    ),
    Remedy::param(
        "write capacity of the lease table",
        "lease_table_wcu",
        "Every lease is written three times in the failover time: give the table more write capacity",
    ),
    Remedy::param(
        "lease-table-throttled",
        "lease_table_wcu",
        "Give the lease table more write capacity, or pay it on demand",
    ),
    Remedy::param(
        "ReadThrottles",
        "idle_time_between_reads_ms",
        "Five GetRecords calls a second of a shard are for all readers: pause longer, or read by enhanced fan-out",
    ),
    Remedy::elsewhere(
        "errors",
        "End the fault of the scenario; KCL leaves out the records of a call of `processRecords` that raises",
    ),
    Remedy::elsewhere(
        "buffer-full",
        "The receiver of the records takes less than is made: raise its limits",
    ),
    Remedy::elsewhere(
        "given-up",
        "The receiver of the records refuses them again and again: raise its limits",
    ),
    Remedy::elsewhere(
        "refused",
        "The receiver takes no such records: make smaller ones",
    ),
];

static SPEC: KindSpec = KindSpec {
    id: "kcl-consumer",
    title: "KCL consumer",
    title_ko: "KCL 소비자",
    category: Category::Function,
    summary: "Reads a stream with the Kinesis Client Library: workers, leases, checkpoints, at least once.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "KCL",
    inputs: &[InPort {
        name: "in",
        accepts: &[Flow::Stream],
        max_wires: 1,
        required: true,
        help: "The stream that the workers read, by GetRecords or by enhanced fan-out.",
    }],
    outputs: &[OutPort {
        name: "out",
        flow: Flow::Records,
        max_wires: usize::MAX,
        credit: 256,
        help: "The processed records, put as records.",
    }],
    metrics: METRICS,
    usage: &[
        &WRITE,
        &READ,
        &WCU_HOUR,
        &RCU_HOUR,
        &METRIC,
        &PUT_METRIC,
        &WORKER_HOUR,
    ],
    quotas: &[
        "kcl-consumer.lease_epsilon_ms",
        "kcl-consumer.dispatch_interval_ms",
        "kcl-consumer.graceful_handoff_ms",
        "kcl-consumer.worker_metrics_interval_ms",
        "kcl-consumer.leader_heartbeat_ms",
        "kcl-consumer.rebalance_threshold_percent",
        "kcl-consumer.rebalance_dampening_percent",
        "kcl-consumer.lease_item_bytes",
        "kcl-consumer.metrics_buffer_ms",
        "cloudwatch.put_metric_data_max_metrics",
        "dynamodb.rcu_item_bytes",
        "dynamodb.burst_s",
        "kinesis-data-streams.put_records_max_records",
        "kinesis-data-streams.put_records_max_bytes",
    ],
    latencies: &[
        "kcl-consumer.process_records",
        "kcl-consumer.checkpoint",
        "kinesis-data-streams.put_records",
    ],
    faults: &[
        FaultKind::WorkerLoss,
        FaultKind::Errors,
        FaultKind::Throttle,
        FaultKind::Latency,
    ],
    remedies: REMEDIES,
};

/// The kind.
#[derive(Debug)]
pub struct KclConsumer;

impl Kind for KclConsumer {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn trace(
        &self,
        _config: &Config,
        inputs: &Schemas,
        _cx: &TraceCx<'_>,
        _out: &mut Problems,
    ) -> Schemas {
        let records = inputs.get("in").cloned();
        records.map(|s| ("out".to_owned(), s)).into_iter().collect()
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<Model, String> {
        Model::new(config, cx)
    }
    fn retune(&self, model: &mut Model, config: Config, cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        model.retune(config, cx);
        Ok(Retuned::Live)
    }
}
