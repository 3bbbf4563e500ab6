//! The lease table in DynamoDB and what the application costs.

use super::config::{Config, LeaseAssignment, LeaseTableMode};
use super::model::{MILLI, Model};
use super::{METRIC, PUT_METRIC, RCU_HOUR, READ, WCU_HOUR, WORKER_HOUR, WRITE};
use crate::node::{Cx, FaultKind, TokenBucket};
use crate::units::SimTime;

/// Units that a strongly consistent read of `bytes` takes, all its rows together; an eventually consistent one takes halves of them.
pub(in super::super) fn read_units(bytes: u64, unit_bytes: u64) -> u64 {
    bytes.div_ceil(unit_bytes).max(1)
}

/// The table: what it takes, and up to when what stands there is metered.
#[derive(Debug)]
pub(super) struct LeaseTable {
    writes: TokenBucket,
    burst_seconds: u64,
    metered: SimTime,
    /// Writes since the last report, and a second before it.
    written: u64,
    pub(super) writes_per_second: f64,
}

impl LeaseTable {
    pub(super) fn new(config: &Config, burst_seconds: u64) -> Self {
        let wcu = u64::from(config.lease_table_wcu);
        Self {
            writes: TokenBucket::with_burst(wcu, wcu * burst_seconds),
            burst_seconds,
            metered: SimTime::ZERO,
            written: 0,
            writes_per_second: 0.0,
        }
    }
    /// Another capacity from now on.
    pub(super) fn change(&mut self, config: &Config) {
        let wcu = u64::from(config.lease_table_wcu);
        self.writes = TokenBucket::with_burst(wcu, wcu * self.burst_seconds);
    }
    pub(super) fn report(&mut self, seconds: f64) {
        self.writes_per_second = self.written as f64 / seconds;
        self.written = 0;
    }
}

impl Model {
    /// Writes a row; false when the table throttles it.
    pub(super) fn write_row(&mut self, cx: &mut Cx<'_>) -> bool {
        let provisioned = self.config.lease_table_mode == LeaseTableMode::Provisioned;
        let now = cx.now();
        let throttled = cx.strikes(FaultKind::Throttle);
        if throttled || (provisioned && !self.table.writes.take(now, 1)) {
            cx.metric("LeaseTableThrottles", 1.0);
            cx.incident("lease-table-throttled", 1, || {
                "writes to the lease table fail with ProvisionedThroughputExceededException"
                    .to_owned()
            });
            return false;
        }
        self.table.written += 1;
        self.meter_writes(1, cx);
        true
    }
    /// Rows of the tables that KCL keeps beside that of the leases; those are paid on demand.
    pub(super) fn write_beside(&self, rows: u64, cx: &mut Cx<'_>) {
        cx.meter(&WRITE, u128::from(rows));
    }
    fn meter_writes(&self, rows: u64, cx: &mut Cx<'_>) {
        if self.config.lease_table_mode == LeaseTableMode::OnDemand {
            cx.meter(&WRITE, u128::from(rows));
        }
    }
    /// Reads `rows` rows of the table `times` times, eventually consistent.
    pub(super) fn scan(&self, rows: u64, times: u64, cx: &mut Cx<'_>) {
        if self.config.lease_table_mode == LeaseTableMode::OnDemand {
            let bytes = rows * self.quotas.item_bytes;
            let halves = read_units(bytes, self.quotas.read_bytes);
            cx.meter(&READ, u128::from(halves * times));
        }
    }
    /// Brings what accrues with time up to now.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        let millis = now.since(self.table.metered).0 / MILLI.0;
        self.table.metered = self.table.metered + MILLI * millis;
        let millis = u128::from(millis);
        let workers = self.living().count() as u128;
        cx.meter(&WORKER_HOUR, millis * workers);
        let metrics = self.config.cloudwatch_metrics;
        if metrics > 0 {
            cx.meter(&METRIC, millis * u128::from(metrics));
            let each = u64::from(metrics).div_ceil(workers.max(1) as u64);
            let calls = each.div_ceil(self.quotas.metrics_per_call);
            let thousandths = millis * 1000 * workers * u128::from(calls);
            cx.meter(
                &PUT_METRIC,
                thousandths / u128::from(self.quotas.metrics_buffer_ms),
            );
        }
        if self.config.lease_table_mode == LeaseTableMode::Provisioned {
            cx.meter(&WCU_HOUR, millis * u128::from(self.config.lease_table_wcu));
            cx.meter(&RCU_HOUR, millis * u128::from(self.config.lease_table_rcu));
        }
    }
    /// True for KCL 3, where one worker leads.
    pub(super) fn has_leader(&self) -> bool {
        self.config.lease_assignment == LeaseAssignment::WorkerUtilization
    }
}
