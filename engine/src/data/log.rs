//! A queue of batches that several readers go through at their own pace: in memory up to a budget, beyond it on disk.
//!
//! Entries have consecutive numbers. Callers keep the positions of their readers and say what nobody needs any more. What is
//! read back is what was appended, bit for bit. Order and content do not depend on the budget; only memory and speed do.

use super::Batch;
use crate::disk;
use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type, UInt64Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

/// A segment file is closed when it has this many bytes.
const SEGMENT_BYTES: u64 = 16 << 20;
/// Entries that were read back from disk and are kept for the next reader.
const CACHED: usize = 4;

/// Why an entry cannot be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It was forgotten, or never appended.
    #[error("Entry {seq} is not in the log, which holds entries {first} to before {next}.")]
    Absent {
        /// The entry asked for.
        seq: u64,
        /// The first that is there.
        first: u64,
        /// The number that the next entry will have.
        next: u64,
    },
    /// The disk failed.
    #[error("Keeping records in `{}` failed: {source}. Check that the disk has room and may be written to.", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The records could not be written in columns or read back.
    #[error("Records could not be written to disk and read back: {0}.")]
    Arrow(#[from] ArrowError),
}

#[derive(Debug)]
enum Place {
    Memory(Batch, usize),
    Disk(Spilled),
}

/// Where a spilled entry is, and what its file does not say.
#[derive(Debug, Clone)]
struct Spilled {
    segment: u64,
    offset: u64,
    length: u64,
    schema: SchemaRef,
    has_malformed: bool,
    weight: u32,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Entries in it that are still needed.
    entries: usize,
}

/// The queue. Its files are removed as entries are forgotten, and when it is dropped.
#[derive(Debug)]
pub struct BatchLog {
    first: u64,
    entries: VecDeque<Place>,
    budget: usize,
    memory: usize,
    folder: PathBuf,
    name: String,
    segments: VecDeque<Segment>,
    next_segment: u64,
    /// The last segment takes no more entries: writing to it failed.
    is_closed: bool,
    cache: VecDeque<(u64, Batch)>,
}

impl BatchLog {
    /// An empty log that keeps up to `budget` bytes of batches in memory, and more in files `NAME-N.arrow` in `folder`,
    /// which is made when it is first needed. No two logs may share folder and name.
    #[must_use]
    pub fn new(budget: usize, folder: impl Into<PathBuf>, name: &str) -> Self {
        Self {
            first: 0,
            entries: VecDeque::new(),
            budget,
            memory: 0,
            folder: folder.into(),
            name: name.to_owned(),
            segments: VecDeque::new(),
            next_segment: 0,
            is_closed: false,
            cache: VecDeque::new(),
        }
    }

    /// Adds a batch at the end and returns its number.
    ///
    /// # Errors
    /// When the batch goes to disk and cannot be written; it is not added then.
    pub fn append(&mut self, batch: Batch) -> Result<u64, LogError> {
        let bytes = batch.memory_bytes();
        let place = if self.memory + bytes <= self.budget {
            self.memory += bytes;
            Place::Memory(batch, bytes)
        } else {
            Place::Disk(self.spill(&batch)?)
        };
        self.entries.push_back(place);
        Ok(self.next_seq() - 1)
    }

    /// The batch with the number `seq`.
    ///
    /// # Errors
    /// When it was forgotten or never appended, or cannot be read back.
    pub fn get(&mut self, seq: u64) -> Result<Batch, LogError> {
        let place = seq
            .checked_sub(self.first)
            .and_then(|at| self.entries.get(usize::try_from(at).ok()?));
        let spilled = match place {
            Some(Place::Memory(batch, _)) => return Ok(batch.clone()),
            Some(Place::Disk(spilled)) => spilled.clone(),
            None => {
                return Err(LogError::Absent {
                    seq,
                    first: self.first,
                    next: self.next_seq(),
                });
            }
        };
        if let Some((_, batch)) = self.cache.iter().find(|(cached, _)| *cached == seq) {
            return Ok(batch.clone());
        }
        let batch = self.read_back(&spilled)?;
        if self.cache.len() == CACHED {
            self.cache.pop_front();
        }
        self.cache.push_back((seq, batch.clone()));
        Ok(batch)
    }

    /// Drops all entries before `seq`, and the files that hold nothing else.
    pub fn forget_before(&mut self, seq: u64) {
        while self.first < seq {
            match self.entries.pop_front() {
                Some(Place::Memory(_, bytes)) => self.memory -= bytes,
                Some(Place::Disk(spilled)) => self.release(spilled.segment),
                None => break,
            }
            self.first += 1;
        }
        let first = self.first;
        self.cache.retain(|(cached, _)| *cached >= first);
    }

    /// The number of the first entry that is there.
    #[must_use]
    pub const fn first_seq(&self) -> u64 {
        self.first
    }
    /// The number that the next entry will have.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.first + self.entries.len() as u64
    }
    /// Entries that are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// Bytes of memory that entries take, without those that were read back from disk for a moment.
    #[must_use]
    pub const fn memory_bytes(&self) -> usize {
        self.memory
    }
    /// Bytes of files.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Writes a batch to the last segment.
    fn spill(&mut self, batch: &Batch) -> Result<Spilled, LogError> {
        let block = encode(batch)?;
        let is_full = self
            .segments
            .back()
            .is_none_or(|s| s.bytes >= SEGMENT_BYTES);
        if is_full || self.is_closed {
            self.open_segment()?;
        }
        let Some(segment) = self.segments.back_mut() else {
            unreachable!("a segment was opened")
        };
        let offset = segment.bytes;
        let written = segment
            .file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| disk::write_all(&mut segment.file, &segment.path, &block));
        if let Err(source) = written {
            // What is after `offset` is no entry, but a file that failed once is not trusted again.
            self.is_closed = true;
            let path = segment.path.clone();
            return Err(LogError::Io { path, source });
        }
        segment.bytes += block.len() as u64;
        segment.entries += 1;
        Ok(Spilled {
            segment: segment.number,
            offset,
            length: block.len() as u64,
            schema: batch.schema(),
            has_malformed: batch.malformed.is_some(),
            weight: batch.weight,
        })
    }

    fn open_segment(&mut self) -> Result<(), LogError> {
        let number = self.next_segment;
        let path = self.folder.join(format!("{}-{number}.arrow", self.name));
        let open = || {
            fs::create_dir_all(&self.folder)?;
            File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&path)
        };
        let file = open().map_err(|source| LogError::Io {
            path: path.clone(),
            source,
        })?;
        self.next_segment += 1;
        self.is_closed = false;
        self.segments.push_back(Segment {
            number,
            path,
            file,
            bytes: 0,
            entries: 0,
        });
        Ok(())
    }

    fn read_back(&mut self, spilled: &Spilled) -> Result<Batch, LogError> {
        let found = self
            .segments
            .iter_mut()
            .find(|s| s.number == spilled.segment);
        let Some(segment) = found else {
            unreachable!("a segment lives as long as its entries")
        };
        let mut block = vec![0; usize::try_from(spilled.length).unwrap_or(0)];
        let read = segment
            .file
            .seek(SeekFrom::Start(spilled.offset))
            .and_then(|_| segment.file.read_exact(&mut block));
        read.map_err(|source| LogError::Io {
            path: segment.path.clone(),
            source,
        })?;
        Ok(decode(&block, spilled)?)
    }

    /// One entry of the segment is needed no more.
    fn release(&mut self, number: u64) {
        let Some(at) = self.segments.iter().position(|s| s.number == number) else {
            return;
        };
        self.segments[at].entries -= 1;
        if self.segments[at].entries == 0
            && let Some(segment) = self.segments.remove(at)
        {
            remove(&segment);
        }
    }
}

/// A file that cannot be removed only takes room; the run goes on.
fn remove(segment: &Segment) {
    let _removed = fs::remove_file(&segment.path);
}

impl Drop for BatchLog {
    fn drop(&mut self) {
        self.segments.iter().for_each(remove);
    }
}

/// A batch as an Arrow stream of its own: its columns, then birth, size and, if there are any, the malformed bits.
fn encode(batch: &Batch) -> Result<Vec<u8>, ArrowError> {
    let mut columns: Vec<ArrayRef> = batch.rows.columns().to_vec();
    columns.push(Arc::new(UInt64Array::new(batch.born.clone(), None)));
    columns.push(Arc::new(UInt32Array::new(batch.sizes.clone(), None)));
    if let Some(malformed) = &batch.malformed {
        columns.push(Arc::new(BooleanArray::new(malformed.clone(), None)));
    }
    let schema = batch.schema();
    let own = schema.fields().iter().map(|field| field.as_ref().clone());
    let beside = [
        ("born", DataType::UInt64),
        ("size", DataType::UInt32),
        ("malformed", DataType::Boolean),
    ];
    let beside = beside.map(|(name, data_type)| Field::new(name, data_type, false));
    let fields: Vec<Field> = own.chain(beside).take(columns.len()).collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    let mut block = Vec::new();
    let mut writer = StreamWriter::try_new(&mut block, &rows.schema())?;
    writer.write(&rows)?;
    writer.finish()?;
    drop(writer);
    Ok(block)
}

fn decode(block: &[u8], spilled: &Spilled) -> Result<Batch, ArrowError> {
    let missing = || ArrowError::IpcError("the file lacks what was written to it".to_owned());
    let mut reader = StreamReader::try_new(block, None)?;
    let rows = reader.next().ok_or_else(missing)??;
    let mut columns = rows.columns().to_vec();
    let malformed = if spilled.has_malformed {
        let column = columns.pop().ok_or_else(missing)?;
        Some(
            column
                .as_boolean_opt()
                .ok_or_else(missing)?
                .values()
                .clone(),
        )
    } else {
        None
    };
    let sizes = columns.pop().ok_or_else(missing)?;
    let sizes = sizes.as_primitive_opt::<UInt32Type>().ok_or_else(missing)?;
    let born = columns.pop().ok_or_else(missing)?;
    let born = born.as_primitive_opt::<UInt64Type>().ok_or_else(missing)?;
    let options = RecordBatchOptions::new().with_row_count(Some(born.len()));
    let schema = Arc::clone(&spilled.schema);
    let rows = RecordBatch::try_new_with_options(schema, columns, &options)?;
    let mut batch = Batch::new(rows, born.values().clone(), sizes.values().clone());
    (batch.malformed, batch.weight) = (malformed, spilled.weight);
    Ok(batch)
}

#[cfg(test)]
mod tests;
