//! The variants of a sweep: every combination of the values of its axes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::axis::{Axis, VARIANTS_MAX};
use crate::document::Document;

/// One combination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Its place in the grid, from 0.
    pub index: usize,
    /// A value for each axis, in their order.
    pub values: Vec<Value>,
}

/// All combinations: the last axis changes fastest.
///
/// # Errors
/// When there are none, too many, or a parameter is varied twice.
pub fn grid(axes: &[Axis]) -> Result<Vec<Variant>, String> {
    if axes.is_empty() {
        return Err(
            "nothing is varied: say what, for example `stream.shard_count=1..8`".to_owned(),
        );
    }
    for (i, axis) in axes.iter().enumerate() {
        if axes[..i].iter().any(|a| a.name() == axis.name()) {
            return Err(format!(
                "`{}` is varied twice: give all its values at once",
                axis.name()
            ));
        }
    }
    let count = axes
        .iter()
        .try_fold(1_usize, |n, a| n.checked_mul(a.values.len()));
    let count = count
        .filter(|n| *n <= VARIANTS_MAX)
        .ok_or_else(|| format!("more than {VARIANTS_MAX} variants: choose fewer values"))?;
    let variant = |index: usize| {
        let mut rest = index;
        let mut values: Vec<Value> = Vec::with_capacity(axes.len());
        for axis in axes.iter().rev() {
            values.push(axis.values[rest % axis.values.len()].clone());
            rest /= axis.values.len();
        }
        values.reverse();
        Variant { index, values }
    };
    Ok((0..count).map(variant).collect())
}

impl Variant {
    /// `doc` with the values of this variant.
    #[must_use]
    pub fn apply(&self, doc: &Document, axes: &[Axis]) -> Document {
        let mut doc = doc.clone();
        for (axis, value) in axes.iter().zip(&self.values) {
            if let Some(node) = doc.node_mut(&axis.node) {
                node.params.insert(axis.param.clone(), value.clone());
            }
        }
        doc
    }
    /// Its values in words: `stream.shard_count = 2, enrich.memory_mb = 512 MB`.
    #[must_use]
    pub fn words(&self, axes: &[Axis]) -> String {
        let words: Vec<String> = axes
            .iter()
            .zip(&self.values)
            .map(|(axis, value)| format!("{} = {}", axis.name(), with_unit(value, &axis.unit)))
            .collect();
        words.join(", ")
    }
}

/// A parameter's value with its unit: `1 shard`, `3 shards`, `60 s`; what is no number has none.
#[must_use]
pub(super) fn with_unit(value: &Value, unit: &str) -> String {
    let text = plain(value);
    if unit.is_empty() || !value.is_number() {
        return text;
    }
    // Units that are words stand in the plural.
    let one = match unit.strip_suffix('s') {
        Some(stem) if text == "1" && stem.len() > 2 && !unit.contains('/') => stem
            .strip_suffix("che")
            .map_or_else(|| stem.to_owned(), |s| format!("{s}ch")),
        _ => unit.to_owned(),
    };
    let one = match one.as_str() {
        "trie" => "try",
        "retrie" => "retry",
        other => other,
    };
    format!("{text} {one}")
}

/// A value without the quotes of JSON.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // 100 and not 100.0.
        Value::Number(n) if n.is_f64() => {
            n.as_f64().map_or_else(|| n.to_string(), |f| f.to_string())
        }
        other => other.to_string(),
    }
}
