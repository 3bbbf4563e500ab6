//! Kinesis Data Streams: a log in shards, with write and read limits per shard, provisioned or on demand.
//!
//! `shards.rs` maps keys to shards; `model.rs` is the running stream, `write.rs` and `read.rs` its two sides, `reshard.rs` the changes of its
//! shards; `pack.rs` knows aggregated records, `hot.rs` the busiest keys, `usage.rs` the meters.

mod checkpoint;
mod config;
mod hot;
mod model;
mod pack;
mod read;
mod reshard;
mod shards;
pub(super) mod usage;
mod write;

#[cfg(test)]
pub(super) mod tests;

use crate::metrics::metric;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, Schemas, TraceCx,
};

pub use config::{Config, OnDemandTier, StreamMode};
pub use model::Model;
pub use reshard::shards_for;

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
    outputs: &[
        OutPort {
            name: "out",
            flow: Flow::Stream,
            max_wires: usize::MAX,
            credit: 256,
            help: "The stream, polled with GetRecords by each reader at its own position.",
        },
        OutPort {
            name: "fan-out",
            flow: Flow::Stream,
            max_wires: 50,
            credit: 256,
            help: "The same, pushed to each consumer with a throughput of its own: enhanced fan-out.",
        },
    ],
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
        metric(
            "SubscribeToShardEvent.Records",
            "Count",
            "Records pushed to consumers with enhanced fan-out.",
        ),
        metric(
            "SubscribeToShardEvent.Bytes",
            "Bytes",
            "Bytes of those records.",
        ),
        metric(
            "SubscribeToShardEvent.MillisBehindLatest",
            "Milliseconds",
            "How far such a consumer is behind the newest record.",
        ),
    ],
    usage: usage::ALL,
    quotas: &[
        "kinesis-data-streams.shard_write_records_per_second",
        "kinesis-data-streams.shard_write_bytes_per_second",
        "kinesis-data-streams.shard_read_bytes_per_second",
        "kinesis-data-streams.shard_get_records_calls_per_second",
        "kinesis-data-streams.get_records_max_records",
        "kinesis-data-streams.get_records_max_bytes",
        "kinesis-data-streams.get_records_lockout_after_max_bytes_s",
        "kinesis-data-streams.get_records_lockout_after_throttle_s",
        "kinesis-data-streams.record_max_bytes_limit",
        "kinesis-data-streams.enhanced_fan_out_bytes_per_second",
        "kinesis-data-streams.consumers_max",
        "kinesis-data-streams.consumers_max_on_demand_advantage",
        "kinesis-data-streams.mode_switches_max_per_day",
        "kinesis-data-streams.on_demand_ingest_rounding_bytes",
        "kinesis-data-streams.on_demand_initial_write_bytes_per_second",
        "kinesis-data-streams.on_demand_max_write_bytes_per_second",
        "kinesis-data-streams.on_demand_capacity_percent_of_peak",
        "kinesis-data-streams.on_demand_scale_up_s",
        "kinesis-data-streams.on_demand_shard_split_bytes_per_second",
        "kinesis-data-streams.partition_key_max_chars",
        "kinesis-data-streams.put_payload_unit_bytes",
        "kinesis-data-streams.retention_included_h",
        "kinesis-data-streams.update_shard_count_max_per_day",
        "kinesis-data-streams.update_shard_count_max_percent",
        "kinesis-data-streams.update_shard_count_min_percent",
    ],
    latencies: &[
        "kinesis-data-streams.get_records",
        "kinesis-data-streams.subscribe_to_shard",
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
        for (name, field) in [
            ("partition_key", &config.partition_key),
            ("explicit_hash_key", &config.explicit_hash_key),
        ] {
            if field.is_empty() || schema.field_with_name(field).is_ok() {
                continue;
            }
            let known: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            let near = crate::node::closest(field, known.iter().copied());
            let mend = near.map_or_else(
                || format!("one of: {}", known.join(", ")),
                |k| format!("did you mean `{k}`?"),
            );
            out.error(name, format!("the records have no field `{field}`"), mend);
        }
        Schemas::from(["out", "fan-out"].map(|port| (port.to_owned(), schema.clone())))
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
