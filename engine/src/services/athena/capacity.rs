//! A capacity reservation: queries share its DPUs, wait in a line when all are taken, and are not billed for bytes.

use std::collections::VecDeque;

use super::DPU_HOUR;
use super::config::Config;
use crate::node::Cx;
use crate::units::SimTime;

/// The DPUs of a reservation, none without one.
#[derive(Debug, Default)]
pub(super) struct Capacity {
    dpus: u64,
    dml: u64,
    ddl: u64,
    taken: u64,
    line: VecDeque<u64>,
    metered: SimTime,
}

impl Capacity {
    /// `ddl` is what a statement on the catalog takes.
    pub(super) fn new(config: &Config, ddl: u64) -> Self {
        Self {
            dpus: u64::from(config.capacity_dpus),
            dml: u64::from(config.dpus_per_query),
            ddl,
            ..Self::default()
        }
    }
    /// Another size from now on; queries that run keep theirs.
    pub(super) fn change(&mut self, config: &Config, cx: &mut Cx<'_>) {
        self.settle(cx);
        self.dpus = u64::from(config.capacity_dpus);
        self.dml = u64::from(config.dpus_per_query);
    }
    /// True when there is one.
    pub(super) const fn is_reserved(&self) -> bool {
        self.dpus > 0
    }
    const fn needs(&self, ddl: bool) -> u64 {
        if ddl { self.ddl } else { self.dml }
    }
    /// Takes what a query needs: how much, or `None` when it has to wait in the line, which it joins.
    pub(super) fn enter(&mut self, id: u64, ddl: bool) -> Option<u64> {
        if !self.is_reserved() {
            return Some(0);
        }
        if !self.line.is_empty() || self.taken + self.needs(ddl) > self.dpus {
            self.line.push_back(id);
            return None;
        }
        self.taken += self.needs(ddl);
        Some(self.needs(ddl))
    }
    /// A query gives back what it took.
    pub(super) const fn leave(&mut self, dpus: u64) {
        self.taken = self.taken.saturating_sub(dpus);
    }
    /// The first query of the line, when there is room for it; `is_ddl` says what it is, `None` when it is gone.
    pub(super) fn next(&mut self, is_ddl: impl Fn(u64) -> Option<bool>) -> Option<(u64, u64)> {
        while let Some(id) = self.line.front().copied() {
            let Some(ddl) = is_ddl(id) else {
                self.line.pop_front();
                continue;
            };
            if self.is_reserved() && self.taken + self.needs(ddl) > self.dpus {
                return None;
            }
            self.line.pop_front();
            let dpus = if self.is_reserved() {
                self.needs(ddl)
            } else {
                0
            };
            self.taken += dpus;
            return Some((id, dpus));
        }
        None
    }
    /// Share of the DPUs that work.
    pub(super) fn used(&self) -> f64 {
        self.taken as f64 / self.dpus.max(1) as f64
    }
    /// Meters the reservation up to now, used or not.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>) {
        let millis = cx.now().as_millis() - self.metered.as_millis();
        self.metered = cx.now();
        cx.meter(&DPU_HOUR, u128::from(self.dpus) * u128::from(millis));
    }
}
