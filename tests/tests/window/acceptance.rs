//! What a first walk through the window expects: clicks of any speed, keys that hands know, refusals that say why, results that
//! are not taken for others.

use egui::{Key, Modifiers, Vec2};
use weir_app::designer::Setup;

use super::person::{Person, setup};

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
fn a_click_between_two_frames_selects() {
    let mut person = Person::draws_on(CHAIN, CHAINED);
    assert!(person.sees("Length in virtual time"), "{}", person.reads());
    let at = person.place("node stream").center();
    person.points(at);
    person.clicks_within_a_frame(at);
    person.frames(2);
    assert!(person.sees("About Shards"), "{}", person.reads());
    let empty = person.place("Canvas").left_bottom() + egui::vec2(20.0, -20.0);
    person.points(empty);
    person.clicks_within_a_frame(empty);
    person.frames(2);
    assert!(!person.sees("About Shards"), "{}", person.reads());
}

#[test]
fn the_tour_goes_by_keys() {
    let tour = Setup {
        tour: true,
        ..setup(Some("first-stream"))
    };
    let mut person = Person::with(tour, Vec2::new(1440.0, 900.0), 1.0);
    let at = |person: &Person, step: &str| {
        assert!(person.sees(step), "{step}:\n{}", person.reads());
    };
    at(&person, "1 of 6");
    person.presses(Key::ArrowRight);
    at(&person, "2 of 6");
    person.presses(Key::Enter);
    at(&person, "3 of 6");
    person.presses(Key::ArrowLeft);
    at(&person, "2 of 6");
    // Nothing that was selected meanwhile was moved by it.
    assert!(person.designer().undo_names().is_empty());
    person.presses(Key::Escape);
    assert!(!person.reads_of(" of 6"), "{}", person.reads());
}

#[test]
fn a_wire_let_go_on_a_node_without_a_port_for_it_says_why() {
    let mut person = Person::draws_on(CHAIN, &[]);
    let from = person.place("port source.out").center();
    let to = person.place("node lake").center();
    person.drags(from, to);
    assert!(person.wires_drawn().is_empty());
    assert!(
        person.reads_of("`source.out` gives records"),
        "{}",
        person.reads()
    );
    // One that has such a port takes it anywhere.
    let to = person.place("node stream").center();
    person.drags(from, to);
    assert_eq!(person.wires_drawn(), ["source.out > stream.in"]);
}

#[test]
fn redo_has_the_key_that_other_editors_have() {
    let mut person = Person::draws_on(CHAIN, CHAINED);
    person.picks("stream");
    person.presses(Key::Delete);
    person.combines(Modifiers::COMMAND, Key::Z);
    assert_eq!(person.nodes_drawn().len(), 4);
    person.combines(Modifiers::COMMAND, Key::Y);
    assert_eq!(person.nodes_drawn().len(), 3);
}

#[test]
fn rows_under_an_error_are_said_to_be_of_an_earlier_statement() {
    let mut person = Person::draws_on(&CHAIN[..2], &CHAINED[..1]);
    person.presses(Key::F5);
    person.waits("the end", |d| d.snapshot().is_some() && !d.is_busy());
    person.combines(Modifiers::COMMAND, Key::Num4);
    let mut asks = |sql: &str, answer: &str, is_earlier: bool| {
        person.fills("SQL statement", sql);
        person.combines(Modifiers::COMMAND, Key::Enter);
        person.waits_for(answer);
        let earlier = person.reads_of("Rows of an earlier statement: SELECT 1 AS one");
        assert_eq!(earlier, is_earlier, "{}", person.reads());
    };
    asks("SELECT 1 AS one", "one", false);
    asks(
        "SELECT FROM t",
        "nothing is selected; write * or columns after SELECT (line 1, column 1)",
        true,
    );
    asks("SELECT 2 AS two", "two", false);
}

#[test]
fn presenter_mode_gives_the_view_back() {
    let mut person = Person::draws_on(CHAIN, CHAINED);
    for _ in 0..2 {
        person.combines(Modifiers::COMMAND, Key::Plus);
    }
    person.frames(3);
    let before = person.place("node stream");
    person.presses(Key::F11);
    person.frames(5);
    assert!(!person.sees("Search the palette"));
    person.presses(Key::F11);
    person.frames(5);
    let after = person.place("node stream");
    assert!(
        (after.center() - before.center()).length() < 1.0
            && (after.size() - before.size()).length() < 1.0,
        "{before} {after}"
    );
}

#[test]
fn nothing_of_the_plots_is_cut_off_in_a_small_window() {
    let size = Vec2::new(960.0, 540.0);
    let mut person = Person::with(setup(Some("first-stream")), size, 2.0);
    person.presses(Key::F5);
    person.waits("figures", |d| d.snapshot().is_some());
    person.waits_for("Add a plot");
    let canvas = person.place("Canvas");
    for label in ["Add a plot", "Columns: auto"] {
        let place = person.place(label);
        assert!(place.right() <= canvas.right(), "{label}: {place} {canvas}");
    }
}
