//! The function's SQL: what it makes of a batch, made once for all runs that share.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::SchemaRef;

use super::function::Output;
use crate::data::{Batch, Fingerprint, Shared, json_sizes};
use crate::lake::Transform;

/// What a function made of records, without what it took over from them as it was: that is as large as the records.
struct Known {
    schema: SchemaRef,
    columns: Vec<Column>,
    sizes: ScalarBuffer<u32>,
}

enum Column {
    /// The input's column at this place.
    Same(usize),
    New(ArrayRef),
}

impl Known {
    /// `None` when rows were left out or put together.
    fn of(output: &Output, input: &Batch) -> Option<Self> {
        let made = &output.batch;
        if output.regrouped || made.len() != input.len() || made.born != input.born {
            return None;
        }
        let inputs: Vec<_> = input.rows.columns().iter().map(|c| c.to_data()).collect();
        let is_in = |c: &ArrayRef| {
            let data = c.to_data();
            inputs.iter().position(|i| i.ptr_eq(&data))
        };
        let column = |c: &ArrayRef| match is_in(c) {
            Some(place) => Column::Same(place),
            None => Column::New(Arc::clone(c)),
        };
        Some(Self {
            schema: made.schema(),
            columns: made.rows.columns().iter().map(column).collect(),
            sizes: made.sizes.clone(),
        })
    }
    fn bytes(&self) -> usize {
        let new = self.columns.iter().map(|c| match c {
            Column::Same(_) => 0,
            Column::New(array) => array.get_array_memory_size(),
        });
        new.sum::<usize>() + self.sizes.len() * 4
    }
    /// The same of `input`, which has the records that it was made of.
    fn output(&self, input: &Batch) -> Option<Output> {
        let column = |c: &Column| match c {
            Column::Same(place) => Arc::clone(input.rows.column(*place)),
            Column::New(array) => Arc::clone(array),
        };
        let columns = self.columns.iter().map(column).collect();
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns).ok()?;
        Some(Output::of(Batch {
            weight: input.weight,
            ..Batch::new(rows, input.born.clone(), self.sizes.clone())
        }))
    }
}

/// The same from another run, when that gave the function the same records.
pub(super) fn shared_apply(
    shared: &Shared,
    sql: &str,
    transform: &Transform,
    batch: &Batch,
) -> Result<Output, String> {
    let key = if shared.is_kept() {
        batch_key(sql, batch)
    } else {
        None
    };
    let known = key.and_then(|k| shared.result::<Known>(k));
    if let Some(output) = known.and_then(|k| k.output(batch)) {
        return Ok(output);
    }
    let output = apply(transform, batch)?;
    if let Some((key, known)) = key.zip(Known::of(&output, batch)) {
        let bytes = known.bytes();
        shared.keep(key, &Arc::new(known), bytes);
    }
    Ok(output)
}

/// Tells apart what a function makes of records. `None` when it cannot.
fn batch_key(sql: &str, batch: &Batch) -> Option<u128> {
    let mut print = Fingerprint::default();
    print.bytes(sql.as_bytes());
    print.bytes(format!("{:?} {} {}", batch.schema(), batch.weight, batch.aggregate).as_bytes());
    print.bytes(batch.born.inner());
    // Malformed records come from faults, which draw: not worth sharing.
    (batch.malformed.is_none() && print.rows(&batch.rows)).then(|| print.finish())
}

pub(super) fn apply(transform: &Transform, batch: &Batch) -> Result<Output, String> {
    let applied = transform.apply(&batch.rows).map_err(|e| e.to_string())?;
    let weight = u64::from(batch.weight);
    let (rows_in, rows_out) = (batch.len() as u64, applied.rows.num_rows() as u64);
    if applied.regrouped {
        // A result of many records is as old as the oldest of them.
        let oldest = batch.born.iter().copied().min().unwrap_or(0);
        let sizes = json_sizes(&applied.rows);
        let born = std::iter::repeat_n(oldest, applied.rows.num_rows()).collect();
        let new = Batch {
            weight: batch.weight,
            ..Batch::new(applied.rows, born, sizes)
        };
        return Ok(Output {
            merged: rows_in.saturating_sub(rows_out) * weight,
            created: rows_out.saturating_sub(rows_in) * weight,
            regrouped: true,
            ..Output::of(new)
        });
    }
    let kept = match &applied.kept {
        Some(indices) => indices
            .values()
            .iter()
            .map(|i| batch.born[*i as usize])
            .collect(),
        None => batch.born.clone(),
    };
    let sizes = json_sizes(&applied.rows);
    let new = Batch {
        weight: batch.weight,
        ..Batch::new(applied.rows, kept, sizes)
    };
    Ok(Output {
        filtered: (rows_in - rows_out) * weight,
        ..Output::of(new)
    })
}
