//! `weir verify`.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use weir_engine::code::Permission;
use weir_engine::report::{Kit, REPORT_BYTES_MAX, RunFiles};
use weir_engine::services;
use weir_engine::session::Verified;
use weir_engine::study::{is_sweep, verify as run_again, verify_sweep};

use super::output::Output;
use super::{CommandResult, Verdict};
use crate::failure::Failure;

pub(crate) fn verify(
    place: &Path,
    data: Option<&Path>,
    allow: &Permission,
    output: &mut Output,
) -> CommandResult {
    if is_sweep(place) {
        return Ok(told(
            &verify_sweep(place, services::ALL, data, allow)?,
            "variants",
            output,
        ));
    }
    let (kit, changed) = if place.is_dir() {
        (Kit::of(&RunFiles::open(place)?)?, false)
    } else {
        let page = page(place)?;
        let kit = Kit::from_html(&page)?;
        let changed = kit.is_page_changed(&page);
        (kit, changed)
    };
    let mut verified = run_again(&kit, services::ALL, data, allow)?;
    if changed {
        let words = "the page itself: it is not as it was written, so its figures may have been changed by hand";
        verified.differences.insert(0, words.to_owned());
    }
    Ok(told(&verified, "files", output))
}

/// Says what is the same and what is not. `what` is counted.
fn told(verified: &Verified, what: &str, output: &mut Output) -> Verdict {
    for note in &verified.notes {
        output.note(&format!("note: {note}"));
    }
    let same = verified.same;
    if verified.differences.is_empty() {
        let every = match what {
            "files" => "every figure of the summary",
            _ => "every figure and bill of theirs",
        };
        output.print(&format!(
            "byte-identical: {same} {what} and {every} are the same"
        ));
        return Verdict::Good;
    }
    let mut text = format!("different: {same} {what} are the same, but\n");
    for place in &verified.differences {
        text.push_str(&format!("  {place}\n"));
    }
    output.print(&weir_engine::report::clean(&text));
    Verdict::Missed
}

fn page(place: &Path) -> Result<String, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        Failure::new(format!(
            "`{}` cannot be read ({why}): name a report or a run folder",
            place.display()
        ))
    };
    let file = File::open(place).map_err(|e| failed(&e))?;
    let mut text = String::new();
    let mut bounded = file.take(REPORT_BYTES_MAX);
    bounded.read_to_string(&mut text).map_err(|e| failed(&e))?;
    Ok(text)
}
