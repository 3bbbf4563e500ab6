//! Tests of the bill: figures that can be checked by hand, and properties that hold for all usage.

use proptest::prelude::*;

use super::{Bill, BillLine, Books, Growth, Metered, Terms, UsageSpec};
use crate::units::{GIB, SimDuration, Usd};

const fn spec(
    key: &'static str,
    unit: &'static str,
    base_per_unit: u64,
    growth: Growth,
) -> UsageSpec {
    UsageSpec {
        key,
        unit,
        base_per_unit,
        rounding: "",
        growth,
    }
}
static SHARDS: UsageSpec = spec(
    "kinesis-data-streams.shard_hour",
    "shard-hour",
    3_600_000,
    Growth::Linear,
);
static PUTS: UsageSpec = UsageSpec {
    rounding: "each record rounded up to 25 KB",
    ..spec(
        "kinesis-data-streams.put_payload_unit",
        "PUT payload unit",
        1,
        Growth::Linear,
    )
};
static FIREHOSE: UsageSpec = spec("firehose.ingested_gb", "GB", GIB, Growth::Linear);
/// Byte-milliseconds in a month of GB: a level that fills.
static STORAGE: UsageSpec = spec(
    "s3.storage_standard_gb_month",
    "GB-month",
    GIB * 730 * 3_600_000,
    Growth::Accumulating,
);
static CRAWL_ONCE: UsageSpec = spec("glue.crawler_dpu_hour", "DPU-hour", 3_600, Growth::OneOff);
static CATALOG: UsageSpec = spec("glue.catalog_request", "request", 1, Growth::Linear);
static EXPRESS: UsageSpec = spec(
    "s3.storage_express_one_zone_gb_month",
    "GB-month",
    GIB,
    Growth::Linear,
);
static NO_SUCH: UsageSpec = spec("s3.teleport", "request", 1, Growth::Linear);
static WRONG_UNIT: UsageSpec = spec("s3.put_request", "GB", 1, Growth::Linear);

const HOUR: SimDuration = SimDuration::secs(3_600);
const MONTH: SimDuration = SimDuration::secs(730 * 3_600);

fn usage(spec: &'static UsageSpec, quantity: u128) -> Metered {
    Metered {
        node: "n".into(),
        service: "s".into(),
        spec,
        quantity,
    }
}
fn bill(region: &str, usage: &[Metered], time: SimDuration) -> Bill {
    Bill::price(&Books::for_region(region).unwrap(), usage, time)
}
fn one(usage: Metered, time: SimDuration) -> BillLine {
    bill("us-east-1", &[usage], time).lines.remove(0)
}
fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

#[test]
fn lines_cost_what_a_hand_calculation_says() {
    for (spec, quantity, time, run, month) in [
        // Three shards: $32.85 in a month of 730 h.
        (
            &SHARDS,
            3 * 600_000,
            SimDuration::secs(600),
            "0.0075",
            "32.85",
        ),
        // 3,000 one-KB records a second: 7.884e9 units in a month.
        (&PUTS, 3_000 * 3_600, HOUR, "0.1512", "110.376"),
        (&FIREHOSE, 10 * u128::from(GIB), HOUR, "0.29", "211.7"),
        // A tenth of a month: a level that fills costs a hundred times as much in the whole month.
        (
            &STORAGE,
            7 * u128::from(STORAGE.base_per_unit),
            SimDuration::secs(73 * 3_600),
            "0.161",
            "16.1",
        ),
        (
            &CRAWL_ONCE,
            2 * 600,
            HOUR,
            "0.146666666667",
            "0.146666666667",
        ),
        // The first million requests of a month are free: an hour's 10,000 become 7.3 million.
        (&CATALOG, 10_000, HOUR, "0", "6.3"),
        (&PUTS, 0, HOUR, "0", "0"),
    ] {
        let line = one(usage(spec, quantity), time);
        assert_eq!(
            (line.usd, line.usd_per_month),
            (Some(usd(run)), Some(usd(month))),
            "{}",
            line.explain
        );
    }
}

#[test]
fn lines_explain_themselves() {
    let line = one(usage(&PUTS, 1_234_567), HOUR);
    assert_eq!(
        line.explain,
        "1,234,567 PUT payload units x $0.014 per 1,000,000 = $0.01728"
    );
    assert_eq!(line.unit_price, "$0.014 per 1,000,000 PUT payload units");
    assert_eq!(
        (line.quantity_text.as_str(), line.rounding.as_str()),
        ("1234567", "each record rounded up to 25 KB")
    );
    assert!(line.source.contains("AWS") && line.date.starts_with("2025-"));
    let line = one(usage(&SHARDS, 5_400_000), HOUR);
    assert_eq!(line.explain, "1.5 shard-hours x $0.015 = $0.0225");
    assert_eq!(
        (line.unit_price.as_str(), line.quantity_text.as_str()),
        ("$0.015 per shard-hour", "1.5")
    );
    assert!((line.quantity - 1.5).abs() < 1e-12);
    assert_eq!(
        one(usage(&SHARDS, 3_600_000), HOUR).explain,
        "1 shard-hour x $0.015 = $0.015"
    );
    let line = one(usage(&FIREHOSE, 600_000 * u128::from(GIB)), MONTH);
    assert_eq!(
        line.explain,
        "600,000 GB x $0.029 up to 512,000, then $0.025 = $17,048.00"
    );
}

#[test]
fn units_have_their_plural() {
    static HTTP: UsageSpec = spec("sns.http_delivery", "delivery", 1, Growth::Linear);
    let line = one(usage(&HTTP, 2_000_000), HOUR);
    assert_eq!(
        line.explain,
        "2,000,000 deliveries x $0.6 per 1,000,000 = $1.20"
    );
}

#[test]
fn tiers_are_shared_by_nodes_pro_rata() {
    let gib = u128::from(GIB);
    let lines = [
        usage(&FIREHOSE, 450_000 * gib),
        usage(&SHARDS, 3_600_000),
        usage(&FIREHOSE, 150_000 * gib),
    ];
    let bill = bill("us-east-1", &lines, MONTH);
    // 512,000 x 0.029 + 88,000 x 0.025 = 17,048: three quarters and one quarter of it.
    assert_eq!(bill.lines[0].usd, Some(usd("12786")));
    assert_eq!(bill.lines[2].usd, Some(usd("4262")));
    assert_eq!(
        bill.lines[1].usage_type, SHARDS.key,
        "lines stay in the order given"
    );
    assert_eq!(bill.total, usd("17048.015"));
    assert_eq!(bill.usd_per_month, Some(bill.total));
    assert!(
        bill.lines[0]
            .explain
            .contains("(volume counted over all nodes)")
    );
    // The run's own hour is far below the tier's end; the month is not.
    let hour = super::Bill::price(
        &Books::for_region("us-east-1").unwrap(),
        &[usage(&FIREHOSE, 1_000 * gib)],
        HOUR,
    );
    assert_eq!(
        (hour.total, hour.usd_per_hour),
        (usd("29"), Some(usd("29")))
    );
    assert_eq!(hour.usd_per_month, Some(usd("20298")));
}

#[test]
fn run_of_two_months_has_two_months_of_tiers() {
    let line = one(usage(&FIREHOSE, 600_000 * u128::from(GIB)), MONTH * 2);
    assert_eq!(
        (line.usd, line.usd_per_month),
        (Some(usd("17400")), Some(usd("8700")))
    );
}

#[test]
fn unknown_prices_are_listed_and_never_zero() {
    let lines = [
        usage(&EXPRESS, 5),
        usage(&NO_SUCH, 5),
        usage(&WRONG_UNIT, 5),
        usage(&SHARDS, 3_600_000),
    ];
    let bill = bill("ap-northeast-2", &lines, HOUR);
    assert_eq!(bill.total, usd("0.0185"));
    let whys: Vec<&str> = bill
        .unknown
        .iter()
        .map(|unknown| unknown.why.as_str())
        .collect();
    assert_eq!(whys.len(), 3);
    for (why, said) in whys.iter().zip([
        "in ap-northeast-2 is unknown: not found",
        "add it to assets/prices/ap-northeast-2.toml",
        "is metered per GB but priced per request",
    ]) {
        assert!(why.contains(said), "{why}");
    }
    for line in &bill.lines[..3] {
        assert_eq!(
            (line.usd, line.usd_per_month, line.unit_price.as_str()),
            (None, None, "unknown")
        );
        assert!(line.explain.contains("unknown price"));
    }
}

#[test]
fn no_time_has_no_hour_and_no_month() {
    let bill = bill("us-east-1", &[usage(&CRAWL_ONCE, 3_600)], SimDuration::ZERO);
    assert_eq!(
        (bill.total, bill.usd_per_hour, bill.usd_per_month),
        (usd("0.44"), None, None)
    );
    assert_eq!(bill.lines[0].usd_per_month, None);
    let empty = super::Bill::price(&Books::for_region("us-east-1").unwrap(), &[], HOUR);
    assert_eq!(
        (empty.total, empty.usd_per_month, empty.lines.len()),
        (Usd::ZERO, Some(Usd::ZERO), 0)
    );
}

#[test]
fn month_of_a_million_records_a_second_is_exact() {
    let records = 1_000_000 * 3_600 * 730_u128;
    assert_eq!(
        one(usage(&PUTS, records), MONTH).usd_per_month,
        Some(usd("36792"))
    );
    // Each of 10 MiB, filling a bucket for the month: on average half of it for the whole time.
    let bytes = records * (10 << 20);
    let line = one(usage(&STORAGE, bytes / 2 * (730 * 3_600_000)), MONTH);
    let gib = bytes / 2 / u128::from(GIB);
    let over = Usd(0).0 + (gib - 512_000) as i128 * usd("0.021").0;
    let expected = Usd(51_200 * usd("0.023").0 + 460_800 * usd("0.022").0 + over);
    assert_eq!(
        (line.usd, line.usd_per_month),
        (Some(expected), Some(expected))
    );
    // Absurd sizes are dear, but they neither wrap nor panic.
    for time in [SimDuration(1), MONTH, SimDuration(u64::MAX)] {
        for spec in [&STORAGE, &FIREHOSE, &PUTS, &CRAWL_ONCE] {
            let lines = [
                usage(spec, u128::MAX),
                usage(spec, u128::MAX),
                usage(spec, 1),
            ];
            let bill = bill("us-east-1", &lines, time);
            assert!(
                bill.total.0 > 0
                    && bill.usd_per_month.unwrap().0 > 0
                    && bill.lines[2].usd.unwrap() <= bill.lines[0].usd.unwrap()
            );
        }
    }
}

fn specs() -> impl Strategy<Value = &'static UsageSpec> {
    prop::sample::select(vec![
        &SHARDS,
        &PUTS,
        &FIREHOSE,
        &STORAGE,
        &CRAWL_ONCE,
        &CATALOG,
    ])
}
/// From nothing to far beyond the last tier, evenly over the orders of magnitude.
fn quantity() -> impl Strategy<Value = u128> {
    (0_u32..100, any::<u128>()).prop_map(|(bits, random)| random & ((1 << bits) - 1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn more_usage_never_costs_less(spec in specs(), less in quantity(), more in quantity(), hours in 1_u64..3_000) {
        let time = SimDuration::secs(hours * 3_600);
        let (small, large) = (one(usage(spec, less), time), one(usage(spec, less + more), time));
        prop_assert!(small.usd <= large.usd, "{} > {}", small.explain, large.explain);
        prop_assert!(small.usd_per_month <= large.usd_per_month);
    }

    #[test]
    fn splitting_usage_moves_the_total_by_a_rounding_at_most(spec in specs(), parts in prop::collection::vec(quantity(), 1..6), seconds in 1_u64..10_000_000) {
        let time = SimDuration::secs(seconds);
        let whole = bill("us-east-1", &[usage(spec, parts.iter().sum())], time);
        let lines: Vec<Metered> = parts.iter().map(|part| usage(spec, *part)).collect();
        let split = bill("us-east-1", &lines, time);
        let within = lines.len() as u128;
        prop_assert!(whole.total.0.abs_diff(split.total.0) <= within, "{} and {}", whole.total, split.total);
        let months = (whole.usd_per_month.unwrap().0, split.usd_per_month.unwrap().0);
        prop_assert!(months.0.abs_diff(months.1) <= within, "{months:?}");
    }

    #[test]
    fn a_tier_begins_where_the_last_one_ends(spec in prop::sample::select(vec![&FIREHOSE, &STORAGE, &CATALOG]), tier in 0_usize..2) {
        let books = Books::for_region("us-east-1").unwrap();
        let price = books.price(spec.key).unwrap();
        let tiers = price.tiers.clone().unwrap();
        let Some(end) = tiers[tier].up_to else { return Ok(()) };
        let base = u128::from(spec.base_per_unit);
        let at = |quantity: u128| one(usage(spec, quantity), MONTH).usd.unwrap().0;
        let dearest = tiers.iter().map(|tier| tier.usd.0).max().unwrap();
        let (below, on, above) = (at(u128::from(end) * base - 1), at(u128::from(end) * base), at(u128::from(end) * base + 1));
        let step = dearest / i128::from(price.per) / i128::try_from(base).unwrap() + 1;
        prop_assert!((0..=step).contains(&(on - below)) && (0..=step).contains(&(above - on)), "{below} {on} {above}");
        // One unit into the next tier costs exactly the next rate.
        let next = at((u128::from(end) + u128::from(price.per)) * base) - on;
        prop_assert_eq!(next, tiers[tier + 1].usd.0);
    }
}

/// The bill of `usage` under other terms than AWS's.
fn under(terms: Terms, usage: &[Metered], time: SimDuration) -> Bill {
    let books = Books::for_region("us-east-1").unwrap().with_terms(terms);
    Bill::price(&books, usage, time)
}

#[test]
fn hours_of_a_month_and_bytes_of_a_gb_are_settings() {
    let shards = usage(&SHARDS, 3 * 3_600_000);
    let bytes = usage(&FIREHOSE, 10_000_000_000);
    let stored = usage(&STORAGE, 1_000_000_000 * 744 * 3_600_000);
    for (hours, bytes_per_gb, month, gb, gb_months) in [
        (730, GIB, "32.85", "0.270083546638", "0.021831"),
        (720, GIB, "32.4", "0.270083546638", "0.022134"),
        (744, 1_000_000_000, "33.48", "0.29", "0.023"),
    ] {
        let terms = Terms {
            hours_per_month: hours,
            bytes_per_gb,
            free_tier: false,
        };
        let of = |m: &Metered, time| under(terms, std::slice::from_ref(m), time);
        assert_eq!(of(&shards, HOUR).usd_per_month, Some(usd(month)), "{hours}");
        assert_eq!(of(&bytes, HOUR).total, usd(gb), "{bytes_per_gb}");
        let cost = of(&stored, SimDuration::ZERO).total.as_f64();
        let wanted: f64 = gb_months.parse().unwrap();
        assert!((cost - wanted).abs() < 1e-6, "{hours}: {cost} {wanted}");
    }
    // A TB is 1,024 GB of 2^30 bytes or 1,000 of 10^9.
    assert_eq!(Terms::default().bytes_per_tb(), 1 << 40);
}

static CALLS: UsageSpec = spec("lambda.request", "request", 1, Growth::Linear);
static X86: UsageSpec = spec(
    "lambda.gb_second_x86",
    "GB-second",
    1_024_000,
    Growth::Linear,
);
static ARM: UsageSpec = spec(
    "lambda.gb_second_arm",
    "GB-second",
    1_024_000,
    Growth::Linear,
);

#[test]
fn free_tier_is_taken_off_once_for_all_who_share_it() {
    let free = Terms {
        free_tier: true,
        ..Terms::default()
    };
    let seconds = |spec, n: u128| usage(spec, n * 1_024_000);
    for (lines, off, on) in [
        (vec![usage(&CALLS, 400_000)], "0.08", "0"),
        (vec![usage(&CALLS, 3_000_000)], "0.6", "0.4"),
        // Two functions share one allowance, and both processors another.
        (
            vec![usage(&CALLS, 900_000), usage(&CALLS, 600_000)],
            "0.3",
            "0.1",
        ),
        (vec![seconds(&X86, 500_000)], "8.33335", "1.66667"),
        (
            vec![seconds(&X86, 300_000), seconds(&ARM, 200_000)],
            "7.66669",
            "1.33334",
        ),
        // What has no allowance stays.
        (vec![usage(&SHARDS, 3_600_000)], "0.015", "0.015"),
    ] {
        let none = under(Terms::default(), &lines, SimDuration::ZERO);
        let some = under(free, &lines, SimDuration::ZERO);
        assert_eq!((none.total, some.total), (usd(off), usd(on)), "{lines:?}");
    }
    // The allowance is for a month: of an hour's 2,000 calls, 1.46 million a month, 460,000 are paid.
    let month = under(free, &[usage(&CALLS, 2_000)], HOUR);
    assert_eq!(month.usd_per_month, Some(usd("0.092")));
    assert_eq!(month.lines[0].usd, Some(Usd::ZERO));
}

#[test]
fn what_an_allowance_names_has_a_price() {
    for region in Books::regions() {
        let books = Books::for_region(region).unwrap();
        for allowance in books.free_tier() {
            assert!(allowance.units > 0 && !allowance.keys.is_empty());
            for key in &allowance.keys {
                assert!(books.price(key).is_some(), "{}: {key}", allowance.name);
            }
        }
    }
}
