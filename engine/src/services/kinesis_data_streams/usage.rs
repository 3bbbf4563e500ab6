//! What a stream is billed for: shards and payload units when provisioned, gigabytes when on demand, and what is kept long.

use std::collections::VecDeque;

use super::config::Config;
use super::model::Model;
use crate::books::{UsageSpec, usage};
use crate::node::Cx;
use crate::units::{GIB, HOURS_PER_MONTH, MIB, SimDuration, SimTime};

const HOUR_MS: u64 = 3_600_000;

macro_rules! usages {
    ($($name:ident = $key:literal, $unit:literal, $base:expr, $rounding:literal;)*) => {
        $(pub(in super::super) static $name: UsageSpec = usage(concat!("kinesis-data-streams.", $key), $unit, $base, $rounding);)*
        /// All of them.
        pub(super) static ALL: &[&UsageSpec] = &[$(&$name),*];
    };
}
usages! {
    SHARD_HOUR = "shard_hour", "shard-hour", HOUR_MS, "";
    PUT_UNIT = "put_payload_unit", "PUT payload unit", 1, "each record rounded up to 25 KB";
    EXTENDED_RETENTION = "extended_retention_shard_hour", "shard-hour", HOUR_MS, "";
    LONG_TERM = "long_term_retention_gb_month", "GB-month", GIB * HOURS_PER_MONTH * HOUR_MS, "";
    LONG_TERM_READ = "long_term_retrieval_gb", "GB", GIB, "";
    FAN_OUT_HOUR = "enhanced_fan_out_shard_hour", "consumer-shard-hour", HOUR_MS, "";
    FAN_OUT_GB = "enhanced_fan_out_gb", "GB", GIB, "";
    STREAM_HOUR = "on_demand_stream_hour", "stream-hour", HOUR_MS, "";
    INGEST_GB = "on_demand_ingest_gb", "GB", GIB, "each record rounded up to 1 KB";
    READ_GB = "on_demand_retrieval_gb", "GB", GIB, "";
    FAN_OUT_READ_GB = "on_demand_enhanced_fan_out_gb", "GB", GIB, "";
    EXTENDED = "on_demand_extended_retention_gb_month", "GB-month", GIB * HOURS_PER_MONTH * HOUR_MS, "";
    ON_DEMAND_LONG_TERM = "on_demand_long_term_retention_gb_month", "GB-month", GIB * HOURS_PER_MONTH * HOUR_MS, "";
    ADVANTAGE_HOUR = "on_demand_advantage_stream_hour", "stream-hour", HOUR_MS, "";
    ADVANTAGE_INGEST_GB = "on_demand_advantage_ingest_gb", "GB", GIB, "each record rounded up to 1 KB; at least 25 MiB/s";
    ADVANTAGE_READ_GB = "on_demand_advantage_retrieval_gb", "GB", GIB, "at least 25 MiB/s";
    ADVANTAGE_FAN_OUT_GB = "on_demand_advantage_enhanced_fan_out_gb", "GB", GIB, "";
    ADVANTAGE_EXTENDED = "on_demand_advantage_extended_retention_gb_month", "GB-month", GIB * HOURS_PER_MONTH * HOUR_MS, "";
}

/// Records older than this cost more to keep and to read. Source: Kinesis Data Streams pricing page, read 2026-11-20.
const LONG: SimDuration = SimDuration::secs(7 * 86_400);
const MINUTE: SimDuration = SimDuration::secs(60);

/// Billing rules from the book.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) put_unit_bytes: u64,
    pub(super) ingest_rounding: u64,
    pub(super) included: SimDuration,
}

/// PUT payload units of a record of `bytes`, key included.
pub(in super::super) fn put_units(bytes: u64, unit_bytes: u64) -> u64 {
    bytes.div_ceil(unit_bytes).max(1)
}
/// Bytes of an on-demand stream that a record of `bytes` is billed as.
pub(super) fn ingest_bytes(bytes: u64, rounding: u64) -> u64 {
    bytes.div_ceil(rounding).max(1) * rounding
}

/// Bytes that came in, by the minute, as long as they are kept: what storage beyond the included time costs.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Minute and bytes, oldest first.
    minutes: VecDeque<(SimTime, u64)>,
    /// How many of the oldest are beyond seven days, and beyond the included time.
    long: usize,
    extended: usize,
    long_bytes: u64,
    extended_bytes: u64,
}

impl Kept {
    pub(super) fn add(&mut self, now: SimTime, bytes: u64) {
        match self
            .minutes
            .back_mut()
            .filter(|(at, _)| now.since(*at) < MINUTE)
        {
            Some((_, sum)) => *sum += bytes,
            None => self.minutes.push_back((now, bytes)),
        }
    }
    /// Bytes beyond the included time up to seven days, and beyond seven days.
    pub(super) fn at(
        &mut self,
        now: SimTime,
        included: SimDuration,
        retention: SimDuration,
    ) -> (u64, u64) {
        while let Some((at, bytes)) = self.minutes.get(self.extended)
            && now.since(*at) >= included
        {
            self.extended_bytes += bytes;
            self.extended += 1;
        }
        while let Some((at, bytes)) = self.minutes.get(self.long)
            && self.long < self.extended
            && now.since(*at) >= LONG
        {
            self.extended_bytes -= bytes;
            self.long_bytes += bytes;
            self.long += 1;
        }
        while let Some((at, bytes)) = self.minutes.front().copied()
            && self.extended > 0
            && now.since(at) >= retention
        {
            self.minutes.pop_front();
            self.extended -= 1;
            if self.long > 0 {
                self.long -= 1;
                self.long_bytes -= bytes;
            } else {
                self.extended_bytes -= bytes;
            }
        }
        (self.extended_bytes, self.long_bytes)
    }
}

/// What was metered so far and how far.
#[derive(Debug, Default)]
pub(super) struct Metering {
    until: SimTime,
    pub(super) kept: Kept,
    /// For Advantage: billed bytes in and out of shared readers since its commitment began, and when that was.
    committed: Option<(SimTime, u128, u128)>,
}

/// The commitment of Advantage, in and out. Source: as `on_demand_advantage_ingest_gb` in the price book.
const COMMITTED: u128 = 25 * MIB as u128;

impl Model {
    /// Brings what accrues with time up to now.
    pub(super) fn meter(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        let ms = u128::from(now.as_millis() - self.metering.until.as_millis());
        self.metering.until = now;
        let config = self.config.clone();
        let shard_ms = ms * u128::from(self.open_count());
        let fan_out = self.readers.iter().filter(|r| r.push.is_some()).count() as u128;
        let hours = |config: &Config| SimDuration::secs(u64::from(config.retention_hours) * 3600);
        let extends = hours(&config) > self.rules.included;
        let (extended, long) = if extends {
            let included = self.rules.included;
            self.metering.kept.at(now, included, hours(&config))
        } else {
            self.metering.kept = Kept::default();
            (0, 0)
        };
        let (extended, long) = (u128::from(extended) * ms, u128::from(long) * ms);
        if !config.is_on_demand() {
            cx.meter(&SHARD_HOUR, shard_ms);
            cx.meter(&FAN_OUT_HOUR, shard_ms * fan_out);
            if extends {
                cx.meter(&EXTENDED_RETENTION, shard_ms);
            }
            cx.meter(&LONG_TERM, long);
            return;
        }
        cx.meter(&ON_DEMAND_LONG_TERM, long);
        if config.is_advantage() {
            cx.meter(&ADVANTAGE_HOUR, ms);
            cx.meter(&ADVANTAGE_EXTENDED, extended);
            self.top_up(cx);
        } else {
            cx.meter(&STREAM_HOUR, ms);
            cx.meter(&EXTENDED, extended);
        }
    }
    /// Advantage bills at least the commitment: what traffic lacks of it is added.
    fn top_up(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        let (since, billed_in, billed_out) = self.metering.committed.get_or_insert((now, 0, 0));
        let due = COMMITTED * u128::from(now.since(*since).0) / 1_000_000_000;
        let (more_in, more_out) = (
            due.saturating_sub(*billed_in),
            due.saturating_sub(*billed_out),
        );
        *billed_in += more_in;
        *billed_out += more_out;
        cx.meter(&ADVANTAGE_INGEST_GB, more_in);
        cx.meter(&ADVANTAGE_READ_GB, more_out);
    }
    /// Records were taken in: `units` payload units, `ingest` rounded bytes, `bytes` as they are.
    pub(super) fn meter_write(&mut self, units: u64, ingest: u64, bytes: u64, cx: &mut Cx<'_>) {
        if self.config.is_advantage() {
            let now = cx.now();
            let committed = self.metering.committed.get_or_insert((now, 0, 0));
            committed.1 += u128::from(ingest);
            cx.meter(&ADVANTAGE_INGEST_GB, u128::from(ingest));
        } else if self.config.is_on_demand() {
            cx.meter(&INGEST_GB, u128::from(ingest));
        } else {
            cx.meter(&PUT_UNIT, u128::from(units));
        }
        if SimDuration::secs(u64::from(self.config.retention_hours) * 3600) > self.rules.included {
            self.metering.kept.add(cx.now(), bytes);
        }
    }
    /// A reader got `bytes`, of which `old` are beyond seven days.
    pub(super) fn meter_read(&mut self, bytes: u64, old: u64, pushed: bool, cx: &mut Cx<'_>) {
        let bytes = u128::from(bytes);
        let advantage = self.config.is_advantage();
        if !self.config.is_on_demand() {
            if pushed {
                cx.meter(&FAN_OUT_GB, bytes);
            }
            cx.meter(&LONG_TERM_READ, u128::from(old));
            return;
        }
        let spec = match (pushed, advantage) {
            (false, false) => &READ_GB,
            (true, false) => &FAN_OUT_READ_GB,
            (false, true) => &ADVANTAGE_READ_GB,
            (true, true) => &ADVANTAGE_FAN_OUT_GB,
        };
        if advantage && !pushed {
            let now = cx.now();
            self.metering.committed.get_or_insert((now, 0, 0)).2 += bytes;
        }
        cx.meter(spec, bytes);
    }
    /// True for records that came in so long ago that reading them costs.
    pub(super) fn is_old(arrived: SimTime, now: SimTime) -> bool {
        now.since(arrived) >= LONG
    }
}
