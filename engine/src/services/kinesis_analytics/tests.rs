use serde_json::{Value, json};

use super::KinesisAnalytics;
use crate::node::{FaultKind, Flow};
use crate::services::kinesis_data_streams::KinesisDataStreams;
use crate::services::producer::Producer;
use crate::services::s3::S3;
use crate::services::testing::{Bench, Fake, Heard, Ran, ms, problems, trace};
use crate::units::SimDuration;

/// A producer of transactions, a stream, the application and a sink at each of the ports named.
fn bench(params: Value, rate: f64, ports: &[&str], sinks: &[Fake]) -> Bench {
    let mut bench = Bench::new()
        .node("app", &Producer, json!({"records_per_second": rate}))
        .node(
            "stream",
            &KinesisDataStreams,
            json!({"shard_count": 2, "partition_key": "user_id"}),
        )
        .node("sql", &KinesisAnalytics, params)
        .wire("app.out", "stream.in")
        .wire("stream.out", "sql.in");
    for (port, sink) in ports.iter().zip(sinks) {
        bench = bench
            .fake(&format!("sink_{port}"), sink)
            .wire(&format!("sql.{port}"), &format!("sink_{port}.in"));
    }
    bench
}

fn sink() -> Fake {
    Fake::new().input("in", &[Flow::Records])
}

/// All rows that a sink took, as JSON.
fn rows(sink: &Fake) -> Vec<Value> {
    let notes = sink.notes().into_iter();
    let batches = notes.filter_map(|n| match n.heard {
        Heard::Records(batch) => Some(batch.rows),
        _ => None,
    });
    let all: Vec<_> = batches.collect();
    all.iter()
        .flat_map(|b| crate::lake::batches_to_json(std::slice::from_ref(b)).unwrap())
        .collect()
}

/// The bench itself finds a ledger that does not add up; here only that there is something in it.
fn adds_up(ran: &Ran) {
    assert!(ran.ledger("sql").received > 0);
}

const PER_MINUTE: &str = "CREATE OR REPLACE STREAM minutes (category VARCHAR(16), n BIGINT, total DOUBLE);
CREATE OR REPLACE PUMP p AS INSERT INTO minutes SELECT STREAM category, COUNT(*), SUM(amount) FROM \"SOURCE_SQL_STREAM_001\"
GROUP BY category, STEP(\"SOURCE_SQL_STREAM_001\".ROWTIME BY INTERVAL '60' SECOND);
CREATE OR REPLACE STREAM large (transaction_id VARCHAR(40), amount DOUBLE);
CREATE OR REPLACE PUMP q AS INSERT INTO large SELECT STREAM transaction_id, amount FROM \"SOURCE_SQL_STREAM_001\" WHERE amount > 100;";

#[test]
fn every_record_is_in_one_window_and_large_ones_go_on() {
    let sinks = [sink(), sink()];
    let ran = bench(json!({"sql": PER_MINUTE}), 100.0, &["out", "out_2"], &sinks).run(330);
    adds_up(&ran);
    let minutes = rows(&sinks[0]);
    let counted: i64 = minutes.iter().map(|r| r["n"].as_i64().unwrap()).sum();
    // Five minutes have ended.
    assert!((29_500..=30_000).contains(&counted), "{counted}");
    let large = rows(&sinks[1]);
    assert!(!large.is_empty() && large.iter().all(|r| r["amount"].as_f64().unwrap() > 100.0));
    let ledger = ran.ledger("sql");
    // A record that is large goes on; all others stay in their windows.
    assert!(ledger.merged + large.len() as u64 <= ledger.received);
    assert_eq!(usize::try_from(ledger.created).unwrap(), minutes.len());
    // Windows close at whole minutes and reach the sink at once.
    let heard = sinks[0].notes();
    assert!(
        heard.iter().all(|n| n.at.as_millis() % 60_000 < 5_000),
        "{heard:?}"
    );
}

#[test]
fn one_port_alone_drops_what_the_sql_leaves_out() {
    let sinks = [sink()];
    let ran = bench(
        json!({"sql": PER_MINUTE, "out_stream": "large"}),
        50.0,
        &["out"],
        &sinks,
    )
    .run(120);
    adds_up(&ran);
    // Windows still take every record; those that are also large go on.
    let ledger = ran.ledger("sql");
    assert_eq!(ledger.dropped_total(), 0);
    assert!(ledger.sent > 0 && ledger.created == 0, "{ledger:?}");
}

#[test]
fn filter_drops_with_a_reason() {
    let sql = "CREATE STREAM o (amount DOUBLE); CREATE PUMP p AS INSERT INTO o SELECT STREAM amount FROM s WHERE amount > 100;";
    let sinks = [sink()];
    let ran = bench(json!({"sql": sql}), 50.0, &["out"], &sinks).run(120);
    adds_up(&ran);
    assert!(ran.ledger("sql").dropped["left out by the SQL"] > 1000);
}

#[test]
fn flink_windows_of_event_time_close_with_the_watermark() {
    let sql = "CREATE TABLE t (category STRING, amount DOUBLE, event_time TIMESTAMP(3), WATERMARK FOR event_time AS event_time - INTERVAL '2' SECOND) WITH ('connector' = 'kinesis');
        SELECT category, window_end, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(event_time), INTERVAL '30' SECOND)) GROUP BY category, window_start, window_end;";
    let sinks = [sink()];
    let ran = bench(
        json!({"sql": sql, "runtime": "flink"}),
        100.0,
        &["out"],
        &sinks,
    )
    .run(180);
    adds_up(&ran);
    let counted: i64 = rows(&sinks[0])
        .iter()
        .map(|r| r["n"].as_i64().unwrap())
        .sum();
    // Five windows have closed.
    assert!((14_990..=15_000).contains(&counted), "{counted}");
    assert_eq!(ran.metric("sql", "numLateRecordsDropped").sum, 0.0);
}

#[test]
fn bill_has_the_kpus_and_their_minimum() {
    // Runtime, parallelism, minutes of the run, KPU-milliseconds.
    for (runtime, parallelism, minutes, expected) in [
        ("sql", 1_u32, 5_u64, 10 * 60_000),
        ("flink", 1, 5, 2 * 10 * 60_000),
        ("flink", 3, 30, 4 * 30 * 60_000),
    ] {
        let sql = match runtime {
            "sql" => PER_MINUTE,
            _ => "SELECT amount FROM s",
        };
        let params =
            json!({"sql": sql, "runtime": runtime, "parallelism": parallelism, "backup_gb": 2.0});
        let ran = bench(params, 1.0, &["out"], &[sink()]).run(minutes * 60);
        assert_eq!(
            ran.usage("sql", "kinesis-analytics.kpu_hour"),
            expected,
            "{runtime} {parallelism}"
        );
        let storage = ran.usage("sql", "kinesis-analytics.running_storage_gb_month");
        let minute = u128::from(crate::units::GIB) * 60_000;
        let expected = match runtime {
            "sql" => 0,
            _ => 50 * u128::from(parallelism) * u128::from(minutes.max(10)),
        };
        assert_eq!(storage / minute, expected, "{runtime} {parallelism}");
        let backup = ran.usage("sql", "kinesis-analytics.durable_backup_gb_month");
        let expected = match runtime {
            "sql" => 0,
            _ => 2 * u128::from(minutes.max(10)),
        };
        assert_eq!(backup / minute, expected, "{runtime} {parallelism}");
        assert!(ran.run.bill().unknown.is_empty());
    }
}

#[test]
fn busy_processors_double_the_parallelism_after_15_minutes() {
    // 100 records a second at 9 ms each are 90 % of one KPU.
    let params = json!({"sql": "SELECT amount FROM s", "per_record_us": 9000.0, "parallelism": 1});
    let ran = bench(params, 100.0, &["out"], &[sink()]).run(20 * 60);
    adds_up(&ran);
    assert_eq!(
        ran.events("sql", "autoscaling"),
        ["parallelism goes from 1 to 2"]
    );
    assert_eq!(ran.metric("sql", "KPUs").max, 2.0);
    assert_eq!(ran.metric("sql", "fullRestarts").sum, 1.0);
}

#[test]
fn failed_tasks_lose_nothing() {
    let ran = bench(
        json!({"sql": "SELECT amount FROM s"}),
        50.0,
        &["out"],
        &[sink()],
    )
    .fault(
        ms(60_000),
        "sql",
        FaultKind::Errors,
        1.0,
        SimDuration::secs(30),
    )
    .run(600);
    adds_up(&ran);
    assert_eq!(ran.ledger("sql").dropped_total(), 0);
    assert!(ran.metric("sql", "fullRestarts").sum >= 1.0);
}

#[test]
fn bad_rows_go_to_the_error_stream_and_nothing_else_is_lost() {
    // One record in about eight has an amount below one.
    let sql = "CREATE STREAM o (category VARCHAR(16), n BIGINT); CREATE PUMP p AS INSERT INTO o SELECT STREAM category, 100 / CAST(FLOOR(amount / 40) AS BIGINT) FROM s;";
    for wired in [true, false] {
        let sinks = [sink(), sink()];
        let ports = if wired {
            &["out", "out_2"][..]
        } else {
            &["out"]
        };
        let params = json!({"sql": sql, "out_2_stream": "error_stream"});
        let ran = bench(params, 50.0, ports, &sinks).run(120);
        adds_up(&ran);
        let ledger = ran.ledger("sql");
        let (good, bad) = (rows(&sinks[0]).len() as u64, rows(&sinks[1]));
        let dropped = ledger.dropped.get("the SQL does not compute").copied();
        match wired {
            true => {
                assert!(!bad.is_empty());
                assert_eq!(bad[0]["ERROR_NAME"], "Division by zero");
                assert_eq!(dropped, None);
            }
            false => assert!(dropped.unwrap() > 0),
        }
        assert!(good > 0);
        let told = ran.metric("sql", "ErrorRows").sum;
        // What was put last may not have arrived yet.
        let counted = dropped.unwrap_or(bad.len() as u64) as f64;
        assert!((counted..=counted + 100.0).contains(&told), "{told}");
    }
}

#[test]
fn records_that_do_not_parse_are_in_the_error_stream() {
    let sql = "CREATE STREAM o (category VARCHAR(16), amount DOUBLE); CREATE PUMP p AS INSERT INTO o SELECT STREAM category, amount FROM s;";
    for (runtime, wired) in [("sql", true), ("sql", false), ("flink", false)] {
        let sinks = [sink(), sink()];
        let ports = if wired {
            &["out", "out_2"][..]
        } else {
            &["out"]
        };
        let sql = match runtime {
            "sql" => json!({"sql": sql, "out_2_stream": "error_stream"}),
            _ => json!({"sql": "SELECT category, amount FROM s", "runtime": "flink"}),
        };
        let ran = Bench::new()
            .node(
                "app",
                &Producer,
                json!({"records_per_second": 50.0, "malformed_share": 0.1}),
            )
            .node(
                "stream",
                &KinesisDataStreams,
                json!({"partition_key": "user_id"}),
            )
            .node("sql", &KinesisAnalytics, sql)
            .wire("app.out", "stream.in")
            .wire("stream.out", "sql.in");
        let ran = ports.iter().zip(&sinks).fold(ran, |bench, (port, sink)| {
            bench
                .fake(&format!("sink_{port}"), sink)
                .wire(&format!("sql.{port}"), &format!("sink_{port}.in"))
        });
        let ran = ran.run(120);
        adds_up(&ran);
        let dropped = ran.ledger("sql").dropped.get("does not parse").copied();
        if !wired {
            assert!(dropped.unwrap() > 300, "{runtime}");
            continue;
        }
        assert_eq!(dropped, None);
        let bad = rows(&sinks[1]);
        assert!(bad.len() > 300, "{}", bad.len());
        for row in bad.iter().take(20) {
            assert_eq!(row["ERROR_NAME"], "Parsing error");
            assert_eq!(row["PUMP_NAME"], Value::Null);
            let hex = row["DATA_ROW"].as_str().unwrap();
            // The bytes as they came: `#"category":…`.
            assert!(hex.starts_with("2322"), "{hex}");
        }
        assert!(ran.metric("sql", "ErrorRows").sum >= bad.len() as f64);
    }
}

#[test]
fn reference_data_comes_from_the_bucket_and_again_when_it_changes() {
    let sql = "CREATE STREAM o (category VARCHAR(16), kind VARCHAR(16)); CREATE PUMP p AS INSERT INTO o SELECT STREAM s.category, r.kind FROM \"SOURCE_SQL_STREAM_001\" AS s JOIN kinds AS r ON s.category = r.category;";
    let categories = [
        "grocery",
        "electronics",
        "travel",
        "food",
        "clothing",
        "fuel",
    ];
    let table = |what: &str| {
        let rows = categories.map(|c| format!("{c},{what}\n"));
        format!("category,kind\n{}", rows.concat())
    };
    let writer = Fake::new()
        .output("out", Flow::Objects)
        .object(ms(45_000), "reference/a.csv", table("first").as_bytes(), 6)
        .object(
            ms(200_000),
            "reference/b.csv",
            table("second").as_bytes(),
            6,
        )
        .object(
            ms(300_000),
            "reference/c.csv",
            b"category,kind\n\"broken",
            1,
        );
    let sinks = [sink()];
    let params = json!({"sql": sql, "reference_table": "kinds", "reference_key": "reference/", "reference_columns": "category VARCHAR(16), kind VARCHAR(16)"});
    let ran = bench(params, 20.0, &["out"], &sinks)
        .fake("writer", &writer)
        .node("lake", &S3, json!({}))
        .wire("writer.out", "lake.in")
        .wire("lake.bucket", "sql.reference")
        .run(420);
    adds_up(&ran);
    let told = ran.events("sql", "reference-data");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(ran.ledger("sql").errors > 0, "the third does not read");
    assert_eq!(ran.usage("sql", "s3.get_request"), 3);
    // Nothing was joined, and nothing lost, before the first object was there.
    let heard = sinks[0].notes();
    assert!(heard.iter().all(|n| n.at >= ms(45_000)));
    let found = rows(&sinks[0]);
    let of = |kind: &str| found.iter().filter(|r| r["kind"] == kind).count();
    // The first stands from 60 s to 240 s and works off what had waited.
    assert!(of("first") > 100 && of("second") > 100);
    assert_eq!(of("first") + of("second"), found.len());
}

#[test]
fn problems_of_the_script_are_told_by_the_check() {
    let kind = crate::services::kind("kinesis-analytics").unwrap();
    for (params, field, part) in [
        (json!({"sql": "SELECT (1\n + FROM s"}), "sql", "line 2"),
        (json!({"sql": ""}), "sql", "there is no SQL"),
        (json!({"parallelism": 9}), "parallelism", "9 KPUs"),
        (json!({"reference_table": "c"}), "reference_file", "no file"),
        (
            json!({"reference_table": "c", "reference_key": "c.csv"}),
            "reference_columns",
            "columns",
        ),
        (
            json!({"reference_table": "c", "reference_key": "c.csv", "reference_columns": "a FISH"}),
            "reference_columns",
            "no type `FISH`",
        ),
        (
            json!({"reference_table": "c", "reference_key": "c.csv", "reference_file": "c.csv"}),
            "reference_key",
            "leave one",
        ),
        (
            json!({"reference_table": "c", "reference_file": "../../etc/passwd"}),
            "reference_file",
            "not read",
        ),
        (
            json!({"allowed_lateness_seconds": 5}),
            "allowed_lateness_seconds",
            "never late",
        ),
    ] {
        let out = problems(kind, &params);
        let found = out
            .found
            .iter()
            .any(|p| p.field == field && p.message.contains(part));
        assert!(found, "{params}: {:?}", out.found);
    }
    let input = crate::services::testing::batch(1, 1, ms(0)).schema();
    let inputs = [("in".to_owned(), input)].into_iter().collect();
    for (params, field, part) in [
        (json!({"sql": "SELECT\n nokey FROM s"}), "sql", "line 2"),
        (
            json!({"sql": "SELECT key FROM s", "out_2_stream": "x"}),
            "out_2_stream",
            "fills no stream `x`",
        ),
    ] {
        let (_, out) = trace(kind, &params, &inputs);
        let found = out
            .found
            .iter()
            .any(|p| p.field == field && p.message.contains(part));
        assert!(found, "{params}: {:?}", out.found);
    }
    let script = json!({"sql": "CREATE STREAM a (k VARCHAR(3)); CREATE PUMP p AS INSERT INTO a SELECT STREAM key FROM s;"});
    let traced = trace(kind, &script, &inputs).0;
    assert_eq!(traced["out"].field(0).name(), "k");
}
