//! What the pointer drags and drops: wires in a row, nodes into wires, the minimap, frames, steps of a scenario, plots.

use std::sync::Arc;

use egui::{Key, Modifiers, PointerButton, Pos2, vec2};
use weir_app::designer::FileChoice;

use super::clerk::Clerk;
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
fn a_kind_dropped_from_the_palette_goes_where_it_is_dropped() {
    let mut person = Person::draws_on(&CHAIN[..1], &[]);
    let from = person.place("Lambda").center();
    let at = person.place("Canvas").center() + vec2(0.0, 140.0);
    person.drags(from, at);
    assert_eq!(person.nodes_drawn(), ["source", "lambda"]);
    assert!(person.place("node lambda").contains(at));
    assert!(person.wires_drawn().is_empty());
}

#[test]
fn a_kind_dropped_from_the_palette_on_a_wire_goes_between() {
    let nodes = &[CHAIN[0], CHAIN[2]];
    let mut person = Person::draws_on(nodes, &[("source.out", "delivery.in")]);
    let from = person.place("Kinesis Data Streams").center();
    let middle = person.middle("source.out", "delivery.in");
    person.drags(from, middle);
    let stream = "kinesis-data-streams";
    assert_eq!(person.nodes_drawn(), ["source", "delivery", stream]);
    assert_eq!(
        person.wires_drawn(),
        [
            "source.out > kinesis-data-streams.in",
            "kinesis-data-streams.out > delivery.in"
        ]
    );
    assert_eq!(person.designer().undo_names().len(), 1);
    // With Ctrl it stays beside the wire.
    person.combines(Modifiers::COMMAND, Key::Z);
    let middle = person.middle("source.out", "delivery.in");
    person.drags_with(Modifiers::COMMAND, from, middle);
    assert_eq!(person.wires_drawn(), ["source.out > delivery.in"]);
}

#[test]
fn neighbours_make_room_for_what_is_inserted() {
    let nodes = &[CHAIN[0], ("delivery", "firehose", [230, 0])];
    let mut person = Person::draws_on(nodes, &[("source.out", "delivery.in")]);
    let from = person.place("Kinesis Data Streams").center();
    let middle = person.middle("source.out", "delivery.in");
    person.drags(from, middle);
    let boxes: Vec<egui::Rect> = person
        .nodes_drawn()
        .iter()
        .map(|id| person.place(&format!("node {id}")))
        .collect();
    for (i, a) in boxes.iter().enumerate() {
        assert!(
            boxes[..i].iter().all(|b| !a.shrink(1.0).intersects(*b)),
            "{boxes:?}"
        );
    }
}

#[test]
fn with_ctrl_one_output_is_wired_to_several_inputs_in_a_row() {
    let nodes = &[
        CHAIN[1],
        ("a", "firehose", [760, -200]),
        ("b", "firehose", [760, 0]),
        ("c", "lambda", [760, 200]),
    ];
    let mut person = Person::draws_on(nodes, &[]);
    let port = |p: &Person, name: &str| p.place(&format!("port {name}")).center();
    let (from, to) = (port(&person, "stream.out"), port(&person, "a.in"));
    person.drags_with(Modifiers::COMMAND, from, to);
    assert_eq!(person.wires_drawn(), ["stream.out > a.in"]);
    // It goes on without a button: a click joins, with Ctrl it goes on again.
    let b = port(&person, "b.in");
    person.clicks_at(b, PointerButton::Primary, Modifiers::COMMAND);
    let c = port(&person, "c.in");
    person.clicks_at(c, PointerButton::Primary, Modifiers::NONE);
    let all = [
        "stream.out > a.in",
        "stream.out > b.in",
        "stream.out > c.in",
    ];
    assert_eq!(person.wires_drawn(), all);
    // Without Ctrl it has ended: the next click selects.
    person.clicks("node a");
    assert_eq!(person.wires_drawn(), all);
    assert_eq!(person.designer().undo_names().len(), 3);
}

#[test]
fn dragging_in_the_minimap_moves_the_view() {
    let mut person = Person::draws_on(CHAIN, CHAINED);
    // All is in view at first: there is nothing to show in a corner.
    assert!(!person.sees("Minimap"));
    for _ in 0..3 {
        person.combines(Modifiers::COMMAND, Key::Plus);
    }
    let map = person.place("Minimap");
    let before = person.place("node stream");
    person.drags(map.center(), map.center() + vec2(12.0, 0.0));
    let after = person.place("node stream");
    assert!(after.left() < before.left() - 20.0, "{before} {after}");
    assert!((after.size() - before.size()).length() < 0.1);
    // Nothing was selected, moved or drawn by it.
    assert!(person.designer().undo_names().is_empty());
    person.clicks_at(
        map.left_center() + vec2(20.0, 0.0),
        PointerButton::Primary,
        Modifiers::NONE,
    );
    assert!(person.place("node stream").left() > after.left());
}

#[test]
fn frames_are_resized_by_their_corner_and_take_their_contents_along() {
    let mut person = Person::draws_on(&CHAIN[..2], &CHAINED[..1]);
    person.combines(Modifiers::COMMAND, Key::A);
    person.combines(Modifiers::COMMAND, Key::G);
    let [frame] = person.document().frames.as_slice() else {
        panic!("{:?}", person.document().frames);
    };
    let (at, size) = (frame.at, frame.size);
    // Where the frame is on the screen: the nodes tell the scale.
    let (a, b) = (person.place("node source"), person.place("node stream"));
    let zoom = (b.left() - a.left()) / 320.0;
    let screen = |x: f64, y: f64| -> Pos2 {
        #[expect(clippy::cast_possible_truncation, reason = "small places")]
        let world = vec2(x as f32, y as f32);
        a.min + world * zoom
    };
    let corner = screen(at[0] + size[0], at[1] + size[1]) - vec2(4.0, 4.0);
    person.drags(corner, corner + vec2(160.0, 80.0) * zoom);
    let resized = person.document().frames[0].clone();
    assert_eq!(resized.at, at);
    assert!(
        (resized.size[0] - size[0] - 160.0).abs() <= 8.0
            && (resized.size[1] - size[1] - 80.0).abs() <= 8.0,
        "{size:?} {:?}",
        resized.size
    );
    assert_eq!(person.designer().undo_names().len(), 2);
    // By its header it moves, and its nodes with it.
    let places =
        |p: &Person| -> Vec<[f64; 2]> { p.document().nodes.iter().map(|n| n.at).collect() };
    let before = places(&person);
    let header = screen(at[0] + size[0] / 2.0, at[1] + 12.0);
    person.drags(header, header + vec2(0.0, 64.0) * zoom);
    let after = places(&person);
    let moved = person.document().frames[0].at[1] - at[1];
    assert!(moved > 32.0, "{moved}");
    for (a, b) in before.iter().zip(&after) {
        assert_eq!((a[0], a[1] + moved), (b[0], b[1]));
    }
    assert_eq!(person.designer().undo_names().len(), 3);
}

#[test]
fn steps_of_the_scenario_are_dragged_on_the_time_axis() {
    let mut person = Person::opens(Some("first-stream"));
    let length = person.document().run_for.as_secs_f64();
    person.combines(Modifiers::COMMAND, Key::Num6);
    let lane = person.place("Scenario of producer");
    person.double_clicks_at(lane.center());
    assert_eq!(person.document().scenario.len(), 1, "{}", person.reads());
    person.clicks("Close");
    let step = |p: &Person| p.document().scenario[0].clone();
    let first = step(&person).at.as_secs_f64();
    assert!(first > 0.0 && first < length, "{first}");
    let block = person.named_like("· producer: Poison records");
    let steps = person.designer().undo_names().len();
    // The whole block, to the left.
    person.drags(block.center(), block.center() - vec2(120.0, 0.0));
    let earlier = step(&person).at.as_secs_f64();
    assert!(
        earlier < first,
        "{first} {earlier} {block} {:?} {}",
        person.designer().undo_names(),
        person.named_like("· producer: Poison records")
    );
    assert_eq!(person.designer().undo_names().len(), steps + 1);
    // Its end, to the right.
    let block = person.named_like("· producer: Poison records");
    let lasts = |p: &Person| match step(p).action {
        weir_engine::document::Action::Fault { lasts, .. } => lasts.unwrap().as_secs_f64(),
        other @ weir_engine::document::Action::Set(_) => panic!("{other:?}"),
    };
    let before = lasts(&person);
    let end = block.right_center() - vec2(4.0, 0.0);
    person.drags(end, end + vec2(80.0, 0.0));
    assert!(lasts(&person) > before, "{before} {}", lasts(&person));
    assert_eq!(step(&person).at.as_secs_f64(), earlier);
    assert_eq!(person.designer().undo_names().len(), steps + 2);
}

/// A drawing that has run.
fn ran(person: &mut Person) {
    for _ in 0..4 {
        person.presses(Key::CloseBracket);
    }
    person.presses(Key::F5);
    person.waits("the end", |d| d.snapshot().is_some() && !d.is_busy());
    assert_eq!(person.designer().run_error(), None);
}

#[test]
fn an_earlier_run_is_laid_over_the_plots() {
    let mut person = Person::draws_on(&CHAIN[..2], &CHAINED[..1]);
    ran(&mut person);
    person.combines(Modifiers::COMMAND, Key::Num1);
    person.picks("source");
    person.fills("Records per second", "100");
    person.presses(Key::Enter);
    ran(&mut person);
    person.clicks("Compare");
    let run = person.named_like("Run 1");
    person.clicks_at(run.center(), PointerButton::Primary, Modifiers::NONE);
    person.frames(3);
    // The same series twice: as it is, and as it was.
    let told = person.reads();
    let (now, before) = (
        person.shown_at("source out"),
        person.shown_at("source out, run 1"),
    );
    assert_ne!(now, before, "{told}");
    person.clicks("Run 1");
    person.clicks("No earlier run");
    person.frames(3);
    assert!(!person.reads_of("source out, run 1"), "{}", person.reads());
}

#[test]
fn a_plot_is_saved_as_picture_and_as_figures() {
    let clerk = Arc::new(Clerk::default());
    let mut person = Person::served(None, &clerk);
    person.clicks("Empty drawing");
    let sketch = Person::draws_on(&CHAIN[..2], &CHAINED[..1]);
    person.drops(&sketch.folder().join("sketch.json"));
    ran(&mut person);
    person.combines(Modifiers::COMMAND, Key::Num1);
    let folder = person.folder().to_owned();

    let csv = folder.join("plot.csv");
    clerk.answers(FileChoice::File(csv.clone()));
    person.clicks("What to do with the plot Throughput");
    person.clicks("Save as CSV");
    person.frames(3);
    assert_eq!(clerk.asked(), ["write throughput.csv"]);
    let text = std::fs::read_to_string(&csv).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(
        rows[0],
        ["plot", "series", "unit", "virtual_seconds", "value"]
    );
    let rate = |row: &&Vec<&str>| row[1] == "source out";
    let rates: Vec<f64> = rows
        .iter()
        .filter(rate)
        .map(|r| r[4].parse().unwrap())
        .collect();
    assert!(
        rates.len() > 10 && rates.iter().all(|r| *r >= 0.0),
        "{text}"
    );

    let png = folder.join("plot.png");
    clerk.answers(FileChoice::File(png.clone()));
    let plot = person.place("Throughput");
    person.clicks("What to do with the plot Throughput");
    person.photographs_after("Save as PNG");
    person.frames(3);
    assert_eq!(clerk.asked(), ["write throughput.png"]);
    let picture = image::open(&png).unwrap().to_rgb8();
    // The part of the window where the plot is: each pixel tells its place.
    let first = picture.get_pixel(0, 0).0;
    let at = Pos2::new(f32::from(first[0]) * 8.0, f32::from(first[1]) * 8.0);
    let (width, height) = (picture.width(), picture.height());
    assert!(width > 200 && height > 60, "{width} x {height}");
    assert!(at.x <= plot.left() && at.y <= plot.top(), "{at} {plot}");
    assert!(at.x + 8.0 + width as f32 >= plot.right(), "{at} {plot}");

    // Nobody chose a place: nothing is written, nothing is said.
    clerk.answers(FileChoice::Nothing);
    person.clicks("What to do with the plot Throughput");
    person.clicks("Save as CSV");
    person.frames(3);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
    // The system has no dialog: the designer's own comes.
    person.clicks("What to do with the plot Throughput");
    person.clicks("Save as CSV");
    person.frames(3);
    let own = folder.join("own.csv");
    person.fills("Path", own.to_str().unwrap());
    person.presses(Key::Enter);
    person.frames(3);
    assert_eq!(std::fs::read_to_string(&own).unwrap(), text);
}
