//! The archive of a bus: how much is put into it and lies there, which is what it costs. Nothing is replayed from it.

use std::collections::VecDeque;

use super::{ARCHIVE_PROCESSED, ARCHIVE_STORED};
use crate::node::Cx;
use crate::units::{SimDuration, SimTime};

/// Events of so long are forgotten together.
const TOGETHER: SimDuration = SimDuration::secs(3600);

/// What lies in the archive.
#[derive(Debug, Default)]
pub(super) struct Archive {
    /// Since when, and bytes; the oldest first.
    parts: VecDeque<(SimTime, u64)>,
    bytes: u64,
    metered: SimTime,
}

impl Archive {
    /// Takes events of `bytes` in.
    pub(super) fn put(&mut self, bytes: u64, keep: SimDuration, cx: &mut Cx<'_>) {
        self.settle(keep, cx);
        cx.meter(&ARCHIVE_PROCESSED, u128::from(bytes));
        self.bytes += bytes;
        let now = cx.now();
        match self.parts.back_mut() {
            Some((since, sum)) if now.since(*since) < TOGETHER => *sum += bytes,
            _ => self.parts.push_back((now, bytes)),
        }
    }
    /// Meters storage up to now and forgets what was kept for `keep`; for ever when that is zero.
    pub(super) fn settle(&mut self, keep: SimDuration, cx: &mut Cx<'_>) {
        let now = cx.now();
        let mut stored = 0;
        // What goes meanwhile is metered up to its own end, however seldom somebody looks.
        while let Some((since, bytes)) = self.parts.front().copied()
            && keep > SimDuration::ZERO
            && now.since(since) >= keep
        {
            let millis = (since + keep)
                .as_millis()
                .saturating_sub(self.metered.as_millis());
            stored += u128::from(bytes) * u128::from(millis);
            self.bytes -= bytes;
            self.parts.pop_front();
        }
        let millis = now.as_millis() - self.metered.as_millis();
        stored += u128::from(self.bytes) * u128::from(millis);
        cx.meter(&ARCHIVE_STORED, stored);
        self.metered = now;
    }
    /// Bytes that lie there.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}
