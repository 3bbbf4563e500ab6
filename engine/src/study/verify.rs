//! Runs again what a report, a run or a sweep tells of, the repeats included, and says where it differs.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::repeat::WarmUp;
use super::rerun::{RepeatPlan, run_repeats};
use super::watch::Watch;
use crate::document::Document;
use crate::node::AnyKind;
use crate::report::{
    Kit, REPORT_BYTES_MAX, Repeats, RunFiles, differences, variant_files, without_host,
};
use crate::session::{RunOptions, SessionError, Verified, kit_root, prepare, verify as verify_one};
use crate::units::SimDuration;
use serde::Deserialize as _;

/// Places that are named at the most.
const SHOWN: usize = 20;

/// True for the folder of a sweep.
#[must_use]
pub fn is_sweep(folder: &Path) -> bool {
    folder.join("sweep.json").is_file() && folder.join("variants").is_dir()
}

/// What [`verify_place`] compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Files of a run.
    Files,
    /// Variants of a sweep.
    Variants,
}

/// Verifies what lies at `place`: the page of a report, the folder of a run or that of a sweep.
///
/// # Errors
/// When it cannot be read or run again.
pub fn verify_place(
    place: &Path,
    kinds: &[&'static dyn AnyKind],
    data: Option<&Path>,
    watch: &Watch<'_>,
) -> Result<(Verified, Counted), SessionError> {
    if is_sweep(place) {
        let verified = verify_sweep(place, kinds, data, watch)?;
        return Ok((verified, Counted::Variants));
    }
    let (kit, changed) = if place.is_dir() {
        (Kit::of(&RunFiles::open(place)?)?, false)
    } else {
        let page = page(place)?;
        let kit = Kit::from_html(&page)?;
        let changed = kit.is_page_changed(&page);
        (kit, changed)
    };
    let mut verified = verify(&kit, kinds, data, watch)?;
    if changed {
        let words = "the page itself: it is not as it was written, so its figures may have been changed by hand";
        verified.differences.insert(0, words.to_owned());
    }
    Ok((verified, Counted::Files))
}

/// The text of a report, as far as a report may be long.
fn page(place: &Path) -> Result<String, SessionError> {
    let failed = |e: std::io::Error| {
        SessionError::Argument(format!(
            "`{}` cannot be read ({e}): name a report or a run folder",
            place.display()
        ))
    };
    let file = File::open(place).map_err(failed)?;
    let mut text = String::new();
    let mut bounded = file.take(REPORT_BYTES_MAX);
    bounded.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Runs every variant of a sweep again, each alone, and compares its figures and its bill. `same` counts variants.
///
/// # Errors
/// When a variant cannot be read or run again.
pub fn verify_sweep(
    folder: &Path,
    kinds: &[&'static dyn AnyKind],
    data: Option<&Path>,
    watch: &Watch<'_>,
) -> Result<Verified, SessionError> {
    let wrong = |e: &dyn std::fmt::Display| SessionError::Argument(e.to_string());
    let entries = std::fs::read_dir(folder.join("variants")).map_err(|e| wrong(&e))?;
    let mut variants: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    // A variant that was broken off has no summary: the sweep would run it again.
    variants.retain(|v| v.join("summary.json").is_file());
    variants.sort();
    let mut verified = Verified {
        same: 0,
        differences: Vec::new(),
        notes: Vec::new(),
    };
    let all = variants.len();
    for (done, variant) in variants.into_iter().enumerate() {
        let (record, summary, bill) = variant_files(&variant).map_err(|e| wrong(&e))?;
        let doc = Document::parse(&record.document.to_string()).map_err(|e| wrong(&e))?;
        let (root, _inputs) = kit_root(&record.inputs, data)?;
        let options = RunOptions {
            bare: true,
            allow: watch.allow.clone(),
            profiles: has_profiles(&summary),
            ..RunOptions::default()
        };
        let outcome = watch.finish(prepare(doc, kinds, root, options)?)?;
        let now = serde_json::to_value(&outcome.summary);
        let now = now.map_err(|e| SessionError::Engine(e.to_string()))?;
        let mut places = differences(&without_host(summary), &without_host(now), SHOWN);
        let billed = std::fs::read(outcome.folder().join("bill.csv")).ok();
        if billed.as_ref() != Some(&bill) {
            places.push("bill.csv: other bytes".to_owned());
        }
        verified.same += usize::from(places.is_empty());
        let name = variant.file_name().unwrap_or_default().to_string_lossy();
        let named = places.into_iter().map(|p| format!("{name}: {p}"));
        verified.differences.extend(named);
        (watch.tell)(done + 1, all);
    }
    verified.differences.truncate(SHOWN);
    Ok(verified)
}

/// True when the run that came to `summary` looked at sizes and keys of its records.
fn has_profiles(summary: &serde_json::Value) -> bool {
    let nodes = summary["nodes"].as_object();
    nodes.is_some_and(|all| all.values().any(|n| !n["record_bytes"].is_null()))
}

/// Runs the document of `kit` again, with every seed that it was run with, and compares everything. `data` is the folder of
/// data files that are too large for a kit.
///
/// # Errors
/// When it cannot be run again: changed by hand, data that is not there, a document that is refused.
pub fn verify(
    kit: &Kit,
    kinds: &[&'static dyn AnyKind],
    data: Option<&Path>,
    watch: &Watch<'_>,
) -> Result<Verified, SessionError> {
    let mut verified = verify_one(kit, kinds, data, watch.allow, &|run| watch.follow(run))?;
    let Some(then) = kit.summary.get("repeats").filter(|r| !r.is_null()) else {
        return Ok(verified);
    };
    let damaged = |e: serde_json::Error| {
        SessionError::Argument(format!(
            "the repeats of the report cannot be read ({e}): take the report as it was written"
        ))
    };
    let repeats = Repeats::deserialize(then).map_err(damaged)?;
    let (root, _inputs) = kit_root(&kit.inputs, data)?;
    let plan = RepeatPlan {
        doc: kit.document()?,
        root,
        options: RunOptions {
            allow: watch.allow.clone(),
            ..RunOptions::default()
        },
        runs: u32::try_from(repeats.runs)
            .unwrap_or(super::REPEATS_MAX)
            .min(super::REPEATS_MAX),
        // What was found in a run of its own is as good as given.
        warm_up: match repeats.warm_up_method.as_str() {
            "none" => WarmUp::Nothing,
            _ => WarmUp::Given(SimDuration::from_secs_f64(repeats.warm_up_seconds)),
        },
    };
    let (all, tell) = (plan.runs as usize, watch.tell);
    let again = run_repeats(&plan, kinds, &watch.stopper, &|done| tell(done, all))?;
    let now = again.summary.repeats.map(|now| Repeats {
        method: repeats.method.clone(),
        warm_up_method: repeats.warm_up_method.clone(),
        ..now
    });
    let now = serde_json::to_value(now).map_err(|e| SessionError::Engine(e.to_string()))?;
    let places = differences(then, &now, SHOWN);
    let places = places
        .into_iter()
        .map(|d| format!("summary.json: repeats/{d}"));
    verified.differences.extend(places);
    verified.differences.truncate(SHOWN);
    Ok(verified)
}
