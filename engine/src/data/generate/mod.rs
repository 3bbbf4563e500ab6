//! Generated records: schemas that pipelines are commonly drawn for, made from a seed.
//!
//! A chunk is a pure function of (seed, name, index), so chunks may be made in any order on any thread. A chunk holds the
//! content of records; their time is put in when they are emitted, because only then is it known. Knows nothing of rates
//! (see [`super::Arrivals`]) or of nodes.

mod clickstream;
mod draw;
mod equipment;
mod flow_logs;
mod sensors;
#[cfg(test)]
mod tests;
mod text;
mod transactions;

use super::Batch;
use super::json_size::{json_sizes, utc_millis_size};
use crate::rng::Rng;
use arrow::array::{Array as _, ArrayRef, RecordBatch, TimestampMillisecondArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use text::Text;

pub use equipment::EquipmentFault;

/// Rows of a chunk, unless records are so large that fewer fill [`CHUNK_BYTES`].
pub const CHUNK_ROWS: usize = 8_192;
/// Bound on the padding of one chunk.
const CHUNK_BYTES: usize = 16 << 20;
/// Most bytes that a record may be padded to: 1 MiB, the common record limit of the streaming services.
pub const RECORD_BYTES_MAX: u32 = 1 << 20;
/// Most distinct keys.
pub const KEYS_MAX: u64 = 1_000_000_000;
/// The field that [`Chunk::emit`] adds: when the record came into being.
pub const TIME_FIELD: &str = "event_time";
/// The field that fills a record up to `record_bytes`.
const PAD_FIELD: &str = "pad";

/// What the records are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecordSchema {
    /// Card payments, a few of them fraudulent.
    #[default]
    Transactions,
    /// Visits to the pages of a shop.
    Clickstream,
    /// Readings of devices in a few buildings.
    IotSensors,
    /// Network flows as VPC Flow Logs records them.
    VpcFlowLogs,
    /// Readings of machines in a factory, with labelled faults.
    Equipment,
}

/// One field of a schema, for documentation and forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldDoc {
    /// The field's name in the record.
    pub name: &'static str,
    /// One line about its content.
    pub doc: &'static str,
}

impl RecordSchema {
    /// Every schema, in the order in which it is offered.
    pub const ALL: [Self; 5] = [
        Self::Transactions,
        Self::Clickstream,
        Self::IotSensors,
        Self::VpcFlowLogs,
        Self::Equipment,
    ];
    /// The schema's name in documents.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Clickstream => "clickstream",
            Self::IotSensors => "iot-sensors",
            Self::VpcFlowLogs => "vpc-flow-logs",
            Self::Equipment => "equipment",
        }
    }
    /// The field that `keys`, `key_skew` and `hot_key_share` shape: the natural partition key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Transactions | Self::Clickstream => "user_id",
            Self::IotSensors => "device_id",
            Self::VpcFlowLogs => "interface_id",
            Self::Equipment => "machine_id",
        }
    }
    /// The fields in the order in which they are written; the time and the padding come after them.
    #[must_use]
    pub const fn fields(self) -> &'static [FieldDoc] {
        match self {
            Self::Transactions => &transactions::FIELDS,
            Self::Clickstream => &clickstream::FIELDS,
            Self::IotSensors => &sensors::FIELDS,
            Self::VpcFlowLogs => &flow_logs::FIELDS,
            Self::Equipment => &equipment::FIELDS,
        }
    }
}

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneratorSpec {
    /// What the records are about.
    pub schema: RecordSchema,
    /// The document's seed.
    pub seed: u64,
    /// The node's id: two sources of one document make different records.
    pub name: String,
    /// How many distinct keys (users, devices, interfaces) there are.
    pub keys: u64,
    /// 0 for keys of equal share; otherwise the exponent of Zipf's law (1 is common: the n-th key has 1/n of the first's).
    pub key_skew: f64,
    /// Share of the records (0 to 1) that take one single key, on top of the skew.
    pub hot_key_share: f64,
    /// Share of the records (0 to 1) that are odd: fraud, bots, faulty readings, rejected flows.
    pub fraud_rate: f64,
    /// Bytes of JSON that every record is padded to; `None` leaves records as they are.
    pub record_bytes: Option<u32>,
    /// For equipment: which faults machines have.
    pub equipment_fault: EquipmentFault,
    /// For equipment: how many readings of a machine the cycle of its load is long.
    pub season_readings: u32,
    /// For equipment: how far sound readings creep in 1,000 readings, in standard deviations of their noise; maintenance undoes
    /// it.
    pub wear: f64,
}

impl GeneratorSpec {
    /// The usual: 10,000 keys of equal share, 2 % odd records, no padding.
    #[must_use]
    pub fn new(schema: RecordSchema, seed: u64, name: &str) -> Self {
        Self {
            schema,
            seed,
            name: name.to_owned(),
            keys: 10_000,
            key_skew: 0.0,
            hot_key_share: 0.0,
            fraud_rate: 0.02,
            record_bytes: None,
            equipment_fault: EquipmentFault::default(),
            season_readings: 1440,
            wear: 0.2,
        }
    }
}

/// Why records cannot be generated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GenerateError {
    /// A number lies outside its range.
    #[error("`{field}` is {value}; choose a value from {least} to {most}.")]
    OutOfRange {
        /// The field of [`GeneratorSpec`].
        field: &'static str,
        /// What was given.
        value: f64,
        /// Smallest allowed.
        least: f64,
        /// Largest allowed.
        most: f64,
    },
}

/// Makes chunks of records. Cheap to clone; clones make the same records.
#[derive(Debug, Clone)]
pub struct Generator(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    spec: GeneratorSpec,
    content: SchemaRef,
    emitted: SchemaRef,
    maker: Maker,
    /// Text that padding is cut from.
    pool: Vec<u8>,
}

#[derive(Debug)]
enum Maker {
    Transactions(transactions::Maker),
    Clickstream(clickstream::Maker),
    Sensors(sensors::Maker),
    FlowLogs(flow_logs::Maker),
    Equipment(equipment::Maker),
}

/// What a maker is given to fill one chunk.
struct Request<'a> {
    rng: &'a mut Rng,
    rows: usize,
    /// Number of the chunk's first record, from 0 at the source's first.
    first: u64,
    /// Differs between sources, so that their record ids do.
    salt: u64,
}

impl Generator {
    /// A generator for `spec`.
    ///
    /// # Errors
    /// When a number of `spec` lies outside its range.
    pub fn new(spec: GeneratorSpec) -> Result<Self, GenerateError> {
        let range = |field, value: f64, least: f64, most: f64| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(GenerateError::OutOfRange {
                    field,
                    value,
                    least,
                    most,
                })
            }
        };
        range("keys", spec.keys as f64, 1.0, KEYS_MAX as f64)?;
        range("key_skew", spec.key_skew, 0.0, 10.0)?;
        range("hot_key_share", spec.hot_key_share, 0.0, 1.0)?;
        range("fraud_rate", spec.fraud_rate, 0.0, 1.0)?;
        range("season_readings", f64::from(spec.season_readings), 2.0, 1e9)?;
        range("wear", spec.wear, -100.0, 100.0)?;
        if let Some(bytes) = spec.record_bytes {
            let most = f64::from(RECORD_BYTES_MAX);
            range("record_bytes", f64::from(bytes), 1.0, most)?;
        }
        let (maker, content) = match spec.schema {
            RecordSchema::Transactions => {
                let maker = transactions::Maker::new(&spec);
                (Maker::Transactions(maker), transactions::types())
            }
            RecordSchema::Clickstream => {
                let maker = clickstream::Maker::new(&spec);
                (Maker::Clickstream(maker), clickstream::types())
            }
            RecordSchema::IotSensors => {
                let maker = sensors::Maker::new(&spec);
                (Maker::Sensors(maker), sensors::types())
            }
            RecordSchema::VpcFlowLogs => {
                let maker = flow_logs::Maker::new(&spec);
                (Maker::FlowLogs(maker), flow_logs::types())
            }
            RecordSchema::Equipment => {
                let maker = equipment::Maker::new(&spec);
                (Maker::Equipment(maker), equipment::types())
            }
        };
        let named = spec.schema.fields().iter().zip(content);
        let content: Vec<Field> = named.map(|(f, t)| Field::new(f.name, t, false)).collect();
        let mut emitted = content.clone();
        let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        emitted.push(Field::new(TIME_FIELD, utc, false));
        let mut pool = Vec::new();
        if spec.record_bytes.is_some() {
            emitted.push(Field::new(PAD_FIELD, DataType::Utf8, false));
            pool = pad_pool(&spec);
        }
        Ok(Self(Arc::new(Inner {
            content: Arc::new(Schema::new(content)),
            emitted: Arc::new(Schema::new(emitted)),
            maker,
            pool,
            spec,
        })))
    }
    /// The schema of emitted records.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0.emitted)
    }
    /// What was asked for.
    #[must_use]
    pub fn spec(&self) -> &GeneratorSpec {
        &self.0.spec
    }
    /// Rows of every chunk: [`CHUNK_ROWS`], fewer when records are large.
    #[must_use]
    pub fn chunk_rows(&self) -> usize {
        let padded = self.0.spec.record_bytes.unwrap_or(1) as usize;
        (CHUNK_BYTES / padded).clamp(1, CHUNK_ROWS)
    }
    /// The records `index * chunk_rows()..` of the source.
    #[must_use]
    pub fn chunk(&self, index: u64) -> Chunk {
        let inner = &self.0;
        let rows = self.chunk_rows();
        let salt = Rng::new(inner.spec.seed, &inner.spec.name).next_u64();
        let mut rng = Rng::indexed(inner.spec.seed, &inner.spec.name, index.wrapping_add(1));
        let request = Request {
            rng: &mut rng,
            rows,
            first: index.wrapping_mul(rows as u64),
            salt,
        };
        let columns = match &inner.maker {
            Maker::Transactions(maker) => maker.columns(request),
            Maker::Clickstream(maker) => maker.columns(request),
            Maker::Sensors(maker) => maker.columns(request),
            Maker::FlowLogs(maker) => maker.columns(request),
            Maker::Equipment(maker) => maker.columns(request),
        };
        let content = match RecordBatch::try_new(Arc::clone(&inner.content), columns) {
            Ok(content) => content,
            Err(error) => unreachable!("generated columns fit their schema: {error}"),
        };
        // `,"event_time":` is the same for every record; the time itself is added when it is known.
        const TIME_KEY: u32 = 14;
        let mut sizes: Vec<u32> = json_sizes(&content).iter().map(|n| n + TIME_KEY).collect();
        let (_, mut columns, _) = content.into_parts();
        if let Some(target) = inner.spec.record_bytes {
            columns.push(pad_column(&mut rng, &inner.pool, target, &mut sizes));
        }
        Chunk {
            schema: Arc::clone(&inner.emitted),
            columns,
            time_at: inner.content.fields().len(),
            sizes: sizes.into(),
        }
    }
}

/// Text that does not compress much: 64 KiB and one record's worth of random base-64 letters.
fn pad_pool(spec: &GeneratorSpec) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut rng = Rng::new(spec.seed, "padding");
    let length = (64 << 10) + spec.record_bytes.unwrap_or(0);
    (0..length)
        .map(|_| LETTERS[(rng.next_u64() >> 58) as usize])
        .collect()
}

/// Padding that brings each size of `sizes` to `target`, where it is smaller, once the time is in.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an offset into the pool is small"
)]
fn pad_column(rng: &mut Rng, pool: &[u8], target: u32, sizes: &mut [u32]) -> ArrayRef {
    // `,"pad":""`
    const FRAME: u32 = 9;
    // A time with milliseconds; the one in a thousand on a whole second is four bytes shorter.
    let time = utc_millis_size(1);
    let mut text = Text::new(sizes.len(), target as usize);
    for size in sizes {
        let length = target.saturating_sub(*size + FRAME + time);
        let from = rng.below((pool.len() - length as usize) as u64) as usize;
        text.put(&pool[from..from + length as usize]).end();
        *size += FRAME + length;
    }
    text.finish()
}

/// Records without their times.
#[derive(Debug, Clone)]
pub struct Chunk {
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
    /// Where among the columns the time goes.
    time_at: usize,
    /// Bytes of each record without the value of its time.
    sizes: ScalarBuffer<u32>,
}

impl Chunk {
    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sizes.len()
    }
    /// True when there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }
    /// The records from `offset` on, as many as there are in `born` (virtual nanoseconds). `epoch_ms` is the instant of
    /// virtual time zero in milliseconds since 1970. The content is shared, not copied.
    ///
    /// # Panics
    /// When there are fewer than `offset + born.len()` records.
    #[must_use]
    pub fn emit(&self, offset: usize, born: &[u64], epoch_ms: i64) -> Batch {
        let rows = born.len();
        assert!(
            offset + rows <= self.len(),
            "records {offset}..{} of a chunk of {}",
            offset + rows,
            self.len()
        );
        let millis = |&ns: &u64| epoch_ms.saturating_add((ns / 1_000_000) as i64);
        let times: Vec<i64> = born.iter().map(millis).collect();
        let sizes: Vec<u32> = self.sizes[offset..offset + rows]
            .iter()
            .zip(&times)
            .map(|(&size, &time)| size + utc_millis_size(time))
            .collect();
        let times = TimestampMillisecondArray::new(times.into(), None).with_timezone("UTC");
        let mut columns: Vec<ArrayRef> = self
            .columns
            .iter()
            .map(|column| column.slice(offset, rows))
            .collect();
        columns.insert(self.time_at, Arc::new(times));
        match RecordBatch::try_new(Arc::clone(&self.schema), columns) {
            Ok(content) => Batch::new(content, born.to_vec().into(), sizes.into()),
            Err(error) => unreachable!("generated columns fit their schema: {error}"),
        }
    }
}

/// A number that no other record of the source has: `SplitMix64`'s finisher maps distinct numbers to distinct ones.
const fn unique(record: u64, salt: u64) -> u64 {
    let mut n = record ^ salt;
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Digits that the numbers of `keys` keys are written with; at least six, so that sizes do not depend on the count.
fn key_width(keys: u64) -> usize {
    let digits = (keys - 1).checked_ilog10().unwrap_or(0) as usize + 1;
    digits.max(6)
}
