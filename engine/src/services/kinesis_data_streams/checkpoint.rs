//! Readers that keep checkpoints: they may go back to them, so that what is behind the reader and not behind its checkpoint
//! stays, and they are told when a closed shard has nothing more.

use super::model::{Model, Place, Shard};
use crate::data::Batch;
use crate::node::{Cx, Notice, Payload, WireId};
use crate::units::SimDuration;

impl Shard {
    /// The place `records` after `place`.
    fn after(&self, mut place: Place, mut records: u64) -> Place {
        while records > 0 {
            let index = usize::try_from(place.entry - self.first).ok();
            let Some(entry) = index.and_then(|i| self.entries.get(i)) else {
                break;
            };
            let weight = (entry.records / u64::from(entry.rows.max(1))).max(1);
            let left = u64::from(entry.rows - place.row) * weight;
            if records < left {
                place.row += u32::try_from(records / weight).unwrap_or(u32::MAX);
                break;
            }
            records -= left;
            place = Place {
                entry: place.entry + 1,
                row: 0,
            };
        }
        place
    }
    /// Records from one place to another.
    fn between(&self, from: Place, to: Place) -> u64 {
        let mut records = 0;
        for number in from.entry..=to.entry {
            let index = usize::try_from(number - self.first).ok();
            let Some(entry) = index.and_then(|i| self.entries.get(i)) else {
                break;
            };
            let first = if number == from.entry { from.row } else { 0 };
            let last = if number == to.entry {
                to.row
            } else {
                entry.rows
            };
            let weight = entry.records / u64::from(entry.rows.max(1));
            records += u64::from(last - first) * weight;
        }
        records
    }
}

impl Model {
    /// The reader need not read `records` more of `lane` again.
    pub(super) fn checkpoint(&mut self, wire: WireId, lane: u32, records: u64) {
        let Some(shard) = self.shards.get(lane as usize) else {
            return;
        };
        let Some(reader) = self.readers.iter_mut().find(|r| r.wire == wire) else {
            return;
        };
        let place = *reader.places.entry(lane).or_insert(Place {
            entry: shard.first,
            row: 0,
        });
        let mark = reader.checkpoints.entry(lane).or_insert(place);
        *mark = shard.after(*mark, records).min(place);
        self.trim(lane);
    }
    /// The reader goes back to its checkpoint in `lane`, and gives back what it did not work on.
    pub(super) fn rewind(&mut self, wire: WireId, lane: u32, back: &[Batch], cx: &mut Cx<'_>) {
        let back: u64 = back.iter().map(Batch::records).sum();
        let mut again = 0;
        let reader = self.readers.iter_mut().find(|r| r.wire == wire);
        if let (Some(shard), Some(reader)) = (self.shards.get(lane as usize), reader)
            && let Some(mark) = reader.checkpoints.get(&lane)
            && let Some(place) = reader.places.get_mut(&lane)
        {
            again = shard.between(*mark, *place);
            *place = *mark;
            reader.unread += again;
        }
        cx.copied(again.saturating_sub(back));
        cx.dropped(
            "retention ended before it was read",
            back.saturating_sub(again),
        );
    }
    /// Tells a reader that keeps checkpoints that `lane` has nothing more for it.
    pub(super) fn tell_end(&self, wire: WireId, lane: u32, delay: SimDuration, cx: &mut Cx<'_>) {
        let reader = self.readers.iter().find(|r| r.wire == wire);
        if reader.is_none_or(|r| !r.checkpoints.contains_key(&lane)) {
            return;
        }
        let push = reader.and_then(|r| r.push.as_ref());
        let push = push.and_then(|p| p.get(&lane));
        // What was pushed before comes first.
        let delay = push.map_or(delay, |p| delay.max(p.arrives().since(cx.now())));
        let children = self.shards.iter().filter(|s| s.descends.contains(&lane));
        let children = children.map(|s| (s.lane, s.descends.clone())).collect();
        // A notice needs no credit and cannot come back.
        drop(cx.send(
            wire,
            Payload::Notice(Notice::LaneEnded { lane, children }),
            delay,
        ));
    }
    /// Subscriptions to shards that were closed when all of them was read.
    pub(super) fn tell_ends(&self, cx: &mut Cx<'_>) {
        for reader in self.readers.iter().filter(|r| r.push.is_some()) {
            for lane in reader.checkpoints.keys() {
                if self.is_over(reader.wire, *lane) {
                    self.tell_end(reader.wire, *lane, SimDuration::ZERO, cx);
                }
            }
        }
    }
}
