//! Limits per second, as a bucket of tokens that fills at a steady rate: shared by everything that throttles.

use crate::units::{SimDuration, SimTime};

/// Parts of a token: a rate per second gives whole parts per nanosecond.
const PARTS: u128 = 1_000_000_000;

/// A bucket that holds up to `burst` tokens and gains `rate` tokens a second. Full at first.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate: u64,
    burst: u64,
    parts: u128,
    at: SimTime,
}

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: u64, burst: u64) -> Self {
        Self {
            rate,
            burst,
            parts: u128::from(burst) * PARTS,
            at: SimTime::ZERO,
        }
    }
    fn parts_at(&self, now: SimTime) -> u128 {
        let SimDuration(passed) = now.since(self.at);
        let gained = u128::from(passed) * u128::from(self.rate);
        (self.parts + gained).min(u128::from(self.burst) * PARTS)
    }
    /// Takes `n` tokens if they are there.
    pub fn take(&mut self, now: SimTime, n: u64) -> bool {
        self.parts = self.parts_at(now);
        self.at = self.at.max(now);
        let wanted = u128::from(n) * PARTS;
        let enough = self.parts >= wanted;
        if enough {
            self.parts -= wanted;
        }
        enough
    }
    /// True when nothing was taken of late, so that a new bucket would be the same.
    #[must_use]
    pub fn is_full(&self, now: SimTime) -> bool {
        self.parts_at(now) == u128::from(self.burst) * PARTS
    }
    /// How much of the bucket is used up, 0 to 1.
    #[must_use]
    pub fn used(&self, now: SimTime) -> f64 {
        if self.burst == 0 {
            return 1.0;
        }
        1.0 - self.parts_at(now) as f64 / (u128::from(self.burst) * PARTS) as f64
    }
}
