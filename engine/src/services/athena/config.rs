//! The parameters of a query.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parameters of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// One statement: SELECT over the tables of the catalog, or another statement of Athena's, such as MSCK REPAIR TABLE.
    #[schemars(extend("x-editor" = "sql", "x-group" = "Query"))]
    pub sql: String,
    /// Statements that run once before the first query, one after the other, with semicolons between them.
    #[schemars(extend("x-editor" = "sql", "x-group" = "Query"))]
    pub setup: String,
    /// The database of tables that are named without one. Empty: the one that the catalog tells.
    #[schemars(extend("x-group" = "Query"))]
    pub database: String,
    /// Rows of a result that are kept and handed on.
    #[schemars(range(min = 1, max = 10_000), extend("x-unit" = "rows", "x-group" = "Query"))]
    pub max_result_rows: u32,
    /// Time from one scheduled query to the next. 0: only by hand.
    #[schemars(range(min = 0, max = 2_678_400), extend("x-unit" = "s", "x-soft-max" = 3600, "x-group" = "Schedule"))]
    pub schedule_seconds: u32,
    /// When the first scheduled query begins.
    #[schemars(range(min = 0, max = 2_678_400), extend("x-unit" = "s", "x-soft-max" = 3600, "x-group" = "Schedule"))]
    pub start_after_seconds: u32,
    /// The workgroup's limit on bytes scanned per query; a query that reaches it is cancelled, and billed. 0: no limit.
    #[schemars(extend("x-unit" = "B", "x-group" = "Workgroup"))]
    pub workgroup_bytes_limit: u64,
    /// Where results are written, such as `s3://bucket/folder/`. Empty: Athena keeps them, and no file is written.
    #[schemars(extend("x-group" = "Workgroup"))]
    pub output_location: String,
    /// Age up to which the result of the same statement is used again instead of a scan. 0: never.
    #[schemars(range(min = 0, max = 10_080), extend("x-unit" = "min", "x-soft-max" = 120, "x-group" = "Workgroup"))]
    pub result_reuse_minutes: u32,
    /// DPUs of a capacity reservation, in fours; queries then wait for DPUs instead of being refused, and are not billed for bytes. 0: none.
    #[schemars(range(min = 0, max = 1000), extend("x-unit" = "DPU", "x-soft-max" = 240, "x-quota" = "athena.capacity_dpus_max", "x-group" = "Capacity reservation"))]
    pub capacity_dpus: u32,
    /// DPUs that a query takes of the reservation. AWS chooses between 4 and 124 and does not say how.
    #[schemars(range(min = 4, max = 124), extend("x-unit" = "DPU", "x-soft-max" = 24, "x-quota" = "athena.dpus_per_query_max", "x-assumed" = true, "x-group" = "Capacity reservation"))]
    pub dpus_per_query: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // Works over any catalog and is free.
            sql: "SHOW TABLES".to_owned(),
            setup: String::new(),
            database: String::new(),
            max_result_rows: 1000,
            schedule_seconds: 60,
            start_after_seconds: 60,
            workgroup_bytes_limit: 0,
            output_location: String::new(),
            result_reuse_minutes: 0,
            capacity_dpus: 0,
            dpus_per_query: 4,
        }
    }
}
