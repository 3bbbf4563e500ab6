//! Published worked examples, priced by the same code as a run's bill. The cases are data under `cases/`.

use serde::Deserialize;

use super::{Bill, Books, Growth, Metered, Price, Tier, UsageSpec};
use crate::units::{SimDuration, Usd};

const FILES: [&str; 2] = [
    include_str!("cases/streaming.toml"),
    include_str!("cases/lake.toml"),
];
const REGION: &str = "us-east-1";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    source: String,
    as_of: String,
    what: String,
    /// The right total, to the printed precision; absent when the source's total holds more than these lines.
    expected: Option<String>,
    decimals: u32,
    /// What the source prints where its own arithmetic is off, and why.
    printed: Option<String>,
    off: Option<String>,
    #[serde(rename = "note")]
    _note: Option<String>,
    lines: Vec<Line>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    quantity: String,
    base: u64,
    unit: Option<String>,
    per: Option<u64>,
    usd: Option<String>,
    tiers: Option<Vec<CaseTier>>,
    expected: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseTier {
    up_to: Option<u64>,
    usd: String,
}

fn cases() -> Vec<Case> {
    FILES
        .iter()
        .flat_map(|text| toml::from_str::<File>(text).unwrap().case)
        .collect()
}

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap_or_else(|| panic!("`{text}` is not an amount"))
}

/// The price under which the example was made: the book's, unless the line says otherwise.
fn price(books: &Books, line: &Line) -> Price {
    let known = books.price(&line.key);
    let tiers = match (&line.usd, &line.tiers) {
        (Some(amount), _) => Some(vec![Tier {
            up_to: None,
            usd: usd(amount),
        }]),
        (None, Some(tiers)) => Some(
            tiers
                .iter()
                .map(|tier| Tier {
                    up_to: tier.up_to,
                    usd: usd(&tier.usd),
                })
                .collect(),
        ),
        (None, None) => known
            .unwrap_or_else(|| panic!("{} has no price", line.key))
            .tiers
            .clone(),
    };
    let origin = known
        .or_else(|| books.prices().next())
        .unwrap()
        .origin
        .clone();
    Price {
        key: line.key.clone(),
        unit: line
            .unit
            .clone()
            .or_else(|| Some(known?.unit.clone()))
            .unwrap(),
        per: line.per.or_else(|| Some(known?.per)).unwrap(),
        tiers,
        origin,
    }
}

fn metered(line: &Line, price: &Price) -> Metered {
    let spec: &'static UsageSpec = Box::leak(Box::new(UsageSpec {
        key: Box::leak(line.key.clone().into_boxed_str()),
        unit: Box::leak(price.unit.clone().into_boxed_str()),
        base_per_unit: line.base,
        rounding: "",
        growth: Growth::Linear,
    }));
    Metered {
        node: "example".into(),
        service: "example".into(),
        spec,
        quantity: line.quantity.parse().unwrap(),
    }
}

/// Whether `got` prints as `expected` with so many decimals, allowing the roundings of `parts` printed parts. A half may go
/// either way: sources differ.
fn agrees(got: Usd, expected: &str, decimals: u32, parts: usize) -> bool {
    let half = Usd::SCALE / 10_i128.pow(decimals) / 2;
    (got.0 - usd(expected).0).abs() <= half * parts as i128
}

#[test]
fn bill_agrees_with_published_examples() {
    let cases = cases();
    assert!(cases.len() >= 35, "only {} cases", cases.len());
    for case in cases {
        let mut books = (*Books::for_region(REGION).unwrap()).clone();
        let mut usage = Vec::new();
        for line in &case.lines {
            let price = price(&books, line);
            usage.push(metered(line, &price));
            books = books.with_price(price);
        }
        let bill = Bill::price(&books, &usage, SimDuration::secs(730 * 3_600));
        assert!(
            bill.unknown.is_empty() && !case.source.is_empty() && !case.as_of.is_empty(),
            "{}",
            case.id
        );
        for (line, got) in case.lines.iter().zip(&bill.lines) {
            let Some(expected) = &line.expected else {
                continue;
            };
            assert!(
                agrees(got.usd.unwrap(), expected, case.decimals, 1),
                "{}: {} is not {expected}",
                case.id,
                got.explain
            );
        }
        if let Some(expected) = &case.expected {
            // A total of printed parts carries the rounding of each.
            let parts = case
                .lines
                .iter()
                .filter(|line| line.expected.is_some())
                .count()
                .max(1);
            assert!(
                agrees(bill.total, expected, case.decimals, parts),
                "{} ({}): {} is not {expected}",
                case.id,
                case.what,
                bill.total
            );
        }
        let checked =
            case.expected.is_some() || case.lines.iter().all(|line| line.expected.is_some());
        assert!(checked, "{} compares nothing", case.id);
    }
}

#[test]
fn examples_that_are_off_really_are() {
    for case in cases() {
        let (Some(printed), Some(off)) = (&case.printed, &case.off) else {
            assert!(
                case.printed.is_none() && case.off.is_none(),
                "{}: printed and off go together",
                case.id
            );
            continue;
        };
        let expected = usd(case.expected.as_ref().unwrap());
        assert!(
            !off.is_empty() && !agrees(expected, printed, case.decimals, 1),
            "{} is not off",
            case.id
        );
    }
}
