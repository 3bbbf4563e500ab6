//! Getting records: polling the shards of a stream as one of its readers, or taking what is put directly within the quotas.

use std::collections::BTreeSet;

use arrow::buffer::BooleanBuffer;

use super::{DIRECT_PUT_GB, STREAM_GB};
use crate::data::Batch;
use crate::node::{
    Admit, Ask, BuildCx, Cx, FaultKind, NodeResult, Pace, Payload, Tag, TokenBucket, WireId,
};
use crate::units::{SimDuration, SimTime};

/// The AWS name of a refused direct put.
const UNAVAILABLE: &str = "ServiceUnavailableException";
const INTERNAL: &str = "InternalFailure";
const INVALID: &str = "InvalidArgumentException";
pub(super) const TIMER_POLL: u32 = 1;
/// Firehose calls GetRecords once a second for each shard.
/// Source: docs.aws.amazon.com/firehose, "Writing to Firehose using Kinesis Data Streams", read 2026-11-20.
const POLL_INTERVAL: SimDuration = SimDuration::secs(1);
/// A reader that is behind calls about as often as the shard allows, which is five times a second for all its readers.
const CATCH_UP: SimDuration = SimDuration::millis(250);

#[derive(Debug)]
pub(super) struct Intake {
    records: TokenBucket,
    requests: TokenBucket,
    bytes: TokenBucket,
    records_used: Pace,
    requests_used: Pace,
    bytes_used: Pace,
    call_records: u64,
    call_bytes: u64,
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
            records_used: Pace::default(),
            requests_used: Pace::default(),
            bytes_used: Pace::default(),
            call_records: q("put_record_batch_max_records")?.max(1),
            call_bytes: q("put_record_batch_max_bytes")?.max(1),
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
    /// A poll is due; `full` says whether the buffers of a lane have no room, which puts it off.
    pub(super) fn poll_due(&self, tag: Tag, full: impl Fn(u32) -> bool, cx: &mut Cx<'_>) {
        let index = usize::try_from(tag.index).unwrap_or(usize::MAX);
        if let Some((wire, lane)) = self.polls.get(index) {
            if full(self.lane(*wire, *lane)) {
                cx.after(POLL_INTERVAL, tag);
            } else {
                poll(*wire, *lane, cx);
            }
        }
    }
    /// The number of a shard among those of all streams that are read.
    pub(super) fn lane(&self, wire: WireId, lane: u32) -> u32 {
        let place = self.polls.iter().position(|p| *p == (wire, lane));
        place.and_then(|p| u32::try_from(p).ok()).unwrap_or(0)
    }
    fn index(&self, wire: WireId, lane: u32) -> u64 {
        u64::from(self.lane(wire, lane))
    }
    /// The stream refused a call.
    pub(super) fn throttled(&self, wire: WireId, lane: u32, cx: &mut Cx<'_>) {
        cx.metric("ThrottledGetRecords", 1.0);
        cx.after(POLL_INTERVAL, Tag::new(TIMER_POLL, self.index(wire, lane)));
    }
    /// What a call brought: metered, and the next call arranged.
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
        let wait = if behind > SimDuration::ZERO {
            CATCH_UP
        } else {
            POLL_INTERVAL
        };
        cx.after(wait, Tag::new(TIMER_POLL, self.index(wire, lane)));
    }
    /// A PutRecordBatch call: record by record what fits the quotas is taken.
    pub(super) fn put(
        &mut self,
        batch: Batch,
        full: bool,
        cx: &mut Cx<'_>,
    ) -> NodeResult<(Option<Batch>, Admit)> {
        let now = cx.now();
        if cx.strikes(FaultKind::Errors) {
            cx.errored(1, || format!("fails PutRecordBatch with {INTERNAL}"));
            return Ok((None, refused(batch, INTERNAL)));
        }
        // A source that samples, or that fills calls larger than PutRecordBatch allows, stands for several calls.
        let calls = (batch.records().div_ceil(self.call_records))
            .max(batch.bytes().div_ceil(self.call_bytes));
        let room = self.requests.admits(now, calls);
        if !room {
            self.requests_used.refuse(now);
        }
        if full || cx.strikes(FaultKind::Throttle) || !room {
            Self::throttle(batch.records(), cx);
            return Ok((None, refused(batch, UNAVAILABLE)));
        }
        self.requests.overdraw(now, calls);
        self.requests_used.take(now, calls);
        let weight = u64::from(batch.weight);
        let (mut invalid, mut throttled) = (0, 0);
        let fits = |size: &u32| {
            let bytes = u64::from(*size) * weight;
            if u64::from(*size) > self.record_max {
                invalid += weight;
                return false;
            }
            let room = (
                self.records.admits(now, weight),
                self.bytes.admits(now, bytes),
            );
            if room == (true, true) {
                self.records.overdraw(now, weight);
                self.bytes.overdraw(now, bytes);
                self.records_used.take(now, weight);
                self.bytes_used.take(now, bytes);
                return true;
            }
            throttled += weight;
            if !room.0 {
                self.records_used.refuse(now);
            }
            if !room.1 {
                self.bytes_used.refuse(now);
            }
            false
        };
        let taken: BooleanBuffer = batch.sizes.iter().map(fits).collect();
        if throttled > 0 {
            Self::throttle(throttled, cx);
        }
        if invalid > 0 {
            cx.incident("invalid", invalid, || {
                format!("refuses records that are too long with {INVALID}")
            });
        }
        let error = if throttled > 0 { UNAVAILABLE } else { INVALID };
        if throttled + invalid == batch.records() {
            return Ok((None, refused(batch, error)));
        }
        if throttled + invalid == 0 {
            self.meter_put(&batch, cx);
            return Ok((Some(batch), Admit::All));
        }
        let kept = batch.filter(&taken)?;
        let refused = batch.filter(&!&taken)?;
        self.meter_put(&kept, cx);
        Ok((Some(kept), Admit::Partial { refused, error }))
    }
    fn throttle(records: u64, cx: &mut Cx<'_>) {
        cx.metric("ThrottledRecords", records as f64);
        cx.throttled(UNAVAILABLE, records);
    }
    fn meter_put(&self, batch: &Batch, cx: &mut Cx<'_>) {
        cx.metric("IncomingRecords", batch.records() as f64);
        cx.metric("IncomingBytes", batch.bytes() as f64);
        cx.meter(&DIRECT_PUT_GB, self.rounded(batch));
    }
    /// Use of the nearest direct put quota.
    pub(super) fn utilisation(&self, now: SimTime) -> f64 {
        let used = |used: &Pace, limit: &TokenBucket| used.used(now, limit.rate());
        used(&self.records_used, &self.records)
            .max(used(&self.bytes_used, &self.bytes))
            .max(used(&self.requests_used, &self.requests))
    }
}

const fn refused(batch: Batch, error: &'static str) -> Admit {
    Admit::Refused {
        payload: Payload::Records(batch),
        error,
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
