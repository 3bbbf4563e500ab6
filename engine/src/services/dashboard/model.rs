//! A running dashboard: keeps the newest of everything and shows it at each refresh.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::MONTH;
use super::config::Config;
use crate::node::{
    Admit, BuildCx, Cx, Gauges, Node, NodeResult, Notice, Payload, Schedule, Table, Tag, WireId,
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
            metered: SimTime::ZERO,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) {
        let every = config.refresh_seconds;
        self.schedule.change(every, every, cx);
        self.config = config;
    }
    fn refresh(&mut self, cx: &mut Cx<'_>) {
        self.shown.clone_from(&self.arrived);
        for table in self.shown.values_mut() {
            if let Some(longer) = super::forecast::below(table, &self.config) {
                *table = Arc::new(longer);
            }
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
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let ports = super::SPEC.inputs.iter();
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
