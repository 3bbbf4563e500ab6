use serde_json::json;

use super::config::{Config, StorageClass};
use crate::node::{AnyKind, FaultKind, Flow, Notice};
use crate::runtime::Action;
use crate::services::testing::{Bench, Fake, Heard, Ran, check_kind, ms, problems};
use crate::units::SimDuration;

static KIND: &dyn AnyKind = &super::S3;
const HOUR_MS: u64 = 3_600_000;

fn feed() -> Fake {
    Fake::new().output("out", Flow::Objects)
}
fn bench(feed: &Fake, params: serde_json::Value) -> Bench {
    Bench::new()
        .fake("feed", feed)
        .node("lake", KIND, params)
        .wire("feed.out", "lake.in")
}
fn errors(feed: &Fake) -> Vec<(&'static str, u64)> {
    let notes = feed.notes();
    let settled = notes.iter().filter_map(|n| match n.heard {
        Heard::Settled(error, records) => Some((error, records)),
        _ => None,
    });
    settled.filter(|(error, _)| !error.is_empty()).collect()
}
fn keys(ran: &Ran) -> Vec<String> {
    let all = ran.lake().list("weir-lake", "");
    all.into_iter().map(|o| o.key).collect()
}

mod classes;

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn files_are_kept_delivered_and_billed() {
    let feed = feed()
        .object(ms(1000), "a/1.json", &[b'x'; 1000], 10)
        .object(ms(2000), "a/2.json", &[b'x'; 3000], 20)
        .object_with(ms(3000), "errors/1.json", &[b'x'; 10], 3, 1, true);
    let ran = bench(&feed, json!({})).run(10);
    assert_eq!(keys(&ran), ["a/1.json", "a/2.json", "errors/1.json"]);
    let ledger = ran.ledger("lake");
    assert_eq!((ledger.delivered, ledger.failed_total()), (30, 3));
    assert_eq!(ran.usage("lake", "s3.put_request"), 3);
    let byte_ms = 1000 * 9000 + 3000 * 8000 + 10 * 7000;
    assert_eq!(ran.usage("lake", "s3.storage_standard_gb_month"), byte_ms);
    assert_eq!(ran.metric("lake", "BytesUploaded").sum, 4010.0);
    assert_eq!(ran.metric("lake", "NumberOfObjects").max, 3.0);
}

#[test]
fn overwritten_file_counts_once() {
    let feed = feed()
        .object(ms(1000), "k", &[b'x'; 100], 1)
        .object(ms(2000), "k", &[b'x'; 300], 1);
    let ran = bench(&feed, json!({})).run(3);
    assert_eq!(ran.lake().list("weir-lake", "").len(), 1);
    let byte_ms = 100 * 1000 + 300 * 1000;
    assert_eq!(ran.usage("lake", "s3.storage_standard_gb_month"), byte_ms);
}

#[test]
fn sampled_file_is_billed_whole() {
    let feed = feed().object_with(ms(0), "k", &[b'x'; 100], 5, 10, false);
    let ran = bench(&feed, json!({})).run(1);
    assert_eq!(ran.ledger("lake").delivered, 50);
    assert_eq!(ran.metric("lake", "BytesUploaded").sum, 1000.0);
    let billed = ran.usage("lake", "s3.storage_standard_gb_month");
    assert_eq!(billed, 1000 * 1000);
}

#[test]
fn prefix_over_its_rate_answers_slow_down() {
    let mut feed = Fake::new().output_with_credit("out", Flow::Objects, 10_000);
    for i in 0..3600 {
        feed = feed.object(ms(0), &format!("p/{i}"), b"x", 1);
    }
    let feed = feed
        .object(ms(0), "q/1", b"x", 1)
        .object(ms(1000), "p/again", b"x", 1);
    let ran = bench(&feed, json!({})).run(2);
    let refused = errors(&feed);
    assert_eq!(refused.len(), 100);
    assert!(refused.iter().all(|(error, _)| *error == "SlowDown"));
    assert_eq!(ran.ledger("lake").throttled, 100);
    assert_eq!(ran.metric("lake", "5xxErrors").sum, 100.0);
    assert_eq!(ran.usage("lake", "s3.put_request"), 3502);
}

#[test]
fn faults_answer_with_their_names() {
    for (kind, name) in [
        (FaultKind::Errors, "InternalError"),
        (FaultKind::Throttle, "SlowDown"),
    ] {
        let feed = feed()
            .object(ms(1000), "a", b"x", 2)
            .object(ms(9000), "b", b"x", 2);
        let ran = bench(&feed, json!({}))
            .fault(ms(500), "lake", kind, 1.0, SimDuration::secs(5))
            .run(10);
        assert_eq!(errors(&feed), [(name, 2)]);
        assert_eq!(keys(&ran), ["b"]);
    }
}

#[test]
fn hostile_keys_are_refused() {
    let bad = ["../x", "/x", "a//b", "a/../b", ""];
    let mut feed = feed();
    for key in bad {
        feed = feed.object(ms(1), key, b"x", 1);
    }
    let ran = bench(&feed, json!({})).run(1);
    assert_eq!(errors(&feed), vec![("InvalidArgument", 1); bad.len()]);
    assert_eq!(ran.metric("lake", "4xxErrors").sum, bad.len() as f64);
    assert!(keys(&ran).is_empty());
}

#[test]
fn lifecycle_rule_deletes_at_midnight() {
    let feed =
        feed()
            .object(ms(HOUR_MS), "early", b"x", 1)
            .object(ms(25 * HOUR_MS), "late", b"x", 1);
    // Both are a day old at 01:00 on days 2 and 3, and go at the next midnight.
    for (hours, left) in [
        (47, vec!["early", "late"]),
        (49, vec!["late"]),
        (73, vec![]),
    ] {
        let ran = bench(&feed, json!({"expire_days": 1}))
            .coarse(SimDuration::secs(600))
            .run(hours * 3600);
        assert_eq!(keys(&ran), left, "{hours}");
    }
}

#[test]
fn small_file_of_infrequent_access_bills_its_minimum() {
    let feed = feed().object(ms(0), "k", b"x", 1);
    let ran = bench(
        &feed,
        json!({"storage_class": "STANDARD_IA", "expire_days": 1}),
    )
    .coarse(SimDuration::secs(600))
    .run(100_000);
    assert!(keys(&ran).is_empty());
    let byte_ms = 131_072 * 30 * 86_400_000_u128;
    assert_eq!(
        ran.usage("lake", "s3.storage_standard_ia_gb_month"),
        byte_ms
    );
    assert_eq!(ran.usage("lake", "s3.put_request_standard_ia"), 1);
}

#[test]
fn bucket_is_told_and_named() {
    let reader = Fake::new().input("in", &[Flow::Bucket]);
    let ran = Bench::new()
        .node("Raw_Data", KIND, json!({}))
        .fake("reader", &reader)
        .wire("Raw_Data.bucket", "reader.in")
        .run(1);
    assert!(
        matches!(&reader.notes()[0].heard, Heard::Notice(Notice::Bucket(b)) if b == "weir-raw-data")
    );
    assert_eq!(ran.lake().buckets(), ["weir-raw-data"]);
}

#[test]
fn two_nodes_cannot_share_a_bucket() {
    let result = Bench::new()
        .node("a", KIND, json!({"bucket": "same-name"}))
        .node("b", KIND, json!({"bucket": "same-name"}))
        .try_run(1);
    let text = result.err().unwrap_or_default();
    assert!(text.contains("give each its own `bucket`"), "{text}");
}

#[test]
fn bad_names_are_problems() {
    for name in ["UPPER", "ab", "a..b", "192.168.0.1", "a/b"] {
        let config = Config {
            bucket: name.to_owned(),
            ..Config::default()
        };
        let cases = serde_json::to_value(config).unwrap();
        let result = Bench::new().node("s", KIND, cases).try_run(1);
        assert!(result.is_err(), "{name}");
    }
}

#[test]
fn rules_that_aws_refuses_are_problems() {
    for (params, field) in [
        // Files move down the waterfall only.
        (
            json!({"storage_class": "GLACIER_IR", "transition_days": 30, "transition_class": "STANDARD_IA"}),
            "transition_class",
        ),
        (
            json!({"transition_days": 90, "transition_class": "STANDARD"}),
            "transition_class",
        ),
        // And not before they are thirty days old.
        (
            json!({"transition_days": 29, "transition_class": "STANDARD_IA"}),
            "transition_days",
        ),
        (
            json!({"transition_days": 1, "transition_class": "ONEZONE_IA"}),
            "transition_days",
        ),
    ] {
        let problems = problems(KIND, &params);
        let found: Vec<&str> = problems.found.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(found, [field], "{params}");
    }
    let fine = json!({"transition_days": 30, "transition_class": "STANDARD_IA"});
    let ran = Bench::new().node("s", KIND, fine).try_run(1);
    assert!(ran.is_ok());
}

#[test]
fn events_may_come_twice_and_overtake() {
    let heard = |percent: f64| {
        let mut feed = feed();
        for i in 0..400 {
            feed = feed.object(ms(i * 10), &format!("k{i}"), b"x", 1);
        }
        let sink = Fake::new().input("in", &[Flow::Notices]);
        bench(&feed, json!({"duplicate_event_percent": percent}))
            .fake("sink", &sink)
            .wire("lake.events", "sink.in")
            .run(60);
        let notes = sink.notes().into_iter();
        let numbers = notes.filter_map(|n| match n.heard {
            Heard::Notice(Notice::Event(e)) => {
                let object = &e.detail["object"];
                Some(object["sequencer"].as_str().unwrap().to_owned())
            }
            _ => None,
        });
        numbers.collect::<Vec<String>>()
    };
    for (percent, least, most) in [(0.0, 400, 400), (25.0, 460, 540), (100.0, 800, 800)] {
        let all = heard(percent);
        assert!(
            (least..=most).contains(&all.len()),
            "{percent}: {}",
            all.len()
        );
        // Each file is told of at least once; the sequencer tells the order and what came twice.
        let once: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(once.len(), 400);
        assert!(!all.is_sorted(), "none overtakes another");
    }
}

#[test]
fn expiry_can_be_changed_while_it_runs_and_the_class_cannot() {
    let feed = feed().object(ms(0), "k", b"x", 1);
    let set = |name: &str, value: serde_json::Value| {
        Action::Set([(name.to_owned(), value)].into_iter().collect())
    };
    let ran = bench(&feed, json!({}))
        .act(ms(1000), "lake", set("expire_days", json!(1)))
        .act(ms(1000), "lake", set("storage_class", json!("GLACIER_IR")))
        .run(90_000);
    assert!(keys(&ran).is_empty());
    let said = ran.events("lake", "set");
    assert!(said[1].contains("keep their class"), "{said:?}");
    assert_eq!(StorageClass::default(), StorageClass::Standard);
}

const MIB: usize = 1 << 20;
const DAY: u64 = 86_400_000;

#[test]
fn large_files_are_uploaded_in_parts() {
    let feed = feed()
        .object(ms(0), "large", &vec![b'x'; 21 * MIB], 1)
        .object(ms(1), "small", b"x", 1);
    let params = json!({"multipart_threshold_mib": 8, "multipart_part_mib": 5});
    let ran = bench(&feed, params).run(10);
    // Create, five parts, complete; and one PUT.
    assert_eq!(ran.usage("lake", "s3.put_request"), 1 + 5 + 1 + 1);
}

#[test]
fn parts_of_an_upload_that_broke_off_are_billed_until_the_rule() {
    let feed = feed().object(ms(0), "large", &vec![b'x'; 10 * MIB], 1);
    let params = |days: u32| json!({"multipart_threshold_mib": 5, "multipart_part_mib": 5, "multipart_broken_percent": 100, "multipart_abort_days": days});
    let billed = |days: u32| {
        let ran = bench(&feed, params(days))
            .coarse(SimDuration::secs(600))
            .run(4 * 86_400);
        assert_eq!(ran.usage("lake", "s3.put_request"), 2 * (2 + 2) - 1);
        ran.usage("lake", "s3.storage_standard_gb_month") / (10 * MIB as u128)
    };
    assert_eq!(billed(0), 2 * u128::from(4 * DAY));
    let short = billed(1) - u128::from(4 * DAY);
    assert!(
        (u128::from(DAY)..=u128::from(2 * DAY)).contains(&short),
        "{short}"
    );
}

#[test]
fn versions_are_billed_until_they_expire() {
    let feed = feed()
        .object(ms(0), "k", &[b'x'; 1000], 1)
        .object(ms(0), "k", &[b'x'; 500], 1);
    let billed = |params| {
        let ran = bench(&feed, params)
            .coarse(SimDuration::secs(600))
            .run(4 * 86_400);
        ran.usage("lake", "s3.storage_standard_gb_month")
    };
    let all = u128::from(4 * DAY);
    assert_eq!(billed(json!({})), 500 * all);
    assert_eq!(billed(json!({"versioning": true})), 1500 * all);
    let gone = billed(json!({"versioning": true, "noncurrent_expire_days": 1}));
    assert!(
        gone > 500 * all && gone < 500 * all + 1000 * u128::from(2 * DAY) + 1,
        "{gone}"
    );
}

#[test]
fn readers_of_a_prefix_share_its_requests_a_second() {
    // Two readers ask at once for 11,000 files of one prefix, which answers 5,500 a second, and one for as many of another.
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let out = std::sync::Arc::clone(&seen);
    let other = Fake::new().at(ms(5_000), move |cx, _| {
        let lake = &cx.world().lake;
        for prefix in ["a", "a", "b"] {
            let gets = [(prefix.to_owned(), 11_000)].into_iter().collect();
            let own = SimDuration::ZERO;
            let late = lake.get_requests("weir-lake", &gets, (cx.now(), own), 5500);
            out.lock().unwrap().push(late.as_secs_f64());
        }
        Ok(())
    });
    let ran = Bench::new()
        .fake("feed", &feed())
        .fake("other", &other)
        .node("lake", KIND, json!({}))
        .wire("feed.out", "lake.in")
        .run(125);
    // A second's worth comes at once.
    assert_eq!(*seen.lock().unwrap(), [1.0, 3.0, 1.0]);
    let slowed = 5500.0 + 11_000.0 + 5500.0;
    assert_eq!(ran.metric("lake", "5xxErrors").sum, slowed);
    assert_eq!(ran.metric("lake", "GetRequests").sum, 33_000.0 + slowed);
    assert!(!ran.events("lake", "read-throttled").is_empty());
}
