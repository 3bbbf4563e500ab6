//! Kinesis Data Streams, provisioned: a log in shards, with write and read limits per shard.
//!
//! `shards.rs` maps keys to shards; `model.rs` is the running stream, `write.rs` and `read.rs` its two sides.

mod config;
mod model;
mod read;
mod shards;
mod write;

#[cfg(test)]
mod tests;

use crate::books::{Growth, UsageSpec};
use crate::metrics::MetricSpec;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, Schemas, TraceCx,
};

pub use config::Config;
pub use model::Model;

pub(super) static SHARD_HOUR: UsageSpec = UsageSpec {
    key: "kinesis-data-streams.shard_hour",
    unit: "shard-hour",
    base_per_unit: 3_600_000,
    rounding: "",
    growth: Growth::Linear,
};
pub(super) static PUT_UNIT: UsageSpec = UsageSpec {
    key: "kinesis-data-streams.put_payload_unit",
    unit: "PUT payload unit",
    base_per_unit: 1,
    rounding: "each record rounded up to 25 KB",
    growth: Growth::Linear,
};
pub(super) static EXTENDED_RETENTION: UsageSpec = UsageSpec {
    key: "kinesis-data-streams.extended_retention_shard_hour",
    unit: "shard-hour",
    base_per_unit: 3_600_000,
    rounding: "",
    growth: Growth::Linear,
};

const fn metric(name: &'static str, unit: &'static str, help: &'static str) -> MetricSpec {
    MetricSpec { name, unit, help }
}

static SPEC: KindSpec = KindSpec {
    id: "kinesis-data-streams",
    title: "Kinesis Data Streams",
    title_ko: "Kinesis 데이터 스트림",
    category: Category::Stream,
    summary: "Keeps records in order, shard by shard, for several readers at their own pace.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/Kinesis",
    inputs: &[InPort {
        name: "in",
        accepts: &[Flow::Records],
        max_wires: usize::MAX,
        required: true,
        help: "Records put with PutRecords.",
    }],
    outputs: &[OutPort {
        name: "out",
        flow: Flow::Stream,
        max_wires: usize::MAX,
        credit: 256,
        help: "The stream, polled with GetRecords by each reader at its own position.",
    }],
    metrics: &[
        metric("IncomingRecords", "Count", "Records put and taken in."),
        metric("IncomingBytes", "Bytes", "Bytes of those records."),
        metric(
            "PutRecords.TotalRecords",
            "Count",
            "Records in PutRecords calls.",
        ),
        metric(
            "PutRecords.SuccessfulRecords",
            "Count",
            "Of those, taken in.",
        ),
        metric(
            "PutRecords.ThrottledRecords",
            "Count",
            "Of those, refused because a shard was at its limit.",
        ),
        metric(
            "PutRecords.FailedRecords",
            "Count",
            "Of those, refused because of an internal failure.",
        ),
        metric(
            "WriteProvisionedThroughputExceeded",
            "Count",
            "Records refused because a shard was at its write limit.",
        ),
        metric("GetRecords.Records", "Count", "Records read."),
        metric("GetRecords.Bytes", "Bytes", "Bytes read."),
        metric(
            "GetRecords.Latency",
            "Milliseconds",
            "How long a GetRecords call took.",
        ),
        metric(
            "GetRecords.IteratorAgeMilliseconds",
            "Milliseconds",
            "Age of the last record of each call.",
        ),
        metric(
            "ReadProvisionedThroughputExceeded",
            "Count",
            "GetRecords calls refused because of a read limit.",
        ),
    ],
    usage: &[&SHARD_HOUR, &PUT_UNIT, &EXTENDED_RETENTION],
    quotas: &[
        "kinesis-data-streams.shard_write_records_per_second",
        "kinesis-data-streams.shard_write_bytes_per_second",
        "kinesis-data-streams.shard_read_bytes_per_second",
        "kinesis-data-streams.shard_get_records_calls_per_second",
        "kinesis-data-streams.get_records_max_records",
        "kinesis-data-streams.get_records_max_bytes",
        "kinesis-data-streams.get_records_lockout_after_max_bytes_s",
        "kinesis-data-streams.get_records_lockout_after_throttle_s",
        "kinesis-data-streams.record_max_bytes",
        "kinesis-data-streams.partition_key_max_chars",
        "kinesis-data-streams.put_payload_unit_bytes",
        "kinesis-data-streams.retention_included_h",
        "kinesis-data-streams.update_shard_count_max_per_day",
        "kinesis-data-streams.update_shard_count_max_percent",
        "kinesis-data-streams.update_shard_count_min_percent",
    ],
    latencies: &[
        "kinesis-data-streams.get_records",
        "kinesis-data-streams.reshard",
    ],
    faults: &[
        FaultKind::Errors,
        FaultKind::Throttle,
        FaultKind::Latency,
        FaultKind::ShardLoss,
    ],
    remedies: &[
        Remedy::param(
            "records written a second to the busiest shard",
            "shard_count",
            "Add shards: each brings its own write limit",
        ),
        Remedy::param(
            "records written a second to the busiest shard",
            "partition_key",
            "Choose a key with many values of about the same traffic: a hot key stays in one shard, however many there are",
        ),
        Remedy::param(
            "bytes written a second to the busiest shard",
            "shard_count",
            "Add shards: each brings its own write limit",
        ),
        Remedy::param(
            "bytes written a second to the busiest shard",
            "partition_key",
            "Choose a key with many values of about the same traffic: a hot key stays in one shard, however many there are",
        ),
        Remedy::param(
            "throttled",
            "shard_count",
            "Add shards: each brings its own write limit",
        ),
        Remedy::param(
            "throttled",
            "partition_key",
            "Choose a key with many values of about the same traffic: a hot key stays in one shard, however many there are",
        ),
        Remedy::param(
            "read-throttled",
            "shard_count",
            "All readers of a shard share its read limit: add shards, or let fewer nodes read this stream",
        ),
        Remedy::elsewhere(
            "GetRecords.IteratorAgeMilliseconds",
            "The reader is slower than the stream: let it read more at once or more in parallel",
        ),
        Remedy::param(
            "retention ended before it was read",
            "retention_hours",
            "Keep records longer, or make the reader faster",
        ),
        Remedy::elsewhere(
            "retention ended and nobody reads",
            "Connect a reader to the output",
        ),
        Remedy::elsewhere(
            "errors",
            "Requests fail by a fault, and senders try again: give them more tries if records are lost there",
        ),
        Remedy::elsewhere(
            "invalid",
            "Records are larger than a stream takes: make smaller ones where they are made",
        ),
    ],
};

/// The kind.
#[derive(Debug)]
pub struct KinesisDataStreams;

impl Kind for KinesisDataStreams {
    type Config = Config;
    type Model = model::Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        if config.retention_hours > 168 {
            out.warning(
                "retention_hours",
                "what is kept longer than 7 days is not on the bill yet",
                "use 168 or less for a full bill",
            );
        }
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
        if !config.partition_key.is_empty()
            && schema.field_with_name(&config.partition_key).is_err()
        {
            let known: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            let near = crate::node::closest(&config.partition_key, known.iter().copied());
            let mend = near.map_or_else(
                || format!("one of: {}", known.join(", ")),
                |k| format!("did you mean `{k}`?"),
            );
            out.error(
                "partition_key",
                format!("the records have no field `{}`", config.partition_key),
                mend,
            );
        }
        Schemas::from([("out".to_owned(), schema.clone())])
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
