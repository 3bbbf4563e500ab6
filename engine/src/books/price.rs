//! One price: what so many units of a usage cost in a region, with volume tiers where there are some.
//!
//! A price that is missing or `"unknown"` stays unknown: nothing here turns it into zero.

use serde::Deserialize;

use super::book::BookError;
use super::entry::{Basis, Book, Origin};
use crate::units::Usd;

/// The price of one usage key in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Such as `kinesis-data-streams.shard_hour`.
    pub key: String,
    /// What is counted, in the singular: `shard-hour`, `GB`, `request`.
    pub unit: String,
    /// The rates are for so many units; at least 1.
    pub per: u64,
    /// Rates by monthly volume, ascending, the last without an upper end; `None` when the price is unknown.
    pub tiers: Option<Vec<Tier>>,
    /// Where the figure comes from; for an unknown price the note says why.
    pub origin: Origin,
}

/// One step of a volume price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Units of the month from which the next rate holds; `None` for the last tier.
    pub up_to: Option<u64>,
    /// The rate of [`Price::per`] units inside this tier.
    pub usd: Usd,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    usd: Option<String>,
    tiers: Option<Vec<RawTier>>,
    unit: String,
    per: u64,
    source: String,
    date: Option<String>,
    basis: Option<Basis>,
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTier {
    up_to: Option<u64>,
    usd: String,
}

impl Price {
    pub(super) fn read(book: &Book<'_>, key: &str, value: toml::Value) -> Result<Self, BookError> {
        let raw: RawPrice = value.try_into().map_err(|e: toml::de::Error| {
            book.wrong(key, format!("is not a price: {}", e.message()))
        })?;
        let tiers = match (raw.usd.as_deref(), raw.tiers) {
            (Some("unknown"), None) if raw.note.is_none() => {
                return Err(book.wrong(key, "is unknown without a reason: say why in `note`"));
            }
            (Some("unknown"), None) => None,
            (Some(usd), None) => Some(vec![Tier {
                up_to: None,
                usd: amount(book, key, usd)?,
            }]),
            (None, Some(tiers)) => Some(read_tiers(book, key, &tiers)?),
            _ => return Err(book.wrong(key, "needs either `usd` or `tiers`")),
        };
        if raw.per == 0 {
            return Err(book.wrong(key, "has `per = 0`: a price is for at least 1 unit"));
        }
        if raw.unit.is_empty() {
            return Err(book.wrong(key, "has an empty `unit`: name what is counted"));
        }
        let origin = book.origin(
            key,
            raw.source,
            raw.date,
            raw.basis.unwrap_or(Basis::Published),
            raw.note,
        )?;
        Ok(Self {
            key: key.into(),
            unit: raw.unit,
            per: raw.per,
            tiers,
            origin,
        })
    }

    /// Whether AWS's price is not in the book.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.tiers.is_none()
    }

    /// The rate of the first units of a month.
    #[must_use]
    pub fn first_rate(&self) -> Option<Usd> {
        Some(self.tiers.as_ref()?.first()?.usd)
    }
}

fn read_tiers(book: &Book<'_>, key: &str, raw: &[RawTier]) -> Result<Vec<Tier>, BookError> {
    let mut tiers = Vec::with_capacity(raw.len());
    let mut below = 0;
    for (index, tier) in raw.iter().enumerate() {
        let last = index + 1 == raw.len();
        match tier.up_to {
            Some(up_to) if !last && up_to > below => below = up_to,
            None if last => {}
            _ => return Err(book.wrong(key, "needs ascending `up_to` in every tier but the last")),
        }
        tiers.push(Tier {
            up_to: tier.up_to,
            usd: amount(book, key, &tier.usd)?,
        });
    }
    if tiers.is_empty() {
        return Err(book.wrong(key, "has an empty list of tiers"));
    }
    Ok(tiers)
}

fn amount(book: &Book<'_>, key: &str, text: &str) -> Result<Usd, BookError> {
    Usd::parse(text).filter(|usd| usd.0 >= 0).ok_or_else(|| {
        book.wrong(
            key,
            format!(
                "has the amount `{text}`: write dollars such as \"0.015\" with at most 12 decimals"
            ),
        )
    })
}
