//! `weir verify`.

use std::path::Path;

use weir_engine::code::Permission;
use weir_engine::services;
use weir_engine::session::Verified;
use weir_engine::study::{Counted, Watch, verify_place};

use super::output::Output;
use super::{CommandResult, Verdict};

pub(crate) fn verify(
    place: &Path,
    data: Option<&Path>,
    allow: &Permission,
    output: &mut Output,
) -> CommandResult {
    let watch = Watch::alone(allow);
    let (verified, counted) = verify_place(place, services::ALL, data, &watch)?;
    Ok(told(&verified, counted, output))
}

/// Says what is the same and what is not.
fn told(verified: &Verified, counted: Counted, output: &mut Output) -> Verdict {
    for note in &verified.notes {
        output.note(&format!("note: {note}"));
    }
    let same = verified.same;
    let (what, every) = match counted {
        Counted::Files => ("files", "every figure of the summary"),
        Counted::Variants => ("variants", "every figure and bill of theirs"),
    };
    if verified.differences.is_empty() {
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
