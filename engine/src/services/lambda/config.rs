//! Parameters of a function and of its event source mapping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The processor, which decides the price of a GB-second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Architecture {
    /// Intel or AMD.
    #[default]
    #[serde(rename = "x86_64")]
    X86,
    /// Graviton.
    #[serde(rename = "arm64")]
    Arm,
}

/// What starts in a new environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// Python.
    #[default]
    Python,
    /// Node.js.
    Nodejs,
    /// Java, without `SnapStart`.
    Java,
}

impl Runtime {
    /// The law of its start in the latency book.
    pub(super) const fn cold_start_law(self) -> &'static str {
        match self {
            Self::Python => "lambda.cold_start_python",
            Self::Nodejs => "lambda.cold_start_nodejs",
            Self::Java => "lambda.cold_start_java",
        }
    }
}

/// A Lambda function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A Python module with the handler, run by this machine's `python3` once you allowed it. Empty: the SQL is the function.
    #[schemars(extend("x-editor" = "python", "x-group" = "Code"))]
    pub code: String,
    /// Module and function that a call begins with.
    #[schemars(extend("x-group" = "Code"))]
    pub handler: String,
    /// What a function without Python does with a batch: one SELECT over the table `records`. Rows that WHERE leaves out are
    /// dropped.
    #[schemars(extend("x-editor" = "sql", "x-group" = "Code"))]
    pub sql: String,
    /// Memory; processing power grows with it up to one vCPU at 1,769 MB for this single-threaded code.
    #[schemars(range(min = 128, max = 10_240), extend("x-unit" = "MB", "x-soft-max" = 3008, "x-quota" = "lambda.memory_max_mb", "x-group" = "Resources"))]
    pub memory_mb: u32,
    /// Size of `/tmp`; what is above 512 MB is billed for as long as the function runs. Nothing here uses it: handlers have no `/tmp`.
    #[schemars(range(min = 512, max = 10_240), extend("x-unit" = "MB", "x-quota" = "lambda.ephemeral_storage_max_mb", "x-group" = "Resources"))]
    pub ephemeral_storage_mb: u32,
    /// A run that takes longer fails.
    #[schemars(range(min = 1, max = 900), extend("x-unit" = "s", "x-quota" = "lambda.timeout_max_s", "x-group" = "Resources"))]
    pub timeout_seconds: u32,
    /// The processor.
    #[schemars(extend("x-group" = "Resources"))]
    pub architecture: Architecture,
    /// What starts in a new environment.
    #[schemars(extend("x-group" = "Resources"))]
    pub runtime: Runtime,
    /// Time of each run at one vCPU, before any record; its spread follows the latency law. Assumed: measure your function.
    #[schemars(range(min = 0.0, max = 900_000.0), extend("x-unit" = "ms", "x-soft-max" = 1000.0, "x-assumed" = true, "x-group" = "Duration"))]
    pub base_ms: f64,
    /// Time for each record at one vCPU. Assumed: measure your function.
    #[schemars(range(min = 0.0, max = 1_000_000.0), extend("x-unit" = "us", "x-soft-max" = 1000.0, "x-assumed" = true, "x-group" = "Duration"))]
    pub per_record_us: f64,
    /// Environments that this function may have at once; without it, what the account has.
    #[schemars(range(min = 0, max = 100_000), extend("x-unit" = "environments", "x-quota" = "lambda.concurrent_executions_max", "x-group" = "Resources"))]
    pub reserved_concurrency: Option<u32>,
    /// Environments that are kept warm from the beginning of the run, billed whether they work or not.
    #[schemars(range(min = 0, max = 100_000), extend("x-unit" = "environments", "x-soft-max" = 100, "x-group" = "Resources"))]
    pub provisioned_concurrency: u32,
    /// Records of one batch from the stream.
    #[schemars(range(min = 1, max = 10_000), extend("x-unit" = "records", "x-quota" = "lambda.kinesis_batch_size_max", "x-group" = "Event source mapping"))]
    pub batch_size: u32,
    /// How long to gather records for a batch.
    #[schemars(range(min = 0, max = 300), extend("x-unit" = "s", "x-quota" = "lambda.kinesis_batch_window_max_s", "x-group" = "Event source mapping"))]
    pub batch_window_seconds: u32,
    /// Batches of one shard at once.
    #[schemars(range(min = 1, max = 10), extend("x-unit" = "batches", "x-quota" = "lambda.kinesis_parallelization_factor_max", "x-group" = "Event source mapping"))]
    pub parallelization_factor: u32,
    /// Further tries of a failed batch before it is given up; -1 for no end.
    #[schemars(range(min = -1, max = 10_000), extend("x-unit" = "tries", "x-quota" = "lambda.kinesis_max_retry_attempts", "x-group" = "Failures"))]
    pub maximum_retry_attempts: i32,
    /// A failed batch is given up when its records are older than this; -1 for any age.
    #[schemars(range(min = -1, max = 604_800), extend("x-unit" = "s", "x-quota" = "lambda.kinesis_max_record_age_s", "x-group" = "Failures"))]
    pub maximum_record_age_seconds: i32,
    /// After an error, split the batch in two before the next try.
    #[schemars(extend("x-group" = "Failures"))]
    pub bisect_batch_on_function_error: bool,
    /// The handler may name the items that failed (`batchItemFailures`), so that only those are tried again.
    #[schemars(extend("x-group" = "Failures"))]
    pub report_batch_item_failures: bool,
    /// Batches of a queue at once; without it, as many as the mapping scales up to.
    #[schemars(range(min = 2, max = 1000), extend("x-unit" = "batches", "x-group" = "Event source mapping"))]
    pub maximum_concurrency: Option<u32>,
    /// Further tries of an event that was sent asynchronously.
    #[schemars(range(min = 0, max = 2), extend("x-unit" = "tries", "x-group" = "Asynchronous events"))]
    pub maximum_event_retry_attempts: u32,
    /// An asynchronous event is given up when it is older than this.
    #[schemars(range(min = 60, max = 21_600), extend("x-unit" = "s", "x-group" = "Asynchronous events"))]
    pub maximum_event_age_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            code: String::new(),
            handler: "lambda_function.lambda_handler".to_owned(),
            sql: "SELECT * FROM records".to_owned(),
            memory_mb: 512,
            ephemeral_storage_mb: 512,
            timeout_seconds: 60,
            architecture: Architecture::default(),
            runtime: Runtime::default(),
            base_ms: 5.0,
            per_record_us: 200.0,
            reserved_concurrency: None,
            provisioned_concurrency: 0,
            batch_size: 100,
            batch_window_seconds: 0,
            parallelization_factor: 1,
            maximum_retry_attempts: -1,
            maximum_record_age_seconds: -1,
            bisect_batch_on_function_error: false,
            report_batch_item_failures: false,
            maximum_concurrency: None,
            maximum_event_retry_attempts: 2,
            maximum_event_age_seconds: 21_600,
        }
    }
}

impl Config {
    /// True when the function is Python.
    #[must_use]
    pub fn is_python(&self) -> bool {
        !self.code.trim().is_empty()
    }
}
