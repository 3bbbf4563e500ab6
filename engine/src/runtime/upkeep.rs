//! What happens every virtual second and minute, and at the end: gauges, incidents, usage, the bill, the balance.

use std::sync::Arc;

use super::run::{Baseline, Event, RANK_TICK, Run, RunError};
use crate::books::{Bill, Metered};
use crate::metrics::LatencyMeter;
use crate::metrics::Point;
use crate::node::{Gauges, NodeState};
use crate::units::{SimDuration, SimTime};

/// An incident has ended when it was quiet for this long.
const INCIDENT_QUIET: SimDuration = SimDuration::secs(60);
/// How often gauges are read.
pub(super) const TICK: SimDuration = SimDuration::secs(1);
/// How often usage that accrues with time is brought up to date.
const USAGE_TICKS: u64 = 60;

impl Run {
    pub(super) fn tick(&mut self) -> Result<(), RunError> {
        self.ticks += 1;
        for i in 0..self.nodes.len() {
            self.gauge(i);
            self.close_incidents(i, INCIDENT_QUIET)?;
        }
        if self.ticks.is_multiple_of(USAGE_TICKS) {
            self.settle_usage()?;
        }
        if self.baseline.is_none() && self.warm_up.is_some_and(|at| self.now >= at) {
            self.baseline = Some(self.stand());
        }
        self.queue
            .push(self.now + self.tick, RANK_TICK, Event::Tick);
        Ok(())
    }
    fn stand(&self) -> Baseline {
        let mut end_to_end = LatencyMeter::default();
        for state in &self.states {
            end_to_end.merge(&state.end_to_end);
        }
        let bytes_in = |s: &NodeState| {
            let meter = s.meters.all.iter().find(|m| m.spec.name == "BytesIn");
            meter.map_or(0.0, |m| m.total.sum)
        };
        Baseline {
            at: self.now,
            end_to_end,
            ledgers: self.states.iter().map(|s| s.ledger.clone()).collect(),
            bytes_in: self.states.iter().map(bytes_in).collect(),
        }
    }
    /// Shows the inside of every node at this very instant, for somebody who looks at a run that waits. Measures nothing.
    pub(super) fn look_inside(&mut self) {
        for (i, node) in self.nodes.iter().enumerate() {
            let mut gauges = Gauges::default();
            node.sample(self.now, &mut gauges);
            self.gauges[i] = gauges;
            self.touched[i] = true;
        }
    }
    fn gauge(&mut self, i: usize) {
        let mut gauges = Gauges::default();
        self.nodes[i].sample(self.now, &mut gauges);
        let held = self.nodes[i].held();
        let state = &mut self.states[i];
        state.meters.put(self.now, "RecordsHeld", held as f64, 1);
        if let Some((used, limit)) = gauges.utilisation {
            state.meters.put(self.now, "Utilisation", used * 100.0, 1);
            let point = state.limits.entry(limit).or_insert(Point::EMPTY);
            point.add(used, 1);
            if used >= 1.0 {
                state.first_over.get_or_insert((self.now, limit));
            }
        }
        state.latency.roll(self.now);
        state.end_to_end.roll(self.now);
        self.gauges[i] = gauges;
        self.touched[i] = true;
    }
    fn close_incidents(&mut self, i: usize, quiet: SimDuration) -> Result<(), RunError> {
        let now = self.now;
        let state = &mut self.states[i];
        if state.incidents.is_empty() {
            return Ok(());
        }
        let (ended, open): (Vec<_>, Vec<_>) = std::mem::take(&mut state.incidents)
            .into_iter()
            .partition(|x| now.since(x.last) >= quiet);
        state.incidents = open;
        let id = state.id.clone();
        for x in ended {
            let length = x.last.since(x.first).as_secs_f64();
            let text = format!("{}: ended after {length:.1} s, {} in all", x.text, x.count);
            self.note(&id, x.kind, text)?;
            self.states[i].end_incident(x);
        }
        Ok(())
    }
    /// Brings usage and the bill up to now.
    ///
    /// # Errors
    /// When a node cannot go on.
    pub fn settle_usage(&mut self) -> Result<(), RunError> {
        for i in 0..self.nodes.len() {
            self.call(i, |n, cx| {
                n.settle_usage(cx);
                Ok(())
            })?;
        }
        let bill = Bill::price(&self.world.books, &self.metered(), SimDuration(self.now.0));
        for state in &mut self.states {
            let cost = |bill: &Bill| {
                bill.lines
                    .iter()
                    .filter(|l| l.node == state.id)
                    .filter_map(|l| l.usd)
                    .sum::<crate::units::Usd>()
            };
            let spent = cost(&bill).as_f64() - cost(&self.bill).as_f64();
            let minutes = (USAGE_TICKS * TICK.0) as f64 / 60e9;
            state
                .meters
                .put(self.now, "CostPerHour", spent.max(0.0) * 60.0 / minutes, 1);
        }
        self.bill = Arc::new(bill);
        Ok(())
    }
    /// What each node used so far.
    #[must_use]
    pub fn metered(&self) -> Vec<Metered> {
        let per_node = |s: &NodeState| {
            let pairs: Vec<_> = s
                .spec
                .usage
                .iter()
                .copied()
                .zip(s.usage.iter().copied())
                .collect();
            let (node, service) = (s.id.clone(), s.spec.id.to_owned());
            pairs.into_iter().map(move |(spec, quantity)| Metered {
                node: node.clone(),
                service: service.clone(),
                spec,
                quantity,
            })
        };
        self.states.iter().flat_map(per_node).collect()
    }
    /// The bill as of the last settling of usage.
    #[must_use]
    pub fn bill(&self) -> &Arc<Bill> {
        &self.bill
    }
    /// Ends the run at `at`: usage up to date, incidents closed, log written.
    ///
    /// # Errors
    /// When a node cannot go on or the log cannot be written.
    pub fn finish(&mut self, at: SimTime) -> Result<(), RunError> {
        self.now = self.now.max(at);
        self.settle_usage()?;
        for i in 0..self.nodes.len() {
            self.gauge(i);
            self.close_incidents(i, SimDuration::ZERO)?;
        }
        self.log.flush().map_err(RunError::Engine)
    }
    /// Records that cannot be explained, over all nodes: zero unless a model is wrong.
    #[must_use]
    pub fn unaccounted(&self) -> i128 {
        let each = self.states.iter().zip(&self.nodes);
        each.map(|(s, n)| s.ledger.unaccounted(n.held()).abs())
            .sum()
    }
}
