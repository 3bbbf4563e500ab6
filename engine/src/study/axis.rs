//! What is varied, as people type it: `stream.shard_count=1..8`, `delivery.buffer_size_mib=32..128:32`,
//! `enrich.memory_mb=512 MB,1 GB`, `enrich.timeout_seconds=10s..60s:10s`, `producer.records_per_second=1k..64k*2`.

use serde_json::Value;

use crate::document::Document;
use crate::node::{AnyKind, closest, parse_param};

/// Variants of a sweep at the most.
pub const VARIANTS_MAX: usize = 10_000;

/// A parameter with the values that it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The node's id.
    pub node: String,
    /// The parameter's name.
    pub param: String,
    /// Its unit; empty for none.
    pub unit: String,
    /// The values in the order in which they were given.
    pub values: Vec<Value>,
}

impl Axis {
    /// Reads `node.param=values` against a document: values are commas between single values and ranges, `from..to` by one,
    /// `from..to:step`, `from..to*factor`; or a JSON list.
    ///
    /// # Errors
    /// One sentence: what is wrong and what would be right.
    pub fn parse(
        text: &str,
        doc: &Document,
        kinds: &[&'static dyn AnyKind],
    ) -> Result<Self, String> {
        let parts = text
            .split_once('=')
            .and_then(|(place, values)| Some((place.trim().split_once('.')?, values.trim())));
        let Some(((node, param), values)) = parts.filter(|(_, v)| !v.is_empty()) else {
            return Err(format!(
                "`{text}` varies nothing: write `node.param=values`, for example `stream.shard_count=1..8`"
            ));
        };
        Self::of(node, param, values, doc, kinds)
    }

    /// The values `values` of the parameter `param` of the node `node`.
    ///
    /// # Errors
    /// As [`Axis::parse`].
    pub fn of(
        node: &str,
        param: &str,
        values: &str,
        doc: &Document,
        kinds: &[&'static dyn AnyKind],
    ) -> Result<Self, String> {
        let Some(drawn) = doc.node(node) else {
            let ids: Vec<&str> = doc.nodes.iter().map(|n| n.id.as_str()).collect();
            let mend = closest(node, ids.iter().copied()).map_or_else(
                || format!("its nodes: {}", ids.join(", ")),
                |k| format!("did you mean `{k}`?"),
            );
            return Err(format!("the pipeline has no node `{node}` ({mend})"));
        };
        let kind = kinds.iter().find(|k| k.spec().id == drawn.kind);
        let schema = kind
            .map(|k| k.schema())
            .ok_or_else(|| format!("the node `{node}` is of the unknown kind `{}`", drawn.kind))?;
        let reader = Reader {
            schema: &schema,
            param,
        };
        let values = reader
            .values(values)
            .map_err(|e| format!("{node}: {}", e.trim_end_matches('.')))?;
        Ok(Self {
            node: node.to_owned(),
            param: param.to_owned(),
            unit: schema["properties"][param]["x-unit"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            values,
        })
    }

    /// `node.param`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.node, self.param)
    }
}

struct Reader<'a> {
    schema: &'a Value,
    param: &'a str,
}

impl Reader<'_> {
    fn values(&self, text: &str) -> Result<Vec<Value>, String> {
        let mut found = Vec::new();
        if text.starts_with('[') {
            let list = serde_json::from_str::<Vec<Value>>(text);
            found = list.map_err(|e| format!("`{text}` is no JSON list ({e})"))?;
        } else {
            for part in pieces(text) {
                self.piece(part.trim(), &mut found)?;
            }
        }
        let mut values: Vec<Value> = Vec::new();
        for value in found {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if values.is_empty() {
            return Err(format!("`{}` is given no values", self.param));
        }
        Ok(values)
    }

    fn one(&self, text: &str) -> Result<Value, String> {
        parse_param(self.schema, self.param, text)
    }

    fn number(&self, text: &str) -> Result<f64, String> {
        let value = self.one(text)?;
        value
            .as_f64()
            .ok_or_else(|| format!("`{text}` is no number, so it cannot be the end of a range"))
    }

    fn piece(&self, text: &str, out: &mut Vec<Value>) -> Result<(), String> {
        let properties = &self.schema["properties"][self.param];
        let is_text = properties["type"] == "string";
        let Some((from, rest)) = text.split_once("..").filter(|_| !is_text) else {
            out.push(self.one(text)?);
            return Ok(());
        };
        let (to, by) = match rest.find([':', '*']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (first, last) = (self.number(from.trim())?, self.number(to.trim())?);
        let factor = by.strip_prefix('*').map(|f| {
            f.trim()
                .parse::<f64>()
                .ok()
                .filter(|f| *f > 1.0 && first > 0.0)
                .ok_or_else(|| {
                    format!(
                        "`{text}`: the factor must be a number above 1, and the range begin above 0"
                    )
                })
        });
        let factor = factor.transpose()?;
        let step = match by.strip_prefix(':') {
            Some(step) => self.number(step.trim())?,
            None => 1.0,
        };
        if step <= 0.0 || last < first {
            return Err(format!(
                "`{text}` is no range: write `from..to` or `from..to:step` with a step above 0, from the least to the greatest"
            ));
        }
        let mut value = first;
        let mut index = 0_u32;
        // A step that does not end on the last value ends before it; a double's last digit does not lose it.
        while value <= last + step.min(last.abs()) * 1e-9 {
            if out.len() >= VARIANTS_MAX {
                return Err(format!(
                    "`{text}` has more than {VARIANTS_MAX} values: choose a larger step"
                ));
            }
            out.push(self.value(value)?);
            index += 1;
            value = match factor {
                Some(factor) => first * factor.powi(i32::try_from(index).unwrap_or(i32::MAX)),
                None => first + step * f64::from(index),
            };
        }
        Ok(())
    }

    /// A number as the parameter has it: whole where it must be.
    fn value(&self, number: f64) -> Result<Value, String> {
        // As short as it can be written: 0.30000000000000004 is 0.3 here.
        let text = format!("{}", (number * 1e9).round() / 1e9);
        self.one(&text)
    }
}

/// Parts between commas; a comma that groups thousands has no blank and three digits after it, and is refused by the reader
/// of numbers as ambiguous, so every comma separates.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|p| !p.trim().is_empty())
}
