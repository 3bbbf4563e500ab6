//! The messages that are visible, in the order in which they are given out.
//!
//! A standard queue is one line. A FIFO queue is a line for each group: a group of which messages are in flight gives out no
//! more until they are settled. Knows nothing of time limits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::data::Batch;
use crate::units::SimTime;

/// Messages that were sent together and have been received as often.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) batch: Batch,
    /// When they were sent.
    pub(super) sent: SimTime,
    /// When they came, or came back.
    pub(super) since: SimTime,
    pub(super) receives: u32,
    pub(super) group: Option<Arc<str>>,
    /// Their place in the order of sending.
    pub(super) number: u64,
}

#[derive(Debug, Default)]
struct Group {
    line: VecDeque<Entry>,
    /// Receives of this group that are not settled.
    in_flight: u32,
}

/// Visible messages.
#[derive(Debug, Default)]
pub(super) struct Store {
    line: VecDeque<Entry>,
    groups: BTreeMap<Arc<str>, Group>,
    /// Groups that may give out messages, by the number of their first one.
    ready: BTreeMap<u64, Arc<str>>,
    records: u64,
    rows: usize,
}

impl Store {
    /// Messages that are here, weights included.
    pub(super) const fn records(&self) -> u64 {
        self.records
    }
    /// Rows that are here.
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }
    /// The same counted anew.
    pub(super) fn held(&self) -> u64 {
        self.entries().map(|e| e.batch.records()).sum()
    }
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.line
            .iter()
            .chain(self.groups.values().flat_map(|g| &g.line))
    }
    /// When the oldest was sent.
    pub(super) fn oldest(&self) -> Option<SimTime> {
        self.entries().map(|e| e.sent).min()
    }
    /// True when a receive would get something.
    pub(super) fn has_some(&self) -> bool {
        !self.line.is_empty() || !self.ready.is_empty()
    }
    /// Message groups that wait or are in flight.
    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }
    fn count(&mut self, batch: &Batch) {
        self.records += batch.records();
        self.rows += batch.len();
    }
    /// New messages at the end of their line.
    pub(super) fn push(&mut self, entry: Entry) {
        self.count(&entry.batch);
        let Some(name) = entry.group.clone() else {
            self.line.push_back(entry);
            return;
        };
        let group = self.groups.entry(Arc::clone(&name)).or_default();
        if group.line.is_empty() && group.in_flight == 0 {
            self.ready.insert(entry.number, name);
        }
        group.line.push_back(entry);
    }
    /// Messages that come back: a group's at their old place, others at the end.
    pub(super) fn again(&mut self, entry: Entry) {
        self.count(&entry.batch);
        let Some(name) = entry.group.clone() else {
            self.line.push_back(entry);
            return;
        };
        let group = self.groups.entry(name).or_default();
        let place = group.line.partition_point(|e| e.number < entry.number);
        group.line.insert(place, entry);
    }
    /// A receive of this group was settled: when it was the last, the group goes on.
    pub(super) fn unlock(&mut self, name: &Arc<str>) {
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        group.in_flight = group.in_flight.saturating_sub(1);
        if group.in_flight > 0 {
            return;
        }
        match group.line.front() {
            Some(first) => {
                self.ready.insert(first.number, Arc::clone(name));
            }
            None => {
                self.groups.remove(name);
            }
        }
    }
    /// Takes at most `most` messages, at least one row; of a FIFO queue as many of the oldest free group as there are, then
    /// of the next. Each group that gave some is locked once.
    pub(super) fn take(&mut self, most: u64) -> Vec<Entry> {
        let mut out = Vec::new();
        let mut room = most;
        take_from(&mut self.line, &mut room, &mut out);
        while room > 0 {
            let Some((_, name)) = self.ready.pop_first() else {
                break;
            };
            if let Some(group) = self.groups.get_mut(&name) {
                group.in_flight += 1;
                take_from(&mut group.line, &mut room, &mut out);
            }
        }
        for entry in &out {
            self.records -= entry.batch.records();
            self.rows -= entry.batch.len();
        }
        out
    }
    /// Takes out what was sent before `limit`.
    pub(super) fn expire(&mut self, limit: SimTime) -> Vec<Entry> {
        let mut out = Vec::new();
        let mut keep = |line: &mut VecDeque<Entry>| {
            let (old, rest) = std::mem::take(line)
                .into_iter()
                .partition(|e: &Entry| e.sent < limit);
            *line = rest;
            let old: VecDeque<Entry> = old;
            out.extend(old);
        };
        keep(&mut self.line);
        self.groups.values_mut().for_each(|g| keep(&mut g.line));
        for entry in &out {
            self.records -= entry.batch.records();
            self.rows -= entry.batch.len();
        }
        if out.is_empty() {
            return out;
        }
        self.groups
            .retain(|_, g| g.in_flight > 0 || !g.line.is_empty());
        let free = self.groups.iter().filter(|(_, g)| g.in_flight == 0);
        self.ready = free
            .filter_map(|(name, g)| Some((g.line.front()?.number, Arc::clone(name))))
            .collect();
        out
    }
}

fn take_from(line: &mut VecDeque<Entry>, room: &mut u64, out: &mut Vec<Entry>) {
    while *room > 0 {
        let Some(first) = line.front_mut() else {
            return;
        };
        let weight = u64::from(first.batch.weight);
        let rows = usize::try_from((*room / weight).max(1)).unwrap_or(usize::MAX);
        let mut taken = if rows >= first.batch.len() {
            let Some(whole) = line.pop_front() else {
                return;
            };
            whole
        } else {
            let rest = first.batch.slice(rows, first.batch.len() - rows);
            let part = Entry {
                batch: first.batch.slice(0, rows),
                ..first.clone()
            };
            first.batch = rest;
            part
        };
        taken.receives += 1;
        *room = room.saturating_sub(taken.batch.records());
        out.push(taken);
    }
}
