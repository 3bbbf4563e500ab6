//! Sizes against arrow's writer, over tables of awkward values and over random batches.

#![expect(
    clippy::cast_possible_truncation,
    reason = "rounding to single precision is wanted"
)]

use super::{encode_json_lines, json_sizes};
use arrow::array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int32Array, Int64Array, LargeStringArray, ListArray, MapBuilder,
    NullArray, RecordBatch, RunArray, StringArray, StringBuilder, StringViewArray, StructArray,
    Time64NanosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Schema};
use proptest::prelude::*;
use std::sync::Arc;

/// Every row's size must be the length of its line; also for a slice of the rows.
fn check(columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, c)| Field::new(*name, c.data_type().clone(), true))
        .collect();
    let columns = columns.into_iter().map(|(_, c)| c).collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    check_rows(&rows);
    if rows.num_rows() > 2 {
        check_rows(&rows.slice(1, rows.num_rows() - 2));
    }
}

fn check_rows(rows: &RecordBatch) {
    let text = String::from_utf8(encode_json_lines(rows).unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let sizes = json_sizes(rows);
    assert_eq!(lines.len(), sizes.len());
    for (line, size) in lines.iter().zip(sizes.iter()) {
        assert_eq!(line.len(), *size as usize, "{line}");
    }
}

#[test]
fn numbers_of_every_length_match_the_writer() {
    let powers = (0..19).flat_map(|i| [10_i64.pow(i) - 1, 10_i64.pow(i), -(10_i64.pow(i))]);
    let ints: Vec<i64> = powers.chain([i64::MIN, i64::MAX, 0]).collect();
    check(vec![("n", Arc::new(Int64Array::from(ints.clone())))]);
    let unsigned: Vec<u64> = ints
        .iter()
        .map(|i| i.unsigned_abs())
        .chain([u64::MAX])
        .collect();
    check(vec![("n", Arc::new(UInt64Array::from(unsigned)))]);
    check(vec![(
        "n",
        Arc::new(Int8Array::from(vec![-128, 127, 0, -1])),
    )]);
}

#[test]
fn floats_of_every_shape_match_the_writer() {
    let mut values = vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        12.5,
        0.1,
        0.01,
        0.001,
        1e-4,
        1e-5,
        9.99e-6,
        1e-7,
        123.456,
        0.3,
        2.675,
        1e8,
        999_999_999.0,
        1e9,
        1e15,
        1e16,
        1e21,
        1e300,
        5e-324,
        f64::MAX,
        f64::NAN,
        f64::INFINITY,
        0.1 + 0.2,
        1.0 / 3.0,
        899_999_999.99,
        899_999_999.999_999,
        4_294_967_296.5,
    ];
    values.extend((0..2000).map(|i| f64::from(i) / 100.0));
    values.extend((0..2000).map(|i| f64::from(i * 7919) / 1e6));
    values.extend((0..2000).map(|i| f64::from(i * 104_729) / 1e4));
    let singles: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    check(vec![("f", Arc::new(Float64Array::from(values)))]);
    check(vec![("f", Arc::new(Float32Array::from(singles)))]);
}

#[test]
fn strings_with_escapes_match_the_writer() {
    let all: String = (0..0x100_u32).filter_map(char::from_u32).collect();
    let texts = vec![
        Some(""),
        Some("plain"),
        None,
        Some("\"\\/\u{8}\u{c}\n\r\t"),
        Some("\u{1}\u{1f}\u{7f}"),
        Some("한국어 é 🦀"),
        Some("a long text beyond the inline length of a view \" \\"),
        Some(all.as_str()),
    ];
    check(vec![("s", Arc::new(StringArray::from(texts.clone())))]);
    check(vec![(
        "a \"name\"\n",
        Arc::new(LargeStringArray::from(texts.clone())),
    )]);
    check(vec![("이름", Arc::new(StringViewArray::from(texts)))]);
}

#[test]
fn times_match_the_writer() {
    let millis = vec![
        0,
        1,
        999,
        1_000,
        -1,
        -1_000,
        1_767_571_200_000,
        1_767_571_200_123,
        253_402_300_799_999,
        253_402_300_800_000,
        -62_135_596_800_001,
        i64::MAX,
        i64::MIN,
        8_000_000_000_000_000,
    ];
    for zone in [
        None,
        Some("UTC"),
        Some("+00:00"),
        Some("+09:00"),
        Some("-0330"),
        Some("Europe/London"),
    ] {
        // Instants at chrono's own limits do not survive a shift of zone in the writer.
        let safe = |m: &i64| zone != Some("Europe/London") || m.unsigned_abs() < 1 << 50;
        let millis: Vec<i64> = millis.iter().copied().filter(safe).collect();
        let array = TimestampMillisecondArray::from(millis.clone()).with_timezone_opt(zone);
        check(vec![("t", Arc::new(array))]);
        let array = TimestampSecondArray::from(millis.clone()).with_timezone_opt(zone);
        check(vec![("t", Arc::new(array))]);
        let array = TimestampMicrosecondArray::from(millis.clone()).with_timezone_opt(zone);
        check(vec![("t", Arc::new(array))]);
        let array = TimestampNanosecondArray::from(millis).with_timezone_opt(zone);
        check(vec![("t", Arc::new(array))]);
    }
    let days = vec![0, 20_000, -1, 2_932_896, 2_932_897, -719_529, -800_000];
    check(vec![("d", Arc::new(Date32Array::from(days.clone())))]);
    let nanos: Vec<i64> = vec![0, 1, 1_000, 1_000_000, 86_399_999_999_999];
    check(vec![("t", Arc::new(Time64NanosecondArray::from(nanos)))]);
}

#[test]
fn decimals_match_the_writer() {
    for (precision, scale) in [(38, 0), (38, 2), (10, 10), (20, -2), (38, 30)] {
        let values = vec![0, 1, -1, 99, 100, -12_345, 10_i128.pow(9)];
        let array = Decimal128Array::from(values)
            .with_precision_and_scale(precision, scale)
            .unwrap();
        check(vec![("d", Arc::new(array))]);
    }
}

#[test]
fn nested_and_rare_types_match_the_writer() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(1), None, Some(-300)]),
        None,
        Some(vec![]),
        Some(vec![None]),
    ]);
    let dictionary: arrow::array::DictionaryArray<Int32Type> =
        vec![Some("a\n"), None, Some("bb"), Some("a\n")]
            .into_iter()
            .collect();
    let fields = vec![
        Field::new("x", DataType::Int32, true),
        Field::new("list", list.data_type().clone(), true),
    ];
    let structure = StructArray::new(
        fields.into(),
        vec![
            Arc::new(Int32Array::from(vec![Some(1), None, None, Some(40)])),
            Arc::new(list.clone()),
        ],
        Some(vec![true, true, true, false].into()),
    );
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for i in 0..4 {
        maps.keys().append_value(format!("k{i}"));
        maps.values().append_option((i != 2).then_some("v"));
        maps.append(i != 1).unwrap();
    }
    let run = RunArray::<Int32Type>::try_new(
        &Int32Array::from(vec![2, 4]),
        &StringArray::from(vec![Some("r"), None]),
    )
    .unwrap();
    let bytes = BinaryArray::from_opt_vec(vec![
        Some(b"\x00\xff".as_slice()),
        None,
        Some(b""),
        Some(b"a"),
    ]);
    let bools = BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]);
    check(vec![
        ("list", Arc::new(list)),
        ("dictionary", Arc::new(dictionary)),
        ("struct", Arc::new(structure)),
        ("map", Arc::new(maps.finish())),
        ("run", Arc::new(run)),
        ("bytes", Arc::new(bytes)),
        ("bools", Arc::new(bools)),
        ("nothing", Arc::new(NullArray::new(4))),
    ]);
    let absent = Float64Array::from(vec![None::<f64>; 4]);
    check(vec![("absent", Arc::new(absent))]);
    let inner =
        ListArray::from_iter_primitive::<Float64Type, _, _>(vec![Some(vec![Some(f64::NAN)]); 3]);
    check(vec![("inner", Arc::new(inner))]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_batches_match_the_writer(
        texts in prop::collection::vec(prop::option::of(".{0,20}"), 5),
        ints in prop::collection::vec(prop::option::of(any::<i64>()), 5),
        floats in prop::collection::vec(prop::option::of(any::<f64>()), 5),
        cents in prop::collection::vec(-1_000_000_i32..100_000_000, 5),
        singles in prop::collection::vec(any::<f32>(), 5),
        micros in prop::collection::vec(prop::option::of(-1_i64 << 54..1 << 54), 5),
        bools in prop::collection::vec(prop::option::of(any::<bool>()), 5),
    ) {
        let prices: Vec<f64> = cents.iter().map(|&c| f64::from(c) / 100.0).collect();
        let tenths: Vec<f32> = cents.iter().map(|&c| c as f32 / 10.0).collect();
        let wide: Vec<i128> = ints.iter().map(|i| i128::from(i.unwrap_or(7))).collect();
        let inner = StructArray::from(vec![
            (Arc::new(Field::new("t", DataType::Utf8, true)), Arc::new(StringArray::from(texts.clone())) as ArrayRef),
            (Arc::new(Field::new("p", DataType::Float64, true)), Arc::new(Float64Array::from(prices.clone()))),
        ]);
        check(vec![
            ("text", Arc::new(StringArray::from(texts.clone()))),
            ("view", Arc::new(StringViewArray::from_iter(texts))),
            ("int", Arc::new(Int64Array::from(ints))),
            ("float", Arc::new(Float64Array::from(floats))),
            ("price", Arc::new(Float64Array::from(prices))),
            ("single", Arc::new(Float32Array::from(singles))),
            ("tenth", Arc::new(Float32Array::from(tenths))),
            ("wide", Arc::new(Decimal128Array::from(wide).with_precision_and_scale(38, 3).unwrap())),
            ("time", Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))),
            ("flag", Arc::new(BooleanArray::from(bools))),
            ("inner", Arc::new(inner)),
        ]);
    }
}
