//! Windows of event time that wait for the watermark: OVER, sessions with an allowed lateness, ORDER BY.

use std::collections::BTreeMap;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use proptest::prelude::*;

use super::super::{Dialect, Fate, Limits, StreamProgram};
use super::{BASE, batch, json, limits, ms, program, schema, windows};
use crate::lake::transform::Transform;

fn table(delay: i64) -> String {
    format!(
        "CREATE TABLE t (ticker_symbol STRING, price DOUBLE, quantity BIGINT, event_time TIMESTAMP(3), WATERMARK FOR event_time AS event_time - INTERVAL '{delay}' SECOND);"
    )
}

type Row = (String, f64, i64, f64);

fn borrowed(rows: &[Row]) -> Vec<(&str, f64, i64, f64)> {
    rows.iter().map(|r| (r.0.as_str(), r.1, r.2, r.3)).collect()
}

/// Times go on by half a second a record less up to six; the number of a record is its quantity.
fn laid_out(records: &[(usize, i64)]) -> Vec<Row> {
    let one = |(i, (key, back)): (usize, &(usize, i64))| {
        let at = (i as f64 * 0.5 - *back as f64 / 1000.0).max(0.0);
        (
            format!("k{key}"),
            (i % 7) as f64,
            i64::try_from(i).unwrap(),
            at,
        )
    };
    records.iter().enumerate().map(one).collect()
}

/// By the number of the record: what the windows came to.
fn by_number(rows: &[RecordBatch]) -> BTreeMap<i64, (i64, i64)> {
    let mut out = BTreeMap::new();
    for batch in rows {
        let column = |i: usize| batch.column(i).as_primitive::<Int64Type>();
        for i in 0..batch.num_rows() {
            let value = (column(1).value(i), column(2).value(i));
            assert!(
                out.insert(column(0).value(i), value).is_none(),
                "a record comes once"
            );
        }
    }
    out
}

const FRAMES: [&str; 3] = [
    "RANGE BETWEEN INTERVAL '5' SECOND PRECEDING AND CURRENT ROW",
    "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Every record that was in time has the window that a batch query gives it.
    #[test]
    fn over_is_the_over_of_a_batch(
        records in prop::collection::vec((0..4_usize, 0..6000_i64), 1..150),
        delay in 1..8_i64,
        cut in 1..40_usize,
        frame in 0..3_usize,
    ) {
        let frame = FRAMES[frame];
        let over = format!("(PARTITION BY ticker_symbol ORDER BY event_time {frame})");
        let sql = format!("{} SELECT quantity, SUM(quantity) OVER {over} AS a, COUNT(*) OVER {over} AS b FROM t", table(delay));
        let mut p = program(&sql, Dialect::Flink);
        let rows = laid_out(&records);
        let (mut made, mut kept) = (Vec::new(), Vec::new());
        for part in rows.chunks(cut) {
            let own = batch(&borrowed(part));
            let pushed = p.push(0, &own, &vec![0; part.len()].into(), 1, BASE, BASE).unwrap();
            for i in 0..part.len() {
                match pushed.fate(i) {
                    Fate::Merged => kept.push(own.slice(i, 1)),
                    fate => prop_assert_eq!(fate, Fate::Late),
                }
            }
            made.extend(pushed.made);
        }
        let last = p.push(0, &batch(&[("end", 0.0, 0, 1e6)]), &vec![0].into(), 1, BASE, BASE).unwrap();
        made.extend(last.made);
        let found: Vec<RecordBatch> = made.into_iter().map(|m| m.rows).collect();
        let all = concat_batches(&schema(), &kept).unwrap();
        // Records of one time and key have no order in a batch; ROWS takes them as they came, which the number tells.
        let order = if frame.starts_with("ROWS") { "event_time, quantity" } else { "event_time" };
        let frame = frame.replace("'5' SECOND", "'5 seconds'");
        let over = format!("(PARTITION BY ticker_symbol ORDER BY {order} {frame})");
        let sql = format!("SELECT quantity, SUM(quantity) OVER {over} AS a, COUNT(*) OVER {over} AS b FROM records");
        let batched = Transform::compile(&sql, schema()).unwrap().apply(&all).unwrap();
        prop_assert_eq!(by_number(&found), by_number(&[batched.rows]));
    }

    /// The last row of each session is the session of a batch over the records that were taken.
    #[test]
    fn sessions_with_lateness_come_to_those_of_a_batch(
        records in prop::collection::vec((0..3_usize, 0..9000_i64), 1..120),
        gap in 1..5_i64,
        delay in 1..4_i64,
        lateness in prop_oneof![0..8_i64, 12..20_i64],
        cut in 1..40_usize,
    ) {
        let sql = format!(
            "{} SELECT ticker_symbol, window_start, window_end, COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY ticker_symbol, DESCRIPTOR(event_time), INTERVAL '{gap}' SECOND)) GROUP BY ticker_symbol, window_start, window_end",
            table(delay)
        );
        let limits = Limits { lateness_ms: lateness * 1000, ..limits() };
        let mut p = StreamProgram::compile(&sql, Dialect::Flink, &schema(), None, limits).unwrap();
        let rows: Vec<Row> = laid_out(&records).into_iter().map(|r| (r.0, r.1, r.2, r.3.round())).collect();
        let (mut made, mut kept) = (Vec::new(), Vec::new());
        for part in rows.chunks(cut) {
            let own = batch(&borrowed(part));
            let pushed = p.push(0, &own, &vec![0; part.len()].into(), 1, BASE, BASE).unwrap();
            kept.extend(part.iter().enumerate().filter(|(i, _)| pushed.fate(*i) == Fate::Merged).map(|(_, r)| r.clone()));
            made.extend(pushed.made);
        }
        let last = p.push(0, &batch(&[("end", 0.0, 0, 1e6)]), &vec![0].into(), 1, BASE, BASE).unwrap();
        made.extend(last.made);
        // Rows come again when late records change them, or join two sessions: the longest that begins there, and the last of it.
        let mut found: BTreeMap<(String, i64), (i64, i64)> = BTreeMap::new();
        let shown = windows(&made);
        for (key, start, end, n) in shown {
            let inside = |k: &(String, i64), v: &(i64, i64)| k.0 == key && start <= k.1 && v.0 <= end;
            found.retain(|k, v| !inside(k, v));
            found.insert((key, start), (end, n));
        }
        let counted: i64 = found.values().map(|v| v.1).sum();
        let taken = i64::try_from(kept.len()).unwrap();
        if lateness < 12 {
            // A session that was forgotten can no longer be joined to the next: a late record that touches a living one may make
            // that cover it, and then its rows cannot be told apart any more. No record is counted twice.
            prop_assert!(counted <= taken, "{counted} of {taken}");
            return Ok(());
        }
        // No record is lost and none counted twice.
        prop_assert_eq!(counted, taken);
        kept.sort_by(|a, b| (&a.0, ms(a.3)).cmp(&(&b.0, ms(b.3))));
        let mut expected: BTreeMap<(String, i64), (i64, i64)> = BTreeMap::new();
        let mut open: Option<(String, i64, i64, i64)> = None;
        for row in &kept {
            let t = (ms(row.3) - BASE) / 1000;
            match &mut open {
                Some((key, _, end, n)) if *key == row.0 && t <= *end => {
                    *end = (*end).max(t + gap);
                    *n += 1;
                }
                _ => {
                    if let Some((key, start, end, n)) = open.take() {
                        expected.insert((key, start), (end, n));
                    }
                    open = Some((row.0.clone(), t, t + gap, 1));
                }
            }
        }
        if let Some((key, start, end, n)) = open {
            expected.insert((key, start), (end, n));
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn order_by_gives_each_second_sorted_when_it_is_over() {
    let sql = "CREATE STREAM tmp (k VARCHAR(8), score DOUBLE); CREATE PUMP a AS INSERT INTO tmp SELECT STREAM ticker_symbol, price FROM s;
        CREATE STREAM o (k VARCHAR(8), score DOUBLE); CREATE PUMP b AS INSERT INTO o SELECT STREAM * FROM \"tmp\" ORDER BY FLOOR(\"tmp\".ROWTIME TO SECOND), score DESC;";
    let mut p = program(sql, Dialect::Kinesis);
    let records = [
        (0.1, "a", 1.0, 0),
        (0.2, "b", 3.0, 0),
        (0.9, "c", 2.0, 0),
        (1.0, "d", 9.0, 0),
    ];
    let made = super::run(&mut p, &records, 5.0);
    let order: Vec<String> = json(&made, 1)
        .iter()
        .map(|r| r["k"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(order, ["b", "c", "a", "d"]);
    let wrong = sql.replace("FLOOR(\"tmp\".ROWTIME TO SECOND), ", "");
    let problem = StreamProgram::compile(&wrong, Dialect::Kinesis, &schema(), None, limits())
        .map(|_| ())
        .unwrap_err();
    assert!(
        problem.message.contains("begins with the time"),
        "{problem}"
    );
}
