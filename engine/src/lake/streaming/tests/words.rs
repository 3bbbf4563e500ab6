//! Statements as people who know Flink SQL or Kinesis Analytics SQL write them.

use serde_json::{Value, json};

use super::super::{Dialect, StreamProgram};
use super::{BASE, TICKS, batch, json, limits, program, run, schema};

const TABLE: &str = "CREATE TABLE t (ticker_symbol STRING, price DOUBLE, quantity BIGINT, event_time TIMESTAMP(3), WATERMARK FOR event_time AS event_time) WITH ('connector' = 'kinesis');";

const RECORDS: [(&str, f64, i64, f64); 7] = [
    ("a", 1.0, 1, 1.0),
    ("b", 5.0, 2, 2.0),
    ("a", 3.0, 3, 3.0),
    ("c", 4.0, 4, 4.0),
    ("b", 2.0, 5, 11.0),
    ("a", 6.0, 6, 12.0),
    ("end", 0.0, 7, 30.0),
];

fn flink(select: &str) -> Vec<Value> {
    let mut p = program(&format!("{TABLE} {select}"), Dialect::Flink);
    let pushed = p
        .push(0, &batch(&RECORDS), &vec![0; 7].into(), 1, BASE, BASE)
        .unwrap();
    assert_eq!(pushed.faults(), (0, None), "{select}");
    json(&pushed.made, 0)
}

#[test]
fn top_of_each_window_and_first_of_each_key() {
    // The two best keys of each window by their sum.
    let top = "SELECT ticker_symbol AS k, total, rownum AS n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS rownum FROM (SELECT window_start, window_end, ticker_symbol, SUM(price) AS total FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, ticker_symbol)) WHERE rownum <= 2;";
    let own = |k: &str, total: f64, n: i64| json!({"k": k, "total": total, "n": n});
    assert_eq!(
        flink(top),
        [
            own("b", 5.0, 1),
            own("a", 4.0, 2),
            own("a", 6.0, 1),
            own("b", 2.0, 2)
        ]
    );
    // The newest record of each key in each window; Flink's deduplication in windows.
    let last = "SELECT ticker_symbol AS k, price AS total, rownum AS n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, ticker_symbol ORDER BY event_time DESC) AS rownum FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(event_time), INTERVAL '10' SECOND))) WHERE rownum <= 1;";
    let mut found = flink(last);
    found.sort_by_key(ToString::to_string);
    let mut expected = vec![
        own("a", 3.0, 1),
        own("b", 5.0, 1),
        own("c", 4.0, 1),
        own("a", 6.0, 1),
        own("b", 2.0, 1),
    ];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(found, expected);
    // The first record of each key, once for all; the third kept wholly, hidden time and all.
    let first = "SELECT ticker_symbol AS k, price AS total, rn AS n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ticker_symbol ORDER BY event_time ASC) AS rn FROM t) WHERE rn = 1;";
    assert_eq!(
        flink(first),
        [
            own("a", 1.0, 1),
            own("b", 5.0, 1),
            own("c", 4.0, 1),
            own("end", 0.0, 1)
        ]
    );
    let mut p = program(&format!("{TABLE} {top}"), Dialect::Flink);
    p.push(0, &batch(&RECORDS), &vec![0; 7].into(), 1, BASE, BASE)
        .unwrap();
    // Of the windows that are over nothing is kept.
    assert_eq!(
        p.state().1,
        1,
        "the window of the last record alone is open"
    );
}

#[test]
fn unions_are_one_stream_wherever_they_stand() {
    let count = "SELECT k, COUNT(*) AS n FROM (SELECT ticker_symbol AS k, event_time FROM t UNION ALL SELECT 'all', event_time FROM t) GROUP BY k, TUMBLE(event_time, INTERVAL '10' SECOND);";
    let found = flink(count);
    let all: Vec<&Value> = found
        .iter()
        .filter(|r| r["k"] == "all")
        .map(|r| &r["n"])
        .collect();
    assert_eq!(all, [&json!(4), &json!(2)]);
    let alone = "SELECT ticker_symbol AS k, quantity AS n FROM t WHERE quantity < 3 UNION ALL SELECT 'x', price FROM t WHERE price > 5;";
    assert_eq!(
        flink(alone),
        [
            json!({"k": "a", "n": 1.0}),
            json!({"k": "b", "n": 2.0}),
            json!({"k": "x", "n": 6.0})
        ]
    );
    let view = format!(
        "CREATE VIEW v AS {} SELECT k FROM v WHERE n > 5;",
        alone.trim_end_matches(';').to_owned() + ";"
    );
    assert_eq!(flink(&view), [json!({"k": "x"})]);
}

/// Dialect, expression over the first record, and what it is.
fn expressions() -> Vec<(Dialect, &'static str, Value)> {
    let flink = [
        (
            "JSON_VALUE('{\"a\": {\"b\": 3}}', '$.a.b' RETURNING INT)",
            json!(3),
        ),
        ("JSON_VALUE('{\"a\": {\"b\": \"x\"}}', '$.a.b')", json!("x")),
        ("JSON_EXISTS('{\"a\": 1}', '$.b')", json!(false)),
        ("TRY_CAST('12x' AS INT)", Value::Null),
        (
            "REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2)",
            json!("bar"),
        ),
        ("REGEXP_REPLACE('foobar', 'oo|ar', '')", json!("fb")),
        ("REGEXP('foobar', '^foo')", json!(true)),
        ("SPLIT_INDEX('a-b-c', '-', 1)", json!("b")),
        (
            "DATE_FORMAT(TIMESTAMP '2026-01-05 07:08:09', 'yyyy-MM-dd HH:mm')",
            json!("2026-01-05 07:08"),
        ),
        (
            "TIMESTAMPDIFF(SECOND, TIMESTAMP '2026-01-05 00:00:00', TIMESTAMP '2026-01-05 00:01:05')",
            json!(65),
        ),
        ("UNIX_TIMESTAMP('1970-01-01 00:01:00')", json!(60)),
        ("FROM_UNIXTIME(44)", json!("1970-01-01 00:00:44")),
        ("IF(1 > 0, 'a', 'b')", json!("a")),
        (
            "CASE WHEN price > 100 THEN 'big' ELSE 'small' END",
            json!("small"),
        ),
        ("CONCAT_WS('-', ticker_symbol, 'x')", json!("a-x")),
        ("YEAR(event_time)", json!(2026)),
        ("MD5('a')", json!("0cc175b9c0f1b6a831c399e269772661")),
    ];
    let kinesis = [
        (
            "TSDIFF(TIMESTAMP '2026-01-05 00:00:00', TIMESTAMP '2026-01-05 00:00:01')",
            json!(1000),
        ),
        ("REGEX_REPLACE('foobar', 'oo|ar', 'x', 1, 0)", json!("fxbx")),
        (
            "TIMESTAMP_TO_CHAR('yyyy-MM-dd', TIMESTAMP '2026-01-05 07:08:09')",
            json!("2026-01-05"),
        ),
        (
            "UNIX_TIMESTAMP(TIMESTAMP '1970-01-01 00:01:00')",
            json!(60_000),
        ),
        ("CURRENT_ROW_TIMESTAMP = ROWTIME", json!(true)),
    ];
    let both = flink.map(|(e, x)| (Dialect::Flink, e, x));
    let kinesis = kinesis.map(|(e, x)| (Dialect::Kinesis, e, x));
    both.into_iter().chain(kinesis).collect()
}

#[test]
fn functions_are_those_that_the_engines_have() {
    for (dialect, expression, expected) in expressions() {
        let sql = format!("SELECT {expression} AS x FROM t");
        let mut p = program(&sql, dialect);
        let pushed = p
            .push(0, &batch(&RECORDS[..1]), &vec![0].into(), 1, BASE, BASE)
            .unwrap();
        assert_eq!(
            json(&pushed.made, 0),
            [json!({"x": expected})],
            "{expression}"
        );
    }
    let list = "SELECT LISTAGG(ticker_symbol) AS x FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(event_time), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;";
    assert_eq!(flink(list), [json!({"x": "a,b,a,c"}), json!({"x": "b,a"})]);
}

#[test]
fn windows_as_they_were_written_before_step() {
    let script = |window: &str| {
        format!(
            "CREATE STREAM o (k VARCHAR(8), n BIGINT); CREATE PUMP p AS INSERT INTO o SELECT STREAM ticker_symbol, COUNT(*) FROM \"SOURCE_SQL_STREAM_001\" GROUP BY ticker_symbol, {window};"
        )
    };
    let count = |window: &str| {
        let mut p = program(&script(window), Dialect::Kinesis);
        json(&run(&mut p, &TICKS, 300.0), 0)
    };
    let old = "FLOOR((\"SOURCE_SQL_STREAM_001\".ROWTIME - TIMESTAMP '1970-01-01 00:00:00') SECOND / 30 TO SECOND)";
    let new = "STEP(\"SOURCE_SQL_STREAM_001\".ROWTIME BY INTERVAL '30' SECOND)";
    assert_eq!(count(old), count(new));
    assert_eq!(count(old).len(), 6);
}

#[test]
fn what_is_not_built_says_so_and_what_to_do() {
    for (dialect, select, part) in [
        (
            Dialect::Flink,
            "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY ticker_symbol ORDER BY event_time MEASURES A.price AS a ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A B+) DEFINE A AS A.price < 5, B AS B.price > 100) AS m",
            "MATCH_RECOGNIZE (patterns over rows) is not built",
        ),
        (
            Dialect::Flink,
            "SELECT ticker_symbol, word FROM t, LATERAL TABLE(split(ticker_symbol)) AS x(word)",
            "LATERAL and UNNEST",
        ),
        (
            Dialect::Flink,
            "SELECT ticker_symbol FROM t CROSS JOIN UNNEST(tags) AS x(tag)",
            "LATERAL and UNNEST",
        ),
        (
            Dialect::Flink,
            "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ticker_symbol ORDER BY price DESC) AS n FROM t) WHERE n <= 3",
            "rank within a window",
        ),
        (
            Dialect::Flink,
            "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ticker_symbol ORDER BY event_time DESC) AS n FROM t) WHERE n = 1",
            "rank within a window",
        ),
        (
            Dialect::Flink,
            "SELECT ticker_symbol FROM t UNION ALL SELECT ticker_symbol, price FROM t",
            "equally many columns",
        ),
        (
            Dialect::Flink,
            "SELECT price FROM t UNION ALL SELECT ticker_symbol FROM t",
            "CAST one of them",
        ),
        (
            Dialect::Kinesis,
            "SELECT STREAM x FROM TABLE(HOTSPOTS(CURSOR(SELECT STREAM price FROM s), 1000, 0.2, 17))",
            "`HOTSPOTS` is not built here",
        ),
    ] {
        let sql = match dialect {
            Dialect::Flink => format!("{TABLE}\n{select}"),
            Dialect::Kinesis => select.to_owned(),
        };
        let found = StreamProgram::compile(&sql, dialect, &schema(), None, limits());
        let problem = found.map(|_| ()).expect_err(select);
        assert!(problem.message.contains(part), "{select}\n{problem}");
    }
    let set = StreamProgram::compile(
        "SET 'table.exec.source.idle-timeout' = '5 s'; SELECT price FROM s",
        Dialect::Flink,
        &schema(),
        None,
        limits(),
    );
    assert!(
        set.unwrap_err()
            .message
            .contains("source_idle_timeout_seconds")
    );
}
