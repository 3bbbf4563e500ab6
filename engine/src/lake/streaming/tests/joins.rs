//! Two streams joined, against all pairs of a batch.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Dialect, Fate, Limits, Second, StreamProgram};
use super::{BASE, batch, json, limits, ms, program, schema};

/// Orders have a price, trades none; `quantity` is the number that both know.
fn kinesis(join: &str) -> String {
    format!(
        "CREATE OR REPLACE STREAM orders (sym VARCHAR(8), id BIGINT, amount DOUBLE);
         CREATE OR REPLACE PUMP a AS INSERT INTO orders SELECT STREAM ticker_symbol, quantity, price FROM \"SOURCE_SQL_STREAM_001\" WHERE price > 0;
         CREATE OR REPLACE STREAM trades (sym VARCHAR(8), id BIGINT);
         CREATE OR REPLACE PUMP b AS INSERT INTO trades SELECT STREAM ticker_symbol, quantity FROM \"SOURCE_SQL_STREAM_001\" WHERE price <= 0;
         CREATE OR REPLACE STREAM both (o VARCHAR(8), t VARCHAR(8), id BIGINT);
         CREATE OR REPLACE PUMP c AS INSERT INTO both SELECT STREAM o.sym, t.sym, COALESCE(o.id, t.id) FROM {join};"
    )
}

/// Seconds, symbol, price, number.
const MIXED: [(f64, &str, f64, i64); 7] = [
    (0.0, "o1", 5.0, 1),
    (20.0, "t1", 0.0, 1),
    (30.0, "o2", 5.0, 2),
    (50.0, "t3", 0.0, 3),
    (70.0, "o3", 5.0, 3),
    (100.0, "t2", 0.0, 2),
    (105.0, "t4", 0.0, 4),
];

/// A join of the pumps, and the pairs in their order.
type Case = (
    &'static str,
    &'static [(Option<&'static str>, Option<&'static str>)],
);

const KINESIS: [Case; 9] = [
    // The trades of the last minute, when an order comes.
    (
        "orders AS o JOIN trades OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS t ON o.id = t.id",
        &[(Some("o3"), Some("t3"))],
    ),
    // The orders of the last minute, when a trade comes.
    (
        "orders OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS o JOIN trades AS t ON o.id = t.id",
        &[(Some("o1"), Some("t1"))],
    ),
    (
        "orders OVER (RANGE INTERVAL '2' MINUTE PRECEDING) AS o JOIN trades OVER w AS t ON o.id = t.id WINDOW w AS (RANGE INTERVAL '30' SECOND PRECEDING)",
        &[
            (Some("o1"), Some("t1")),
            (Some("o3"), Some("t3")),
            (Some("o2"), Some("t2")),
        ],
    ),
    // Those without a partner go out when none can come any more.
    (
        "orders OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS o LEFT JOIN trades AS t ON o.id = t.id",
        &[
            (Some("o1"), Some("t1")),
            (Some("o2"), None),
            (Some("o3"), None),
        ],
    ),
    (
        "orders OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS o FULL OUTER JOIN trades AS t ON o.id = t.id",
        &[
            (Some("o1"), Some("t1")),
            (None, Some("t3")),
            (Some("o2"), None),
            (None, Some("t2")),
            (Some("o3"), None),
            (None, Some("t4")),
        ],
    ),
    // The three newest trades, when an order comes.
    (
        "orders AS o JOIN trades OVER (ROWS 3 PRECEDING) AS t ON o.id = t.id",
        &[(Some("o3"), Some("t3"))],
    ),
    // The newest order alone, and trades as long as a minute.
    (
        "orders OVER (ROWS 1 PRECEDING) AS o LEFT JOIN trades OVER w AS t ON o.id = t.id WINDOW w AS (RANGE INTERVAL '1' MINUTE PRECEDING)",
        &[
            (Some("o1"), Some("t1")),
            (Some("o3"), Some("t3")),
            (Some("o2"), None),
        ],
    ),
    (
        "orders OVER w AS o JOIN trades OVER w AS t ON o.id = t.id WINDOW w AS (ROWS 2 PRECEDING)",
        &[
            (Some("o1"), Some("t1")),
            (Some("o3"), Some("t3")),
            (Some("o2"), Some("t2")),
        ],
    ),
    (
        "orders OVER (RANGE INTERVAL '1' HOUR PRECEDING) AS o JOIN trades OVER (RANGE INTERVAL '1' HOUR PRECEDING) AS t ON o.id = t.id AND o.amount > t.id + 3",
        &[(Some("o1"), Some("t1"))],
    ),
];

fn pairs(rows: &[Value]) -> Vec<(Option<String>, Option<String>)> {
    let text = |v: &Value| v.as_str().map(str::to_owned);
    rows.iter()
        .map(|r| (text(&r["o"]), text(&r["t"])))
        .collect()
}

#[test]
fn kinesis_joins_streams_within_a_window() {
    for (join, expected) in KINESIS {
        let mut p = program(&kinesis(join), Dialect::Kinesis);
        let made = super::run(&mut p, &MIXED, 4000.0);
        let third: Vec<_> = made.into_iter().filter(|m| m.stream == 2).collect();
        let found = pairs(&json(&third, 2));
        let own = |t: &Option<&str>| t.map(str::to_owned);
        let expected: Vec<_> = expected.iter().map(|(o, t)| (own(o), own(t))).collect();
        assert_eq!(found, expected, "{join}");
        // What is in a window of rows stays there.
        let kept = if join.contains("ROWS") { 1..=4 } else { 0..=0 };
        assert!(kept.contains(&p.state().1), "{join}");
    }
}

const WRONG: [(Dialect, &str, &str); 5] = [
    (
        Dialect::Kinesis,
        "SELECT STREAM a.price FROM s AS a JOIN s AS b ON a.price = b.price",
        "OVER (RANGE INTERVAL",
    ),
    (
        Dialect::Kinesis,
        "SELECT STREAM a.price FROM s OVER (ROWS 0 PRECEDING) AS a JOIN s AS b ON a.price = b.price",
        "of 1 to 1,000,000 rows",
    ),
    (
        Dialect::Kinesis,
        "SELECT STREAM a.price FROM s OVER v AS a JOIN s AS b ON a.price = b.price",
        "no window `v`",
    ),
    (
        Dialect::Kinesis,
        "SELECT STREAM price FROM s OVER (RANGE INTERVAL '1' MINUTE PRECEDING) AS a JOIN s AS b ON a.price = b.price",
        "more than one table",
    ),
    (
        Dialect::Flink,
        "SELECT a.price FROM s AS a JOIN s AS b ON a.price = b.price",
        "BETWEEN b.ts - INTERVAL",
    ),
];

#[test]
fn wrong_joins_say_what_is_missing() {
    for (dialect, sql, part) in WRONG {
        let found = StreamProgram::compile(sql, dialect, &schema(), None, limits());
        let problem = found.map(|_| ()).expect_err(sql);
        assert!(problem.message.contains(part), "{sql}\n{problem}");
        assert_eq!(problem.line, Some(1), "{sql}");
    }
}

const TABLE: &str = "CREATE TABLE s (ticker_symbol STRING, price DOUBLE, quantity BIGINT, event_time TIMESTAMP(3), WATERMARK FOR event_time AS event_time - INTERVAL '{delay}' SECOND) WITH ('connector' = 'kinesis');
    CREATE VIEW l AS SELECT ticker_symbol, quantity, event_time FROM s WHERE price > 0;
    CREATE VIEW r AS SELECT ticker_symbol, quantity, event_time FROM s WHERE price <= 0;";

/// A record: left or right, key, and how late it comes in milliseconds.
type Record = (bool, usize, i64);

fn laid_out(records: &[Record]) -> Vec<(String, f64, i64, f64)> {
    let one = |(i, (left, key, back)): (usize, &Record)| {
        let at = (i as f64 * 0.5 - *back as f64 / 1000.0).max(0.0);
        let side = if *left { 1.0 } else { 0.0 };
        (format!("k{key}"), side, i64::try_from(i).unwrap(), at)
    };
    records.iter().enumerate().map(one).collect()
}

/// The pairs that a script made, by the numbers of their records, and the fates of the records.
fn ran(sql: &str, rows: &[(String, f64, i64, f64)], cut: usize) -> (Vec<(i64, i64)>, Vec<Fate>) {
    let mut p = program(sql, Dialect::Flink);
    let (mut made, mut fates) = (Vec::new(), Vec::new());
    for part in rows.chunks(cut) {
        let own: Vec<(&str, f64, i64, f64)> =
            part.iter().map(|r| (r.0.as_str(), r.1, r.2, r.3)).collect();
        let pushed = p
            .push(0, &batch(&own), &vec![0; own.len()].into(), 1, BASE, BASE)
            .unwrap();
        fates.extend((0..own.len()).map(|i| pushed.fate(i)));
        made.extend(pushed.made);
    }
    let end = p
        .push(
            0,
            &batch(&[("end", 1.0, -1, 1e6)]),
            &vec![0].into(),
            1,
            BASE,
            BASE,
        )
        .unwrap();
    made.extend(end.made);
    let number = |v: &Value| v.as_i64().unwrap_or(-9);
    let found = json(&made, 0)
        .iter()
        .map(|r| (number(&r["x"]), number(&r["y"])))
        .collect();
    (found, fates)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// An interval join makes every pair of a batch join whose records came in time, none twice, and none that a batch join has not.
    #[test]
    fn interval_joins_are_the_pairs_of_a_batch(
        records in prop::collection::vec((any::<bool>(), 0..4_usize, 0..6000_i64), 1..150),
        before in 1..20_i64,
        behind in 1..20_i64,
        delay in 1..8_i64,
        cut in 1..40_usize,
        comma in any::<bool>(),
    ) {
        let on = format!("l.ticker_symbol = r.ticker_symbol AND l.event_time BETWEEN r.event_time - INTERVAL '{before}' SECOND AND r.event_time + INTERVAL '{behind}' SECOND");
        let from = if comma { format!("FROM l, r WHERE {on}") } else { format!("FROM l JOIN r ON {on}") };
        let sql = format!("{} SELECT l.quantity AS x, r.quantity AS y {from}", TABLE.replace("{delay}", &delay.to_string()));
        let rows = laid_out(&records);
        let (found, _) = ran(&sql, &rows, cut);
        let unique: BTreeSet<(i64, i64)> = found.iter().copied().collect();
        prop_assert_eq!(unique.len(), found.len(), "no pair twice");
        // In time is what is not before the watermark, which every batch moves.
        let (mut intime, mut newest, mut mark) = (Vec::new(), f64::MIN, f64::MIN);
        for part in rows.chunks(cut) {
            intime.extend(part.iter().map(|r| r.3 > mark));
            newest = part.iter().map(|r| r.3).fold(newest, f64::max);
            mark = mark.max(newest - delay as f64);
        }
        let (mut all, mut sure) = (BTreeSet::new(), BTreeSet::new());
        for (i, l) in rows.iter().enumerate().filter(|(_, r)| r.1 > 0.0) {
            for (j, r) in rows.iter().enumerate().filter(|(_, r)| r.1 <= 0.0) {
                let apart = ms(l.3) - ms(r.3);
                if l.0 == r.0 && (-before * 1000..=behind * 1000).contains(&apart) {
                    all.insert((l.2, r.2));
                    if intime[i] && intime[j] {
                        sure.insert((l.2, r.2));
                    }
                }
            }
        }
        prop_assert!(sure.is_subset(&unique), "missing {:?}", sure.difference(&unique).collect::<Vec<_>>());
        prop_assert!(unique.is_subset(&all), "too many {:?}", unique.difference(&all).collect::<Vec<_>>());
    }

    /// Windows of rows hold the newest rows of each side, whatever the batches are.
    #[test]
    fn joins_over_rows_are_those_of_the_newest(
        records in prop::collection::vec((any::<bool>(), 0..4_i64), 1..150),
        rows in (1..6_usize, 1..6_usize),
        cut in 1..40_usize,
        left in any::<bool>(),
    ) {
        let kind = if left { "LEFT JOIN" } else { "JOIN" };
        let sql = kinesis(&format!(
            "orders OVER (ROWS {} PRECEDING) AS o {kind} trades OVER (ROWS {} PRECEDING) AS t ON o.id = t.id", rows.0, rows.1
        ));
        let mut p = program(&sql, Dialect::Kinesis);
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        // Number, key and whether it has met one: of the orders and of the trades that are there.
        let mut there: [Vec<(String, i64, bool)>; 2] = [Vec::new(), Vec::new()];
        for (n, part) in records.chunks(cut).enumerate() {
            let names: Vec<String> = (0..part.len()).map(|i| format!("{}", n * cut + i)).collect();
            let own: Vec<(&str, f64, i64, f64)> = part.iter().zip(&names)
                .map(|((order, key), name)| (name.as_str(), f64::from(u8::from(*order)), *key, 0.0))
                .collect();
            let now = BASE + 1000 * i64::try_from(n).unwrap();
            let made = p.push(0, &batch(&own), &vec![0; own.len()].into(), 1, now, now).unwrap().made;
            let third: Vec<_> = made.into_iter().filter(|m| m.stream == 2).collect();
            found.extend(pairs(&json(&third, 2)));
            // Of one batch the orders come first.
            for side in 0..2 {
                for record in own.iter().filter(|r| (r.1 > 0.0) == (side == 0)) {
                    let mut met = false;
                    for other in there[1 - side].iter_mut().filter(|o| o.1 == record.2) {
                        other.2 = true;
                        met = true;
                        let (own, other) = (Some(record.0.to_owned()), Some(other.0.clone()));
                        expected.push(if side == 0 { (own, other) } else { (other, own) });
                    }
                    let most = if side == 0 { rows.0 } else { rows.1 };
                    if there[side].len() == most {
                        let gone = there[side].remove(0);
                        if left && side == 0 && !gone.2 {
                            expected.push((Some(gone.0), None));
                        }
                    }
                    there[side].push((record.0.to_owned(), record.2, met));
                }
            }
        }
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }

    /// Two streams, each with its watermark: the pairs of a batch join over the records that were in time.
    #[test]
    fn joins_of_two_inputs_are_the_pairs_of_a_batch(
        records in prop::collection::vec((any::<bool>(), 0..4_usize, 0..6000_i64), 1..150),
        before in 1..20_i64,
        delay in 1..8_i64,
        cut in 1..40_usize,
    ) {
        let table = |name: &str| format!("CREATE TABLE {name} (ticker_symbol STRING, quantity BIGINT, event_time TIMESTAMP(3), WATERMARK FOR event_time AS event_time - INTERVAL '{delay}' SECOND) WITH ('connector' = 'kinesis');");
        let sql = format!(
            "{}{} SELECT l.quantity AS x, r.quantity AS y FROM l, r WHERE l.ticker_symbol = r.ticker_symbol AND l.event_time BETWEEN r.event_time - INTERVAL '{before}' SECOND AND r.event_time",
            table("l"), table("r"),
        );
        let second = Second { tables: vec!["R".to_owned()], schema: schema() };
        let mut p = StreamProgram::compile_of_two(&sql, Dialect::Flink, &schema(), Some(&second), None, limits()).unwrap();
        let rows = laid_out(&records);
        let (mut found, mut intime) = (Vec::new(), vec![false; rows.len()]);
        let (mut newest, mut seen) = ([f64::MIN; 2], 0);
        for part in rows.chunks(cut) {
            // The join lets go what neither of the two watermarks needs any more.
            let mark = newest[0].min(newest[1]) - delay as f64;
            for (input, newest) in newest.iter_mut().enumerate() {
                let own: Vec<(&str, f64, i64, f64)> = part.iter().filter(|r| (r.1 > 0.0) == (input == 0))
                    .map(|r| (r.0.as_str(), r.1, r.2, r.3)).collect();
                if own.is_empty() {
                    continue;
                }
                let pushed = p.push_of(input, 0, &batch(&own), &vec![0; own.len()].into(), 1, BASE, BASE).unwrap();
                found.extend(json(&pushed.made, 0).iter().map(|r| (r["x"].as_i64().unwrap(), r["y"].as_i64().unwrap())));
                *newest = own.iter().map(|r| r.3).fold(*newest, f64::max);
            }
            let now = newest[0].min(newest[1]) - delay as f64;
            for (i, r) in part.iter().enumerate() {
                intime[seen + i] = r.3 > mark.max(now);
            }
            seen += part.len();
        }
        let unique: BTreeSet<(i64, i64)> = found.iter().copied().collect();
        prop_assert_eq!(unique.len(), found.len(), "no pair twice");
        let (mut all, mut sure) = (BTreeSet::new(), BTreeSet::new());
        for (i, l) in rows.iter().enumerate().filter(|(_, r)| r.1 > 0.0) {
            for (j, r) in rows.iter().enumerate().filter(|(_, r)| r.1 <= 0.0) {
                let apart = ms(l.3) - ms(r.3);
                if l.0 == r.0 && (-before * 1000..=0).contains(&apart) {
                    all.insert((l.2, r.2));
                    if intime[i] && intime[j] {
                        sure.insert((l.2, r.2));
                    }
                }
            }
        }
        prop_assert!(sure.is_subset(&unique), "missing {:?}", sure.difference(&unique).collect::<Vec<_>>());
        prop_assert!(unique.is_subset(&all), "too many {:?}", unique.difference(&all).collect::<Vec<_>>());
    }

    /// A window join makes the pairs of a batch join over the records that were in time, and tells all others as late.
    #[test]
    fn window_joins_are_the_pairs_of_a_batch(
        records in prop::collection::vec((any::<bool>(), 0..4_usize, 0..9000_i64), 1..150),
        size in 2..20_i64,
        delay in 1..4_i64,
        cut in 1..40_usize,
        left in any::<bool>(),
    ) {
        let side = |n: &str| format!("(SELECT * FROM TABLE(TUMBLE(TABLE {n}, DESCRIPTOR(event_time), INTERVAL '{size}' SECOND))) AS w{n}");
        let kind = if left { "LEFT JOIN" } else { "JOIN" };
        let sql = format!(
            "{} SELECT wl.quantity AS x, wr.quantity AS y FROM {} {kind} {} ON wl.ticker_symbol = wr.ticker_symbol AND wl.window_start = wr.window_start AND wl.window_end = wr.window_end",
            TABLE.replace("{delay}", &delay.to_string()), side("l"), side("r"),
        );
        let rows = laid_out(&records);
        let (mut found, fates) = ran(&sql, &rows, cut);
        let kept: Vec<_> = rows.iter().zip(&fates).filter(|(_, f)| **f == Fate::Merged).map(|(r, _)| r).collect();
        prop_assert!(fates.iter().all(|f| matches!(f, Fate::Merged | Fate::Late)));
        let window = |r: &(String, f64, i64, f64)| ms(r.3).div_euclid(size * 1000);
        let mut expected = Vec::new();
        for l in kept.iter().filter(|r| r.1 > 0.0) {
            let before = expected.len();
            for r in kept.iter().filter(|r| r.1 <= 0.0) {
                if l.0 == r.0 && window(l) == window(r) {
                    expected.push((l.2, r.2));
                }
            }
            if left && expected.len() == before {
                expected.push((l.2, -9));
            }
        }
        found.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn state_of_a_join_is_bounded() {
    let few = Limits {
        rows: 5,
        ..limits()
    };
    let sql = kinesis(
        "orders OVER (RANGE INTERVAL '1' HOUR PRECEDING) AS o JOIN trades AS t ON o.id = t.id",
    );
    let mut p = StreamProgram::compile(&sql, Dialect::Kinesis, &schema(), None, few).unwrap();
    let rows: Vec<(&str, f64, i64, f64)> = (0..9).map(|i| ("o", 1.0, i, 0.0)).collect();
    let pushed = p
        .push(0, &batch(&rows), &vec![0; 9].into(), 1, BASE, BASE)
        .unwrap();
    assert_eq!(p.state().1, 5);
    // They went on into `orders` all the same; the join alone had no room.
    assert_eq!(json(&pushed.made, 0).len(), 9);
    assert_eq!((0..9).filter(|i| pushed.fate(*i) == Fate::Full).count(), 4);
}

#[test]
fn window_functions_are_written_in_three_ways() {
    let rows = [("a", 1.0, 1, 1.0), ("a", 1.0, 1, 12.0), ("b", 1.0, 1, 40.0)];
    let table = TABLE.replace("{delay}", "1");
    let count = |from: &str| {
        let sql = format!(
            "{table} SELECT ticker_symbol AS x, COUNT(*) AS y FROM {from} GROUP BY ticker_symbol, window_start, window_end"
        );
        let mut p = program(&sql, Dialect::Flink);
        let pushed = p
            .push(0, &batch(&rows), &vec![0; 3].into(), 1, BASE, BASE)
            .unwrap();
        json(&pushed.made, 0)
    };
    let expected = [json!({"x": "a", "y": 1}), json!({"x": "a", "y": 1})];
    for from in [
        "TABLE(TUMBLE(TABLE s, DESCRIPTOR(event_time), INTERVAL '10' SECOND))",
        "TABLE(TUMBLE(DATA => TABLE s, TIMECOL => DESCRIPTOR(event_time), SIZE => INTERVAL '10' SECONDS))",
        "TABLE(TUMBLE(SIZE => INTERVAL '10' SECONDS, TIMECOL => DESCRIPTOR(event_time), DATA => TABLE s))",
        "TUMBLE(TABLE s, DESCRIPTOR(event_time), INTERVAL '10' SECONDS)",
    ] {
        assert_eq!(count(from), expected, "{from}");
    }
    let cumulate = "TABLE(CUMULATE(TABLE s, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '20' SECOND))";
    assert_eq!(count(cumulate).len(), 2);
}
