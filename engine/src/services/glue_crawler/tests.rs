use serde_json::{Value, json};

use crate::node::{AnyKind, FaultKind, Flow, Notice};
use crate::runtime::Action;
use crate::services::testing::{Bench, Fake, Heard, Ran, check_kind, ms};
use crate::units::{SimDuration, SimTime};

static KIND: &dyn AnyKind = &super::GlueCrawler;
const BUCKET: &str = "raw-data";
const TWO: &[u8] = b"{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":\"b\"}\n";
const THREE: &[u8] =
    b"{\"id\":1,\"name\":\"a\",\"price\":1.5}\n{\"id\":2,\"name\":\"b\",\"price\":2.5}\n";

fn secs(n: u64) -> SimTime {
    ms(n * 1000)
}

/// A bucket without a service: makes it at the start and puts files at their times.
fn bucket(files: &[(u64, &str, &'static [u8])]) -> Fake {
    let mut fake = Fake::new()
        .output("bucket", Flow::Bucket)
        .at(ms(0), |cx, _| {
            let done = cx.world().lake.create_bucket(BUCKET);
            done.map_err(|e| e.to_string().into())
        });
    fake = fake.notice(ms(0), Notice::Bucket(BUCKET.to_owned()));
    for (at, key, bytes) in files {
        let (key, bytes) = ((*key).to_owned(), *bytes);
        fake = fake.at(secs(*at), move |cx, _| {
            let now = cx.now();
            let done = cx.world().lake.put(BUCKET, &key, bytes, now, 2);
            done.map(drop).map_err(|e| e.to_string().into())
        });
    }
    fake
}
fn bench(bucket: &Fake, params: Value) -> Bench {
    Bench::new()
        .fake("bucket", bucket)
        .node("crawler", KIND, params)
        .wire("bucket.bucket", "crawler.bucket")
}
fn tables(ran: &Ran, database: &str) -> Vec<(String, usize, u32)> {
    let catalog = ran.lake().catalog();
    let tables = catalog.tables(database).into_iter();
    tables
        .map(|t| (t.name.clone(), t.columns.len(), t.version))
        .collect()
}
fn by_hand() -> Value {
    json!({"schedule_seconds": 0, "crawl_on_first_data": false})
}
fn crawl() -> Action {
    Action::Command("crawl".to_owned(), Value::Null)
}

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn first_data_makes_the_table_after_the_modelled_time() {
    let bucket = bucket(&[(10, "orders/1.json", TWO)]);
    let reader = Fake::new().input("in", &[Flow::Catalog]);
    let ran = bench(&bucket, json!({"schedule_seconds": 0, "prefix": "orders/"}))
        .fake("reader", &reader)
        .wire("crawler.catalog", "reader.in")
        .run(1000);
    assert_eq!(tables(&ran, "weir"), [("orders".to_owned(), 2, 1)]);
    let notes = reader.notes();
    assert_eq!(notes.len(), 2);
    assert!(matches!(&notes[1].heard, Heard::Notice(Notice::Catalog(d)) if d == "weir"));
    // Start is 10 s at the least, and the file came at 10 s.
    assert!(notes[1].at > secs(20), "{:?}", notes[1].at);
    assert_eq!(ran.metric("crawler", "TablesCreated").sum, 1.0);
    assert_eq!(ran.metric("crawler", "ObjectsCrawled").sum, 1.0);
    assert_eq!(ran.metric("crawler", "CrawlerDuration").count, 1);
    assert_eq!(ran.gauges("crawler").state.as_deref(), Some("READY"));
}

#[test]
fn whole_bucket_of_one_shape_is_one_table_named_after_it() {
    let bucket = bucket(&[(1, "a/1.json", TWO), (1, "b/1.json", TWO)]);
    let ran = bench(&bucket, by_hand())
        .act(secs(5), "crawler", crawl())
        .run(900);
    assert_eq!(tables(&ran, "weir"), [("raw_data".to_owned(), 2, 1)]);
    let catalog = ran.lake().catalog();
    let table = catalog.table("weir", "raw_data").unwrap();
    assert_eq!(table.partition_keys[0].name, "partition_0");
}

#[test]
fn short_run_is_billed_its_minimum_and_the_requests() {
    let bucket = bucket(&[(1, "a/1.json", TWO), (1, "a/2.json", TWO)]);
    let ran = bench(&bucket, by_hand())
        .act(secs(5), "crawler", crawl())
        .run(900);
    assert_eq!(ran.usage("crawler", "glue.crawler_dpu_hour"), 2 * 600);
    assert_eq!(ran.usage("crawler", "s3.put_request"), 1);
    assert_eq!(ran.usage("crawler", "s3.get_request"), 2);
}

#[test]
fn long_run_is_billed_by_the_second() {
    let bucket = bucket(&[(1, "a/1.json", TWO)]);
    let slow = crate::node::Fault {
        kind: FaultKind::Latency,
        rate: 1.0,
        factor: 1.0,
        add: SimDuration::secs(300),
        shard: 0,
    };
    let ran = bench(&bucket, by_hand())
        .act(
            ms(1),
            "crawler",
            Action::Fault(slow, SimDuration::secs(9000)),
        )
        .act(secs(5), "crawler", crawl())
        .run(9000);
    let took = ran.metric("crawler", "CrawlerDuration").sum;
    assert!(took > 900.0, "{took}");
    let billed = ran.usage("crawler", "glue.crawler_dpu_hour");
    assert_eq!(billed as f64, 2.0 * took.ceil());
}

#[test]
fn folders_with_keys_become_partitions_and_later_ones_are_added() {
    let bucket = bucket(&[
        (1, "sales/day=1/a.json", TWO),
        (1, "sales/day=2/a.json", TWO),
        (900, "sales/day=3/a.json", TWO),
    ]);
    let ran = bench(
        &bucket,
        json!({"prefix": "sales/", "schedule_seconds": 1000, "start_after_seconds": 1000}),
    )
    .run(1500);
    let catalog = ran.lake().catalog();
    let table = catalog.table("weir", "sales").unwrap();
    assert_eq!(table.partition_keys[0].name, "day");
    assert_eq!(table.version, 1);
    let values: Vec<&str> = catalog
        .partitions("weir", "sales")
        .iter()
        .map(|p| p.values[0].as_str())
        .collect();
    assert_eq!(values, ["1", "2", "3"]);
    assert_eq!(ran.metric("crawler", "PartitionsCreated").sum, 3.0);
    assert_eq!(ran.metric("crawler", "CrawlerRuns").sum, 2.0);
}

#[test]
fn changed_columns_follow_the_policy() {
    let files: &[(u64, &str, &'static [u8])] = &[(1, "t/1.json", TWO), (900, "t/1.json", THREE)];
    let cases = [
        ("UPDATE_IN_DATABASE", 3, 2, "has version 2 now"),
        ("LOG", 2, 1, "stays as it is"),
    ];
    for (policy, columns, version, said) in cases {
        let params = json!({"update_behavior": policy, "prefix": "t/", "schedule_seconds": 1000, "start_after_seconds": 1000});
        let ran = bench(&bucket(files), params).run(1500);
        assert_eq!(
            tables(&ran, "weir"),
            [("t".to_owned(), columns, version)],
            "{policy}"
        );
        let notes = ran.events("crawler", "catalog");
        assert!(notes.iter().any(|n| n.contains(said)), "{notes:?}");
    }
}

#[test]
fn table_without_files_follows_the_policy() {
    let cases = [
        ("DEPRECATE_IN_DATABASE", 1, true),
        ("DELETE_FROM_DATABASE", 0, false),
        ("LOG", 1, false),
    ];
    for (policy, left, deprecated) in cases {
        let bucket = bucket(&[(1, "t/1.json", TWO)]).at(secs(500), |cx, _| {
            let done = cx.world().lake.delete(BUCKET, "t/1.json");
            done.map_err(|e| e.to_string().into())
        });
        let params = json!({"delete_behavior": policy, "prefix": "t/", "schedule_seconds": 1000, "start_after_seconds": 1000});
        let ran = bench(&bucket, params).run(1500);
        assert_eq!(tables(&ran, "weir").len(), left, "{policy}");
        let catalog = ran.lake().catalog();
        assert_eq!(catalog.is_deprecated("weir", "t"), deprecated, "{policy}");
    }
}

#[test]
fn run_that_comes_while_one_goes_on_is_skipped() {
    let bucket = bucket(&[(1, "a/1.json", TWO)]);
    let params =
        json!({"schedule_seconds": 10, "start_after_seconds": 10, "crawl_on_first_data": false});
    let ran = bench(&bucket, params)
        .act(secs(12), "crawler", crawl())
        .run(25);
    let skipped = ran.events("crawler", "skipped-run");
    assert!(
        skipped[0].contains("CrawlerRunningException"),
        "{skipped:?}"
    );
    let said = ran.events("crawler", "command");
    assert!(said[0].contains("CrawlerRunningException"), "{said:?}");
}

#[test]
fn failed_run_changes_nothing_and_is_billed() {
    let bucket = bucket(&[(1, "a/1.json", TWO)]);
    let ran = bench(&bucket, by_hand())
        .fault(
            ms(1),
            "crawler",
            FaultKind::Errors,
            1.0,
            SimDuration::secs(60),
        )
        .act(secs(5), "crawler", crawl())
        .run(900);
    assert!(tables(&ran, "weir").is_empty());
    assert_eq!(ran.ledger("crawler").errors, 1);
    assert_eq!(ran.usage("crawler", "glue.crawler_dpu_hour"), 1200);
}

#[test]
fn two_crawlers_do_not_take_each_others_table() {
    let bucket = bucket(&[(1, "x/t/1.json", TWO), (1, "y/t/1.json", TWO)]);
    let ran = Bench::new()
        .fake("bucket", &bucket)
        .node(
            "one",
            KIND,
            json!({"prefix": "x/t/", "schedule_seconds": 0}),
        )
        .node(
            "two",
            KIND,
            json!({"prefix": "y/t/", "schedule_seconds": 0}),
        )
        .wire("bucket.bucket", "one.bucket")
        .wire("bucket.bucket", "two.bucket")
        .run(900);
    assert_eq!(tables(&ran, "weir").len(), 1);
    let notes = [ran.events("one", "catalog"), ran.events("two", "catalog")].concat();
    assert!(
        notes.iter().any(|n| n.contains("set `table_prefix`")),
        "{notes:?}"
    );
}

#[test]
fn same_run_twice_is_the_same() {
    let run = || {
        let ran = bench(
            &bucket(&[(1, "a/1.json", TWO), (2, "b/1.json", THREE)]),
            json!({"schedule_seconds": 100, "start_after_seconds": 50}),
        )
        .run(900);
        (
            ran.metric("crawler", "CrawlerDuration"),
            ran.lake().catalog().to_json().unwrap(),
        )
    };
    assert_eq!(run(), run());
}

fn values(ran: &Ran, table: &str) -> Vec<String> {
    let catalog = ran.lake().catalog();
    let partitions = catalog.partitions("weir", table).iter();
    partitions.map(|p| p.values.join("/")).collect()
}

#[test]
fn incremental_crawl_visits_new_folders_only_and_changes_no_table() {
    let other: &'static [u8] = b"{\"x\":1,\"y\":2,\"z\":3}\n{\"x\":1,\"y\":2,\"z\":3}\n";
    let bucket = bucket(&[
        (1, "t/sales/day=1/a.json", TWO),
        (
            1,
            "t/users/a.json",
            b"{\"u\":1,\"v\":2}\n{\"u\":3,\"v\":4}\n",
        ),
        (900, "t/sales/day=1/b.json", THREE),
        (900, "t/sales/day=2/a.json", TWO),
        (900, "t/sales/day=3/a.json", other),
    ]);
    let ran = bench(
        &bucket,
        json!({"prefix": "t/", "recrawl_policy": "CRAWL_NEW_FOLDERS_ONLY", "schedule_seconds": 1000,
            "start_after_seconds": 1000, "delete_behavior": "DELETE_FROM_DATABASE"}),
    )
    .run(1500);
    assert_eq!(
        tables(&ran, "weir"),
        [("sales".to_owned(), 2, 1), ("users".to_owned(), 2, 1)]
    );
    let found = values(&ran, "sales");
    assert!(
        found.contains(&"2".to_owned()) && found.contains(&"1".to_owned()),
        "{found:?}"
    );
    // The first run looked at two files, the second at those of the two new folders.
    assert_eq!(ran.metric("crawler", "ObjectsCrawled").sum, 4.0);
}

#[test]
fn incremental_crawl_ignores_dissimilar_new_folders() {
    let other: &'static [u8] = b"{\"x\":1,\"y\":2,\"z\":3}\n{\"x\":1,\"y\":2,\"z\":3}\n";
    let bucket = bucket(&[
        (1, "sales/day=1/a.json", TWO),
        (900, "sales/day=3/a.json", other),
    ]);
    let ran = bench(
        &bucket,
        json!({"prefix": "sales/", "recrawl_policy": "CRAWL_NEW_FOLDERS_ONLY", "schedule_seconds": 1000, "start_after_seconds": 1000}),
    )
    .run(1500);
    assert_eq!(values(&ran, "sales"), ["1"]);
    let notes = ran.events("crawler", "catalog");
    assert!(
        notes
            .iter()
            .any(|n| n.contains("other columns and are ignored")),
        "{notes:?}"
    );
}

#[test]
fn merge_new_columns_only_adds() {
    let changed: &'static [u8] = b"{\"id\":\"x\",\"price\":1.5}\n{\"id\":\"y\",\"price\":2.5}\n";
    let bucket = bucket(&[(1, "t/1.json", TWO), (900, "t/1.json", changed)]);
    let ran = bench(
        &bucket,
        json!({"update_behavior": "MERGE_NEW_COLUMNS", "prefix": "t/", "schedule_seconds": 1000, "start_after_seconds": 1000}),
    )
    .run(1500);
    let catalog = ran.lake().catalog();
    let table = catalog.table("weir", "t").unwrap();
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|c| format!("{} {}", c.name, c.type_name))
        .collect();
    assert_eq!(columns, ["id bigint", "name string", "price double"]);
    assert_eq!(table.version, 2);
}

#[test]
fn table_level_makes_each_folder_of_that_level_a_table() {
    let bucket = bucket(&[
        (1, "a/x/1.json", TWO),
        (1, "a/y/1.json", TWO),
        (1, "b/x/1.json", TWO),
    ]);
    let cases = [
        (0, vec!["raw_data"]),
        (2, vec!["a", "b"]),
        (3, vec!["x", "y"]),
    ];
    for (level, wanted) in cases {
        let ran = bench(
            &bucket,
            json!({"table_level": level, "schedule_seconds": 0}),
        )
        .run(900);
        let names: Vec<String> = tables(&ran, "weir").into_iter().map(|t| t.0).collect();
        assert_eq!(names, wanted, "{level}");
    }
}

#[test]
fn custom_classifiers_come_first() {
    let text: &'static [u8] = b"a~1\nb~2\nc~3\n";
    let params = |classifiers: Value| json!({"prefix": "t/", "schedule_seconds": 0, "classifiers": classifiers});
    let bucket = bucket(&[(1, "t/1.txt", text)]);
    let without = bench(&bucket, params(json!([]))).run(900);
    assert!(tables(&without, "weir").is_empty());
    let own = bench(
        &bucket,
        params(json!([
            "csv delimiter=| columns=x,y,z",
            "csv delimiter=~ header=absent columns=name,n"
        ])),
    )
    .run(900);
    let catalog = own.lake().catalog();
    let table = catalog.table("weir", "t").unwrap();
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|c| format!("{} {}", c.name, c.type_name))
        .collect();
    assert_eq!(columns, ["name string", "n bigint"]);
    for (text, wanted) in [("grok x", "only `csv`"), ("csv sep=;", "says nothing")] {
        assert!(
            crate::lake::CsvClassifier::parse(text)
                .unwrap_err()
                .contains(wanted)
        );
    }
}

#[test]
fn file_that_changes_under_a_crawler_is_seen_as_it_was_when_it_looked() {
    // The run begins at 5 s; the start takes at least 10 s and the look follows at that instant. 300 s of latency keep the
    // catalog unwritten while the file is replaced and then removed.
    let slow = crate::node::Fault {
        kind: FaultKind::Latency,
        rate: 1.0,
        factor: 1.0,
        add: SimDuration::secs(300),
        shard: 0,
    };
    let bucket =
        bucket(&[(1, "t/1.json", TWO), (450, "t/1.json", THREE)]).at(secs(500), |cx, _| {
            let done = cx.world().lake.delete(BUCKET, "t/1.json");
            done.map_err(|e| e.to_string().into())
        });
    let ran = bench(
        &bucket,
        json!({"prefix": "t/", "schedule_seconds": 0, "crawl_on_first_data": false}),
    )
    .act(
        ms(1),
        "crawler",
        Action::Fault(slow, SimDuration::secs(9000)),
    )
    .act(secs(5), "crawler", crawl())
    .run(2000);
    assert_eq!(tables(&ran, "weir"), [("t".to_owned(), 2, 1)]);
}

#[test]
fn avro_files_become_a_table_of_their_own_columns() {
    use crate::lake::{Codec, EtlPlan, EtlSource, Format, SinkPlan, SqlEngine};
    let fake = bucket(&[(1, "raw/1.json", TWO)]).at(secs(2), |cx, _| {
        let lake = cx.world().lake.clone();
        let source = EtlSource::of_prefix(&lake, BUCKET, "raw/")
            .unwrap()
            .unwrap();
        let sink = SinkPlan {
            format: Format::Avro,
            codec: Codec::Snappy,
            partition_keys: Vec::new(),
            prefix: "avro/".to_owned(),
            file_name: "run".to_owned(),
            max_rows_per_file: 0,
        };
        let plan = EtlPlan {
            steps: Vec::new(),
            sink,
            rules: None,
            stop_on_failed_rule: false,
            bad_records_max: None,
            now_unix_seconds: 0.0,
        };
        let engine = SqlEngine::new(1, 64 << 20).unwrap();
        let job = engine
            .prepare_etl(&lake, "weir", &source, |_| true, plan)
            .unwrap();
        let file = job.run_here().unwrap().outputs.remove(0).files.remove(0);
        lake.commit(file.staged, BUCKET, &file.key, cx.now(), 2)
            .unwrap();
        Ok(())
    });
    let ran = bench(&fake, json!({"prefix": "avro/", "schedule_seconds": 0})).run(900);
    let catalog = ran.lake().catalog();
    let table = catalog.table("weir", "avro").unwrap();
    assert_eq!(
        (table.format.classification(), table.columns.len()),
        ("avro", 2)
    );
}

#[test]
fn objects_and_requests_of_the_catalog_are_billed() {
    // Two folders with keys: a database, a table and its partitions from the end of the run on.
    let bucket = bucket(&[
        (0, "orders/day=1/a.json", b"{\"id\":1,\"name\":\"x\"}\n"),
        (0, "orders/day=2/a.json", b"{\"id\":2,\"name\":\"y\"}\n"),
    ]);
    let mut params = by_hand();
    params["prefix"] = json!("orders/");
    let ran = bench(&bucket, params)
        .act(secs(10), "crawler", crawl())
        .run(3600);
    assert_eq!(ran.metric("crawler", "PartitionsCreated").sum, 2.0);
    // A table made and one call for its partitions.
    assert_eq!(ran.usage("crawler", "glue.catalog_request"), 2);
    let held = ran.usage("crawler", "glue.catalog_object_month");
    let most = 4 * 3_590_000;
    assert!(held < most && held > most - 4 * 300_000, "{held} {most}");
}
