//! Arrays and maps, whatever their items are.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Int64Array, Int64Builder, ListBuilder, UInt32Array,
    make_comparator, new_null_array,
};
use arrow::compute::{SortOptions, cast, take};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;

use super::{Args, Function, Gives, Kind, Result, function, wrong};

pub(super) static ALL: &[Function] = &[
    function("cardinality", &[Kind::Any], Gives::Int, |a| {
        lengths(a.column(0)?)
    }),
    function(
        "element_at",
        &[Kind::Any, Kind::Any],
        Gives::Of(item),
        element_at,
    ),
    // The places of an array's items, for UNNEST … WITH ORDINALITY.
    function(
        "ordinals",
        &[Kind::Any],
        Gives::Of(|_, _| Ok(DataType::new_list(DataType::Int64, true))),
        |a| {
            let counts = lengths(a.column(0)?)?;
            let counts = counts.as_primitive::<arrow::datatypes::Int64Type>();
            let mut all = ListBuilder::new(Int64Builder::new());
            for r in 0..a.rows {
                let n = if counts.is_null(r) {
                    0
                } else {
                    counts.value(r)
                };
                (1..=n).for_each(|i| all.values().append_value(i));
                all.append(true);
            }
            Ok(Arc::new(all.finish()) as ArrayRef)
        },
    ),
    function("typeof", &[Kind::Any], Gives::Text, |a| {
        let name = trino_type(a.column(0)?.data_type());
        a.texts(|_| Ok(Some(name.clone())))
    }),
];

fn lengths(column: &ArrayRef) -> Result<ArrayRef> {
    let of = |r: usize| -> Option<i64> {
        let n = match column.data_type() {
            DataType::Map(_, _) => column.as_map().value_length(r),
            _ => column.as_list_opt::<i32>()?.value_length(r),
        };
        column.is_valid(r).then_some(i64::from(n))
    };
    match column.data_type() {
        DataType::List(_) | DataType::Map(_, _) => {
            Ok(Arc::new((0..column.len()).map(of).collect::<Int64Array>()))
        }
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            lengths(&cast(column, &DataType::List(Arc::clone(item)))?)
        }
        DataType::Null => Ok(new_null_array(&DataType::Int64, column.len())),
        other => Err(wrong(format!("an array or map is needed, not {other}"))),
    }
}

fn item(fields: &[FieldRef], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    match fields.first().map(|f| f.data_type()) {
        Some(
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _),
        ) => Ok(item.data_type().clone()),
        Some(DataType::Map(entries, _)) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => Ok(pair[1].data_type().clone()),
            _ => Err(wrong("the map has no values")),
        },
        _ => Err(wrong("element_at() takes an array or a map")),
    }
}

/// An item by its place (from 1; negative from the end) or its key; null when there is none.
fn element_at(a: &Args<'_>) -> Result<ArrayRef> {
    let (all, wanted) = (a.column(0)?, a.column(1)?);
    if let DataType::Map(_, _) = all.data_type() {
        let map = all.as_map();
        let keys = map.keys();
        let wanted = cast(wanted, keys.data_type())?;
        let same = make_comparator(keys, &wanted, SortOptions::default())?;
        let place = |r: usize| {
            if map.is_null(r) || wanted.is_null(r) {
                return None;
            }
            let offsets = map.value_offsets();
            let range = index(*offsets.get(r)?)?..index(*offsets.get(r + 1)?)?;
            range
                .into_iter()
                .find(|k| same(*k, r).is_eq())
                .and_then(|k| u32::try_from(k).ok())
        };
        let places: UInt32Array = (0..a.rows).map(place).collect();
        return Ok(take(map.values(), &places, None)?);
    }
    let list = match all.data_type() {
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            cast(all, &DataType::List(Arc::clone(item)))?
        }
        _ => Arc::clone(all),
    };
    let list = list
        .as_list_opt::<i32>()
        .ok_or_else(|| wrong("element_at() takes an array or a map"))?;
    let wanted = cast(wanted, &DataType::Int64)?;
    let wanted = wanted.as_primitive::<arrow::datatypes::Int64Type>();
    let place = |r: usize| -> Result<Option<u32>> {
        if list.is_null(r) || wanted.is_null(r) {
            return Ok(None);
        }
        let (n, at) = (i64::from(list.value_length(r)), wanted.value(r));
        if at == 0 {
            return Err(wrong(
                "INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1",
            ));
        }
        let at = if at < 0 { at.saturating_add(n) } else { at - 1 };
        let from = list.value_offsets().get(r).copied().unwrap_or(0);
        Ok((0..n)
            .contains(&at)
            .then(|| u32::try_from(i64::from(from) + at).ok())
            .flatten())
    };
    let places: Result<Vec<Option<u32>>> = (0..a.rows).map(place).collect();
    Ok(take(list.values(), &UInt32Array::from(places?), None)?)
}

fn index(offset: i32) -> Option<usize> {
    usize::try_from(offset).ok()
}

fn trino_type(t: &DataType) -> String {
    match t {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Decimal128(p, s) => format!("decimal({p},{s})"),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(_, None) => "timestamp(3)".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp(3) with time zone".to_owned(),
        DataType::Binary => "varbinary".to_owned(),
        DataType::Null => "unknown".to_owned(),
        DataType::List(item) => format!("array({})", trino_type(item.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                format!(
                    "map({}, {})",
                    trino_type(pair[0].data_type()),
                    trino_type(pair[1].data_type())
                )
            }
            _ => "map".to_owned(),
        },
        DataType::Struct(fields) => {
            let all: Vec<String> = fields
                .iter()
                .map(|f| format!("{} {}", f.name(), trino_type(f.data_type())))
                .collect();
            format!("row({})", all.join(", "))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}
