//! Scripts of both dialects over small batches.

mod batch;
mod detectors;
mod event_time;
mod faults;
mod joins;
mod whole;
mod words;
mod wrong;

use std::sync::Arc;

use arrow::array::{Array as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::rows::{time_field, times};
use super::{Dialect, Fate, Limits, Made, Reference, StreamProgram};
use crate::lake::show::batches_to_json;

/// 2026-01-05 00:00:00 UTC.
const BASE: i64 = 1_767_571_200_000;

fn limits() -> Limits {
    Limits {
        keys: 1000,
        rows: 10_000,
        lateness_ms: 0,
        idle_ms: 0,
        seed: 7,
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("ticker_symbol", DataType::Utf8, true),
        Field::new("price", DataType::Float64, true),
        Field::new("quantity", DataType::Int64, true),
        time_field("event_time"),
    ]))
}

/// Seconds since the beginning as milliseconds since 1970.
#[expect(clippy::cast_possible_truncation, reason = "some minutes at the most")]
fn ms(seconds: f64) -> i64 {
    BASE + (seconds * 1000.0).round() as i64
}

/// Records (symbol, price, quantity, seconds of event time).
fn batch(records: &[(&str, f64, i64, f64)]) -> RecordBatch {
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(StringArray::from_iter_values(records.iter().map(|r| r.0))),
            Arc::new(Float64Array::from_iter_values(records.iter().map(|r| r.1))),
            Arc::new(Int64Array::from_iter_values(records.iter().map(|r| r.2))),
            times(records.iter().map(|r| ms(r.3)).collect()),
        ],
    )
    .unwrap()
}

fn program(sql: &str, dialect: Dialect) -> StreamProgram {
    StreamProgram::compile(sql, dialect, &schema(), None, limits())
        .unwrap_or_else(|e| panic!("{e}\n{sql}"))
}

/// What an application made, as JSON lines of one stream.
fn json(made: &[Made], stream: usize) -> Vec<serde_json::Value> {
    let own = made.iter().filter(|m| m.stream == stream);
    let rows: Vec<RecordBatch> = own.map(|m| m.rows.clone()).collect();
    batches_to_json(&rows).unwrap()
}

/// Pushes records at the instants of the first column (seconds), closing windows in between; then lets `end` come.
fn run(program: &mut StreamProgram, records: &[(f64, &str, f64, i64)], end: f64) -> Vec<Made> {
    let mut out = Vec::new();
    for (at, symbol, price, quantity) in records {
        let now = ms(*at);
        out.extend(program.advance(now).unwrap().made);
        let rows = batch(&[(symbol, *price, *quantity, *at)]);
        let born = vec![0].into();
        out.extend(program.push(0, &rows, &born, 1, now, now).unwrap().made);
    }
    out.extend(program.advance(ms(end)).unwrap().made);
    out
}

const TICKS: [(f64, &str, f64, i64); 6] = [
    (1.0, "AMZN", 10.0, 1),
    (2.0, "TSLA", 5.0, 2),
    (50.0, "AMZN", 20.0, 3),
    (61.0, "AMZN", 30.0, 4),
    (119.0, "TSLA", 7.0, 5),
    (130.0, "AMZN", 40.0, 6),
];

/// The five-minute window of the notes, as it stands.
const NOTES_WINDOW: &str = include_str!("../../../../tests/cases/analytics-window.sql");
/// The forest of the notes, as it stands.
const NOTES_FOREST: &str = include_str!("../../../../tests/cases/analytics-forest.sql");

#[test]
fn tumbling_window_of_the_notes_runs_as_it_stands() {
    let mut p = program(NOTES_WINDOW, Dialect::Kinesis);
    let made = run(&mut p, &TICKS, 300.0);
    let rows = json(&made, 0);
    assert_eq!(
        rows,
        [
            serde_json::json!({"ticker_symbol": "AMZN", "avg_price": 25.0, "trade_count": 4}),
            serde_json::json!({"ticker_symbol": "TSLA", "avg_price": 6.0, "trade_count": 2}),
        ]
    );
    assert_eq!(p.next_deadline_ms(), None);
}

#[test]
fn forest_of_the_notes_runs_as_it_stands() {
    let schema = Arc::new(Schema::new(vec![Field::new(
        "transaction_amount",
        DataType::Float64,
        true,
    )]));
    let mut p =
        StreamProgram::compile(NOTES_FOREST, Dialect::Kinesis, &schema, None, limits()).unwrap();
    let n = 2000;
    let amounts = (0..n).map(|i| {
        if i == 1500 {
            9000.0
        } else {
            20.0 + f64::from((i * 7919) % 101) / 10.0
        }
    });
    let rows = RecordBatch::try_new(
        schema,
        vec![Arc::new(Float64Array::from_iter_values(amounts))],
    )
    .unwrap();
    let born: Vec<u64> = (0..2000).collect();
    let pushed = p.push(0, &rows, &born.into(), 1, BASE, BASE).unwrap();
    let found = json(&pushed.made, 0);
    assert!(
        found.iter().any(|r| r["transaction_amount"] == 9000.0),
        "{found:?}"
    );
    assert!(found.len() < 20, "{found:?}");
    assert!(
        found
            .iter()
            .all(|r| r["anomaly_score"].as_f64().unwrap() > 2.0)
    );
    // Rows that go on are the records that they were.
    let records = pushed.made[0].records.clone().unwrap();
    assert!(records.values().contains(&1500));
    assert_eq!(pushed.fate(3), Fate::LeftOut);
}

/// The forest with explanations as the developer guide of Kinesis Analytics has it: quoted columns, all arguments, an ORDER BY of each
/// second.
const GUIDE_FOREST: &str = r#"--Creates a temporary stream.
CREATE OR REPLACE STREAM "TEMP_STREAM" (
        "Systolic"                  INTEGER,
        "Diastolic"                 INTEGER,
        "BloodPressureLevel"        varchar(20),
        "ANOMALY_SCORE"             DOUBLE,
        "ANOMALY_EXPLANATION"       varchar(512));
CREATE OR REPLACE STREAM "DESTINATION_SQL_STREAM" (
        "Systolic"                  INTEGER,
        "Diastolic"                 INTEGER,
        "BloodPressureLevel"        varchar(20),
        "ANOMALY_SCORE"             DOUBLE,
        "ANOMALY_EXPLANATION"       varchar(512));
CREATE OR REPLACE PUMP "STREAM_PUMP" AS
   INSERT INTO "TEMP_STREAM"
      SELECT STREAM "Systolic", "Diastolic", "BloodPressureLevel", ANOMALY_SCORE, ANOMALY_EXPLANATION
      FROM TABLE(RANDOM_CUT_FOREST_WITH_EXPLANATION(
              CURSOR(SELECT STREAM * FROM "SOURCE_SQL_STREAM_001"), 100, 256, 100000, 1, true));
CREATE OR REPLACE PUMP "OUTPUT_PUMP" AS
   INSERT INTO "DESTINATION_SQL_STREAM"
      SELECT STREAM * FROM "TEMP_STREAM"
      ORDER BY FLOOR("TEMP_STREAM".ROWTIME TO SECOND), ANOMALY_SCORE DESC;
"#;

#[test]
fn explained_forest_of_the_guide_runs_as_it_stands() {
    let fields = ["Systolic", "Diastolic"].map(|n| Field::new(n, DataType::Int64, true));
    let level = Field::new("BloodPressureLevel", DataType::Utf8, true);
    let schema = Arc::new(Schema::new([&fields[..], &[level]].concat()));
    let mut p =
        StreamProgram::compile(GUIDE_FOREST, Dialect::Kinesis, &schema, None, limits()).unwrap();
    let n = 600_i64;
    let high = |i: i64| i == 550;
    let systolic = (0..n).map(|i| if high(i) { 190 } else { 120 + (i * 7919) % 17 });
    let diastolic = (0..n).map(|i| 80 + (i * 104_729) % 13);
    let level = (0..n).map(|i| if high(i) { "HIGH" } else { "NORMAL" });
    let rows = RecordBatch::try_new(
        schema,
        vec![
            Arc::new(Int64Array::from_iter_values(systolic)),
            Arc::new(Int64Array::from_iter_values(diastolic)),
            Arc::new(StringArray::from_iter_values(level)),
        ],
    )
    .unwrap();
    let born: Vec<u64> = vec![0; 600];
    let pushed = p.push(0, &rows, &born.into(), 1, BASE, BASE).unwrap();
    assert_eq!(json(&pushed.made, 0).len(), 600);
    let sorted = json(&p.advance(BASE + 1000).unwrap().made, 1);
    assert_eq!(sorted.len(), 600);
    let scores: Vec<f64> = sorted
        .iter()
        .map(|r| r["ANOMALY_SCORE"].as_f64().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b));
    assert_eq!(scores.iter().filter(|s| **s == 0.0).count(), 256);
    let number = |v: &serde_json::Value| v.as_str().unwrap().parse::<f64>().unwrap();
    let first = &sorted[0];
    assert_eq!(first["BloodPressureLevel"], "HIGH");
    for row in &sorted {
        let text = row["ANOMALY_EXPLANATION"].as_str().unwrap();
        let why: serde_json::Value = serde_json::from_str(text).unwrap();
        let parts = ["Systolic", "Diastolic"].map(|c| number(&why[c]["ATTRIBUTION_SCORE"]));
        // Each part is rounded to a thousandth.
        let score = row["ANOMALY_SCORE"].as_f64().unwrap();
        assert!((parts[0] + parts[1] - score).abs() < 0.002, "{row}");
        assert!(number(&why["Systolic"]["STRENGTH"]) <= parts[0] + 0.001);
        if score == 0.0 {
            assert_eq!(why["Systolic"]["DIRECTION"], "LOW");
        }
    }
    let why = first["ANOMALY_EXPLANATION"].as_str().unwrap();
    let why: serde_json::Value = serde_json::from_str(why).unwrap();
    assert_eq!(why["Systolic"]["DIRECTION"], "HIGH");
    assert!(
        number(&why["Systolic"]["ATTRIBUTION_SCORE"])
            > number(&why["Diastolic"]["ATTRIBUTION_SCORE"])
    );
}

/// A SELECT, and for each row that it makes: a, b, c.
type Case = (&'static str, &'static [(&'static str, f64, i64)]);

const SELECTS: [Case; 9] = [
    (
        "ticker_symbol, price * 2, quantity FROM \"SOURCE_SQL_STREAM_001\" WHERE price >= 30",
        &[("AMZN", 60.0, 4), ("AMZN", 80.0, 6)],
    ),
    (
        "s.\"ticker_symbol\", SUM(s.price), COUNT(*) FROM \"SOURCE_SQL_STREAM_001\" AS s GROUP BY s.\"ticker_symbol\", FLOOR(s.ROWTIME TO MINUTE)",
        &[
            ("AMZN", 30.0, 2),
            ("TSLA", 5.0, 1),
            ("AMZN", 30.0, 1),
            ("TSLA", 7.0, 1),
            ("AMZN", 40.0, 1),
        ],
    ),
    (
        "ticker_symbol, MAX(price), COUNT(*) FROM \"SOURCE_SQL_STREAM_001\" WHERE quantity > 1 GROUP BY ticker_symbol, STEP(\"SOURCE_SQL_STREAM_001\".ROWTIME BY INTERVAL '60' SECOND) HAVING MAX(price) > 6",
        &[
            ("AMZN", 20.0, 1),
            ("AMZN", 30.0, 1),
            ("TSLA", 7.0, 1),
            ("AMZN", 40.0, 1),
        ],
    ),
    (
        "ticker_symbol, AVG(price) OVER W1, COUNT(*) OVER W1 FROM \"SOURCE_SQL_STREAM_001\" WINDOW W1 AS (PARTITION BY ticker_symbol RANGE INTERVAL '1' MINUTE PRECEDING)",
        &[
            ("AMZN", 10.0, 1),
            ("TSLA", 5.0, 1),
            ("AMZN", 15.0, 2),
            ("AMZN", 20.0, 3),
            ("TSLA", 7.0, 1),
            ("AMZN", 40.0, 1),
        ],
    ),
    (
        "ticker_symbol, MIN(price) OVER (PARTITION BY ticker_symbol ROWS 1 PRECEDING), LAG(quantity) OVER (PARTITION BY ticker_symbol ROWS 2 PRECEDING) FROM \"SOURCE_SQL_STREAM_001\" WHERE ticker_symbol = 'AMZN'",
        &[
            ("AMZN", 10.0, -1),
            ("AMZN", 10.0, 1),
            ("AMZN", 20.0, 3),
            ("AMZN", 30.0, 4),
        ],
    ),
    (
        "ticker_symbol, SUM(price), COUNT(*) FROM \"SOURCE_SQL_STREAM_001\" WINDOWED BY STAGGER (PARTITION BY ticker_symbol RANGE INTERVAL '1' MINUTE)",
        // AMZN opens at 1 s and at 61 s: the first closes at 61 s, before the record of 61 s.
        &[
            ("AMZN", 30.0, 2),
            ("TSLA", 5.0, 1),
            ("AMZN", 30.0, 1),
            ("TSLA", 7.0, 1),
            ("AMZN", 40.0, 1),
        ],
    ),
    (
        "ticker_symbol, price, quantity FROM (SELECT STREAM * FROM \"SOURCE_SQL_STREAM_001\" WHERE price < 20) AS cheap WHERE quantity > 1",
        &[("TSLA", 5.0, 2), ("TSLA", 7.0, 5)],
    ),
    (
        "UPPER(ticker_symbol), price, quantity FROM \"SOURCE_SQL_STREAM_001\" WHERE price = 5 UNION ALL SELECT STREAM 'x', 0, quantity FROM \"SOURCE_SQL_STREAM_001\" WHERE price = 40",
        &[("TSLA", 5.0, 2), ("x", 0.0, 6)],
    ),
    (
        "ticker_symbol, COUNT(DISTINCT quantity), COUNT(*) FROM \"SOURCE_SQL_STREAM_001\" GROUP BY STEP(APPROXIMATE_ARRIVAL_TIME BY INTERVAL '60' SECOND), STEP(ROWTIME BY INTERVAL '2' MINUTE), ticker_symbol",
        &[
            ("AMZN", 2.0, 2),
            ("TSLA", 1.0, 1),
            ("AMZN", 1.0, 1),
            ("TSLA", 1.0, 1),
            ("AMZN", 1.0, 1),
        ],
    ),
];

#[test]
fn kinesis_scripts_give_what_they_should() {
    let head = "CREATE OR REPLACE STREAM \"OUT\" (a VARCHAR(8), b DOUBLE, c BIGINT); CREATE OR REPLACE PUMP \"P\" AS INSERT INTO \"OUT\" SELECT STREAM ";
    for (sql, expected) in SELECTS {
        let mut p = program(&format!("{head}{sql};"), Dialect::Kinesis);
        let rows = json(&run(&mut p, &TICKS, 300.0), 0);
        let found: Vec<(String, f64, i64)> = rows
            .iter()
            .map(|r| {
                let text = r["a"].as_str().unwrap_or("").to_owned();
                (
                    text,
                    r["b"].as_f64().unwrap(),
                    r["c"].as_i64().unwrap_or(-1),
                )
            })
            .collect();
        let expected: Vec<(String, f64, i64)> = expected
            .iter()
            .map(|e| (e.0.to_owned(), e.1, e.2))
            .collect();
        assert_eq!(found, expected, "{sql}");
    }
}

#[test]
fn streams_feed_streams_and_all_are_outputs() {
    let sql = "-- first by minute, then by five
        CREATE OR REPLACE STREAM minutes (ticker VARCHAR(8), total DOUBLE);
        CREATE OR REPLACE PUMP one AS INSERT INTO minutes
            SELECT STREAM ticker_symbol, SUM(price) FROM \"SOURCE_SQL_STREAM_001\"
            GROUP BY ticker_symbol, STEP(ROWTIME BY INTERVAL '1' MINUTE);
        CREATE OR REPLACE STREAM most (ticker VARCHAR(8), peak DOUBLE);
        CREATE OR REPLACE PUMP two AS INSERT INTO most (peak, ticker)
            SELECT STREAM MAX(total), ticker FROM minutes GROUP BY ticker, STEP(ROWTIME BY INTERVAL '2' MINUTE);";
    let mut p = program(sql, Dialect::Kinesis);
    let names: Vec<String> = p.outputs().iter().map(|o| o.0.to_owned()).collect();
    assert_eq!(names, ["minutes", "most"]);
    let made = run(&mut p, &TICKS, 300.0);
    assert_eq!(json(&made, 0).len(), 5);
    let most = json(&made, 1);
    assert_eq!(most[0], serde_json::json!({"ticker": "AMZN", "peak": 30.0}));
    assert_eq!(most.len(), 3, "{most:?}");
}

#[test]
fn reference_data_is_joined() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("Ticker", DataType::Utf8, true),
        Field::new("Company", DataType::Utf8, true),
    ]));
    let columns: [StringArray; 2] = [vec!["AMZN", "F"].into(), vec!["Amazon", "Ford"].into()];
    let rows = RecordBatch::try_new(schema, columns.map(|c| Arc::new(c) as _).to_vec()).unwrap();
    let reference = Reference {
        name: "CompanyName".to_owned(),
        rows,
    };
    let sql = |join: &str| {
        format!(
            "CREATE STREAM d (ticker VARCHAR(4), company VARCHAR(20), price DOUBLE); CREATE PUMP p AS INSERT INTO d SELECT STREAM s.ticker_symbol, c.\"Company\", s.price FROM \"SOURCE_SQL_STREAM_001\" AS s {join} \"CompanyName\" AS c ON s.ticker_symbol = c.\"Ticker\";"
        )
    };
    for (join, n) in [("JOIN", 4), ("LEFT JOIN", 6)] {
        let mut p = StreamProgram::compile(
            &sql(join),
            Dialect::Kinesis,
            &self::schema(),
            Some(&reference),
            limits(),
        )
        .unwrap();
        let rows = json(&run(&mut p, &TICKS, 300.0), 0);
        assert_eq!(rows.len(), n);
        assert_eq!(rows[0]["company"], "Amazon");
    }
}

fn flink(select: &str) -> String {
    format!(
        "CREATE TABLE trades (ticker_symbol STRING, price DOUBLE, quantity BIGINT, event_time TIMESTAMP(3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND) WITH ('connector' = 'kinesis', 'stream' = 'trades');
        CREATE TABLE sink (k STRING, s TIMESTAMP(3), e TIMESTAMP(3), n BIGINT) WITH ('connector' = 'kinesis');
        INSERT INTO sink {select}"
    )
}

/// Pushes all records as one batch each, and says for each whether it was late.
fn pushed(p: &mut StreamProgram, records: &[(&str, f64, i64, f64)]) -> (Vec<Made>, Vec<Fate>) {
    let (mut made, mut fates) = (Vec::new(), Vec::new());
    for record in records {
        let one = p
            .push(0, &batch(&[*record]), &vec![0].into(), 1, BASE, BASE)
            .unwrap();
        fates.push(one.fate(0));
        made.extend(one.made);
    }
    (made, fates)
}

/// Key, start and end in seconds, count.
fn windows(made: &[Made]) -> Vec<(String, i64, i64, i64)> {
    let mut out = Vec::new();
    for m in made {
        let at = |c: usize, r: usize| {
            let t = super::rows::millis(m.rows.column(c)).unwrap();
            (t.value(r) - BASE) / 1000
        };
        let keys = m
            .rows
            .column(0)
            .as_any()
            .downcast_ref::<StringArray>()
            .unwrap();
        let counts = m
            .rows
            .column(3)
            .as_any()
            .downcast_ref::<Int64Array>()
            .unwrap();
        for r in 0..m.rows.num_rows() {
            out.push((
                keys.value(r).to_owned(),
                at(1, r),
                at(2, r),
                counts.value(r),
            ));
        }
    }
    out
}

#[test]
fn flink_windows_follow_the_watermark() {
    let records = [
        ("a", 1.0, 1, 1.0),
        ("a", 1.0, 1, 12.0),
        // Out of order, but its window is still open: the watermark is at 7 s.
        ("b", 1.0, 1, 8.0),
        ("a", 1.0, 1, 16.0),
        // The watermark is at 11 s: the window to 10 s has closed.
        ("a", 1.0, 1, 9.0),
        ("b", 1.0, 1, 40.0),
    ];
    let tumble = flink(
        "SELECT ticker_symbol, window_start, window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY ticker_symbol, window_start, window_end;",
    );
    let mut p = program(&tumble, Dialect::Flink);
    let (made, fates) = pushed(&mut p, &records);
    let own = |k: &str, s, e, n| (k.to_owned(), s, e, n);
    assert_eq!(
        windows(&made),
        [own("a", 0, 10, 1), own("b", 0, 10, 1), own("a", 10, 20, 2)]
    );
    assert_eq!(fates[4], Fate::Late);
    assert_eq!(fates.iter().filter(|f| **f == Fate::Merged).count(), 5);
    let legacy = flink(
        "SELECT ticker_symbol, TUMBLE_START(event_time, INTERVAL '10' SECOND), TUMBLE_END(event_time, INTERVAL '10' SECOND), COUNT(*) FROM trades GROUP BY ticker_symbol, TUMBLE(event_time, INTERVAL '10' SECOND);",
    );
    let mut p = program(&legacy, Dialect::Flink);
    assert_eq!(windows(&pushed(&mut p, &records).0), windows(&made));
    let hop = flink(
        "SELECT ticker_symbol, window_start, window_end, COUNT(*) FROM TABLE(HOP(TABLE trades, DESCRIPTOR(event_time), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY ticker_symbol, window_start, window_end;",
    );
    let mut p = program(&hop, Dialect::Flink);
    let (made, _) = pushed(&mut p, &records);
    assert_eq!(
        windows(&made),
        [
            own("a", -5, 5, 1),
            own("a", 0, 10, 1),
            own("b", 0, 10, 1),
            // The record of 9 s comes late for (0, 10) but not for (5, 15).
            own("a", 5, 15, 2),
            own("b", 5, 15, 1),
            own("a", 10, 20, 2),
            own("a", 15, 25, 1),
        ]
    );
    let session = flink(
        "SELECT ticker_symbol, window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE trades PARTITION BY ticker_symbol, DESCRIPTOR(event_time), INTERVAL '6' SECOND)) GROUP BY ticker_symbol, window_start, window_end;",
    );
    let mut p = program(&session, Dialect::Flink);
    let (made, fates) = pushed(&mut p, &records);
    assert_eq!(
        windows(&made),
        [own("a", 1, 7, 1), own("b", 8, 14, 1), own("a", 9, 22, 3)],
        "{fates:?}"
    );
}

#[test]
fn late_records_within_the_allowed_lateness_change_the_result() {
    let sql = flink(
        "SELECT ticker_symbol, window_start, window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY ticker_symbol, window_start, window_end;",
    );
    let lenient = Limits {
        lateness_ms: 20_000,
        ..limits()
    };
    let mut p = StreamProgram::compile(&sql, Dialect::Flink, &schema(), None, lenient).unwrap();
    let records = [
        ("a", 1.0, 1, 1.0),
        ("b", 1.0, 1, 2.0),
        ("b", 1.0, 1, 16.0),
        ("a", 1.0, 1, 3.0),
        ("a", 1.0, 1, 40.0),
        ("a", 1.0, 1, 4.0),
    ];
    let (made, fates) = pushed(&mut p, &records);
    let own = |k: &str, s, e, n| (k.to_owned(), s, e, n);
    assert_eq!(
        windows(&made),
        [
            own("a", 0, 10, 1),
            own("b", 0, 10, 1),
            own("a", 0, 10, 2),
            own("b", 10, 20, 1)
        ]
    );
    assert_eq!((fates[3], fates[5]), (Fate::Merged, Fate::Late));
}

#[test]
fn the_slowest_shard_holds_the_watermark_until_it_is_idle() {
    let sql = flink(
        "SELECT ticker_symbol, window_start, window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY ticker_symbol, window_start, window_end;",
    );
    let limits = Limits {
        idle_ms: 30_000,
        ..limits()
    };
    let mut p = StreamProgram::compile(&sql, Dialect::Flink, &schema(), None, limits).unwrap();
    let mut push = |lane, at: f64, now: i64| {
        let rows = batch(&[("a", 1.0, 1, at)]);
        let pushed = p
            .push(lane, &rows, &vec![0].into(), 1, BASE, BASE + now)
            .unwrap();
        windows(&pushed.made).len()
    };
    assert_eq!(push(0, 1.0, 1000), 0);
    assert_eq!(push(1, 2.0, 2000), 0);
    assert_eq!(push(0, 60.0, 3000), 0);
    assert_eq!(push(0, 61.0, 40_000), 1);
}

#[test]
fn counts_and_sums_stand_for_all_records() {
    let sql = "CREATE STREAM o (n BIGINT, total DOUBLE, mean DOUBLE, most DOUBLE); CREATE PUMP p AS INSERT INTO o SELECT STREAM COUNT(*), SUM(price), AVG(price), MAX(price) FROM \"SOURCE_SQL_STREAM_001\" GROUP BY FLOOR(ROWTIME TO MINUTE);";
    let mut p = program(sql, Dialect::Kinesis);
    let rows = batch(&[("a", 1.0, 1, 0.0), ("b", 2.0, 1, 0.0)]);
    p.push(0, &rows, &vec![0, 0].into(), 100, BASE, BASE)
        .unwrap();
    let made = p.advance(BASE + 60_000).unwrap().made;
    assert_eq!(
        json(&made, 0),
        [serde_json::json!({"n": 200, "total": 300.0, "mean": 1.5, "most": 2.0})]
    );
    assert_eq!(made[0].weight, 1);
}

#[test]
fn state_is_bounded_and_says_so() {
    let sql = "CREATE STREAM o (k VARCHAR(9), n BIGINT); CREATE PUMP p AS INSERT INTO o SELECT STREAM ticker_symbol, COUNT(*) FROM \"SOURCE_SQL_STREAM_001\" GROUP BY ticker_symbol, FLOOR(ROWTIME TO MINUTE);";
    let few = Limits {
        keys: 3,
        ..limits()
    };
    let mut p = StreamProgram::compile(sql, Dialect::Kinesis, &schema(), None, few).unwrap();
    let mut full = 0;
    for i in 0..10 {
        let name = format!("k{i}");
        let pushed = p
            .push(
                0,
                &batch(&[(&name, 1.0, 1, 0.0)]),
                &vec![0].into(),
                1,
                BASE,
                BASE,
            )
            .unwrap();
        full += usize::from(pushed.fate(0) == Fate::Full);
    }
    assert_eq!((full, p.state()), (7, (1, 3)));
    p.advance(BASE + 60_000).unwrap();
    assert_eq!(p.state(), (0, 0));
}
