//! SNS: a topic that pushes what is published to every subscriber, and keeps nothing.
//!
//! `notification.rs` is what subscribers get, `model.rs` the running topic, `fifo.rs` what a FIFO topic adds, `tee.rs` what goes to files and to a
//! program of this machine.

mod config;
mod fifo;
mod model;
mod notification;
mod tee;

#[cfg(test)]
mod tests;

use crate::books::{UsageSpec, usage};
use crate::code::Place;
use crate::metrics::metric;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, OutWire,
    Problems, Remedy, Retuned, Schemas, TraceCx, closest,
};

pub use config::{Config, ThroughputScope, TopicType};
pub use model::Model;

pub(super) static PUBLISH: UsageSpec =
    usage("sns.publish", "request", 1, "each call rounded up to 64 KB");
pub(super) static SQS_DELIVERY: UsageSpec = usage("sns.sqs_delivery", "delivery", 1, "");
pub(super) static LAMBDA_DELIVERY: UsageSpec = usage("sns.lambda_delivery", "delivery", 1, "");
pub(super) static FIREHOSE_DELIVERY: UsageSpec = usage("sns.firehose_delivery", "delivery", 1, "");
pub(super) static HTTP_DELIVERY: UsageSpec = usage("sns.http_delivery", "delivery", 1, "");
pub(super) static FIFO_PUBLISH: UsageSpec = usage("sns.fifo_publish", "message", 1, "");
pub(super) static FIFO_PUBLISH_GB: UsageSpec = usage("sns.fifo_publish_gb", "GB", 1 << 30, "");
pub(super) static FIFO_DELIVERY: UsageSpec =
    usage("sns.fifo_subscription_message", "message", 1, "");
pub(super) static PAYLOAD_FILTERED: UsageSpec = usage("sns.payload_filtered_gb", "GB", 1 << 30, "");

const fn out(name: &'static str, help: &'static str) -> OutPort {
    OutPort {
        name,
        flow: Flow::Records,
        max_wires: usize::MAX,
        credit: 256,
        help,
    }
}

static SPEC: KindSpec = KindSpec {
    id: "sns",
    title: "SNS",
    title_ko: "SNS 주제",
    category: Category::Alerts,
    summary: "Pushes what is published to every subscriber, and keeps nothing.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/SNS",
    inputs: &[InPort {
        name: "in",
        accepts: &[Flow::Records, Flow::Notices],
        max_wires: usize::MAX,
        required: false,
        help: "Messages: each record is one, and so is each event of a service and each change of an alarm.",
    }],
    outputs: &[
        out(
            model::QUEUES,
            "Queues that subscribe: each message in a notification, or raw.",
        ),
        out(
            "functions",
            "Functions that subscribe: each message is an event.",
        ),
        out(
            "streams",
            "Delivery streams that subscribe: each message in a notification, or raw.",
        ),
    ],
    metrics: &[
        metric(
            "NumberOfMessagesPublished",
            "Count",
            "Messages that were published.",
        ),
        metric("PublishSize", "Bytes", "Size of those messages."),
        metric(
            "NumberOfNotificationsDelivered",
            "Count",
            "Messages that a subscriber took.",
        ),
        metric(
            "NumberOfNotificationsFailed",
            "Count",
            "Messages that a subscriber refused; they are tried again.",
        ),
        metric(
            "NumberOfNotificationsFilteredOut",
            "Count",
            "Messages that a filter policy kept from a subscriber.",
        ),
    ],
    usage: &[
        &PUBLISH,
        &SQS_DELIVERY,
        &LAMBDA_DELIVERY,
        &FIREHOSE_DELIVERY,
        &HTTP_DELIVERY,
        &PAYLOAD_FILTERED,
        &FIFO_PUBLISH,
        &FIFO_PUBLISH_GB,
        &FIFO_DELIVERY,
    ],
    quotas: &[
        "sns.publish_messages_per_second",
        "sns.message_max_bytes",
        "sns.publish_batch_max_messages",
        "sns.request_chunk_bytes",
        "sns.fifo_publish_messages_per_second",
        "sns.fifo_topic_messages_per_second",
        "sns.fifo_topic_bytes_per_second",
        "sns.fifo_group_messages_per_second",
        "sns.fifo_deduplication_s",
    ],
    latencies: &["sns.delivery"],
    faults: &[FaultKind::Errors, FaultKind::Throttle, FaultKind::Latency],
    remedies: &[
        Remedy::elsewhere(
            "messages published a second",
            "Publish less, or ask AWS for a higher limit of the region",
        ),
        Remedy::elsewhere(
            "throttled",
            "Publish less, spread a FIFO topic's messages over more groups, or ask AWS for a higher limit of the region",
        ),
        Remedy::param(
            "no subscription's filter policy lets it through",
            "filter_policies",
            "Let one of the subscribers take these messages, or do not publish them",
        ),
        Remedy::elsewhere(
            "errors",
            "Requests fail by a fault, and publishers try again",
        ),
        Remedy::elsewhere(
            "invalid",
            "Messages are larger than a topic takes: make smaller ones where they are made",
        ),
        Remedy::elsewhere(
            "buffer-full",
            "A subscriber takes less than is published: raise its limits",
        ),
    ],
};

/// The kind.
#[derive(Debug)]
pub struct Sns;

impl Kind for Sns {
    type Config = Config;
    type Model = model::Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        if let Err(wrong) = config.policies() {
            out.error(
                "filter_policies",
                wrong,
                "for example {\"queue\": {\"event\": [\"order\"]}}",
            );
        }
        let url = config.webhook.trim();
        if let (false, Err(wrong)) = (url.is_empty(), Place::parse(url)) {
            out.error("webhook", wrong, "");
        }
        if config.is_fifo() && !url.is_empty() {
            out.error(
                "webhook",
                "a FIFO topic delivers to queues only",
                "leave it empty, or use a standard topic",
            );
        }
    }
    fn wired(&self, config: &Config, wires: &[OutWire<'_>], out: &mut Problems) {
        let others = wires.iter().filter(|w| w.port != model::QUEUES);
        for wire in others.filter(|_| config.is_fifo()) {
            let (port, peer, peer_port) = (wire.port, wire.peer, wire.peer_port);
            out.error(
                port,
                format!(
                    "a FIFO topic delivers to queues only, and a wire goes from `{port}` to `{peer}.{peer_port}`"
                ),
                format!("take the wire off, and let `{peer}` read a queue that subscribes; or take a standard topic"),
            );
        }
    }
    fn trace(
        &self,
        config: &Config,
        inputs: &Schemas,
        _: &TraceCx<'_>,
        out: &mut Problems,
    ) -> Schemas {
        if let (Some(schema), true) = (inputs.get("in"), config.is_fifo()) {
            for (param, field) in [
                ("message_group_id", &config.message_group_id),
                ("message_deduplication_id", &config.message_deduplication_id),
            ] {
                if field.is_empty() || schema.field_with_name(field).is_ok() {
                    continue;
                }
                let known: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                let mend = closest(field, known.iter().copied()).map_or_else(
                    || format!("one of: {}", known.join(", ")),
                    |k| format!("did you mean `{k}`?"),
                );
                out.error(param, format!("the messages have no field `{field}`"), mend);
            }
        }
        let Some(schema) = inputs.get("in").filter(|_| config.raw_message_delivery) else {
            return Schemas::new();
        };
        ["queues", "streams"]
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
