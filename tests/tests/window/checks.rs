//! Expected results, verification, other traffic and the service benchmark in the window.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::Key;
use serde_json::{Value, json};
use weir_app::designer::{FileChoice, Lang, Setup};
use weir_engine::data::Root;
use weir_engine::document::{Document, Expectation};
use weir_engine::report::{self, RunFiles, html};
use weir_engine::services;
use weir_engine::session::{Permission, RunOptions, prepare};
use weir_engine::study::{Axis, Plan, SweepStopper, sweep};

use super::clerk::Clerk;
use super::person::{Person, setup};

/// What asks about code, and how a person begins it.
type Begin = (&'static str, fn(&mut Person));

const CODE: &str = "def lambda_handler(event, context):\n    return 'ok'\n";

fn pipeline(expect: &Value) -> Value {
    json!({
        "weir": 1, "name": "small", "run_for": "20s", "expect": expect,
        "nodes": [ { "id": "source", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 20 } },
                   { "id": "stream", "kind": "kinesis-data-streams", "at": [320, 0] } ],
        "wires": [ { "from": "source.out", "to": "stream.in" } ] })
}

/// A function reads the stream.
fn with_code() -> Value {
    let mut doc = pipeline(&Value::Null);
    let nodes = doc["nodes"].as_array_mut().unwrap();
    let params = json!({ "code": CODE });
    nodes.push(json!({ "id": "enrich", "kind": "lambda", "at": [640, 0], "params": params }));
    let wires = doc["wires"].as_array_mut().unwrap();
    wires.push(json!({ "from": "stream.out", "to": "enrich.in" }));
    doc.as_object_mut().unwrap().remove("expect");
    doc
}

fn opens(dir: &Path, doc: &Value, clerk: &Arc<Clerk>) -> Person {
    let file = dir.join("drawing.json");
    std::fs::write(&file, doc.to_string()).unwrap();
    let mut person = Person::served(file.to_str(), clerk);
    person.settles();
    person
}

fn small(dir: &Path, expect: &Value) -> Person {
    opens(dir, &pipeline(expect), &Arc::new(Clerk::default()))
}

/// Runs the drawing of the window to its end.
fn runs(person: &mut Person) {
    let before = person.designer().past_runs();
    for _ in 0..6 {
        person.presses(Key::CloseBracket);
    }
    person.presses(Key::F5);
    person.waits("the run", |d| d.past_runs() > before);
    assert_eq!(person.designer().run_error(), None);
}

/// A finished run in a folder of its own.
fn run_in(dir: &Path, doc: &Value, allow: Permission) -> PathBuf {
    let out = dir.join("run");
    let options = RunOptions {
        out: Some(out.clone()),
        allow,
        ..RunOptions::default()
    };
    let doc = Document::parse(&doc.to_string()).unwrap();
    let run = prepare(doc, services::ALL, Root::samples_only(), options).unwrap();
    drop(run.finish().unwrap());
    out
}

#[test]
fn a_drawing_is_tested_and_a_run_compared_with_what_is_expected() {
    let dir = tempfile::tempdir().unwrap();
    let expect = json!({ "run_for": "10s", "checks": [ { "that": "unaccounted = 0" }, { "that": "source.records_per_second >= 19" } ] });
    let mut person = small(dir.path(), &expect);
    person.commands("Test the drawing against");
    person.waits_for("All 2 hold");
    assert!(person.sees("Holds: unaccounted = 0"), "{}", person.reads());
    // The run of the test can be looked at like any other; it was as long as the expectations hold for.
    assert_eq!(person.designer().past_runs(), 1);
    assert!(person.reads_of("small (test)"), "{}", person.reads());
    // An expectation that is not kept says what was found.
    person.fills("Expectation 1", "unaccounted = 5");
    person.clicks("Compare the last run");
    person.waits_for("1 of 2 missed");
    assert!(person.sees("Missed: unaccounted = 5"), "{}", person.reads());
    assert!(person.reads_of("+ unaccounted is 0"), "{}", person.reads());
    // One that means nothing says so, and nothing is compared.
    person.fills("Expectation 1", "unacounted = 5");
    assert!(person.reads_of("`unacounted`"), "{}", person.reads());
    person.clicks("Compare the last run");
    person.waits_for_part("expect.checks[0].that");
    person.combines(egui::Modifiers::COMMAND, Key::Z);
    let shown = person.document().expect.clone().unwrap();
    assert_eq!(shown.checks.len(), 2);
    // Conditions that are not kept in the drawing, as of `--fail-if`.
    person.clicks("Do not expect Expectation 1");
    person.scrolls_to("Not good enough if, one a line");
    person.fills(
        "Not good enough if, one a line",
        "source.records_per_second > 1",
    );
    person.clicks("Compare the last run");
    person.waits_for("1 of 2 missed");
    let why = "source.records_per_second > 1: it is ";
    assert!(person.reads_of(why), "{}", person.reads());
    assert_eq!(person.document().expect.as_ref().unwrap().checks.len(), 1);
    // The span of a test is typed as any other, and left out when it is empty.
    person.fills("Virtual time of the test", "soon");
    assert!(person.reads_of("soon"), "{}", person.reads());
    person.fills("Virtual time of the test", "");
    person.presses(Key::Backspace);
    person.presses(Key::Enter);
    assert_eq!(person.document().expect.as_ref().unwrap().run_for, None);
}

#[test]
fn nothing_expected_is_said_and_an_expectation_is_added() {
    let dir = tempfile::tempdir().unwrap();
    let doc = {
        let mut doc = pipeline(&Value::Null);
        doc.as_object_mut().unwrap().remove("expect");
        doc
    };
    let mut person = opens(dir.path(), &doc, &Arc::new(Clerk::default()));
    person.commands("Checks");
    person.waits_for("Test the drawing");
    person.clicks("Test the drawing");
    person.waits_for_part("Nothing is expected of this drawing");
    person.clicks("Add a figure");
    person.waits_for("Expectation 1");
    person.clicks("Test the drawing");
    person.waits_for("All 1 hold");
    // What is typed into a field is one step.
    let that = |person: &Person| match &person.document().expect {
        Some(expect) => expect.checks.clone(),
        None => Vec::new(),
    };
    let added = that(&person);
    person.fills("Expectation 1", "unacc");
    person.types("ounted = 0");
    let typed = Expectation::That("unaccounted = 0".to_owned());
    assert_eq!(that(&person), [typed]);
    person.clicks("Test the drawing");
    person.combines(egui::Modifiers::COMMAND, Key::Z);
    assert_eq!(that(&person), added);
    person.combines(egui::Modifiers::COMMAND, Key::Z);
    assert_eq!(person.document().expect, None);
}

#[test]
fn rows_of_a_statement_become_an_expectation() {
    let dir = tempfile::tempdir().unwrap();
    let mut person = small(dir.path(), &json!({ "checks": [] }));
    runs(&mut person);
    person.commands("SQL console");
    person.fills("SQL statement", "SELECT count(*) > 0 AS any FROM metrics");
    person.combines(egui::Modifiers::COMMAND, Key::Enter);
    person.waits_for("Expect these rows");
    person.clicks("Expect these rows");
    let expect = person.document().expect.clone().unwrap();
    let [Expectation::Rows { sql, rows }] = expect.checks.as_slice() else {
        panic!("{expect:?}");
    };
    assert_eq!(sql, "SELECT count(*) > 0 AS any FROM metrics");
    assert_eq!(json!(rows), json!([{ "any": true }]));
    // The run was as long as the drawing says.
    assert_eq!(expect.run_for, None);
    person.commands("Compare the last run with");
    person.waits_for("All 1 hold");
}

#[test]
fn the_last_run_is_verified() {
    let dir = tempfile::tempdir().unwrap();
    let mut person = small(dir.path(), &json!({ "checks": [] }));
    runs(&mut person);
    person.commands("Verify the last run");
    person.waits_for_part("Byte-identical: ");
    assert!(person.reads_of("every figure of the summary"));
}

#[test]
fn large_data_of_a_run_is_found_beside_its_drawing() {
    let dir = tempfile::tempdir().unwrap();
    // Larger than what a run folder carries of its own.
    let row = |i: usize| format!("{{\"user\":\"u{}\",\"text\":\"{:0>300}\"}}\n", i % 7, i);
    let rows: String = (0..1_000).map(row).collect();
    std::fs::write(dir.path().join("rows.jsonl"), rows).unwrap();
    let mut doc = pipeline(&json!({ "checks": [] }));
    doc["nodes"][0]["params"] =
        json!({ "file": "rows.jsonl", "replay_pace": "rate", "records_per_second": 20 });
    let clerk = Arc::new(Clerk::default());
    let mut person = opens(dir.path(), &doc, &clerk);
    runs(&mut person);
    person.commands("Verify the last run");
    person.waits_for_part("Byte-identical: ");
    person.commands("Run the last run's drawing");
    person.waits_for("The next report of this run holds these figures.");
    // Another file of that name is not taken for it; the folder that has the right one can be chosen.
    let elsewhere = tempfile::tempdir().unwrap();
    let file = |folder: &Path| folder.join("rows.jsonl");
    std::fs::rename(file(dir.path()), file(elsewhere.path())).unwrap();
    std::fs::write(file(dir.path()), row(1)).unwrap();
    person.commands("Verify the last run");
    person.waits_for_part("is not the file that the run read");
    clerk.answers(FileChoice::File(elsewhere.path().to_owned()));
    person.clicks("Folder of the data…");
    person.waits_for(&elsewhere.path().display().to_string());
    person.clicks("Verify the last run");
    person.waits_for_part("Byte-identical: ");
    person.clicks("The folder of the drawing again");
    person.clicks("Verify the last run");
    person.waits_for_part("is not the file that the run read");
}

#[test]
fn reports_and_sweeps_are_verified_and_differences_named() {
    let dir = tempfile::tempdir().unwrap();
    let doc = pipeline(&json!({ "checks": [] }));
    let run = run_in(dir.path(), &doc, Permission::Nothing);
    let page = html(
        &RunFiles::open(&run).unwrap(),
        services::ALL,
        report::Lang::En,
    )
    .unwrap();
    let whole = dir.path().join("report.html");
    std::fs::write(&whole, &page).unwrap();
    let changed = dir.path().join("changed.html");
    std::fs::write(&changed, page.replacen("</h1>", " </h1>", 1)).unwrap();
    let swept = dir.path().join("sweep");
    let parsed = Document::parse(&doc.to_string()).unwrap();
    let axis = Axis::of("stream", "shard_count", "1..2", &parsed, services::ALL).unwrap();
    let plan = Plan {
        doc: parsed,
        root: Root::samples_only(),
        axes: vec![axis],
        run_for: None,
        seed: None,
        allow: Permission::Nothing,
        jobs: None,
        out: Some(swept.clone()),
        keep_runs: false,
    };
    drop(sweep(&plan, services::ALL, &SweepStopper::default(), &|_| {}).unwrap());
    let clerk = Arc::new(Clerk::default());
    let mut person = opens(dir.path(), &doc, &clerk);
    person.commands("Checks");
    person.waits_for("Verification");
    person.clicks("Verification");
    for (button, place, wanted) in [
        ("Verify a report…", &whole, "Byte-identical: "),
        ("Verify a folder…", &run, "Byte-identical: "),
        ("Verify a folder…", &swept, "Byte-identical: 2 variants"),
        ("Verify a report…", &changed, "the page itself: "),
        ("Verify a folder…", &dir.path().to_owned(), "holds no run"),
    ] {
        clerk.answers(FileChoice::File(place.clone()));
        person.waits_for(button);
        person.clicks(button);
        person.waits_for_part(&place.display().to_string());
        person.waits_for_part(wanted);
    }
}

#[test]
fn code_of_what_is_verified_is_asked_about() {
    let dir = tempfile::tempdir().unwrap();
    let run = run_in(dir.path(), &with_code(), Permission::Everything);
    let clerk = Arc::new(Clerk::default());
    let mut person = opens(dir.path(), &pipeline(&json!({ "checks": [] })), &clerk);
    clerk.answers(FileChoice::File(run));
    person.commands("Verify the folder of a run");
    person.waits_for("May this code run?");
    person.frames(3);
    assert!(person.reads_of("return 'ok'"), "{}", person.reads());
    person.clicks("Allow and run");
    person.waits_for_part("Byte-identical: ");
}

#[test]
fn other_traffic_of_a_run_from_elsewhere_asks_about_its_code() {
    let dir = tempfile::tempdir().unwrap();
    let run = run_in(dir.path(), &with_code(), Permission::Everything);
    let clerk = Arc::new(Clerk::default());
    let mut person = opens(dir.path(), &pipeline(&json!({ "checks": [] })), &clerk);
    clerk.answers(FileChoice::File(run));
    person.commands("Comparison");
    person.waits_for("Open a run folder…");
    person.clicks("Open a run folder…");
    person.waits("the run", |d| d.past_runs() == 1);
    person.commands("Run the last run's drawing");
    person.waits_for("May this code run?");
    person.frames(3);
    person.clicks("Allow and run");
    person.waits_for("The next report of this run holds these figures.");
}

#[test]
fn sweeps_repeats_and_tests_ask_about_code() {
    let dir = tempfile::tempdir().unwrap();
    let clerk = Arc::new(Clerk::default());
    let begins: [Begin; 3] = [
        ("sweep", |p| {
            p.commands("Sweep");
            p.waits_for("Add a parameter");
            p.clicks("Add a parameter");
            p.clicks("stream ⏵");
            p.clicks("Shards");
            p.fills("stream · Shards", "1..2");
            p.waits_for("Run 2 variants");
            p.clicks("Run 2 variants");
        }),
        ("repeats", |p| {
            p.commands("Comparison");
            p.waits_for("Repeat with 5 seeds");
            p.clicks("Repeat with 5 seeds");
        }),
        ("test", |p| {
            p.commands("Checks");
            p.waits_for("Add a figure");
            p.clicks("Add a figure");
            p.clicks("Test the drawing");
        }),
    ];
    for (what, begin) in begins {
        let mut person = opens(dir.path(), &with_code(), &clerk);
        begin(&mut person);
        person.waits_for("May this code run?");
        person.frames(3);
        person.clicks("Allow and run");
        match what {
            "sweep" => person.waits_for_part("Take stream.shard_count"),
            "repeats" => person.waits("the repeats", |d| d.past_runs() == 1),
            _ => person.waits_for("All 1 hold"),
        }
    }
}

#[test]
fn other_traffic_is_run_and_stands_in_the_next_report() {
    let dir = tempfile::tempdir().unwrap();
    let clerk = Arc::new(Clerk::default());
    let mut person = opens(dir.path(), &pipeline(&json!({ "checks": [] })), &clerk);
    runs(&mut person);
    person.commands("Run the last run's drawing");
    person.waits_for("The next report of this run holds these figures.");
    assert!(person.sees("199.5"), "{}", person.reads());
    let place = dir.path().join("report.json");
    clerk.answers(FileChoice::File(place.clone()));
    person.commands("Report as JSON");
    person.waits("the report", |_| place.is_file());
    let text = std::fs::read_to_string(&place).unwrap();
    assert!(text.contains("run with other traffic"));
}

#[test]
fn the_service_benchmark_can_be_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let mut person = small(dir.path(), &json!({ "checks": [] }));
    person.commands("Service benchmark");
    person.waits_for("Stop the check");
    person.clicks("Stop the check");
    person.waits_for("it was stopped");
    person.waits_for("Run the service benchmark");
}

#[test]
fn checks_are_told_in_korean() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("drawing.json");
    let expect = json!({ "checks": [ { "that": "unaccounted = 0" }, { "that": "dropped = 3" },
        { "sql": "SELECT count(*) AS n FROM nowhere", "rows": [] } ] });
    std::fs::write(&file, pipeline(&expect).to_string()).unwrap();
    let setup = Setup {
        lang: Some(Lang::Ko),
        ..setup(file.to_str())
    };
    let mut person = Person::with(setup, egui::Vec2::new(1440.0, 900.0), 1.0);
    person.settles();
    person.commands("도면을 기대 결과와");
    person.waits_for("3개 중 2개를 만족하지 못했습니다");
    assert!(
        person.reads_of("+ 쿼리가 실패했습니다"),
        "{}",
        person.reads()
    );
    person.commands("마지막 실행 검증");
    person.waits_for_part("바이트 단위로 같음");
}
