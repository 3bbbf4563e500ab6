//! Which rows of a batch are shown, in which order, and what stands in their cells.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices, take_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use weir_engine::lake::glue_type;

/// Stands between the cells of a row that is searched, so that no text is found across two cells.
const BORDER: char = '\u{1f}';

/// A column and the way its rows are ordered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sort {
    pub(super) column: usize,
    pub(super) descending: bool,
}

/// What the head of a column says.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) type_name: String,
    /// Numbers and instants stand in figures of equal width.
    pub(super) is_figures: bool,
    /// Numbers stand at the right.
    pub(super) is_number: bool,
}

/// A batch with the order that its rows are shown in. Worked out anew only when batch, filter or order change.
#[derive(Debug, Default)]
pub(super) struct Rows {
    batch: Option<RecordBatch>,
    heads: Vec<Head>,
    /// Each row in lower case, once it was searched.
    haystack: Vec<String>,
    order: Vec<u32>,
    filter: String,
    sort: Option<Sort>,
}

impl Rows {
    /// Takes what is to be shown. True when the columns are others than before.
    pub(super) fn take(&mut self, batch: &RecordBatch, filter: &str, sort: Option<Sort>) -> bool {
        let is_same = self.batch.as_ref().is_some_and(|b| same(b, batch));
        let is_new = self
            .batch
            .as_ref()
            .is_none_or(|b| b.schema() != batch.schema());
        if is_same && self.filter == filter && self.sort == sort {
            return false;
        }
        if is_new {
            self.heads = heads(batch);
        }
        if !is_same {
            self.haystack.clear();
            // Held, so that the addresses of its columns name this batch alone.
            self.batch = Some(batch.clone());
        }
        filter.clone_into(&mut self.filter);
        self.sort = sort;
        self.arrange();
        is_new
    }
    pub(super) fn heads(&self) -> &[Head] {
        &self.heads
    }
    /// Rows that are shown.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }
    /// Rows of the batch.
    pub(super) fn total(&self) -> usize {
        self.batch.as_ref().map_or(0, RecordBatch::num_rows)
    }
    /// The row of the batch at place `at`.
    pub(super) fn row(&self, at: usize) -> Option<usize> {
        usize::try_from(*self.order.get(at)?).ok()
    }
    /// The text of the cell at place `at`; `None` for a null.
    pub(super) fn text(&self, at: usize, column: usize) -> Option<String> {
        let (batch, row) = (self.batch.as_ref()?, self.row(at)?);
        cell(batch.columns().get(column)?, row)
    }
    /// The rows as they are shown.
    pub(super) fn shown(&self) -> Result<RecordBatch, ArrowError> {
        match &self.batch {
            Some(batch) => take_record_batch(batch, &UInt32Array::from(self.order.clone())),
            None => Err(ArrowError::InvalidArgumentError(
                "there are no rows".to_owned(),
            )),
        }
    }
    fn arrange(&mut self) {
        let Some(batch) = &self.batch else { return };
        let rows = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
        self.order = self
            .sort
            .map_or_else(|| (0..rows).collect(), |s| sorted(batch, s, rows));
        let wanted = self.filter.trim().to_lowercase();
        if wanted.is_empty() {
            return;
        }
        if self.haystack.is_empty() {
            self.haystack = haystack(batch);
        }
        let haystack = &self.haystack;
        let has = |row: &u32| {
            let text = usize::try_from(*row).ok().and_then(|r| haystack.get(r));
            text.is_some_and(|t| t.contains(&wanted))
        };
        self.order.retain(has);
    }
}

/// True when both are the very same columns in memory.
fn same(a: &RecordBatch, b: &RecordBatch) -> bool {
    let columns = a.columns().iter().zip(b.columns());
    a.num_rows() == b.num_rows()
        && a.num_columns() == b.num_columns()
        && a.num_columns() > 0
        && Arc::ptr_eq(&a.schema(), &b.schema())
        && columns.into_iter().all(|(x, y)| Arc::ptr_eq(x, y))
}

fn heads(batch: &RecordBatch) -> Vec<Head> {
    let schema = batch.schema();
    let head = |f: &Arc<arrow::datatypes::Field>| Head {
        name: f.name().clone(),
        type_name: glue_type(f.data_type()),
        is_figures: f.data_type().is_numeric() || f.data_type().is_temporal(),
        is_number: f.data_type().is_numeric(),
    };
    schema.fields().iter().map(head).collect()
}

/// Rows by a column, nulls last, equal ones in the order of the batch.
fn sorted(batch: &RecordBatch, sort: Sort, rows: u32) -> Vec<u32> {
    let all = || (0..rows).collect::<Vec<u32>>();
    let Some(values) = batch.columns().get(sort.column) else {
        return all();
    };
    let options = Some(SortOptions {
        descending: sort.descending,
        nulls_first: false,
    });
    let place: ArrayRef = Arc::new(UInt32Array::from(all()));
    let by = [
        SortColumn {
            values: Arc::clone(values),
            options,
        },
        SortColumn {
            values: place,
            options: None,
        },
    ];
    if let Ok(order) = lexsort_to_indices(&by, None) {
        return order.values().to_vec();
    }
    // A type without an order of its own: by its text.
    let text = |row: u32| usize::try_from(row).ok().and_then(|r| cell(values, r));
    let mut order: Vec<(Option<String>, u32)> = all().into_iter().map(|r| (text(r), r)).collect();
    order.sort_by(|(a, _), (b, _)| match (a, b) {
        (Some(a), Some(b)) if sort.descending => b.cmp(a),
        (Some(a), Some(b)) => a.cmp(b),
        // Nulls last either way.
        _ => b.is_some().cmp(&a.is_some()),
    });
    order.into_iter().map(|(_, r)| r).collect()
}

fn haystack(batch: &RecordBatch) -> Vec<String> {
    let mut rows = vec![String::new(); batch.num_rows()];
    for column in batch.columns() {
        for (i, row) in rows.iter_mut().enumerate() {
            if let Some(text) = cell(column, i) {
                row.push_str(&text.to_lowercase());
            }
            row.push(BORDER);
        }
    }
    rows
}

/// The text of one cell; `None` for a null.
pub(super) fn cell(column: &ArrayRef, row: usize) -> Option<String> {
    if row >= column.len() || column.is_null(row) || matches!(column.data_type(), DataType::Null) {
        return None;
    }
    let options = FormatOptions::new().with_display_error(true);
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options).ok()?;
    Some(formatter.value(row).to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};

    pub(crate) fn batch() -> RecordBatch {
        let fields = vec![
            Field::new("id", DataType::Int64, true),
            Field::new("city", DataType::Utf8, true),
            Field::new("amount", DataType::Float64, true),
        ];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![Some(3), Some(10), None, Some(3)])),
            Arc::new(StringArray::from(vec![
                Some("Seoul"),
                None,
                Some("a\tb"),
                Some("서울 \"x\""),
            ])),
            Arc::new(Float64Array::from(vec![1.5, -2.0, 0.0, 1.5])),
        ];
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    fn order(filter: &str, sort: Option<Sort>) -> Vec<u32> {
        let mut rows = Rows::default();
        rows.take(&batch(), filter, sort);
        rows.order
    }

    #[test]
    fn rows_are_filtered_by_any_cell_whatever_the_case() {
        assert_eq!(order("", None), [0, 1, 2, 3]);
        assert_eq!(order(" SEOUL ", None), [0]);
        assert_eq!(order("서울", None), [3]);
        assert_eq!(order("-2", None), [1]);
        // Not across two cells.
        assert!(order("3seoul", None).is_empty());
    }

    #[test]
    fn rows_are_sorted_stably_with_nulls_last() {
        let by = |column, descending| order("", Some(Sort { column, descending }));
        assert_eq!(by(0, false), [0, 3, 1, 2]);
        assert_eq!(by(0, true), [1, 0, 3, 2]);
        assert_eq!(by(1, false), [0, 2, 3, 1]);
        assert_eq!(by(2, false), [1, 2, 0, 3]);
        assert_eq!(by(9, false), [0, 1, 2, 3]);
        assert_eq!(
            order(
                "1.5",
                Some(Sort {
                    column: 0,
                    descending: true
                })
            ),
            [0, 3]
        );
    }

    #[test]
    fn the_same_batch_is_not_arranged_twice() {
        let batch = batch();
        let mut rows = Rows::default();
        assert!(rows.take(&batch, "", None));
        assert!(!rows.take(&batch.clone(), "", None));
        rows.take(&batch, "seoul", None);
        assert_eq!((rows.len(), rows.total()), (1, 4));
        assert_eq!(rows.text(0, 1).as_deref(), Some("Seoul"));
        assert_eq!(rows.shown().unwrap().num_rows(), 1);
        assert_eq!(rows.text(5, 1), None);
    }
}
