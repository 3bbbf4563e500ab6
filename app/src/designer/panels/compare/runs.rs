//! Runs that come from elsewhere than the run behind the window: the folder of any run, and the drawing repeated with several
//! seeds.

use std::path::Path;
use std::sync::Arc;

use weir_engine::code::Permission;
use weir_engine::data::Root;
use weir_engine::document::Document;
use weir_engine::report::RunFiles;
use weir_engine::services;
use weir_engine::session::{RunOptions, recall};
use weir_engine::study::{RepeatPlan, SweepStopper, WarmUp, run_repeats};

use crate::designer::live::Finished;

/// Reads the folder of a run.
pub(super) fn read(folder: &Path) -> Result<Finished, String> {
    let files = RunFiles::open(folder).map_err(|e| e.to_string())?;
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    Ok(Finished {
        name: name.to_string_lossy().into_owned(),
        snapshot: Arc::new(recall(&files, services::ALL)),
        doc: files.doc,
        folder: files.folder,
        summary: files.summary,
        bands: files.bands,
        outcome: None,
    })
}

/// Runs `doc` with so many seeds; its warming up is found in a run of its own and left out.
pub(super) fn repeat(
    doc: Document,
    root: Root,
    runs: u32,
    allow: Permission,
    stopper: &SweepStopper,
    tell: &(dyn Fn(usize) + Sync),
) -> Result<Finished, String> {
    let name = doc.name.clone();
    let options = RunOptions {
        allow,
        ..RunOptions::default()
    };
    let plan = RepeatPlan {
        doc: doc.clone(),
        root,
        options,
        runs,
        warm_up: WarmUp::Automatic,
    };
    let repeated = run_repeats(&plan, services::ALL, stopper, tell).map_err(|e| e.to_string())?;
    Ok(Finished {
        name: format!("{name} \u{d7}{runs}"),
        doc,
        snapshot: Arc::clone(&repeated.first.snapshot),
        folder: repeated.first.folder().to_owned(),
        summary: repeated.summary,
        bands: repeated.bands,
        outcome: Some(repeated.first),
    })
}
