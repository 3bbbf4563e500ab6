//! Limits per second as a token bucket in exact integers.

use crate::units::SimTime;

/// Refills at a steady rate up to its capacity; a take may overdraw it where the service allows that.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate: u64,
    capacity: u64,
    /// Billionths of a token; negative after an overdraft.
    level: i128,
    at: SimTime,
}

const UNIT: i128 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket of `rate` tokens that refills with `rate` tokens a second.
    #[must_use]
    pub fn new(rate: u64) -> Self {
        Self::with_capacity(rate, rate)
    }
    /// A full bucket of `capacity` tokens that refills with `rate` tokens a second.
    #[must_use]
    pub fn with_capacity(rate: u64, capacity: u64) -> Self {
        Self {
            rate,
            capacity,
            level: i128::from(capacity) * UNIT,
            at: SimTime::ZERO,
        }
    }
    fn refill(&mut self, now: SimTime) {
        let gained = i128::from(now.since(self.at).0) * i128::from(self.rate);
        self.level = (self.level + gained).min(i128::from(self.capacity) * UNIT);
        self.at = self.at.max(now);
    }
    /// Takes `n` tokens when there are so many.
    pub fn take(&mut self, now: SimTime, n: u64) -> bool {
        self.refill(now);
        let enough = self.level >= i128::from(n) * UNIT;
        if enough {
            self.level -= i128::from(n) * UNIT;
        }
        enough
    }
    /// Whole tokens that are there now.
    pub fn available(&mut self, now: SimTime) -> u64 {
        self.refill(now);
        u64::try_from(self.level / UNIT).unwrap_or(0)
    }
    /// Takes `n` tokens even when there are fewer; the debt is paid off first.
    pub fn overdraw(&mut self, now: SimTime, n: u64) {
        self.refill(now);
        self.level -= i128::from(n) * UNIT;
    }
    /// Tokens per second.
    #[must_use]
    pub const fn rate(&self) -> u64 {
        self.rate
    }
}
