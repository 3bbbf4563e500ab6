//! ORC files, read and written through `orc-rust`.
//!
//! The library comes with the cargo feature `orc`; a program without it says so in one sentence and reads nothing.

/// The first bytes of every file.
pub(super) const MAGIC: &[u8; 3] = b"ORC";

#[cfg(feature = "orc")]
pub(super) use with::{OrcFile, columns, read};
#[cfg(not(feature = "orc"))]
pub(super) use without::{OrcFile, columns, read};

#[cfg(feature = "orc")]
mod with {
    use std::fs::File;
    use std::io::Write;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
    use orc_rust::compression::CompressionType;
    use orc_rust::reader::metadata::FileMetadata;
    use orc_rust::{ArrowReaderBuilder, ArrowWriter, ArrowWriterBuilder, TimestampPrecision};

    use super::super::conform::cast_column;
    use super::super::encode::Codec;
    use super::super::error::LakeError;
    use super::super::row_scan::TypedRows;

    const BATCH_ROWS: usize = 8_192;

    /// The rows of a file, in its own columns.
    ///
    /// # Errors
    /// A sentence on what is damaged.
    pub(in super::super) fn read(file: File) -> Result<TypedRows, String> {
        let builder = ArrowReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
        let reader = builder
            .with_batch_size(BATCH_ROWS)
            .with_timestamp_precision(TimestampPrecision::Microsecond)
            .build();
        Ok(Box::new(reader.map(|b| b.map_err(|e| e.to_string()))))
    }

    /// Columns, codec and rows, from the footer alone.
    ///
    /// # Errors
    /// A sentence on what is damaged.
    pub(in super::super) fn columns(file: File) -> Result<(SchemaRef, Codec, Option<u64>), String> {
        let builder = ArrowReaderBuilder::try_new(file)
            .map_err(|e| e.to_string())?
            .with_timestamp_precision(TimestampPrecision::Microsecond);
        let metadata: &FileMetadata = builder.file_metadata();
        let codec = match metadata.compression().map(|c| c.compression_type()) {
            Some(CompressionType::Snappy) => Codec::Snappy,
            Some(CompressionType::Zlib) => Codec::Gzip,
            Some(CompressionType::Zstd) => Codec::Zstd,
            _ => Codec::None,
        };
        let rows = metadata.number_of_rows();
        Ok((builder.schema(), codec, Some(rows)))
    }

    /// An ORC file that is being written.
    pub(in super::super) struct OrcFile<W: Write> {
        writer: ArrowWriter<W>,
        schema: SchemaRef,
    }

    impl<W: Write> OrcFile<W> {
        /// Begins a file of these columns.
        ///
        /// # Errors
        /// [`LakeError::Encode`] for a type that the library does not write: lists, maps, structs and decimals.
        pub(in super::super) fn new(
            to: W,
            schema: &Schema,
            codec: Codec,
        ) -> Result<Self, LakeError> {
            let fields: Result<Vec<Field>, LakeError> = schema
                .fields()
                .iter()
                .map(|f| Ok(Field::new(f.name(), writable(f)?, f.is_nullable())))
                .collect();
            let schema = Arc::new(Schema::new(fields?));
            let builder = ArrowWriterBuilder::new(to, Arc::clone(&schema));
            let builder = match codec {
                Codec::None => builder,
                Codec::Snappy => builder.with_compression(CompressionType::Snappy),
                Codec::Gzip => builder.with_compression(CompressionType::Zlib),
                Codec::Zstd => builder.with_compression(CompressionType::Zstd),
            };
            let writer = builder.try_build().map_err(|e| refused(&e))?;
            Ok(Self { writer, schema })
        }
        /// Adds rows.
        ///
        /// # Errors
        /// [`LakeError::Encode`] for rows of other columns, or a disk that refuses.
        pub(in super::super) fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
            let columns: Result<Vec<ArrayRef>, String> = batch
                .columns()
                .iter()
                .zip(self.schema.fields())
                .map(|(c, f)| cast_column(f.name(), c, f.data_type()))
                .collect();
            let columns = columns.map_err(|e| refused(&e))?;
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns);
            let batch = batch.map_err(|e| refused(&e))?;
            self.writer.write(&batch).map_err(|e| refused(&e))
        }
        /// Writes the footer.
        ///
        /// # Errors
        /// A disk that refuses.
        pub(in super::super) fn close(self) -> Result<(), LakeError> {
            self.writer.close().map_err(|e| refused(&e))
        }
    }

    fn writable(field: &Field) -> Result<DataType, LakeError> {
        Ok(match field.data_type() {
            DataType::UInt8 => DataType::Int16,
            DataType::UInt16 => DataType::Int32,
            DataType::UInt32 => DataType::Int64,
            DataType::Float16 => DataType::Float32,
            DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
            DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
            DataType::Timestamp(_, _) => DataType::Timestamp(TimeUnit::Microsecond, None),
            flat @ (DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Utf8
            | DataType::Binary
            | DataType::Date32) => flat.clone(),
            other => {
                return Err(refused(&format!(
                    "column `{}` is {other}, which ORC files are not written with here; cast it to a flat type or write Parquet",
                    field.name()
                )));
            }
        })
    }

    fn refused(why: &dyn std::fmt::Display) -> LakeError {
        LakeError::Encode {
            format: "ORC",
            why: why.to_string(),
        }
    }
}

#[cfg(not(feature = "orc"))]
mod without {
    use std::fs::File;
    use std::io::Write;
    use std::marker::PhantomData;

    use arrow::array::RecordBatch;
    use arrow::datatypes::{Schema, SchemaRef};

    use super::super::encode::Codec;
    use super::super::error::LakeError;
    use super::super::row_scan::TypedRows;

    const ABSENT: &str =
        "this program was built without ORC; build it with the cargo feature `orc`, or use Parquet";

    pub(in super::super) fn read(_: File) -> Result<TypedRows, String> {
        Err(ABSENT.to_owned())
    }

    pub(in super::super) fn columns(_: File) -> Result<(SchemaRef, Codec, Option<u64>), String> {
        Err(ABSENT.to_owned())
    }

    /// Never made.
    pub(in super::super) struct OrcFile<W: Write>(PhantomData<W>);

    impl<W: Write> OrcFile<W> {
        pub(in super::super) fn new(_: W, _: &Schema, _: Codec) -> Result<Self, LakeError> {
            Err(refused())
        }
        pub(in super::super) fn write(&mut self, _: &RecordBatch) -> Result<(), LakeError> {
            Err(refused())
        }
        pub(in super::super) fn close(self) -> Result<(), LakeError> {
            Err(refused())
        }
    }

    fn refused() -> LakeError {
        LakeError::Encode {
            format: "ORC",
            why: ABSENT.to_owned(),
        }
    }
}
