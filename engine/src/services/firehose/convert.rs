//! Record format conversion: rows in the columns of a table of the data catalog. A record whose value does not fit its
//! column cannot be converted.

use std::sync::Arc;

use arrow::array::Array as _;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;

use crate::data::Batch;
use crate::lake::{Lake, Table, conform};
use crate::node::NodeResult;

/// The table that files are written for.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// The database that was told along the wire.
    pub(super) database: Option<String>,
    known: Option<(Arc<Table>, SchemaRef)>,
}

impl Target {
    /// The columns of the table, once it is there.
    pub(super) fn schema(&mut self, table: &str, lake: &Lake) -> Option<SchemaRef> {
        let catalog = lake.catalog();
        let table = catalog.table(self.database.as_deref()?, table)?;
        if let Some((known, schema)) = &self.known
            && Arc::ptr_eq(known, table)
        {
            return Some(Arc::clone(schema));
        }
        let schema = table.file_schema().ok()?;
        self.known = Some((Arc::clone(table), Arc::clone(&schema)));
        Some(schema)
    }
}

/// The records in the columns of `schema`, and those of which a value does not fit.
pub(super) fn convert(batch: &Batch, schema: &SchemaRef) -> NodeResult<(Batch, Option<Batch>)> {
    let Ok(rows) = conform(&batch.rows, schema) else {
        return Ok((batch.slice(0, 0), Some(batch.clone())));
    };
    let own = batch.schema();
    let mut bad = vec![false; batch.len()];
    let mut any = false;
    for (i, field) in schema.fields().iter().enumerate() {
        let place = own
            .fields()
            .iter()
            .position(|f| f.name().eq_ignore_ascii_case(field.name()));
        let Some(old) = place.map(|p| batch.rows.column(p)) else {
            continue;
        };
        let new = rows.column(i);
        if new.null_count() == old.null_count() {
            continue;
        }
        for (row, bad) in bad.iter_mut().enumerate() {
            let lost = old.is_valid(row) && new.is_null(row);
            *bad |= lost;
            any |= lost;
        }
    }
    let whole = Batch {
        rows,
        ..batch.clone()
    };
    if !any {
        return Ok((whole, None));
    }
    let bad: BooleanBuffer = bad.into();
    Ok((whole.filter(&!&bad)?, Some(batch.filter(&bad)?)))
}
