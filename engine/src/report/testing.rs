//! One small run for the tests of reports: made once, hostile in its texts, with faults, refusals and objectives.

use std::sync::LazyLock;

use tempfile::TempDir;

use super::folder::RunFiles;
use crate::code::Permission;
use crate::data::Root;
use crate::document::Document;
use crate::services;
use crate::session::{RunOptions, Setting, prepare};
use crate::study::{RepeatPlan, SweepStopper, WarmUp, Watch, project, run_repeats};
use crate::units::SimDuration;

const PIPELINE: &str = r#"{
  "weir": 1, "name": "</title><script>alert('x')</script> & \"quotes\"",
  "description": "<img src=x onerror=alert(1)> | `code` *stars*",
  "run_for": "8m",
  "nodes": [
    { "id": "producer", "kind": "producer", "title": "]]></svg><b>", "at": [0, 0], "params": { "records_per_second": 900 } },
    { "id": "stream", "kind": "kinesis-data-streams", "at": [300, 0], "params": { "shard_count": 1 } },
    { "id": "delivery", "kind": "firehose", "at": [600, 0], "params": { "buffer_interval_seconds": 60 } },
    { "id": "lake", "kind": "s3", "at": [900, 0] }
  ],
  "wires": [ { "from": "producer.out", "to": "stream.in" }, { "from": "stream.out", "to": "delivery.in" }, { "from": "delivery.out", "to": "lake.in" } ],
  "scenario": [
    { "at": "3m", "node": "producer", "fault": "traffic-spike", "factor": 4, "for": "20s" },
    { "at": "4m", "node": "producer", "set": { "records_per_second": 700 } } ],
  "objectives": [ { "node": "lake", "metric": "latency_p99", "at_most": "120s" }, { "metric": "usd_per_month", "at_most": 1 } ],
  "expect": { "checks": [ { "that": "unaccounted = 0" } ] }
}"#;

static RUN: LazyLock<(TempDir, RunFiles)> = LazyLock::new(|| run_of(document()));

static PROJECTED: LazyLock<(TempDir, RunFiles)> = LazyLock::new(|| {
    // Ten times its traffic is not much.
    let small = [("900", "90"), ("700", "70"), ("\"8m\"", "\"5m\"")];
    let text = small
        .iter()
        .fold(PIPELINE.to_owned(), |t, (a, b)| t.replace(a, b));
    let (dir, files) = run_of(Document::parse(&text).unwrap());
    let runs = project(
        &files.doc,
        &Root::samples_only(),
        services::ALL,
        &Watch::alone(&Permission::Nothing),
    )
    .unwrap();
    let text = serde_json::to_vec_pretty(&runs).unwrap();
    std::fs::write(files.folder.join(super::PROJECTIONS), text).unwrap();
    let files = RunFiles::open(&files.folder).unwrap();
    (dir, files)
});

static REPEATED: LazyLock<(TempDir, RunFiles)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let plan = RepeatPlan {
        doc: document(),
        root: Root::samples_only(),
        options: RunOptions {
            out: Some(out.clone()),
            ..RunOptions::default()
        },
        runs: 3,
        warm_up: WarmUp::Given(SimDuration::secs(60)),
    };
    drop(run_repeats(&plan, services::ALL, &SweepStopper::default(), &|_| {}).unwrap());
    let files = RunFiles::open(&out).unwrap();
    (dir, files)
});

/// Templates whose reports are looked at: of a stream with files and queries, of batch jobs, of detectors. Each with the time
/// of its run and settings that keep it small.
const TEMPLATES: [(&str, u64, &[&str]); 3] = [
    (
        "weekend-transactions",
        720,
        &["producer.records_per_second=60"],
    ),
    ("batch-lake", 2_400, &["producer.records_per_second=20"]),
    (
        "real-time-anomaly",
        600,
        &["payments.records_per_second=20"],
    ),
];

static OF_TEMPLATES: LazyLock<Vec<(TempDir, RunFiles)>> = LazyLock::new(|| {
    let one = |(id, seconds, settings): &(&str, u64, &[&str])| {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("run");
        let file = format!(
            "{}/../templates/{id}/pipeline.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let doc = Document::parse(&std::fs::read_to_string(file).unwrap()).unwrap();
        let options = RunOptions {
            out: Some(out.clone()),
            run_for: Some(SimDuration::secs(*seconds)),
            set: settings
                .iter()
                .map(|s| Setting::parse(s).unwrap())
                .collect(),
            ..RunOptions::default()
        };
        let root = Root::samples_only();
        drop(
            prepare(doc, services::ALL, root, options)
                .unwrap()
                .finish()
                .unwrap(),
        );
        let files = RunFiles::open(&out).unwrap();
        (dir, files)
    };
    TEMPLATES.iter().map(one).collect()
});

/// A run of `doc` in a folder that lasts as long as the tests.
fn run_of(doc: Document) -> (TempDir, RunFiles) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let options = RunOptions {
        out: Some(out.clone()),
        ..RunOptions::default()
    };
    let prepared = prepare(doc, services::ALL, Root::samples_only(), options).unwrap();
    drop(prepared.finish().unwrap());
    let files = RunFiles::open(&out).unwrap();
    (dir, files)
}

/// Lines of a producer, a stream, a delivery and a bucket, side by side.
fn lines(count: usize, rate: u32, scenario: &str, run_for: &str) -> Document {
    let (mut nodes, mut wires) = (Vec::new(), Vec::new());
    for i in 0..count {
        let y = i * 200;
        nodes.push(format!(
            r#"{{ "id": "producer-{i}", "kind": "producer", "at": [0, {y}], "params": {{ "records_per_second": {rate} }} }},
               {{ "id": "stream-{i}", "kind": "kinesis-data-streams", "at": [250, {y}] }},
               {{ "id": "delivery-{i}", "kind": "firehose", "at": [500, {y}], "params": {{ "buffer_interval_seconds": 60 }} }},
               {{ "id": "lake-{i}", "kind": "s3", "at": [750, {y}] }}"#
        ));
        wires.push(format!(
            r#"{{ "from": "producer-{i}.out", "to": "stream-{i}.in" }}, {{ "from": "stream-{i}.out", "to": "delivery-{i}.in" }},
               {{ "from": "delivery-{i}.out", "to": "lake-{i}.in" }}"#
        ));
    }
    let text = format!(
        r#"{{ "weir": 1, "name": "lines", "run_for": "{run_for}", "nodes": [{}], "wires": [{}], "scenario": [{scenario}] }}"#,
        nodes.join(","),
        wires.join(",")
    );
    Document::parse(&text).unwrap()
}

static UNUSUAL: LazyLock<Vec<(&'static str, TempDir, RunFiles)>> = LazyLock::new(|| {
    let error = r#"{ "at": "0s", "node": "stream-0", "fault": "errors", "rate": 1.0 }"#;
    let mut all = Vec::new();
    let mut add = |name, (dir, files)| all.push((name, dir, files));
    add("no data", run_of(lines(1, 0, "", "3m")));
    add("faults only", run_of(lines(1, 20, error, "3m")));
    add("many nodes", run_of(lines(30, 1, "", "20s")));
    let told = |state: &str, error: Option<&str>| {
        let (dir, mut files) = run_of(lines(1, 20, "", "2m"));
        files.summary_json["state"] = state.into();
        files.summary_json["error"] = error.into();
        let text = serde_json::to_vec_pretty(&files.summary_json).unwrap();
        std::fs::write(files.folder.join("summary.json"), text).unwrap();
        let files = RunFiles::open(&files.folder).unwrap();
        (dir, files)
    };
    add("stopped", told("stopped", None));
    let why = "stream-0: the disk is full";
    add("failed", told("failed", Some(why)));
    all
});

/// Runs that are not as they mostly are, with what they are: without data, of faults only, of many nodes, stopped, failed.
pub(super) fn unusual() -> impl Iterator<Item = (&'static str, &'static RunFiles)> {
    UNUSUAL.iter().map(|(name, _, files)| (*name, files))
}

/// Runs of three templates.
pub(super) fn of_templates() -> impl Iterator<Item = &'static RunFiles> {
    OF_TEMPLATES.iter().map(|(_, files)| files)
}

/// A smaller one with twice and ten times its traffic beside it.
pub(super) fn projected() -> &'static RunFiles {
    &PROJECTED.1
}

/// The same run with three seeds and a warm-up of a minute.
pub(super) fn repeated() -> &'static RunFiles {
    &REPEATED.1
}

pub(super) fn document() -> Document {
    Document::parse(PIPELINE).unwrap()
}

/// The run.
pub(super) fn run() -> &'static RunFiles {
    &RUN.1
}
