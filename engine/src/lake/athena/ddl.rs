//! Statements that change the catalog: what they would do is checked at once, and done when their time comes.

use std::collections::BTreeMap;

use super::effect::Effect;
use super::statement::{CreateTable, PartitionSpec, Properties, Statement};
use super::storage::format_of;
use super::tokens::Name;
use crate::lake::catalog::{Catalog, Column, Format, Partition, Table};
use crate::lake::error::{LakeError, SqlProblem};
use crate::lake::paths::{BucketName, check_prefix};
use crate::lake::scope::Scope;
use crate::lake::sql::suggest;
use crate::lake::store::Lake;

/// What Hive writes for a partition whose value is null.
pub(super) const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// Sentences that the statement answers with, and what it changes.
pub(super) type Change = (Vec<String>, Effect);

fn said(text: impl Into<String>, effect: Effect) -> Result<Change, SqlProblem> {
    Ok((vec![text.into()], effect))
}
fn refused<T>(why: impl Into<String>) -> Result<T, SqlProblem> {
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
            super::statement::parse(&sql)?;
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
    let names: Vec<&str> = all.iter().map(|(n, _)| n.as_str()).collect();
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

/// The values of a whole partition in the order of the keys.
fn values_of(table: &Table, spec: &PartitionSpec) -> Result<Vec<String>, SqlProblem> {
    let given: BTreeMap<&str, &str> = spec.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let keys: Vec<&str> = table
        .partition_keys
        .iter()
        .map(|k| k.name.as_str())
        .collect();
    if given.len() != keys.len() || spec.len() != keys.len() {
        return refused(format!(
            "a partition of {}.{} needs a value for each of its keys ({})",
            table.database,
            table.name,
            keys.join(", ")
        ));
    }
    keys.iter()
        .map(|key| {
            let value = given.get(key.to_lowercase().as_str()).copied();
            value.map(str::to_owned).ok_or_else(|| {
                SqlProblem::new(format!("the partition has no value for the key `{key}`"))
            })
        })
        .collect()
}

/// The folder of a partition below its table, as Hive names it.
pub(super) fn hive_folder(table: &Table, values: &[String]) -> String {
    let mut prefix = table.prefix.clone();
    if !prefix.is_empty() && !prefix.ends_with('/') {
        prefix.push('/');
    }
    for (key, value) in table.partition_keys.iter().zip(values) {
        prefix.push_str(&key.name);
        prefix.push('=');
        prefix.push_str(&escape(value));
        prefix.push('/');
    }
    prefix
}

/// Letters that a folder's name cannot hold, as `%3A`.
fn escape(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        if c.is_control() || "\"#%'*/:=?\\{}[]^".contains(c) {
            let mut bytes = [0; 4];
            for b in c.encode_utf8(&mut bytes).bytes() {
                text.push_str(&format!("%{b:02X}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// The value of a folder's name.
fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        let code = code.filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
        match (first, code.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn add_partitions(
    scope: &Scope<'_>,
    name: &Name,
    if_missing: bool,
    all: Vec<(PartitionSpec, Option<String>)>,
) -> Result<Change, SqlProblem> {
    let table = of_files(scope, name)?;
    let there = scope.catalog.partitions(&table.database, &table.name);
    let mut new = Vec::new();
    for (spec, place) in all {
        let values = values_of(table, &spec)?;
        if there.iter().any(|p| p.values == values) {
            if if_missing {
                continue;
            }
            return refused(format!(
                "AlreadyExistsException: partition {} is there already; write IF NOT EXISTS",
                values.join("/")
            ));
        }
        let prefix = match place {
            None => hive_folder(table, &values),
            Some(place) => {
                let (bucket, prefix) = location(&place)?;
                if bucket != table.bucket {
                    return refused("a partition in another bucket than its table is not modelled");
                }
                prefix
            }
        };
        new.push(Partition { values, prefix });
    }
    let text = format!("{} partitions are new", new.len());
    let (database, name) = (table.database.clone(), table.name.clone());
    said(
        text,
        Effect::change(move |c, _| c.add_partitions(&database, &name, new).map(drop)),
    )
}

fn drop_partitions(
    scope: &Scope<'_>,
    name: &Name,
    if_there: bool,
    all: &[PartitionSpec],
) -> Result<Change, SqlProblem> {
    let table = of_files(scope, name)?;
    let there = scope.catalog.partitions(&table.database, &table.name);
    let mut gone = Vec::new();
    for spec in all {
        let place = |key: &str| {
            table
                .partition_keys
                .iter()
                .position(|k| k.name.eq_ignore_ascii_case(key))
        };
        let wanted: Option<Vec<(usize, &str)>> = spec
            .iter()
            .map(|(k, v)| place(k).map(|at| (at, v.as_str())))
            .collect();
        let Some(wanted) = wanted else {
            return refused(format!("`{}` has no such partition key", table.name));
        };
        let fits = |p: &&Partition| {
            wanted
                .iter()
                .all(|(at, v)| p.values.get(*at).is_some_and(|x| x == v))
        };
        let found: Vec<Vec<String>> = there
            .iter()
            .filter(fits)
            .map(|p| p.values.clone())
            .collect();
        if found.is_empty() && !if_there {
            return refused("there is no such partition; write IF EXISTS to go on without it");
        }
        gone.extend(found);
    }
    let text = format!("{} partitions are gone; files stay", gone.len());
    let (database, name) = (table.database.clone(), table.name.clone());
    said(
        text,
        Effect::change(move |c, _| c.delete_partitions(&database, &name, &gone).map(drop)),
    )
}

fn rename_partition(
    scope: &Scope<'_>,
    name: &Name,
    from: &PartitionSpec,
    to: &PartitionSpec,
) -> Result<Change, SqlProblem> {
    let table = of_files(scope, name)?;
    let (from, to) = (values_of(table, from)?, values_of(table, to)?);
    let there = scope.catalog.partitions(&table.database, &table.name);
    let Some(old) = there.iter().find(|p| p.values == from) else {
        return refused(format!("there is no partition {}", from.join("/")));
    };
    let new = Partition {
        values: to,
        prefix: old.prefix.clone(),
    };
    let (database, name) = (table.database.clone(), table.name.clone());
    said(
        "the partition has new values; its files stay where they are",
        Effect::change(move |c, _| {
            c.delete_partitions(&database, &name, &[from])?;
            c.add_partitions(&database, &name, vec![new]).map(drop)
        }),
    )
}

/// `MSCK REPAIR TABLE`: adds the Hive-style folders that the catalog does not know; removes nothing.
fn repair(scope: &Scope<'_>, name: &Name) -> Result<Change, SqlProblem> {
    let table = of_files(scope, name)?;
    if table.partition_keys.is_empty() {
        return refused(format!(
            "table {}.{} has no partition keys; there is nothing to repair",
            table.database, table.name
        ));
    }
    let there = scope.catalog.partitions(&table.database, &table.name);
    let found = hive_partitions(scope.lake, table);
    let new: Vec<Partition> = found
        .into_iter()
        .filter(|p| !there.iter().any(|t| t.values == p.values))
        .collect();
    let named = |p: &Partition| {
        let pairs = table.partition_keys.iter().zip(&p.values);
        let pairs: Vec<String> = pairs.map(|(k, v)| format!("{}={v}", k.name)).collect();
        format!("{}:{}", table.name, pairs.join("/"))
    };
    let mut lines = Vec::new();
    if !new.is_empty() {
        let all: Vec<String> = new.iter().map(named).collect();
        lines.push(format!("Partitions not in metastore: {}", all.join(" ")));
        lines.extend(
            all.iter()
                .map(|p| format!("Repair: Added partition to metastore {p}")),
        );
    }
    let (database, name) = (table.database.clone(), table.name.clone());
    let effect = Effect::change(move |c, _| c.add_partitions(&database, &name, new).map(drop));
    Ok((lines, effect))
}

/// Folders `key=value/…` below the table with files in them, each once.
fn hive_partitions(lake: &Lake, table: &Table) -> Vec<Partition> {
    let base = table.prefix.trim_end_matches('/');
    let mut found: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for meta in lake.list(&table.bucket, base) {
        let rest = if base.is_empty() {
            Some(meta.key.as_str())
        } else {
            meta.key
                .strip_prefix(base)
                .and_then(|r| r.strip_prefix('/'))
        };
        let Some((folders, _)) = rest.and_then(|r| r.rsplit_once('/')) else {
            continue;
        };
        let mut parts = folders.split('/');
        let values: Option<Vec<String>> = table
            .partition_keys
            .iter()
            .map(|key| {
                let (name, value) = parts.next()?.split_once('=')?;
                // Values with a colon are passed over without a word, as in Athena.
                let fits = name.eq_ignore_ascii_case(&key.name) && !value.contains(':');
                fits.then(|| unescape(value))
            })
            .collect();
        let Some(values) = values else { continue };
        let depth: usize = folders
            .split('/')
            .take(table.partition_keys.len())
            .map(|p| p.len() + 1)
            .sum();
        let folder = folders.get(..depth.saturating_sub(1)).unwrap_or(folders);
        let prefix = if base.is_empty() {
            format!("{folder}/")
        } else {
            format!("{base}/{folder}/")
        };
        found.entry(values).or_insert(prefix);
    }
    found
        .into_iter()
        .map(|(values, prefix)| Partition { values, prefix })
        .collect()
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
