//! Windows over a stream come to what the grouping of a batch comes to.

use std::collections::BTreeMap;

use arrow::array::{Array as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use proptest::prelude::*;

use super::super::rows::millis;
use super::super::{Dialect, Fate};
use super::{BASE, batch, program, schema};
use crate::lake::transform::Transform;

/// Key, window and results of the grouping of a batch, in the order of the keys.
type Results = BTreeMap<(String, i64), (i64, i64, f64, f64)>;

fn results(rows: &[RecordBatch]) -> Results {
    let mut out = Results::new();
    for batch in rows {
        let keys = batch
            .column(0)
            .as_any()
            .downcast_ref::<StringArray>()
            .unwrap();
        let start = millis(batch.column(1)).unwrap();
        let n = batch
            .column(2)
            .as_any()
            .downcast_ref::<Int64Array>()
            .unwrap();
        let sum = batch
            .column(3)
            .as_any()
            .downcast_ref::<Int64Array>()
            .unwrap();
        let mean = batch
            .column(4)
            .as_any()
            .downcast_ref::<Float64Array>()
            .unwrap();
        let total = batch
            .column(5)
            .as_any()
            .downcast_ref::<Float64Array>()
            .unwrap();
        for i in 0..batch.num_rows() {
            let key = (keys.value(i).to_owned(), start.value(i));
            let value = (n.value(i), sum.value(i), mean.value(i), total.value(i));
            assert!(out.insert(key, value).is_none(), "a window comes once");
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn windows_are_the_grouping_of_a_batch(
        records in prop::collection::vec((0..8_usize, 0..1000_i64, 0..9000_i64), 1..400),
        size in 1..40_i64,
        cut in 1..64_usize,
        delay in 0..60_i64,
    ) {
        // Event time goes on by 250 ms a record, less a delay of up to 9 s: out of order, and late beyond the watermark's delay.
        let rows: Vec<(String, f64, i64, f64)> = records
            .iter()
            .enumerate()
            .map(|(i, (key, n, back))| {
                let at = (i as f64 * 0.25 - *back as f64 / 1000.0).max(0.0);
                (format!("k{key}"), *n as f64 / 7.0, *n, at)
            })
            .collect();
        let rows: Vec<(&str, f64, i64, f64)> =
            rows.iter().map(|r| (r.0.as_str(), r.1, r.2, r.3)).collect();
        let sql = format!(
            "CREATE TABLE t (ticker_symbol STRING, price DOUBLE, quantity BIGINT, event_time TIMESTAMP(3), WATERMARK FOR event_time AS event_time - INTERVAL '{}' MILLISECOND);
             SELECT ticker_symbol, window_start, COUNT(*), SUM(quantity), AVG(price), SUM(price) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(event_time), INTERVAL '{size}' SECOND)) GROUP BY ticker_symbol, window_start, window_end",
            (delay * 100).max(1),
        );
        let mut p = program(&sql, Dialect::Flink);
        let whole = batch(&rows);
        let (mut made, mut kept) = (Vec::new(), Vec::new());
        let mut from = 0;
        while from < whole.num_rows() {
            let len = cut.min(whole.num_rows() - from);
            let part = whole.slice(from, len);
            let pushed = p.push(0, &part, &vec![0; len].into(), 1, BASE, BASE).unwrap();
            for i in 0..len {
                match pushed.fate(i) {
                    Fate::Merged => kept.push(part.slice(i, 1)),
                    fate => prop_assert_eq!(fate, Fate::Late),
                }
            }
            made.extend(pushed.made);
            from += len;
        }
        // A last record far ahead closes everything; its own window stays open.
        let last = batch(&[("end", 0.0, 0, 1e6)]);
        made.extend(p.push(0, &last, &vec![0].into(), 1, BASE, BASE).unwrap().made);
        let found: Vec<RecordBatch> = made.into_iter().map(|m| m.rows).collect();
        let all = concat_batches(&schema(), &kept).unwrap();
        let grouped = format!(
            "SELECT ticker_symbol, date_bin(INTERVAL '{size} seconds', event_time) AS w, COUNT(*), SUM(quantity), AVG(price), SUM(price) FROM records GROUP BY ticker_symbol, w"
        );
        let batched = Transform::compile(&grouped, schema()).unwrap().apply(&all).unwrap();
        prop_assert_eq!(results(&found), results(&[batched.rows]));
    }
}
