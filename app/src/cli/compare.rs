//! `weir compare`.

use std::path::Path;

use clap::Args;
use weir_engine::document::Document;
use weir_engine::report::{Summary, read_run};
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};
use weir_engine::study::{
    COMPARED_MAX, Compared, Language, compare as compare_runs, compare_html, compare_markdown,
    compare_terminal,
};
use weir_engine::units::SimDuration;

use super::arguments::{CodeArguments, duration};
use super::output::Output;
use super::{CommandResult, Verdict};
use crate::failure::Failure;
use crate::open::{PIPELINE, open};
use crate::templates::find;

/// How a comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// Markdown
    Md,
    /// One page that needs nothing from elsewhere
    Html,
    /// Everything, for programs
    Json,
}

/// Language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Lang {
    /// English
    En,
    /// Korean
    Ko,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// Run folders, pipeline files or ids of templates; the others are compared with the first
    #[arg(required = true, num_args = 2..=COMPARED_MAX)]
    runs: Vec<String>,
    /// Virtual time for pipelines, which are run first; each one's `run_for` by default
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    run_for: Option<SimDuration>,
    /// Seed for pipelines, instead of each one's own
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    code: CodeArguments,
    /// Text, Markdown, HTML or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// English or Korean
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
    /// No progress
    #[arg(long, short)]
    quiet: bool,
}

/// A run from wherever it is.
struct Side {
    name: String,
    doc: Document,
    summary: Summary,
}

pub(crate) fn compare(arguments: &CompareArguments, output: &mut Output) -> CommandResult {
    let sides: Result<Vec<Side>, Failure> = arguments
        .runs
        .iter()
        .map(|name| side(name, arguments, output))
        .collect();
    let sides = sides?;
    let compared: Vec<Compared<'_>> = sides
        .iter()
        .map(|s| Compared {
            name: &s.name,
            doc: &s.doc,
            summary: &s.summary,
        })
        .collect();
    let found = compare_runs(&compared, services::ALL);
    let lang = match arguments.lang {
        Lang::En => Language::En,
        Lang::Ko => Language::Ko,
    };
    match arguments.format {
        Format::Text => output.print(&compare_terminal(&found, lang)),
        Format::Md => output.print(&compare_markdown(&found, lang)),
        Format::Html => output.print(&compare_html(&found, lang)),
        Format::Json => output.print_json(&found)?,
    }
    Ok(Verdict::Good)
}

fn side(name: &str, arguments: &CompareArguments, output: &Output) -> Result<Side, Failure> {
    let folder = Path::new(name);
    if folder.join("run.json").is_file() || folder.join("summary.json").is_file() {
        let (doc, summary) = read_run(folder)?;
        return Ok(Side {
            name: folder.display().to_string(),
            doc,
            summary,
        });
    }
    if folder.is_dir() && !folder.join(PIPELINE).is_file() && find(name).is_none() {
        return Err(Failure::new(format!(
            "the folder `{name}` holds neither a run (`run.json`) nor a pipeline (`{PIPELINE}`): name one that `weir run --out` wrote, or a pipeline's file"
        )));
    }
    let opened = open(name)?;
    if !arguments.quiet {
        output.note(&format!("runs {name}"));
    }
    let options = RunOptions {
        run_for: arguments.run_for,
        seed: arguments.seed,
        allow: arguments.code.permission(),
        ..RunOptions::default()
    };
    let prepared = prepare(opened.doc, services::ALL, opened.root, options)?;
    let doc = prepared.document().clone();
    let outcome = prepared.finish()?;
    if let Some(error) = &outcome.summary.error {
        return Err(Failure::new(format!("{name}: the run failed: {error}")));
    }
    Ok(Side {
        name: name.to_owned(),
        doc,
        summary: outcome.summary,
    })
}
