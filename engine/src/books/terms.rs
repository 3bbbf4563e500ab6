//! What a bill takes for granted: how long a month is, how large a GB is, and whether the free tier is taken off.

use super::usage::UsageSpec;
use crate::units::{GIB, HOURS_PER_MONTH};

/// Milliseconds in an hour, the time in which standing things are metered.
const HOUR_MS: u64 = 3_600_000;

/// The settings of a bill. AWS's own: 730 hours a month, 2^30 bytes a GB, no free tier for what outgrew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Hours of a month: 730 by AWS's convention, 720 and 744 in some worked examples.
    pub hours_per_month: u64,
    /// Bytes of a billed GB: 2^30 as AWS bills, 10^9 where a published figure counts in thousands.
    pub bytes_per_gb: u64,
    /// True when what AWS gives each account every month is taken off.
    pub free_tier: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            hours_per_month: HOURS_PER_MONTH,
            bytes_per_gb: GIB,
            free_tier: false,
        }
    }
}

impl Terms {
    /// Hours that a month may have.
    pub const HOURS: std::ops::RangeInclusive<u64> = 1..=744;
    /// What a GB may be.
    pub const GB: [u64; 2] = [GIB, 1_000_000_000];

    /// Why these are no terms: the field and a sentence; `None` when they are.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, String)> {
        if !Self::HOURS.contains(&self.hours_per_month) {
            let (from, to) = Self::HOURS.into_inner();
            let text = format!(
                "a month of {} hours: write {from} to {to}, 730 by default",
                self.hours_per_month
            );
            return Some(("hours_per_month", text));
        }
        if !Self::GB.contains(&self.bytes_per_gb) {
            let text = format!(
                "a GB of {} bytes: write {} (2^30, as AWS bills) or {} (10^9)",
                self.bytes_per_gb,
                Self::GB[0],
                Self::GB[1]
            );
            return Some(("bytes_per_gb", text));
        }
        None
    }

    /// Bytes of a TB: 1,024 GB of 2^30 bytes, or 1,000 of 10^9.
    #[must_use]
    pub const fn bytes_per_tb(&self) -> u64 {
        if self.bytes_per_gb == GIB {
            self.bytes_per_gb * 1_024
        } else {
            self.bytes_per_gb * 1_000
        }
    }

    /// Base units of `spec` in one priced unit under these terms, at least 1.
    ///
    /// Bytes are in the base of a unit that begins with GB or TB and of no other; the GB of a function's GB-seconds is memory
    /// and stays. Hours of a month are in the base of a unit that ends with -month.
    #[must_use]
    pub fn base(&self, spec: &UsageSpec) -> u64 {
        let mut base = spec.base_per_unit.max(1);
        if spec.unit.starts_with("TB") && base.is_multiple_of(GIB * 1_024) {
            base = base / (GIB * 1_024) * self.bytes_per_tb();
        } else if spec.unit.starts_with("GB") && base.is_multiple_of(GIB) {
            base = base / GIB * self.bytes_per_gb;
        }
        let month = HOURS_PER_MONTH * HOUR_MS;
        if spec.unit.ends_with("-month") && base.is_multiple_of(month) {
            base = base / month * self.hours_per_month * HOUR_MS;
        }
        base
    }
}
