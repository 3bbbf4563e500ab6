//! What a kind of node declares about itself: names, ports, metrics, usage, faults. Forms, help, `weir kinds` and the
//! documentation read it.

use serde::{Deserialize, Serialize};

use crate::books::UsageSpec;
use crate::metrics::MetricSpec;

/// Where a kind stands in the palette, and its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Makes records.
    Source,
    /// Keeps a log or queue of records.
    Stream,
    /// Runs code.
    Function,
    /// Keeps files.
    Storage,
    /// Catalogues and transforms files.
    Catalog,
    /// Answers queries.
    Query,
    /// Watches metrics.
    Alerts,
    /// Shows results to people.
    Dashboard,
}

/// What travels on a wire. A wire joins an output to an input that accepts its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// A log that the receiver polls, shard by shard.
    Stream,
    /// Records that the sender puts and the receiver accepts or refuses.
    Records,
    /// A queue that the receiver polls, and whose messages it deletes when they are processed.
    Queue,
    /// Messages that a queue gives up, with their history.
    DeadLetters,
    /// Batches that are answered on the same wire.
    Invoke,
    /// Whole files.
    Objects,
    /// A bucket that the receiver may read.
    Bucket,
    /// A data catalog that the receiver may read.
    Catalog,
    /// Results of queries.
    Rows,
    /// The metrics of a node.
    Metrics,
    /// Changes of state, for people or machines to be told.
    Notices,
}

impl Flow {
    /// The flow in words, for sentences.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Stream => "a stream that is polled",
            Self::Records => "records that are put",
            Self::Queue => "a queue that is polled",
            Self::DeadLetters => "dead letters",
            Self::Invoke => "invocations",
            Self::Objects => "files",
            Self::Bucket => "a bucket",
            Self::Catalog => "a data catalog",
            Self::Rows => "query results",
            Self::Metrics => "metrics",
            Self::Notices => "notices",
        }
    }
    /// True when records move on it, so that a cycle of such wires would never end.
    #[must_use]
    pub const fn carries_records(self) -> bool {
        matches!(
            self,
            Self::Stream | Self::Records | Self::Queue | Self::DeadLetters | Self::Objects
        )
    }
}

/// An input of a kind.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct InPort {
    /// As in `node.port`.
    pub name: &'static str,
    /// The flows that fit.
    pub accepts: &'static [Flow],
    /// Wires that may end here.
    pub max_wires: usize,
    /// The node is of no use without it.
    pub required: bool,
    /// What comes in, in one sentence.
    pub help: &'static str,
}

/// An output of a kind.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct OutPort {
    /// As in `node.port`.
    pub name: &'static str,
    /// What goes out.
    pub flow: Flow,
    /// Wires that may begin here.
    pub max_wires: usize,
    /// Calls that may be on each wire without an answer; sending more is refused (the wire's credit).
    pub credit: u32,
    /// What goes out, in one sentence.
    pub help: &'static str,
}

/// Every node offers its metrics on this port, without declaring it.
pub const METRICS_PORT: OutPort = OutPort {
    name: "metrics",
    flow: Flow::Metrics,
    max_wires: usize::MAX,
    credit: 0,
    help: "The node's CloudWatch metrics.",
};

/// What can be done to a node in a scenario.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A share `rate` of requests or invocations fails.
    Errors,
    /// A share `rate` of records or requests is throttled.
    Throttle,
    /// Every request takes `add_ms` longer.
    Latency,
    /// A share `rate` of the records that are made does not parse.
    PoisonRecords,
    /// `factor` times as many records are made.
    TrafficSpike,
    /// Shard number `shard` accepts and returns nothing.
    ShardLoss,
    /// A share `rate` of the workers, one at the least, dies at once; they are back when the fault ends.
    WorkerLoss,
}

impl FaultKind {
    /// The name in documents.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Throttle => "throttle",
            Self::Latency => "latency",
            Self::PoisonRecords => "poison-records",
            Self::TrafficSpike => "traffic-spike",
            Self::ShardLoss => "shard-loss",
            Self::WorkerLoss => "worker-loss",
        }
    }
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Errors,
        Self::Throttle,
        Self::Latency,
        Self::PoisonRecords,
        Self::TrafficSpike,
        Self::ShardLoss,
        Self::WorkerLoss,
    ];
}

/// What helps when a node is at its limit or something goes wrong in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What it helps against: the name of a limit as in [`Gauges::limit`], the kind of an incident (`throttled`), a reason for
    /// which records are dropped, a metric's name, or an alarm's state.
    pub when: &'static str,
    /// What to do and why, in one sentence without a full stop.
    pub help: &'static str,
    /// The parameter to change; `None` when the mend lies elsewhere.
    pub param: Option<&'static str>,
}

impl Remedy {
    /// Changing parameter `param` helps.
    #[must_use]
    pub const fn param(when: &'static str, param: &'static str, help: &'static str) -> Self {
        Self {
            when,
            help,
            param: Some(param),
        }
    }
    /// No parameter of the node helps.
    #[must_use]
    pub const fn elsewhere(when: &'static str, help: &'static str) -> Self {
        Self {
            when,
            help,
            param: None,
        }
    }
}

/// Everything that a kind says of itself.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct KindSpec {
    /// As in documents: AWS's own short name.
    pub id: &'static str,
    /// As people read it.
    pub title: &'static str,
    /// The title in Korean.
    pub title_ko: &'static str,
    /// Palette group.
    pub category: Category,
    /// What it is for, in one sentence.
    pub summary: &'static str,
    /// The manual page, Markdown.
    #[serde(skip)]
    pub docs: &'static str,
    /// The same page in Korean; empty when there is none.
    #[serde(skip)]
    pub docs_ko: &'static str,
    /// The icon, SVG.
    #[serde(skip)]
    pub icon: &'static str,
    /// CloudWatch namespace of the metrics.
    pub namespace: &'static str,
    /// Inputs.
    pub inputs: &'static [InPort],
    /// Outputs, without [`METRICS_PORT`].
    pub outputs: &'static [OutPort],
    /// CloudWatch metrics.
    pub metrics: &'static [MetricSpec],
    /// What is metered and billed.
    #[serde(skip)]
    pub usage: &'static [&'static UsageSpec],
    /// Quota keys that the model applies.
    pub quotas: &'static [&'static str],
    /// Latency laws that the model draws from.
    pub latencies: &'static [&'static str],
    /// Faults that a scenario may bring.
    pub faults: &'static [FaultKind],
    /// What helps when it is at its limit or something goes wrong, the most likely first.
    pub remedies: &'static [Remedy],
}

impl KindSpec {
    /// The input called `name`.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<&'static InPort> {
        self.inputs.iter().find(|p| p.name == name)
    }
    /// The output called `name`, the metrics port included.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<&'static OutPort> {
        let own = self.outputs.iter().find(|p| p.name == name);
        own.or_else(|| (name == METRICS_PORT.name).then_some(&METRICS_PORT))
    }
    /// What helps against `when`: see [`Remedy::when`].
    pub fn remedies_for<'a>(&self, when: &'a str) -> impl Iterator<Item = &'static Remedy> + 'a {
        self.remedies.iter().filter(move |r| r.when == when)
    }
}

/// A change of an alarm's state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlarmChange {
    /// Virtual seconds since the run began.
    pub at_seconds: f64,
    /// The state before.
    pub from: &'static str,
    /// The state after.
    pub to: &'static str,
    /// The newest datapoint that decided; none when the data were missing.
    pub value: Option<f64>,
}

/// What an alarm watches, how it stands and how it came to that.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlarmStatus {
    /// The node whose metric is watched.
    pub node: String,
    /// The metric.
    pub metric: String,
    /// The condition in words.
    pub condition: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: &'static str,
    /// Its changes, oldest first; bounded, the oldest go.
    pub changes: Vec<AlarmChange>,
    /// All changes there were, those that went included.
    pub changes_total: u64,
}

/// What a node shows of its inside, once a second of virtual time. Read only.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Gauges {
    /// Use of the nearest limit, 0 to 1 (more when over it), and that limit's name.
    pub utilisation: Option<(f64, &'static str)>,
    /// Named values for the viewer: (name, value, unit).
    pub values: Vec<(&'static str, f64, &'static str)>,
    /// A short state in words (`ALARM`, `crawling`).
    pub state: Option<String>,
    /// A result to show (dashboard, query).
    #[serde(skip)]
    pub table: Option<std::sync::Arc<super::Table>>,
    /// An alarm's state and history.
    pub alarm: Option<std::sync::Arc<AlarmStatus>>,
}

impl Gauges {
    /// Offers `used` of a limit; the nearest limit wins.
    pub fn limit(&mut self, name: &'static str, used: f64) {
        if self.utilisation.is_none_or(|(most, _)| used > most) {
            self.utilisation = Some((used, name));
        }
    }
}
