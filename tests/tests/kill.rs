//! The program killed at any moment: what it leaves behind opens, the catalog is whole, no unfinished file is taken for data.
//!
//! A few times as it is; `WEIR_KILLS=500` for more.

use std::path::Path;
use std::time::Duration;

use weir_engine::lake::open_run;

use crate::program::{command, weir};

fn kills() -> u64 {
    let asked = std::env::var("WEIR_KILLS").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(4)
}

/// Moments that are spread over the time, the same each time.
fn moments(most_ms: u64) -> impl Iterator<Item = Duration> {
    (1..=kills()).map(move |i| Duration::from_millis((i * 7919) % most_ms + 1))
}

fn kill_after(dir: &Path, arguments: &[&str], moment: Duration) {
    let mut child = command(dir, arguments)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(moment);
    // It may be over already.
    child.kill().ok();
    child.wait().unwrap();
}

/// Opens what is there and reads all of it: every table, every file.
fn is_whole(run: &Path) {
    if !run.is_dir() {
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
