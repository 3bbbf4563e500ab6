//! Files on their way into the bucket: named, put, retried when S3 refuses, and counted when they are there.

use std::collections::BTreeMap;

use super::buffer::{Closed, Stay};
use super::prefix;
use crate::books::LatencyLaw;
use crate::metrics::Part;
use crate::node::{
    CallId, Cx, FaultKind, NodeResult, ObjectPut, Outcome, Payload, Tag, TraceEnd, WireId,
};
use crate::units::{SimDuration, SimTime};

/// In the place of an error type: files of the records as they came.
pub(super) const BACKUP: &str = "source-backup";

const fn success(backup: bool) -> &'static str {
    if backup {
        "BackupToS3.Success"
    } else {
        "DeliveryToS3.Success"
    }
}

pub(super) const TIMER_READY: u32 = 4;
pub(super) const TIMER_RETRY: u32 = 5;

#[derive(Debug)]
struct Waiting {
    closed: Closed,
    key: String,
    failed: bool,
    backup: bool,
    flushed: SimTime,
}

#[derive(Debug)]
struct Sent {
    stays: Vec<Stay>,
    flushed: SimTime,
    records: u64,
    file_bytes: u64,
    failed: bool,
    backup: bool,
    tries: u32,
}

/// All files of one stream that are not in the bucket so far.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) wire: Option<WireId>,
    /// Where the records as they came go.
    pub(super) backup: Option<WireId>,
    overhead: LatencyLaw,
    put: LatencyLaw,
    give_up: SimDuration,
    waiting: BTreeMap<u64, Waiting>,
    calls: BTreeMap<CallId, Sent>,
    retries: BTreeMap<u64, (ObjectPut, Sent)>,
    next: u64,
}

impl Delivery {
    pub(super) const fn new(overhead: LatencyLaw, put: LatencyLaw, give_up: SimDuration) -> Self {
        Self {
            wire: None,
            backup: None,
            overhead,
            put,
            give_up,
            waiting: BTreeMap::new(),
            calls: BTreeMap::new(),
            retries: BTreeMap::new(),
            next: 0,
        }
    }
    /// True when files go there.
    pub(super) fn goes_to(&self, wire: WireId) -> bool {
        self.wire == Some(wire) || self.backup == Some(wire)
    }
    /// Records in files that are not on the wire.
    pub(super) fn held(&self) -> u64 {
        let waiting: u64 = self.waiting.values().map(|w| w.closed.records).sum();
        waiting + self.retries.values().map(|(_, s)| s.records).sum::<u64>()
    }
    /// When the oldest record in any file came in.
    pub(super) fn oldest(&self) -> Option<SimTime> {
        let waiting = self.waiting.values().flat_map(|w| &w.closed.stays);
        let sent = self
            .calls
            .values()
            .chain(self.retries.values().map(|(_, s)| s))
            .flat_map(|s| &s.stays);
        waiting.chain(sent).map(|s| s.since.oldest()).min()
    }
    /// Files that S3 refused and that are tried again.
    pub(super) fn backlog(&self) -> usize {
        self.retries.len()
    }
    /// A buffer was closed: its file is ready after Firehose's own overhead.
    pub(super) fn add(
        &mut self,
        closed: Closed,
        template: &str,
        error_type: &str,
        keys: &[(&str, &str)],
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let backup = error_type == BACKUP;
        let failed = !error_type.is_empty() && !backup;
        let random = (u128::from(cx.rng().next_u64()) << 64) | u128::from(cx.rng().next_u64());
        let folder =
            prefix::expand_with(template, closed.opened_epoch_ms, error_type, random, keys)?;
        let name = prefix::file_name(cx.id(), closed.opened_epoch_ms, random);
        let key = format!("{folder}{name}{}", closed.extension);
        let ready = cx.draw(&self.overhead);
        cx.after(ready, Tag::new(TIMER_READY, self.next));
        self.waiting.insert(
            self.next,
            Waiting {
                closed,
                key,
                failed,
                backup,
                flushed: cx.now(),
            },
        );
        self.next += 1;
        Ok(())
    }
    /// A file is ready.
    pub(super) fn ready(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        let Some(w) = self.waiting.remove(&tag.index) else {
            return Ok(());
        };
        let Closed {
            file,
            born,
            stays,
            records,
            bytes,
            ..
        } = w.closed;
        let staged = cx.wait(file)?;
        let file_bytes = staged.size();
        let object = ObjectPut {
            key: w.key,
            staged,
            born,
            record_bytes: bytes,
            failed: w.failed,
        };
        let sent = Sent {
            stays,
            flushed: w.flushed,
            records,
            file_bytes,
            failed: w.failed,
            backup: w.backup,
            tries: 0,
        };
        self.send(object, sent, cx);
        Ok(())
    }
    fn send(&mut self, object: ObjectPut, sent: Sent, cx: &mut Cx<'_>) {
        let wire = if sent.backup { self.backup } else { self.wire };
        let Some(wire) = wire else {
            let why = "the stream has no destination";
            cx.dropped(why, sent.records);
            cx.ended(TraceEnd::Dropped(why), |g| object.holds(g.born));
            return;
        };
        if cx.strikes(FaultKind::Errors) {
            cx.metric(success(sent.backup), 0.0);
            cx.errored(1, || {
                "cannot deliver a file; it is put again later".to_owned()
            });
            self.retry(object, sent, cx);
            return;
        }
        let takes = cx.draw(&self.put);
        match cx.send(wire, Payload::Object(object), takes) {
            Ok(call) => {
                self.calls.insert(call, sent);
            }
            Err(Payload::Object(object)) => self.retry(object, sent, cx),
            Err(_) => {}
        }
    }
    fn retry(&mut self, object: ObjectPut, mut sent: Sent, cx: &mut Cx<'_>) {
        if cx.now().since(sent.flushed) >= self.give_up {
            let place = "lost: S3 refused the file for 24 hours";
            cx.failed(place, sent.records);
            cx.ended(TraceEnd::Failed(place), |g| object.holds(g.born));
            cx.event(
                "lost",
                format!(
                    "a file of {} records was given up: S3 refused it for too long",
                    sent.records
                ),
            );
            return;
        }
        sent.tries += 1;
        let ceiling = SimDuration::secs(1 << sent.tries.min(7)).0;
        let wait = SimDuration(ceiling / 2 + cx.rng().below(ceiling / 2));
        self.retries.insert(self.next, (object, sent));
        cx.after(wait, Tag::new(TIMER_RETRY, self.next));
        self.next += 1;
    }
    /// The wait after a refusal ended.
    pub(super) fn retry_due(&mut self, tag: Tag, cx: &mut Cx<'_>) {
        if let Some((object, sent)) = self.retries.remove(&tag.index) {
            self.send(object, sent, cx);
        }
    }
    /// S3 answered.
    pub(super) fn settled(&mut self, call: CallId, outcome: Outcome, cx: &mut Cx<'_>) {
        let Some(sent) = self.calls.remove(&call) else {
            return;
        };
        let now = cx.now();
        let accepted = matches!(outcome, Outcome::Accepted);
        cx.metric(success(sent.backup), f64::from(u8::from(accepted)));
        if let Outcome::Refused {
            payload: Payload::Object(object),
            error,
        } = outcome
        {
            cx.errored(1, || {
                format!("S3 refuses a file with {error}; it is put again later")
            });
            self.retry(object, sent, cx);
            return;
        }
        if sent.backup {
            cx.metric("BackupToS3.Records", sent.records as f64);
            cx.metric("BackupToS3.Bytes", sent.file_bytes as f64);
            return;
        }
        for stay in &sent.stays {
            let buffered = sent.flushed.since(stay.entered);
            for (came, records) in stay.since.shares(stay.records) {
                cx.passed(now.since(came), records);
                // Before the delivery buffer there is only the transform with its own buffer. The parts of a stay follow it.
                cx.spent(Part::Queue, stay.entered.since(came), records);
                cx.spent(Part::Buffer, buffered, records);
                cx.spent(Part::Service, now.since(sent.flushed), records);
            }
        }
        if !sent.failed {
            cx.metric("DeliveryToS3.Records", sent.records as f64);
            cx.metric("DeliveryToS3.Bytes", sent.file_bytes as f64);
            if let Some(oldest) = sent.stays.iter().map(|s| s.since.oldest()).min() {
                cx.metric(
                    "DeliveryToS3.DataFreshness",
                    now.since(oldest).as_secs_f64(),
                );
            }
        }
    }
}
