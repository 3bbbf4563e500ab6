//! What records are like where they come in: how large they are, and how unequal their keys.
//!
//! Cheap enough to look at every record of a run, and bounded however many keys there are: up to [`KEYS`] different keys are
//! counted one by one; beyond, the number of keys is estimated from those whose hashes are small, and shares from an even
//! sample of the records. What is estimated says so. Knows hashes of keys, not the keys. The same on every machine.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::latency::histogram;

/// Different keys that are counted one by one: few enough that their counts stay in a processor's nearest cache, for every record
/// of a run is looked up in them.
const KEYS: usize = 1 << 13;
/// Sizes below this are counted each in a place of its own.
const SMALL: usize = 1 << 12;
/// Records that are kept as a sample, at the most.
const SAMPLE: usize = 1 << 16;
/// Bars of a histogram, at the most.
const BARS: u64 = 24;

/// Sizes of records on the wire, in bytes. Percentiles are upper bounds within 0.1 %; the others are exact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SizeSummary {
    /// Records that were looked at, weights included.
    pub records: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// The smallest record.
    pub min: u64,
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// The largest record.
    pub max: u64,
    /// How many are of which size: bars of one width, in order.
    pub bars: Vec<SizeBar>,
}

/// Records of `from` bytes up to below `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeBar {
    /// The smallest size in it.
    pub from: u64,
    /// The first size beyond it.
    pub to: u64,
    /// How many.
    pub records: u64,
}

/// How a run's records are spread over their keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeySummary {
    /// The field that holds the key.
    pub field: String,
    /// Records that were looked at, weights included.
    pub records: u64,
    /// Every key was counted. Otherwise the figures below are estimates: `distinct` within about 3 %, shares within 0.4
    /// percentage points (19 times of 20).
    pub exact: bool,
    /// Different keys.
    pub distinct: u64,
    /// Share of the records that have the most frequent key.
    pub top_share: f64,
    /// Share of those that have one of the ten most frequent.
    pub top_10_share: f64,
    /// Share of those that have one of the most frequent hundredth of the keys; `null` when not every key was counted.
    pub top_percent_share: Option<f64>,
    /// So many equally frequent keys would be as uneven: 1 over the sum of the squared shares (inverse Simpson index). An
    /// estimate is the closer the more uneven they are: within about 5 % up to a hundred thousand.
    pub effective: f64,
}

/// Sizes of records.
#[derive(Debug, Clone)]
pub struct SizeMeter {
    /// Records of each size below [`SMALL`].
    small: Vec<u64>,
    large: Histogram<u64>,
    sum: u128,
    max: u64,
    min: u64,
}

impl Default for SizeMeter {
    fn default() -> Self {
        Self {
            small: vec![0; SMALL],
            large: histogram(3),
            sum: 0,
            max: 0,
            min: u64::MAX,
        }
    }
}

impl SizeMeter {
    /// `n` records of `bytes` each.
    pub fn add(&mut self, bytes: u32, n: u64) {
        if let Some(place) = self.small.get_mut(bytes as usize) {
            *place += n;
        } else {
            // It grows by itself (`auto`); sizes are far below its end.
            self.large.record_n(u64::from(bytes), n).ok();
        }
        let bytes = u64::from(bytes);
        self.sum += u128::from(bytes) * u128::from(n);
        self.max = self.max.max(bytes);
        self.min = self.min.min(bytes);
    }
    fn all(&self) -> Histogram<u64> {
        let mut all = self.large.clone();
        for (bytes, n) in (0..).zip(&self.small) {
            all.record_n(bytes, *n).ok();
        }
        all
    }
    /// The figures, when there was any record.
    #[must_use]
    pub fn summary(&self) -> Option<SizeSummary> {
        let sizes = self.all();
        let records = sizes.len();
        let at = |q: f64| sizes.value_at_quantile(q).min(self.max);
        (records > 0).then(|| SizeSummary {
            records,
            mean: self.sum as f64 / records as f64,
            min: self.min,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.max,
            bars: self.bars(&sizes),
        })
    }
    fn bars(&self, sizes: &Histogram<u64>) -> Vec<SizeBar> {
        let width = (self.max - self.min + 1).div_ceil(BARS).max(1);
        let bars = (self.max - self.min) / width + 1;
        let mut out: Vec<SizeBar> = (0..bars)
            .map(|i| SizeBar {
                from: self.min + i * width,
                to: self.min + (i + 1) * width,
                records: 0,
            })
            .collect();
        for step in sizes.iter_recorded() {
            let size = step.value_iterated_to().clamp(self.min, self.max);
            let at = usize::try_from((size - self.min) / width).unwrap_or(usize::MAX);
            if let Some(bar) = out.get_mut(at) {
                bar.records += step.count_at_value();
            }
        }
        out
    }
}

/// How often each key comes.
#[derive(Debug, Clone)]
pub struct KeyMeter {
    /// Counts by hash; open addressing, a hash of 0 is a free place.
    places: Vec<(u64, u64)>,
    known: usize,
    /// Only keys whose hash is not above this are counted.
    ceiling: u64,
    /// Hashes of an even sample of the rows.
    sample: Vec<u64>,
    /// Rows from one of the sample to the next, on average.
    stride: u64,
    /// The next row of the sample, counted from 1.
    next: u64,
    rows: u64,
    records: u64,
}

impl Default for KeyMeter {
    fn default() -> Self {
        Self {
            places: vec![(0, 0); 64],
            known: 0,
            ceiling: u64::MAX,
            sample: Vec::new(),
            stride: 1,
            next: 1,
            rows: 0,
            records: 0,
        }
    }
}

/// The hash of a key: the same on every machine.
#[must_use]
pub fn key_hash(key: &[u8]) -> u64 {
    let folded = |n: u64, word: [u8; 8]| {
        let n = (n ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        n ^ (n >> 32)
    };
    let (words, rest) = key.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let n = words.iter().fold(key.len() as u64, |n, w| folded(n, *w));
    stirred(folded(n, last)).max(1)
}

/// All bits depend on all (the finishing steps of `SplitMix64`).
const fn stirred(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

impl KeyMeter {
    /// A row with the key of this hash ([`key_hash`]), which stands for `n` records.
    pub fn add(&mut self, hash: u64, n: u64) {
        self.rows += 1;
        self.records += n;
        if self.rows == self.next {
            self.sample(hash);
        }
        if hash <= self.ceiling {
            self.count(hash, n);
        }
    }
    #[cold]
    fn sample(&mut self, hash: u64) {
        self.sample.push(hash);
        if self.sample.len() > SAMPLE {
            let mut kept = false;
            self.sample.retain(|_| {
                kept = !kept;
                kept
            });
            self.stride *= 2;
        }
        // Uneven steps: keys may come in a round.
        self.next = self.rows + 1 + stirred(self.rows) % (2 * self.stride - 1);
    }
    fn count(&mut self, hash: u64, n: u64) {
        let at = self.place(hash);
        let found = &mut self.places[at];
        found.1 += n;
        if found.0 == 0 {
            found.0 = hash;
            self.known += 1;
            self.make_room();
        }
    }
    /// Where the count of `hash` stands, or would.
    #[expect(clippy::cast_possible_truncation, reason = "masked by the length")]
    fn place(&self, hash: u64) -> usize {
        let mask = self.places.len() - 1;
        // The low bits: the high ones say whether a key is counted at all.
        let mut at = hash as usize & mask;
        while self.places[at].0 != 0 && self.places[at].0 != hash {
            at = (at + 1) & mask;
        }
        at
    }
    fn make_room(&mut self) {
        if self.known * 2 <= self.places.len() {
            return;
        }
        let mut length = self.places.len();
        if self.known > KEYS {
            self.ceiling = (self.ceiling / 2).max(1);
        } else {
            length *= 2;
        }
        let before = std::mem::replace(&mut self.places, vec![(0, 0); length]);
        self.known = 0;
        for (hash, n) in before {
            if hash != 0 && hash <= self.ceiling {
                let at = self.place(hash);
                self.places[at] = (hash, n);
                self.known += 1;
            }
        }
    }
    /// The figures of the keys in `field`, when there was any record.
    #[must_use]
    pub fn summary(&self, field: &str) -> Option<KeySummary> {
        if self.records == 0 {
            return None;
        }
        let exact = self.ceiling == u64::MAX;
        let known = self.known as u64;
        let (mut counts, distinct) = if exact {
            let counts = self.places.iter().map(|p| p.1);
            (counts.filter(|n| *n > 0).collect(), known)
        } else {
            (self.sampled(), known * (u64::MAX / self.ceiling))
        };
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let all: u64 = counts.iter().sum();
        let share = |n: usize| counts.iter().take(n).sum::<u64>() as f64 / all as f64;
        let pairs = |less: u64| -> f64 {
            let each = counts.iter().map(|n| *n as f64 * (n - less) as f64);
            each.sum::<f64>()
        };
        let squares = if exact {
            pairs(0) / (all as f64 * all as f64)
        } else {
            // Two different rows of the sample have one key as often as two of all have; a row has that of itself.
            let rows = self.rows as f64;
            let alike = pairs(1) / (all as f64 * (all - 1) as f64);
            (alike * (rows - 1.0) + 1.0) / rows
        };
        let hundredth = usize::try_from(distinct.div_ceil(100)).unwrap_or(usize::MAX);
        Some(KeySummary {
            field: field.to_owned(),
            records: self.records,
            exact,
            distinct,
            top_share: share(1),
            top_10_share: share(10),
            top_percent_share: exact.then(|| share(hundredth)),
            effective: 1.0 / squares,
        })
    }
    /// How often each key is in the sample.
    fn sampled(&self) -> Vec<u64> {
        let mut hashes = self.sample.clone();
        hashes.sort_unstable();
        let of_one_key = hashes.chunk_by(|a, b| a == b);
        of_one_key.map(|same| same.len() as u64).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Numbers below `n`; uneven ones crowd near 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers below `n`"
    )]
    fn drawn(seed: u64, n: u64, rows: u64, uneven: bool) -> Vec<u64> {
        let even = |i: u64| stirred(seed ^ (i << 20)) as f64 / u64::MAX as f64;
        let each = (0..rows).map(|i| {
            let x = even(i);
            let x = if uneven { x * x * x } else { x };
            (x * n as f64) as u64
        });
        each.collect()
    }

    fn counted(keys: &[u64], weight: u64) -> KeySummary {
        let mut meter = KeyMeter::default();
        for key in keys {
            meter.add(key_hash(key.to_string().as_bytes()), weight);
        }
        meter.summary("id").unwrap()
    }

    /// The same by counting in a map and sorting.
    fn plainly(keys: &[u64]) -> (u64, f64, f64, f64, f64) {
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        for key in keys {
            *counts.entry(*key).or_default() += 1;
        }
        let mut counts: Vec<f64> = counts.into_values().map(|n| n as f64).collect();
        counts.sort_by(|a, b| b.total_cmp(a));
        let all = keys.len() as f64;
        let top = |n: usize| counts.iter().take(n).sum::<f64>() / all;
        let squares: f64 = counts.iter().map(|n| (n / all) * (n / all)).sum();
        let hundredth = counts.len().div_ceil(100);
        (
            counts.len() as u64,
            top(1),
            top(10),
            top(hundredth),
            1.0 / squares,
        )
    }

    #[test]
    fn keys_are_counted_as_a_map_counts_them() {
        for (n, rows, uneven) in [
            (1, 10, false),
            (7, 1_000, true),
            (5_000, 100_000, true),
            (8_000, 100_000, false),
        ] {
            let keys = drawn(3, n, rows, uneven);
            let found = counted(&keys, 5);
            let (distinct, top, ten, percent, effective) = plainly(&keys);
            assert!(found.exact);
            assert_eq!((found.records, found.distinct), (rows * 5, distinct));
            for (got, want) in [
                (found.top_share, top),
                (found.top_10_share, ten),
                (found.top_percent_share.unwrap(), percent),
                (found.effective, effective),
            ] {
                assert!((got - want).abs() <= 1e-9 * want, "{found:?}");
            }
        }
    }

    #[test]
    fn more_keys_than_are_counted_are_estimated_and_said_to_be() {
        for (n, uneven) in [(300_000, true), (200_000, false), (9_000, false)] {
            let keys = drawn(11, n, 600_000, uneven);
            let found = counted(&keys, 1);
            let (distinct, top, ten, _, effective) = plainly(&keys);
            assert!(!found.exact && found.top_percent_share.is_none());
            let off = |got: f64, want: f64| (got - want).abs() / want;
            assert!(
                off(found.distinct as f64, distinct as f64) < 0.04,
                "{found:?}"
            );
            assert!((found.top_share - top).abs() < 0.004, "{found:?} {top}");
            assert!((found.top_10_share - ten).abs() < 0.004, "{found:?} {ten}");
            assert!(off(found.effective, effective) < 0.1, "{found:?}");
        }
    }

    #[test]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    fn sizes_are_those_of_a_sorted_list_and_bars_hold_every_record() {
        let sizes: Vec<u32> = drawn(5, 3_000, 20_000, true)
            .iter()
            .map(|n| u32::try_from(*n).unwrap() + 40)
            .collect();
        let mut meter = SizeMeter::default();
        assert!(meter.summary().is_none());
        sizes.iter().for_each(|bytes| meter.add(*bytes, 2));
        let found = meter.summary().unwrap();
        let mut sorted = sizes.clone();
        sorted.sort_unstable();
        let at = |q: f64| f64::from(sorted[(sorted.len() as f64 * q) as usize]);
        for (got, want) in [
            (found.p50, at(0.5)),
            (found.p90, at(0.9)),
            (found.p99, at(0.99)),
            (found.p999, at(0.999)),
        ] {
            assert!((got as f64 - want).abs() <= want * 0.002 + 1.0, "{found:?}");
        }
        let mean = sizes.iter().map(|n| f64::from(*n)).sum::<f64>() / sizes.len() as f64;
        assert!((found.mean - mean).abs() < 1e-9);
        let ends = (u64::from(sorted[0]), u64::from(sorted[sorted.len() - 1]));
        assert_eq!((found.min, found.max), ends);
        assert_eq!(found.bars.iter().map(|b| b.records).sum::<u64>(), 40_000);
        assert!(found.bars.len() <= 24);
        assert!(found.bars.windows(2).all(|w| w[0].to == w[1].from));
        let first = sizes.iter().filter(|n| u64::from(**n) < found.bars[0].to);
        assert_eq!(found.bars[0].records, 2 * first.count() as u64);
    }

    #[test]
    fn records_of_one_size_are_one_bar() {
        let mut meter = SizeMeter::default();
        meter.add(0, 1);
        assert_eq!(meter.summary().unwrap().max, 0);
        let mut meter = SizeMeter::default();
        meter.add(1_048_576, 3);
        let found = meter.summary().unwrap();
        assert_eq!((found.p50, found.bars.len()), (1_048_576, 1));
    }
}
