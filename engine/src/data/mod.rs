//! Records in columns: batches, generators, sizes on the wire, replay of real files.

mod arrivals;
mod batch;
mod generate;
mod json_size;
mod log;
mod replay;

pub use arrivals::{ArrivalError, ArrivalShape, Arrivals, RATE_MAX};
pub use batch::Batch;
pub use generate::{
    CHUNK_ROWS, Chunk, EquipmentFault, FieldDoc, GenerateError, Generator, GeneratorSpec, KEYS_MAX,
    RECORD_BYTES_MAX, RecordSchema, TIME_FIELD,
};
pub use json_size::{encode_json_lines, json_sizes};
pub use log::{BatchLog, LogError};
pub use replay::{
    BadRecord, Replay, ReplayBatch, ReplayError, ReplayFormat, ReplayReport, ReplaySpec, Root,
};
