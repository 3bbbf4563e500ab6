//! Same document, seed and version: the same bytes, at every pace, on any number of threads, however often it is paused.

use std::thread;
use std::time::Duration;

use weir_engine::data::Root;
use weir_engine::document::Document;
use weir_engine::runtime::{Breakpoint, Command, Pace, RunState};
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};

use crate::running::{contents, run};

const WEEKEND: &str = include_str!("../../templates/weekend-transactions/pipeline.json");

/// The weekend, shorter and slower, with everything that a scenario can do to it.
fn document(seed: u64) -> String {
    let mut document = Document::parse(WEEKEND).unwrap();
    document.seed = seed;
    document.run_for = weir_engine::units::parse_duration("5m").unwrap();
    let rate = |d: &mut Document, id: &str, name: &str, value: serde_json::Value| {
        d.node_mut(id)
            .unwrap()
            .params
            .insert(name.to_owned(), value);
    };
    rate(&mut document, "producer", "records_per_second", 400.into());
    rate(&mut document, "producer", "arrival", "poisson".into());
    rate(&mut document, "stream", "shard_count", 2.into());
    rate(&mut document, "crawler", "start_after_seconds", 90.into());
    rate(&mut document, "fraud-query", "schedule_seconds", 60.into());
    let mut text: serde_json::Value = serde_json::from_str(&document.to_json_pretty()).unwrap();
    text["scenario"] = serde_json::json!([
        { "at": "30s", "node": "producer", "set": { "records_per_second": 900 } },
        { "at": "60s", "node": "enrich", "fault": "errors", "for": "20s", "rate": 0.3 },
        { "at": "70s", "node": "stream", "fault": "throttle", "for": "15s", "rate": 0.2 },
        { "at": "90s", "node": "producer", "fault": "poison-records", "for": "30s", "rate": 0.05 },
        { "at": "120s", "node": "stream", "set": { "shard_count": 3 } },
        { "at": "150s", "node": "lake", "fault": "throttle", "for": "20s", "rate": 0.5 },
    ]);
    text.to_string()
}

#[test]
fn every_pace_and_thread_count_gives_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let text = document(42);
    let cases = [
        ("one", 1, Pace::Max),
        ("two", 2, Pace::Max),
        ("paced", 2, Pace::Times(150.0)),
    ];
    let runs = cases.map(|(name, threads, pace)| {
        let out = dir.path().join(name);
        let options = RunOptions {
            out: Some(out.clone()),
            threads: Some(threads),
            pace,
            ..RunOptions::default()
        };
        let outcome = run(&text, options);
        assert_eq!(outcome.summary.records.unaccounted, 0, "{name}");
        assert!(outcome.summary.records.delivered > 100_000, "{name}");
        contents(&out)
    });
    assert!(
        runs[0]
            .keys()
            .any(|k| k.ends_with(".parquet") && k.starts_with("lake/"))
    );
    assert!(
        runs[0].keys().any(|k| k.contains("errors/")),
        "the faults left no error output: {:?}",
        runs[0].keys()
    );
    for (run, (name, ..)) in runs.iter().zip(cases) {
        let names: Vec<_> = run.keys().collect();
        assert_eq!(names, runs[0].keys().collect::<Vec<_>>(), "{name}");
        for (file, bytes) in run {
            assert!(*bytes == runs[0][file], "{name}: {file} differs");
        }
    }
    let other = dir.path().join("seed");
    run(
        &document(43),
        RunOptions {
            out: Some(other.clone()),
            ..RunOptions::default()
        },
    );
    assert_ne!(
        contents(&other)["summary.json"],
        runs[0]["summary.json"],
        "the seed changes nothing"
    );
}

#[test]
fn pausing_stepping_and_resuming_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let text = document(7);
    let straight = dir.path().join("straight");
    run(
        &text,
        RunOptions {
            out: Some(straight.clone()),
            ..RunOptions::default()
        },
    );
    let broken = dir.path().join("broken");
    let options = RunOptions {
        out: Some(broken.clone()),
        paused: true,
        ..RunOptions::default()
    };
    let prepared = prepare(
        Document::parse(&text).unwrap(),
        services::ALL,
        Root::samples_only(),
        options,
    )
    .unwrap();
    for _ in 0..50 {
        assert!(prepared.send(Command::Step));
    }
    assert!(prepared.send(Command::Pace(Pace::Times(2000.0))));
    assert!(prepared.send(Command::Resume));
    thread::sleep(Duration::from_millis(20));
    assert!(prepared.send(Command::Pause));
    thread::sleep(Duration::from_millis(20));
    assert!(prepared.send(Command::Pace(Pace::Max)));
    assert!(prepared.send(Command::Resume));
    prepared.finish().unwrap();
    let (a, b) = (contents(&straight), contents(&broken));
    for (file, bytes) in &a {
        assert!(b.get(file) == Some(bytes), "{file} differs");
    }
    assert_eq!(a.len(), b.len());
}

#[test]
fn a_run_waits_after_every_event_that_a_breakpoint_names_and_comes_to_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let text = document(7);
    let out = |name: &str| Some(dir.path().join(name));
    let straight = RunOptions {
        out: out("straight"),
        ..RunOptions::default()
    };
    run(&text, straight);
    let options = RunOptions {
        out: out("broken"),
        breakpoint: Some(Breakpoint::default()),
        detail: true,
        ..RunOptions::default()
    };
    let doc = Document::parse(&text).unwrap();
    let prepared = prepare(doc, services::ALL, Root::samples_only(), options).unwrap();
    let (mut seen, mut alarms): (Vec<u64>, u32) = (Vec::new(), 0);
    while !prepared.is_finished() {
        let snapshot = prepared.snapshot();
        if let Some(event) = &snapshot.broke_at
            && snapshot.state == RunState::Paused
            && seen.last() != Some(&event.seq)
        {
            assert!((event.at_seconds - snapshot.now.as_secs_f64()).abs() < 1e-9);
            seen.push(event.seq);
            let node = snapshot.nodes.iter().find(|n| n.id == event.node);
            if let Some(alarm) = node.and_then(|n| n.gauges.alarm.as_ref()) {
                let told = format!("-> {}:", alarm.state);
                assert!(event.text.contains(&told), "{}", event.text);
                alarms += 1;
            }
            assert!(prepared.send(Command::Resume));
        }
        thread::sleep(Duration::from_millis(1));
    }
    prepared.finish().unwrap();
    assert!(seen.len() > 1 && seen.is_sorted(), "{seen:?}");
    assert!(alarms > 0);
    let (a, b) = (
        contents(&dir.path().join("straight")),
        contents(&dir.path().join("broken")),
    );
    assert!(!a.is_empty() && a == b);
}
