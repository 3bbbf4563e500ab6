//! Sweeps and comparisons in the window, by pointer and keyboard.

use egui::Key;
use serde_json::json;

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
    person.waits_for("Take stream.shard_count = 1 shards");
    person.waits_for("Run 3 variants");
    assert_eq!(value(&person, "stream", "shard_count"), json!(null));
    person.clicks("3");
    assert_eq!(value(&person, "stream", "shard_count"), json!(3));
    assert!(person.reads_of("The drawing has taken stream.shard_count = 3"));
    person.combines(egui::Modifiers::COMMAND, Key::Z);
    assert_eq!(value(&person, "stream", "shard_count"), json!(null));
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
