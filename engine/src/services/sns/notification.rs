//! What subscribers get: the notification around a message, and the event of a function.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, StructArray};
use arrow::array::{ListArray, builder::StringBuilder};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};

use crate::data::{Batch, json_sizes, json_texts};
use crate::node::NodeResult;

/// What is the same for all messages of a call.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) topic_arn: String,
    pub(super) subject: String,
    /// As `2026-01-05T00:00:00.000Z`.
    pub(super) timestamp: String,
    /// Numbers the first message.
    pub(super) first: u64,
}

/// The number of a FIFO topic's first message: 20 digits, as AWS writes them.
const SEQUENCE: u64 = 10_000_000_000_000_000_000;

/// The fields of a notification, for each message.
fn fields(batch: &Batch, envelope: &Envelope) -> NodeResult<Vec<(&'static str, ArrayRef)>> {
    let n = batch.len();
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; n])) };
    let mut messages = StringBuilder::new();
    for text in json_texts(batch)? {
        messages.append_value(String::from_utf8_lossy(&text));
    }
    let ids = (0..n as u64).map(|i| {
        let number = envelope.first + i;
        format!("00000000-0000-4000-8000-{number:012x}")
    });
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values(ids));
    let messages: ArrayRef = Arc::new(messages.finish());
    let mut all = vec![
        ("Type", same("Notification")),
        ("MessageId", ids),
        ("TopicArn", same(&envelope.topic_arn)),
    ];
    if !envelope.subject.is_empty() {
        all.push(("Subject", same(&envelope.subject)));
    }
    all.push(("Message", messages));
    all.push(("Timestamp", same(&envelope.timestamp)));
    all.push(("SignatureVersion", same("1")));
    Ok(all)
}

fn like(batch: &Batch, rows: RecordBatch) -> Batch {
    let sizes = json_sizes(&rows);
    Batch {
        weight: batch.weight,
        ..Batch::new(rows, batch.born.clone(), sizes)
    }
}

/// The notification of each message, as queues and streams get it.
pub(super) fn notifications(batch: &Batch, envelope: &Envelope) -> NodeResult<Batch> {
    let rows = RecordBatch::try_from_iter(fields(batch, envelope)?)?;
    Ok(like(batch, rows))
}

/// The same of a FIFO topic: with a sequence number, and with the message's group, which AWS hands over beside the text.
pub(super) fn ordered(
    batch: &Batch,
    envelope: &Envelope,
    groups: Vec<String>,
) -> NodeResult<Batch> {
    let mut all = fields(batch, envelope)?;
    let numbers = (0..batch.len() as u64).map(|i| {
        SEQUENCE
            .saturating_add(envelope.first)
            .saturating_add(i)
            .to_string()
    });
    let numbers: ArrayRef = Arc::new(StringArray::from_iter_values(numbers));
    all.push(("SequenceNumber", numbers));
    all.push(("MessageGroupId", Arc::new(StringArray::from(groups))));
    Ok(like(batch, RecordBatch::try_from_iter(all)?))
}

/// The event of a function for each message.
pub(super) fn events(batch: &Batch, envelope: &Envelope) -> NodeResult<Batch> {
    let n = batch.len();
    let columns = fields(batch, envelope)?;
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; n])) };
    let sns = object(columns)?;
    let record = object(vec![
        ("EventSource", same("aws:sns")),
        ("EventVersion", same("1.0")),
        (
            "EventSubscriptionArn",
            same(&format!("{}:1", envelope.topic_arn)),
        ),
        ("Sns", Arc::new(sns)),
    ])?;
    let item = Arc::new(Field::new(
        "item",
        arrow::array::Array::data_type(&record).clone(),
        true,
    ));
    let lengths = OffsetBuffer::from_lengths(std::iter::repeat_n(1, n));
    let list = ListArray::try_new(item, lengths, Arc::new(record), None)?;
    let rows = RecordBatch::try_from_iter([("Records", Arc::new(list) as ArrayRef)])?;
    Ok(like(batch, rows))
}

fn object(columns: Vec<(&'static str, ArrayRef)>) -> NodeResult<StructArray> {
    let field = |(name, column): &(&'static str, ArrayRef)| -> Field {
        let kind: &DataType = column.data_type();
        Field::new(*name, kind.clone(), true)
    };
    let fields: Fields = columns.iter().map(field).collect();
    let columns = columns.into_iter().map(|(_, c)| c).collect();
    Ok(StructArray::try_new(fields, columns, None)?)
}
