//! A CloudWatch dashboard: the newest results of queries, the metrics of nodes and the states of alarms, for people.

mod config;
mod forecast;
mod metric;
mod model;

pub use config::{Config, ForecastMethod};
pub use model::Model;

use crate::books::{UsageSpec, usage};
use crate::metrics::MetricSpec;
use crate::node::{
    BuildCx, Category, Cx, Flow, InPort, Kind, KindSpec, NodeResult, Problems, Remedy, Retuned,
    TraceCx,
};
use crate::units::HOURS_PER_MONTH;

/// The kind.
#[derive(Debug)]
pub struct Dashboard;

/// Dashboard-milliseconds.
static MONTH: UsageSpec = usage(
    "cloudwatch.dashboard_month",
    "dashboard-month",
    HOURS_PER_MONTH * 3_600_000,
    "",
);

const fn input(name: &'static str, accepts: &'static [Flow], help: &'static str) -> InPort {
    InPort {
        name,
        accepts,
        max_wires: usize::MAX,
        required: false,
        help,
    }
}

static SPEC: KindSpec = KindSpec {
    id: "dashboard",
    title: "CloudWatch dashboard",
    title_ko: "CloudWatch 대시보드",
    category: Category::Dashboard,
    summary: "Shows people the newest query results, metrics and alarm states, and how old they are.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/CloudWatch",
    inputs: &[
        input("rows", &[Flow::Rows], "Query results to show."),
        input(
            "metrics",
            &[Flow::Metrics],
            "Nodes whose metrics are shown.",
        ),
        input("alarms", &[Flow::Notices], "Alarms whose states are shown."),
    ],
    outputs: &[],
    metrics: &[
        MetricSpec {
            name: "RowsShown",
            unit: "Count",
            help: "Rows on the dashboard, at each refresh.",
        },
        MetricSpec {
            name: "ResultAge",
            unit: "Seconds",
            help: "How old what is shown was, at each refresh, for each result.",
        },
    ],
    usage: &[&MONTH],
    quotas: &["cloudwatch.dashboard_widgets_max"],
    latencies: &[],
    faults: &[],
    remedies: &[Remedy::elsewhere(
        "widgets",
        "Connect fewer results, metrics and alarms, or draw a second dashboard",
    )],
};

impl Kind for Dashboard {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        let period = config.forecast_period_seconds;
        if !period.is_multiple_of(60) {
            out.error(
                "forecast_period_seconds",
                format!("{period} s is no period of a metric"),
                "a multiple of 60 s",
            );
        }
        if !config.forecast_metric.trim().is_empty() && config.forecast_rows == 0 {
            out.warning(
                "forecast_rows",
                "the metric is shown and not forecast",
                "say how many rows ahead, for example 60",
            );
        }
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<Model, String> {
        Model::new(config, cx)
    }
    fn retune(&self, model: &mut Model, config: Config, cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        Ok(model.retune(config, cx))
    }
}

#[cfg(test)]
mod tests;
