//! File dialogs of the system, answered by a clerk: open, save as, cancel, no dialog.

use std::sync::Arc;

use egui::{Key, Modifiers};
use weir_app::designer::FileChoice;

use super::clerk::Clerk;
use super::person::Person;

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

#[test]
fn a_file_is_opened_saved_elsewhere_and_left_alone() {
    let clerk = Arc::new(Clerk::default());
    let mut person = Person::served(Some("first-stream"), &clerk);
    let first = person.document().clone();

    // Nothing chosen: nothing happens.
    clerk.answers(FileChoice::Nothing);
    person.combines(Modifiers::COMMAND, Key::O);
    person.frames(3);
    assert_eq!(clerk.asked().len(), 1);
    assert_eq!(*person.document(), first);
    assert!(!person.sees("Path"), "{}", person.reads());

    // A drawing without a file: Save asks where.
    let copy = person.folder().join("copy.json");
    clerk.answers(FileChoice::File(copy.clone()));
    person.combines(Modifiers::COMMAND, Key::S);
    person.frames(3);
    assert_eq!(clerk.asked(), ["write first-stream.json"]);
    assert!(
        copy.is_file() && person.reads_of("Saved"),
        "{}",
        person.reads()
    );

    // Another one is opened, and saved under another name.
    let other = person.folder().join("other.json");
    let text = r#"{ "weir": 1, "name": "Other", "nodes": [ { "id": "a", "kind": "producer", "at": [0, 0] } ], "wires": [] }"#;
    std::fs::write(&other, text).unwrap();
    clerk.answers(FileChoice::File(other.clone()));
    person.combines(Modifiers::COMMAND, Key::O);
    person.frames(3);
    assert_eq!(
        clerk.asked(),
        ["read other.json"].map(|_| "read first-stream.json")
    );
    assert_eq!(person.document().name, "Other");
    let third = person.folder().join("third");
    clerk.answers(FileChoice::File(third));
    person.combines(CTRL_SHIFT, Key::S);
    person.frames(3);
    assert_eq!(clerk.asked(), ["write other.json"]);
    let third = person.folder().join("third.json");
    assert_eq!(std::fs::read_to_string(third).unwrap(), text);

    // The system has no dialog after all: the designer's own asks.
    clerk.answers(FileChoice::NoDialog);
    person.combines(Modifiers::COMMAND, Key::O);
    person.frames(3);
    person.fills("Path", copy.to_str().unwrap());
    person.presses(Key::Enter);
    person.frames(3);
    assert_eq!(person.document().nodes.len(), first.nodes.len());
}

#[test]
fn a_cancelled_save_keeps_what_would_be_lost() {
    let clerk = Arc::new(Clerk::default());
    let mut person = Person::served(Some("first-stream"), &clerk);
    person.combines(Modifiers::COMMAND, Key::A);
    person.presses(Key::ArrowDown);
    let changed = person.document().clone();
    person.combines(Modifiers::COMMAND, Key::N);
    clerk.answers(FileChoice::Nothing);
    person.clicks("Save");
    person.frames(3);
    assert_eq!(*person.document(), changed);
    person.combines(Modifiers::COMMAND, Key::N);
    let file = person.folder().join("kept.json");
    clerk.answers(FileChoice::File(file.clone()));
    person.clicks("Save");
    person.frames(3);
    assert!(file.is_file() && person.nodes_drawn().is_empty());
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let clerk = Arc::new(Clerk::default());
    let mut person = Person::served(Some("first-stream"), &clerk);
    let nowhere = person.folder().join("no-such-folder").join("x.json");
    clerk.answers(FileChoice::File(nowhere));
    person.combines(CTRL_SHIFT, Key::S);
    person.frames(3);
    assert!(person.reads_of("cannot be saved"), "{}", person.reads());
}
