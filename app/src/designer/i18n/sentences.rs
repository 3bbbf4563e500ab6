//! The engine's sentences in the language of the interface. The engine writes English and knows their Korean.

use std::borrow::Cow;

use weir_engine::report::{priced_unit_in_korean, said_in_korean, source_in_korean};
use weir_engine::services;

use super::{Lang, lang, trf};

/// What the engine says, in the language of the interface; what has no Korean stays English.
pub(crate) fn said(english: &str) -> Cow<'_, str> {
    let korean = || said_in_korean(english, services::ALL);
    match (lang() == Lang::Ko).then(korean).flatten() {
        Some(text) => Cow::Owned(text),
        None => Cow::Borrowed(english),
    }
}

/// Where a figure comes from, in the language of the interface; addresses and titles stay.
pub(crate) fn source_said(english: &str) -> Cow<'_, str> {
    match (lang() == Lang::Ko)
        .then(|| source_in_korean(english))
        .flatten()
    {
        Some(text) => Cow::Owned(text),
        None => Cow::Borrowed(english),
    }
}

/// What the SQL engine answers to a statement, in the language of the interface. Its own texts that have no Korean are told as its
/// words, so that nobody takes them for a fault of the window.
pub(crate) fn sql_said(english: &str) -> Cow<'_, str> {
    match said(english) {
        Cow::Borrowed(text) if lang() == Lang::Ko => {
            Cow::Owned(trf("data.sql_engine_says", &[("why", &text)]))
        }
        text => text,
    }
}

/// A unit that the bill prices, in the language of the interface.
pub(crate) fn priced_unit(unit: &str) -> &str {
    match lang() {
        Lang::En => unit,
        Lang::Ko => priced_unit_in_korean(unit).unwrap_or(unit),
    }
}
