//! Readers of buckets pay for what they ask by the class of each object, and the bucket bills the bytes that were read of a cold one:
//! figures worked out by hand.

use serde_json::{Value, json};

use super::athena::Athena;
use super::glue_crawler::GlueCrawler;
use super::glue_etl::GlueEtl;
use super::s3::S3;
use super::sagemaker_job::SageMakerJob;
use super::testing::{Bench, Fake, Ran, ms};
use crate::node::Flow;
use crate::units::SimDuration;

/// Three files of 1,200 lines of 26 bytes: 31,200 bytes each.
const FILES: u64 = 3;
const LINES: usize = 1200;
const BYTES: u64 = 31_200;
const DAY_S: u64 = 86_400;

fn file() -> Vec<u8> {
    let line = |i| format!("{{\"id\":{i:06},\"kind\":\"k{}\"}}\n", i % 3);
    // A number may not begin with a nought: the first digit is 1.
    let all: String = (100_000..100_000 + LINES).map(line).collect();
    assert_eq!(all.len() as u64, BYTES);
    all.into_bytes()
}

/// A crawler at once, then a query, a job of Glue and a job of SageMaker, each once, so long after the files came.
fn ran(bucket: Value, after_s: u64) -> Ran {
    let mut feed = Fake::new().output("out", Flow::Objects);
    for i in 0..FILES {
        feed = feed.object(ms(0), &format!("orders/{i}.json"), &file(), LINES);
    }
    let never = 400 * DAY_S;
    Bench::new()
        .fake("feed", &feed)
        .node("lake", &S3, bucket)
        .node("crawler", &GlueCrawler, json!({"prefix": "orders/", "schedule_seconds": 0}))
        .node("athena", &Athena, json!({"sql": "SELECT * FROM orders", "start_after_seconds": after_s, "schedule_seconds": never}))
        .node("job", &GlueEtl, json!({"source_table": "orders", "transforms": ["Filter id > 0"], "run_after_crawl": false, "start_after_seconds": after_s, "schedule_seconds": never, "target_prefix": "made/"}))
        .node("features", &SageMakerJob, json!({"job_type": "processing", "sql": "SELECT * FROM orders", "fields": "id", "start_after_seconds": after_s, "schedule_seconds": never}))
        .node("other", &S3, json!({"bucket": "made-data"}))
        .wire("feed.out", "lake.in")
        .wire("lake.bucket", "crawler.bucket")
        .wire("crawler.catalog", "athena.catalog")
        .wire("crawler.catalog", "job.catalog")
        .wire("crawler.catalog", "features.catalog")
        .wire("job.out", "other.in")
        .wire("features.out", "other.in")
        .coarse(SimDuration::secs(600))
        .run(after_s + 7200)
}

/// Usage of each key of this beginning that a node has, without those of nothing.
fn metered(ran: &Ran, node: &str, begin: &str) -> Vec<(String, u128)> {
    let spec = crate::services::ALL.iter().map(|k| k.spec());
    let keys: std::collections::BTreeSet<&str> =
        spec.flat_map(|s| s.usage.iter().map(|u| u.key)).collect();
    let all = keys.into_iter().filter(|k| k.starts_with(begin));
    let all = all.map(|k| (k.to_owned(), ran.usage(node, k)));
    all.filter(|(_, n)| *n > 0).collect()
}

/// What a line of the bill says, in dollars; 0 without the line.
fn dollars(ran: &Ran, node: &str, key: &str) -> f64 {
    let bill = ran.run.bill();
    let lines = bill.lines.iter();
    let own = lines.filter(|l| l.node == node && l.usage_type == key);
    own.map(|l| l.usd.unwrap().as_f64()).sum()
}

#[test]
fn readers_pay_by_the_class_of_what_they_read() {
    // The class, the keys of a GET and of the bytes read, and the prices of us-east-1: dollars for 1,000 GETs, for a GB.
    let cases = [
        ("STANDARD", "s3.get_request", "", 0.0004, 0.0),
        (
            "STANDARD_IA",
            "s3.get_request_standard_ia",
            "s3.retrieval_standard_ia_gb",
            0.001,
            0.01,
        ),
        (
            "ONEZONE_IA",
            "s3.get_request_onezone_ia",
            "s3.retrieval_onezone_ia_gb",
            0.001,
            0.01,
        ),
        (
            "GLACIER_IR",
            "s3.get_request_glacier_instant",
            "s3.retrieval_glacier_instant_gb",
            0.01,
            0.03,
        ),
        (
            "INTELLIGENT_TIERING",
            "s3.get_request_intelligent_tiering",
            "",
            0.0004,
            0.0,
        ),
    ];
    for (class, get, retrieval, usd_get, usd_gb) in cases {
        let ran = ran(json!({"storage_class": class}), 1200);
        for node in ["crawler", "athena", "job", "features"] {
            // Files of less than a range or a task are one GET each.
            let asked = metered(&ran, node, "s3.get_request");
            assert_eq!(
                asked,
                [(get.to_owned(), u128::from(FILES))],
                "{class} {node}"
            );
            let usd = dollars(&ran, node, get);
            let by_hand = FILES as f64 * usd_get / 1000.0;
            assert!((usd - by_hand).abs() < 1e-12, "{class} {node}: {usd}");
        }
        // Each of the four read all of it once.
        let bytes = u128::from(4 * FILES * BYTES);
        let read = metered(&ran, "lake", "s3.retrieval");
        if retrieval.is_empty() {
            assert_eq!(read, []);
        } else {
            assert_eq!(read, [(retrieval.to_owned(), bytes)], "{class}");
            let usd = dollars(&ran, "lake", retrieval);
            let by_hand = 374_400.0 / f64::from(1 << 30) * usd_gb;
            assert!((usd - by_hand).abs() < 2e-12, "{class}: {usd}");
        }
    }
}

#[test]
fn files_that_a_rule_moved_are_read_at_the_price_of_their_new_class() {
    // The crawler reads on the first day, the others after a month; files below 128 KB stay where they are.
    let rule = json!({"transition_days": 30, "transition_class": "GLACIER_IR"});
    let small = ran(rule, 32 * DAY_S);
    let get = |ran: &Ran, node: &str| metered(ran, node, "s3.get_request");
    for node in ["crawler", "athena", "job", "features"] {
        assert_eq!(get(&small, node), [("s3.get_request".to_owned(), 3)]);
    }
    assert_eq!(metered(&small, "lake", "s3.retrieval"), []);
    // One file of 218,400 bytes moves.
    let bytes = file().repeat(7);
    let feed =
        Fake::new()
            .output("out", Flow::Objects)
            .object(ms(0), "orders/0.json", &bytes, 7 * LINES);
    let large = Bench::new()
        .fake("feed", &feed)
        .node("lake", &S3, json!({"transition_days": 30, "transition_class": "GLACIER_IR"}))
        .node("crawler", &GlueCrawler, json!({"prefix": "orders/", "schedule_seconds": 0}))
        .node("athena", &Athena, json!({"sql": "SELECT * FROM orders", "start_after_seconds": 32 * DAY_S, "schedule_seconds": 400 * DAY_S}))
        .wire("feed.out", "lake.in")
        .wire("lake.bucket", "crawler.bucket")
        .wire("crawler.catalog", "athena.catalog")
        .coarse(SimDuration::secs(600))
        .run(33 * DAY_S);
    assert_eq!(get(&large, "crawler"), [("s3.get_request".to_owned(), 1)]);
    assert_eq!(
        get(&large, "athena"),
        [("s3.get_request_glacier_instant".to_owned(), 1)]
    );
    assert_eq!(
        metered(&large, "lake", "s3.retrieval"),
        [("s3.retrieval_glacier_instant_gb".to_owned(), 218_400)]
    );
}
