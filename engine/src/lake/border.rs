//! The types that leave SQL: plain `Utf8` texts, whatever the operators used inside.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

fn plain(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => Some(DataType::Utf8),
        DataType::BinaryView | DataType::LargeBinary => Some(DataType::Binary),
        DataType::Dictionary(_, value) => {
            Some(plain(value).unwrap_or_else(|| DataType::clone(value)))
        }
        _ => None,
    }
}

/// The schema outside for a schema inside. Metadata is left out.
pub(super) fn border_schema(inside: &SchemaRef) -> SchemaRef {
    let fields: Vec<Field> = inside
        .fields()
        .iter()
        .map(|f| {
            let data_type = plain(f.data_type()).unwrap_or_else(|| f.data_type().clone());
            Field::new(f.name(), data_type, f.is_nullable())
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// The batch outside for a batch inside.
pub(super) fn to_border(batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = border_schema(&batch.schema());
    if schema == batch.schema() {
        return Ok(batch);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns: Result<Vec<ArrayRef>, ArrowError> = batch
        .columns()
        .iter()
        .map(|c| plain(c.data_type()).map_or_else(|| Ok(Arc::clone(c)), |t| cast(c, &t)))
        .collect();
    RecordBatch::try_new_with_options(schema, columns?, &options)
}
