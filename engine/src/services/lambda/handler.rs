//! Python handlers: the events that AWS would give them, and what their answers mean for the records.
//!
//! Everything here is a function of the batch, the event's frame and the handler alone. Knows nothing of time or billing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::function::Output;
use crate::code::{Answer, Call, Failed, Program, Slot};
use crate::data::{Batch, JsonShape, json_sizes, json_texts, json_values};
use crate::node::World;
use crate::units::SimTime;

/// Which contract an event follows, with what the event says beside the records.
#[derive(Debug, Clone)]
pub(super) enum Contract {
    /// A batch of one shard of a stream; `first` numbers its records.
    Stream {
        lane: u32,
        first: u64,
        arrived_ms: i64,
    },
    /// A batch that is transformed and answered, record by record.
    Transform,
    /// Messages of a queue: for each run of them when they were sent, how often received, their group, and how many.
    Queue(Vec<Letter>),
    /// Each record is an event.
    Event,
    /// An event that is no record.
    Notice(Arc<Value>),
}

/// A run of messages in a queue's event.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) sent_ms: i64,
    pub(super) receives: u32,
    pub(super) group: Option<Arc<str>>,
    pub(super) rows: usize,
    /// Names the messages: `receipt-row`.
    pub(super) receipt: u64,
}

/// What is the same for all events of a function.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) program: Program,
    pub(super) source: String,
    pub(super) request: String,
    pub(super) now_ms: i64,
    pub(super) timeout_seconds: u32,
    pub(super) reports_items: bool,
}

/// A handler's answer, understood.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) verdict: Result<Verdict, Failed>,
    pub(super) log: String,
    pub(super) slept: Duration,
    pub(super) host: Duration,
}

/// What becomes of the records.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Objects that leave the function, each with the row that it came from, if it came from one.
    objects: Vec<(Option<usize>, Map<String, Value>)>,
    /// Rows that are to be tried again or that the transform gave back as failed.
    failed: Vec<usize>,
    /// Rows that the transform dropped.
    dropped: usize,
    /// The answer was to be records; none are the function's own end.
    answers: bool,
    /// Something that people should know.
    pub(super) remark: Option<String>,
}

/// Runs the handler over `batch`. Called on the pool.
pub(super) fn run(
    world: &World,
    slot: &Slot,
    frame: &Frame,
    contract: &Contract,
    batch: &Batch,
) -> Result<Returned, String> {
    let event = event(frame, contract, batch)?;
    let call = Call {
        event,
        request: frame.request.clone(),
        now_ms: frame.now_ms,
        timeout_seconds: frame.timeout_seconds,
    };
    let Answer {
        result,
        sent,
        log,
        slept,
        host,
    } = slot.call(&world.code, &frame.program, &call)?;
    let verdict = result.and_then(|value| match contract {
        Contract::Transform => Ok(transformed(&value, frame, batch.len())),
        _ => consumed(&value, &sent, frame, contract, batch.len()),
    });
    Ok(Returned {
        verdict,
        log,
        slept,
        host,
    })
}

fn arn(frame: &Frame, service: &str, resource: &str) -> String {
    let (region, name) = (&frame.program.region, &frame.source);
    format!("arn:aws:{service}:{region}:123456789012:{resource}{name}")
}
/// The name of row `i` of a transform's event.
fn record_id(frame: &Frame, i: usize) -> String {
    format!("{}-{i:08}", frame.request)
}
fn sequence_number(first: u64, i: usize) -> String {
    format!("{:056}", first + i as u64)
}
fn message_id(letter: &Letter, i: usize) -> String {
    format!("00000000-0000-4000-8000-{:012x}", letter.receipt).replacen(
        "00000000",
        &format!("{i:08x}"),
        1,
    )
}

fn event(frame: &Frame, contract: &Contract, batch: &Batch) -> Result<Value, String> {
    let texts = || json_texts(batch).map_err(|e| e.to_string());
    Ok(match contract {
        Contract::Notice(event) => (**event).clone(),
        Contract::Event => {
            let mut values = json_values(batch).map_err(|e| e.to_string())?;
            values.pop().unwrap_or(Value::Null)
        }
        Contract::Transform => {
            let records = texts()?.into_iter().enumerate().map(|(i, text)| {
                json!({
                    "recordId": record_id(frame, i),
                    "approximateArrivalTimestamp": frame.now_ms,
                    "data": STANDARD.encode(text),
                })
            });
            json!({
                "invocationId": frame.request,
                "deliveryStreamArn": arn(frame, "firehose", "deliverystream/"),
                "region": frame.program.region,
                "records": records.collect::<Vec<_>>(),
            })
        }
        Contract::Stream {
            lane,
            first,
            arrived_ms,
        } => {
            let records = texts()?.into_iter().enumerate().map(|(i, text)| {
                let number = sequence_number(*first, i);
                json!({
                    "kinesis": {
                        "kinesisSchemaVersion": "1.0",
                        "partitionKey": "",
                        "sequenceNumber": number,
                        "data": STANDARD.encode(text),
                        "approximateArrivalTimestamp": *arrived_ms as f64 / 1e3,
                    },
                    "eventSource": "aws:kinesis",
                    "eventVersion": "1.0",
                    "eventID": format!("shardId-{lane:012}:{number}"),
                    "eventName": "aws:kinesis:record",
                    "invokeIdentityArn": "arn:aws:iam::123456789012:role/weir",
                    "awsRegion": frame.program.region,
                    "eventSourceARN": arn(frame, "kinesis", "stream/"),
                })
            });
            json!({ "Records": records.collect::<Vec<_>>() })
        }
        Contract::Queue(letters) => {
            let names = letters
                .iter()
                .flat_map(|l| (0..l.rows).map(move |i| (l, i)));
            let records = texts()?.into_iter().zip(names).map(|(text, (letter, i))| {
                let mut attributes = json!({
                    "ApproximateReceiveCount": letter.receives.to_string(),
                    "SentTimestamp": letter.sent_ms.to_string(),
                    "SenderId": "123456789012",
                    "ApproximateFirstReceiveTimestamp": frame.now_ms.to_string(),
                });
                if let Some(group) = &letter.group {
                    attributes["MessageGroupId"] = json!(&**group);
                }
                json!({
                    "messageId": message_id(letter, i),
                    "receiptHandle": format!("{}-{i}", letter.receipt),
                    "body": String::from_utf8_lossy(&text),
                    "attributes": attributes,
                    "messageAttributes": {},
                    "eventSource": "aws:sqs",
                    "eventSourceARN": arn(frame, "sqs", ""),
                    "awsRegion": frame.program.region,
                })
            });
            json!({ "Records": records.collect::<Vec<_>>() })
        }
    })
}

/// The objects in a text: one or more JSON objects after one another; what is none is one object with a field `text`.
fn objects(text: &[u8]) -> Vec<Map<String, Value>> {
    let read: Result<Vec<Map<String, Value>>, _> = serde_json::Deserializer::from_slice(text)
        .into_iter()
        .collect();
    match read {
        Ok(objects) if !objects.is_empty() => objects,
        _ => {
            let text = String::from_utf8_lossy(text).into_owned();
            vec![
                [("text".to_owned(), Value::String(text))]
                    .into_iter()
                    .collect(),
            ]
        }
    }
}

/// An answer to a transform: for each record its id, `Ok`, `Dropped` or `ProcessingFailed`, and the data in base64.
fn transformed(value: &Value, frame: &Frame, rows: usize) -> Verdict {
    let mut verdict = Verdict {
        answers: true,
        ..Verdict::default()
    };
    let mut answers: BTreeMap<&str, &Value> = BTreeMap::new();
    let Some(records) = value["records"].as_array() else {
        verdict.remark =
            Some("the handler's answer has no list `records`: every record failed".to_owned());
        verdict.failed = (0..rows).collect();
        return verdict;
    };
    for record in records {
        if let Some(id) = record["recordId"].as_str() {
            answers.entry(id).or_insert(record);
        }
    }
    for row in 0..rows {
        let answer = answers.get(record_id(frame, row).as_str());
        let result = answer.and_then(|a| a["result"].as_str());
        let data = || STANDARD.decode(answer?["data"].as_str()?).ok();
        match result {
            Some("Dropped") => verdict.dropped += 1,
            Some("Ok") => match data() {
                Some(data) => {
                    let read = objects(&data).into_iter();
                    verdict.objects.extend(read.map(|o| (Some(row), o)));
                }
                None => verdict.failed.push(row),
            },
            _ => verdict.failed.push(row),
        }
    }
    let missing = (0..rows).filter(|r| !answers.contains_key(record_id(frame, *r).as_str()));
    let missing = missing.count();
    if missing > 0 {
        verdict.remark = Some(format!(
            "the handler's answer lacks the `recordId` of {missing} of {rows} records: they failed"
        ));
    }
    verdict
}

/// The names of the items of a batch, where the contract has names.
fn item_names(contract: &Contract, rows: usize) -> Vec<String> {
    match contract {
        Contract::Stream { first, .. } => (0..rows).map(|i| sequence_number(*first, i)).collect(),
        Contract::Queue(letters) => letters
            .iter()
            .flat_map(|l| (0..l.rows).map(move |i| message_id(l, i)))
            .collect(),
        _ => Vec::new(),
    }
}

/// An answer to a batch of a stream or queue, or to an event: which items failed, and what was put with a client.
fn consumed(
    value: &Value,
    sent: &[String],
    frame: &Frame,
    contract: &Contract,
    rows: usize,
) -> Result<Verdict, Failed> {
    let all = sent.iter().flat_map(|text| objects(text.as_bytes()));
    let mut verdict = Verdict {
        objects: all.map(|o| (None, o)).collect(),
        ..Verdict::default()
    };
    let items = match &value["batchItemFailures"] {
        Value::Array(items) if frame.reports_items => items,
        _ => return Ok(verdict),
    };
    let names = item_names(contract, rows);
    if names.is_empty() {
        return Ok(verdict);
    }
    let places: BTreeMap<&str, usize> = names
        .iter()
        .enumerate()
        .map(|(row, name)| (name.as_str(), row))
        .collect();
    for item in items {
        let name = item["itemIdentifier"].as_str();
        let Some(row) = name.and_then(|n| places.get(n).copied()) else {
            // AWS takes the whole batch as failed.
            return Err(Failed::new(
                "Unhandled",
                format!("batchItemFailures names no item of the batch: {item}"),
            ));
        };
        verdict.failed.push(row);
    }
    verdict.failed.sort_unstable();
    verdict.failed.dedup();
    if matches!(contract, Contract::Stream { .. })
        && let Some(first) = verdict.failed.first().copied()
    {
        // Everything from the lowest sequence number on is tried again.
        verdict.failed = (first..rows).collect();
    }
    Ok(verdict)
}

impl Verdict {
    /// The records that leave the function, and those that do not.
    pub(super) fn output(
        self,
        batch: &Batch,
        shape: &mut JsonShape,
        now: SimTime,
    ) -> Result<Output, String> {
        let weight = u64::from(batch.weight);
        let done = batch.len() - self.failed.len();
        let oldest = batch.born.iter().copied().min();
        let mut failed = vec![false; batch.len()];
        for row in &self.failed {
            failed[*row] = true;
        }
        let failed_at = (!self.failed.is_empty()).then(|| failed.clone());
        let failed = batch.filter(&failed.iter().copied().collect());
        let failed = failed.map_err(|e| e.to_string())?;
        let mut passed = vec![true; batch.len()];
        self.failed.iter().for_each(|r| passed[*r] = false);
        if self.objects.is_empty() && !self.answers {
            // Nothing was put: the records end here.
            let kept = batch.filter(&passed.iter().copied().collect());
            return Ok(Output {
                ends: true,
                failed,
                failed_at,
                ..Output::of(kept.map_err(|e| e.to_string())?)
            });
        }
        // Records that are put one for one are as old as those they came from.
        let rows: Vec<usize> = (0..batch.len()).filter(|r| passed[*r]).collect();
        let one_for_one = !self.answers && self.objects.len() == rows.len();
        let born = |i: usize, row: Option<usize>| {
            let own = row.or_else(|| one_for_one.then(|| rows[i]));
            own.map_or(oldest.unwrap_or(now.0), |r| batch.born[r])
        };
        let born: Vec<u64> = self
            .objects
            .iter()
            .enumerate()
            .map(|(i, (row, _))| born(i, *row))
            .collect();
        let (out, regrouped) = (self.objects.len(), !self.answers && !one_for_one);
        let rows = shape.rows(self.objects.into_iter().map(|(_, o)| o).collect())?;
        let sizes = json_sizes(&rows);
        let new = Batch {
            weight: batch.weight,
            ..Batch::new(rows, born.into(), sizes)
        };
        let kept = (done - self.dropped) as u64;
        Ok(Output {
            filtered: self.dropped as u64 * weight,
            merged: kept.saturating_sub(out as u64) * weight,
            created: (out as u64).saturating_sub(kept) * weight,
            regrouped,
            failed,
            failed_at,
            ..Output::of(new)
        })
    }
}

/// How the records come whose answer is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerTo {
    /// Firehose's transformation.
    Transform,
    /// A batch of a stream, with `ReportBatchItemFailures`.
    Stream,
    /// Messages of a queue, with `ReportBatchItemFailures`.
    Queue,
}

/// Makes of an answer what a function makes of it, without running one: how many records leave it.
///
/// `answer` gets the names of the records and gives what the handler would return; `sent` are texts that the handler would have put
/// with a client.
///
/// # Errors
/// A sentence: what the invocation would fail with.
///
/// # Panics
/// When records are lost or doubled unseen, which is an error in Weir.
pub fn understand(
    to: AnswerTo,
    batch: &Batch,
    answer: impl FnOnce(&[String]) -> Value,
    sent: &[String],
) -> Result<u64, String> {
    let frame = Frame {
        program: Program {
            code: Arc::from(""),
            handler: String::new(),
            name: String::new(),
            region: String::new(),
            memory_mb: 128,
            seed: 0,
        },
        source: String::new(),
        request: "request".to_owned(),
        now_ms: 0,
        timeout_seconds: 3,
        reports_items: true,
    };
    let contract = match to {
        AnswerTo::Transform => Contract::Transform,
        AnswerTo::Stream => Contract::Stream {
            lane: 0,
            first: 7,
            arrived_ms: 0,
        },
        AnswerTo::Queue => Contract::Queue(vec![Letter {
            sent_ms: 0,
            receives: 1,
            group: None,
            rows: batch.len(),
            receipt: 1,
        }]),
    };
    let names = match to {
        AnswerTo::Transform => (0..batch.len()).map(|i| record_id(&frame, i)).collect(),
        AnswerTo::Stream | AnswerTo::Queue => item_names(&contract, batch.len()),
    };
    let value = answer(&names);
    let verdict = match to {
        AnswerTo::Transform => transformed(&value, &frame, batch.len()),
        _ => consumed(&value, sent, &frame, &contract, batch.len())
            .map_err(|failed| failed.to_string())?,
    };
    let output = verdict.output(batch, &mut JsonShape::default(), SimTime::ZERO)?;
    let (came, left) = (batch.records(), output.batch.records());
    let gone = left + output.failed.records() + output.filtered + output.merged;
    assert_eq!(came + output.created, gone, "records are lost or doubled");
    Ok(left)
}
