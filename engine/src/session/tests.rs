//! Whole runs of small pipelines: the folder, determinism, refusals that leave nothing behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::data::Root;
use crate::document::Document;
use crate::services;
use crate::units::SimDuration;

const PIPELINE: &str = r#"{
  "weir": 1, "name": "small", "run_for": "2m",
  "nodes": [
    { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 50 } },
    { "id": "stream", "kind": "kinesis-data-streams", "at": [1, 0] }
  ],
  "wires": [{ "from": "producer.out", "to": "stream.in" }],
  "scenario": [{ "at": "30s", "node": "producer", "set": { "records_per_second": 80 } }],
  "objectives": [{ "metric": "unaccounted", "at_most": 0 }]
}"#;

pub(super) fn document() -> Document {
    Document::parse(PIPELINE).unwrap()
}

pub(super) fn root() -> Root {
    Root::samples_only()
}

fn run(options: RunOptions) -> Outcome {
    prepare(document(), services::ALL, root(), options)
        .unwrap()
        .finish()
        .unwrap()
}

/// All files below `dir` by their relative names.
pub(super) fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path
                    .strip_prefix(dir)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Removes every member whose name begins with `host_`.
pub(super) fn without_host(bytes: &[u8]) -> Value {
    let mut value: Value = serde_json::from_slice(bytes).unwrap();
    value
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !name.starts_with("host_"));
    value
}

#[test]
fn run_folder_is_complete_and_the_same_for_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for threads in [1, 3] {
        let out = dir.path().join(format!("deep/run-{threads}"));
        let outcome = run(RunOptions {
            out: Some(out.clone()),
            threads: Some(threads),
            ..RunOptions::default()
        });
        assert!(!outcome.is_temporary());
        let s = &outcome.summary;
        assert_eq!(
            (s.state.as_str(), s.virtual_seconds, s.records.unaccounted),
            ("finished", 120.0, 0)
        );
        assert!(s.records.produced > 120 * 40, "{}", s.records.produced);
        assert!(s.passed());
        all.push(files(&out));
    }
    let names: Vec<&str> = all[0].keys().map(String::as_str).collect();
    for name in [
        "bill.csv",
        "events.jsonl",
        "metrics.parquet",
        "run.json",
        "summary.json",
    ] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    for (name, bytes) in &all[0] {
        let other = &all[1][name];
        if ["run.json", "summary.json"].contains(&name.as_str()) {
            assert_eq!(without_host(bytes), without_host(other), "{name}");
        } else {
            assert_eq!(bytes, other, "{name}");
        }
    }
    assert!(!names.iter().any(|n| n.starts_with('.')), "{names:?}");
    let record: Value = serde_json::from_slice(&all[0]["run.json"]).unwrap();
    assert!(Document::parse(&record["document"].to_string()).is_ok());
}

#[test]
fn options_change_the_document_that_runs() {
    let options = RunOptions {
        run_for: Some(SimDuration::secs(10)),
        seed: Some(7),
        set: [
            "producer.records_per_second=2k",
            "billing.hours_per_month=744",
            "billing.free_tier=true",
        ]
        .map(|text| Setting::parse(text).unwrap())
        .to_vec(),
        ..RunOptions::default()
    };
    let outcome = run(options);
    assert!(outcome.is_temporary());
    let s = &outcome.summary;
    assert_eq!(s.cost.billing.hours_per_month, 744);
    assert!(s.cost.billing.free_tier);
    let (hour, month) = (s.cost.usd_per_hour.unwrap(), s.cost.usd_per_month.unwrap());
    assert!(month < 744.5 * hour, "{hour} {month}");
    assert_eq!((s.seed, s.virtual_seconds), (7, 10.0));
    assert!(s.records.produced > 15_000, "{}", s.records.produced);
    let folder = outcome.folder().to_owned();
    assert!(folder.join("summary.json").is_file());
    drop(outcome);
    assert!(!folder.exists());
}

#[test]
fn settings_of_the_bill_are_checked() {
    for (set, said) in [
        ("billing.hours_per_month=745", "744"),
        ("billing.bytes_per_gb=5", "1073741824"),
        ("billing.hours=7", "there is no parameter `hours`"),
        ("billing.free_tier=perhaps", "free_tier"),
    ] {
        let options = RunOptions {
            set: vec![Setting::parse(set).unwrap()],
            ..RunOptions::default()
        };
        let refused = prepare(document(), services::ALL, root(), options).err();
        let error = refused.unwrap().to_string();
        assert!(error.contains(said), "{set}: {error}");
    }
}

#[test]
fn refusals_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let full = dir.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("mine"), "x").unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let new = dir.path().join("new/deeper");
    let set = |text: &str| vec![Setting::parse(text).unwrap()];
    let before = files(dir.path());
    for (out, set, wanted) in [
        (
            &full,
            Vec::new(),
            "is not empty: name a new or empty folder",
        ),
        (&file, Vec::new(), "is no folder"),
        (
            &new,
            set("producr.records_per_second=1"),
            "no node `producr`",
        ),
        (
            &new,
            set("producer.records_per_secon=1"),
            "there is no parameter `records_per_secon`",
        ),
        (
            &new,
            set("producer.records_per_second=-5"),
            "producer.records_per_second",
        ),
        (&new, set("producer.records_per_second=soon"), "soon"),
    ] {
        let options = RunOptions {
            out: Some(out.clone()),
            set,
            ..RunOptions::default()
        };
        let error = prepare(document(), services::ALL, root(), options)
            .unwrap_err()
            .to_string();
        assert!(error.contains(wanted), "{error}");
    }
    let options = RunOptions {
        out: Some(new.clone()),
        run_for: Some(SimDuration::secs(60)),
        warm_up: Some(SimDuration::secs(60)),
        ..RunOptions::default()
    };
    let error = prepare(document(), services::ALL, root(), options).unwrap_err();
    let wanted = "a warm-up of 1m leaves nothing of a run of 1m";
    assert!(error.to_string().contains(wanted), "{error}");
    assert_eq!(files(dir.path()), before);
    assert!(!dir.path().join("new").exists());
}

#[test]
fn settings_are_read_or_refused_in_a_sentence() {
    for good in ["a.b=c", " a.b = c", "a.b=c=d.e"] {
        let setting = Setting::parse(good).unwrap();
        assert_eq!((setting.node.as_str(), setting.param.as_str()), ("a", "b"));
    }
    for bad in ["", "a", "a.b", "a=b", ".b=c", "a.=c"] {
        let error = Setting::parse(bad).unwrap_err();
        assert!(error.contains("write `node.param=value`"), "{error}");
    }
}

#[test]
fn a_run_that_is_ended_still_balances() {
    let options = RunOptions {
        run_for: Some(SimDuration::secs(1_000_000)),
        ..RunOptions::default()
    };
    let prepared = prepare(document(), services::ALL, root(), options).unwrap();
    assert!(prepared.send(crate::runtime::Command::End));
    let outcome = prepared.finish().unwrap();
    assert_eq!(outcome.summary.state, "stopped");
    assert_eq!(outcome.summary.records.unaccounted, 0);
}

#[test]
fn metrics_and_bill_can_be_queried() {
    let outcome = run(RunOptions::default());
    let database = crate::lake::open_run(outcome.folder()).unwrap();
    let sql = "SELECT CAST(SUM(sum) AS BIGINT) AS n FROM metrics WHERE node = 'producer' AND metric = 'RecordsIn'";
    let result = database.query(sql, 10).unwrap();
    let rows = crate::lake::batches_to_json(&result.batches).unwrap();
    assert_eq!(rows[0]["n"], outcome.summary.records.produced);
    let result = database
        .query("SELECT node, usd FROM bill ORDER BY node LIMIT 1", 10)
        .unwrap();
    assert_eq!(result.rows, 1);
}

/// A bypassed stream between producer and delivery, and a bypassed function on the delivery's transform.
#[test]
fn bypassed_nodes_are_passed_by() {
    let text = r#"{
      "weir": 1, "name": "bypass", "run_for": "10m",
      "nodes": [
        { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 50 } },
        { "id": "stream", "kind": "kinesis-data-streams", "at": [1, 0], "bypassed": true },
        { "id": "hose", "kind": "firehose", "at": [2, 0] },
        { "id": "enrich", "kind": "lambda", "at": [2, 1], "bypassed": true, "params": { "sql": "SELECT nonsense" } },
        { "id": "lake", "kind": "s3", "at": [3, 0] }
      ],
      "wires": [
        { "from": "producer.out", "to": "stream.in" }, { "from": "stream.out", "to": "hose.in" },
        { "from": "hose.transform", "to": "enrich.invoke" }, { "from": "hose.out", "to": "lake.in" }
      ]
    }"#;
    let doc = Document::parse(text).unwrap();
    let started = prepare(doc, services::ALL, root(), RunOptions::default()).unwrap();
    let s = started.finish().unwrap().summary;
    let ids: Vec<&str> = s.nodes.keys().map(String::as_str).collect();
    assert_eq!(ids, ["hose", "lake", "producer"]);
    assert_eq!((s.records.dropped, s.records.unaccounted), (0, 0));
    assert!(s.records.delivered > 0, "{:?}", s.records);
}

/// The lake of a run is readable while the run waits, and after its end.
#[test]
fn lake_of_a_run_is_readable_while_it_goes_on() {
    let text = PIPELINE.replace(
        "\"kinesis-data-streams\", \"at\": [1, 0]",
        "\"s3\", \"at\": [1, 0]",
    );
    let mut doc = Document::parse(&text).unwrap();
    doc.wires.clear();
    let options = RunOptions {
        paused: true,
        ..RunOptions::default()
    };
    let started = prepare(doc, services::ALL, root(), options).unwrap();
    let lake = started.lake();
    assert_eq!(lake.buckets().len(), 1);
    assert_eq!(started.books().region(), "us-east-1");
    let database = crate::lake::Database::live(&lake).unwrap();
    let told = database.query("SELECT * FROM t", 1).unwrap_err().message;
    assert!(told.contains("there is no file in the lake yet"), "{told}");
    assert!(started.send(crate::runtime::Command::Resume));
    let outcome = started.finish().unwrap();
    assert_eq!(lake.buckets().len(), 1);
    assert!(database.query("SELECT 1", 1).is_ok());
    drop(outcome);
}

/// The template's own figures: the query of the notes over the same flows as text and as Parquet.
#[test]
fn flow_logs_template_reads_less_of_parquet_than_of_text() {
    let text = include_str!("../../../templates/flow-logs/pipeline.json");
    let outcome = prepare(
        Document::parse(text).unwrap(),
        services::ALL,
        root(),
        RunOptions {
            run_for: Some(SimDuration::secs(660)),
            set: vec![Setting::parse("network.records_per_second=100").unwrap()],
            ..RunOptions::default()
        },
    )
    .unwrap()
    .finish()
    .unwrap();
    let summary = serde_json::to_value(&outcome.summary).unwrap();
    let read = |node: &str| {
        summary["nodes"][node]["metrics"]["ProcessedBytes"]["sum"]
            .as_f64()
            .unwrap()
    };
    let (text, columns) = (read("text-query"), read("parquet-query"));
    assert!(columns > 0.0 && columns * 5.0 < text, "{columns} of {text}");
    for node in ["text-query", "parquet-query"] {
        assert_eq!(
            summary["nodes"][node]["errors"], 0,
            "{}",
            summary["nodes"][node]
        );
    }
}
