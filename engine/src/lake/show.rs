//! Results for people and programs: a table of text, JSON values.

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::JsonArray;
use arrow::util::pretty::pretty_format_batches;

use super::error::LakeError;

/// The batches as a framed table of text.
///
/// # Errors
/// [`LakeError::Encode`] for a type that has no text.
pub fn format_table(batches: &[RecordBatch]) -> Result<String, LakeError> {
    match pretty_format_batches(batches) {
        Ok(table) => Ok(table.to_string()),
        Err(e) => Err(refused("text", &e)),
    }
}

/// One JSON object a row; nulls are written.
///
/// # Errors
/// [`LakeError::Encode`] for a type that JSON cannot hold.
pub fn batches_to_json(batches: &[RecordBatch]) -> Result<Vec<serde_json::Value>, LakeError> {
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, JsonArray>(Vec::new());
    for batch in batches {
        writer.write(batch).map_err(|e| refused("JSON", &e))?;
    }
    writer.finish().map_err(|e| refused("JSON", &e))?;
    let bytes = writer.into_inner();
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&bytes).map_err(|e| refused("JSON", &e))
}

fn refused(format: &'static str, why: &dyn std::fmt::Display) -> LakeError {
    LakeError::Encode {
        format,
        why: why.to_string(),
    }
}
