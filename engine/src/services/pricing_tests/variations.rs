//! Other quantities, regions, tiers and free tiers than the published examples have: by hand, and against another way of computing.

use proptest::prelude::*;

use crate::books::{Bill, Books, Metered, Terms, UsageSpec};
use crate::units::{SimDuration, Usd};

fn specs() -> Vec<&'static UsageSpec> {
    let all = super::super::ALL.iter().flat_map(|k| k.spec().usage);
    all.copied().collect()
}
fn spec(key: &str) -> &'static UsageSpec {
    let mut all = specs().into_iter();
    all.find(|s| s.key == key)
        .unwrap_or_else(|| panic!("nothing meters {key}"))
}
fn books(region: &str, terms: Terms) -> Books {
    Books::for_region(region).unwrap().with_terms(terms)
}
/// Quarters of a unit of a key.
fn metered(spec: &'static UsageSpec, quarters: u128, terms: Terms) -> Metered {
    Metered {
        node: "n".into(),
        service: "s".into(),
        spec,
        quantity: quarters * u128::from(terms.base(spec)) / 4,
    }
}

/// Region, free tier, (key, units), dollars by hand.
type Case = (
    &'static str,
    bool,
    &'static [(&'static str, f64)],
    &'static str,
);
const US: &str = "us-east-1";
const SEOUL: &str = "ap-northeast-2";
const BY_HAND: &[Case] = &[
    // 6e9 x 0.0000166667 + 1e9 x 0.000015
    (US, false, &[("lambda.gb_second_x86", 7e9)], "115000.2"),
    // 7.5e9 x 0.0000133334 + 11.25e9 x 0.0000120001 + 1.25e9 x 0.0000106667
    (SEOUL, false, &[("lambda.gb_second_arm", 20e9)], "248335"),
    // 2 M x 0.2 and 100,000 x 0.0000133334
    (
        US,
        true,
        &[("lambda.request", 3e6), ("lambda.gb_second_arm", 500_000.0)],
        "1.73334",
    ),
    // 400,000 free for both: x86 takes 300,000 of them, arm the rest.
    (
        US,
        true,
        &[
            ("lambda.gb_second_x86", 300_000.0),
            ("lambda.gb_second_arm", 300_000.0),
        ],
        "2.66668",
    ),
    (US, true, &[("lambda.request", 999_999.0)], "0"),
    (
        US,
        false,
        &[("lambda.ephemeral_storage_gb_second", 1e7)],
        "0.309",
    ),
    (
        SEOUL,
        false,
        &[
            ("lambda.provisioned_concurrency_gb_second_x86", 1e6),
            ("lambda.provisioned_duration_gb_second_x86", 1e5),
        ],
        "6.32132",
    ),
    // 512,000 x 0.036 + 88,000 x 0.031
    (
        SEOUL,
        false,
        &[("firehose.ingested_gb", 600_000.0)],
        "21160",
    ),
    // 512,000 x 0.029 + 1,536,000 x 0.025 + 952,000 x 0.02
    (
        US,
        false,
        &[("firehose.kinesis_source_gb", 3_000_000.0)],
        "72288",
    ),
    (
        US,
        false,
        &[
            ("firehose.format_conversion_gb", 1000.0),
            ("firehose.dynamic_partitioning_gb", 1000.0),
            ("firehose.dynamic_partitioning_object", 10_000.0),
            ("firehose.jq_processing_hour", 2.0),
        ],
        "38.19",
    ),
    // 51,200 x 0.023 + 460,800 x 0.022 + 88,000 x 0.021
    (
        US,
        false,
        &[("s3.storage_standard_gb_month", 600_000.0)],
        "13163.2",
    ),
    (
        SEOUL,
        false,
        &[("s3.storage_standard_gb_month", 600_000.0)],
        "14363.2",
    ),
    (
        SEOUL,
        false,
        &[
            ("s3.put_request", 1e6),
            ("s3.get_request", 1e6),
            ("s3.lifecycle_transition_to_deep_archive", 1e6),
        ],
        "64.85",
    ),
    (
        US,
        false,
        &[
            ("s3.retrieval_glacier_instant_gb", 10.0),
            ("s3.restore_request_glacier_flexible_expedited", 3.0),
        ],
        "0.33",
    ),
    // 100e9 x 0.4 + 100e9 x 0.3 + 50e9 x 0.24 a million
    (US, false, &[("sqs.standard_request", 250e9)], "82000"),
    (SEOUL, false, &[("sqs.standard_request", 250e9)], "91000"),
    // The million is shared; the standard queue takes it first.
    (
        US,
        true,
        &[
            ("sqs.standard_request", 600_000.0),
            ("sqs.fifo_request", 900_000.0),
        ],
        "0.25",
    ),
    (
        US,
        false,
        &[
            ("sns.fifo_publish", 1e7),
            ("sns.fifo_publish_gb", 20.0),
            ("sns.fifo_subscription_message", 3e7),
        ],
        "3.64",
    ),
    (
        SEOUL,
        false,
        &[
            ("sns.fifo_publish", 1e7),
            ("sns.fifo_publish_gb", 20.0),
            ("sns.fifo_subscription_message", 3e7),
        ],
        "4.368",
    ),
    (
        US,
        true,
        &[
            ("sns.publish", 1.5e6),
            ("sns.http_delivery", 1e6),
            ("sns.sqs_delivery", 9e9),
        ],
        "0.85",
    ),
    // 10,000 x 0.3 + 2,000 x 0.1, with the first ten free
    (US, true, &[("cloudwatch.metric_month", 12_000.0)], "3197"),
    (
        US,
        false,
        &[
            ("cloudwatch.metric_month", 300_000.0),
            ("cloudwatch.api_request", 1e6),
        ],
        "29510",
    ),
    (
        US,
        true,
        &[
            ("cloudwatch.alarm_month", 15.0),
            ("cloudwatch.alarm_high_resolution_month", 2.0),
        ],
        "1.1",
    ),
    (
        US,
        false,
        &[
            ("eventbridge.scheduler_invocation", 20e6),
            ("eventbridge.custom_event", 2e6),
        ],
        "8",
    ),
    (
        SEOUL,
        false,
        &[
            ("eventbridge.scheduler_invocation", 20e6),
            ("eventbridge.archive_processing_gb", 10.0),
            ("eventbridge.archive_storage_gb_month", 100.0),
        ],
        "10.7",
    ),
    (
        US,
        false,
        &[
            ("athena.scanned_tb", 3.5),
            ("athena.provisioned_dpu_hour", 24.0),
        ],
        "24.7",
    ),
    // A million of each is free for everybody.
    (
        US,
        false,
        &[
            ("glue.catalog_object_month", 2.5e6),
            ("glue.catalog_request", 3e6),
        ],
        "17",
    ),
    (
        SEOUL,
        false,
        &[
            ("glue.etl_flex_dpu_hour", 10.0),
            ("glue.crawler_dpu_hour", 1.0),
        ],
        "3.34",
    ),
    (
        SEOUL,
        false,
        &[
            ("kinesis-data-streams.shard_hour", 3.0 * 730.0),
            ("kinesis-data-streams.put_payload_unit", 7.884e9),
            (
                "kinesis-data-streams.extended_retention_shard_hour",
                3.0 * 730.0,
            ),
        ],
        "255.4416",
    ),
    (
        US,
        false,
        &[
            ("kinesis-data-streams.on_demand_stream_hour", 730.0),
            ("kinesis-data-streams.on_demand_ingest_gb", 100.0),
            ("kinesis-data-streams.on_demand_enhanced_fan_out_gb", 200.0),
            (
                "kinesis-data-streams.on_demand_extended_retention_gb_month",
                50.0,
            ),
        ],
        "52.2",
    ),
    (
        SEOUL,
        false,
        &[
            ("dynamodb.write_request_unit", 1e6),
            ("dynamodb.read_request_unit", 2e6),
            ("dynamodb.wcu_hour", 7300.0),
        ],
        "6.09677",
    ),
];

#[test]
fn usage_by_region_tier_and_free_tier_costs_what_a_hand_calculation_says() {
    for (region, free_tier, usage, expected) in BY_HAND {
        let terms = Terms {
            free_tier: *free_tier,
            ..Terms::default()
        };
        let all: Vec<Metered> = usage
            .iter()
            .map(|(key, units)| metered(spec(key), (units * 4.0).round() as u128, terms))
            .collect();
        let bill = Bill::price(&books(region, terms), &all, SimDuration::ZERO);
        assert!(bill.unknown.is_empty(), "{:?}", bill.unknown);
        let wanted = Usd::parse(expected).unwrap();
        // A line is rounded to a billionth of a cent.
        let off = (bill.total.0 - wanted.0).unsigned_abs();
        assert!(
            off <= all.len() as u128,
            "{region} {usage:?}: {} {expected}",
            bill.total
        );
    }
}

/// What `quarters` of units cost: unit by unit of each tier, in another way than the bill's.
fn cost(books: &Books, spec: &UsageSpec, quarters: u128) -> Option<u128> {
    let price = books.price(spec.key)?;
    let tiers = price.tiers.as_ref()?;
    let free = books
        .free_tier()
        .filter(|a| books.terms().free_tier && a.keys.iter().any(|k| k == spec.key));
    let free = free.map(|a| u128::from(a.units) * 4).max().unwrap_or(0);
    let paid = |from: u128, to: u128, usd: i128| {
        let from = from.max(free);
        to.saturating_sub(from) * usd.unsigned_abs()
    };
    let (mut below, mut sum) = (0, 0);
    for tier in tiers {
        let end = tier
            .up_to
            .map_or(u128::MAX, |n| u128::from(n) * 4)
            .min(quarters);
        if end > below {
            sum += paid(below, end, tier.usd.0);
            below = end;
        }
    }
    let per = 4 * u128::from(price.per);
    Some((sum + per / 2) / per)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Every meter of every service, in both regions, in any tier, with and without the free tier, under both sorts of GB.
    #[test]
    fn every_meter_is_priced_as_an_independent_count_of_its_tiers(
        which in any::<prop::sample::Index>(),
        seoul in any::<bool>(),
        free_tier in any::<bool>(),
        decimal in any::<bool>(),
        hours in 672_u64..=744,
        quarters in (0_u32..46, any::<u64>()).prop_map(|(bits, n)| u128::from(n) & ((1 << bits) - 1)),
    ) {
        let terms = Terms {
            hours_per_month: hours,
            bytes_per_gb: if decimal { 1_000_000_000 } else { crate::units::GIB },
            free_tier,
        };
        let books = books(if seoul { SEOUL } else { US }, terms);
        let specs = specs();
        let spec = specs[which.index(specs.len())];
        let quarters = quarters / 4 * 4;
        let bill = Bill::price(&books, &[metered(spec, quarters, terms)], SimDuration::ZERO);
        match cost(&books, spec, quarters) {
            None => prop_assert_eq!(bill.unknown.len(), 1),
            Some(wanted) => {
                let got = bill.total.0.unsigned_abs();
                prop_assert!(got.abs_diff(wanted) <= 1, "{}: {got} {wanted}", spec.key);
            }
        }
    }
}
