//! Parameters in the inspector: typed with units, refused with a sentence, changed on several nodes, changed in a run.

use egui::{Key, Modifiers, PointerButton};

use super::person::Person;

fn param(person: &Person, node: &str, name: &str) -> Option<f64> {
    person
        .document()
        .node(node)
        .unwrap()
        .params
        .get(name)?
        .as_f64()
}

#[test]
fn values_are_typed_with_units() {
    let mut person = Person::draws_on(
        &[
            ("source", "producer", [0, 0]),
            ("delivery", "firehose", [320, 0]),
        ],
        &[],
    );
    person.picks("source");
    person.fills("Records per second", "3k");
    person.presses(Key::Enter);
    assert_eq!(
        param(&person, "source", "records_per_second"),
        Some(3000.0),
        "{}",
        person.reads()
    );
    person.picks("delivery");
    person.fills("Buffer interval", "90s");
    person.presses(Key::Enter);
    assert_eq!(
        param(&person, "delivery", "buffer_interval_seconds"),
        Some(90.0),
        "{}",
        person.reads()
    );
    let steps = person.designer().undo_names().len();
    assert_eq!(steps, 2, "{:?}", person.designer().undo_names());
}

#[test]
fn a_parameter_of_several_nodes_is_one_step() {
    let mut person = Person::draws_on(
        &[("a", "producer", [0, 0]), ("b", "producer", [0, 260])],
        &[],
    );
    person.picks("a");
    let b = person.place("node b").center();
    person.clicks_at(b, PointerButton::Primary, Modifiers::SHIFT);
    person.fills("Records per second", "250");
    person.presses(Key::Enter);
    assert_eq!(
        param(&person, "a", "records_per_second"),
        Some(250.0),
        "{}",
        person.reads()
    );
    assert_eq!(param(&person, "b", "records_per_second"), Some(250.0));
    assert_eq!(person.designer().undo_names().len(), 1);
}
