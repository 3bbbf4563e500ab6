//! Timestamps finer than a microsecond. The library refuses to shorten them; it can give them as decimals of seconds with nine
//! places, which are cut to microseconds here: the instant at or before them, as every other format is read.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, ListArray, MapArray, PrimitiveArray, RecordBatch,
    StructArray,
};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{
    DataType, Decimal128Type, DecimalType as _, Field, FieldRef, Fields, Schema, SchemaRef,
    TimeUnit, TimestampMicrosecondType,
};

/// Nanoseconds of a microsecond.
const NANOS: i128 = 1_000;
/// What the library calls a timestamp with all its places.
const FINE: DataType = DataType::Decimal128(Decimal128Type::MAX_PRECISION, 9);

/// The same schema with every timestamp, however deep, as the library's decimals; `None` when there is none.
pub(super) fn fine(schema: &Schema) -> Option<SchemaRef> {
    let fields: Fields = schema.fields().iter().map(fine_field).collect();
    (fields != *schema.fields()).then(|| Arc::new(Schema::new(fields)))
}

fn fine_field(field: &FieldRef) -> FieldRef {
    let below = |f: &FieldRef| fine_field(f);
    let finer = match field.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => FINE,
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(below).collect()),
        DataType::List(item) => DataType::List(below(item)),
        DataType::Map(entries, sorted) => DataType::Map(below(entries), *sorted),
        other => other.clone(),
    };
    Arc::new(Field::clone(field).with_data_type(finer))
}

/// The batch with its decimals as the timestamps of `schema`.
pub(super) fn coarse(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, String> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: Result<Vec<_>, _> = columns.map(|(c, f)| column(c, f.data_type())).collect();
    RecordBatch::try_new(Arc::clone(schema), columns?).map_err(|e| e.to_string())
}

fn column(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, String> {
    if array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    let nulls = array.nulls().cloned();
    let failed = |e: arrow::error::ArrowError| e.to_string();
    Ok(match wanted {
        DataType::Timestamp(_, zone) => Arc::new(instants(array)?.with_timezone_opt(zone.clone())),
        DataType::Struct(fields) => {
            let parts = array.as_struct().columns().iter().zip(fields);
            let parts: Result<Vec<_>, _> = parts.map(|(c, f)| column(c, f.data_type())).collect();
            let made = StructArray::try_new(fields.clone(), parts?, nulls);
            Arc::new(made.map_err(failed)?)
        }
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let values = column(list.values(), item.data_type())?;
            let made = ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, nulls);
            Arc::new(made.map_err(failed)?)
        }
        DataType::Map(entries, sorted) => {
            let map = array.as_map();
            let inner: ArrayRef = Arc::new(map.entries().clone());
            let inner = column(&inner, entries.data_type())?.as_struct().clone();
            let offsets = map.offsets().clone();
            let made = MapArray::try_new(Arc::clone(entries), offsets, inner, nulls, *sorted);
            Arc::new(made.map_err(failed)?)
        }
        _ => return Err("a column is of another type than the file says".to_owned()),
    })
}

fn instants(array: &ArrayRef) -> Result<PrimitiveArray<TimestampMicrosecondType>, String> {
    let fine = array
        .as_primitive_opt::<Decimal128Type>()
        .ok_or("a timestamp is of another type than the file says")?;
    let at = |i: usize| {
        if fine.is_null(i) {
            return Ok(0);
        }
        i64::try_from(fine.value(i).div_euclid(NANOS))
            .map_err(|_too_far| "a timestamp lies outside of the years that can be told".to_owned())
    };
    let values: Result<Vec<i64>, String> = (0..fine.len()).map(at).collect();
    let values = ScalarBuffer::from(values?);
    Ok(PrimitiveArray::new(values, fine.nulls().cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Decimal128Array, TimestampMicrosecondArray};
    use arrow::buffer::{NullBuffer, OffsetBuffer};

    fn instant() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    }

    #[test]
    fn timestamps_are_found_however_deep() {
        let inner = Fields::from(vec![Field::new("at", instant(), true)]);
        let list = DataType::new_list(DataType::Struct(inner), true);
        let schema = Schema::new(vec![
            Field::new("l", list.clone(), true),
            Field::new("n", DataType::Int64, true),
        ]);
        let finer = fine(&schema).unwrap();
        let text = finer.field(0).data_type().to_string();
        assert!(text.contains("Decimal128(38, 9)"), "{text}");
        assert_eq!(finer.field(1), schema.field(1));
        assert!(fine(&Schema::new(vec![Field::new("d", FINE, true)])).is_none());

        let decimals = Decimal128Array::from(vec![Some(1_999), None, Some(-1)]);
        let decimals = decimals.with_precision_and_scale(38, 9).unwrap();
        let DataType::List(item) = finer.field(0).data_type() else {
            panic!("a list")
        };
        let DataType::Struct(fields) = item.data_type() else {
            panic!("a struct")
        };
        let inner = StructArray::new(
            fields.clone(),
            vec![Arc::new(decimals)],
            Some(NullBuffer::from(vec![true, true, true])),
        );
        let offsets = OffsetBuffer::from_lengths([2, 0, 1]);
        let nulls = NullBuffer::from(vec![true, false, true]);
        let list_array: ArrayRef = Arc::new(ListArray::new(
            Arc::clone(item),
            offsets,
            Arc::new(inner),
            Some(nulls),
        ));
        let made = column(&list_array, &list).unwrap();
        let made = made.as_list::<i32>();
        assert!(made.is_null(1) && made.value_length(0) == 2);
        let times = made.values().as_struct().column(0);
        let expected = TimestampMicrosecondArray::from(vec![Some(1), None, Some(-1)]);
        assert_eq!(times.to_data(), expected.with_timezone("UTC").to_data());
    }

    #[test]
    fn years_that_cannot_be_told_are_refused() {
        let far = Decimal128Array::from(vec![i128::from(i64::MAX) * 1_001]);
        let far: ArrayRef = Arc::new(far.with_precision_and_scale(38, 9).unwrap());
        assert!(column(&far, &instant()).unwrap_err().contains("years"));
    }
}
