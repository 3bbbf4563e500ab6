//! Storage classes, lifecycle and the archive.

use super::super::config::StorageClass;
use super::{DAY, HOUR_MS, KIND, bench, feed};
use crate::lake::Archive;
use crate::runtime::Action;
use crate::services::testing::{Bench, Fake, Ran, ms};
use crate::units::SimDuration;
use serde_json::{Value, json};

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
