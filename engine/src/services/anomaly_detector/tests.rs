//! The node between a fake stream and fake receivers.

use std::sync::Arc;

use arrow::array::{Array as _, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::json;

use super::AnomalyDetector;
use crate::data::{Batch, json_sizes};
use crate::node::{FaultKind, Flow, Notice, Schemas};
use crate::services::testing::{Bench, Fake, Heard, is_refused, ms, problems, trace};
use crate::units::SimDuration;

/// Rows of two machines in turn: a slow wave; machine `b` jumps in rows 600 to 609, which the label says.
fn readings(from: usize, rows: usize, born_ms: u64) -> Batch {
    let wave = |i: usize| 20.0 + (i as f64 / 30.0).sin() + (i * 7919 % 13) as f64 / 40.0;
    let odd = |i: usize| i % 2 == 1 && (600..610).contains(&i);
    let range = || from..from + rows;
    let key = |i: usize| if i.is_multiple_of(2) { "a" } else { "b" };
    let columns: Vec<(&str, arrow::array::ArrayRef)> = vec![
        (
            "machine",
            Arc::new(StringArray::from_iter_values(range().map(key))),
        ),
        (
            "temperature",
            Arc::new(Float64Array::from_iter_values(
                range().map(|i| if odd(i) { 95.0 } else { wave(i) }),
            )),
        ),
        (
            "truth",
            Arc::new(BooleanArray::from_iter(range().map(|i| Some(odd(i))))),
        ),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(n, a)| Field::new(*n, a.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, a)| a).collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let sizes = json_sizes(&rows);
    let born = vec![ms(born_ms).0; rows.num_rows()];
    Batch::new(rows, born.into(), sizes)
}

fn feed() -> Fake {
    (0..20_u64).fold(Fake::new().output("out", Flow::Records), |fake, n| {
        let from = usize::try_from(n).unwrap() * 50;
        fake.records(ms(1000 + n * 1000), readings(from, 50, 1000 + n * 1000))
    })
}

fn sink() -> Fake {
    Fake::new().input("in", &[Flow::Records])
}

fn params(more: &serde_json::Value) -> serde_json::Value {
    let mut all = json!({"detector": "z-score", "fields": "temperature", "key_field": "machine", "label_field": "truth",
        "warm_up_records": 100, "cutoff": "score", "cutoff_value": 6.0});
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

/// Every scored row: (machine, score, anomaly, field, expected).
#[expect(clippy::type_complexity, reason = "one row, named in the line above")]
fn rows(sink: &Fake) -> Vec<(String, f64, bool, Option<String>, Option<f64>)> {
    let mut out = Vec::new();
    for note in sink.notes() {
        let Heard::Records(batch) = note.heard else {
            continue;
        };
        let text = |name: &str| {
            let column = batch.rows.column_by_name(name).unwrap().clone();
            column
                .as_any()
                .downcast_ref::<StringArray>()
                .unwrap()
                .clone()
        };
        let number = |name: &str| {
            let column = batch.rows.column_by_name(name).unwrap().clone();
            column
                .as_any()
                .downcast_ref::<Float64Array>()
                .unwrap()
                .clone()
        };
        let flags = batch.rows.column_by_name("anomaly").unwrap().clone();
        let flags = flags.as_any().downcast_ref::<BooleanArray>().unwrap();
        let (keys, fields) = (text("machine"), text("anomaly_field"));
        let (scores, expected) = (number("anomaly_score"), number("anomaly_expected"));
        for i in 0..batch.len() {
            out.push((
                keys.value(i).to_owned(),
                scores.value(i),
                flags.value(i),
                fields.is_valid(i).then(|| fields.value(i).to_owned()),
                expected.is_valid(i).then(|| expected.value(i)),
            ));
        }
        assert_eq!(batch.sizes, json_sizes(&batch.rows));
    }
    out
}

#[test]
fn records_go_on_with_score_reason_and_alert() {
    let (feed, sink) = (feed(), sink());
    let bell = Fake::new().input("in", &[Flow::Notices]);
    let ran = Bench::new()
        .fake("feed", &feed)
        .node("watch", &AnomalyDetector, params(&json!({})))
        .fake("sink", &sink)
        .fake("zbell", &bell)
        .wire("feed.out", "watch.in")
        .wire("watch.out", "sink.in")
        .wire("watch.alerts", "zbell.in")
        .run(60);
    let rows = rows(&sink);
    assert_eq!(rows.len(), 1000);
    let alerts: Vec<_> = rows.iter().filter(|r| r.2).collect();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let (key, score, _, field, expected) = alerts[0];
    assert_eq!((key.as_str(), field.as_deref()), ("b", Some("temperature")));
    assert!(*score > 6.0 && (19.0..22.0).contains(&expected.unwrap()));
    let told: Vec<_> = bell
        .notes()
        .into_iter()
        .filter_map(|n| match n.heard {
            Heard::Notice(Notice::Event(event)) => Some(event),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].detail["key"], "b");
    assert!((ran.metric("watch", "Anomalies").sum - 1.0).abs() < 1e-9);
    // The labels: one window of machine b, found in its first record.
    assert!((ran.metric("watch", "Recall").max - 1.0).abs() < 1e-9);
    assert!((ran.metric("watch", "Precision").max - 1.0).abs() < 1e-9);
    let state = ran.gauges("watch").state.clone().unwrap();
    assert!(
        state.starts_with("found 1 of 1, precision 1.00, recall 1.00"),
        "{state}"
    );
    assert_eq!(
        ran.gauges("watch").table.as_ref().unwrap().rows[0].num_rows(),
        1
    );
    // One instance for a minute.
    assert_eq!(
        ran.usage("watch", "sagemaker.ml_m5_large_hosting_hour"),
        60_000
    );
}

#[test]
fn only_anomalies_go_on_when_wanted() {
    let (feed, sink) = (feed(), sink());
    let ran = Bench::new()
        .fake("feed", &feed)
        .node(
            "watch",
            &AnomalyDetector,
            params(&json!({"emit": "anomalies"})),
        )
        .fake("sink", &sink)
        .wire("feed.out", "watch.in")
        .wire("watch.out", "sink.in")
        .run(60);
    assert_eq!(rows(&sink).len(), 1);
    assert_eq!(ran.ledger("watch").dropped["no anomaly"], 999);
}

#[test]
fn labels_do_not_change_a_score() {
    let scores = |label: &str| {
        let (feed, sink) = (feed(), sink());
        Bench::new()
            .fake("feed", &feed)
            .node(
                "watch",
                &AnomalyDetector,
                params(&json!({"label_field": label, "detector": "best-of"})),
            )
            .fake("sink", &sink)
            .wire("feed.out", "watch.in")
            .wire("watch.out", "sink.in")
            .run(60);
        rows(&sink)
    };
    assert_eq!(scores("truth"), scores(""));
}

#[test]
fn failed_invocations_are_tried_again_in_order() {
    let (feed, sink) = (feed(), sink());
    let ran = Bench::new()
        .fake("feed", &feed)
        .node("watch", &AnomalyDetector, params(&json!({})))
        .fake("sink", &sink)
        .wire("feed.out", "watch.in")
        .wire("watch.out", "sink.in")
        .fault(
            ms(3000),
            "watch",
            FaultKind::Errors,
            0.5,
            SimDuration::secs(10),
        )
        .run(90);
    assert_eq!(rows(&sink).len(), 1000);
    assert!(ran.metric("watch", "Invocation5XXErrors").sum > 0.0);
    assert!((ran.metric("watch", "Recall").max - 1.0).abs() < 1e-9);
}

#[test]
fn models_are_bounded_in_number() {
    let (feed, sink) = (feed(), sink());
    let ran = Bench::new()
        .fake("feed", &feed)
        .node("watch", &AnomalyDetector, params(&json!({"max_keys": 1})))
        .fake("sink", &sink)
        .wire("feed.out", "watch.in")
        .wire("watch.out", "sink.in")
        .run(60);
    assert!((ran.metric("watch", "Keys").max - 1.0).abs() < 1e-9);
    assert!(!ran.events("watch", "keys").is_empty());
    assert_eq!(rows(&sink).len(), 1000);
}

/// (parameters, the parameter at fault).
#[test]
fn wrong_fields_are_named_before_a_run() {
    let schema = readings(0, 1, 0).schema();
    let inputs: Schemas = [("in".to_owned(), schema)].into_iter().collect();
    let cases = [
        (json!({"fields": "temperature"}), None),
        (json!({}), None),
        (json!({"fields": "temprature"}), Some("fields")),
        (json!({"fields": "machine"}), Some("fields")),
        (json!({"key_field": "machin"}), Some("key_field")),
        (json!({"label_field": "label"}), Some("label_field")),
    ];
    for (params, wrong) in cases {
        let (out, problems) = trace(&AnomalyDetector, &params, &inputs);
        let found = problems.found.first().map(|p| p.field.as_str());
        assert_eq!(found, wrong, "{params}");
        assert!(
            out["out"]
                .field_with_name("anomaly_score")
                .is_ok_and(|f| *f.data_type() == DataType::Float64)
        );
    }
    let huge =
        json!({"detector": "random-cut-forest", "key_field": "machine", "max_keys": 100_000});
    let problems = problems(&AnomalyDetector, &huge);
    assert!(is_refused(&problems));
    assert_eq!(problems.found[0].field, "max_keys");
}
