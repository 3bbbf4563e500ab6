//! How long records took: exact percentiles (three significant digits) over the run, percentiles by interval for plots,
//! and the parts that the time was spent in.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::series::Series;
use crate::units::{SimDuration, SimTime};

/// What a record waits for inside a node. The parts of a node add up to its latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Waiting to be read or for a free slot.
    Queue,
    /// Waiting between tries after a refusal or an error.
    Retry,
    /// Waiting for a buffer to fill or its interval to end.
    Buffer,
    /// Waiting for a new execution environment.
    ColdStart,
    /// Being worked on.
    Service,
    /// On the way over the network.
    Transfer,
}

/// All parts with their names, in the order of the enum.
pub const PARTS: [(Part, &str); 6] = [
    (Part::Queue, "queue"),
    (Part::Retry, "retry"),
    (Part::Buffer, "buffer"),
    (Part::ColdStart, "cold_start"),
    (Part::Service, "service"),
    (Part::Transfer, "transfer"),
];

/// Percentiles in milliseconds. Percentiles are upper bounds within 0.1 % (of the parts of a latency: 1 %); mean and maximum are
/// exact.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LatencySummary {
    /// Arithmetic mean over all records.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    #[serde(default)]
    pub p999: f64,
    /// The slowest record.
    pub max: f64,
}

/// Latency of the records that passed one place.
#[derive(Debug, Clone)]
pub struct LatencyMeter {
    /// Microseconds.
    whole: Histogram<u64>,
    interval: Histogram<u64>,
    interval_index: u64,
    /// The slowest record of the interval, in nanoseconds: no percentile is above it.
    interval_max_ns: u64,
    sum_ns: u128,
    count: u64,
    max_ns: u64,
    parts: [PartMeter; 6],
    /// Per interval: median, 90th and 99th percentile in milliseconds.
    pub series: [Series; 3],
    /// Per interval and part: milliseconds, each record one value.
    pub part_series: [Series; 6],
}

#[expect(
    clippy::expect_used,
    reason = "the two literals are inside hdrhistogram's documented range of 0 to 5 digits"
)]
pub(super) fn histogram(digits: u8) -> Histogram<u64> {
    let mut h = Histogram::new(digits).expect("0 to 5 significant digits");
    h.auto(true);
    h
}

impl Default for LatencyMeter {
    fn default() -> Self {
        Self {
            whole: histogram(3),
            interval: histogram(2),
            interval_index: 0,
            interval_max_ns: 0,
            sum_ns: 0,
            count: 0,
            max_ns: 0,
            parts: Default::default(),
            series: Default::default(),
            part_series: Default::default(),
        }
    }
}

impl LatencyMeter {
    /// `n` records took `took`, and were through at `at`.
    pub fn add(&mut self, at: SimTime, took: SimDuration, n: u64) {
        if n == 0 {
            return;
        }
        self.roll(at);
        self.count += n;
        self.sum_ns += u128::from(took.0) * u128::from(n);
        self.max_ns = self.max_ns.max(took.0);
        self.interval_max_ns = self.interval_max_ns.max(took.0);
        let micros = took.0.div_ceil(1000).max(1);
        // The histograms grow by themselves (`auto`); only a value beyond 64 bits could be refused.
        self.whole.record_n(micros, n).ok();
        self.interval.record_n(micros, n).ok();
    }
    /// Of the time of `n` records, `took` each went into `part`.
    pub fn add_part(&mut self, at: SimTime, part: Part, took: SimDuration, n: u64) {
        if n == 0 {
            return;
        }
        self.parts[part as usize].add(took, n);
        self.part_series[part as usize].add(at, took.as_millis_f64(), n);
    }
    /// Closes the interval that ended before `at`, so that its percentiles are in the series.
    pub fn roll(&mut self, at: SimTime) {
        let resolution = self.series[0].resolution();
        let index = at.0 / resolution.0;
        if index == self.interval_index {
            return;
        }
        if !self.interval.is_empty() {
            let start = SimTime(self.interval_index * resolution.0);
            let n = self.interval.len();
            for (series, q) in self.series.iter_mut().zip([0.5, 0.9, 0.99]) {
                let bound = self.interval.value_at_quantile(q) as f64 / 1e3;
                series.add(start, bound.min(self.interval_max_ns as f64 / 1e6), n);
            }
            self.interval.reset();
            self.interval_max_ns = 0;
        }
        self.interval_index = index;
    }
    /// Takes in the records that another place measured; series stay as they are.
    pub fn merge(&mut self, other: &Self) {
        // Both sides resize themselves, so that no value can be out of range.
        if self.whole.add(&other.whole).is_err() {
            debug_assert!(false, "a histogram that resizes itself refused to grow");
        }
        self.sum_ns += other.sum_ns;
        self.count += other.count;
        self.max_ns = self.max_ns.max(other.max_ns);
        for (mine, theirs) in self.parts.iter_mut().zip(&other.parts) {
            mine.merge(theirs);
        }
    }
    /// The records measured.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
    /// Percentiles so far; `None` when no record passed.
    #[must_use]
    pub fn summary(&self) -> Option<LatencySummary> {
        let q =
            |q: f64| (self.whole.value_at_quantile(q) as f64 / 1e3).min(self.max_ns as f64 / 1e6);
        (self.count > 0).then(|| LatencySummary {
            mean: self.sum_ns as f64 / self.count as f64 / 1e6,
            p50: q(0.5),
            p90: q(0.9),
            p99: q(0.99),
            p999: q(0.999),
            max: self.max_ns as f64 / 1e6,
        })
    }
    /// Percentiles of the records that passed after `earlier` was cloned off; `None` when none did. The maximum is a bound as
    /// the percentiles are.
    #[must_use]
    pub fn summary_since(&self, earlier: &Self) -> Option<LatencySummary> {
        let count = self.count.saturating_sub(earlier.count);
        if count == 0 {
            return None;
        }
        let mut rest = self.whole.clone();
        // What was there before is still in it: every record that it takes away was put in.
        if rest.subtract(&earlier.whole).is_err() {
            return self.summary();
        }
        let limit = self.max_ns as f64 / 1e6;
        let q = |q: f64| (rest.value_at_quantile(q) as f64 / 1e3).min(limit);
        Some(LatencySummary {
            mean: self.sum_ns.saturating_sub(earlier.sum_ns) as f64 / count as f64 / 1e6,
            p50: q(0.5),
            p90: q(0.9),
            p99: q(0.99),
            p999: q(0.999),
            max: (rest.max() as f64 / 1e3).min(limit),
        })
    }
    /// What each part took of the time of the records that passed; a record that had none of it counts as 0.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, LatencySummary)> {
        let names = PARTS.iter().map(|(_, name)| *name);
        let parts = names.zip(self.part_summaries());
        parts.filter_map(|(name, part)| Some((name, part?)))
    }
    /// The same in the order of [`PARTS`]; `None` for a part that took no record's time.
    #[must_use]
    pub fn part_summaries(&self) -> [Option<LatencySummary>; 6] {
        self.parts.each_ref().map(|part| part.summary(self.count))
    }
}

/// Time spent in one part.
#[derive(Debug, Clone, Default)]
struct PartMeter {
    sum_ns: u128,
    count: u64,
    max_ns: u64,
    /// Microseconds; made when the first record comes, since most nodes have two or three parts.
    whole: Option<Box<Histogram<u64>>>,
}

impl PartMeter {
    fn add(&mut self, took: SimDuration, n: u64) {
        self.sum_ns += u128::from(took.0) * u128::from(n);
        self.count += n;
        self.max_ns = self.max_ns.max(took.0);
        let whole = self.whole.get_or_insert_with(|| Box::new(histogram(2)));
        whole.record_n(took.0.div_ceil(1000), n).ok();
    }
    fn merge(&mut self, other: &Self) {
        self.sum_ns += other.sum_ns;
        self.count += other.count;
        self.max_ns = self.max_ns.max(other.max_ns);
        if let Some(theirs) = &other.whole {
            let mine = self.whole.get_or_insert_with(|| Box::new(histogram(2)));
            mine.add(theirs.as_ref()).ok();
        }
    }
    /// Of `records` records, of which some may have had none of it.
    fn summary(&self, records: u64) -> Option<LatencySummary> {
        let whole = self.whole.as_ref()?;
        let mean = self.sum_ns as f64 / records.max(1) as f64 / 1e6;
        // A record that was tried again may have waited in one part more than once.
        let records = records.max(self.count);
        let without = (records - self.count) as f64;
        let max = self.max_ns as f64 / 1e6;
        let q = |q: f64| {
            let rank = (q * records as f64).ceil() - without;
            if rank <= 0.0 {
                return 0.0;
            }
            let value = whole.value_at_quantile(rank / self.count as f64);
            (value as f64 / 1e3).min(max)
        };
        Some(LatencySummary {
            mean,
            p50: q(0.5),
            p90: q(0.9),
            p99: q(0.99),
            p999: q(0.999),
            max,
        })
    }
}
