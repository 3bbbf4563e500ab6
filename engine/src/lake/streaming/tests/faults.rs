//! Values that do not compute cost their own row and nothing else.

use arrow::array::RecordBatch;
use proptest::prelude::*;
use serde_json::json;

use super::super::{Dialect, Fate, StreamProgram};
use super::{BASE, batch, json, limits, program, schema};

/// Columns of the output, SELECT, how many of eight records make a row, and what the error is called.
const CASES: [(&str, &str, usize, &str); 10] = [
    (
        "k VARCHAR(9), n BIGINT",
        "ticker_symbol, 12 / quantity FROM s",
        6,
        "Division by zero",
    ),
    (
        "k VARCHAR(9), n BIGINT",
        "ticker_symbol, quantity * 2000000000000000000 FROM s",
        6,
        "Numeric value out of range",
    ),
    (
        "k VARCHAR(9), n BIGINT",
        "ticker_symbol, quantity FROM s WHERE quantity + 9223372036854775803 > 0",
        6,
        "Numeric value out of range",
    ),
    (
        "k VARCHAR(9), n BIGINT",
        "ticker_symbol, quantity FROM s WHERE 12 / quantity > 0",
        6,
        "Division by zero",
    ),
    (
        "k VARCHAR(9), n INTEGER",
        "ticker_symbol, CAST(price AS BIGINT) FROM s",
        7,
        "Coercion error",
    ),
    (
        "n INTEGER, k VARCHAR(9)",
        "CAST(ticker_symbol AS INTEGER), ticker_symbol FROM s",
        5,
        "Coercion error",
    ),
    (
        "k VARCHAR(2), n BIGINT",
        "ticker_symbol, quantity FROM s",
        5,
        "String data, right truncation",
    ),
    (
        "k VARCHAR(9), n BIGINT",
        "CAST(ticker_symbol AS VARCHAR(2)), quantity FROM s",
        5,
        "String data, right truncation",
    ),
    (
        "k VARCHAR(9), n BIGINT",
        "ticker_symbol, SUM(12 / quantity) OVER (PARTITION BY ticker_symbol ROWS 2 PRECEDING) FROM s",
        6,
        "Division by zero",
    ),
    (
        "k VARCHAR(9), n BIGINT",
        "a.ticker_symbol, b.quantity FROM s AS a JOIN s OVER (RANGE INTERVAL '1' SECOND PRECEDING) AS b ON 12 / a.quantity = 12 / b.quantity AND a.price = b.price",
        6,
        "Division by zero",
    ),
];

const RECORDS: [(&str, f64, i64, f64); 8] = [
    ("1", 1.0, 1, 0.0),
    ("22", 2.0, 2, 0.0),
    ("long", 3.0, 0, 0.0),
    ("4", 4.0, 3, 0.0),
    ("5", 5e12, 4, 0.0),
    ("long!", 6.0, 5, 0.0),
    ("7", 7.0, 0, 0.0),
    ("längst", 8.0, 6, 0.0),
];

fn script(columns: &str, select: &str) -> String {
    format!(
        "CREATE STREAM o ({columns}); CREATE PUMP \"the pump\" AS INSERT INTO o SELECT STREAM {select};"
    )
}

#[test]
fn one_bad_value_costs_its_own_row() {
    for (columns, select, good, name) in CASES {
        let mut p = program(&script(columns, select), Dialect::Kinesis);
        let (number, _, _) = p.error_stream().unwrap();
        let pushed = p
            .push(0, &batch(&RECORDS), &vec![0; 8].into(), 1, BASE, BASE)
            .unwrap();
        let mut rows = json(&pushed.made, 0);
        rows.dedup();
        assert_eq!(rows.len(), good, "{select}\n{rows:?}");
        let errors = json(&pushed.made, number);
        assert!(!errors.is_empty(), "{select}");
        for row in &errors {
            assert_eq!(row["ERROR_NAME"], name, "{select}\n{row}");
            assert_eq!(row["PUMP_NAME"], "the pump");
            assert_eq!(row["ERROR_LEVEL"], "WARNING");
            let hex = row["DATA_ROW"].as_str().unwrap();
            let pairs = hex.as_bytes().chunks(2);
            let bytes =
                pairs.map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap());
            let text = String::from_utf8(bytes.collect()).unwrap();
            assert!(
                text.contains("ticker_symbol") || text.contains("\"n\""),
                "{text}"
            );
        }
        let told = pushed.made.iter().filter(|m| m.stream == number);
        assert!(told.into_iter().all(|m| m.records.is_some()), "{select}");
        // Records that made no row are bad ones, and those alone.
        assert!((0..8).all(|i| pushed.fate(i) != Fate::Late && pushed.fate(i) != Fate::Full));
    }
}

#[test]
fn flink_leaves_texts_as_long_as_they_are_and_cuts_casts() {
    let sql = "CREATE TABLE o (k VARCHAR(2), n STRING); INSERT INTO o SELECT ticker_symbol, CAST(ticker_symbol AS VARCHAR(3)) FROM s;";
    let mut p = program(sql, Dialect::Flink);
    assert!(p.error_stream().is_none());
    let pushed = p
        .push(0, &batch(&RECORDS[5..6]), &vec![0].into(), 1, BASE, BASE)
        .unwrap();
    assert_eq!(json(&pushed.made, 0), [json!({"k": "long!", "n": "lon"})]);
}

#[test]
fn a_group_that_does_not_compute_is_told_alone() {
    let select = "ticker_symbol, 12 / (SUM(quantity) - 1) FROM s GROUP BY ticker_symbol, FLOOR(ROWTIME TO MINUTE)";
    let mut p = program(&script("k VARCHAR(9), n BIGINT", select), Dialect::Kinesis);
    let pushed = p
        .push(0, &batch(&RECORDS), &vec![0; 8].into(), 1, BASE, BASE)
        .unwrap();
    assert!(pushed.made.is_empty() && pushed.faults().0 == 0);
    let closed = p.advance(BASE + 60_000).unwrap();
    assert_eq!(json(&closed.made, 0).len(), 7);
    let errors = json(&closed.made, p.error_stream().unwrap().0);
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["ERROR_NAME"], "Division by zero");
    assert!(closed.made.iter().all(|m| m.records.is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// What comes of records with bad ones among them is what comes of the good ones alone.
    #[test]
    fn bad_records_change_nothing_else(
        records in prop::collection::vec((0..4_usize, 0..6_i64), 1..200),
        cut in 1..64_usize,
        which in 0..3_usize,
    ) {
        let select = [
            "ticker_symbol, 12 / quantity FROM s",
            "ticker_symbol, SUM(12 / quantity) FROM s GROUP BY ticker_symbol, STEP(ROWTIME BY INTERVAL '10' SECOND)",
            "ticker_symbol, COUNT(*) FROM s WHERE 12 / quantity > 2 WINDOWED BY STAGGER (PARTITION BY ticker_symbol RANGE INTERVAL '7' SECOND)",
        ][which];
        let run = |only_good: bool| {
            let mut p = StreamProgram::compile(&script("k VARCHAR(9), n BIGINT", select), Dialect::Kinesis, &schema(), None, limits()).unwrap();
            let (mut rows, mut bad) = (Vec::new(), 0);
            for (i, part) in records.chunks(cut).enumerate() {
                let own: Vec<(String, f64, i64, f64)> = part
                    .iter()
                    .filter(|r| !only_good || r.1 != 0)
                    .map(|(k, n)| (format!("k{k}"), 0.0, *n, 0.0))
                    .collect();
                let own: Vec<(&str, f64, i64, f64)> = own.iter().map(|r| (r.0.as_str(), r.1, r.2, r.3)).collect();
                let whole: RecordBatch = batch(&own);
                let now = BASE + 2000 * i64::try_from(i).unwrap();
                rows.extend(json(&p.advance(now).unwrap().made, 0));
                let pushed = p.push(0, &whole, &vec![0; own.len()].into(), 1, now, now).unwrap();
                bad += (0..own.len()).filter(|i| pushed.fate(*i) == Fate::Bad).count();
                rows.extend(json(&pushed.made, 0));
            }
            rows.extend(json(&p.advance(BASE + 3_600_000).unwrap().made, 0));
            (rows, bad)
        };
        let (all, bad) = run(false);
        let (good, none) = run(true);
        prop_assert_eq!(all, good);
        prop_assert_eq!(none, 0);
        prop_assert_eq!(bad, records.iter().filter(|r| r.1 == 0).count());
    }
}
