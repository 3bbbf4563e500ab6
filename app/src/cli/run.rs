//! `weir run`.

use std::time::Duration;

use weir_engine::report::{refusals, terminal};
use weir_engine::runtime::Command;
use weir_engine::services;
use weir_engine::session::{Prepared, RunOptions, SessionError, prepare};
use weir_engine::study::WarmUp;

use super::arguments::RunArguments;
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Progress;
use super::repeat::repeat;
use super::{CommandResult, Verdict};
use crate::failure::Failure;
use crate::open::open;

/// Between two looks at the run.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl From<SessionError> for Failure {
    fn from(e: SessionError) -> Self {
        match e {
            SessionError::Document(problems) => Self {
                sentences: problems.iter().map(ToString::to_string).collect(),
            },
            other => Self::new(other),
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the arguments of the command are its own"
)]
pub(crate) fn run(arguments: RunArguments, output: &mut Output) -> CommandResult {
    let opened = open(&arguments.file)?;
    let gate = super::test::gate(&arguments.fail_if, &opened.doc)?;
    let options = RunOptions {
        run_for: arguments.run_for,
        seed: arguments.seed,
        threads: arguments.threads,
        pace: arguments.speed,
        out: arguments.out.clone(),
        set: arguments.set.clone(),
        allow: arguments.code.permission(),
        warm_up: match arguments.warm_up {
            Some(WarmUp::Given(span)) => Some(span),
            _ => None,
        },
        ..RunOptions::default()
    };
    // How long warming up takes is found by a run of its own: then it is one of a series.
    if arguments.repeat.is_some() || arguments.warm_up == Some(WarmUp::Automatic) {
        return repeat(opened, options, &arguments, output);
    }
    let prepared = prepare(opened.doc, services::ALL, opened.root, options)?;
    for warning in prepared.warnings() {
        output.note(&warning.to_string());
    }
    watch(&prepared, arguments.quiet, output);
    let outcome = prepared.finish()?;
    let summary = &outcome.summary;
    if arguments.report {
        super::report::into_folder(outcome.folder())?;
    }
    if arguments.json {
        output.print_json(summary)?;
    } else {
        output.print(&terminal(summary));
    }
    if let Some(error) = &summary.error {
        output.note(&format!("error: the run failed: {error}"));
    }
    if !outcome.is_temporary() && !arguments.quiet {
        output.note(&format!("written to {}", outcome.folder().display()));
    }
    let told = refusals(&gate, summary);
    for sentence in &told {
        output.note(&format!("failed: {sentence}"));
    }
    Ok(if summary.passed() && told.is_empty() {
        Verdict::Good
    } else {
        Verdict::Missed
    })
}

/// Shows progress until the run has ended; passes the user's wish to end on.
fn watch(prepared: &Prepared, quiet: bool, output: &Output) {
    let interrupt = Interrupt::listen();
    let mut progress = Progress::new(quiet);
    let mut ending = false;
    while !prepared.is_finished() {
        if interrupt.take() {
            if ending {
                prepared.stopper().stop_now();
            }
            // Refused only when the run has ended by itself.
            let _too_late = prepared.send(Command::End);
            ending = true;
        }
        progress.show(&prepared.snapshot(), output);
        std::thread::sleep(LOOK_EVERY);
    }
    progress.end();
}
