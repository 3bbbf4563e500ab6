//! `weir run --repeat`: several seeds, means with intervals.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use weir_engine::report::terminal;
use weir_engine::services;
use weir_engine::session::RunOptions;
use weir_engine::study::{RepeatPlan, SweepStopper, WarmUp, repeats_terminal, run_repeats};
use weir_engine::units::parse_duration;

use super::arguments::RunArguments;
use super::interrupt::Interrupt;
use super::output::Output;
use super::{CommandResult, Verdict};
use crate::open::Opened;

/// Between two looks at Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Reads `none`, `auto` or a duration.
pub(crate) fn warm_up(text: &str) -> Result<WarmUp, String> {
    match text {
        "none" => Ok(WarmUp::Nothing),
        "auto" => Ok(WarmUp::Automatic),
        _ => parse_duration(text)
            .map(WarmUp::Given)
            .map_err(|e| format!("{e} Or write `auto` or `none`.")),
    }
}

pub(crate) fn repeat(
    opened: Opened,
    options: RunOptions,
    arguments: &RunArguments,
    output: &mut Output,
) -> CommandResult {
    let runs = arguments.repeat.unwrap_or(1);
    let plan = RepeatPlan {
        doc: opened.doc,
        root: opened.root,
        options,
        runs,
        warm_up: arguments.warm_up.unwrap_or(WarmUp::Automatic),
    };
    let tell = |done: usize| {
        if !arguments.quiet {
            output.note(&format!("{done} of {runs} runs"));
        }
    };
    let stopper = SweepStopper::default();
    let (interrupt, ended) = (Interrupt::listen(), AtomicBool::new(false));
    let repeated = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                if interrupt.take() {
                    stopper.stop();
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
        let repeated = run_repeats(&plan, services::ALL, &stopper, &tell);
        ended.store(true, Ordering::Relaxed);
        repeated
    })?;
    let summary = &repeated.summary;
    if arguments.json {
        output.print_json(summary)?;
    } else {
        output.print(&terminal(summary));
        if let Some(found) = &summary.repeats {
            output.print(&repeats_terminal(found));
        }
    }
    if !repeated.first.is_temporary() && !arguments.quiet {
        output.note(&format!("written to {}", repeated.first.folder().display()));
    }
    Ok(if summary.passed() {
        Verdict::Good
    } else {
        Verdict::Missed
    })
}
