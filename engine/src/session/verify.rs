//! Runs again from a reproduction kit and says whether the same came out, byte for byte.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SessionError;
use super::finish::Outcome;
use super::options::RunOptions;
use super::prepare::{Prepared, prepare};
use crate::code::Permission;
use crate::data::Root;
use crate::disk::{self, Temporary};
use crate::node::AnyKind;
use crate::report::{Input, Kit, ReadError, differences, fingerprints, md5_hex, without_host};

/// Places that are named at the most.
const SHOWN: usize = 20;
/// Largest data file that is compared.
const DATA_MAX: u64 = 1 << 30;

impl From<ReadError> for SessionError {
    fn from(e: ReadError) -> Self {
        Self::Argument(e.0)
    }
}

/// What a second run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Files that are the same, byte for byte.
    pub same: usize,
    /// Where the two runs differ; empty when they are the same.
    pub differences: Vec<String>,
    /// What may explain a difference: another version, other books.
    pub notes: Vec<String>,
}

/// Runs the document of `kit` again and compares everything that the first run wrote.
///
/// `data` is the folder of data files that are too large for a kit, `allow` which code of the document may run; `finish` waits for
/// the end of the run.
///
/// # Errors
/// When it cannot be run again: changed by hand, data that is not there, a document that is refused.
pub fn verify(
    kit: &Kit,
    kinds: &[&'static dyn AnyKind],
    data: Option<&Path>,
    allow: &Permission,
    finish: &dyn Fn(Prepared) -> Result<Outcome, SessionError>,
) -> Result<Verified, SessionError> {
    if !kit.edits.is_empty() {
        return Err(SessionError::Argument(format!(
            "the run was changed by hand {} times while it went on, so it cannot be run again from its document: put the changes into the scenario",
            kit.edits.len()
        )));
    }
    let mut doc = kit.document()?;
    let mut notes = Vec::new();
    let version = env!("CARGO_PKG_VERSION");
    if kit.weir != version {
        notes.push(format!(
            "made by Weir {}, run again by Weir {version}",
            kit.weir
        ));
    }
    if kit.state == "stopped" {
        doc.run_for = crate::units::SimDuration::from_secs_f64(kit.virtual_seconds);
        notes.push(
            "the first run was stopped by hand; the second ends at the same virtual time"
                .to_owned(),
        );
    }
    let (root, _inputs) = kit_root(&kit.inputs, data)?;
    let warm_up = kit.summary["steady"]["from_seconds"].as_f64();
    let options = RunOptions {
        warm_up: warm_up.map(crate::units::SimDuration::from_secs_f64),
        allow: allow.clone(),
        ..RunOptions::default()
    };
    let outcome = finish(prepare(doc, kinds, root, options)?)?;
    let hash = &outcome.summary.cost.price_book_hash;
    if *hash != kit.price_book.hash {
        notes.push(format!(
            "other prices, quotas or latency laws: {} then, {hash} now",
            kit.price_book.hash
        ));
    }
    let found = fingerprints(outcome.folder())?;
    let summary = serde_json::to_value(&outcome.summary);
    let summary = summary.map_err(|e| SessionError::Engine(e.to_string()))?;
    let mut places = compare(&kit.files, &found);
    // What repeats came to is not of this run: `study` runs them all again.
    let mut then = kit.summary.clone();
    if let Some(members) = then.as_object_mut() {
        members.retain(|name, _| name != "repeats");
    }
    let figures = differences(&then, &without_host(summary), SHOWN);
    places.extend(figures.into_iter().map(|d| format!("summary.json: {d}")));
    let same = kit
        .files
        .iter()
        .filter(|(name, md5)| found.get(*name) == Some(md5))
        .count();
    places.truncate(SHOWN);
    Ok(Verified {
        same,
        differences: places,
        notes,
    })
}

fn compare(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let mut out = Vec::new();
    for (name, md5) in then {
        match now.get(name) {
            None => out.push(format!("{name}: not written this time")),
            Some(found) if found != md5 => out.push(format!("{name}: other bytes")),
            Some(_) => {}
        }
    }
    let new = now.keys().filter(|name| !then.contains_key(*name));
    out.extend(new.map(|name| format!("{name}: written this time only")));
    out
}

/// Where the run reads its data: a folder with the files that the kit carries, which is there as long as the second value is; or
/// `data` when it does not carry all of them.
///
/// # Errors
/// When a file is not there, or not the one that the run read.
pub fn kit_root(
    inputs: &[Input],
    data: Option<&Path>,
) -> Result<(Root, Option<Temporary>), SessionError> {
    let own: Vec<&Input> = inputs
        .iter()
        .filter(|i| !i.name.starts_with("sample:"))
        .collect();
    if own.is_empty() {
        return Ok((Root::samples_only(), None));
    }
    let is_whole = own.iter().all(|i| i.base64.is_some());
    if let Some(folder) = data.filter(|_| !is_whole) {
        let root = Root::new(folder);
        for input in own {
            let bytes = root.read(&input.name, DATA_MAX);
            let bytes = bytes.map_err(|e| SessionError::Argument(e.to_string()))?;
            if bytes.map(|b| md5_hex(&b)) != input.md5 {
                return Err(SessionError::Argument(format!(
                    "`{}` in the data folder is not the file that the run read: take the one with MD5 {}",
                    input.name,
                    input.md5.as_deref().unwrap_or("unknown")
                )));
            }
        }
        return Ok((root, None));
    }
    let failed = |e: &dyn std::fmt::Display| {
        SessionError::Folder(format!("no temporary folder can be written ({e})"))
    };
    let folder = Temporary::new("verify").map_err(|e| failed(&e))?;
    for input in own {
        let name = Path::new(&input.name);
        // A report from elsewhere is hostile: its names lead nowhere but below the folder.
        let plain =
            !input.name.is_empty() && name.components().all(|c| matches!(c, Component::Normal(_)));
        let bytes = input
            .base64
            .as_ref()
            .and_then(|text| STANDARD.decode(text).ok());
        let (true, Some(bytes)) = (plain, bytes) else {
            return Err(SessionError::Argument(format!(
                "the data file `{}` is not in the report: name the folder that holds it with `--data`",
                input.name
            )));
        };
        let place = folder.path().join(name);
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent).map_err(|e| failed(&e))?;
        }
        disk::write(&place, &bytes).map_err(|e| failed(&e))?;
    }
    Ok((Root::new(folder.path()), Some(folder)))
}
