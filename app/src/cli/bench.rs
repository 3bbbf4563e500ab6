//! The benchmarks behind the figures of the README: `weir bench`. They print; nothing is judged by a clock.

use std::path::Path;
use std::time::Instant;

use weir_engine::document::Document;
use weir_engine::node::AnyKind;
use weir_engine::report::{Lang, RunFiles, html, number};
use weir_engine::runtime::Queue;
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};
use weir_engine::units::{SimDuration, SimTime, parse_duration};

use super::bench_services::Format;
use super::output::Output;
use super::relay::Relay;
use super::{CommandResult, Verdict};
use crate::failure::Failure;
use crate::open::open;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Which {
    /// Everything
    All,
    /// The weekend pipeline from producer to dashboard, every record real
    Pipeline,
    /// The event loop: one event after the other with nothing to do in them
    Engine,
    /// The report of a run of an hour: how long it takes, how large it is
    Report,
    /// A day of 3,000 records a second, one in 100 of them real, from producer to bucket
    Day,
    /// Memory of a run and of one ten times as long
    Memory,
    /// A small pipeline for each service: throughput, latency and cost beside published figures
    Services,
    /// 64 variants of the weekend pipeline
    Sweep,
    /// The ETL job of the batch lake on a file of JSON lines
    Etl,
    /// Frames of the designer, and what watching costs a run
    Window,
    /// Anomaly detectors: records a second, and the forest beside the reference implementation
    Detectors,
    /// Streaming SQL: windows of every sort, records a second of one thread
    Windows,
    /// Anomaly detectors on a folder of the Numenta Anomaly Benchmark
    Nab,
}

/// Virtual time of the weekend benchmark.
const WEEKEND: &str = "30m";
/// Events of the event loop benchmark.
const EVENTS: u64 = 20_000_000;

pub(crate) fn bench(
    which: Which,
    folder: Option<&Path>,
    span: Option<SimDuration>,
    format: Format,
    output: &mut Output,
) -> CommandResult {
    let all = which == Which::All;
    if all || which == Which::Engine {
        queue(output);
        engine(output)?;
    }
    if all || which == Which::Pipeline {
        pipeline(span, output)?;
    }
    if all || which == Which::Report {
        report(output)?;
    }
    if all || which == Which::Day {
        day(span, output)?;
    }
    if all || which == Which::Memory {
        memory(span, output)?;
    }
    if all || which == Which::Services {
        super::bench_services::bench(span, format, output)?;
    }
    if all || which == Which::Sweep {
        super::bench_sweep::bench(span, output)?;
    }
    if all || which == Which::Window {
        super::bench_window::window(span, output)?;
    }
    if all || which == Which::Detectors {
        super::bench_detectors::detectors(output)?;
    }
    if all || which == Which::Windows {
        super::bench_windows::windows(output)?;
    }
    if which == Which::Nab {
        super::bench_detectors::nab(folder, output)?;
    }
    Ok(Verdict::Good)
}

fn print(output: &mut Output, name: &str, text: &str) {
    output.print(&format!("{name:<10} {text}\n"));
}

/// The bare queue: a thousand timers that set themselves anew.
fn queue(output: &mut Output) {
    let mut queue = Queue::default();
    for i in 0..1000_u64 {
        queue.push(SimTime(i), u16::try_from(i % 50).unwrap_or(0), i);
    }
    let started = Instant::now();
    for _ in 0..EVENTS {
        if let Some((at, event)) = queue.pop() {
            queue.push(at + SimDuration(1000 + event), 1, event);
        }
    }
    let rate = EVENTS as f64 / started.elapsed().as_secs_f64();
    print(
        output,
        "queue",
        &format!("{} events/s in and out of the queue", number(rate)),
    );
}

/// The whole loop with nodes that do nothing: dispatch, timers, wires, gauges.
fn engine(output: &mut Output) -> Result<(), Failure> {
    let text = r#"{ "weir": 1, "name": "loop", "run_for": "60s",
        "nodes": [ { "id": "a", "kind": "relay", "at": [0, 0] }, { "id": "b", "kind": "relay", "at": [0, 0] } ],
        "wires": [ { "from": "a.out", "to": "b.in" } ] }"#;
    let doc = Document::parse(text).map_err(|e| Failure::new(e.to_string()))?;
    let Ended {
        events, seconds, ..
    } = timed(doc, &[&Relay], None)?;
    let text = format!(
        "{} events/s through nodes and wires ({} events in {seconds:.2} s)",
        number(events as f64 / seconds),
        number(events as f64),
    );
    print(output, "engine", &text);
    Ok(())
}

fn weekend(span: SimDuration) -> Result<Document, Failure> {
    let mut doc = open("weekend-transactions")?.doc;
    doc.run_for = span;
    Ok(doc)
}

/// What a run came to.
struct Ended {
    events: u64,
    /// From before the check to after the last file of the run folder.
    seconds: f64,
    records: u64,
}

fn timed(
    doc: Document,
    kinds: &[&'static dyn AnyKind],
    threads: Option<usize>,
) -> Result<Ended, Failure> {
    let started = Instant::now();
    let options = RunOptions {
        threads,
        ..RunOptions::default()
    };
    let root = weir_engine::data::Root::samples_only();
    let prepared = prepare(doc, kinds, root, options).map_err(|e| Failure::new(e.to_string()))?;
    let outcome = prepared.finish().map_err(|e| Failure::new(e.to_string()))?;
    let seconds = started.elapsed().as_secs_f64();
    let summary = &outcome.summary;
    if summary.records.unaccounted != 0 {
        return Err(Failure::new(format!(
            "{} records are unaccounted for",
            summary.records.unaccounted
        )));
    }
    Ok(Ended {
        events: summary.model_events,
        seconds,
        records: summary.records.produced,
    })
}

/// The report of an hour of the weekend pipeline, one record in ten made: figures and series are those of all.
fn report(output: &mut Output) -> Result<(), Failure> {
    let mut doc = weekend(parse_duration("1h").map_err(Failure::new)?)?;
    if let Some(node) = doc.nodes.iter_mut().find(|n| n.id == "producer") {
        node.params.insert("sample_one_in".to_owned(), 10.into());
    }
    let root = weir_engine::data::Root::samples_only();
    let prepared = prepare(doc, services::ALL, root, RunOptions::default())?;
    let outcome = prepared.finish()?;
    let started = Instant::now();
    let run = RunFiles::open(outcome.folder())?;
    let page = html(&run, services::ALL, Lang::En)?;
    let text = format!(
        "{:.2} s and {:.2} MB for the HTML report of a run of 1 h",
        started.elapsed().as_secs_f64(),
        page.len() as f64 / 1e6
    );
    print(output, "report", &text);
    Ok(())
}

fn pipeline(span: Option<SimDuration>, output: &mut Output) -> Result<(), Failure> {
    let span = span
        .or_else(|| parse_duration(WEEKEND).ok())
        .unwrap_or_default();
    for threads in [1, 2] {
        let Ended {
            seconds, records, ..
        } = timed(weekend(span)?, services::ALL, Some(threads))?;
        let text = format!(
            "{} records/s end to end with {threads} worker thread{} ({} records in {seconds:.2} s, run folder included)",
            number(records as f64 / seconds),
            if threads == 1 { "" } else { "s" },
            number(records as f64),
        );
        print(output, "pipeline", &text);
    }
    Ok(())
}

/// A day of 259 million records, of which one in a hundred is made and stands for the others.
fn day(span: Option<SimDuration>, output: &mut Output) -> Result<(), Failure> {
    let text = r#"{ "weir": 1, "name": "day", "run_for": "24h",
        "nodes": [
            { "id": "app", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 3000, "sample_one_in": 100, "schema": "clickstream", "record_bytes": 1000 } },
            { "id": "stream", "kind": "kinesis-data-streams", "at": [200, 0], "params": { "shard_count": 4, "partition_key": "user_id" } },
            { "id": "delivery", "kind": "firehose", "at": [400, 0], "params": { "format": "parquet", "compression": "snappy", "buffer_size_mib": 128, "buffer_interval_seconds": 300 } },
            { "id": "lake", "kind": "s3", "at": [600, 0] } ],
        "wires": [ { "from": "app.out", "to": "stream.in" }, { "from": "stream.out", "to": "delivery.in" }, { "from": "delivery.out", "to": "lake.in" } ] }"#;
    let mut doc = Document::parse(text).map_err(|e| Failure::new(e.to_string()))?;
    doc.run_for = span.unwrap_or(doc.run_for);
    let Ended {
        seconds, records, ..
    } = timed(doc, services::ALL, None)?;
    let peak = high_water("/proc/self/status").map_or(String::new(), |bytes| {
        format!(", peak {:.0} MB of this process", bytes as f64 / 1e6)
    });
    let text = format!(
        "{} records, one in 100 real, in {seconds:.1} s{peak}",
        number(records as f64)
    );
    print(output, "day", &text);
    Ok(())
}

/// Runs the weekend for `span` and for ten times as long, each in a process of its own, and compares their peaks.
fn memory(span: Option<SimDuration>, output: &mut Output) -> Result<(), Failure> {
    let span = span
        .or_else(|| parse_duration("6m").ok())
        .unwrap_or_default();
    let program = std::env::current_exe()
        .map_err(|e| Failure::new(format!("this program cannot find itself ({e})")))?;
    let (short, long) = (peak(&program, span)?, peak(&program, span * 10)?);
    let (Some(short), Some(long)) = (short, long) else {
        print(output, "memory", "is only read on Linux (/proc)");
        return Ok(());
    };
    let text = format!(
        "peak {:.0} MB, and {:.0} MB for ten times the virtual time: {:.2} times",
        short as f64 / 1e6,
        long as f64 / 1e6,
        long as f64 / short as f64
    );
    print(output, "memory", &text);
    Ok(())
}

/// Peak memory in bytes of a run of the weekend; `None` where the system does not tell.
fn peak(program: &Path, span: SimDuration) -> Result<Option<u64>, Failure> {
    let span = format!("{}s", span.0 / 1_000_000_000);
    let failed = |e: std::io::Error| Failure::new(format!("the program cannot run itself ({e})"));
    let mut command = std::process::Command::new(program);
    command
        .args([
            "run",
            "weekend-transactions",
            "--for",
            &span,
            "--quiet",
            "--json",
        ])
        .stdout(std::process::Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let status = format!("/proc/{}/status", child.id());
    let mut most = None;
    while child.try_wait().map_err(failed)?.is_none() {
        most = most.max(high_water(&status));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(most)
}

/// `VmHWM` of a process: the most memory it ever had.
fn high_water(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
