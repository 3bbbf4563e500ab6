//! JSON: values are texts of JSON, paths are `$.name[0]['other name'][*]`.

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use serde_json::Value;
use std::sync::Arc;

use super::{Args, Function, Gives, Kind, Result, function, wrong};

pub(super) static ALL: &[Function] = &[
    function("json_parse", &[Kind::Text], Gives::Text, |a| {
        a.texts(|r| {
            a.text(0, r)
                .map(|t| {
                    let read: Option<Value> = serde_json::from_str(t).ok();
                    let read = read.ok_or_else(|| {
                        wrong(format!(
                            "INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON: '{}'",
                            short(t)
                        ))
                    })?;
                    Ok(read.to_string())
                })
                .transpose()
        })
    }),
    function("json_format", &[Kind::Text], Gives::Text, |a| {
        a.texts(|r| {
            Ok(a.text(0, r)
                .map(|t| read(t).map_or_else(|| t.to_owned(), |v| v.to_string())))
        })
    }),
    function(
        "json_extract",
        &[Kind::Text, Kind::Text],
        Gives::Text,
        |a| each(a, |found| found.map(Value::to_string)),
    ),
    function("json_query", &[Kind::Text, Kind::Text], Gives::Text, |a| {
        each(a, |found| {
            found
                .filter(|v| v.is_array() || v.is_object())
                .map(Value::to_string)
        })
    }),
    function(
        "json_extract_scalar",
        &[Kind::Text, Kind::Text],
        Gives::Text,
        |a| each(a, |found| found.and_then(scalar)),
    ),
    function("json_value", &[Kind::Text, Kind::Text], Gives::Text, |a| {
        each(a, |found| found.and_then(scalar))
    }),
    function(
        "json_exists",
        &[Kind::Text, Kind::Text],
        Gives::Truth,
        |a| a.truths(|r| with(a, r, |_, found| Some(found.is_some()))),
    ),
    function("json_array_length", &[Kind::Text], Gives::Int, |a| {
        a.ints(|r| {
            Ok(a.text(0, r)
                .and_then(read)
                .and_then(|v| v.as_array().map(|l| count(l.len()))))
        })
    }),
    function("json_size", &[Kind::Text, Kind::Text], Gives::Int, |a| {
        a.ints(|r| {
            with(a, r, |_, found| {
                Some(match found? {
                    Value::Array(all) => count(all.len()),
                    Value::Object(all) => count(all.len()),
                    _ => 0,
                })
            })
        })
    }),
    function(
        "json_array_get",
        &[Kind::Text, Kind::Int],
        Gives::Text,
        |a| {
            a.texts(|r| {
                let (Some(text), Some(at)) = (a.text(0, r), a.int(1, r)) else {
                    return Ok(None);
                };
                let Some(Value::Array(all)) = read(text) else {
                    return Ok(None);
                };
                let at = if at < 0 { at + count(all.len()) } else { at };
                let found = usize::try_from(at).ok().and_then(|at| all.get(at));
                Ok(found.map(Value::to_string))
            })
        },
    ),
    function(
        "json_array_contains",
        &[Kind::Text, Kind::Text],
        Gives::Truth,
        |a| {
            a.truths(|r| {
                let (Some(text), Some(wanted)) = (a.text(0, r), a.text(1, r)) else {
                    return Ok(None);
                };
                let Some(Value::Array(all)) = read(text) else {
                    return Ok(None);
                };
                Ok(Some(all.iter().any(|v| {
                    !v.is_null() && scalar(v).as_deref() == Some(wanted)
                })))
            })
        },
    ),
    function("is_json_scalar", &[Kind::Text], Gives::Truth, |a| {
        a.truths(|r| {
            Ok(a.text(0, r)
                .and_then(read)
                .map(|v| !(v.is_array() || v.is_object())))
        })
    }),
    function("json_keys", &[Kind::Text], Gives::Texts, |a| {
        let mut all = ListBuilder::new(StringBuilder::new());
        for r in 0..a.rows {
            match a.text(0, r).and_then(read) {
                Some(Value::Object(fields)) => {
                    fields.keys().for_each(|k| all.values().append_value(k));
                    all.append(true);
                }
                _ => all.append(false),
            }
        }
        Ok(Arc::new(all.finish()) as ArrayRef)
    }),
];

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
fn read(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
/// A scalar as a text without quotes; null and nested values are none.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn each(a: &Args<'_>, of: impl Fn(Option<&Value>) -> Option<String>) -> Result<ArrayRef> {
    a.texts(|r| with(a, r, |_, found| of(found)))
}

/// Calls `of` with what the path of the second argument finds in the first.
fn with<T>(
    a: &Args<'_>,
    row: usize,
    of: impl Fn(&Value, Option<&Value>) -> Option<T>,
) -> Result<Option<T>> {
    let (Some(text), Some(path)) = (a.text(0, row), a.text(1, row)) else {
        return Ok(None);
    };
    let steps = steps(path)?;
    let Some(value) = read(text) else {
        return Ok(None);
    };
    let many;
    let found = match walk(&value, &steps) {
        Found::One(one) => one,
        Found::Many(all) => {
            many = Value::Array(all);
            Some(&many)
        }
    };
    Ok(of(&value, found))
}

enum Step {
    Name(String),
    At(usize),
    All,
}

enum Found<'a> {
    One(Option<&'a Value>),
    Many(Vec<Value>),
}

fn walk<'a>(value: &'a Value, steps: &[Step]) -> Found<'a> {
    let mut here = value;
    for (i, step) in steps.iter().enumerate() {
        let next = match step {
            Step::Name(name) => here.get(name.as_str()),
            Step::At(at) => here.get(*at),
            Step::All => {
                let rest = steps.get(i + 1..).unwrap_or_default();
                let items: Vec<&Value> = match here {
                    Value::Array(all) => all.iter().collect(),
                    Value::Object(all) => all.values().collect(),
                    _ => Vec::new(),
                };
                let mut all = Vec::new();
                for item in items {
                    match walk(item, rest) {
                        Found::One(one) => all.extend(one.cloned()),
                        Found::Many(more) => all.extend(more),
                    }
                }
                return Found::Many(all);
            }
        };
        match next {
            Some(next) => here = next,
            None => return Found::One(None),
        }
    }
    Found::One(Some(here))
}

fn steps(path: &str) -> Result<Vec<Step>> {
    let fault = || {
        wrong(format!(
            "INVALID_FUNCTION_ARGUMENT: Invalid JSON path: '{}'",
            short(path)
        ))
    };
    let plain = path.trim();
    let plain = plain
        .strip_prefix("lax ")
        .or_else(|| plain.strip_prefix("strict "))
        .unwrap_or(plain);
    let mut rest = plain.trim().strip_prefix('$').unwrap_or(plain.trim());
    let mut all = Vec::new();
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('.') {
            if let Some(tail) = tail.strip_prefix('"') {
                let (name, tail) = tail.split_once('"').ok_or_else(fault)?;
                all.push(Step::Name(name.to_owned()));
                rest = tail;
                continue;
            }
            let end = tail.find(['.', '[']).unwrap_or(tail.len());
            let (name, tail) = tail.split_at(end);
            all.push(match name {
                "" => return Err(fault()),
                "*" => Step::All,
                name => Step::Name(name.to_owned()),
            });
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix('[') {
            let (inside, tail) = tail.split_once(']').ok_or_else(fault)?;
            let inside = inside.trim();
            let quoted = ['\'', '"']
                .into_iter()
                .find_map(|q| inside.strip_prefix(q)?.strip_suffix(q));
            all.push(match (quoted, inside) {
                (Some(name), _) => Step::Name(name.to_owned()),
                (None, "*") => Step::All,
                (None, number) => Step::At(number.parse().map_err(|_too_large| fault())?),
            });
            rest = tail;
        } else if all.is_empty() {
            // Trino takes a bare name too.
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, tail) = rest.split_at(end);
            all.push(Step::Name(name.to_owned()));
            rest = tail;
        } else {
            return Err(fault());
        }
        if all.len() > 1_000 {
            return Err(fault());
        }
    }
    Ok(all)
}
