//! Formats of dates as `MySQL` and Joda write them.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::time::{Times, offset_text, stamps};
use super::{Args, Result, wrong};

/// A pattern of another language in that of the library.
pub(super) type Pattern = fn(&str) -> Result<String>;

pub(super) fn format(a: &Args<'_>, pattern: Pattern) -> Result<ArrayRef> {
    let times = Times::of(a.column(0)?)?;
    let mut kept: Option<(String, String)> = None;
    let mut all = Vec::with_capacity(a.rows);
    for row in 0..a.rows {
        let (Some(at), Some(wanted)) = (times.local(row), a.text(1, row)) else {
            all.push(None);
            continue;
        };
        if kept.as_ref().is_none_or(|(known, _)| known != wanted) {
            kept = Some((wanted.to_owned(), pattern(wanted)?));
        }
        let form = kept.as_ref().map_or("", |(_, form)| form.as_str());
        let offset = times.offset(row).unwrap_or(0);
        let form = form
            .replace("%:z", &offset_text(offset, ":"))
            .replace("%z", &offset_text(offset, ""));
        all.push(Some(at.format(&form).to_string()));
    }
    Ok(Arc::new(arrow::array::StringArray::from(all)))
}

pub(super) fn read(a: &Args<'_>, pattern: Pattern) -> Result<ArrayRef> {
    let mut all = Vec::with_capacity(a.rows);
    for row in 0..a.rows {
        let (Some(text), Some(wanted)) = (a.text(0, row), a.text(1, row)) else {
            all.push(None);
            continue;
        };
        let form = pattern(wanted)?;
        let found = parsed(text, &form).ok_or_else(|| {
            let shown: String = text.chars().take(60).collect();
            wrong(format!(
                "INVALID_FUNCTION_ARGUMENT: Invalid format: \"{shown}\""
            ))
        })?;
        all.push(Some(found));
    }
    stamps(a, all)
}

/// Reads a text; what the pattern does not tell is the beginning of 1970.
fn parsed(text: &str, form: &str) -> Option<i64> {
    let mut parts = chrono::format::Parsed::new();
    chrono::format::parse(&mut parts, text, chrono::format::StrftimeItems::new(form)).ok()?;
    if let Ok(at) = parts.to_datetime() {
        return Some(at.timestamp_micros());
    }
    if parts.year().is_none() && parts.year_mod_100().is_none() {
        parts.set_year(1970).ok()?;
    }
    if parts.month().is_none() && parts.ordinal().is_none() {
        parts.set_month(1).ok()?;
    }
    if parts.day().is_none() && parts.ordinal().is_none() {
        parts.set_day(1).ok()?;
    }
    let date = parts.to_naive_date().ok()?;
    if parts.hour_div_12().is_none() && parts.hour_mod_12().is_none() {
        parts.set_hour(0).ok()?;
    }
    if parts.minute().is_none() {
        parts.set_minute(0).ok()?;
    }
    let time = parts.to_naive_time().ok()?;
    let offset = parts.offset().unwrap_or(0);
    Some(date.and_time(time).and_utc().timestamp_micros() - i64::from(offset) * 1_000_000)
}

/// Source: <https://dev.mysql.com/doc/refman/8.4/en/date-and-time-functions.html>, as Trino takes it.
pub(super) fn mysql(pattern: &str) -> Result<String> {
    let mut form = String::new();
    let mut letters = pattern.chars();
    while let Some(c) = letters.next() {
        if c != '%' {
            form.push(c);
            continue;
        }
        form.push_str(match letters.next() {
            Some('a') => "%a",
            Some('b') => "%b",
            Some('c') => "%-m",
            Some('d') => "%d",
            Some('e') => "%-d",
            Some('f') => "%6f",
            Some('H') => "%H",
            Some('h' | 'I') => "%I",
            Some('i') => "%M",
            Some('j') => "%j",
            Some('k') => "%-H",
            Some('l') => "%-I",
            Some('M') => "%B",
            Some('m') => "%m",
            Some('p') => "%p",
            Some('r') => "%I:%M:%S %p",
            Some('S' | 's') => "%S",
            Some('T') => "%H:%M:%S",
            Some('v') => "%V",
            Some('W') => "%A",
            Some('x') => "%G",
            Some('Y') => "%Y",
            Some('y') => "%y",
            Some('%') => "%%",
            Some(other) => {
                return Err(wrong(format!(
                    "INVALID_FUNCTION_ARGUMENT: %{other} not supported in date format string"
                )));
            }
            None => {
                return Err(wrong(
                    "INVALID_FUNCTION_ARGUMENT: a date format ends with %",
                ));
            }
        });
    }
    Ok(form)
}

/// Joda's letters; texts in quotes stand for themselves.
pub(super) fn joda(pattern: &str) -> Result<String> {
    let mut form = String::new();
    let mut letters = pattern.chars().peekable();
    while let Some(c) = letters.next() {
        if c == '\'' {
            let text: String = letters.by_ref().take_while(|l| *l != '\'').collect();
            form.push_str(&if text.is_empty() {
                "'".to_owned()
            } else {
                text.replace('%', "%%")
            });
            continue;
        }
        if !c.is_ascii_alphabetic() {
            form.push(c);
            continue;
        }
        let mut n = 1;
        while letters.next_if_eq(&c).is_some() {
            n += 1;
        }
        form.push_str(match (c, n) {
            ('y' | 'Y', 2) => "%y",
            ('y' | 'Y', _) => "%Y",
            ('M', 1) => "%-m",
            ('M', 2) => "%m",
            ('M', 3) => "%b",
            ('M', _) => "%B",
            ('d', 1) => "%-d",
            ('d', _) => "%d",
            ('H', 1) => "%-H",
            ('H', _) => "%H",
            ('h', 1) => "%-I",
            ('h', _) => "%I",
            ('m', 1) => "%-M",
            ('m', _) => "%M",
            ('s', 1) => "%-S",
            ('s', _) => "%S",
            ('S', 1..=3) => "%3f",
            ('S', _) => "%6f",
            ('a', _) => "%p",
            ('E', 1..=3) => "%a",
            ('E', _) => "%A",
            ('D', _) => "%j",
            ('Z', 1) => "%z",
            ('Z', _) => "%:z",
            (other, _) => {
                return Err(wrong(format!(
                    "INVALID_FUNCTION_ARGUMENT: the letter {other} of the pattern is not modelled"
                )));
            }
        });
    }
    Ok(form)
}
