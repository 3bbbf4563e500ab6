//! `weir test`: the expectations of a document against a run of it, and the gate of `--fail-if`.

use weir_engine::document::Document;
use weir_engine::lake::open_run;
use weir_engine::report::{Condition, clean, expectations, judge};
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
    let judged = judge(&expected, &gate, summary, &run);
    let mut text = String::new();
    for checked in &judged {
        text.push_str(&format!("{}  {}\n", word(checked.ok), checked.what));
        for line in &checked.difference {
            text.push_str(&format!("          {line}\n"));
        }
    }
    let missed = judged.iter().filter(|c| !c.ok).count();
    text.push_str(&format!("{missed} of {} missed\n", judged.len()));
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
