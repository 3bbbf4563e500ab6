//! A CloudWatch dashboard: the newest results of queries, the metrics of nodes and the states of alarms, for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::books::{Growth, UsageSpec};
use crate::metrics::MetricSpec;
use crate::node::{
    Admit, BuildCx, Category, Cx, Flow, Gauges, InPort, Kind, KindSpec, Node, NodeResult, Notice,
    Payload, Retuned, Schedule, Table, Tag, WireId,
};
use crate::units::{HOURS_PER_MONTH, SimTime};

/// The kind.
#[derive(Debug)]
pub struct Dashboard;

/// Dashboard-milliseconds.
static MONTH: UsageSpec = UsageSpec {
    key: "cloudwatch.dashboard_month",
    unit: "dashboard-month",
    base_per_unit: HOURS_PER_MONTH * 3_600_000,
    rounding: "",
    growth: Growth::Linear,
};

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
};

/// The parameters of a dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What stands above it. Empty: the node's id.
    pub title: String,
    /// Time from one refresh to the next; what arrives between two shows at the next.
    #[schemars(range(min = 1, max = 3600), extend("x-unit" = "s", "x-soft-max" = 900))]
    pub refresh_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            title: String::new(),
            refresh_seconds: 60,
        }
    }
}

impl Kind for Dashboard {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<Model, String> {
        Ok(Model {
            schedule: Schedule::new(0, config.refresh_seconds, config.refresh_seconds),
            config,
            widgets_max: cx.quota("cloudwatch.dashboard_widgets_max")?,
            widgets: 0,
            arrived: BTreeMap::new(),
            shown: BTreeMap::new(),
            alarms: BTreeMap::new(),
            metered: SimTime::ZERO,
        })
    }
    fn retune(&self, model: &mut Model, config: Config, cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        let every = config.refresh_seconds;
        model.schedule.change(every, every, cx);
        model.config = config;
        Ok(Retuned::Live)
    }
}

/// A running dashboard.
#[derive(Debug)]
pub struct Model {
    config: Config,
    schedule: Schedule,
    widgets_max: u64,
    widgets: usize,
    /// The newest result on each wire.
    arrived: BTreeMap<WireId, Arc<Table>>,
    /// As of the last refresh.
    shown: BTreeMap<WireId, Arc<Table>>,
    alarms: BTreeMap<WireId, String>,
    metered: SimTime,
}

impl Model {
    fn refresh(&mut self, cx: &mut Cx<'_>) {
        self.shown.clone_from(&self.arrived);
        let now = cx.now();
        let mut rows = 0;
        for table in self.shown.values() {
            rows += table.rows.iter().map(|b| b.num_rows()).sum::<usize>();
            cx.metric("ResultAge", now.since(table.at).as_secs_f64());
        }
        if !self.shown.is_empty() {
            cx.metric("RowsShown", rows as f64);
        }
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let ports = SPEC.inputs.iter();
        self.widgets = ports.map(|port| cx.ins(port.name).count()).sum();
        self.schedule.begin(cx);
        Ok(())
    }
    fn receive(&mut self, wire: WireId, payload: Payload, _cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Rows(table) => {
                self.arrived.insert(wire, table);
            }
            Payload::Notice(Notice::State(state)) => {
                self.alarms.insert(wire, state);
            }
            Payload::Notice(_) => {}
            payload => {
                return Ok(Admit::Refused {
                    payload,
                    error: "InvalidParameterInput",
                });
            }
        }
        Ok(Admit::All)
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        if self.schedule.is_due(tag, cx) {
            self.refresh(cx);
        }
        Ok(())
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        let millis = cx.now().as_millis() - self.metered.as_millis();
        cx.meter(&MONTH, u128::from(millis));
        self.metered = cx.now();
    }
    fn held(&self) -> u64 {
        0
    }
    fn sample(&self, now: SimTime, out: &mut Gauges) {
        let newest = self.shown.values().max_by_key(|table| table.at);
        if let Some(table) = newest {
            let age = now.since(table.at).as_secs_f64();
            out.values.push(("age of the newest result", age, "s"));
        }
        out.table = newest.cloned();
        let ringing = self.alarms.values().filter(|s| *s == "ALARM").count();
        out.values.push(("alarms in ALARM", ringing as f64, ""));
        if !self.config.title.is_empty() {
            out.state = Some(self.config.title.clone());
        }
        out.limit(
            "widgets",
            self.widgets as f64 / self.widgets_max.max(1) as f64,
        );
    }
}

#[cfg(test)]
mod tests;
