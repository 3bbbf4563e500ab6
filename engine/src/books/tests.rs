//! Tests of the books that the program carries and of the reader that takes them apart.

use super::wide::Wide;
use super::{Basis, BookError, Books, Growth, LatencyLaw, UsageSpec, decimal, dollars, thousands};
use crate::units::{SimDuration, Usd};
use proptest::prelude::*;

fn books(region: &str) -> std::sync::Arc<Books> {
    Books::for_region(region).unwrap()
}

#[test]
fn regions_all_parse_and_are_shared() {
    for region in Books::regions() {
        let first = books(region);
        assert_eq!(first.region(), *region);
        assert!(std::sync::Arc::ptr_eq(&first, &books(region)));
        assert_eq!(first.hash().len(), 32);
    }
    assert_ne!(books("us-east-1").hash(), books("ap-northeast-2").hash());
    let error = Books::for_region("mars-1").unwrap_err().to_string();
    assert_eq!(
        error,
        "region `mars-1` has no price book: set `region` to one of us-east-1, ap-northeast-2"
    );
}

#[test]
fn regions_have_the_same_keys_and_units() {
    let shape = |region: &str| -> Vec<(String, String, u64, usize)> {
        let count = |price: &super::Price| price.tiers.as_ref().map_or(1, Vec::len);
        books(region)
            .prices()
            .map(|p| (p.key.clone(), p.unit.clone(), p.per, count(p)))
            .collect()
    };
    assert_eq!(shape("us-east-1"), shape("ap-northeast-2"));
    assert!(shape("us-east-1").len() > 150);
}

#[test]
fn prices_state_unit_source_and_date_and_tiers_ascend() {
    for region in Books::regions() {
        let books = books(region);
        for price in books.prices() {
            let origin = &price.origin;
            assert!(
                !price.unit.is_empty() && price.per > 0 && origin.source.len() > 10,
                "{}",
                price.key
            );
            assert!(
                matches!(origin.basis, Basis::Published | Basis::Inferred),
                "{}",
                price.key
            );
            assert!(
                origin.date.as_str() >= books.date(),
                "{} is older than the book says",
                price.key
            );
            let Some(tiers) = &price.tiers else {
                assert!(
                    origin.note.is_some(),
                    "{} is unknown without a reason",
                    price.key
                );
                continue;
            };
            assert_eq!(tiers.last().unwrap().up_to, None, "{}", price.key);
            assert!(
                tiers
                    .windows(2)
                    .all(|pair| pair[0].up_to < pair[1].up_to.or(Some(u64::MAX))),
                "{}",
                price.key
            );
        }
        assert!(
            books
                .prices()
                .any(|price| price.origin.date == books.date()),
            "no price is as old as the book says"
        );
    }
}

#[test]
fn prices_of_note_are_the_published_ones() {
    let rate = |region: &str, key: &str| {
        books(region)
            .price(key)
            .unwrap()
            .first_rate()
            .map(|usd| usd.to_string())
    };
    for (key, virginia, seoul) in [
        ("kinesis-data-streams.shard_hour", "0.015", "0.0185"),
        ("kinesis-data-streams.put_payload_unit", "0.014", "0.0204"),
        ("firehose.ingested_gb", "0.029", "0.036"),
        ("firehose.format_conversion_gb", "0.018", "0.022"),
        ("lambda.gb_second_x86", "0.0000166667", "0.0000166667"),
        ("s3.storage_standard_gb_month", "0.023", "0.025"),
        ("s3.put_request", "0.005", "0.0045"),
        ("glue.crawler_dpu_hour", "0.44", "0.44"),
        ("athena.scanned_tb", "5", "5"),
        ("cloudwatch.logs_ingested_gb", "0.5", "0.76"),
        ("cloudwatch.dashboard_month", "3", "3"),
        ("sns.lambda_delivery", "0", "0"),
    ] {
        assert_eq!(rate("us-east-1", key).as_deref(), Some(virginia), "{key}");
        assert_eq!(rate("ap-northeast-2", key).as_deref(), Some(seoul), "{key}");
    }
    assert!(
        books("ap-northeast-2")
            .price("athena.provisioned_dpu_hour")
            .unwrap()
            .is_unknown()
    );
    assert!(books("us-east-1").price("athena.free_lunch").is_none());
}

#[test]
fn quotas_have_the_value_of_their_region() {
    for (key, virginia, seoul) in [
        (
            "kinesis-data-streams.shard_write_records_per_second",
            1_000,
            1_000,
        ),
        (
            "kinesis-data-streams.shard_write_bytes_per_second",
            1 << 20,
            1 << 20,
        ),
        ("firehose.direct_put_records_per_second", 500_000, 100_000),
        ("firehose.direct_put_bytes_per_second", 5 << 20, 1 << 20),
        ("athena.active_dml_queries_max", 200, 100),
        ("sns.publish_messages_per_second", 30_000, 1_500),
    ] {
        assert_eq!(books("us-east-1").quota_value(key), Ok(virginia), "{key}");
        assert_eq!(books("ap-northeast-2").quota_value(key), Ok(seoul), "{key}");
    }
    for quota in books("us-east-1").quotas() {
        let assumed = quota.origin.source.starts_with("assumption: ");
        assert_eq!(
            assumed,
            quota.origin.basis == Basis::Assumed,
            "{}",
            quota.key
        );
    }
    let error = books("us-east-1")
        .quota_value("s3.wings")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "assets/quotas.toml has no `s3.wings`: add it there with its unit, source and date"
    );
}

#[test]
fn latency_laws_that_the_services_need_are_there() {
    let books = books("us-east-1");
    for key in [
        "kinesis-data-streams.put_records",
        "kinesis-data-streams.get_records",
        "firehose.put_record_batch",
        "firehose.delivery_overhead",
        "lambda.cold_start",
        "lambda.invoke_overhead",
        "lambda.duration",
        "s3.put_object",
        "s3.get_object_first_byte",
        "glue-crawler.start",
        "glue-crawler.per_object",
        "glue-crawler.stop",
        "athena.queue",
        "athena.planning",
        "athena.engine",
        "cloudwatch.alarm_evaluation",
        "dashboard.refresh",
    ] {
        books.latency_law(key).unwrap();
    }
    let duration = books.latency_law("lambda.duration").unwrap();
    let base = duration.field("base_ms").unwrap();
    assert_eq!(
        (SimDuration::millis(base), duration.field("per_record_us")),
        (duration.p50, Some(200))
    );
    assert!(
        books
            .latency_law("athena.engine")
            .unwrap()
            .field("file_open_ms")
            .is_some()
    );
    assert!(matches!(
        books.latency_law("athena.mood"),
        Err(BookError::Missing { .. })
    ));
}

#[test]
fn latency_samples_pass_through_their_figures() {
    const Z99: f64 = 2.326_347_874_040_840_8;
    let close = |got: SimDuration, wanted: SimDuration| {
        got.0.abs_diff(wanted.0) <= 2 + wanted.0 / 1_000_000_000
    };
    for law in books("us-east-1").latencies() {
        let key = &law.key;
        assert!(law.min <= law.p50 && law.p50 <= law.p99, "{key}");
        assert!(
            close(law.sample(0.0), law.p50) && close(law.sample(Z99), law.p99),
            "{key}"
        );
        assert!(
            law.sample(-1.0) <= law.sample(0.0) && law.sample(0.0) <= law.sample(1.0),
            "{key}"
        );
        assert!(
            law.sample(-1e3) >= law.min && close(law.sample(-1e3), law.min),
            "{key}"
        );
        let longest = if law.min == law.p99 {
            law.p99
        } else {
            law.p99 * 20
        };
        assert_eq!(law.sample(1e9), longest, "{key}");
        assert_eq!(law.sample(f64::NAN), law.p50, "{key}");
    }
    let put = books("us-east-1")
        .latency_law("kinesis-data-streams.put_records")
        .unwrap()
        .sample(1.0);
    assert_eq!(
        put.0, 26_141_883,
        "the same deviate gives the same time on every machine"
    );
}

#[test]
fn latency_law_of_ones_own_refuses_figures_out_of_order() {
    let origin = books("us-east-1")
        .latency_law("s3.put_object")
        .unwrap()
        .origin
        .clone();
    let law = |min, p50, p99| LatencyLaw::new("x.y", min, p50, p99, origin.clone());
    assert_eq!(
        law(1.5, 1.5, 1.5).unwrap().sample(3.0),
        SimDuration::micros(1_500)
    );
    for (min, p50, p99) in [
        (-1.0, 1.0, 2.0),
        (3.0, 2.0, 4.0),
        (1.0, 2.0, 1.5),
        (1.0, f64::NAN, 2.0),
        (1.0, 2.0, f64::INFINITY),
        (1.0, 1.0, 2.0),
    ] {
        law(min, p50, p99).unwrap_err();
    }
}

const HEADER: &str = "[book]\nregion = \"r\"\ncurrency = \"USD\"\ndate = \"2026-01-01\"\n";
const ENTRY: &str = "unit = \"GB\"\nper = 1\nsource = \"a page\"\ndate = \"2026-01-01\"\n";

#[test]
fn hash_ignores_line_ends_and_sees_every_figure() {
    let hash = |text: &str| Books::parse("r", text, "", "").unwrap().hash().to_owned();
    let text = format!("{HEADER}[a.b]\nusd = \"1\"\n{ENTRY}");
    assert_eq!(hash(&text), hash(&text.replace('\n', "\r\n")));
    assert_ne!(
        hash(&text),
        hash(&text.replace("usd = \"1\"", "usd = \"2\""))
    );
}

#[test]
fn bad_books_are_refused_with_the_place_and_the_mend() {
    let tiers = |rows: &str| format!("{HEADER}[a.b]\ntiers = [{rows}]\n{ENTRY}");
    let price = |usd: &str| format!("{HEADER}[a.b]\nusd = \"{usd}\"\n{ENTRY}");
    for (text, said) in [
        ("[".to_owned(), "is not TOML"),
        (String::new(), "begin the file with [book]"),
        (
            HEADER.replace("\"r\"", "\"q\""),
            "is `q` where `r` was asked for",
        ),
        (HEADER.replace("USD", "EUR"), "must have currency"),
        (format!("{HEADER}[a]\nb = 1\n"), "`a.b` is not a price"),
        (format!("{HEADER}x = 1\n"), "unknown field `x`"),
        (price("-1"), "has the amount `-1`"),
        (price("0.0000000000001"), "at most 12 decimals"),
        (price("unknown"), "say why in `note`"),
        (
            format!("{}tiers = []\n", price("1")),
            "needs either `usd` or `tiers`",
        ),
        (
            price("1").replace("per = 1", "per = 0"),
            "for at least 1 unit",
        ),
        (
            price("1").replace("\"a page\"", "\"@page\""),
            "add [sources.page]",
        ),
        (
            price("1").replace("\"a page\"", "\" \""),
            "say where the figure comes from",
        ),
        (
            price("1").replace("2026-01-01\"\n[", "01/01/2026\"\n["),
            "a date as YYYY-MM-DD",
        ),
        (
            price("1").replace(ENTRY, &ENTRY.replace("date = \"2026-01-01\"", "")),
            "has no `date`",
        ),
        (
            price("1").replace(ENTRY, &ENTRY.replace("2026-01-01", "2026")),
            "write it as YYYY-MM-DD",
        ),
        (
            format!("{}colour = 1\n", price("1")),
            "unknown field `colour`",
        ),
        (tiers(""), "empty list of tiers"),
        (tiers("{ up_to = 5, usd = \"1\" }"), "ascending `up_to`"),
        (
            tiers("{ usd = \"1\" }, { usd = \"2\" }"),
            "ascending `up_to`",
        ),
        (
            tiers("{ up_to = 5, usd = \"1\" }, { up_to = 5, usd = \"2\" }, { usd = \"3\" }"),
            "ascending `up_to`",
        ),
    ] {
        match Books::parse("r", &text, "", "") {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => assert!(error.to_string().contains(said), "{error}\nfor: {text}"),
        }
    }
}

#[test]
fn bad_quotas_and_laws_and_oversized_books_are_refused() {
    let quota = "[a.b]\nvalue = 1\nunit = \"s\"\nadjustable = false\nsource = \"a page\"\ndate = \"2026-01-01\"\nbasis = \"measured\"\n";
    assert!(
        Books::parse("r", HEADER, quota, "")
            .unwrap_err()
            .to_string()
            .contains("quotas: `a.b` has a basis")
    );
    let law = "[a.b]\nmin_ms = 3\np50_ms = 2\np99_ms = 4\nsource = \"a page\"\ndate = \"2026-01-01\"\nbasis = \"assumed\"\n";
    assert!(
        Books::parse("r", HEADER, "", law)
            .unwrap_err()
            .to_string()
            .contains("must ascend")
    );
    assert!(
        Books::parse("r", &" ".repeat(5 << 20), "", "")
            .unwrap_err()
            .to_string()
            .contains("is larger than")
    );
}

#[test]
fn usage_specs_are_checked_against_the_book() {
    let spec = |key, unit| UsageSpec {
        key,
        unit,
        base_per_unit: 1,
        rounding: "",
        growth: Growth::Linear,
    };
    for region in Books::regions() {
        let check = |key, unit| {
            books(region)
                .check_spec(&spec(key, unit))
                .map_err(|error| error.to_string())
        };
        assert_eq!(check("s3.put_request", "request"), Ok(()));
        assert_eq!(
            check("glue.etl_ray_dpu_hour", "DPU-hour"),
            Ok(()),
            "an unknown price is in the book all the same"
        );
        assert!(
            check("s3.put_request", "GB")
                .unwrap_err()
                .contains("priced per request")
        );
        assert!(
            check("s3.put_requests", "request")
                .unwrap_err()
                .contains("has no `s3.put_requests`")
        );
    }
}

#[test]
fn numbers_print_as_people_read_them() {
    for (value, text) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (1_234_567, "1,234,567"),
    ] {
        assert_eq!(thousands(value), text);
    }
    for (quantity, base, text) in [
        (1, 3, "0.333333333333"),
        (2, 3, "0.666666666667"),
        (5_400_000, 3_600_000, "1.5"),
        (7, 1, "7"),
        (3, 0, "3"),
    ] {
        assert_eq!(decimal(quantity, base), text);
    }
    for (amount, text) in [
        ("0", "$0"),
        ("0.017283938", "$0.01728"),
        ("0.000000014", "$0.000000014"),
        ("0.000000000001", "$0.000000000001"),
        ("0.99996", "$1"),
        ("1", "$1.00"),
        ("1234.565", "$1,234.57"),
        ("-2.5", "-$2.50"),
    ] {
        assert_eq!(dollars(Usd::parse(amount).unwrap()), text, "{amount}");
    }
}

#[test]
fn wide_rounds_half_up_and_saturates() {
    let over = |n: u128, d: u128| Wide::new(n).over(Wide::new(d));
    assert_eq!(
        [over(5, 2), over(4, 3), over(0, 7), over(u128::MAX, 1)],
        [3, 1, 0, u128::MAX]
    );
    assert_eq!(over(1, 0), u128::MAX);
    // A half stays a half when both sides are past 128 bits.
    let wide_half = |n: u128| Wide::product(&[u128::MAX, n]).over(Wide::product(&[u128::MAX, 2]));
    assert_eq!([wide_half(3), wide_half(4)], [2, 2]);
    let huge = Wide::product(&[u128::MAX, u128::MAX, u128::MAX, u128::MAX, u128::MAX]);
    assert_eq!(huge.over(Wide::product(&[u128::MAX; 4])), u128::MAX);
    assert_eq!(huge.over(Wide::new(1)), u128::MAX);
    assert_eq!(Wide::new(3).minus(Wide::new(4)), Wide::ZERO);
}

proptest! {
    #[test]
    fn wide_agrees_with_native_arithmetic(a: u64, b in 1..u64::MAX, c: u128, d in 1..u128::MAX) {
        let (a, b) = (u128::from(a), u128::from(b));
        let (whole, rest) = (a * b / d, a * b % d);
        prop_assert_eq!(Wide::product(&[a, b]).over(Wide::new(d)), whole + u128::from(rest >= d - rest));
        // A common factor, which pushes both sides past 128 bits, changes nothing.
        let common = [c | 1, d, u128::MAX];
        let pushed = common.iter().fold(Wide::new(c), |n, f| n.times(*f));
        prop_assert_eq!(pushed.over(Wide::product(&common)), c);
        prop_assert_eq!(pushed.plus(Wide::new(a)).minus(Wide::new(a)), pushed);
    }
}
