//! A running dashboard: keeps the newest of everything and shows it at each refresh.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::MONTH;
use super::config::Config;
use super::forecast::{Longer, below};
use super::metric::{Follower, READ};
use crate::node::{
    Admit, BuildCx, Cx, Gauges, Node, NodeResult, Notice, Payload, Retuned, Schedule, Table, Tag,
    WireId,
};
use crate::units::SimTime;

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
    /// The metric that is forecast, and how it was shown at the last refresh.
    follower: Option<Follower>,
    followed: Option<Arc<Table>>,
    /// The error of the newest forecast at earlier points (MASE).
    mase: Option<f64>,
    metered: SimTime,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        Ok(Self {
            schedule: Schedule::new(0, config.refresh_seconds, config.refresh_seconds),
            config,
            widgets_max: cx.quota("cloudwatch.dashboard_widgets_max")?,
            widgets: 0,
            arrived: BTreeMap::new(),
            shown: BTreeMap::new(),
            alarms: BTreeMap::new(),
            follower: None,
            followed: None,
            mase: None,
            metered: SimTime::ZERO,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> Retuned {
        if config.followed() != self.config.followed() {
            return Retuned::NextRun(
                "`forecast_metric`, `forecast_node`, `forecast_statistic`, `forecast_period_seconds`: the datapoints so far are of the old metric".to_owned(),
            );
        }
        let every = config.refresh_seconds;
        self.schedule.change(every, every, cx);
        self.config = config;
        Retuned::Live
    }
    fn refresh(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.shown.clone_from(&self.arrived);
        self.mase = None;
        for table in self.shown.values_mut() {
            let column = &self.config.forecast_column;
            if let Some(Longer { table: own, mase }) = below(table, column, &self.config) {
                *table = Arc::new(own);
                self.mase = mase;
            }
        }
        if let Some(follower) = &self.follower {
            let mut table = follower.table(&self.config, cx.now())?;
            let column = self.config.forecast_metric.trim();
            if let Some(Longer { table: own, mase }) = below(&table, column, &self.config) {
                table = own;
                self.mase = mase;
            }
            self.followed = Some(Arc::new(table));
        }
        let now = cx.now();
        let mut rows = 0;
        for table in self.shown.values() {
            rows += table.rows.iter().map(|b| b.num_rows()).sum::<usize>();
            cx.metric("ResultAge", now.since(table.at).as_secs_f64());
        }
        if !self.shown.is_empty() {
            cx.metric("RowsShown", rows as f64);
        }
        Ok(())
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let ports = super::SPEC.inputs.iter();
        self.widgets = ports.map(|port| cx.ins(port.name).count()).sum();
        self.follower = Follower::begin(&self.config, cx);
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
        if tag.kind == READ {
            if let Some(follower) = &mut self.follower {
                follower.read(cx);
            }
        } else if self.schedule.is_due(tag, cx) {
            self.refresh(cx)?;
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
        out.table = self.followed.as_ref().or(newest).cloned();
        if let Some(mase) = self.mase {
            out.values.push(("MASE of the forecast", mase, ""));
        }
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
