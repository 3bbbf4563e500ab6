//! `weir test`: the expectations of a document against a run of it, and the gate of `--fail-if`.

use weir_engine::document::Document;
use weir_engine::lake::open_run;
use weir_engine::report::{Condition, Summary, check_expectation, clean, expectations, number};
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};

use super::arguments::TestArguments;
use super::output::Output;
use super::{CommandResult, Verdict};
use crate::failure::Failure;
use crate::open::open;

pub(crate) fn test(arguments: TestArguments, output: &mut Output) -> CommandResult {
    let opened = open(&arguments.file)?;
    let expected = expectations(&opened.doc, services::ALL).map_err(|sentences| Failure {
        sentences: sentences.iter().map(|s| format!("error: {s}")).collect(),
    })?;
    let gate = gate(&arguments.fail_if, &opened.doc)?;
    if expected.is_empty() && gate.is_empty() && opened.doc.objectives.is_empty() {
        return Err(Failure::new(
            "the document expects nothing: add `expect` to it, objectives, or use `--fail-if`",
        ));
    }
    let stated = opened.doc.expect.as_ref().and_then(|e| e.run_for);
    let options = RunOptions {
        run_for: arguments.run_for.or(stated),
        out: arguments.out,
        allow: arguments.code.permission(),
        ..RunOptions::default()
    };
    let outcome = prepare(opened.doc, services::ALL, opened.root, options)?.finish()?;
    let summary = &outcome.summary;
    let run = open_run(outcome.folder()).map_err(Failure::new)?;
    let mut text = String::new();
    let mut missed = 0;
    for expected in &expected {
        let checked = check_expectation(expected, summary, &run);
        missed += usize::from(!checked.ok);
        text.push_str(&format!("{}  {}\n", word(checked.ok), checked.what));
        for line in &checked.difference {
            text.push_str(&format!("          {line}\n"));
        }
    }
    for objective in &summary.objectives {
        missed += usize::from(!objective.ok);
        text.push_str(&format!("{}  {}\n", word(objective.ok), objective.text));
    }
    let told = judge(&gate, summary);
    missed += told.len();
    for sentence in told {
        text.push_str(&format!("{}  {sentence}\n", word(false)));
    }
    if summary.records.unaccounted > 0 || summary.state == "failed" {
        missed += 1;
        let why = summary
            .error
            .clone()
            .unwrap_or_else(|| "records are unaccounted for".to_owned());
        text.push_str(&format!("{}  {why}\n", word(false)));
    }
    let all = expected.len() + summary.objectives.len() + gate.len();
    text.push_str(&format!("{missed} of {all} missed\n"));
    output.print(&clean(&text));
    Ok(if missed == 0 {
        Verdict::Good
    } else {
        Verdict::Missed
    })
}

const fn word(ok: bool) -> &'static str {
    if ok { "ok    " } else { "FAILED" }
}

/// Reads the conditions of `--fail-if`.
pub(crate) fn gate(texts: &[String], doc: &Document) -> Result<Vec<Condition>, Failure> {
    let read = texts
        .iter()
        .map(|t| Condition::parse(t, doc, services::ALL));
    read.collect::<Result<_, _>>()
        .map_err(|e| Failure::new(format!("--fail-if: {e}")))
}

/// One sentence for each condition that holds, so that the run is not good enough. What was not measured fails too: a gate
/// must not open because there was nothing to see.
pub(crate) fn judge(gate: &[Condition], summary: &Summary) -> Vec<String> {
    let told = gate.iter().filter_map(|c| match c.figure.of(summary) {
        None => Some(format!("{c}: {} was not measured", c.figure)),
        Some(value) if c.holds(summary) => {
            Some(format!("{c}: it is {} {}", number(value), c.figure.unit()))
        }
        Some(_) => None,
    });
    told.collect()
}
