//! The bill in the summary.

use super::summary::{CostLine, CostSummary, PriceGap};
use crate::books::{Bill, BillLine, Books};
use crate::units::{GIB, Usd};

/// The bill, with the cost per GB of `produced_bytes`.
pub(super) fn summarize(bill: &Bill, books: &Books, produced_bytes: u64) -> CostSummary {
    let gap = |u: &crate::books::UnknownPrice| PriceGap {
        node: u.node.clone(),
        usage_type: u.usage_type.clone(),
        why: u.why.clone(),
    };
    CostSummary {
        region: books.region().to_owned(),
        price_book_date: books.date().to_owned(),
        price_book_hash: books.hash().to_owned(),
        total_usd: bill.total.as_f64(),
        total_usd_exact: bill.total.to_string(),
        usd_per_hour: bill.usd_per_hour.map(Usd::as_f64),
        usd_per_month: bill.usd_per_month.map(Usd::as_f64),
        usd_per_gb: (produced_bytes > 0)
            .then(|| bill.total.as_f64() * GIB as f64 / produced_bytes as f64),
        unknown: bill.unknown.iter().map(gap).collect(),
        lines: bill.lines.iter().map(line).collect(),
    }
}

fn line(line: &BillLine) -> CostLine {
    CostLine {
        node: line.node.clone(),
        service: line.service.clone(),
        usage_type: line.usage_type.clone(),
        unit: line.unit.clone(),
        quantity: line.quantity,
        quantity_exact: line.quantity_text.clone(),
        unit_price: line.unit_price.clone(),
        usd: line.usd.map(Usd::as_f64),
        usd_exact: line.usd.map(|u| u.to_string()),
        usd_per_month: line.usd_per_month.map(Usd::as_f64),
        rounding: line.rounding.clone(),
        explain: line.explain.clone(),
        source: line.source.clone(),
        date: line.date.clone(),
    }
}
