//! The bill in Korean, and what of it has none.

use std::collections::BTreeSet;

use super::*;
use crate::services;

#[test]
fn bills_are_said_in_korean_with_their_figures() {
    for (english, korean) in [
        ("$0.015 per shard-hour", "샤드-시간당 $0.015"),
        ("$0.29 per request", "요청 1건당 $0.29"),
        (
            "$0.014 per 1,000,000 PUT payload units",
            "PUT 페이로드 단위 1,000,000개당 $0.014",
        ),
        ("$0.6 per 1,000,000 deliveries", "전송 1,000,000건당 $0.6"),
        (
            "$0.029 up to 512,000, then $0.025, in GB",
            "GB: $0.029(512,000까지), 이후 $0.025",
        ),
        (
            "7 requests x $0.005 per 1,000 = $0.000035",
            "요청 7건 × 1,000건당 $0.005 = $0.000035",
        ),
        (
            "1 shard-hour x $0.015 = $0.015",
            "1 샤드-시간 × $0.015 = $0.015",
        ),
        (
            "600,000 GB x $0.029 up to 512,000, then $0.025 (volume counted over all nodes) = $17,048.00",
            "600,000 GB × $0.029(512,000까지), 이후 $0.025 (사용량은 모든 노드를 합산) = $17,048.00",
        ),
        (
            "2 GB x an unknown price: AWS's price of `a.b` in eu is unknown: not found",
            "2 GB × 알 수 없는 가격: eu 리전의 `a.b` 가격을 모릅니다: not found",
        ),
        (
            "each record rounded up to 5 KB",
            "레코드마다 5 KB 단위로 올림",
        ),
        ("1,000 records/s", "1,000 레코드/초"),
        ("12.5 GB", "12.5 GB"),
        ("3 requests", "요청 3건"),
    ] {
        assert_eq!(
            bill_in_korean(english).as_deref(),
            Some(korean),
            "{english}"
        );
    }
    for other in [
        "",
        "hello",
        "7 cats",
        "$x per request",
        "p50 3 ms",
        "$1 per 5 cats",
        "a x b = c",
    ] {
        assert_eq!(bill_in_korean(other), None, "{other}");
    }
}

/// What is missing stays English and is printed; a new service may come before its Korean, but not most of the bill.
#[test]
fn units_and_roundings_of_the_services_have_korean() {
    let mut missing = BTreeSet::new();
    let mut all = BTreeSet::new();
    for usage in services::ALL.iter().flat_map(|k| k.spec().usage) {
        all.extend([usage.unit, usage.rounding]);
        if unit(usage.unit).is_none() {
            missing.insert(usage.unit);
        }
        if !usage.rounding.is_empty() && rounding(usage.rounding).is_none() {
            missing.insert(usage.rounding);
        }
    }
    let mut out = std::io::stderr().lock();
    let words = format!("assets/i18n/bill.toml lacks {missing:?}\n");
    std::io::Write::write_all(&mut out, words.as_bytes()).unwrap();
    assert!(missing.len() * 3 < all.len(), "{missing:?}");
}
