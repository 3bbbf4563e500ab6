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

/// The files that are crawled together, each group with the folder below which it is crawled.
///
/// A new folder inside a known table is a group of its own: it is compared with its table, not with other new folders.
pub(super) fn groups(
    files: Vec<ObjectMeta>,
    config: &Config,
    catalog: &Catalog,
) -> Vec<(String, Vec<ObjectMeta>)> {
    let mut groups: BTreeMap<(String, String), Vec<ObjectMeta>> = BTreeMap::new();
    let tables = catalog.tables(&config.database);
    for file in files {
        let mut key = (config.prefix.clone(), String::new());
        if config.table_level > 1 {
            let folders = level(&file.key, config.table_level as usize - 1);
            key.0 = folders.unwrap_or(key.0);
        } else if config.recrawl_policy == RecrawlPolicy::NewFoldersOnly {
            let owner = tables
                .iter()
                .filter(|t| t.bucket == file.bucket && file.key.starts_with(&t.prefix))
                .max_by_key(|t| t.prefix.len());
            if let Some(owner) = owner {
                key = (owner.prefix.clone(), folder(&file.key).to_owned());
            }
        }
        groups.entry(key).or_default().push(file);
    }
    let all = groups.into_iter();
    all.map(|((prefix, _), files)| (prefix, files)).collect()
}

/// The first `count` folders of a key; `None` when it lies above.
fn level(key: &str, count: usize) -> Option<String> {
    let parts: Vec<&str> = key.split('/').collect();
    let taken = parts.get(..count).filter(|_| parts.len() > count)?;
    Some(format!("{}/", taken.join("/")))
}
