//! Drawing: adding, wiring, inserting, healing, copying, undoing.

use egui::{Key, Modifiers, PointerButton, vec2};

use super::person::Person;

const CHAIN: &[(&str, &str, [i32; 2])] = &[
    ("source", "producer", [0, 0]),
    ("stream", "kinesis-data-streams", [320, 0]),
    ("delivery", "firehose", [640, 0]),
    ("lake", "s3", [960, 0]),
];
const CHAINED: &[(&str, &str)] = &[
    ("source.out", "stream.in"),
    ("stream.out", "delivery.in"),
    ("delivery.out", "lake.in"),
];

#[test]
fn a_wire_is_drawn_from_port_to_port() {
    let mut person = Person::draws_on(CHAIN, &[]);
    person.wires("source.out", "stream.in");
    assert_eq!(person.wires_drawn(), ["source.out > stream.in"]);
    // From the input back to the output is the same wire the other way.
    person.wires("delivery.in", "stream.out");
    assert_eq!(
        person.wires_drawn(),
        ["source.out > stream.in", "stream.out > delivery.in"]
    );
    person.combines(Modifiers::COMMAND, Key::Z);
    assert_eq!(person.wires_drawn(), ["source.out > stream.in"]);
}

#[test]
fn an_impossible_wire_is_refused_with_the_reason() {
    let mut person = Person::draws_on(CHAIN, &[]);
    person.wires("source.out", "lake.in");
    assert!(person.wires_drawn().is_empty());
    let words = person.reads();
    assert!(
        words.contains("gives records that are put, but `lake.in` takes files"),
        "{words}"
    );
    person.wires("source.out", "delivery.out");
    assert!(
        person.reads_of("Both ends are outputs"),
        "{}",
        person.reads()
    );
    assert!(person.wires_drawn().is_empty() && person.designer().undo_names().is_empty());
}

#[test]
fn the_end_of_a_wire_is_moved() {
    let nodes = &[
        CHAIN[0],
        CHAIN[1],
        ("other", "kinesis-data-streams", [320, 260]),
    ];
    let mut person = Person::draws_on(nodes, &CHAINED[..1]);
    person.wires("stream.in", "other.in");
    assert_eq!(person.wires_drawn(), ["source.out > other.in"]);
    assert_eq!(person.designer().undo_names().len(), 1);
}

#[test]
fn a_wire_released_on_the_empty_canvas_offers_what_fits() {
    let mut person = Person::draws_on(&CHAIN[..1], &[]);
    let port = person.place("port source.out").center();
    person.drags(port, port + vec2(160.0, 120.0));
    assert!(person.sees("Add a node"), "{}", person.reads());
    person.types("stream");
    person.presses(Key::Enter);
    assert_eq!(person.nodes_drawn(), ["source", "kinesis-data-streams"]);
    assert_eq!(
        person.wires_drawn(),
        ["source.out > kinesis-data-streams.in"]
    );
}

#[test]
fn a_node_dropped_on_a_wire_goes_between() {
    let nodes = &[
        CHAIN[0],
        CHAIN[2],
        ("stream", "kinesis-data-streams", [320, 260]),
    ];
    let mut person = Person::draws_on(nodes, &[("source.out", "delivery.in")]);
    let (a, b) = (
        person.place("port source.out").center(),
        person.place("port delivery.in").center(),
    );
    // By the title: its ports would start wires.
    let grip = person.place("node stream").center_top() + vec2(0.0, 12.0);
    person.drags(grip, a.lerp(b, 0.5));
    assert_eq!(
        person.wires_drawn(),
        ["source.out > stream.in", "stream.out > delivery.in"]
    );
    assert_eq!(person.designer().undo_names().len(), 1);
}

#[test]
fn deleting_heals_when_asked() {
    let mut person = Person::draws_on(CHAIN, CHAINED);
    person.picks("stream");
    person.combines(Modifiers::COMMAND, Key::Delete);
    assert_eq!(
        person.wires_drawn(),
        ["delivery.out > lake.in", "source.out > delivery.in"]
    );
    person.combines(Modifiers::COMMAND, Key::Z);
    assert_eq!(person.wires_drawn().len(), 3);
    person.picks("stream");
    person.presses(Key::Delete);
    assert_eq!(person.wires_drawn(), ["delivery.out > lake.in"]);
}

#[test]
fn copies_are_text_that_can_be_pasted() {
    let mut person = Person::draws_on(CHAIN, CHAINED);
    person.picks("source");
    let stream = person.place("node stream").center();
    person.clicks_at(stream, PointerButton::Primary, Modifiers::SHIFT);
    let text = person.copies();
    let fragment: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        fragment["nodes"].as_array().map(Vec::len),
        Some(2),
        "{text}"
    );
    person.pastes(&text);
    assert_eq!(person.document().nodes.len(), 6);
    assert_eq!(person.document().wires.len(), 4);
    person.pastes("{ no fragment");
    person.pastes(r#"{"nodes": 7}"#);
    assert_eq!(person.document().nodes.len(), 6);
}

#[test]
fn everything_is_undone_and_redone() {
    let mut person = Person::draws_on(&[], &[]);
    let empty = person.document().clone();
    for kind in ["producer", "kinesis data", "lambda"] {
        person.adds(kind);
    }
    assert_eq!(
        person.nodes_drawn(),
        ["producer", "kinesis-data-streams", "lambda"]
    );
    person.presses(Key::H);
    person.wires("producer.out", "kinesis-data-streams.in");
    person.wires("kinesis-data-streams.out", "lambda.in");
    let full = person.document().clone();
    let steps = person.designer().undo_names().len();
    assert_eq!(steps, 5, "{:?}", person.designer().undo_names());
    for _ in 0..steps {
        person.combines(Modifiers::COMMAND, Key::Z);
    }
    assert_eq!(*person.document(), empty);
    for _ in 0..steps {
        person.combines(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z);
    }
    assert_eq!(*person.document(), full);
}

#[test]
fn arrows_align_and_layout_move_nodes() {
    let mut person = Person::draws_on(CHAIN, CHAINED);
    person.picks("delivery");
    person.presses(Key::ArrowDown);
    let at = |p: &Person, id: &str| p.document().node(id).unwrap().at;
    assert!(at(&person, "delivery")[1] > 0.0);
    person.combines(Modifiers::COMMAND, Key::A);
    person.combines(Modifiers::ALT, Key::ArrowUp);
    assert_eq!(at(&person, "delivery")[1], at(&person, "lake")[1]);
    person.combines(Modifiers::COMMAND, Key::L);
    let order: Vec<f64> = CHAIN.iter().map(|(id, _, _)| at(&person, id)[0]).collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn a_drawing_that_was_fitted_fits_a_smaller_window_until_somebody_moves_it() {
    let mut person = Person::draws_on(CHAIN, CHAINED);
    let last = |person: &Person| person.place("node lake").right();
    let before = last(&person);
    person.resizes(vec2(1000.0, 760.0));
    let (fitted, screen) = (last(&person), person.screen());
    assert!(fitted < before, "{fitted} {before}");
    assert!(fitted < screen.right() - 20.0, "{fitted} {screen}");
    // A view that was changed is the person's own.
    person.points(person.place("node stream").center());
    person.combines(Modifiers::COMMAND, Key::Num0);
    let width = person.place("node stream").width();
    person.resizes(vec2(1400.0, 900.0));
    assert!((person.place("node stream").width() - width).abs() < 0.5);
}
