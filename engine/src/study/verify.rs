//! Runs again what a kit tells of, the repeats included, and says where it differs.

use std::path::Path;

use super::repeat::WarmUp;
use super::rerun::{RepeatPlan, run_repeats};
use super::sweep::SweepStopper;
use crate::node::AnyKind;
use crate::report::{Kit, Repeats, differences};
use crate::session::{RunOptions, SessionError, Verified, kit_root, verify as verify_one};
use crate::units::SimDuration;
use serde::Deserialize as _;

/// Places that are named at the most.
const SHOWN: usize = 20;

/// Runs the document of `kit` again, with every seed that it was run with, and compares everything. `data` is the folder of
/// data files that are too large for a kit.
///
/// # Errors
/// When it cannot be run again: changed by hand, data that is not there, a document that is refused.
pub fn verify(
    kit: &Kit,
    kinds: &[&'static dyn AnyKind],
    data: Option<&Path>,
) -> Result<Verified, SessionError> {
    let mut verified = verify_one(kit, kinds, data)?;
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
        options: RunOptions::default(),
        runs: u32::try_from(repeats.runs)
            .unwrap_or(super::REPEATS_MAX)
            .min(super::REPEATS_MAX),
        // What was found in a run of its own is as good as given.
        warm_up: match repeats.warm_up_method.as_str() {
            "none" => WarmUp::Nothing,
            _ => WarmUp::Given(SimDuration::from_secs_f64(repeats.warm_up_seconds)),
        },
    };
    let again = run_repeats(&plan, kinds, &SweepStopper::default(), &|_| {})?;
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
