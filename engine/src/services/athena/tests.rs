use serde_json::{Value, json};

use super::query::is_free;
use super::scan_charge;
use crate::books::Books;
use crate::lake::{Column, Format, Lake, LakeError, Table};
use crate::node::{AnyKind, FaultKind, Flow, Notice};
use crate::runtime::Action;
use crate::services::testing::{Bench, Fake, Ran, check_kind, is_refused, ms, problems};
use crate::units::{SimDuration, SimTime};

static KIND: &dyn AnyKind = &super::Athena;
const BUCKET: &str = "raw-data";
const MIB: u128 = 1 << 20;

fn secs(n: u64) -> SimTime {
    ms(n * 1000)
}
/// `n` rows of JSON.
fn rows(n: usize) -> Vec<u8> {
    (0..n)
        .flat_map(|i| format!("{{\"id\":{i},\"kind\":\"k{}\"}}\n", i % 3).into_bytes())
        .collect()
}
fn put(lake: &Lake, key: &str, bytes: &[u8], now: SimTime) -> Result<(), LakeError> {
    lake.create_bucket(BUCKET)?;
    lake.put(BUCKET, key, bytes, now, 1)?;
    lake.change_catalog(|catalog| {
        catalog.create_database("weir")?;
        if catalog.table("weir", "orders").is_some() {
            return Ok(());
        }
        let columns = vec![Column::new("id", "bigint"), Column::new("kind", "string")];
        let table = Table::new("weir", "orders", columns, BUCKET, "orders/", Format::Json);
        catalog.put_table(table, now).map(drop)
    })
}
/// A catalog without a service: tells its database at the start; the table `orders` has a file of `n` rows from each time on.
fn catalog(files: &[(u64, usize)]) -> Fake {
    let told = Notice::Catalog("weir".to_owned());
    let mut fake = Fake::new()
        .output("catalog", Flow::Catalog)
        .notice(ms(0), told);
    for &(at, n) in files {
        fake = fake.at(secs(at), move |cx, _| {
            let key = format!("orders/{at}.json");
            put(&cx.world().lake, &key, &rows(n), cx.now()).map_err(|e| e.to_string().into())
        });
    }
    fake
}
fn bench(catalog: &Fake, params: Value) -> (Bench, Fake) {
    let sink = Fake::new().input("in", &[Flow::Rows]);
    let mut full = json!({"sql": "SELECT count(*) AS n FROM orders"});
    let Value::Object(more) = params else {
        panic!("parameters are an object")
    };
    full.as_object_mut().unwrap().extend(more);
    let bench = Bench::new()
        .fake("catalog", catalog)
        .node("athena", KIND, full)
        .fake("sink", &sink)
        .wire("catalog.catalog", "athena.catalog")
        .wire("athena.rows", "sink.in");
    (bench, sink)
}
fn query(sql: &str) -> Action {
    Action::Command("query".to_owned(), json!({"sql": sql}))
}
fn counts(sink: &Fake) -> Vec<i64> {
    let column = |t: &crate::node::Table| {
        let batch = &t.rows[0];
        let column = batch.column(0).as_any();
        let array = column.downcast_ref::<arrow::array::Int64Array>().unwrap();
        array.value(0)
    };
    sink.tables().iter().map(|t| column(t)).collect()
}
fn value(ran: &Ran, name: &str) -> f64 {
    let values = &ran.gauges("athena").values;
    values.iter().find(|v| v.0 == name).unwrap().1
}

mod limits;
pub(in crate::services) use limits::scan_share;

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn query_sees_the_files_of_its_start_and_tells_the_modelled_time() {
    // The second file comes while the first query runs (its parts take 320 ms at the least).
    let catalog = catalog(&[(1, 10)]).at(ms(60_100), |cx, _| {
        let lake = &cx.world().lake;
        put(lake, "orders/late.json", &rows(5), cx.now()).map_err(|e| e.to_string().into())
    });
    let (bench, sink) = bench(&catalog, json!({}));
    let ran = bench.run(170);
    assert_eq!(counts(&sink), [10, 15]);
    assert_eq!(sink.tables()[0].at, secs(60));
    let total = ran.metric("athena", "TotalExecutionTime");
    let parts = [
        "QueryQueueTime",
        "EngineExecutionTime",
        "ServiceProcessingTime",
    ];
    let sum: f64 = parts.iter().map(|p| ran.metric("athena", p).sum).sum();
    assert!((total.sum - sum).abs() < 1e-6, "{} {sum}", total.sum);
    assert!(total.min > 320.0, "{}", total.min);
    let came = sink.notes()[0].at.since(secs(60)).as_millis_f64();
    assert!((came - ran.metric("athena", "TotalExecutionTime").min).abs() < 5000.0);
    assert_eq!(value(&ran, "succeeded"), 2.0);
    assert_eq!(ran.gauges("athena").state.as_deref(), Some("SUCCEEDED"));
}

/// The same rows in many files take as much longer as opening those files takes.
#[test]
fn many_small_files_make_a_query_slower() {
    let law = Books::for_region("us-east-1").unwrap();
    let open_ms = law
        .latency("athena.engine")
        .unwrap()
        .field("file_open_ms")
        .unwrap();
    let engine = |files: usize| {
        let all: Vec<(u64, usize)> = (0..files)
            .map(|i| (1 + i as u64 % 50, 400 / files))
            .collect();
        let mut fake = catalog(&all[..1]);
        for (i, (at, n)) in all.into_iter().enumerate().skip(1) {
            fake = fake.at(secs(at), move |cx, _| {
                let key = format!("orders/more-{i}.json");
                put(&cx.world().lake, &key, &rows(n), cx.now()).map_err(|e| e.to_string().into())
            });
        }
        let (bench, sink) = bench(&fake, json!({}));
        let ran = bench.run(100);
        assert_eq!(counts(&sink), [400]);
        ran.metric("athena", "EngineExecutionTime").sum
    };
    let slower = engine(200) - engine(1);
    let expected = 199.0 * open_ms as f64;
    assert!(
        (slower - expected).abs() < 0.02 * expected,
        "{slower} {expected}"
    );
}

#[test]
fn small_query_is_billed_its_minimum_and_its_requests() {
    let catalog = catalog(&[(1, 10), (2, 10)]);
    let (bench, _) = bench(&catalog, json!({}));
    let ran = bench.run(100);
    assert_eq!(ran.usage("athena", "athena.scanned_tb"), 10 * MIB);
    assert_eq!(ran.usage("athena", "s3.get_request"), 2);
    assert_eq!(ran.usage("athena", "s3.put_request"), 1);
    let bytes = 2 * rows(10).len();
    assert_eq!(ran.metric("athena", "ProcessedBytes").sum, bytes as f64);
}

#[test]
fn large_query_is_billed_to_the_megabyte() {
    let catalog = catalog(&[(1, 500_000)]);
    let (bench, _) = bench(&catalog, json!({}));
    let ran = bench.run(100);
    let bytes = rows(500_000).len() as u128;
    assert!(bytes > 10 * MIB && !bytes.is_multiple_of(MIB));
    let billed = ran.usage("athena", "athena.scanned_tb");
    assert_eq!(billed, bytes.div_ceil(MIB) * MIB);
}

#[test]
fn workgroup_limit_cancels_and_bills() {
    let catalog = catalog(&[(1, 500_000)]);
    let limit = json!({"workgroup_bytes_limit": 10_485_760});
    let (bench, sink) = bench(&catalog, limit);
    let ran = bench.run(100);
    assert!(sink.tables().is_empty());
    assert_eq!(ran.usage("athena", "athena.scanned_tb"), 10 * MIB);
    assert_eq!(value(&ran, "cancelled"), 1.0);
}

#[test]
fn queries_wait_for_the_first_table_and_say_so_once() {
    let catalog = catalog(&[(130, 4)]);
    let (bench, sink) = bench(&catalog, json!({}));
    let ran = bench.run(200);
    assert_eq!(counts(&sink), [4]);
    assert_eq!(ran.events("athena", "waiting").len(), 1);
    assert_eq!(ran.ledger("athena").errors, 0);
}

#[test]
fn failed_query_is_told_free_and_does_not_stop_the_run() {
    let catalog = catalog(&[(1, 4)]);
    let (bench, sink) = bench(&catalog, json!({"sql": "SELECT * FROM ordres"}));
    let ran = bench.run(100);
    let said = ran.events("athena", "errors");
    assert!(
        said[0].contains("ordres") && said[0].contains("orders"),
        "{said:?}"
    );
    assert_eq!(ran.usage("athena", "athena.scanned_tb"), 0);
    assert_eq!(value(&ran, "failed"), 1.0);
    assert!(sink.tables().is_empty());
}

#[test]
fn faults_fail_and_throttle() {
    for (kind, event, said) in [
        (FaultKind::Errors, "errors", "GENERIC_INTERNAL_ERROR"),
        (FaultKind::Throttle, "throttled", "ThrottlingException"),
    ] {
        let catalog = catalog(&[(1, 4)]);
        let (bench, sink) = bench(&catalog, json!({}));
        let ran = bench
            .fault(secs(50), "athena", kind, 1.0, SimDuration::secs(30))
            .run(100);
        assert!(sink.tables().is_empty());
        let text = ran.events("athena", event);
        assert!(text[0].contains(said), "{text:?}");
        assert_eq!(ran.usage("athena", "athena.scanned_tb"), 0);
    }
}

#[test]
fn too_many_queries_are_refused() {
    let catalog = catalog(&[(1, 4)]);
    let (mut bench, _) = bench(&catalog, json!({"schedule_seconds": 0}));
    // Sixty at a time, so that the rate of starts is not what refuses; each lasts longer than the four batches.
    let slow = crate::node::Fault {
        kind: FaultKind::Latency,
        rate: 1.0,
        factor: 1.0,
        add: SimDuration::secs(60),
        shard: 0,
    };
    bench = bench.act(ms(1), "athena", Action::Fault(slow, SimDuration::secs(900)));
    for i in 0..240 {
        bench = bench.act(secs(10 + 4 * (i / 60)), "athena", query("SELECT 1"));
    }
    let ran = bench.run(30);
    let said = ran.events("athena", "command");
    let refused = said
        .iter()
        .filter(|s| s.contains("TooManyRequestsException"));
    assert_eq!(refused.count(), 40);
    assert_eq!(
        ran.gauges("athena").utilisation,
        Some((1.0, "active queries"))
    );
}

#[test]
fn starts_beyond_the_burst_are_throttled() {
    let catalog = catalog(&[(1, 4)]);
    let (mut bench, _) = bench(&catalog, json!({"schedule_seconds": 0}));
    for _ in 0..90 {
        bench = bench.act(secs(10), "athena", query("EXPLAIN SELECT 1"));
    }
    let ran = bench.run(120);
    let said = ran.events("athena", "command");
    let refused = said.iter().filter(|s| s.contains("ThrottlingException"));
    assert_eq!(refused.count(), 10);
    // A plan is free.
    assert_eq!(ran.usage("athena", "athena.scanned_tb"), 0);
    assert_eq!(value(&ran, "succeeded"), 80.0);
}

#[test]
fn query_by_hand_runs_other_sql_and_refuses_in_words() {
    let catalog = catalog(&[(1, 9)]);
    let (bench, sink) = bench(&catalog, json!({"schedule_seconds": 0}));
    let ran = bench
        .act(
            secs(5),
            "athena",
            query("SELECT count(*) FROM orders WHERE kind = 'k1'"),
        )
        .act(secs(6), "athena", query("DELETE FROM orders"))
        .run(60);
    assert_eq!(counts(&sink), [3]);
    let said = ran.events("athena", "command");
    assert!(said[1].contains("not possible here"), "{said:?}");
}

#[test]
fn result_is_bounded() {
    let catalog = catalog(&[(1, 50)]);
    let params = json!({"sql": "SELECT id FROM orders", "max_result_rows": 7});
    let (bench, sink) = bench(&catalog, params);
    bench.run(100);
    let tables = sink.tables();
    let rows: usize = tables[0].rows.iter().map(|b| b.num_rows()).sum();
    assert_eq!(rows, 7);
}

#[test]
fn same_run_twice_is_the_same() {
    let run = || {
        let catalog = catalog(&[(1, 100), (70, 50)]);
        let (bench, sink) = bench(&catalog, json!({}));
        let ran = bench.run(300);
        (
            ran.metric("athena", "TotalExecutionTime"),
            counts(&sink),
            sink.notes().iter().map(|n| n.at).collect::<Vec<_>>(),
        )
    };
    assert_eq!(run(), run());
}

#[test]
fn bad_parameters_are_problems() {
    let cases = [
        (json!({"sql": "SELEC 1"}), "sql"),
        (json!({"sql": ""}), "sql"),
        (json!({"sql": "SELECT 1; SELECT 2"}), "sql"),
        (json!({"sql": "DELETE FROM orders"}), "sql"),
        (json!({"workgroup_bytes_limit": 5}), "workgroup_bytes_limit"),
        (json!({"max_result_rows": 0}), "max_result_rows"),
    ];
    for (params, field) in cases {
        let problems = problems(KIND, &params);
        assert!(is_refused(&problems), "{params}");
        assert_eq!(problems.found[0].field, field, "{params:?}");
    }
}

#[test]
fn free_statements_are_known() {
    for (sql, free) in [
        ("SHOW TABLES", true),
        (" describe orders", true),
        ("EXPLAIN SELECT 1", true),
        ("CREATE EXTERNAL TABLE t (a int) LOCATION 's3://b/t/'", true),
        ("ALTER TABLE t ADD PARTITION (d='1')", true),
        ("MSCK REPAIR TABLE t", true),
        ("DROP TABLE t", true),
        ("CREATE TABLE t AS SELECT 1 AS a", false),
        ("INSERT INTO t SELECT 1", false),
        (
            "UNLOAD (SELECT 1 AS a) TO 's3://b/o/' WITH (format = 'JSON')",
            false,
        ),
        ("SELECT 'show'", false),
    ] {
        assert_eq!(is_free(sql), free, "{sql}");
    }
}

/// By hand: 10 MB at the least, then whole MB, at the region's price; statements on the catalog alone are free.
#[test]
fn charge_of_a_query_by_hand_follows_the_books() {
    for region in Books::regions() {
        let books = Books::for_region(region).unwrap();
        let least = books.quota_value("athena.min_billed_bytes").unwrap();
        let step = books.quota_value("athena.billed_step_bytes").unwrap();
        let per_tb = books
            .price("athena.scanned_tb")
            .unwrap()
            .first_rate()
            .unwrap();
        for (sql, bytes, billed, minimum) in [
            ("SELECT 1", 0, least, true),
            ("SELECT * FROM t", 1, least, true),
            ("SELECT * FROM t", least, least, false),
            ("SELECT * FROM t", least + 1, least + step, false),
            ("SHOW TABLES", 0, 0, false),
        ] {
            let charge = scan_charge(&books, sql, bytes).unwrap();
            assert_eq!(
                (charge.billed_bytes, charge.minimum_applied),
                (billed, minimum),
                "{sql} {bytes}"
            );
            let wanted = per_tb.as_f64() * billed as f64 / (1_u64 << 40) as f64;
            assert!(
                (charge.usd.unwrap().as_f64() - wanted).abs() < 1e-11,
                "{charge:?}"
            );
            assert!(charge.unit_price.contains("per TB"), "{charge:?}");
            assert!(charge.price_origin.is_some() && charge.minimum_origin.is_some());
        }
    }
}

#[test]
fn more_definitions_than_the_quota_are_refused() {
    let catalog = catalog(&[(1, 4)]);
    let (mut bench, _) = bench(&catalog, json!({"schedule_seconds": 0}));
    for _ in 0..25 {
        bench = bench.act(secs(10), "athena", query("SHOW TABLES"));
    }
    let ran = bench.run(30);
    let said = ran.events("athena", "command");
    let refused = said
        .iter()
        .filter(|s| s.contains("TooManyRequestsException"));
    assert_eq!(refused.count(), 5);
    assert_eq!(ran.usage("athena", "athena.scanned_tb"), 0);
    assert_eq!(value(&ran, "succeeded"), 20.0);
}

/// A bucket with files and no catalog: the node's own statements define the tables.
fn bucket() -> Fake {
    let told = Notice::Bucket(BUCKET.to_owned());
    let fake = Fake::new()
        .output("catalog", Flow::Bucket)
        .notice(secs(5), told);
    [1, 2].into_iter().fold(fake, |fake, day| {
        fake.at(secs(day), move |cx, _| {
            let lake = &cx.world().lake;
            let key = format!("orders/day={day}/a.json");
            let put = lake
                .create_bucket(BUCKET)
                .and_then(|()| lake.put(BUCKET, &key, &rows(9), cx.now(), 9));
            put.map(drop).map_err(|e| e.to_string().into())
        })
    })
}

#[test]
fn setup_defines_tables_over_a_bucket_one_statement_after_the_other() {
    let setup = "-- orders\nCREATE EXTERNAL TABLE orders (id bigint, kind string) PARTITIONED BY (day int) STORED AS JSON \
        LOCATION 's3://raw-data/orders/' TBLPROPERTIES ('note'='a;b');\nMSCK REPAIR TABLE orders;\n\
        CREATE TABLE kinds WITH (external_location = 's3://raw-data/kinds/') AS SELECT kind, count(*) AS n FROM orders GROUP BY kind;";
    let params =
        json!({"setup": setup, "start_after_seconds": 30, "sql": "SELECT sum(n) AS n FROM kinds"});
    let (bench, sink) = bench(&bucket(), params);
    let ran = bench.run(60);
    assert_eq!(counts(&sink), [18], "{:?}", ran.events("athena", "errors"));
    assert_eq!(ran.lake().list(BUCKET, "kinds/").len(), 1);
    assert_eq!(value(&ran, "succeeded"), 4.0);
    // Two statements that define, one that reads two files and writes one, one that reads that.
    assert_eq!(ran.usage("athena", "athena.scanned_tb"), 2 * 10 * MIB);
    assert_eq!(ran.usage("athena", "s3.put_request"), 2 + 1 + 1);
}

#[test]
fn result_of_the_same_text_is_used_again_and_scans_nothing() {
    for (minutes, scans, reused) in [(0, 5, 0), (2, 2, 3), (60, 1, 4)] {
        let catalog = catalog(&[(1, 10)]);
        let (bench, sink) = bench(&catalog, json!({"result_reuse_minutes": minutes}));
        let ran = bench.run(350);
        assert_eq!(counts(&sink).len(), scans + reused, "{minutes}");
        let billed = ran.usage("athena", "athena.scanned_tb");
        assert_eq!(billed, scans as u128 * 10 * MIB, "{minutes}");
    }
}

#[test]
fn results_are_written_to_the_output_location() {
    let catalog = catalog(&[(1, 10)]);
    let sql = "SELECT kind, count(*) AS n FROM orders GROUP BY kind ORDER BY kind";
    let params = json!({"output_location": "s3://raw-data/results/", "sql": sql});
    let sink = Fake::new().input("in", &[Flow::Rows]);
    let ran = Bench::new()
        .fake("catalog", &catalog)
        .node("athena", KIND, params)
        .fake("sink", &sink)
        .wire("catalog.catalog", "athena.catalog")
        .wire("athena.rows", "sink.in")
        .run(100);
    let keys: Vec<String> = ran
        .lake()
        .list(BUCKET, "results/")
        .into_iter()
        .map(|o| o.key)
        .collect();
    assert_eq!(keys.len(), 2);
    assert!(
        keys[0].ends_with(".csv") && keys[1].ends_with(".csv.metadata"),
        "{keys:?}"
    );
    let text = String::from_utf8(ran.lake().read(BUCKET, &keys[0]).unwrap()).unwrap();
    assert_eq!(
        text,
        "\"kind\",\"n\"\n\"k0\",\"4\"\n\"k1\",\"3\"\n\"k2\",\"3\"\n"
    );
    // One LIST, and a PUT for each file.
    assert_eq!(ran.usage("athena", "s3.put_request"), 3);
}
