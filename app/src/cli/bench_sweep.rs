//! `weir bench sweep`: 64 variants of the weekend pipeline.

use std::time::Instant;

use weir_engine::services;
use weir_engine::study::{Axis, Plan, SweepStopper, sweep};
use weir_engine::units::{SimDuration, parse_duration};

use super::output::Output;
use crate::failure::Failure;
use crate::open::open;

/// Virtual time of each variant.
const SPAN: &str = "10m";
/// What is varied: the stream, what the function has, and how long delivery gathers.
const VARY: [&str; 3] = [
    "stream.shard_count=4..7",
    "enrich.memory_mb=512,1024,1769,3008",
    "delivery.buffer_interval_seconds=60,120,180,300",
];

pub(crate) fn bench(span: Option<SimDuration>, output: &mut Output) -> Result<(), Failure> {
    let opened = open("weekend-transactions")?;
    let axes: Result<Vec<Axis>, String> = VARY
        .iter()
        .map(|text| Axis::parse(text, &opened.doc, services::ALL))
        .collect();
    let span = span.or_else(|| parse_duration(SPAN).ok());
    let plan = Plan {
        doc: opened.doc,
        root: opened.root,
        axes: axes.map_err(Failure::new)?,
        run_for: span,
        seed: None,
        allow: weir_engine::code::Permission::Nothing,
        jobs: None,
        out: None,
        keep_runs: false,
    };
    let started = Instant::now();
    let swept = sweep(&plan, services::ALL, &SweepStopper::default(), &|_| {})?;
    let seconds = started.elapsed().as_secs_f64();
    let failed = swept.rows.iter().find_map(|d| d.result.as_ref().err());
    if let Some(why) = failed {
        return Err(Failure::new(why));
    }
    let records: u64 = swept
        .rows
        .iter()
        .filter_map(|d| Some(d.result.as_ref().ok()?.records.produced))
        .sum();
    let text = format!(
        "{} variants of the weekend of {} each in {seconds:.1} s: {:.2} s a variant, {} records/s",
        swept.rows.len(),
        weir_engine::report::seconds(span.unwrap_or_default().as_secs_f64()),
        seconds / swept.rows.len().max(1) as f64,
        weir_engine::report::number(records as f64 / seconds),
    );
    output.print(&format!("{:<10} {text}\n", "sweep"));
    Ok(())
}
