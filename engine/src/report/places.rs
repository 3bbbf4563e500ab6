//! What a run left in its lake, place by place: how it is written, how large its files are, how it is partitioned.

use std::collections::{BTreeMap, BTreeSet};

use super::summary::LakePlace;
use crate::lake::{Catalog, Lake, ObjectMeta, Table};

/// Places that are told apart, at the most.
const PLACES: usize = 40;
/// Files that are better not smaller, for those who read them with SQL.
///
/// Source: AWS Big Data Blog, "Top 10 performance tuning tips for Amazon Athena"
/// (<https://aws.amazon.com/blogs/big-data/top-10-performance-tuning-tips-for-amazon-athena/>), read 2026-11-21.
pub(super) const GOOD_FILE_BYTES: u64 = 128 << 20;

/// Partitions up to which a table never has too many: Glue answers `GetPartitions` with so many at a time. An assumption: AWS
/// names no number, only that too many keys leave small files and that looking up many partitions takes long
/// (<https://docs.aws.amazon.com/athena/latest/ug/performance-tuning-data-optimization-techniques.html>, read 2026-11-22).
pub(super) const FEW_PARTITIONS: u64 = 1_000;
/// Partitions from which on there are too many however large they are, when the catalog looks them up. An assumption, too.
pub(super) const MANY_PARTITIONS: u64 = 10_000;

/// The files of each table, and of each first folder of a bucket where there is no table; most bytes first.
pub(super) fn places(lake: &Lake) -> Vec<LakePlace> {
    let catalog = lake.catalog();
    let mut found: BTreeMap<(String, String), Found<'_>> = BTreeMap::new();
    let tables = tables(&catalog);
    for bucket in lake.buckets() {
        for object in lake.list(&bucket, "") {
            let of = tables
                .iter()
                .copied()
                .filter(|t| t.bucket == bucket && object.key.starts_with(&t.prefix))
                .max_by_key(|t| t.prefix.len());
            let folder = object.key.split_once('/').map_or("", |(first, _)| first);
            let prefix = match of {
                Some(table) => table.prefix.trim_end_matches('/'),
                None => folder,
            };
            let place = found.entry((bucket.clone(), prefix.to_owned()));
            place.or_insert((of, Vec::new())).1.push(object);
        }
    }
    let all = found.into_iter();
    let mut places: Vec<LakePlace> = all
        .map(|((bucket, prefix), (table, objects))| place(lake, &bucket, &prefix, table, &objects))
        .collect();
    places.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.place.cmp(&b.place)));
    places.truncate(PLACES);
    places
}

/// The table that a file belongs to, and its files.
type Found<'a> = (Option<&'a Table>, Vec<ObjectMeta>);

fn tables(catalog: &Catalog) -> Vec<&Table> {
    let databases = catalog.databases().into_iter();
    databases
        .flat_map(|d| catalog.tables(d))
        .map(AsRef::as_ref)
        .filter(|t| t.view.is_none())
        .collect()
}

fn place(
    lake: &Lake,
    bucket: &str,
    prefix: &str,
    table: Option<&Table>,
    objects: &[ObjectMeta],
) -> LakePlace {
    let bytes: u64 = objects.iter().map(|o| o.size).sum();
    let newest = objects.iter().max_by_key(|o| o.version);
    let (format, compression) = match newest {
        Some(object) => written(lake, object, table),
        None => (String::new(), String::new()),
    };
    let folders: BTreeSet<Vec<&str>> = objects.iter().map(|o| named(&o.key)).collect();
    let names = |folder: &Vec<&str>| -> Vec<String> {
        let names = folder.iter().filter_map(|f| f.split_once('='));
        names.map(|(name, _)| name.to_owned()).collect()
    };
    let mut keys: Vec<String> = folders.iter().map(names).max().unwrap_or_default();
    if let Some(table) = table.filter(|_| keys.is_empty()) {
        keys = table
            .partition_keys
            .iter()
            .map(|c| c.name.clone())
            .collect();
    }
    LakePlace {
        place: format!("{bucket}/{prefix}"),
        table: table.map(|t| format!("{}.{}", t.database, t.name)),
        files: objects.len() as u64,
        bytes,
        mean_file_bytes: bytes as f64 / objects.len().max(1) as f64,
        largest_file_bytes: objects.iter().map(|o| o.size).max().unwrap_or(0),
        files_below_128_mib: objects.iter().filter(|o| o.size < GOOD_FILE_BYTES).count() as u64,
        format,
        compression,
        partitions: match keys.is_empty() {
            true => 0,
            false => folders.iter().filter(|f| !f.is_empty()).count() as u64,
        },
        partition_keys: keys,
    }
}

/// The folders of a key that say a value: `year=2026`.
fn named(key: &str) -> Vec<&str> {
    let folders = key.rsplit_once('/').map_or("", |(folders, _)| folders);
    let named = folders.split('/');
    named
        .filter(|f| f.split_once('=').is_some_and(|(name, _)| !name.is_empty()))
        .collect()
}

/// How the newest file is written and compressed, as far as it tells: Parquet by its footer, others by their table or name.
fn written(lake: &Lake, object: &ObjectMeta, table: Option<&Table>) -> (String, String) {
    let facts = lake.object_facts(&object.bucket, &object.key).ok();
    if let Some(parquet) = facts.and_then(|f| f.parquet) {
        return ("parquet".to_owned(), parquet.codec.name().to_owned());
    }
    let file = object.key.rsplit('/').next().unwrap_or_default();
    let mut ends: Vec<&str> = file.split('.').skip(1).collect();
    let codecs = ["gz", "snappy", "zst", "bz2", "zip"];
    let packed = ends.last().filter(|e| codecs.contains(e)).copied();
    if packed.is_some() {
        ends.pop();
    }
    let known = ["json", "jsonl", "csv", "tsv", "orc", "avro", "txt"];
    let named = ends.last().filter(|e| known.contains(e));
    let format = match (table, named) {
        (Some(table), _) => table.format.classification().to_owned(),
        (None, Some(end)) => (*end).to_owned(),
        (None, None) => String::new(),
    };
    let noted = table.map(|t| t.compression.clone()).unwrap_or_default();
    let compression = match packed {
        Some(end) => end.to_owned(),
        None if noted.is_empty() && ["json", "csv"].contains(&format.as_str()) => "none".to_owned(),
        None => noted,
    };
    (format, compression)
}
