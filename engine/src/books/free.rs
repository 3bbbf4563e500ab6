//! The free tier: units of a month that cost nothing, shared by the keys that they are given for.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::book::{BookError, Books};
use super::entry::{Basis, Book, Origin};
use super::wide::Wide;

/// So many units of a month without charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Such as `lambda.requests`.
    pub name: String,
    /// The price keys that share it; the first takes what it needs, the next what is left.
    pub keys: Vec<String>,
    /// Priced units of a month.
    pub units: u64,
    /// Where the figure comes from.
    pub origin: Origin,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    keys: Vec<String>,
    units: u64,
    source: String,
    date: Option<String>,
    basis: Option<Basis>,
    note: Option<String>,
}

impl Allowance {
    pub(super) fn read(book: &Book<'_>, name: &str, value: toml::Value) -> Result<Self, BookError> {
        let raw: Raw = value.try_into().map_err(|e: toml::de::Error| {
            book.wrong(name, format!("is not an allowance: {}", e.message()))
        })?;
        let basis = raw.basis.unwrap_or(Basis::Published);
        Ok(Self {
            name: name.to_owned(),
            keys: raw.keys,
            units: raw.units,
            origin: book.origin(name, raw.source, raw.date, basis, raw.note)?,
        })
    }
}

/// What each key gets of the allowances in stretched base units, given what each key used.
///
/// `used` holds the key, base units in a priced unit, and stretched base units; `stretch` is one unit's stretch.
pub(super) fn shares<'a>(
    books: &Books,
    used: &[(&'a str, u64, Wide)],
    stretch: u128,
) -> BTreeMap<&'a str, Wide> {
    let mut given = BTreeMap::new();
    if !books.terms().free_tier {
        return given;
    }
    for allowance in books.free_tier() {
        // In base units of the first key that is used: the keys of an allowance are metered alike.
        let mut left: Option<Wide> = None;
        for wanted in &allowance.keys {
            for (key, base, quantity) in used.iter().filter(|(key, _, _)| key == wanted) {
                let whole =
                    || Wide::product(&[u128::from(allowance.units), u128::from(*base), stretch]);
                let rest = left.unwrap_or_else(whole);
                let share = rest.min(*quantity);
                left = Some(rest.minus(share));
                given.insert(*key, share);
            }
        }
    }
    given
}
