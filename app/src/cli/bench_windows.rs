//! Figures of streaming SQL: records that one thread groups into windows a second.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Float64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use weir_engine::lake::streaming::{Dialect, Limits, StreamProgram};
use weir_engine::report::number;

use super::output::Output;
use crate::failure::Failure;

/// Records of one measurement, and of one batch.
const RECORDS: usize = 4_000_000;
const BATCH: usize = 8_192;
/// Records a second of event time.
const RATE: i64 = 50_000;

/// What is measured: name, language, script.
const CASES: [(&str, Dialect, &str); 6] = [
    (
        "tumbling, ROWTIME",
        Dialect::Kinesis,
        "CREATE STREAM o (k VARCHAR(8), n BIGINT, total DOUBLE, mean DOUBLE); CREATE PUMP p AS INSERT INTO o SELECT STREAM key, COUNT(*), SUM(amount), AVG(amount) FROM s GROUP BY key, STEP(ROWTIME BY INTERVAL '60' SECOND);",
    ),
    (
        "tumbling, event time",
        Dialect::Flink,
        "CREATE TABLE t (key STRING, amount DOUBLE, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND); SELECT key, window_end, COUNT(*) AS n, SUM(amount) AS total, AVG(amount) AS mean FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY key, window_start, window_end",
    ),
    (
        "hopping, 6 windows",
        Dialect::Flink,
        "CREATE TABLE t (key STRING, amount DOUBLE, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND); SELECT key, window_end, COUNT(*) AS n, SUM(amount) AS total, AVG(amount) AS mean FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '1' MINUTE)) GROUP BY key, window_start, window_end",
    ),
    (
        "session, gap 1 s",
        Dialect::Flink,
        "CREATE TABLE t (key STRING, amount DOUBLE, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND); SELECT key, window_end, COUNT(*) AS n, SUM(amount) AS total FROM TABLE(SESSION(TABLE t PARTITION BY key, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY key, window_start, window_end",
    ),
    (
        "sliding, 100 rows",
        Dialect::Kinesis,
        "CREATE STREAM o (k VARCHAR(8), mean DOUBLE); CREATE PUMP p AS INSERT INTO o SELECT STREAM key, AVG(amount) OVER (PARTITION BY key ROWS 100 PRECEDING) FROM s;",
    ),
    (
        "filter",
        Dialect::Kinesis,
        "CREATE STREAM o (k VARCHAR(8), amount DOUBLE); CREATE PUMP p AS INSERT INTO o SELECT STREAM key, amount * 2 FROM s WHERE amount > 50;",
    ),
];

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Utf8, true),
        Field::new("amount", DataType::Float64, true),
        Field::new("ts", time, true),
    ]))
}

/// Batch number `number`: 8 keys, every tenth record up to 3 s late.
fn batch(number: usize) -> Result<RecordBatch, Failure> {
    let rows = || (0..BATCH).map(|i| number * BATCH + i);
    let time = |i: usize| {
        let late = if i.is_multiple_of(10) {
            (i * 7919 % 3000) as i64
        } else {
            0
        };
        1_767_571_200_000 + i as i64 * 1000 / RATE - late
    };
    let times = TimestampMillisecondArray::from_iter_values(rows().map(time));
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(StringArray::from_iter_values(
                rows().map(|i| format!("key-{}", i * 31 % 8)),
            )),
            Arc::new(Float64Array::from_iter_values(
                rows().map(|i| (i * 7919 % 1000) as f64 / 10.0),
            )),
            Arc::new(times.with_timezone("UTC")),
        ],
    )
    .map_err(|e| Failure::new(e.to_string()))
}

/// Records per second of one thread for every sort of window; the records are made before.
pub(crate) fn windows(output: &mut Output) -> Result<(), Failure> {
    let batches: Vec<RecordBatch> = (0..RECORDS / BATCH).map(batch).collect::<Result<_, _>>()?;
    let limits = Limits {
        keys: 100_000,
        rows: 1_000_000,
        lateness_ms: 0,
        idle_ms: 0,
        seed: 1,
    };
    for (name, dialect, sql) in CASES {
        let mut program = StreamProgram::compile(sql, dialect, &schema(), None, limits)
            .map_err(|e| Failure::new(e.to_string()))?;
        let share = if name.starts_with('s') { 10 } else { 1 };
        let born = vec![0; BATCH].into();
        let (mut made, mut pushed) = (0, 0);
        let started = Instant::now();
        for rows in &batches[..batches.len() / share] {
            let now = 1_767_571_200_000 + pushed as i64 * 1000 / RATE;
            let closed = program
                .advance(now)
                .map_err(|e| Failure::new(e.to_string()))?;
            let out = program
                .push(0, rows, &born, 1, now, now)
                .map_err(|e| Failure::new(e.to_string()))?;
            let all = closed.made.iter().chain(&out.made);
            made += all.map(|m| m.rows.num_rows()).sum::<usize>();
            pushed += BATCH;
        }
        let rate = pushed as f64 / started.elapsed().as_secs_f64();
        output.print(&format!(
            "{name:<21} {:>12} records/s on one thread ({} records, {} rows out)\n",
            number(rate),
            number(pushed as f64),
            number(made as f64)
        ));
    }
    Ok(())
}
