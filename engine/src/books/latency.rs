//! One latency law: how long a step of a service takes, as a shifted lognormal through a median and a 99th percentile.
//!
//! Time here is virtual. Only `libm` is used, so that the same normal deviate gives the same nanosecond on every machine.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::book::BookError;
use super::entry::{Basis, Book, Origin};
use crate::units::SimDuration;

/// The standard normal deviate of the 99th percentile.
const Z99: f64 = 2.326_347_874_040_840_8;
/// No sample is longer than this many times the 99th percentile: a model's tail must not stop a run.
const CAP: u64 = 20;
/// The longest time that a law may name, ten days: a typing error must not stop virtual time.
const MAX_MS: f64 = 864_000_000.0;

/// How long a step takes.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyLaw {
    /// Such as `s3.put_object`.
    pub key: String,
    /// No sample is shorter.
    pub min: SimDuration,
    /// The median.
    pub p50: SimDuration,
    /// The 99th percentile.
    pub p99: SimDuration,
    /// Where the figures come from.
    pub origin: Origin,
    fields: BTreeMap<String, u64>,
    /// Logarithm of the median above `min`, in nanoseconds, and the spread; `None` for a constant.
    lognormal: Option<(f64, f64)>,
}

#[derive(Debug, Deserialize)]
struct RawLaw {
    min_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
    source: String,
    date: Option<String>,
    basis: Basis,
    note: Option<String>,
    #[serde(flatten)]
    fields: BTreeMap<String, u64>,
}

impl LatencyLaw {
    pub(super) fn read(book: &Book<'_>, key: &str, value: toml::Value) -> Result<Self, BookError> {
        let raw: RawLaw = value.try_into().map_err(|e: toml::de::Error| {
            book.wrong(
                key,
                format!(
                    "is not a latency law (extra fields are whole numbers): {}",
                    e.message()
                ),
            )
        })?;
        if !matches!(
            raw.basis,
            Basis::Documented | Basis::Measured | Basis::Assumed
        ) {
            return Err(book.wrong(
                key,
                "has a basis that is not `documented`, `measured` or `assumed`",
            ));
        }
        let origin = book.origin(key, raw.source, raw.date, raw.basis, raw.note)?;
        let mut law = Self::new(key, raw.min_ms, raw.p50_ms, raw.p99_ms, origin)
            .map_err(|why| book.wrong(key, why))?;
        law.fields = raw.fields;
        Ok(law)
    }

    /// A law of one's own, in milliseconds; for a figure that a document overrides.
    ///
    /// # Errors
    /// One sentence without the key when the figures are not `0 <= min <= p50 <= p99`, or when `min` equals `p50` only.
    pub fn new(
        key: &str,
        min_ms: f64,
        p50_ms: f64,
        p99_ms: f64,
        origin: Origin,
    ) -> Result<Self, String> {
        // NaN fails every comparison and so lands in the error.
        let ordered = 0.0 <= min_ms && min_ms <= p50_ms && p50_ms <= p99_ms && p99_ms <= MAX_MS;
        if !ordered {
            return Err(format!(
                "has min {min_ms}, p50 {p50_ms}, p99 {p99_ms} ms: they must ascend from 0 to at most ten days"
            ));
        }
        let [min, p50, p99] =
            [min_ms, p50_ms, p99_ms].map(|ms| SimDuration::from_secs_f64(ms / 1e3));
        let lognormal = if min == p99 {
            None
        } else if min == p50 {
            return Err(format!(
                "has its p50 at its min of {min_ms} ms: a median must lie above the minimum"
            ));
        } else {
            let median = libm::log((p50.0 - min.0) as f64);
            let tail = libm::log((p99.0 - min.0) as f64);
            Some((median, (tail - median) / Z99))
        };
        Ok(Self {
            key: key.into(),
            min,
            p50,
            p99,
            origin,
            fields: BTreeMap::new(),
            lognormal,
        })
    }

    /// The time for the standard normal deviate `standard_normal`: `min` and a lognormal part, at most twenty times `p99`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive float; `as` saturates and the cap follows"
    )]
    pub fn sample(&self, standard_normal: f64) -> SimDuration {
        let Some((median, spread)) = self.lognormal else {
            return self.p50;
        };
        let above = libm::exp(median + spread * standard_normal);
        // Not a number counts as the median: a sample must never stop the clock.
        let above = if above.is_nan() {
            self.p50.0 - self.min.0
        } else {
            libm::round(above) as u64
        };
        SimDuration(
            self.min
                .0
                .saturating_add(above)
                .min(self.p99.0.saturating_mul(CAP)),
        )
    }

    /// A further figure of this law, such as `per_record_us` or `bytes_per_second`; its unit is the end of its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<u64> {
        self.fields.get(name).copied()
    }

    /// The further figures, for an inspector or a report.
    pub fn fields(&self) -> impl Iterator<Item = (&str, u64)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
    }
}
