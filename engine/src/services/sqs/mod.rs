//! SQS: a queue whose messages are received, hidden for a while and deleted, or come back.
//!
//! `store.rs` is the messages in their order, `fifo.rs` what a FIFO queue adds, `model.rs` the running queue.

mod config;
mod fifo;
mod model;
mod store;

#[cfg(test)]
mod tests;

use crate::books::{UsageSpec, usage};
use crate::metrics::metric;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, Schemas, TraceCx, closest,
};

pub use config::{Config, QueueType};
pub use model::Model;

pub(super) static STANDARD_REQUEST: UsageSpec = usage(
    "sqs.standard_request",
    "request",
    1,
    "each call rounded up to 64 KB",
);
pub(super) static FIFO_REQUEST: UsageSpec = usage(
    "sqs.fifo_request",
    "request",
    1,
    "each call rounded up to 64 KB",
);

static SPEC: KindSpec = KindSpec {
    id: "sqs",
    title: "SQS",
    title_ko: "SQS 대기열",
    category: Category::Stream,
    summary: "Keeps messages until a receiver has processed and deleted them.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/SQS",
    inputs: &[
        InPort {
            name: "in",
            accepts: &[Flow::Records, Flow::Notices],
            max_wires: usize::MAX,
            required: false,
            help: "Messages that are sent: each record is one, and so is each event of a service.",
        },
        InPort {
            name: "redrive",
            accepts: &[Flow::DeadLetters],
            max_wires: usize::MAX,
            required: false,
            help: "Messages that other queues gave up.",
        },
    ],
    outputs: &[
        OutPort {
            name: "out",
            flow: Flow::Queue,
            max_wires: usize::MAX,
            credit: 256,
            help: "The queue, polled with ReceiveMessage by its readers, who share the messages.",
        },
        OutPort {
            name: "dead_letter",
            flow: Flow::DeadLetters,
            max_wires: 1,
            credit: 256,
            help: "Messages that were received too often, for the dead-letter queue.",
        },
    ],
    metrics: &[
        metric("NumberOfMessagesSent", "Count", "Messages that were sent."),
        metric("SentMessageSize", "Bytes", "Size of those messages."),
        metric(
            "NumberOfMessagesReceived",
            "Count",
            "Messages that were received, again or for the first time.",
        ),
        metric(
            "NumberOfMessagesDeleted",
            "Count",
            "Messages that were deleted because they are processed.",
        ),
        metric(
            "NumberOfEmptyReceives",
            "Count",
            "Receives that brought nothing.",
        ),
        metric(
            "ApproximateAgeOfOldestMessage",
            "Seconds",
            "Age of the oldest message that is not deleted.",
        ),
        metric(
            "ApproximateNumberOfMessagesVisible",
            "Count",
            "Messages that wait to be received.",
        ),
        metric(
            "ApproximateNumberOfMessagesNotVisible",
            "Count",
            "Messages in flight: received, neither deleted nor visible again.",
        ),
        metric(
            "ApproximateNumberOfMessagesDelayed",
            "Count",
            "Messages that were sent and are not visible yet.",
        ),
    ],
    usage: &[&STANDARD_REQUEST, &FIFO_REQUEST],
    quotas: &[
        "sqs.message_max_bytes",
        "sqs.batch_max_messages",
        "sqs.in_flight_messages_max",
        "sqs.request_chunk_bytes",
        "sqs.fifo_calls_per_second",
        "sqs.fifo_high_throughput_calls_per_second",
        "sqs.fifo_deduplication_s",
        "sqs.visibility_timeout_max_s",
        "sqs.retention_max_s",
    ],
    latencies: &["sqs.send_to_receive"],
    faults: &[FaultKind::Errors, FaultKind::Throttle, FaultKind::Latency],
    remedies: &[
        Remedy::elsewhere(
            "messages in flight",
            "Readers hold too many messages: let them delete sooner, or read with fewer at once",
        ),
        Remedy::param(
            "throttled",
            "high_throughput",
            "A FIFO queue takes 300 calls a second: send in tens, spread over groups with high throughput, or use a standard queue",
        ),
        Remedy::param(
            "visible-again",
            "visibility_timeout_seconds",
            "Hide messages longer than a reader needs for a batch: six times the function's timeout is usual",
        ),
        Remedy::elsewhere(
            "dead-letter",
            "Look at why the reader fails; then send the dead letters again",
        ),
        Remedy::elsewhere(
            "ApproximateAgeOfOldestMessage",
            "The reader is slower than what is sent: let it read more at once",
        ),
        Remedy::param(
            "message retention period ended",
            "message_retention_period_seconds",
            "Keep messages longer, or let the reader be faster",
        ),
        Remedy::elsewhere(
            "invalid",
            "Messages are larger than a queue takes: make smaller ones where they are made",
        ),
        Remedy::elsewhere("errors", "Requests fail by a fault, and senders try again"),
    ],
};

/// The kind.
#[derive(Debug)]
pub struct Sqs;

impl Kind for Sqs {
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
        let Some(schema) = inputs.get("in").or_else(|| inputs.get("redrive")) else {
            return Schemas::new();
        };
        for (param, field) in [
            ("message_group_id", &config.message_group_id),
            ("message_deduplication_id", &config.message_deduplication_id),
        ] {
            if config.is_fifo() && !field.is_empty() && schema.field_with_name(field).is_err() {
                let known: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                let mend = closest(field, known.iter().copied()).map_or_else(
                    || format!("one of: {}", known.join(", ")),
                    |k| format!("did you mean `{k}`?"),
                );
                out.error(param, format!("the messages have no field `{field}`"), mend);
            }
        }
        ["out", "dead_letter"]
            .map(|port| (port.to_owned(), schema.clone()))
            .into()
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<model::Model, String> {
        model::Model::new(config, cx)
    }
    fn retune(
        &self,
        model: &mut model::Model,
        config: Config,
        _cx: &mut Cx<'_>,
    ) -> NodeResult<Retuned> {
        Ok(model.retune(config))
    }
}
