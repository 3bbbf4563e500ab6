//! Limits per second as a token bucket in exact integers, and how much of such a limit was asked for of late.

use crate::units::SimTime;

/// Refills at a steady rate up to a second's worth; a take may overdraw it where the service allows that.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate: u64,
    burst: u64,
    /// Billionths of a token; negative after an overdraft.
    level: i128,
    at: SimTime,
}

const UNIT: i128 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket of `rate` tokens that refills with `rate` tokens a second.
    #[must_use]
    pub fn new(rate: u64) -> Self {
        Self::with_burst(rate, rate)
    }
    /// A full bucket of `burst` tokens that refills with `rate` tokens a second.
    #[must_use]
    pub fn with_burst(rate: u64, burst: u64) -> Self {
        Self {
            rate,
            burst,
            level: i128::from(burst) * UNIT,
            at: SimTime::ZERO,
        }
    }
    fn level_at(&self, now: SimTime) -> i128 {
        let gained = i128::from(now.since(self.at).0) * i128::from(self.rate);
        (self.level + gained).min(i128::from(self.burst) * UNIT)
    }
    fn refill(&mut self, now: SimTime) {
        if now > self.at {
            self.level = self.level_at(now);
            self.at = now;
        }
    }
    /// True when `n` tokens are there; for more than the bucket ever holds, when it is full. Taking them then is
    /// [`Self::overdraw`]: so a limit holds on average even for takes that are larger than a second's worth.
    #[must_use]
    pub fn admits(&mut self, now: SimTime, n: u64) -> bool {
        self.refill(now);
        self.level >= i128::from(n.min(self.burst)) * UNIT
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
    /// True when nothing was taken of late, so that a new bucket would be the same.
    #[must_use]
    pub fn is_full(&self, now: SimTime) -> bool {
        self.level_at(now) == i128::from(self.burst) * UNIT
    }
    /// How much of the bucket is used up: 0 to 1, more when it is overdrawn.
    #[must_use]
    pub fn used(&self, now: SimTime) -> f64 {
        if self.burst == 0 {
            return 1.0;
        }
        1.0 - self.level_at(now) as f64 / (i128::from(self.burst) * UNIT) as f64
    }
    /// Tokens per second.
    #[must_use]
    pub const fn rate(&self) -> u64 {
        self.rate
    }
}

/// How much of a limit per second was used in the last whole second, as CloudWatch counts it.
///
/// That is what was let through, not what was asked for, since senders ask again and again for what is refused. A limit that refused something is used wholly.
///
/// A bucket that refills faster than it is drawn from is nearly always full, so its level would not show how near the limit is.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    second: u64,
    current: Share,
    last: Share,
}

/// What happened in one second.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    taken: u64,
    refused: bool,
}

const SECOND: u64 = 1_000_000_000;

impl Pace {
    fn turn(&mut self, now: SimTime) -> &mut Share {
        let second = now.0 / SECOND;
        if second != self.second {
            self.last = if second == self.second + 1 {
                self.current
            } else {
                Share::default()
            };
            (self.second, self.current) = (second, Share::default());
        }
        &mut self.current
    }
    /// The last whole second before `now`.
    fn ended(&self, now: SimTime) -> Share {
        let ended = (now.0 / SECOND).wrapping_sub(1);
        if ended == self.second {
            self.current
        } else if ended.wrapping_add(1) == self.second {
            self.last
        } else {
            Share::default()
        }
    }
    /// `n` were let through.
    pub fn take(&mut self, now: SimTime, n: u64) {
        self.turn(now).taken += n;
    }
    /// The limit refused something.
    pub fn refuse(&mut self, now: SimTime) {
        self.turn(now).refused = true;
    }
    /// How many were let through in the last whole second before `now`.
    #[must_use]
    pub fn last(&self, now: SimTime) -> u64 {
        self.ended(now).taken
    }
    /// The share of `limit` per second that was used in the last whole second before `now`: 0 to 1. What a full bucket lets through
    /// beyond a second's worth counts as all of it.
    #[must_use]
    pub fn used(&self, now: SimTime, limit: u64) -> f64 {
        let share = self.ended(now);
        if share.refused {
            return 1.0;
        }
        (share.taken as f64 / limit.max(1) as f64).min(1.0)
    }
}
