//! Which keys a shard's traffic comes from: a small sketch of those seen most, over about the last minute.

use super::shards::mixed;
use crate::units::{SimDuration, SimTime};

/// Keys that are counted at once.
const KEYS: usize = 64;
/// Counts are halved at this interval, so that old traffic fades.
const FADES: SimDuration = SimDuration::secs(60);
/// One row in so many is looked at; a prime, so that keys that take turns are not met in step.
pub(super) const ONE_IN: usize = 17;

/// Counts of the keys seen most (the space-saving algorithm: a new key takes the place of the rarest). Keys, their hashes and
/// their counts stand at the same places; looking through a few dozen numbers is quicker than any tree.
#[derive(Debug, Default)]
pub(super) struct TopKeys {
    keys: Vec<String>,
    hashes: Vec<u64>,
    counts: Vec<u64>,
    seen: u64,
    faded: SimTime,
}

impl TopKeys {
    pub(super) fn note(&mut self, now: SimTime, key: &[u8]) {
        if now.since(self.faded) >= FADES {
            self.faded = now;
            self.fade();
        }
        self.seen += 1;
        let hash = mixed(key);
        let is_it = |(h, k): (&u64, &String)| *h == hash && k.as_bytes() == key;
        let known = self.hashes.iter().zip(&self.keys).position(is_it);
        if let Some(place) = known {
            self.counts[place] += 1;
            return;
        }
        let key = String::from_utf8_lossy(key).into_owned();
        let rarest = (0..self.counts.len()).min_by_key(|i| self.counts[*i]);
        match rarest.filter(|_| self.counts.len() >= KEYS) {
            Some(place) => {
                self.counts[place] += 1;
                self.hashes[place] = hash;
                self.keys[place] = key;
            }
            None => {
                self.counts.push(1);
                self.hashes.push(hash);
                self.keys.push(key);
            }
        }
    }
    /// Halves every count; keys without one go.
    fn fade(&mut self) {
        self.seen /= 2;
        for place in (0..self.counts.len()).rev() {
            self.counts[place] /= 2;
            if self.counts[place] == 0 {
                self.counts.remove(place);
                self.hashes.remove(place);
                self.keys.remove(place);
            }
        }
    }
    /// The key seen most and its share of the traffic; it may be overstated by what rarer keys left behind.
    pub(super) fn top(&self) -> Option<(&str, f64)> {
        let most = (0..self.counts.len()).max_by_key(|i| self.counts[*i])?;
        let share = self.counts[most] as f64 / self.seen.max(1) as f64;
        Some((&self.keys[most], share))
    }
}
