use arrow::array::Int64Array;
use serde_json::json;

use super::alarm::Alarm;
use super::athena::Athena;
use super::dashboard::Dashboard;
use super::firehose::Firehose;
use super::glue_crawler::GlueCrawler;
use super::kinesis_data_streams::KinesisDataStreams;
use super::lambda::Lambda;
use super::producer::Producer;
use super::s3::S3;
use super::testing::Bench;
use crate::node::parse_param;

#[test]
fn records_go_from_producer_to_bucket() {
    let ran = Bench::new()
        .node("producer", &Producer, json!({"records_per_second": 3000.0}))
        .node("stream", &KinesisDataStreams, json!({"shard_count": 3, "partition_key": "user_id"}))
        .node("enrich", &Lambda, json!({"sql": "SELECT *, amount * 0.01 AS fee FROM records WHERE amount > 0"}))
        .node("delivery", &Firehose, json!({"format": "parquet", "compression": "snappy", "buffer_size_mib": 64, "buffer_interval_seconds": 60}))
        .node("lake", &S3, json!({}))
        .wire("producer.out", "stream.in")
        .wire("stream.out", "delivery.in")
        .wire("delivery.transform", "enrich.invoke")
        .wire("delivery.out", "lake.in")
        .run(600);
    // What is gathered for the last call is not made yet.
    let made = ran.ledger("producer").created;
    assert!((1_800_000 - 500..=1_800_000).contains(&made), "{made}");
    assert!(ran.ledger("lake").delivered > 3000 * 300);
}

#[test]
fn whole_pipeline_answers_a_query_and_rings_an_alarm() {
    let sql = "SELECT count(*) AS n, sum(amount) AS total FROM orders";
    let ran = Bench::new()
        .node("producer", &Producer, json!({"records_per_second": 50.0}))
        .node("stream", &KinesisDataStreams, json!({"shard_count": 1, "partition_key": "user_id"}))
        .node("delivery", &Firehose, json!({"format": "parquet", "compression": "snappy", "prefix": "orders/", "buffer_size_mib": 64, "buffer_interval_seconds": 60}))
        .node("lake", &S3, json!({}))
        .node("crawler", &GlueCrawler, json!({"prefix": "orders/", "schedule_seconds": 0}))
        .node("query", &Athena, json!({"sql": sql, "schedule_seconds": 60}))
        .node("board", &Dashboard, json!({}))
        .node("busy", &Alarm, json!({"metric_name": "PutRequests", "threshold": 0.0}))
        .wire("producer.out", "stream.in")
        .wire("stream.out", "delivery.in")
        .wire("delivery.out", "lake.in")
        .wire("lake.bucket", "crawler.bucket")
        .wire("crawler.catalog", "query.catalog")
        .wire("query.rows", "board.rows")
        .wire("lake.metrics", "busy.watch")
        .wire("busy.state", "board.alarms")
        .run(600);
    assert!(ran.ledger("lake").delivered > 50 * 400);
    let shown = ran.gauges("board").table.clone().unwrap();
    let column = shown.rows[0].column(0);
    let n = column
        .as_any()
        .downcast_ref::<Int64Array>()
        .unwrap()
        .value(0);
    assert!(n > 50 * 300, "{n}");
    assert!(ran.usage("query", "athena.scanned_tb") > 0);
    assert!(
        ran.run.bill().unknown.is_empty(),
        "{:?}",
        ran.run.bill().unknown
    );
    let alarm = ran.gauges("busy").alarm.clone().unwrap();
    assert!(alarm.changes.iter().any(|c| c.to == "ALARM"), "{alarm:?}");
}

#[test]
fn every_kind_keeps_its_duties() {
    for kind in super::ALL {
        super::testing::check_kind(*kind);
    }
}

#[test]
fn every_parameter_of_every_kind_is_checked_and_read() {
    for kind in super::ALL {
        let id = kind.spec().id;
        let schema = kind.schema();
        let defaults = kind.defaults();
        for (name, value) in &defaults {
            // The default as a person would type it is the default.
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let read = parse_param(&schema, name, &text);
            let same = read
                .as_ref()
                .is_ok_and(|r| r == value || r.as_f64() == value.as_f64());
            assert!(same, "{id}.{name}: {text} is read as {read:?}");
            // Nothing takes an object in an object.
            let problems = super::testing::problems(*kind, &json!({name: {"a": {}}}));
            assert!(super::testing::is_refused(&problems), "{id}.{name}");
            assert!(
                problems.found.iter().any(|p| p.field == *name),
                "{id}.{name}: {problems:?}"
            );
            // A number beyond its range is named with the range.
            let range = &schema["properties"][name];
            if let Some(most) = range["maximum"].as_f64() {
                // JSON has one sort of number: what is read back from its text is whole where it can be.
                let over = if value.is_f64() {
                    json!(most + 1.0)
                } else {
                    serde_json::from_str(&format!("{:.0}", most + 1.0)).unwrap()
                };
                let problems = super::testing::problems(*kind, &json!({name: over}));
                assert!(
                    problems.found.iter().any(|p| p.field == *name),
                    "{id}.{name}"
                );
            }
        }
    }
}

/// Ten records a second for a minute, delivered every 20 seconds in this form; the bytes of all files.
fn delivered(form: &serde_json::Value) -> (u64, Vec<(String, Vec<u8>)>) {
    let mut params = json!({"buffer_size_mib": 64, "buffer_interval_seconds": 20});
    for (key, value) in form.as_object().unwrap() {
        params[key] = value.clone();
    }
    let ran = Bench::new()
        .node("producer", &Producer, json!({"records_per_second": 10.0}))
        .node("delivery", &Firehose, params)
        .node("lake", &S3, json!({"bucket": "files"}))
        .wire("producer.out", "delivery.in")
        .wire("delivery.out", "lake.in")
        .run(60);
    let lake = ran.lake();
    let files = lake.list("files", "").into_iter().map(|o| {
        let bytes = lake.read("files", &o.key).unwrap();
        (o.key, bytes)
    });
    (ran.ledger("lake").delivered, files.collect())
}

#[test]
fn delivered_files_hold_the_records_in_every_form() {
    use std::io::Read as _;
    for (form, end) in [(json!({}), ""), (json!({"compression": "gzip"}), ".gz")] {
        let (records, files) = delivered(&form);
        assert!(records > 300 && files.len() >= 2);
        let mut lines = 0;
        for (key, bytes) in files {
            assert!(key.ends_with(end), "{key}");
            let mut text = String::new();
            if end == ".gz" {
                flate2::read::MultiGzDecoder::new(&bytes[..])
                    .read_to_string(&mut text)
                    .unwrap();
            } else {
                text = String::from_utf8(bytes).unwrap();
            }
            for line in text.lines() {
                let value: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(value["amount"].is_number(), "{line}");
                lines += 1;
            }
        }
        assert_eq!(lines, records, "{form}");
    }
}

#[test]
fn delivered_files_of_every_compression_are_read_by_queries() {
    let count = "SELECT count(*) AS n FROM raw";
    for form in [
        json!({}),
        json!({"compression": "gzip"}),
        json!({"compression": "snappy"}),
        json!({"compression": "zstd"}),
        json!({"format": "parquet"}),
        json!({"format": "parquet", "compression": "snappy"}),
        json!({"format": "parquet", "compression": "gzip"}),
        json!({"format": "parquet", "compression": "zstd"}),
    ] {
        let mut params =
            json!({"buffer_size_mib": 64, "buffer_interval_seconds": 20, "prefix": "raw/"});
        for (key, value) in form.as_object().unwrap() {
            params[key] = value.clone();
        }
        let stop = crate::runtime::Action::Set(
            [("records_per_second".to_owned(), json!(0.0))]
                .into_iter()
                .collect(),
        );
        let ran = Bench::new()
            .node("producer", &Producer, json!({"records_per_second": 10.0}))
            .node("delivery", &Firehose, params)
            .node("lake", &S3, json!({}))
            .node(
                "crawler",
                &GlueCrawler,
                json!({"prefix": "raw/", "schedule_seconds": 300, "start_after_seconds": 300}),
            )
            .node(
                "query",
                &Athena,
                json!({"sql": count, "schedule_seconds": 600, "start_after_seconds": 600}),
            )
            .node("board", &Dashboard, json!({}))
            .wire("producer.out", "delivery.in")
            .wire("delivery.out", "lake.in")
            .wire("lake.bucket", "crawler.bucket")
            .wire("crawler.catalog", "query.catalog")
            .wire("query.rows", "board.rows")
            .act(super::testing::ms(60_000), "producer", stop)
            .run(800);
        let shown = ran.gauges("board").table.clone().unwrap();
        let n = shown.rows[0]
            .column(0)
            .as_any()
            .downcast_ref::<Int64Array>()
            .unwrap()
            .value(0);
        assert_eq!(
            u64::try_from(n).unwrap(),
            ran.ledger("lake").delivered,
            "{form}"
        );
        assert!(n > 500, "{form} {n}");
    }
}

#[test]
fn kinds_are_listed_by_id_without_doubles() {
    let ids: Vec<&str> = super::ALL.iter().map(|k| k.spec().id).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted);
}

/// Ten records a second for a minute through a delivery stream whose transform is this handler: files, and what failed.
fn transformed(code: &str) -> (u64, Vec<serde_json::Value>, Vec<serde_json::Value>) {
    let params = json!({"buffer_size_mib": 64, "buffer_interval_seconds": 20, "transform_interval_seconds": 5, "prefix": "good/"});
    let stop = crate::runtime::Action::Set(
        [("records_per_second".to_owned(), json!(0.0))]
            .into_iter()
            .collect(),
    );
    let ran = Bench::new()
        .node("producer", &Producer, json!({"records_per_second": 10.0}))
        .node("delivery", &Firehose, params)
        .node("enrich", &Lambda, json!({"code": code}))
        .node("lake", &S3, json!({"bucket": "files"}))
        .wire("producer.out", "delivery.in")
        .wire("delivery.transform", "enrich.invoke")
        .wire("delivery.out", "lake.in")
        .act(super::testing::ms(60_000), "producer", stop)
        .run(200);
    let lake = ran.lake();
    let lines = |wanted: &dyn Fn(&str) -> bool| {
        let mut all = Vec::new();
        for object in lake
            .list("files", "")
            .into_iter()
            .filter(|o| wanted(&o.key))
        {
            let bytes = lake.read("files", &object.key).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            all.extend(text.lines().map(|l| serde_json::from_str(l).unwrap()));
        }
        all
    };
    (
        ran.ledger("producer").created,
        lines(&|k| k.starts_with("good/") && !k.contains("processing-failed")),
        lines(&|k| k.contains("processing-failed")),
    )
}

#[test]
fn transform_of_the_notes_runs_in_a_whole_pipeline() {
    let code = include_str!("../../../tests/cases/transform.py");
    let (made, good, failed) = transformed(code);
    assert!(made > 500 && failed.is_empty());
    assert_eq!(good.len() as u64, made);
    for record in good {
        assert_eq!(record["source"], "firehose");
        assert_eq!(record["processed_at"], "2024-01-15T10:30:00Z");
        assert!(record["amount"].is_number(), "{record}");
    }
}

#[test]
fn records_that_the_transform_gives_back_as_failed_go_to_the_error_output() {
    use base64::Engine as _;
    let code = "def lambda_handler(event, context):\n    return {'records': [{'recordId': r['recordId'], 'result': 'ProcessingFailed' if i % 2 else 'Ok', 'data': r['data']} for i, r in enumerate(event['records'])]}\n";
    let (made, good, failed) = transformed(code);
    assert_eq!((good.len() + failed.len()) as u64, made);
    assert!(failed.len() > 200);
    for record in failed {
        assert_eq!(record["errorCode"], "Lambda.ProcessingFailedStatus");
        assert_eq!(record["attemptsMade"], 1);
        let raw = record["rawData"].as_str().unwrap();
        let raw = base64::engine::general_purpose::STANDARD
            .decode(raw)
            .unwrap();
        let raw: serde_json::Value = serde_json::from_slice(&raw).unwrap();
        assert!(raw["amount"].is_number());
    }
}

/// Limits of parameters as AWS states them: kind, parameter, least, most.
#[test]
fn parameters_have_the_limits_that_aws_states() {
    for (kind, param, least, most) in [
        ("kinesis-data-streams", "retention_hours", 24, 8760),
        ("firehose", "buffer_size_mib", 1, 128),
        ("firehose", "buffer_interval_seconds", 0, 900),
        ("lambda", "memory_mb", 128, 10_240),
        ("lambda", "timeout_seconds", 1, 900),
        ("lambda", "batch_size", 1, 10_000),
        ("lambda", "batch_window_seconds", 0, 300),
        ("lambda", "parallelization_factor", 1, 10),
        ("sqs", "visibility_timeout_seconds", 0, 43_200),
        ("sqs", "delay_seconds", 0, 900),
        ("sqs", "message_retention_period_seconds", 60, 1_209_600),
    ] {
        for (value, fits) in [
            (least - 1, false),
            (least, true),
            (most, true),
            (most + 1, false),
        ] {
            let params = json!({ param: value });
            let kind = super::kind(kind).unwrap();
            let problems = super::testing::problems(kind, &params);
            let refused = problems.found.iter().any(|p| p.field == param);
            assert_eq!(refused, !fits, "{params}: {problems:?}");
        }
    }
}
