//! Which keys a shard's traffic comes from: a small sketch of those seen most, over about the last minute.

use std::collections::BTreeMap;

use crate::units::{SimDuration, SimTime};

/// Keys that are counted at once.
const KEYS: usize = 64;
/// Counts are halved at this interval, so that old traffic fades.
const FADES: SimDuration = SimDuration::secs(60);
/// One row in so many is looked at; a prime, so that keys that take turns are not met in step.
pub(super) const ONE_IN: usize = 17;

/// Counts of the keys seen most (the space-saving algorithm: a new key takes the place of the rarest).
#[derive(Debug, Default)]
pub(super) struct TopKeys {
    counts: BTreeMap<String, u64>,
    seen: u64,
    faded: SimTime,
}

impl TopKeys {
    pub(super) fn note(&mut self, now: SimTime, key: &[u8]) {
        if now.since(self.faded) >= FADES {
            self.faded = now;
            self.seen /= 2;
            self.counts.retain(|_, n| {
                *n /= 2;
                *n > 0
            });
        }
        self.seen += 1;
        let key = String::from_utf8_lossy(key);
        if let Some(n) = self.counts.get_mut(key.as_ref()) {
            *n += 1;
            return;
        }
        let mut count = 1;
        if self.counts.len() >= KEYS {
            let rarest = self.counts.iter().min_by_key(|(_, n)| **n);
            if let Some((rarest, n)) = rarest.map(|(k, n)| (k.clone(), *n)) {
                self.counts.remove(&rarest);
                count += n;
            }
        }
        self.counts.insert(key.into_owned(), count);
    }
    /// The key seen most and its share of the traffic; it may be overstated by what rarer keys left behind.
    pub(super) fn top(&self) -> Option<(&str, f64)> {
        let most = self.counts.iter().max_by_key(|(_, n)| **n)?;
        Some((most.0, *most.1 as f64 / self.seen.max(1) as f64))
    }
}
