//! Without a pointer: wires, shortcuts while a control has the focus, tabs that do not fit.

use egui::{Key, Modifiers, PointerButton, Vec2, vec2};

use super::person::{Person, setup};

const CHAIN: &[(&str, &str, [i32; 2])] = &[
    ("source", "producer", [0, 0]),
    ("stream", "kinesis-data-streams", [320, 0]),
    ("delivery", "firehose", [640, 0]),
    ("lake", "s3", [960, 0]),
];

#[test]
fn wires_are_drawn_by_keyboard_alone() {
    let mut person = Person::draws_on(CHAIN, &[]);
    // Which node, which port, what to: each by a few letters or the arrows.
    person.presses(Key::W);
    person.types("source");
    person.presses(Key::Enter);
    person.types("out");
    person.presses(Key::Enter);
    assert!(person.sees("stream.in"), "{}", person.reads());
    assert!(!person.sees("lake.in"), "{}", person.reads());
    person.types("stream");
    person.presses(Key::Enter);
    assert_eq!(person.wires_drawn(), ["source.out > stream.in"]);
    // The node that was reached is selected: the next wire goes on from there.
    person.presses(Key::W);
    person.types("out");
    person.presses(Key::Enter);
    person.presses(Key::Enter);
    assert_eq!(
        person.wires_drawn(),
        ["source.out > stream.in", "stream.out > delivery.in"]
    );
    // From the input's side, with Backspace back from a wrong port.
    person.presses(Key::Escape);
    person.presses(Key::W);
    person.types("lake");
    person.presses(Key::Enter);
    person.types("bucket");
    person.presses(Key::Enter);
    person.presses(Key::Backspace);
    person.types("in");
    person.presses(Key::Enter);
    person.types("delivery.out");
    person.presses(Key::Enter);
    assert_eq!(person.wires_drawn().len(), 3);
    assert_eq!(person.wires_drawn()[2], "delivery.out > lake.in");
    assert_eq!(person.designer().undo_names().len(), 3);
    // And taken away again.
    person.presses(Key::Escape);
    person.commands("draw a wire");
    person.types("lake");
    person.presses(Key::Enter);
    person.types("in");
    person.presses(Key::Enter);
    person.types("remove");
    person.presses(Key::Enter);
    assert_eq!(person.wires_drawn().len(), 2);
    // Escape leaves everything as it is.
    person.presses(Key::W);
    person.presses(Key::Escape);
    assert!(!person.sees("Draw a wire"), "{}", person.reads());
    assert_eq!(person.wires_drawn().len(), 2);
}

#[test]
fn a_new_node_at_the_end_of_a_wire_comes_by_keyboard_too() {
    let mut person = Person::draws_on(&CHAIN[..1], &[]);
    person.presses(Key::Period);
    person.presses(Key::W);
    person.types("out");
    person.presses(Key::Enter);
    person.types("new");
    person.presses(Key::Enter);
    person.types("kinesis");
    person.presses(Key::Enter);
    assert_eq!(
        person.wires_drawn(),
        ["source.out > kinesis-data-streams.in"]
    );
}

#[test]
fn single_keys_work_while_a_button_has_the_focus_but_not_while_text_is_typed() {
    let mut person = Person::draws_on(CHAIN, &[]);
    person.picks("stream");
    let disabled = |p: &Person| p.document().node("stream").unwrap().disabled;
    let stop = person.place("Run");
    person.focuses("Run");
    assert!(person.context().egui_wants_keyboard_input(), "{stop}");
    person.presses(Key::M);
    assert!(disabled(&person));
    person.presses(Key::M);
    assert!(!disabled(&person));
    person.combines(Modifiers::COMMAND, Key::Z);
    assert!(disabled(&person));
    // Tab goes on to the next control there.
    person.presses(Key::Tab);
    assert!(!person.sees("Add a node"), "{}", person.reads());
    person.fills("Search the palette", "");
    person.presses(Key::M);
    assert!(disabled(&person));
    person.presses(Key::W);
    assert!(!person.sees("Draw a wire"));
}

#[test]
fn the_cheat_sheet_tells_of_the_wire_by_keys() {
    let mut person = Person::opens(Some("first-stream"));
    person.combines(Modifiers::SHIFT, Key::Questionmark);
    assert!(person.reads_of("Draw a wire"), "{}", person.reads());
}

#[test]
fn a_caret_in_the_console_asks_for_no_more_frames_than_it_blinks() {
    let mut person = Person::draws_on(&CHAIN[..2], &[("source.out", "stream.in")]);
    person.presses(Key::F5);
    person.waits("the end", |d| d.snapshot().is_some() && !d.is_busy());
    person.combines(Modifiers::COMMAND, Key::Num4);
    person.fills("SQL statement", "SELECT 1");
    let mut frames = 0;
    // Until what was typed has settled: then a second without anything.
    person.frames(20);
    for _ in 0..20 {
        person.frames(1);
        if person.repaint_delay() < std::time::Duration::from_millis(100) {
            frames += 1;
        }
    }
    assert!(
        frames <= 4,
        "{frames}: {:?}",
        person.context().repaint_causes()
    );
}

#[test]
fn tabs_that_do_not_fit_are_reached_by_an_arrow() {
    let small = Vec2::new(960.0, 600.0);
    let mut person = Person::with(setup(Some("weekend-transactions")), small, 2.0);
    let last = "History";
    let is_seen = |p: &Person| {
        p.sees(last) && p.screen().contains_rect(p.place(last)) && {
            let panel = p.place("Canvas");
            p.place(last).right() <= panel.right() + 1.0
        }
    };
    assert!(!is_seen(&person), "{}", person.reads());
    for _ in 0..20 {
        if is_seen(&person) {
            break;
        }
        assert!(person.sees("⏵"), "{}", person.reads());
        let arrow = person.place("⏵").center();
        person.clicks_at(arrow, PointerButton::Primary, Modifiers::NONE);
        person.frames(5);
    }
    let tab = person.place(last);
    person.clicks_at(
        tab.center() + vec2(0.0, 0.0),
        PointerButton::Primary,
        Modifiers::NONE,
    );
    person.frames(5);
    assert!(person.reads_of("History"), "{}", person.reads());
    // The arrow is a glyph that the fonts have.
    let fonts = person.context();
    let has = fonts.fonts_mut(|f| f.has_glyphs(&egui::FontId::proportional(14.0), "⏴⏵"));
    assert!(has);
}

#[test]
fn what_is_typed_in_the_frame_of_a_shortcut_narrows_the_list_that_it_opens() {
    let mut person = Person::draws_on(&[], &[]);
    let text = |t: &str| egui::Event::Text(t.to_owned());
    let key = |key, modifiers| egui::Event::Key {
        key,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers,
    };
    let palette = Modifiers::COMMAND | Modifiers::SHIFT;
    person.has(&[key(Key::P, palette), text("lang")]);
    // The rest comes with Enter in one frame, as on a slow machine.
    person.has(&[text("uage"), key(Key::Enter, Modifiers::NONE)]);
    person.frames(3);
    assert!(person.sees("파일"), "{}", person.reads());
    person.has(&[key(Key::P, palette), text("language")]);
    person.has(&[key(Key::Enter, Modifiers::NONE)]);
    person.frames(3);
    person.points(person.place("Canvas").center());
    person.has(&[key(Key::Tab, Modifiers::NONE), text("fire")]);
    person.has(&[text("hose"), key(Key::Enter, Modifiers::NONE)]);
    person.frames(3);
    assert_eq!(person.nodes_drawn(), ["firehose"], "{}", person.reads());
}
