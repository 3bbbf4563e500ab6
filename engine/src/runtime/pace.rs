//! The only place with host time: how fast virtual time may pass, and how long this machine took.

#![expect(
    clippy::disallowed_methods,
    reason = "host time lives here and nowhere else"
)]

use std::time::{Duration, Instant};

use crate::units::{SimDuration, SimTime};

/// How fast virtual time may pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many virtual seconds a second of the machine.
    Times(f64),
    /// As fast as the machine goes.
    Max,
}

impl Pace {
    /// Reads `max`, `60` or `60x`.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let number = text.strip_suffix('x').unwrap_or(text).parse::<f64>();
        match number {
            Ok(n) if n.is_finite() && n > 0.0 => Ok(Self::Times(n)),
            _ => Err(format!(
                "`{text}` is no speed; use `max` or a number such as `60` for 60 times real time"
            )),
        }
    }
}

/// Measures host time.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }
    /// Since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Ties virtual time to host time at a pace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pace: Pace,
    host: Instant,
    virtual_time: SimTime,
}

impl Clock {
    pub(super) fn new(pace: Pace, now: SimTime) -> Self {
        Self {
            pace,
            host: Instant::now(),
            virtual_time: now,
        }
    }
    /// The instant that virtual time may have reached by now.
    pub(super) fn allowed(&self) -> SimTime {
        match self.pace {
            Pace::Max => SimTime::MAX,
            Pace::Times(n) => {
                self.virtual_time
                    + SimDuration::from_secs_f64(self.host.elapsed().as_secs_f64() * n)
            }
        }
    }
    /// Host time until virtual time may be `at`.
    pub(super) fn until(&self, at: SimTime) -> Duration {
        match self.pace {
            Pace::Max => Duration::ZERO,
            Pace::Times(n) => {
                let missing = at.since(self.allowed()).as_secs_f64() / n;
                Duration::from_secs_f64(missing.min(3600.0))
            }
        }
    }
}
