//! The reproduction kit: all that is needed to run again and to say whether the same came out. A report carries it, a run
//! folder is one.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::folder::{ReadError, RunFiles};
use super::record::{Assumption, HandEdit, Input, PriceBook, md5_hex};
use crate::document::Document;

/// The id of the element that carries the kit in a page.
pub const KIT_ID: &str = "weir-kit";
/// Largest report that is read.
pub const REPORT_BYTES_MAX: u64 = 64 << 20;
/// A kit of more bytes than this stands in its page packed: that of 500 nodes is 7 MB of JSON, and a twentieth of it packed.
const PLAIN_MAX: usize = 512 << 10;
/// Bytes of a packed kit that are unpacked at the most.
const UNPACKED_MAX: u64 = 256 << 20;

/// A large kit as it stands in a page: its JSON through gzip and base64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    gzip_base64: String,
}

impl Packed {
    fn of(kit: &str) -> std::io::Result<Self> {
        let mut to = GzEncoder::new(Vec::new(), Compression::default());
        to.write_all(kit.as_bytes())?;
        let gzip_base64 = STANDARD.encode(to.finish()?);
        Ok(Self { gzip_base64 })
    }
    /// The kit's JSON; a page may hold anything.
    fn unpacked(&self) -> Result<String, String> {
        let bytes = STANDARD.decode(&self.gzip_base64);
        let bytes = bytes.map_err(|e| e.to_string())?;
        let mut text = String::new();
        let from = GzDecoder::new(bytes.as_slice());
        let read = from.take(UNPACKED_MAX + 1).read_to_string(&mut text);
        read.map_err(|e| e.to_string())?;
        if text.len() as u64 > UNPACKED_MAX {
            return Err("it is larger than 256 MiB".to_owned());
        }
        Ok(text)
    }
}

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
        let damaged = |why: &dyn std::fmt::Display| {
            ReadError(format!(
                "the reproduction kit of the report is damaged ({why}): take the report as it was written"
            ))
        };
        let kit = match serde_json::from_str::<Packed>(text) {
            Ok(packed) => {
                let plain = packed.unpacked().map_err(|e| damaged(&e))?;
                serde_json::from_str(&plain)
            }
            Err(_plain) => serde_json::from_str(text),
        };
        kit.map_err(|e| damaged(&e))
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
        let wrong = |e: &dyn std::fmt::Display| ReadError(e.to_string());
        let text = serde_json::to_string(self).map_err(|e| wrong(&e))?;
        if text.len() > PLAIN_MAX {
            let packed = Packed::of(&text).map_err(|e| wrong(&e))?;
            return serde_json::to_string(&packed).map_err(|e| wrong(&e));
        }
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
