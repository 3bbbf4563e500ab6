//! Restores: readable copies of archived files, for a time, at the Standard rate of storage.

use std::collections::BTreeMap;

use super::config::{RestoreTier, StorageClass};
use super::model::Model;
use super::usage::restore_terms;
use crate::books::LatencyLaw;
use crate::node::{BuildCx, Cx, Tag};
use crate::units::{SimDuration, SimTime};

pub(super) const TIMER_RESTORED: u32 = 1;

/// Restores that were asked for and copies that are there.
#[derive(Debug)]
pub(super) struct Restores {
    laws: BTreeMap<(StorageClass, RestoreTier), LatencyLaw>,
    /// Keys of each restore that is under way, and how long its copies stay.
    under_way: BTreeMap<u64, (Vec<String>, SimDuration)>,
    next: u64,
    /// Bytes of each copy, and when its days are over.
    copies: BTreeMap<String, (u64, SimTime)>,
}

impl Restores {
    pub(super) fn new(cx: &BuildCx) -> Result<Self, String> {
        let mut laws = BTreeMap::new();
        for class in StorageClass::ALL {
            for tier in [
                RestoreTier::Expedited,
                RestoreTier::Standard,
                RestoreTier::Bulk,
            ] {
                if let Some((_, _, law)) = restore_terms(class, tier) {
                    laws.insert((class, tier), cx.latency(law)?);
                }
            }
        }
        Ok(Self {
            laws,
            under_way: BTreeMap::new(),
            next: 0,
            copies: BTreeMap::new(),
        })
    }
    fn has(&self, key: &String) -> bool {
        let mut under_way = self.under_way.values();
        self.copies.contains_key(key) || under_way.any(|(keys, _)| keys.contains(key))
    }
}

impl Model {
    /// Asks for the archived files below `prefix`; those of one class come together.
    pub(super) fn restore(&mut self, prefix: &str, cx: &mut Cx<'_>) {
        self.accrue(cx);
        let tier = self.config.restore_tier;
        let stays = SimDuration::secs(u64::from(self.config.restore_days) * 86_400);
        for class in StorageClass::ALL.into_iter().filter(|c| c.is_archive()) {
            let files = self.objects.iter();
            let files = files.filter(|(key, s)| s.class == class && key.starts_with(prefix));
            let files = files.filter(|(key, _)| !self.restores.has(key));
            let files: Vec<(String, u64)> = files.map(|(k, s)| (k.clone(), s.bytes)).collect();
            if files.is_empty() {
                continue;
            }
            let law = self.restores.laws.get(&(class, tier));
            let (Some((request, bytes, _)), Some(law)) = (restore_terms(class, tier), law) else {
                cx.event(
                    "restore",
                    format!(
                        "InvalidArgument: {} files of DEEP_ARCHIVE are not restored, which knows no EXPEDITED tier",
                        files.len()
                    ),
                );
                continue;
            };
            let takes = cx.draw(law);
            let sum: u64 = files.iter().map(|(_, bytes)| bytes).sum();
            cx.meter(request, files.len() as u128);
            cx.meter(bytes, u128::from(sum));
            cx.event(
                "restore",
                format!(
                    "{} files are restored, which takes {:.0} minutes",
                    files.len(),
                    takes.as_secs_f64() / 60.0
                ),
            );
            cx.after(takes, Tag::new(TIMER_RESTORED, self.restores.next));
            let keys = files.into_iter().map(|(key, _)| key).collect();
            self.restores
                .under_way
                .insert(self.restores.next, (keys, stays));
            self.restores.next += 1;
        }
    }
    /// The copies of a restore are there.
    pub(super) fn restored(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some((keys, stays)) = self.restores.under_way.remove(&number) else {
            return;
        };
        self.accrue(cx);
        for key in keys {
            let Some(stored) = self.objects.get(&key).filter(|s| s.class.is_archive()) else {
                continue;
            };
            self.shelf.copy(stored.bytes, true);
            cx.world().lake.set_restored(&self.bucket, &key, true);
            let copy = (stored.bytes, cx.now() + stays);
            self.restores.copies.insert(key, copy);
        }
    }
    /// At midnight: copies whose days are over go.
    pub(super) fn end_copies(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        let over = self
            .restores
            .copies
            .iter()
            .filter(|(_, (_, until))| *until <= now);
        let over: Vec<String> = over.map(|(key, _)| key.clone()).collect();
        for key in over {
            self.drop_copy(&key, cx);
        }
    }
    /// The copy of a file goes, if it has one.
    pub(super) fn drop_copy(&mut self, key: &str, cx: &mut Cx<'_>) {
        if let Some((bytes, _)) = self.restores.copies.remove(key) {
            self.shelf.copy(bytes, false);
            cx.world().lake.set_restored(&self.bucket, key, false);
        }
    }
}
