//! Regular expressions, bytes and hashes.

use std::cell::RefCell;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, ListBuilder, StringBuilder};
use base64::Engine as _;
use regex::Regex;

use super::{Args, Function, Gives, Kind, Result, function, wrong};

const TEXT_TEXT: &[Kind] = &[Kind::Text, Kind::Text];
const TEXT_TEXT_INT: &[Kind] = &[Kind::Text, Kind::Text, Kind::Int];

pub(super) static ALL: &[Function] = &[
    function("regexp_extract", TEXT_TEXT_INT, Gives::Text, |a| {
        let cache = Cache::default();
        a.texts(|r| {
            cache.with(a, r, |text, regex| {
                Ok(group(regex, text, a.int(2, r))?.map(str::to_owned))
            })
        })
    })
    .at_least(2),
    function(
        "regexp_extract_all",
        TEXT_TEXT_INT,
        Gives::Texts,
        extract_all,
    )
    .at_least(2),
    function(
        "regexp_replace",
        &[Kind::Text, Kind::Text, Kind::Text],
        Gives::Text,
        |a| {
            let cache = Cache::default();
            a.texts(|r| {
                let by = if a.columns.len() > 2 {
                    a.text(2, r)
                } else {
                    Some("")
                };
                let Some(by) = by.map(braced) else {
                    return Ok(None);
                };
                cache.with(a, r, |text, regex| {
                    Ok(Some(regex.replace_all(text, by.as_str()).into_owned()))
                })
            })
        },
    )
    .at_least(2),
    function("regexp_count", TEXT_TEXT, Gives::Int, |a| {
        let cache = Cache::default();
        a.ints(|r| {
            cache.with(a, r, |text, regex| {
                Ok(i64::try_from(regex.find_iter(text).count()).ok())
            })
        })
    }),
    function("regexp_position", TEXT_TEXT, Gives::Int, |a| {
        let cache = Cache::default();
        a.ints(|r| {
            cache.with(a, r, |text, regex| {
                let before = regex.find(text).and_then(|m| text.get(..m.start()));
                Ok(Some(before.map_or(-1, |b| {
                    i64::try_from(b.chars().count() + 1).unwrap_or(i64::MAX)
                })))
            })
        })
    }),
    function("regexp_split", TEXT_TEXT, Gives::Texts, |a| {
        let cache = Cache::default();
        let mut all = ListBuilder::new(StringBuilder::new());
        for r in 0..a.rows {
            let parts = cache.with(a, r, |text, regex| {
                Ok(Some(
                    regex.split(text).map(str::to_owned).collect::<Vec<_>>(),
                ))
            })?;
            push(&mut all, parts);
        }
        Ok(Arc::new(all.finish()) as ArrayRef)
    }),
    function("to_utf8", &[Kind::Text], Gives::Bytes, |a| {
        bytes(a, |r| Ok(a.text(0, r).map(|t| t.as_bytes().to_vec())))
    }),
    function("from_utf8", &[Kind::Bytes], Gives::Text, |a| {
        a.texts(|r| {
            Ok(a.bytes(0, r)
                .map(|b| String::from_utf8_lossy(b).into_owned()))
        })
    }),
    function("to_hex", &[Kind::Bytes], Gives::Text, |a| {
        a.texts(|r| {
            Ok(a.bytes(0, r)
                .map(|b| b.iter().map(|x| format!("{x:02X}")).collect()))
        })
    }),
    function("from_hex", &[Kind::Text], Gives::Bytes, |a| {
        bytes(a, |r| {
            let Some(text) = a.text(0, r) else {
                return Ok(None);
            };
            let pairs = text
                .as_bytes()
                .chunks(2)
                .map(|p| std::str::from_utf8(p).ok().filter(|p| p.len() == 2));
            let read: Option<Vec<u8>> = pairs
                .map(|p| p.and_then(|p| u8::from_str_radix(p, 16).ok()))
                .collect();
            read.map(Some).ok_or_else(|| {
                wrong("INVALID_FUNCTION_ARGUMENT: from_hex() needs pairs of 0-9 and A-F")
            })
        })
    }),
    function("to_base64", &[Kind::Bytes], Gives::Text, |a| {
        a.texts(|r| {
            Ok(a.bytes(0, r)
                .map(|b| base64::engine::general_purpose::STANDARD.encode(b)))
        })
    }),
    function("from_base64", &[Kind::Text], Gives::Bytes, |a| {
        bytes(a, |r| {
            let decoded = a
                .text(0, r)
                .map(|t| base64::engine::general_purpose::STANDARD.decode(t));
            decoded.transpose().map_err(|_undecoded| {
                wrong("INVALID_FUNCTION_ARGUMENT: from_base64() needs base64")
            })
        })
    }),
];

fn bytes(a: &Args<'_>, of: impl Fn(usize) -> Result<Option<Vec<u8>>>) -> Result<ArrayRef> {
    let mut all = BinaryBuilder::new();
    for r in 0..a.rows {
        all.append_option(of(r)?);
    }
    Ok(Arc::new(all.finish()))
}

fn push(all: &mut ListBuilder<StringBuilder>, parts: Option<Vec<String>>) {
    let known = parts.is_some();
    for part in parts.into_iter().flatten() {
        all.values().append_value(part);
    }
    all.append(known);
}

/// The last pattern, compiled: most calls have one pattern for all rows.
#[derive(Default)]
struct Cache(RefCell<Option<(String, Regex)>>);

impl Cache {
    fn with<T>(
        &self,
        a: &Args<'_>,
        row: usize,
        of: impl Fn(&str, &Regex) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let (Some(text), Some(pattern)) = (a.text(0, row), a.text(1, row)) else {
            return Ok(None);
        };
        let mut kept = self.0.borrow_mut();
        if kept.as_ref().is_none_or(|(known, _)| known != pattern) {
            let compiled = Regex::new(pattern).map_err(|e| {
                let why = e.to_string();
                let last = why.lines().last().unwrap_or_default().to_owned();
                wrong(format!(
                    "INVALID_FUNCTION_ARGUMENT: the pattern `{}` is not understood: {last}",
                    pattern.chars().take(80).collect::<String>()
                ))
            })?;
            *kept = Some((pattern.to_owned(), compiled));
        }
        kept.as_ref().map_or(Ok(None), |(_, regex)| of(text, regex))
    }
}

fn group<'t>(regex: &Regex, text: &'t str, group: Option<i64>) -> Result<Option<&'t str>> {
    let at = number(regex, group)?;
    Ok(regex
        .captures(text)
        .and_then(|c| c.get(at))
        .map(|m| m.as_str()))
}

fn number(regex: &Regex, group: Option<i64>) -> Result<usize> {
    let at = usize::try_from(group.unwrap_or(0))
        .ok()
        .filter(|at| *at < regex.captures_len());
    at.ok_or_else(|| {
        wrong(format!(
            "INVALID_FUNCTION_ARGUMENT: the pattern has {} groups",
            regex.captures_len() - 1
        ))
    })
}

/// `$1x` means group 1 and `x` in Trino, a group named `1x` to the library.
fn braced(by: &str) -> String {
    let mut text = String::with_capacity(by.len());
    let mut letters = by.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '\\' => match letters.next() {
                Some('$') => text.push_str("$$"),
                Some(other) => text.push(other),
                None => {}
            },
            '$' if letters.peek().is_some_and(char::is_ascii_digit) => {
                text.push_str("${");
                while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                    text.push(digit);
                }
                text.push('}');
            }
            c => text.push(c),
        }
    }
    text
}

fn extract_all(a: &Args<'_>) -> Result<ArrayRef> {
    let cache = Cache::default();
    let mut all = ListBuilder::new(StringBuilder::new());
    for r in 0..a.rows {
        let parts = cache.with(a, r, |text, regex| {
            let at = number(regex, a.int(2, r))?;
            let found = regex
                .captures_iter(text)
                .filter_map(|c| c.get(at).map(|m| m.as_str().to_owned()));
            Ok(Some(found.collect::<Vec<_>>()))
        })?;
        push(&mut all, parts);
    }
    Ok(Arc::new(all.finish()))
}
