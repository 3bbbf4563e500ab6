//! The metric of a wired node that is forecast: one datapoint a period, as CloudWatch has them.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::config::Config;
use crate::metrics::Watch;
use crate::node::{Cx, NodeResult, Table, Tag};
use crate::units::{SimDuration, SimTime};

/// The timer at the end of a period; the refresh has 0.
pub(super) const READ: u32 = 1;
/// The newest datapoints that are kept.
const KEPT: usize = 2000;

/// A metric that is followed.
#[derive(Debug)]
pub(super) struct Follower {
    watch: Watch,
    node: String,
    period: SimDuration,
    periods: u64,
    /// When each period began, milliseconds since 1970, and its datapoint; a period without values has none.
    points: VecDeque<(i64, Option<f64>)>,
}

impl Follower {
    /// Follows the metric of the node that `config` names, or of the first at `metrics`; `None` when it names no metric or there is no
    /// such node.
    pub(super) fn begin(config: &Config, cx: &mut Cx<'_>) -> Option<Self> {
        let (metric, node) = (config.forecast_metric.trim(), config.forecast_node.trim());
        if metric.is_empty() {
            return None;
        }
        let (wire, peer) = {
            let mut ends = cx.ins("metrics");
            let found = ends.find(|w| node.is_empty() || w.peer == node)?;
            (found.id, found.peer.clone())
        };
        let own = Self {
            watch: Watch::new(config.forecast_statistic),
            node: peer,
            period: SimDuration::secs(u64::from(config.forecast_period_seconds.max(1))),
            periods: 0,
            points: VecDeque::new(),
        };
        cx.watch(wire, metric, own.watch.clone());
        own.arm(cx);
        Some(own)
    }
    /// Sets the timer for the end of the period that goes on, one nanosecond before: values of the very end belong to the next.
    fn arm(&self, cx: &mut Cx<'_>) {
        let end = SimTime(self.period.0 * (self.periods + 1));
        cx.at(end - SimDuration(1), Tag::new(READ, 0));
    }
    /// The period is over.
    pub(super) fn read(&mut self, cx: &mut Cx<'_>) {
        let began = i64::try_from(self.period.0 * self.periods / 1_000_000).unwrap_or(i64::MAX / 2);
        if self.points.len() >= KEPT {
            self.points.pop_front();
        }
        let at = cx.world().epoch_ms.saturating_add(began);
        self.points.push_back((at, self.watch.take()));
        self.periods += 1;
        self.arm(cx);
    }
    /// The datapoints as a table: when each period began, and the metric by its name.
    pub(super) fn table(&self, config: &Config, now: SimTime) -> NodeResult<Table> {
        let metric = config.forecast_metric.trim();
        let kind = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        let fields = vec![
            Field::new("time", kind, true),
            Field::new(metric, DataType::Float64, true),
        ];
        let times: TimestampMillisecondArray = self.points.iter().map(|p| Some(p.0)).collect();
        let values: Float64Array = self.points.iter().map(|p| p.1).collect();
        let columns = vec![
            Arc::new(times.with_timezone("UTC")) as _,
            Arc::new(values) as _,
        ];
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
        Ok(Table {
            title: format!("{} {metric}", self.node),
            rows: vec![rows.map_err(|e| e.to_string())?],
            at: now,
        })
    }
}
