//! The figures of one run, as `summary.json` holds them.
//!
//! Fields are only ever added. Durations are in the unit that the name ends in, a GB is as many bytes as the bill's settings say, a MB 10^6; money is in
//! US dollars, as a number for computing and as text where it must be exact. What was not measured is `null`, never 0.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::books::PriceStep;
use crate::document::Billing;
use crate::metrics::{KeySummary, LatencySummary, SizeSummary};

/// Everything that a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The version of Weir that ran.
    pub weir: String,
    /// The document's name.
    pub pipeline: String,
    /// The seed of the run.
    pub seed: u64,
    /// `finished`, `stopped` or `failed`.
    pub state: String,
    /// Why it failed, one sentence.
    pub error: Option<String>,
    /// Virtual time that passed.
    pub virtual_seconds: f64,
    /// Time of this machine, pauses and pacing included. Differs from run to run.
    pub host_seconds: f64,
    /// Records produced a second of this machine. Differs from run to run.
    pub host_records_per_second: f64,
    /// Events of the model.
    pub model_events: u64,
    /// Where all records went.
    pub records: Records,
    /// Pace in virtual time.
    pub throughput: Throughput,
    /// From the birth of a record until it was delivered, over all nodes that deliver.
    pub latency_ms: Option<LatencySummary>,
    /// The run without its beginning, when warming up was asked to be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steady: Option<Steady>,
    /// What several runs with different seeds came to, when there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
    /// Each node by its id.
    pub nodes: BTreeMap<String, NodeSummary>,
    /// Each wire, in the document's order.
    pub wires: Vec<WireSummary>,
    /// What it left in its lake, most bytes first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lake: Vec<LakePlace>,
    /// What it cost.
    pub cost: CostSummary,
    /// Nodes that watch others.
    pub alarms: Vec<AlarmSummary>,
    /// What the document asked for, and whether it was reached.
    pub objectives: Vec<ObjectiveResult>,
}

impl Summary {
    /// True when the run reached its end, every objective was met and every record is accounted for.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.state != "failed"
            && self.records.unaccounted == 0
            && self.objectives.iter().all(|o| o.ok)
    }
}

/// The part of a run after warming up. What was delivered in it may have been produced before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steady {
    /// Virtual time that is left out.
    pub from_seconds: f64,
    /// Virtual time that is left.
    pub seconds: f64,
    /// Pace in it.
    pub throughput: Throughput,
    /// Of the records that were delivered in it.
    pub latency_ms: Option<LatencySummary>,
    /// Records dropped or failed in it.
    pub lost: u64,
    /// Refusals in it.
    pub throttled: u64,
    /// Failed requests in it.
    pub errors: u64,
}

/// Figures over several runs of one document with different seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeats {
    /// How many runs.
    pub runs: usize,
    /// Their seeds; the first is the run whose figures stand in the rest of the summary.
    pub seeds: Vec<u64>,
    /// The share of repetitions whose interval holds the true mean: 0.95.
    pub confidence: f64,
    /// How intervals and warm-up were found, in words.
    pub method: String,
    /// Virtual time that is left out at the beginning of each run.
    pub warm_up_seconds: f64,
    /// `none`, `given` or `mser-5`.
    pub warm_up_method: String,
    /// Each figure by its name.
    pub metrics: BTreeMap<String, Interval>,
}

/// A mean with the interval of confidence around it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The unit.
    pub unit: String,
    /// Arithmetic mean over the runs.
    pub mean: f64,
    /// The interval's lower end; `null` with fewer than two values.
    pub lo: Option<f64>,
    /// Its upper end.
    pub hi: Option<f64>,
    /// Standard deviation of single runs.
    pub std_dev: Option<f64>,
    /// The value of each run in the order of the seeds; `null` when it measured nothing.
    pub values: Vec<Option<f64>>,
    /// The beginning of each run is left out.
    pub trimmed: bool,
}

/// Where all records of a run went, weights included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// Made by nodes into which no records flow.
    pub produced: u64,
    /// Made by other nodes: rows that a query wrote beyond those that it read.
    pub created_downstream: u64,
    /// Further copies, for a second reader and on.
    pub copied: u64,
    /// At rest at the end of the pipeline.
    pub delivered: u64,
    /// Let go.
    pub dropped: u64,
    /// Could not be processed.
    pub failed: u64,
    /// Went into other records (aggregates).
    pub merged: u64,
    /// Inside nodes or on wires when the run ended.
    pub in_flight: u64,
    /// Records that cannot be explained, over all nodes and wires: 0, or a model is wrong.
    pub unaccounted: u64,
    /// The sum in figures: `produced + … - in_flight = 0`.
    pub equation: String,
    /// `dropped` by reason.
    pub dropped_by: BTreeMap<String, u64>,
    /// `failed` by where they were put.
    pub failed_by: BTreeMap<String, u64>,
}

/// Records and bytes a second of virtual time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Produced records a second.
    pub records_per_second: f64,
    /// Produced megabytes (10^6 bytes on the wire) a second.
    pub mb_per_second: f64,
    /// Delivered records a second.
    pub delivered_per_second: f64,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeSummary {
    /// Its kind's id.
    pub kind: String,
    /// Records accepted from other nodes or made here.
    pub records_in: u64,
    /// Records handed on or delivered.
    pub records_out: u64,
    /// Bytes on the wire of `records_in`.
    pub bytes_in: u64,
    /// Bytes on the wire of `records_out`.
    pub bytes_out: u64,
    /// Records refused by this node, each time they were.
    pub throttled: u64,
    /// Failed requests or invocations of this node.
    pub errors: u64,
    /// How long records took in it.
    pub latency_ms: Option<LatencySummary>,
    /// What each part took of that time.
    pub latency_parts_ms: BTreeMap<String, LatencySummary>,
    /// From birth until delivered here.
    pub end_to_end_ms: Option<LatencySummary>,
    /// What the node cost, of what has a known price.
    pub cost_usd: f64,
    /// Usage of the node that the price book has no price for.
    pub cost_unknown: Vec<String>,
    /// Use of the nearest limit.
    pub utilisation: Option<Utilisation>,
    /// Each limit that ever was the nearest.
    #[serde(default)]
    pub limits: BTreeMap<String, LimitUse>,
    /// Its state in words at the end.
    pub status: Option<String>,
    /// Sizes of the records that came into being here, on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record_bytes: Option<SizeSummary>,
    /// How unequal the keys of its records are: of those that came into being here, or that it spreads by their key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeySummary>,
    /// Where its records went.
    pub ledger: LedgerSummary,
    /// The kind's CloudWatch metrics by name.
    pub metrics: BTreeMap<String, MetricSummary>,
}

/// Use of the nearest limit, 1 being all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Utilisation {
    /// The limit that was nearest at the end.
    pub limit: Option<String>,
    /// Mean over the run, read once a virtual second.
    pub avg: f64,
    /// The most.
    pub max: f64,
}

/// Use of one limit over the virtual seconds in which no other of the node was nearer; 1 being all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitUse {
    /// Seconds in which it was the nearest.
    pub seconds: u64,
    /// Mean over those.
    pub avg: f64,
    /// The most.
    pub max: f64,
}

/// The books of one node: `received + created + copied = sent + on_wire + delivered + dropped + failed + merged + held`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerSummary {
    /// Accepted from other nodes.
    pub received: u64,
    /// Made here.
    pub created: u64,
    /// Further copies.
    pub copied: u64,
    /// Handed on.
    pub sent: u64,
    /// Sent and not answered when the run ended.
    pub on_wire: u64,
    /// At rest here.
    pub delivered: u64,
    /// Let go, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Could not be processed, by where they were put.
    pub failed: BTreeMap<String, u64>,
    /// Went into other records.
    pub merged: u64,
    /// Inside when the run ended.
    pub held: u64,
    /// 0, or the model is wrong.
    pub unaccounted: i64,
}

/// One metric over the whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// CloudWatch's unit.
    pub unit: String,
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Their mean.
    pub avg: Option<f64>,
    /// The least.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
    /// The mean of the last interval that had any: where a figure stood at the end.
    #[serde(default)]
    pub last: Option<f64>,
}

/// One wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireSummary {
    /// `node.port` of the sender.
    pub from: String,
    /// `node.port` of the receiver.
    pub to: String,
    /// Records accepted at its end.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records refused at its end.
    pub refused: u64,
    /// Records on it when the run ended.
    pub in_flight: u64,
}

/// The files of a table, or of one folder where there is no table, at the end of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LakePlace {
    /// Bucket and folder.
    pub place: String,
    /// Database and table, when the catalog knows it.
    pub table: Option<String>,
    /// Files.
    pub files: u64,
    /// Bytes of all files, as they are written: of the rows that are here, when a source samples.
    pub bytes: u64,
    /// Bytes of a file on average.
    pub mean_file_bytes: f64,
    /// Bytes of the largest.
    pub largest_file_bytes: u64,
    /// Files that are smaller than what AWS advises for queries.
    pub files_below_128_mib: u64,
    /// `parquet`, `orc`, `json`, `csv`, `avro`; empty when nothing tells.
    pub format: String,
    /// `snappy`, `gz`, `none`; empty when nothing tells.
    pub compression: String,
    /// Folders with values of the partition keys that hold files.
    pub partitions: u64,
    /// Fields whose values stand in the names of folders.
    pub partition_keys: Vec<String>,
}

/// What a run cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CostSummary {
    /// The region of the prices.
    pub region: String,
    /// The day of the oldest price.
    pub price_book_date: String,
    /// Fingerprint of prices, quotas and latency laws.
    pub price_book_hash: String,
    /// Hours of a month, bytes of a GB, free tier: what the bill takes for granted.
    #[serde(default)]
    pub billing: Billing,
    /// The run, of what has a known price.
    pub total_usd: f64,
    /// The same, exact.
    pub total_usd_exact: String,
    /// Per hour of virtual time.
    pub usd_per_hour: Option<f64>,
    /// A month at this pace, volume prices and growth included.
    pub usd_per_month: Option<f64>,
    /// Per GB (bytes on the wire, as many a GB as the bill's settings say) that was produced.
    pub usd_per_gb: Option<f64>,
    /// What the sums leave out.
    pub unknown: Vec<PriceGap>,
    /// One line for each metered usage.
    pub lines: Vec<CostLine>,
    /// What a month would pay at other traffic, computed from the bill.
    #[serde(default)]
    pub projections: Vec<Projection>,
}

/// A month at a multiple of the run's traffic.
///
/// Computed, not run: every quantity that is paid for use is multiplied, what is paid for standing there stays as drawn, and
/// volume prices apply. Whether the drawing could carry the traffic is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    /// So many times the run's traffic.
    pub traffic: u32,
    /// Dollars a month, of what has a known price.
    pub usd_per_month: f64,
    /// The part that is paid for what stands there.
    pub baseline_usd_per_month: f64,
}

/// A usage that the price book has no price for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceGap {
    /// The node.
    pub node: String,
    /// The price key.
    pub usage_type: String,
    /// Why, and how to mend it.
    pub why: String,
}

/// One line of the bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostLine {
    /// The node.
    pub node: String,
    /// Its kind.
    pub service: String,
    /// The price key.
    pub usage_type: String,
    /// The priced unit.
    pub unit: String,
    /// Priced units.
    pub quantity: f64,
    /// The same, exact.
    pub quantity_exact: String,
    /// The rate in words; `unknown` without a price.
    pub unit_price: String,
    /// What the run pays; `null` when the price is unknown.
    pub usd: Option<f64>,
    /// The same, exact.
    pub usd_exact: Option<String>,
    /// What a month pays.
    pub usd_per_month: Option<f64>,
    /// Priced units of a month, growth applied; `null` when no time passed.
    #[serde(default)]
    pub quantity_per_month: Option<f64>,
    /// How usage was rounded before it was metered.
    pub rounding: String,
    /// The sum in one sentence.
    pub explain: String,
    /// Where the price comes from.
    pub source: String,
    /// When it was read there.
    pub date: String,
    /// How much the price can be trusted: `published` or `inferred` from what AWS prints, `documented`, `measured`, `assumed`; empty
    /// without a price.
    #[serde(default)]
    pub basis: String,
    /// Paid for what stands there, whatever the traffic; else for use.
    #[serde(default)]
    pub baseline: bool,
    /// The line in steps of one price each, exact.
    #[serde(default)]
    pub steps: Vec<PriceStep>,
}

/// A node that watches others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmSummary {
    /// The node.
    pub node: String,
    /// Its state at the end.
    pub state: Option<String>,
    /// What happened to it, oldest first: as far back as the run's list of recent events goes.
    pub changes: Vec<AlarmChange>,
}

/// A change of an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmChange {
    /// Virtual seconds.
    pub at_seconds: f64,
    /// In words.
    pub text: String,
}

/// One objective of the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveResult {
    /// The node; empty for the whole pipeline.
    pub node: String,
    /// What is measured.
    pub metric: String,
    /// The unit of the figures.
    pub unit: String,
    /// The measured value; `null` when there was nothing to measure.
    pub value: Option<f64>,
    /// It must not be more.
    pub at_most: Option<f64>,
    /// It must not be less.
    pub at_least: Option<f64>,
    /// True when it was measured and is within.
    pub ok: bool,
    /// In one sentence.
    pub text: String,
}
