//! What a viewer costs a run: the share of the run's thread that snapshots take at 30 a second, for the weekend template and
//! for a drawing of 500 nodes. `cargo run --release -p weir-engine --example snapshots`.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use weir_engine::data::Root;
use weir_engine::document::Document;
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};
use weir_engine::units::SimDuration;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A hundred pipelines of five nodes side by side.
fn wide() -> Result<Document> {
    let (mut nodes, mut wires): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for i in 0..100 {
        let id = |name: &str| format!("{name}-{i}");
        let mut node = |name: &str, kind: &str, params: Value| {
            nodes.push(json!({ "id": id(name), "kind": kind, "at": [0, 0], "params": params }));
        };
        node("producer", "producer", json!({ "records_per_second": 50 }));
        node("stream", "kinesis-data-streams", json!({}));
        node("hose", "firehose", json!({ "buffer_interval_seconds": 60 }));
        node("lake", "s3", json!({}));
        node(
            "alarm",
            "alarm",
            json!({ "metric_name": "PutRequests", "threshold": 1000 }),
        );
        for (from, to) in [("producer", "stream"), ("stream", "hose"), ("hose", "lake")] {
            wires.push(
                json!({ "from": format!("{}.out", id(from)), "to": format!("{}.in", id(to)) }),
            );
        }
        wires.push(json!({ "from": format!("{}.metrics", id("lake")), "to": format!("{}.watch", id("alarm")) }));
    }
    let doc = json!({ "weir": 1, "name": "wide", "nodes": nodes, "wires": wires });
    Ok(Document::parse(&doc.to_string())?)
}

fn measure(name: &str, doc: &Document, span: SimDuration) -> Result<()> {
    let nodes = doc.nodes.len();
    for detail in [false, true] {
        let options = RunOptions {
            run_for: Some(span),
            cadence: Duration::from_nanos(33_333_333),
            detail,
            ..RunOptions::default()
        };
        let started = prepare(doc.clone(), services::ALL, Root::samples_only(), options)?;
        let s = started.finish()?.snapshot;
        println!(
            "{name}, {nodes} nodes, detail {detail}: {:.2} s of host time, {} snapshots of {:.3} ms, {:.2} % of the thread, {} traces",
            s.host_seconds,
            s.snapshots,
            s.snapshot_seconds * 1e3 / s.snapshots.max(1) as f64,
            s.snapshot_seconds / s.host_seconds * 100.0,
            s.traces.len()
        );
    }
    Ok(())
}

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let weekend = root.join("templates/weekend-transactions/pipeline.json");
    let weekend = Document::load(&weekend)?;
    let span = weekend.run_for;
    measure("weekend", &weekend, span)?;
    measure("wide", &wide()?, SimDuration::secs(600))
}
