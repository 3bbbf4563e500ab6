//! What nodes say to each other over wires.

use std::sync::Arc;

use arrow::array::RecordBatch;
use serde_json::Value;

use super::ids::CallId;
use crate::data::Batch;
use crate::lake::Staged;
use crate::units::{SimDuration, SimTime};

/// Records read from one lane (shard) of a stream.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The shard's number.
    pub lane: u32,
    /// The records, oldest first, each batch with the instant that the stream took it in; may be empty.
    pub batches: Vec<(SimTime, Batch)>,
    /// How far behind the newest record the reader still is.
    pub behind: SimDuration,
    /// The column by which the stream spreads its records; empty when each has a key of its own.
    pub key: Arc<str>,
    /// The stream sends by itself as long as the reader says what it can take: asking at intervals is of no use.
    pub pushed: bool,
}

/// A whole file on its way into a bucket.
#[derive(Debug)]
pub struct ObjectPut {
    /// Its key in the bucket.
    pub key: String,
    /// Its content, written beside the lake and not yet visible.
    pub staged: Staged,
    /// The birth of each record in it, for latency end to end, with their weights: one entry per run of equal weight.
    pub born: Vec<(u32, Vec<u64>)>,
    /// Bytes on the wire of those records, before encoding.
    pub record_bytes: u64,
    /// Files of this sort hold records that could not be processed.
    pub failed: bool,
}

impl ObjectPut {
    /// True when a record that was born at this instant is in the file.
    #[must_use]
    pub fn holds(&self, born: u64) -> bool {
        self.born.iter().any(|(_, all)| all.contains(&born))
    }
    /// Records in the file, weights included.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.born
            .iter()
            .map(|(w, b)| u64::from(*w) * b.len() as u64)
            .sum()
    }
}

/// Rows for people to read.
#[derive(Debug, Clone)]
pub struct Table {
    /// What was asked.
    pub title: String,
    /// The rows; few.
    pub rows: Vec<RecordBatch>,
    /// When they became true.
    pub at: SimTime,
}

/// Messages of a queue that were sent together, have been received as often and are of one group.
#[derive(Debug, Clone)]
pub struct Messages {
    /// The messages, oldest first.
    pub batch: Batch,
    /// When they were sent to the queue.
    pub sent: SimTime,
    /// How often they have been received, this time included.
    pub receives: u32,
    /// Their message group, in a FIFO queue.
    pub group: Option<Arc<str>>,
}

/// Something that happened in a service, as AWS tells it.
#[derive(Debug, Clone)]
pub struct Event {
    /// Who tells, for example `aws.s3`.
    pub source: &'static str,
    /// What happened, for example `Object Created`.
    pub detail_type: String,
    /// The details as EventBridge has them.
    pub detail: Value,
    /// The message that queues, topics and functions get from the service itself.
    pub message: Value,
}

/// Something that happened, told along a wire.
#[derive(Debug, Clone)]
pub enum Notice {
    /// The open lanes (shards) of a stream, at the start and after each change.
    Lanes(Vec<u32>),
    /// A closed lane is read to its end: told to a reader that keeps checkpoints, with the lanes that go on with its keys,
    /// each with all the lanes that it goes on from.
    LaneEnded {
        /// The lane that gives nothing more.
        lane: u32,
        /// Its children and their parents.
        children: Vec<(u32, Vec<u32>)>,
    },
    /// The bucket that may be read, told by its owner at the start.
    Bucket(String),
    /// The database that may be queried, told at the start and again whenever its tables changed.
    Catalog(String),
    /// An alarm changed its state to this one.
    State(String),
    /// An event of a service.
    Event(Arc<Event>),
}

/// What travels from an output to an input.
#[derive(Debug)]
pub enum Payload {
    /// Records that are put; the receiver accepts or refuses each.
    Records(Batch),
    /// Records that were polled.
    Delivery(Delivery),
    /// A poll that the stream refused, with the AWS error name.
    Throttled {
        /// The lane that was polled.
        lane: u32,
        /// For example `ProvisionedThroughputExceededException`.
        error: &'static str,
    },
    /// Records to work on and answer.
    Invoke {
        /// The call that the answer names; filled in when it is sent.
        call: CallId,
        /// The records.
        batches: Vec<Batch>,
    },
    /// Messages of a queue; empty when the wait ended without any. The receiver settles each such payload.
    Messages {
        /// Names this receive in [`Ask::Settle`].
        receipt: u64,
        /// The messages.
        messages: Vec<Messages>,
    },
    /// A file.
    Object(ObjectPut),
    /// A result.
    Rows(Arc<Table>),
    /// An event.
    Notice(Notice),
}

impl Payload {
    /// Records in it, weights included.
    #[must_use]
    pub fn records(&self) -> u64 {
        match self {
            Self::Records(b) => b.records(),
            Self::Delivery(d) => d.batches.iter().map(|(_, b)| b.records()).sum(),
            Self::Invoke { batches, .. } => batches.iter().map(Batch::records).sum(),
            Self::Messages { messages, .. } => messages.iter().map(|m| m.batch.records()).sum(),
            Self::Object(o) => o.records(),
            Self::Throttled { .. } | Self::Rows(_) | Self::Notice(_) => 0,
        }
    }
    /// Bytes on the wire of those records.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Records(b) => b.bytes(),
            Self::Delivery(d) => d.batches.iter().map(|(_, b)| b.bytes()).sum(),
            Self::Invoke { batches, .. } => batches.iter().map(Batch::bytes).sum(),
            Self::Messages { messages, .. } => messages.iter().map(|m| m.batch.bytes()).sum(),
            Self::Object(o) => o.record_bytes,
            Self::Throttled { .. } | Self::Rows(_) | Self::Notice(_) => 0,
        }
    }
    /// A batch to show to people.
    #[must_use]
    pub fn sample(&self) -> Option<&Batch> {
        match self {
            Self::Records(b) => Some(b),
            Self::Delivery(d) => d.batches.last().map(|(_, b)| b),
            Self::Invoke { batches, .. } => batches.last(),
            Self::Messages { messages, .. } => messages.last().map(|m| &m.batch),
            _ => None,
        }
    }
}

/// A receiver's answer to a payload.
#[derive(Debug)]
pub enum Admit {
    /// All of it is taken.
    All,
    /// These records are refused, each with the same AWS error name; the rest is taken.
    Partial {
        /// The refused records.
        refused: Batch,
        /// For example `ProvisionedThroughputExceededException`.
        error: &'static str,
    },
    /// Nothing is taken: the payload comes back whole.
    Refused {
        /// The payload as it came.
        payload: Payload,
        /// For example `SlowDown`.
        error: &'static str,
    },
}

/// What became of something that a node sent.
#[derive(Debug)]
pub enum Outcome {
    /// All of it was taken.
    Accepted,
    /// These records came back, with an AWS error name.
    Partial {
        /// The refused records.
        refused: Batch,
        /// Why.
        error: &'static str,
    },
    /// All of it came back.
    Refused {
        /// The payload as it was sent.
        payload: Payload,
        /// Why.
        error: &'static str,
    },
}

/// How a transform answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyStatus {
    /// The records went through the function.
    Ok,
    /// The function failed; the records come back as they were.
    FunctionError,
    /// There was no room for another invocation; the records come back as they were.
    TooManyRequests,
}

/// What travels back from an input to an output.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Give me at most this much of a lane. A lane that is closed and read to its end gives no answer any more, but
    /// [`Notice::LaneEnded`] to a reader that keeps checkpoints. With no records at all nothing more is pushed, and a lane
    /// that does not push lets it pass.
    Poll {
        /// The lane (shard).
        lane: u32,
        /// Records at the most.
        max_records: u32,
        /// Bytes at the most.
        max_bytes: u64,
    },
    /// So many further records of a lane need not be read again. The first of a lane, of no records, says that the reader keeps
    /// checkpoints there: the stream then keeps what is read until it is behind a checkpoint, as long as it keeps anything.
    Checkpoint {
        /// The lane (shard).
        lane: u32,
        /// Records since the last checkpoint, weights included.
        records: u64,
    },
    /// Read a lane again from the last checkpoint. What was read since comes a second time, but for what comes back here.
    Rewind {
        /// The lane (shard).
        lane: u32,
        /// Records that were read and not worked on.
        back: Vec<Batch>,
    },
    /// The answer to [`Payload::Invoke`].
    Reply {
        /// The call that is answered.
        call: CallId,
        /// How it went.
        status: ReplyStatus,
        /// What comes back.
        batches: Vec<Batch>,
        /// Records that the function itself gave back as failed; they come back as they were.
        failed: Vec<Batch>,
    },
    /// Give me messages of a queue; the answer comes when there are some or the wait has ended.
    Receive {
        /// Messages at the most.
        max_messages: u32,
        /// How long to wait for the first (long polling).
        wait: SimDuration,
    },
    /// What became of received messages: those that come back become visible again when their visibility timeout ends, the
    /// others are deleted.
    Settle {
        /// The receive.
        receipt: u64,
        /// Messages that were not processed.
        back: Vec<Messages>,
    },
}

impl Ask {
    /// Records that travel back with it, weights included.
    #[must_use]
    pub fn records(&self) -> u64 {
        match self {
            Self::Poll { .. } | Self::Checkpoint { .. } | Self::Receive { .. } => 0,
            Self::Rewind { back, .. } => back.iter().map(Batch::records).sum(),
            Self::Reply {
                batches, failed, ..
            } => batches.iter().chain(failed).map(Batch::records).sum(),
            Self::Settle { back, .. } => back.iter().map(|m| m.batch.records()).sum(),
        }
    }
    /// Bytes on the wire of those records.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Poll { .. } | Self::Checkpoint { .. } | Self::Receive { .. } => 0,
            Self::Rewind { back, .. } => back.iter().map(Batch::bytes).sum(),
            Self::Reply {
                batches, failed, ..
            } => batches.iter().chain(failed).map(Batch::bytes).sum(),
            Self::Settle { back, .. } => back.iter().map(|m| m.batch.bytes()).sum(),
        }
    }
}
