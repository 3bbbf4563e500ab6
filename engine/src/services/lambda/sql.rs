//! The function's SQL: what it makes of a batch, made once for all runs that share.

use std::sync::Arc;

use super::function::Output;
use crate::data::{Batch, Fingerprint, Shared, json_sizes};
use crate::lake::Transform;

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
    if let Some(known) = key.and_then(|k| shared.result::<Output>(k)) {
        return Ok((*known).clone());
    }
    let output = apply(transform, batch)?;
    if let Some(key) = key {
        shared.keep(key, &Arc::new(output.clone()), output.batch.memory_bytes());
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
