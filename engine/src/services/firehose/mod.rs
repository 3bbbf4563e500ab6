//! Amazon Data Firehose: buffers records by size and time, lets a function transform them, writes files.
//!
//! `intake.rs` gets the records (stream or direct put), `transform.rs` sends them through a function, `buffer.rs` gathers and
//! encodes them, `delivery.rs` names and puts the files, `errors.rs` writes what failed, `model.rs` joins them.

mod buffer;
mod config;
mod convert;
mod delivery;
mod errors;
mod intake;
mod model;
mod partition;
mod prefix;
mod transform;

#[cfg(test)]
pub(super) mod tests;

use crate::books::{UsageSpec, usage};
use crate::metrics::metric;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, Schemas, TraceCx,
};

pub use config::{Compression, Config, OutputFormat};
#[cfg(test)]
pub(super) use intake::rounded_bytes;
pub use model::Model;

pub(super) static DIRECT_PUT_GB: UsageSpec = usage(
    "firehose.ingested_gb",
    "GB",
    1 << 30,
    "each record rounded up to 5 KB",
);
pub(super) static STREAM_GB: UsageSpec = usage(
    "firehose.kinesis_source_gb",
    "GB",
    1 << 30,
    "each record rounded up to 5 KB",
);
pub(super) static CONVERSION_GB: UsageSpec = usage(
    "firehose.format_conversion_gb",
    "GB",
    1 << 30,
    "each record rounded up to 5 KB",
);

pub(super) static PARTITIONING_GB: UsageSpec =
    usage("firehose.dynamic_partitioning_gb", "GB", 1 << 30, "");
pub(super) static PARTITIONING_OBJECT: UsageSpec =
    usage("firehose.dynamic_partitioning_object", "object", 1, "");
pub(super) static JQ_HOUR: UsageSpec =
    usage("firehose.jq_processing_hour", "JQ hour", 3_600_000_000, "");

static SPEC: KindSpec = KindSpec {
    id: "firehose",
    title: "Data Firehose",
    title_ko: "Data Firehose 전송",
    category: Category::Stream,
    summary: "Buffers records and writes them as files, through a function and into Parquet or ORC if wanted.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/Firehose",
    inputs: &[
        InPort {
            name: "in",
            accepts: &[Flow::Stream, Flow::Records],
            max_wires: usize::MAX,
            required: true,
            help: "A stream to read, or records put with PutRecordBatch.",
        },
        InPort {
            name: "catalog",
            accepts: &[Flow::Catalog],
            max_wires: 1,
            required: false,
            help: "A data catalog with the table whose columns converted files have.",
        },
    ],
    outputs: &[
        OutPort {
            name: "out",
            flow: Flow::Objects,
            max_wires: 1,
            credit: 1024,
            help: "The files, for a bucket.",
        },
        OutPort {
            name: "transform",
            flow: Flow::Invoke,
            max_wires: 1,
            credit: 4096,
            help: "A function that gets each batch before it is buffered, and answers.",
        },
        OutPort {
            name: "backup",
            flow: Flow::Objects,
            max_wires: 1,
            credit: 1024,
            help: "The records as they came, before the function, for a bucket.",
        },
    ],
    metrics: &[
        metric(
            "IncomingRecords",
            "Count",
            "Records put directly and taken in.",
        ),
        metric("IncomingBytes", "Bytes", "Bytes of those records."),
        metric(
            "ThrottledRecords",
            "Count",
            "Records put directly and refused because of a quota.",
        ),
        metric(
            "DataReadFromKinesisStream.Records",
            "Count",
            "Records read from the stream.",
        ),
        metric(
            "DataReadFromKinesisStream.Bytes",
            "Bytes",
            "Bytes of those records.",
        ),
        metric(
            "KinesisMillisBehindLatest",
            "Milliseconds",
            "How far reading is behind the stream's newest record.",
        ),
        metric(
            "ThrottledGetRecords",
            "Count",
            "GetRecords calls that the stream refused.",
        ),
        metric(
            "ExecuteProcessing.Duration",
            "Milliseconds",
            "How long a transform took to answer.",
        ),
        metric(
            "ExecuteProcessing.Success",
            "Count",
            "1 for each transform that went well, 0 for each that failed.",
        ),
        metric(
            "SucceedProcessing.Records",
            "Count",
            "Records that came back from the transform.",
        ),
        metric(
            "SucceedProcessing.Bytes",
            "Bytes",
            "Bytes of those records.",
        ),
        metric(
            "SucceedConversion.Records",
            "Count",
            "Records converted to Parquet or ORC.",
        ),
        metric(
            "SucceedConversion.Bytes",
            "Bytes",
            "Bytes of those records.",
        ),
        metric(
            "FailedConversion.Records",
            "Count",
            "Records that could not be converted.",
        ),
        metric(
            "PartitionCount",
            "Count",
            "Partitions that are being buffered, each time there is a new one.",
        ),
        metric(
            "PartitionCountExceeded",
            "Count",
            "Records for which there was no room for another partition.",
        ),
        metric("BackupToS3.Records", "Count", "Records backed up."),
        metric("BackupToS3.Bytes", "Bytes", "Bytes of the files backed up."),
        metric(
            "BackupToS3.Success",
            "Count",
            "1 for each backup file that S3 took, 0 for each that it refused.",
        ),
        metric("DeliveryToS3.Records", "Count", "Records delivered."),
        metric(
            "DeliveryToS3.Bytes",
            "Bytes",
            "Bytes of the files delivered, after compression.",
        ),
        metric(
            "DeliveryToS3.DataFreshness",
            "Seconds",
            "Age of the oldest record inside.",
        ),
        metric(
            "DeliveryToS3.Success",
            "Count",
            "1 for each file that S3 took, 0 for each that it refused.",
        ),
    ],
    usage: &[
        &DIRECT_PUT_GB,
        &STREAM_GB,
        &CONVERSION_GB,
        &PARTITIONING_GB,
        &PARTITIONING_OBJECT,
        &JQ_HOUR,
    ],
    quotas: &[
        "firehose.direct_put_records_per_second",
        "firehose.direct_put_requests_per_second",
        "firehose.direct_put_bytes_per_second",
        "firehose.record_max_bytes",
        "firehose.put_record_batch_max_records",
        "firehose.put_record_batch_max_bytes",
        "firehose.record_rounding_bytes",
        "firehose.format_conversion_buffer_size_min_bytes",
        "firehose.dynamic_partitioning_buffer_size_min_bytes",
        "firehose.active_partitions_max",
        "firehose.jq_micros_per_record",
        "firehose.lambda_retries",
        "firehose.lambda_outstanding_invocations_max",
        "firehose.s3_retry_h",
    ],
    latencies: &["firehose.delivery_overhead", "s3.put_object"],
    faults: &[FaultKind::Errors, FaultKind::Throttle, FaultKind::Latency],
    remedies: &[
        Remedy::elsewhere(
            "direct put quotas",
            "Put a stream between the sender and this: it grows with its shards, and reading from it has no such quota",
        ),
        Remedy::elsewhere(
            "throttled",
            "Put a stream between the sender and this: it grows with its shards, and reading from it has no such quota",
        ),
        Remedy::param(
            "errors",
            "buffer_size_mib",
            "The bucket refuses files or deliveries fail; larger buffers make fewer files",
        ),
        Remedy::param(
            "processing-failed",
            "transform_buffer_mib",
            "Hand the function smaller batches, or give it more time and memory",
        ),
        Remedy::param(
            "DeliveryToS3.DataFreshness",
            "buffer_interval_seconds",
            "Deliver more often: what arrives waits for the interval or for a full buffer",
        ),
        Remedy::param(
            "DeliveryToS3.DataFreshness",
            "buffer_size_mib",
            "A smaller buffer is full sooner",
        ),
        Remedy::elsewhere(
            "KinesisMillisBehindLatest",
            "The stream has more than is read: let fewer nodes read its shards, or add shards",
        ),
        Remedy::elsewhere(
            "invalid",
            "Records are larger than a delivery takes: make smaller ones where they are made",
        ),
        Remedy::elsewhere(
            "the stream has no destination",
            "Connect the output to a bucket",
        ),
    ],
};

/// The kind.
#[derive(Debug)]
pub struct Firehose;

impl Kind for Firehose {
    type Config = Config;
    type Model = model::Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        config.validate(out);
    }
    fn trace(
        &self,
        config: &Config,
        inputs: &Schemas,
        _cx: &TraceCx<'_>,
        out: &mut Problems,
    ) -> Schemas {
        let Some(schema) = inputs.get("in") else {
            return Schemas::new();
        };
        let keys = config.keys().ok().flatten().unwrap_or_default();
        for field in keys.fields() {
            if schema.field_with_name(field).is_err() {
                let known: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                out.warning(
                    "partition_keys",
                    format!("the records have no field `{field}`, unless the function adds it"),
                    format!("one of: {}", known.join(", ")),
                );
            }
        }
        Schemas::from([
            ("transform".to_owned(), schema.clone()),
            ("backup".to_owned(), schema.clone()),
            ("out".to_owned(), schema.clone()),
        ])
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<model::Model, String> {
        model::Model::new(config, cx)
    }
    fn retune(
        &self,
        model: &mut model::Model,
        config: Config,
        cx: &mut Cx<'_>,
    ) -> NodeResult<Retuned> {
        model.retune(config, cx)
    }
}
