//! Real files as sources: JSON, CSV, Parquet, ORC and Arrow, in file order, in bounded memory.
//!
//! Types are fixed from the first records. What does not fit later becomes null and is counted; records that cannot be read
//! at all are skipped, counted, and the first of them are kept with their place. Nothing outside the [`Root`] is read.

mod columns;
mod csv;
mod infer;
mod json;
mod root;
#[cfg(test)]
mod tests;
mod time;

pub use root::Root;
pub(super) use time::iso;

use super::json_size::json_sizes;
use arrow::array::RecordBatch;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::SchemaRef;
use flate2::read::MultiGzDecoder;
use root::Source;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Cursor, Read, Seek as _};

/// Records that types are inferred from.
const SAMPLE_RECORDS: usize = 1_000;
/// Bytes of text that types are inferred from, at most.
const SAMPLE_BYTES: usize = 8 << 20;
/// Longest record in bytes of text.
const RECORD_BYTES: usize = 16 << 20;
/// Broken records whose place and reason are kept.
const EXAMPLES: usize = 5;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayFormat {
    /// By the file's name and first bytes.
    #[default]
    Auto,
    /// One JSON object a line.
    JsonLines,
    /// A JSON array of objects, or an object with one (see [`ReplaySpec::records_at`]).
    Json,
    /// Separated values; separator and header are found by looking.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// Apache ORC.
    Orc,
    /// Arrow IPC, file or stream.
    Arrow,
}

/// Which file to replay, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplaySpec {
    /// Relative to the [`Root`], or `sample:NAME`. Text may be compressed (`.gz`).
    pub file: String,
    /// How the file is written.
    pub format: ReplayFormat,
    /// The field that holds the records' times, inner ones with dots (`properties.time`); looked for when `None`.
    pub time_field: Option<String>,
    /// `iso8601`, `epoch-s`, `epoch-ms`, or a pattern such as `%Y/%m/%d %H:%M`; looked for when `None`.
    pub time_format: Option<String>,
    /// The member of a JSON object that holds the array of records, inner ones with dots (`features`).
    pub records_at: Option<String>,
}

/// Why a file cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The name leads where nothing may be read.
    #[error("`{file}` is not read: {why}.")]
    Refused {
        /// The name.
        file: String,
        /// The reason and the mend.
        why: &'static str,
    },
    /// Weir carries no such data.
    #[error("There is no sample called `{name}`; choose one of `{known}`.")]
    NoSample {
        /// The name.
        name: String,
        /// All there are.
        known: String,
    },
    /// The file cannot be read.
    #[error(
        "Reading `{file}` failed: {source}. Check that it is in the document's folder and whole."
    )]
    Io {
        /// The name.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it is taken for.
    #[error("`{file}` is no {format}: {why}.")]
    Format {
        /// The name.
        file: String,
        /// What it is taken for.
        format: &'static str,
        /// The reason and, where there is one, the mend.
        why: String,
    },
    /// The time field is not there or has no times.
    #[error("The field `{field}` of `{file}` gives no times: {why}.")]
    Time {
        /// The name.
        file: String,
        /// The field.
        field: String,
        /// The reason and the mend.
        why: String,
    },
}

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// Line of the file that it begins on, from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}

/// What happened while reading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplayReport {
    /// Records that were read.
    pub records: u64,
    /// Records that could not be read and were skipped.
    pub malformed: u64,
    /// The first of those.
    pub examples: Vec<BadRecord>,
    /// Values that did not fit their field's type and became null.
    pub bad_values: u64,
    /// Values of fields that the first records did not have; they are left out.
    pub unknown_fields: u64,
    /// Records without a readable time; they take the time of the record before.
    pub bad_times: u64,
    /// Records whose time is earlier than that of the record before.
    pub out_of_order: u64,
}

impl ReplayReport {
    fn skip(&mut self, line: u64, why: impl Into<String>) {
        self.malformed += 1;
        if self.examples.len() < EXAMPLES {
            let why = why.into();
            self.examples.push(BadRecord { line, why });
        }
    }
}

/// Some records of a file, in its order.
#[derive(Debug, Clone)]
pub struct ReplayBatch {
    /// The records. Texts are `Utf8`; a time field at the top level is `Timestamp(Millisecond, UTC)`.
    pub rows: RecordBatch,
    /// The records' times in milliseconds since 1970; `None` when the file has no time field. They may go backwards where
    /// the file does.
    pub times_ms: Option<Vec<i64>>,
    /// Bytes of each record as a JSON line.
    pub sizes: ScalarBuffer<u32>,
}

/// A file being read.
pub struct Replay {
    file: String,
    reader: Reader,
    clock: Option<time::Clock>,
    schema: SchemaRef,
    report: ReplayReport,
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay")
            .field("file", &self.file)
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

/// Bytes of text, unpacked.
type Text = Box<dyn BufRead + Send>;

enum Reader {
    Json(json::JsonReader),
    Csv(csv::CsvReader),
    Columns(columns::ColumnReader),
}

/// A reader's complaint; the file's name is added above.
enum Fault {
    Io(std::io::Error),
    Format(&'static str, String),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl Fault {
    fn of(self, file: &str) -> ReplayError {
        let file = file.to_owned();
        match self {
            Self::Io(source) => ReplayError::Io { file, source },
            Self::Format(format, why) => ReplayError::Format { file, format, why },
        }
    }
}

impl Replay {
    /// Opens a file and fixes its types from the first records.
    ///
    /// # Errors
    /// When the file may not or cannot be read, holds no records, or the time field that is named has no times.
    pub fn open(root: &Root, spec: ReplaySpec) -> Result<Self, ReplayError> {
        let source = root.open(&spec.file)?;
        let mut report = ReplayReport::default();
        let reader = open_reader(source, &spec, &mut report).map_err(|f| f.of(&spec.file))?;
        let mut replay = Self {
            schema: reader.schema(),
            file: spec.file,
            reader,
            clock: None,
            report,
        };
        let sample = match &replay.reader {
            Reader::Json(json) => json.sample(),
            Reader::Csv(csv) => csv.sample(),
            Reader::Columns(columns) => columns.sample(),
        };
        let sample = sample.map_err(|f| f.of(&replay.file))?;
        let clock = time::Clock::find(
            &sample,
            spec.time_field.as_deref(),
            spec.time_format.as_deref(),
        );
        replay.clock = clock.map_err(|(field, why)| ReplayError::Time {
            file: replay.file.clone(),
            field,
            why,
        })?;
        if let Some(clock) = &replay.clock {
            replay.schema = clock.schema(&replay.schema);
        }
        Ok(replay)
    }

    /// The schema of every batch.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// The field that the times are read from.
    #[must_use]
    pub fn time_field(&self) -> Option<&str> {
        self.clock.as_ref().map(time::Clock::field)
    }

    /// What happened so far.
    #[must_use]
    pub const fn report(&self) -> &ReplayReport {
        &self.report
    }

    /// The next records, at most `max_rows`; `None` at the end of the file.
    ///
    /// # Errors
    /// When the file cannot be read on.
    pub fn next_batch(&mut self, max_rows: usize) -> Result<Option<ReplayBatch>, ReplayError> {
        let max_rows = max_rows.max(1);
        let rows = match &mut self.reader {
            Reader::Json(json) => json.next(max_rows, &mut self.report),
            Reader::Csv(csv) => csv.next(max_rows, &mut self.report),
            Reader::Columns(columns) => columns.next(max_rows),
        };
        let Some(mut rows) = rows.map_err(|fault| fault.of(&self.file))? else {
            return Ok(None);
        };
        self.report.records += rows.num_rows() as u64;
        let mut times_ms = None;
        if let Some(clock) = &mut self.clock {
            let (timed, times) = clock.read(&rows, &self.schema, &mut self.report);
            (rows, times_ms) = (timed, Some(times));
        }
        let sizes = json_sizes(&rows);
        Ok(Some(ReplayBatch {
            rows,
            times_ms,
            sizes,
        }))
    }
}

impl Reader {
    fn schema(&self) -> SchemaRef {
        match self {
            Self::Json(json) => json.schema(),
            Self::Csv(csv) => csv.schema(),
            Self::Columns(columns) => columns.schema(),
        }
    }
}

fn open_reader(
    source: Source,
    spec: &ReplaySpec,
    report: &mut ReplayReport,
) -> Result<Reader, Fault> {
    let lower = spec.file.to_ascii_lowercase();
    let (name, gzip) = match lower.strip_suffix(".gz") {
        Some(name) => (name, true),
        None => (lower.as_str(), false),
    };
    let format = match spec.format {
        ReplayFormat::Auto => match name.rsplit('.').next().unwrap_or_default() {
            "jsonl" | "ndjson" => ReplayFormat::JsonLines,
            "csv" | "tsv" => ReplayFormat::Csv,
            "parquet" | "parq" => ReplayFormat::Parquet,
            "orc" => ReplayFormat::Orc,
            "arrow" | "arrows" | "feather" | "ipc" => ReplayFormat::Arrow,
            "json" | "geojson" | "txt" | "log" => ReplayFormat::Auto,
            other => {
                let why = format!(
                    "the ending `.{other}` is none of .json, .jsonl, .csv, .parquet, .orc, .arrow (or .gz of a text); name the format"
                );
                return Err(Fault::Format("file of a known format", why));
            }
        },
        named => named,
    };
    match (format, source) {
        (ReplayFormat::Parquet | ReplayFormat::Orc | ReplayFormat::Arrow, _) if gzip => {
            Err(Fault::Format(
                "file that can be read compressed",
                "unpack it first, it is compressed inside already".to_owned(),
            ))
        }
        (ReplayFormat::Parquet, Source::File(file)) => {
            Ok(Reader::Columns(columns::ColumnReader::parquet(file)?))
        }
        (ReplayFormat::Orc, Source::File(file)) => {
            Ok(Reader::Columns(columns::ColumnReader::orc(file)?))
        }
        (ReplayFormat::Arrow, Source::File(mut file)) => {
            let mut magic = [0; 6];
            let is_file = file.read_exact(&mut magic).is_ok() && &magic == b"ARROW1";
            file.rewind()?;
            Ok(Reader::Columns(columns::ColumnReader::arrow(
                file, is_file,
            )?))
        }
        (ReplayFormat::Parquet | ReplayFormat::Orc | ReplayFormat::Arrow, Source::Sample(_)) => {
            Err(Fault::Format(
                "columnar file",
                "the samples are text; leave the format to `auto`".to_owned(),
            ))
        }
        (ReplayFormat::Csv, source) => Ok(Reader::Csv(csv::CsvReader::open(
            text(source, gzip),
            report,
        )?)),
        (format, source) => {
            let records_at = spec.records_at.as_deref();
            let text = text(source, gzip);
            let json = json::JsonReader::open(text, format, records_at, report)?;
            Ok(Reader::Json(json))
        }
    }
}

/// The bytes of a text, unpacked as they are read: an archive that unpacks to terabytes takes no more memory than its
/// longest record.
fn text(source: Source, gzip: bool) -> Text {
    let raw: Box<dyn Read + Send> = match source {
        Source::File(file) => Box::new(file),
        Source::Sample(bytes) => Box::new(Cursor::new(bytes)),
    };
    if gzip {
        Box::new(BufReader::with_capacity(64 << 10, MultiGzDecoder::new(raw)))
    } else {
        Box::new(BufReader::with_capacity(64 << 10, raw))
    }
}
