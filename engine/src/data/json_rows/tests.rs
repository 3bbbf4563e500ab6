use std::sync::Arc;

use arrow::array::{Int32Array, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use serde_json::{Map, Value, json};

use super::{JsonShape, json_texts, json_values};
use crate::data::{Batch, json_sizes};

fn objects(values: &Value) -> Vec<Map<String, Value>> {
    let all = values.as_array().unwrap().iter();
    all.map(|v| v.as_object().unwrap().clone()).collect()
}
fn batch(rows: RecordBatch) -> Batch {
    let sizes = json_sizes(&rows);
    Batch::new(rows, vec![0; sizes.len()].into(), sizes)
}

#[test]
fn what_goes_in_comes_out() {
    for values in [
        json!([{"a": 1, "b": "x", "c": true, "d": 1.5}, {"a": 2}]),
        json!([{"a": {"b": {"c": [1, 2]}}}, {"a": {"d": "x"}}]),
        json!([{"a": []}, {"a": ["x"]}]),
        json!([{"a": -9_007_199_254_740_993_i64}]),
        json!([{}]),
        json!([]),
    ] {
        let rows = JsonShape::default().rows(objects(&values)).unwrap();
        let back = json_values(&batch(rows)).unwrap();
        assert_eq!(Value::Array(back), values);
    }
}

#[test]
fn values_that_do_not_go_together_become_text() {
    let mut shape = JsonShape::default();
    for (values, expected) in [
        (json!([{"a": 1}]), json!([{"a": 1}])),
        (json!([{"a": 1.5}]), json!([{"a": 1.5}])),
        (json!([{"a": 1}]), json!([{"a": 1.0}])),
        (json!([{"a": {"x": 1}}]), json!([{"a": "{\"x\":1}"}])),
        (json!([{"a": "x"}, {"a": null}]), json!([{"a": "x"}, {}])),
        (json!([{"b": {}}]), json!([{"b": "{}"}])),
        (
            json!([{"n": 18_446_744_073_709_551_615_u64}]),
            json!([{"n": 1.844_674_407_370_955_2e19}]),
        ),
    ] {
        let rows = shape.rows(objects(&values)).unwrap();
        let back = json_values(&batch(rows)).unwrap();
        assert_eq!(Value::Array(back), expected);
    }
    // What was seen once stays a column.
    let names: Vec<String> = shape
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    assert_eq!(names, ["a", "b", "n"]);
}

#[test]
fn types_of_the_source_are_kept_while_the_values_agree() {
    let source = RecordBatch::try_from_iter([
        (
            "at",
            Arc::new(TimestampMillisecondArray::from(vec![0])) as arrow::array::ArrayRef,
        ),
        ("n", Arc::new(Int32Array::from(vec![1]))),
    ])
    .unwrap();
    let mut shape = JsonShape::like(source.schema());
    let rows = shape
        .rows(objects(&json!([{"at": "1970-01-01T00:00:01", "n": 2}])))
        .unwrap();
    assert_eq!(
        rows.schema().field(0).data_type(),
        &DataType::Timestamp(TimeUnit::Millisecond, None)
    );
    assert_eq!(rows.schema().field(1).data_type(), &DataType::Int32);
    let rows = shape
        .rows(objects(&json!([{"at": "never", "n": 2}])))
        .unwrap();
    assert_eq!(rows.schema().field(0).data_type(), &DataType::Utf8);
}

#[test]
fn too_many_fields_are_refused() {
    let many: Map<String, Value> = (0..3000).map(|i| (format!("f{i}"), json!(i))).collect();
    assert!(
        JsonShape::default()
            .rows(vec![many])
            .unwrap_err()
            .contains("2000")
    );
}

#[test]
fn records_that_do_not_parse_do_not() {
    let rows = JsonShape::default()
        .rows(objects(&json!([{"a": 1}, {"a": 2}])))
        .unwrap();
    let bad = Batch {
        malformed: Some([false, true].into_iter().collect()),
        ..batch(rows)
    };
    assert_eq!(
        json_texts(&bad).unwrap(),
        [b"{\"a\":1}".to_vec(), b"#\"a\":2}".to_vec()]
    );
    assert_eq!(
        json_values(&bad).unwrap(),
        [json!({"a": 1}), json!("#\"a\":2}")]
    );
}
