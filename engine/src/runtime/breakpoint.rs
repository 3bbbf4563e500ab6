//! Events that a run waits at, so that a person can look around.

use std::sync::Arc;

use super::log::{EventLog, RunEvent};

/// The run waits right after such an event, at its instant of virtual time. An empty breakpoint is any event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breakpoint {
    /// Only events of this kind: `alarm`, `throttled`, ...
    pub kind: Option<String>,
    /// Only events of the node with this id.
    pub node: Option<String>,
}

impl Breakpoint {
    /// True when the run waits at this event.
    #[must_use]
    pub fn matches(&self, event: &RunEvent) -> bool {
        self.kind.as_ref().is_none_or(|k| *k == event.kind)
            && self.node.as_ref().is_none_or(|n| *n == event.node)
    }
}

/// A breakpoint and how far the log has been read for it.
#[derive(Debug)]
pub(super) struct Watch {
    breakpoint: Breakpoint,
    seen: u64,
}

impl Watch {
    /// Events that are in the log already are not waited at.
    pub(super) fn new(breakpoint: Breakpoint, log: &EventLog) -> Self {
        let seen = log.total();
        Self { breakpoint, seen }
    }
    /// What was logged so far is not waited at: the person has done it.
    pub(super) const fn skip(&mut self, log: &EventLog) {
        self.seen = log.total();
    }
    /// The first event since the last call that the run waits at.
    pub(super) fn next(&mut self, log: &EventLog) -> Option<Arc<RunEvent>> {
        if log.total() == self.seen {
            return None;
        }
        let seen = std::mem::replace(&mut self.seen, log.total());
        log.since(seen)
            .find(|event| self.breakpoint.matches(event))
            .cloned()
    }
}
