//! The producer: an application that makes records, or replays real ones from a file, and puts them in batches.
//!
//! `source.rs` is where records come from and when, `replay.rs` those of a file, `model.rs` how they are put.

mod config;
mod model;
mod replay;
mod source;

#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;

use crate::metrics::metric;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, Kind, KindSpec, NodeResult, OutPort, Problems, Remedy,
    Retuned, Schemas, TraceCx, closest,
};

pub use config::{Arrival, Config, FileUse, ReplayPace};
pub use model::Model;

static SPEC: KindSpec = KindSpec {
    id: "producer",
    title: "Producer",
    title_ko: "생산자",
    category: Category::Source,
    summary: "Makes records, or replays real ones from a file, and puts them in batches with retries.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "KinesisProducerLibrary",
    inputs: &[],
    outputs: &[OutPort {
        name: "out",
        flow: Flow::Records,
        max_wires: usize::MAX,
        credit: 4096,
        help: "The records, in calls of up to 500.",
    }],
    metrics: &[
        metric("UserRecordsReceived", "Count", "Records made."),
        metric(
            "RecordsWithNull",
            "Count",
            "Records made without the value of one field.",
        ),
        metric(
            "LateRecords",
            "Count",
            "Records made with a time long past.",
        ),
        metric("DuplicateRecords", "Count", "Records sent a second time."),
        metric(
            "MalformedRecords",
            "Count",
            "Records made that do not parse, duplicates included.",
        ),
        metric("UserRecordsPut", "Count", "Records that the receiver took."),
        metric(
            "UserRecordsPending",
            "Count",
            "Records that wait to be sent.",
        ),
        metric(
            "AllErrors",
            "Count",
            "Records refused, each time they were.",
        ),
        metric("RequestTime", "Milliseconds", "How long a call took."),
    ],
    usage: &[],
    quotas: &[
        "kinesis-data-streams.put_records_max_records",
        "kinesis-data-streams.put_records_max_bytes",
    ],
    latencies: &["kinesis-data-streams.put_records"],
    faults: &[
        FaultKind::PoisonRecords,
        FaultKind::TrafficSpike,
        FaultKind::Latency,
    ],
    remedies: &[
        Remedy::param(
            "records that may wait to be sent",
            "buffer_records",
            "The receiver takes less than is made: raise its limits first; more records that may wait only bridge a peak",
        ),
        Remedy::param(
            "buffer-full",
            "buffer_records",
            "The receiver takes less than is made: raise its limits first; more records that may wait only bridge a peak",
        ),
        Remedy::param(
            "given-up",
            "max_retries",
            "Raise the limits of the receiver; more tries help over a short peak",
        ),
        Remedy::param(
            "refused",
            "record_bytes",
            "The receiver takes no such records, whatever the number of tries: make smaller ones",
        ),
        Remedy::elsewhere(
            "nothing is connected",
            "Connect the output to a stream or a delivery",
        ),
    ],
};

/// The kind.
#[derive(Debug)]
pub struct Producer;

impl Kind for Producer {
    type Config = Config;
    type Model = model::Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        if config.arrival == Arrival::Burst && config.burst_seconds > config.arrival_period_seconds
        {
            out.error(
                "burst_seconds",
                "a burst is longer than the interval between bursts",
                "at most `arrival_period_seconds`",
            );
        }
        if config.file.is_empty() && config.base_rate() <= 0.0 {
            out.warning(
                "records_per_second",
                "the producer makes nothing",
                "a rate above 0",
            );
        }
    }
    fn trace(
        &self,
        config: &Config,
        _inputs: &Schemas,
        cx: &TraceCx<'_>,
        out: &mut Problems,
    ) -> Schemas {
        match source::schema(config, cx) {
            Ok(schema) => {
                if !config.file.is_empty() {
                    check_key(config, &schema, out);
                }
                Schemas::from([("out".to_owned(), schema)])
            }
            Err((field, text)) => {
                out.error(field, text, "");
                Schemas::new()
            }
        }
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

/// The field that `key_field` names must be in the file.
fn check_key(config: &Config, schema: &SchemaRef, out: &mut Problems) {
    let name = config.key_field.as_str();
    if name.is_empty() || schema.field_with_name(name).is_ok() {
        return;
    }
    let fields = || schema.fields().iter().map(|f| f.name().as_str());
    let mend = closest(name, fields()).map_or_else(
        || format!("one of: {}", fields().collect::<Vec<_>>().join(", ")),
        |k| format!("`{k}`"),
    );
    let text = format!("the records of `{}` have no field `{name}`", config.file);
    out.error("key_field", text, mend);
}
