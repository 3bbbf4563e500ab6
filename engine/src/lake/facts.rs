//! What a viewer of the lake shows: folders, what a file says of itself, its first rows.
//!
//! Reads bounded pieces: footers of Parquet files, the beginning of files of rows. Never part of a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::border::{border_schema, to_border};
use super::catalog::{Column, columns_of};
use super::encode::Codec;
use super::error::LakeError;
use super::pinned::unpanicked;
use super::query::MAX_ROWS;
use super::row_scan::RowFormat;
use super::shape::{classify, codec_of};
use super::store::{Lake, Object, ObjectMeta};

/// One entry of a folder in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderEntry {
    /// A common prefix of several keys, with what is below it.
    Folder {
        /// Its name without slashes.
        name: String,
        /// The prefix to list it, with the last slash.
        prefix: String,
        /// Objects below it, at any depth.
        objects: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// An object.
    Object(ObjectMeta),
}

/// What is known of an object without reading its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectFacts {
    /// Place, size, instant.
    pub meta: ObjectMeta,
    /// What its footer says, when it is Parquet; files of rows say nothing but their size.
    pub parquet: Option<ParquetFacts>,
}

/// What the footer of a Parquet file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetFacts {
    /// Rows.
    pub rows: u64,
    /// Row groups: what a query skips or reads as a whole.
    pub row_groups: u64,
    /// Columns with their Glue types.
    pub columns: Vec<Column>,
    /// How column chunks are compressed.
    pub codec: Codec,
    /// Bytes of the columns before compression.
    pub plain_bytes: u64,
}

impl Lake {
    /// What is directly in a folder of a bucket: folders first, then objects, each by name. `prefix` is empty or ends with
    /// a slash. Looks at every key below it.
    #[must_use]
    pub fn folder(&self, bucket: &str, prefix: &str) -> Vec<FolderEntry> {
        let mut folders: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut objects = Vec::new();
        for meta in self.list(bucket, prefix) {
            let rest = meta.key.strip_prefix(prefix).unwrap_or_default();
            match rest.split_once('/') {
                Some((name, _)) => {
                    let sums = folders.entry(name.to_owned()).or_default();
                    *sums = (sums.0 + 1, sums.1 + meta.size);
                }
                None => objects.push(FolderEntry::Object(meta)),
            }
        }
        let folders = folders
            .into_iter()
            .map(|(name, (objects, bytes))| FolderEntry::Folder {
                prefix: format!("{prefix}{name}/"),
                name,
                objects,
                bytes,
            });
        folders.chain(objects).collect()
    }

    /// What is known of an object without reading its rows: for Parquet what its footer says, for others their size.
    ///
    /// # Errors
    /// [`LakeError::NoSuchKey`]; [`LakeError::Decode`] for a damaged footer; a disk that refuses.
    pub fn object_facts(&self, bucket: &str, key: &str) -> Result<ObjectFacts, LakeError> {
        let object = self.pin(bucket, key)?;
        let parquet = if is_parquet(&object)? {
            Some(footer(&object)?)
        } else {
            None
        };
        Ok(ObjectFacts {
            meta: object.meta.clone(),
            parquet,
        })
    }

    /// The first rows of an object, at most `max_rows` (and 10,000): Parquet, JSON or delimited text, whole files of the
    /// latter two also compressed. Damaged lines of JSON are rows of nulls.
    ///
    /// # Errors
    /// [`LakeError::NoSuchKey`]; [`LakeError::Decode`] for what reads as none of them; a disk that refuses.
    pub fn preview(
        &self,
        bucket: &str,
        key: &str,
        max_rows: usize,
    ) -> Result<RecordBatch, LakeError> {
        let object = self.pin(bucket, key)?;
        let max_rows = max_rows.min(MAX_ROWS);
        if is_parquet(&object)? {
            first_of_parquet(&object, max_rows)
        } else {
            first_of_rows(&object, max_rows)
        }
    }
}

fn is_parquet(object: &Object) -> Result<bool, LakeError> {
    use std::io::Read as _;
    let mut first = Vec::new();
    let opened = object.open()?.take(4).read_to_end(&mut first);
    opened.map_err(|e| LakeError::io("read an object", &object.meta.key, e))?;
    Ok(first == b"PAR1")
}

fn damaged(format: &'static str, why: &dyn std::fmt::Display, object: &Object) -> LakeError {
    LakeError::Decode {
        format,
        why: why.to_string(),
        key: object.meta.key.clone(),
    }
}

fn footer(object: &Object) -> Result<ParquetFacts, LakeError> {
    let file = object.open()?;
    let read = unpanicked(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))
        .map_err(|e| damaged("Parquet", &e, object))?;
    let groups = read.metadata().row_groups();
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let chunk = groups.first().and_then(|g| g.columns().first());
    Ok(ParquetFacts {
        rows: count(read.metadata().file_metadata().num_rows()),
        row_groups: groups.len() as u64,
        columns: columns_of(read.schema()),
        codec: chunk.map_or(Codec::None, |c| codec_of(c.compression())),
        plain_bytes: groups.iter().map(|g| count(g.total_byte_size())).sum(),
    })
}

fn first_of_parquet(object: &Object, max_rows: usize) -> Result<RecordBatch, LakeError> {
    let failed = |e: &dyn std::fmt::Display| damaged("Parquet", e, object);
    let builder = {
        let file = object.open()?;
        unpanicked(|| ParquetRecordBatchReaderBuilder::try_new(file)).map_err(|e| failed(&e))?
    };
    let schema = border_schema(builder.schema());
    let rows = builder
        .with_limit(max_rows)
        .with_batch_size(max_rows.max(1))
        .build()
        .map_err(|e| failed(&e))?;
    let batches: Result<Vec<RecordBatch>, _> = rows.map(|b| b.and_then(to_border)).collect();
    concat_batches(&schema, &batches.map_err(|e| failed(&e))?).map_err(|e| failed(&e))
}

fn first_of_rows(object: &Object, max_rows: usize) -> Result<RecordBatch, LakeError> {
    let shape = classify(object).map_err(|e| damaged("any format", &e, object))?;
    let name = shape.format.title();
    let fields: Vec<Field> = shape
        .columns
        .iter()
        .map(|(name, data_type)| Field::new(name, data_type.clone(), true))
        .collect();
    let format = RowFormat::guessed(Arc::new(Schema::new(fields)), shape.format);
    let (mut batches, mut room) = (Vec::new(), max_rows);
    for batch in format.open(object, Box::new(|_| {}))? {
        let batch = batch?;
        let taken = batch.slice(0, batch.num_rows().min(room));
        room -= taken.num_rows();
        batches.push(taken);
        if room == 0 {
            break;
        }
    }
    concat_batches(&format.schema, &batches).map_err(|e| damaged(name, &e, object))
}
