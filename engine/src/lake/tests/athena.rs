//! Athena's statements through the door: definitions, listings, writes, views, prepared statements.

use super::super::{Database, Lake, QueryResult, SqlProblem, batches_to_json};
use super::{lake, parquet, partitioned, payments, put};
use crate::units::SimTime;

/// Asks and applies at once, as a person's console does.
pub(super) fn ask(lake: &Lake, sql: &str) -> Result<QueryResult, SqlProblem> {
    Database::live(lake).unwrap().query(sql, 1000)
}
/// The rows as texts: fields joined with `,`.
pub(super) fn lines(result: &QueryResult) -> Vec<String> {
    let text = |v: &serde_json::Value| match v {
        serde_json::Value::String(s) => s.clone(),
        other => other.to_string(),
    };
    let all = batches_to_json(&result.batches).unwrap();
    let columns = result.schema.fields().len();
    // By place: two columns may have one name.
    let mut rows = Vec::new();
    for row in &all {
        let fields: Vec<String> = row.as_object().unwrap().values().map(&text).collect();
        assert_eq!(
            fields.len(),
            columns,
            "give the columns names of their own: {row}"
        );
        rows.push(fields.join(","));
    }
    rows
}
pub(super) fn rows(lake: &Lake, sql: &str) -> Vec<String> {
    lines(&ask(lake, sql).unwrap_or_else(|e| panic!("{sql}: {e}")))
}
pub(super) fn fails(lake: &Lake, sql: &str, words: &str) {
    let problem = ask(lake, sql).map(|_| ()).unwrap_err().to_string();
    assert!(problem.contains(words), "{sql}: {problem}");
}

const NOTES_TABLE: &str = include_str!("notes/create_table.sql");
const NOTES_QUERY: &str = include_str!("notes/by_category.sql");
const NOTES_FEATURES: &str = include_str!("notes/ml_features.sql");
const NOTES_FLOWS: &str = include_str!("notes/flow_logs.sql");

/// Payments of two months in the bucket and folders of the notes.
fn of_the_notes() -> (tempfile::TempDir, Lake) {
    let (dir, lake) = lake();
    lake.create_bucket("bucket").unwrap();
    for (month, seed) in [("01", 1), ("02", 2)] {
        let key = format!("processed/transactions/year=2024/month={month}/day=03/part-0.parquet");
        let bytes = parquet(&payments(1_000, seed), 500);
        lake.put("bucket", &key, &bytes, SimTime::ZERO, 0).unwrap();
    }
    (dir, lake)
}

#[test]
fn statements_of_the_notes_run_as_they_stand() {
    let (_dir, lake) = of_the_notes();
    assert_eq!(
        rows(&lake, NOTES_TABLE),
        ["table shop.transactions is made"]
    );
    assert_eq!(
        rows(&lake, NOTES_TABLE),
        ["table shop.transactions is there already"]
    );
    assert!(rows(&lake, NOTES_QUERY).is_empty());
    assert_eq!(
        rows(&lake, "MSCK REPAIR TABLE transactions;"),
        [
            "Partitions not in metastore: transactions:year=2024/month=01/day=03 transactions:year=2024/month=02/day=03",
            "Repair: Added partition to metastore transactions:year=2024/month=01/day=03",
            "Repair: Added partition to metastore transactions:year=2024/month=02/day=03",
        ]
    );
    assert!(rows(&lake, "MSCK REPAIR TABLE transactions").is_empty());
    let result = ask(&lake, NOTES_QUERY).unwrap();
    assert_eq!(
        (result.rows, result.partitions_read, result.partitions_total),
        (5, 1, 2)
    );
    let made = rows(&lake, NOTES_FEATURES);
    let users = rows(&lake, "SELECT count(DISTINCT user_id) FROM transactions");
    assert_eq!(made, users);
    let sum = rows(
        &lake,
        "SELECT sum(transaction_count), count(std_amount) > 0 FROM ml_features",
    );
    assert_eq!(sum, ["2000,true"]);
}

#[test]
fn repair_removes_no_partition() {
    let (_dir, lake) = partitioned();
    let key = "payments/year=2026/month=03/part-0.parquet";
    let bytes = lake.read("data", key).unwrap();
    lake.delete("data", key).unwrap();
    put(&lake, "payments/year=2026/month=07/part-0.parquet", &bytes);
    let said = rows(&lake, "MSCK REPAIR TABLE payments");
    assert!(
        said.iter().any(|s| s.contains("Added partition")),
        "{said:?}"
    );
    let left = rows(&lake, "SHOW PARTITIONS payments");
    assert_eq!(left.len(), 7, "{left:?}");
    assert!(left.iter().any(|p| p.ends_with("month=03")), "{left:?}");
}

#[test]
fn flow_log_query_of_the_notes_runs_over_text() {
    let (_dir, lake) = lake();
    let line = "2 123456789010 eni-1 10.0.1.5 10.0.2.6 443 50000 6 10 840 1694736000 1694736060 ACCEPT OK\n";
    let other = line.replace("10.0.1.5", "172.16.0.9");
    let head = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n";
    let text = format!("{head}{line}{line}{other}");
    put(
        &lake,
        "logs/year=2023/month=09/day=15/a.log",
        text.as_bytes(),
    );
    let made = "CREATE EXTERNAL TABLE vpc_flow_logs (version int, account_id string, interface_id string, srcaddr string, \
        dstaddr string, srcport int, dstport int, protocol bigint, packets bigint, bytes bigint, start bigint, `end` bigint, \
        action string, log_status string) PARTITIONED BY (year string, month string, day string) \
        ROW FORMAT DELIMITED FIELDS TERMINATED BY ' ' LOCATION 's3://data/logs/' \
        TBLPROPERTIES (\"skip.header.line.count\"=\"1\")";
    rows(&lake, made);
    rows(
        &lake,
        "ALTER TABLE vpc_flow_logs ADD PARTITION (year='2023', month='09', day='15')",
    );
    assert_eq!(rows(&lake, NOTES_FLOWS), ["10.0.1.5,10.0.2.6,1680"]);
}

#[test]
fn definitions_of_every_format_read_their_files() {
    let (_dir, lake) = lake();
    put(&lake, "csv/a", b"id,name\n1,Ann\n2,\\N\n");
    put(&lake, "tab/a", b"1\tAnn\n2\tBob\n");
    put(
        &lake,
        "json/a",
        b"{\"id\":1,\"name\":\"Ann\",\"tags\":[\"x\"],\"at\":{\"city\":\"Seoul\"}}\n",
    );
    put(&lake, "hive/a", b"1\x01Ann\n");
    let cases = [
        (
            "csv",
            "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' WITH SERDEPROPERTIES ('separatorChar'=',') \
          STORED AS TEXTFILE LOCATION 's3://data/csv' TBLPROPERTIES ('skip.header.line.count'='1')",
            "1,Ann|2,null",
        ),
        (
            "tab",
            "ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' LINES TERMINATED BY '\\n' LOCATION 's3://data/tab/'",
            "1,Ann|2,Bob",
        ),
        (
            "json",
            "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' WITH SERDEPROPERTIES ('ignore.malformed.json'='true') \
          LOCATION 's3://data/json/'",
            "1,Ann",
        ),
        (
            "hive",
            "STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat' OUTPUTFORMAT 'x.Y' LOCATION 's3://data/hive/'",
            "1,Ann",
        ),
    ];
    for (name, rest, expected) in cases {
        rows(
            &lake,
            &format!(
                "CREATE EXTERNAL TABLE {name} (`id` INT COMMENT 'the number', name STRING) COMMENT 'c' {rest}"
            ),
        );
        assert_eq!(
            rows(&lake, &format!("SELECT id, name FROM {name} ORDER BY id")).join("|"),
            expected,
            "{name}"
        );
    }
    rows(
        &lake,
        "CREATE EXTERNAL TABLE deep (id bigint, tags array<string>, at struct<city:string>, m map<string,array<int>>) \
        STORED AS JSON LOCATION 's3://data/json/'",
    );
    assert_eq!(
        rows(&lake, "SELECT tags[1], at.city FROM deep"),
        ["x,Seoul"]
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let (_dir, lake) = partitioned();
    for (sql, words) in [
        (
            "CREATE EXTERNAL TABLE t (a strin) LOCATION 's3://data/x/'",
            "is not a type",
        ),
        ("CREATE EXTERNAL TABLE t (a int)", "needs LOCATION"),
        (
            "CREATE EXTERNAL TABLE t (a int) LOCATION 'http://x'",
            "not in S3",
        ),
        (
            "CREATE EXTERNAL TABLE t (a int) LOCATION 's3://data/../x'",
            "not allowed",
        ),
        (
            "CREATE EXTERNAL TABLE t (a int, A int) LOCATION 's3://data/x/'",
            "two columns",
        ),
        (
            "CREATE EXTERNAL TABLE t (a int) STORED AS RCFILE LOCATION 's3://data/x/'",
            "not modelled",
        ),
        ("CREATE EXTERNAL TABLE t (a int", "expected `)`"),
        (
            "CREATE EXTERNAL TABLE payments (a int) LOCATION 's3://data/x/'",
            "AlreadyExistsException",
        ),
        (
            "CREATE TABLE t (a int) LOCATION 's3://data/x/'",
            "CREATE EXTERNAL TABLE",
        ),
        (
            "CREATE TABLE t (a int) LOCATION 's3://data/x/' TBLPROPERTIES ('table_type'='ICEBERG')",
            "Iceberg",
        ),
        ("DROP TABLE nothing", "there is no table"),
        ("DROP VIEW payments", "is a table"),
        ("MSCK REPAIR payments", "line 1, column 1"),
        (
            "ALTER TABLE payments ADD PARTITION (year='2026')",
            "each of its keys",
        ),
        (
            "ALTER TABLE payments DROP PARTITION (day='1')",
            "no such partition key",
        ),
        ("SHOW PARTITIONS nothing", "there is no table"),
        ("SHOW NOTHING", "SHOW lists"),
        ("EXECUTE nothing", "ResourceNotFoundException"),
        ("DEALLOCATE PREPARE nothing", "ResourceNotFoundException"),
        ("DROP DATABASE shop", "CASCADE"),
        ("INSERT INTO payments SELECT 1", "TYPE_MISMATCH"),
        (
            "CREATE TABLE t AS SELECT count(*) FROM payments",
            "MISSING_COLUMN_NAME",
        ),
        (
            "CREATE TABLE t WITH (formt='X') AS SELECT 1 AS a",
            "did you mean `format`",
        ),
        (
            "CREATE TABLE t WITH (external_location='s3://data/payments/') AS SELECT 1 AS a",
            "HIVE_PATH_ALREADY_EXISTS",
        ),
        (
            "CREATE TABLE t WITH (partitioned_by=ARRAY['a']) AS SELECT 1 AS a, 2 AS b",
            "HIVE_COLUMN_ORDER_MISMATCH",
        ),
        (
            "UNLOAD (SELECT 1 AS a) TO 's3://data/u/' WITH (compression='GZIP')",
            "format",
        ),
    ] {
        fails(&lake, sql, words);
    }
}

#[test]
fn listings_follow_the_definitions() {
    let (_dir, lake) = partitioned();
    rows(&lake, "CREATE DATABASE IF NOT EXISTS sales COMMENT 'x'");
    rows(
        &lake,
        "CREATE VIEW daily AS SELECT month, count(*) AS n FROM payments GROUP BY month",
    );
    for (sql, expected) in [
        ("SHOW DATABASES", "sales|shop"),
        ("SHOW SCHEMAS LIKE 'sh*'", "shop"),
        ("SHOW TABLES", "daily|payments"),
        ("SHOW TABLES IN shop", "daily|payments"),
        ("SHOW TABLES IN shop 'p*'", "payments"),
        ("SHOW TABLES IN shop '*y|*s'", "daily|payments"),
        ("SHOW VIEWS IN shop", "daily"),
        ("SHOW COLUMNS IN shop.daily", "month|n"),
        ("SHOW COLUMNS FROM daily IN shop", "month|n"),
        ("DESCRIBE shop.daily", "month,int,|n,bigint,"),
        ("SHOW TBLPROPERTIES shop.payments('none')", ""),
    ] {
        assert_eq!(rows(&lake, sql).join("|"), expected, "{sql}");
    }
    assert_eq!(
        rows(&lake, "SHOW PARTITIONS shop.payments")[0],
        "year=2026/month=01"
    );
    let text = rows(&lake, "SHOW CREATE TABLE shop.payments").join("\n");
    for part in [
        "CREATE EXTERNAL TABLE `shop.payments`(",
        "PARTITIONED BY (",
        "STORED AS PARQUET",
        "'s3://data/payments/'",
    ] {
        assert!(text.contains(part), "{text}");
    }
    // What is shown makes the same table again.
    rows(&lake, "DROP TABLE shop.payments");
    rows(&lake, &text.replace("`shop.payments`", "shop.payments"));
    rows(&lake, "MSCK REPAIR TABLE shop.payments");
    assert_eq!(rows(&lake, "SELECT sum(n) FROM shop.daily"), ["12000"]);
    rows(&lake, "DROP VIEW shop.daily");
    rows(&lake, "DROP TABLE IF EXISTS shop.daily");
    rows(&lake, "DROP SCHEMA shop CASCADE");
    assert_eq!(rows(&lake, "SHOW DATABASES"), ["sales"]);
    assert_eq!(lake.list("data", "").len(), 6);
}

#[test]
fn partitions_are_added_renamed_and_dropped() {
    let (_dir, lake) = partitioned();
    let n = |lake: &Lake| rows(lake, "SELECT count(*) FROM payments")[0].clone();
    rows(
        &lake,
        "ALTER TABLE payments DROP PARTITION (year='2026', month='01'), PARTITION (month='02')",
    );
    assert_eq!(n(&lake), "8000");
    fails(
        &lake,
        "ALTER TABLE payments DROP PARTITION (month='02')",
        "IF EXISTS",
    );
    rows(
        &lake,
        "ALTER TABLE payments DROP IF EXISTS PARTITION (month='02')",
    );
    rows(
        &lake,
        "ALTER TABLE payments ADD IF NOT EXISTS PARTITION (year='2026', month=1) LOCATION 's3://data/payments/year=2026/month=01/' \
        PARTITION (year='2026', month='03')",
    );
    assert_eq!(n(&lake), "10000");
    rows(
        &lake,
        "ALTER TABLE payments PARTITION (year='2026', month='1') RENAME TO PARTITION (year='2025', month='12')",
    );
    assert_eq!(
        rows(
            &lake,
            "SELECT count(*) FROM payments WHERE year = '2025' AND month = 12"
        ),
        ["2000"]
    );
    rows(&lake, "ALTER TABLE payments ADD COLUMNS (note string)");
    assert_eq!(
        rows(&lake, "SELECT count(note), count(*) FROM payments"),
        ["0,10000"]
    );
    rows(
        &lake,
        "ALTER TABLE payments SET TBLPROPERTIES ('owner'='ann')",
    );
    assert_eq!(
        rows(&lake, "SHOW TBLPROPERTIES payments('owner')"),
        ["owner\tann"]
    );
    rows(
        &lake,
        "ALTER TABLE payments REPLACE COLUMNS (amount double)",
    );
    assert_eq!(
        rows(&lake, "SHOW COLUMNS IN payments"),
        ["amount", "year", "month"]
    );
    rows(
        &lake,
        "ALTER TABLE payments SET LOCATION 's3://data/elsewhere/'",
    );
    // Partitions have places of their own.
    assert_eq!(n(&lake), "10000");
}

#[test]
fn tables_are_made_from_queries() {
    let (_dir, lake) = partitioned();
    for (format, compression) in [
        ("PARQUET", "SNAPPY"),
        ("PARQUET", "ZSTD"),
        ("JSON", "GZIP"),
        ("AVRO", "NONE"),
        ("TEXTFILE", "NONE"),
        ("TEXTFILE", "GZIP"),
    ] {
        let sql = format!(
            "CREATE TABLE t WITH (format = '{format}', write_compression = '{compression}', \
             external_location = 's3://data/made/', partitioned_by = ARRAY['city', 'month']) AS \
             SELECT transaction_id, amount, event_time, is_fraud, city, month FROM payments WHERE month < 3 ORDER BY amount"
        );
        assert_eq!(rows(&lake, &sql), ["4000"], "{format}");
        assert_eq!(rows(&lake, "SHOW PARTITIONS t").len(), 12);
        let sums = "SELECT city, month, count(*), round(sum(amount), 2), min(event_time), sum(CASE WHEN is_fraud THEN 1 ELSE 0 END)";
        let of = |t: &str| {
            rows(
                &lake,
                &format!("{sums} FROM {t} WHERE month < 3 GROUP BY 1, 2 ORDER BY 1, 2"),
            )
        };
        assert_eq!(of("t"), of("payments"), "{format} {compression}");
        // A new file, never an old one changed; partition columns last.
        rows(
            &lake,
            "INSERT INTO t SELECT transaction_id, amount, event_time, is_fraud, city, 7 FROM payments WHERE month = 3 AND city = 'Seoul'",
        );
        assert_eq!(lake.list("data", "made/").len(), 13);
        assert_eq!(
            rows(&lake, "SELECT count(*) FROM t WHERE month = 7"),
            rows(
                &lake,
                "SELECT count(*) FROM payments WHERE month = 3 AND city = 'Seoul'"
            )
        );
        rows(
            &lake,
            "INSERT INTO t (transaction_id, month) VALUES ('x', 1), ('y', 1)",
        );
        assert_eq!(
            rows(
                &lake,
                "SELECT count(*), count(amount) FROM t WHERE city IS NULL"
            ),
            ["2,0"]
        );
        rows(&lake, "DROP TABLE t");
        for file in lake.list("data", "made/") {
            lake.delete("data", &file.key).unwrap();
        }
    }
    rows(
        &lake,
        "CREATE TABLE bare AS SELECT 1 AS a, 'x' AS b WITH NO DATA",
    );
    assert_eq!(rows(&lake, "SELECT count(*) FROM bare"), ["0"]);
    assert_eq!(
        rows(&lake, "CREATE TABLE IF NOT EXISTS bare AS SELECT 2 AS a"),
        ["table bare is there already"]
    );
    assert_eq!(lake.list("data", "athena-results/").len(), 0);
}

#[test]
fn more_than_a_hundred_partitions_are_refused_and_leave_nothing() {
    let (_dir, lake) = partitioned();
    let all = "CREATE TABLE wide WITH (partitioned_by = ARRAY['p']) AS SELECT amount, CAST(floor(amount) AS bigint) % 101 AS p FROM payments";
    fails(&lake, all, "HIVE_TOO_MANY_OPEN_PARTITIONS");
    assert_eq!(lake.list("data", "").len(), 6);
    assert_eq!(rows(&lake, &all.replace("101", "100")), ["12000"]);
    assert_eq!(rows(&lake, "SHOW PARTITIONS wide").len(), 100);
}

#[test]
fn unload_writes_files_and_no_table() {
    let (_dir, lake) = partitioned();
    let sql = "UNLOAD (SELECT transaction_id, amount, (month) AS m FROM payments WHERE month IN (1, 2)) \
        TO 's3://data/out/' WITH (format = 'JSON', compression = 'gzip', partitioned_by = ARRAY['m'])";
    assert_eq!(rows(&lake, sql), ["4000"]);
    let keys: Vec<String> = lake
        .list("data", "out/")
        .into_iter()
        .map(|o| o.key)
        .collect();
    assert!(
        keys.len() == 2 && keys[0].starts_with("out/m=1/") && keys[0].ends_with(".gz"),
        "{keys:?}"
    );
    fails(&lake, sql, "HIVE_PATH_ALREADY_EXISTS");
    assert_eq!(rows(&lake, "SHOW TABLES IN shop"), ["payments"]);
}

#[test]
fn views_stand_on_tables_and_views() {
    let (_dir, lake) = partitioned();
    rows(
        &lake,
        "CREATE VIEW big AS SELECT * FROM payments WHERE amount > 5000",
    );
    rows(
        &lake,
        "CREATE VIEW big_days AS SELECT month, count(*) AS n FROM big GROUP BY month",
    );
    let direct = rows(&lake, "SELECT count(*) FROM payments WHERE amount > 5000");
    assert_eq!(rows(&lake, "SELECT sum(n) FROM big_days"), direct);
    let read = ask(&lake, "SELECT count(*) FROM big WHERE month = 3").unwrap();
    assert_eq!((read.partitions_read, read.partitions_total), (1, 6));
    fails(&lake, "CREATE VIEW big AS SELECT 1 AS a", "OR REPLACE");
    rows(
        &lake,
        "CREATE OR REPLACE VIEW big AS SELECT * FROM payments WHERE amount > 9000",
    );
    assert_ne!(rows(&lake, "SELECT sum(n) FROM big_days"), direct);
    // A view that stands on itself ends with a sentence.
    rows(
        &lake,
        "CREATE OR REPLACE VIEW big AS SELECT month AS m, n AS amount FROM big_days",
    );
    fails(&lake, "SELECT * FROM big_days", "does not work any more");
}

#[test]
fn prepared_statements_take_values() {
    let (_dir, lake) = partitioned();
    rows(
        &lake,
        "PREPARE one FROM SELECT count(*) FROM payments WHERE month = ? AND city = ?",
    );
    let direct = rows(
        &lake,
        "SELECT count(*) FROM payments WHERE month = 3 AND city = 'Seoul'",
    );
    assert_eq!(rows(&lake, "EXECUTE one USING 3, 'Seoul'"), direct);
    assert_eq!(
        rows(
            &lake,
            "EXECUTE IMMEDIATE 'SELECT count(*) FROM payments WHERE city = ? AND month = 3' USING 'Seoul'"
        ),
        direct
    );
    fails(&lake, "EXECUTE one USING 3", "2 parameters and 1 values");
    fails(&lake, "EXECUTE one USING 3,", "one value");
    fails(
        &lake,
        "PREPARE two FROM EXECUTE one USING 3, 'Seoul'",
        "cannot be",
    );
    rows(
        &lake,
        "PREPARE made FROM CREATE TABLE seoul AS SELECT amount FROM payments WHERE city = ?",
    );
    rows(&lake, "EXECUTE made USING 'Seoul'");
    assert_eq!(
        rows(&lake, "SELECT count(*) FROM seoul"),
        rows(&lake, "SELECT count(*) FROM payments WHERE city = 'Seoul'")
    );
    rows(&lake, "DEALLOCATE PREPARE one");
    fails(
        &lake,
        "EXECUTE one USING 3, 'Seoul'",
        "ResourceNotFoundException",
    );
    // Kept over a restart, like the tables.
    let again = Lake::open(lake.root()).unwrap();
    fails(
        &again,
        "EXECUTE made USING 'Busan'",
        "AlreadyExistsException",
    );
}
