//! The program killed at any moment: what it leaves behind opens, the catalog is whole, no unfinished file is taken for data, a
//! sweep goes on where it was, temporary folders and processes do not stay.
//!
//! A few times as it is; `WEIR_KILLS=500` for more. The window's own files are killed in `app/src/designer/files/kill_tests.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use weir_engine::disk::Temporary;
use weir_engine::lake::open_run;
use weir_engine::report::RunFiles;

use crate::program::{SMALL, command, weir};

fn kills() -> u64 {
    let asked = std::env::var("WEIR_KILLS").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(4)
}

/// Moments that are spread over the time, the same each time.
fn moments(most_ms: u64) -> impl Iterator<Item = Duration> {
    (1..=kills()).map(move |i| Duration::from_millis((i * 7919) % most_ms + 1))
}

fn kill_after(dir: &Path, arguments: &[&str], moment: Duration) {
    let mut child = begin(&mut command(dir, arguments));
    std::thread::sleep(moment);
    end(&mut child);
}

fn begin(command: &mut Command) -> Child {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().unwrap()
}

fn end(child: &mut Child) {
    // It may be over already.
    child.kill().ok();
    child.wait().unwrap();
}

/// Waits until it is so. Only a program that hangs reaches the end of this patience.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("waited in vain: {what}");
}

/// Opens what is there and reads all of it: every table, every file.
fn is_whole(run: &Path) {
    if !run.is_dir() {
        return;
    }
    // Each file is whole or not there; with its figures, which come last, it is a run that can be reported.
    for name in ["run.json", "summary.json"] {
        if let Ok(text) = fs::read_to_string(run.join(name)) {
            serde_json::from_str::<Value>(&text).unwrap();
        }
    }
    let has_ended = run.join("summary.json").is_file();
    assert_eq!(RunFiles::open(run).is_ok(), has_ended);
    if !run.join("lake").is_dir() {
        return;
    }
    let database = open_run(run).unwrap();
    let lake = database.lake();
    for bucket in lake.buckets() {
        for file in lake.list(&bucket, "") {
            assert!(!file.key.contains(".staging"), "{}", file.key);
            let bytes = lake.read(&bucket, &file.key).unwrap();
            assert_eq!(bytes.len() as u64, file.size);
            let parquet = file.key.ends_with(".parquet");
            assert!(
                !parquet || (bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1")),
                "{}",
                file.key
            );
        }
    }
    for table in database
        .describe()
        .iter()
        .filter(|t| !t.database.is_empty())
    {
        let sql = format!("SELECT * FROM {}", table.full_name());
        database.query(&sql, 1).unwrap();
    }
}

#[test]
fn killed_runs_leave_a_whole_lake() {
    let dir = tempfile::tempdir().unwrap();
    for (i, moment) in moments(4_000).enumerate() {
        let out = format!("run-{i}");
        kill_after(
            dir.path(),
            &[
                "run",
                "weekend-transactions",
                "--for",
                "20m",
                "--out",
                &out,
                "--quiet",
            ],
            moment,
        );
        is_whole(&dir.path().join(&out));
    }
}

#[test]
fn killed_statements_leave_the_table_before_or_after_them() {
    let dir = tempfile::tempdir().unwrap();
    weir(
        dir.path(),
        &[
            "run",
            "first-stream",
            "--for",
            "2m",
            "--out",
            "run",
            "--quiet",
        ],
    )
    .ended(0);
    let sql = |text: &str| weir(dir.path(), &["sql", "run", text, "--json"]);
    sql("CREATE TABLE kept AS SELECT 1 AS a, 'x' AS b").ended(0);
    let run = dir.path().join("run");
    for moment in moments(700) {
        kill_after(
            dir.path(),
            &["sql", "run", "INSERT INTO kept SELECT a + 1, b FROM kept"],
            moment,
        );
        is_whole(&run);
        let rows: serde_json::Value =
            serde_json::from_str(&sql("SELECT count(*) AS n FROM kept").ended(0).out).unwrap();
        // Each insert doubles the rows or leaves them.
        let n = rows[0]["n"].as_u64().unwrap();
        assert!(n.is_power_of_two(), "{n} rows");
        assert!(
            !run.join("lake/.staging").exists(),
            "what was left is cleared when the lake opens"
        );
    }
}

/// What a sweep found, without what differs from machine to machine.
fn found(mut result: Value) -> Value {
    for row in result["rows"].as_array_mut().unwrap() {
        row.as_object_mut()
            .unwrap()
            .retain(|k, _| !k.starts_with("host_"));
    }
    json!([result["rows"], result["chosen"], result["pareto"]])
}

#[test]
fn killed_sweeps_go_on_to_the_same_result() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("small.json"), SMALL).unwrap();
    let sweep = |out: &'static str| {
        let vary = "stream.shard_count=1..3";
        let limit = "lost = 0";
        let all = [
            "sweep",
            "small.json",
            "--vary",
            vary,
            "--subject-to",
            limit,
            "--out",
            out,
        ];
        [all.as_slice(), &["--json", "--quiet"]].concat()
    };
    let json = |out| serde_json::from_str(&weir(dir.path(), &sweep(out)).ended(0).out).unwrap();
    let whole = found(json("whole"));
    // Again and again in the same folder, then in a new one when it was done.
    for moment in moments(3_000) {
        kill_after(dir.path(), &sweep("killed"), moment);
        for variant in fs::read_dir(dir.path().join("killed/variants"))
            .into_iter()
            .flatten()
        {
            let summary = variant.unwrap().path().join("summary.json");
            if let Ok(text) = fs::read_to_string(summary) {
                serde_json::from_str::<Value>(&text).unwrap();
            }
        }
        if dir.path().join("killed/result.json").is_file() {
            assert_eq!(found(json("killed")), whole);
            fs::remove_dir_all(dir.path().join("killed")).unwrap();
        }
    }
    assert_eq!(found(json("killed")), whole);
}

/// The program with `folder` as the system's temporary folder.
fn with_temporary(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(folder, arguments);
    for name in ["TMPDIR", "TMP", "TEMP"] {
        command.env(name, folder);
    }
    command
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    all.sort();
    all
}

#[test]
fn temporary_folders_of_killed_runs_go_with_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path();
    let long = [
        "run",
        "first-stream",
        "--for",
        "24h",
        "--speed",
        "1",
        "--quiet",
    ];
    for _ in 0..kills().min(20) {
        let mut killed = begin(&mut with_temporary(place, &long));
        // Not the moment but the state counts: it writes into its folder.
        until("a run folder", || {
            below(place)
                .iter()
                .any(|p| p.join("events.jsonl").is_file())
        });
        let of_the_living = Temporary::new_in(place, "run").unwrap();
        let in_use: Vec<PathBuf> = below(place).into_iter().filter(|p| p.is_dir()).collect();
        // While it lives nobody takes its folder.
        assert!(
            with_temporary(place, &["kinds"])
                .output()
                .unwrap()
                .status
                .success()
        );
        assert!(in_use.iter().all(|p| p.is_dir()));
        end(&mut killed);
        assert!(
            in_use.iter().all(|p| p.is_dir()),
            "a killed program removes nothing"
        );
        // Each start removes one at the least: there are those of the run and of the template.
        until("the end of what was left", || {
            let start = with_temporary(place, &["kinds"]).output().unwrap();
            assert!(start.status.success());
            let left: Vec<PathBuf> = below(place).into_iter().filter(|p| p.is_dir()).collect();
            assert!(left.contains(&of_the_living.path().to_owned()));
            left.len() == 1
        });
    }
    assert_eq!(below(place), Vec::<PathBuf>::new());
}

/// Processes of this machine: each with its parent and the words that it was started with.
#[cfg(target_os = "linux")]
fn children_of(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let ids = all.filter_map(|e| e.file_name().to_str()?.parse().ok());
    let parent_of = |id: &u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|l| l.strip_prefix("PPid:"))?;
        line.trim().parse::<u32>().ok()
    };
    ids.filter(|id| parent_of(id) == Some(parent)).collect()
}

/// Code that hangs does not go on when nobody is left who asked for it.
#[cfg(target_os = "linux")]
#[test]
fn handlers_end_with_the_killed_program() {
    let dir = tempfile::tempdir().unwrap();
    let hang = "def lambda_handler(event, context):\n    while True:\n        pass\n";
    let doc = json!({
        "weir": 1, "name": "hang", "run_for": "10m",
        "nodes": [
            { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 5 } },
            { "id": "stream", "kind": "kinesis-data-streams", "at": [1, 0], "params": {} },
            { "id": "enrich", "kind": "lambda", "at": [2, 0], "params": { "code": hang, "timeout_seconds": 900 } }
        ],
        "wires": [{ "from": "producer.out", "to": "stream.in" }, { "from": "stream.out", "to": "enrich.in" }],
    });
    fs::write(dir.path().join("hang.json"), doc.to_string()).unwrap();
    for _ in 0..kills().min(10) {
        let arguments = ["run", "hang.json", "--allow-code", "--quiet"];
        let mut killed = begin(&mut with_temporary(dir.path(), &arguments));
        let mut handlers = Vec::new();
        until("a handler", || {
            handlers = children_of(killed.id());
            !handlers.is_empty()
        });
        end(&mut killed);
        // What is over and not yet collected by the system counts as gone.
        let lives = |id: &u32| {
            fs::read_to_string(format!("/proc/{id}/status"))
                .is_ok_and(|s| !s.contains("State:\tZ") && s.contains("python"))
        };
        until("the end of the handlers", || !handlers.iter().any(lives));
    }
}
