//! Detectors with OVER: one for each partition, the same as over the whole series at once.

use weir_detect::{Algorithm, Detector, Settings};

use super::{BASE, Dialect, batch, json, ms, program};

/// A saw with a value far off in place 350, for two keys of different level.
fn readings() -> Vec<(&'static str, f64, i64, f64)> {
    let one = |i: i32| {
        let (key, level) = [("a", 10.0), ("b", 500.0)][usize::from(i % 2 == 1)];
        let off = if i / 2 == 350 { 90.0 } else { 0.0 };
        (key, level + f64::from(i / 2 % 17) + off, 1, f64::from(i))
    };
    (0..800).map(one).collect()
}

/// What a detector of this name says of the readings of `key`.
fn alone(algorithm: Algorithm, key: &str) -> Vec<(f64, bool, Option<f64>)> {
    let settings = Settings {
        algorithm,
        seed: 7,
        ..Settings::default()
    };
    let mut detector = Detector::new(settings);
    let own = readings().into_iter().filter(|r| r.0 == key);
    own.map(|r| {
        let verdict = detector.update(&[r.1]);
        (
            verdict.score,
            verdict.anomalous,
            verdict.reason.map(|r| r.expected),
        )
    })
    .collect()
}

#[test]
fn each_detector_says_over_a_stream_what_it_says_alone() {
    for algorithm in Algorithm::ALL {
        let name = algorithm.name();
        let over = "OVER (PARTITION BY ticker_symbol)";
        let sql = format!(
            "CREATE STREAM o (k VARCHAR(9), score DOUBLE, odd BOOLEAN, usual DOUBLE);
             CREATE PUMP p AS INSERT INTO o SELECT STREAM ticker_symbol, ANOMALY_SCORE('{name}', price) {over},
             IS_ANOMALY('{name}', price) {over}, ANOMALY_EXPECTED('{name}', price) {over} FROM s;"
        );
        let mut p = program(&sql, Dialect::Kinesis);
        let mut rows = Vec::new();
        for part in readings().chunks(33) {
            let born = vec![0; part.len()].into();
            let pushed = p.push(0, &batch(part), &born, 1, BASE, BASE).unwrap();
            assert!(pushed.made.iter().all(|m| m.records.is_some()));
            rows.extend(json(&pushed.made, 0));
        }
        assert_eq!(rows.len(), 800);
        for key in ["a", "b"] {
            let own: Vec<_> = rows.iter().filter(|r| r["k"] == key).collect();
            let wanted = alone(algorithm, key);
            for (row, (score, odd, usual)) in own.into_iter().zip(wanted) {
                assert!((row["score"].as_f64().unwrap() - score).abs() < 1e-9);
                assert_eq!(row["odd"], odd, "{name}");
                let got = row.get("usual").and_then(serde_json::Value::as_f64);
                assert_eq!(got.is_some(), usual.is_some(), "{name}");
            }
        }
    }
}

#[test]
fn a_detector_over_event_time_takes_records_in_their_order() {
    let sql = "CREATE TABLE t (ticker_symbol STRING, price DOUBLE, event_time TIMESTAMP(3), WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND);
        CREATE TABLE o (k STRING, score DOUBLE);
        INSERT INTO o SELECT ticker_symbol, ANOMALY_SCORE('z-score', price) OVER (PARTITION BY ticker_symbol ORDER BY event_time) FROM t;";
    let mut p = program(sql, Dialect::Flink);
    let mut all = readings();
    // Neighbours change places; the watermark waits for them.
    all.chunks_mut(4).for_each(<[_]>::reverse);
    all.push(("a", 1.0, 1, 900.0));
    let born = vec![0; all.len()].into();
    let mut made = p.push(0, &batch(&all), &born, 1, BASE, BASE).unwrap().made;
    made.extend(p.advance(ms(900.0)).unwrap().made);
    let rows = json(&made, 0);
    let scores: Vec<f64> = rows
        .iter()
        .filter(|r| r["k"] == "b")
        .map(|r| r["score"].as_f64().unwrap())
        .collect();
    let wanted: Vec<f64> = alone(Algorithm::ZScore, "b").iter().map(|w| w.0).collect();
    assert_eq!(scores.len(), wanted.len());
    assert!(
        scores
            .iter()
            .zip(&wanted)
            .all(|(a, b)| (a - b).abs() < 1e-9)
    );
}

#[test]
fn a_detector_begins_anew_with_its_application() {
    let sql = "CREATE STREAM o (score DOUBLE); CREATE PUMP p AS INSERT INTO o SELECT STREAM ANOMALY_SCORE('z-score', price) OVER (PARTITION BY ticker_symbol) FROM s;";
    let mut p = program(sql, Dialect::Kinesis);
    let born = || vec![0; 400].into();
    let all = readings();
    let first = p.push(0, &batch(&all[..400]), &born(), 1, BASE, BASE);
    let first = json(&first.unwrap().made, 0);
    p.forget_forests();
    let again = p.push(0, &batch(&all[..400]), &born(), 1, BASE, BASE);
    assert_eq!(json(&again.unwrap().made, 0), first);
}
