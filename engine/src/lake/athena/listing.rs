//! `SHOW …` and `DESCRIBE …`, answered from the catalog of the instant.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::ddl::known;
use super::statement::Show;
use super::storage::storage_lines;
use super::tokens::Name;
use crate::lake::catalog::{Column, Table};
use crate::lake::error::SqlProblem;
use crate::lake::scope::Scope;

/// The rows that a statement lists.
pub(super) fn list(scope: &Scope<'_>, show: &Show) -> Result<RecordBatch, SqlProblem> {
    match show {
        Show::Databases(like) => {
            let all = scope.catalog.databases().into_iter().map(str::to_owned);
            let all = all.filter(|d| matches(like.as_deref(), d)).collect();
            rows("database_name", all)
        }
        Show::Tables {
            database,
            like,
            views,
        } => {
            let database = database.as_deref().unwrap_or(&scope.database);
            let is_view = |name: &String| {
                let table = scope.catalog.table(database, name);
                table.is_some_and(|t| t.view.is_some())
            };
            let mut all = scope.table_names(database);
            all.retain(|t| matches(like.as_deref(), t) && (!views || is_view(t)));
            rows(if *views { "views" } else { "tab_name" }, all)
        }
        Show::Partitions(name) => partitions(scope, name),
        Show::Columns(name) => {
            let table = definition(scope, name)?;
            let all = table.columns.iter().chain(&table.partition_keys);
            rows("field", all.map(|c| c.name.to_lowercase()).collect())
        }
        Show::Create(name) => rows("createtab_stmt", create_text(known(scope, name)?)),
        Show::Properties { table, only } => {
            let table = known(scope, table)?;
            let wanted = |key: &str| only.as_deref().is_none_or(|o| o == key);
            let all = table.parameters.iter().filter(|(k, _)| wanted(k));
            rows("prpt_name", all.map(|(k, v)| format!("{k}\t{v}")).collect())
        }
        Show::Describe(name) => describe(definition(scope, name)?),
    }
}

/// A table of the catalog, or one of the files beside the lake.
fn definition<'s>(scope: &'s Scope<'_>, name: &Name) -> Result<&'s Table, SqlProblem> {
    if name.database.is_none()
        && let Some(extra) = scope.extra.get(&name.name)
    {
        return Ok(&extra.table);
    }
    known(scope, name).map(|t| t.as_ref()).map_err(|problem| {
        let names = scope.table_names(name.database(&scope.database));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let near = crate::lake::sql::suggest(&name.name, &names);
        if problem.message.contains(';') || near.is_empty() {
            return problem;
        }
        SqlProblem::new(format!("{}{near}", problem.message))
    })
}

/// Hive's patterns: `*` for any letters, `|` between choices.
fn matches(pattern: Option<&str>, name: &str) -> bool {
    let Some(pattern) = pattern else { return true };
    let name = name.as_bytes();
    pattern.to_lowercase().split('|').any(|choice| {
        let choice = choice.as_bytes();
        let (mut p, mut n) = (0, 0);
        // Where the last star is, and from where its letters were tried to end.
        let mut star: Option<(usize, usize)> = None;
        while let Some(letter) = name.get(n) {
            match choice.get(p) {
                Some(b'*') => {
                    star = Some((p, n));
                    p += 1;
                }
                Some(c) if c == letter => (p, n) = (p + 1, n + 1),
                _ => match star {
                    Some((at, from)) => {
                        star = Some((at, from + 1));
                        (p, n) = (at + 1, from + 1);
                    }
                    None => return false,
                },
            }
        }
        choice
            .get(p..)
            .unwrap_or_default()
            .iter()
            .all(|c| *c == b'*')
    })
}

fn partitions(scope: &Scope<'_>, name: &Name) -> Result<RecordBatch, SqlProblem> {
    let table = known(scope, name)?;
    if table.partition_keys.is_empty() {
        return Err(SqlProblem::new(format!(
            "table {}.{} is not partitioned",
            table.database, table.name
        )));
    }
    let all = scope.catalog.partitions(&table.database, &table.name);
    let show = |p: &crate::lake::catalog::Partition| {
        let pairs = table.partition_keys.iter().zip(&p.values);
        let pairs: Vec<String> = pairs.map(|(k, v)| format!("{}={v}", k.name)).collect();
        pairs.join("/")
    };
    rows("partition", all.iter().map(show).collect())
}

fn describe(table: &Table) -> Result<RecordBatch, SqlProblem> {
    let columns = table.columns.iter().map(|c| (c, ""));
    let keys = table.partition_keys.iter().map(|c| (c, "partition key"));
    let (mut names, mut types, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for (column, kind) in columns.chain(keys) {
        names.push(column.name.clone());
        types.push(column.type_name.clone());
        let note = [kind, column.comment.as_str()];
        let note: Vec<&str> = note.into_iter().filter(|n| !n.is_empty()).collect();
        notes.push(note.join("; "));
    }
    text_batch(
        &["col_name", "data_type", "comment"],
        vec![names, types, notes],
    )
}

/// The statement that would make the table again, line by line.
fn create_text(table: &Table) -> Vec<String> {
    if let Some(sql) = &table.view {
        let mut lines = vec![format!("CREATE VIEW {}.{} AS", table.database, table.name)];
        lines.extend(sql.trim().lines().map(str::to_owned));
        return lines;
    }
    let mut lines = vec![format!(
        "CREATE EXTERNAL TABLE `{}.{}`(",
        table.database, table.name
    )];
    columns(&table.columns, &mut lines);
    if !table.partition_keys.is_empty() {
        lines.push("PARTITIONED BY (".to_owned());
        columns(&table.partition_keys, &mut lines);
    }
    lines.extend(storage_lines(table));
    lines.push("LOCATION".to_owned());
    lines.push(format!("  's3://{}/{}'", table.bucket, table.prefix));
    let kept: Vec<String> = table
        .parameters
        .iter()
        .filter(|(k, _)| *k != "EXTERNAL")
        .map(|(k, v)| format!("  '{}'='{}'", quoted(k), quoted(v)))
        .collect();
    if !kept.is_empty() {
        lines.push("TBLPROPERTIES (".to_owned());
        let last = kept.len() - 1;
        let comma = |i: usize| if i == last { ")" } else { "," };
        lines.extend(
            kept.iter()
                .enumerate()
                .map(|(i, p)| format!("{p}{}", comma(i))),
        );
    }
    lines
}

fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

fn columns(all: &[Column], lines: &mut Vec<String>) {
    for (i, column) in all.iter().enumerate() {
        let comment = if column.comment.is_empty() {
            String::new()
        } else {
            format!(" COMMENT '{}'", quoted(&column.comment))
        };
        let end = if i + 1 == all.len() { ")" } else { "," };
        lines.push(format!(
            "  `{}` {}{comment}{end}",
            column.name, column.type_name
        ));
    }
}

pub(super) fn rows(name: &str, rows: Vec<String>) -> Result<RecordBatch, SqlProblem> {
    text_batch(&[name], vec![rows])
}

fn text_batch(names: &[&str], columns: Vec<Vec<String>>) -> Result<RecordBatch, SqlProblem> {
    let fields: Vec<Field> = names
        .iter()
        .map(|n| Field::new(*n, DataType::Utf8, false))
        .collect();
    let columns = columns
        .into_iter()
        .map(|c| Arc::new(StringArray::from(c)) as ArrayRef)
        .collect();
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}
