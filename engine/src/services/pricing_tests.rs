//! Published worked examples: the inputs of each row go through the meters of the services and a price book loaded with the
//! row's unit prices, and come to what the row computes. What no service here meters so far is listed, not passed over.
//!
//! A row says how its parts are computed as formulas that are linear in the unit prices. The factor of a price is the
//! quantity of one usage; roundings of record sizes inside a formula are done by the service's own meter.
//! To let a new service take part: add its unit prices to [`METERS`].

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    reason = "counts of examples: small and positive; what is not metered is named on stderr"
)]

use std::collections::BTreeMap;

use serde::Deserialize;

use super::firehose::rounded_bytes;
use super::kinesis_data_streams::shards_for;
use super::kinesis_data_streams::usage::put_units;
use crate::books::{Bill, Books, Metered, Price, Tier, UsageSpec};
use crate::units::{SimDuration, Usd};

/// Service of the row, name of the unit price, price key, units of the key in one unit of the price.
const METERS: &[(&str, &str, &str, f64)] = &[
    (
        "kinesis-data-streams",
        "usd_per_shard_hour",
        "kinesis-data-streams.shard_hour",
        1.0,
    ),
    (
        "kinesis-data-streams",
        "usd_per_million_ppu",
        "kinesis-data-streams.put_payload_unit",
        1e6,
    ),
    (
        "kinesis-data-streams",
        "usd_per_extended_shard_hour",
        "kinesis-data-streams.extended_retention_shard_hour",
        1.0,
    ),
    (
        "kinesis-data-streams",
        "usd_per_long_term_gb_month",
        "kinesis-data-streams.long_term_retention_gb_month",
        1.0,
    ),
    (
        "kinesis-data-streams",
        "usd_per_efo_shard_hour",
        "kinesis-data-streams.enhanced_fan_out_shard_hour",
        1.0,
    ),
    (
        "kinesis-data-streams",
        "usd_per_consumer_shard_hour",
        "kinesis-data-streams.enhanced_fan_out_shard_hour",
        1.0,
    ),
    (
        "kinesis-data-streams",
        "usd_per_efo_gb",
        "kinesis-data-streams.enhanced_fan_out_gb",
        1.0,
    ),
    (
        "kinesis-data-streams",
        "usd_per_stream_hour",
        "kinesis-data-streams.on_demand_stream_hour",
        1.0,
    ),
    (
        "kinesis-data-streams",
        "usd_per_gb_in",
        "kinesis-data-streams.on_demand_ingest_gb",
        1.0,
    ),
    (
        "kinesis-data-streams",
        "usd_per_gb_out",
        "kinesis-data-streams.on_demand_retrieval_gb",
        1.0,
    ),
    ("data-firehose", "usd_per_gb", "firehose.ingested_gb", 1.0),
    (
        "data-firehose",
        "usd_per_gb_conversion",
        "firehose.format_conversion_gb",
        1.0,
    ),
    (
        "data-firehose",
        "usd_per_gb_dynamic",
        "firehose.dynamic_partitioning_gb",
        1.0,
    ),
    (
        "data-firehose",
        "usd_per_gb_partitioning",
        "firehose.dynamic_partitioning_gb",
        1.0,
    ),
    (
        "data-firehose",
        "usd_per_1k_objects",
        "firehose.dynamic_partitioning_object",
        1e3,
    ),
    (
        "data-firehose",
        "usd_per_jq_hour",
        "firehose.jq_processing_hour",
        1.0,
    ),
    ("", "usd_per_gb_second", "lambda.gb_second_x86", 1.0),
    ("", "usd_per_gb_ms", "lambda.gb_second_x86", 1e-3),
    ("", "usd_per_128mb_ms", "lambda.gb_second_x86", 0.125e-3),
    ("lambda", "usd_per_million_requests", "lambda.request", 1e6),
    (
        "pipeline",
        "usd_per_million_requests",
        "lambda.request",
        1e6,
    ),
    ("s3", "usd_per_million_requests", "lambda.request", 1e6),
    (
        "lambda",
        "usd_per_pc_gb_second",
        "lambda.provisioned_concurrency_gb_second_x86",
        1.0,
    ),
    (
        "lambda",
        "usd_per_pc_duration_gb_second",
        "lambda.provisioned_duration_gb_second_x86",
        1.0,
    ),
    ("", "usd_per_1k_put", "s3.put_request", 1e3),
    ("", "usd_per_1k_get", "s3.get_request", 1e3),
    (
        "pipeline",
        "usd_per_gb_month",
        "s3.storage_standard_gb_month",
        1.0,
    ),
    ("glue", "usd_per_dpu_hour", "glue.etl_dpu_hour", 1.0),
    ("athena", "usd_per_tb", "athena.scanned_tb", 1.0),
    ("sqs", "usd_per_million", "sqs.standard_request", 1e6),
    (
        "eventbridge",
        "usd_per_million",
        "eventbridge.custom_event",
        1e6,
    ),
];

#[derive(Debug, Deserialize)]
struct File {
    example: Vec<Example>,
    capacity_example: Vec<Capacity>,
}
#[derive(Debug, Deserialize)]
struct Example {
    id: String,
    service: String,
    source: String,
    inputs: BTreeMap<String, f64>,
    unit_prices: BTreeMap<String, f64>,
    steps: Vec<Step>,
    computed_usd: f64,
    expected_usd: Option<f64>,
    arithmetic_ok: bool,
    #[serde(default)]
    note: String,
}
#[derive(Debug, Deserialize)]
struct Step {
    formula: String,
    computed_usd: f64,
}
#[derive(Debug, Deserialize)]
struct Capacity {
    id: String,
    service: String,
    inputs: BTreeMap<String, f64>,
    results: Vec<Outcome>,
}
#[derive(Debug, Deserialize)]
struct Outcome {
    name: String,
    computed: f64,
}

fn rows() -> File {
    toml::from_str(include_str!("examples.toml")).unwrap()
}

/// A formula: `+ - * /`, parentheses, `ceil`, `max`, `min`, numbers and names.
struct Formula<'a> {
    text: &'a [u8],
    at: usize,
    names: &'a dyn Fn(&str) -> f64,
    /// The meter that rounds `ceil(a/b)` of two names.
    ceil: &'a dyn Fn(f64, f64) -> f64,
}

impl Formula<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }
    fn sum(&mut self) -> f64 {
        let mut value = self.product();
        while matches!(self.peek(), b'+' | b'-') {
            let minus = self.peek() == b'-';
            self.at += 1;
            let next = self.product();
            value += if minus { -next } else { next };
        }
        value
    }
    fn product(&mut self) -> f64 {
        let mut value = self.factor();
        while matches!(self.peek(), b'*' | b'/') {
            let divides = self.peek() == b'/';
            self.at += 1;
            let next = self.factor();
            value = if divides { value / next } else { value * next };
        }
        value
    }
    fn word(&mut self) -> String {
        let from = self.at;
        while self.peek().is_ascii_alphanumeric() || matches!(self.peek(), b'_' | b'.') {
            self.at += 1;
        }
        String::from_utf8(self.text[from..self.at].to_vec()).unwrap()
    }
    fn factor(&mut self) -> f64 {
        if self.peek() == b'(' {
            self.at += 1;
            let value = self.sum();
            self.at += 1;
            return value;
        }
        let word = self.word();
        assert!(!word.is_empty(), "{}", String::from_utf8_lossy(self.text));
        if word == "ceil" {
            return self.rounded();
        }
        if self.peek() == b'(' {
            self.at += 1;
            let mut value = self.sum();
            while self.peek() == b',' {
                self.at += 1;
                let other = self.sum();
                value = if word == "max" {
                    value.max(other)
                } else {
                    value.min(other)
                };
            }
            self.at += 1;
            return value;
        }
        word.parse().unwrap_or_else(|_| (self.names)(&word))
    }
    /// After `ceil`: of two names through the meter, else as it is.
    fn rounded(&mut self) -> f64 {
        self.at += 1;
        let from = self.at;
        let first = self.word();
        if !first.is_empty() && self.peek() == b'/' {
            self.at += 1;
            let second = self.word();
            if !second.is_empty() && self.peek() == b')' {
                self.at += 1;
                return (self.ceil)((self.names)(&first), (self.names)(&second));
            }
        }
        self.at = from;
        let value = self.sum();
        self.at += 1;
        value.ceil()
    }
}

/// What the service makes of `size` KB counted in steps of `step` KB.
fn meter(service: &str, size: f64, step: f64) -> f64 {
    let bytes = |kb: f64| (kb * 1024.0) as u64;
    match service {
        "kinesis-data-streams" => put_units(bytes(size), bytes(step)) as f64,
        "data-firehose" => rounded_bytes(bytes(size), bytes(step)) as f64 / (step * 1024.0),
        _ => (size / step).ceil(),
    }
}
fn evaluate(formula: &str, service: &str, names: &dyn Fn(&str) -> f64) -> f64 {
    let text: Vec<u8> = formula.bytes().filter(|b| *b != b' ').collect();
    let ceil = |size: f64, step: f64| meter(service, size, step);
    let mut formula = Formula {
        text: &text,
        at: 0,
        names,
        ceil: &ceil,
    };
    let value = formula.sum();
    assert_eq!(formula.at, text.len());
    value
}

fn spec_of(key: &str) -> Option<&'static UsageSpec> {
    let specs = super::ALL
        .iter()
        .flat_map(|k| k.spec().usage.iter().copied());
    specs.into_iter().find(|u| u.key == key)
}
/// The meter of a unit price, and how many of its units the price is for.
fn metered_by(service: &str, price: &str) -> Option<(&'static UsageSpec, f64)> {
    let found = METERS
        .iter()
        .find(|(s, p, _, _)| *p == price && (s.is_empty() || *s == service));
    let (_, _, key, scale) = found?;
    spec_of(key).map(|spec| (spec, *scale))
}

/// What a row comes to, or the unit prices that nothing here meters.
fn bill(row: &Example) -> Result<Vec<f64>, Vec<String>> {
    let missing: Vec<String> = row
        .unit_prices
        .keys()
        .filter(|p| metered_by(&row.service, p).is_none())
        .cloned()
        .collect();
    if !missing.is_empty() || row.unit_prices.is_empty() {
        return Err(missing);
    }
    let mut parts = Vec::new();
    for step in &row.steps {
        let mut books = (*Books::for_region("us-east-1").unwrap()).clone();
        let mut usage = Vec::new();
        for (name, usd) in &row.unit_prices {
            let names = |n: &str| match row.unit_prices.get(n) {
                Some(_) => f64::from(u8::from(n == name)),
                None => *row
                    .inputs
                    .get(n)
                    .unwrap_or_else(|| panic!("{}: {n}", row.id)),
            };
            let units = evaluate(&step.formula, &row.service, &names);
            let (spec, scale) = metered_by(&row.service, name).unwrap();
            if units == 0.0 {
                continue;
            }
            let origin = books.prices().next().unwrap().origin.clone();
            books = books.with_price(Price {
                key: spec.key.to_owned(),
                unit: spec.unit.to_owned(),
                per: 1_000_000,
                tiers: Some(vec![Tier {
                    up_to: None,
                    usd: Usd::parse(&format!("{:.12}", usd / scale * 1e6)).unwrap(),
                }]),
                origin,
            });
            let base = units * scale * spec.base_per_unit as f64;
            usage.push(Metered {
                node: "example".into(),
                service: row.service.clone(),
                spec,
                quantity: base.round() as u128,
            });
        }
        let bill = Bill::price(&books, &usage, SimDuration::ZERO);
        assert!(bill.unknown.is_empty(), "{}", row.id);
        parts.push(bill.total.as_f64());
    }
    Ok(parts)
}

#[test]
fn published_examples_come_to_their_figures_through_the_services_own_meters() {
    let (mut passed, mut absent) = (Vec::new(), Vec::new());
    for row in rows().example {
        assert!(!row.source.is_empty(), "{} has no source", row.id);
        let parts = match bill(&row) {
            Ok(parts) => parts,
            Err(missing) => {
                absent.push(format!("{}: {}", row.id, missing.join(", ")));
                continue;
            }
        };
        for (step, got) in row.steps.iter().zip(&parts) {
            let near = (got - step.computed_usd).abs() <= 1e-6 * step.computed_usd.max(1.0);
            assert!(
                near,
                "{}: {} is {got}, not {}",
                row.id, step.formula, step.computed_usd
            );
        }
        // Some totals are so many days of the parts.
        let days = if row.note.contains("30 x the daily parts") {
            30.0
        } else {
            1.0
        };
        let total = days * parts.iter().sum::<f64>();
        let near = (total - row.computed_usd).abs() <= 1e-6 * row.computed_usd.max(1.0) * days;
        assert!(near, "{}: {total} is not {}", row.id, row.computed_usd);
        if let (true, Some(expected)) = (row.arithmetic_ok, row.expected_usd) {
            let text = expected.to_string();
            let decimals = text.split_once('.').map_or(0, |(_, d)| d.len()).min(2);
            // Each printed part is rounded for itself.
            let half = 0.51 * 10_f64.powi(-i32::try_from(decimals).unwrap()) * parts.len() as f64;
            assert!(
                (total - expected).abs() <= half,
                "{}: {total} is not {expected}",
                row.id
            );
        }
        passed.push(row.id);
    }
    // Rows of services that are not here, or of parts of them that are not modelled, are named when the test is run with --nocapture.
    eprintln!(
        "{} examples agree; not metered here:\n{}",
        passed.len(),
        absent.join("\n")
    );
    for id in [
        "kds-retention-1",
        "kds-clickstream-provisioned-1",
        "kds-clickstream-provisioned-3",
        "kds-clickstream-ondemand-3",
        "kds-lambda-logs-2",
        "kds-lambda-loghub-100",
        "kds-ppu-1",
        "fh-format-conversion-1",
        "lambda-telemetry-2",
        "athena-text-1",
        "athena-cfx-1",
    ] {
        assert!(
            passed.iter().any(|p| p == id),
            "{id} is not among {passed:?}"
        );
    }
}

#[test]
fn capacity_examples_agree_with_the_engines_own_sizing() {
    let mut passed = 0;
    for row in rows().capacity_example {
        let input = |name: &str| row.inputs.get(name).copied();
        let engine: Option<(&str, f64)> = match row.service.as_str() {
            "kinesis-data-streams" => {
                if let (Some(rate), Some(kb)) = (input("records_per_second"), input("record_kb")) {
                    let readers = input("consumers").unwrap_or(1.0) as u32;
                    Some(("shards", f64::from(shards_for(rate, kb * 1024.0, readers))))
                } else if let (Some(gb), Some(share)) = (input("gb_per_day"), input("usable_share"))
                {
                    let rate = gb * 1e6 / 86_400.0 / share;
                    Some(("shards", f64::from(shards_for(rate, 1000.0, 1))))
                } else if let (Some(kb), Some(unit)) = (input("record_kb"), input("unit_kb")) {
                    Some(("payload_units", meter(&row.service, kb, unit)))
                } else {
                    // The capacity of on-demand streams is tested with the running stream.
                    None
                }
            }
            "data-firehose" => match (input("record_kb"), input("meter_kb")) {
                (Some(kb), Some(step)) => {
                    let records = input("records").unwrap_or(1.0);
                    Some(("billed_kb", records * meter(&row.service, kb, step) * step))
                }
                _ => None,
            },
            _ => None,
        };
        let Some((name, got)) = engine else { continue };
        let wanted = row.results.iter().find(|r| r.name == name).unwrap();
        assert!(
            (got - wanted.computed).abs() < 1e-9,
            "{}: {got} {}",
            row.id,
            wanted.computed
        );
        passed += 1;
    }
    assert!(passed >= 7, "only {passed} rows");
}
