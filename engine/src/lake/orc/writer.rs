//! A file that is being written: flat types; what else comes is cast where nothing is lost, or refused by the name of its column.
//! The same rows give the same bytes, however they are cut into batches.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::{cast, concat};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Schema, SchemaRef, TimeUnit,
};
use orc_rust::proto::stream::Kind;
use orc_rust::proto::r#type::Kind as TypeKind;
use orc_rust::proto::{
    ColumnEncoding, CompressionKind, Footer, PostScript, Stream, StripeFooter, StripeInformation,
    Type, column_encoding,
};
use prost::Message as _;

use super::numbers::{bits, bytes, numbers};
use crate::data::orc::{CHUNK, MAGIC, pack};
use crate::lake::conform::cast_column;
use crate::lake::encode::Codec;
use crate::lake::error::LakeError;
use crate::lake::glue_types::glue_type;

/// Bytes of a stripe before compression when nothing else is said: the default of Hive, Firehose and Athena.
pub(in crate::lake) const STRIPE_BYTES: usize = 64 << 20;
/// After so many rows it is asked whether a stripe is full.
const PIECE_ROWS: usize = 1_024;
/// Seconds from 1970 to 2015, from where ORC counts times.
const ORC_EPOCH: i64 = 1_420_070_400;

/// An ORC file that is being written: a stripe each time that enough has gathered.
pub(in crate::lake) struct OrcFile<W> {
    to: W,
    schema: SchemaRef,
    codec: Codec,
    stripe_bytes: usize,
    held: Vec<RecordBatch>,
    held_bytes: usize,
    /// Bytes that are written.
    at: u64,
    stripes: Vec<StripeInformation>,
}

impl<W: Write> OrcFile<W> {
    /// Begins a file of these columns.
    ///
    /// # Errors
    /// [`LakeError::Encode`] when a column has a type that is not written, or a disk that refuses.
    pub(in crate::lake) fn new(
        mut to: W,
        schema: &Schema,
        codec: Codec,
        stripe_bytes: usize,
    ) -> Result<Self, LakeError> {
        let schema = Arc::new(writable(schema)?);
        to.write_all(MAGIC).map_err(|e| refused(&e.to_string()))?;
        Ok(Self {
            to,
            schema,
            codec,
            stripe_bytes,
            held: Vec::new(),
            held_bytes: 0,
            at: 3,
            stripes: Vec::new(),
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// [`LakeError::Encode`] for rows of other columns, a time that ORC cannot hold, or a disk that refuses.
    pub(in crate::lake) fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let columns: Result<Vec<ArrayRef>, String> = batch
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(c, f)| cast_column(f.name(), c, f.data_type()))
            .collect();
        let columns = columns.map_err(|e| refused(&e))?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|e| refused(&e.to_string()))?;
        for from in (0..batch.num_rows()).step_by(PIECE_ROWS) {
            let piece = batch.slice(from, PIECE_ROWS.min(batch.num_rows() - from));
            self.held_bytes += piece.columns().iter().map(plain_bytes).sum::<usize>();
            self.held.push(piece);
            if self.held_bytes >= self.stripe_bytes {
                self.stripe()?;
            }
        }
        Ok(())
    }

    /// Completes the file; the place that was written to comes back.
    ///
    /// # Errors
    /// As [`OrcFile::write`].
    pub(in crate::lake) fn finish(mut self) -> Result<W, LakeError> {
        self.stripe()?;
        let footer = Footer {
            header_length: Some(3),
            content_length: Some(self.at),
            number_of_rows: Some(self.stripes.iter().map(|s| s.number_of_rows()).sum()),
            stripes: std::mem::take(&mut self.stripes),
            types: types_of(&self.schema),
            row_index_stride: Some(0),
            ..Footer::default()
        };
        let footer_length = self.put(&footer.encode_to_vec())?;
        let (kind, chunk) = match self.codec {
            Codec::None => (CompressionKind::None, None),
            Codec::Gzip => (CompressionKind::Zlib, Some(CHUNK as u64)),
            Codec::Snappy => (CompressionKind::Snappy, Some(CHUNK as u64)),
            Codec::Zstd => (CompressionKind::Zstd, Some(CHUNK as u64)),
        };
        let postscript = PostScript {
            footer_length: Some(footer_length),
            compression: Some(kind.into()),
            compression_block_size: chunk,
            version: vec![0, 12],
            metadata_length: Some(0),
            // A number beyond those of the known writers: none of their old faults is to be allowed for.
            writer_version: Some(u32::MAX),
            magic: Some("ORC".to_owned()),
            ..PostScript::default()
        };
        let mut end = postscript.encode_to_vec();
        end.push(u8::try_from(end.len()).unwrap_or(u8::MAX));
        self.to
            .write_all(&end)
            .map_err(|e| refused(&e.to_string()))?;
        Ok(self.to)
    }

    /// Writes what is held as a stripe.
    fn stripe(&mut self) -> Result<(), LakeError> {
        let held = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        let rows: usize = held.iter().map(RecordBatch::num_rows).sum();
        if rows == 0 {
            return Ok(());
        }
        let begin = self.at;
        let mut footer = StripeFooter {
            writer_timezone: Some("UTC".to_owned()),
            ..StripeFooter::default()
        };
        footer.columns.push(encoding(column_encoding::Kind::Direct));
        for (i, field) in self.schema.fields().clone().iter().enumerate() {
            let pieces: Vec<&dyn arrow::array::Array> =
                held.iter().map(|b| b.column(i).as_ref()).collect();
            let column = concat(&pieces).map_err(|e| refused(&e.to_string()))?;
            let streams = streams_of(&column)
                .map_err(|e| refused(&format!("column `{}`: {e}", field.name())))?;
            for (kind, plain) in streams {
                let length = self.put(&plain)?;
                footer.streams.push(Stream {
                    kind: Some(kind.into()),
                    column: u32::try_from(i + 1).ok(),
                    length: Some(length),
                });
            }
            footer.columns.push(encoding(match field.data_type() {
                DataType::Boolean | DataType::Int8 | DataType::Float32 | DataType::Float64 => {
                    column_encoding::Kind::Direct
                }
                _ => column_encoding::Kind::DirectV2,
            }));
        }
        let data = self.at - begin;
        let footer_length = self.put(&footer.encode_to_vec())?;
        self.stripes.push(StripeInformation {
            offset: Some(begin),
            index_length: Some(0),
            data_length: Some(data),
            footer_length: Some(footer_length),
            number_of_rows: Some(rows as u64),
            ..StripeInformation::default()
        });
        Ok(())
    }

    /// Writes a piece of the file, compressed; says how many bytes that took.
    fn put(&mut self, plain: &[u8]) -> Result<u64, LakeError> {
        let packed = pack(plain, self.codec).map_err(|e| refused(&e.to_string()))?;
        self.to
            .write_all(&packed)
            .map_err(|e| refused(&e.to_string()))?;
        self.at += packed.len() as u64;
        Ok(packed.len() as u64)
    }
}

fn encoding(kind: column_encoding::Kind) -> ColumnEncoding {
    ColumnEncoding {
        kind: Some(kind.into()),
        ..ColumnEncoding::default()
    }
}

/// About the bytes of a column before it is encoded.
fn plain_bytes(column: &ArrayRef) -> usize {
    let rows = column.len();
    match column.data_type() {
        DataType::Utf8 => text_bytes(column.as_string::<i32>().value_offsets()) + rows,
        DataType::Binary => text_bytes(column.as_binary::<i32>().value_offsets()) + rows,
        other => rows * other.primitive_width().unwrap_or(1),
    }
}

fn text_bytes(offsets: &[i32]) -> usize {
    let length = offsets.last().copied().unwrap_or(0) - offsets.first().copied().unwrap_or(0);
    usize::try_from(length).unwrap_or(0)
}

type Streams = Vec<(Kind, Vec<u8>)>;

/// The streams of a column of one stripe.
fn streams_of(column: &ArrayRef) -> Result<Streams, String> {
    let mut streams = Streams::new();
    if let Some(nulls) = column.nulls().filter(|n| n.null_count() > 0) {
        streams.push((Kind::Present, bits(nulls.iter())));
    }
    macro_rules! values {
        ($of:ty) => {
            column.as_primitive::<$of>().iter().flatten()
        };
    }
    macro_rules! whole {
        ($of:ty) => {
            numbers(&values!($of).map(i64::from).collect::<Vec<_>>(), true)
        };
    }
    let data = match column.data_type() {
        DataType::Boolean => bits(column.as_boolean().iter().flatten()),
        DataType::Int8 => bytes(&values!(Int8Type).map(i8::cast_unsigned).collect::<Vec<_>>()),
        DataType::Int16 => whole!(Int16Type),
        DataType::Int32 => whole!(Int32Type),
        DataType::Int64 => whole!(Int64Type),
        DataType::Date32 => whole!(Date32Type),
        DataType::Float32 => values!(Float32Type).flat_map(f32::to_le_bytes).collect(),
        DataType::Float64 => values!(Float64Type).flat_map(f64::to_le_bytes).collect(),
        DataType::Timestamp(unit, _) => return times(column, *unit, streams),
        DataType::Utf8 => {
            let texts = column.as_string::<i32>();
            return Ok(texts_of(texts.iter().flatten().map(str::as_bytes), streams));
        }
        DataType::Binary => {
            let texts = column.as_binary::<i32>();
            return Ok(texts_of(texts.iter().flatten(), streams));
        }
        other => return Err(format!("{} is not written", glue_type(other))),
    };
    streams.push((Kind::Data, data));
    Ok(streams)
}

fn texts_of<'a>(texts: impl Iterator<Item = &'a [u8]>, mut streams: Streams) -> Streams {
    let (mut data, mut lengths) = (Vec::new(), Vec::new());
    for text in texts {
        data.extend_from_slice(text);
        lengths.push(i64::try_from(text.len()).unwrap_or(i64::MAX));
    }
    streams.push((Kind::Data, data));
    streams.push((Kind::Length, numbers(&lengths, false)));
    streams
}

/// Seconds since 2015, and nanoseconds whose zeros at the end are counted instead of written.
fn times(column: &ArrayRef, unit: TimeUnit, mut streams: Streams) -> Result<Streams, String> {
    let (per_second, nanos) = match unit {
        TimeUnit::Second => (1, 1_000_000_000),
        TimeUnit::Millisecond => (1_000, 1_000_000),
        TimeUnit::Microsecond => (1_000_000, 1_000),
        TimeUnit::Nanosecond => (1_000_000_000, 1),
    };
    let plain = cast(column, &DataType::Int64).map_err(|e| e.to_string())?;
    let (mut seconds, mut fractions) = (Vec::new(), Vec::new());
    for time in plain.as_primitive::<Int64Type>().iter().flatten() {
        let (mut second, nanos) = (
            time.div_euclid(per_second),
            time.rem_euclid(per_second) * nanos,
        );
        if second < 0 && nanos > 999_999 {
            // Readers take a second off such times before 1970 (ORC-763), which leaves one second without a way to write it.
            second += 1;
            if second == 0 {
                return Err(
                    "a time in the last second before 1970 cannot be written in ORC; write Parquet"
                        .to_owned(),
                );
            }
        }
        let second = second.checked_sub(ORC_EPOCH);
        seconds.push(second.ok_or("a time is too early for ORC")?);
        let (mut left, mut zeros) = (nanos, 0);
        while left != 0 && left % 10 == 0 && zeros < 8 {
            left /= 10;
            zeros += 1;
        }
        fractions.push(match zeros {
            0 | 1 => nanos << 3,
            zeros => (left << 3) | (zeros - 1),
        });
    }
    streams.push((Kind::Data, numbers(&seconds, true)));
    streams.push((Kind::Secondary, numbers(&fractions, false)));
    Ok(streams)
}

fn types_of(schema: &Schema) -> Vec<Type> {
    let columns = schema.fields();
    let root = Type {
        kind: Some(TypeKind::Struct.into()),
        subtypes: (1..).take(columns.len()).collect(),
        field_names: columns.iter().map(|f| f.name().clone()).collect(),
        ..Type::default()
    };
    let each = columns.iter().map(|f| {
        let kind = match f.data_type() {
            DataType::Boolean => TypeKind::Boolean,
            DataType::Int8 => TypeKind::Byte,
            DataType::Int16 => TypeKind::Short,
            DataType::Int32 => TypeKind::Int,
            DataType::Int64 => TypeKind::Long,
            DataType::Float32 => TypeKind::Float,
            DataType::Float64 => TypeKind::Double,
            DataType::Binary => TypeKind::Binary,
            DataType::Date32 => TypeKind::Date,
            DataType::Timestamp(_, None) => TypeKind::Timestamp,
            DataType::Timestamp(_, Some(_)) => TypeKind::TimestampInstant,
            _ => TypeKind::String,
        };
        Type {
            kind: Some(kind.into()),
            ..Type::default()
        }
    });
    std::iter::once(root).chain(each).collect()
}

/// How files of these columns are written. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OrcPlan {
    schema: SchemaRef,
    codec: Codec,
    stripe_bytes: usize,
}

impl OrcPlan {
    /// A plan for files of these columns, with stripes of about `stripe_bytes` before compression.
    ///
    /// # Errors
    /// [`LakeError::Encode`] naming a column of a type that is not written.
    pub fn new(schema: &SchemaRef, codec: Codec, stripe_bytes: usize) -> Result<Self, LakeError> {
        writable(schema)?;
        Ok(Self {
            schema: Arc::clone(schema),
            codec,
            stripe_bytes,
        })
    }

    /// The columns of the files.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A whole file of these rows.
    ///
    /// # Errors
    /// [`LakeError::Encode`] for rows of other columns or a time that ORC cannot hold.
    pub fn encode_file(&self, batches: &[RecordBatch]) -> Result<Vec<u8>, LakeError> {
        let mut file = OrcFile::new(Vec::new(), &self.schema, self.codec, self.stripe_bytes)?;
        // In one piece: where a stripe ends is looked at between pieces of a batch.
        let joined = arrow::compute::concat_batches(&self.schema, batches)
            .map_err(|e| refused(&e.to_string()))?;
        file.write(&joined)?;
        file.finish()
    }
}

/// The columns as they are written.
///
/// # Errors
/// [`LakeError::Encode`] naming the column that is not written, and what would be right.
fn writable(schema: &Schema) -> Result<Schema, LakeError> {
    let fields: Result<Vec<Field>, LakeError> = schema
        .fields()
        .iter()
        .map(|f| match written_as(f.data_type()) {
            Some(data_type) => Ok(Field::new(f.name(), data_type, f.is_nullable())),
            None => Err(refused(&format!(
                "column `{}` is {}, and ORC files are written here with flat types only; leave it out, make it a string or a double, or write Parquet",
                f.name(),
                glue_type(f.data_type())
            ))),
        })
        .collect();
    Ok(Schema::new(fields?))
}

/// The type in which a type is written without loss; `None` for those that are not.
fn written_as(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        // Whole days by definition.
        DataType::Date64 => DataType::Date32,
        // The zone is how a time is shown; the instant stays.
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("UTC".into())),
        DataType::Dictionary(_, value) => written_as(value)?,
        // What has no value yet is a string, as the catalog says it.
        DataType::Null => DataType::Utf8,
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Utf8
        | DataType::Binary
        | DataType::Date32
        | DataType::Timestamp(_, None) => data_type.clone(),
        _ => return None,
    })
}

fn refused(why: &str) -> LakeError {
    LakeError::Encode {
        format: "ORC",
        why: why.to_owned(),
    }
}
