//! What the three kinds of book have in common: a table per key, and for each figure where it comes from.
//!
//! An entry's `source` is plain text, or `@name` for the text and date under `[sources.name]` of the same file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::book::BookError;

/// Largest book that is read: a book from elsewhere must not fill the memory.
const MAX_BOOK_BYTES: usize = 4 << 20;

/// How much a figure can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// A price that AWS prints.
    Published,
    /// A price concluded from what AWS prints; the note says how.
    Inferred,
    /// A limit or time that an AWS text states.
    Documented,
    /// A time that somebody measured.
    Measured,
    /// An editable starting value of Weir.
    Assumed,
}

impl Basis {
    /// The word as the books and reports print it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Inferred => "inferred",
            Self::Documented => "documented",
            Self::Measured => "measured",
            Self::Assumed => "assumed",
        }
    }
}

/// Where a figure comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The text that was read, or `assumption: …`.
    pub source: String,
    /// The day, `YYYY-MM-DD`, on which the source last showed the figure.
    pub date: String,
    /// How much it can be trusted.
    pub basis: Basis,
    /// What a reader must know to use the figure rightly.
    pub note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    text: String,
    date: String,
}

/// One file, taken apart.
pub(super) struct Book<'a> {
    name: &'a str,
    /// The `[book]` table, when there is one.
    pub(super) header: Option<toml::Value>,
    /// `service.figure` with its table.
    pub(super) entries: Vec<(String, toml::Value)>,
    sources: BTreeMap<String, Source>,
}

impl<'a> Book<'a> {
    /// Takes the file `name` apart; a syntax error names line and column.
    pub(super) fn read(name: &'a str, text: &str) -> Result<Self, BookError> {
        let wrong = |key: &str, why: String| BookError::invalid(name, key, why);
        if text.len() > MAX_BOOK_BYTES {
            return Err(wrong(
                "the file",
                format!("is larger than {MAX_BOOK_BYTES} bytes: split or shorten it"),
            ));
        }
        let mut table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
            wrong(
                "the file",
                format!("is not TOML: {}", e.to_string().replace('\n', " ")),
            )
        })?;
        let header = table.remove("book");
        let sources = match table.remove("sources") {
            None => BTreeMap::new(),
            Some(value) => value.try_into().map_err(|e: toml::de::Error| {
                wrong(
                    "sources",
                    format!(
                        "needs a table with `text` and `date` for each name: {}",
                        e.message()
                    ),
                )
            })?,
        };
        let mut entries = Vec::new();
        for (service, figures) in table {
            let toml::Value::Table(figures) = figures else {
                return Err(wrong(
                    &service,
                    "must be a table of figures, such as [service.figure]".into(),
                ));
            };
            for (figure, value) in figures {
                entries.push((format!("{service}.{figure}"), value));
            }
        }
        Ok(Self {
            name,
            header,
            entries,
            sources,
        })
    }

    /// The error that names this file and `key`.
    pub(super) fn wrong(&self, key: &str, why: impl Into<String>) -> BookError {
        BookError::invalid(self.name, key, why.into())
    }

    /// Resolves `@name` and checks that a source and a date are there.
    pub(super) fn origin(
        &self,
        key: &str,
        source: String,
        date: Option<String>,
        basis: Basis,
        note: Option<String>,
    ) -> Result<Origin, BookError> {
        let (source, date) = match source.strip_prefix('@') {
            None => (source, date),
            Some(name) => {
                let known = self.sources.get(name).ok_or_else(|| self.wrong(key, format!("names the source `@{name}`, which is not under [sources]: add [sources.{name}]")))?;
                (
                    known.text.clone(),
                    Some(date.unwrap_or_else(|| known.date.clone())),
                )
            }
        };
        if source.trim().is_empty() {
            return Err(self.wrong(
                key,
                "has an empty `source`: say where the figure comes from",
            ));
        }
        let date =
            date.ok_or_else(|| self.wrong(key, "has no `date`: say when the source was read"))?;
        if !is_date(&date) {
            return Err(self.wrong(
                key,
                format!("has the date `{date}`: write it as YYYY-MM-DD"),
            ));
        }
        Ok(Origin {
            source,
            date,
            basis,
            note,
        })
    }
}

/// Whether `text` looks like `2026-11-20`.
pub(super) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| bytes[range].iter().all(u8::is_ascii_digit);
    bytes.len() == 10
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && digits(0..4)
        && digits(5..7)
        && digits(8..10)
}
