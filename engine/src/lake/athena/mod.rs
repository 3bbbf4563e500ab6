//! Athena's language beyond SELECT: definitions, listings, statements that write, prepared statements.
//!
//! A statement is checked against the catalog and the files of its instant and becomes rows, a query, or a query whose
//! rows are written. What it changes is an [`Effect`] that is applied when the model says that the statement is over.

mod ddl;
mod effect;
mod listing;
mod parse;
mod partitions;
mod statement;
mod storage;
mod tokens;
mod write;

use arrow::array::RecordBatch;

pub(super) use ddl::location;
pub use effect::{Effect, Written};
pub(super) use storage::{HEADER_LINES, INDEX_ACCESS};
pub(super) use write::{Target, Writer};

use self::parse::parse;
use self::statement::Statement;
use self::tokens::Cursor;
use super::catalog::Column;
use super::error::SqlProblem;
use super::query::QueryOptions;
use super::scope::Scope;

/// What a statement is for those who count and bill it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementClass {
    /// Definitions and listings: free, with a quota of their own.
    Ddl,
    /// Reads rows, and is billed for it.
    Dml,
    /// Shows a plan: free.
    Explain,
}

/// A statement that was checked.
pub(super) enum Planned {
    /// Rows that are known already, and what changes with them.
    Rows(RecordBatch, Option<Effect>, StatementClass),
    /// A query.
    Query(String, StatementClass),
    /// A query whose rows are written.
    Write(String, Box<Target>),
    /// A query that is to become a view, with the rest of the definition.
    View(ViewOf),
}

/// The definition of a view without its columns.
pub(super) struct ViewOf {
    name: tokens::Name,
    replace: bool,
    pub(super) sql: String,
}

impl ViewOf {
    /// What storing it answers and changes, once the columns of its query are known.
    pub(super) fn with(
        self,
        scope: &Scope<'_>,
        columns: Vec<Column>,
    ) -> Result<(RecordBatch, Effect), SqlProblem> {
        let odd = columns.iter().find(|c| !write::is_plain_name(&c.name));
        if let Some(odd) = odd {
            return Err(write::nameless(&odd.name));
        }
        let sql = self.sql.trim().to_owned();
        let (lines, effect) = ddl::view(scope, &self.name, self.replace, sql, columns)?;
        Ok((listing::rows("result", lines)?, effect))
    }
}

/// What a text is. A prepared statement counts as a query.
///
/// # Errors
/// What is wrong with the text, with its place where known.
pub fn classify_statement(sql: &str) -> Result<StatementClass, SqlProblem> {
    Ok(match parse(sql)? {
        Statement::Query(text) if starts_with(&text, "explain") => StatementClass::Explain,
        Statement::Query(_)
        | Statement::CreateTableAs(_)
        | Statement::Insert { .. }
        | Statement::Unload { .. }
        | Statement::Execute { .. } => StatementClass::Dml,
        Statement::ExecuteNow { sql, values } => {
            return classify_filled(&sql, &values);
        }
        _ => StatementClass::Ddl,
    })
}

fn classify_filled(sql: &str, values: &[String]) -> Result<StatementClass, SqlProblem> {
    match parse(&Cursor::filled(sql, values)?)? {
        Statement::Execute { .. } | Statement::ExecuteNow { .. } => Err(nested()),
        Statement::Query(_) => Ok(StatementClass::Dml),
        _ => classify_statement(&Cursor::filled(sql, values)?),
    }
}

fn nested() -> SqlProblem {
    SqlProblem::new("a prepared statement cannot be PREPARE or EXECUTE itself")
}

/// The statements of a script, with semicolons between them; comments alone are no statement.
///
/// # Errors
/// A text that does not split into words, with its place.
pub fn split_statements(script: &str) -> Result<Vec<String>, SqlProblem> {
    let mut at = Cursor::new(script)?;
    let mut all = Vec::new();
    while !at.is_done() {
        all.extend(at.until_semicolon());
    }
    Ok(all)
}

/// The query inside a statement, for checks without a catalog.
pub(super) fn inner_query(sql: &str) -> Result<Option<String>, SqlProblem> {
    Ok(match parse(sql)? {
        Statement::Query(sql) => Some(sql),
        Statement::CreateTableAs(given) => Some(given.sql),
        Statement::Insert { sql, .. }
        | Statement::Unload { sql, .. }
        | Statement::CreateView { sql, .. } => Some(sql),
        _ => None,
    })
}

fn starts_with(sql: &str, word: &str) -> bool {
    let cursor = Cursor::new(sql).ok();
    let first = cursor.and_then(|c| c.word(0));
    first.is_some_and(|w| w.eq_ignore_ascii_case(word))
}

/// Checks a statement against the catalog and the files of this instant.
pub(super) fn plan(
    scope: &Scope<'_>,
    sql: &str,
    options: &QueryOptions,
) -> Result<Planned, SqlProblem> {
    match parse(sql)? {
        Statement::Execute { name, values } => {
            let text = scope.catalog.prepared_statement(&name);
            let text = text.ok_or_else(|| ddl::no_statement(scope, &name))?;
            plan_one(scope, parse(&Cursor::filled(text, &values)?)?, options)
        }
        Statement::ExecuteNow { sql, values } => {
            plan_one(scope, parse(&Cursor::filled(&sql, &values)?)?, options)
        }
        other => plan_one(scope, other, options),
    }
}

fn plan_one(
    scope: &Scope<'_>,
    statement: Statement,
    options: &QueryOptions,
) -> Result<Planned, SqlProblem> {
    let place = || place(scope, options);
    Ok(match statement {
        Statement::Query(sql) => {
            let explains = starts_with(&sql, "explain");
            let class = if explains {
                StatementClass::Explain
            } else {
                StatementClass::Dml
            };
            Planned::Query(sql, class)
        }
        Statement::Show(show) => {
            Planned::Rows(listing::list(scope, &show)?, None, StatementClass::Ddl)
        }
        Statement::CreateView { name, replace, sql } => {
            Planned::View(ViewOf { name, replace, sql })
        }
        Statement::CreateTableAs(given) => match write::create_as(scope, &given, place())? {
            Some(target) => Planned::Write(given.sql, Box::new(target)),
            None => {
                let said = vec![format!("table {} is there already", given.name.name)];
                Planned::Rows(listing::rows("result", said)?, None, StatementClass::Dml)
            }
        },
        Statement::Insert {
            table,
            columns,
            sql,
        } => {
            let target = write::insert(scope, &table, &columns, place())?;
            Planned::Write(sql, Box::new(target))
        }
        Statement::Unload { sql, to, with } => {
            let target = write::unload(scope, &to, &with, place())?;
            Planned::Write(sql, Box::new(target))
        }
        Statement::Execute { .. } | Statement::ExecuteNow { .. } => return Err(nested()),
        Statement::Prepare { ref sql, .. }
            if matches!(
                parse(sql)?,
                Statement::Prepare { .. }
                    | Statement::Execute { .. }
                    | Statement::ExecuteNow { .. }
            ) =>
        {
            return Err(nested());
        }
        other => match ddl::change(scope, other)? {
            Some((lines, effect)) => Planned::Rows(
                listing::rows("result", lines)?,
                Some(effect),
                StatementClass::Ddl,
            ),
            None => return Err(SqlProblem::new("this statement is not possible here")),
        },
    })
}

/// Where the files of a statement go when it does not say so: the caller's place, or a folder beside the tables.
fn place(scope: &Scope<'_>, options: &QueryOptions) -> write::Place {
    let given = options.results.clone();
    let make_bucket = given.is_none();
    let (bucket, prefix) = given.map_or_else(
        || {
            let tables = scope.catalog.tables(&scope.database);
            let first = tables.iter().find(|t| t.view.is_none());
            let bucket = first.map_or_else(|| "athena-results".to_owned(), |t| t.bucket.clone());
            (bucket, "athena-results/".to_owned())
        },
        |place| (place.bucket, place.prefix),
    );
    let id = options.query_id.clone().unwrap_or_else(|| free_id(scope));
    write::Place {
        bucket,
        prefix,
        id,
        make_bucket,
    }
}

/// A name that no file of the lake carries yet.
fn free_id(scope: &Scope<'_>) -> String {
    let files: usize = scope
        .lake
        .buckets()
        .iter()
        .map(|b| scope.lake.count(b))
        .sum();
    let mut n = files as u64 + scope.lake.commits();
    loop {
        let id = format!("{n:08x}-0000-4000-8000-000000000000");
        let taken = scope.lake.buckets().iter().any(|b| {
            let all = scope.lake.list(b, "");
            all.iter().any(|o| o.key.contains(&id))
        });
        if !taken {
            return id;
        }
        n += 1;
    }
}
