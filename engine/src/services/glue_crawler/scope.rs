//! Which files a run looks at, and together with which others: incremental crawls and the level of tables.

use std::collections::{BTreeMap, BTreeSet};

use super::config::{Config, RecrawlPolicy};
use crate::lake::{Catalog, ObjectMeta};

/// The folder of a key, with the last slash; empty for a key without one.
fn folder(key: &str) -> &str {
    key.rfind('/')
        .and_then(|i| key.get(..=i))
        .unwrap_or_default()
}

/// Folders that were looked at already.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeSet<String>);

impl Seen {
    /// Leaves out what an incremental crawl does not look at again.
    pub(super) fn new_only(&self, files: Vec<ObjectMeta>, config: &Config) -> Vec<ObjectMeta> {
        if config.recrawl_policy == RecrawlPolicy::Everything {
            return files;
        }
        let is_new = |f: &ObjectMeta| !self.0.contains(folder(&f.key));
        files.into_iter().filter(is_new).collect()
    }
    /// A run that succeeded has looked at these.
    pub(super) fn add<'a>(&mut self, keys: impl Iterator<Item = &'a str>) {
        self.0.extend(keys.map(|k| folder(k).to_owned()));
    }
}

/// The files by the folder below which each group is crawled.
pub(super) fn groups(
    files: Vec<ObjectMeta>,
    config: &Config,
    catalog: &Catalog,
) -> BTreeMap<String, Vec<ObjectMeta>> {
    let mut groups: BTreeMap<String, Vec<ObjectMeta>> = BTreeMap::new();
    let tables = catalog.tables(&config.database);
    for file in files {
        let group = if config.table_level > 1 {
            level(&file.key, config.table_level as usize - 1)
        } else if config.recrawl_policy == RecrawlPolicy::NewFoldersOnly {
            // A new folder belongs to the table that it lies in, even when nothing else of it is new.
            let owner = tables
                .iter()
                .filter(|t| t.bucket == file.bucket && file.key.starts_with(&t.prefix))
                .max_by_key(|t| t.prefix.len());
            owner.map(|t| t.prefix.clone())
        } else {
            None
        };
        let prefix = group.unwrap_or_else(|| config.prefix.clone());
        groups.entry(prefix).or_default().push(file);
    }
    groups
}

/// The first `count` folders of a key; `None` when it lies above.
fn level(key: &str, count: usize) -> Option<String> {
    let parts: Vec<&str> = key.split('/').collect();
    let taken = parts.get(..count).filter(|_| parts.len() > count)?;
    Some(format!("{}/", taken.join("/")))
}
