//! Something that a node does again and again: first after a while, then at a steady interval.

use super::cx::Cx;
use super::ids::Tag;
use crate::units::{SimDuration, SimTime};

/// The instants `start`, `start + every`, `start + 2 every`, and so on. An interval of zero means never.
#[derive(Debug, Clone)]
pub struct Schedule {
    tag_kind: u32,
    start: SimTime,
    every: SimDuration,
    /// Timers of earlier settings are ignored.
    generation: u64,
}

impl Schedule {
    /// A schedule whose timers carry `tag_kind`, which the node reserves for it.
    #[must_use]
    pub const fn new(tag_kind: u32, start_seconds: u32, every_seconds: u32) -> Self {
        Self {
            tag_kind,
            start: SimTime(start_seconds as u64 * 1_000_000_000),
            every: SimDuration::secs(every_seconds as u64),
            generation: 0,
        }
    }
    /// Sets the timer for the first instant that is not over yet. Call it at the start of the node.
    pub fn begin(&self, cx: &mut Cx<'_>) {
        let now = cx.now();
        if now <= self.start {
            self.arm(self.start, cx);
        } else {
            self.arm(self.after(SimTime(now.0 - 1)), cx);
        }
    }
    /// Takes other times from now on.
    pub fn change(&mut self, start_seconds: u32, every_seconds: u32, cx: &mut Cx<'_>) {
        let next = Self::new(self.tag_kind, start_seconds, every_seconds);
        if (next.start, next.every) != (self.start, self.every) {
            let generation = self.generation + 1;
            *self = Self { generation, ..next };
            self.begin(cx);
        }
    }
    /// True when `tag` is this schedule's and it is time; the next timer is then set.
    #[must_use]
    pub fn is_due(&self, tag: Tag, cx: &mut Cx<'_>) -> bool {
        let due = tag == Tag::new(self.tag_kind, self.generation);
        if due {
            self.arm(self.after(cx.now()), cx);
        }
        due
    }
    /// The first instant after `at`.
    const fn after(&self, at: SimTime) -> SimTime {
        if at.0 < self.start.0 || self.every.0 == 0 {
            return self.start;
        }
        let passed = SimTime(at.0 - self.start.0);
        SimTime(
            self.start
                .0
                .saturating_add(passed.next_multiple(self.every).0),
        )
    }
    fn arm(&self, at: SimTime, cx: &mut Cx<'_>) {
        if self.every > SimDuration::ZERO {
            cx.at(at, Tag::new(self.tag_kind, self.generation));
        }
    }
}
