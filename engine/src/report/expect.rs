//! Golden data: what a document says a run must come to, against what it came to.

use serde_json::{Map, Value};

use super::condition::Condition;
use super::summary::Summary;
use super::text::number;
use crate::document::{Document, Expectation};
use crate::lake::{Database, batches_to_json};
use crate::node::AnyKind;

/// Rows that are read of a query: one more than may be expected.
const ROWS_MAX: usize = 10_001;
/// How far two numbers may be apart, as a share of the larger: sums of doubles in another order.
const CLOSE: f64 = 1e-9;

/// An expectation that was understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// A condition that must hold.
    That(Condition),
    /// Rows that a query must give.
    Rows {
        /// The query.
        sql: String,
        /// Its rows.
        rows: Vec<Map<String, Value>>,
    },
}

/// What became of an expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was expected, in words.
    pub what: String,
    /// Whether it came.
    pub ok: bool,
    /// What differs, line by line: `-` was expected, `+` was found.
    pub difference: Vec<String>,
}

/// Reads the expectations of a document.
///
/// # Errors
/// One sentence for each that means nothing, with its place.
pub fn expectations(
    doc: &Document,
    kinds: &[&'static dyn AnyKind],
) -> Result<Vec<Expected>, Vec<String>> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let checks = doc.expect.iter().flat_map(|e| &e.checks);
    for (i, check) in checks.enumerate() {
        match check {
            Expectation::That(text) => match Condition::parse(text, doc, kinds) {
                Ok(condition) => good.push(Expected::That(condition)),
                Err(why) => bad.push(format!("expect.checks[{i}].that: {why}")),
            },
            Expectation::Rows { sql, rows } => good.push(Expected::Rows {
                sql: sql.clone(),
                rows: rows.clone(),
            }),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

/// Checks one expectation against a run: its summary, and its folder as a database.
#[must_use]
pub fn check_expectation(expected: &Expected, summary: &Summary, run: &Database) -> Checked {
    match expected {
        Expected::That(condition) => {
            let ok = condition.holds(summary);
            let unit = condition.figure.unit();
            let found = condition.figure.of(summary).map_or_else(
                || "nothing was measured".to_owned(),
                |v| format!("{} is {} {unit}", condition.figure, number(v)),
            );
            let difference = if ok {
                Vec::new()
            } else {
                vec![format!("- {condition}"), format!("+ {found}")]
            };
            Checked {
                what: condition.to_string(),
                ok,
                difference,
            }
        }
        Expected::Rows { sql, rows } => {
            let difference = match found(run, sql) {
                Ok(found) => diff(rows, &found),
                Err(why) => vec![format!("+ the query failed: {why}")],
            };
            Checked {
                what: sql.clone(),
                ok: difference.is_empty(),
                difference,
            }
        }
    }
}

fn found(run: &Database, sql: &str) -> Result<Vec<Value>, String> {
    let result = run.read(sql, ROWS_MAX).map_err(|e| e.to_string())?;
    let rows = batches_to_json(&result.batches).map_err(|e| e.to_string())?;
    let rows = serde_json::to_value(rows).map_err(|e| e.to_string())?;
    Ok(rows.as_array().cloned().unwrap_or_default())
}

/// Rows that are missing or too many, in order; empty when all are the same.
fn diff(expected: &[Map<String, Value>], found: &[Value]) -> Vec<String> {
    let longest = expected.len().max(found.len());
    let mut out = Vec::new();
    for i in 0..longest {
        match (expected.get(i), found.get(i)) {
            (Some(e), Some(f)) if same_row(e, f) => {}
            (e, f) => {
                if let Some(e) = e {
                    out.push(format!("- row {}: {}", i + 1, Value::Object(e.clone())));
                }
                if let Some(f) = f {
                    out.push(format!("+ row {}: {f}", i + 1));
                }
            }
        }
    }
    out
}

/// The same columns with the same values; a column that is not there is null.
fn same_row(expected: &Map<String, Value>, found: &Value) -> bool {
    let Some(found) = found.as_object() else {
        return false;
    };
    let of = |row: &Map<String, Value>, name: &str| row.get(name).cloned().unwrap_or(Value::Null);
    let mut names = expected.keys().chain(found.keys());
    names.all(|name| same(&of(expected, name), &of(found, name)))
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) => (x - y).abs() <= CLOSE * x.abs().max(y.abs()),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows(value: Value) -> Vec<Map<String, Value>> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn rows_that_differ_are_shown_with_both_sides() {
        let expected = rows(json!([{ "a": 1, "b": "x" }, { "a": 2, "b": null }]));
        for (found, wanted) in [
            (json!([{ "a": 1.0, "b": "x" }, { "a": 2 }]), 0),
            (json!([{ "a": 1, "b": "x" }]), 1),
            (json!([{ "a": 1, "b": "y" }, { "a": 2 }]), 2),
            (json!([{ "a": 1, "b": "x" }, { "a": 2 }, { "a": 3 }]), 1),
            (json!([{ "a": 1, "b": "x", "c": 1 }, { "a": 2 }]), 2),
        ] {
            let difference = diff(&expected, found.as_array().unwrap());
            assert_eq!(difference.len(), wanted, "{difference:?}");
        }
        let difference = diff(
            &expected,
            json!([{ "a": 1, "b": "y" }, { "a": 2 }])
                .as_array()
                .unwrap(),
        );
        assert_eq!(
            difference,
            [
                "- row 1: {\"a\":1,\"b\":\"x\"}",
                "+ row 1: {\"a\":1,\"b\":\"y\"}"
            ]
        );
    }
}
