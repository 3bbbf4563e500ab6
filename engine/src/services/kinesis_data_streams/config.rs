//! Parameters of a provisioned stream.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Kinesis data stream in provisioned mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Open shards. Each takes 1,000 records and 1 MiB a second and gives 2 MiB a second.
    #[schemars(range(min = 1, max = 10_000), extend("x-unit" = "shards", "x-soft-max" = 32, "x-quota" = "kinesis-data-streams.shards_max", "x-group" = "Capacity"))]
    pub shard_count: u32,
    /// The field whose text is hashed to find a record's shard. Empty: records are spread at random.
    #[schemars(extend("x-editor" = "field", "x-group" = "Capacity"))]
    pub partition_key: String,
    /// How long records stay readable.
    #[schemars(range(min = 24, max = 8760), extend("x-unit" = "h", "x-soft-max" = 168, "x-quota" = "kinesis-data-streams.retention_max_h", "x-group" = "Storage"))]
    pub retention_hours: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shard_count: 1,
            partition_key: String::new(),
            retention_hours: 24,
        }
    }
}
