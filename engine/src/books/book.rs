//! The book of one region: its prices, its quotas and its latency laws, read once from the files that the program carries.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use md5::{Digest as _, Md5};
use serde::Deserialize;

use super::entry::{Book, is_date};
use super::free::Allowance;
use super::latency::LatencyLaw;
use super::price::Price;
use super::quota::Quota;
use super::terms::Terms;
use super::usage::UsageSpec;

const QUOTAS: &str = include_str!("../../../assets/quotas.toml");
const FREE: &str = include_str!("../../../assets/prices/free-tier.toml");
const LATENCY: &str = include_str!("../../../assets/latency.toml");
/// Region and price file, in the order in which regions are listed.
const PRICES: [(&str, &str); 2] = [
    (
        "us-east-1",
        include_str!("../../../assets/prices/us-east-1.toml"),
    ),
    (
        "ap-northeast-2",
        include_str!("../../../assets/prices/ap-northeast-2.toml"),
    ),
];
const REGIONS: [&str; 2] = [PRICES[0].0, PRICES[1].0];
static PARSED: [OnceLock<Result<Arc<Books>, BookError>>; 2] = [const { OnceLock::new() }; 2];

/// Why a book, or a figure of it, is not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// The document names a region without a price file.
    #[error("region `{region}` has no price book: set `region` to one of {known}")]
    UnknownRegion {
        /// What was asked for.
        region: String,
        /// The regions there are.
        known: String,
    },
    /// A book cannot be read.
    #[error("{book}: `{key}` {why}")]
    Invalid {
        /// The file.
        book: String,
        /// The entry in it.
        key: String,
        /// What is wrong and what would be right.
        why: String,
    },
    /// No book has the figure that a service asks for.
    #[error("{book} has no `{key}`: add it there with its unit, source and date")]
    Missing {
        /// The file.
        book: &'static str,
        /// The entry that is not in it.
        key: String,
    },
}

impl BookError {
    pub(super) fn invalid(book: &str, key: &str, why: String) -> Self {
        Self::Invalid {
            book: book.into(),
            key: key.into(),
            why,
        }
    }
}

/// Prices, quotas and latency laws of one region.
#[derive(Debug, Clone)]
pub struct Books {
    region: String,
    date: String,
    hash: String,
    prices: BTreeMap<String, Price>,
    quotas: BTreeMap<String, Quota>,
    latency: BTreeMap<String, LatencyLaw>,
    free: BTreeMap<String, Allowance>,
    terms: Terms,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    region: String,
    currency: String,
    date: String,
}

impl Books {
    /// The regions that have a price book.
    #[must_use]
    pub const fn regions() -> &'static [&'static str] {
        &REGIONS
    }

    /// The book of `region`, such as `us-east-1`; read on first use and shared from then on.
    ///
    /// # Errors
    /// When there is no price book for the region.
    pub fn for_region(region: &str) -> Result<Arc<Self>, BookError> {
        let Some(index) = REGIONS.iter().position(|known| *known == region) else {
            return Err(BookError::UnknownRegion {
                region: region.into(),
                known: REGIONS.join(", "),
            });
        };
        PARSED[index]
            .get_or_init(|| Self::parse(region, PRICES[index].1, QUOTAS, LATENCY).map(Arc::new))
            .clone()
    }

    /// Reads the three texts as the book of `region`; for books of one's own.
    ///
    /// # Errors
    /// Names the file, the entry and what would be right.
    pub fn parse(
        region: &str,
        prices: &str,
        quotas: &str,
        latency: &str,
    ) -> Result<Self, BookError> {
        let hash = content_hash(&[prices, quotas, latency, FREE]);
        let book = Book::read("prices", prices)?;
        let Some(header) = book.header.clone() else {
            return Err(book.wrong(
                "book",
                "is missing: begin the file with [book] region, currency and date",
            ));
        };
        let header: Header = header
            .try_into()
            .map_err(|e: toml::de::Error| book.wrong("book", e.message()))?;
        if header.region != region {
            return Err(book.wrong(
                "book.region",
                format!("is `{}` where `{region}` was asked for", header.region),
            ));
        }
        if header.currency != "USD" || !is_date(&header.date) {
            return Err(book.wrong(
                "book",
                "must have currency \"USD\" and a date as YYYY-MM-DD",
            ));
        }
        Ok(Self {
            prices: collect(book, Price::read)?,
            quotas: collect(Book::read("quotas", quotas)?, |book, key, value| {
                Quota::read(book, key, value, region)
            })?,
            latency: collect(Book::read("latency", latency)?, LatencyLaw::read)?,
            free: collect(Book::read("free tier", FREE)?, Allowance::read)?,
            terms: Terms::default(),
            region: header.region,
            date: header.date,
            hash,
        })
    }

    /// The same book for bills under other terms.
    #[must_use]
    pub fn with_terms(&self, terms: Terms) -> Self {
        Self {
            terms,
            ..self.clone()
        }
    }

    /// What bills take for granted: hours of a month, bytes of a GB, free tier.
    #[must_use]
    pub const fn terms(&self) -> Terms {
        self.terms
    }

    /// What AWS gives each month without charge, by name; a bill uses it when its terms say so.
    pub fn free_tier(&self) -> impl Iterator<Item = &Allowance> {
        self.free.values()
    }

    /// The region that these figures are for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The day, `YYYY-MM-DD`, of the oldest price: what a report prints as "prices as of".
    #[must_use]
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Fingerprint of everything in the files, 32 hex digits: two runs with equal fingerprints used equal figures.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The price of `key`; a price that AWS has but the book does not is there and [unknown](Price::is_unknown).
    #[must_use]
    pub fn price(&self, key: &str) -> Option<&Price> {
        self.prices.get(key)
    }

    /// The limit `key` in this region.
    #[must_use]
    pub fn quota(&self, key: &str) -> Option<&Quota> {
        self.quotas.get(key)
    }

    /// The value of the limit `key` in this region, in the unit that the book states.
    ///
    /// # Errors
    /// When the book has no such limit.
    pub fn quota_value(&self, key: &str) -> Result<u64, BookError> {
        self.quota(key)
            .map(|quota| quota.value)
            .ok_or_else(|| BookError::Missing {
                book: "assets/quotas.toml",
                key: key.into(),
            })
    }

    /// The latency law `key`.
    #[must_use]
    pub fn latency(&self, key: &str) -> Option<&LatencyLaw> {
        self.latency.get(key)
    }

    /// The latency law `key`, for a service that cannot do without.
    ///
    /// # Errors
    /// When the book has no such law.
    pub fn latency_law(&self, key: &str) -> Result<&LatencyLaw, BookError> {
        self.latency(key).ok_or_else(|| BookError::Missing {
            book: "assets/latency.toml",
            key: key.into(),
        })
    }

    /// Whether the book prices the key of `spec`, in the same unit; for the tests of the service that meters it.
    ///
    /// # Errors
    /// When the key is not in the book or is priced in another unit. A price that is there but unknown is no error.
    pub fn check_spec(&self, spec: &UsageSpec) -> Result<(), BookError> {
        match self.price(spec.key) {
            None => Err(BookError::Missing {
                book: "assets/prices",
                key: spec.key.into(),
            }),
            Some(price) if price.unit != spec.unit => {
                let why = format!(
                    "is metered per {} but priced per {}: make the two agree",
                    spec.unit, price.unit
                );
                Err(BookError::invalid("assets/prices", spec.key, why))
            }
            Some(_) => Ok(()),
        }
    }

    /// Every price, by key.
    pub fn prices(&self) -> impl Iterator<Item = &Price> {
        self.prices.values()
    }

    /// Every limit, by key.
    pub fn quotas(&self) -> impl Iterator<Item = &Quota> {
        self.quotas.values()
    }

    /// Every latency law, by key.
    pub fn latencies(&self) -> impl Iterator<Item = &LatencyLaw> {
        self.latency.values()
    }

    /// The same book with another price, for worked examples of another year.
    #[cfg(test)]
    pub(crate) fn with_price(mut self, price: Price) -> Self {
        self.prices.insert(price.key.clone(), price);
        self
    }
    /// The same book with another allowance, for worked examples of another year.
    #[cfg(test)]
    pub(crate) fn with_allowance(mut self, name: &str, units: u64) -> Self {
        if let Some(allowance) = self.free.get_mut(name) {
            allowance.units = units;
        }
        self
    }
}

fn collect<T>(
    mut book: Book<'_>,
    read: impl Fn(&Book<'_>, &str, toml::Value) -> Result<T, BookError>,
) -> Result<BTreeMap<String, T>, BookError> {
    let entries = std::mem::take(&mut book.entries);
    entries
        .into_iter()
        .map(|(key, value)| {
            let entry = read(&book, &key, value)?;
            Ok((key, entry))
        })
        .collect()
}

fn content_hash(texts: &[&str]) -> String {
    let mut hasher = Md5::new();
    for text in texts {
        // A checkout with other line ends must not look like other prices.
        for line in text.lines() {
            hasher.update(line.as_bytes());
            hasher.update(b"\n");
        }
        hasher.update([0]);
    }
    hasher
        .finalize()
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _infallible = write!(hex, "{byte:02x}");
            hex
        })
}
