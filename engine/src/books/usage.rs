//! What a service meters: integers of a base unit, under a price key.

/// How a run's usage becomes a month's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// As much per hour as in the run: requests, bytes, hours of a thing that stands there.
    Linear,
    /// Level times time of a thing that fills at a steady rate, such as stored bytes: a month of it costs the square.
    Accumulating,
    /// Once, however long the run: a set-up.
    OneOff,
}

/// How one kind of usage is counted; a constant of the service that meters it.
///
/// Whoever meters the same key uses the same base unit: volume tiers are counted over the whole region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageSpec {
    /// The price key, such as `kinesis-data-streams.shard_hour`.
    pub key: &'static str,
    /// The priced unit as the book names it, in the singular: `shard-hour`.
    pub unit: &'static str,
    /// Metered base units in one priced unit, at least 1: 3,600,000 shard-milliseconds in a shard-hour, 2^30 bytes in a GB.
    pub base_per_unit: u64,
    /// How the service rounds before it meters, in plain words: "each record rounded up to 25 KB"; empty for not at all.
    pub rounding: &'static str,
    /// How a run's usage becomes a month's.
    pub growth: Growth,
}

/// Usage that grows with the time of the run: the price key, its unit, base units in one and how the service rounds.
#[must_use]
pub const fn usage(
    key: &'static str,
    unit: &'static str,
    base_per_unit: u64,
    rounding: &'static str,
) -> UsageSpec {
    UsageSpec {
        key,
        unit,
        base_per_unit,
        rounding,
        growth: Growth::Linear,
    }
}

/// So much usage of one node in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metered {
    /// The node's id.
    pub node: String,
    /// Its kind id, such as `kinesis-data-streams`.
    pub service: String,
    /// What was counted.
    pub spec: &'static UsageSpec,
    /// How much, in base units of `spec`.
    pub quantity: u128,
}

/// Units that count what stands there whether it is used or not.
const STANDING: [&str; 21] = [
    "AZ-hour",
    "MCU-hour",
    "RCU-hour",
    "WCU-hour",
    "alarm-month",
    "broker-hour",
    "cluster-hour",
    "consumer-shard-hour",
    "dashboard-month",
    "instance-hour",
    "metric-month",
    "node-hour",
    "object-month",
    "partition-hour",
    "replicator-hour",
    "shard-hour",
    "stream-hour",
    "endpoint-hour",
    "user-month",
    "OCU-hour",
    "RPU-hour",
];

/// True when a line of this unit is paid for a thing that stands there, whatever the traffic; else it is paid for use.
#[must_use]
pub fn is_baseline(key: &str, unit: &str) -> bool {
    STANDING.contains(&unit) || key.contains("provisioned_concurrency")
}
