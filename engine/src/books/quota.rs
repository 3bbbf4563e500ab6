//! One quota: an integer limit of a service, with the value that its region has.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::book::BookError;
use super::entry::{Basis, Book, Origin};

/// A limit, or a counting rule of billing, in the book's region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Such as `kinesis-data-streams.shard_write_records_per_second`.
    pub key: String,
    /// The value in the book's region, in [`Quota::unit`].
    pub value: u64,
    /// `bytes`, `records/s`, `s`, `ms` or the counted thing in the plural.
    pub unit: String,
    /// Whether AWS raises it on request.
    pub adjustable: bool,
    /// Where the figure comes from.
    pub origin: Origin,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuota {
    value: u64,
    #[serde(default)]
    regions: BTreeMap<String, u64>,
    unit: String,
    adjustable: bool,
    source: String,
    date: Option<String>,
    basis: Basis,
    note: Option<String>,
}

impl Quota {
    pub(super) fn read(
        book: &Book<'_>,
        key: &str,
        value: toml::Value,
        region: &str,
    ) -> Result<Self, BookError> {
        let raw: RawQuota = value.try_into().map_err(|e: toml::de::Error| {
            book.wrong(key, format!("is not a quota: {}", e.message()))
        })?;
        if !matches!(raw.basis, Basis::Documented | Basis::Assumed) {
            return Err(book.wrong(key, "has a basis that is not `documented` or `assumed`"));
        }
        if raw.unit.is_empty() {
            return Err(book.wrong(key, "has an empty `unit`: name what is counted"));
        }
        let value = raw.regions.get(region).copied().unwrap_or(raw.value);
        let origin = book.origin(key, raw.source, raw.date, raw.basis, raw.note)?;
        Ok(Self {
            key: key.into(),
            value,
            unit: raw.unit,
            adjustable: raw.adjustable,
            origin,
        })
    }
}
