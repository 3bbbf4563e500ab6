//! One small run for the tests of reports: made once, hostile in its texts, with faults, refusals and objectives.

use std::sync::LazyLock;

use tempfile::TempDir;

use super::folder::RunFiles;
use crate::data::Root;
use crate::document::Document;
use crate::services;
use crate::session::{RunOptions, prepare};
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
