//! Names of files, dynamic partitioning, conversion by a table of the catalog, backup.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and instants of tests: small and positive"
)]

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use super::super::partition::Keys;
use super::super::prefix::{self, expand};
use super::{
    Fake, Flow, KIND, Notice, batch, bench, bucket, feed, files, function, ms, problems, records,
    seconds, with_function,
};
use crate::data::Batch;
use crate::lake::{Column, Format, Table};
use crate::node::ReplyStatus;
use crate::services::testing::EPOCH_MS;

#[test]
fn prefixes_are_those_of_the_developer_guide() {
    let at = EPOCH_MS + ((3 * 24 + 4) * 60 + 5) * 60_000 + 6000;
    for (prefix, errors, good, bad) in [
        ("", "", "2026/01/08/04/", "type/2026/01/08/04/"),
        ("raw/", "", "raw/2026/01/08/04/", "raw/type/2026/01/08/04/"),
        (
            "year=!{timestamp:yyyy}/m=!{timestamp:MM}/",
            "e/!{firehose:error-output-type}/",
            "year=2026/m=01/",
            "e/type/",
        ),
        (
            "!{timestamp:yy-M-d'T'HH:mm:ss}/",
            "bad/",
            "26-1-8T04:05:06/",
            "bad/",
        ),
        (
            "!{timestamp:yyyyyy/MMM/MMMM/MMMMM}/",
            "",
            "002026/Jan/January/J/",
            "type/2026/01/08/04/",
        ),
        (
            "!{firehose:random-string}/x",
            "",
            "00000000000/x",
            "type/2026/01/08/04/",
        ),
    ] {
        assert_eq!(expand(&prefix::good(prefix), at, "", 7).unwrap(), good);
        assert_eq!(
            expand(&prefix::errors(prefix, errors), at, "type", 7).unwrap(),
            bad
        );
    }
    let name = prefix::file_name("hose", at, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    assert_eq!(
        name,
        "hose-1-2026-01-08-04-05-06-01234567-89ab-cdef-0123-456789abcdef"
    );
}

#[test]
fn keys_have_the_instant_of_the_first_record_and_an_extension() {
    for (params, end) in [
        (json!({}), ""),
        (json!({"compression": "gzip"}), ".gz"),
        (
            json!({"format": "parquet", "buffer_size_mib": 64}),
            ".parquet",
        ),
    ] {
        let (feed, bucket) = (
            feed().records(seconds(3599), batch(5, 100, ms(0))),
            bucket(),
        );
        bench(&feed, &bucket, params).run(4000);
        let key = files(&bucket)[0].1.clone();
        assert!(
            key.starts_with("2026/01/05/00/hose-1-2026-01-05-00-59-59-"),
            "{key}"
        );
        assert!(key.ends_with(end), "{key}");
    }
}

/// Records with these values of `key`.
fn keyed(keys: &[Option<&str>]) -> Batch {
    let like = batch(1, 100, seconds(1));
    let n = keys.len();
    let ids: Int64Array = (0..i64::try_from(n).unwrap()).collect();
    let keys: StringArray = keys.iter().copied().collect();
    let rows = RecordBatch::try_new(like.schema(), vec![Arc::new(ids), Arc::new(keys)]).unwrap();
    Batch::new(rows, vec![seconds(1).0; n].into(), vec![100; n].into())
}
#[expect(
    clippy::needless_pass_by_value,
    reason = "written as a literal at every call"
)]
fn partitioned(more: Value) -> Value {
    let mut params = json!({
        "dynamic_partitioning": true, "partition_keys": "{who: .key}", "buffer_size_mib": 64, "buffer_interval_seconds": 60,
        "prefix": "data/who=!{partitionKeyFromQuery:who}/!{timestamp:yyyy}/"});
    for (name, value) in more.as_object().unwrap() {
        params[name] = value.clone();
    }
    params
}

#[test]
fn records_go_into_folders_by_their_keys() {
    let feed = feed().records(
        seconds(1),
        keyed(&[
            Some("a"),
            Some("b"),
            Some("a"),
            None,
            Some("../x"),
            Some(".."),
        ]),
    );
    let bucket = bucket();
    let ran = bench(&feed, &bucket, partitioned(json!({}))).run(120);
    let mut got: Vec<(String, u64, bool)> = files(&bucket)
        .into_iter()
        .map(|(_, key, n, failed)| (key.split("hose-1-").next().unwrap().to_owned(), n, failed))
        .collect();
    got.sort();
    let expected = [
        ("data/who=.._x/2026/", 1, false),
        ("data/who=_/2026/", 1, false),
        ("data/who=a/2026/", 2, false),
        ("data/who=b/2026/", 1, false),
        ("processing-failed/2026/01/05/00/", 1, true),
    ];
    assert_eq!(got, expected.map(|(k, n, f)| (k.to_owned(), n, f)));
    assert_eq!(ran.usage("hose", "firehose.dynamic_partitioning_object"), 4);
    assert_eq!(ran.usage("hose", "firehose.dynamic_partitioning_gb"), 500);
    assert_eq!(ran.usage("hose", "firehose.jq_processing_hour"), 60);
}

#[test]
fn partitions_beyond_five_hundred_go_to_the_error_output() {
    let keys: Vec<String> = (0..600).map(|i| format!("k{i}")).collect();
    let keys: Vec<Option<&str>> = keys.iter().map(|k| Some(k.as_str())).collect();
    let (feed, bucket) = (feed().records(seconds(1), keyed(&keys)), bucket());
    let ran = bench(&feed, &bucket, partitioned(json!({}))).run(120);
    let good = files(&bucket).iter().filter(|f| !f.3).count();
    let bad: u64 = files(&bucket).iter().filter(|f| f.3).map(|f| f.2).sum();
    assert_eq!((good, bad), (500, 100));
    assert_eq!(ran.metric("hose", "PartitionCountExceeded").sum, 100.0);
}

/// Partitions that a running stream buffers at once when so many new ones come a second.
pub(in crate::services) fn active_partitions(per_second: f64, buffer_seconds: u64) -> f64 {
    let mut slow = feed();
    let count = (per_second * buffer_seconds as f64 * 2.0) as u64;
    for i in 0..count {
        let key = format!("p{i}");
        // A microsecond later each, so that none comes at the instant at which another goes.
        let at = 1e9 + i as f64 * (1e9 / per_second + 1000.0);
        slow = slow.records(crate::units::SimTime(at as u64), keyed(&[Some(&key)]));
    }
    let params = partitioned(json!({"buffer_interval_seconds": buffer_seconds}));
    let ran = bench(&slow, &bucket(), params).run(buffer_seconds * 4);
    ran.metric("hose", "PartitionCount").max
}

#[test]
fn partition_problems_name_the_parameter() {
    for (more, field) in [
        (json!({"partition_keys": ""}), "partition_keys"),
        (json!({"partition_keys": "{who: key}"}), "partition_keys"),
        (
            json!({"partition_keys": "{who: .a, who: .b}"}),
            "partition_keys",
        ),
        (json!({"prefix": "data/"}), "prefix"),
        (
            json!({"prefix": "!{partitionKeyFromQuery:whom}/"}),
            "prefix",
        ),
        (json!({"buffer_size_mib": 63}), "buffer_size_mib"),
        (
            json!({"buffer_interval_seconds": 0}),
            "buffer_interval_seconds",
        ),
    ] {
        let found = problems(KIND, &partitioned(more.clone())).found;
        assert!(found.iter().any(|p| p.field == field), "{more} {found:?}");
    }
    assert!(problems(KIND, &partitioned(json!({}))).found.is_empty());
    let nested = Keys::parse("{ \"a\": .x.y , b:.z }").unwrap();
    assert_eq!(nested.names().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn conversion_follows_the_table_of_the_catalog() {
    // The table wants whole numbers where the second record has a word.
    let feed = feed().records(seconds(5), keyed(&[Some("17"), Some("many"), None]));
    let bucket = bucket();
    let catalog = Fake::new()
        .output("catalog", Flow::Catalog)
        .at(ms(1), |cx, _| {
            let columns = vec![
                Column::new("key", "bigint"),
                Column::new("id", "bigint"),
                Column::new("more", "string"),
            ];
            let table = Table::new("db", "orders", columns, "lake", "orders/", Format::Parquet);
            let now = cx.now();
            let lake = &cx.world().lake;
            lake.change_catalog(|catalog| {
                catalog.create_database("db")?;
                catalog.put_table(table, now)
            })
            .unwrap();
            Ok(())
        })
        .notice(ms(2), Notice::Catalog("db".to_owned()));
    let params = json!({"format": "parquet", "compression": "snappy", "buffer_size_mib": 64, "buffer_interval_seconds": 10, "table_name": "orders"});
    let ran = bench(&feed, &bucket, params)
        .fake("glue", &catalog)
        .wire("glue.catalog", "hose.catalog")
        .run(60);
    let got: Vec<(String, u64, bool)> = files(&bucket)
        .into_iter()
        .map(|(_, k, n, f)| (k, n, f))
        .collect();
    assert_eq!(got.len(), 2, "{got:?}");
    assert!(
        got.iter()
            .any(|(k, n, f)| k.ends_with("parquet") && *n == 2 && !f),
        "{got:?}"
    );
    assert!(
        got.iter()
            .any(|(k, n, f)| k.contains("format-conversion-failed") && *n == 1 && *f)
    );
    assert_eq!(ran.metric("hose", "FailedConversion.Records").sum, 1.0);
}

#[test]
fn backup_holds_the_records_as_they_came() {
    let feed = feed().records(seconds(1), batch(100, 1000, seconds(1)));
    let (good, raw) = (bucket(), bucket());
    let function = function(|_| Some(ReplyStatus::FunctionError));
    let params = json!({"buffer_interval_seconds": 10, "transform_interval_seconds": 1, "backup_prefix": "raw/"});
    let ran = with_function(bench(&feed, &good, params), &function)
        .fake("raw", &raw)
        .wire("hose.backup", "raw.in")
        .run(300);
    assert_eq!(records(&raw), [100]);
    assert!(files(&raw)[0].1.starts_with("raw/2026/"));
    assert_eq!(
        files(&good).iter().map(|f| (f.2, f.3)).collect::<Vec<_>>(),
        [(100, true)]
    );
    assert_eq!(ran.metric("hose", "BackupToS3.Records").sum, 100.0);
    assert_eq!(ran.ledger("hose").copied, 100);
}
