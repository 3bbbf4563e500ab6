//! Parameters of a delivery stream.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::partition::Keys;
use super::prefix;
use crate::lake::{Codec, ObjectKey};
use crate::node::Problems;
use crate::units::{MIB, SimDuration};

/// How the files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// One JSON object after the other.
    #[default]
    Json,
    /// Columns, by record format conversion.
    Parquet,
    /// Columns as Hive writes them, by record format conversion; of flat types only.
    Orc,
}

/// How the files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// What Firehose does when nothing is said: JSON as it is, Snappy inside Parquet and ORC.
    #[default]
    Default,
    /// As they are.
    None,
    /// GZIP.
    Gzip,
    /// Snappy; Firehose's own choice for Parquet and ORC.
    Snappy,
    /// ZLIB, for ORC alone.
    Zlib,
    /// Zstandard. AWS offers it for Parquet in Iceberg tables only; kept here to compare.
    Zstd,
}

/// A Data Firehose stream that delivers to S3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A file is written when this much has gathered, before compression. At least 64 MiB for Parquet and ORC.
    #[schemars(range(min = 1, max = 128), extend("x-unit" = "MiB", "x-quota" = "firehose.s3_buffer_size_max_bytes", "x-group" = "Buffer"))]
    pub buffer_size_mib: u32,
    /// A file is written at the latest after this time, if there is anything to write.
    #[schemars(range(min = 0, max = 900), extend("x-unit" = "s", "x-quota" = "firehose.s3_buffer_interval_max_s", "x-group" = "Buffer"))]
    pub buffer_interval_seconds: u32,
    /// How the files are written.
    #[schemars(extend("x-group" = "Files"))]
    pub format: OutputFormat,
    /// How the files are compressed.
    #[schemars(extend("x-group" = "Files"))]
    pub compression: Compression,
    /// Bytes of one stripe of an ORC file before compression, about (`StripeSizeBytes`).
    #[schemars(range(min = 8, max = 128), extend("x-unit" = "MiB", "x-group" = "Format"))]
    pub orc_stripe_size_mib: u32,
    /// The table of the data catalog whose columns files of Parquet and ORC have, when a catalog is connected. Empty: those of the records.
    #[schemars(extend("x-group" = "Format"))]
    pub table_name: String,
    /// Puts records into folders by their own values: one buffer for each combination of `partition_keys`.
    #[schemars(extend("x-group" = "Dynamic partitioning"))]
    pub dynamic_partitioning: bool,
    /// The keys and where each record has them, as in `{customer_id: .customer_id, city: .place.city}`; `prefix` names them with
    /// `!{partitionKeyFromQuery:customer_id}`.
    #[schemars(extend("x-group" = "Dynamic partitioning"))]
    pub partition_keys: String,
    /// Where the files go: text with `!{timestamp:...}` for parts of the time (UTC), such as `year=!{timestamp:yyyy}/`. Without any such
    /// expression, `YYYY/MM/dd/HH/` follows.
    #[schemars(extend("x-group" = "Files"))]
    pub prefix: String,
    /// Where records go that could not be processed; `!{firehose:error-output-type}` names the reason.
    #[schemars(extend("x-group" = "Files"))]
    pub error_output_prefix: String,
    /// Where the records as they came go, when a bucket is connected to `backup`.
    pub backup_prefix: String,
    /// Puts a line end after each JSON record.
    #[schemars(extend("x-group" = "Files"))]
    pub append_delimiter_to_record: bool,
    /// A batch for the transform is sent when this much has gathered.
    #[schemars(range(min = 0.2, max = 3.0), extend("x-unit" = "MiB", "x-quota" = "firehose.lambda_buffer_size_max_bytes", "x-group" = "Transform"))]
    pub transform_buffer_mib: f64,
    /// A batch for the transform is sent at the latest after this time.
    #[schemars(range(min = 0, max = 900), extend("x-unit" = "s", "x-quota" = "firehose.lambda_buffer_interval_default_s", "x-group" = "Transform"))]
    pub transform_interval_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            buffer_size_mib: 5,
            buffer_interval_seconds: 300,
            format: OutputFormat::Json,
            compression: Compression::Default,
            orc_stripe_size_mib: 64,
            table_name: String::new(),
            dynamic_partitioning: false,
            partition_keys: String::new(),
            prefix: String::new(),
            error_output_prefix: String::new(),
            backup_prefix: String::new(),
            append_delimiter_to_record: true,
            transform_buffer_mib: 1.0,
            transform_interval_seconds: 60,
        }
    }
}

impl Config {
    /// How files of one sort are written: the error output is JSON lines, and conversion leaves its compression inside its files.
    pub(super) fn of(&self, kind: &str) -> Self {
        if kind.is_empty() {
            return self.clone();
        }
        let compression = match self.format {
            OutputFormat::Json => self.compression,
            OutputFormat::Parquet | OutputFormat::Orc => Compression::None,
        };
        Self {
            format: OutputFormat::Json,
            compression,
            append_delimiter_to_record: true,
            ..self.clone()
        }
    }
    /// What the bytes of a file are compressed with. Source of the default: Firehose's API reference, `ParquetSerDe` and `OrcSerDe`
    /// (`SNAPPY`) and `ExtendedS3DestinationConfiguration` (`UNCOMPRESSED`).
    pub(super) fn codec(&self) -> Codec {
        match self.compression {
            Compression::Default if self.converts() => Codec::Snappy,
            Compression::Default | Compression::None => Codec::None,
            // ORC's word for the same deflated bytes.
            Compression::Gzip | Compression::Zlib => Codec::Gzip,
            Compression::Snappy => Codec::Snappy,
            Compression::Zstd => Codec::Zstd,
        }
    }
    /// True when records are converted to columns.
    pub(super) fn converts(&self) -> bool {
        self.format != OutputFormat::Json
    }
    /// The partition keys, when records are partitioned.
    pub(super) fn keys(&self) -> Result<Option<Keys>, String> {
        self.dynamic_partitioning
            .then(|| Keys::parse(&self.partition_keys))
            .transpose()
    }
    pub(super) const fn interval(&self) -> SimDuration {
        SimDuration::secs(self.buffer_interval_seconds as u64)
    }
    pub(super) fn size(&self) -> u64 {
        u64::from(self.buffer_size_mib) * MIB
    }
    pub(super) const fn transform_interval(&self) -> SimDuration {
        SimDuration::secs(self.transform_interval_seconds as u64)
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0.2 to 3 MiB by the parameter's range"
    )]
    pub(super) fn transform_bytes(&self) -> u64 {
        (self.transform_buffer_mib * MIB as f64) as u64
    }
    pub(super) fn validate(&self, out: &mut Problems) {
        if self.dynamic_partitioning {
            self.validate_partitions(out);
        }
        if self.converts() && self.buffer_size_mib < 64 {
            out.error(
                "buffer_size_mib",
                "record format conversion needs a buffer of at least 64 MiB",
                "set 64 to 128",
            );
        }
        if self.compression == Compression::Zstd && self.format == OutputFormat::Json {
            out.warning(
                "compression",
                "AWS does not offer Zstandard for JSON files",
                "gzip or snappy exist in AWS",
            );
        }
        let fits = match self.compression {
            Compression::Gzip | Compression::Zstd => self.format != OutputFormat::Orc,
            Compression::Zlib => self.format == OutputFormat::Orc,
            Compression::Default | Compression::None | Compression::Snappy => true,
        };
        if !fits {
            out.error(
                "compression",
                "ORC files are compressed with snappy or zlib, and zlib is for them alone",
                "set default, snappy or none, or zlib for orc and gzip for the others",
            );
        }
        self.validate_prefixes(out);
    }
    fn validate_partitions(&self, out: &mut Problems) {
        if let Err(why) = Keys::parse(&self.partition_keys) {
            out.error(
                "partition_keys",
                why,
                "for example {customer_id: .customer_id}",
            );
        } else if !self.prefix.contains("!{partitionKeyFromQuery:") {
            out.error(
                "prefix",
                "dynamic partitioning needs the keys in the prefix",
                "for example data/!{partitionKeyFromQuery:customer_id}/",
            );
        }
        if self.buffer_size_mib < 64 && !self.converts() {
            out.error(
                "buffer_size_mib",
                "dynamic partitioning needs a buffer of at least 64 MiB",
                "set 64 to 128",
            );
        }
        if self.buffer_interval_seconds == 0 {
            out.error(
                "buffer_interval_seconds",
                "dynamic partitioning does not go without buffering",
                "set 60 to 900",
            );
        }
    }
    fn validate_prefixes(&self, out: &mut Problems) {
        let keys = self.keys().ok().flatten().unwrap_or_default();
        let keys: Vec<(&str, &str)> = keys.names().map(|name| (name, "x")).collect();
        let example =
            "for example year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/";
        for (field, text) in [
            ("prefix", &self.prefix),
            ("error_output_prefix", &self.error_output_prefix),
            ("backup_prefix", &self.backup_prefix),
        ] {
            let keys = if field == "prefix" { &keys[..] } else { &[] };
            match prefix::expand_with(text, 0, "type", 0, keys) {
                Err(e) => out.error(field, e, example),
                Ok(folder) => {
                    if let Err(e) = ObjectKey::parse(&format!("{folder}x")) {
                        out.error(field, e.to_string(), example);
                    }
                }
            }
        }
        let names_type = |text: &str| text.contains("!{firehose:error-output-type}");
        if names_type(&self.prefix) {
            out.error(
                "prefix",
                "good files have no error type",
                "`!{firehose:error-output-type}` belongs in `error_output_prefix`",
            );
        }
        let errors = self.error_output_prefix.as_str();
        if errors.contains("!{") && !names_type(errors) {
            out.error(
                "error_output_prefix",
                "the type of error is missing",
                "add `!{firehose:error-output-type}`",
            );
        }
    }
}
