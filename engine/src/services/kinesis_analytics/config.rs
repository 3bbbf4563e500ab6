//! Parameters of an application, by AWS's names where AWS has one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lake::streaming::{Dialect, Limits};

/// What runs the application, and so which SQL it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Kinesis Data Analytics for SQL: streams, pumps, ROWTIME. AWS ended it in January 2026.
    #[default]
    Sql,
    /// Managed Service for Apache Flink: tables, watermarks, event time.
    Flink,
}

/// An application over a stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What runs the application, and so which SQL it speaks.
    #[schemars(extend("x-group" = "Code"))]
    pub runtime: Runtime,
    /// The application: statements that create streams and fill them. The stream on the wire is `SOURCE_SQL_STREAM_001`.
    #[schemars(extend("x-editor" = "sql", "x-group" = "Code"))]
    pub sql: String,
    /// The in-application stream that goes out at `out`. Empty: the first that the script creates and fills.
    #[schemars(extend("x-group" = "Destinations"))]
    pub out_stream: String,
    /// The in-application stream that goes out at `out_2`. Empty: the second.
    #[schemars(extend("x-group" = "Destinations"))]
    pub out_2_stream: String,
    /// The in-application stream that goes out at `out_3`. Empty: the third.
    #[schemars(extend("x-group" = "Destinations"))]
    pub out_3_stream: String,
    /// Tables of the SQL that read the stream at `in_2`, parted by commas; all others read the one at `in`. Flink only.
    #[schemars(extend("x-group" = "Code"))]
    pub in_2_tables: String,
    /// Name in the SQL of the reference table, which stands for an object in S3. Empty: none.
    #[schemars(extend("x-group" = "Reference data"))]
    pub reference_table: String,
    /// File with the rows of the reference table (CSV, JSON or Parquet), in the document's folder.
    #[schemars(extend("x-group" = "Reference data"))]
    pub reference_file: String,
    /// Key of the object in the bucket at `reference` with the rows of the reference table (CSV, JSON lines or Parquet), or a folder whose
    /// newest object counts. Instead of a file.
    #[schemars(extend("x-group" = "Reference data"))]
    pub reference_key: String,
    /// Columns of the object with their types, in its order, as `ticker VARCHAR(4), company VARCHAR(16)`.
    #[schemars(extend("x-group" = "Reference data"))]
    pub reference_columns: String,
    /// Windows of event time take records so long after the watermark, and give their changed rows again. Flink only.
    #[schemars(range(min = 0, max = 86_400), extend("x-unit" = "s", "x-soft-max" = 600, "x-group" = "Time"))]
    pub allowed_lateness_seconds: u32,
    /// A shard without records for so long no longer holds the watermark back (`table.exec.source.idle-timeout`); 0: it always does.
    /// Flink only.
    #[schemars(range(min = 0, max = 86_400), extend("x-unit" = "s", "x-soft-max" = 600, "x-group" = "Time"))]
    pub source_idle_timeout_seconds: u32,
    /// Tasks that the application is split into: shards that are worked on at once.
    #[schemars(range(min = 1, max = 512), extend("x-soft-max" = 64, "x-group" = "Capacity"))]
    pub parallelism: u32,
    /// Tasks that share one KPU.
    #[schemars(range(min = 1, max = 8), extend("x-group" = "Capacity"))]
    pub parallelism_per_kpu: u32,
    /// The application changes its parallelism with the load of its processors.
    #[schemars(extend("x-group" = "Capacity"))]
    pub auto_scaling: bool,
    /// KPUs at the most.
    #[schemars(range(min = 1, max = 64), extend("x-unit" = "KPUs", "x-quota" = "kinesis-analytics.kpus_max", "x-group" = "Capacity"))]
    pub max_kpus: u32,
    /// Processor time of one record on one KPU. Assumed: measure your application.
    #[schemars(range(min = 0.0, max = 1_000_000.0), extend("x-unit" = "us", "x-soft-max" = 1000.0, "x-assumed" = true, "x-group" = "Capacity"))]
    pub per_record_us: f64,
    /// Groups, sessions and partitions that are open at once in each statement; records that would open more are dropped.
    #[schemars(range(min = 1, max = 1_000_000), extend("x-unit" = "keys", "x-soft-max" = 100_000, "x-group" = "State"))]
    pub max_state_keys: u32,
    /// Records that the sliding windows of a statement keep; records beyond are dropped.
    #[schemars(range(min = 1, max = 5_000_000), extend("x-unit" = "records", "x-soft-max" = 1_000_000, "x-group" = "State"))]
    pub max_state_records: u32,
    /// Durable application backups (snapshots) that are kept, for the bill. Assumed: see how large yours are. Flink only.
    #[schemars(range(min = 0.0, max = 100_000.0), extend("x-unit" = "GB", "x-soft-max" = 100.0, "x-assumed" = true, "x-group" = "State"))]
    pub backup_gb: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            runtime: Runtime::default(),
            sql: "CREATE OR REPLACE STREAM \"DESTINATION_SQL_STREAM\" (records BIGINT);\n\nCREATE OR REPLACE PUMP \"STREAM_PUMP\" AS\nINSERT INTO \"DESTINATION_SQL_STREAM\"\nSELECT STREAM COUNT(*)\nFROM \"SOURCE_SQL_STREAM_001\"\nGROUP BY STEP(\"SOURCE_SQL_STREAM_001\".ROWTIME BY INTERVAL '60' SECOND);\n".to_owned(),
            out_stream: String::new(),
            out_2_stream: String::new(),
            out_3_stream: String::new(),
            in_2_tables: String::new(),
            reference_table: String::new(),
            reference_file: String::new(),
            reference_key: String::new(),
            reference_columns: String::new(),
            allowed_lateness_seconds: 0,
            source_idle_timeout_seconds: 0,
            parallelism: 1,
            parallelism_per_kpu: 1,
            auto_scaling: true,
            max_kpus: 8,
            per_record_us: 20.0,
            max_state_keys: 100_000,
            max_state_records: 1_000_000,
            backup_gb: 0.0,
        }
    }
}

impl Config {
    /// The reference table is an object in S3.
    pub(super) fn reads_object(&self) -> bool {
        !self.reference_table.trim().is_empty() && !self.reference_key.trim().is_empty()
    }
    pub(super) const fn dialect(&self) -> Dialect {
        match self.runtime {
            Runtime::Sql => Dialect::Kinesis,
            Runtime::Flink => Dialect::Flink,
        }
    }
    pub(super) fn limits(&self, seed: u64) -> Limits {
        Limits {
            keys: self.max_state_keys as usize,
            rows: self.max_state_records as usize,
            lateness_ms: i64::from(self.allowed_lateness_seconds) * 1000,
            idle_ms: i64::from(self.source_idle_timeout_seconds) * 1000,
            seed,
        }
    }
    /// The tables that read the second stream.
    pub(super) fn second_tables(&self) -> Vec<String> {
        let names = self.in_2_tables.split(',').map(str::trim);
        names.filter(|n| !n.is_empty()).map(str::to_owned).collect()
    }
    /// The streams that the three ports were given, by port.
    pub(super) fn wanted(&self) -> [(&'static str, &'static str, &str); 3] {
        [
            ("out", "out_stream", &self.out_stream),
            ("out_2", "out_2_stream", &self.out_2_stream),
            ("out_3", "out_3_stream", &self.out_3_stream),
        ]
    }
    /// KPUs that so many tasks need.
    pub(super) const fn kpus(&self, parallelism: u32) -> u32 {
        parallelism.div_ceil(self.parallelism_per_kpu)
    }
    /// The same but for what may change while the run goes on.
    pub(super) fn fixed(&self) -> Self {
        let free = Self::default();
        Self {
            parallelism: free.parallelism,
            parallelism_per_kpu: free.parallelism_per_kpu,
            auto_scaling: free.auto_scaling,
            max_kpus: free.max_kpus,
            per_record_us: free.per_record_us,
            ..self.clone()
        }
    }
}
