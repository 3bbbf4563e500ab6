//! The whole way: drawn from nothing, run, read, queried, undone, saved, opened again.

use egui::{Key, Modifiers, PointerButton, vec2};

use super::person::Person;

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

/// What is typed into the search, and the wires that are drawn.
const NODES: [&str; 9] = [
    "producer",
    "kinesis data streams",
    "firehose",
    "lambda",
    "s3",
    "glue crawler",
    "athena",
    "dashboard",
    "alarm",
];
const WIRES: [(&str, &str); 9] = [
    ("producer.out", "kinesis-data-streams.in"),
    ("kinesis-data-streams.out", "firehose.in"),
    ("firehose.transform", "lambda.invoke"),
    ("firehose.out", "s3.in"),
    ("s3.bucket", "glue-crawler.bucket"),
    ("glue-crawler.catalog", "athena.catalog"),
    ("athena.rows", "dashboard.rows"),
    ("lambda.metrics", "alarm.watch"),
    ("alarm.state", "dashboard.alarms"),
];

fn drawn() -> Person {
    let mut person = Person::opens(None);
    person.clicks("Empty drawing");
    for words in NODES {
        person.adds(words);
    }
    assert_eq!(
        person.document().nodes.len(),
        NODES.len(),
        "{:?}",
        person.nodes_drawn()
    );
    let blank = person.place("Canvas").left_top() + vec2(6.0, 6.0);
    person.clicks_at(blank, PointerButton::Primary, Modifiers::NONE);
    person.presses(Key::H);
    for (from, to) in WIRES {
        person.wires(from, to);
        let wire = format!("{from} > {to}");
        assert!(
            person.wires_drawn().contains(&wire),
            "{wire} is not drawn: {:?}\n{}",
            person.wires_drawn(),
            person.reads()
        );
    }
    person.combines(Modifiers::COMMAND, Key::L);
    person.presses(Key::H);
    person.picks("producer");
    person.fills("Records per second", "200");
    person.presses(Key::Enter);
    person.picks("firehose");
    person.fills("Buffer interval", "60s");
    person.presses(Key::Enter);
    person.clicks_at(blank, PointerButton::Primary, Modifiers::NONE);
    person.fills("Length in virtual time", "10m");
    person.presses(Key::Enter);
    person.settles();
    person
}

#[test]
fn the_weekend_is_drawn_run_queried_undone_saved_and_opened() {
    let mut person = drawn();
    assert_eq!(person.designer_mut().problems(), Vec::<String>::new());
    let full = person.document().clone();

    for _ in 0..4 {
        person.presses(Key::CloseBracket);
    }
    person.presses(Key::F5);
    person.waits("the end of the run", |d| {
        d.snapshot().is_some_and(|s| s.delivered > 0) && !d.is_busy()
    });
    assert_eq!(person.designer().run_error(), None);
    assert_eq!(person.designer().snapshot().unwrap().unaccounted, 0);

    person.combines(Modifiers::COMMAND, Key::Num1);
    assert!(
        person.reads_of("Throughput") && person.reads_of("Latency"),
        "{}",
        person.reads()
    );

    person.combines(Modifiers::COMMAND, Key::Num4);
    person.fills("SQL statement", "SHOW TABLES");
    person.combines(Modifiers::COMMAND, Key::Enter);
    person.waits_for("Athena would charge");

    let blank = person.place("Canvas").left_top() + vec2(6.0, 6.0);
    person.clicks_at(blank, PointerButton::Primary, Modifiers::NONE);
    let steps = person.designer().undo_names().len();
    for _ in 0..steps {
        person.combines(Modifiers::COMMAND, Key::Z);
    }
    assert!(person.nodes_drawn().is_empty() && person.designer().undo_names().is_empty());
    for _ in 0..steps {
        person.combines(CTRL_SHIFT, Key::Z);
    }
    assert_eq!(*person.document(), full);

    let path = person.folder().join("weekend.json");
    person.combines(CTRL_SHIFT, Key::S);
    person.fills("Path", path.to_str().unwrap());
    person.presses(Key::Enter);
    person.waits("the file", |_| path.is_file());
    person.frames(3);
    let again = Person::opens(path.to_str());
    assert_eq!(again.document(), person.document());
}
