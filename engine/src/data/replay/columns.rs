//! Files that are columns already: Parquet, ORC and Arrow IPC. Texts of every encoding become `Utf8`.

use super::Fault;
use crate::data::orc::{OrcRows, Tail};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

/// Rows that are decoded at once.
const ROWS: usize = 8_192;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// Batches of a columnar file.
pub(super) struct ColumnReader {
    batches: Batches,
    format: &'static str,
    schema: SchemaRef,
    /// What was decoded and not yet given.
    pending: Option<RecordBatch>,
}

impl ColumnReader {
    pub(super) fn parquet(file: File) -> Result<Self, Fault> {
        let wrong =
            |error: parquet::errors::ParquetError| Fault::Format("Parquet file", error.to_string());
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(wrong)?;
        let schema = Arc::clone(builder.schema());
        let batches = builder.with_batch_size(ROWS).build().map_err(wrong)?;
        Self::new("Parquet file", &schema, Box::new(batches))
    }

    pub(super) fn orc(file: File) -> Result<Self, Fault> {
        const FORMAT: &str = "ORC file";
        let size = file.metadata()?.len();
        let mut file = BufReader::new(file);
        let tail = Tail::read(&mut file, size).map_err(|why| Fault::Format(FORMAT, why))?;
        let schema = Arc::clone(&tail.schema);
        let all = (0..schema.fields().len()).collect();
        let rows = OrcRows::new(file, tail, all, Box::new(|_bytes_read| {}));
        let rows = rows.map(|batch| batch.map_err(ArrowError::ParseError));
        Self::new(FORMAT, &schema, Box::new(rows))
    }

    pub(super) fn arrow(file: File, is_file: bool) -> Result<Self, Fault> {
        const FORMAT: &str = "Arrow IPC file";
        let wrong = |error: ArrowError| Fault::Format(FORMAT, error.to_string());
        let file = BufReader::new(file);
        if is_file {
            let reader = FileReader::try_new(file, None).map_err(wrong)?;
            Self::new(FORMAT, &reader.schema(), Box::new(reader))
        } else {
            let reader = StreamReader::try_new(file, None).map_err(wrong)?;
            Self::new(FORMAT, &reader.schema(), Box::new(reader))
        }
    }

    fn new(format: &'static str, schema: &Schema, batches: Batches) -> Result<Self, Fault> {
        let plain = |field: &Arc<Field>| {
            let field = field.as_ref().clone();
            let data_type = plain_type(field.data_type());
            field.with_data_type(data_type).with_nullable(true)
        };
        let fields: Vec<Field> = schema.fields().iter().map(plain).collect();
        let mut reader = Self {
            batches,
            format,
            schema: Arc::new(Schema::new(fields)),
            pending: None,
        };
        reader.pending = reader.decode()?;
        Ok(reader)
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The first rows, which will be given again.
    pub(super) fn sample(&self) -> Result<RecordBatch, Fault> {
        Ok(self
            .pending
            .clone()
            .unwrap_or_else(|| RecordBatch::new_empty(self.schema())))
    }

    pub(super) fn next(&mut self, max_rows: usize) -> Result<Option<RecordBatch>, Fault> {
        let Some(batch) = (match self.pending.take() {
            Some(batch) => Some(batch),
            None => self.decode()?,
        }) else {
            return Ok(None);
        };
        if batch.num_rows() > max_rows {
            self.pending = Some(batch.slice(max_rows, batch.num_rows() - max_rows));
            return Ok(Some(batch.slice(0, max_rows)));
        }
        Ok(Some(batch))
    }

    /// The next batch that has rows.
    fn decode(&mut self) -> Result<Option<RecordBatch>, Fault> {
        let wrong = |error: ArrowError| Fault::Format(self.format, error.to_string());
        for batch in self.batches.by_ref() {
            let batch = batch.map_err(wrong)?;
            if batch.num_rows() == 0 {
                continue;
            }
            let plain = batch
                .columns()
                .iter()
                .zip(self.schema.fields())
                .map(|(column, field)| cast(column, field.data_type()))
                .collect::<Result<Vec<ArrayRef>, _>>()
                .map_err(wrong)?;
            return RecordBatch::try_new(Arc::clone(&self.schema), plain)
                .map(Some)
                .map_err(wrong);
        }
        Ok(None)
    }
}

/// The type that the rest of the engine sees for `data_type`.
fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => plain_type(values),
        other => other.clone(),
    }
}
