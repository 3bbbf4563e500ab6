//! Commands and their arguments, as they are typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use weir_engine::code::Permission;
use weir_engine::runtime::Pace;
use weir_engine::session::Setting;
use weir_engine::study::{REPEATS_MAX, WarmUp};
use weir_engine::units::{SimDuration, parse_duration};

use super::bench::Which;
use super::bench_services::Format;
use super::compare::CompareArguments;
use super::repeat::warm_up;
use super::shots::ShotsArguments;
use super::sweep::SweepArguments;

/// Design AWS data pipelines, run them on a virtual clock, and read off throughput, latency and cost.
#[derive(Debug, Parser)]
#[command(
    name = "weir",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without a command the designer opens.\n\nExit codes: 0 all is well; 1 it ran, but something is not as wanted (an objective, a condition, a ledger, a \
difference); 2 it could not run or read what was named, and why stands on stderr in one sentence."
)]
pub(crate) struct Cli {
    /// A pipeline to open in the designer: a file, a folder, or the id of a template
    pub(crate) file: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a pipeline and print what it came to
    ///
    /// Exit code 0; 1 when an objective is missed, records are unaccounted for or the run fails; 2 when the document or
    /// an argument is refused, and then nothing is written.
    Run(RunArguments),
    /// Find every problem of a pipeline at once
    Check {
        /// A pipeline's file, or the id of a template
        file: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the kinds of node, or explain one: ports, parameters, metrics, faults
    Kinds {
        /// The kind, for example `firehose`
        kind: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Query a finished run: its lake, metrics, bill and events
    Sql {
        /// The folder of the run
        run: PathBuf,
        /// The statement, for example `SELECT * FROM bill`
        statement: String,
        /// Print JSON, one object a row
        #[arg(long)]
        json: bool,
    },
    /// Write the benchmark and cost report of a finished run
    ///
    /// Exit code 0; 2 when the run cannot be read, is of a newer format or the file cannot be written.
    Report(ReportArguments),
    /// Run again from a report or a run folder, and say whether the same comes out
    ///
    /// Exit code 0 when all is byte-identical, 1 when something differs or the report was changed by hand, 2 when it cannot be
    /// run again: no kit, a damaged one, another format, data that is not there.
    Verify {
        /// A report that `weir report --format html` wrote, or the folder of a run or a sweep
        place: PathBuf,
        /// Folder of the data files that the run read, when they are too large for the report
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        #[command(flatten)]
        code: CodeArguments,
    },
    /// Run a pipeline and check what it says that a run must come to
    ///
    /// Exit code 0 when everything came as expected; 1 when something did not, or a `--fail-if` holds; 2 when the document, a
    /// condition or an argument is refused, or there is nothing to check.
    Test(TestArguments),
    /// Put runs side by side: drawings, figures, cost by service, and one sentence
    ///
    /// Exit code 0; 2 when a run cannot be read or a document is refused.
    Compare(CompareArguments),
    /// Run every combination of values and compare what it costs with how long it takes
    ///
    /// Exit code 0; 1 when no variant passes, one fails or it was stopped; 2 when the document or an argument is refused.
    Sweep(SweepArguments),
    /// List the templates
    Templates {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Start a pipeline from a template
    New {
        /// The template's id
        template: String,
        /// A new folder, or a new file that ends in `.json`; a folder called like the template by default
        target: Option<PathBuf>,
    },
    /// Print the JSON Schema of documents, or of a kind's parameters
    Schema {
        /// `document` or a kind
        #[arg(default_value = "document")]
        what: String,
    },
    /// Look at a sample of records: sizes, cardinality, skew and arrival, as a producer with `file_use: learn` takes them
    Learn {
        /// JSON lines, JSON, CSV, Parquet or Arrow; or `sample:NAME` for data that Weir carries
        file: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Measure this machine: the figures of the README
    Bench {
        /// What to measure
        #[arg(value_enum, default_value_t = Which::All)]
        which: Which,
        /// For `nab`: a folder with data/ and windows.json
        folder: Option<PathBuf>,
        /// Virtual time of the runs
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        run_for: Option<SimDuration>,
        /// How the table of the services is written
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// JSON lines for `etl`, as tests/bench/etl.py makes them
        #[arg(long, value_name = "FILE", required_if_eq("which", "etl"))]
        input: Option<PathBuf>,
    },
    /// Take the pictures of the README, of a designer without a window
    Shots(ShotsArguments),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Whether code in a document may run.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct CodeArguments {
    /// Let code in the document run on this machine: read it first
    #[arg(long)]
    allow_code: bool,
}

impl CodeArguments {
    /// What may run.
    pub(crate) const fn permission(self) -> Permission {
        if self.allow_code {
            Permission::Everything
        } else {
            Permission::Nothing
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The folder of the run
    pub(crate) run: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    pub(crate) format: ReportFormat,
    /// The language of its texts
    #[arg(long, value_enum, default_value_t = ReportLanguage::En)]
    pub(crate) lang: ReportLanguage,
    /// Write to this file; for HTML `report.html` in the run folder, else standard output, by default
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How other traffic is told: from the bill, or by running the drawing with twice and ten times its traffic (kept in the
    /// run folder, for later reports too)
    #[arg(long, value_enum, default_value_t = Projection::Bill)]
    pub(crate) project: Projection,
    /// Folder of the data files that the run read, for `--project run` when they are too large for its folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) code: CodeArguments,
}

/// How the figures of other traffic come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Projection {
    /// Computed from the bill
    Bill,
    /// Run
    Run,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportFormat {
    /// One page with everything in it, to be read, mailed or printed
    Html,
    /// Markdown
    Md,
    /// Every cell of every table as a row
    Csv,
    /// Sections, tables and figures, and the summary
    Json,
    /// The bill as rows of FOCUS 1.2, the open specification of cost and usage data, CSV
    FocusCsv,
    /// The same as Parquet
    FocusParquet,
    /// The quantities of a month as a usage file for Infracost
    Infracost,
}

/// The language of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ReportLanguage {
    /// English
    En,
    /// Korean
    Ko,
}

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// A pipeline's file, or the id of a template
    pub(crate) file: String,
    /// Virtual time to run; what the document's `expect` says by default
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) run_for: Option<SimDuration>,
    /// Folder for the run, new or empty; without it nothing is kept
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Fail when this holds too, for example `usd_per_month > 500`; may be given again
    #[arg(long, value_name = "CONDITION")]
    pub(crate) fail_if: Vec<String>,
    #[command(flatten)]
    pub(crate) code: CodeArguments,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// A pipeline's file, or the id of a template
    pub(crate) file: String,
    /// Virtual time to run, for example `1h`; the document's `run_for` by default
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) run_for: Option<SimDuration>,
    /// Seed, instead of the document's
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Set a parameter, for example `stream.shard_count=4`; may be given again
    #[arg(long, value_name = "NODE.PARAM=VALUE", value_parser = Setting::parse)]
    pub(crate) set: Vec<Setting>,
    /// How fast virtual time may pass: `max`, or a factor such as `60`
    #[arg(long, value_name = "SPEED", default_value = "max", value_parser = Pace::parse)]
    pub(crate) speed: Pace,
    /// Folder for the run, new or empty; without it nothing is kept
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) code: CodeArguments,
    /// Write report.html into the run folder too
    #[arg(long, requires = "out")]
    pub(crate) report: bool,
    /// End with exit code 1 when this holds, for example `usd_per_month > 500`; may be given again
    #[arg(long, value_name = "CONDITION")]
    pub(crate) fail_if: Vec<String>,
    /// Run with N seeds, the document's and those that follow it, and give means with 95 % intervals
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(REPEATS_MAX)))]
    pub(crate) repeat: Option<u32>,
    /// Virtual time to leave out of throughput and latency at the beginning: `1m`, `auto` (MSER-5; for repeats) or `none`
    #[arg(long, value_name = "DURATION", value_parser = warm_up)]
    pub(crate) warm_up: Option<WarmUp>,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Worker threads; changes only how fast it goes
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// No progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

pub(crate) fn duration(text: &str) -> Result<SimDuration, String> {
    parse_duration(text).map_err(|e| e.to_string())
}
