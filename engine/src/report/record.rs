//! `run.json`: all that is needed to run again, what the figures rest on, and where and how fast it ran.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::books::{Books, LatencyLaw, Origin};
use crate::data::Root;
use crate::document::Document;
use crate::node::AnyKind;

/// A file that a run read is kept in its record up to this size; of larger ones only the fingerprint is.
const INPUT_BYTES_MAX: u64 = 256 * 1024;
/// A file that a run read has a fingerprint up to this size.
const FINGERPRINT_MAX: u64 = 1 << 30;

/// The record of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The version of Weir that ran.
    pub weir: String,
    /// The document as it ran: seed, length and set parameters included.
    pub document: Value,
    /// The seed.
    pub seed: u64,
    /// `finished`, `stopped` or `failed`.
    pub state: String,
    /// Virtual time that passed.
    pub virtual_seconds: f64,
    /// Prices, quotas and latency laws.
    pub price_book: PriceBook,
    /// What a person changed while the run went on.
    #[serde(default)]
    pub edits: Vec<HandEdit>,
    /// Limits and laws of time that the models applied.
    #[serde(default)]
    pub assumptions: Vec<Assumption>,
    /// Files that were read.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// The machine.
    pub host_machine: HostMachine,
    /// Time of the machine.
    pub host_seconds: f64,
    /// Records produced a second of the machine.
    pub host_records_per_second: f64,
}

/// Which prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBook {
    /// The region.
    pub region: String,
    /// The day of the oldest price.
    pub date: String,
    /// Fingerprint of prices, quotas and latency laws.
    pub hash: String,
}

/// The machine of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostMachine {
    /// Operating system.
    pub os: String,
    /// Processor.
    pub arch: String,
    /// Worker threads.
    pub threads: usize,
}

/// A change by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandEdit {
    /// Virtual seconds.
    pub at_seconds: f64,
    /// The node.
    pub node: String,
    /// In words.
    pub what: String,
}

/// A figure that a model applied, with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumption {
    /// The key in the book of quotas or of latency laws.
    pub key: String,
    /// `quota` or `latency`.
    pub book: String,
    /// The value, with its unit.
    pub value: String,
    /// Whether AWS raises it on request (quotas).
    pub adjustable: bool,
    /// Kinds of node that applied it.
    pub kinds: Vec<String>,
    /// `documented`, `measured`, `assumed`, ...
    pub basis: String,
    /// Where it was read.
    pub source: String,
    /// When.
    pub date: String,
    /// What a reader must know to use it rightly.
    pub note: Option<String>,
}

/// A file that a run read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// As the document names it.
    pub name: String,
    /// Its size; `None` when it is too large for a fingerprint.
    pub bytes: Option<u64>,
    /// Its MD5.
    pub md5: Option<String>,
    /// The file in base64, when it is small and not carried by Weir itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// MD5 in hexadecimal: a fingerprint against mistakes, not against forgers.
#[must_use]
pub fn md5_hex(bytes: &[u8]) -> String {
    let digest = Md5::digest(bytes);
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// The quotas and latency laws of the kinds in `doc`, by key.
#[must_use]
pub fn assumptions(
    doc: &Document,
    kinds: &[&'static dyn AnyKind],
    books: &Books,
) -> Vec<Assumption> {
    let mut found: BTreeMap<(&str, &str), Assumption> = BTreeMap::new();
    for kind in kinds {
        let spec = kind.spec();
        if !doc
            .nodes
            .iter()
            .any(|n| n.kind == spec.id && n.takes_part())
        {
            continue;
        }
        for key in spec.quotas {
            let Some(quota) = books.quota(key) else {
                continue;
            };
            let value = format!(
                "{} {}",
                crate::books::thousands(quota.value.into()),
                quota.unit
            );
            let entry = found
                .entry(("quota", key))
                .or_insert_with(|| assumption(key, "quota", value, &quota.origin));
            entry.adjustable = quota.adjustable;
            entry.kinds.push(spec.id.to_owned());
        }
        for key in spec.latencies {
            let Some(law) = books.latency(key) else {
                continue;
            };
            let entry = found
                .entry(("latency", key))
                .or_insert_with(|| assumption(key, "latency", law_text(law), &law.origin));
            entry.kinds.push(spec.id.to_owned());
        }
    }
    found.into_values().collect()
}

fn law_text(law: &LatencyLaw) -> String {
    let ms = |span: crate::units::SimDuration| super::text::millis(span.as_millis_f64());
    if law.min == law.p99 {
        return ms(law.p50);
    }
    format!(
        "p50 {}, p99 {}, min {}",
        ms(law.p50),
        ms(law.p99),
        ms(law.min)
    )
}

fn assumption(key: &str, book: &str, value: String, origin: &Origin) -> Assumption {
    Assumption {
        key: key.to_owned(),
        book: book.to_owned(),
        value,
        adjustable: false,
        kinds: Vec::new(),
        basis: origin.basis.as_str().to_owned(),
        source: origin.source.clone(),
        date: origin.date.clone(),
        note: origin.note.clone(),
    }
}

/// The files that the document's nodes read: every parameter that holds the name of one. What cannot be read is left out.
#[must_use]
pub fn inputs(doc: &Document, kinds: &[&'static dyn AnyKind], root: &Root) -> Vec<Input> {
    let mut found = BTreeMap::new();
    for node in doc.nodes.iter().filter(|n| n.takes_part()) {
        let Some(kind) = kinds.iter().find(|k| k.spec().id == node.kind) else {
            continue;
        };
        let schema = kind.schema();
        let is_file = |name: &str| schema["properties"][name]["x-editor"] == "file";
        for (_, value) in node.params.iter().filter(|(name, _)| is_file(name)) {
            let Some(name) = value.as_str().filter(|n| !n.is_empty()) else {
                continue;
            };
            if let Ok(bytes) = root.read(name, FINGERPRINT_MAX) {
                found.insert(name.to_owned(), input(name, bytes.as_deref()));
            }
        }
    }
    found.into_values().collect()
}

fn input(name: &str, bytes: Option<&[u8]>) -> Input {
    use base64::Engine as _;
    let small = bytes.filter(|b| b.len() as u64 <= INPUT_BYTES_MAX && !name.starts_with("sample:"));
    Input {
        name: name.to_owned(),
        bytes: bytes.map(|b| b.len() as u64),
        md5: bytes.map(md5_hex),
        base64: small.map(|b| base64::engine::general_purpose::STANDARD.encode(b)),
    }
}
