//! Opening, saving, the guard of unsaved changes, the document as text, hostile files.

use egui::{Key, Modifiers, Vec2};
use weir_engine::document::Document;

use super::person::{Person, setup};

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

#[test]
fn the_window_begins_with_the_gallery() {
    let mut person = Person::opens(None);
    assert!(
        person.reads_of("Weekend transactions"),
        "{}",
        person.reads()
    );
    person.clicks("Empty drawing");
    assert!(person.nodes_drawn().is_empty());
    // Behind it a template stands ready: after Escape one key runs it.
    let mut person = Person::opens(None);
    assert!(!person.nodes_drawn().is_empty() && person.designer().undo_names().is_empty());
    person.presses(Key::Escape);
    person.presses(Key::F5);
    person.waits("records", |d| d.snapshot().is_some_and(|s| s.produced > 0));
    let mut person = Person::opens(None);
    person.clicks("Empty drawing");
    assert!(person.sees("Draw a pipeline"), "{}", person.reads());
}

#[test]
fn a_drawing_is_saved_and_opened_again() {
    let mut person = Person::opens(Some("first-stream"));
    person.combines(Modifiers::COMMAND, Key::A);
    person.presses(Key::ArrowDown);
    let path = person.folder().join("mine.json");
    person.combines(CTRL_SHIFT, Key::S);
    assert!(person.sees("Save the drawing"), "{}", person.reads());
    person.fills("Path", path.to_str().unwrap());
    person.presses(Key::Enter);
    person.waits("the file", |_| path.is_file());
    person.frames(3);
    let again = Person::opens(path.to_str());
    assert_eq!(again.document(), person.document());
    assert!(again.designer().undo_names().is_empty());
}

#[test]
fn unsaved_changes_are_asked_about() {
    let mut person = Person::opens(Some("first-stream"));
    person.combines(Modifiers::COMMAND, Key::A);
    person.presses(Key::ArrowDown);
    let changed = person.document().clone();
    person.combines(Modifiers::COMMAND, Key::N);
    assert!(person.reads_of("Save the changes to"), "{}", person.reads());
    person.clicks("Cancel");
    assert_eq!(*person.document(), changed);
    person.combines(Modifiers::COMMAND, Key::N);
    person.clicks("Don't save");
    assert!(person.nodes_drawn().is_empty());
    person.combines(Modifiers::COMMAND, Key::N);
    assert!(!person.reads_of("Save the changes to"));
}

#[test]
fn a_text_that_is_no_document_keeps_the_drawing() {
    let mut person = Person::opens(Some("first-stream"));
    let before = person.document().clone();
    person.combines(Modifiers::COMMAND, Key::Num8);
    let field = person
        .text_field(|t| t.contains("\"weir\""))
        .intersect(person.screen());
    person.clicks_at(
        field.left_top() + egui::vec2(30.0, 8.0),
        egui::PointerButton::Primary,
        Modifiers::NONE,
    );
    person.combines(Modifiers::COMMAND, Key::A);
    person.types("{ \"weir\": 1, \"name\": ");
    person.frames(3);
    assert_eq!(*person.document(), before);
    assert!(person.reads_of("Not a document yet"), "{}", person.reads());
    person.combines(Modifiers::COMMAND, Key::A);
    person.types("{ \"weir\": 1, \"name\": \"Typed\", \"nodes\": [], \"wires\": [] }");
    person.frames(3);
    assert_eq!(person.document().name, "Typed");
    assert!(person.document().nodes.is_empty());
}

#[test]
fn hostile_files_are_refused_and_the_drawing_stays() {
    let mut person = Person::opens(Some("first-stream"));
    let before = person.document().clone();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: &[(&str, Vec<u8>)] = &[
        ("empty.json", Vec::new()),
        ("bytes.json", vec![0, 255, 254, 0, 128]),
        ("deep.json", deep.into_bytes()),
        ("newer.json", br#"{ "weir": 99, "name": "x" }"#.to_vec()),
        (
            "field.json",
            br#"{ "weir": 1, "name": "x", "nodes": [], "wires": [], "exec": "rm" }"#.to_vec(),
        ),
        (
            "huge.json",
            format!("{{ \"weir\": 1, \"name\": \"{}\" }}", "x".repeat(5_000_000)).into_bytes(),
        ),
    ];
    for (name, bytes) in cases {
        let path = person.folder().join(name);
        std::fs::write(&path, bytes).unwrap();
        person.drops(&path);
        assert!(
            person.reads_of("The drawing cannot be opened"),
            "{name}: {}",
            person.reads()
        );
        assert_eq!(*person.document(), before, "{name}");
        person.clicks("OK");
    }
    // Names and places that only a hostile document has: opened, drawn, never obeyed.
    let text = r#"{ "weir": 1, "name": "\u001b[31m\u202e<b>&", "nodes": [
        { "id": "a", "kind": "producer", "at": [1e300, -1e300] }, { "id": "b", "kind": "no-such-kind", "at": [0, 0] } ],
        "wires": [ { "from": "a.out", "to": "b.in" }, { "from": "ghost.out", "to": "a.in" } ] }"#;
    let path = person.folder().join("odd.json");
    std::fs::write(&path, text).unwrap();
    person.drops(&path);
    person.frames(5);
    if Document::parse(text).is_ok() {
        assert_eq!(person.document().nodes.len(), 2);
        person.settles();
        assert!(!person.designer_mut().problems().is_empty());
    }
}

#[test]
fn language_and_theme_change_while_a_run_goes_on() {
    let mut person = Person::opens(Some("first-stream"));
    person.presses(Key::F5);
    person.waits("the run", |d| d.snapshot().is_some_and(|s| s.produced > 0));
    person.commands("한국어");
    assert!(person.sees("파일"), "{}", person.reads());
    person.commands("어둡게");
    assert!(!person.context().global_style().visuals.dark_mode);
    person.commands("English");
    assert!(
        person.sees("File") && person.designer().is_busy(),
        "{}",
        person.reads()
    );
}

#[test]
fn presenter_mode_hides_what_is_not_the_pipeline() {
    let mut person = Person::opens(Some("first-stream"));
    assert!(person.sees("File"));
    person.presses(Key::F11);
    assert!(
        !person.sees("File") && person.reads_of("node "),
        "{}",
        person.reads()
    );
    person.presses(Key::F11);
    assert!(person.sees("File"));
}

#[test]
fn the_command_palette_adds_nodes_and_runs_commands() {
    let mut person = Person::draws_on(&[], &[]);
    person.commands("add lambda");
    assert_eq!(person.nodes_drawn(), ["lambda"]);
    person.commands("undo");
    assert!(person.nodes_drawn().is_empty());
}

#[test]
fn the_window_fits_small_and_large_screens() {
    for (size, scale) in [
        ((1280.0, 800.0), 1.0),
        ((1920.0, 1080.0), 1.0),
        ((960.0, 600.0), 2.0),
    ] {
        let mut person = Person::with(
            setup(Some("weekend-transactions")),
            Vec2::new(size.0, size.1),
            scale,
        );
        let names: Vec<String> = person
            .nodes_drawn()
            .iter()
            .map(|id| format!("node {id}"))
            .collect();
        let fixed = ["File", "Help", "Plots", "Canvas"].map(str::to_owned);
        for name in fixed.iter().chain(&names) {
            let place = person.place(name);
            assert!(
                person.screen().expand(1.0).contains_rect(place),
                "{name} at {place} of {size:?}"
            );
        }
        for pane in 1..=9 {
            let key = Key::from_name(&pane.to_string()).unwrap();
            person.combines(Modifiers::COMMAND, key);
            person.frames(2);
        }
    }
}

#[test]
fn a_window_where_nothing_happens_is_not_drawn_again() {
    let mut person = Person::opens(Some("weekend-transactions"));
    for _ in 0..200 {
        person.frames(1);
        if person.repaint_delay() > std::time::Duration::from_secs(3600) {
            return;
        }
    }
    panic!(
        "the window asks for frames for ever: {:?}",
        person.context().repaint_causes()
    );
}
