//! What is in the files: formats, compression, the error output.

use super::super::errors::{self, Failure};
use super::{KIND, bench, bucket, feed, files, records};
use crate::data::Batch;
use crate::services::s3::S3;
use crate::services::testing::{Bench, Fake, batch, ms};
use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

#[test]
fn records_of_the_error_output_say_what_happened() {
    for (function, names) in [
        (
            Some("enrich".to_owned()),
            vec![
                "attemptsMade",
                "arrivalTimestamp",
                "errorCode",
                "errorMessage",
                "attemptEndingTimestamp",
                "rawData",
                "lambdaArn",
            ],
        ),
        (
            None,
            vec![
                "attemptsMade",
                "arrivalTimestamp",
                "lastErrorCode",
                "lastErrorMessage",
                "attemptEndingTimestamp",
                "rawData",
            ],
        ),
    ] {
        let failure = Failure {
            kind: "processing-failed",
            code: "Lambda.FunctionError",
            attempts: 4,
            function,
        };
        let mut bad = batch(2, 100, ms(0));
        bad.malformed = Some([false, true].into_iter().collect());
        let rows = errors::rows(&failure, &bad, 1000, 2000).unwrap().rows;
        let schema = rows.schema();
        let fields: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(fields, names);
        let number = |name: &str| {
            rows.column_by_name(name)
                .unwrap()
                .as_primitive::<Int64Type>()
                .value(1)
        };
        assert_eq!(
            (
                number("attemptsMade"),
                number("arrivalTimestamp"),
                number("attemptEndingTimestamp")
            ),
            (4, 1000, 2000)
        );
        let raw = rows.column_by_name("rawData").unwrap().as_string::<i32>();
        let decoded = |i| String::from_utf8(STANDARD.decode(raw.value(i)).unwrap()).unwrap();
        assert_eq!(decoded(0), r#"{"id":0,"key":"k0"}"#);
        assert_eq!(decoded(1), r##"#"id":1,"key":"k1"}"##);
    }
}

#[test]
fn records_that_cannot_be_converted_go_to_the_error_output() {
    let mut mixed = batch(10, 1000, ms(1));
    mixed.malformed = Some((0..10).map(|i| i % 5 == 0).collect());
    let (feed, bucket) = (feed().records(ms(1), mixed), bucket());
    let params = json!({"format": "parquet", "compression": "snappy", "buffer_size_mib": 64, "buffer_interval_seconds": 60});
    let ran = bench(&feed, &bucket, params).run(200);
    let mut files: Vec<(bool, u64, bool)> = files(&bucket)
        .into_iter()
        .map(|(_, key, n, failed)| (failed, n, key.starts_with("format-conversion-failed/")))
        .collect();
    files.sort_unstable();
    assert_eq!(files, [(false, 8, false), (true, 2, true)]);
    assert_eq!(ran.metric("hose", "FailedConversion.Records").sum, 2.0);
    assert_eq!(ran.metric("hose", "SucceedConversion.Records").sum, 8.0);
    // JSON delivery does not look into records.
    let mut bad = batch(4, 1000, ms(1));
    bad.malformed = Some((0..4).map(|i| i < 2).collect());
    let (feed, bucket) = (super::feed().records(ms(1), bad), super::bucket());
    bench(&feed, &bucket, json!({"buffer_interval_seconds": 60})).run(200);
    assert_eq!(records(&bucket), [4]);
}

/// The one file that is made of what `feed` sends.
fn the_file(feed: &Fake, params: Value) -> Vec<u8> {
    let ran = Bench::new()
        .fake("feed", feed)
        .node("hose", KIND, params)
        .node("lake", &S3, json!({"bucket": "files"}))
        .wire("feed.out", "hose.in")
        .wire("hose.out", "lake.in")
        .run(200);
    let files = ran.lake().list("files", "");
    assert_eq!(files.len(), 1);
    ran.lake().read("files", &files[0].key).unwrap()
}

/// Unsaid, JSON files are as they are and columns are compressed with Snappy, as Firehose does it.
#[test]
fn compression_is_firehoses_own_where_nothing_is_said() {
    for (format, like) in [("json", "none"), ("parquet", "snappy"), ("orc", "snappy")] {
        let mut contents = Vec::new();
        for compression in [json!("default"), json!(like), Value::Null] {
            let mut params =
                json!({"format": format, "buffer_size_mib": 64, "buffer_interval_seconds": 60});
            if !compression.is_null() {
                params["compression"] = compression;
            }
            let feed = feed().records(ms(1), batch(500, 1000, ms(1)));
            contents.push(the_file(&feed, params));
        }
        assert_eq!(contents[0], contents[1], "{format}");
        assert_eq!(contents[0], contents[2], "{format}");
    }
}

/// Many calls of a few records make the same file as one call of all of them.
#[test]
fn small_calls_make_the_file_of_a_large_one() {
    let all = batch(2400, 100, ms(1));
    for format in ["json", "parquet", "orc"] {
        let mut contents = Vec::new();
        for rows in [2400, 3] {
            let mut feed = feed();
            for (i, from) in (0..all.len()).step_by(rows).enumerate() {
                feed = feed.records(ms(1 + i as u64 * 10), all.slice(from, rows));
            }
            let params =
                json!({"format": format, "buffer_size_mib": 64, "buffer_interval_seconds": 60});
            contents.push(the_file(&feed, params));
        }
        assert!(contents[0] == contents[1], "{format}");
    }
}

/// The file is whole ORC, in the compression that was chosen, whatever the size of a stripe.
#[test]
fn records_are_converted_to_orc() {
    for (compression, stripe) in [("snappy", 64), ("zlib", 8), ("none", 8)] {
        let (feed, bucket) = (feed().records(ms(1), batch(500, 1000, ms(1))), bucket());
        let params = json!({"format": "orc", "compression": compression, "orc_stripe_size_mib": stripe,
            "buffer_size_mib": 64, "buffer_interval_seconds": 60});
        let ran = bench(&feed, &bucket, params).run(200);
        let files = files(&bucket);
        assert_eq!(files.len(), 1);
        assert!(files[0].1.ends_with(".orc"), "{}", files[0].1);
        assert_eq!(
            (
                files[0].2,
                ran.metric("hose", "SucceedConversion.Records").sum
            ),
            (500, 500.0)
        );
    }
}

#[test]
fn schemas_do_not_mix_in_a_parquet_file() {
    let other = {
        let b = batch(3, 100, ms(1));
        let rows = b.rows.project(&[0]).unwrap();
        Batch::new(rows, b.born, b.sizes)
    };
    for (format, expected) in [("json", vec![13]), ("parquet", vec![10, 3])] {
        let feed = feed()
            .records(ms(1), batch(10, 100, ms(1)))
            .records(ms(2), other.clone());
        let bucket = bucket();
        let params = json!({"format": format, "buffer_size_mib": 64});
        bench(&feed, &bucket, params).run(400);
        assert_eq!(records(&bucket), expected, "{format}");
    }
}

#[test]
fn records_stand_without_a_separator_unless_asked() {
    for (asked, text) in [
        (false, "{\"id\":0,\"key\":\"k0\"}{\"id\":1,\"key\":\"k1\"}"),
        (
            true,
            "{\"id\":0,\"key\":\"k0\"}\n{\"id\":1,\"key\":\"k1\"}\n",
        ),
    ] {
        let feed = feed().records(ms(1), batch(2, 19, ms(1)));
        let params = json!({"append_delimiter_to_record": asked, "buffer_interval_seconds": 10});
        let ran = Bench::new()
            .fake("feed", &feed)
            .node("hose", KIND, params)
            .node("lake", &crate::services::s3::S3, json!({}))
            .wire("feed.out", "hose.in")
            .wire("hose.out", "lake.in")
            .run(60);
        let files = ran.lake().list("weir-lake", "");
        let bytes = ran.lake().read("weir-lake", &files[0].key).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), text, "{asked}");
    }
}
