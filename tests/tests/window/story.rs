//! The whole way: drawn from nothing, run, struck by faults, read, queried, undone, saved, opened again.

use egui::{Key, Modifiers, PointerButton, vec2};
use weir_app::designer::Designer;
use weir_engine::document::Action;
use weir_engine::node::AlarmStatus;
use weir_engine::runtime::RunState;

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
    nothing_picked(&mut person);
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
    nothing_picked(&mut person);
    person.fills("Length in virtual time", "10m");
    person.presses(Key::Enter);
    person.settles();
    person
}

fn nothing_picked(person: &mut Person) {
    let blank = person.place("Canvas").left_top() + vec2(6.0, 6.0);
    person.clicks_at(blank, PointerButton::Primary, Modifiers::NONE);
}

/// A step on the lane of the function at eight minutes: its first fault, errors.
fn scripts_a_fault(person: &mut Person) {
    person.combines(Modifiers::COMMAND, Key::Num6);
    person.scrolls_to("Scenario of lambda");
    let lane = person.place("Scenario of lambda");
    // The lane's axis begins after the names; without a step there is no form beside it.
    let (left, right) = (lane.left() + 13.0 * 11.0, lane.right() - 12.0);
    person.double_clicks_at(egui::pos2(left + (right - left) * 0.6, lane.center().y));
    let [step] = person.document().scenario.as_slice() else {
        panic!("{:?}\n{}", person.document().scenario, person.reads());
    };
    assert_eq!(step.node, "lambda");
    assert!(
        matches!(&step.action, Action::Fault { name, .. } if name == "errors"),
        "{step:?}"
    );
    person.fills("At", "8m");
    person.presses(Key::Enter);
    person.fills("rate", "1");
    person.presses(Key::Enter);
    person.settles();
    assert_eq!(person.document().scenario[0].at.as_secs_f64(), 480.0);
}

/// Errors by hand on the function, while the run waits at a bit more than a minute.
fn strikes_by_hand(person: &mut Person) {
    person.presses(Key::F5);
    person.waits("a minute of the run", |d| now(d) > 60.0);
    person.presses(Key::F5);
    person.waits("the pause", |d| {
        d.snapshot().is_some_and(|s| s.state == RunState::Paused)
    });
    assert!(now(person.designer()) < 300.0, "{}", now(person.designer()));
    person.picks("lambda");
    person.combines(Modifiers::COMMAND, Key::Num6);
    person.clicks("Errors");
    person.clicks("100 % for 2m");
    person.presses(Key::Escape);
    person.presses(Key::F5);
    person.waits("the alarm", |d| {
        alarm(d).is_some_and(|a| a.state == "ALARM")
    });
    person.presses(Key::F5);
    person.waits("the pause", |d| {
        d.snapshot().is_some_and(|s| s.state == RunState::Paused)
    });
}

fn now(designer: &Designer) -> f64 {
    designer.snapshot().map_or(0.0, |s| s.now.as_secs_f64())
}
fn alarm(designer: &Designer) -> Option<&AlarmStatus> {
    let nodes = designer.snapshot()?.nodes.iter();
    nodes.filter_map(|n| n.gauges.alarm.as_deref()).next()
}

/// The number that a text begins with.
fn number(text: &str) -> f64 {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text.get(..end)
        .unwrap_or_default()
        .parse()
        .unwrap_or_else(|_| panic!("no number begins `{text}`"))
}

#[test]
fn the_weekend_is_drawn_run_struck_read_queried_undone_saved_and_opened() {
    let mut person = drawn();
    assert_eq!(person.designer_mut().problems(), Vec::<String>::new());
    scripts_a_fault(&mut person);
    assert_eq!(person.designer_mut().problems(), Vec::<String>::new());
    let full = person.document().clone();

    strikes_by_hand(&mut person);
    let told = person.shown_at("node alarm");
    assert!(told.contains("ALARM"), "{told}");
    person.combines(Modifiers::COMMAND, Key::Num5);
    assert!(person.sees("alarm: ALARM"), "{}", person.reads());

    for _ in 0..4 {
        person.presses(Key::CloseBracket);
    }
    person.presses(Key::F5);
    person.waits("the end of the run", |d| {
        d.snapshot().is_some_and(|s| s.delivered > 0) && !d.is_busy()
    });
    assert_eq!(person.designer().run_error(), None);
    assert_eq!(person.designer().snapshot().unwrap().unaccounted, 0);
    // Twice: for the fault by hand, and for that of the scenario.
    let changes = &alarm(person.designer()).unwrap().changes;
    let to_alarm: Vec<f64> = changes
        .iter()
        .filter(|c| c.to == "ALARM")
        .map(|c| c.at_seconds)
        .collect();
    assert!(
        matches!(to_alarm.as_slice(), [first, second] if *first < 480.0 && *second >= 480.0),
        "{changes:?}"
    );

    reads_plots(&mut person);
    queries(&mut person);

    nothing_picked(&mut person);
    let steps = person.designer().undo_names().len();
    for _ in 0..steps {
        person.combines(Modifiers::COMMAND, Key::Z);
    }
    assert!(person.nodes_drawn().is_empty() && person.designer().undo_names().is_empty());
    assert!(person.document().scenario.is_empty());
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

/// The cursor in the middle of the run: what the legends say there is what was drawn.
fn reads_plots(person: &mut Person) {
    person.combines(Modifiers::COMMAND, Key::Num1);
    person.picks("producer");
    person.clicks("Throughput");
    person.frames(2);
    let rate = person.shown_at("producer out");
    let value = number(&rate);
    assert!(
        rate.contains("/s") && (190.0..=210.0).contains(&value),
        "{rate}"
    );
    nothing_picked(person);
    person.frames(2);
    // A record waits a minute at the most for the file, and at most the first row has waited all of it.
    let p99 = person.shown_at("s3 p99");
    assert!(
        (p99.ends_with(" s") && (30.0..120.0).contains(&number(&p99))) || p99.ends_with("min"),
        "{p99}"
    );
}

/// Rows of the lake, what was read for them and what that would cost.
fn queries(person: &mut Person) {
    person.combines(Modifiers::COMMAND, Key::Num4);
    person.fills("SQL statement", "SHOW TABLES");
    person.combines(Modifiers::COMMAND, Key::Enter);
    person.waits_for("Athena would charge");
    assert_eq!(person.beside("Athena would charge"), "nothing");
    // What the crawler made of the files that were delivered.
    person.combines(Modifiers::COMMAND, Key::Num5);
    person.fills("Filter", "made table");
    let told = person.reads();
    // The newest stands first: the first table was made of good files, a later one of what the function failed to process.
    let made = told.rsplit_once("made table `").map(|(_, rest)| rest);
    let table = made.and_then(|rest| rest.split('`').next());
    let table = table.unwrap_or_else(|| panic!("no table was made\n{told}"));
    let table = format!("\"{}\"", table.replace('.', "\".\""));
    person.combines(Modifiers::COMMAND, Key::Num4);
    let sql =
        format!("SELECT category, count(*) AS n FROM {table} GROUP BY category ORDER BY category");
    person.fills("SQL statement", &sql);
    person.combines(Modifiers::COMMAND, Key::Enter);
    person.waits_for("n");
    person.frames(5);
    let charge = person.beside("Athena would charge");
    assert!(
        charge.starts_with('$') && number(charge.trim_start_matches('$')) > 0.0,
        "{charge}"
    );
    let scanned = person.beside("Scanned");
    assert!(
        scanned.ends_with('B') && number(&scanned) > 0.0,
        "{scanned}"
    );
    let delivered = person.designer().snapshot().unwrap().delivered;
    let text = person.copies_by("Copy (what is picked, or all rows)");
    let rows: Vec<(&str, u64)> = text
        .lines()
        .skip(1)
        .map(|line| line.split_once('\t').unwrap())
        .map(|(category, n)| (category, n.parse().unwrap()))
        .collect();
    let counted: u64 = rows.iter().map(|(_, n)| n).sum();
    assert!(
        rows.len() > 2 && rows.iter().all(|(c, _)| !c.is_empty()),
        "{text}"
    );
    assert!(counted > 0 && counted <= delivered, "{counted} {delivered}");
}
