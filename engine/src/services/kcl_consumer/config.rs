//! Parameters of a consumer application, by the names of the Kinesis Client Library where it has one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How leases are spread over workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LeaseAssignment {
    /// KCL 3: a leader moves leases until the processors of all workers are about as busy, and hands them over in order.
    #[default]
    WorkerUtilization,
    /// KCL 1 and 2: each worker steals leases until all have about as many.
    LeaseCount,
}

/// How the lease table is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LeaseTableMode {
    /// Each read and write.
    #[default]
    OnDemand,
    /// Read and write capacity by the hour; writes beyond it are throttled.
    Provisioned,
}

/// A consumer application of the Kinesis Client Library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Workers: processes of the application, one on each instance or container. A shard is read by one worker at a time.
    #[schemars(range(min = 1, max = 1000), extend("x-unit" = "workers", "x-soft-max" = 16, "x-group" = "Workers"))]
    pub workers: u32,
    /// Processors of each worker.
    #[schemars(range(min = 0.25, max = 128.0), extend("x-unit" = "vCPU", "x-soft-max" = 8.0, "x-assumed" = true, "x-group" = "Workers"))]
    pub vcpus: f64,
    /// Processor time of one record. Assumed: measure your application.
    #[schemars(range(min = 0.0, max = 10_000_000.0), extend("x-unit" = "us", "x-soft-max" = 2000.0, "x-assumed" = true, "x-group" = "Workers"))]
    pub per_record_us: f64,
    /// Records of one GetRecords call at the most, and so of one call of `processRecords`.
    #[schemars(range(min = 1, max = 10_000), extend("x-unit" = "records", "x-group" = "Reading"))]
    pub max_records: u32,
    /// Pause between two GetRecords calls of a shard. Enhanced fan-out needs none.
    #[schemars(range(min = 200, max = 600_000), extend("x-unit" = "ms", "x-soft-max" = 10_000, "x-group" = "Reading"))]
    pub idle_time_between_reads_ms: u32,
    /// Results of GetRecords that wait for `processRecords` in each shard at the most.
    #[schemars(range(min = 1, max = 100), extend("x-unit" = "results", "x-soft-max" = 16, "x-group" = "Reading"))]
    pub max_pending_process_records_input: u32,
    /// The application calls `checkpoint` after a batch when the last call is so long ago; 0: after each batch.
    #[schemars(range(min = 0, max = 86_400), extend("x-unit" = "s", "x-soft-max" = 300, "x-assumed" = true, "x-group" = "Checkpoints"))]
    pub checkpoint_interval_seconds: u32,
    /// How leases are spread over workers.
    #[schemars(extend("x-group" = "Leases"))]
    pub lease_assignment: LeaseAssignment,
    /// A lease that was not renewed for so long is taken by another worker.
    #[schemars(range(min = 1000, max = 600_000), extend("x-unit" = "ms", "x-soft-max" = 60_000, "x-group" = "Leases"))]
    pub failover_time_ms: u32,
    /// Leases that a worker steals at once. KCL 1 and 2 only.
    #[schemars(range(min = 1, max = 1000), extend("x-unit" = "leases", "x-soft-max" = 16, "x-group" = "Leases"))]
    pub max_leases_to_steal_at_one_time: u32,
    /// How often a shard looks whether the shards that it was split or merged from are done.
    #[schemars(range(min = 1000, max = 600_000), extend("x-unit" = "ms", "x-soft-max" = 60_000, "x-group" = "Leases"))]
    pub parent_shard_poll_interval_ms: u32,
    /// How the lease table in DynamoDB is paid.
    #[schemars(extend("x-group" = "Lease table"))]
    pub lease_table_mode: LeaseTableMode,
    /// Write capacity of a provisioned lease table.
    #[schemars(range(min = 1, max = 40_000), extend("x-unit" = "WCU", "x-soft-max" = 100, "x-group" = "Lease table"))]
    pub lease_table_wcu: u32,
    /// Read capacity of a provisioned lease table.
    #[schemars(range(min = 1, max = 40_000), extend("x-unit" = "RCU", "x-soft-max" = 100, "x-group" = "Lease table"))]
    pub lease_table_rcu: u32,
    /// Custom metrics that the application publishes to CloudWatch, all of its workers and shards together; each worker calls
    /// `PutMetricData` every 10 s. 0: none (`metricsLevel` `NONE`). How many there are at other levels depends on the application: count them.
    #[schemars(range(min = 0, max = 1_000_000), extend("x-unit" = "metrics", "x-soft-max" = 200, "x-group" = "CloudWatch"))]
    pub cloudwatch_metrics: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            workers: 1,
            vcpus: 2.0,
            per_record_us: 100.0,
            max_records: 10_000,
            idle_time_between_reads_ms: 1500,
            max_pending_process_records_input: 4,
            checkpoint_interval_seconds: 60,
            lease_assignment: LeaseAssignment::default(),
            failover_time_ms: 10_000,
            max_leases_to_steal_at_one_time: 1,
            parent_shard_poll_interval_ms: 10_000,
            lease_table_mode: LeaseTableMode::default(),
            lease_table_wcu: 10,
            lease_table_rcu: 10,
            cloudwatch_metrics: 0,
        }
    }
}
