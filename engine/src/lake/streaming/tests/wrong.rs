//! Scripts that are refused, each with its line and what is wrong.

use super::super::{Dialect, StreamProgram};
use super::{limits, schema};

/// Dialect, SQL, line, a part of the sentence.
const WRONG: [(Dialect, &str, u32, &str); 25] = [
    (Dialect::Kinesis, "", 1, "there is no SQL"),
    (
        Dialect::Kinesis,
        "DROP STREAM x;",
        1,
        "`DROP` is no statement",
    ),
    (
        Dialect::Kinesis,
        "CREATE STREAM o (k VARCHAR(9), n FISH);",
        1,
        "there is no type `FISH`",
    ),
    (
        Dialect::Kinesis,
        "CREATE STREAM o (k VARCHAR(9)\nn INT);",
        2,
        "",
    ),
    (
        Dialect::Kinesis,
        "CREATE PUMP p AS INSERT INTO q SELECT STREAM price FROM s;",
        1,
        "there is no stream `q`",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o\nSELECT STREAM tickr_symbol, quantity FROM s;",
        3,
        "did you mean `ticker_symbol`?",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o\nSELECT STREAM ticker_symbol FROM s;",
        3,
        "has 1 columns where `o` takes 2",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o\nSELECT STREAM ticker_symbol, COUNT(*) FROM s\nGROUP BY ticker_symbol;",
        4,
        "needs a window",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM ticker_symbol, quantity FROM s\nWHERE frobnicate(price) > 1;",
        3,
        "frobnicate",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM ticker_symbol, quantity FROM s ORDER BY price;",
        2,
        "ORDER BY begins with the time",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM ticker_symbol, quantity FROM s WHERE random() > 0.5;",
        2,
        "random",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM k, n FROM o;",
        2,
        "circle",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM 'a', COUNT(*) FROM s GROUP BY STEP(ROWTIME BY INTERVAL '0' SECOND);",
        2,
        "no length of time",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM 'a', ANOMALY_SCORE FROM TABLE(RANDOM_CUT_FOREST(CURSOR(SELECT STREAM ticker_symbol FROM s), 100));",
        2,
        "numeric",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM 'a', ANOMALY_SCORE FROM TABLE(RANDOM_CUT_FOREST(CURSOR(SELECT STREAM price FROM s), 1000000));",
        2,
        "numberOfTrees",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM 'a', ANOMALY_SCORE('best', price) OVER (PARTITION BY ticker_symbol) FROM s;",
        2,
        "`best` is no detector; there is best-of",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM 'a', ANOMALY_SCORE('mad') OVER (PARTITION BY ticker_symbol) FROM s;",
        2,
        "ANOMALY_SCORE('mad', price)",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM 'a', IS_ANOMALY('mad', price) OVER (ROWS 5 PRECEDING) FROM s;",
        2,
        "leave the frame out",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM (SELECT 'a' FROM s), quantity FROM s;",
        2,
        "subquery",
    ),
    (
        Dialect::Kinesis,
        "{o}CREATE PUMP p AS INSERT INTO o SELECT STREAM a.ticker_symbol, 1 FROM s AS a JOIN t AS b ON a.price = b.price;",
        2,
        "there is no stream `t`",
    ),
    (
        Dialect::Flink,
        "SELECT ticker_symbol, COUNT(*) FROM TABLE(TUMBLE(TABLE trades, DESCRIPTOR(event_time), INTERVAL '1' MINUTE)) GROUP BY ticker_symbol, window_start, window_end",
        1,
        "has no time column",
    ),
    (
        Dialect::Flink,
        "CREATE TABLE t (tickr STRING);\nSELECT tickr FROM t",
        1,
        "the records have no field `tickr`",
    ),
    (
        Dialect::Flink,
        "CREATE TABLE t (price DOUBLE, WATERMARK FOR price AS price);\nSELECT price FROM t",
        1,
        "TIMESTAMP column",
    ),
    (Dialect::Flink, "SELECT a, 'x", 1, ""),
    (
        Dialect::Kinesis,
        "SELECT ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1 FROM s",
        1,
        "",
    ),
];

#[test]
fn wrong_scripts_are_refused_with_place_and_mend() {
    let out = "CREATE STREAM o (k VARCHAR(9), n BIGINT);\n";
    for (dialect, sql, line, part) in WRONG {
        let sql = sql.replace("{o}", out);
        let found = StreamProgram::compile(&sql, dialect, &schema(), None, limits());
        let problem = found.map(|_| ()).expect_err(&sql);
        assert!(problem.message.contains(part), "{sql}\n{problem}");
        assert_eq!(problem.line, Some(line), "{sql}\n{problem}");
    }
}
