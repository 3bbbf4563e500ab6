//! Parameters of a producer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::{ArrivalShape, Blemishes, EquipmentFault, RecordSchema};
use crate::units::SimDuration;

/// How the rate goes over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// Evenly spaced.
    #[default]
    Constant,
    /// At random instants, independent of each other.
    Poisson,
    /// A sine wave around the rate.
    Wave,
    /// From the rate up (or down) to another in a given time.
    Ramp,
    /// The rate, with spikes at regular intervals.
    Burst,
    /// Every key in turn, each once in `arrival_period_seconds`; the number of keys gives the rate.
    Periodic,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileUse {
    /// Its records are sent, once, in their order.
    #[default]
    Replay,
    /// Records in its likeness are made without end.
    Learn,
}

/// When replayed records are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReplayPace {
    /// By their own timestamps, as many times faster as `replay_speed` says.
    #[default]
    Timestamps,
    /// At `records_per_second` and its shape, whatever their timestamps say.
    Rate,
}

/// Rows of a call of packed records at the most; mostly the linger time ends before.
const AGGREGATED_CALL_ROWS: usize = 8192;

/// An application that puts records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Records made in a second.
    #[schemars(range(min = 0.0, max = 10_000_000.0), extend("x-unit" = "records/s", "x-soft-max" = 10_000.0, "x-group" = "Rate"))]
    pub records_per_second: f64,
    /// How the rate goes over time.
    #[schemars(extend("x-group" = "Rate"))]
    pub arrival: Arrival,
    /// The length of a wave, the time of a ramp, the interval between bursts.
    #[schemars(range(min = 1.0, max = 31_536_000.0), extend("x-unit" = "s", "x-soft-max" = 86_400.0, "x-group" = "Rate"))]
    pub arrival_period_seconds: f64,
    /// How far a wave goes up and down, as a share of the rate.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-group" = "Rate"))]
    pub wave_amplitude: f64,
    /// The rate at the end of a ramp.
    #[schemars(range(min = 0.0, max = 10_000_000.0), extend("x-unit" = "records/s", "x-soft-max" = 10_000.0, "x-group" = "Rate"))]
    pub ramp_to: f64,
    /// How many times the rate a burst is.
    #[schemars(range(min = 1.0, max = 1000.0), extend("x-group" = "Rate"))]
    pub burst_factor: f64,
    /// How long a burst lasts.
    #[schemars(range(min = 0.1, max = 86_400.0), extend("x-unit" = "s", "x-group" = "Rate"))]
    pub burst_seconds: f64,
    /// What the records are about.
    #[schemars(extend("x-group" = "Records"))]
    pub schema: RecordSchema,
    /// Distinct keys: users, devices, interfaces.
    #[schemars(range(min = 1, max = 10_000_000), extend("x-unit" = "keys", "x-soft-max" = 100_000, "x-group" = "Records"))]
    pub keys: u64,
    /// How unequal the keys are: 0 for equal shares, else the exponent of Zipf's law.
    #[schemars(range(min = 0.0, max = 5.0), extend("x-soft-max" = 2.0, "x-group" = "Records"))]
    pub key_skew: f64,
    /// Share of the records that belong to one single key, on top of the skew.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-group" = "Records"))]
    pub hot_key_share: f64,
    /// Share of the records that are odd: fraud, bots, faulty readings.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-group" = "Records"))]
    pub fraud_rate: f64,
    /// For `equipment`: which faults machines have.
    #[schemars(extend("x-group" = "Equipment"))]
    pub equipment_fault: EquipmentFault,
    /// For `equipment`: how many readings of a machine the cycle of its load is long.
    #[schemars(range(min = 2, max = 100_000_000), extend("x-unit" = "readings", "x-soft-max" = 100_000, "x-group" = "Equipment"))]
    pub season_readings: u32,
    /// For `equipment`: how far sound readings creep in 1,000 readings, in standard deviations of their noise. Maintenance after
    /// 8,192 readings undoes it.
    #[schemars(range(min = 0.0, max = 100.0), extend("x-soft-max" = 2.0, "x-group" = "Equipment"))]
    pub wear: f64,
    /// Pads each record to this size; without it records are as long as they are.
    #[schemars(range(min = 64, max = 1_000_000), extend("x-unit" = "bytes", "x-soft-max" = 10_000, "x-group" = "Records"))]
    pub record_bytes: Option<u32>,
    /// Share of the records that lack the value of one field.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-group" = "Blemishes"))]
    pub null_share: f64,
    /// Share of the records whose `event_time` is long past when they are made.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-group" = "Blemishes"))]
    pub late_share: f64,
    /// How late such records are at the most.
    #[schemars(range(min = 0.001, max = 2_592_000.0), extend("x-unit" = "s", "x-soft-max" = 3600.0, "x-group" = "Blemishes"))]
    pub late_seconds: f64,
    /// Share of the records that are sent twice.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-group" = "Blemishes"))]
    pub duplicate_share: f64,
    /// Share of the records whose bytes do not parse.
    #[schemars(range(min = 0.0, max = 1.0), extend("x-group" = "Blemishes"))]
    pub malformed_share: f64,
    /// Makes one record in so many and counts it so many times: for high rates and long runs.
    #[schemars(range(min = 1, max = 1_000_000), extend("x-soft-max" = 1000, "x-group" = "Rate"))]
    pub sample_one_in: u32,
    /// A file to replay instead of making records: a path in the document's folder, or `sample:NAME` for data that Weir carries.
    #[schemars(extend("x-editor" = "file", "x-group" = "Replay"))]
    pub file: String,
    /// What the file is for.
    #[schemars(extend("x-group" = "Replay"))]
    pub file_use: FileUse,
    /// For JSON files: where in the document the list of records is, such as `features`.
    #[schemars(extend("x-group" = "Replay"))]
    pub records_at: String,
    /// The field that holds each record's own time; empty to look for one.
    #[schemars(extend("x-group" = "Replay"))]
    pub time_field: String,
    /// The field that holds each record's key, for the account of how unequal keys are.
    #[schemars(extend("x-group" = "Replay"))]
    pub key_field: String,
    /// When replayed records are sent.
    #[schemars(extend("x-group" = "Replay"))]
    pub replay_pace: ReplayPace,
    /// How many times faster than their own time records are replayed.
    #[schemars(range(min = 1.0, max = 1000.0), extend("x-group" = "Replay"))]
    pub replay_speed: f64,
    /// Packs records of one shard into larger ones, as the Kinesis Producer Library does. Only a Kinesis stream understands it.
    #[schemars(extend("x-group" = "Sending"))]
    pub aggregation: bool,
    /// Bytes of a packed record at the most.
    #[schemars(range(min = 64, max = 1_048_576), extend("x-unit" = "bytes", "x-group" = "Sending"))]
    pub aggregation_max_bytes: u32,
    /// Records of one call at the most; with aggregation, packed ones.
    #[schemars(range(min = 1, max = 500), extend("x-unit" = "records", "x-quota" = "kinesis-data-streams.put_records_max_records", "x-group" = "Sending"))]
    pub batch_records: u32,
    /// A call is sent at the latest this long after its first record was made.
    #[schemars(range(min = 1, max = 60_000), extend("x-unit" = "ms", "x-soft-max" = 1000, "x-group" = "Sending"))]
    pub linger_ms: u32,
    /// Calls under way at once.
    #[schemars(range(min = 1, max = 1024), extend("x-unit" = "calls", "x-group" = "Sending"))]
    pub max_connections: u32,
    /// Further tries of a refused record before it is dropped.
    #[schemars(range(min = 0, max = 100), extend("x-unit" = "tries", "x-group" = "Retries"))]
    pub max_retries: u32,
    /// The first wait before a refused record is tried again; doubles each time.
    #[schemars(range(min = 1, max = 60_000), extend("x-unit" = "ms", "x-group" = "Retries"))]
    pub backoff_ms: u32,
    /// Records that may wait to be sent; more are dropped.
    #[schemars(range(min = 1, max = 100_000_000), extend("x-unit" = "records", "x-soft-max" = 1_000_000, "x-group" = "Sending"))]
    pub buffer_records: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            records_per_second: 1000.0,
            arrival: Arrival::default(),
            arrival_period_seconds: 600.0,
            wave_amplitude: 0.5,
            ramp_to: 2000.0,
            burst_factor: 5.0,
            burst_seconds: 30.0,
            schema: RecordSchema::default(),
            keys: 10_000,
            key_skew: 0.0,
            hot_key_share: 0.0,
            fraud_rate: 0.02,
            equipment_fault: EquipmentFault::default(),
            season_readings: 1440,
            wear: 0.2,
            record_bytes: None,
            null_share: 0.0,
            late_share: 0.0,
            late_seconds: 600.0,
            duplicate_share: 0.0,
            malformed_share: 0.0,
            sample_one_in: 1,
            file: String::new(),
            file_use: FileUse::default(),
            records_at: String::new(),
            time_field: String::new(),
            key_field: String::new(),
            replay_pace: ReplayPace::default(),
            replay_speed: 1.0,
            aggregation: false,
            aggregation_max_bytes: 51_200,
            batch_records: 500,
            linger_ms: 100,
            max_connections: 24,
            max_retries: 10,
            backoff_ms: 100,
            buffer_records: 1_000_000,
        }
    }
}

impl Config {
    pub(super) fn shape(&self) -> ArrivalShape {
        let period = SimDuration::from_secs_f64(self.arrival_period_seconds);
        match self.arrival {
            Arrival::Constant | Arrival::Periodic => ArrivalShape::Constant,
            Arrival::Poisson => ArrivalShape::Poisson,
            Arrival::Wave => ArrivalShape::Wave {
                period,
                amplitude: self.wave_amplitude,
            },
            Arrival::Ramp => ArrivalShape::Ramp {
                from: self.records_per_second / self.base_rate().max(1e-9),
                to: self.ramp_to / self.base_rate().max(1e-9),
                over: period,
            },
            Arrival::Burst => ArrivalShape::Burst {
                factor: self.burst_factor,
                length: SimDuration::from_secs_f64(self.burst_seconds),
                every: period,
            },
        }
    }
    /// The rate that the shape is relative to: a ramp may begin at zero.
    pub(super) fn base_rate(&self) -> f64 {
        match self.arrival {
            Arrival::Ramp => self.records_per_second.max(self.ramp_to),
            Arrival::Periodic => self.keys as f64 / self.arrival_period_seconds.max(1e-3),
            _ => self.records_per_second,
        }
    }
    /// True when records are made in the likeness of a file's.
    pub(super) fn learns(&self) -> bool {
        !self.file.is_empty() && self.file_use == FileUse::Learn
    }
    /// True when the records of a file are sent.
    pub(super) fn replays(&self) -> bool {
        !self.file.is_empty() && self.file_use == FileUse::Replay
    }
    /// What is wrong with the records.
    pub(super) fn blemishes(&self) -> Blemishes {
        Blemishes {
            nulls: self.null_share,
            late: self.late_share,
            late_by_ms: SimDuration::from_secs_f64(self.late_seconds).0 / 1_000_000,
            duplicates: self.duplicate_share,
            malformed: self.malformed_share,
        }
    }
    /// Records that are gathered for one call: a call of packed ones holds many.
    pub(super) const fn call_records(&self) -> usize {
        if self.aggregation {
            AGGREGATED_CALL_ROWS
        } else {
            self.batch_records as usize
        }
    }
    /// The field that holds the key.
    pub(super) fn key(&self) -> &str {
        if self.file.is_empty() || self.key_field.is_empty() {
            self.schema.key()
        } else {
            &self.key_field
        }
    }
    /// Rows a second for a rate of records.
    pub(super) fn rate_of(&self, records: f64) -> f64 {
        records / f64::from(self.sample_one_in)
    }
}
