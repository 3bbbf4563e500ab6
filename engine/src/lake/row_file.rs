//! One file that is being written beside the lake, in any format, row group by row group or batch by batch.
//!
//! What is not complete is not visible: only [`RowFile::finish`] gives something that can be committed.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder as CsvWriterBuilder;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::json::LineDelimitedWriter;

use super::avro::AvroFile;
use super::catalog::Format;
use super::encode::{Codec, ParquetFile, ParquetPlan};
use super::error::LakeError;
use super::orc::{OrcFile, STRIPE_BYTES};
use super::rows::ZSTD_LEVEL;
use super::staging::{Staged, StagedWriter};
use super::store::Lake;

/// What follows a file's name, by its format and compression.
pub(super) fn extension(format: &Format, codec: Codec) -> String {
    match format {
        // The codec is inside such files; Glue writes it before the format.
        Format::Parquet | Format::Avro | Format::Orc => {
            let name = match codec {
                Codec::None => String::new(),
                codec => format!(".{}", format.codec_name(codec)),
            };
            format!("{name}.{}", format.classification())
        }
        Format::Json | Format::Csv { .. } => {
            format!(".{}{}", format.classification(), codec.extension())
        }
    }
}

/// A file that is being written.
pub(super) struct RowFile {
    kind: Kind,
    rows: u64,
}

enum Kind {
    Parquet(ParquetPlan, ParquetFile<StagedWriter>),
    Json(LineDelimitedWriter<Packed>),
    Csv(Box<arrow::csv::Writer<Packed>>),
    Avro(Box<AvroFile<StagedWriter>>),
    Orc(Box<OrcFile<StagedWriter>>),
}

impl RowFile {
    /// Begins a file of these columns.
    ///
    /// # Errors
    /// [`LakeError::Encode`] for columns that the format has not; a disk that refuses.
    pub(super) fn begin(
        lake: &Lake,
        schema: &Schema,
        format: &Format,
        codec: Codec,
    ) -> Result<Self, LakeError> {
        let to = lake.stage_writer()?;
        let failed = |e| LakeError::io("stage an object", "the staging folder", e);
        let kind = match format {
            Format::Parquet => {
                let plan = ParquetPlan::new(schema, codec)?;
                let file = plan.begin(to)?;
                Kind::Parquet(plan, file)
            }
            Format::Json => Kind::Json(LineDelimitedWriter::new(
                Packed::new(to, codec).map_err(failed)?,
            )),
            Format::Csv { delimiter, header } => {
                let writer = CsvWriterBuilder::new()
                    .with_header(*header)
                    .with_delimiter(u8::try_from(*delimiter).unwrap_or(b','))
                    .build(Packed::new(to, codec).map_err(failed)?);
                Kind::Csv(Box::new(writer))
            }
            Format::Avro => Kind::Avro(Box::new(AvroFile::new(to, schema, codec)?)),
            Format::Orc => Kind::Orc(Box::new(OrcFile::new(to, schema, codec, STRIPE_BYTES)?)),
        };
        Ok(Self { kind, rows: 0 })
    }

    /// Rows so far.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds rows: one row group of Parquet.
    ///
    /// # Errors
    /// [`LakeError::Encode`] for values that the format has not; a disk that refuses.
    pub(super) fn write(&mut self, batches: &[RecordBatch]) -> Result<(), LakeError> {
        self.rows += batches.iter().map(|b| b.num_rows() as u64).sum::<u64>();
        let refused = |format, why: &dyn std::fmt::Display| LakeError::Encode {
            format,
            why: why.to_string(),
        };
        match &mut self.kind {
            Kind::Parquet(plan, file) => file.append(plan.encode_row_group(batches)?),
            Kind::Json(writer) => {
                for batch in batches {
                    writer.write(batch).map_err(|e| refused("JSON", &e))?;
                }
                Ok(())
            }
            Kind::Csv(writer) => {
                for batch in batches {
                    writer.write(batch).map_err(|e| refused("CSV", &e))?;
                }
                Ok(())
            }
            Kind::Avro(file) => batches.iter().try_for_each(|b| file.write(b)),
            Kind::Orc(file) => batches.iter().try_for_each(|b| file.write(b)),
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    /// A disk that refuses.
    pub(super) fn finish(self) -> Result<Staged, LakeError> {
        let failed = |e| LakeError::io("stage an object", "the staging folder", e);
        match self.kind {
            Kind::Parquet(_, file) => file.finish()?.finish(),
            Kind::Json(mut writer) => {
                writer.finish().map_err(|e| LakeError::Encode {
                    format: "JSON",
                    why: e.to_string(),
                })?;
                writer.into_inner().finish().map_err(failed)?.finish()
            }
            Kind::Csv(writer) => writer.into_inner().finish().map_err(failed)?.finish(),
            Kind::Avro(file) => file.into_inner().finish(),
            Kind::Orc(file) => file.finish()?.finish(),
        }
    }
}

/// A whole file of rows with its compression.
enum Packed {
    Plain(StagedWriter),
    Gzip(flate2::write::GzEncoder<StagedWriter>),
    Snappy(Box<snap::write::FrameEncoder<StagedWriter>>),
    Zstd(zstd::stream::write::Encoder<'static, StagedWriter>),
}

impl Packed {
    fn new(to: StagedWriter, codec: Codec) -> io::Result<Self> {
        Ok(match codec {
            Codec::None => Self::Plain(to),
            // The header carries no time and no name.
            Codec::Gzip => Self::Gzip(flate2::write::GzEncoder::new(
                to,
                flate2::Compression::default(),
            )),
            Codec::Snappy => Self::Snappy(Box::new(snap::write::FrameEncoder::new(to))),
            Codec::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(to, ZSTD_LEVEL)?),
        })
    }
    fn finish(self) -> io::Result<StagedWriter> {
        match self {
            Self::Plain(to) => Ok(to),
            Self::Gzip(to) => to.finish(),
            Self::Snappy(to) => to.into_inner().map_err(|e| e.into_error()),
            Self::Zstd(to) => to.finish(),
        }
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(to) => to.write(bytes),
            Self::Gzip(to) => to.write(bytes),
            Self::Snappy(to) => to.write(bytes),
            Self::Zstd(to) => to.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(to) => to.flush(),
            Self::Gzip(to) => to.flush(),
            Self::Snappy(to) => to.flush(),
            Self::Zstd(to) => to.flush(),
        }
    }
}

/// A schema for files: nothing but names, types and whether they may be null.
pub(super) fn bare(schema: &SchemaRef) -> Schema {
    let fields = schema.fields().iter();
    Schema::new(
        fields
            .map(|f| arrow::datatypes::Field::new(f.name(), f.data_type().clone(), f.is_nullable()))
            .collect::<Vec<_>>(),
    )
}
