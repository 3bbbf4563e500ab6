//! The parameters of a job, by Glue's names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lake::{Codec, Format};

/// How the files of the target are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// Columns; what queries read least of.
    #[default]
    Parquet,
    /// Columns as Hive writes them; of flat types only.
    Orc,
    /// Rows with their schema.
    Avro,
    /// One JSON object a line.
    Json,
    /// Text with commas and a line of names.
    Csv,
}

/// How the files of the target are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Fast; Glue's default for Parquet and ORC.
    #[default]
    Snappy,
    /// Smaller, slower; ORC calls it zlib.
    Gzip,
    /// Smaller than gzip and faster.
    Zstd,
    /// As it is.
    None,
}

/// What the job remembers from run to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Bookmark {
    /// Every run reads everything.
    #[default]
    #[serde(rename = "job-bookmark-disable")]
    Disable,
    /// A run reads what was written after the last run that succeeded, and remembers.
    #[serde(rename = "job-bookmark-enable")]
    Enable,
    /// As enabled, but the run does not remember.
    #[serde(rename = "job-bookmark-pause")]
    Pause,
}

/// Size of each worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum WorkerType {
    /// 0.25 DPU: 2 vCPUs, 4 GB.
    #[serde(rename = "G.025X")]
    G025x,
    /// 1 DPU: 4 vCPUs, 16 GB.
    #[default]
    #[serde(rename = "G.1X")]
    G1x,
    /// 2 DPU: 8 vCPUs, 32 GB.
    #[serde(rename = "G.2X")]
    G2x,
    /// 4 DPU: 16 vCPUs, 64 GB.
    #[serde(rename = "G.4X")]
    G4x,
    /// 8 DPU: 32 vCPUs, 128 GB.
    #[serde(rename = "G.8X")]
    G8x,
    /// 12 DPU: 48 vCPUs, 192 GB.
    #[serde(rename = "G.12X")]
    G12x,
    /// 16 DPU: 64 vCPUs, 256 GB.
    #[serde(rename = "G.16X")]
    G16x,
}

/// Which capacity runs the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExecutionClass {
    /// Own capacity.
    #[default]
    Standard,
    /// Spare capacity: cheaper, starts later, workers may be taken away.
    Flex,
}

/// Version of Glue, which decides the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum GlueVersion {
    /// 4.0.
    #[serde(rename = "4.0")]
    V4,
    /// 5.1, the default of new jobs.
    #[default]
    #[serde(rename = "5.1")]
    V5,
    /// 6.0, cheaper.
    #[serde(rename = "6.0")]
    V6,
}

/// What happens when a rule of the ruleset fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QualityAction {
    /// The score is told, the job goes on.
    #[default]
    Continue,
    /// The target is written, then the job fails.
    FailAfterLoading,
    /// The job fails and writes nothing.
    FailWithoutLoading,
}

/// The parameters of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Table of the catalog that is read. Empty: the files below `source_prefix` of the bucket.
    #[schemars(extend("x-group" = "Source"))]
    pub source_table: String,
    /// Database of the source and of other tables. Empty: the one that the catalog on the wire tells.
    #[schemars(extend("x-group" = "Source"))]
    pub source_database: String,
    /// Folder of the bucket that is read when no table is named.
    #[schemars(extend("x-group" = "Source"))]
    pub source_prefix: String,
    /// Leaves out files in the archives of S3 (`excludeStorageClasses`). Otherwise a run that meets one fails with `InvalidObjectState`.
    #[schemars(extend("x-group" = "Source"))]
    pub exclude_archived_files: bool,
    /// Records that do not parse, beyond which the run fails. 0: any number is left out and counted.
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-unit" = "records", "x-soft-max" = 1000, "x-group" = "Source"))]
    pub stage_threshold: u64,
    /// Bookmark: what the job remembers from run to run.
    #[schemars(extend("x-group" = "Source"))]
    pub job_bookmark: Bookmark,
    /// The transforms in order, one a line, such as `Filter amount > 0`; `source` stands for the rows so far.
    #[schemars(extend("x-group" = "Transforms"))]
    pub transforms: Vec<String>,
    /// Data quality rules in DQDL, evaluated on the result. Empty: none.
    #[schemars(extend("x-group" = "Data quality"))]
    pub data_quality_ruleset: String,
    /// What happens when a rule fails.
    #[schemars(extend("x-group" = "Data quality"))]
    pub data_quality_action: QualityAction,
    /// Folder of the target bucket that is written to.
    #[schemars(extend("x-group" = "Target"))]
    pub target_prefix: String,
    /// How the files are written.
    #[schemars(extend("x-group" = "Target"))]
    pub format: OutputFormat,
    /// How the files are compressed.
    #[schemars(extend("x-group" = "Target"))]
    pub compression: Compression,
    /// Columns that become folders `name=value`, outermost first.
    #[schemars(extend("x-group" = "Target"))]
    pub partition_keys: Vec<String>,
    /// Rows of one file at the most. 0: one file for each partition and run.
    #[schemars(range(min = 0, max = 1_000_000_000), extend("x-unit" = "rows", "x-soft-max" = 1_000_000, "x-group" = "Target"))]
    pub max_records_per_file: u64,
    /// `enableUpdateCatalog`: the job itself stores the table and its new partitions.
    #[schemars(extend("x-group" = "Target"))]
    pub enable_update_catalog: bool,
    /// Database of the table that the job stores.
    #[schemars(extend("x-group" = "Target"))]
    pub target_database: String,
    /// Name of the table that the job stores. Empty: the name of the target folder.
    #[schemars(extend("x-group" = "Target"))]
    pub target_table: String,
    /// Size of each worker.
    #[schemars(extend("x-group" = "Workers"))]
    pub worker_type: WorkerType,
    /// Workers, the driver included.
    #[schemars(range(min = 2, max = 299), extend("x-unit" = "workers", "x-soft-max" = 20, "x-group" = "Workers"))]
    pub number_of_workers: u32,
    /// Only as many workers as the input keeps busy are run and billed.
    #[schemars(extend("x-group" = "Workers"))]
    pub auto_scaling: bool,
    /// Which capacity runs the job.
    #[schemars(extend("x-group" = "Workers"))]
    pub execution_class: ExecutionClass,
    /// Version of Glue, which decides the price.
    #[schemars(extend("x-group" = "Workers"))]
    pub glue_version: GlueVersion,
    /// A run that takes longer is stopped with `TIMEOUT`.
    #[schemars(range(min = 1, max = 10_080), extend("x-unit" = "min", "x-soft-max" = 2880, "x-group" = "Runs"))]
    pub timeout_minutes: u32,
    /// Times that a failed run is begun again.
    #[schemars(range(min = 0, max = 10), extend("x-unit" = "retries", "x-quota" = "glue-etl.retries_max", "x-group" = "Runs"))]
    pub max_retries: u32,
    /// Runs at the same time.
    #[schemars(range(min = 1, max = 4000), extend("x-unit" = "runs", "x-soft-max" = 10, "x-quota" = "glue-etl.concurrent_runs_default", "x-group" = "Runs"))]
    pub max_concurrent_runs: u32,
    /// Scheduled trigger: time from one run to the next. 0: no schedule.
    #[schemars(range(min = 0, max = 2_678_400), extend("x-unit" = "s", "x-soft-max" = 3600, "x-group" = "Triggers"))]
    pub schedule_seconds: u32,
    /// When the first scheduled run begins.
    #[schemars(range(min = 0, max = 2_678_400), extend("x-unit" = "s", "x-soft-max" = 3600, "x-group" = "Triggers"))]
    pub start_after_seconds: u32,
    /// Conditional trigger: a run begins whenever the crawler on the wire has succeeded.
    #[schemars(extend("x-group" = "Triggers"))]
    pub run_after_crawl: bool,
    /// Input that one DPU works off in a second.
    #[schemars(range(min = 0.1, max = 10_000.0), extend("x-unit" = "MiB/s", "x-soft-max" = 200, "x-assumed" = true, "x-group" = "Model"))]
    pub throughput_mib_per_second: f64,
    /// Time of one task beside its bytes: small files cost this each.
    #[schemars(range(min = 0, max = 60_000), extend("x-unit" = "ms", "x-soft-max" = 1000, "x-assumed" = true, "x-group" = "Model"))]
    pub task_overhead_ms: u32,
    /// Time of a run beside its tasks.
    #[schemars(range(min = 0, max = 3600), extend("x-unit" = "s", "x-soft-max" = 60, "x-assumed" = true, "x-group" = "Model"))]
    pub job_overhead_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            source_table: String::new(),
            source_database: String::new(),
            source_prefix: String::new(),
            exclude_archived_files: false,
            stage_threshold: 0,
            job_bookmark: Bookmark::default(),
            transforms: Vec::new(),
            data_quality_ruleset: String::new(),
            data_quality_action: QualityAction::default(),
            target_prefix: "curated/".to_owned(),
            format: OutputFormat::default(),
            compression: Compression::default(),
            partition_keys: Vec::new(),
            max_records_per_file: 0,
            enable_update_catalog: true,
            target_database: "weir".to_owned(),
            target_table: String::new(),
            worker_type: WorkerType::default(),
            number_of_workers: 10,
            auto_scaling: false,
            execution_class: ExecutionClass::default(),
            glue_version: GlueVersion::default(),
            timeout_minutes: 2880,
            max_retries: 0,
            max_concurrent_runs: 1,
            schedule_seconds: 0,
            start_after_seconds: 300,
            run_after_crawl: true,
            throughput_mib_per_second: 25.0,
            task_overhead_ms: 100,
            job_overhead_seconds: 10,
        }
    }
}

impl Config {
    /// The lake's format and codec. Text files that Glue would write with snappy stay plain: nothing reads them otherwise.
    #[must_use]
    pub fn output(&self) -> (Format, Codec) {
        let codec = match self.compression {
            Compression::Snappy => Codec::Snappy,
            Compression::Gzip => Codec::Gzip,
            Compression::Zstd => Codec::Zstd,
            Compression::None => Codec::None,
        };
        let format = match self.format {
            OutputFormat::Parquet => Format::Parquet,
            OutputFormat::Orc => Format::Orc,
            OutputFormat::Avro => Format::Avro,
            OutputFormat::Json => Format::Json,
            OutputFormat::Csv => Format::Csv {
                delimiter: ',',
                header: true,
            },
        };
        (format, codec)
    }
    /// The target folder with its last slash; empty for the whole bucket.
    #[must_use]
    pub fn target_folder(&self) -> String {
        let plain = self.target_prefix.trim_matches('/');
        if plain.is_empty() {
            String::new()
        } else {
            format!("{plain}/")
        }
    }
    /// The name of the table that is stored.
    #[must_use]
    pub fn table_name(&self) -> String {
        if !self.target_table.is_empty() {
            return self.target_table.to_lowercase();
        }
        let folder = self.target_folder();
        let last = folder.trim_end_matches('/').rsplit('/').next();
        let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name = last.filter(|l| !l.is_empty()).unwrap_or("target");
        name.to_lowercase().chars().map(word).collect()
    }
}
