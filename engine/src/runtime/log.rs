//! What happened, one sentence each: a ring for the viewer and a file that grows as the run goes.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use serde::Serialize;

use crate::units::SimTime;

/// Events kept for the viewer.
const RING: usize = 4096;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunEvent {
    /// Counts up from 0.
    pub seq: u64,
    /// Virtual seconds since the run began.
    pub at_seconds: f64,
    /// The node.
    pub node: String,
    /// One word: `set`, `fault`, `throttled`, `crawled`, `alarm`, ...
    pub kind: String,
    /// One sentence.
    pub text: String,
}

/// The log of a run.
pub struct EventLog {
    ring: VecDeque<Arc<RunEvent>>,
    next: u64,
    sink: Option<Box<dyn Write + Send>>,
}

impl std::fmt::Debug for EventLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventLog")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl EventLog {
    /// A log that also writes JSON lines to `sink`.
    #[must_use]
    pub fn new(sink: Option<Box<dyn Write + Send>>) -> Self {
        Self {
            ring: VecDeque::new(),
            next: 0,
            sink,
        }
    }
    /// Adds an event.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(
        &mut self,
        at: SimTime,
        node: &str,
        kind: &str,
        text: String,
    ) -> Result<(), String> {
        let event = RunEvent {
            seq: self.next,
            at_seconds: at.as_secs_f64(),
            node: node.to_owned(),
            kind: kind.to_owned(),
            text,
        };
        self.next += 1;
        if let Some(sink) = &mut self.sink {
            let line = serde_json::to_string(&event).map_err(|e| e.to_string())?;
            writeln!(sink, "{line}")
                .map_err(|e| format!("the list of events could not be written: {e}"))?;
        }
        if self.ring.len() == RING {
            self.ring.pop_front();
        }
        self.ring.push_back(Arc::new(event));
        Ok(())
    }
    /// The latest events, oldest first.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &RunEvent> {
        self.ring.iter().map(AsRef::as_ref)
    }
    /// Events from the one numbered `seq` on that are still in the ring, oldest first.
    pub(super) fn since(&self, seq: u64) -> impl Iterator<Item = &Arc<RunEvent>> {
        let new = self.ring.iter().rev().take_while(|e| e.seq >= seq).count();
        self.ring.iter().skip(self.ring.len() - new)
    }
    /// The latest `count` events, oldest first, shared.
    pub(super) fn tail(&self, count: usize) -> Arc<[Arc<RunEvent>]> {
        let skipped = self.ring.len().saturating_sub(count);
        self.ring.iter().skip(skipped).cloned().collect()
    }
    /// How many there were.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.next
    }
    /// Writes out what is buffered.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> Result<(), String> {
        match &mut self.sink {
            Some(sink) => sink
                .flush()
                .map_err(|e| format!("the list of events could not be written: {e}")),
            None => Ok(()),
        }
    }
}
