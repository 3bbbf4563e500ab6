//! `weir report`.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use weir_engine::disk;
use weir_engine::report::{
    FocusRows, Lang, PROJECTIONS, ReadError, RunFiles, csv, focus, html, infracost, markdown,
    pages, to_json,
};
use weir_engine::services;
use weir_engine::session::kit_root;
use weir_engine::study::{Watch, project};

use super::arguments::{Projection, ReportArguments, ReportFormat, ReportLanguage};
use super::output::Output;
use super::{CommandResult, Verdict};
use crate::failure::Failure;

/// The report's name in a run folder.
const REPORT: &str = "report.html";

impl From<ReadError> for Failure {
    fn from(e: ReadError) -> Self {
        Self::new(e)
    }
}

pub(crate) fn report(arguments: &ReportArguments, output: &mut Output) -> CommandResult {
    let mut run = RunFiles::open(&arguments.run)?;
    if arguments.project == Projection::Run {
        projected(&mut run, arguments, output)?;
    }
    let lang = match arguments.lang {
        ReportLanguage::En => Lang::En,
        ReportLanguage::Ko => Lang::Ko,
    };
    let kinds = services::ALL;
    let bytes = match arguments.format {
        ReportFormat::Html => html(&run, kinds, lang)?.into_bytes(),
        ReportFormat::Md => markdown(&pages(&run, kinds, lang)).into_bytes(),
        ReportFormat::Csv => csv(&pages(&run, kinds, lang)).into_bytes(),
        ReportFormat::Json => {
            let value = to_json(&pages(&run, kinds, lang), &run.summary_json);
            serde_json::to_vec_pretty(&value).map_err(Failure::new)?
        }
        ReportFormat::FocusCsv => rows(&run, output)?.csv().into_bytes(),
        ReportFormat::FocusParquet => rows(&run, output)?.parquet()?,
        ReportFormat::Infracost => infracost(&run, services::ALL).into_bytes(),
    };
    let place = match (&arguments.out, arguments.format) {
        (Some(file), _) => file.clone(),
        (None, ReportFormat::Html) => arguments.run.join(REPORT),
        (None, ReportFormat::FocusParquet) => arguments.run.join("focus.parquet"),
        (None, _) => {
            output.print(&String::from_utf8_lossy(&bytes));
            return Ok(Verdict::Good);
        }
    };
    write(&place, &bytes)?;
    output.note(&format!("written to {}", place.display()));
    Ok(Verdict::Good)
}

/// Runs the drawing with other traffic and keeps what came out beside the run.
fn projected(
    run: &mut RunFiles,
    arguments: &ReportArguments,
    output: &Output,
) -> Result<(), Failure> {
    let (root, _inputs) = kit_root(&run.record.inputs, arguments.data.as_deref())?;
    let last = AtomicUsize::new(0);
    let tell = |done: usize, all: usize| {
        let (runs, all) = (done / 100, all / 100);
        if last.swap(runs, Ordering::Relaxed) < runs {
            output.note(&format!("{runs} of {all} runs"));
        }
    };
    let allow = arguments.code.permission();
    let watch = Watch {
        tell: &tell,
        ..Watch::alone(&allow)
    };
    run.projected = project(&run.doc, &root, services::ALL, &watch)?;
    let text = serde_json::to_string_pretty(&run.projected).map_err(Failure::new)?;
    write(&run.folder.join(PROJECTIONS), text.as_bytes())
}

/// The rows of the bill; says which usage has none because its price is not known.
fn rows(run: &RunFiles, output: &Output) -> Result<FocusRows, Failure> {
    let rows = focus(run)?;
    for (node, key) in &rows.unknown {
        output.note(&format!(
            "not in the rows: {key} of {node}, whose price is not known"
        ));
    }
    Ok(rows)
}

/// Writes the report of a run into its folder.
pub(crate) fn into_folder(folder: &Path) -> Result<(), Failure> {
    let run = RunFiles::open(folder)?;
    let text = html(&run, services::ALL, Lang::En)?;
    write(&folder.join(REPORT), text.as_bytes())
}

/// Writes a file, or says why not.
pub(crate) fn write(place: &Path, bytes: &[u8]) -> Result<(), Failure> {
    disk::replace(place, bytes).map_err(|e| {
        Failure::new(format!(
            "`{}` cannot be written ({e}): name another file with `--out`",
            place.display()
        ))
    })
}
