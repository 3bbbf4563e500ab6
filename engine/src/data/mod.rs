//! Records in columns: batches, generators, sizes on the wire, replay of real files.

mod arrivals;
mod batch;
mod blemish;
pub(crate) mod codec;
mod fingerprint;
mod generate;
mod json_rows;
mod json_size;
mod label_windows;
mod log;
pub(crate) mod orc;
mod pattern;
mod replay;
mod shared;

pub use arrivals::{ArrivalError, ArrivalShape, Arrivals, RATE_MAX};
pub use batch::Batch;
pub use blemish::{Blemished, Blemisher, Blemishes};
pub use codec::Codec;
pub use fingerprint::Fingerprint;
pub use generate::{
    CHUNK_ROWS, Chunk, EquipmentFault, FieldDoc, FieldProfile, GenerateError, Generator,
    GeneratorSpec, KEYS_MAX, Learned, Profile, RECORD_BYTES_MAX, RecordSchema, TIME_FIELD,
};
pub use json_rows::{JsonShape, json_texts, json_values, spoil};
pub use json_size::{encode_json_lines, json_sizes};
pub use label_windows::LabelWindows;
pub use log::{BatchLog, LogError};
pub use pattern::Pattern;
pub use replay::{
    BadRecord, Replay, ReplayBatch, ReplayError, ReplayFormat, ReplayReport, ReplaySpec, Root,
};
pub use shared::{SHARED_BYTES, Shared};
