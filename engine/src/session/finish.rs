//! Waits for the end of a run and writes what it came to into its folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::SessionError;
use super::prepare::Prepared;
use crate::disk::Temporary;
use crate::document::Document;
use crate::node::AnyKind;
use crate::report::{
    HandEdit, HostMachine, PriceBook, RunRecord, Subject, Summary, assumptions, bill_csv, inputs,
    metrics_parquet, summarize,
};
use crate::runtime::{Finished, RunSnapshot};

/// How long work that nobody waits for any more may take to end.
const LAST_WORK: Duration = Duration::from_secs(5);

/// A run that is over. A temporary folder goes with it.
#[derive(Debug)]
pub struct Outcome {
    /// Every figure.
    pub summary: Summary,
    /// The run as a viewer last saw it.
    pub snapshot: Arc<RunSnapshot>,
    /// What is not known to be there after this value is gone, unless it was asked for.
    folder: PathBuf,
    temporary: Option<Temporary>,
}

impl Outcome {
    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// True when the folder is removed with this value.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

impl Prepared {
    /// Waits for the end of the run, sums it up and writes the folder.
    ///
    /// # Errors
    /// When the run broke off (a bug) or the folder cannot be written.
    pub fn finish(self) -> Result<Outcome, SessionError> {
        let Self {
            handle,
            runtime,
            folder,
            doc,
            goals,
            options,
            threads,
            kinds,
            ..
        } = self;
        let finished = match handle.join() {
            Ok(finished) => finished,
            Err(e) => {
                runtime.shutdown_background();
                return Err(SessionError::Engine(e));
            }
        };
        let summary = summarize(
            &finished,
            &Subject {
                pipeline: &doc.name,
                goals: &goals,
            },
        );
        let file = |name: &str, bytes: &[u8]| folder.write(name, bytes);
        let tables = if options.bare {
            Ok(())
        } else {
            write_tables(&finished, file)
        };
        let written =
            tables.and_then(|()| write(&finished, &summary, (&doc, &kinds), threads, file));
        let snapshot = Arc::clone(&finished.snapshot);
        // The lake closes with the run.
        drop(finished);
        runtime.shutdown_timeout(LAST_WORK);
        written?;
        let (folder, temporary) = folder.close(options.keep);
        Ok(Outcome {
            summary,
            snapshot,
            folder,
            temporary,
        })
    }
}

fn write(
    finished: &Finished,
    summary: &Summary,
    (doc, kinds): (&Document, &[&'static dyn AnyKind]),
    threads: usize,
    file: impl Fn(&str, &[u8]) -> Result<(), SessionError>,
) -> Result<(), SessionError> {
    let run = &finished.run;
    let books = &run.world().books;
    let failed = |e: &dyn std::fmt::Display| SessionError::Engine(e.to_string());
    let edit = |e: &crate::runtime::Edit| HandEdit {
        at_seconds: e.at_seconds,
        node: e.node.clone(),
        what: e.what.clone(),
    };
    let record = RunRecord {
        weir: env!("CARGO_PKG_VERSION").to_owned(),
        document: serde_json::to_value(doc).map_err(|e| failed(&e))?,
        seed: doc.seed,
        state: summary.state.clone(),
        virtual_seconds: summary.virtual_seconds,
        price_book: PriceBook {
            region: books.region().to_owned(),
            date: books.date().to_owned(),
            hash: books.hash().to_owned(),
        },
        edits: run.edits.iter().map(edit).collect(),
        assumptions: assumptions(doc, kinds, books),
        inputs: inputs(doc, kinds, &run.world().root),
        host_machine: HostMachine {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            threads,
        },
        host_seconds: summary.host_seconds,
        host_records_per_second: summary.host_records_per_second,
    };
    file("bill.csv", bill_csv(run.bill()).as_bytes())?;
    file("run.json", json(&record)?.as_bytes())?;
    file("summary.json", json(summary)?.as_bytes())
}

/// The catalog, and every metric over time.
fn write_tables(
    finished: &Finished,
    file: impl Fn(&str, &[u8]) -> Result<(), SessionError>,
) -> Result<(), SessionError> {
    let run = &finished.run;
    let failed = |e: &dyn std::fmt::Display| SessionError::Engine(e.to_string());
    run.world().lake.save_catalog().map_err(|e| failed(&e))?;
    let metrics = metrics_parquet(run).map_err(|e| failed(&e))?;
    file("metrics.parquet", &metrics)
}

fn json(value: &impl Serialize) -> Result<String, SessionError> {
    let text = serde_json::to_string_pretty(value);
    text.map(|t| format!("{t}\n"))
        .map_err(|e| SessionError::Engine(e.to_string()))
}
