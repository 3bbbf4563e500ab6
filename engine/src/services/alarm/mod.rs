//! A CloudWatch alarm: M out of N datapoints of one metric against a threshold.

mod config;
mod evaluate;
mod model;

pub use config::{Comparison, Config, TreatMissingData};
pub use model::Model;

use crate::books::{Books, UsageSpec, usage};
use crate::metrics::MetricSpec;
use crate::node::{
    BuildCx, Category, Cx, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, Problems, Remedy,
    Retuned, TraceCx,
};
use crate::units::HOURS_PER_MONTH;

/// The kind.
#[derive(Debug)]
pub struct Alarm;

/// Alarm-milliseconds in an alarm-month.
const MONTH: u64 = HOURS_PER_MONTH * 3_600_000;

static STANDARD: UsageSpec = usage("cloudwatch.alarm_month", "alarm-month", MONTH, "");
static HIGH_RESOLUTION: UsageSpec = usage(
    "cloudwatch.alarm_high_resolution_month",
    "alarm-month",
    MONTH,
    "",
);

static SPEC: KindSpec = KindSpec {
    id: "alarm",
    title: "CloudWatch alarm",
    title_ko: "CloudWatch 경보",
    category: Category::Alerts,
    summary: "Watches one metric of a node and tells when enough of its datapoints are beyond a threshold.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/CloudWatch",
    inputs: &[InPort {
        name: "watch",
        accepts: &[Flow::Metrics],
        max_wires: 1,
        required: true,
        help: "The node whose metric is watched.",
    }],
    outputs: &[OutPort {
        name: "state",
        flow: Flow::Notices,
        max_wires: usize::MAX,
        credit: 1,
        help: "Each change of state.",
    }],
    metrics: &[
        MetricSpec {
            name: "StateChanges",
            unit: "Count",
            help: "Changes of state.",
        },
        MetricSpec {
            name: "InAlarm",
            unit: "Count",
            help: "1 when the state was ALARM after an evaluation, else 0.",
        },
    ],
    usage: &[&STANDARD, &HIGH_RESOLUTION],
    quotas: &[
        "cloudwatch.alarm_period_min_s",
        "cloudwatch.standard_resolution_s",
        "cloudwatch.alarm_evaluation_span_max_s",
    ],
    latencies: &["cloudwatch.alarm_evaluation"],
    faults: &[],
    remedies: &[
        Remedy::param(
            "ALARM",
            "threshold",
            "Look at the node that it watches; if the value is fine, the threshold is not",
        ),
        Remedy::param(
            "INSUFFICIENT_DATA",
            "treat_missing_data",
            "The metric has no values in the period: say what that means, or take a longer period",
        ),
    ],
};

impl Kind for Alarm {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, cx: &TraceCx<'_>, out: &mut Problems) {
        let Ok(books) = Books::for_region(cx.region) else {
            // An unknown region is a problem of the document, told there.
            return;
        };
        let quota = |key: &str| books.quota_value(key).unwrap_or(u64::MAX);
        let least = quota("cloudwatch.alarm_period_min_s");
        let standard = quota("cloudwatch.standard_resolution_s");
        let period = u64::from(config.period_seconds);
        // 10, 20 and 30 s, or whole minutes.
        let fits = period > 0
            && (period.is_multiple_of(standard)
                || (period.is_multiple_of(least) && period <= 3 * least));
        if !fits {
            out.error(
                "period_seconds",
                format!("{period} s is no period of an alarm"),
                format!(
                    "{least}, {} or {} s, or a multiple of {standard} s",
                    2 * least,
                    3 * least
                ),
            );
        }
        let span = period * u64::from(config.evaluation_periods);
        let longest = quota("cloudwatch.alarm_evaluation_span_max_s");
        if span > longest {
            out.error(
                "evaluation_periods",
                format!("all periods together take {span} s"),
                format!("at most {longest} s"),
            );
        }
        if config.datapoints_to_alarm > config.evaluation_periods {
            out.error(
                "datapoints_to_alarm",
                format!(
                    "{} datapoints cannot breach in {} periods",
                    config.datapoints_to_alarm, config.evaluation_periods
                ),
                "at most `evaluation_periods`",
            );
        }
        if config.metric_name.is_empty() {
            out.error("metric_name", "no metric is named", "for example `Errors`");
        }
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<Model, String> {
        Model::new(config, cx)
    }
    fn retune(&self, model: &mut Model, config: Config, _cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        Ok(model.retune(config))
    }
}

#[cfg(test)]
mod tests;
