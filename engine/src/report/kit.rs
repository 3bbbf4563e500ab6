//! The reproduction kit: all that is needed to run again and to say whether the same came out. A report carries it, a run
//! folder is one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::folder::{ReadError, RunFiles};
use super::record::{Assumption, HandEdit, Input, PriceBook, md5_hex};
use crate::document::Document;

/// The id of the element that carries the kit in a page.
pub const KIT_ID: &str = "weir-kit";
/// Largest report that is read.
pub const REPORT_BYTES_MAX: u64 = 64 << 20;

/// A kit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kit {
    /// The version of Weir that ran.
    pub weir: String,
    /// The document as it ran.
    pub document: Value,
    /// Which prices, quotas and laws.
    pub price_book: PriceBook,
    /// Virtual time that passed: less than the document's when a person ended the run.
    pub virtual_seconds: f64,
    /// `finished`, `stopped` or `failed`.
    pub state: String,
    /// Changes by hand.
    pub edits: Vec<HandEdit>,
    /// Files that the run read.
    pub inputs: Vec<Input>,
    /// MD5 of each file that the run wrote.
    pub files: BTreeMap<String, String>,
    /// `summary.json` without what is of the machine.
    pub summary: Value,
    /// Limits and laws that were applied.
    #[serde(default)]
    pub assumptions: Vec<Assumption>,
    /// MD5 of the page around the kit as it was written, so that figures changed by hand are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl Kit {
    /// The kit of a run.
    ///
    /// # Errors
    /// When a file of the run cannot be read.
    pub fn of(run: &RunFiles) -> Result<Self, ReadError> {
        Ok(Self {
            weir: run.record.weir.clone(),
            document: run.record.document.clone(),
            price_book: run.record.price_book.clone(),
            virtual_seconds: run.record.virtual_seconds,
            state: run.record.state.clone(),
            edits: run.record.edits.clone(),
            inputs: run.record.inputs.clone(),
            files: run.fingerprints()?,
            summary: without_host(run.summary_json.clone()),
            assumptions: run.record.assumptions.clone(),
            page: None,
        })
    }

    /// The kit that a page carries.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn from_html(page: &str) -> Result<Self, ReadError> {
        let Some((_, text, _)) = parts(page) else {
            return Err(ReadError(
                "the page carries no whole reproduction kit: name a report as `weir report --format html` wrote it, or a run folder"
                    .to_owned(),
            ));
        };
        serde_json::from_str(text).map_err(|e| {
            ReadError(format!(
                "the reproduction kit of the report is damaged ({e}): take the report as it was written"
            ))
        })
    }

    /// True when the page around the kit is not the one that was written; a kit of before that says nothing of its page.
    #[must_use]
    pub fn is_page_changed(&self, page: &str) -> bool {
        let found = parts(page).map(|(before, _, after)| page_md5(before, after));
        self.page.is_some() && self.page != found
    }

    /// The document in it.
    ///
    /// # Errors
    /// When it is none.
    pub fn document(&self) -> Result<Document, ReadError> {
        Document::parse(&self.document.to_string())
            .map_err(|e| ReadError(format!("the document of the report: {e}")))
    }

    /// As text that can stand in a page: no `<` in it.
    ///
    /// # Errors
    /// When a value cannot be written: a bug.
    pub fn embedded(&self) -> Result<String, ReadError> {
        let text = serde_json::to_string(self).map_err(|e| ReadError(e.to_string()))?;
        Ok(text
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026"))
    }
}

/// What stands before the kit of a page, the kit, and what stands behind it.
fn parts(page: &str) -> Option<(&str, &str, &str)> {
    let mark = format!("id=\"{KIT_ID}\">");
    let (before, rest) = page.split_once(&mark)?;
    let (kit, after) = rest.split_once("</script>")?;
    Some((before, kit, after))
}

/// The fingerprint of a page without its kit. Ends of lines may have been changed on the way.
fn page_md5(before: &str, after: &str) -> String {
    let text = format!("{}\n{}", before.trim_end(), after.trim_end());
    md5_hex(text.replace('\r', "").as_bytes())
}

/// The page with its own fingerprint in its kit.
///
/// # Errors
/// When the kit cannot be written: a bug.
pub(super) fn sealed(page: &str, kit: Kit) -> Result<String, ReadError> {
    let Some((before, _, after)) = parts(page) else {
        return Ok(page.to_owned());
    };
    let kit = Kit {
        page: Some(page_md5(before, after)),
        ..kit
    };
    let text = kit.embedded()?;
    Ok(format!("{before}id=\"{KIT_ID}\">{text}</script>{after}"))
}

/// A summary without the members that differ from machine to machine.
#[must_use]
pub fn without_host(mut summary: Value) -> Value {
    if let Some(members) = summary.as_object_mut() {
        members.retain(|name, _| !name.starts_with("host_"));
    }
    summary
}

/// Where two values differ: the path, and both. At most `limit` places.
#[must_use]
pub fn differences(a: &Value, b: &Value, limit: usize) -> Vec<String> {
    let mut out = Vec::new();
    compare("", a, b, limit, &mut out);
    out
}

fn compare(path: &str, a: &Value, b: &Value, limit: usize, out: &mut Vec<String>) {
    if a == b || out.len() >= limit || are_close(a, b) {
        return;
    }
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}/{name}")
        }
    };
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let gone = Value::Null;
            let mut names: Vec<&String> = x.keys().chain(y.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let (p, q) = (x.get(name).unwrap_or(&gone), y.get(name).unwrap_or(&gone));
                compare(&below(name), p, q, limit, out);
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (i, (p, q)) in x.iter().zip(y).enumerate() {
                compare(&below(&i.to_string()), p, q, limit, out);
            }
        }
        _ => out.push(format!("{path}: {} \u{2192} {}", brief(a), brief(b))),
    }
}

/// True for numbers that differ by no more than reading and writing them as text may change: the last digits of a double.
fn are_close(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) => (x - y).abs() <= 1e-15 * x.abs().max(y.abs()),
        _ => false,
    }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('\u{2026}');
    }
    short
}
