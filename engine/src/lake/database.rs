//! SQL over a lake, while its run goes on or from the folder of a finished one: every table of the catalog and, for a
//! finished run, its metrics, bill and events.
//!
//! Whatever a statement says, nothing outside the folder is opened. It sees the lake of the instant at which it is asked,
//! on threads and memory of its own. Only a statement that defines or writes (`CREATE`, `ALTER`, `INSERT`, ...) changes
//! the lake, as a person's hand does.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures::future::{Either, select};
use tokio_util::sync::CancellationToken;

use super::catalog::{Catalog, Column, Format, Table};
use super::error::{LakeError, SqlProblem};
use super::glue_types::glue_type;
use super::query::{QueryOptions, QueryResult, SqlEngine};
use super::scope::{ExtraTable, Scope};
use super::shape::{classify, named_csv};
use super::sql::drive;
use super::store::{Lake, Object};
use crate::units::SimTime;

/// Memory of one query.
const MEMORY_BYTES: usize = 1 << 30;
/// Files of a run that are tables, by the table's name.
const FILES: [(&str, &str); 3] = [
    ("bill", "bill.csv"),
    ("events", "events.jsonl"),
    ("metrics", "metrics.parquet"),
];

/// A lake as a database. May be asked from any thread; statements take turns.
#[derive(Debug)]
pub struct Database {
    engine: SqlEngine,
    lake: Lake,
    extra: BTreeMap<String, ExtraTable>,
}

/// Ends queries from another thread. All clones are the same.
#[derive(Debug, Clone, Default)]
pub struct QueryStop(CancellationToken);

impl QueryStop {
    /// Nothing is stopped yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Ends every query that was given this, now and later.
    pub fn stop(&self) {
        self.0.cancel();
    }
    /// True once it was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// A table that a statement may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Its database in the catalog; empty for the files of a finished run (`bill`, `events`, `metrics`).
    pub database: String,
    /// Its name.
    pub name: String,
    /// Columns in the files, then partition keys.
    pub columns: Vec<ColumnInfo>,
    /// Where its files are, `bucket/prefix`; empty for the files of a run.
    pub location: String,
    /// Partitions that the catalog knows; 0 for tables without partition keys.
    pub partitions: u64,
}

impl TableInfo {
    /// As a statement names it: `database.table`, or the name alone.
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.database.is_empty() {
            self.name.clone()
        } else {
            format!("{}.{}", self.database, self.name)
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name as the files have it; SQL ignores the letter case.
    pub name: String,
    /// Glue's name of its type, such as `bigint`.
    pub type_name: String,
    /// True when its value stands in the folder's name, so that a filter on it saves reading.
    pub is_partition_key: bool,
}

/// Opens the folder of a run. Files that are not there are simply not tables.
///
/// # Errors
/// [`LakeError::Io`] when the folder is not there; those of [`Lake::open`].
pub fn open_run(dir: &Path) -> Result<Database, LakeError> {
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
    Ok(Database {
        engine: SqlEngine::new(1, MEMORY_BYTES)?,
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

impl Database {
    /// A database over a lake that may go on changing.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn live(lake: &Lake) -> Result<Self, LakeError> {
        Ok(Self {
            engine: SqlEngine::new(1, MEMORY_BYTES)?,
            lake: lake.clone(),
            extra: BTreeMap::new(),
        })
    }

    /// Runs one statement over the lake as it is now and waits for its end. Names without a database are the run's own
    /// files first, then tables of any database. At most `max_rows` rows of the result are kept; the others are counted.
    ///
    /// # Errors
    /// As [`SqlEngine::prepare`] and [`super::PreparedQuery::run`].
    pub fn query(&self, sql: &str, max_rows: usize) -> Result<QueryResult, SqlProblem> {
        self.query_or_stop(sql, max_rows, &QueryStop::new())
    }

    /// The same, given up when `stop` is.
    ///
    /// # Errors
    /// As [`Database::query`]; "the query was cancelled" when it was stopped.
    pub fn query_or_stop(
        &self,
        sql: &str,
        max_rows: usize,
        stop: &QueryStop,
    ) -> Result<QueryResult, SqlProblem> {
        let result = self.ask(sql, max_rows, stop)?;
        if let Some(effect) = &result.effect {
            effect.apply(&self.lake, self.latest())?;
            self.lake.save_catalog()?;
        }
        Ok(result)
    }

    /// Runs one statement that only reads.
    ///
    /// # Errors
    /// As [`Database::query`]; a statement that would define or write something is refused, and nothing is changed.
    pub fn read(&self, sql: &str, max_rows: usize) -> Result<QueryResult, SqlProblem> {
        let result = self.ask(sql, max_rows, &QueryStop::new())?;
        if result.effect.is_some() {
            return Err(SqlProblem::new(
                "the statement would change the run, and here it may only be read; write a SELECT",
            ));
        }
        Ok(result)
    }

    /// Runs one statement and leaves what it changes to be applied.
    fn ask(&self, sql: &str, max_rows: usize, stop: &QueryStop) -> Result<QueryResult, SqlProblem> {
        let catalog = self.lake.catalog();
        let scope = Scope {
            lake: &self.lake,
            database: first_database(&catalog).to_owned(),
            catalog,
            extra: &self.extra,
            anywhere: true,
            now: None,
        };
        let options = QueryOptions {
            max_rows,
            ..QueryOptions::default()
        };
        let running = self.engine.prepare_in(&scope, sql, options)?.run();
        drive(async {
            let (running, stopped) = (std::pin::pin!(running), std::pin::pin!(stop.0.cancelled()));
            match select(running, stopped).await {
                Either::Left((result, _)) => result,
                // Dropping the query ends it on its thread.
                Either::Right(_) => Err(SqlProblem::new("the query was cancelled")),
            }
        })
    }

    /// The latest instant that the lake knows: what a statement by hand changes, it changes then.
    fn latest(&self) -> SimTime {
        let buckets = self.lake.buckets();
        let files = buckets.iter().flat_map(|b| self.lake.list(b, ""));
        let last = files.map(|o| o.committed_at).max();
        last.unwrap_or(SimTime::ZERO)
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

    /// The same with their columns, for completion and a list of what there is.
    #[must_use]
    pub fn describe(&self) -> Vec<TableInfo> {
        let catalog = self.lake.catalog();
        let own = self.extra.values().map(|e| TableInfo {
            database: String::new(),
            location: String::new(),
            ..info(&e.table, 0)
        });
        let of_lake = catalog.databases().into_iter().flat_map(|d| {
            let tables = catalog.tables(d).into_iter();
            tables.map(|t| info(t, catalog.partitions(&t.database, &t.name).len()))
        });
        own.chain(of_lake).collect()
    }

    /// The lake.
    #[must_use]
    pub const fn lake(&self) -> &Lake {
        &self.lake
    }
}

/// The database that names without one are looked up in first: the first that has tables.
fn first_database(catalog: &Arc<Catalog>) -> &str {
    let all = catalog.databases();
    let full = all.iter().find(|d| !catalog.tables(d).is_empty());
    full.or_else(|| all.first()).map_or("default", |d| *d)
}

fn info(table: &Table, partitions: usize) -> TableInfo {
    let column = |c: &Column, is_partition_key: bool| ColumnInfo {
        name: c.name.clone(),
        type_name: c.type_name.clone(),
        is_partition_key,
    };
    let columns = table.columns.iter().map(|c| column(c, false));
    let keys = table.partition_keys.iter().map(|c| column(c, true));
    TableInfo {
        database: table.database.clone(),
        name: table.name.clone(),
        columns: columns.chain(keys).collect(),
        location: format!("{}/{}", table.bucket, table.prefix),
        partitions: partitions as u64,
    }
}
