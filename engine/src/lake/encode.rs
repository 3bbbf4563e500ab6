//! Parquet files in pieces: each row group is encoded on its own, from any thread, before the file is complete; joining
//! the groups to a file only copies bytes.
//!
//! An encoded group is a pure function of its rows and the plan, so that the file is the same whatever the threads did.

use std::io;
use std::sync::Arc;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, Schema, SchemaRef,
};
use arrow::error::ArrowError;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, TypePtr};

use super::error::LakeError;
pub use crate::data::Codec;

/// Stands in every file instead of a library version, so that files do not change with it.
const CREATED_BY: &str = "weir";
/// Rows that are looked at to decide whether a column repeats itself.
const SAMPLE_ROWS: usize = 256;
/// A dictionary is kept when at most this many of the sampled values are different.
const SAMPLE_DISTINCT_MAX: usize = 96;

/// How Parquet calls it.
fn in_parquet(codec: Codec) -> Compression {
    match codec {
        Codec::None => Compression::UNCOMPRESSED,
        Codec::Snappy => Compression::SNAPPY,
        Codec::Gzip => Compression::GZIP(GzipLevel::default()),
        Codec::Zstd => Compression::ZSTD(ZstdLevel::default()),
    }
}

/// The unchanging part of a Parquet file: its columns and how they are written. Cheap to clone and to share.
#[derive(Debug, Clone)]
pub struct ParquetPlan {
    schema: SchemaRef,
    root: TypePtr,
    codec: Codec,
}

/// One row group, encoded and compressed.
#[derive(Debug)]
pub struct EncodedGroup {
    chunks: Vec<ArrowColumnChunk>,
    rows: u64,
    bytes: u64,
}

impl EncodedGroup {
    /// Rows in it.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }
    /// Compressed bytes of its column chunks.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A Parquet file that is being written.
pub(super) struct ParquetFile<W: io::Write + Send>(SerializedFileWriter<W>);

impl<W: io::Write + Send> ParquetFile<W> {
    /// Adds a row group; one without rows is left out.
    pub(super) fn append(&mut self, group: EncodedGroup) -> Result<(), LakeError> {
        if group.rows == 0 {
            return Ok(());
        }
        let mut writer = self.0.next_row_group().map_err(refused)?;
        for chunk in group.chunks {
            chunk.append_to_row_group(&mut writer).map_err(refused)?;
        }
        writer.close().map_err(refused)?;
        Ok(())
    }
    /// Writes the footer; the place that was written to comes back.
    pub(super) fn finish(self) -> Result<W, LakeError> {
        self.0.into_inner().map_err(refused)
    }
}

impl ParquetPlan {
    /// A plan for files of these columns. Metadata of the schema is left out of the files.
    ///
    /// # Errors
    /// [`LakeError::Encode`] when Parquet has no such type.
    pub fn new(schema: &Schema, codec: Codec) -> Result<Self, LakeError> {
        // Metadata maps have no order, so they would make the same file differ from run to run.
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .map(|f| Field::clone(f).with_metadata(Default::default()))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let parquet = ArrowSchemaConverter::new()
            .convert(&schema)
            .map_err(refused)?;
        Ok(Self {
            root: parquet.root_schema_ptr(),
            schema,
            codec,
        })
    }

    /// The columns of the files.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Encodes the rows of all `batches` as one row group. May be called from many threads at once.
    ///
    /// # Errors
    /// [`LakeError::Encode`] when a batch has other columns than the plan.
    pub fn encode_row_group(&self, batches: &[RecordBatch]) -> Result<EncodedGroup, LakeError> {
        self.check(batches)?;
        let properties = Arc::new(self.group_properties(batches));
        let shell =
            SerializedFileWriter::new(io::sink(), Arc::clone(&self.root), Arc::clone(&properties))
                .map_err(refused)?;
        let factory = ArrowRowGroupWriterFactory::new(&shell, Arc::clone(&self.schema));
        let mut writers = factory.create_column_writers(0).map_err(refused)?;
        for batch in batches {
            let mut next = writers.iter_mut();
            for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
                for leaf in compute_leaves(field, column).map_err(refused)? {
                    match next.next() {
                        Some(writer) => writer.write(&leaf).map_err(refused)?,
                        None => return Err(refused("a column has more parts than its type")),
                    }
                }
            }
        }
        let chunks: Result<Vec<ArrowColumnChunk>, _> =
            writers.into_iter().map(|w| w.close()).collect();
        let chunks = chunks.map_err(refused)?;
        Ok(EncodedGroup {
            rows: batches.iter().map(|b| b.num_rows() as u64).sum(),
            bytes: chunks.iter().map(|c| c.close().bytes_written).sum(),
            chunks,
        })
    }

    /// Joins encoded groups, in this order, to the bytes of a file.
    ///
    /// # Errors
    /// [`LakeError::Encode`] when the groups are of another plan.
    pub fn assemble(&self, groups: Vec<EncodedGroup>) -> Result<Vec<u8>, LakeError> {
        let size: u64 = groups.iter().map(|g| g.bytes).sum();
        let out = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(16 << 10));
        let mut file = self.begin(out)?;
        for group in groups {
            file.append(group)?;
        }
        file.finish()
    }

    /// Begins a file that takes its groups one by one.
    pub(super) fn begin<W: io::Write + Send>(&self, to: W) -> Result<ParquetFile<W>, LakeError> {
        let mut properties = self.properties().build();
        add_encoded_arrow_schema_to_metadata(&self.schema, &mut properties);
        let file = SerializedFileWriter::new(to, Arc::clone(&self.root), Arc::new(properties));
        Ok(ParquetFile(file.map_err(refused)?))
    }

    /// A whole file of one row group per `rows_per_group` rows.
    ///
    /// # Errors
    /// As [`ParquetPlan::encode_row_group`].
    pub fn encode_file(
        &self,
        batches: &[RecordBatch],
        rows_per_group: usize,
    ) -> Result<Vec<u8>, LakeError> {
        let limit = rows_per_group.max(1);
        let (mut groups, mut open, mut rows) = (Vec::new(), Vec::new(), 0);
        for batch in batches {
            let mut from = 0;
            while from < batch.num_rows() {
                let take = (limit - rows).min(batch.num_rows() - from);
                open.push(batch.slice(from, take));
                (from, rows) = (from + take, rows + take);
                if rows == limit {
                    groups.push(self.encode_row_group(&open)?);
                    open.clear();
                    rows = 0;
                }
            }
        }
        if rows > 0 {
            groups.push(self.encode_row_group(&open)?);
        }
        self.assemble(groups)
    }

    fn check(&self, batches: &[RecordBatch]) -> Result<(), LakeError> {
        for batch in batches {
            let schema = batch.schema();
            let same = schema.fields().len() == self.schema.fields().len()
                && schema
                    .fields()
                    .iter()
                    .zip(self.schema.fields())
                    .all(|(a, b)| {
                        a.name() == b.name()
                            && a.data_type() == b.data_type()
                            && (b.is_nullable() || !a.is_nullable())
                    });
            if !same {
                return Err(refused(format!(
                    "a batch has the columns {}, the file has {}",
                    names(&schema),
                    names(&self.schema)
                )));
            }
        }
        Ok(())
    }

    fn properties(&self) -> WriterPropertiesBuilder {
        WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_compression(in_parquet(self.codec))
            .set_statistics_enabled(EnabledStatistics::Page)
            // Long texts would make statistics as large as data; 64 bytes prune as well.
            .set_statistics_truncate_length(Some(64))
            .set_column_index_truncate_length(Some(64))
            .set_dictionary_page_size_limit(1 << 20)
            .set_data_page_row_count_limit(20_000)
            .set_write_batch_size(8_192)
    }

    /// A dictionary costs a hash per value: it is kept only for columns whose values repeat.
    fn group_properties(&self, batches: &[RecordBatch]) -> WriterProperties {
        let mut properties = self.properties();
        for (i, field) in self.schema.fields().iter().enumerate() {
            if !field.data_type().is_nested() && !repeats(batches, i) {
                let path = ColumnPath::new(vec![field.name().clone()]);
                properties = properties.set_column_dictionary_enabled(path, false);
            }
        }
        properties.build()
    }
}

/// True when the sampled values of a column are mostly not new. Evenly spread rows, the same for the same rows.
fn repeats(batches: &[RecordBatch], column: usize) -> bool {
    let total: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let step = total.div_ceil(SAMPLE_ROWS).max(1);
    let mut seen: Vec<u64> = Vec::with_capacity(SAMPLE_ROWS);
    let mut start = 0_usize;
    for batch in batches {
        let array = batch.column(column);
        let first = start.div_ceil(step) * step - start;
        for row in (first..batch.num_rows()).step_by(step) {
            if array.is_valid(row) {
                match fingerprint(array, row) {
                    Some(value) => seen.push(value),
                    None => return true,
                }
            }
        }
        start += batch.num_rows();
    }
    let sampled = seen.len();
    seen.sort_unstable();
    seen.dedup();
    // Small groups are cheap either way; there a dictionary pays when half of the values repeat.
    seen.len() <= SAMPLE_DISTINCT_MAX.min(sampled / 2 + 1)
}

/// A number that is equal for equal values; `None` for types where a dictionary is left to the default.
fn fingerprint(array: &dyn Array, row: usize) -> Option<u64> {
    let text = |bytes: &[u8]| {
        // FNV-1a: tiny, fixed, good enough to count distinct samples.
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| {
            (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    Some(match array.data_type() {
        DataType::Utf8 => text(array.as_string::<i32>().value(row).as_bytes()),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(row).as_bytes()),
        DataType::Utf8View => text(array.as_string_view().value(row).as_bytes()),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_bits(),
        DataType::Float32 => array
            .as_primitive::<Float32Type>()
            .value(row)
            .to_bits()
            .into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).cast_unsigned(),
        DataType::Int32 => array
            .as_primitive::<Int32Type>()
            .value(row)
            .cast_unsigned()
            .into(),
        DataType::Int16 => array
            .as_primitive::<Int16Type>()
            .value(row)
            .cast_unsigned()
            .into(),
        DataType::Timestamp(unit, _) => timestamp_bits(array, *unit, row),
        _ => return None,
    })
}

fn timestamp_bits(array: &dyn Array, unit: arrow::datatypes::TimeUnit, row: usize) -> u64 {
    use arrow::datatypes::{
        TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    };
    let value = match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row),
    };
    value.cast_unsigned()
}

fn names(schema: &Schema) -> String {
    let all: Vec<String> = schema
        .fields()
        .iter()
        .map(|f| format!("{} {}", f.name(), f.data_type()))
        .collect();
    all.join(", ")
}

/// Wraps an encoder's reason.
fn refused(why: impl Into<Reason>) -> LakeError {
    LakeError::Encode {
        format: "Parquet",
        why: why.into().0,
    }
}

struct Reason(String);
impl From<ParquetError> for Reason {
    fn from(e: ParquetError) -> Self {
        Self(e.to_string())
    }
}
impl From<ArrowError> for Reason {
    fn from(e: ArrowError) -> Self {
        Self(e.to_string())
    }
}
impl From<&str> for Reason {
    fn from(e: &str) -> Self {
        Self(e.to_owned())
    }
}
impl From<String> for Reason {
    fn from(e: String) -> Self {
        Self(e)
    }
}
