//! FOCUS rows against the specification's rules, which stand in `assets/focus.toml`, and the usage file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;
use crate::books::{Bill, Books, Growth, Metered, UsageSpec};
use crate::lake::read_parquet;
use crate::report::testing;
use crate::services;
use crate::units::{GIB, SimDuration};

#[derive(Debug, Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    nullable: bool,
    mandatory: bool,
    #[serde(default)]
    allowed: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Rules {
    columns: BTreeMap<String, Rule>,
    services: BTreeMap<String, BTreeMap<String, String>>,
}

fn rules() -> Rules {
    toml::from_str(include_str!("../../../../assets/focus.toml")).unwrap()
}

/// Digits of a decimal as a whole number, and how many stand behind the point.
fn digits(text: &str) -> (Vec<u8>, usize) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all = format!("{whole}{fraction}");
    assert!(
        !whole.is_empty() && all.bytes().all(|b| b.is_ascii_digit()),
        "{text} is no decimal"
    );
    (all.bytes().map(|b| b - b'0').collect(), fraction.len())
}

/// A product of decimals by long multiplication, independent of how the rows are made.
fn product(a: &str, b: &str) -> String {
    let ((x, i), (y, j)) = (digits(a), digits(b));
    let mut sum = vec![0_u64; x.len() + y.len()];
    for (p, m) in x.iter().rev().enumerate() {
        for (q, n) in y.iter().rev().enumerate() {
            sum[p + q] += u64::from(*m) * u64::from(*n);
        }
    }
    for k in 0..sum.len() - 1 {
        sum[k + 1] += sum[k] / 10;
        sum[k] %= 10;
    }
    let text: String = sum.iter().rev().map(|d| d.to_string()).collect();
    let (whole, fraction) = text.split_at(text.len() - i - j);
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}

#[test]
fn rows_keep_the_rules_of_the_specification() {
    let rules = rules();
    let rows = focus(testing::run()).unwrap();
    let columns: Vec<&str> = FocusRows::columns().collect();
    for (name, rule) in &rules.columns {
        assert!(
            !rule.mandatory || columns.contains(&name.as_str()),
            "{name} is mandatory"
        );
    }
    assert_eq!(rules.columns.values().filter(|r| r.mandatory).count(), 21);
    assert!(rows.rows.len() >= 4, "{}", rows.rows.len());
    for row in &rows.rows {
        let cell = |name: &str| row[columns.iter().position(|c| *c == name).unwrap()].as_deref();
        for (name, value) in columns.iter().zip(row) {
            let Some(rule) = rules.columns.get(*name) else {
                assert!(
                    name.starts_with("x_"),
                    "{name} is neither the specification's nor marked as ours"
                );
                continue;
            };
            let Some(value) = value else {
                assert!(rule.nullable, "{name} is null");
                continue;
            };
            match rule.kind.as_str() {
                "Decimal" => drop(digits(value)),
                "DateTime" => {
                    assert!(value.ends_with('Z') && value.len() == 20, "{name} {value}");
                    assert!(
                        chrono::DateTime::parse_from_rfc3339(value).is_ok(),
                        "{name} {value}"
                    );
                }
                _ => assert!(!value.is_empty(), "{name} is empty"),
            }
            assert!(
                rule.allowed.is_empty() || rule.allowed.contains(value),
                "{name} {value}"
            );
        }
        let quantity = cell("PricingQuantity").unwrap();
        assert_eq!(
            product(cell("ListUnitPrice").unwrap(), quantity),
            cell("ListCost").unwrap()
        );
        assert_eq!(
            product(cell("ContractedUnitPrice").unwrap(), quantity),
            cell("ContractedCost").unwrap()
        );
        assert_eq!(
            (cell("ChargeCategory"), cell("ChargeClass")),
            (Some("Usage"), None)
        );
        assert_eq!(
            (cell("x_WeirSimulated"), cell("BillingAccountName")),
            (Some("true"), Some("SIMULATED"))
        );
        assert!(
            ["documented", "inferred", "measured", "assumed"]
                .contains(&cell("x_WeirConfidence").unwrap()),
            "{row:?}"
        );
        assert_eq!(cell("ConsumedUnit"), cell("PricingUnit"));
        assert!(cell("ChargePeriodStart") < cell("ChargePeriodEnd"));
        assert!(
            cell("BillingPeriodStart") <= cell("ChargePeriodStart")
                && cell("ChargePeriodEnd") <= cell("BillingPeriodEnd")
        );
    }
}

/// What people add up.
fn pico(text: &str) -> i128 {
    crate::units::Usd::parse(text).unwrap().0
}

#[test]
fn billed_costs_sum_up_to_the_bill() {
    let run = testing::run();
    let rows = focus(run).unwrap();
    let at = FocusRows::columns()
        .position(|c| c == "BilledCost")
        .unwrap();
    let sum: i128 = rows
        .rows
        .iter()
        .map(|r| pico(r[at].as_ref().unwrap()))
        .sum();
    assert_eq!(sum, pico(&run.summary.cost.total_usd_exact));
    assert!(sum > 0);
}

#[test]
fn parquet_has_the_types_and_the_csv_the_cells() {
    let rows = focus(testing::run()).unwrap();
    let batches = read_parquet(rows.parquet().unwrap()).unwrap();
    assert_eq!(
        batches
            .iter()
            .map(arrow::array::RecordBatch::num_rows)
            .sum::<usize>(),
        rows.rows.len()
    );
    let schema = batches[0].schema();
    for (name, rule) in rules().columns {
        let Ok(field) = schema.field_with_name(&name) else {
            continue;
        };
        let kind = match field.data_type() {
            arrow::datatypes::DataType::Decimal128(..) => "Decimal",
            arrow::datatypes::DataType::Timestamp(..) => "DateTime",
            _ => "String",
        };
        assert_eq!(kind, rule.kind, "{name}");
    }
    let csv = rows.csv();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    for (read, row) in reader.records().zip(&rows.rows) {
        let read = read.unwrap();
        let cells: Vec<&str> = row
            .iter()
            .map(|c| c.as_deref().unwrap_or_default())
            .collect();
        assert_eq!(read.iter().collect::<Vec<_>>(), cells);
    }
}

/// Times that the specification's `UnitFormat` allows, in the plural.
const TIMES: [&str; 6] = ["Months", "Days", "Hours", "Minutes", "Seconds", "Years"];

#[test]
fn units_are_written_as_the_specification_wants_them() {
    use super::focus::unit_name;
    for (unit, wanted) in [
        ("GB", "GB"),
        ("TB", "TB"),
        ("request", "Requests"),
        ("shard-hour", "Shard-Hours"),
        ("GB-month", "GB-Months"),
        ("PUT payload unit", "PUT Payload Units"),
        ("vCPU-hour", "vCPU-Hours"),
    ] {
        assert_eq!(unit_name(unit), wanted);
    }
    for region in Books::regions() {
        for price in Books::for_region(region).unwrap().prices() {
            let name = unit_name(&price.unit);
            for base in name.split('-') {
                let named = base.contains(|c: char| c.is_ascii_uppercase());
                assert!(named, "{name} of {}", price.key);
            }
            let last = name.rsplit('-').next().unwrap();
            let low = last.to_lowercase();
            let is_time = TIMES
                .iter()
                .any(|t| low == t.to_lowercase() || low == t.to_lowercase().trim_end_matches('s'));
            assert!(!is_time || TIMES.contains(&last), "{name} of {}", price.key);
        }
    }
}

#[test]
fn confidence_is_that_of_the_price_book() {
    let run = testing::run();
    let books = Books::for_region(&run.summary.cost.region).unwrap();
    let columns: Vec<&str> = FocusRows::columns().collect();
    let at = |name: &str| columns.iter().position(|c| *c == name).unwrap();
    for row in &focus(run).unwrap().rows {
        let key = row[at("SkuId")].as_deref().unwrap();
        let price = books.prices().find(|p| p.key == key).unwrap();
        let wanted = match price.origin.basis.as_str() {
            "published" => "documented",
            other => other,
        };
        assert_eq!(
            row[at("x_WeirConfidence")].as_deref(),
            Some(wanted),
            "{key}"
        );
    }
}

#[test]
fn bill_of_an_older_run_without_steps_is_refused_and_not_left_out() {
    let mut run = testing::run().clone();
    for line in &mut run.summary.cost.lines {
        line.steps.clear();
    }
    let why = focus(&run).unwrap_err().to_string();
    assert!(why.contains("run the pipeline again"), "{why}");
}

#[test]
fn tiers_become_rows_of_their_own() {
    static BYTES: UsageSpec = UsageSpec {
        key: "firehose.ingested_gb",
        unit: "GB",
        base_per_unit: GIB,
        rounding: "",
        growth: Growth::Linear,
    };
    let usage = |node: &str, gb: u128| Metered {
        node: node.to_owned(),
        service: "firehose".to_owned(),
        spec: &BYTES,
        quantity: gb * u128::from(GIB) + 12_345,
    };
    let books = Books::for_region("us-east-1").unwrap();
    let bill = Bill::price(
        &books,
        &[usage("a", 400_000), usage("b", 900_000)],
        SimDuration::secs(3_600),
    );
    for line in &bill.lines {
        assert!(line.steps.len() > 1, "{:?}", line.steps);
        for step in &line.steps {
            assert_eq!(product(&step.quantity, &step.unit_price), step.cost);
        }
        let billed: i128 = line.steps.iter().map(|s| pico(&s.billed)).sum();
        assert_eq!(billed, line.usd.unwrap().0);
        let quantity: i128 = line.steps.iter().map(|s| pico(&s.quantity)).sum();
        assert_eq!(quantity, pico(&line.quantity_text));
    }
}

#[test]
fn prices_are_for_powers_of_ten_and_services_have_names() {
    let rules = rules();
    let categories = &rules.columns["ServiceCategory"].allowed;
    for service in rules.services.values() {
        assert!(categories.contains(&service["category"]), "{service:?}");
    }
    for region in Books::regions() {
        for price in Books::for_region(region).unwrap().prices() {
            assert_eq!(10_u64.pow(price.per.ilog10()), price.per, "{}", price.key);
        }
    }
    for kind in services::ALL {
        for usage in kind.spec().usage {
            let prefix = usage.key.split('.').next().unwrap();
            assert!(
                rules.services.contains_key(prefix),
                "assets/focus.toml has no service `{prefix}`"
            );
        }
    }
}

#[test]
fn usage_file_has_the_months_quantities_and_names_what_it_leaves_out() {
    let text = infracost(testing::run(), services::ALL);
    assert!(text.contains("version: 0.1\nresource_usage:\n"), "{text}");
    assert!(
        text.contains(
            "  aws_kinesis_firehose_delivery_stream.delivery:\n    monthly_data_ingested_gb: "
        ),
        "{text}"
    );
    assert!(
        text.contains("  aws_s3_bucket.lake:\n    standard:\n      "),
        "{text}"
    );
    assert!(
        text.contains("#   stream: 730 shard-hour a month"),
        "{text}"
    );
    for field in super::infracost::fields() {
        let spec = services::ALL
            .iter()
            .map(|k| k.spec())
            .find(|s| s.id == field.kind);
        let Some(spec) = spec else { continue };
        assert!(
            spec.usage.iter().any(|u| u.key == field.key),
            "{} {}",
            field.kind,
            field.key
        );
    }
}

#[test]
fn time_of_a_function_is_worked_out_with_the_default_memory_too() {
    let mut run = testing::run().clone();
    let node = r#"{ "weir": 1, "name": "x", "nodes": [ { "id": "enrich", "kind": "lambda", "at": [0, 0] } ], "wires": [] }"#;
    run.doc = crate::document::Document::parse(node).unwrap();
    let memory = crate::services::kind("lambda").unwrap().defaults()["memory_mb"]
        .as_f64()
        .unwrap();
    let line = |usage: &str, quantity: f64| crate::report::CostLine {
        node: "enrich".to_owned(),
        service: "lambda".to_owned(),
        usage_type: usage.to_owned(),
        quantity,
        quantity_per_month: Some(quantity * 730.0),
        ..run.summary.cost.lines[0].clone()
    };
    // 2,000 requests of 250.4 ms each.
    let gb_seconds = 2_000.0 * 0.2504 * memory / 1_024.0;
    run.summary.cost.lines = vec![
        line("lambda.request", 2_000.0),
        line("lambda.gb_second_x86", gb_seconds),
    ];
    let text = infracost(&run, services::ALL);
    assert!(text.contains("    monthly_requests: 1460000\n"), "{text}");
    assert!(text.contains("    request_duration_ms: 250\n"), "{text}");
    assert!(!text.contains("no field of a usage file"), "{text}");
}
