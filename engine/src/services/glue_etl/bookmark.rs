//! Job bookmarks: which objects a run has to read, and what it remembers when it has succeeded.
//!
//! Glue goes by the time at which an object was last modified, so that an object which is written again is read again. Here
//! the order of the lake's commits stands for that time: it is the same order, without two objects of one instant.
//! Source: <https://docs.aws.amazon.com/glue/latest/dg/monitor-continuations.html>.

use super::config::Bookmark;
use crate::lake::ObjectMeta;

/// What the job remembers.
#[derive(Debug, Clone, Default)]
pub(super) struct Bookmarks {
    /// The number of each run that succeeded, and the last commit that it saw.
    saved: Vec<(u64, u64)>,
}

/// Runs that are remembered, to rewind to.
const RUNS: usize = 1000;

impl Bookmarks {
    /// The last commit that is known already; 0 when everything is new.
    pub(super) fn seen(&self, mode: Bookmark) -> u64 {
        match mode {
            Bookmark::Disable => 0,
            Bookmark::Enable | Bookmark::Pause => self.saved.last().map_or(0, |(_, seen)| *seen),
        }
    }
    /// True when a run that knows `seen` reads this object.
    pub(super) const fn is_new(object: &ObjectMeta, seen: u64) -> bool {
        object.version > seen
    }
    /// A run succeeded that had listed the objects up to commit `listed`.
    pub(super) fn commit(&mut self, mode: Bookmark, run: u64, listed: u64) {
        if mode == Bookmark::Enable {
            self.saved.push((run, listed));
            let excess = self.saved.len().saturating_sub(RUNS);
            self.saved.drain(..excess);
        }
    }
    /// Everything is new again. What was written stays, so that it may be written twice.
    pub(super) fn reset(&mut self) {
        self.saved.clear();
    }
    /// The state as it was after that run.
    pub(super) fn rewind(&mut self, run: u64) -> Result<(), String> {
        let place = self.saved.iter().position(|(r, _)| *r == run);
        let place = place.ok_or_else(|| {
            let known: Vec<String> = self
                .saved
                .iter()
                .rev()
                .take(10)
                .map(|(r, _)| r.to_string())
                .collect();
            format!(
                "EntityNotFoundException: run {run} saved no bookmark; the last that did are {}",
                known.join(", ")
            )
        })?;
        self.saved.truncate(place + 1);
        Ok(())
    }
}
