//! EventBridge: a bus whose rules match events by pattern or come by schedule, and hand them to targets.
//!
//! `config.rs` reads the rules, `cron.rs` the schedules, `transform.rs` what targets get instead of the event, `model.rs` is the
//! running bus.

mod archive;
mod config;
mod cron;
mod model;
mod transform;

#[cfg(test)]
mod tests;

use crate::books::{Growth, UsageSpec, usage};
use crate::metrics::MetricSpec;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems,
    Remedy, Retuned, TraceCx,
};
use crate::units::{GIB, HOURS_PER_MONTH};

pub use config::{Config, ScheduleBy};
pub use model::Model;

pub(super) static CUSTOM_EVENT: UsageSpec = usage(
    "eventbridge.custom_event",
    "event",
    1,
    "each event rounded up to 64 KB",
);

/// An invocation by EventBridge Scheduler; those by a scheduled rule of a bus are free.
pub(super) static SCHEDULER: UsageSpec =
    usage("eventbridge.scheduler_invocation", "invocation", 1, "");
pub(super) static ARCHIVE_PROCESSED: UsageSpec =
    usage("eventbridge.archive_processing_gb", "GB", GIB, "");
pub(super) static ARCHIVE_STORED: UsageSpec = UsageSpec {
    key: "eventbridge.archive_storage_gb_month",
    unit: "GB-month",
    base_per_unit: GIB * HOURS_PER_MONTH * 3_600_000,
    rounding: "",
    growth: Growth::Accumulating,
};

const fn metric(name: &'static str, help: &'static str) -> MetricSpec {
    MetricSpec {
        name,
        unit: "Count",
        help,
    }
}

static SPEC: KindSpec = KindSpec {
    id: "eventbridge",
    title: "EventBridge",
    title_ko: "EventBridge 이벤트 버스",
    category: Category::Stream,
    summary: "Matches events by the patterns of its rules, or makes them by schedule, and hands them to targets.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/Events",
    inputs: &[InPort {
        name: "in",
        accepts: &[Flow::Records, Flow::Notices],
        max_wires: usize::MAX,
        required: false,
        help: "Events: each record is put as one, and what happens in services is one.",
    }],
    outputs: &[OutPort {
        name: "targets",
        flow: Flow::Records,
        max_wires: usize::MAX,
        credit: 256,
        help: "The targets of the rules: each matched event is a record.",
    }],
    metrics: &[
        metric("PutEventsEntriesCount", "Events that were put."),
        metric("MatchedEvents", "Events that at least one rule matched."),
        metric(
            "TriggeredRules",
            "Rules that matched an event or came by schedule.",
        ),
        metric("Invocations", "Events handed to a target."),
        metric(
            "FailedInvocations",
            "Events that a target refused; they are tried again.",
        ),
        metric(
            "ThrottledRules",
            "Events that are delayed by the limit on invocations.",
        ),
    ],
    usage: &[
        &CUSTOM_EVENT,
        &SCHEDULER,
        &ARCHIVE_PROCESSED,
        &ARCHIVE_STORED,
    ],
    quotas: &[
        "eventbridge.put_events_per_second",
        "eventbridge.invocations_per_second",
        "eventbridge.entry_max_bytes",
        "eventbridge.billing_chunk_bytes",
        "eventbridge.targets_per_rule_max",
    ],
    latencies: &["eventbridge.delivery"],
    faults: &[FaultKind::Errors, FaultKind::Throttle, FaultKind::Latency],
    remedies: &[
        Remedy::elsewhere(
            "events put a second",
            "Put fewer events, or ask AWS for a higher limit of the region",
        ),
        Remedy::elsewhere(
            "throttled",
            "Put fewer events, or ask AWS for a higher limit of the region",
        ),
        Remedy::param(
            "delayed",
            "rule",
            "Match fewer events or have fewer targets, or ask AWS for a higher limit of the region",
        ),
        Remedy::param(
            "no rule matches the event",
            "rule",
            "Let a pattern match these events, or do not put them",
        ),
        Remedy::elsewhere("errors", "Requests fail by a fault, and senders try again"),
        Remedy::elsewhere(
            "invalid",
            "Events are larger than a bus takes: make smaller ones where they are made",
        ),
        Remedy::elsewhere(
            "buffer-full",
            "A target takes less than is matched: raise its limits",
        ),
        Remedy::elsewhere(
            "given-up",
            "A target refused events until all tries were used up: raise its limits",
        ),
    ],
};

/// The kind.
#[derive(Debug)]
pub struct EventBridge;

impl Kind for EventBridge {
    type Config = Config;
    type Model = model::Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        if let Err((field, wrong)) = config.rules() {
            let mend = match field {
                "rule" => "for example {\"source\": [\"aws.s3\"]}",
                "schedule_expression" => "for example rate(5 minutes)",
                _ => {
                    "for example {\"InputPathsMap\": {\"id\": \"$.detail.id\"}, \"InputTemplate\": \"{\\\"id\\\": <id>}\"}"
                }
            };
            out.error(field, wrong, mend);
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
        Ok(model.retune(config, cx))
    }
}
