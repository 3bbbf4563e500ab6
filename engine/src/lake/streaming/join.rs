//! A stream joined with reference data: a table that is held in memory and looked up for every record.

use std::collections::BTreeMap;

use arrow::array::{Array as _, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{cast, take, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{RowConverter, SortField};

use super::rows::Rows;
use crate::lake::error::SqlProblem;
use crate::lake::transform::Transform;

/// A lookup by equal keys.
pub(super) struct Join {
    keys: Transform,
    theirs: Transform,
    kinds: Vec<DataType>,
    converter: RowConverter,
    index: BTreeMap<Vec<u8>, Vec<u32>>,
    table: RecordBatch,
    /// Records without a match stay, with nulls.
    outer: bool,
    output: SchemaRef,
    /// Columns of the stream that are shown come first, then those of the table, then the hidden ones.
    shown: usize,
}

impl Join {
    /// `keys` computes the stream's keys, `theirs` the table's.
    pub(super) fn new(
        keys: Transform,
        theirs: Transform,
        table: &RecordBatch,
        outer: bool,
        output: SchemaRef,
        shown: usize,
    ) -> Result<Self, SqlProblem> {
        let fields = keys.output_schema().fields();
        let kinds: Vec<DataType> = fields.iter().map(|f| f.data_type().clone()).collect();
        let sorts = kinds.iter().cloned().map(SortField::new).collect();
        let mut join = Self {
            keys,
            theirs,
            kinds,
            converter: RowConverter::new(sorts)?,
            index: BTreeMap::new(),
            table: table.slice(0, 0),
            outer,
            output,
            shown,
        };
        join.refer(table)?;
        Ok(join)
    }
    /// Takes the rows of the table, in place of those before.
    pub(super) fn refer(&mut self, table: &RecordBatch) -> Result<(), SqlProblem> {
        let own = self.theirs.apply(table)?.rows;
        let columns: Vec<ArrayRef> = own
            .columns()
            .iter()
            .zip(&self.kinds)
            .map(|(c, k)| cast(c, k))
            .collect::<Result<_, _>>()?;
        let rows = self.converter.convert_columns(&columns)?;
        let mut index: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
        for (i, row) in rows.iter().enumerate() {
            // A null is equal to nothing.
            if columns.iter().all(|c| c.is_valid(i)) {
                let place = u32::try_from(i).unwrap_or(u32::MAX);
                index.entry(row.as_ref().to_vec()).or_default().push(place);
            }
        }
        self.index = index;
        self.table = table.clone();
        Ok(())
    }
    /// The keys of rows.
    pub(super) fn keys_of(&self, batch: &RecordBatch) -> Result<RecordBatch, SqlProblem> {
        Ok(self.keys.apply(batch)?.rows)
    }
    pub(super) fn push(&self, rows: &Rows, keys: &RecordBatch) -> Result<Rows, SqlProblem> {
        let bytes = self.converter.convert_columns(keys.columns())?;
        let (mut left, mut right): (Vec<u32>, Vec<Option<u32>>) = (Vec::new(), Vec::new());
        for i in 0..keys.num_rows() {
            let place = u32::try_from(i).unwrap_or(u32::MAX);
            match self.index.get(bytes.row(i).data()) {
                Some(found) if keys.columns().iter().all(|c| c.is_valid(i)) => {
                    left.extend(std::iter::repeat_n(place, found.len()));
                    right.extend(found.iter().map(|f| Some(*f)));
                }
                _ if self.outer => {
                    left.push(place);
                    right.push(None);
                }
                _ => {}
            }
        }
        let (left, right) = (UInt32Array::from(left), UInt32Array::from(right));
        let own = take_record_batch(&rows.batch, &left)?;
        let mut columns: Vec<ArrayRef> = own.columns()[..self.shown].to_vec();
        for column in self.table.columns() {
            columns.push(take(column, &right, None)?);
        }
        columns.extend(own.columns()[self.shown..].iter().cloned());
        let batch = RecordBatch::try_new(self.output.clone(), columns)?;
        Ok(rows.with(batch, Some(&left)))
    }
}
