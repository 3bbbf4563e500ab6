//! Rows into files by partition, in bounded memory: rows are buffered by partition, and all buffers go to their files when
//! they hold too much together.
//!
//! Nothing is visible until the caller commits what [`Sink::finish`] gives; dropping the sink leaves nothing behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Schema, SchemaRef, UInt32Type};
use arrow::error::ArrowError;

use super::Lake;
use super::catalog::{Column, Format};
use super::encode::Codec;
use super::error::LakeError;
use super::row_file::{RowFile, bare, extension};
use super::staging::Staged;
use super::table::NULL_PARTITION;

/// Bytes of rows that are held at the most before they go to their files.
const BUFFER_BYTES: usize = 96 << 20;
/// Files that are open at the same time; more partitions than that get several files.
const OPEN_FILES: usize = 256;
/// Rows of one partition that go to its file at once: one row group of Parquet.
const GROUP_ROWS: usize = 128 * 1024;

/// How rows become files.
#[derive(Debug, Clone)]
pub struct SinkPlan {
    /// How the files are written.
    pub format: Format,
    /// How they are compressed.
    pub codec: Codec,
    /// Columns whose values become folders `name=value`, outermost first; they are not in the files.
    pub partition_keys: Vec<String>,
    /// The folder of all files, with the last slash; empty for the whole bucket.
    pub prefix: String,
    /// What the names of the files begin with.
    pub file_name: String,
    /// Rows of one file at the most; 0 for no limit.
    pub max_rows_per_file: u64,
}

/// A file that was written, ready to be committed.
#[derive(Debug)]
pub struct WrittenFile {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub staged: Staged,
    /// Rows in it.
    pub rows: u64,
    /// The values of the partition keys.
    pub values: Vec<String>,
    /// The folder of its partition, with the last slash.
    pub folder: String,
}

#[derive(Default)]
struct Part {
    batches: Vec<RecordBatch>,
    rows: usize,
    file: Option<RowFile>,
}

/// Takes batches and writes files.
pub(super) struct Sink<'a> {
    lake: &'a Lake,
    plan: &'a SinkPlan,
    schema: Schema,
    /// Places of the partition keys and of the other columns in the batches.
    keys: Vec<usize>,
    rest: Vec<usize>,
    parts: BTreeMap<Vec<String>, Part>,
    held: usize,
    done: Vec<WrittenFile>,
    rows: u64,
}

impl<'a> Sink<'a> {
    /// A sink for rows of these columns.
    ///
    /// # Errors
    /// A partition key that is no column, or no column left beside the keys.
    pub(super) fn new(
        lake: &'a Lake,
        plan: &'a SinkPlan,
        schema: &SchemaRef,
    ) -> Result<Self, LakeError> {
        let mut keys = Vec::new();
        for key in &plan.partition_keys {
            let place = schema
                .fields()
                .iter()
                .position(|f| f.name().eq_ignore_ascii_case(key));
            keys.push(place.ok_or_else(|| {
                let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                LakeError::Catalog(format!(
                    "the partition key `{key}` is no column of the result; there is {}",
                    names.join(", ")
                ))
            })?);
        }
        let rest: Vec<usize> = (0..schema.fields().len())
            .filter(|i| !keys.contains(i))
            .collect();
        if rest.is_empty() {
            return Err(LakeError::Catalog(
                "every column is a partition key, so that the files would be empty; leave one column out of the keys".to_owned(),
            ));
        }
        let inside = schema.project(&rest).map_err(|e| refused(&e))?;
        Ok(Self {
            lake,
            plan,
            schema: bare(&Arc::new(inside)),
            keys,
            rest,
            parts: BTreeMap::new(),
            held: 0,
            done: Vec::new(),
            rows: 0,
        })
    }

    /// Columns of the files.
    pub(super) const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The partition keys as the catalog has them: of the type that their column had.
    pub(super) fn key_columns(&self, schema: &SchemaRef) -> Vec<Column> {
        let names = self.plan.partition_keys.iter().zip(&self.keys);
        names
            .map(|(name, i)| {
                let found = Column::from_field(schema.field(*i)).type_name;
                let fits = matches!(
                    found.as_str(),
                    "string" | "int" | "bigint" | "smallint" | "tinyint" | "date" | "boolean"
                );
                Column::new(
                    name.to_lowercase(),
                    if fits { found } else { "string".to_owned() },
                )
            })
            .collect()
    }

    /// Rows so far.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes rows.
    ///
    /// # Errors
    /// Values that the format has not; a disk that refuses.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        let inside = batch.project(&self.rest).map_err(|e| refused(&e))?;
        if self.keys.is_empty() {
            self.push(Vec::new(), inside)?;
        } else {
            for (values, rows) in self.split(batch, &inside).map_err(|e| refused(&e))? {
                self.push(values, rows)?;
            }
        }
        self.held += batch.get_array_memory_size();
        if self.held > BUFFER_BYTES {
            self.flush_all()?;
        }
        Ok(())
    }

    /// The rows of each partition: one reordering of the batch, then slices of it.
    fn split(
        &self,
        batch: &RecordBatch,
        inside: &RecordBatch,
    ) -> Result<Vec<(Vec<String>, RecordBatch)>, ArrowError> {
        let coded: Result<Vec<Coded>, ArrowError> = self
            .keys
            .iter()
            .map(|k| Coded::new(batch.column(*k)))
            .collect();
        let coded = coded?;
        // The groups of the batch in the order of their first row, and each row's group.
        let mut found: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        let (mut counts, mut of_row) = (Vec::new(), Vec::with_capacity(batch.num_rows()));
        let (mut last, mut last_group) = (Vec::new(), 0);
        for row in 0..batch.num_rows() {
            let same = last.iter().zip(&coded).all(|(l, c)| *l == c.code(row)) && !last.is_empty();
            if !same {
                last.clear();
                last.extend(coded.iter().map(|c| c.code(row)));
                let next = found.len();
                last_group = match found.get(&last) {
                    Some(group) => *group,
                    None => {
                        found.insert(last.clone(), next);
                        counts.push(0_usize);
                        next
                    }
                };
            }
            if let Some(count) = counts.get_mut(last_group) {
                *count += 1;
            }
            of_row.push(last_group);
        }
        let mut values = vec![Vec::new(); counts.len()];
        for (codes, group) in &found {
            let texts = codes.iter().zip(&coded).map(|(code, c)| c.text(*code));
            if let Some(slot) = values.get_mut(*group) {
                *slot = texts.collect::<Vec<String>>();
            }
        }
        let ordered = if counts.len() == 1 {
            inside.clone()
        } else {
            reorder(inside, &of_row, &counts)?
        };
        let mut from = 0;
        let parts = values.into_iter().zip(counts).map(|(values, count)| {
            let rows = ordered.slice(from, count);
            from += count;
            (values, rows)
        });
        Ok(parts.collect())
    }

    fn push(&mut self, values: Vec<String>, rows: RecordBatch) -> Result<(), LakeError> {
        let part = self.parts.entry(values.clone()).or_default();
        part.rows += rows.num_rows();
        part.batches.push(rows);
        if part.rows >= GROUP_ROWS {
            self.flush(&values)?;
        }
        Ok(())
    }

    /// Writes what is buffered of one partition.
    fn flush(&mut self, values: &[String]) -> Result<(), LakeError> {
        let Some(part) = self.parts.get_mut(values) else {
            return Ok(());
        };
        let batches = std::mem::take(&mut part.batches);
        part.rows = 0;
        if batches.is_empty() {
            return Ok(());
        }
        let mut file = match part.file.take() {
            Some(file) => file,
            None => RowFile::begin(self.lake, &self.schema, &self.plan.format, self.plan.codec)?,
        };
        let limit = self.plan.max_rows_per_file;
        for piece in pieces(batches, limit, file.rows()) {
            if limit > 0 && file.rows() >= limit {
                self.finish_file(values, file)?;
                file = RowFile::begin(self.lake, &self.schema, &self.plan.format, self.plan.codec)?;
            }
            file.write(&piece)?;
        }
        if let Some(part) = self.parts.get_mut(values) {
            part.file = Some(file);
        }
        Ok(())
    }

    fn flush_all(&mut self) -> Result<(), LakeError> {
        let all: Vec<Vec<String>> = self.parts.keys().cloned().collect();
        for values in &all {
            self.flush(values)?;
        }
        self.held = 0;
        if all.len() > OPEN_FILES {
            self.finish_all()?;
        }
        Ok(())
    }

    fn finish_all(&mut self) -> Result<(), LakeError> {
        for (values, part) in std::mem::take(&mut self.parts) {
            if let Some(file) = part.file {
                self.finish_file(&values, file)?;
            }
        }
        Ok(())
    }

    fn finish_file(&mut self, values: &[String], file: RowFile) -> Result<(), LakeError> {
        let folders = self.plan.partition_keys.iter().zip(values);
        let folders: String = folders
            .map(|(key, value)| format!("{}={}/", key.to_lowercase(), escaped(value)))
            .collect();
        let folder = format!("{}{folders}", self.plan.prefix);
        let number = self.done.len();
        let ending = extension(&self.plan.format, self.plan.codec);
        let rows = file.rows();
        self.done.push(WrittenFile {
            key: format!("{folder}{}-part-r-{number:05}{ending}", self.plan.file_name),
            staged: file.finish()?,
            rows,
            values: values.to_vec(),
            folder,
        });
        Ok(())
    }

    /// Completes all files, in the order of their partitions as far as they were open to the end.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub(super) fn finish(mut self) -> Result<Vec<WrittenFile>, LakeError> {
        self.flush_all()?;
        self.finish_all()?;
        Ok(self.done)
    }
}

/// The buffered batches in lists that fit what is left of a file of `limit` rows.
fn pieces(batches: Vec<RecordBatch>, limit: u64, already: u64) -> Vec<Vec<RecordBatch>> {
    if limit == 0 {
        return vec![batches];
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut room = limit.saturating_sub(usize::try_from(already).unwrap_or(usize::MAX));
    let (mut all, mut open) = (Vec::new(), Vec::new());
    for batch in batches {
        let mut from = 0;
        while from < batch.num_rows() {
            if room == 0 {
                all.push(std::mem::take(&mut open));
                room = limit;
            }
            let n = room.min(batch.num_rows() - from);
            open.push(batch.slice(from, n));
            (from, room) = (from + n, room - n);
        }
    }
    all.push(open);
    all.retain(|piece| !piece.is_empty());
    all
}

/// A column of partition values as small numbers.
struct Coded {
    codes: UInt32Array,
    texts: StringArray,
}

impl Coded {
    fn new(column: &ArrayRef) -> Result<Self, ArrowError> {
        let coded = DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8));
        let plain = cast(column, &DataType::Utf8)?;
        let coded = cast(&plain, &coded)?;
        let coded = coded.as_dictionary::<UInt32Type>();
        Ok(Self {
            codes: coded.keys().clone(),
            texts: coded.values().as_string::<i32>().clone(),
        })
    }
    fn code(&self, row: usize) -> u32 {
        if self.codes.is_valid(row) {
            self.codes.value(row)
        } else {
            u32::MAX
        }
    }
    fn text(&self, code: u32) -> String {
        let known = usize::try_from(code).ok().filter(|i| *i < self.texts.len());
        let text = known.map(|i| self.texts.value(i)).filter(|t| !t.is_empty());
        text.unwrap_or(NULL_PARTITION).to_owned()
    }
}

/// The rows group by group, in their order within each group.
fn reorder(
    batch: &RecordBatch,
    of_row: &[usize],
    counts: &[usize],
) -> Result<RecordBatch, ArrowError> {
    let mut next = Vec::with_capacity(counts.len());
    let mut sum = 0;
    for count in counts {
        next.push(sum);
        sum += count;
    }
    let mut order = vec![0_u32; of_row.len()];
    for (row, group) in of_row.iter().enumerate() {
        if let Some(place) = next.get_mut(*group) {
            if let Some(slot) = order.get_mut(*place) {
                *slot = u32::try_from(row).unwrap_or(u32::MAX);
            }
            *place += 1;
        }
    }
    let order = UInt32Array::from(order);
    let columns: Result<Vec<ArrayRef>, ArrowError> = batch
        .columns()
        .iter()
        .map(|c| take(c, &order, None))
        .collect();
    RecordBatch::try_new(batch.schema(), columns?)
}

/// A value as a folder's name: what could be read as a path or a key is written as `%XX`, as Hive does.
pub(super) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_control() || "\"#%'*/:=?\\{[]^".contains(c) {
            let mut bytes = [0_u8; 4];
            for b in c.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("%{b:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn refused(why: &dyn std::fmt::Display) -> LakeError {
    LakeError::Encode {
        format: "files",
        why: why.to_string(),
    }
}
