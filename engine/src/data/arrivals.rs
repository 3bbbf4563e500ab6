//! When records come into being: instants of virtual time with a given rate and shape.
//!
//! The rate over time is a sequence of linear pieces, integrated exactly: the n-th arrival is where the integral reaches n (or,
//! for Poisson arrivals, a sum of n exponential deviates). So the instants do not depend on how the time axis is cut
//! into calls. Rates are records per second, instants nanoseconds of virtual time. Knows nothing of what arrives.

use crate::rng::Rng;
use crate::units::{SimDuration, SimTime};

/// How arrivals are spread over time. Factors and amplitudes are relative to the rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ArrivalShape {
    /// Evenly spaced.
    Constant,
    /// Independent of each other, as from many users; the rate holds on average.
    Poisson,
    /// A sine: from `1 - amplitude` at time zero to `1 + amplitude` half a period later, and back.
    Wave {
        /// Length of one wave, at least a second.
        period: SimDuration,
        /// 0 (flat) to 1 (nothing at the trough).
        amplitude: f64,
    },
    /// From one factor of the rate to another in a straight line, then steady.
    Ramp {
        /// Factor at time zero.
        from: f64,
        /// Factor at the end.
        to: f64,
        /// How long it takes.
        over: SimDuration,
    },
    /// Steady, with spikes: the first begins after `every`.
    Burst {
        /// Factor of the rate during a spike.
        factor: f64,
        /// How long a spike lasts; less than `every`.
        length: SimDuration,
        /// From the beginning of one spike to the next.
        every: SimDuration,
    },
}

/// Highest rate in records per second. Sources that stand for more give their records a weight.
pub const RATE_MAX: f64 = 1e8;
/// A rate below one record in thirty years is none, so that the search for the next arrival ends.
const RATE_MIN: f64 = 1e-9;
/// Highest factor of a ramp or a burst, or by a scenario.
const FACTOR_MAX: f64 = 1e6;
/// Shortest period of a wave or of spikes.
const PERIOD_MIN: SimDuration = SimDuration::millis(10);
/// Pieces that a wave is made of: its rate is within 0.01 % of the sine.
const WAVE_PIECES: u64 = 256;
/// Steady rates are cut into hours, so that counts within a piece stay small enough to be exact.
const STEADY: u64 = SimDuration::secs(3_600).0;

/// A shape or rate that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ArrivalError {
    /// A number lies outside its range.
    #[error("`{field}` is {value}; choose a value from {least} to {most}.")]
    OutOfRange {
        /// What it is.
        field: &'static str,
        /// What was given.
        value: f64,
        /// Smallest allowed.
        least: f64,
        /// Largest allowed.
        most: f64,
    },
}

fn range(field: &'static str, value: f64, least: f64, most: f64) -> Result<(), ArrivalError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ArrivalError::OutOfRange {
        field,
        value,
        least,
        most,
    })
}

/// A piece of time in which the rate changes in a straight line.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: u64,
    end: u64,
    /// Arrivals per second at the start.
    rate: f64,
    /// Change of the rate per second.
    slope: f64,
}

impl Piece {
    /// Arrivals (not whole) from the start until `until`.
    fn count(&self, until: u64) -> f64 {
        let secs = (until.min(self.end) - self.start) as f64 / 1e9;
        secs * (self.rate + 0.5 * self.slope * secs)
    }
    /// When the count reaches `count`, which it does within the piece.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and the result is kept within the piece"
    )]
    fn instant(&self, count: f64) -> u64 {
        let secs = if self.slope == 0.0 {
            count / self.rate
        } else {
            let root = (self.rate * self.rate + 2.0 * self.slope * count).max(0.0);
            // This form of the quadratic's solution loses no digits when the slope is small. `sqrt` is exact by IEEE.
            2.0 * count / (self.rate + root.sqrt())
        };
        let nanos = (secs * 1e9).round_ties_even() as u64;
        self.start.saturating_add(nanos).min(self.end)
    }
    /// The rest of the piece from `now` on.
    fn from(self, now: u64) -> Self {
        let now = now.clamp(self.start, self.end);
        let secs = (now - self.start) as f64 / 1e9;
        Self {
            start: now,
            rate: (self.rate + self.slope * secs).max(0.0),
            ..self
        }
    }
}

/// The next arrival: when, in which piece, at which count within it.
#[derive(Debug, Clone, Copy)]
struct Next {
    at: u64,
    piece: Piece,
    count: f64,
}

/// The arrivals of one source, in order.
#[derive(Debug, Clone)]
pub struct Arrivals {
    shape: ArrivalShape,
    rate: f64,
    factor: f64,
    /// Where counting stands: the piece of the last arrival or of the last change of rate.
    piece: Piece,
    /// The count within `piece` at which the next arrival happens; `None` before the first is drawn.
    count: Option<f64>,
    next: Option<Next>,
    last: u64,
}

impl Arrivals {
    /// Arrivals of `shape` at `rate` records per second, from the beginning of the run. A rate of 0 is a source that waits.
    ///
    /// # Errors
    /// When a number lies outside its range.
    pub fn new(shape: ArrivalShape, rate: f64) -> Result<Self, ArrivalError> {
        range("rate", rate, 0.0, RATE_MAX)?;
        let least = PERIOD_MIN.as_secs_f64();
        match shape {
            ArrivalShape::Constant | ArrivalShape::Poisson => {}
            ArrivalShape::Wave { period, amplitude } => {
                range("period", period.as_secs_f64(), least, 1e9)?;
                range("amplitude", amplitude, 0.0, 1.0)?;
            }
            ArrivalShape::Ramp { from, to, over } => {
                range("from", from, 0.0, FACTOR_MAX)?;
                range("to", to, 0.0, FACTOR_MAX)?;
                range("over", over.as_secs_f64(), least, 1e9)?;
            }
            ArrivalShape::Burst {
                factor,
                length,
                every,
            } => {
                range("factor", factor, 0.0, FACTOR_MAX)?;
                range("every", every.as_secs_f64(), least, 1e9)?;
                range("length", length.as_secs_f64(), 0.0, every.as_secs_f64())?;
            }
        }
        let mut arrivals = Self {
            shape,
            rate,
            factor: 1.0,
            piece: Piece {
                start: 0,
                end: 0,
                rate: 0.0,
                slope: 0.0,
            },
            count: None,
            next: None,
            last: 0,
        };
        arrivals.piece = arrivals.piece_at(0);
        Ok(arrivals)
    }

    /// Appends the instants after the last one that was given, up to and including `until`, strictly increasing; at most
    /// `max` of them (the rest come with the next call). Returns how many.
    ///
    /// `rng` must be the same stream in every call.
    pub fn fill(&mut self, until: SimTime, rng: &mut Rng, out: &mut Vec<u64>, max: usize) -> usize {
        let before = out.len();
        while out.len() - before < max {
            let Some(next) = self.find(rng).filter(|next| next.at <= until.0) else {
                break;
            };
            self.next = None;
            let (piece, mut count, mut at) = (next.piece, next.count, next.at);
            let total = piece.count(piece.end);
            // The rest of the piece without asking anew where time stands: this is the hot loop of every source.
            loop {
                out.push(at);
                self.last = at;
                count += self.step(rng);
                if out.len() - before == max || count > total {
                    break;
                }
                at = piece.instant(count).max(self.last.saturating_add(1));
                if at > until.0 {
                    break;
                }
            }
            (self.piece, self.count) = (piece, Some(count));
        }
        out.len() - before
    }

    /// When the next record arrives; `None` when nothing more comes at the present rate.
    pub fn next_after(&mut self, rng: &mut Rng) -> Option<SimTime> {
        self.find(rng).map(|next| SimTime(next.at))
    }

    /// Changes the rate from `now` on. What of the next arrival's wait has passed stays passed; arrivals until `now` that
    /// were not asked for yet are given up, except one: there is no burst of catching up.
    ///
    /// # Errors
    /// When the rate lies outside its range; nothing changes then.
    pub fn set_rate(&mut self, now: SimTime, rate: f64) -> Result<(), ArrivalError> {
        range("rate", rate, 0.0, RATE_MAX)?;
        self.change(now, rate, self.factor);
        Ok(())
    }

    /// Multiplies the rate from `now` on (1 undoes it), in the same manner as [`Self::set_rate`].
    ///
    /// # Errors
    /// When the factor lies outside its range; nothing changes then.
    pub fn set_factor(&mut self, now: SimTime, factor: f64) -> Result<(), ArrivalError> {
        range("factor", factor, 0.0, FACTOR_MAX)?;
        self.change(now, self.rate, factor);
        Ok(())
    }

    /// The momentary rate at `now` in records per second.
    #[must_use]
    pub fn rate_at(&self, now: SimTime) -> f64 {
        self.piece_at(now.0).rate
    }

    fn change(&mut self, now: SimTime, rate: f64, factor: f64) {
        let now = now.0.max(self.last).max(self.piece.start);
        if let Some(mut count) = self.count {
            let mut piece = self.piece;
            while piece.end < now && count > 0.0 {
                (piece, count) = self.following(piece, count, now);
            }
            count -= piece.count(now.max(piece.start));
            self.count = Some(count.max(0.0));
        }
        (self.rate, self.factor, self.next) = (rate, factor, None);
        self.piece = self.piece_at(now);
    }

    /// The next arrival. What is found is kept until it is taken or the rate changes.
    fn find(&mut self, rng: &mut Rng) -> Option<Next> {
        if self.next.is_some() {
            return self.next;
        }
        let mut count = match self.count {
            Some(count) => count,
            None => self.step(rng),
        };
        self.count = Some(count);
        let mut piece = self.piece;
        loop {
            if piece.count(piece.end) >= count {
                break;
            }
            if piece.end == u64::MAX || (piece.rate == 0.0 && self.is_over(piece)) {
                return None;
            }
            (piece, count) = self.following(piece, count, u64::MAX);
        }
        let at = piece.instant(count).max(self.last.saturating_add(1));
        self.next = Some(Next { at, piece, count });
        self.next
    }

    /// How much the integral of the rate grows from one arrival to the next.
    fn step(&self, rng: &mut Rng) -> f64 {
        match self.shape {
            ArrivalShape::Poisson => rng.exponential(),
            _ => 1.0,
        }
    }

    /// The rate before the shape.
    fn base(&self) -> f64 {
        let rate = self.rate * self.factor;
        if rate < RATE_MIN { 0.0 } else { rate }
    }

    /// True when the rate is zero in `piece` and ever after.
    fn is_over(&self, piece: Piece) -> bool {
        if self.base() == 0.0 {
            return true;
        }
        let (start, length) = self.cycle_at(piece.end);
        start > 0 && self.cycle_count(length) < RATE_MIN * RATE_MIN
    }

    /// The piece after `piece`, and `count` less what `piece` holds. Whole cycles that bring no arrival are skipped at
    /// once, but not beyond `until`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and the number of cycles is bounded by what is left of time"
    )]
    fn following(&self, piece: Piece, count: f64, until: u64) -> (Piece, f64) {
        let mut count = count - piece.count(piece.end);
        let mut start = piece.end;
        let (cycle, length) = self.cycle_at(start);
        let whole = self.cycle_count(length);
        if cycle == start && count > 2.0 * whole && whole > 0.0 {
            let room = (until - start) / length;
            let cycles = ((count / whole) as u64 - 1).min(room);
            start += cycles * length;
            count -= cycles as f64 * whole;
        }
        (self.piece_at(start), count)
    }

    /// The beginning and the length of the repeating stretch of time that `at` lies in.
    fn cycle_at(&self, at: u64) -> (u64, u64) {
        let (zero, length) = match self.shape {
            ArrivalShape::Constant | ArrivalShape::Poisson => (0, STEADY),
            ArrivalShape::Wave { period, .. } => (0, period.0),
            ArrivalShape::Burst { every, .. } => (0, every.0),
            ArrivalShape::Ramp { over, .. } if at < over.0 => (0, over.0),
            ArrivalShape::Ramp { over, .. } => (over.0, STEADY),
        };
        (zero + (at - zero) / length * length, length)
    }

    /// Arrivals in a whole cycle, after the first of a burst and the end of a ramp.
    fn cycle_count(&self, length: u64) -> f64 {
        let secs = length as f64 / 1e9;
        let rate = self.base();
        match self.shape {
            ArrivalShape::Constant | ArrivalShape::Poisson | ArrivalShape::Wave { .. } => {
                rate * secs
            }
            ArrivalShape::Ramp { to, .. } => rate * to * secs,
            ArrivalShape::Burst {
                factor,
                length: spike,
                ..
            } => {
                let calm = (length - spike.0) as f64 / 1e9;
                rate * (calm + factor * spike.as_secs_f64())
            }
        }
    }

    /// The piece of time from `at` on.
    fn piece_at(&self, at: u64) -> Piece {
        let rate = self.base();
        let (cycle, length) = self.cycle_at(at);
        let steady = |start: u64, end: u64, factor: f64| Piece {
            start,
            end,
            rate: rate * factor,
            slope: 0.0,
        };
        let end = cycle.saturating_add(length);
        let piece = match self.shape {
            ArrivalShape::Constant | ArrivalShape::Poisson => steady(cycle, end, 1.0),
            ArrivalShape::Burst { factor, length, .. } => {
                let spike_end = cycle.saturating_add(length.0);
                if at >= spike_end || cycle == 0 {
                    let calm = if cycle == 0 { 0 } else { spike_end };
                    steady(calm, end, 1.0)
                } else {
                    steady(cycle, spike_end, factor)
                }
            }
            ArrivalShape::Ramp { from, to, over } if at < over.0 => {
                let slope = rate * (to - from) / over.as_secs_f64();
                Piece {
                    slope,
                    ..steady(0, over.0, from)
                }
            }
            ArrivalShape::Ramp { to, .. } => steady(cycle, end, to),
            ArrivalShape::Wave { amplitude, .. } => {
                let edge = |i: u64| {
                    let offset = u128::from(length) * u128::from(i) / u128::from(WAVE_PIECES);
                    cycle.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX))
                };
                let passed = u128::from(at - cycle) * u128::from(WAVE_PIECES) / u128::from(length);
                let mut i = u64::try_from(passed).unwrap_or(0);
                // Edges are rounded down, so `at` may stand on the next one already.
                i += u64::from(i + 1 < WAVE_PIECES && edge(i + 1) <= at);
                let level = |i: u64| {
                    let angle = 2.0 * std::f64::consts::PI * i as f64 / WAVE_PIECES as f64;
                    rate * (1.0 - amplitude * libm::cos(angle))
                };
                let (start, end) = (edge(i), edge(i + 1));
                let secs = (end - start).max(1) as f64 / 1e9;
                Piece {
                    start,
                    end,
                    rate: level(i),
                    slope: (level(i + 1) - level(i)) / secs,
                }
            }
        };
        piece.from(at)
    }
}

#[cfg(test)]
mod tests;
