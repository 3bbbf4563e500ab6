//! Jobs over a small table in a real lake.

use std::fmt::Write as _;

use serde_json::{Value, json};
use weir_detect::Trained;

use super::SageMakerJob;
use crate::node::Flow;
use crate::services::glue_crawler::GlueCrawler;
use crate::services::s3::S3;
use crate::services::testing::{Bench, Fake, Ran, ms, problems};

const ROWS: usize = 1200;

/// Two machines in turn; the state of a machine follows the mean of its last four readings.
fn readings() -> String {
    let mut text = String::new();
    let mut last: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for i in 0..ROWS {
        let (machine, k) = (i % 2, i / 2);
        let value = 50.0
            + 30.0 * f64::from(u32::try_from(k * 7919 % 100).unwrap()) / 100.0
                * if (k / 40) % 2 == 0 { 1.0 } else { -1.0 };
        last[machine].push(value);
        let newest = &last[machine][last[machine].len().saturating_sub(4)..];
        let mean = newest.iter().sum::<f64>() / newest.len() as f64;
        let state = if mean > 58.0 {
            "hot"
        } else if mean < 42.0 {
            "cold"
        } else {
            "fine"
        };
        writeln!(
            text,
            r#"{{"n": {i}, "machine": "m{machine}", "heat": {value:.3}, "state": "{state}"}}"#
        )
        .unwrap();
    }
    text
}

fn bench() -> Bench {
    let feed = Fake::new().output("out", Flow::Objects).object(
        ms(0),
        "readings/a.json",
        readings().as_bytes(),
        ROWS,
    );
    Bench::new()
        .fake("feed", &feed)
        .node("lake", &S3, json!({"bucket": "weir-lake"}))
        .node(
            "crawler",
            &GlueCrawler,
            json!({"prefix": "readings/", "schedule_seconds": 0}),
        )
        .wire("feed.out", "lake.in")
        .wire("lake.bucket", "crawler.bucket")
        .node("stored", &S3, json!({"bucket": "weir-models"}))
}

fn training(more: &Value) -> Value {
    let mut all = json!({"sql": "SELECT * FROM readings ORDER BY n", "fields": "heat, heat_mean_4", "key_field": "machine", "label_field": "state",
        "num_round": 20, "start_after_seconds": 600, "schedule_seconds": 36_000, "per_row_us": 1000.0});
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

fn trained(more: &Value) -> Ran {
    bench()
        .node("train", &SageMakerJob, training(more))
        .wire("crawler.catalog", "train.catalog")
        .wire("train.out", "stored.in")
        .run(3600)
}

#[test]
fn a_classifier_is_trained_stored_and_billed() {
    let ran = trained(&json!({}));
    assert_eq!(ran.events("train", "errors"), Vec::<String>::new());
    let files = ran.lake().list("weir-models", "models/");
    assert_eq!(files.len(), 1);
    let model =
        Trained::from_bytes(&ran.lake().read("weir-models", &files[0].key).unwrap()).unwrap();
    assert_eq!(model.inputs(), ["heat", "heat_mean_4"]);
    let accuracy = ran.metric("train", "validation:accuracy").max;
    assert!(accuracy > 0.97, "{accuracy}");
    assert!((ran.metric("train", "RowsRead").max - 1200.0).abs() < 1e-9);
    // 1200 rows, 20 rounds, 1 ms each on 4 vCPUs: 6 s, billed as a minute of one instance.
    assert_eq!(
        ran.usage("train", "sagemaker.ml_m5_xlarge_training_hour"),
        60_000
    );
    let table = ran.gauges("train").table.clone().unwrap();
    assert_eq!(table.rows[0].num_rows(), 2);
}

#[test]
fn longer_jobs_are_billed_by_the_second_for_each_instance() {
    let ran = trained(
        &json!({"per_row_us": 50_000.0, "instance_count": 2, "instance_type": "ml.m5.large"}),
    );
    // 1200 * 20 * 50 ms on 4 vCPUs: 300 s of two instances.
    assert_eq!(
        ran.usage("train", "sagemaker.ml_m5_large_training_hour"),
        600_000
    );
    let usd: f64 = ran
        .run
        .bill()
        .lines
        .iter()
        .filter(|l| l.usage_type.contains("training"))
        .filter_map(|l| l.usd)
        .map(|u| u.as_f64())
        .sum();
    assert!((usd - 600.0 / 3600.0 * 0.115).abs() < 1e-6, "{usd}");
}

#[test]
fn a_stored_model_judges_a_table() {
    let transform = json!({"job_type": "transform", "sql": "SELECT n, machine, heat, state FROM readings ORDER BY n", "key_field": "machine",
        "target_prefix": "judged/", "start_after_seconds": 1800, "schedule_seconds": 36_000});
    let ran = bench()
        .node("train", &SageMakerJob, training(&json!({})))
        .node("judge", &SageMakerJob, transform)
        .node("target", &S3, json!({"bucket": "weir-target"}))
        .wire("crawler.catalog", "train.catalog")
        .wire("crawler.catalog", "judge.catalog")
        .wire("train.out", "stored.in")
        .wire("stored.bucket", "judge.models")
        .wire("judge.out", "target.in")
        .run(3600);
    assert_eq!(ran.events("judge", "errors"), Vec::<String>::new());
    let files = ran.lake().list("weir-target", "judged/");
    let text = String::from_utf8(ran.lake().read("weir-target", &files[0].key).unwrap()).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(rows.len(), ROWS);
    let right = rows
        .iter()
        .filter(|r| r["prediction"] == r["state"])
        .count();
    assert!(right * 100 > ROWS * 97, "{right}");
    assert_eq!(
        ran.usage("judge", "sagemaker.ml_m5_xlarge_transform_hour"),
        60_000
    );
}

#[test]
fn processing_writes_rows_with_their_features() {
    let more = json!({"job_type": "processing", "fields": "heat, heat_mean_2", "target_prefix": "features/", "instance_type": "ml.c5.xlarge"});
    let ran = trained(&more);
    assert_eq!(ran.events("train", "errors"), Vec::<String>::new());
    let files = ran.lake().list("weir-models", "features/");
    let text = ran.lake().read("weir-models", &files[0].key).unwrap();
    let text = String::from_utf8(text).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(rows.len(), ROWS);
    let heat = |i: usize| rows[i]["heat"].as_f64().unwrap();
    // Machines report in turn: the reading before is two rows above.
    for (i, row) in rows.iter().enumerate().skip(2) {
        let mean = row["heat_mean_2"].as_f64().unwrap();
        assert!((mean - f64::midpoint(heat(i), heat(i - 2))).abs() < 1e-9);
        assert_eq!(row["n"], i);
    }
    // 1,200 rows of a millisecond on four vCPUs: the least that is billed.
    assert_eq!(
        ran.usage("train", "sagemaker.ml_c5_xlarge_processing_hour"),
        60_000
    );
}

#[test]
fn a_forest_needs_no_labels() {
    let ran = trained(
        &json!({"algorithm": "random-cut-forest", "label_field": "", "fields": "heat", "num_trees": 50}),
    );
    let files = ran.lake().list("weir-models", "models/");
    let model =
        Trained::from_bytes(&ran.lake().read("weir-models", &files[0].key).unwrap()).unwrap();
    assert!(matches!(model, Trained::Detector(_, detector) if detector.seen() == 1200));
}

#[test]
fn jobs_that_cannot_work_say_why_and_are_billed() {
    let cases = [
        (json!({"label_field": "nothing"}), "no column `nothing`"),
        (json!({"fields": "weight"}), "no numeric column `weight`"),
        (json!({"label_field": "n"}), "more than 32 classes"),
        (
            json!({"sql": "SELECT * FROM readings WHERE n < 0"}),
            "no rows",
        ),
        (json!({"sql": "SELECT * FROM missing"}), "missing"),
        (
            json!({"max_runtime_seconds": 60, "per_row_us": 100_000.0}),
            "longer than 60 s",
        ),
    ];
    for (more, part) in cases {
        let ran = trained(&more);
        let errors = ran.events("train", "errors");
        assert!(
            errors.iter().any(|e| e.contains(part)),
            "{more}: {errors:?}"
        );
        assert!((ran.metric("train", "JobsFailed").sum - 1.0).abs() < 1e-9);
        assert!(ran.usage("train", "sagemaker.ml_m5_xlarge_training_hour") >= 60_000);
        assert!(ran.lake().list("weir-models", "").is_empty());
    }
}

#[test]
fn wrong_parameters_are_found_before_a_run() {
    for (params, field) in [
        (json!({"sql": "DROP"}), "sql"),
        (json!({"target_prefix": "../up/"}), "target_prefix"),
    ] {
        let problems = problems(&SageMakerJob, &params);
        assert!(
            problems.found.iter().any(|p| p.field == field),
            "{field}: {problems:?}"
        );
    }
}
