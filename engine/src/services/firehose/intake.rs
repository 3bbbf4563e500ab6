//! Getting records: polling the shards of a stream as one of its readers, or taking what is put directly within the quotas.

use std::collections::BTreeSet;

use super::{DIRECT_PUT_GB, STREAM_GB};
use crate::data::Batch;
use crate::node::{
    Admit, Ask, BuildCx, Cx, FaultKind, NodeResult, Payload, Tag, TokenBucket, WireId,
};
use crate::units::SimDuration;

/// The AWS name of a refused direct put.
const UNAVAILABLE: &str = "ServiceUnavailableException";
pub(super) const TIMER_POLL: u32 = 1;
/// Firehose calls GetRecords once a second for each shard.
/// Source: docs.aws.amazon.com/firehose, "Writing to Firehose using Kinesis Data Streams", read 2026-11-20.
const POLL_INTERVAL: SimDuration = SimDuration::secs(1);

#[derive(Debug)]
pub(super) struct Intake {
    records: TokenBucket,
    requests: TokenBucket,
    bytes: TokenBucket,
    record_max: u64,
    rounding: u64,
    /// Wire and lane of each poll timer, by the timer's index.
    polls: Vec<(WireId, u32)>,
    known: BTreeSet<(WireId, u32)>,
}

impl Intake {
    pub(super) fn new(cx: &BuildCx) -> Result<Self, String> {
        let q = |key: &str| cx.quota(&format!("firehose.{key}"));
        Ok(Self {
            records: TokenBucket::new(q("direct_put_records_per_second")?),
            requests: TokenBucket::new(q("direct_put_requests_per_second")?),
            bytes: TokenBucket::new(q("direct_put_bytes_per_second")?),
            record_max: q("record_max_bytes")?,
            rounding: q("record_rounding_bytes")?.max(1),
            polls: Vec::new(),
            known: BTreeSet::new(),
        })
    }
    /// Billed bytes: each record rounded up.
    pub(super) fn rounded(&self, batch: &Batch) -> u128 {
        let rows: u64 = batch
            .sizes
            .iter()
            .map(|n| u64::from(*n).div_ceil(self.rounding).max(1) * self.rounding)
            .sum();
        u128::from(rows) * u128::from(batch.weight)
    }
    pub(super) fn open(&mut self, wire: WireId, lanes: &[u32], cx: &mut Cx<'_>) {
        for lane in lanes {
            if self.known.insert((wire, *lane)) {
                self.polls.push((wire, *lane));
                poll(wire, *lane, cx);
            }
        }
    }
    pub(super) fn poll_due(&self, tag: Tag, cx: &mut Cx<'_>) {
        let index = usize::try_from(tag.index).unwrap_or(usize::MAX);
        if let Some((wire, lane)) = self.polls.get(index) {
            poll(*wire, *lane, cx);
        }
    }
    fn index(&self, wire: WireId, lane: u32) -> u64 {
        self.polls
            .iter()
            .position(|p| *p == (wire, lane))
            .unwrap_or(0) as u64
    }
    /// The stream refused a call.
    pub(super) fn throttled(&self, wire: WireId, lane: u32, cx: &mut Cx<'_>) {
        cx.metric("ThrottledGetRecords", 1.0);
        cx.after(POLL_INTERVAL, Tag::new(TIMER_POLL, self.index(wire, lane)));
    }
    /// What a call brought: metered, and the next call arranged. `paused` waits for room inside.
    pub(super) fn delivered(
        &self,
        wire: WireId,
        lane: u32,
        behind: SimDuration,
        batches: &[Batch],
        cx: &mut Cx<'_>,
    ) {
        let records: u64 = batches.iter().map(Batch::records).sum();
        if records > 0 {
            let bytes: u64 = batches.iter().map(Batch::bytes).sum();
            cx.metric("DataReadFromKinesisStream.Records", records as f64);
            cx.metric("DataReadFromKinesisStream.Bytes", bytes as f64);
            cx.meter(&STREAM_GB, batches.iter().map(|b| self.rounded(b)).sum());
        }
        cx.metric("KinesisMillisBehindLatest", behind.as_millis_f64());
        // A reader that is behind catches up with the calls that the shard allows, not at the leisurely pace.
        let wait = if behind > SimDuration::ZERO {
            SimDuration::millis(250)
        } else {
            POLL_INTERVAL
        };
        cx.after(wait, Tag::new(TIMER_POLL, self.index(wire, lane)));
    }
    /// A PutRecordBatch call: what fits the quotas is taken.
    pub(super) fn put(
        &mut self,
        batch: Batch,
        cx: &mut Cx<'_>,
    ) -> NodeResult<(Option<Batch>, Admit)> {
        let now = cx.now();
        let too_long = |b: &Batch| b.sizes.iter().any(|n| u64::from(*n) > self.record_max);
        if too_long(&batch) {
            let payload = Payload::Records(batch);
            return Ok((
                None,
                Admit::Refused {
                    payload,
                    error: "InvalidArgumentException",
                },
            ));
        }
        let fits = self.requests.available(now) >= 1
            && self.records.available(now) >= batch.records()
            && self.bytes.available(now) >= batch.bytes();
        if cx.strikes(FaultKind::Throttle) || !fits {
            cx.metric("ThrottledRecords", batch.records() as f64);
            cx.throttled(UNAVAILABLE, batch.records());
            return Ok((
                None,
                Admit::Refused {
                    payload: Payload::Records(batch),
                    error: UNAVAILABLE,
                },
            ));
        }
        self.requests.overdraw(now, 1);
        self.records.overdraw(now, batch.records());
        self.bytes.overdraw(now, batch.bytes());
        cx.metric("IncomingRecords", batch.records() as f64);
        cx.metric("IncomingBytes", batch.bytes() as f64);
        cx.meter(&DIRECT_PUT_GB, self.rounded(&batch));
        Ok((Some(batch), Admit::All))
    }
    /// Use of the nearest direct put quota.
    pub(super) fn utilisation(&self, now: crate::units::SimTime) -> f64 {
        let used = |bucket: &TokenBucket| {
            1.0 - bucket.clone().available(now) as f64 / bucket.rate().max(1) as f64
        };
        used(&self.records)
            .max(used(&self.bytes))
            .max(used(&self.requests))
    }
}

fn poll(wire: WireId, lane: u32, cx: &mut Cx<'_>) {
    let ask = Ask::Poll {
        lane,
        max_records: 10_000,
        max_bytes: u64::MAX,
    };
    cx.ask(wire, ask, SimDuration::ZERO);
}
