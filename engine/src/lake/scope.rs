//! What names mean in a statement: tables of the catalog, views, files beside the lake; and what to say when there is none.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Lake;
use super::catalog::{Catalog, Table};
use super::counters::Counters;
use super::error::SqlProblem;
use super::sql::{Reference, suggest};
use super::store::Object;
use super::table::LakeTable;

/// What names mean in a statement.
pub(super) struct Scope<'a> {
    pub(super) lake: &'a Lake,
    pub(super) catalog: Arc<Catalog>,
    /// The default database, in lower case.
    pub(super) database: String,
    /// Tables that are not in the lake; they are found before the catalog's when no database is written.
    pub(super) extra: &'a BTreeMap<String, ExtraTable>,
    /// True when a table without a database may be in any database.
    pub(super) anywhere: bool,
    /// What `now` is, in nanoseconds since 1970-01-01 UTC, when there is a clock.
    pub(super) now: Option<i64>,
}

/// What a name stands for.
pub(super) enum Found {
    /// A table with its files.
    Files(Box<LakeTable>),
    /// A view: a query over the tables of its database.
    View { database: String, sql: String },
}

/// One file beside the lake that is a table.
#[derive(Debug)]
pub(super) struct ExtraTable {
    pub(super) table: super::catalog::Table,
    pub(super) file: Arc<Object>,
}

impl Scope<'_> {
    /// The database in which a reference is found, and the table with its files.
    pub(super) fn find(
        &self,
        reference: &Reference,
        counters: &Arc<Counters>,
    ) -> Result<(String, Found), SqlProblem> {
        if reference.database.is_none()
            && let Some(extra) = self.extra.get(&reference.table)
        {
            let files = vec![Arc::clone(&extra.file)];
            let table = LakeTable::of_files(&extra.table, files, counters)?;
            return Ok((self.database.clone(), Found::Files(Box::new(table))));
        }
        let wanted = reference.database.as_ref().unwrap_or(&self.database);
        if let Some(table) = self.catalog.table(wanted, &reference.table) {
            return Ok((wanted.clone(), self.capture(table, counters)?));
        }
        let databases = self.catalog.databases();
        if reference.database.is_none() && self.anywhere {
            let has = |d: &&str| self.catalog.table(d, &reference.table);
            if let Some(table) = databases.iter().find_map(has) {
                return Ok((self.database.clone(), self.capture(table, counters)?));
            }
        }
        let found = if databases.contains(&wanted.as_str()) || reference.database.is_none() {
            let names = self.table_names(wanted);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            SqlProblem::new(format!(
                "there is no table `{}` in database `{wanted}`{}{}",
                reference.table,
                suggest(&reference.table, &names),
                self.untabled(names.is_empty())
            ))
        } else {
            SqlProblem::new(format!(
                "there is no database `{wanted}`{}{}",
                suggest(wanted, &databases),
                self.untabled(databases.is_empty())
            ))
        };
        Err(match reference.place {
            Some((line, column)) => found.at(line, column),
            None => found,
        })
    }

    fn capture(&self, table: &Table, counters: &Arc<Counters>) -> Result<Found, SqlProblem> {
        if let Some(sql) = &table.view {
            return Ok(Found::View {
                database: table.database.clone(),
                sql: sql.clone(),
            });
        }
        let table = LakeTable::capture(self.lake, &self.catalog, table, counters, self.now)?;
        Ok(Found::Files(Box::new(table)))
    }

    /// The same where a view will not do.
    pub(super) fn find_files(
        &self,
        reference: &Reference,
        counters: &Arc<Counters>,
    ) -> Result<(String, LakeTable), SqlProblem> {
        match self.find(reference, counters)? {
            (database, Found::Files(table)) => Ok((database, *table)),
            (_, Found::View { .. }) => Err(SqlProblem::new(format!(
                "`{}` is a view of Athena's, which is not read here; name its tables",
                reference.table
            ))),
        }
    }

    /// Why a person finds no table at all in a lake.
    fn untabled(&self, nothing: bool) -> String {
        if !(nothing && self.anywhere) {
            return String::new();
        }
        let buckets = self.lake.buckets();
        let files: usize = buckets.iter().map(|b| self.lake.count(b)).sum();
        if files == 0 {
            "; there is no file in the lake yet, so there is no table".to_owned()
        } else {
            let word = if files == 1 { "file" } else { "files" };
            format!(
                "; the lake has {files} {word} and no table yet: let a crawler run over the bucket, or look at a file itself"
            )
        }
    }

    pub(super) fn table_names(&self, database: &str) -> Vec<String> {
        let own = self.extra.keys().filter(|_| database == self.database);
        let tables = self.catalog.tables(database).into_iter().map(|t| &t.name);
        own.chain(tables).cloned().collect()
    }
}
