//! Partitions of a table by hand, and those that its folders tell.

use std::collections::BTreeMap;

use super::ddl::{Change, location, of_files, refused, said};
use super::effect::Effect;
use super::statement::PartitionSpec;
use super::tokens::Name;
use crate::lake::catalog::{Partition, Table};
use crate::lake::error::SqlProblem;
use crate::lake::scope::Scope;
use crate::lake::store::Lake;

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

pub(super) fn add_partitions(
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

pub(super) fn drop_partitions(
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

pub(super) fn rename_partition(
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
pub(super) fn repair(scope: &Scope<'_>, name: &Name) -> Result<Change, SqlProblem> {
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
