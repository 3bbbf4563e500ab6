//! What one file is: format, columns and types, from its own bytes, as Glue's built-in classifiers decide.
//!
//! Source: the classifier rules in the Glue developer guide (adding classifiers to a crawler). Order: Avro, ORC, Parquet
//! (all told by their first bytes), JSON, CSV. Only a bounded piece of a file is read; Parquet files only at their footer.

use std::collections::BTreeMap;
use std::io::{BufReader, Cursor, Read as _};

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use serde_json::Value;

use super::avro;
use super::catalog::Format;
use super::csv_text::CsvRows;
use super::encode::Codec;
use super::orc;
use super::pinned::unpanicked;
use super::row_scan::{ArrayElements, starts_with_bracket};
use super::rows::{plain_reader, sniff_codec};
use super::store::Object;
use crate::data::codec::read_bounded;

/// Plain bytes of a file of rows that are looked at.
pub(super) const SAMPLE_BYTES: usize = 1 << 20;
/// Records of a file of rows that are looked at.
const SAMPLE_RECORDS: usize = 1_000;
/// Deepest nesting of JSON that gets a type of its own.
const DEPTH_MAX: usize = 16;
/// Columns of a header may have fewer characters than this (the last one excepted).
const HEADER_CHARS_MAX: usize = 150;

/// One file as the classifiers see it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub(super) format: Format,
    pub(super) codec: Codec,
    /// Columns in their order.
    pub(super) columns: Vec<(String, DataType)>,
    /// Bytes that were read to find out.
    pub(super) bytes_read: u64,
    /// Rows, when the file says.
    pub(super) rows: Option<u64>,
}

/// A custom classifier for delimited text, as a crawler may have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvClassifier {
    /// One ASCII character between fields.
    pub delimiter: char,
    /// Whether the first line holds names; `None` finds out by Glue's rule.
    pub header: Option<bool>,
    /// Names of the columns; empty for those of the header.
    pub columns: Vec<String>,
}

impl CsvClassifier {
    /// Reads `csv delimiter=| header=present columns=id,name`; all but the first word may be left out.
    ///
    /// # Errors
    /// One sentence on what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "for example `csv delimiter=| header=absent columns=id,name`";
        let mut words = text.split_whitespace();
        if words.next() != Some("csv") {
            return Err(format!("only `csv` classifiers are read here; {EXAMPLE}"));
        }
        let mut made = Self {
            delimiter: ',',
            header: None,
            columns: Vec::new(),
        };
        for word in words {
            match word.split_once('=') {
                Some(("delimiter", "tab")) => made.delimiter = '\t',
                Some(("delimiter", one)) if one.len() == 1 => {
                    made.delimiter = one.chars().next().unwrap_or(',');
                }
                Some(("header", "present")) => made.header = Some(true),
                Some(("header", "absent")) => made.header = Some(false),
                Some(("header", "unknown")) => made.header = None,
                Some(("columns", names)) => {
                    made.columns = names.split(',').map(|n| n.trim().to_owned()).collect();
                }
                _ => {
                    return Err(format!(
                        "`{word}` says nothing of a csv classifier; {EXAMPLE}"
                    ));
                }
            }
        }
        Ok(made)
    }

    /// The file as this classifier sees it; `None` when it is not its own.
    fn shape(&self, sample: &[u8], more: bool) -> Option<(Format, Columns)> {
        if sample.contains(&0) {
            return None;
        }
        let delimiter = u8::try_from(self.delimiter).ok()?;
        let rows = csv_rows(sample, delimiter, more)?;
        let width = rows.first()?.len();
        let fits = if self.columns.is_empty() {
            width >= 2
        } else {
            width == self.columns.len()
        };
        if !fits || rows.iter().any(|r| r.len() != width) {
            return None;
        }
        let header = self.header.unwrap_or_else(|| has_header(&rows));
        let (format, mut columns) = csv_columns(delimiter, &rows, header)?;
        for (column, name) in columns.iter_mut().zip(&self.columns) {
            column.0.clone_from(name);
        }
        Some((format, columns))
    }
}

/// Classifies one object; the error is the reason to skip it.
pub(super) fn classify(object: &Object) -> Result<Shape, String> {
    classify_with(object, &[])
}

/// As [`classify`], custom classifiers first, in their order.
pub(super) fn classify_with(object: &Object, custom: &[CsvClassifier]) -> Result<Shape, String> {
    let mut file = object.open().map_err(|e| e.to_string())?;
    let mut first = [0_u8; 10];
    let n = file.read(&mut first).map_err(|e| e.to_string())?;
    if n == 0 {
        return Err("the file is empty".to_owned());
    }
    if first.starts_with(b"PAR1") {
        return parquet_shape(&file);
    }
    if first.starts_with(avro::MAGIC) {
        return avro_shape(object);
    }
    if first.starts_with(orc::MAGIC) {
        return orc_shape(object);
    }
    let codec = sniff_codec(&first);
    let plain = plain_reader(object.open().map_err(|e| e.to_string())?)
        .and_then(|from| read_bounded(from, SAMPLE_BYTES));
    let (sample, more) =
        plain.map_err(|e| format!("its {} bytes are damaged: {e}", codec.name()))?;
    let bytes_read = object.meta.size.min(SAMPLE_BYTES as u64);
    let found = custom
        .iter()
        .find_map(|c| c.shape(&sample, more))
        .or_else(|| json_shape(&sample, more))
        .or_else(|| csv_shape(&sample, more));
    let (format, columns) = found.ok_or(
        "no classifier knows it: it is not Avro, ORC, Parquet, JSON or CSV with two columns and two rows",
    )?;
    Ok(Shape {
        format,
        codec,
        columns,
        bytes_read,
        rows: None,
    })
}

fn parquet_shape(file: &std::fs::File) -> Result<Shape, String> {
    let damaged = |e: parquet::errors::ParquetError| format!("its Parquet footer is damaged: {e}");
    let options = ArrowReaderOptions::new();
    let metadata = unpanicked(|| ArrowReaderMetadata::load(file, options)).map_err(damaged)?;
    let codec = metadata
        .metadata()
        .row_groups()
        .first()
        .and_then(|g| g.columns().first())
        .map_or(Codec::None, |c| codec_of(c.compression()));
    let rows = metadata.metadata().file_metadata().num_rows();
    Ok(Shape {
        format: Format::Parquet,
        codec,
        columns: metadata
            .schema()
            .fields()
            .iter()
            .map(|f| (f.name().clone(), f.data_type().clone()))
            .collect(),
        bytes_read: metadata.metadata().memory_size() as u64,
        rows: u64::try_from(rows).ok(),
    })
}

/// Files that begin with their own columns.
fn avro_shape(object: &Object) -> Result<Shape, String> {
    let file = object.open().map_err(|e| e.to_string())?;
    let (schema, codec) = avro::columns(file)?;
    Ok(Shape {
        format: Format::Avro,
        codec,
        columns: schema
            .fields()
            .iter()
            .map(|f| (f.name().clone(), f.data_type().clone()))
            .collect(),
        bytes_read: object.meta.size.min(64 << 10),
        rows: None,
    })
}

/// Files whose columns, rows and compression stand at their end.
fn orc_shape(object: &Object) -> Result<Shape, String> {
    let mut file = object.open().map_err(|e| e.to_string())?;
    let tail = orc::Tail::read(&mut file, object.meta.size)?;
    let fields = tail.schema.fields().iter();
    Ok(Shape {
        format: Format::Orc,
        codec: tail.codec(),
        columns: fields
            .map(|f| (f.name().clone(), f.data_type().clone()))
            .collect(),
        bytes_read: tail.bytes,
        rows: Some(tail.rows),
    })
}

pub(super) const fn codec_of(compression: parquet::basic::Compression) -> Codec {
    use parquet::basic::Compression;
    match compression {
        Compression::SNAPPY => Codec::Snappy,
        Compression::GZIP(_) => Codec::Gzip,
        Compression::ZSTD(_) => Codec::Zstd,
        _ => Codec::None,
    }
}

type Columns = Vec<(String, DataType)>;

/// Lines or an array of JSON objects. The last record of a sample may be cut off; it is left out.
fn json_shape(sample: &[u8], more: bool) -> Option<(Format, Columns)> {
    let mut from = BufReader::new(Cursor::new(sample));
    let lines = if starts_with_bracket(&mut from).ok()? {
        let mut lines = Vec::new();
        ArrayElements::new(from).read_to_end(&mut lines).ok()?;
        lines
    } else {
        sample.to_vec()
    };
    let mut found: Option<Columns> = None;
    for record in serde_json::Deserializer::from_slice(&lines)
        .into_iter::<Value>()
        .take(SAMPLE_RECORDS)
    {
        match record {
            Ok(Value::Object(fields)) => {
                let columns = found.get_or_insert_default();
                for (name, value) in &fields {
                    let new = json_type(value, 0);
                    if let Some((_, old)) = columns.iter_mut().find(|(n, _)| n == name) {
                        *old = merge_types(old, &new).0;
                    } else if columns.len() < super::csv_text::FIELDS_MAX {
                        columns.push((name.clone(), new));
                    }
                }
            }
            Ok(_) => return None,
            // A record that is cut off by the sample, or damaged ones after good ones: what is known is enough.
            Err(e) if e.is_eof() && more => break,
            Err(_) if found.is_some() => break,
            Err(_) => return None,
        }
    }
    let columns = found?.into_iter().map(|(n, t)| (n, settled(t))).collect();
    Some((Format::Json, columns))
}

/// The type of one JSON value. Whole numbers are `bigint`, so that a larger one beyond the sample still fits.
fn json_type(value: &Value, depth: usize) -> DataType {
    match value {
        Value::Null => DataType::Null,
        Value::Bool(_) => DataType::Boolean,
        Value::Number(n) if n.is_i64() => DataType::Int64,
        Value::Number(_) => DataType::Float64,
        Value::String(_) => DataType::Utf8,
        Value::Array(_) | Value::Object(_) if depth >= DEPTH_MAX => DataType::Utf8,
        Value::Array(items) => {
            let mut item = DataType::Null;
            for value in items.iter().take(SAMPLE_RECORDS) {
                item = merge_types(&item, &json_type(value, depth + 1)).0;
            }
            DataType::new_list(item, true)
        }
        Value::Object(fields) => DataType::Struct(
            fields
                .iter()
                .map(|(n, v)| Field::new(n, json_type(v, depth + 1), true))
                .collect(),
        ),
    }
}

/// Replaces what was only ever null (or empty) by a string.
fn settled(found: DataType) -> DataType {
    match found {
        DataType::Null => DataType::Utf8,
        DataType::List(item) => DataType::new_list(settled(item.data_type().clone()), true),
        DataType::Struct(fields) if fields.is_empty() => DataType::Utf8,
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|f| Field::new(f.name(), settled(f.data_type().clone()), true))
                .collect(),
        ),
        other => other,
    }
}

/// The narrowest type that holds both, and whether that loses their difference (a conflict, settled as string).
pub(super) fn merge_types(a: &DataType, b: &DataType) -> (DataType, bool) {
    if a == b {
        return (a.clone(), false);
    }
    match (a, b) {
        (DataType::Null, other) | (other, DataType::Null) => (other.clone(), false),
        (DataType::List(x), DataType::List(y)) => {
            let (item, conflict) = merge_types(x.data_type(), y.data_type());
            (DataType::new_list(item, true), conflict)
        }
        (DataType::Struct(x), DataType::Struct(y)) => merge_structs(x, y),
        (DataType::Timestamp(_, _), DataType::Timestamp(_, _)) => {
            (DataType::Timestamp(TimeUnit::Microsecond, None), false)
        }
        (
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View,
        ) => (DataType::Utf8, false),
        _ => match (width(a), width(b)) {
            (Some(x), Some(y)) => {
                // 32-bit floats do not hold 64-bit integers; doubles come closest.
                let wide = if (x == FLOAT && y > 2) || (y == FLOAT && x > 2) {
                    DOUBLE
                } else {
                    x.max(y)
                };
                (of_width(wide), false)
            }
            _ => (DataType::Utf8, true),
        },
    }
}

const FLOAT: u8 = 5;
const DOUBLE: u8 = 6;

/// Rank of a number's type: a higher one holds the lower ones.
const fn width(data_type: &DataType) -> Option<u8> {
    Some(match data_type {
        DataType::Int8 => 1,
        DataType::Int16 | DataType::UInt8 => 2,
        DataType::Int32 | DataType::UInt16 => 3,
        DataType::Int64 | DataType::UInt32 => 4,
        DataType::Float16 | DataType::Float32 => FLOAT,
        DataType::Float64 => DOUBLE,
        _ => return None,
    })
}

const fn of_width(width: u8) -> DataType {
    match width {
        0 | 1 => DataType::Int8,
        2 => DataType::Int16,
        3 => DataType::Int32,
        4 => DataType::Int64,
        FLOAT => DataType::Float32,
        _ => DataType::Float64,
    }
}

fn merge_structs(a: &Fields, b: &Fields) -> (DataType, bool) {
    let mut conflict = false;
    let mut fields: Vec<Field> = a.iter().map(|f| Field::clone(f)).collect();
    for other in b {
        match fields.iter_mut().find(|f| f.name() == other.name()) {
            Some(field) => {
                let (merged, clash) = merge_types(field.data_type(), other.data_type());
                conflict |= clash;
                *field = Field::new(other.name(), merged, true);
            }
            None => fields.push(Field::clone(other)),
        }
    }
    (DataType::Struct(fields.into()), conflict)
}

/// Delimited text by Glue's rules: at least two columns and two rows with the same number of fields.
fn csv_shape(sample: &[u8], more: bool) -> Option<(Format, Columns)> {
    if sample.contains(&0) {
        return None;
    }
    [b',', b'|', b'\t', b';', 0x01]
        .into_iter()
        .find_map(|delimiter| {
            let rows = csv_rows(sample, delimiter, more)?;
            let width = rows.first()?.len();
            // One row in a hundred may be ragged: damaged lines do not make a file another format.
            let odd = rows.iter().filter(|r| r.len() != width).count();
            if width < 2 || rows.len() < 2 || odd * 100 > rows.len() {
                return None;
            }
            csv_columns(delimiter, &rows, has_header(&rows))
        })
}

/// A comma-separated file that is known to begin with names, such as those that a run writes.
pub(super) fn named_csv(object: &Object) -> Result<Vec<(String, DataType)>, String> {
    let plain = plain_reader(object.open().map_err(|e| e.to_string())?);
    let (sample, more) = plain
        .and_then(|from| read_bounded(from, SAMPLE_BYTES))
        .map_err(|e| e.to_string())?;
    let rows = csv_rows(&sample, b',', more).unwrap_or_default();
    let found = csv_columns(b',', &rows, true);
    found
        .map(|(_, columns)| columns)
        .ok_or_else(|| "the file is empty".to_owned())
}

fn csv_rows(sample: &[u8], delimiter: u8, more: bool) -> Option<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    let mut reader = CsvRows::new(sample, delimiter);
    let mut row = Vec::new();
    while rows.len() < SAMPLE_RECORDS && reader.next_row(&mut row).ok()? {
        rows.push(std::mem::take(&mut row));
    }
    if more && rows.len() < SAMPLE_RECORDS {
        rows.pop();
    }
    Some(rows)
}

fn csv_columns(delimiter: u8, rows: &[Vec<String>], header: bool) -> Option<(Format, Columns)> {
    let first = rows.first()?;
    let data = rows.get(usize::from(header)..)?;
    let names = unique_names(if header { first } else { &[] }, first.len());
    let types = (0..first.len()).map(|i| text_type(data.iter().filter_map(|r| r.get(i))));
    let format = Format::Csv {
        delimiter: char::from(delimiter),
        header,
    };
    Some((format, names.into_iter().zip(types).collect()))
}

/// Glue's rule: every candidate parses as a string, is short enough and a valid name, and a later row is not all strings.
fn has_header(rows: &[Vec<String>]) -> bool {
    let Some((first, later)) = rows.split_first() else {
        return false;
    };
    let last = first.len().saturating_sub(1);
    let named = first.iter().enumerate().all(|(i, name)| {
        text_type(std::iter::once(name)) == DataType::Utf8
            && (i == last || name.chars().count() < HEADER_CHARS_MAX)
            && name
                .trim()
                .chars()
                .next()
                .is_some_and(|c| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| {
                c.is_alphanumeric() || matches!(c, '_' | ' ' | '-' | '.' | '(' | ')' | '/')
            })
    });
    let typed = |row: &Vec<String>| {
        row.iter()
            .any(|v| !v.is_empty() && text_type(std::iter::once(v)) != DataType::Utf8)
    };
    named && later.iter().any(typed)
}

/// Lower-case names, `colN` where there is none, numbered where one repeats.
fn unique_names(given: &[String], width: usize) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    (0..width)
        .map(|i| {
            let name = given.get(i).map(|n| n.trim().to_lowercase());
            let name = name
                .filter(|n| !n.is_empty())
                .unwrap_or_else(|| format!("col{i}"));
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            if *count == 1 {
                name
            } else {
                format!("{name}_{count}")
            }
        })
        .collect()
}

/// The type that all texts of a column have: whole number, number or string. Empty texts say nothing.
fn text_type<'a>(values: impl Iterator<Item = &'a String>) -> DataType {
    let mut found = DataType::Null;
    for value in values.map(|v| v.trim()).filter(|v| !v.is_empty()) {
        let one = if value.parse::<i64>().is_ok() {
            DataType::Int64
        } else if value.parse::<f64>().is_ok() && value.bytes().any(|b| b.is_ascii_digit()) {
            DataType::Float64
        } else {
            return DataType::Utf8;
        };
        found = merge_types(&found, &one).0;
    }
    settled(found)
}
