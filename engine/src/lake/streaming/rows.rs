//! Records inside an application: the columns of an in-application stream, hidden times beside them, and where each record came from.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch};
use arrow::array::{TimestampMillisecondArray, UInt32Array};
use arrow::buffer::ScalarBuffer;
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use super::declare::time_type;

/// The hidden column with ROWTIME.
pub(super) const ROWTIME: &str = "__rowtime";
/// The hidden column with the arrival in the stream.
pub(super) const ARRIVAL: &str = "__arrival";

/// Which record of the batch at the application's input a row is.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Row `i` is record `i`.
    Same,
    /// These records.
    Of(UInt32Array),
    /// None: it was made of several.
    Made,
}

impl Origin {
    /// The record that a row is.
    pub(super) fn record(&self, row: usize) -> Option<u32> {
        match self {
            Self::Same => u32::try_from(row).ok(),
            Self::Of(own) => own.values().get(row).copied(),
            Self::Made => None,
        }
    }
    /// The records at these rows.
    pub(super) fn at(&self, kept: Option<&UInt32Array>) -> Self {
        match (self, kept) {
            (own, None) => own.clone(),
            (Self::Same, Some(kept)) => Self::Of(kept.clone()),
            (Self::Of(own), Some(kept)) => {
                let of = |i: &u32| own.value(*i as usize);
                Self::Of(kept.values().iter().map(of).collect::<Vec<_>>().into())
            }
            (Self::Made, Some(_)) => Self::Made,
        }
    }
}

/// Rows of an in-application stream.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) batch: RecordBatch,
    /// Birth of each row in nanoseconds of virtual time.
    pub(super) born: ScalarBuffer<u64>,
    pub(super) origin: Origin,
    /// Records that each row stands for.
    pub(super) weight: u32,
}

impl Rows {
    /// New columns for the rows that were kept.
    pub(super) fn with(&self, batch: RecordBatch, kept: Option<&UInt32Array>) -> Self {
        let born = match kept {
            None => self.born.clone(),
            Some(kept) => kept
                .values()
                .iter()
                .map(|i| self.born.get(*i as usize).copied().unwrap_or_default())
                .collect(),
        };
        Self {
            batch,
            born,
            origin: self.origin.at(kept),
            weight: self.weight,
        }
    }
    /// The births and origins of these rows alone; the columns are to be replaced.
    pub(super) fn only(&self, kept: Option<&UInt32Array>) -> Self {
        match kept {
            None => self.clone(),
            Some(_) => self.with(self.batch.slice(0, 0), kept),
        }
    }
    /// These rows alone.
    pub(super) fn only_of(&self, kept: Option<&UInt32Array>) -> Result<Self, ArrowError> {
        Ok(match kept {
            None => self.clone(),
            Some(which) => self.with(take_record_batch(&self.batch, which)?, kept),
        })
    }
    /// Rows made of others, all born then.
    pub(super) fn made(batch: RecordBatch, born: u64) -> Self {
        Self {
            born: vec![born; batch.num_rows()].into(),
            batch,
            origin: Origin::Made,
            weight: 1,
        }
    }
}

/// A hidden or shown time column.
pub(super) fn time_field(name: &str) -> Field {
    Field::new(name, time_type(), true)
}

/// The same time for all rows.
pub(super) fn same_time(at_ms: i64, rows: usize) -> ArrayRef {
    times(vec![at_ms; rows])
}

/// A column of times.
pub(super) fn times(all_ms: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from(all_ms).with_timezone("UTC"))
}

/// A time column as milliseconds since 1970 UTC.
pub(super) fn millis(column: &ArrayRef) -> Result<Int64Array, ArrowError> {
    let plain = match column.data_type() {
        DataType::Timestamp(TimeUnit::Millisecond, _) => Arc::clone(column),
        _ => cast(column, &time_type())?,
    };
    let plain = cast(&plain, &DataType::Int64)?;
    Ok(plain.as_primitive::<Int64Type>().clone())
}

/// A schema with further columns.
pub(super) fn wider(schema: &SchemaRef, more: impl IntoIterator<Item = Field>) -> SchemaRef {
    let own = schema.fields().iter().map(|f| f.as_ref().clone());
    Arc::new(Schema::new(own.chain(more).collect::<Vec<_>>()))
}

/// A batch with further columns.
pub(super) fn widened(
    batch: &RecordBatch,
    schema: &SchemaRef,
    more: impl IntoIterator<Item = ArrayRef>,
) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().cloned().chain(more).collect();
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// What became of a record at the input.
pub(super) mod fate {
    /// It went into a window or a state.
    pub(crate) const MERGED: u8 = 1;
    /// It came after its window had closed.
    pub(crate) const LATE: u8 = 2;
    /// There was no room for another window or key.
    pub(crate) const FULL: u8 = 4;
    /// It holds a value that does not compute.
    pub(crate) const BAD: u8 = 8;
}

/// Notes what becomes of the records of one batch.
#[derive(Debug, Default)]
pub(super) struct Fates {
    pub(super) marks: Vec<u8>,
    /// Rows that did not compute.
    pub(super) faults: Vec<super::faults::Fault>,
    /// Rows made inside that had no room, weights included.
    pub(super) lost: u64,
}

impl Fates {
    pub(super) fn of(records: usize) -> Self {
        Self {
            marks: vec![0; records],
            faults: Vec::new(),
            lost: 0,
        }
    }
    /// Rows `which` (all when `None`) of these came to `what`.
    pub(super) fn mark(&mut self, origin: &Origin, which: Option<&[u32]>, what: u8) {
        let mut set = |i: usize| {
            if let Some(fate) = self.marks.get_mut(i) {
                *fate |= what;
            }
        };
        match (origin, which) {
            (Origin::Made, _) => {}
            (Origin::Same, None) => self.marks.iter_mut().for_each(|f| *f |= what),
            (Origin::Same, Some(rows)) => rows.iter().for_each(|r| set(*r as usize)),
            (Origin::Of(own), None) => own.values().iter().for_each(|r| set(*r as usize)),
            (Origin::Of(own), Some(rows)) => {
                for row in rows {
                    if (*row as usize) < own.len() {
                        set(own.value(*row as usize) as usize);
                    }
                }
            }
        }
    }
}
