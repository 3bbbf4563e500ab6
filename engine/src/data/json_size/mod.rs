//! The exact size of records as JSON lines, computed without writing them.
//!
//! Every service bills, limits and buffers by bytes on the wire, so sizes are on the hot path of every source and every
//! transformation. [`json_sizes`] agrees byte for byte with [`encode_json_lines`] (arrow's own writer, default options: nulls
//! are left out); the tests compare the two over random batches.
//!
//! Sizes are bytes, without the line end. Knows nothing of nodes or services.

mod number;
mod text;
mod time;

#[cfg(test)]
mod tests;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch, StructArray, make_array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use std::sync::Arc;

pub(crate) use time::utc_millis_size;

/// Length of `null`, which list elements and not-a-number floats become.
const NULL: u32 = 4;

/// For each row, the bytes of its JSON object as [`encode_json_lines`] writes it, without the line end.
///
/// A column of a type that JSON lines cannot hold (a union) counts as absent.
#[must_use]
pub fn json_sizes(rows: &RecordBatch) -> ScalarBuffer<u32> {
    let schema = rows.schema();
    let fields = schema.fields().iter().map(|f| f.name().as_str());
    object_sizes(fields.zip(rows.columns()), rows.num_rows()).into()
}

/// The rows as JSON lines, as arrow-json writes them with its default options: one object a line, nulls left out.
///
/// # Errors
/// When a column has a type that JSON cannot hold, such as a union.
pub fn encode_json_lines(rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut out = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut out);
    writer.write(rows)?;
    writer.finish()?;
    drop(writer);
    Ok(out)
}

/// Sizes of objects whose members are `columns`: braces, and for each member that is present its name, colon, value and
/// the comma before all but the first.
fn object_sizes<'a>(
    columns: impl Iterator<Item = (&'a str, &'a ArrayRef)>,
    rows: usize,
) -> Vec<u32> {
    let mut sizes = vec![2_u32; rows];
    for (name, column) in columns {
        let key = text::quoted_size(name.as_bytes()).saturating_add(2);
        add_present(column.as_ref(), key, &mut sizes);
    }
    for size in &mut sizes {
        // Every member was counted with a comma; the first has none.
        *size -= u32::from(*size > 2);
    }
    sizes
}

/// Adds `key` and the value's size to every row where `column` is not null.
fn add_present(column: &dyn Array, key: u32, sizes: &mut [u32]) {
    if *column.data_type() == DataType::Null {
        return;
    }
    let Some(values) = value_sizes(column) else {
        return;
    };
    match column.logical_nulls().filter(|n| n.null_count() > 0) {
        None => {
            for (size, value) in sizes.iter_mut().zip(&values) {
                *size = size.saturating_add(key + value);
            }
        }
        Some(nulls) => {
            // The writer looks at a dictionary's keys only: a null among its values is written as an empty value.
            let nulls = writer_nulls(column, nulls);
            for (i, (size, value)) in sizes.iter_mut().zip(&values).enumerate() {
                if nulls.is_none_or_valid(i) {
                    *size = size.saturating_add(key + value);
                }
            }
        }
    }
}

/// The nulls that the writer sees.
struct Seen(Option<NullBuffer>);

impl Seen {
    fn is_none_or_valid(&self, i: usize) -> bool {
        self.0.as_ref().is_none_or(|n| n.is_valid(i))
    }
}

fn writer_nulls(column: &dyn Array, logical: NullBuffer) -> Seen {
    Seen(match column.data_type() {
        DataType::RunEndEncoded(_, _) => Some(logical),
        _ => column.nulls().cloned(),
    })
}

/// The size of each value, whether or not it is null; `None` for a type that JSON cannot hold.
fn value_sizes(column: &dyn Array) -> Option<Vec<u32>> {
    use DataType as T;
    Some(match column.data_type() {
        T::Boolean => {
            let values = column.as_boolean().values();
            values.iter().map(|v| if v { 4 } else { 5 }).collect()
        }
        T::Int8
        | T::Int16
        | T::Int32
        | T::Int64
        | T::UInt8
        | T::UInt16
        | T::UInt32
        | T::UInt64
        | T::Float32
        | T::Float64
        | T::Decimal128(_, _) => number::sizes(column)?,
        T::Utf8 => text::sizes(column.as_string::<i32>()),
        T::LargeUtf8 => text::sizes(column.as_string::<i64>()),
        T::Utf8View => text::view_sizes(column.as_string_view()),
        T::Binary => hex_sizes(column.as_binary::<i32>().offsets()),
        T::LargeBinary => hex_sizes(column.as_binary::<i64>().offsets()),
        T::Timestamp(_, _) | T::Date32 => time::sizes(column)?,
        T::Struct(_) => struct_sizes(column.as_struct()),
        T::List(_) => {
            let list = column.as_list::<i32>();
            list_sizes(list.values(), list.offsets())?
        }
        T::LargeList(_) => {
            let list = column.as_list::<i64>();
            list_sizes(list.values(), list.offsets())?
        }
        T::Dictionary(_, _) => dictionary_sizes(column)?,
        _ => encoded_sizes(column)?,
    })
}

/// Binary is written as two hex digits a byte, in quotes.
fn hex_sizes<O: arrow::array::OffsetSizeTrait>(
    offsets: &arrow::buffer::OffsetBuffer<O>,
) -> Vec<u32> {
    offsets
        .lengths()
        .map(|n| u32::try_from(n * 2 + 2).unwrap_or(u32::MAX))
        .collect()
}

fn struct_sizes(column: &StructArray) -> Vec<u32> {
    let names = column.fields().iter().map(|f| f.name().as_str());
    object_sizes(names.zip(column.columns()), column.len())
}

fn list_sizes<O: arrow::array::OffsetSizeTrait>(
    values: &ArrayRef,
    offsets: &arrow::buffer::OffsetBuffer<O>,
) -> Option<Vec<u32>> {
    let (first, last) = (offsets.first()?.as_usize(), offsets.last()?.as_usize());
    // A slice of a long list column must not pay for elements outside it.
    let elements = values.slice(first, last - first);
    let mut sizes = if *elements.data_type() == DataType::Null {
        vec![NULL; elements.len()]
    } else {
        value_sizes(elements.as_ref())?
    };
    let logical = elements.logical_nulls().filter(|n| n.null_count() > 0);
    if let Some(nulls) = logical.map(|n| writer_nulls(elements.as_ref(), n)) {
        for (i, size) in sizes.iter_mut().enumerate() {
            if !nulls.is_none_or_valid(i) {
                *size = NULL;
            }
        }
    }
    let list = |pair: &[O]| {
        let (from, to) = (pair[0].as_usize() - first, pair[1].as_usize() - first);
        let commas = u32::try_from((to - from).saturating_sub(1)).unwrap_or(u32::MAX);
        sizes[from..to]
            .iter()
            .fold(commas.saturating_add(2), |sum, &n| sum.saturating_add(n))
    };
    Some(offsets.windows(2).map(list).collect())
}

fn dictionary_sizes(column: &dyn Array) -> Option<Vec<u32>> {
    let dictionary = column.as_any_dictionary();
    if dictionary.values().is_empty() {
        // Then every key is null, and `normalized_keys` would panic.
        return Some(vec![0; column.len()]);
    }
    let values = value_sizes(dictionary.values().as_ref())?;
    let keys = dictionary.normalized_keys();
    Some(
        keys.iter()
            .map(|&k| values.get(k).copied().unwrap_or(0))
            .collect(),
    )
}

/// Sizes by really writing the column: right for every type that the writer knows, and slow.
fn encoded_sizes(column: &dyn Array) -> Option<Vec<u32>> {
    const FRAME: usize = r#"{"x":}"#.len();
    let plain = if let DataType::RunEndEncoded(_, values) = column.data_type() {
        cast(column, values.data_type()).ok()?
    } else {
        make_array(column.to_data())
    };
    let field = Field::new("x", plain.data_type().clone(), true);
    let rows = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![plain]).ok()?;
    let lines = encode_json_lines(&rows).ok()?;
    let size = |line: &[u8]| u32::try_from(line.len().saturating_sub(FRAME)).unwrap_or(u32::MAX);
    let sizes: Vec<u32> = lines.split(|&b| b == b'\n').map(size).collect();
    // What follows the last line end is nothing.
    sizes.get(..column.len()).map(<[u32]>::to_vec)
}
