//! Rows of FOCUS 1.2: one for each line of the bill and price that it reaches.
//!
//! `ListUnitPrice x PricingQuantity = ListCost` to the last digit. `BilledCost` and `EffectiveCost` are what the bill says,
//! exact to 10^-12 dollar, and sum up to its total; they may differ from `ListCost` by less than 10^-11, because quantities
//! have 12 decimals. Usage without a known price has no row: a cost that is not known must not be 0.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use chrono::{DateTime, Datelike as _, Duration, Months, NaiveDate, SecondsFormat, Utc};
use serde::Deserialize;

use super::super::files::csv_cell;
use super::super::folder::{ReadError, RunFiles};
use super::super::summary::CostLine;
use crate::books::{PriceStep, plural};
use crate::lake::{Codec, ParquetPlan};

const FOCUS: &str = include_str!("../../../../assets/focus.toml");
/// Whose account it is: nobody's.
const ACCOUNT: &str = "SIMULATED";
/// Rows of a Parquet row group.
const ROWS_PER_GROUP: usize = 131_072;

#[derive(Debug, Default, Deserialize)]
struct Focus {
    services: BTreeMap<String, Service>,
}

#[derive(Debug, Deserialize)]
struct Service {
    name: String,
    category: String,
}

static SERVICES: LazyLock<BTreeMap<String, Service>> =
    LazyLock::new(|| toml::from_str::<Focus>(FOCUS).unwrap_or_default().services);

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    /// Digits behind the point in Parquet.
    Decimal(i8),
    Time,
}

/// Every column, in the order of the files. The specification's come first, ours (`x_`) last.
const COLUMNS: [(&str, Type); 42] = [
    ("BilledCost", Type::Decimal(30)),
    ("BillingAccountId", Type::Text),
    ("BillingAccountName", Type::Text),
    ("BillingCurrency", Type::Text),
    ("BillingPeriodEnd", Type::Time),
    ("BillingPeriodStart", Type::Time),
    ("ChargeCategory", Type::Text),
    ("ChargeClass", Type::Text),
    ("ChargeDescription", Type::Text),
    ("ChargeFrequency", Type::Text),
    ("ChargePeriodEnd", Type::Time),
    ("ChargePeriodStart", Type::Time),
    ("ConsumedQuantity", Type::Decimal(12)),
    ("ConsumedUnit", Type::Text),
    ("ContractedCost", Type::Decimal(30)),
    ("ContractedUnitPrice", Type::Decimal(18)),
    ("EffectiveCost", Type::Decimal(30)),
    ("InvoiceIssuerName", Type::Text),
    ("ListCost", Type::Decimal(30)),
    ("ListUnitPrice", Type::Decimal(18)),
    ("PricingCategory", Type::Text),
    ("PricingQuantity", Type::Decimal(12)),
    ("PricingUnit", Type::Text),
    ("ProviderName", Type::Text),
    ("PublisherName", Type::Text),
    ("RegionId", Type::Text),
    ("RegionName", Type::Text),
    ("ResourceId", Type::Text),
    ("ResourceName", Type::Text),
    ("ResourceType", Type::Text),
    ("ServiceCategory", Type::Text),
    ("ServiceName", Type::Text),
    ("SkuId", Type::Text),
    ("SkuMeter", Type::Text),
    ("SkuPriceId", Type::Text),
    ("x_WeirConfidence", Type::Text),
    ("x_WeirEngine", Type::Text),
    ("x_WeirNode", Type::Text),
    ("x_WeirPriceDate", Type::Text),
    ("x_WeirPriceSource", Type::Text),
    ("x_WeirSeed", Type::Text),
    ("x_WeirSimulated", Type::Text),
];

/// The rows of one run.
#[derive(Debug, Clone)]
pub struct FocusRows {
    /// Cells in the order of [`FocusRows::columns`]; `None` is null.
    pub rows: Vec<Vec<Option<String>>>,
    /// Usage that has no row because its price is not known: node and price key.
    pub unknown: Vec<(String, String)>,
}

/// The rows of a run's bill.
///
/// # Errors
/// When the run has no instant of time zero, or a bill without steps: a damaged folder, or one of an older version.
pub fn focus(run: &RunFiles) -> Result<FocusRows, ReadError> {
    let times = times(run)?;
    let mut out = FocusRows {
        rows: Vec::new(),
        unknown: Vec::new(),
    };
    for line in run.summary.cost.lines.iter().filter(|l| l.quantity > 0.0) {
        if line.usd.is_none() {
            out.unknown
                .push((line.node.clone(), line.usage_type.clone()));
        }
        if line.steps.is_empty() && line.usd.is_some_and(|usd| usd > 0.0) {
            return Err(ReadError(format!(
                "`{}` of `{}` stands in the bill without its prices in steps, as older versions of Weir wrote it: run the pipeline again with `weir run --out`",
                line.usage_type, line.node
            )));
        }
        for (i, step) in line.steps.iter().enumerate() {
            let cells = cells(run, line, (i, step), &times);
            let row = COLUMNS.iter().map(|(name, _)| cells.get(name).cloned());
            out.rows.push(row.collect());
        }
    }
    Ok(out)
}

/// Billing period and charge period, ISO 8601 in UTC; ends are exclusive.
struct Times {
    period: [String; 2],
    charge: [String; 2],
}

fn times(run: &RunFiles) -> Result<Times, ReadError> {
    let wrong = || {
        ReadError(
            "the run's time zero is out of range: give the document another `start`".to_owned(),
        )
    };
    let start = DateTime::<Utc>::from_timestamp_millis(run.doc.start.epoch_ms).ok_or_else(wrong)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates; a run takes ten years at most"
    )]
    let seconds = run.summary.virtual_seconds.ceil() as i64;
    let end = start
        .checked_add_signed(Duration::seconds(seconds.max(1)))
        .ok_or_else(wrong)?;
    let month = |at: DateTime<Utc>| NaiveDate::from_ymd_opt(at.year(), at.month(), 1);
    let first = month(start).ok_or_else(wrong)?;
    // The month in which the last instant lies, and one on.
    let last = month(end - Duration::milliseconds(1)).ok_or_else(wrong)?;
    let last = last.checked_add_months(Months::new(1)).ok_or_else(wrong)?;
    let day = |d: NaiveDate| format!("{d}T00:00:00Z");
    let instant = |t: DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Secs, true);
    Ok(Times {
        period: [day(first), day(last)],
        charge: [instant(start), instant(end)],
    })
}

fn cells(
    run: &RunFiles,
    line: &CostLine,
    (place, step): (usize, &PriceStep),
    times: &Times,
) -> BTreeMap<&'static str, String> {
    let prefix = line.usage_type.split('.').next().unwrap_or_default();
    let service = SERVICES.get(prefix);
    let region = &run.summary.cost.region;
    let name = run.doc.node(&line.node).and_then(|n| n.title.clone());
    let frequency = if line.baseline {
        "Recurring"
    } else {
        "Usage-Based"
    };
    let unit = unit_name(&line.unit);
    let texts = [
        ("BilledCost", step.billed.as_str()),
        ("BillingAccountId", ACCOUNT),
        ("BillingAccountName", ACCOUNT),
        ("BillingCurrency", "USD"),
        ("BillingPeriodStart", times.period[0].as_str()),
        ("BillingPeriodEnd", times.period[1].as_str()),
        ("ChargeCategory", "Usage"),
        ("ChargeDescription", line.explain.as_str()),
        ("ChargeFrequency", frequency),
        ("ChargePeriodStart", times.charge[0].as_str()),
        ("ChargePeriodEnd", times.charge[1].as_str()),
        ("ConsumedQuantity", step.quantity.as_str()),
        ("ConsumedUnit", unit.as_str()),
        ("ContractedCost", step.cost.as_str()),
        ("ContractedUnitPrice", step.unit_price.as_str()),
        ("EffectiveCost", step.billed.as_str()),
        ("InvoiceIssuerName", "Weir (simulated)"),
        ("ListCost", step.cost.as_str()),
        ("ListUnitPrice", step.unit_price.as_str()),
        ("PricingCategory", "Standard"),
        ("PricingQuantity", step.quantity.as_str()),
        ("PricingUnit", unit.as_str()),
        ("ProviderName", "AWS"),
        ("PublisherName", "AWS"),
        ("RegionId", region.as_str()),
        ("RegionName", region.as_str()),
        ("ResourceId", line.node.as_str()),
        (
            "ResourceName",
            name.as_deref().unwrap_or(line.node.as_str()),
        ),
        ("ResourceType", line.service.as_str()),
        (
            "ServiceCategory",
            service.map_or("Other", |s| s.category.as_str()),
        ),
        ("ServiceName", service.map_or(prefix, |s| s.name.as_str())),
        ("SkuId", line.usage_type.as_str()),
        ("SkuMeter", line.usage_type.as_str()),
        ("x_WeirConfidence", confidence(&line.basis)),
        ("x_WeirEngine", run.record.weir.as_str()),
        ("x_WeirNode", line.node.as_str()),
        ("x_WeirPriceDate", line.date.as_str()),
        ("x_WeirPriceSource", line.source.as_str()),
        ("x_WeirSimulated", "true"),
    ];
    let mut cells: BTreeMap<&'static str, String> = texts
        .into_iter()
        .map(|(name, text)| (name, text.to_owned()))
        .collect();
    cells.insert(
        "SkuPriceId",
        format!("{}/{region}/{place}", line.usage_type),
    );
    cells.insert("x_WeirSeed", run.record.seed.to_string());
    cells
}

/// How sure a price is: `documented` when AWS prints it, `inferred` from what AWS prints, `measured` or `assumed`; `unknown` in
/// a run of an older version.
fn confidence(basis: &str) -> &str {
    match basis {
        "published" => "documented",
        "" => "unknown",
        other => other,
    }
}

/// A unit as the specification's `UnitFormat` writes it: capitalised, compounds with hyphens, in the plural: `GB-Months`, `Requests`.
pub(super) fn unit_name(unit: &str) -> String {
    let capital = |word: &str| {
        if word.contains(|c: char| c.is_ascii_uppercase()) {
            return word.to_owned();
        }
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect()
    };
    let bases = unit.split('-').map(|base| {
        let words: Vec<String> = base.split(' ').map(capital).collect();
        words.join(" ")
    });
    plural(&bases.collect::<Vec<_>>().join("-"), false)
}

impl FocusRows {
    /// The columns' names.
    pub fn columns() -> impl Iterator<Item = &'static str> {
        COLUMNS.iter().map(|(name, _)| *name)
    }

    /// As CSV with a header; null is empty.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out: String = Self::columns().collect::<Vec<_>>().join(",");
        out.push('\n');
        for row in &self.rows {
            let cells = row
                .iter()
                .map(|c| csv_cell(c.as_deref().unwrap_or_default()));
            out.push_str(&cells.collect::<Vec<_>>().join(","));
            out.push('\n');
        }
        out
    }

    /// As Parquet: decimals, instants and texts in their types.
    ///
    /// # Errors
    /// When an amount has more digits than Parquet's decimals.
    pub fn parquet(&self) -> Result<Vec<u8>, ReadError> {
        let failed = |why: &dyn std::fmt::Display| {
            ReadError(format!("the rows cannot be written as Parquet: {why}"))
        };
        let mut fields = Vec::new();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for (i, (name, kind)) in COLUMNS.iter().enumerate() {
            let cells = || self.rows.iter().map(|row| row[i].as_deref());
            let array: ArrayRef = match kind {
                Type::Text => Arc::new(cells().collect::<StringArray>()),
                Type::Decimal(scale) => {
                    let values = cells().map(|c| c.map(|text| scaled(text, *scale)).transpose());
                    let values: Vec<Option<i128>> =
                        values.collect::<Result<_, _>>().map_err(|e| failed(&e))?;
                    let array = Decimal128Array::from(values).with_precision_and_scale(38, *scale);
                    Arc::new(array.map_err(|e| failed(&e))?)
                }
                Type::Time => {
                    let values = cells().map(|c| {
                        DateTime::parse_from_rfc3339(c?)
                            .ok()
                            .map(|t| t.timestamp_millis())
                    });
                    Arc::new(
                        values
                            .collect::<TimestampMillisecondArray>()
                            .with_timezone("UTC"),
                    )
                }
            };
            let data_type = match kind {
                Type::Text => DataType::Utf8,
                Type::Decimal(scale) => DataType::Decimal128(38, *scale),
                Type::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            };
            fields.push(Field::new(*name, data_type, true));
            arrays.push(array);
        }
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|e| failed(&e))?;
        let plan = ParquetPlan::new(&schema, Codec::Zstd).map_err(|e| failed(&e))?;
        plan.encode_file(&[batch], ROWS_PER_GROUP)
            .map_err(|e| failed(&e))
    }
}

/// A decimal text as a whole number of 10^-scale.
fn scaled(text: &str, scale: i8) -> Result<i128, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let scale = usize::from(scale.unsigned_abs());
    if fraction.len() > scale {
        return Err(format!("{text} has more than {scale} decimals"));
    }
    let digits = format!("{whole}{fraction:0<scale$}");
    digits
        .parse()
        .map_err(|_unread| format!("{text} is out of range"))
}
