//! What a viewer reads off a run: the ways of single records, and why a node is red.

use serde_json::{Value, json};

use super::tests::{files, without_host};
use super::*;
use crate::data::Root;
use crate::document::Document;
use crate::metrics::Part;
use crate::node::TraceEnd;
use crate::report::{Trouble, explain};
use crate::runtime::{Command, Hop, RunSnapshot, Trace};
use crate::services;
use crate::units::{SimDuration, SimTime};

fn document(nodes: &Value, wires: &[(&str, &str)]) -> Document {
    let wires: Vec<Value> = wires
        .iter()
        .map(|(from, to)| json!({ "from": from, "to": to }))
        .collect();
    let nodes: Vec<Value> = nodes
        .as_object()
        .unwrap()
        .iter()
        .map(|(id, node)| json!({ "id": id, "kind": node[0], "at": [0, 0], "params": node[1] }))
        .collect();
    let doc =
        json!({ "weir": 1, "name": "view", "run_for": "10m", "nodes": nodes, "wires": wires });
    Document::parse(&doc.to_string()).unwrap()
}

fn options() -> RunOptions {
    RunOptions {
        detail: true,
        ..RunOptions::default()
    }
}

fn run(doc: Document, options: RunOptions) -> Outcome {
    let started = prepare(doc, services::ALL, Root::samples_only(), options);
    started.unwrap().finish().unwrap()
}

/// A stream with two readers: a function whose results are delivered, and a delivery with a function of its own.
fn branching(sql: &str) -> Document {
    document(
        &json!({
            "producer": ["producer", { "records_per_second": 200 }],
            "stream": ["kinesis-data-streams", { "shard_count": 2, "partition_key": "user_id" }],
            "reader": ["lambda", { "sql": sql }],
            "first": ["firehose", { "buffer_interval_seconds": 60 }],
            "second": ["firehose", { "buffer_interval_seconds": 60 }],
            "transform": ["lambda", { "sql": "SELECT *, amount * 2 AS twice FROM records" }],
            "lake": ["s3", {}]
        }),
        &[
            ("producer.out", "stream.in"),
            ("stream.out", "reader.in"),
            ("reader.out", "first.in"),
            ("stream.out", "second.in"),
            ("second.transform", "transform.invoke"),
            ("first.out", "lake.in"),
            ("second.out", "lake.in"),
        ],
    )
}

/// Stations hang together, and the parts of a stay add up to it.
fn check_trace(trace: &Trace) {
    assert_eq!(trace.hops[0].arrived, trace.born);
    for hop in &trace.hops {
        if let Some(from) = hop.from {
            let from = &trace.hops[from];
            // A branch may come later than the first that left.
            assert!(from.left.is_some_and(|at| at <= hop.arrived), "{trace:#?}");
        }
        if let Some(left) = hop.left {
            let whole = left.since(hop.arrived);
            let sum = hop.parts.iter().map(|(_, took)| took.0).sum::<u64>();
            assert!(hop.parts.is_empty() || sum == whole.0, "{hop:#?}");
            assert!(hop.tries > hop.refusals, "{hop:#?}");
        }
    }
}

fn way<'a>(trace: &'a Trace, last: &'a Hop) -> Vec<&'a Hop> {
    let mut way = vec![last];
    while let Some(from) = way[way.len() - 1].from {
        way.push(&trace.hops[from]);
    }
    way.reverse();
    way
}

#[test]
fn records_are_followed_over_every_branch_to_the_lake() {
    let outcome = run(branching("SELECT * FROM records"), options());
    let traces = &outcome.snapshot.traces;
    // The first of the source is followed in any case; how many more depends on how often the machine looks.
    assert!(!traces.is_empty());
    traces.iter().for_each(|t| check_trace(t));
    let over: Vec<_> = traces.iter().filter(|t| t.is_over).collect();
    assert!(!over.is_empty());
    for trace in over {
        let ends = trace.hops.iter().filter(|h| h.end.is_some());
        let mut ways: Vec<String> = ends
            .map(|last| {
                assert_eq!(last.end.unwrap().0, TraceEnd::Delivered, "{trace:#?}");
                let nodes = way(trace, last);
                let nodes: Vec<&str> = nodes.iter().map(|h| h.node.as_str()).collect();
                nodes.join(" ")
            })
            .collect();
        ways.sort();
        assert_eq!(
            ways,
            [
                "producer stream reader first lake",
                "producer stream second transform second lake"
            ]
        );
        // Where a stay is parted, the parts are those that the node measures.
        for hop in &trace.hops {
            match hop.node.as_str() {
                "producer" | "stream" | "reader" | "first" => {
                    assert!(!hop.parts.is_empty(), "{hop:#?}");
                }
                _ => {}
            }
        }
        let first = trace.hops.iter().find(|h| h.node == "first").unwrap();
        assert!(
            first.parts.iter().any(|(p, _)| *p == Part::Buffer),
            "{first:#?}"
        );
    }
}

#[test]
fn ways_end_in_words_where_records_do() {
    for (sql, wanted) in [
        (
            "SELECT * FROM records WHERE amount < 0",
            TraceEnd::Dropped("left out by the function"),
        ),
        (
            "SELECT user_id, count(*) AS n FROM records GROUP BY user_id",
            TraceEnd::Regrouped,
        ),
    ] {
        let outcome = run(branching(sql), options());
        let traces = &outcome.snapshot.traces;
        let ends: Vec<TraceEnd> = traces
            .iter()
            .flat_map(|t| t.hops.iter().filter(|h| h.node == "reader"))
            .filter_map(|h| h.end.map(|(end, _)| end))
            .collect();
        // The first record of the source is followed in any case; how many more depends on how often the machine looks.
        assert!(
            !ends.is_empty() && ends.iter().all(|e| *e == wanted),
            "{sql}: {ends:?}"
        );
    }
}

/// Watching a run changes nothing in it.
#[test]
fn followed_records_leave_no_trace_in_the_results() {
    let dir = tempfile::tempdir().unwrap();
    let all = [false, true].map(|detail| {
        let out = dir.path().join(format!("{detail}"));
        let doc = branching("SELECT * FROM records WHERE amount > 20");
        run(
            doc,
            RunOptions {
                out: Some(out.clone()),
                detail,
                cadence: std::time::Duration::ZERO,
                ..RunOptions::default()
            },
        );
        files(&out)
    });
    assert_eq!(all[0].len(), all[1].len());
    for (name, bytes) in &all[0] {
        let other = &all[1][name];
        if ["run.json", "summary.json"].contains(&name.as_str()) {
            assert_eq!(without_host(bytes), without_host(other), "{name}");
        } else {
            assert!(bytes == other, "{name}");
        }
    }
}

#[test]
fn a_record_is_followed_when_asked() {
    let options = RunOptions {
        paused: true,
        ..RunOptions::default()
    };
    let doc = branching("SELECT * FROM records");
    let started = prepare(doc, services::ALL, Root::samples_only(), options).unwrap();
    for command in [
        Command::Trace("producer".to_owned()),
        Command::Trace("lake".to_owned()),
        Command::Trace("nobody".to_owned()),
        Command::Resume,
    ] {
        assert!(started.send(command));
    }
    let snapshot = started.finish().unwrap().snapshot;
    assert_eq!(snapshot.traces.len(), 1);
    let trace = &snapshot.traces[0];
    assert!(
        trace.is_asked && trace.is_over && trace.hops.len() == 9,
        "{trace:#?}"
    );
}

/// Causes in short.
fn causes(snapshot: &RunSnapshot, node: &str) -> Vec<String> {
    let found = explain(snapshot, services::ALL, node);
    let origins = found.iter().filter(|c| c.is_origin).count();
    assert_eq!(origins, 1, "{found:#?}");
    assert!(found[found.len() - 1].is_origin, "{found:#?}");
    found
        .iter()
        .map(|c| format!("{} {:?}", c.node, c.what))
        .collect()
}

#[test]
fn red_producer_is_explained_by_the_stream_that_refuses() {
    let doc = document(
        &json!({
            "producer": ["producer", { "records_per_second": 3000, "buffer_records": 20_000 }],
            "stream": ["kinesis-data-streams", { "shard_count": 1 }],
            "hose": ["firehose", {}],
            "lake": ["s3", {}]
        }),
        &[
            ("producer.out", "stream.in"),
            ("stream.out", "hose.in"),
            ("hose.out", "lake.in"),
        ],
    );
    let snapshot = run(doc, options()).snapshot;
    let found = explain(&snapshot, services::ALL, "producer");
    let origin = &found[found.len() - 1];
    assert_eq!(origin.node, "stream", "{found:#?}");
    assert!(
        origin
            .at
            .is_some_and(|at| at < SimTime::ZERO + SimDuration::secs(5))
    );
    let params: Vec<_> = origin.remedies.iter().filter_map(|r| r.param).collect();
    assert_eq!(params, ["shard_count", "partition_key"]);
    let words = causes(&snapshot, "producer");
    assert!(
        words
            .iter()
            .any(|w| w.starts_with("producer Incident(\"buffer-full\"")),
        "{words:#?}"
    );
    assert!(
        words
            .iter()
            .any(|w| w.starts_with("producer Dropped(\"sender's buffer is full\"")),
        "{words:#?}"
    );
    let refused = |c: &&crate::report::Cause| matches!(&c.what, Trouble::Refused(by, n) if by == "stream" && *n > 0);
    assert!(found.iter().any(|c| refused(&c)), "{found:#?}");
    // What is red downstream comes from there as well; what only feeds it is told too.
    assert!(
        causes(&snapshot, "lake")
            .last()
            .unwrap()
            .starts_with("stream ")
    );
    assert!(explain(&snapshot, services::ALL, "nobody").is_empty());
}

#[test]
fn fault_that_is_on_is_the_origin() {
    let mut doc = document(
        &json!({
            "producer": ["producer", { "records_per_second": 20 }],
            "stream": ["kinesis-data-streams", {}],
            "reader": ["lambda", { "sql": "SELECT * FROM records" }]
        }),
        &[("producer.out", "stream.in"), ("stream.out", "reader.in")],
    );
    let step = json!({ "at": "5m", "node": "reader", "fault": "errors", "rate": 1.0 });
    doc.scenario.push(serde_json::from_value(step).unwrap());
    doc.run_for = SimDuration::secs(420);
    let snapshot = run(doc, options()).snapshot;
    let found = explain(&snapshot, services::ALL, "reader");
    let origin = &found[found.len() - 1];
    assert_eq!(origin.what, Trouble::Fault("errors"), "{found:#?}");
    assert_eq!(origin.at, Some(SimTime::ZERO + SimDuration::secs(300)));
    let incident = found
        .iter()
        .find(|c| matches!(c.what, Trouble::Incident("errors", n) if n > 0));
    assert!(!incident.unwrap().remedies.is_empty(), "{found:#?}");
}
