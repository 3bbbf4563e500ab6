//! The command line: results, exit codes, and refusals that are sentences and leave nothing behind.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{command, weir};

/// A pipeline that runs, with changes by JSON pointer.
fn pipeline(changes: &[(&str, Value)]) -> String {
    let mut doc = json!({
        "weir": 1, "name": "small", "run_for": "1m",
        "nodes": [
            { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 20 } },
            { "id": "stream", "kind": "kinesis-data-streams", "at": [1, 0], "params": {} },
            { "id": "second", "kind": "kinesis-data-streams", "at": [2, 0], "params": {}, "disabled": true }
        ],
        "wires": [{ "from": "producer.out", "to": "stream.in" }],
        "objectives": []
    });
    for (pointer, value) in changes {
        *doc.pointer_mut(pointer)
            .unwrap_or_else(|| panic!("{pointer}")) = value.clone();
    }
    doc.to_string()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn bad_documents_are_refused_with_a_sentence_and_nothing_is_written() {
    let wire = |from: &str, to: &str| json!([{ "from": "producer.out", "to": "stream.in" }, { "from": from, "to": to }]);
    let cases: &[(String, &[&str])] = &[
        ("{\"weir\": 1,".to_owned(), &["Line 1", "ends too early"]),
        ("[]".to_owned(), &["Line 1"]),
        (
            pipeline(&[("/weir", json!(99))]),
            &["version 99", "Update Weir"],
        ),
        (
            pipeline(&[("/nodes/1/kind", json!("kinesis-data-stream"))]),
            &["stream.kind", "did you mean `kinesis-data-streams`?"],
        ),
        (
            pipeline(&[("/nodes/0/params", json!({ "records_per_secnd": 5 }))]),
            &[
                "producer.records_per_secnd",
                "did you mean `records_per_second`?",
            ],
        ),
        (
            pipeline(&[("/nodes/1/params", json!({ "shard_count": 0 }))]),
            &["stream.shard_count", "too small"],
        ),
        (
            pipeline(&[("/nodes/1/params", json!({ "shard_count": "many" }))]),
            &["stream.shard_count", "expected integer"],
        ),
        (
            pipeline(&[("/wires", wire("producer.metrics", "stream.in"))]),
            &["wires[1]", "gives metrics", "takes records"],
        ),
        (
            pipeline(&[("/wires", wire("producer.outt", "stream.in"))]),
            &["wires[1].from", "did you mean `producer.out`?"],
        ),
        (
            pipeline(&[("/wires", wire("nobody.out", "stream.in"))]),
            &["wires[1].from", "there is no node `nobody`"],
        ),
        (
            pipeline(&[("/wires", wire("producer.out", "stream.in"))]),
            &["wires[1]", "already a wire"],
        ),
        (
            pipeline(&[("/nodes/2/id", json!("stream"))]),
            &["`stream` is taken"],
        ),
        (
            pipeline(&[(
                "/objectives",
                json!([{ "metric": "latency", "at_most": 1 }]),
            )]),
            &["objectives[0].metric", "latency_mean"],
        ),
        (pipeline(&[("/nodes", json!([]))]), &["there is no node"]),
    ];
    for (text, wanted) in cases {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("p.json"), text).unwrap();
        for arguments in [
            &["check", "p.json"][..],
            &["run", "p.json", "--out", "runs/one"],
        ] {
            let said = weir(dir.path(), arguments).ended(2);
            assert_eq!(said.out, "", "{text}");
            for words in *wanted {
                assert!(
                    said.err.contains(words),
                    "wanted `{words}` for {text}\n{}",
                    said.err
                );
            }
        }
        assert_eq!(names(dir.path()), ["p.json"], "{text}");
    }
}

#[test]
fn every_problem_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let text = pipeline(&[
        ("/nodes/0/params", json!({ "records_per_second": -1 })),
        (
            "/nodes/1/params",
            json!({ "shard_count": 0, "colour": "red" }),
        ),
        ("/wires/0/to", json!("stream.out")),
    ]);
    fs::write(dir.path().join("p.json"), text).unwrap();
    let said = weir(dir.path(), &["check", "p.json"]).ended(2);
    let errors = said
        .err
        .lines()
        .filter(|l| l.starts_with("error: "))
        .count();
    assert_eq!(errors, 4, "{}", said.err);
    let said = weir(dir.path(), &["check", "p.json", "--json"]).ended(2);
    let problems: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(problems.as_array().unwrap().len(), 4);
    assert_eq!(problems[0]["node"], "producer");
}

#[test]
fn bad_arguments_are_refused_with_a_sentence_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("p.json"), pipeline(&[])).unwrap();
    fs::create_dir(dir.path().join("full")).unwrap();
    fs::write(dir.path().join("full/mine"), "x").unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["run", "missing.json"], "there is no file `missing.json`"),
        (
            &["run", "first-strem"],
            "did you mean the template `first-stream`?",
        ),
        (&["run", "full"], "without a `pipeline.json`"),
        (&["run", "p.json", "--out", "full"], "is not empty"),
        (&["run", "p.json", "--out", "p.json"], "is no folder"),
        (&["run", "p.json", "--for", "soon"], "is not a duration"),
        (&["run", "p.json", "--for", "0s"], "more than no time"),
        (&["run", "p.json", "--speed", "fast"], "is no speed"),
        (
            &["run", "p.json", "--threads", "0"],
            "0 threads are not possible",
        ),
        (
            &["run", "p.json", "--set", "stream"],
            "write `node.param=value`",
        ),
        (
            &["run", "p.json", "--set", "strem.shard_count=2"],
            "did you mean `stream`?",
        ),
        (
            &["run", "p.json", "--set", "stream.shards=2"],
            "there is no parameter `shards`",
        ),
        (
            &["run", "p.json", "--set", "stream.shard_count=0"],
            "stream.shard_count",
        ),
        (&["check"], "required"),
        (&["fly"], "there is no file `fly`"),
        (&["kinds", "firehos"], "did you mean `firehose`?"),
        (&["schema", "firehos"], "did you mean `firehose`?"),
        (&["new", "nothing-like-it"], "`weir templates` lists them"),
        (&["new", "first-stream", "full"], "is not empty"),
        (&["new", "first-stream", "p.json"], "is there already"),
        (
            &["sql", "missing", "SELECT 1"],
            "there is no run folder `missing`",
        ),
        (
            &["sql", "full", "SELECT 1"],
            "the folder `full` holds no run",
        ),
        (&["report", "full"], "the folder `full` holds no run"),
        (&["verify", "full"], "the folder `full` holds no run"),
        (
            &["compare", "full", "full"],
            "the folder `full` holds neither a run",
        ),
    ];
    let before = names(dir.path());
    for (arguments, wanted) in cases {
        let said = weir(dir.path(), arguments).ended(2);
        assert_eq!(said.out, "", "{arguments:?}");
        assert!(said.err.contains(wanted), "{arguments:?}: {}", said.err);
    }
    assert_eq!(names(dir.path()), before);
    assert_eq!(names(&dir.path().join("full")), ["mine"]);
}

#[test]
fn a_run_is_a_folder_that_answers_sql() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("p.json"), pipeline(&[])).unwrap();
    let said = weir(
        dir.path(),
        &["run", "p.json", "--out", "one", "--json", "--seed", "7"],
    )
    .ended(0);
    let summary: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&summary["seed"], &summary["virtual_seconds"]),
        (&json!(7), &json!(60.0))
    );
    assert_eq!(summary["records"]["unaccounted"], 0);
    let file: Value =
        serde_json::from_str(&fs::read_to_string(dir.path().join("one/summary.json")).unwrap())
            .unwrap();
    assert_eq!(file, summary);
    let rows = weir(
        dir.path(),
        &["sql", "one", "SELECT COUNT(*) AS n FROM bill", "--json"],
    )
    .ended(0);
    let rows: Value = serde_json::from_str(&rows.out).unwrap();
    assert!(rows[0]["n"].as_u64().unwrap() > 0);
    for (sql, wanted) in [
        ("SELEKT 1", "SELEKT"),
        ("SELECT * FROM bil", "did you mean"),
        ("DROP TABLE bill", "there is no table `bill`"),
    ] {
        let said = weir(dir.path(), &["sql", "one", sql]).ended(2);
        assert!(
            said.err.to_lowercase().contains(&wanted.to_lowercase()),
            "{sql}: {}",
            said.err
        );
    }
}

#[test]
fn a_missed_objective_is_exit_code_one() {
    let dir = tempfile::tempdir().unwrap();
    let missed = json!([{ "node": "producer", "metric": "records_per_second", "at_least": "1M" }]);
    let text = pipeline(&[("/objectives", missed)]);
    fs::write(dir.path().join("p.json"), text).unwrap();
    let said = weir(dir.path(), &["run", "p.json", "--quiet"]).ended(1);
    assert!(
        said.out.contains("FAILED  records_per_second of producer"),
        "{}",
        said.out
    );
    assert!(said.out.contains("unaccounted: 0"), "{}", said.out);
    assert_eq!(names(dir.path()), ["p.json"]);
}

#[test]
fn a_template_becomes_a_pipeline_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let said = weir(dir.path(), &["new", "first-stream", "mine"]).ended(0);
    let file = said.out.trim();
    weir(dir.path(), &["check", file]).ended(0);
    weir(dir.path(), &["check", "mine"]).ended(0);
    weir(dir.path(), &["new", "first-stream", "other.json"]).ended(0);
    assert_eq!(names(dir.path()), ["mine", "other.json"]);
}

#[test]
fn what_is_printed_for_programs_is_json() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        &["kinds", "--json"][..],
        &["kinds", "producer", "--json"],
        &["templates", "--json"],
        &["schema"],
        &["schema", "kinesis-data-streams"],
    ] {
        let said = weir(dir.path(), arguments).ended(0);
        assert!(
            serde_json::from_str::<Value>(&said.out).is_ok(),
            "{arguments:?}"
        );
    }
    for arguments in [
        &["kinds"][..],
        &["kinds", "producer"],
        &["completions", "bash"],
        &["--version"],
        &["--help"],
    ] {
        assert!(
            !weir(dir.path(), arguments).ended(0).out.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path(), &["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{err}");
    assert_eq!(err, "");
}

/// A stream whose records a handler reads, and which says so.
const HANDLER: &str =
    "def lambda_handler(event, context):\n    print('records', len(event['Records']))\n";

#[test]
fn code_runs_only_when_it_was_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let doc = json!({
        "weir": 1, "name": "code", "run_for": "10s",
        "nodes": [
            { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 5 } },
            { "id": "stream", "kind": "kinesis-data-streams", "at": [1, 0], "params": {} },
            { "id": "enrich", "kind": "lambda", "at": [2, 0], "params": { "code": HANDLER } }
        ],
        "wires": [{ "from": "producer.out", "to": "stream.in" }, { "from": "stream.out", "to": "enrich.in" }],
    });
    fs::write(dir.path().join("code.json"), doc.to_string()).unwrap();
    let said = weir(dir.path(), &["run", "code.json", "--out", "run"]).ended(2);
    assert!(
        said.err.contains("`enrich.code`") && said.err.contains("--allow-code"),
        "{}",
        said.err
    );
    assert_eq!(names(dir.path()), ["code.json"]);
    // Checking it runs nothing and asks for nothing.
    weir(dir.path(), &["check", "code.json"]).ended(0);
    let arguments = ["run", "code.json", "--allow-code", "--out", "run", "--json"];
    let said = weir(dir.path(), &arguments).ended(0);
    let summary: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(summary["records"]["unaccounted"], 0);
    assert!(summary["records"]["delivered"].as_u64().unwrap() > 0);
    let events = fs::read_to_string(dir.path().join("run/events.jsonl")).unwrap();
    assert!(events.contains("the handler printed: records"), "{events}");
    // So it is with every command that runs a document.
    let sweep = "sweep code.json --vary stream.shard_count=1,2 --quiet --out sweep";
    for line in [
        "test code.json --fail-if=lost>0",
        "compare code.json code.json --for 5s --quiet",
        sweep,
        "verify sweep",
        "verify run",
        "report run --project run",
    ] {
        let mut arguments: Vec<&str> = line.split(' ').collect();
        if line != "verify sweep" {
            let said = weir(dir.path(), &arguments).ended(2);
            assert!(said.err.contains("`--allow-code`"), "{line}: {}", said.err);
        }
        arguments.push("--allow-code");
        weir(dir.path(), &arguments).ended(0);
    }
    let said = weir(dir.path(), &["verify", "sweep"]).ended(2);
    assert!(said.err.contains("`--allow-code`"), "{}", said.err);
}
