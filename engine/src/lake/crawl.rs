//! What a Glue crawler makes of a folder: tables, partitions and columns, from the real files.
//!
//! Source of the rules: the Glue developer guide on S3 folders, tables and partitions; each is noted where it is applied.
//! A pure function of the list of files and their contents. It proposes; who calls it stores.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType;

use super::Lake;
use super::catalog::{Column, Format, Partition, Table};
use super::encode::Codec;
use super::glue_types::glue_type;
use super::notes::Reads;
use super::shape::{CsvClassifier, Shape, classify_with, merge_types};
use super::store::ObjectMeta;

/// Settings of a crawler.
#[derive(Debug, Clone, Default)]
pub struct CrawlOptions {
    /// Stands before every table name.
    pub table_prefix: String,
    /// Files of each folder that are read (Glue takes 1 to 249); all when `None`.
    pub sample_per_folder: Option<usize>,
    /// `CombineCompatibleSchemas`: folders of one format become one table however different their columns are.
    pub combine_compatible: bool,
    /// Custom classifiers, tried before the built-in ones in this order.
    pub classifiers: Vec<CsvClassifier>,
}

/// A table that the crawler would store.
#[derive(Debug, Clone, PartialEq)]
pub struct TableProposal {
    /// From the folder's name.
    pub name: String,
    /// The bucket that was crawled.
    pub bucket: String,
    /// The folder (or the one file) of the table.
    pub prefix: String,
    /// Columns of the files, merged.
    pub columns: Vec<Column>,
    /// Columns whose values stand in folder names; always strings, as Glue makes them.
    pub partition_keys: Vec<Column>,
    /// The folders, by their values.
    pub partitions: Vec<Partition>,
    /// How the files are written.
    pub format: Format,
    /// How they are compressed.
    pub compression: Codec,
    /// Files of the table.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows, when every file says how many it has.
    pub rows: Option<u64>,
    /// Columns whose types did not fit together in all files, as sentences.
    pub conflicts: Vec<String>,
}

impl TableProposal {
    /// The definition to store in a database.
    #[must_use]
    pub fn to_table(&self, database: &str) -> Table {
        let mut table = Table::new(
            database,
            &self.name,
            self.columns.clone(),
            &self.bucket,
            &self.prefix,
            self.format.clone(),
        );
        table.partition_keys.clone_from(&self.partition_keys);
        let compression = self.format.codec_name(self.compression);
        compression.clone_into(&mut table.compression);
        let mut note = |key: &str, value: String| table.parameters.insert(key.to_owned(), value);
        note("classification", self.format.classification().to_owned());
        note("compressionType", compression.to_owned());
        note("objectCount", self.files.to_string());
        note("sizeKey", self.bytes.to_string());
        note("typeOfData", "file".to_owned());
        table
    }
}

/// Everything a crawl found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CrawlOutcome {
    /// Proposed tables, by prefix.
    pub tables: Vec<TableProposal>,
    /// Files that belong to no table, each with the reason.
    pub skipped: Vec<(String, String)>,
    /// Files that were opened.
    pub files_read: u64,
    /// Bytes that were read of them.
    pub bytes_read: u64,
    /// What was read of each.
    pub reads: Reads,
}

impl CrawlOutcome {
    /// Adds what another crawl found.
    pub fn absorb(&mut self, other: Self) {
        self.tables.extend(other.tables);
        self.skipped.extend(other.skipped);
        self.files_read += other.files_read;
        self.bytes_read += other.bytes_read;
        for (place, read) in other.reads {
            let all = self.reads.entry(place).or_default();
            all.opens += read.opens;
            all.bytes += read.bytes;
        }
    }
}

/// Looks at `files` of one bucket below `prefix` (a folder, with or without the last slash) and proposes tables.
/// Files elsewhere are ignored, hidden ones (`_…`, `.…`) too.
#[must_use]
pub fn crawl(
    lake: &Lake,
    mut files: Vec<ObjectMeta>,
    prefix: &str,
    options: &CrawlOptions,
) -> CrawlOutcome {
    files.sort_by(|a, b| (&a.bucket, &a.key).cmp(&(&b.bucket, &b.key)));
    let base = prefix.trim_end_matches('/');
    let mut outcome = CrawlOutcome::default();
    let mut roots: BTreeMap<String, Folder> = BTreeMap::new();
    for meta in files {
        let Some(rest) = below(&meta.key, base) else {
            continue;
        };
        let mut parts: Vec<String> = rest.split('/').map(str::to_owned).collect();
        let name = parts.pop().unwrap_or_default();
        if name.starts_with(['_', '.']) || parts.iter().any(|p| p.starts_with(['_', '.'])) {
            continue;
        }
        let bucket = meta.bucket.clone();
        let mut folder = roots.entry(bucket).or_insert_with(|| Folder::new(base));
        for part in parts {
            let path = join(&folder.path, &part);
            folder = folder
                .folders
                .entry(part)
                .or_insert_with(|| Folder::new(&path));
        }
        folder.files.push(File { meta, shape: None });
    }
    for (bucket, mut root) in roots {
        let mut crawler = Crawler {
            lake,
            options,
            bucket,
            outcome: &mut outcome,
        };
        crawler.read(&mut root);
        let found = crawler.decide(root);
        crawler.settle(found);
    }
    let mut names = BTreeSet::new();
    for table in &mut outcome.tables {
        let plain = table.name.clone();
        let mut n = 2;
        while !names.insert(table.name.clone()) {
            table.name = format!("{plain}_{n}");
            n += 1;
        }
    }
    outcome
}

fn below<'a>(key: &'a str, base: &str) -> Option<&'a str> {
    if base.is_empty() {
        return Some(key);
    }
    key.strip_prefix(base)?.strip_prefix('/')
}

fn join(path: &str, part: &str) -> String {
    if path.is_empty() {
        part.to_owned()
    } else {
        format!("{path}/{part}")
    }
}

struct File {
    meta: ObjectMeta,
    shape: Option<Shape>,
}

struct Folder {
    path: String,
    folders: BTreeMap<String, Self>,
    files: Vec<File>,
}

impl Folder {
    fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            folders: BTreeMap::new(),
            files: Vec::new(),
        }
    }
}

/// Part of a table: files of one shape below one folder, at one depth.
struct Unit {
    path: String,
    /// Folder names between the unit and each file's folder; one entry per leaf folder.
    leaves: Vec<Vec<String>>,
    columns: Vec<(String, DataType)>,
    format: Format,
    codec: Codec,
    files: u64,
    bytes: u64,
    rows: Option<u64>,
    conflicts: BTreeSet<String>,
    /// The files' keys, for reporting those that are left out.
    keys: Vec<String>,
}

impl Unit {
    fn depth(&self) -> usize {
        self.leaves.first().map_or(0, Vec::len)
    }
    fn similar(&self, other: &Self, combine: bool) -> bool {
        if self.format != other.format || self.codec != other.codec || self.depth() != other.depth()
        {
            return false;
        }
        if combine {
            return true;
        }
        let names: BTreeSet<String> = self.columns.iter().map(|(n, _)| n.to_lowercase()).collect();
        let shared = other
            .columns
            .iter()
            .filter(|(n, _)| names.contains(&n.to_lowercase()))
            .count();
        // Glue calls schemas similar when about 70 % of their columns agree.
        shared * 10 >= self.columns.len().max(other.columns.len()) * 7
    }
    fn absorb(&mut self, other: Self) {
        for (name, data_type) in other.columns {
            match self
                .columns
                .iter_mut()
                .find(|(n, _)| n.to_lowercase() == name.to_lowercase())
            {
                Some((_, old)) => {
                    let (merged, conflict) = merge_types(old, &data_type);
                    if conflict {
                        self.conflicts.insert(format!(
                            "column `{name}` is {} in some files and {} in others; it became string",
                            glue_type(old),
                            glue_type(&data_type)
                        ));
                    }
                    *old = merged;
                }
                None => self.columns.push((name, data_type)),
            }
        }
        for leaf in other.leaves {
            if !self.leaves.contains(&leaf) {
                self.leaves.push(leaf);
            }
        }
        self.files += other.files;
        self.bytes += other.bytes;
        self.rows = self.rows.zip(other.rows).map(|(a, b)| a.saturating_add(b));
        self.conflicts.extend(other.conflicts);
        self.keys.extend(other.keys);
    }
}

struct Crawler<'a> {
    lake: &'a Lake,
    options: &'a CrawlOptions,
    bucket: String,
    outcome: &'a mut CrawlOutcome,
}

impl Crawler<'_> {
    /// Classifies the files; those beyond the sample take the shape of the first one of their folder.
    fn read(&mut self, folder: &mut Folder) {
        let limit = self.options.sample_per_folder.unwrap_or(usize::MAX).max(1);
        let mut read = 0;
        let mut sampled: Option<Shape> = None;
        for file in &mut folder.files {
            if file.meta.size == 0 {
                self.skip(&file.meta.key, "the file is empty");
                continue;
            }
            if let (true, Some(shape)) = (read >= limit, &sampled) {
                file.shape = Some(Shape {
                    rows: None,
                    ..shape.clone()
                });
                continue;
            }
            read += 1;
            let object = self.lake.pin(&file.meta.bucket, &file.meta.key);
            let custom = &self.options.classifiers;
            let found = object
                .map_err(|e| e.to_string())
                .and_then(|o| classify_with(&o, custom));
            self.outcome.files_read += 1;
            let place = (file.meta.bucket.clone(), file.meta.key.clone());
            let read = self.outcome.reads.entry(place).or_default();
            read.opens += 1;
            match found {
                Ok(shape) => {
                    read.bytes += shape.bytes_read;
                    self.outcome.bytes_read += shape.bytes_read;
                    sampled.get_or_insert_with(|| shape.clone());
                    file.shape = Some(shape);
                }
                Err(why) => self.skip(&file.meta.key, &why),
            }
        }
        for child in folder.folders.values_mut() {
            self.read(child);
        }
    }

    fn skip(&mut self, key: &str, why: &str) {
        self.outcome.skipped.push((key.to_owned(), why.to_owned()));
    }

    /// The tables of a folder: one when its parts are mostly similar, else those of its parts.
    fn decide(&mut self, folder: Folder) -> Vec<Unit> {
        let files = folder.files.into_iter().filter_map(unit_of);
        let own = self.unify(files.map(|unit| (None, unit)), &folder.path);
        let mut parts: Vec<(String, Vec<Unit>)> = Vec::new();
        for (name, child) in folder.folders {
            let found = self.decide(child);
            if !found.is_empty() {
                parts.push((name, found));
            }
        }
        if parts.is_empty() {
            return own;
        }
        let single = parts.iter().all(|(_, units)| units.len() == 1);
        if own.is_empty() && single && same_keys(&parts) {
            let units = parts
                .into_iter()
                .flat_map(|(name, units)| units.into_iter().map(move |u| (Some(name.clone()), u)));
            return self.unify(units, &folder.path);
        }
        let mut all = own;
        all.extend(parts.into_iter().flat_map(|(_, units)| units));
        all
    }

    /// Joins units that are mostly similar to one of this folder; leaves each on its own when they are not.
    ///
    /// The name is that of the sub-folder that the unit stands for; a file of the folder itself has none.
    fn unify(
        &mut self,
        units: impl Iterator<Item = (Option<String>, Unit)>,
        path: &str,
    ) -> Vec<Unit> {
        let combine = self.options.combine_compatible;
        let mut groups: Vec<Vec<(Option<String>, Unit)>> = Vec::new();
        let mut total = 0;
        for (name, unit) in units {
            total += 1;
            let like = |g: &&mut Vec<(Option<String>, Unit)>| {
                g.first().is_some_and(|(_, f)| f.similar(&unit, combine))
            };
            match groups.iter_mut().find(like) {
                Some(group) => group.push((name, unit)),
                None => groups.push(vec![(name, unit)]),
            }
        }
        let largest = groups.iter().map(Vec::len).max().unwrap_or(0);
        if largest * 2 <= total && groups.len() > 1 {
            return groups.into_iter().flatten().map(|(_, u)| u).collect();
        }
        let mut table: Option<Unit> = None;
        for group in groups {
            let taken = group.len() == largest && table.is_none();
            for (name, mut unit) in group {
                if !taken {
                    for key in &unit.keys {
                        self.skip(
                            key,
                            "its columns are unlike those of the rest of the folder",
                        );
                    }
                    continue;
                }
                for leaf in &mut unit.leaves {
                    leaf.splice(0..0, name.clone());
                }
                path.clone_into(&mut unit.path);
                match &mut table {
                    Some(table) => table.absorb(unit),
                    None => table = Some(unit),
                }
            }
        }
        table.into_iter().collect()
    }

    fn settle(&mut self, units: Vec<Unit>) {
        for unit in units {
            let proposal = self.propose(unit);
            self.outcome.tables.push(proposal);
        }
    }

    fn propose(&self, unit: Unit) -> TableProposal {
        let columns: Vec<Column> = unit
            .columns
            .iter()
            .map(|(name, data_type)| Column::new(name, glue_type(data_type)))
            .collect();
        let taken: BTreeSet<String> = columns.iter().map(|c| c.name.to_lowercase()).collect();
        let partition_keys = (0..unit.depth())
            .map(|level| {
                let first = unit.leaves.first().and_then(|l| l.get(level));
                let named = first
                    .and_then(|f| f.split_once('='))
                    .map(|(k, _)| k.to_lowercase());
                // A column of that name in the files would hide the key.
                let name = named
                    .filter(|n| !n.is_empty() && !taken.contains(n))
                    .unwrap_or_else(|| format!("partition_{level}"));
                Column::new(name, "string")
            })
            .collect();
        let mut partitions: Vec<Partition> = if unit.depth() == 0 {
            Vec::new()
        } else {
            let partition = |leaf: &Vec<String>| Partition {
                values: leaf.iter().map(|f| value_of(f)).collect(),
                prefix: format!("{}/", join(&unit.path, &leaf.join("/"))),
            };
            unit.leaves.iter().map(partition).collect()
        };
        partitions.sort_by(|a, b| a.values.cmp(&b.values));
        let is_file = unit.keys.len() == 1 && unit.keys.first() == Some(&unit.path);
        let prefix = if unit.path.is_empty() || is_file {
            unit.path.clone()
        } else {
            format!("{}/", unit.path)
        };
        TableProposal {
            name: self.name(&unit.path),
            bucket: self.bucket.clone(),
            prefix,
            columns,
            partition_keys,
            partitions,
            format: unit.format,
            compression: unit.codec,
            files: unit.files,
            bytes: unit.bytes,
            rows: unit.rows,
            conflicts: unit.conflicts.into_iter().collect(),
        }
    }

    /// The folder's name in lower case, anything but letters, digits and `_` replaced.
    fn name(&self, path: &str) -> String {
        let last = path.rsplit('/').next().filter(|p| !p.is_empty());
        let plain = last.unwrap_or(&self.bucket);
        let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        format!("{}{plain}", self.options.table_prefix)
            .to_lowercase()
            .chars()
            .map(word)
            .take(128)
            .collect()
    }
}

/// True when the folders are all `key=…` of one key, or none is.
fn same_keys(parts: &[(String, Vec<Unit>)]) -> bool {
    let mut keys = parts
        .iter()
        .map(|(name, _)| name.split_once('=').map(|(k, _)| k.to_lowercase()));
    let first = keys.next();
    keys.all(|k| Some(k) == first)
}

/// `2026` of `year=2026`; the whole name of other folders. What Hive wrote as `%XX` is read back.
fn value_of(folder: &str) -> String {
    let Some((_, value)) = folder.split_once('=') else {
        return folder.to_owned();
    };
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.first_chunk::<2>().filter(|_| *first == b'%');
        let code = code.and_then(|c| u8::from_str_radix(std::str::from_utf8(c).ok()?, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| value.to_owned())
}

fn unit_of(file: File) -> Option<Unit> {
    let shape = file.shape?;
    Some(Unit {
        path: file.meta.key.clone(),
        leaves: vec![Vec::new()],
        columns: shape.columns,
        format: shape.format,
        codec: shape.codec,
        files: 1,
        bytes: file.meta.size,
        rows: shape.rows,
        conflicts: BTreeSet::new(),
        keys: vec![file.meta.key],
    })
}
