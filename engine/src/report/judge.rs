//! Judges a run by everything that it was to come to.

use super::condition::Condition;
use super::expect::{Checked, Expected, check_expectation};
use super::summary::Summary;
use super::text::number;
use crate::lake::Database;

/// Judges a run by its expectations, the objectives of its document, the conditions under which it is not good enough (`gate`),
/// and by its ledger when that has a hole or the run failed.
#[must_use]
pub fn judge(
    expected: &[Expected],
    gate: &[Condition],
    summary: &Summary,
    run: &Database,
) -> Vec<Checked> {
    let plain = |ok, what: String| Checked {
        what,
        ok,
        difference: Vec::new(),
    };
    let expected = expected.iter();
    let mut all: Vec<Checked> = expected
        .map(|e| check_expectation(e, summary, run))
        .collect();
    let objectives = summary.objectives.iter();
    all.extend(objectives.map(|o| plain(o.ok, o.text.clone())));
    all.extend(gate.iter().map(|c| match refusal(c, summary) {
        Some(why) => plain(false, why),
        None => plain(
            true,
            format!("{c} does not hold: it is {}", found(c, summary)),
        ),
    }));
    if summary.records.unaccounted > 0 || summary.state == "failed" {
        let why = summary.error.clone();
        let why = why.unwrap_or_else(|| "records are unaccounted for".to_owned());
        all.push(plain(false, why));
    }
    all
}

/// One sentence for each condition that holds, so that the run is not good enough.
#[must_use]
pub fn refusals(gate: &[Condition], summary: &Summary) -> Vec<String> {
    gate.iter().filter_map(|c| refusal(c, summary)).collect()
}

/// Why the run is not good enough. What was not measured is not either: a gate must not open because there was nothing to see.
fn refusal(condition: &Condition, summary: &Summary) -> Option<String> {
    let figure = &condition.figure;
    match figure.of(summary) {
        None => Some(format!("{condition}: {figure} was not measured")),
        Some(_) if condition.holds(summary) => {
            Some(format!("{condition}: it is {}", found(condition, summary)))
        }
        Some(_) => None,
    }
}

fn found(condition: &Condition, summary: &Summary) -> String {
    let value = condition.figure.of(summary).map(number);
    format!("{} {}", value.unwrap_or_default(), condition.figure.unit())
}
