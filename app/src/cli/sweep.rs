//! `weir sweep`.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use weir_engine::report::{Condition, Figure, dollars, number};
use weir_engine::services;
use weir_engine::study::{
    self, Axis, Done, PICTURE_WORDS, Plan, SweepStopper, Swept, Wish, sweep as run_sweep,
};
use weir_engine::units::SimDuration;

use super::arguments::{CodeArguments, duration};
use super::interrupt::Interrupt;
use super::output::{Output, is_watched};
use super::{CommandResult, Verdict};
use crate::failure::Failure;
use crate::open::open;

/// Between two looks at Ctrl-C.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct SweepArguments {
    /// A pipeline's file, or the id of a template
    file: String,
    /// What is varied: `stream.shard_count=1..8`, `1..8:2`, `64..512*2`, `60s,90s,2m`; may be given again
    #[arg(long, value_name = "NODE.PARAM=VALUES", required = true)]
    vary: Vec<String>,
    /// Virtual time of each run; the document's `run_for` by default
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    run_for: Option<SimDuration>,
    /// Seed, instead of the document's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    code: CodeArguments,
    /// The figure that should be as low as can be
    #[arg(long, value_name = "FIGURE", conflicts_with = "maximise")]
    minimise: Option<String>,
    /// The figure that should be as high as can be
    #[arg(long, value_name = "FIGURE")]
    maximise: Option<String>,
    /// What a variant must keep to, for example `latency_p99 <= 60s`, `lost = 0`; may be given again
    #[arg(long, value_name = "CONDITION")]
    subject_to: Vec<String>,
    /// Folder for tables, picture and variants; a sweep that is there goes on
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Keep the whole folder of every run
    #[arg(long, requires = "out")]
    keep_runs: bool,
    /// Runs at a time; as many as the machine has cores by default. Changes only how fast it goes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// No progress
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn sweep(arguments: &SweepArguments, output: &mut Output) -> CommandResult {
    let opened = open(&arguments.file)?;
    let axes: Result<Vec<Axis>, String> = arguments
        .vary
        .iter()
        .map(|text| Axis::parse(text, &opened.doc, services::ALL))
        .collect();
    let axes = axes.map_err(|e| Failure::new(format!("--vary: {e}")))?;
    let wish = wish(arguments, &opened.doc)?;
    let plan = Plan {
        doc: opened.doc,
        root: opened.root,
        axes,
        run_for: arguments.run_for,
        seed: arguments.seed,
        allow: arguments.code.permission(),
        jobs: arguments.jobs.map(usize::from),
        out: arguments.out.clone(),
        keep_runs: arguments.keep_runs,
    };
    let swept = watched(&plan, arguments.quiet, output)?;
    if let Some(out) = &arguments.out {
        write(out, &swept, wish.as_ref())?;
        if !arguments.quiet {
            output.note(&format!("written to {}", out.display()));
        }
    }
    show(arguments.json, &swept, wish.as_ref(), output)?;
    let missing = swept.total - swept.rows.len();
    if missing > 0 {
        let go_on = if arguments.out.is_some() {
            "the same command goes on with them"
        } else {
            "with `--out` they could be run later"
        };
        output.note(&format!(
            "stopped: {missing} of {} variants were not run ({go_on})",
            swept.total
        ));
        return Ok(Verdict::Missed);
    }
    let failed = swept.rows.iter().filter(|d| d.result.is_err()).count();
    let none = wish.is_some_and(|w| w.choose(&swept).is_none());
    Ok(if failed > 0 || none {
        Verdict::Missed
    } else {
        Verdict::Good
    })
}

/// What is wanted; with conditions alone, the cheapest month.
fn wish(
    arguments: &SweepArguments,
    doc: &weir_engine::document::Document,
) -> Result<Option<Wish>, Failure> {
    let SweepArguments {
        minimise,
        maximise,
        subject_to,
        ..
    } = arguments;
    if minimise.is_none() && maximise.is_none() && subject_to.is_empty() {
        return Ok(None);
    }
    let conditions: Result<Vec<Condition>, String> = subject_to
        .iter()
        .map(|text| Condition::parse(text, doc, services::ALL))
        .collect();
    let conditions = conditions.map_err(|e| Failure::new(format!("--subject-to: {e}")))?;
    let name = minimise.as_ref().or(maximise.as_ref());
    let name = name.map_or("usd_per_month", String::as_str);
    let figure = Figure::parse(name, doc, services::ALL)
        .map_err(|e| Failure::new(format!("--minimise: {e}")))?;
    Ok(Some(Wish {
        figure,
        highest: maximise.is_some(),
        conditions,
    }))
}

/// Runs it, with progress; Ctrl-C stops it.
fn watched(plan: &Plan, quiet: bool, output: &Output) -> Result<Swept, Failure> {
    let total = study::grid(&plan.axes).map_or(0, |g| g.len());
    let (done, reused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let last = Mutex::new(Instant::now());
    let begun = Instant::now();
    let bar = (!quiet && is_watched()).then(|| {
        let target = ProgressDrawTarget::stderr();
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos} of {len} variants, {eta} to go  {msg}")
        {
            bar.set_style(style);
        }
        bar
    });
    let tell = |one: &Done| {
        let n = done.fetch_add(1, Ordering::Relaxed) + 1;
        if one.reused {
            reused.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(bar) = &bar {
            bar.set_position(n as u64);
            bar.set_message(one.variant.words(&plan.axes));
        } else if !quiet {
            let mut last = last
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if last.elapsed() >= LINE_EVERY {
                *last = Instant::now();
                output.note(&format!("{n} of {total} variants"));
            }
        }
    };
    let stopper = SweepStopper::default();
    let ended = AtomicBool::new(false);
    let interrupt = Interrupt::listen();
    let swept = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                if interrupt.take() {
                    stopper.stop();
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
        let swept = run_sweep(plan, services::ALL, &stopper, &tell);
        ended.store(true, Ordering::Relaxed);
        swept
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let swept = swept?;
    if !quiet {
        let kept = reused.load(Ordering::Relaxed);
        let before = if kept > 0 {
            format!(", {kept} of them before")
        } else {
            String::new()
        };
        output.note(&format!(
            "{} variants in {:.1} s{before}",
            swept.rows.len(),
            begun.elapsed().as_secs_f64()
        ));
    }
    Ok(swept)
}

/// Tables and picture beside the variants.
pub(crate) fn write(out: &Path, swept: &Swept, wish: Option<&Wish>) -> Result<(), Failure> {
    let columns = study::columns(swept, wish);
    let parquet = study::parquet(&columns).map_err(Failure::new)?;
    let svg = study::picture(swept, wish, PICTURE_WORDS);
    let json = serde_json::to_string_pretty(&value(swept, wish)).map_err(Failure::new)?;
    let csv = study::csv(&columns);
    let files: [(&str, &[u8]); 4] = [
        ("sweep.csv", csv.as_bytes()),
        ("sweep.parquet", &parquet),
        ("pareto.svg", svg.as_bytes()),
        ("result.json", json.as_bytes()),
    ];
    files
        .iter()
        .try_for_each(|(name, bytes)| crate::templates::write(&out.join(name), bytes))
}

fn value(swept: &Swept, wish: Option<&Wish>) -> serde_json::Value {
    let columns = study::columns(swept, wish);
    let chosen = wish.and_then(|w| w.choose(swept));
    json!({
        "weir": env!("CARGO_PKG_VERSION"),
        "vary": swept.axes.iter().map(|a| json!({ "param": a.name(), "unit": a.unit, "values": a.values })).collect::<Vec<_>>(),
        "variants": swept.total,
        "rows": study::rows_json(&columns),
        "pareto": study::pareto(swept).iter().map(|i| swept.rows[*i].variant.index).collect::<Vec<_>>(),
        "wish": wish.map(|w| json!({
            "figure": w.figure.to_string(),
            "direction": if w.highest { "maximise" } else { "minimise" },
            "subject_to": w.conditions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })),
        "chosen": chosen.map(|(d, value)| json!({ "variant": d.variant.index, "value": value })),
    })
}

fn show(
    as_json: bool,
    swept: &Swept,
    wish: Option<&Wish>,
    output: &mut Output,
) -> Result<(), Failure> {
    if as_json {
        return output.print_json(&value(swept, wish));
    }
    output.print(&study::terminal(swept, wish));
    output.print("\n* no other variant is both cheaper and faster (p99)\n");
    let Some(wish) = wish else { return Ok(()) };
    let conditions: Vec<String> = wish.conditions.iter().map(ToString::to_string).collect();
    let under = if conditions.is_empty() {
        String::new()
    } else {
        format!(" with {}", conditions.join(" and "))
    };
    let word = if wish.highest { "highest" } else { "lowest" };
    let text = match wish.choose(swept) {
        Some((done, value)) => {
            let value = match wish.figure.unit() {
                "USD" => dollars(value),
                unit => format!("{} {unit}", number(value)),
            };
            format!(
                "> {word} {}{under}: {value} with {}",
                wish.figure,
                done.variant.words(&swept.axes)
            )
        }
        None => {
            let each: Vec<String> = wish
                .kept(swept)
                .map(|kept| {
                    let unmeasured = match kept.unmeasured {
                        0 => String::new(),
                        n => format!(", not measured in {n}"),
                    };
                    format!(
                        "{} in {} of {}{unmeasured}",
                        kept.condition, kept.keep, kept.of
                    )
                })
                .collect();
            format!("no variant passes{under}: {}", each.join("; "))
        }
    };
    output.print(&text);
    Ok(())
}
