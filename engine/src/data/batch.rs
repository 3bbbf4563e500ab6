//! Records in columns: the rows, and beside them for each record its birth in virtual time and its size on the wire.
//!
//! A batch is cheap to clone and to slice (buffers are shared). Every per-record rule (25 KB units, 5 KB rounding, shard
//! limits, percentiles) reads the parallel columns, never an average.

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, UInt32Array};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;

/// Many records of one schema.
///
/// Invariant: `rows`, `born`, `sizes` and `malformed` (when present) have the same length.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The fields of the records.
    pub rows: RecordBatch,
    /// When each record came into being: nanoseconds of virtual time (`SimTime`).
    pub born: ScalarBuffer<u64>,
    /// Bytes of each record on the wire: its JSON object without a line end.
    pub sizes: ScalarBuffer<u32>,
    /// Records whose bytes do not parse (set bits), when a fault made some. Their fields keep what was meant.
    pub malformed: Option<BooleanBuffer>,
    /// How many real records each row stands for: 1 unless the source samples.
    pub weight: u32,
    /// When not 0: the sender packs records of one shard into stream records of up to so many bytes (KPL aggregation).
    pub aggregate: u32,
}

impl Batch {
    /// A batch of well-formed records of weight 1.
    ///
    /// # Panics
    /// When the lengths differ.
    #[must_use]
    pub fn new(rows: RecordBatch, born: ScalarBuffer<u64>, sizes: ScalarBuffer<u32>) -> Self {
        assert!(
            rows.num_rows() == born.len() && born.len() == sizes.len(),
            "columns of a batch have one length"
        );
        Self {
            rows,
            born,
            sizes,
            malformed: None,
            weight: 1,
            aggregate: 0,
        }
    }
    /// Rows that are here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }
    /// True when there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Records that the rows stand for.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.len() as u64 * u64::from(self.weight)
    }
    /// Bytes on the wire of all records that the rows stand for.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.row_bytes() * u64::from(self.weight)
    }
    /// Bytes on the wire of the rows themselves.
    #[must_use]
    pub fn row_bytes(&self) -> u64 {
        self.sizes.iter().map(|&n| u64::from(n)).sum()
    }
    /// The columns' names and types.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
    /// Rows `offset..offset + len`, sharing the buffers.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        if offset == 0 && len == self.len() {
            // Sharing whole columns costs less than making new ones that share their buffers.
            return self.clone();
        }
        Self {
            rows: self.rows.slice(offset, len),
            born: self.born.slice(offset, len),
            sizes: self.sizes.slice(offset, len),
            malformed: self.malformed.as_ref().map(|m| m.slice(offset, len)),
            weight: self.weight,
            aggregate: self.aggregate,
        }
    }
    /// The rows in pieces of at most `max_rows` rows and `max_bytes` row bytes each, but at least one row, in order: what one
    /// call may hold.
    #[must_use]
    pub fn parts(&self, max_rows: usize, max_bytes: u64) -> Vec<Self> {
        let mut out = Vec::new();
        let (mut from, mut bytes) = (0, 0);
        for (row, size) in self.sizes.iter().enumerate() {
            let size = u64::from(*size);
            if row > from && (row - from >= max_rows || bytes + size > max_bytes) {
                out.push(self.slice(from, row - from));
                (from, bytes) = (row, 0);
            }
            bytes += size;
        }
        if from < self.len() {
            out.push(self.slice(from, self.len() - from));
        }
        out
    }
    /// How many rows from `offset` on fit into `max_bytes` (weights included); one row more than fits when it is the one that
    /// fills them, so that there is always one.
    #[must_use]
    pub fn rows_within(&self, offset: usize, max_bytes: u64) -> usize {
        let mut bytes = 0;
        for (row, size) in self.sizes.iter().skip(offset).enumerate() {
            bytes += u64::from(*size) * u64::from(self.weight);
            if bytes >= max_bytes {
                return row + 1;
            }
        }
        self.len() - offset
    }
    /// The rows at `indices`, in that order.
    ///
    /// # Errors
    /// When an index is out of bounds.
    pub fn take(&self, indices: &UInt32Array) -> Result<Self, ArrowError> {
        let at = |i: &u32| *i as usize;
        Ok(Self {
            rows: take_record_batch(&self.rows, indices)?,
            born: indices.values().iter().map(|i| self.born[at(i)]).collect(),
            sizes: indices.values().iter().map(|i| self.sizes[at(i)]).collect(),
            malformed: self
                .malformed
                .as_ref()
                .map(|m| indices.values().iter().map(|i| m.value(at(i))).collect()),
            weight: self.weight,
            aggregate: self.aggregate,
        })
    }
    /// The rows whose bit is set.
    ///
    /// # Errors
    /// When the mask has another length.
    pub fn filter(&self, keep: &BooleanBuffer) -> Result<Self, ArrowError> {
        let mask = BooleanArray::new(keep.clone(), None);
        Ok(Self {
            rows: filter_record_batch(&self.rows, &mask)?,
            born: keep.set_indices().map(|i| self.born[i]).collect(),
            sizes: keep.set_indices().map(|i| self.sizes[i]).collect(),
            malformed: self
                .malformed
                .as_ref()
                .map(|m| keep.set_indices().map(|i| m.value(i)).collect()),
            weight: self.weight,
            aggregate: self.aggregate,
        })
    }
    /// All rows of `batches`, in order. They must agree in schema and weight.
    ///
    /// # Errors
    /// When `batches` is empty or schemas or weights differ.
    pub fn concat(batches: &[Self]) -> Result<Self, ArrowError> {
        let first = batches
            .first()
            .ok_or_else(|| ArrowError::InvalidArgumentError("no batches".to_owned()))?;
        if batches.iter().any(|b| b.weight != first.weight) {
            return Err(ArrowError::InvalidArgumentError(
                "batches of different weight do not join".to_owned(),
            ));
        }
        let rows = concat_batches(&first.rows.schema(), batches.iter().map(|b| &b.rows))?;
        let malformed = batches.iter().any(|b| b.malformed.is_some()).then(|| {
            let bits = batches.iter().flat_map(|b| {
                (0..b.len()).map(|i| b.malformed.as_ref().is_some_and(|m| m.value(i)))
            });
            bits.collect::<BooleanBuffer>()
        });
        Ok(Self {
            rows,
            born: batches
                .iter()
                .flat_map(|b| b.born.iter().copied())
                .collect(),
            sizes: batches
                .iter()
                .flat_map(|b| b.sizes.iter().copied())
                .collect(),
            malformed,
            weight: first.weight,
            aggregate: first.aggregate,
        })
    }
    /// How many rows do not parse.
    #[must_use]
    pub fn malformed_rows(&self) -> usize {
        self.malformed
            .as_ref()
            .map_or(0, BooleanBuffer::count_set_bits)
    }
    /// Bytes of this machine's memory that the rows take, as if no other batch shared their buffers.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let columns = self.rows.columns().iter().map(column_bytes);
        columns.sum::<usize>() + self.len() * 12
    }
}

/// As arrow's `get_slice_memory_size`, which for many small batches takes as long as making them: its description of the column
/// has to be made first.
fn column_bytes(column: &ArrayRef) -> usize {
    let len = column.len();
    let nulls = column.nulls().filter(|n| n.null_count() > 0);
    let nulls = nulls.map_or(0, |_| len.div_ceil(8));
    let values = match column.data_type() {
        DataType::Utf8 => {
            let offsets = column.as_string::<i32>().value_offsets();
            let from = offsets.first().copied().unwrap_or_default();
            let to = offsets.last().copied().unwrap_or_default();
            size_of_val(offsets) + usize::try_from(to - from).unwrap_or(0)
        }
        DataType::Boolean => len.div_ceil(8),
        other => match other.primitive_width() {
            Some(width) => len * width,
            None => return column.to_data().get_slice_memory_size().unwrap_or(0),
        },
    };
    nulls + values
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, ListArray, StringArray};
    use arrow::datatypes::Int32Type;
    use std::sync::Arc;

    #[test]
    fn bytes_of_a_column_are_those_that_arrow_counts() {
        let texts: StringArray = (0..70)
            .map(|i| (i % 9 > 0).then(|| "x".repeat(i)))
            .collect();
        let lists = (0..70).map(|i| Some((0..i % 5).map(Some)));
        let columns: [ArrayRef; 4] = [
            Arc::new(texts),
            Arc::new(
                (0..70)
                    .map(|i| (i % 3 > 0).then_some(f64::from(i)))
                    .collect::<Float64Array>(),
            ),
            Arc::new(
                (0..70)
                    .map(|i| (i % 5 > 0).then_some(i % 2 == 0))
                    .collect::<BooleanArray>(),
            ),
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
        ];
        for column in columns {
            for (from, len) in [(0, 70), (0, 0), (3, 1), (9, 33)] {
                let part = column.slice(from, len);
                let counted = part.to_data().get_slice_memory_size().unwrap();
                assert_eq!(
                    column_bytes(&part),
                    counted,
                    "{} {from} {len}",
                    part.data_type()
                );
            }
        }
    }
}
