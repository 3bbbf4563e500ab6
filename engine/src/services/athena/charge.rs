//! What one query would be charged, for a person who asks the lake by hand: the same rounding, minimum and price as a
//! node's queries, from the books of the region.

use super::SCANNED;
use super::query::{billed, is_free};
use crate::books::{Bill, Books, Metered, Origin};
use crate::units::{SimDuration, Usd};

/// What Athena would charge for one query.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanCharge {
    /// Bytes that it read.
    pub scanned_bytes: u64,
    /// Bytes that are billed: rounded up, the minimum applied; 0 when it is free.
    pub billed_bytes: u64,
    /// True when the minimum decides.
    pub minimum_applied: bool,
    /// The least that any query is billed, in bytes.
    pub minimum_bytes: u64,
    /// True for statements on the catalog alone (`SHOW`, `DESCRIBE`, `EXPLAIN`), which are not billed.
    pub is_free: bool,
    /// The price; `None` when the region's price is unknown.
    pub usd: Option<Usd>,
    /// The rate in words, such as `$5 per TB`.
    pub unit_price: String,
    /// The sum in one sentence, with figures; why there is none when the price is unknown.
    pub explain: String,
    /// Where the price comes from; `None` when the book does not name it.
    pub price_origin: Option<Origin>,
    /// Where the minimum comes from.
    pub minimum_origin: Option<Origin>,
}

/// What Athena would charge in the books' region for running `sql`, which read `bytes`. Requests to the bucket come on top.
///
/// # Errors
/// When the book of quotas lacks the minimum or the rounding: a broken asset.
pub fn scan_charge(books: &Books, sql: &str, bytes: u64) -> Result<ScanCharge, String> {
    let quota = |key: &str| books.quota_value(key).map_err(|e| e.to_string());
    let minimum_bytes = quota("athena.min_billed_bytes")?;
    let step = quota("athena.billed_step_bytes")?.max(1);
    let is_free = is_free(sql);
    let billed_bytes = if is_free {
        0
    } else {
        billed(bytes, minimum_bytes, step)
    };
    let metered = Metered {
        node: String::new(),
        service: String::new(),
        spec: &SCANNED,
        quantity: u128::from(billed_bytes),
    };
    let bill = Bill::price(books, &[metered], SimDuration::ZERO);
    let line = bill.lines.first();
    let unknown = bill.unknown.first().map(|u| u.why.clone());
    Ok(ScanCharge {
        scanned_bytes: bytes,
        billed_bytes,
        minimum_applied: !is_free && billed_bytes == minimum_bytes && bytes < minimum_bytes,
        minimum_bytes,
        is_free,
        usd: line.and_then(|l| l.usd),
        unit_price: line.map(|l| l.unit_price.clone()).unwrap_or_default(),
        explain: unknown
            .or_else(|| line.map(|l| l.explain.clone()))
            .unwrap_or_default(),
        price_origin: books.price(SCANNED.key).map(|p| p.origin.clone()),
        minimum_origin: books
            .quota("athena.min_billed_bytes")
            .map(|q| q.origin.clone()),
    })
}
