use serde_json::{Value, json};

use super::config::{Config, StorageClass};
use crate::lake::Archive;
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
fn lifecycle_moves_files_down_and_bills_each_move() {
    let feed = feed()
        .object(ms(0), "big", &[b'x'; 200_000], 1)
        .object(ms(0), "small", b"x", 1);
    let params = json!({"transition_days": 1, "transition_class": "GLACIER_IR"});
    let ran = bench(&feed, params)
        .coarse(SimDuration::secs(600))
        .run(3 * 86_400);
    assert_eq!(
        ran.usage("lake", "s3.lifecycle_transition_to_glacier_instant"),
        1
    );
    // A day old at the first midnight after the first day; the file below 128 KB stays.
    let standard = ran.usage("lake", "s3.storage_standard_gb_month");
    let moved = (standard - u128::from(3 * DAY)) / 200_000;
    assert!(
        (u128::from(DAY)..=u128::from(2 * DAY)).contains(&moved),
        "{moved}"
    );
    let instant = ran.usage("lake", "s3.storage_glacier_instant_gb_month");
    assert_eq!(instant, 200_000 * (u128::from(3 * DAY) - moved));
    assert!(ran.events("lake", "moved")[0].contains("1 files"));
}

#[test]
fn early_delete_of_a_class_bills_its_least_days() {
    for (class, usage, days, extra) in [
        ("STANDARD_IA", "s3.storage_standard_ia_gb_month", 30, 0),
        ("ONEZONE_IA", "s3.storage_onezone_ia_gb_month", 30, 0),
        ("GLACIER_IR", "s3.storage_glacier_instant_gb_month", 90, 0),
        (
            "GLACIER",
            "s3.storage_glacier_flexible_gb_month",
            90,
            32_768,
        ),
        (
            "DEEP_ARCHIVE",
            "s3.storage_glacier_deep_archive_gb_month",
            180,
            32_768,
        ),
    ] {
        let feed = feed().object(ms(0), "k", &[b'x'; 200_000], 1);
        let ran = bench(&feed, json!({"storage_class": class, "expire_days": 1}))
            .coarse(SimDuration::secs(600))
            .run(3 * 86_400);
        let billed = ran.usage("lake", usage);
        assert_eq!(
            billed,
            (200_000 + extra) * u128::from(days * DAY),
            "{class}"
        );
        // Each class has its own price of a PUT.
        let put = usage
            .replace("storage", "put_request")
            .replace("_gb_month", "");
        assert_eq!(ran.usage("lake", &put), 1, "{put}");
        assert_eq!(ran.usage("lake", "s3.put_request"), 0, "{class}");
    }
}

#[test]
fn archive_adds_bytes_at_the_standard_rate_and_hides_files_from_queries() {
    let feed = feed().object(ms(0), "k", &[b'x'; 1000], 1);
    let ran = bench(&feed, json!({"storage_class": "GLACIER"})).run(100);
    assert_eq!(
        ran.usage("lake", "s3.storage_standard_gb_month"),
        8192 * 100_000
    );
    assert_eq!(
        ran.usage("lake", "s3.storage_glacier_flexible_gb_month"),
        (1000 + 32_768) * 100_000
    );
    assert_eq!(ran.usage("lake", "s3.put_request_glacier_flexible"), 1);
    assert!(ran.lake().is_archived("weir-lake", "k"));
}

#[test]
fn intelligent_tiering_watches_large_files_and_cools_them() {
    let feed =
        feed()
            .object(ms(0), "big", &[b'x'; 200_000], 1)
            .object(ms(0), "small", &[b'x'; 1000], 1);
    let ran = bench(&feed, json!({"storage_class": "INTELLIGENT_TIERING"}))
        .coarse(SimDuration::secs(600))
        .run(40 * 86_400);
    let all = u128::from(40 * DAY);
    assert_eq!(
        ran.usage("lake", "s3.intelligent_tiering_monitored_object_month"),
        all
    );
    let cool = ran.usage("lake", "s3.storage_intelligent_tiering_infrequent_gb_month");
    let warm = ran.usage("lake", "s3.storage_intelligent_tiering_frequent_gb_month");
    assert_eq!(warm + cool, 201_000 * all);
    // Thirty days without a read, then the next midnight.
    let days = cool / 200_000 / u128::from(DAY);
    assert!((8..=10).contains(&days), "{days}");
    // Ninety days without a read bring the archive tier, and a read the first one.
    let reader = Fake::new().at(ms(95 * DAY), |cx, _| {
        cx.world().lake.note_read("weir-lake", "big", 1);
        Ok(())
    });
    let ran = bench(&feed, json!({"storage_class": "INTELLIGENT_TIERING"}))
        .fake("reader", &reader)
        .coarse(SimDuration::secs(3600))
        .run(100 * 86_400);
    let days = |tier: &str| {
        let key = format!("s3.storage_intelligent_tiering_{tier}_gb_month");
        let small = if tier == "frequent" {
            100_000 * u128::from(DAY)
        } else {
            0
        };
        let all = ran.usage("lake", &key) - small;
        all as f64 / 200_000.0 / DAY as f64
    };
    for (tier, about) in [
        ("infrequent", 60.0),
        ("archive_instant", 5.0),
        ("frequent", 30.0 + 5.0),
    ] {
        assert!((days(tier) - about).abs() <= 1.1, "{tier}: {}", days(tier));
    }
    assert_eq!(ran.usage("lake", "s3.retrieval_glacier_instant_gb"), 0);
}

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
fn reads_of_a_cold_class_are_billed_by_the_gb_and_files_of_others_are_stored() {
    let other = Fake::new().at(ms(5_000), |cx, _| {
        let lake = &cx.world().lake;
        lake.put("weir-lake", "theirs", &[b'x'; 200_000], cx.now(), 1)
            .map_err(|e| e.to_string())?;
        lake.note_read("weir-lake", "theirs", 1000);
        Ok(())
    });
    let ran = Bench::new()
        .fake("feed", &feed())
        .fake("other", &other)
        .node("lake", KIND, json!({"storage_class": "STANDARD_IA"}))
        .wire("feed.out", "lake.in")
        .run(125);
    assert_eq!(ran.usage("lake", "s3.retrieval_standard_ia_gb"), 1000);
    // From its own instant on, though the bucket heard of it later.
    assert_eq!(
        ran.usage("lake", "s3.storage_standard_ia_gb_month"),
        200_000 * 120_000
    );
}

/// Bytes of a restored copy, in byte-milliseconds of the Standard rate beyond the 8 KB of the archive.
fn copied(ran: &Ran, until_ms: u64) -> u128 {
    ran.usage("lake", "s3.storage_standard_gb_month") - 8192 * u128::from(until_ms)
}

#[test]
fn restored_files_come_after_their_time_and_stay_until_midnight() {
    // Class, tier, least and most hours until the copies are there.
    for (class, tier, least, most) in [
        ("GLACIER", "EXPEDITED", 1.0 / 60.0, 5.0 / 60.0),
        ("GLACIER", "STANDARD", 3.0, 5.0),
        ("GLACIER", "BULK", 5.0, 12.0),
        ("DEEP_ARCHIVE", "STANDARD", 0.0, 12.0),
        ("DEEP_ARCHIVE", "BULK", 0.0, 48.0),
    ] {
        let feed =
            feed()
                .object(ms(0), "a/1", &[b'x'; 1000], 1)
                .object(ms(0), "b/2", &[b'x'; 1000], 1);
        let params = json!({"storage_class": class, "restore_prefix": "a/", "restore_tier": tier, "restore_days": 2});
        let Value::Object(restore) = params else {
            panic!()
        };
        let days = 7;
        let ran = bench(&feed, json!({"storage_class": class}))
            .act(ms(HOUR_MS), "lake", Action::Set(restore))
            .coarse(SimDuration::secs(600))
            .run(days * 86_400);
        let name = if class == "GLACIER" {
            "glacier_flexible"
        } else {
            "deep_archive"
        };
        let tier = tier.to_lowercase();
        let key = format!("s3.restore_request_{name}_{tier}");
        assert_eq!(ran.usage("lake", &key), 1, "{key}");
        assert_eq!(
            ran.usage("lake", &format!("s3.retrieval_{name}_{tier}_gb")),
            1000
        );
        // From its coming to the midnight after two days.
        let lasted = copied(&ran, 2 * days * DAY) / 1000;
        let hours = lasted as f64 / HOUR_MS as f64;
        let (first, last) = (1.0 + least, 1.0 + most * 1.2);
        let came = [72.0, 96.0, 120.0].map(|end| end - hours);
        let fits = came.iter().any(|at| (first..=last).contains(at));
        assert!(
            fits && (48.0..72.0).contains(&hours),
            "{class} {tier}: {hours}"
        );
        assert!(ran.lake().is_archived("weir-lake", "a/1"));
    }
}

#[test]
fn restored_copy_can_be_read_and_expedited_is_not_for_the_deep_archive() {
    let restore = |class: &str, tier: &str| {
        let feed = feed().object(ms(0), "a/1", &[b'x'; 1000], 1);
        let params = json!({"storage_class": class, "restore_prefix": "", "restore_tier": tier});
        let Value::Object(params) = params else {
            panic!()
        };
        bench(&feed, json!({"storage_class": class}))
            .act(ms(60_000), "lake", Action::Set(params))
            .run(6 * 3600)
    };
    let ran = restore("GLACIER", "STANDARD");
    assert_eq!(ran.lake().archive_of("weir-lake", "a/1"), Archive::Restored);
    let ran = restore("DEEP_ARCHIVE", "EXPEDITED");
    assert_eq!(ran.lake().archive_of("weir-lake", "a/1"), Archive::Archived);
    assert!(ran.events("lake", "restore")[0].contains("InvalidArgument"));
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

#[test]
fn lifecycle_goes_down_the_waterfall_of_the_user_guide() {
    use StorageClass as C;
    // From, and every class that it may become.
    let rows: [(C, &[C]); 7] = [
        (
            C::Standard,
            &[
                C::StandardIa,
                C::IntelligentTiering,
                C::OnezoneIa,
                C::GlacierInstant,
                C::GlacierFlexible,
                C::DeepArchive,
            ],
        ),
        (
            C::StandardIa,
            &[
                C::IntelligentTiering,
                C::OnezoneIa,
                C::GlacierInstant,
                C::GlacierFlexible,
                C::DeepArchive,
            ],
        ),
        (
            C::IntelligentTiering,
            &[
                C::OnezoneIa,
                C::GlacierInstant,
                C::GlacierFlexible,
                C::DeepArchive,
            ],
        ),
        (C::OnezoneIa, &[C::GlacierFlexible, C::DeepArchive]),
        (C::GlacierInstant, &[C::GlacierFlexible, C::DeepArchive]),
        (C::GlacierFlexible, &[C::DeepArchive]),
        (C::DeepArchive, &[]),
    ];
    for (from, to) in rows {
        for class in C::ALL {
            assert_eq!(
                from.may_become(class),
                to.contains(&class),
                "{from:?} {class:?}"
            );
        }
    }
}
