use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::Firehose;
use crate::data::Batch;
use crate::node::{AnyKind, Ask, Delivery, FaultKind, Flow, Notice, Payload, ReplyStatus};
use crate::runtime::Action;
use crate::services::testing::{Bench, Fake, Heard, batch, check_kind, ms, problems, send};
use crate::units::{SimDuration, SimTime};

static KIND: &dyn AnyKind = &Firehose;
const UNAVAILABLE: &str = "ServiceUnavailableException";

fn seconds(n: u64) -> SimTime {
    ms(n * 1000)
}
fn feed() -> Fake {
    Fake::new().output_with_credit("out", Flow::Records, 100_000)
}
fn bucket() -> Fake {
    Fake::new().input("in", &[Flow::Objects])
}
fn bench(feed: &Fake, bucket: &Fake, params: Value) -> Bench {
    Bench::new()
        .fake("feed", feed)
        .node("hose", KIND, params)
        .fake("bucket", bucket)
        .wire("feed.out", "hose.in")
        .wire("hose.out", "bucket.in")
}
/// The files: when they came, key, records, whether they hold failed ones.
fn files(bucket: &Fake) -> Vec<(SimTime, String, u64, bool)> {
    let notes = bucket.notes().into_iter();
    let objects = notes.filter_map(|n| match n.heard {
        Heard::Object(key, records, failed) => Some((n.at, key, records, failed)),
        _ => None,
    });
    objects.collect()
}
fn records(bucket: &Fake) -> Vec<u64> {
    files(bucket).into_iter().map(|f| f.2).collect()
}
fn refused(feed: &Fake) -> Vec<(&'static str, u64)> {
    let notes = feed.notes().into_iter();
    let settled = notes.filter_map(|n| match n.heard {
        Heard::Settled(error, records) if !error.is_empty() => Some((error, records)),
        _ => None,
    });
    settled.collect()
}
/// A stream: gives each batch to the first poll of its lane from its time (in milliseconds) on.
fn stream(lanes: u32, batches: Vec<(u64, u32, Batch)>) -> Fake {
    let left = Arc::new(Mutex::new(batches));
    Fake::new()
        .output("out", Flow::Stream)
        .notice(ms(0), Notice::Lanes((0..lanes).collect()))
        .replying(move |cx, wire, heard| {
            let Heard::Asked(Ask::Poll { lane, .. }) = heard else {
                return Ok(());
            };
            let mut left = left.lock().unwrap();
            let next = left
                .iter()
                .position(|(at, l, _)| ms(*at) <= cx.now() && l == lane);
            let batches = next.map(|i| left.remove(i)).into_iter();
            let batches: Vec<(SimTime, Batch)> = batches.map(|(at, _, b)| (ms(at), b)).collect();
            for (_, batch) in &batches {
                cx.created(batch.records(), batch.bytes());
            }
            let delivery = Delivery {
                lane: *lane,
                batches,
                behind: SimDuration::ZERO,
                key: "".into(),
                pushed: false,
            };
            send(cx, wire, Payload::Delivery(delivery));
            Ok(())
        })
}
/// A function that answers call number `i` with `answer(i)`; none keeps the records and never answers.
fn function(answer: impl Fn(usize) -> Option<ReplyStatus> + Send + Sync + 'static) -> Fake {
    let calls = Arc::new(Mutex::new(0_usize));
    Fake::new()
        .input("in", &[Flow::Invoke])
        .replying(move |cx, wire, heard| {
            let Heard::Invoke(call, batches) = heard else {
                return Ok(());
            };
            let mut calls = calls.lock().unwrap();
            let status = answer(*calls);
            *calls += 1;
            match status {
                Some(status) => {
                    let reply = Ask::Reply {
                        call: *call,
                        status,
                        batches: batches.clone(),
                        failed: Vec::new(),
                    };
                    cx.ask(wire, reply, SimDuration::millis(50));
                }
                None => cx.dropped("kept", batches.iter().map(Batch::records).sum()),
            }
            Ok(())
        })
}
fn with_function(bench: Bench, function: &Fake) -> Bench {
    bench
        .fake("function", function)
        .wire("hose.transform", "function.in")
}
/// Records of each call that a function got.
fn calls(function: &Fake) -> Vec<u64> {
    let notes = function.notes().into_iter();
    let calls = notes.filter_map(|n| match n.heard {
        Heard::Invoke(_, batches) => Some(batches.iter().map(Batch::records).sum()),
        _ => None,
    });
    calls.collect()
}
fn set(name: &str, value: Value) -> Action {
    Action::Set([(name.to_owned(), value)].into_iter().collect())
}

mod partitions;
pub(in crate::services) use partitions::active_partitions;

mod formats;

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn file_is_written_at_its_size_or_its_interval() {
    // 1 MiB are 1,049 records of 1,000 bytes: (records, bytes each, interval, files).
    let cases: [(usize, u32, u32, &[u64]); 4] = [
        (1100, 1000, 60, &[1049, 51]),
        (1049, 1000, 60, &[1049]),
        (2500, 1000, 300, &[1049, 1049, 402]),
        (10, 1000, 0, &[10]),
    ];
    for (n, size, interval, expected) in cases {
        let (feed, bucket) = (
            feed().records(seconds(1), batch(n, size, seconds(1))),
            bucket(),
        );
        let params = json!({"buffer_size_mib": 1, "buffer_interval_seconds": interval});
        let ran = bench(&feed, &bucket, params).run(400);
        let mut got = records(&bucket);
        got.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(got, expected, "{n}");
        let last = files(&bucket).last().unwrap().0;
        let full = expected.iter().all(|r| *r == 1049);
        let due = if full { 1 } else { 1 + u64::from(interval) };
        // Firehose's own overhead and the put come on top.
        assert!(
            last > seconds(due) && last < seconds(due + 60),
            "{n} {last:?}"
        );
        assert_eq!(ran.metric("hose", "DeliveryToS3.Records").sum, n as f64);
    }
}

#[test]
fn problems_name_the_parameter() {
    for (params, field) in [
        (
            json!({"format": "parquet", "buffer_size_mib": 63}),
            "buffer_size_mib",
        ),
        (json!({"prefix": "!{timestamp:QQ}/"}), "prefix"),
        (json!({"prefix": "!{timestamp:yyyy"}), "prefix"),
        (json!({"prefix": "!{timestamp:HHH}/"}), "prefix"),
        (
            json!({"prefix": format!("!{{timestamp:{}}}/", "y".repeat(70_000))}),
            "prefix",
        ),
        (json!({"prefix": "../x/"}), "prefix"),
        (
            json!({"prefix": "!{firehose:error-output-type}/"}),
            "prefix",
        ),
        (
            json!({"error_output_prefix": "e/!{timestamp:yyyy}/"}),
            "error_output_prefix",
        ),
        (json!({"compression": "zstd"}), "compression"),
        (json!({"compression": "zlib"}), "compression"),
        (
            json!({"format": "orc", "compression": "gzip", "buffer_size_mib": 64}),
            "compression",
        ),
        (
            json!({"format": "orc", "buffer_size_mib": 5}),
            "buffer_size_mib",
        ),
        (
            json!({"format": "orc", "buffer_size_mib": 64, "orc_stripe_size_mib": 7}),
            "orc_stripe_size_mib",
        ),
        (json!({"transform_buffer_mib": 0.1}), "transform_buffer_mib"),
    ] {
        let found = problems(KIND, &params).found;
        assert_eq!(found.len(), 1, "{params} {found:?}");
        assert_eq!(found[0].field, field, "{params}");
    }
    for format in ["parquet", "orc"] {
        let params = json!({"format": format, "compression": "snappy", "buffer_size_mib": 64});
        assert!(problems(KIND, &params).found.is_empty());
    }
}

#[test]
fn every_shard_has_its_own_buffer() {
    let batches = (0..3)
        .map(|lane| (0, lane, batch(10, 100, ms(0))))
        .collect();
    let (stream, bucket) = (stream(3, batches), bucket());
    let ran = bench(&stream, &bucket, json!({"buffer_interval_seconds": 60})).run(120);
    assert_eq!(records(&bucket), [10, 10, 10]);
    let read = ran.metric("hose", "DataReadFromKinesisStream.Records").sum;
    assert_eq!(read, 30.0);
}

#[test]
fn transform_gets_batches_of_its_own_size_and_interval() {
    // (records of 1,000 bytes, size of the transform's buffer in MiB, calls).
    let cases: [(usize, f64, &[u64]); 3] = [
        (10, 1.0, &[10]),
        (2500, 1.0, &[1049, 1049, 402]),
        (2500, 3.0, &[2500]),
    ];
    for (n, mib, expected) in cases {
        let (feed, bucket) = (feed().records(ms(1), batch(n, 1000, ms(1))), bucket());
        let function = function(|_| Some(ReplyStatus::Ok));
        let params = json!({"transform_buffer_mib": mib, "transform_interval_seconds": 30, "buffer_interval_seconds": 60});
        let ran = with_function(bench(&feed, &bucket, params), &function).run(200);
        assert_eq!(calls(&function), expected, "{n}");
        assert_eq!(records(&bucket).iter().sum::<u64>(), n as u64);
        assert_eq!(
            ran.metric("hose", "ExecuteProcessing.Success").sum,
            expected.len() as f64
        );
        assert_eq!(
            ran.metric("hose", "SucceedProcessing.Records").sum,
            n as f64
        );
        let took = ran.metric("hose", "ExecuteProcessing.Duration");
        assert_eq!(took.max, 50.0);
    }
}

#[test]
fn failed_transform_is_tried_three_times_more() {
    for (failures, status) in [
        (3, ReplyStatus::FunctionError),
        (3, ReplyStatus::TooManyRequests),
        (4, ReplyStatus::FunctionError),
        (4, ReplyStatus::TooManyRequests),
    ] {
        let (feed, bucket) = (feed().records(ms(1), batch(10, 1000, ms(1))), bucket());
        let function = function(move |i| {
            Some(if i < failures {
                status
            } else {
                ReplyStatus::Ok
            })
        });
        let params = json!({"buffer_interval_seconds": 60});
        let ran = with_function(bench(&feed, &bucket, params), &function).run(400);
        let files = files(&bucket);
        assert_eq!(calls(&function), vec![10; 4]);
        assert_eq!(
            (files.len(), files[0].2, files[0].3),
            (1, 10, failures == 4)
        );
        assert_eq!(
            files[0].1.starts_with("processing-failed/2026/01/05/00/"),
            failures == 4
        );
        let good = ran.metric("hose", "ExecuteProcessing.Success");
        assert_eq!(
            (good.count, good.sum),
            (4, f64::from(u8::from(failures == 3)))
        );
    }
}

#[test]
fn direct_put_has_quotas() {
    // One call: (records, bytes each, weight, refused with what).
    let all_fit = 5_242_880 / 2000;
    for (n, size, weight, expected) in [
        (500, 1000, 1, None),
        (3000, 2000, 1, Some((UNAVAILABLE, 3000 - all_fit))),
        (6, 1_000_000, 1, Some((UNAVAILABLE, 1))),
        // 600,000 records for a quota of 500,000, in calls of 500.
        (600, 5, 1000, Some((UNAVAILABLE, 100_000))),
    ] {
        let mut input = batch(n, size, ms(10));
        input.weight = weight;
        let (feed, bucket) = (feed().records(ms(10), input), bucket());
        let ran = bench(&feed, &bucket, json!({})).run(1);
        let expected: Vec<(&str, u64)> = expected.into_iter().collect();
        assert_eq!(refused(&feed), expected, "{n} of {size}");
        let throttled = expected.iter().map(|(_, n)| *n).sum::<u64>();
        assert_eq!(ran.metric("hose", "ThrottledRecords").sum, throttled as f64);
        assert_eq!(
            ran.ledger("hose").received,
            n as u64 * u64::from(weight) - throttled
        );
    }
    // A stream has no such quota: 20 MB and 20,000 records at once are read.
    let batches = (0..20).map(|_| (0, 0, batch(1000, 1000, ms(0)))).collect();
    let (stream, to) = (self::stream(1, batches), bucket());
    let ran = bench(&stream, &to, json!({})).run(400);
    assert_eq!(ran.metric("hose", "ThrottledRecords").sum, 0.0);
    assert_eq!(ran.ledger("hose").received, 20_000);
    let mut long = batch(3, 100, ms(1));
    long.sizes = vec![100, 1_024_001, 1_024_000].into();
    let (feed, bucket) = (feed().records(ms(1), long), bucket());
    bench(&feed, &bucket, json!({})).run(1);
    assert_eq!(refused(&feed), [("InvalidArgumentException", 1)]);
}

#[test]
fn calls_over_their_quota_are_refused() {
    let mut feed = feed();
    for _ in 0..2100 {
        feed = feed.records(ms(10), batch(1, 10, ms(10)));
    }
    let bucket = bucket();
    bench(&feed, &bucket, json!({})).run(1);
    assert_eq!(refused(&feed).len(), 100);
}

#[test]
fn faults_fail_calls_and_files() {
    for (kind, error) in [
        (FaultKind::Errors, "InternalFailure"),
        (FaultKind::Throttle, UNAVAILABLE),
    ] {
        let (feed, bucket) = (
            feed()
                .records(seconds(1), batch(5, 100, ms(0)))
                .records(seconds(20), batch(7, 100, ms(0))),
            bucket(),
        );
        bench(&feed, &bucket, json!({"buffer_interval_seconds": 60}))
            .fault(ms(0), "hose", kind, 1.0, SimDuration::secs(10))
            .run(200);
        assert_eq!(refused(&feed), [(error, 5)]);
        assert_eq!(records(&bucket), [7]);
    }
    let (feed, bucket) = (feed().records(seconds(1), batch(5, 100, ms(0))), bucket());
    let ran = bench(&feed, &bucket, json!({"buffer_interval_seconds": 10}))
        .fault(
            seconds(2),
            "hose",
            FaultKind::Errors,
            1.0,
            SimDuration::secs(100),
        )
        .run(400);
    assert_eq!(records(&bucket), [5]);
    assert!(ran.metric("hose", "DeliveryToS3.Success").min < 0.5);
}

#[test]
fn bill_rounds_each_record_up_to_five_kilobytes() {
    let sizes = [1, 1024, 5120, 5121, 12_288];
    let kb5 = u128::from([1, 1, 1, 2, 3_u32].iter().sum::<u32>());
    for weight in [1, 10] {
        let mut input = batch(sizes.len(), 0, ms(1));
        input.sizes = sizes.to_vec().into();
        input.weight = weight;
        let expected = kb5 * 5120 * u128::from(weight);
        let (feed, to) = (feed().records(ms(1), input.clone()), bucket());
        let ran = bench(
            &feed,
            &to,
            json!({"format": "parquet", "buffer_size_mib": 64}),
        )
        .run(10);
        assert_eq!(ran.usage("hose", "firehose.ingested_gb"), expected);
        assert_eq!(ran.usage("hose", "firehose.kinesis_source_gb"), 0);
        assert_eq!(ran.usage("hose", "firehose.format_conversion_gb"), expected);
        let (stream, to) = (stream(1, vec![(0, 0, input)]), bucket());
        let ran = bench(&stream, &to, json!({})).run(10);
        assert_eq!(ran.usage("hose", "firehose.ingested_gb"), 0);
        assert_eq!(ran.usage("hose", "firehose.kinesis_source_gb"), expected);
        assert_eq!(ran.usage("hose", "firehose.format_conversion_gb"), 0);
    }
}

#[test]
fn refused_file_is_put_again_until_the_bucket_takes_it() {
    let feed = feed().records(ms(1), batch(10, 100, ms(1)));
    let slow = bucket().refusing(|at, _| (at < seconds(100)).then_some("SlowDown"));
    let ran = bench(&feed, &slow, json!({"buffer_interval_seconds": 10})).run(400);
    let files = files(&slow);
    assert_eq!(files.len(), 1);
    assert!(files[0].0 >= seconds(100));
    let put = ran.metric("hose", "DeliveryToS3.Success");
    assert!(put.count > 3 && put.sum == 1.0, "{put:?}");
    assert!(ran.metric("hose", "DeliveryToS3.DataFreshness").max >= 99.0);
    // After 24 hours the records are lost.
    let never = bucket().refusing(|_, _| Some("SlowDown"));
    let feed = super::tests::feed().records(ms(1), batch(10, 100, ms(1)));
    let ran = bench(&feed, &never, json!({"buffer_interval_seconds": 10})).run(25 * 3600);
    assert_eq!(ran.ledger("hose").failed_total(), 10);
    assert_eq!(ran.events("hose", "lost").len(), 1);
    let mut recent = ran.run.log.recent();
    let lost = recent.find(|e| e.kind == "lost").unwrap().at_seconds;
    assert!((86_400.0..88_000.0).contains(&lost), "{lost}");
}

#[test]
fn freshness_is_the_age_of_the_oldest_record() {
    let (feed, bucket) = (feed().records(ms(1), batch(10, 100, ms(1))), bucket());
    let ran = bench(&feed, &bucket, json!({"buffer_interval_seconds": 300})).run(600);
    let freshness = ran.metric("hose", "DeliveryToS3.DataFreshness");
    assert!((300.0..330.0).contains(&freshness.max), "{freshness:?}");
    assert_eq!(freshness.min, 0.0);
}

#[test]
fn changed_hints_hold_for_buffers_that_are_open() {
    // (interval, its change at 100 s, the file's second).
    for (before, after, due) in [(900, 30, 100), (900, 200, 201), (150, 300, 301)] {
        let (feed, bucket) = (feed().records(seconds(1), batch(10, 100, ms(1))), bucket());
        bench(&feed, &bucket, json!({"buffer_interval_seconds": before}))
            .act(
                seconds(100),
                "hose",
                set("buffer_interval_seconds", json!(after)),
            )
            .run(1000);
        let at = files(&bucket)[0].0;
        assert!(
            at > seconds(due) && at < seconds(due + 60),
            "{before} {after} {at:?}"
        );
    }
    let (feed, bucket) = (
        feed().records(seconds(1), batch(2500, 1000, ms(1))),
        bucket(),
    );
    bench(&feed, &bucket, json!({"buffer_size_mib": 5}))
        .act(seconds(10), "hose", set("buffer_size_mib", json!(1)))
        .act(seconds(20), "hose", set("format", json!("parquet")))
        .run(100);
    assert_eq!(records(&bucket), [2500]);
    // Another form closes the files that are open.
    let (feed, bucket) = (
        super::tests::feed()
            .records(seconds(1), batch(10, 100, ms(1)))
            .records(seconds(30), batch(5, 100, ms(1))),
        super::tests::bucket(),
    );
    bench(&feed, &bucket, json!({"buffer_size_mib": 64}))
        .act(seconds(10), "hose", set("format", json!("parquet")))
        .run(400);
    let keys: Vec<(u64, bool)> = files(&bucket)
        .iter()
        .map(|f| (f.2, f.1.ends_with(".parquet")))
        .collect();
    assert_eq!(keys, [(10, false), (5, true)]);
}

#[test]
fn slow_transform_holds_reading_back() {
    // A shard with 1 MiB a second for a function that never answers: five calls go out, ten wait, then reading stops.
    let batches = (0..100)
        .map(|i| (i * 1000, 0, batch(1049, 1000, ms(i * 1000))))
        .collect();
    let (stream, bucket) = (stream(1, batches), bucket());
    let function = function(|_| None);
    let ran = with_function(bench(&stream, &bucket, json!({})), &function).run(100);
    assert_eq!(calls(&function).len(), 5);
    assert_eq!(ran.ledger("hose").received, 15 * 1049);
}
