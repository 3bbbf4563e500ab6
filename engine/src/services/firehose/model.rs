//! The running stream: intake, transform, buffers by lane, delivery.

use std::collections::BTreeMap;

use arrow::buffer::BooleanBuffer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::CONVERSION_GB;
use super::buffer::Buffer;
use super::config::{Config, OutputFormat};
use super::delivery::{Delivery, TIMER_READY, TIMER_RETRY};
use super::intake::{Intake, TIMER_POLL};
use super::transform::{self, Answer, Transform};
use crate::data::{Batch, encode_json_lines};
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
const PROCESSING_FAILED: &str = "processing-failed";
const CONVERSION_FAILED: &str = "format-conversion-failed";

/// A buffer and the number of buffers that its lane had before, so that a timer of an earlier one is known as stale.
#[derive(Debug)]
struct Slot {
    buffer: Buffer,
    generation: u64,
}

/// A running delivery stream.
#[derive(Debug)]
pub struct Model {
    config: Config,
    intake: Intake,
    transform: Option<Transform>,
    max_calls: usize,
    max_tries: u64,
    /// By lane and by error type; the empty one is good records.
    buffers: BTreeMap<(u32, &'static str), Slot>,
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
        let files = |c: &Config| (c.format, c.compression, c.append_delimiter_to_record);
        if files(&self.config) != files(&config) {
            // A file has one form from its beginning to its end.
            self.flush_all(cx)?;
        }
        self.config = config;
        Ok(Retuned::Live)
    }
    /// Records from outside, at the beginning of their way.
    fn take(&mut self, lane: u32, batches: Vec<Batch>, cx: &mut Cx<'_>) -> NodeResult {
        let now = cx.now();
        for batch in batches.into_iter().filter(|b| !b.is_empty()) {
            match &mut self.transform {
                Some(transform) => transform.add(lane, batch, &self.config, cx),
                None => self.buffer(lane, now, batch, cx)?,
            }
        }
        Ok(())
    }
    /// Records for the delivery buffer; what cannot be converted goes to the error output.
    fn buffer(&mut self, lane: u32, since: SimTime, batch: Batch, cx: &mut Cx<'_>) -> NodeResult {
        if self.config.format != OutputFormat::Parquet {
            return self.store(lane, "", since, batch, cx);
        }
        cx.meter(&CONVERSION_GB, self.intake.rounded(&batch));
        let Some(malformed) = batch.malformed.clone().filter(|m| m.count_set_bits() > 0) else {
            cx.metric("SucceedConversion.Records", batch.records() as f64);
            cx.metric("SucceedConversion.Bytes", batch.bytes() as f64);
            return self.store(
                lane,
                "",
                since,
                Batch {
                    malformed: None,
                    ..batch
                },
                cx,
            );
        };
        let bad = batch.filter(&malformed)?;
        let good: BooleanBuffer = malformed.iter().map(|bit| !bit).collect();
        let good = Batch {
            malformed: None,
            ..batch.filter(&good)?
        };
        cx.metric("FailedConversion.Records", bad.records() as f64);
        cx.metric("SucceedConversion.Records", good.records() as f64);
        cx.metric("SucceedConversion.Bytes", good.bytes() as f64);
        self.fail(
            lane,
            CONVERSION_FAILED,
            "DataFormatConversion.ParseError",
            since,
            &bad,
            cx,
        )?;
        if good.is_empty() {
            Ok(())
        } else {
            self.store(lane, "", since, good, cx)
        }
    }
    fn store(
        &mut self,
        lane: u32,
        kind: &'static str,
        since: SimTime,
        batch: Batch,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        if self
            .buffers
            .get(&(lane, kind))
            .is_some_and(|s| !s.buffer.fits(&batch))
        {
            self.flush(lane, kind, cx)?;
        }
        if !self.buffers.contains_key(&(lane, kind)) {
            let plain;
            let config = if kind.is_empty() {
                &self.config
            } else {
                plain = Config {
                    format: OutputFormat::Json,
                    append_delimiter_to_record: true,
                    ..self.config.clone()
                };
                &plain
            };
            let buffer = Buffer::open(config, &batch, cx)?;
            self.buffers.insert(
                (lane, kind),
                Slot {
                    buffer,
                    generation: self.next_buffer,
                },
            );
            let wait = SimDuration::secs(u64::from(self.config.buffer_interval_seconds));
            cx.after(wait, Tag::new(TIMER_INTERVAL, self.next_buffer));
            self.next_buffer += 1;
        }
        let Some(slot) = self.buffers.get_mut(&(lane, kind)) else {
            return Ok(());
        };
        slot.buffer.add(since, batch, cx)?;
        if slot.buffer.bytes >= u64::from(self.config.buffer_size_mib) * MIB {
            self.flush(lane, kind, cx)?;
        }
        Ok(())
    }
    fn flush(&mut self, lane: u32, kind: &'static str, cx: &mut Cx<'_>) -> NodeResult {
        let Some(slot) = self.buffers.remove(&(lane, kind)) else {
            return Ok(());
        };
        let lake = cx.world().lake.clone();
        let closed = slot.buffer.close(&lake, cx)?;
        let errors;
        let template = match (kind.is_empty(), self.config.error_output_prefix.is_empty()) {
            (true, _) => self.config.prefix.as_str(),
            (false, false) => self.config.error_output_prefix.as_str(),
            (false, true) => {
                errors = "!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/";
                errors
            }
        };
        self.delivery.add(closed, template, kind, cx)
    }
    fn flush_all(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let keys: Vec<(u32, &'static str)> = self.buffers.keys().copied().collect();
        keys.into_iter()
            .try_for_each(|(lane, kind)| self.flush(lane, kind, cx))
    }
    /// Records that could not be processed, as the JSON objects that Firehose writes for them.
    fn fail(
        &mut self,
        lane: u32,
        kind: &'static str,
        code: &str,
        since: SimTime,
        bad: &Batch,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        let mut text = encode_json_lines(&bad.rows)?;
        if let Some(malformed) = &bad.malformed {
            super::buffer::spoil(&mut text, malformed);
        }
        let arrived =
            cx.now_epoch_ms() - i64::try_from(cx.now().since(since).0 / 1_000_000).unwrap_or(0);
        let lines = text.split(|b| *b == b'\n').filter(|l| !l.is_empty());
        let raw: Vec<String> = lines.map(|l| STANDARD.encode(l)).collect();
        let rows = error_rows(&raw, arrived, cx.now_epoch_ms(), code)?;
        let sizes = crate::data::json_sizes(&rows);
        let batch = Batch {
            weight: bad.weight,
            ..Batch::new(rows, bad.born.clone(), sizes)
        };
        self.store(lane, kind, since, batch, cx)
    }
    fn answer(&mut self, answer: Answer, cx: &mut Cx<'_>) -> NodeResult {
        match answer {
            Answer::Done {
                lane,
                since,
                batches,
            } => {
                for batch in batches.into_iter().filter(|b| !b.is_empty()) {
                    cx.metric("SucceedProcessing.Records", batch.records() as f64);
                    cx.metric("SucceedProcessing.Bytes", batch.bytes() as f64);
                    self.buffer(lane, since, batch, cx)?;
                }
                Ok(())
            }
            Answer::Failed {
                lane,
                parts,
                status,
            } => {
                let code = if status == ReplyStatus::TooManyRequests {
                    "Lambda.InvokeLimitExceeded"
                } else {
                    "Lambda.FunctionError"
                };
                cx.incident("processing-failed", parts.len() as u64, || {
                    format!("the transform failed with {code}; its records go to the error output")
                });
                parts.iter().try_for_each(|(since, batch)| {
                    self.fail(lane, PROCESSING_FAILED, code, *since, batch, cx)
                })
            }
            Answer::Retrying => Ok(()),
        }
    }
    fn oldest(&self) -> Option<SimTime> {
        let buffered = self
            .buffers
            .values()
            .flat_map(|s| s.buffer.stays.first())
            .map(|s| s.since)
            .min();
        let inside = [
            buffered,
            self.delivery.oldest(),
            self.transform.as_ref().and_then(Transform::oldest),
        ];
        inside.into_iter().flatten().min()
    }
}

/// One row for each record that failed, with the fields that Firehose documents.
fn error_rows(
    raw: &[String],
    arrived: i64,
    now: i64,
    code: &str,
) -> NodeResult<arrow::array::RecordBatch> {
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    let n = raw.len();
    let columns: [(&str, ArrayRef); 6] = [
        (
            "attemptsMade",
            std::sync::Arc::new(Int64Array::from(vec![1; n])),
        ),
        (
            "arrivalTimestamp",
            std::sync::Arc::new(Int64Array::from(vec![arrived; n])),
        ),
        (
            "errorCode",
            std::sync::Arc::new(StringArray::from(vec![code; n])),
        ),
        (
            "errorMessage",
            std::sync::Arc::new(StringArray::from(vec![
                "the record could not be processed";
                n
            ])),
        ),
        (
            "attemptEndingTimestamp",
            std::sync::Arc::new(Int64Array::from(vec![now; n])),
        ),
        (
            "rawData",
            std::sync::Arc::new(StringArray::from_iter_values(raw)),
        ),
    ];
    Ok(arrow::array::RecordBatch::try_from_iter(columns)?)
}

impl Node for Model {
    fn start(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        self.delivery.wire = cx.outs("out").next().map(|w| w.id);
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
                self.intake
                    .delivered(wire, delivery.lane, delivery.behind, &batches, cx);
                self.take(delivery.lane, batches, cx)?;
            }
            Payload::Throttled { lane, .. } => self.intake.throttled(wire, lane, cx),
            Payload::Records(batch) => {
                let (taken, admit) = self.intake.put(batch, cx)?;
                self.take(DIRECT, taken.into_iter().collect(), cx)?;
                return Ok(admit);
            }
            Payload::Invoke { .. } | Payload::Object(_) => {
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
        if self.delivery.wire == Some(wire) {
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
            },
            Some(transform),
        ) = (ask, &mut self.transform)
        {
            let answer = transform.answered(call, status, batches, cx);
            return self.answer(answer, cx);
        }
        Ok(())
    }
    fn timer(&mut self, tag: Tag, cx: &mut Cx<'_>) -> NodeResult {
        match (tag.kind, &mut self.transform) {
            (TIMER_POLL, _) => self.intake.poll_due(tag, cx),
            (TIMER_READY, _) => return self.delivery.ready(tag, cx),
            (TIMER_RETRY, _) => self.delivery.retry_due(tag, cx),
            (TIMER_INTERVAL, _) => {
                let slot = self
                    .buffers
                    .iter()
                    .find(|(_, s)| s.generation == tag.index)
                    .map(|(k, _)| *k);
                if let Some((lane, kind)) = slot {
                    return self.flush(lane, kind, cx);
                }
            }
            (TIMER_FRESHNESS, _) => {
                let age = self
                    .oldest()
                    .map_or(SimDuration::ZERO, |at| cx.now().since(at));
                cx.metric("DeliveryToS3.DataFreshness", age.as_secs_f64());
                cx.after(FRESHNESS_STEP, tag);
            }
            (transform::TIMER_FLUSH, Some(t)) => t.flush_due(tag, cx),
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
