//! The bill in the summary.

use super::summary::{CostLine, CostSummary, PriceGap, Projection};
use crate::books::{Bill, BillLine, Books, Growth, Metered, is_baseline};
use crate::document::Billing;
use crate::units::{SimDuration, Usd};

/// Multiples of the run's traffic that a month is computed for.
const TRAFFIC: [u32; 3] = [1, 2, 10];

/// The bill of `usage`, one line for each in the same order, with the cost per GB of `produced_bytes`.
pub(super) fn summarize(
    bill: &Bill,
    books: &Books,
    usage: &[Metered],
    produced_bytes: u64,
) -> CostSummary {
    let gap = |u: &crate::books::UnknownPrice| PriceGap {
        node: u.node.clone(),
        usage_type: u.usage_type.clone(),
        why: u.why.clone(),
    };
    CostSummary {
        region: books.region().to_owned(),
        price_book_date: books.date().to_owned(),
        price_book_hash: books.hash().to_owned(),
        billing: Billing {
            hours_per_month: bill.terms.hours_per_month,
            bytes_per_gb: bill.terms.bytes_per_gb,
            free_tier: bill.terms.free_tier,
        },
        total_usd: bill.total.as_f64(),
        total_usd_exact: bill.total.to_string(),
        usd_per_hour: bill.usd_per_hour.map(Usd::as_f64),
        usd_per_month: bill.usd_per_month.map(Usd::as_f64),
        usd_per_gb: (produced_bytes > 0)
            .then(|| bill.total.as_f64() * bill.terms.bytes_per_gb as f64 / produced_bytes as f64),
        unknown: bill.unknown.iter().map(gap).collect(),
        lines: bill
            .lines
            .iter()
            .zip(usage)
            .map(|(l, u)| line(l, u, bill))
            .collect(),
        projections: TRAFFIC
            .iter()
            .filter_map(|times| project(books, usage, bill.virtual_time, *times))
            .collect(),
    }
}

/// A month at `times` the traffic; `None` when no time passed.
fn project(books: &Books, usage: &[Metered], time: SimDuration, times: u32) -> Option<Projection> {
    let grown = usage.iter().map(|m| {
        let factor = if is_baseline(m.spec.key, m.spec.unit) {
            1
        } else {
            u128::from(times)
        };
        Metered {
            quantity: m.quantity.saturating_mul(factor),
            ..m.clone()
        }
    });
    let bill = Bill::price(books, &grown.collect::<Vec<_>>(), time);
    let standing = bill
        .lines
        .iter()
        .filter(|l| is_baseline(&l.usage_type, &l.unit));
    let standing: Usd = standing.filter_map(|l| l.usd_per_month).sum();
    Some(Projection {
        traffic: times,
        usd_per_month: bill.usd_per_month?.as_f64(),
        baseline_usd_per_month: standing.as_f64(),
    })
}

fn line(line: &BillLine, usage: &Metered, bill: &Bill) -> CostLine {
    let hours = bill.virtual_time.as_secs_f64() / 3_600.0;
    let months = bill.terms.hours_per_month as f64 / hours;
    let grown = match usage.spec.growth {
        Growth::Linear => months,
        Growth::Accumulating => months * months,
        Growth::OneOff => 1.0,
    };
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
        quantity_per_month: (hours > 0.0).then_some(line.quantity * grown),
        rounding: line.rounding.clone(),
        explain: line.explain.clone(),
        source: line.source.clone(),
        date: line.date.clone(),
        basis: line.basis.to_owned(),
        baseline: is_baseline(&line.usage_type, &line.unit),
        steps: line.steps.clone(),
    }
}
