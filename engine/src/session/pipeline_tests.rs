//! Whole pipelines whose files matter: records that become ORC and are asked for, disks that are full.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::tests::{files, root};
use super::*;
use crate::disk::full;
use crate::document::Document;
use crate::lake::{Format, Lake, open_run};
use crate::services;

/// Payments through Firehose into a bucket, a crawler over it, a query over what the crawler found.
fn lake_document(delivery: &Value) -> Document {
    let mut params = json!({
        "prefix": "payments/dt=!{timestamp:yyyy-MM-dd}/", "error_output_prefix": "errors/!{firehose:error-output-type}/",
        "buffer_size_mib": 64, "buffer_interval_seconds": 60
    });
    let given = delivery.as_object().unwrap().clone();
    params.as_object_mut().unwrap().extend(given);
    let text = json!({
        "weir": 1, "name": "lake", "run_for": "20m", "seed": 7,
        "nodes": [
            { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 50, "schema": "transactions" } },
            { "id": "delivery", "kind": "firehose", "at": [1, 0], "params": params },
            { "id": "bucket", "kind": "s3", "at": [2, 0], "params": { "bucket": "weir-raw" } },
            { "id": "crawler", "kind": "glue-crawler", "at": [3, 0], "params": {
                "database": "raw", "prefix": "payments/", "crawl_on_first_data": false, "schedule_seconds": 3600, "start_after_seconds": 500 } },
            { "id": "query", "kind": "athena", "at": [4, 0], "params": {
                "sql": "SELECT category, count(*) AS n, round(sum(amount), 2) AS amount FROM payments GROUP BY category",
                "start_after_seconds": 900, "schedule_seconds": 3600 } }
        ],
        "wires": [
            { "from": "producer.out", "to": "delivery.in" },
            { "from": "delivery.out", "to": "bucket.in" },
            { "from": "bucket.bucket", "to": "crawler.bucket" },
            { "from": "crawler.catalog", "to": "query.catalog" }
        ],
        "scenario": [{ "at": "5m", "node": "producer", "set": { "records_per_second": 0.0001 } }]
    });
    Document::parse(&text.to_string()).unwrap()
}

fn run_in(out: &Path, document: Document) -> Result<Outcome, SessionError> {
    let options = RunOptions {
        out: Some(out.to_owned()),
        keep: true,
        ..RunOptions::default()
    };
    prepare(document, services::ALL, root(), options)?.finish()
}

#[test]
fn records_become_orc_are_crawled_and_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut scanned = Vec::new();
    for (name, delivery) in [
        ("orc", json!({ "format": "orc", "compression": "snappy" })),
        (
            "parquet",
            json!({ "format": "parquet", "compression": "snappy" }),
        ),
        ("json", json!({ "format": "json" })),
    ] {
        let out = dir.path().join(name);
        let outcome = run_in(&out, lake_document(&delivery)).unwrap();
        let summary = serde_json::to_value(&outcome.summary).unwrap();
        assert_eq!(summary["records"]["unaccounted"], 0);
        let query = &summary["nodes"]["query"];
        assert_eq!(query["errors"], 0, "{name}: {query}");
        scanned.push(query["metrics"]["ProcessedBytes"]["sum"].as_f64().unwrap());
        if name != "orc" {
            continue;
        }
        let lake = Lake::open(&out.join("lake")).unwrap();
        let table = lake.catalog().table("raw", "payments").unwrap().clone();
        assert_eq!(
            (table.format.clone(), table.compression.as_str()),
            (Format::Orc, "snappy")
        );
        let objects = lake.list("weir-raw", "payments/");
        assert!(objects.len() >= 5 && objects.iter().all(|o| o.key.ends_with(".orc")));
        // What was delivered is what the files hold.
        let database = open_run(&out).unwrap();
        let counted = database.query(
            "SELECT count(*) AS n, count(amount) AS a FROM raw.payments",
            1,
        );
        let counted = crate::lake::batches_to_json(&counted.unwrap().batches).unwrap();
        let delivered = &summary["nodes"]["bucket"]["records_in"];
        assert_eq!((&counted[0]["n"], &counted[0]["a"]), (delivered, delivered));
    }
    // Two columns of many against whole files.
    let [orc, parquet, text] = scanned[..] else {
        panic!("three runs")
    };
    assert!(
        orc > 0.0 && orc * 5.0 < text && parquet * 5.0 < text,
        "{scanned:?}"
    );
}

/// Whatever is written when the disk is full, the run says which file and what to do, and what is left is whole.
#[test]
fn full_disk_is_a_clear_end() {
    let dir = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(dir.path()).unwrap();
    let mut ended = 0;
    for (f, delivery) in [
        json!({ "format": "json", "compression": "gzip" }),
        json!({ "format": "parquet", "compression": "snappy" }),
        json!({ "format": "orc", "compression": "zlib" }),
    ]
    .iter()
    .enumerate()
    {
        for room in [0, 100, 30_000, 200_000, 400_000, 1 << 30] {
            let out = base.join(format!("{f}-{room}"));
            full::limit(&out, room);
            let told = match run_in(&out, lake_document(delivery)) {
                Ok(outcome) => {
                    assert_eq!(outcome.summary.records.unaccounted, 0);
                    ended += 1;
                    continue;
                }
                Err(e) => e.to_string(),
            };
            assert!(told.contains("check that the disk has room"), "{told}");
            assert!(told.contains(&base.display().to_string()), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
            let lake = Lake::open(&out.join("lake")).unwrap();
            for object in lake.list("weir-raw", "payments/") {
                let rows = lake.preview("weir-raw", &object.key, 10);
                assert!(rows.unwrap().num_rows() > 0, "{}", object.key);
            }
            let left: Vec<String> = files(&out.join("lake")).into_keys().collect();
            assert!(left.iter().all(|n| !n.contains(".staging")), "{left:?}");
        }
    }
    // With room for everything each run ends as it should, and only then.
    assert_eq!(ended, 3);
}

/// The list of events grows while a run goes on; the log of records has a test of its own.
#[test]
fn full_disk_for_events_is_a_clear_end() {
    let dir = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(dir.path()).unwrap();
    let stream = json!({
        "weir": 1, "name": "throttled", "run_for": "1m", "seed": 7,
        "nodes": [
            { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 2000, "schema": "transactions" } },
            { "id": "stream", "kind": "kinesis-data-streams", "at": [1, 0], "params": { "shard_count": 1 } }
        ],
        "wires": [{ "from": "producer.out", "to": "stream.in" }]
    });
    let document = || Document::parse(&stream.to_string()).unwrap();
    for room in [0, 50] {
        let out = base.join(format!("events-{room}"));
        let file = out.join("events.jsonl");
        full::limit(&file, room);
        // The figures are there, and the run says that it failed and why.
        let summary = run_in(&out, document()).unwrap().summary;
        assert_eq!(summary.state, "failed");
        let told = summary.error.unwrap();
        assert!(told.contains("check that the disk has room"), "{told}");
        assert!(told.contains(&file.display().to_string()), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        let kept = fs::read_to_string(out.join("summary.json")).unwrap();
        assert!(kept.contains("\"failed\""));
        Lake::open(&out.join("lake")).unwrap();
    }
    let summary = run_in(&base.join("room"), document()).unwrap().summary;
    assert_eq!((summary.state.as_str(), summary.error), ("finished", None));
}

/// A save that the disk refuses leaves the old document as it was, and nothing beside it.
#[test]
fn full_disk_leaves_the_saved_document() {
    let dir = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(dir.path()).unwrap();
    let path = base.join("pipeline.json");
    let document = lake_document(&json!({}));
    document.save(&path).unwrap();
    let before = files(&base);
    for room in [0, 10, 500] {
        full::limit(&base, room);
        let told = document.save(&path).unwrap_err().to_string();
        assert!(
            told.contains("pipeline.json") && told.contains("has room"),
            "{told}"
        );
        assert_eq!(files(&base), before);
    }
}
