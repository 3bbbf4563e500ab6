//! A run behind the window: started, watched, paused, changed, stopped, by pointer and keyboard.

use egui::{Key, Modifiers};
use weir_engine::runtime::RunState;

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

#[test]
fn a_run_is_started_paused_resumed_and_stopped() {
    let mut person = Person::draws_on(SKETCH, WIRED);
    person.presses(Key::F5);
    person.waits("the first records", |d| {
        d.snapshot().is_some_and(|s| s.produced > 0)
    });
    person.presses(Key::F5);
    person.waits("the pause", |d| {
        d.snapshot().is_some_and(|s| s.state == RunState::Paused)
    });
    let paused = person.designer().snapshot().map(|s| s.now);
    person.frames(10);
    assert_eq!(person.designer().snapshot().map(|s| s.now), paused);
    person.presses(Key::F5);
    person.waits("more", |d| d.snapshot().map(|s| s.now) > paused);
    person.combines(Modifiers::SHIFT, Key::F5);
    person.waits("the end", |d| !d.is_busy());
    assert_eq!(person.designer().run_error(), None);
    let last = person.designer().snapshot().unwrap();
    assert_eq!((last.unaccounted, &last.state), (0, &RunState::Stopped));
}

#[test]
fn a_drawing_with_problems_says_so_and_does_not_run() {
    let mut person = Person::draws_on(SKETCH, &WIRED[1..]);
    assert!(!person.designer_mut().problems().is_empty());
    person.presses(Key::F5);
    person.waits("an answer", |d| !d.is_busy());
    assert!(person.designer().snapshot().is_none());
}

#[test]
fn code_is_asked_about_once_and_shown() {
    let code = "SECRET = 'read me'\ndef lambda_handler(event, context):\n    pass\n";
    let doc = serde_json::json!({
        "weir": 1, "name": "code", "run_for": "5s",
        "nodes": [
            { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 5 } },
            { "id": "stream", "kind": "kinesis-data-streams", "at": [320, 0] },
            { "id": "enrich", "kind": "lambda", "at": [640, 0], "params": { "code": code } }
        ],
        "wires": [{ "from": "producer.out", "to": "stream.in" }, { "from": "stream.out", "to": "enrich.in" }],
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("code.json");
    std::fs::write(&file, doc.to_string()).unwrap();
    let mut person = Person::opens(file.to_str());
    person.settles();
    person.presses(Key::F5);
    person.waits_for("May this code run?");
    assert!(person.reads_of("SECRET = 'read me'"), "{}", person.reads());
    // Enter alone runs nothing.
    person.presses(Key::Enter);
    person.frames(5);
    assert!(person.designer().snapshot().is_none() && !person.designer().is_busy());
    person.presses(Key::F5);
    person.waits_for("Allow and run");
    person.clicks("Allow and run");
    person.waits("the end", |d| d.snapshot().is_some() && !d.is_busy());
    assert_eq!(person.designer().run_error(), None);
    assert!(person.designer().snapshot().unwrap().produced > 0);
    // The same text is not asked about again.
    person.presses(Key::F5);
    person.frames(5);
    assert!(!person.sees("May this code run?"));
    person.waits("the second end", |d| !d.is_busy());
}

#[test]
fn a_run_pauses_at_the_events_that_a_person_chooses_and_says_why() {
    let doc = serde_json::json!({
        "weir": 1, "name": "too much", "run_for": "1m",
        "nodes": [
            { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 3000 } },
            { "id": "stream", "kind": "kinesis-data-streams", "at": [320, 0], "params": { "shard_count": 1 } },
            { "id": "enrich", "kind": "lambda", "at": [640, 0] }
        ],
        "wires": [{ "from": "producer.out", "to": "stream.in" }, { "from": "stream.out", "to": "enrich.in" }],
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("much.json");
    std::fs::write(&file, doc.to_string()).unwrap();
    let mut person = Person::opens(file.to_str());
    person.combines(Modifiers::COMMAND, Key::Num5);
    // Begun at rest, the run meets its first event when somebody looks.
    person.presses(Key::F10);
    let button = "Pause the run at every event that this filter shows (kind and node)";
    person.waits_for(button);
    person.clicks(button);
    person.presses(Key::F5);
    person.waits("an event", |d| {
        d.snapshot().is_some_and(|s| s.broke_at.is_some())
    });
    person.frames(3);
    for said in ["Paused at 0:0", "Pauses at: All kinds, All nodes"] {
        assert!(person.reads_of(said), "{}", person.reads());
    }
    person.clicks("Pause at no event any more");
    person.presses(Key::F5);
    person.waits("the end", |d| !d.is_busy());
    person.combines(Modifiers::COMMAND | Modifiers::SHIFT, Key::B);
    person.frames(2);
    assert!(person.reads_of("Pauses at: Alarm"), "{}", person.reads());
}
