//! Athena's statements as they run: projection, what is scanned and billed, effects that are applied or not, disks that refuse.

use super::super::sql::drive;
use super::super::{
    Codec, QueryOptions, ResultPlace, SqlEngine, StatementClass, classify_statement,
    encode_json_lines,
};
use super::athena::{ask, fails, lines, rows};
use super::{lake, partitioned, payments, put};
use crate::units::SimTime;

/// 365 days of 2,740 devices are more than a million partitions; a filter that leaves fewer is answered.
#[test]
fn scan_has_a_million_partitions_at_the_most() {
    let (_dir, lake) = lake();
    rows(
        &lake,
        "CREATE EXTERNAL TABLE events (a string) PARTITIONED BY (day string, device string) STORED AS JSON \
         LOCATION 's3://data/events/' TBLPROPERTIES ('projection.enabled'='true', 'projection.day.type'='date', \
         'projection.day.range'='2026/01/01,2026/12/31', 'projection.day.format'='yyyy/MM/dd', \
         'projection.device.type'='integer', 'projection.device.range'='1,2740', \
         'storage.location.template'='s3://data/events/${day}/${device}')",
    );
    fails(&lake, "SELECT count(*) FROM events", "1,000,000");
    let one_day = "SELECT count(*) FROM events WHERE day = '2026/03/01'";
    assert_eq!(rows(&lake, one_day), ["0"]);
}

#[test]
fn projected_partitions_replace_the_catalogs() {
    let (_dir, lake) = lake();
    for (day, device) in [
        ("2026/02/28", "a"),
        ("2026/03/01", "a"),
        ("2026/03/01", "b"),
        ("2027/01/01", "a"),
    ] {
        let rows = encode_json_lines(&[payments(10, 3)]).unwrap();
        put(&lake, &format!("events/{day}/{device}/x.json"), &rows);
    }
    let sql = |kind: &str| {
        format!(
            "CREATE EXTERNAL TABLE events (transaction_id string, amount double) PARTITIONED BY (day string, device string) \
         STORED AS JSON LOCATION 's3://data/events/' TBLPROPERTIES ('projection.enabled'='true', \
         'projection.day.type'='date', 'projection.day.range'='2026/01/01,2026/12/31', 'projection.day.format'='yyyy/MM/dd', \
         {kind}, 'storage.location.template'='s3://data/events/${{day}}/${{device}}')"
        )
    };
    rows(
        &lake,
        &sql("'projection.device.type'='enum', 'projection.device.values'='a,b'"),
    );
    // Nothing is listed, everything inside the range is read, what is outside is not there.
    assert!(rows(&lake, "SHOW PARTITIONS events").is_empty());
    let all = ask(&lake, "SELECT count(*) FROM events").unwrap();
    assert_eq!((all.partitions_total, all.files), (365 * 2, 3));
    assert_eq!(
        rows(
            &lake,
            "SELECT day, device, count(*) FROM events WHERE day >= '2026/03/01' GROUP BY 1, 2 ORDER BY 2"
        ),
        ["2026/03/01,a,10", "2026/03/01,b,10"]
    );
    let one = ask(
        &lake,
        "SELECT count(*) FROM events WHERE day = '2026/03/01' AND device IN ('b', 'z')",
    )
    .unwrap();
    assert_eq!((one.partitions_total, one.files), (1, 1));
    assert_eq!(
        rows(
            &lake,
            "SELECT count(*) FROM events WHERE day = '2027/01/01'"
        ),
        ["0"]
    );
    rows(&lake, "DROP TABLE events");
    rows(&lake, &sql("'projection.device.type'='injected'"));
    fails(&lake, "SELECT count(*) FROM events", "CONSTRAINT_VIOLATION");
    assert_eq!(
        rows(&lake, "SELECT count(*) FROM events WHERE device = 'a'"),
        ["20"]
    );
    assert_eq!(
        rows(
            &lake,
            "SELECT count(*) FROM events WHERE device IN ('a', 'b')"
        ),
        ["30"]
    );
    rows(
        &lake,
        "ALTER TABLE events SET TBLPROPERTIES ('projection.device.type'='integer', 'projection.device.range'='1,9')",
    );
    assert_eq!(rows(&lake, "SELECT count(*) FROM events"), ["0"]);
    rows(
        &lake,
        "ALTER TABLE events SET TBLPROPERTIES ('projection.day.range'='NOW-1YEARS,NOW')",
    );
    fails(&lake, "SELECT count(*) FROM events", "needs a clock");
}

#[test]
fn nothing_changes_before_the_effect_is_applied() {
    let (_dir, lake) = partitioned();
    let engine = SqlEngine::new(1, 256 << 20).unwrap();
    let options = || QueryOptions {
        results: Some(ResultPlace::parse("s3://data/results/").unwrap()),
        query_id: Some("q-1".to_owned()),
        ..QueryOptions::default()
    };
    let sql = "CREATE TABLE t AS SELECT amount FROM payments";
    let prepare = || engine.prepare_with(&lake, "shop", sql, options()).unwrap();
    let dropped = drive(prepare().run()).unwrap();
    assert!(
        lake.list("data", "results/").is_empty() && lake.catalog().table("shop", "t").is_none()
    );
    drop(dropped);
    let result = drive(prepare().run()).unwrap();
    let staging = lake.root().join(".staging");
    assert_eq!(std::fs::read_dir(&staging).unwrap().count(), 1);
    let written = result
        .effect
        .as_ref()
        .unwrap()
        .apply(&lake, SimTime(5))
        .unwrap();
    assert_eq!((written.files, written.rows), (1, 12_000));
    let file = lake.head("data", "results/tables/q-1/q-1_00000").unwrap();
    assert_eq!((file.committed_at, file.size), (SimTime(5), written.bytes));
    assert_eq!(std::fs::read_dir(&staging).unwrap().count(), 0);
    // A second time is nothing; a table made meanwhile is a clear error.
    assert_eq!(
        result
            .effect
            .as_ref()
            .unwrap()
            .apply(&lake, SimTime(6))
            .unwrap()
            .files,
        0
    );
    assert_eq!(Codec::default(), Codec::None);
}

#[test]
fn statements_are_free_or_not() {
    for (sql, class) in [
        ("SELECT 1", StatementClass::Dml),
        (
            "-- c\nWITH a AS (SELECT 1) SELECT * FROM a",
            StatementClass::Dml,
        ),
        ("CREATE TABLE t AS SELECT 1 AS a", StatementClass::Dml),
        ("INSERT INTO t VALUES (1)", StatementClass::Dml),
        (
            "UNLOAD (SELECT 1 AS a) TO 's3://bucket/x/' WITH (format='JSON')",
            StatementClass::Dml,
        ),
        ("/* x */ EXPLAIN SELECT 1", StatementClass::Explain),
        ("SHOW TABLES", StatementClass::Ddl),
        ("MSCK REPAIR TABLE t", StatementClass::Ddl),
        ("EXECUTE IMMEDIATE 'SHOW TABLES'", StatementClass::Ddl),
    ] {
        assert_eq!(classify_statement(sql).unwrap(), class, "{sql}");
    }
}

/// The layouts of one table: what the same query reads of each is what lies there, no more and no less.
#[test]
fn same_query_reads_what_each_layout_makes_it_read() {
    let (_dir, lake) = partitioned();
    let all = "SELECT transaction_id, user_id, amount, category, city, event_time, is_fraud, month FROM payments";
    for (name, with) in [
        ("json", "format = 'JSON', write_compression = 'NONE'"),
        ("packed", "format = 'JSON', write_compression = 'GZIP'"),
        (
            "columns",
            "format = 'PARQUET', write_compression = 'SNAPPY'",
        ),
        (
            "months",
            "format = 'PARQUET', write_compression = 'SNAPPY', partitioned_by = ARRAY['month']",
        ),
    ] {
        rows(
            &lake,
            &format!(
                "CREATE TABLE {name} WITH ({with}, external_location = 's3://data/{name}/') AS {all}"
            ),
        );
    }
    let size = |name: &str| -> u64 {
        lake.list("data", &format!("{name}/"))
            .iter()
            .map(|o| o.size)
            .sum()
    };
    let mut answers = Vec::new();
    let mut scanned = |name: &str| {
        let sql = format!(
            "SELECT city, sum(amount) FROM {name} WHERE month = 3 GROUP BY city ORDER BY city"
        );
        let result = ask(&lake, &sql).unwrap();
        answers.push(lines(&result));
        result.bytes_scanned
    };
    // Rows are read whole, as they lie there.
    assert_eq!(scanned("json"), size("json"));
    assert_eq!(scanned("packed"), size("packed"));
    assert!(size("packed") * 3 < size("json"));
    // Three of eight columns; then of one month of six.
    let (columns, months) = (scanned("columns"), scanned("months"));
    assert!(
        columns * 3 < size("columns"),
        "{columns} of {}",
        size("columns")
    );
    assert!(months * 5 < columns, "{months} of {columns}");
    assert!(answers.windows(2).all(|w| w[0] == w[1]));
    // LIMIT is no way to read less of a file of rows.
    let few = ask(&lake, "SELECT * FROM packed LIMIT 1").unwrap();
    assert_eq!(few.bytes_scanned, size("packed"));
}

#[test]
fn a_disk_that_refuses_is_told_and_changes_nothing() {
    let (_dir, lake) = partitioned();
    let staging = lake.root().join(".staging");
    if staging.is_dir() {
        std::fs::remove_dir(&staging).unwrap();
    }
    // A file where the folder should be: every write beside the lake fails.
    std::fs::write(&staging, b"").unwrap();
    fails(
        &lake,
        "CREATE TABLE t AS SELECT amount FROM payments",
        "disk has room",
    );
    fails(
        &lake,
        "INSERT INTO payments SELECT * FROM payments",
        "disk has room",
    );
    assert_eq!(rows(&lake, "SELECT count(*) FROM payments"), ["12000"]);
    assert_eq!(lake.list("data", "").len(), 6);
    assert!(lake.catalog().table("shop", "t").is_none());
    std::fs::remove_file(&staging).unwrap();
    rows(&lake, "CREATE TABLE t AS SELECT amount FROM payments");
}

#[test]
fn a_file_that_changes_under_a_query_is_told() {
    for (sql, words) in [
        ("SELECT sum(amount) FROM payments", ""),
        ("SELECT * FROM payments WHERE month = 3", ""),
    ] {
        let (_dir, lake) = partitioned();
        let engine = SqlEngine::new(1, 256 << 20).unwrap();
        let prepared = engine.prepare(&lake, "shop", sql).unwrap();
        let folder = lake
            .root()
            .join("data/payments/year=2026/month=03/part-0.parquet");
        let path = [folder.clone(), lake.root().join("data").join("payments")];
        let file = path.iter().find(|p| p.is_file()).cloned().unwrap_or(folder);
        let half = std::fs::read(&file).unwrap();
        std::fs::write(&file, &half[..half.len() / 2]).unwrap();
        let problem = drive(prepared.run()).unwrap_err().to_string();
        assert!(
            problem.contains("part-0.parquet") && problem.contains(words),
            "{problem}"
        );
    }
}
