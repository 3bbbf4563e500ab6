//! SQL over the folder of a finished run: its metrics, bill and events, and every table of its lake's catalog.
//!
//! Reads only; whatever the statement says, nothing outside the folder is opened.

use std::collections::BTreeMap;
use std::path::Path;

use super::catalog::{Column, Format, Table};
use super::error::{LakeError, SqlProblem};
use super::glue_types::glue_type;
use super::query::{ExtraTable, QueryOptions, QueryResult, Scope, SqlEngine};
use super::shape::{classify, named_csv};
use super::sql::drive;
use super::store::{Lake, Object};

/// Memory of one query over a finished run.
const MEMORY_BYTES: usize = 1 << 30;
/// Files of a run that are tables, by the table's name.
const FILES: [(&str, &str); 3] = [
    ("bill", "bill.csv"),
    ("events", "events.jsonl"),
    ("metrics", "metrics.parquet"),
];

/// A finished run as a database.
#[derive(Debug)]
pub struct RunDatabase {
    engine: SqlEngine,
    lake: Lake,
    extra: BTreeMap<String, ExtraTable>,
    database: String,
}

/// Opens the folder of a run. Files that are not there are simply not tables.
///
/// # Errors
/// [`LakeError::Io`] when the folder is not there; those of [`Lake::open`].
pub fn open_run(dir: &Path) -> Result<RunDatabase, LakeError> {
    let lake_dir = dir.join("lake");
    let lake = if lake_dir.is_dir() {
        Lake::open(&lake_dir)?
    } else {
        Lake::nothing(dir)?
    };
    let mut extra = BTreeMap::new();
    for (name, file) in FILES {
        let path = dir.join(file);
        if !path.is_file() {
            continue;
        }
        let object = Object::loose(path)?;
        // A file that holds nothing yet (no events, say) has no columns, so it is no table.
        if let Some(table) = table_of(name, &object) {
            let file = object;
            extra.insert(name.to_owned(), ExtraTable { table, file });
        }
    }
    let catalog = lake.catalog();
    let database = catalog.databases().first().map_or("default", |d| *d);
    Ok(RunDatabase {
        engine: SqlEngine::new(1, MEMORY_BYTES)?,
        database: database.to_owned(),
        lake,
        extra,
    })
}

fn table_of(name: &str, object: &Object) -> Option<Table> {
    let (format, columns) = if name == "bill" {
        let format = Format::Csv {
            delimiter: ',',
            header: true,
        };
        (format, named_csv(object).ok()?)
    } else {
        let shape = classify(object).ok()?;
        (shape.format, shape.columns)
    };
    let columns = columns
        .iter()
        .map(|(n, t)| Column::new(n, glue_type(t)))
        .collect();
    Some(Table::new("run", name, columns, "run", "", format))
}

impl RunDatabase {
    /// Runs one statement; names without a database are the run's own files first, then tables of any database.
    ///
    /// # Errors
    /// As [`SqlEngine::prepare`] and [`super::PreparedQuery::run`].
    pub fn query(&self, sql: &str, max_rows: usize) -> Result<QueryResult, SqlProblem> {
        let scope = Scope {
            lake: &self.lake,
            catalog: self.lake.catalog(),
            database: self.database.clone(),
            extra: &self.extra,
            anywhere: true,
        };
        let options = QueryOptions {
            max_rows,
            ..QueryOptions::default()
        };
        drive(self.engine.prepare_in(&scope, sql, options)?.run())
    }

    /// Every table that a statement may name: `bill`, `events`, `metrics`, then `database.table`.
    #[must_use]
    pub fn tables(&self) -> Vec<String> {
        let catalog = self.lake.catalog();
        let databases = catalog.databases();
        let lake = databases.iter().flat_map(|d| {
            let tables = catalog.tables(d).into_iter();
            tables.map(move |t| format!("{d}.{}", t.name))
        });
        self.extra.keys().cloned().chain(lake).collect()
    }

    /// The run's lake.
    #[must_use]
    pub const fn lake(&self) -> &Lake {
        &self.lake
    }
}
