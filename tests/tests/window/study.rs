//! Sweeps and comparisons in the window, by pointer and keyboard.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::Key;
use serde_json::json;
use weir_app::designer::FileChoice;
use weir_engine::data::Root;
use weir_engine::document::Document;
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};

use super::clerk::Clerk;
use super::person::Person;

const SKETCH: &[(&str, &str, [i32; 2])] = &[
    ("source", "producer", [0, 0]),
    ("stream", "kinesis-data-streams", [320, 0]),
    ("delivery", "firehose", [640, 0]),
    ("lake", "s3", [960, 0]),
];
const WIRED: &[(&str, &str)] = &[
    ("source.out", "stream.in"),
    ("stream.out", "delivery.in"),
    ("delivery.out", "lake.in"),
];

fn value(person: &Person, node: &str, param: &str) -> serde_json::Value {
    let node = person.document().node(node).unwrap();
    node.params.get(param).cloned().unwrap_or_default()
}

#[test]
fn a_sweep_is_run_and_a_variant_taken_and_undone() {
    let mut person = Person::draws_on(SKETCH, WIRED);
    person.commands("Sweep");
    person.waits_for("Add a parameter");
    assert!(person.reads_of("Add a parameter and its values"));
    person.clicks("Add a parameter");
    person.clicks("stream ⏵");
    person.clicks("Shards");
    let field = "stream · Shards";
    person.fills(field, "nonsense");
    assert!(!person.sees("Run 1 variants"));
    person.fills(field, "1..3");
    person.fills("Virtual time of each run", "100s");
    person.waits_for("Run 3 variants");
    person.clicks("Run 3 variants");
    // One shard is cheapest, and nothing is lost.
    person.waits_for("Take stream.shard_count = 1 shard");
    person.waits_for("Run 3 variants");
    assert_eq!(value(&person, "stream", "shard_count"), json!(null));
    person.clicks("3");
    assert_eq!(value(&person, "stream", "shard_count"), json!(3));
    assert!(person.reads_of("The drawing has taken stream.shard_count = 3"));
    person.combines(egui::Modifiers::COMMAND, Key::Z);
    assert_eq!(value(&person, "stream", "shard_count"), json!(null));
    // So does a press on a dot of the plot.
    person.clicks("Variant stream.shard_count = 2 shards");
    assert_eq!(value(&person, "stream", "shard_count"), json!(2));
}

#[test]
fn a_sweep_goes_on_where_it_was_stopped() {
    let mut person = Person::draws_on(SKETCH, WIRED);
    person.commands("Sweep");
    person.waits_for("Add a parameter");
    person.clicks("Add a parameter");
    person.clicks("stream ⏵");
    person.clicks("Shards");
    person.fills("stream · Shards", "1..40");
    person.fills("Virtual time of each run", "100s");
    person.waits_for("Run 40 variants");
    person.clicks("Run 40 variants");
    person.waits_for("Stop the sweep");
    while person.reads_of("0 of 40") {
        person.frames(1);
    }
    person.clicks("Stop the sweep");
    while person.sees("Stop the sweep") {
        person.frames(1);
    }
    assert!(person.reads_of("Go on: "), "{}", person.reads());
    // Another grid is another sweep.
    person.fills("stream · Shards", "1..2");
    person.waits_for("Run 2 variants");
    person.clicks("Run 2 variants");
    person.waits_for("Take stream.shard_count = 1 shard");
}

/// The folder of a short run of a small drawing.
fn run_in(dir: &Path, name: &str, rate: u32) -> PathBuf {
    let text = json!({ "weir": 1, "name": name, "run_for": "10s",
        "nodes": [ { "id": "source", "kind": "producer", "at": [0, 0], "params": { "records_per_second": rate } },
                   { "id": "stream", "kind": "kinesis-data-streams", "at": [320, 0] } ],
        "wires": [ { "from": "source.out", "to": "stream.in" } ] });
    let doc = Document::parse(&text.to_string()).unwrap();
    let options = RunOptions {
        out: Some(dir.join(name)),
        ..RunOptions::default()
    };
    let run = prepare(doc, services::ALL, Root::samples_only(), options).unwrap();
    drop(run.finish().unwrap());
    dir.join(name)
}

#[test]
fn runs_of_the_disk_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let folders = [
        run_in(dir.path(), "slow", 10),
        run_in(dir.path(), "fast", 20),
    ];
    let clerk = Arc::new(Clerk::default());
    let mut person = Person::served(Some("first-stream"), &clerk);
    person.commands("Comparison");
    for (i, folder) in folders.iter().enumerate() {
        clerk.answers(FileChoice::File(folder.clone()));
        person.waits_for("Open a run folder…");
        person.clicks("Open a run folder…");
        person.waits("the run", |d| d.past_runs() == i + 1);
    }
    person.waits_for("Figures");
    assert!(
        person.reads_of("source.records_per_second: 10 records/s -> 20 records/s"),
        "{}",
        person.reads()
    );
}

#[test]
fn two_runs_are_compared() {
    let mut person = Person::draws_on(SKETCH, WIRED);
    person.commands("Comparison");
    person.waits_for("Two runs to compare");
    for rate in ["100", "200"] {
        person.picks("source");
        person.fills("Records per second", rate);
        person.presses(Key::Enter);
        person.presses(Key::F5);
        person.waits("the run", |d| d.is_busy());
        for _ in 0..6 {
            person.presses(Key::CloseBracket);
        }
        person.waits("the end", |d| !d.is_busy());
        assert_eq!(person.designer().run_error(), None);
    }
    person.commands("Comparison");
    person.waits_for("Figures");
    assert!(person.reads_of("B costs $"), "{}", person.reads());
    assert!(
        person.reads_of("source.records_per_second: 100 records/s -> 200 records/s"),
        "{}",
        person.reads()
    );
    assert!(person.sees("Cost a month"));
    person.clicks("On the canvas");
    person.waits("the marks", |d| d.shows_differences());
    person.clicks("On the canvas");
    person.waits("no marks", |d| !d.shows_differences());
    person.clicks("A and B in the plots");
    person.waits_for("Run 1");
}

#[test]
fn a_drawing_is_repeated_and_its_means_stand_beside_a_run() {
    let mut person = Person::draws_on(SKETCH, WIRED);
    person.picks("source");
    person.fills("Records per second", "50");
    person.presses(Key::Enter);
    person.commands("Comparison");
    for past in 1..=2 {
        person.waits_for("Repeat with 5 seeds");
        person.clicks("Repeat with 5 seeds");
        person.waits("the repeats", |d| d.past_runs() == past);
    }
    person.waits_for("Figures");
    assert!(person.reads_of(" \u{b1} "), "{}", person.reads());
    person.clicks("A and B in the plots");
    person.waits_for("Run 1");
}

#[test]
fn a_parameter_is_varied_from_the_inspector() {
    let mut person = Person::draws_on(SKETCH, WIRED);
    person.picks("stream");
    let at = person.place("About Shards").center();
    person.clicks_at(at, egui::PointerButton::Secondary, egui::Modifiers::NONE);
    person.frames(2);
    person.clicks("Vary in a sweep");
    person.waits_for("stream · Shards");
}
