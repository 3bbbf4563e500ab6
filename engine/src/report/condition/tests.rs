//! Conditions: read, refused in words, and what figures they look at.

use super::*;
use crate::services;

fn document() -> Document {
    Document::parse(
        r#"{ "weir": 1, "name": "t", "nodes": [
          { "id": "delivery", "kind": "firehose", "at": [0, 0] }, { "id": "lake", "kind": "s3", "at": [0, 0] } ] }"#,
    )
    .unwrap()
}

#[test]
fn conditions_are_read_with_their_units() {
    for (text, bound, unit) in [
        ("latency_p99 <= 60s", 60_000.0, "ms"),
        ("lost = 0", 0.0, "records"),
        ("usd_per_month<500", 500.0, "USD"),
        ("lake.latency_max >= 2m", 120_000.0, "ms"),
        (
            "delivery.DeliveryToS3.DataFreshness.max != 3",
            3.0,
            "Seconds",
        ),
        ("records_per_second > 3k", 3000.0, "records/s"),
        ("delivered_per_second > 3k", 3000.0, "records/s"),
        ("latency_p999 <= 1m", 60_000.0, "ms"),
    ] {
        let condition = Condition::parse(text, &document(), services::ALL).unwrap();
        assert!((condition.bound - bound).abs() < 1e-9, "{text}");
        assert_eq!(condition.figure.unit(), unit, "{text}");
    }
}

#[test]
fn conditions_that_mean_nothing_are_refused() {
    for (text, wanted) in [
        ("latency_p99", "is no condition"),
        ("latency_p98 <= 3", "did you mean `latency_p9"),
        ("dilivery.errors = 0", "did you mean `delivery`"),
        ("latency_p99 <= 3 MB", "ms"),
        ("", "is no condition"),
        ("latency_p99 <= ", "is no condition"),
        ("<= 3", "is no condition"),
    ] {
        let told = Condition::parse(text, &document(), services::ALL).unwrap_err();
        assert!(told.contains(wanted), "{text}: {told}");
    }
}

#[test]
fn relations_hold_as_written() {
    for (relation, holds) in [
        (Relation::AtMost, [true, true, false]),
        (Relation::Below, [true, false, false]),
        (Relation::AtLeast, [false, true, true]),
        (Relation::Above, [false, false, true]),
        (Relation::Equal, [false, true, false]),
        (Relation::Unequal, [true, false, true]),
    ] {
        assert_eq!(
            [1.0, 2.0, 3.0].map(|v| relation.holds(v, 2.0)),
            holds,
            "{relation:?}"
        );
    }
}
