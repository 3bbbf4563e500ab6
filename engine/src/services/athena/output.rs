//! The files that Athena writes to the output location: the rows as CSV, what they are as metadata.

use arrow::datatypes::SchemaRef;

use crate::lake::{Lake, LakeError, QueryResult, ResultPlace, StatementClass, encode_result_csv};
use crate::units::SimTime;

/// Writes the result of a query below the place; returns the PUT requests.
///
/// # Errors
/// A bucket that is not there; a disk that refuses.
pub(super) fn write(
    lake: &Lake,
    place: &ResultPlace,
    id: &str,
    class: StatementClass,
    result: &QueryResult,
    now: SimTime,
) -> Result<u64, LakeError> {
    let key = |end: &str| format!("{}{id}{end}", place.prefix);
    if class == StatementClass::Ddl {
        let text = encode_result_csv(&result.batches, false)?;
        lake.put(&place.bucket, &key(".txt"), &text, now, 0)?;
        return Ok(1);
    }
    let rows = encode_result_csv(&result.batches, true)?;
    lake.put(&place.bucket, &key(".csv"), &rows, now, 0)?;
    let about = metadata(&result.schema);
    lake.put(
        &place.bucket,
        &key(".csv.metadata"),
        about.as_bytes(),
        now,
        0,
    )?;
    Ok(2)
}

/// Names and types of the columns. AWS's own file is binary and its layout is not published.
fn metadata(schema: &SchemaRef) -> String {
    let columns: Vec<serde_json::Value> = schema
        .fields()
        .iter()
        .map(|f| serde_json::json!({"name": f.name(), "type": crate::lake::glue_type(f.data_type())}))
        .collect();
    serde_json::json!({ "columns": columns }).to_string()
}
