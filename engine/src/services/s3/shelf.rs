//! What lies in a bucket as it is billed: each file's class, the level of bytes at each rate, the least times of classes.

use std::collections::BTreeMap;

use super::config::StorageClass;
use super::usage::{ClassTerms, MONITORED, Rate};
use crate::node::{BuildCx, Cx};
use crate::units::{SimDuration, SimTime};

/// Figures of the books that storage follows.
#[derive(Debug)]
pub(super) struct Terms {
    least: BTreeMap<StorageClass, (u64, SimDuration)>,
    archive_bytes: u64,
    archive_standard_bytes: u64,
    to_infrequent: SimDuration,
    to_archive: SimDuration,
    monitored_bytes: u64,
    /// Files below this are not moved by a rule.
    pub(super) moved_bytes: u64,
}

fn days(n: u64) -> SimDuration {
    SimDuration::secs(n * 86_400)
}

impl Terms {
    pub(super) fn new(cx: &BuildCx) -> Result<Self, String> {
        let mut least = BTreeMap::new();
        for class in StorageClass::ALL {
            let terms = ClassTerms::of(class);
            let bytes = terms.least_bytes.map(|key| cx.quota(key)).transpose()?;
            let time = terms.least_days.map(|key| cx.quota(key)).transpose()?;
            least.insert(class, (bytes.unwrap_or(0), days(time.unwrap_or(0))));
        }
        Ok(Self {
            least,
            archive_bytes: cx.quota("s3.glacier_overhead_class_rate_bytes")?,
            archive_standard_bytes: cx.quota("s3.glacier_overhead_standard_rate_bytes")?,
            to_infrequent: days(cx.quota("s3.intelligent_tiering_days_to_infrequent")?),
            to_archive: days(cx.quota("s3.intelligent_tiering_days_to_archive_instant")?),
            monitored_bytes: cx.quota("s3.intelligent_tiering_min_monitored_object_bytes")?,
            moved_bytes: cx.quota("s3.lifecycle_min_object_bytes")?,
        })
    }
    fn least(&self, class: StorageClass) -> (u64, SimDuration) {
        self.least.get(&class).copied().unwrap_or_default()
    }
}

/// One file as it is billed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    /// Bytes that the records stand for.
    pub(super) bytes: u64,
    pub(super) class: StorageClass,
    rate: Rate,
    /// When it was put.
    pub(super) at: SimTime,
    /// When it came to its class.
    since: SimTime,
    /// When somebody last read it.
    read: SimTime,
}

/// Everything that is billed for lying there.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) terms: Terms,
    levels: BTreeMap<Rate, u64>,
    monitored: u64,
    /// Until when storage is metered.
    metered: SimTime,
}

impl Shelf {
    pub(super) const fn new(terms: Terms) -> Self {
        Self {
            terms,
            levels: BTreeMap::new(),
            monitored: 0,
            metered: SimTime::ZERO,
        }
    }
    /// Meters storage up to now; before every change of what lies there.
    pub(super) fn accrue(&mut self, cx: &mut Cx<'_>) {
        let millis = u128::from(cx.now().as_millis() - self.metered.as_millis());
        for (rate, bytes) in &self.levels {
            cx.meter(rate.spec(), u128::from(*bytes) * millis);
        }
        if self.monitored > 0 {
            cx.meter(&MONITORED, u128::from(self.monitored) * millis);
        }
        self.metered = cx.now();
    }
    /// Takes a file in that came at `at`; storage since then is metered.
    pub(super) fn put(
        &mut self,
        bytes: u64,
        class: StorageClass,
        at: SimTime,
        cx: &mut Cx<'_>,
    ) -> Stored {
        let stored = Stored {
            bytes,
            class,
            rate: ClassTerms::of(class).rate,
            at,
            since: at,
            read: at,
        };
        self.count(&stored, true);
        let late = u128::from(cx.now().as_millis().saturating_sub(at.as_millis()));
        if late > 0 {
            for (rate, bytes) in self.parts(&stored) {
                cx.meter(rate.spec(), u128::from(bytes) * late);
            }
        }
        stored
    }
    /// Takes a file off; what its class bills at the least is billed now.
    pub(super) fn remove(&mut self, stored: &Stored, cx: &mut Cx<'_>) {
        self.count(stored, false);
        let (_, least) = self.terms.least(stored.class);
        let rest = (stored.since + least).since(cx.now());
        let millis = u128::from(rest.0 / 1_000_000);
        for (rate, bytes) in self.parts(stored) {
            if rate != Rate::Standard || stored.class == StorageClass::Standard {
                cx.meter(rate.spec(), u128::from(bytes) * millis);
            }
        }
    }
    /// A restored copy of an archived file comes or goes: stored at the Standard rate.
    pub(super) fn copy(&mut self, bytes: u64, comes: bool) {
        let level = self.levels.entry(Rate::Standard).or_default();
        *level = if comes {
            *level + bytes
        } else {
            level.saturating_sub(bytes)
        };
    }
    /// Moves a file to another class by a rule.
    pub(super) fn become_class(
        &mut self,
        stored: &mut Stored,
        class: StorageClass,
        cx: &mut Cx<'_>,
    ) {
        self.remove(stored, cx);
        let terms = ClassTerms::of(class);
        if let Some(to) = terms.to {
            cx.meter(to, 1);
        }
        (stored.class, stored.rate, stored.since) = (class, terms.rate, cx.now());
        stored.read = cx.now();
        self.count(stored, true);
    }
    /// Reads of a file: what its class asks for a GB, and the warm tier again in Intelligent-Tiering.
    pub(super) fn read(&mut self, stored: &mut Stored, bytes: u64, cx: &mut Cx<'_>) {
        if let Some(spec) = ClassTerms::of(stored.class).read {
            cx.meter(spec, u128::from(bytes));
        }
        if stored.class == StorageClass::IntelligentTiering {
            stored.read = cx.now();
            self.retier(stored, cx.now());
        }
    }
    /// Puts a file of Intelligent-Tiering into the tier of its last read.
    pub(super) fn retier(&mut self, stored: &mut Stored, now: SimTime) {
        if stored.class != StorageClass::IntelligentTiering
            || stored.bytes < self.terms.monitored_bytes
        {
            return;
        }
        let rate = if stored.read + self.terms.to_archive <= now {
            Rate::TierArchive
        } else if stored.read + self.terms.to_infrequent <= now {
            Rate::TierInfrequent
        } else {
            Rate::TierFrequent
        };
        if rate != stored.rate {
            self.count(stored, false);
            stored.rate = rate;
            self.count(stored, true);
        }
    }
    /// The bytes of a file at each rate.
    fn parts(&self, stored: &Stored) -> Vec<(Rate, u64)> {
        let (least, _) = self.terms.least(stored.class);
        if stored.class.is_archive() {
            return vec![
                (stored.rate, stored.bytes + self.terms.archive_bytes),
                (Rate::Standard, self.terms.archive_standard_bytes),
            ];
        }
        vec![(stored.rate, stored.bytes.max(least))]
    }
    fn count(&mut self, stored: &Stored, comes: bool) {
        for (rate, bytes) in self.parts(stored) {
            let level = self.levels.entry(rate).or_default();
            *level = if comes {
                *level + bytes
            } else {
                level.saturating_sub(bytes)
            };
        }
        let watched = stored.class == StorageClass::IntelligentTiering
            && stored.bytes >= self.terms.monitored_bytes;
        if watched {
            self.monitored = if comes {
                self.monitored + 1
            } else {
                self.monitored.saturating_sub(1)
            };
        }
    }
}
