//! Checks parameters against their JSON Schema, so that every problem is found at once and in words; fills in defaults;
//! reads a value as a person types it (`90s`, `5 MB`, `3k`).
//!
//! Understands the subset of JSON Schema that the parameter structs produce.

use serde_json::{Map, Value};

use super::problem::{Problems, closest};
use crate::units::parse_quantity;

/// `params` over `defaults`.
#[must_use]
pub fn apply_defaults(
    mut defaults: Map<String, Value>,
    params: &Map<String, Value>,
) -> Map<String, Value> {
    for (key, value) in params {
        defaults.insert(key.clone(), value.clone());
    }
    defaults
}

/// Reports every unknown parameter, wrong type and value out of range.
pub fn check_params(schema: &Value, params: &Map<String, Value>, out: &mut Problems) {
    let no_properties = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&no_properties);
    for (name, value) in params {
        match properties.get(name) {
            Some(sub) => check_value(schema, sub, name, value, out),
            None => {
                let mend = closest(name, properties.keys().map(String::as_str)).map_or_else(
                    || format!("known: {}", list(properties.keys())),
                    |k| format!("did you mean `{k}`?"),
                );
                out.error(name, "there is no such parameter", mend);
            }
        }
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"]
        .as_str()
        .and_then(|r| r.strip_prefix("#/$defs/"));
    name.map_or(schema, |n| &root["$defs"][n])
}

/// The values that an enumeration allows, with nullable and referenced forms looked through.
fn choices<'a>(root: &'a Value, schema: &'a Value) -> Option<Vec<&'a str>> {
    let schema = resolve(root, schema);
    if let Some(values) = schema["enum"].as_array() {
        return Some(values.iter().filter_map(Value::as_str).collect());
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().find_map(|s| choices(root, s));
    }
    let consts: Vec<&str> = schema["oneOf"]
        .as_array()?
        .iter()
        .filter_map(|s| s["const"].as_str())
        .collect();
    (!consts.is_empty()).then_some(consts)
}

fn types<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a str> {
    let schema = resolve(root, schema);
    match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => match schema["anyOf"].as_array() {
            Some(any) => any.iter().flat_map(|s| types(root, s)).collect(),
            None => Vec::new(),
        },
    }
}

fn bound(root: &Value, schema: &Value, name: &str) -> Option<f64> {
    let schema = resolve(root, schema);
    let own = schema[name].as_f64();
    own.or_else(|| {
        schema["anyOf"]
            .as_array()?
            .iter()
            .find_map(|s| bound(root, s, name))
    })
}

fn check_value(root: &Value, schema: &Value, name: &str, value: &Value, out: &mut Problems) {
    if let Some(allowed) = choices(root, schema) {
        let known = value.as_str().is_some_and(|v| allowed.contains(&v));
        let nullable = value.is_null() && types(root, schema).contains(&"null");
        if !known && !nullable {
            let near = value
                .as_str()
                .and_then(|v| closest(v, allowed.iter().copied()));
            let mend = near.map_or_else(
                || format!("one of: {}", allowed.join(", ")),
                |k| format!("did you mean `{k}`?"),
            );
            out.error(name, format!("{value} is not a choice"), mend);
        }
        return;
    }
    let wanted = types(root, schema);
    if !wanted.is_empty() && !wanted.iter().any(|t| has_type(t, value)) {
        out.error(
            name,
            format!("{} is {}", short(value), type_words(value)),
            format!("expected {}", wanted.join(" or ")),
        );
        return;
    }
    if let Some(number) = value.as_f64() {
        check_range(root, schema, name, number, out);
    }
    if let Some(items) = value.as_array() {
        let resolved = resolve(root, schema);
        for (i, item) in items.iter().enumerate() {
            check_value(root, &resolved["items"], &format!("{name}[{i}]"), item, out);
        }
    }
}

fn check_range(root: &Value, schema: &Value, name: &str, number: f64, out: &mut Problems) {
    let unit = schema["x-unit"]
        .as_str()
        .map_or(String::new(), |u| format!(" {u}"));
    let (min, max) = (
        bound(root, schema, "minimum"),
        bound(root, schema, "maximum"),
    );
    let mend = match (min, max) {
        (Some(a), Some(b)) => format!("from {a} to {b}{unit}"),
        (Some(a), None) => format!("at least {a}{unit}"),
        (None, Some(b)) => format!("at most {b}{unit}"),
        (None, None) => return,
    };
    if min.is_some_and(|m| number < m) {
        out.error(name, format!("{number}{unit} is too small"), mend);
    } else if max.is_some_and(|m| number > m) {
        out.error(name, format!("{number}{unit} is too large"), mend);
    }
}

fn has_type(wanted: &str, value: &Value) -> bool {
    match wanted {
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}

const fn type_words(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number of another sort",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value short enough for a sentence.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 {
        text
    } else {
        text.chars().take(37).chain("...".chars()).collect()
    }
}

/// Reads `text` as the value of parameter `name`: with units for numbers (`90s`, `5 MB`, `3k`), else JSON, else plain text.
///
/// # Errors
/// A sentence when there is no such parameter or the text does not fit.
pub fn parse_param(schema: &Value, name: &str, text: &str) -> Result<Value, String> {
    let Some(sub) = schema["properties"].get(name) else {
        let known = schema["properties"]
            .as_object()
            .map(|p| list(p.keys()))
            .unwrap_or_default();
        return Err(format!("there is no parameter `{name}` (known: {known})"));
    };
    if let Some(allowed) = choices(schema, sub) {
        return if allowed.contains(&text) {
            Ok(Value::from(text))
        } else {
            Err(format!(
                "`{text}` is not a choice for `{name}` (one of: {})",
                allowed.join(", ")
            ))
        };
    }
    let wanted = types(schema, sub);
    if wanted.contains(&"null") && text == "null" {
        return Ok(Value::Null);
    }
    if wanted.contains(&"integer") || wanted.contains(&"number") {
        let unit = sub["x-unit"].as_str().unwrap_or("");
        let number = parse_quantity(text, unit).map_err(|e| format!("`{name}`: {e}"))?;
        if wanted.contains(&"number") {
            return Ok(Value::from(number));
        }
        let whole = number.round();
        if (whole - number).abs() > 1e-9 || whole.abs() > 9e15 {
            return Err(format!("`{name}`: {text} is not a whole number of {unit}"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and below 2^53, checked above"
        )]
        return Ok(Value::from(whole as i64));
    }
    if wanted.contains(&"string") {
        return Ok(Value::from(text));
    }
    serde_json::from_str(text).map_err(|e| format!("`{name}`: {e}"))
}
