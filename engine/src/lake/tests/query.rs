//! SQL over the lake: answers, pruning, snapshots, refusals.

use std::fs;

use arrow::array::AsArray as _;

use super::super::query::{QueryOptions, Stored};
use super::super::sql::drive;
use super::super::{
    Codec, Column, Format, Lake, QueryResult, ReadClass, SqlEngine, SqlProblem, Table,
    batches_to_json, columns_of, compress, encode_csv, encode_json_lines, format_table, open_run,
};
use super::{column_i64, lake, parquet, partitioned, payments, put};
use crate::units::SimTime;

fn engine() -> SqlEngine {
    SqlEngine::new(2, 256 << 20).unwrap()
}

fn ask(lake: &Lake, sql: &str) -> Result<QueryResult, SqlProblem> {
    drive(engine().prepare(lake, "shop", sql)?.run())
}

#[test]
fn partitions_and_row_groups_are_pruned_and_bytes_shrink() {
    let (_dir, lake) = partitioned();
    let whole = ask(&lake, "SELECT * FROM payments").unwrap();
    assert_eq!((whole.rows, whole.files), (12_000, 6));
    assert!(whole.truncated && whole.batches.iter().map(|b| b.num_rows()).sum::<usize>() == 10_000);
    assert_eq!((whole.partitions_total, whole.partitions_read), (6, 6));
    let total: u64 = lake.list("data", "").iter().map(|m| m.size).sum();
    assert!(whole.bytes_scanned > total * 8 / 10 && whole.bytes_scanned < total);
    let stored = |bytes, left, partitions| Stored {
        bytes,
        left,
        partitions,
    };
    assert_eq!(whole.stored, stored(total, total, 6));
    let cases = [
        ("SELECT * FROM payments WHERE month = 3", 1, 2_000, 5),
        (
            "SELECT * FROM payments WHERE year = '2026' AND month IN (1, 2)",
            2,
            4_000,
            2,
        ),
        ("SELECT * FROM payments WHERE year = '2027'", 0, 0, 100),
        ("SELECT amount FROM payments", 6, 12_000, 4),
        (
            "SELECT * FROM payments WHERE month = 3 AND event_time < TIMESTAMP '2026-01-01 00:00:01'",
            1,
            334,
            16,
        ),
    ];
    for (sql, partitions, rows, less) in cases {
        let result = ask(&lake, sql).unwrap();
        assert_eq!(
            (result.partitions_read, result.rows),
            (partitions, rows),
            "{sql}"
        );
        // The files of the partitions that are left, counted by hand: months have files of one size.
        let left = total * partitions / 6;
        assert_eq!((result.stored.bytes, result.stored.partitions), (total, 6));
        assert!(result.stored.left.abs_diff(left) <= total / 50, "{sql}");
        assert!(result.bytes_scanned <= result.stored.left, "{sql}");
        assert!(
            result.bytes_scanned * less <= whole.bytes_scanned,
            "{sql}: {} of {}",
            result.bytes_scanned,
            whole.bytes_scanned
        );
    }
    let count = ask(&lake, "SELECT count(*) FROM payments").unwrap();
    assert_eq!(column_i64(&count.batches, 0), [12_000]);
    assert_eq!(count.bytes_scanned, 0);
    // A table that is named twice is read twice.
    let twice = ask(&lake, "SELECT a.amount FROM payments a JOIN payments b ON a.event_time = b.event_time WHERE a.month = 3 LIMIT 1").unwrap();
    assert_eq!(twice.stored.bytes, 2 * total);
    assert!(twice.stored.left > total && twice.stored.left < total * 3 / 2);
}

#[test]
fn a_prepared_query_sees_its_instant_only() {
    let (_dir, lake) = partitioned();
    let engine = engine();
    let sql =
        "SELECT count(*), count(amount), sum(CASE WHEN is_fraud THEN 1 ELSE 0 END) FROM payments";
    let early = engine.prepare(&lake, "shop", sql).unwrap();
    let again = engine.prepare(&lake, "shop", sql).unwrap();
    let key = "payments/year=2026/month=01/part-0.parquet";
    put(&lake, key, &parquet(&payments(10, 77), 10));
    put(
        &lake,
        "payments/year=2026/month=02/more.parquet",
        &parquet(&payments(5, 8), 5),
    );
    lake.delete("data", "payments/year=2026/month=03/part-0.parquet")
        .unwrap();
    let late = engine.prepare(&lake, "shop", sql).unwrap();
    let count = |p: super::super::PreparedQuery| column_i64(&drive(p.run()).unwrap().batches, 0);
    assert_eq!(count(early), [12_000]);
    lake.change_catalog(|c| c.delete_table("shop", "payments"))
        .unwrap();
    assert_eq!(count(again), [12_000]);
    assert_eq!(count(late), [12_000 - 1_990 + 5 - 2_000]);
}

#[test]
fn row_files_are_read_with_the_tables_schema() {
    let rows = payments(300, 4);
    let json = encode_json_lines(std::slice::from_ref(&rows)).unwrap();
    let csv = encode_csv(std::slice::from_ref(&rows), b'|', true).unwrap();
    let formats = [
        (Format::Json, json),
        (
            Format::Csv {
                delimiter: '|',
                header: true,
            },
            csv,
        ),
    ];
    for (format, bytes) in formats {
        for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Zstd] {
            let (_dir, lake) = lake();
            let packed = compress(bytes.clone(), codec).unwrap();
            let size = packed.len() as u64;
            put(&lake, "t/one", &packed);
            put(&lake, "tx/other", b"not of this table");
            let columns = columns_of(&rows.schema());
            let table = Table::new("shop", "t", columns, "data", "t", format.clone());
            lake.change_catalog(|c| c.put_table(table, SimTime::ZERO))
                .unwrap();
            let result = ask(&lake, "SELECT * FROM t").unwrap();
            assert_eq!(
                (result.rows, result.bytes_scanned, result.files),
                (300, size, 1)
            );
            let back = batches_to_json(&result.batches).unwrap();
            let amounts = back.iter().map(|r| r["amount"].as_f64().unwrap());
            let expected = rows
                .column(2)
                .as_primitive::<arrow::datatypes::Float64Type>();
            assert!(
                amounts.eq(expected.values().iter().copied()),
                "{format:?} {codec:?}"
            );
            assert_eq!(back[7]["event_time"], "2026-01-01T00:00:00.021");
            assert_eq!(back[7]["transaction_id"].as_str().unwrap().len(), 19);
        }
    }
}

#[test]
fn missing_and_clashing_values_are_null() {
    let (_dir, lake) = lake();
    put(&lake, "j/a", b"{\"a\":1,\"b\":\"x\",\"extra\":[1]}\n{\"b\":5}\n\n{\"a\":\"no\",\"b\":null,\"c\":{\"d\":1}}\n");
    put(&lake, "j/b", b"[{\"a\":7,\"c\":{\"d\":2}},\n {\"a\":8}]");
    put(&lake, "c/a", b"1,x,2026-01-01\nno,\"y,\n2\",\n3\n");
    let table = |name: &str, columns: &[(&str, &str)], format: Format| {
        let columns = columns.iter().map(|(n, t)| Column::new(*n, *t)).collect();
        Table::new("shop", name, columns, "data", &format!("{name}/"), format)
    };
    lake.change_catalog(|c| {
        let columns = [("a", "bigint"), ("b", "string"), ("c", "struct<d:int>")];
        c.put_table(table("j", &columns, Format::Json), SimTime::ZERO)?;
        let columns = [("a", "int"), ("b", "string"), ("d", "date")];
        let csv = Format::Csv {
            delimiter: ',',
            header: false,
        };
        c.put_table(table("c", &columns, csv), SimTime::ZERO)
    })
    .unwrap();
    let json = |sql: &str| {
        let rows = batches_to_json(&ask(&lake, sql).unwrap().batches).unwrap();
        serde_json::to_string(&rows).unwrap()
    };
    assert_eq!(
        json("SELECT a, b, c['d'] AS d FROM j"),
        r#"[{"a":1,"b":"x","d":null},{"a":null,"b":"5","d":null},{"a":null,"b":null,"d":1},{"a":7,"b":null,"d":2},{"a":8,"b":null,"d":null}]"#
    );
    assert_eq!(
        json("SELECT * FROM c"),
        r#"[{"a":1,"b":"x","d":"2026-01-01"},{"a":null,"b":"y,\n2","d":null},{"a":3,"b":null,"d":null}]"#
    );
}

#[test]
fn a_malformed_line_fails_the_query_unless_the_table_says_otherwise() {
    let (_dir, lake) = lake();
    put(&lake, "j/a", b"{\"a\":1}\n{\"a\":\n{\"a\":3}\n");
    let mut table = Table::new(
        "shop",
        "j",
        vec![Column::new("a", "bigint")],
        "data",
        "j/",
        Format::Json,
    );
    lake.change_catalog(|c| c.put_table(table.clone(), SimTime::ZERO))
        .unwrap();
    let refused = ask(&lake, "SELECT sum(a) FROM j").unwrap_err();
    assert!(
        refused.message.contains("HIVE_CURSOR_ERROR: line 2"),
        "{refused}"
    );
    table
        .parameters
        .insert("ignore.malformed.json".to_owned(), "TRUE".to_owned());
    lake.change_catalog(|c| c.put_table(table, SimTime::ZERO))
        .unwrap();
    let result = ask(&lake, "SELECT sum(a), count(*) FROM j").unwrap();
    assert_eq!(column_i64(&result.batches, 0), [4]);
    assert_eq!(column_i64(&result.batches, 1), [3]);
}

#[test]
fn names_are_athenas() {
    let (_dir, lake) = lake();
    put(&lake, "u/a.json", b"{\"userId\":1,\"n\":2}\n");
    let columns = vec![Column::new("userId", "bigint"), Column::new("n", "bigint")];
    let table = Table::new("shop", "users", columns, "data", "u/", Format::Json);
    lake.change_catalog(|c| c.put_table(table, SimTime::ZERO))
        .unwrap();
    for sql in [
        "SELECT userid FROM users",
        "SELECT USERID FROM USERS",
        "SELECT \"userId\" FROM \"shop\".\"users\"",
        "SELECT u.userId FROM awsdatacatalog.shop.users u ORDER BY u.USERID",
        "WITH t AS (SELECT userId AS userId FROM users) SELECT t.userid FROM t",
        "SELECT max(userId) FROM users GROUP BY n HAVING max(USERID) > 0",
    ] {
        let result = ask(&lake, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(column_i64(&result.batches, 0), [1], "{sql}");
    }
}

#[test]
fn statements_that_are_not_queries_are_refused() {
    let (dir, lake) = partitioned();
    let out = dir.path().join("out.csv").display().to_string();
    let cases = [
        "DELETE FROM payments".to_owned(),
        "CREATE TABLE x AS SELECT 1".to_owned(),
        "CREATE VIEW v AS SELECT 1".to_owned(),
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'".to_owned(),
        format!("COPY payments TO '{out}'"),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        "EXPLAIN ANALYZE SELECT 1".to_owned(),
        "EXPLAIN COPY payments TO 'x.csv'".to_owned(),
        "PREPARE p AS SELECT 1".to_owned(),
        "SELECT * FROM '/etc/passwd'".to_owned(),
        "SELECT * FROM \"file:///etc/passwd\"".to_owned(),
        "SELECT * FROM read_csv('/etc/passwd')".to_owned(),
        "SELECT * FROM generate_series(1, 1000000000000)".to_owned(),
        "SELECT * FROM information_schema.tables".to_owned(),
        "SELECT random()".to_owned(),
        "SELECT uuid()".to_owned(),
        "SELECT now()".to_owned(),
        "SELECT current_date".to_owned(),
        "SELECT repeat('x', 1000000000)".to_owned(),
        "SELECT repeat(repeat('x', 9999), 9999)".to_owned(),
        "SELECT range(0, 100000000000)".to_owned(),
        "SELECT array_agg(DISTINCT city) FROM payments".to_owned(),
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
            .to_owned(),
        "SELECT 1; SELECT 2".to_owned(),
        String::new(),
        "SELECT * INTO x FROM payments".to_owned(),
        " ".repeat(300_000),
    ];
    for sql in cases {
        let refused = ask(&lake, &sql).expect_err(&sql);
        assert!(
            !refused.message.is_empty() && !refused.message.contains('\n'),
            "{sql}: {refused}"
        );
    }
    assert!(!dir.path().join("out.csv").exists());
}

#[test]
fn problems_say_where_and_what_would_be_right() {
    let (_dir, lake) = partitioned();
    type Place = Option<(u32, u32)>;
    let cases: [(&str, &str, Place); 13] = [
        (
            "SELECT *\nFROM paymets",
            "did you mean `payments`?",
            Some((2, 6)),
        ),
        (
            "SELECT amuont FROM payments",
            "there is no column `amuont`; did you mean `amount`?",
            Some((1, 8)),
        ),
        (
            "SELECT zzz FROM payments",
            "there is amount, category,",
            Some((1, 8)),
        ),
        (
            "SELECT 1 FROM shopp.payments",
            "there is no database `shopp`; did you mean `shop`?",
            Some((1, 21)),
        ),
        (
            "SELECT 1 FROM other.shop.payments",
            "there is no catalog `other`",
            None,
        ),
        ("SELECT 1 FROM WHERE", "", Some((1, 15))),
        (
            "SELECT FROM payments",
            "nothing is selected; write * or columns",
            Some((1, 1)),
        ),
        (
            "SELECT 1 UNION SELECT count(*) FROM (SELECT FROM payments)",
            "nothing is selected",
            Some((1, 38)),
        ),
        (
            "SELECT x.amount FROM payments p",
            "there is no table `x` in FROM; did you mean `p`?",
            None,
        ),
        ("SELECT 'abc FROM payments", "no closing quote", None),
        ("SELECT \"abc FROM payments", "no closing quote", None),
        (
            "SELECT rank() FROM payments",
            "`rank` needs a window; write OVER",
            None,
        ),
        ("SELECT nope(amount) FROM payments", "nope", None),
    ];
    for (sql, part, place) in cases {
        let refused = ask(&lake, sql).expect_err(sql);
        assert!(refused.message.contains(part), "{sql}: {refused}");
        if let Some((line, column)) = place {
            assert_eq!(
                (refused.line, refused.column),
                (Some(line), Some(column)),
                "{sql}: {refused}"
            );
        }
    }
}

#[test]
fn a_clock_is_only_read_when_it_is_given() {
    let (_dir, lake) = lake();
    let options = QueryOptions {
        now_unix_nanos: Some(1_767_225_600_000_000_000),
        ..QueryOptions::default()
    };
    let sql = "SELECT CAST(now() AS VARCHAR) AS n, CAST(current_date AS VARCHAR) AS d";
    let prepared = engine().prepare_with(&lake, "shop", sql, options).unwrap();
    let text = format_table(&drive(prepared.run()).unwrap().batches).unwrap();
    assert!(
        text.contains("2026-01-01T00:00:00") && text.contains("| 2026-01-01 |"),
        "{text}"
    );
}

#[test]
fn memory_is_limited() {
    let (_dir, lake) = partitioned();
    let small = SqlEngine::new(1, 200_000).unwrap();
    let sql = "SELECT transaction_id, count(*) FROM payments GROUP BY transaction_id";
    let refused = drive(small.prepare(&lake, "shop", sql).unwrap().run()).unwrap_err();
    assert!(refused.message.contains("more memory"), "{refused}");
    assert_eq!(ask(&lake, sql).unwrap().rows, 12_000);
}

#[test]
fn order_of_rows_does_not_depend_on_threads() {
    let (_dir, lake) = partitioned();
    let sql = "SELECT transaction_id FROM payments WHERE amount > 9000 UNION ALL SELECT user_id FROM payments WHERE is_fraud";
    let grouped = "SELECT city, category, count(*) AS n FROM payments GROUP BY city, category";
    for sql in [sql, grouped] {
        let mut seen = Vec::new();
        for threads in [1, 4] {
            let engine = SqlEngine::new(threads, 64 << 20).unwrap();
            let started: Vec<_> = (0..3)
                .map(|_| engine.prepare(&lake, "shop", sql).unwrap().run())
                .collect();
            for job in started {
                seen.push(format_table(&drive(job).unwrap().batches).unwrap());
            }
        }
        assert!(seen.windows(2).all(|w| w[0] == w[1]), "{sql}");
    }
}

#[test]
fn a_dropped_query_stops() {
    let (_dir, lake) = partitioned();
    let engine = SqlEngine::new(1, 1 << 30).unwrap();
    let endless = "SELECT count(*) FROM payments a, payments b, payments c WHERE a.amount + b.amount + c.amount < 0";
    drop(engine.prepare(&lake, "shop", endless).unwrap().run());
    // The one thread is free again, or this would never end.
    let next = engine.prepare(&lake, "shop", "SELECT 1 AS one").unwrap();
    assert_eq!(column_i64(&drive(next.run()).unwrap().batches, 0), [1]);
}

#[test]
fn listings_come_from_the_catalog() {
    let (_dir, lake) = partitioned();
    let cases = [
        ("SHOW TABLES", "payments"),
        (
            "SELECT array_agg(DISTINCT city ORDER BY city) FROM payments",
            "[Busan, Daegu, Daejeon",
        ),
        ("show databases;", "shop"),
        ("SHOW PARTITIONS shop.payments", "year=2026/month=06"),
        ("DESCRIBE payments", "partition key"),
        ("EXPLAIN SELECT * FROM payments", "logical_plan"),
    ];
    for (sql, part) in cases {
        let text = format_table(&ask(&lake, sql).unwrap().batches).unwrap();
        assert!(text.contains(part), "{sql}: {text}");
    }
    assert!(
        ask(&lake, "DESCRIBE paymnts")
            .unwrap_err()
            .message
            .contains("did you mean")
    );
}

#[test]
fn files_of_an_older_schema_are_read_with_nulls() {
    let (_dir, lake) = lake();
    let rows = payments(100, 1);
    put(&lake, "e/new.parquet", &parquet(&rows, 100));
    put(
        &lake,
        "e/old.parquet",
        &parquet(&rows.project(&[2, 0]).unwrap(), 100),
    );
    let columns = columns_of(&rows.schema());
    let table = Table::new("shop", "e", columns, "data", "e/", Format::Parquet);
    lake.change_catalog(|c| c.put_table(table, SimTime::ZERO))
        .unwrap();
    let result = ask(&lake, "SELECT count(*), count(amount), count(city) FROM e").unwrap();
    let counts: Vec<i64> = (0..3)
        .flat_map(|i| column_i64(&result.batches, i))
        .collect();
    assert_eq!(counts, [200, 200, 100]);
}

#[test]
fn a_damaged_file_fails_its_query_by_name() {
    let (_dir, lake) = partitioned();
    put(
        &lake,
        "payments/year=2026/month=01/part-0.parquet",
        b"PAR1 but not really PAR1",
    );
    let refused = ask(&lake, "SELECT sum(amount) FROM payments").unwrap_err();
    assert!(
        refused.message.contains("month=01/part-0.parquet"),
        "{refused}"
    );
    ask(&lake, "SELECT sum(amount) FROM payments WHERE month = 2").unwrap();
}

#[test]
fn a_finished_run_is_a_database() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path();
    fs::write(
        run.join("bill.csv"),
        "node,service,usd\nstream,kinesis,0.5\nlake,s3,0.25\n",
    )
    .unwrap();
    fs::write(
        run.join("events.jsonl"),
        "{\"at\":1,\"what\":\"throttled\"}\n",
    )
    .unwrap();
    fs::write(run.join("metrics.parquet"), parquet(&payments(50, 1), 50)).unwrap();
    {
        let lake = Lake::create(&run.join("lake")).unwrap();
        lake.create_bucket("data").unwrap();
        lake.put("data", "t/a.json", b"{\"a\":41}", SimTime::ZERO, 1)
            .unwrap();
        lake.change_catalog(|c| {
            c.create_database("aaa")?;
            c.create_database("shop")?;
            let t = Table::new(
                "shop",
                "t",
                vec![Column::new("a", "bigint")],
                "data",
                "t/",
                Format::Json,
            );
            c.put_table(t, SimTime::ZERO)
        })
        .unwrap();
    }
    let database = open_run(run).unwrap();
    assert_eq!(database.tables(), ["bill", "events", "metrics", "shop.t"]);
    let cases = [
        (
            "SELECT CAST(sum(usd) * 100 AS BIGINT) FROM bill WHERE node <> 'x'",
            75,
        ),
        ("SELECT count(*) FROM metrics", 50),
        ("SELECT at FROM events", 1),
        ("SELECT a + 1 FROM t", 42),
        ("SELECT a FROM shop.t", 41),
    ];
    for (sql, expected) in cases {
        let result = database
            .query(sql, 10)
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(column_i64(&result.batches, 0), [expected], "{sql}");
    }
    assert!(database.query("DROP TABLE bill", 10).is_err());
    let empty = tempfile::tempdir().unwrap();
    assert!(open_run(empty.path()).unwrap().tables().is_empty());
    assert!(fs::read_dir(empty.path()).unwrap().next().is_none());
}

#[test]
fn detectors_score_a_column_in_its_order() {
    let (_dir, lake) = partitioned();
    let sql = "WITH scored AS (SELECT amount, anomaly_score(amount) OVER (ORDER BY event_time) AS score,
        random_cut_forest(amount) OVER (PARTITION BY month ORDER BY event_time) AS forest FROM payments)
        SELECT count(*), count(score), sum(CASE WHEN score > 0 THEN 1 ELSE 0 END), sum(CASE WHEN forest > 0 THEN 1 ELSE 0 END) FROM scored";
    let result = ask(&lake, sql).unwrap();
    let all: Vec<i64> = (0..4).map(|i| column_i64(&result.batches, i)[0]).collect();
    assert_eq!(all[0], 12_000);
    assert!(
        all[1] > 0 && all[1] <= 12_000 && all[2] > 0 && all[3] > 0,
        "{all:?}"
    );
    for (call, part) in [
        ("anomaly_score('mad')", "1 to 32 numbers"),
        (
            "anomaly_score('x', amount)",
            "`x` is no detector; there is best-of",
        ),
        ("anomaly_score(amount, 'mad')", "takes numbers"),
        ("random_cut_forest('mad', amount)", "takes numbers"),
    ] {
        let error = ask(&lake, &format!("SELECT {call} OVER () FROM payments")).unwrap_err();
        assert!(error.to_string().contains(part), "{call}: {error}");
    }
}

#[test]
fn every_detector_can_be_called_by_its_name() {
    let (_dir, lake) = partitioned();
    for algorithm in weir_detect::Algorithm::ALL {
        let name = algorithm.name();
        let sql = format!("WITH scored AS (SELECT amount, anomaly_score('{name}', amount) OVER (ORDER BY event_time) AS score,
            is_anomaly('{name}', amount) OVER (ORDER BY event_time) AS odd, anomaly_expected('{name}', amount) OVER (ORDER BY event_time) AS usual
            FROM (SELECT * FROM payments ORDER BY event_time LIMIT 1200) AS newest)
            SELECT count(score), sum(CASE WHEN score > 0 THEN 1 ELSE 0 END), sum(CASE WHEN odd THEN 1 ELSE 0 END), count(usual) FROM scored");
        let result = ask(&lake, &sql).unwrap();
        let all: Vec<i64> = (0..4).map(|i| column_i64(&result.batches, i)[0]).collect();
        assert!(all[0] > 0 && all[1] > 0, "{name}: {all:?}");
        // What was to be expected is told of anomalies, and of those alone.
        assert_eq!(all[2], all[3], "{name}: {all:?}");
    }
}

#[test]
fn archived_files_are_left_out_of_queries_restored_or_not() {
    let (_dir, lake) = partitioned();
    let n = || {
        column_i64(
            &ask(&lake, "SELECT count(*) FROM payments").unwrap().batches,
            0,
        )[0]
    };
    assert_eq!(n(), 12_000);
    let key = lake.list("data", "payments/year=2026/month=03/")[0]
        .key
        .clone();
    lake.set_class("data", &key, ReadClass::Archive);
    assert_eq!(n(), 10_000);
    lake.set_restored("data", &key, true);
    assert_eq!(n(), 10_000);
    for (class, rows) in [
        (ReadClass::GlacierInstant, 12_000),
        (ReadClass::Archive, 10_000),
        (ReadClass::Standard, 12_000),
    ] {
        lake.set_class("data", &key, class);
        assert_eq!(n(), rows, "{class:?}");
    }
    lake.set_bucket_class("data", ReadClass::Archive);
    assert_eq!(n(), 0);
}
