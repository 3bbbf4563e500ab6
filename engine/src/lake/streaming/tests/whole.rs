//! Whole numbers beyond their type: what Java makes of them in Flink SQL, rows of the error stream in Kinesis SQL.

use serde_json::{Value, json};

use super::super::{Dialect, StreamProgram};
use super::{BASE, batch, json, limits, program, schema};

const TABLE: &str = "CREATE TABLE t (ticker_symbol STRING, price DOUBLE, quantity {kind}, event_time TIMESTAMP(3), WATERMARK FOR event_time AS event_time) WITH ('connector' = 'kinesis');";
const WINDOW: &str = "FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY window_start, window_end";

/// The one row of a script over these numbers, all in the first ten seconds.
fn flink(kind: &str, select: &str, numbers: &[i64]) -> Vec<Value> {
    let sql = format!("{} SELECT {select}", TABLE.replace("{kind}", kind));
    let mut p = program(&sql, Dialect::Flink);
    let mut rows: Vec<(&str, f64, i64, f64)> =
        numbers.iter().map(|n| ("a", 1.0, *n, 1.0)).collect();
    rows.push(("end", 1.0, 0, 100.0));
    let n = rows.len();
    let pushed = p
        .push(0, &batch(&rows), &vec![0; n].into(), 1, BASE, BASE)
        .unwrap();
    let mut out = json(&pushed.made, 0);
    if select.contains("TUMBLE") {
        return out;
    }
    // The record that ends the window is no case.
    out.truncate(numbers.len());
    out
}

#[test]
fn flink_computes_with_whole_numbers_as_java_does() {
    const I: i64 = i32::MAX as i64;
    const L: i64 = i64::MAX;
    let grouped = |what: &str| format!("{what} AS x {WINDOW}");
    // Type, SELECT, numbers, result.
    for (kind, select, numbers, expected) in [
        (
            "INT",
            "quantity + 1 AS x FROM t".to_owned(),
            &[I][..],
            json!(i32::MIN),
        ),
        (
            "INT",
            "quantity * quantity AS x FROM t".to_owned(),
            &[100_000],
            json!(1_410_065_408),
        ),
        (
            "BIGINT",
            "quantity + 1 AS x FROM t".to_owned(),
            &[L],
            json!(i64::MIN),
        ),
        (
            "BIGINT",
            "quantity + 1 AS x FROM t".to_owned(),
            &[I],
            json!(I + 1),
        ),
        (
            "SMALLINT",
            "quantity + quantity AS x FROM t".to_owned(),
            &[20_000],
            json!(-25_536),
        ),
        (
            "BIGINT",
            "CAST(quantity AS INT) AS x FROM t".to_owned(),
            &[I + 2],
            json!(i32::MIN + 1),
        ),
        (
            "BIGINT",
            "CAST(quantity AS SMALLINT) AS x FROM t".to_owned(),
            &[70_000],
            json!(4464),
        ),
        ("INT", grouped("SUM(quantity)"), &[I, 1], json!(i32::MIN)),
        (
            "INT",
            grouped("SUM(CAST(quantity AS BIGINT))"),
            &[I, 1],
            json!(I + 1),
        ),
        ("BIGINT", grouped("SUM(quantity)"), &[L, 1], json!(i64::MIN)),
        ("INT", grouped("AVG(quantity)"), &[1, 2, 4], json!(2)),
        ("INT", grouped("AVG(quantity)"), &[-1, -2, -4], json!(-2)),
        ("DOUBLE", grouped("AVG(quantity)"), &[1, 2], json!(1.5)),
        ("TINYINT", grouped("SUM(quantity)"), &[100, 100], json!(-56)),
    ] {
        let found = flink(kind, &select, numbers);
        assert_eq!(found, [json!({"x": expected})], "{kind} {select}");
    }
    let over = "SUM(quantity) OVER (ORDER BY event_time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS x FROM t";
    assert_eq!(
        flink("INT", over, &[I, 1, 5]),
        [json!({"x": I}), json!({"x": i32::MIN}), json!({"x": 6})]
    );
}

#[test]
fn sums_beyond_bigint_are_rows_of_the_error_stream() {
    const L: i64 = i64::MAX;
    let records = [
        ("a", 1.0, L, 0.0),
        ("a", 1.0, L, 0.0),
        ("b", 1.0, 4, 0.0),
        ("b", 1.0, 5, 0.0),
        // What leaves BIGINT on its way and comes back is a sum like any other.
        ("c", 1.0, L, 0.0),
        ("c", 1.0, L, 0.0),
        ("c", 1.0, -L, 0.0),
    ];
    let script = |select: &str| {
        format!(
            "CREATE STREAM o (k VARCHAR(9), n BIGINT); CREATE PUMP p AS INSERT INTO o SELECT STREAM {select};"
        )
    };
    for (select, good, bad) in [
        (
            "ticker_symbol, SUM(quantity) FROM s GROUP BY ticker_symbol, FLOOR(ROWTIME TO MINUTE)",
            vec![("b", 9), ("c", L)],
            1,
        ),
        (
            "ticker_symbol, SUM(quantity) FROM s WINDOWED BY STAGGER (PARTITION BY ticker_symbol RANGE INTERVAL '1' MINUTE)",
            vec![("b", 9), ("c", L)],
            1,
        ),
        (
            "ticker_symbol, SUM(quantity) OVER (PARTITION BY ticker_symbol ROWS 1 PRECEDING) FROM s",
            vec![("a", L), ("b", 4), ("b", 9), ("c", L), ("c", 0)],
            2,
        ),
        // One record alone.
        (
            "ticker_symbol, SUM(quantity * 2) FROM s GROUP BY ticker_symbol, FLOOR(ROWTIME TO MINUTE)",
            vec![("b", 18)],
            5,
        ),
    ] {
        let mut p =
            StreamProgram::compile(&script(select), Dialect::Kinesis, &schema(), None, limits())
                .unwrap();
        let mut made = p
            .push(0, &batch(&records), &vec![0; 7].into(), 1, BASE, BASE)
            .unwrap()
            .made;
        made.extend(p.advance(BASE + 60_000).unwrap().made);
        let found: Vec<(String, i64)> = json(&made, 0)
            .iter()
            .map(|r| {
                (
                    r["k"].as_str().unwrap().to_owned(),
                    r["n"].as_i64().unwrap(),
                )
            })
            .collect();
        let good: Vec<(String, i64)> = good.iter().map(|g| (g.0.to_owned(), g.1)).collect();
        assert_eq!(found, good, "{select}");
        let errors = json(&made, p.error_stream().unwrap().0);
        assert_eq!(errors.len(), bad, "{select}");
        for row in errors {
            assert_eq!(row["ERROR_NAME"], "Numeric value out of range", "{row}");
        }
    }
}
