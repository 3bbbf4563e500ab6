//! Reports, bills for other programs, a second run and expectations, from the command line.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::weir;

/// A pipeline with a data file of its own, whose run is short.
fn write_pipeline(dir: &Path, expect: &Value) {
    let rows: String = (0..200)
        .map(|i| format!("{{\"user\":\"u{}\",\"n\":{i}}}\n", i % 7))
        .collect();
    fs::write(dir.join("rows.jsonl"), rows).unwrap();
    let doc = json!({
        "weir": 1, "name": "small <b>", "run_for": "5m",
        "nodes": [
            { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "file": "rows.jsonl", "replay_pace": "rate", "records_per_second": 5 } },
            { "id": "stream", "kind": "kinesis-data-streams", "at": [300, 0], "params": { "shard_count": 1 } },
            { "id": "delivery", "kind": "firehose", "at": [600, 0], "params": { "buffer_interval_seconds": 60 } },
            { "id": "lake", "kind": "s3", "at": [900, 0] }
        ],
        "wires": [
            { "from": "producer.out", "to": "stream.in" }, { "from": "stream.out", "to": "delivery.in" }, { "from": "delivery.out", "to": "lake.in" }
        ],
        "expect": expect
    });
    fs::write(dir.join("pipeline.json"), doc.to_string()).unwrap();
}

#[test]
fn run_is_reported_in_every_form_and_runs_again_from_its_report() {
    let dir = tempfile::tempdir().unwrap();
    write_pipeline(dir.path(), &json!({ "checks": [] }));
    let run = |arguments: &[&str]| weir(dir.path(), arguments);
    run(&[
        "run",
        "pipeline.json",
        "--out",
        "run",
        "--report",
        "--quiet",
    ])
    .ended(0);
    let page = fs::read_to_string(dir.path().join("run/report.html")).unwrap();
    assert!(page.contains("was not run: the window's checks and `weir report RUN --project run`"));
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    run(&["report", "run", "--lang", "ko", "--out", "ko.html"]).ended(0);
    let korean = fs::read_to_string(dir.path().join("ko.html")).unwrap();
    assert!(korean.contains("견적이 아닙니다"));
    for (format, wanted) in [
        ("md", "## Cost"),
        ("csv", "section,table,row,column,text,value,figure"),
        ("json", "\"sections\""),
        ("focus-csv", "BilledCost,BillingAccountId"),
        ("infracost", "resource_usage:"),
    ] {
        let said = run(&["report", "run", "--format", format]).ended(0);
        assert!(said.out.contains(wanted), "{format}: {}", said.out);
    }
    run(&[
        "report",
        "run",
        "--format",
        "focus-parquet",
        "--out",
        "focus.parquet",
    ])
    .ended(0);
    assert!(
        fs::read(dir.path().join("focus.parquet"))
            .unwrap()
            .starts_with(b"PAR1")
    );

    // The data file is small: the report carries it, so the folder may go.
    fs::rename(
        dir.path().join("run/report.html"),
        dir.path().join("report.html"),
    )
    .unwrap();
    let said = run(&["verify", "run"]).ended(0);
    assert!(said.out.contains("byte-identical"), "{}", said.out);
    fs::remove_dir_all(dir.path().join("run")).unwrap();
    fs::remove_file(dir.path().join("rows.jsonl")).unwrap();
    let said = run(&["verify", "report.html"]).ended(0);
    assert!(said.out.contains("byte-identical"), "{}", said.out);
    fs::write(
        dir.path().join("other.html"),
        page.replace("\"seed\":42", "\"seed\":43"),
    )
    .unwrap();
    let said = run(&["verify", "other.html"]).ended(1);
    assert!(said.out.contains("summary.json: "), "{}", said.out);
    for refused in ["pipeline.json", "nowhere"] {
        assert!(!run(&["verify", refused]).ended(2).err.is_empty());
        assert!(!run(&["report", refused]).ended(2).err.is_empty());
    }
}

#[test]
fn expectations_are_checked_and_differences_shown() {
    let dir = tempfile::tempdir().unwrap();
    let bill = "SELECT count(*) AS lines FROM bill WHERE node = 'producer'";
    let checks = json!([{ "that": "producer.dropped = 0" }, { "that": "records_per_second <= 5" }, { "sql": bill, "rows": [{ "lines": 0 }] }]);
    write_pipeline(dir.path(), &json!({ "run_for": "2m", "checks": checks }));
    let said = weir(dir.path(), &["test", "pipeline.json"]).ended(0);
    assert!(said.out.contains("0 of 3 missed"), "{}", said.out);
    let said = weir(
        dir.path(),
        &["test", "pipeline.json", "--fail-if", "usd_per_month > 0.01"],
    )
    .ended(1);
    assert!(
        said.out.contains("FAILED  usd_per_month > 0.01: it is "),
        "{}",
        said.out
    );
    let gate = ["--fail-if", "usd_per_month > 100000"];
    let said = weir(dir.path(), &[["test", "pipeline.json"], gate].concat()).ended(0);
    let kept = "ok      usd_per_month > 100000 does not hold: it is ";
    assert!(said.out.contains(kept), "{}", said.out);
    weir(
        dir.path(),
        &[
            "run",
            "pipeline.json",
            "--quiet",
            "--fail-if",
            "usd_per_month > 100000",
        ],
    )
    .ended(0);
    let said = weir(
        dir.path(),
        &[
            "run",
            "pipeline.json",
            "--quiet",
            "--fail-if",
            "total_usd > 0",
        ],
    )
    .ended(1);
    assert!(said.err.contains("failed: total_usd > 0"), "{}", said.err);

    let wrong = json!([{ "that": "dropped = 5" }, { "sql": bill, "rows": [{ "lines": 3 }] }]);
    write_pipeline(dir.path(), &json!({ "run_for": "1m", "checks": wrong }));
    let said = weir(dir.path(), &["test", "pipeline.json"]).ended(1);
    for line in [
        "- dropped = 5",
        "+ dropped is 0 records",
        "- row 1: {\"lines\":3}",
        "+ row 1: {\"lines\":0}",
        "2 of 2 missed",
    ] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    // What is expected is read, never changed.
    let changes = json!([{ "sql": "CREATE TABLE t AS SELECT 1 AS a", "rows": [] }, { "sql": "CREATE DATABASE d", "rows": [] }]);
    write_pipeline(dir.path(), &json!({ "run_for": "1m", "checks": changes }));
    let said = weir(dir.path(), &["test", "pipeline.json", "--out", "kept"]).ended(1);
    assert!(said.out.contains("2 of 2 missed"), "{}", said.out);
    assert!(said.out.contains("write a SELECT"), "{}", said.out);
    let sql = ["sql", "kept", "SELECT * FROM t"];
    assert!(weir(dir.path(), &sql).ended(2).err.contains("no table `t`"));
    write_pipeline(dir.path(), &json!({ "checks": [{ "that": "droped = 5" }] }));
    for command in ["test", "check"] {
        let said = weir(dir.path(), &[command, "pipeline.json"]).ended(2);
        assert!(said.err.contains("did you mean `dropped`?"), "{}", said.err);
    }
    let said = weir(
        dir.path(),
        &["run", "pipeline.json", "--fail-if", "nothing"],
    )
    .ended(2);
    assert!(
        said.err.contains("--fail-if: `nothing` is no condition"),
        "{}",
        said.err
    );
}

#[test]
fn templates_come_to_what_they_expect() {
    let dir = tempfile::tempdir().unwrap();
    for template in ["first-stream", "flights-replay"] {
        let said = weir(dir.path(), &["test", template]).ended(0);
        assert!(said.out.contains("0 of "), "{template}: {}", said.out);
    }
}
