//! A running alarm: reads a datapoint at the end of each period and evaluates a little later.

use std::sync::Arc;

use chrono::DateTime;
use serde_json::json;

use super::config::Config;
use super::evaluate::{EXTRA_POINTS, State, evaluate};
use super::{HIGH_RESOLUTION, STANDARD};
use crate::books::{LatencyLaw, UsageSpec};
use crate::metrics::Watch;
use crate::node::{
    AlarmChange, AlarmStatus, BuildCx, Cx, Event, Gauges, Node, NodeError, NodeResult, Notice,
    Payload, Retuned, Tag, WireId,
};
use crate::units::{SimDuration, SimTime};

const READ: u32 = 0;
const EVALUATE: u32 = 1;
/// Changes that are kept.
const HISTORY: usize = 256;

/// A running alarm.
#[derive(Debug)]
pub struct Model {
    config: Config,
    latency: LatencyLaw,
    usage: &'static UsageSpec,
    watch: Watch,
    /// The newest last.
    points: Vec<Option<f64>>,
    periods: u64,
    state: State,
    status: Arc<AlarmStatus>,
    metered: SimTime,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let standard = cx.quota("cloudwatch.standard_resolution_s")?;
        let usage = if u64::from(config.period_seconds) < standard {
            &HIGH_RESOLUTION
        } else {
            &STANDARD
        };
        let status = AlarmStatus {
            node: String::new(),
            metric: config.metric_name.clone(),
            condition: config.condition(),
            state: State::InsufficientData.name(),
            changes: Vec::new(),
            changes_total: 0,
        };
        Ok(Self {
            latency: cx.latency("cloudwatch.alarm_evaluation")?,
            usage,
            watch: Watch::new(config.statistic),
            points: Vec::new(),
            periods: 0,
            state: State::InsufficientData,
            status: Arc::new(status),
            metered: SimTime::ZERO,
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config) -> Retuned {
        let old = &self.config;
        if (&config.metric_name, config.statistic, config.period_seconds)
            != (&old.metric_name, old.statistic, old.period_seconds)
        {
            return Retuned::NextRun(
                "`metric_name`, `statistic`, `period_seconds`: the datapoints so far are of the old metric".to_owned(),
            );
        }
        self.config = config;
        Arc::make_mut(&mut self.status).condition = self.config.condition();
        Retuned::Live
    }
    const fn period(&self) -> SimDuration {
        SimDuration::secs(self.config.period_seconds as u64)
    }
    /// Sets the timer for the end of the period that goes on.
    fn arm(&self, cx: &mut Cx<'_>) {
        let end = SimTime(self.period().0 * (self.periods + 1));
        // One nanosecond before: values of the very end belong to the next period, whichever node is served first.
        cx.at(end - SimDuration(1), Tag::new(READ, 0));
    }
    fn read(&mut self, cx: &mut Cx<'_>) {
        let keep = self.config.periods() + EXTRA_POINTS;
        if self.points.len() >= keep {
            self.points.drain(..=self.points.len() - keep);
        }
        self.points.push(self.watch.take());
        self.periods += 1;
        let delay = cx.draw(&self.latency) + SimDuration(1);
        cx.after(delay, Tag::new(EVALUATE, self.periods));
        self.arm(cx);
    }
    fn evaluate(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let next = evaluate(&self.points, &self.config).unwrap_or(self.state);
        if next != self.state {
            self.change(next, cx)?;
        }
        let ringing = self.state == State::Alarm;
        cx.metric("InAlarm", f64::from(u8::from(ringing)));
        Ok(())
    }
    /// The change as CloudWatch tells it to topics and buses.
    fn event(
        &self,
        from: State,
        to: State,
        value: Option<f64>,
        reason: &str,
        cx: &Cx<'_>,
    ) -> Event {
        let at = DateTime::from_timestamp_millis(cx.now_epoch_ms()).unwrap_or_default();
        let at = at.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
        let (name, region) = (cx.id(), cx.world().books.region());
        let config = &self.config;
        Event {
            source: "aws.cloudwatch",
            detail_type: "CloudWatch Alarm State Change".to_owned(),
            detail: json!({
                "alarmName": name,
                "state": { "value": to.name(), "reason": reason, "timestamp": at },
                "previousState": { "value": from.name() },
            }),
            message: json!({
                "AlarmName": name,
                "AWSAccountId": "123456789012",
                "NewStateValue": to.name(),
                "NewStateReason": reason,
                "StateChangeTime": at,
                "Region": region,
                "OldStateValue": from.name(),
                "Trigger": {
                    "MetricName": config.metric_name,
                    "Period": config.period_seconds,
                    "EvaluationPeriods": config.evaluation_periods,
                    "ComparisonOperator": format!("{:?}", config.comparison),
                    "Threshold": config.threshold,
                },
                "Value": value,
            }),
        }
    }
    fn change(&mut self, next: State, cx: &mut Cx<'_>) -> NodeResult {
        let value = self.points.iter().rev().find_map(|p| *p);
        let status = Arc::make_mut(&mut self.status);
        if status.changes.len() == HISTORY {
            status.changes.remove(0);
        }
        status.changes.push(AlarmChange {
            at_seconds: cx.now().as_secs_f64(),
            from: self.state.name(),
            to: next.name(),
            value,
        });
        status.changes_total += 1;
        status.state = next.name();
        let figures = value.map_or_else(
            || "no datapoint at all".to_owned(),
            |v| format!("the newest datapoint is {v}"),
        );
        let reason = format!("{} of `{}`; {figures}", status.condition, status.node);
        let before = self.state;
        let text = format!(
            "{} -> {}: {} of `{}`; {figures}",
            self.state.name(),
            next.name(),
            status.condition,
            status.node
        );
        cx.event("alarm", text);
        cx.metric("StateChanges", 1.0);
        self.state = next;
        let event = Arc::new(self.event(before, next, value, &reason, cx));
        let wires: Vec<WireId> = cx.outs("state").map(|w| w.id).collect();
        for wire in wires {
            let notice = Payload::Notice(Notice::State(next.name().to_owned()));
            let event = Payload::Notice(Notice::Event(Arc::clone(&event)));
            for notice in [notice, event] {
                if cx.send(wire, notice, SimDuration::ZERO).is_err() {
                    return Err(NodeError::Fatal(
                        "a wire has no credit for a notice".to_owned(),
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let watched = cx.ins("watch").next().map(|w| (w.id, w.peer.clone()));
        if let Some((wire, peer)) = watched {
            cx.watch(wire, &self.config.metric_name, self.watch.clone());
            Arc::make_mut(&mut self.status).node = peer;
        }
        self.arm(cx);
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match tag.kind {
            READ => self.read(cx),
            _ => self.evaluate(cx)?,
        }
        Ok(())
    }
    fn settle_usage(&mut self, cx: &mut Cx<'_>) {
        let millis = cx.now().as_millis() - self.metered.as_millis();
        cx.meter(self.usage, u128::from(millis));
        self.metered = cx.now();
    }
    fn held(&self) -> u64 {
        0
    }
    fn sample(&self, _now: SimTime, out: &mut Gauges) {
        out.state = Some(self.state.name().to_owned());
        if let Some(value) = self.points.last().copied().flatten() {
            out.values.push(("newest datapoint", value, ""));
        }
        out.alarm = Some(Arc::clone(&self.status));
    }
}
