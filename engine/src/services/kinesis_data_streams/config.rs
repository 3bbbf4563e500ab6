//! Parameters of a stream.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How capacity is had and paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StreamMode {
    /// So many shards, paid by the hour, and PUT payload units.
    #[default]
    Provisioned,
    /// The service keeps twice the peak ready; paid by the GB.
    OnDemand,
}

/// The account's pricing of on-demand streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnDemandTier {
    /// Each stream by its hours and its GB.
    #[default]
    Standard,
    /// Lower prices for a commitment of at least 25 MiB/s in and out.
    Advantage,
}

/// A Kinesis data stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How capacity is had and paid.
    #[schemars(extend("x-group" = "Capacity"))]
    pub stream_mode: StreamMode,
    /// Open shards of a provisioned stream. Each takes 1,000 records and 1 MiB a second and gives 2 MiB a second.
    #[schemars(range(min = 1, max = 10_000), extend("x-unit" = "shards", "x-soft-max" = 32, "x-quota" = "kinesis-data-streams.shards_max", "x-group" = "Capacity"))]
    pub shard_count: u32,
    /// The account's pricing of on-demand streams.
    #[schemars(extend("x-group" = "Capacity"))]
    pub on_demand_tier: OnDemandTier,
    /// For on-demand: the peak of what was written in the 30 days before; twice as much is ready at once. 0 for a new stream.
    #[schemars(range(min = 0.0, max = 10_240.0), extend("x-unit" = "MiB/s", "x-soft-max" = 200.0, "x-group" = "Capacity"))]
    pub peak_before_mib: f64,
    /// The field whose text is hashed to find a record's shard. Empty: records are spread at random.
    #[schemars(extend("x-editor" = "field", "x-group" = "Capacity"))]
    pub partition_key: String,
    /// The field that holds a hash key (a whole number below 2^128), which overrides the partition key's.
    #[schemars(extend("x-editor" = "field"))]
    pub explicit_hash_key: String,
    /// How long records stay readable.
    #[schemars(range(min = 24, max = 8760), extend("x-unit" = "h", "x-soft-max" = 168, "x-quota" = "kinesis-data-streams.retention_max_h", "x-group" = "Storage"))]
    pub retention_hours: u32,
    /// The largest record, data and key.
    #[schemars(range(min = 1024, max = 10_240), extend("x-unit" = "KiB", "x-quota" = "kinesis-data-streams.record_max_bytes_limit"))]
    pub max_record_kib: u32,
    /// Setting it while the stream runs splits the shard with this number in the middle of its hash keys (`SplitShard`).
    #[schemars(range(min = 0, max = 100_000), extend("x-group" = "Resharding"))]
    pub split_shard: Option<u32>,
    /// Setting it while the stream runs merges the shard with this number and the one after it (`MergeShards`).
    #[schemars(range(min = 0, max = 100_000), extend("x-group" = "Resharding"))]
    pub merge_shard: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            stream_mode: StreamMode::default(),
            shard_count: 1,
            on_demand_tier: OnDemandTier::default(),
            peak_before_mib: 0.0,
            partition_key: String::new(),
            explicit_hash_key: String::new(),
            retention_hours: 24,
            max_record_kib: 1024,
            split_shard: None,
            merge_shard: None,
        }
    }
}

impl Config {
    pub(super) fn is_on_demand(&self) -> bool {
        self.stream_mode == StreamMode::OnDemand
    }
    pub(super) fn is_advantage(&self) -> bool {
        self.is_on_demand() && self.on_demand_tier == OnDemandTier::Advantage
    }
}
