//! One small run for the tests of reports: made once, hostile in its texts, with faults, refusals and objectives.

use std::sync::LazyLock;

use tempfile::TempDir;

use super::folder::RunFiles;
use crate::data::Root;
use crate::document::Document;
use crate::services;
use crate::session::{RunOptions, Setting, prepare};
use crate::study::{RepeatPlan, SweepStopper, WarmUp, run_repeats};
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

static RUN: LazyLock<(TempDir, RunFiles)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let options = RunOptions {
        out: Some(out.clone()),
        ..RunOptions::default()
    };
    let root = Root::samples_only();
    let prepared = prepare(document(), services::ALL, root, options).unwrap();
    drop(prepared.finish().unwrap());
    let files = RunFiles::open(&out).unwrap();
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

/// Runs of three templates.
pub(super) fn of_templates() -> impl Iterator<Item = &'static RunFiles> {
    OF_TEMPLATES.iter().map(|(_, files)| files)
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
