use serde_json::{Value, json};

use super::config::{Bookmark, Config, ExecutionClass, GlueVersion, WorkerType};
use super::terms::{Input, Terms, usage};
use crate::books::Books;
use crate::lake::{EtlStep, ReadClass};
use crate::node::{AnyKind, BuildCx, FaultKind, Flow, Notice, Schemas};
use crate::runtime::Action;
use crate::services::s3::S3;
use crate::services::testing::{Bench, Fake, Ran, check_kind, ms, world};
use crate::units::{SimDuration, SimTime};

static KIND: &dyn AnyKind = &super::GlueEtl;
const RAW: &str = "raw-data";
const DAY_1: &[u8] =
    b"{\"id\":1,\"day\":\"a\",\"amount\":5}\n{\"id\":2,\"day\":\"b\",\"amount\":-1}\n";
const DAY_2: &[u8] = b"{\"id\":3,\"day\":\"b\",\"amount\":7}\n";

fn secs(n: u64) -> SimTime {
    ms(n * 1000)
}
/// A bucket without a service: makes it at the start and puts files at their times.
fn raw(files: &[(u64, &str, &'static [u8])]) -> Fake {
    let mut fake = Fake::new()
        .output("bucket", Flow::Bucket)
        .at(ms(0), |cx, _| {
            let done = cx.world().lake.create_bucket(RAW);
            done.map_err(|e| e.to_string().into())
        })
        .notice(ms(0), Notice::Bucket(RAW.to_owned()));
    for (at, key, bytes) in files {
        let (key, bytes) = ((*key).to_owned(), *bytes);
        fake = fake.at(secs(*at), move |cx, _| {
            let now = cx.now();
            let done = cx.world().lake.put(RAW, &key, bytes, now, 2);
            done.map(drop).map_err(|e| e.to_string().into())
        });
    }
    fake
}
fn bench(raw: &Fake, mut params: Value) -> Bench {
    params["source_prefix"] = json!("in/");
    Bench::new()
        .fake("raw", raw)
        .node("job", KIND, params)
        .node("lake", &S3, json!({"bucket": "lake-data"}))
        .wire("raw.bucket", "job.bucket")
        .wire("job.out", "lake.in")
}
fn run() -> Action {
    Action::Command("run".to_owned(), Value::Null)
}
fn command(name: &str, argument: Value) -> Action {
    Action::Command(name.to_owned(), argument)
}
fn keys(ran: &Ran) -> Vec<String> {
    let files = ran.lake().list("lake-data", "");
    files.into_iter().map(|m| m.key).collect()
}
fn read(ran: &Ran) -> f64 {
    ran.metric("job", "glue.driver.aggregate.recordsRead").sum
}

mod bookmarks;

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn run_writes_partitions_and_the_table_at_its_modelled_end() {
    let params = json!({
        "transforms": ["Filter amount > 0", "RenameField id -> key"],
        "partition_keys": ["day"], "target_prefix": "clean/", "number_of_workers": 2
    });
    let ran = bench(
        &raw(&[(1, "in/1.json", DAY_1), (1, "in/2.json", DAY_2)]),
        params,
    )
    .act(secs(10), "job", run())
    .run(900);
    let keys = keys(&ran);
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(
        keys[0].starts_with("clean/day=a/run-")
            && keys[0].ends_with("-part-r-00000.snappy.parquet"),
        "{keys:?}"
    );
    let catalog = ran.lake().catalog();
    let table = catalog.table("weir", "clean").unwrap();
    assert_eq!((table.version, table.bucket.as_str()), (1, "lake-data"));
    let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        (names, table.partition_keys[0].name.as_str()),
        (vec!["key", "amount"], "day")
    );
    let partitions = catalog.partitions("weir", "clean");
    assert_eq!(
        partitions
            .iter()
            .map(|p| p.values[0].as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    // Start 8 s at the least, 10 s of the run, 100 ms a task: 2 files on 4 slots are one wave.
    let meta = ran.lake().list("lake-data", "clean/").remove(0);
    assert!(meta.committed_at > secs(28), "{:?}", meta.committed_at);
    assert_eq!(meta.records, Some(1));
    assert_eq!(ran.metric("job", "RecordsWritten").sum, 2.0);
    assert_eq!(read(&ran), 3.0);
    assert_eq!(
        ran.usage("job", "glue.etl_dpu_hour"),
        2 * 1000 * 60,
        "a minute at the least"
    );
    assert_eq!(ran.usage("lake", "s3.put_request"), 2);
    assert_eq!(ran.gauges("job").state.as_deref(), Some("SUCCEEDED"));
}

fn terms() -> Terms {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let cx = BuildCx {
        node: "job".to_owned(),
        inputs: Schemas::new(),
        world: world(dir.path(), runtime.handle()).unwrap(),
    };
    Terms::new(&cx).unwrap()
}

#[test]
fn glue_etl_run_cost_is_dpus_times_seconds_of_a_minute_at_the_least() {
    // 6 DPU for 15 minutes are 1.5 DPU-hours: USD 0.66, the worked example of the pricing page.
    let terms = terms();
    let quarter_hour = SimDuration::secs(900);
    assert_eq!(terms.billed(6000, quarter_hour), 3_600_000 * 3 / 2);
    assert_eq!(terms.billed(6000, SimDuration::millis(59_001)), 6000 * 60);
    assert_eq!(terms.billed(6000, SimDuration::millis(60_001)), 6000 * 61);
    assert_eq!(terms.billed(250, SimDuration::secs(3600)), 3_600_000 / 4);
}

#[test]
fn glue_worker_types_have_their_dpus() {
    let terms = terms();
    let cases = [
        (WorkerType::G025x, 500),
        (WorkerType::G1x, 2000),
        (WorkerType::G2x, 4000),
        (WorkerType::G4x, 8000),
        (WorkerType::G8x, 16_000),
        (WorkerType::G12x, 24_000),
        (WorkerType::G16x, 32_000),
    ];
    for (worker_type, milli) in cases {
        let config = Config {
            worker_type,
            number_of_workers: 2,
            ..Config::default()
        };
        let input = Input::of([1].into_iter());
        assert_eq!(terms.sizing(&config, input, 1, 0.0).milli_dpus, milli);
    }
}

#[test]
fn time_follows_bytes_tasks_and_useful_workers() {
    let terms = terms();
    let base = Config {
        number_of_workers: 5,
        ..Config::default()
    };
    let takes = |config: &Config, input| terms.sizing(config, input, 1, 0.0).takes.as_secs_f64();
    // 16 files of 100 MiB on 4 x 4 slots: one wave, each slot at a quarter of 25 MiB/s.
    let sixteen = Input::of([100 << 20; 16].into_iter());
    assert!((takes(&base, sixteen) - (10.0 + 16.0 + 0.1)).abs() < 1e-6);
    // More workers than tasks help nothing, and auto scaling does not run them.
    let many = Config {
        number_of_workers: 50,
        ..base.clone()
    };
    assert_eq!(takes(&many, sixteen), takes(&base, sixteen));
    let scaled = Config {
        auto_scaling: true,
        ..many.clone()
    };
    assert_eq!(terms.sizing(&scaled, sixteen, 1, 0.0).workers, 5);
    assert_eq!(terms.sizing(&many, sixteen, 1, 0.0).workers, 50);
    // The same bytes in small files cost a task each.
    let small = Input::of(std::iter::repeat_n(1 << 20, 1600));
    assert!((takes(&base, small) - (10.0 + 16.0 + 10.0)).abs() < 1e-6);
    // More than 50,000 files are grouped.
    let tiny = Input::of(std::iter::repeat_n(32 << 10, 51_200));
    assert!(terms.groups(tiny) && !terms.groups(small));
    assert!((takes(&base, tiny) - (10.0 + 1600.0 / (6.25 * 13.0) + 0.1)).abs() < 1e-6);
    // A large file is several tasks.
    assert_eq!(Input::of([(128 << 20) + 1].into_iter()).tasks, 2);
}

#[test]
fn assumed_throughput_is_that_of_the_latency_book() {
    let books = Books::for_region("us-east-1").unwrap();
    let law = books.latency("glue-etl.engine").unwrap();
    let bytes = Config::default().throughput_mib_per_second * f64::from(1 << 20);
    assert_eq!(law.field("bytes_per_second").map(|b| b as f64), Some(bytes));
}

#[test]
fn version_and_class_decide_the_price() {
    let key = |glue_version, execution_class| {
        usage(&Config {
            glue_version,
            execution_class,
            ..Config::default()
        })
        .key
    };
    assert_eq!(
        key(GlueVersion::V5, ExecutionClass::Standard),
        "glue.etl_dpu_hour"
    );
    assert_eq!(
        key(GlueVersion::V4, ExecutionClass::Flex),
        "glue.etl_flex_dpu_hour"
    );
    assert_eq!(
        key(GlueVersion::V6, ExecutionClass::Standard),
        "glue.etl_glue_6_dpu_hour"
    );
    assert_eq!(
        key(GlueVersion::V6, ExecutionClass::Flex),
        "glue.etl_glue_6_flex_dpu_hour"
    );
}

#[test]
fn flex_starts_later_and_costs_less() {
    let files: &[(u64, &str, &'static [u8])] = &[(1, "in/1.json", DAY_1)];
    let end = |class: &str| {
        let ran = bench(&raw(files), json!({"execution_class": class}))
            .act(secs(10), "job", run())
            .run(3600);
        let bill = ran.run.bill();
        let lines = bill.lines.iter().filter(|l| l.service == "glue-etl");
        let dpus = lines.filter(|l| l.usage_type.contains("dpu_hour"));
        let usd: f64 = dpus.map(|l| l.usd.unwrap().as_f64()).sum();
        let hours =
            ran.usage("job", "glue.etl_dpu_hour") + ran.usage("job", "glue.etl_flex_dpu_hour");
        let at = ran.lake().list("lake-data", "")[0].committed_at;
        (at, usd / (hours as f64 / 3_600_000.0))
    };
    let (flex, standard) = (end("FLEX"), end("STANDARD"));
    assert!(flex.0 > standard.0);
    // Dollars for a DPU-hour.
    assert!(
        (flex.1 - 0.29).abs() < 1e-6 && (standard.1 - 0.44).abs() < 1e-6,
        "{flex:?} {standard:?}"
    );
}

#[test]
fn one_run_at_a_time_unless_more_are_allowed() {
    for (most, runs, skipped) in [(1, 1.0, 1), (2, 2.0, 0)] {
        let ran = bench(
            &raw(&[(1, "in/1.json", DAY_1)]),
            json!({"max_concurrent_runs": most}),
        )
        .act(secs(10), "job", run())
        .act(secs(11), "job", run())
        .run(900);
        assert_eq!(ran.metric("job", "glue.succeed.ALL").sum, runs);
        let said = ran.events("job", "command");
        assert_eq!(
            said.iter()
                .filter(|s| s.contains("ConcurrentRunsExceededException"))
                .count(),
            skipped
        );
    }
}

#[test]
fn run_that_takes_too_long_times_out_and_is_not_retried() {
    let params = json!({"timeout_minutes": 1, "job_overhead_seconds": 100, "max_retries": 3, "number_of_workers": 2});
    let ran = bench(&raw(&[(1, "in/1.json", DAY_1)]), params)
        .act(secs(10), "job", run())
        .run(900);
    assert_eq!(ran.ledger("job").errors, 1);
    assert_eq!(ran.gauges("job").state.as_deref(), Some("TIMEOUT"));
    assert!(keys(&ran).is_empty());
    assert_eq!(ran.usage("job", "glue.etl_dpu_hour"), 2 * 1000 * 60);
}

#[test]
fn failed_run_writes_nothing_and_is_begun_again() {
    let params = json!({"transforms": ["SelectFields nobody"], "max_retries": 2});
    let ran = bench(&raw(&[(1, "in/1.json", DAY_1)]), params)
        .act(secs(10), "job", run())
        .run(1800);
    assert_eq!(ran.ledger("job").errors, 3);
    assert!(ran.events("job", "errors")[0].contains("there is no column `nobody`"));
    assert!(keys(&ran).is_empty() && ran.lake().catalog().tables("weir").is_empty());
    let staging = ran.lake().root().join(".staging");
    assert_eq!(
        std::fs::read_dir(staging).map_or(0, Iterator::count),
        0,
        "nothing half-written is left"
    );
}

#[test]
fn triggers_begin_runs() {
    let files: &[(u64, &str, &'static [u8])] = &[(1, "in/1.json", DAY_1)];
    let scheduled = bench(
        &raw(files),
        json!({"schedule_seconds": 600, "start_after_seconds": 300}),
    )
    .run(1200);
    assert_eq!(scheduled.metric("job", "glue.succeed.ALL").sum, 2.0);
    let event = Fake::new()
        .output("state", Flow::Notices)
        .notice(secs(50), Notice::State("ALARM".to_owned()));
    let by_event = bench(&raw(files), json!({}))
        .fake("event", &event)
        .wire("event.state", "job.trigger")
        .run(900);
    assert_eq!(by_event.metric("job", "glue.succeed.ALL").sum, 1.0);
    for (after, runs) in [(true, 2.0), (false, 0.0)] {
        let crawler = Fake::new()
            .output("catalog", Flow::Catalog)
            .notice(ms(0), Notice::Catalog("weir".to_owned()))
            .notice(secs(100), Notice::Catalog("weir".to_owned()))
            .notice(secs(600), Notice::Catalog("weir".to_owned()));
        let ran = bench(&raw(files), json!({"run_after_crawl": after}))
            .fake("crawler", &crawler)
            .wire("crawler.catalog", "job.catalog")
            .run(1200);
        assert_eq!(ran.metric("job", "glue.succeed.ALL").sum, runs);
    }
}

#[test]
fn missing_source_and_target_fail_the_run_in_one_sentence() {
    let no_table = bench(&raw(&[]), json!({"source_table": "orders"}))
        .act(secs(10), "job", run())
        .run(300);
    assert!(
        no_table.events("job", "errors")[0]
            .contains("EntityNotFoundException: there is no table `weir.orders`")
    );
    let nothing = Bench::new()
        .node("job", KIND, json!({}))
        .act(secs(10), "job", run())
        .run(300);
    assert!(nothing.events("job", "errors")[0].contains("no source"));
    let empty = bench(&raw(&[]), json!({}))
        .act(secs(10), "job", run())
        .run(300);
    assert_eq!(
        empty.metric("job", "glue.succeed.ALL").sum,
        1.0,
        "a run without input succeeds"
    );
}

#[test]
fn schema_change_gives_the_table_a_new_version() {
    let files: &[(u64, &str, &'static [u8])] = &[
        (1, "in/1.json", DAY_1),
        (
            500,
            "in/2.json",
            b"{\"id\":9,\"day\":\"c\",\"amount\":7,\"note\":\"x\"}\n",
        ),
    ];
    let ran = bench(
        &raw(files),
        json!({"job_bookmark": "job-bookmark-enable", "partition_keys": ["day"]}),
    )
    .act(secs(10), "job", run())
    .act(secs(1000), "job", run())
    .run(2000);
    let catalog = ran.lake().catalog();
    let table = catalog.table("weir", "curated").unwrap();
    assert_eq!((table.version, table.columns.len()), (2, 3));
    assert_eq!(catalog.history("weir", "curated")[0].columns.len(), 2);
    assert_eq!(catalog.partitions("weir", "curated").len(), 3);
}

#[test]
fn data_quality_gives_a_score_and_may_stop_the_job() {
    let cases = [
        ("continue", 1.0, 1),
        ("fail-after-loading", 0.0, 1),
        ("fail-without-loading", 0.0, 0),
    ];
    for (action, succeeded, files) in cases {
        let params = json!({
            "data_quality_ruleset": "Rules = [ RowCount > 1, IsComplete \"id\", ColumnValues \"amount\" > 0, RowCount < 10 ]",
            "data_quality_action": action
        });
        let ran = bench(&raw(&[(1, "in/1.json", DAY_1)]), params)
            .act(secs(10), "job", run())
            .run(900);
        assert_eq!(ran.metric("job", "DataQualityScore").sum, 75.0, "{action}");
        assert_eq!(ran.metric("job", "glue.data.quality.rules.failed").sum, 1.0);
        assert_eq!(
            ran.metric("job", "glue.succeed.ALL").sum,
            succeeded,
            "{action}"
        );
        assert_eq!(keys(&ran).len(), files, "{action}");
        assert!(ran.events("job", "data-quality")[0].contains("`ColumnValues \"amount\" > 0`"));
    }
}

#[test]
fn error_records_are_left_out_until_the_threshold() {
    let bad: &[(u64, &str, &'static [u8])] = &[(
        1,
        "in/1.json",
        b"{\"id\":1}\n{\"id\":2}\nbroken\nbroken too\n",
    )];
    let kept = bench(&raw(bad), json!({}))
        .act(secs(10), "job", run())
        .run(900);
    assert_eq!(
        (kept.metric("job", "ErrorRecords").sum, read(&kept)),
        (2.0, 2.0)
    );
    let failed = bench(&raw(bad), json!({"stage_threshold": 1}))
        .act(secs(10), "job", run())
        .run(900);
    assert!(failed.events("job", "errors")[0].contains("2 records do not parse"));
    assert!(keys(&failed).is_empty());
}

#[test]
fn archived_file_fails_a_run_unless_it_is_left_out_or_restored() {
    let files: &[(u64, &str, &'static [u8])] = &[(1, "in/1.json", DAY_1), (1, "in/2.json", DAY_2)];
    // Left out, restored; records that are read, or nothing when the run fails.
    for (left_out, restored, expected) in [
        (false, false, None),
        (true, false, Some(2.0)),
        (false, true, Some(3.0)),
    ] {
        let raw = raw(files).at(secs(2), move |cx, _| {
            cx.world()
                .lake
                .set_class(RAW, "in/2.json", ReadClass::Archive);
            cx.world().lake.set_restored(RAW, "in/2.json", restored);
            Ok(())
        });
        let ran = bench(&raw, json!({"exclude_archived_files": left_out}))
            .act(secs(10), "job", run())
            .run(900);
        let succeeded = ran.metric("job", "glue.succeed.ALL").sum > 0.0;
        assert_eq!(
            succeeded.then(|| read(&ran)),
            expected,
            "{left_out} {restored}"
        );
        if expected.is_none() {
            let why = ran.events("job", "errors");
            assert!(why[0].contains("InvalidObjectState"), "{why:?}");
        }
    }
}

#[test]
fn throttled_files_are_put_again() {
    let ran = bench(
        &raw(&[(1, "in/1.json", DAY_1)]),
        json!({"partition_keys": ["day"]}),
    )
    .fault(
        secs(5),
        "lake",
        FaultKind::Throttle,
        1.0,
        SimDuration::secs(60),
    )
    .act(secs(10), "job", run())
    .run(900);
    assert_eq!(keys(&ran).len(), 2);
    assert_eq!(ran.metric("job", "glue.succeed.ALL").sum, 1.0);
}

#[test]
fn file_that_changes_meanwhile_is_read_as_it_was() {
    // The run begins to read at about 30 s and ends after 100 s; the file is overwritten and deleted in between.
    let files: &[(u64, &str, &'static [u8])] = &[(1, "in/1.json", DAY_1), (80, "in/1.json", DAY_2)];
    let fake = raw(files).at(secs(90), |cx, _| {
        let done = cx.world().lake.delete(RAW, "in/1.json");
        done.map_err(|e| e.to_string().into())
    });
    let ran = bench(&fake, json!({"job_overhead_seconds": 200}))
        .act(secs(2), "job", run())
        .run(900);
    assert_eq!(read(&ran), 2.0);
}

#[test]
fn same_run_twice_is_the_same() {
    let once = || {
        let ran = bench(
            &raw(&[(1, "in/1.json", DAY_1)]),
            json!({"partition_keys": ["day"], "execution_class": "FLEX"}),
        )
        .act(secs(10), "job", run())
        .run(2000);
        let bytes: Vec<Vec<u8>> = keys(&ran)
            .iter()
            .map(|k| ran.lake().read("lake-data", k).unwrap())
            .collect();
        (
            keys(&ran),
            bytes,
            ran.usage("job", "glue.etl_flex_dpu_hour"),
        )
    };
    assert_eq!(once(), once());
}

#[test]
fn every_transform_of_the_manual_page_parses() {
    let page = include_str!("docs.md");
    let lines: Vec<&str> = page
        .lines()
        .filter_map(|l| l.strip_prefix("| `")?.split("` |").next())
        .collect();
    let transforms: Vec<&str> = lines
        .into_iter()
        .filter(|l| l.starts_with(char::is_uppercase))
        .collect();
    assert!(transforms.len() >= 12, "{transforms:?}");
    for line in transforms {
        EtlStep::parse(&line.replace("\\|", "|")).unwrap_or_else(|why| panic!("{line}: {why}"));
    }
    assert!(!matches!(Bookmark::default(), Bookmark::Enable));
}

/// Published cost tables: the job's own meter and the book's price come to what their quantities are worth.
#[test]
fn published_examples_come_to_the_cent() {
    let terms = terms();
    // (id, jobs x runs, DPUs, seconds of a run, cents)
    let rows = [
        ("glue-pricing-etl-1", 1, 6, 900, 66),
        ("glue-pim-1", 2 * 2 * 30, 2, 600, 1760),
        ("glue-game-etl-1", 30, 2, 120, 88),
    ];
    let books = Books::for_region("us-east-1").unwrap();
    for (id, runs, dpus, seconds, cents) in rows {
        let one = terms.billed(dpus * 1000, SimDuration::secs(seconds));
        let metered = crate::books::Metered {
            node: "job".to_owned(),
            service: "glue-etl".to_owned(),
            spec: usage(&Config::default()),
            quantity: one * runs,
        };
        let bill = crate::books::Bill::price(&books, &[metered], SimDuration::secs(3600));
        let cent = crate::units::Usd::SCALE / 100;
        assert_eq!(bill.total.0, cents * cent, "{id}");
    }
}
