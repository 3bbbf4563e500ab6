//! Events that are sent asynchronously: the function's own queue of them, tries, their age, where they go when they are given up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::config::Config;
use super::handler::Contract;
use crate::data::Batch;
use crate::node::{Cx, Tag};
use crate::units::{SimDuration, SimTime};

pub(super) const TIMER_EVENT: u32 = 9;
/// After an error of the function: a minute, then two.
const ERROR_WAIT: SimDuration = SimDuration::secs(60);
/// After throttling: from a second, doubling, to five minutes.
const THROTTLE_WAIT: SimDuration = SimDuration::secs(1);
const THROTTLE_WAIT_MAX: SimDuration = SimDuration::secs(300);
/// Events that are tried at once when room may have come.
const AT_ONCE: usize = 1000;

/// One event.
#[derive(Debug)]
pub(super) struct EventJob {
    /// Its record; empty for an event that is none.
    pub(super) batch: Batch,
    /// The event itself when it is no record.
    pub(super) notice: Option<Arc<Value>>,
    /// The node that sent it.
    pub(super) source: String,
    pub(super) since: SimTime,
    pub(super) first_run: Option<SimTime>,
    /// Runs that failed.
    pub(super) tries: u32,
    throttles: u32,
}

impl EventJob {
    pub(super) fn new(
        batch: Batch,
        notice: Option<Arc<Value>>,
        source: &str,
        now: SimTime,
    ) -> Self {
        Self {
            batch,
            notice,
            source: source.to_owned(),
            since: now,
            first_run: None,
            tries: 0,
            throttles: 0,
        }
    }
    pub(super) fn contract(&self) -> Contract {
        self.notice
            .as_ref()
            .map_or(Contract::Event, |e| Contract::Notice(Arc::clone(e)))
    }
}

/// The events that wait.
#[derive(Debug, Default)]
pub(super) struct Events {
    ready: VecDeque<EventJob>,
    later: BTreeMap<u64, EventJob>,
    next: u64,
}

/// What becomes of an event whose run failed.
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, taken apart at once"
)]
pub(super) enum Fate {
    /// It waits for another try.
    Waits,
    /// It is given up, and why.
    GivenUp(EventJob, &'static str),
}

impl Events {
    pub(super) fn held(&self) -> u64 {
        let all = self.ready.iter().chain(self.later.values());
        all.map(|j| j.batch.records()).sum()
    }
    pub(super) fn push(&mut self, job: EventJob) {
        self.ready.push_back(job);
    }
    /// Those that may run now; bounded.
    pub(super) fn due(&mut self) -> VecDeque<EventJob> {
        let n = self.ready.len().min(AT_ONCE);
        self.ready.drain(..n).collect()
    }
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }
    fn wait(&mut self, job: EventJob, wait: SimDuration, cx: &mut Cx<'_>) {
        cx.after(wait, Tag::new(TIMER_EVENT, self.next));
        self.later.insert(self.next, job);
        self.next += 1;
    }
    /// A wait has ended.
    pub(super) fn timer(&mut self, tag: Tag) {
        if let Some(job) = self.later.remove(&tag.index) {
            self.ready.push_back(job);
        }
    }
    /// There was no environment.
    pub(super) fn throttled(
        &mut self,
        mut job: EventJob,
        config: &Config,
        cx: &mut Cx<'_>,
    ) -> Fate {
        if Self::too_old(&job, config, cx) {
            return Fate::GivenUp(job, "EventAgeExceeded");
        }
        let wait = SimDuration(THROTTLE_WAIT.0 << job.throttles.min(16));
        job.throttles += 1;
        self.wait(job, wait.min(THROTTLE_WAIT_MAX), cx);
        Fate::Waits
    }
    /// The run failed.
    pub(super) fn failed(&mut self, mut job: EventJob, config: &Config, cx: &mut Cx<'_>) -> Fate {
        job.tries += 1;
        if job.tries > config.maximum_event_retry_attempts {
            return Fate::GivenUp(job, "RetriesExhausted");
        }
        if Self::too_old(&job, config, cx) {
            return Fate::GivenUp(job, "EventAgeExceeded");
        }
        let wait = ERROR_WAIT * u64::from(job.tries);
        self.wait(job, wait, cx);
        Fate::Waits
    }
    fn too_old(job: &EventJob, config: &Config, cx: &Cx<'_>) -> bool {
        let most = SimDuration::secs(u64::from(config.maximum_event_age_seconds));
        cx.now().since(job.since) >= most
    }
}
