//! The command line over the engine: runs, checks, explains and queries pipelines without a window.
//!
//! Exit codes: 0; 1 when a run misses an objective, fails or loses records; 2 for a document or arguments that are refused.
//! Results go to standard output, everything else to standard error.

mod arguments;
mod bench;
mod bench_detectors;
mod bench_etl;
mod bench_services;
mod bench_sweep;
mod bench_window;
mod bench_windows;
mod check;
mod compare;
mod gallery;
mod interrupt;
mod kinds;
mod learn;
mod output;
mod progress;
mod relay;
mod repeat;
mod report;
mod run;
mod schema;
mod shots;
mod shots_report;
mod sql;
mod sweep;
mod test;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::{CommandFactory as _, Parser as _};

use arguments::{Cli, Command};
use output::Output;
use weir_engine::disk::clear_left;

use crate::designer;
use crate::failure::Failure;
use crate::open::is_there;

/// How a command ended.
pub(crate) type CommandResult = Result<Verdict, Failure>;

/// The answer of a command that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well.
    Good,
    /// It was done, and what came out is not good enough.
    Missed,
}

/// Runs the program with these arguments, the program's name first.
pub(crate) fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version go to standard output; nobody may be reading it any more.
            let _unread = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let clearing = Clearing::begin();
    let mut output = Output::default();
    let result = match cli.command {
        None => window(cli.file),
        Some(command) => dispatch(command, &mut output),
    };
    let code = match result {
        Ok(Verdict::Good) => 0,
        Ok(Verdict::Missed) => 1,
        Err(failure) => {
            for sentence in failure.sentences {
                output.note(&sentence);
            }
            2
        }
    };
    clearing.end();
    ExitCode::from(if output.is_broken() { 2 } else { code })
}

/// Longest that is spent on what killed programs left, one folder apart.
const CLEARING: Duration = Duration::from_secs(2);

/// Removes temporary folders that killed programs left, while the command does its work.
struct Clearing(Option<JoinHandle<()>>);

impl Clearing {
    fn begin() -> Self {
        let work = || {
            let begin = Instant::now();
            clear_left(&std::env::temp_dir(), || begin.elapsed() < CLEARING);
        };
        let thread = std::thread::Builder::new().name("weir-clear".to_owned());
        // Without a thread they stay for the next time.
        Self(thread.spawn(work).ok())
    }
    /// A folder that is half removed is not left to the next start.
    fn end(self) {
        if let Some(thread) = self.0 {
            let _panicked = thread.join();
        }
    }
}

/// Opens the designer. A name that leads nowhere is refused before there is a window.
fn window(file: Option<String>) -> CommandResult {
    if let Some(name) = &file {
        is_there(name)?;
    }
    designer::open(file).map(|()| Verdict::Good)
}

fn dispatch(command: Command, output: &mut Output) -> CommandResult {
    match command {
        Command::Run(arguments) => run::run(arguments, output),
        Command::Bench {
            which: bench::Which::Etl,
            input: Some(input),
            ..
        } => bench_etl::etl(&input, output),
        Command::Bench {
            which,
            folder,
            run_for,
            format,
            ..
        } => bench::bench(which, folder.as_deref(), run_for, format, output),
        Command::Check { file, json } => check::check(&file, json, output),
        Command::Learn { file, json } => learn::learn(&file, json, output),
        Command::Kinds { kind, json } => kinds::kinds(kind.as_deref(), json, output),
        Command::Verify { place, data, code } => {
            verify::verify(&place, data.as_deref(), &code.permission(), output)
        }
        Command::Test(arguments) => test::test(arguments, output),
        Command::Report(arguments) => report::report(&arguments, output),
        Command::Sql {
            run,
            statement,
            json,
        } => sql::sql(&run, &statement, json, output),
        Command::Compare(arguments) => compare::compare(&arguments, output),
        Command::Sweep(arguments) => sweep::sweep(&arguments, output),
        Command::Templates { json } => gallery::list(json, output),
        Command::New { template, target } => gallery::new(&template, target.as_deref(), output),
        Command::Schema { what } => schema::schema(&what, output),
        Command::Shots(arguments) => shots::shots(&arguments, output),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "weir", &mut text);
            output.print(&String::from_utf8_lossy(&text));
            Ok(Verdict::Good)
        }
    }
}
