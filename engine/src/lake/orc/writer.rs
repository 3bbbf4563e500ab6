//! A file that is being written. The library writes flat types; what else comes is cast where nothing is lost, or refused by
//! the name of its column.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use orc_rust::compression::CompressionType;
use orc_rust::{ArrowWriter, ArrowWriterBuilder};

use super::tail::first_line;
use crate::lake::conform::cast_column;
use crate::lake::encode::Codec;
use crate::lake::error::LakeError;
use crate::lake::glue_types::glue_type;

/// Bytes of a stripe before compression when nothing else is said: the default of Hive, Firehose and Athena.
pub(in crate::lake) const STRIPE_BYTES: usize = 64 << 20;

/// An ORC file that is being written: a stripe each time that enough has gathered.
pub(in crate::lake) struct OrcFile<W> {
    writer: ArrowWriter<Handle<W>>,
    to: Handle<W>,
    schema: SchemaRef,
}

impl<W: Write> OrcFile<W> {
    /// Begins a file of these columns.
    ///
    /// # Errors
    /// [`LakeError::Encode`] when a column has a type that is not written.
    pub(in crate::lake) fn new(
        to: W,
        schema: &Schema,
        codec: Codec,
        stripe_bytes: usize,
    ) -> Result<Self, LakeError> {
        let schema = Arc::new(writable(schema)?);
        let to = Handle(Arc::new(Mutex::new(to)));
        let builder = ArrowWriterBuilder::new(to.clone(), Arc::clone(&schema))
            .with_stripe_byte_size(stripe_bytes);
        let builder = match codec {
            Codec::None => builder,
            Codec::Gzip => builder.with_compression(CompressionType::Zlib),
            Codec::Snappy => builder.with_compression(CompressionType::Snappy),
            Codec::Zstd => builder.with_compression(CompressionType::Zstd),
        };
        let writer = builder.try_build().map_err(|e| refused(&first_line(&e)))?;
        Ok(Self { writer, to, schema })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// [`LakeError::Encode`] for rows of other columns, a time that ORC cannot hold, or a disk that refuses.
    pub(in crate::lake) fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns: Result<Vec<ArrayRef>, String> = batch
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(c, f)| cast_column(f.name(), c, f.data_type()))
            .collect();
        let columns = columns.map_err(|e| refused(&e))?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|e| refused(&e.to_string()))?;
        let written = self.writer.write(&batch);
        written.map_err(|e| refused(&first_line(&e)))
    }

    /// Completes the file; the place that was written to comes back.
    ///
    /// # Errors
    /// A disk that refuses.
    pub(in crate::lake) fn finish(self) -> Result<W, LakeError> {
        self.writer.close().map_err(|e| refused(&first_line(&e)))?;
        let to = Arc::into_inner(self.to.0).ok_or_else(|| refused("it is still being written"))?;
        Ok(to.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
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

    /// A whole file of these rows. The same rows give the same bytes, however they are cut into batches.
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
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::Binary,
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
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::LargeBinary
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

/// The place that is written to; the library keeps its writer when a file is complete.
struct Handle<W>(Arc<Mutex<W>>);

impl<W> Clone for Handle<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Write> Write for Handle<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush()
    }
}
