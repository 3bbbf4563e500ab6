//! Quantities of the model: virtual time, durations and money, all integers so that sums never drift, and the parsing and
//! printing of values with units (`90s`, `5 MB`, `3k`).
//!
//! Knows nothing of documents, services or records.

mod quantity;

pub use quantity::{QuantityError, format_duration, parse_duration, parse_quantity};

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

/// One gibibyte, which is what AWS bills as "GB".
pub const GIB: u64 = 1 << 30;
/// One mebibyte: Kinesis, Firehose and S3 texts call it "MB" or "MiB".
pub const MIB: u64 = 1 << 20;
/// One kibibyte.
pub const KIB: u64 = 1 << 10;
/// Hours of the billing month by AWS's own convention.
pub const HOURS_PER_MONTH: u64 = 730;

/// An instant of virtual time: nanoseconds since the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimTime(pub u64);

/// A span of virtual time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimDuration(pub u64);

impl SimTime {
    /// The beginning of a run.
    pub const ZERO: Self = Self(0);
    /// Later than anything a run reaches.
    pub const MAX: Self = Self(u64::MAX);

    /// Seconds since the run began.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
    /// Whole milliseconds since the run began.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }
    /// Time since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }
    /// The first multiple of `step` that is strictly after this instant.
    #[must_use]
    pub const fn next_multiple(self, step: SimDuration) -> Self {
        Self((self.0 / step.0 + 1).saturating_mul(step.0))
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `n` seconds.
    #[must_use]
    pub const fn secs(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000_000))
    }
    /// `n` milliseconds.
    #[must_use]
    pub const fn millis(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }
    /// `n` microseconds.
    #[must_use]
    pub const fn micros(n: u64) -> Self {
        Self(n.saturating_mul(1_000))
    }
    /// Seconds as a float, rounded to whole nanoseconds; negative and NaN become zero.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, which is what is wanted"
    )]
    pub fn from_secs_f64(secs: f64) -> Self {
        Self((secs * 1e9).round() as u64)
    }
    /// This span in seconds.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
    /// This span in milliseconds.
    #[must_use]
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
    /// Whole milliseconds, rounded up: how Lambda bills durations.
    #[must_use]
    pub const fn ceil_millis(self) -> u64 {
        self.0.div_ceil(1_000_000)
    }
    /// Whole seconds, rounded up: how Glue bills durations.
    #[must_use]
    pub const fn ceil_secs(self) -> u64 {
        self.0.div_ceil(1_000_000_000)
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;
    fn add(self, d: SimDuration) -> Self {
        Self(self.0.saturating_add(d.0))
    }
}
impl Sub<SimDuration> for SimTime {
    type Output = Self;
    fn sub(self, d: SimDuration) -> Self {
        Self(self.0.saturating_sub(d.0))
    }
}
impl Add for SimDuration {
    type Output = Self;
    fn add(self, d: Self) -> Self {
        Self(self.0.saturating_add(d.0))
    }
}
impl AddAssign for SimDuration {
    fn add_assign(&mut self, d: Self) {
        *self = *self + d;
    }
}
impl Mul<u64> for SimDuration {
    type Output = Self;
    fn mul(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }
}

/// Money: US dollars in units of 10^-12 dollar, so that one GB-second of Lambda or one PUT unit is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(pub i128);

impl Usd {
    /// Units in one dollar.
    pub const SCALE: i128 = 1_000_000_000_000;
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Reads a decimal amount such as `0.0000166667`; at most 12 decimals. `None` when it is not such a number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || fraction.len() > 12 || whole.len() > 18 {
            return None;
        }
        if !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let whole: i128 = whole.parse().ok()?;
        let fraction: i128 = format!("{fraction:0<12}").parse().ok()?;
        Some(Self(sign * (whole * Self::SCALE + fraction)))
    }
    /// For display and JSON only; never computed with.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / Self::SCALE as f64
    }
    /// `self * numerator / denominator`, rounded half away from zero. `denominator` must not be zero.
    #[must_use]
    pub const fn mul_ratio(self, numerator: i128, denominator: i128) -> Self {
        // Split first so that the product of a long run's quantity with a price stays inside 128 bits.
        let (whole, rest) = (self.0 / denominator, self.0 % denominator);
        let product = rest * numerator;
        let half = denominator / 2;
        let rounded = if product >= 0 {
            (product + half) / denominator
        } else {
            (product - half) / denominator
        };
        Self(whole * numerator + rounded)
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}
impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}
impl std::iter::Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// All twelve decimals without trailing zeros: the exact amount.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (
            self.0.unsigned_abs() / Self::SCALE as u128,
            self.0.unsigned_abs() % Self::SCALE as u128,
        );
        let fraction = format!("{fraction:012}");
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{fraction}")
        }
    }
}
