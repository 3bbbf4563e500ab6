//! Columns as a stream declares them: by place, in its types, no text longer than it may be.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, SchemaRef};

use super::faults::TRUNCATION;
use crate::lake::error::SqlProblem;

/// Columns by place, cast.
pub(super) struct Fit {
    pub(super) places: Vec<usize>,
    pub(super) schema: SchemaRef,
    /// For each column the letters of a text at the most; empty: none has a limit.
    pub(super) lengths: Vec<Option<usize>>,
    /// A value that does not fit the type is an error; else it is missing.
    pub(super) strict: bool,
}

impl Fit {
    /// The rows in the declared columns.
    ///
    /// # Errors
    /// A value that does not fit.
    pub(super) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, SqlProblem> {
        let mut columns = Vec::with_capacity(self.places.len());
        for (i, (place, field)) in self.places.iter().zip(self.schema.fields()).enumerate() {
            let column = batch.column(*place);
            let column = match (column.data_type() == field.data_type(), self.strict) {
                (true, _) => Arc::clone(column),
                (false, false) => cast(column, field.data_type())?,
                (false, true) => {
                    let options = CastOptions {
                        safe: false,
                        ..CastOptions::default()
                    };
                    cast_with_options(column, field.data_type(), &options)?
                }
            };
            if let Some(Some(most)) = self.lengths.get(i)
                && let Some(long) = longer(&column, *most)
            {
                return Err(SqlProblem::new(format!(
                    "{TRUNCATION}: `{}` takes {most} characters and got {long}",
                    field.name()
                )));
            }
            columns.push(column);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// The length of the first text that has more characters than `most`. Blanks at the end do not count, as in standard SQL.
fn longer(column: &ArrayRef, most: usize) -> Option<usize> {
    if *column.data_type() != DataType::Utf8 {
        return None;
    }
    let texts = column.as_string::<i32>();
    let whole = i64::try_from(most).unwrap_or(i64::MAX);
    // Bytes are at least as many as characters: nearly always this look is enough.
    let short = |w: &[i32]| i64::from(w[1]) - i64::from(w[0]) <= whole;
    if texts.value_offsets().windows(2).all(short) {
        return None;
    }
    let long = |t: &str| t.trim_end_matches(' ').chars().count();
    texts.iter().flatten().map(long).find(|n| *n > most)
}
