//! Commands and their arguments, as they are typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use weir_engine::runtime::Pace;
use weir_engine::session::Setting;
use weir_engine::units::{SimDuration, parse_duration};

use super::bench::Which;
use super::shots::ShotsArguments;

/// Design AWS data pipelines, run them on a virtual clock, and read off throughput, latency and cost.
#[derive(Debug, Parser)]
#[command(
    name = "weir",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without a command the designer opens."
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
    },
    /// Take the pictures of the README, of a designer without a window
    Shots(ShotsArguments),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
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

fn duration(text: &str) -> Result<SimDuration, String> {
    parse_duration(text).map_err(|e| e.to_string())
}
