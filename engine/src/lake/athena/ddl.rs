//! Statements that change the catalog: what they would do is checked at once, and done when their time comes.

use std::collections::BTreeMap;

use super::effect::Effect;
use super::partitions::{add_partitions, drop_partitions, rename_partition, repair};
use super::statement::{CreateTable, Properties, Statement};
use super::storage::format_of;
use super::tokens::Name;
use crate::lake::catalog::{Catalog, Column, Format, Table};
use crate::lake::error::{LakeError, SqlProblem};
use crate::lake::paths::{BucketName, check_prefix};
use crate::lake::scope::Scope;
use crate::lake::sql::suggest;

/// Sentences that the statement answers with, and what it changes.
pub(super) type Change = (Vec<String>, Effect);

pub(super) fn said(text: impl Into<String>, effect: Effect) -> Result<Change, SqlProblem> {
    Ok((vec![text.into()], effect))
}
pub(super) fn refused<T>(why: impl Into<String>) -> Result<T, SqlProblem> {
    Err(SqlProblem::new(why))
}

/// What a statement changes in the catalog; `None` for statements of another sort.
pub(super) fn change(
    scope: &Scope<'_>,
    statement: Statement,
) -> Result<Option<Change>, SqlProblem> {
    let done = match statement {
        Statement::CreateDatabase { name, if_missing } => create_database(scope, name, if_missing),
        Statement::DropDatabase {
            name,
            if_there,
            cascade,
        } => drop_database(scope, name, if_there, cascade),
        Statement::CreateTable(table) => create_table(scope, *table),
        Statement::Drop {
            table,
            if_there,
            view,
        } => drop_table(scope, &table, if_there, view),
        Statement::Repair(table) => repair(scope, &table),
        Statement::AddPartitions {
            table,
            if_missing,
            all,
        } => add_partitions(scope, &table, if_missing, all),
        Statement::DropPartitions {
            table,
            if_there,
            all,
        } => drop_partitions(scope, &table, if_there, &all),
        Statement::RenamePartition { table, from, to } => {
            rename_partition(scope, &table, &from, &to)
        }
        Statement::SetLocation { table, to } => alter(scope, &table, |t| {
            let (bucket, prefix) = location(&to)?;
            (t.bucket, t.prefix) = (bucket, prefix);
            Ok(())
        }),
        Statement::SetProperties { table, properties } => alter(scope, &table, |t| {
            t.parameters.extend(properties);
            Ok(())
        }),
        Statement::AddColumns { table, columns } => alter(scope, &table, |t| {
            t.columns.extend(columns);
            Ok(())
        }),
        Statement::ReplaceColumns { table, columns } => alter(scope, &table, |t| {
            t.columns = columns;
            Ok(())
        }),
        Statement::Prepare { name, sql } => {
            super::parse::parse(&sql)?;
            let text = sql.trim().to_owned();
            said(
                format!("prepared statement {name} is kept"),
                Effect::change(move |catalog, _| {
                    catalog.prepare_statement(&name, &text);
                    Ok(())
                }),
            )
        }
        Statement::Deallocate(name) => {
            if scope.catalog.prepared_statement(&name).is_none() {
                return Err(no_statement(scope, &name));
            }
            said(
                format!("prepared statement {name} is gone"),
                Effect::change(move |catalog, _| {
                    catalog.drop_statement(&name);
                    Ok(())
                }),
            )
        }
        _ => return Ok(None),
    };
    done.map(Some)
}

pub(super) fn no_statement(scope: &Scope<'_>, name: &str) -> SqlProblem {
    let all = scope.catalog.prepared_statements();
    let names: Vec<&str> = all.keys().map(String::as_str).collect();
    SqlProblem::new(format!(
        "ResourceNotFoundException: there is no prepared statement `{name}`{}",
        suggest(name, &names)
    ))
}

fn create_database(
    scope: &Scope<'_>,
    name: String,
    if_missing: bool,
) -> Result<Change, SqlProblem> {
    if scope.catalog.databases().contains(&name.as_str()) {
        if if_missing {
            return said(
                format!("database {name} is there already"),
                Effect::nothing(),
            );
        }
        return refused(format!(
            "AlreadyExistsException: database {name} is there already; write IF NOT EXISTS"
        ));
    }
    Catalog::default().create_database(&name)?;
    said(
        format!("database {name} is made"),
        Effect::change(move |c, _| c.create_database(&name)),
    )
}

fn drop_database(
    scope: &Scope<'_>,
    name: String,
    if_there: bool,
    cascade: bool,
) -> Result<Change, SqlProblem> {
    let all = scope.catalog.databases();
    if !all.contains(&name.as_str()) {
        if if_there {
            return said(format!("there is no database {name}"), Effect::nothing());
        }
        return refused(format!(
            "there is no database `{name}`{}",
            suggest(&name, &all)
        ));
    }
    let tables = scope.catalog.tables(&name).len();
    if tables > 0 && !cascade {
        return refused(format!(
            "InvalidOperationException: database {name} has {tables} tables; write CASCADE to drop them too"
        ));
    }
    said(
        format!("database {name} is gone; files stay"),
        Effect::change(move |c, _| c.delete_database(&name)),
    )
}

fn create_table(scope: &Scope<'_>, given: CreateTable) -> Result<Change, SqlProblem> {
    let Some(name) = given.name.clone() else {
        return refused("CREATE EXTERNAL TABLE needs a name");
    };
    let database = name.database(&scope.database).to_owned();
    let full = format!("{database}.{}", name.name);
    if scope.catalog.table(&database, &name.name).is_some() {
        if given.if_missing {
            return said(format!("table {full} is there already"), Effect::nothing());
        }
        return refused(format!(
            "AlreadyExistsException: table {full} is there already; drop it first or write IF NOT EXISTS"
        ));
    }
    let Some(place) = &given.location else {
        return refused("an external table needs LOCATION 's3://bucket/folder/'");
    };
    let (bucket, prefix) = location(place)?;
    let (format, kept) = format_of(&given.storage, &given.properties)?;
    let mut table = Table::new(
        &database,
        &name.name,
        given.columns,
        &bucket,
        &prefix,
        format,
    );
    table.partition_keys = given.keys;
    table.parameters.extend(kept);
    table.parameters.extend(given.properties);
    if !given.comment.is_empty() {
        table.parameters.insert("comment".to_owned(), given.comment);
    }
    table
        .parameters
        .insert("EXTERNAL".to_owned(), "TRUE".to_owned());
    let classification = table.format.classification().to_owned();
    table
        .parameters
        .entry("classification".to_owned())
        .or_insert(classification);
    let fallback = scope.database.clone();
    // Tried on a catalog of its own, so that a table that does not fit is refused before it takes time.
    let mut trial = Catalog::default();
    trial.create_database(&database)?;
    trial.put_table(table.clone(), crate::units::SimTime::ZERO)?;
    if database != fallback && !scope.catalog.databases().contains(&database.as_str()) {
        let all = scope.catalog.databases();
        return refused(format!(
            "there is no database `{database}`{}",
            suggest(&database, &all)
        ));
    }
    said(
        format!("table {full} is made"),
        Effect::change(move |c, at| new_table(c, table, at)),
    )
}

/// Stores a table that is not there yet; the default database is made with it.
pub(super) fn new_table(
    catalog: &mut Catalog,
    table: Table,
    at: crate::units::SimTime,
) -> Result<(), LakeError> {
    if catalog.table(&table.database, &table.name).is_some() {
        return Err(LakeError::Catalog(format!(
            "AlreadyExistsException: table {}.{} was made meanwhile",
            table.database, table.name
        )));
    }
    catalog.create_database(&table.database)?;
    catalog.put_table(table, at).map(drop)
}

/// The table that a statement names.
pub(super) fn known<'s>(
    scope: &'s Scope<'_>,
    name: &Name,
) -> Result<&'s std::sync::Arc<Table>, SqlProblem> {
    let database = name.database(&scope.database);
    let own = scope.catalog.table(database, &name.name);
    let anywhere = || {
        let open = name.database.is_none() && scope.anywhere;
        let all = if open {
            scope.catalog.databases()
        } else {
            Vec::new()
        };
        all.into_iter()
            .find_map(|d| scope.catalog.table(d, &name.name))
    };
    own.or_else(anywhere).ok_or_else(|| {
        let tables = scope.catalog.tables(database);
        let names: Vec<&str> = tables.iter().map(|t| t.name.as_str()).collect();
        SqlProblem::new(format!(
            "there is no table `{}` in database `{database}`{}",
            name.name,
            suggest(&name.name, &names)
        ))
    })
}

fn drop_table(
    scope: &Scope<'_>,
    name: &Name,
    if_there: bool,
    view: bool,
) -> Result<Change, SqlProblem> {
    let what = if view { "view" } else { "table" };
    let table = match known(scope, name) {
        Ok(table) => table,
        Err(_) if if_there => {
            return said(
                format!("there is no {what} {}", name.name),
                Effect::nothing(),
            );
        }
        Err(problem) => return Err(problem),
    };
    if table.view.is_some() != view {
        let other = if view { "table" } else { "view" };
        return refused(format!(
            "`{}` is a {other}; write DROP {}",
            name.name,
            other.to_uppercase()
        ));
    }
    let (database, name) = (table.database.clone(), table.name.clone());
    let stays = if view { "" } else { "; its files stay" };
    said(
        format!("{what} {database}.{name} is gone{stays}"),
        Effect::change(move |c, _| c.delete_table(&database, &name)),
    )
}

fn alter(
    scope: &Scope<'_>,
    name: &Name,
    edit: impl FnOnce(&mut Table) -> Result<(), SqlProblem>,
) -> Result<Change, SqlProblem> {
    let mut table = Table::clone(of_files(scope, name)?);
    edit(&mut table)?;
    let full = format!("{}.{}", table.database, table.name);
    let mut trial = Catalog::clone(&scope.catalog);
    trial.put_table(table.clone(), crate::units::SimTime::ZERO)?;
    said(
        format!("table {full} is changed"),
        Effect::change(move |c, at| c.put_table(table, at).map(drop)),
    )
}

/// The table that a statement names; views have no files.
pub(super) fn of_files<'s>(
    scope: &'s Scope<'_>,
    name: &Name,
) -> Result<&'s std::sync::Arc<Table>, SqlProblem> {
    let table = known(scope, name)?;
    if table.view.is_some() {
        return refused(format!("`{}` is a view, which has no files", name.name));
    }
    Ok(table)
}

/// `s3://bucket/folder/` as bucket and prefix.
pub(in crate::lake) fn location(text: &str) -> Result<(String, String), SqlProblem> {
    let rest = text.strip_prefix("s3://").ok_or_else(|| {
        let shown: String = text.chars().take(120).collect();
        SqlProblem::new(format!(
            "the location `{shown}` is not in S3; write 's3://bucket/folder/'"
        ))
    })?;
    let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
    BucketName::parse(bucket)?;
    let folder = folder.trim_end_matches('/');
    let prefix = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    check_prefix(&prefix)?;
    Ok((bucket.to_owned(), prefix))
}

/// The definition of a view.
pub(super) fn view(
    scope: &Scope<'_>,
    name: &Name,
    replace: bool,
    sql: String,
    columns: Vec<Column>,
) -> Result<Change, SqlProblem> {
    let database = name.database(&scope.database).to_owned();
    let full = format!("{database}.{}", name.name);
    if let Some(old) = scope.catalog.table(&database, &name.name) {
        if old.view.is_none() {
            return refused(format!("`{full}` is a table; a view needs another name"));
        }
        if !replace {
            return refused(format!(
                "AlreadyExistsException: view {full} is there already; write CREATE OR REPLACE VIEW"
            ));
        }
    }
    let mut table = Table::new(&database, &name.name, columns, "", "", Format::Parquet);
    table.view = Some(sql);
    said(
        format!("view {full} is made"),
        Effect::change(move |c, at| {
            c.create_database(&table.database)?;
            c.put_table(table, at).map(drop)
        }),
    )
}

/// Pairs as a map, keys in lower case.
pub(super) fn lower(properties: &Properties) -> BTreeMap<String, String> {
    properties
        .iter()
        .map(|(k, v)| (k.to_lowercase(), v.clone()))
        .collect()
}
