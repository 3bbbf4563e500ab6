//! Rows of a file that knows its own columns, as the columns of a table: found by name in any letter case, cast to the
//! table's types; what is missing is null.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, SchemaRef};

use super::glue_types::glue_type;

/// The batch in the columns of `schema`. A single value that does not cast is null; a whole column that cannot is refused
/// in one sentence, as Athena does with `HIVE_BAD_DATA`.
pub(super) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, String> {
    let own = batch.schema();
    let columns: Result<Vec<ArrayRef>, String> = schema
        .fields()
        .iter()
        .map(|field| {
            let place = own
                .fields()
                .iter()
                .position(|f| f.name().eq_ignore_ascii_case(field.name()));
            match place {
                Some(i) => cast_column(field.name(), batch.column(i), field.data_type()),
                None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            }
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns?, &options)
        .map_err(|e| e.to_string())
}

/// One column as another type.
pub(super) fn cast_column(
    name: &str,
    column: &ArrayRef,
    wanted: &DataType,
) -> Result<ArrayRef, String> {
    let found = column.data_type();
    if found == wanted {
        return Ok(Arc::clone(column));
    }
    let clash = || {
        format!(
            "HIVE_BAD_DATA: column `{name}` is {} in the file and {} in the table; declare it as {}",
            glue_type(found),
            glue_type(wanted),
            glue_type(found)
        )
    };
    if !can_cast_types(found, wanted) {
        return Err(clash());
    }
    cast_with_options(column, wanted, &CastOptions::default())
        .map_err(|e| format!("{}: {e}", clash()))
}
