//! The running stream: intake, transform, buffers by lane, delivery.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::buffer::{Buffer, Came};
use super::config::Config;
use super::convert::{Target, convert};
use super::delivery::{BACKUP, Delivery, TIMER_READY, TIMER_RETRY};
use super::errors::{self, Failure};
use super::intake::{Intake, TIMER_POLL};
use super::partition::Keys;
use super::transform::{self, Answer, Transform};
use super::{CONVERSION_GB, JQ_HOUR, PARTITIONING_GB, PARTITIONING_OBJECT, prefix};
use crate::data::Batch;
use crate::node::{
    Admit, Ask, BuildCx, CallId, Cx, Gauges, Node, NodeResult, Notice, Outcome, Payload,
    ReplyStatus, Retuned, Tag, WireId,
};
use crate::units::{MIB, SimDuration, SimTime};

const TIMER_INTERVAL: u32 = 6;
const TIMER_FRESHNESS: u32 = 7;
/// CloudWatch gets the age of the oldest record at least this often.
const FRESHNESS_STEP: SimDuration = SimDuration::secs(60);
/// The lane of records that are put directly.
const DIRECT: u32 = u32::MAX;
/// Error output in the buffer's place: lanes of their own, above those of shards.
const PARTITIONS_EXCEEDED: &str = "active-partitions-exceeded";
/// The lane of partitions: their buffers hold records of all shards.
const PARTITIONED: u32 = u32::MAX - 1;
const PROCESSING_FAILED: &str = "processing-failed";
const CONVERSION_FAILED: &str = "format-conversion-failed";

/// A buffer and the number of buffers that its lane had before, so that a timer of an earlier one is known as stale.
#[derive(Debug)]
struct Slot {
    buffer: Buffer,
    generation: u64,
    opened: SimTime,
}

/// Which buffer: lane, error type, partition.
type Place = (u32, &'static str, String);

/// A running delivery stream.
#[derive(Debug)]
pub struct Model {
    config: Config,
    intake: Intake,
    transform: Option<Transform>,
    max_calls: usize,
    max_tries: u64,
    /// By lane, by error type (the empty one is good records), and by partition.
    buffers: BTreeMap<Place, Slot>,
    keys: Option<Keys>,
    max_partitions: usize,
    jq_micros: u64,
    target: Target,
    next_buffer: u64,
    delivery: Delivery,
}

impl Model {
    pub(super) fn new(config: Config, cx: &BuildCx) -> Result<Self, String> {
        let give_up = SimDuration::secs(cx.quota("firehose.s3_retry_h")? * 3600);
        Ok(Self {
            intake: Intake::new(cx)?,
            transform: None,
            max_calls: usize::try_from(cx.quota("firehose.lambda_outstanding_invocations_max")?)
                .unwrap_or(5),
            max_tries: cx.quota("firehose.lambda_retries")?,
            buffers: BTreeMap::new(),
            keys: config.keys()?,
            max_partitions: usize::try_from(cx.quota("firehose.active_partitions_max")?)
                .unwrap_or(500),
            jq_micros: cx.quota("firehose.jq_micros_per_record")?,
            target: Target::default(),
            next_buffer: 0,
            delivery: Delivery::new(
                cx.latency("firehose.delivery_overhead")?,
                cx.latency("s3.put_object")?,
                give_up,
            ),
            config,
        })
    }
    pub(super) fn retune(&mut self, config: Config, cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        let keys = config.keys()?;
        let files = |c: &Config| {
            let form = (c.format, c.compression, c.append_delimiter_to_record);
            (
                form,
                c.dynamic_partitioning,
                c.partition_keys.clone(),
                c.table_name.clone(),
            )
        };
        if files(&self.config) != files(&config) {
            // A file has one form from its beginning to its end.
            self.flush_all(cx)?;
        }
        (self.config, self.keys) = (config, keys);
        // Buffers that are open keep to the new hints: some may be due at once.
        for slot in self.buffers.values() {
            let due = slot.opened + self.config.interval();
            cx.at(due, Tag::new(TIMER_INTERVAL, slot.generation));
        }
        if let Some(transform) = &self.transform {
            transform.retuned(&self.config, cx);
        }
        let full = |s: &Slot| s.buffer.bytes >= self.config.size();
        let full: Vec<_> = self
            .buffers
            .iter()
            .filter(|(_, s)| full(s))
            .map(|(k, _)| k.clone())
            .collect();
        full.into_iter().try_for_each(|at| self.flush(&at, cx))?;
        Ok(Retuned::Live)
    }
    /// Records from outside, at the beginning of their way.
    fn take(&mut self, lane: u32, batches: Vec<Batch>, cx: &mut Cx<'_>) -> NodeResult {
        let now = cx.now();
        for batch in batches.into_iter().filter(|b| !b.is_empty()) {
            if self.delivery.backup.is_some() {
                cx.copied(batch.records());
                self.store((lane, BACKUP, String::new()), &Came::At(now), &batch, cx)?;
            }
            match &mut self.transform {
                Some(transform) => transform.add(lane, &batch, &self.config, cx),
                None => self.buffer(lane, &Came::At(now), batch, cx)?,
            }
        }
        Ok(())
    }
    /// Records for the delivery buffer; what cannot be converted goes to the error output.
    fn buffer(&mut self, lane: u32, since: &Came, batch: Batch, cx: &mut Cx<'_>) -> NodeResult {
        if !self.config.converts() {
            return self.partition(lane, since, batch, cx);
        }
        cx.meter(&CONVERSION_GB, self.intake.rounded(&batch));
        let malformed = batch.malformed.clone().filter(|m| m.count_set_bits() > 0);
        let mut good = match malformed {
            None => batch,
            Some(malformed) => {
                let bad = batch.filter(&malformed)?;
                self.fail_conversion(lane, "DataFormatConversion.ParseError", since, &bad, cx)?;
                batch.filter(&!&malformed)?
            }
        };
        if let Some(schema) = self
            .target
            .schema(&self.config.table_name, &cx.world().lake)
        {
            let (fits, misfits) = convert(&good, &schema)?;
            if let Some(bad) = misfits {
                self.fail_conversion(lane, "DataFormatConversion.InvalidValue", since, &bad, cx)?;
            }
            good = fits;
        }
        cx.metric("SucceedConversion.Records", good.records() as f64);
        cx.metric("SucceedConversion.Bytes", good.bytes() as f64);
        let good = Batch {
            malformed: None,
            ..good
        };
        self.partition(lane, since, good, cx)
    }
    fn fail_conversion(
        &mut self,
        lane: u32,
        code: &'static str,
        since: &Came,
        bad: &Batch,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        cx.metric("FailedConversion.Records", bad.records() as f64);
        let failure = Failure {
            kind: CONVERSION_FAILED,
            code,
            attempts: 1,
            function: None,
        };
        self.fail(lane, &failure, since, bad, cx)
    }
    /// Puts records into the buffer of their lane, or of the partition that each belongs to.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handed over: nobody has a use for it afterwards"
    )]
    fn partition(&mut self, lane: u32, since: &Came, batch: Batch, cx: &mut Cx<'_>) -> NodeResult {
        let Some(keys) = &self.keys else {
            return self.store((lane, "", String::new()), since, &batch, cx);
        };
        cx.meter(
            &JQ_HOUR,
            u128::from(batch.records()) * u128::from(self.jq_micros),
        );
        let (parts, missing) = keys.part(&batch.rows);
        let failure = |kind, code| Failure {
            kind,
            code,
            attempts: 1,
            function: None,
        };
        if !missing.is_empty() {
            let bad = batch.take(&missing.into())?;
            let failure = failure(
                PROCESSING_FAILED,
                "DynamicPartitioning.MetadataExtractionFailed",
            );
            self.fail(lane, &failure, since, &bad, cx)?;
        }
        for (part, rows) in parts {
            let place = (PARTITIONED, "", part);
            let records = batch.take(&rows.into())?;
            if !self.buffers.contains_key(&place) {
                let active = self.buffers.keys().filter(|p| p.0 == PARTITIONED).count();
                if active >= self.max_partitions {
                    cx.metric("PartitionCountExceeded", records.records() as f64);
                    cx.incident("partitions", records.records(), || {
                        "has as many active partitions as there may be; other records go to the error output".to_owned()
                    });
                    let failure = failure(
                        PARTITIONS_EXCEEDED,
                        "DynamicPartitioning.ActivePartitionsLimitExceeded",
                    );
                    self.fail(lane, &failure, since, &records, cx)?;
                    continue;
                }
                cx.metric("PartitionCount", (active + 1) as f64);
            }
            self.store(place, since, &records, cx)?;
        }
        Ok(())
    }
    /// Puts records into the buffer of their lane; a file is closed whenever it has the size of the hint.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handed over: nobody has a use for it afterwards"
    )]
    fn store(&mut self, place: Place, since: &Came, batch: &Batch, cx: &mut Cx<'_>) -> NodeResult {
        let mut offset = 0;
        while offset < batch.len() {
            if self
                .buffers
                .get(&place)
                .is_some_and(|s| !s.buffer.fits(batch))
            {
                self.flush(&place, cx)?;
            }
            let size = self.config.size();
            let slot = match self.buffers.entry(place.clone()) {
                Entry::Occupied(slot) => slot.into_mut(),
                Entry::Vacant(vacant) => {
                    let buffer = Buffer::open(&self.config.of(place.1), batch, cx)?;
                    let generation = self.next_buffer;
                    self.next_buffer += 1;
                    cx.after(self.config.interval(), Tag::new(TIMER_INTERVAL, generation));
                    vacant.insert(Slot {
                        buffer,
                        generation,
                        opened: cx.now(),
                    })
                }
            };
            let rows = batch.rows_within(offset, size.saturating_sub(slot.buffer.bytes));
            slot.buffer.add(since, batch.slice(offset, rows), cx)?;
            offset += rows;
            if slot.buffer.bytes >= size {
                self.flush(&place, cx)?;
            }
        }
        Ok(())
    }
    fn flush(&mut self, place: &Place, cx: &mut Cx<'_>) -> NodeResult {
        let Some(slot) = self.buffers.remove(place) else {
            return Ok(());
        };
        let (kind, part) = (place.1, place.2.as_str());
        let lake = cx.world().lake.clone();
        let closed = slot.buffer.close(&lake, cx)?;
        let template = match kind {
            "" => prefix::good(&self.config.prefix),
            BACKUP => prefix::good(&self.config.backup_prefix),
            _ => prefix::errors(&self.config.prefix, &self.config.error_output_prefix),
        };
        let keys = match &self.keys {
            Some(keys) if place.0 == PARTITIONED => {
                cx.meter(&PARTITIONING_GB, u128::from(closed.bytes));
                cx.meter(&PARTITIONING_OBJECT, 1);
                keys.values(part)
            }
            _ => Vec::new(),
        };
        self.delivery.add(closed, &template, kind, &keys, cx)
    }
    fn flush_all(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let places: Vec<Place> = self.buffers.keys().cloned().collect();
        places.iter().try_for_each(|place| self.flush(place, cx))
    }
    /// Records that could not be processed go to the error output, as objects that hold them.
    fn fail(
        &mut self,
        lane: u32,
        failure: &Failure,
        since: &Came,
        bad: &Batch,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let now = cx.now_epoch_ms();
        let waited = i64::try_from(cx.now().since(since.oldest()).0 / 1_000_000).unwrap_or(0);
        let rows = errors::rows(failure, bad, now - waited, now)?;
        self.store((lane, failure.kind, String::new()), since, &rows, cx)
    }
    fn answer(&mut self, answer: Answer, cx: &mut Cx<'_>) -> NodeResult {
        match answer {
            Answer::Done {
                lane,
                since,
                batches,
                failed,
                attempts,
            } => {
                let failure = self.failure("Lambda.ProcessingFailedStatus", attempts, cx);
                for bad in failed.iter().filter(|b| !b.is_empty()) {
                    cx.incident("processing-failed", bad.records(), || {
                        "the transform gave records back as ProcessingFailed; they go to the error output".to_owned()
                    });
                    self.fail(lane, &failure, &since, bad, cx)?;
                }
                for (came, batch) in batches.into_iter().filter(|(_, b)| !b.is_empty()) {
                    cx.metric("SucceedProcessing.Records", batch.records() as f64);
                    cx.metric("SucceedProcessing.Bytes", batch.bytes() as f64);
                    self.buffer(lane, &came, batch, cx)?;
                }
                Ok(())
            }
            Answer::Failed {
                lane,
                parts,
                status,
                attempts,
            } => {
                let code = if status == ReplyStatus::TooManyRequests {
                    "Lambda.InvokeLimitExceeded"
                } else {
                    "Lambda.FunctionError"
                };
                cx.incident("processing-failed", parts.len() as u64, || {
                    format!("the transform failed with {code}; its records go to the error output")
                });
                let failure = self.failure(code, attempts, cx);
                parts.iter().try_for_each(|(at, batch)| {
                    self.fail(lane, &failure, &Came::At(*at), batch, cx)
                })
            }
            Answer::Retrying => Ok(()),
        }
    }
    /// A failure of the transform.
    fn failure(&self, code: &'static str, attempts: u64, cx: &Cx<'_>) -> Failure {
        let function = self.transform.as_ref().map(|t| t.wire);
        Failure {
            kind: PROCESSING_FAILED,
            code,
            attempts,
            function: function
                .and_then(|wire| cx.outs("transform").find(|w| w.id == wire))
                .map(|w| w.peer.clone()),
        }
    }
    fn oldest(&self) -> Option<SimTime> {
        let buffered = self
            .buffers
            .iter()
            .filter(|(place, _)| place.1 != BACKUP)
            .flat_map(|(_, s)| s.buffer.stays.first())
            .map(|s| s.since.oldest())
            .min();
        let inside = [
            buffered,
            self.delivery.oldest(),
            self.transform.as_ref().and_then(Transform::oldest),
        ];
        inside.into_iter().flatten().min()
    }
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.delivery.wire = cx.outs("out").next().map(|w| w.id);
        self.delivery.backup = cx.outs("backup").next().map(|w| w.id);
        let function = cx.outs("transform").next().map(|w| w.id);
        self.transform = function.map(|wire| Transform::new(wire, self.max_calls, self.max_tries));
        cx.after(FRESHNESS_STEP, Tag::new(TIMER_FRESHNESS, 0));
        Ok(())
    }
    fn receive(&mut self, wire: WireId, payload: Payload, cx: &mut Cx<'_>) -> NodeResult<Admit> {
        match payload {
            Payload::Notice(Notice::Lanes(lanes)) => self.intake.open(wire, &lanes, cx),
            Payload::Delivery(delivery) => {
                let batches: Vec<Batch> = delivery.batches.into_iter().map(|(_, b)| b).collect();
                let (lane, behind) = (delivery.lane, delivery.behind);
                self.intake.delivered(wire, lane, behind, &batches, cx);
                self.take(self.intake.lane(wire, lane), batches, cx)?;
            }
            Payload::Notice(Notice::Catalog(database)) => self.target.database = Some(database),
            Payload::Throttled { lane, .. } => self.intake.throttled(wire, lane, cx),
            Payload::Records(batch) => {
                let full = self.transform.as_ref().is_some_and(|t| t.is_full(DIRECT));
                let (taken, admit) = self.intake.put(batch, full, cx)?;
                self.take(DIRECT, taken.into_iter().collect(), cx)?;
                return Ok(admit);
            }
            Payload::Invoke { .. } | Payload::Messages { .. } | Payload::Object(_) => {
                return Ok(Admit::Refused {
                    payload,
                    error: "InvalidArgumentException",
                });
            }
            Payload::Rows(_) | Payload::Notice(_) => {}
        }
        Ok(Admit::All)
    }
    fn settled(
        &mut self,
        wire: WireId,
        call: CallId,
        outcome: Outcome,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        if self.delivery.goes_to(wire) {
            self.delivery.settled(call, outcome, cx);
        } else if let (Outcome::Refused { .. }, Some(transform)) = (outcome, &mut self.transform) {
            let answer = transform.refused(call, cx);
            return self.answer(answer, cx);
        }
        Ok(())
    }
    fn asked(&mut self, _wire: WireId, ask: Ask, cx: &mut Cx<'_>) -> NodeResult {
        if let (
            Ask::Reply {
                call,
                status,
                batches,
                failed,
            },
            Some(transform),
        ) = (ask, &mut self.transform)
        {
            let answer = transform.answered(call, status, batches, failed, cx);
            return self.answer(answer, cx);
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match (tag.kind, &mut self.transform) {
            (TIMER_POLL, transform) => {
                let transform = transform.as_ref();
                let full = |lane| transform.is_some_and(|t| t.is_full(lane));
                self.intake.poll_due(tag, full, cx);
            }
            (TIMER_READY, _) => return self.delivery.ready(tag, cx),
            (TIMER_RETRY, _) => self.delivery.retry_due(tag, cx),
            (TIMER_INTERVAL, _) => {
                let interval = self.config.interval();
                let due =
                    |s: &Slot| s.generation == tag.index && cx.now().since(s.opened) >= interval;
                let slot = self.buffers.iter().find(|(_, s)| due(s));
                if let Some(place) = slot.map(|(k, _)| k.clone()) {
                    return self.flush(&place, cx);
                }
            }
            (TIMER_FRESHNESS, _) => {
                let age = self
                    .oldest()
                    .map_or(SimDuration::ZERO, |at| cx.now().since(at));
                cx.metric("DeliveryToS3.DataFreshness", age.as_secs_f64());
                cx.after(FRESHNESS_STEP, tag);
            }
            (transform::TIMER_FLUSH, Some(t)) => t.flush_due(tag, &self.config, cx),
            (transform::TIMER_RETRY, Some(t)) => t.retry_due(tag, cx),
            _ => {}
        }
        Ok(())
    }
    fn held(&self) -> u64 {
        let buffered: u64 = self.buffers.values().map(|s| s.buffer.records).sum();
        buffered + self.delivery.held() + self.transform.as_ref().map_or(0, Transform::held)
    }
    fn sample(&self, now: SimTime, out: &mut Gauges) {
        out.limit("direct put quotas", self.intake.utilisation(now));
        let fullest = self
            .buffers
            .values()
            .map(|s| s.buffer.bytes)
            .max()
            .unwrap_or(0);
        out.values
            .push(("fullest buffer", fullest as f64 / MIB as f64, "MiB"));
        out.values.push((
            "files refused by S3 and tried again",
            self.delivery.backlog() as f64,
            "files",
        ));
    }
}
