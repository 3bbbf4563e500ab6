//! Separated values. Types come from the first rows; separator and header are found by looking at them.

use super::{Fault, RECORD_BYTES, ReplayReport, SAMPLE_BYTES, SAMPLE_RECORDS, Text};
use arrow::array::{Array as _, ArrayRef, RecordBatch, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use csv::ByteRecord;
use std::collections::{BTreeSet, VecDeque};
use std::io::{self, BufRead as _, Read};
use std::sync::Arc;

const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Most columns.
const COLUMNS: usize = 4_096;

/// Rows of a file of separated values.
pub(super) struct CsvReader {
    rows: csv::Reader<Bounded>,
    schema: SchemaRef,
    /// The rows that types were inferred from, not yet given.
    pending: VecDeque<ByteRecord>,
}

/// Stops a record that never ends (a quote that is not closed) before it fills the memory.
struct Bounded {
    text: Text,
    room: usize,
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(io::Error::other(
                "a record is longer than 16 MiB: a quote may not be closed",
            ));
        }
        let most = into.len().min(self.room);
        let read = self.text.read(&mut into[..most])?;
        self.room -= read;
        Ok(read)
    }
}

impl CsvReader {
    pub(super) fn open(mut text: Text, report: &mut ReplayReport) -> Result<Self, Fault> {
        if text.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            text.consume(3);
        }
        let separator = separator(text.fill_buf()?);
        let room = RECORD_BYTES;
        let mut rows = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .from_reader(Bounded { text, room });
        let mut first = ByteRecord::new();
        if !read(&mut rows, &mut first)? {
            return Err(Fault::Format("CSV with rows", "it is empty".to_owned()));
        }
        if first.len() > COLUMNS {
            let why = format!("it has more than {COLUMNS} columns");
            return Err(Fault::Format("CSV that can be read", why));
        }
        let mut pending = VecDeque::new();
        let names = header(&first).unwrap_or_else(|| {
            pending.push_back(first.clone());
            (1..=first.len()).map(|i| format!("column_{i}")).collect()
        });
        let mut bytes = 0;
        let mut record = ByteRecord::new();
        while pending.len() < SAMPLE_RECORDS && bytes < SAMPLE_BYTES {
            if !next_good(&mut rows, &mut record, names.len(), report)? {
                break;
            }
            bytes += record.as_slice().len();
            pending.push_back(record.clone());
        }
        let field = |(at, name): (usize, String)| {
            let values = pending.iter().filter_map(|row| row.get(at));
            Field::new(name, data_type(values), true)
        };
        let fields: Vec<Field> = names.into_iter().enumerate().map(field).collect();
        Ok(Self {
            rows,
            schema: Arc::new(Schema::new(fields)),
            pending,
        })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The first rows, which will be given again.
    pub(super) fn sample(&self) -> Result<RecordBatch, Fault> {
        columns(
            &self.schema,
            &self.pending.iter(),
            &mut ReplayReport::default(),
        )
    }

    pub(super) fn next(
        &mut self,
        max_rows: usize,
        report: &mut ReplayReport,
    ) -> Result<Option<RecordBatch>, Fault> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        while rows.len() < max_rows && bytes < 4 * RECORD_BYTES {
            if let Some(record) = self.pending.pop_front() {
                rows.push(record);
                continue;
            }
            let mut record = ByteRecord::new();
            if !next_good(
                &mut self.rows,
                &mut record,
                self.schema.fields().len(),
                report,
            )? {
                break;
            }
            bytes += record.as_slice().len();
            rows.push(record);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        columns(&self.schema, &rows.iter(), report).map(Some)
    }
}

fn read(rows: &mut csv::Reader<Bounded>, record: &mut ByteRecord) -> Result<bool, Fault> {
    rows.get_mut().room = RECORD_BYTES;
    rows.read_byte_record(record).map_err(|error| {
        let text = error.to_string();
        match error.into_kind() {
            csv::ErrorKind::Io(error) => Fault::Io(error),
            _ => Fault::Format("CSV that can be read", text),
        }
    })
}

/// The next row with as many values as there are columns, in UTF-8; others are skipped and reported.
fn next_good(
    rows: &mut csv::Reader<Bounded>,
    record: &mut ByteRecord,
    columns: usize,
    report: &mut ReplayReport,
) -> Result<bool, Fault> {
    while read(rows, record)? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != columns {
            let why = format!("{} values for {columns} columns", record.len());
            report.skip(line, why);
        } else if std::str::from_utf8(record.as_slice()).is_err() {
            report.skip(line, "the text is not UTF-8");
        } else {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The separator that the first line has most of.
fn separator(start: &[u8]) -> u8 {
    let line = start.split(|&b| b == b'\n').next().unwrap_or_default();
    let count = |separator: u8| line.iter().filter(|&&b| b == separator).count();
    // `max_by_key` gives the last of equals; a comma goes first.
    SEPARATORS
        .into_iter()
        .rev()
        .max_by_key(|&s| count(s))
        .unwrap_or(b',')
}

/// The names of the columns, when the first row has names: distinct texts, none of them empty or a number.
fn header(first: &ByteRecord) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    first
        .iter()
        .map(|value| {
            let name = std::str::from_utf8(value).ok()?.trim();
            let is_name = !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
            (is_name && seen.insert(name.to_owned())).then(|| name.to_owned())
        })
        .collect()
}

/// The narrowest type that holds all `values`; empty ones are null.
fn data_type<'a>(values: impl Iterator<Item = &'a [u8]>) -> DataType {
    let mut found: Option<DataType> = None;
    for value in values.filter(|v| !v.is_empty()) {
        let this = one_type(value);
        found = Some(match (found, this) {
            (None, this) => this,
            (Some(one), two) if one == two => one,
            (Some(DataType::Int64), DataType::Float64)
            | (Some(DataType::Float64), DataType::Int64) => DataType::Float64,
            _ => return DataType::Utf8,
        });
    }
    found.unwrap_or(DataType::Utf8)
}

fn one_type(value: &[u8]) -> DataType {
    let Ok(text) = std::str::from_utf8(value) else {
        return DataType::Utf8;
    };
    let digits = text.strip_prefix('-').unwrap_or(text);
    // `007` is a name, not a number.
    let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || padded {
        return match text {
            "true" | "false" => DataType::Boolean,
            _ => DataType::Utf8,
        };
    }
    if text.parse::<i64>().is_ok() {
        DataType::Int64
    } else if text.parse::<f64>().is_ok_and(f64::is_finite) {
        DataType::Float64
    } else {
        DataType::Utf8
    }
}

/// The rows as columns; values that do not fit become null and are counted.
fn columns<'a>(
    schema: &SchemaRef,
    rows: &(impl Iterator<Item = &'a ByteRecord> + Clone),
    report: &mut ReplayReport,
) -> Result<RecordBatch, Fault> {
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    let wrong =
        |error: arrow::error::ArrowError| Fault::Format("CSV that fits columns", error.to_string());
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (at, field) in schema.fields().iter().enumerate() {
        let mut texts = StringBuilder::new();
        for row in rows.clone() {
            let value = row.get(at).filter(|v| !v.is_empty());
            texts.append_option(value.and_then(|v| std::str::from_utf8(v).ok()));
        }
        let texts = texts.finish();
        let cast = cast_with_options(&texts, field.data_type(), &options).map_err(wrong)?;
        report.bad_values += (cast.null_count() - texts.null_count()) as u64;
        arrays.push(cast);
    }
    RecordBatch::try_new(Arc::clone(schema), arrays).map_err(wrong)
}
