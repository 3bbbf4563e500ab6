//! Rows of JSON, CSV, Avro and ORC files as Arrow batches of a table's columns: missing columns and values of another type are null.
//!
//! Bounded memory: a piece of a file at a time. The whole (compressed) file counts as scanned once it is opened, as
//! Athena bills it; of ORC the columns that are read. Knows nothing of plans.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;

use super::athena::{HEADER_LINES, INDEX_ACCESS};
use super::avro;
use super::catalog::{Format, Table};
use super::conform::conform;
use super::csv_text::CsvRows;
use super::error::LakeError;
use super::orc;
use super::rows::plain_reader;
use super::store::Object;

/// Rows of one batch.
const BATCH_ROWS: usize = 8_192;
/// Bytes that are decoded at a time.
const PIECE_BYTES: usize = 1 << 20;
/// Longest line of JSON: beyond this a file is not lines of records.
const LINE_BYTES_MAX: usize = 64 << 20;

/// How the files of one table are read.
#[derive(Debug, Clone)]
pub(super) struct RowFormat {
    pub(super) schema: SchemaRef,
    pub(super) format: Format,
    /// `ignore.malformed.json`: bad lines are rows of nulls instead of an error.
    pub(super) lenient: bool,
    /// Lines before the first row, when the table says how many.
    skip: u64,
    /// Where bad lines are counted that are left out, whatever `lenient` says.
    pub(super) bad: Option<Arc<AtomicU64>>,
    /// The place of each column in files of ORC; `None` finds them by name.
    places: Option<Vec<usize>>,
}

/// Is told how many bytes of a file are read, as they stand in it.
pub(super) type BytesRead = Box<dyn FnMut(u64) + Send>;

impl RowFormat {
    /// What the table says of its files.
    pub(super) fn of(table: &Table) -> Result<Self, LakeError> {
        let lenient = table.parameters.get("ignore.malformed.json");
        Ok(Self {
            schema: table.file_schema()?,
            format: table.format.clone(),
            lenient: lenient.is_some_and(|v| v.eq_ignore_ascii_case("true")),
            skip: skip_of(table),
            bad: None,
            places: by_place(table).then(|| (0..table.columns.len()).collect()),
        })
    }

    /// The same with these columns only, by their places in the schema.
    pub(super) fn narrowed(&self, columns: &[usize]) -> Result<Self, ArrowError> {
        let places = self.places.as_ref();
        Ok(Self {
            schema: Arc::new(self.schema.project(columns)?),
            places: places.map(|p| columns.iter().filter_map(|c| p.get(*c).copied()).collect()),
            ..self.clone()
        })
    }

    /// How a file of that shape is read when no table says so; bad lines are rows of nulls.
    pub(super) fn guessed(schema: SchemaRef, format: Format) -> Self {
        Self {
            schema,
            skip: u64::from(matches!(format, Format::Csv { header: true, .. })),
            format,
            lenient: true,
            bad: None,
            places: None,
        }
    }

    /// Opens one file; `read` is told of the bytes that are read of it.
    pub(super) fn open(
        &self,
        object: &Object,
        mut read: BytesRead,
    ) -> Result<RowBatches, LakeError> {
        let key = object.meta.key.clone();
        let damaged = |e: std::io::Error| decode_error(&self.format, &e.to_string(), &key);
        let typed = |why: String| decode_error(&self.format, &why, &key);
        if self.format != Format::Orc {
            read(object.meta.size);
        }
        let plain = || {
            let plain = plain_reader(object.open()?).map_err(damaged)?;
            Ok::<_, LakeError>(BufReader::with_capacity(64 << 10, plain))
        };
        let rows = match self.format {
            Format::Csv { delimiter, .. } => {
                let mut rows = CsvRows::new(plain()?, u8::try_from(delimiter).unwrap_or(b','));
                for _ in 0..self.skip {
                    if !rows.next_row(&mut Vec::new()).map_err(damaged)? {
                        break;
                    }
                }
                Rows::Csv(rows)
            }
            Format::Avro => Rows::Typed(Box::new(avro::read(object.open()?).map_err(typed)?)),
            Format::Orc => Rows::Typed(self.orc(object, read).map_err(typed)?),
            Format::Json | Format::Parquet => {
                let mut from = plain()?;
                let array = starts_with_bracket(&mut from).map_err(damaged)?;
                let from: Box<dyn Read + Send> = if array {
                    Box::new(ArrayElements::new(from))
                } else {
                    Box::new(from)
                };
                Rows::Json(JsonPieces {
                    from,
                    rest: Vec::new(),
                    lines: 0,
                    ready: Vec::new().into_iter(),
                })
            }
        };
        Ok(RowBatches {
            format: self.clone(),
            key,
            rows,
        })
    }

    /// The wanted columns of a file of ORC, under the names of the schema.
    fn orc(&self, object: &Object, read: BytesRead) -> Result<TypedRows, String> {
        let mut file = object.open().map_err(|e| e.to_string())?;
        let tail = orc::Tail::read(&mut file, object.meta.size)?;
        let own = tail.schema.fields();
        let place_of = |i: usize, name: &str| match &self.places {
            Some(places) => places.get(i).copied().filter(|p| *p < own.len()),
            None => own.iter().position(|f| f.name().eq_ignore_ascii_case(name)),
        };
        let columns = self.schema.fields().iter().enumerate();
        let names: BTreeMap<usize, String> = columns
            .filter_map(|(i, f)| Some((place_of(i, f.name())?, f.name().clone())))
            .collect();
        let wanted = names.keys().copied().collect();
        let names: Vec<String> = names.into_values().collect();
        let rows = orc::OrcRows::new(file, tail, wanted, read);
        Ok(Box::new(rows.map(move |batch| renamed(&batch?, &names))))
    }
}

/// The batch under other names of its columns.
fn renamed(batch: &RecordBatch, names: &[String]) -> Result<RecordBatch, String> {
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(names);
    let fields: Vec<Field> = fields
        .map(|(f, name)| Field::clone(f).with_name(name))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns().to_vec();
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|e| e.to_string())
}

/// True when the columns of a table stand for those of its files by their order, as Athena reads ORC unless it is told otherwise.
/// Source: <https://docs.aws.amazon.com/athena/latest/ug/handling-schema-updates-chapter.html>.
fn by_place(table: &Table) -> bool {
    let said = table.parameters.get(INDEX_ACCESS);
    table.format == Format::Orc && !said.is_some_and(|v| v.eq_ignore_ascii_case("false"))
}

/// Lines before the rows: what the table's parameter says, else one when there is a header.
fn skip_of(table: &Table) -> u64 {
    let header = matches!(table.format, Format::Csv { header: true, .. });
    let said = table.parameters.get(HEADER_LINES);
    let said = said.and_then(|n| n.trim().parse().ok());
    said.unwrap_or_else(|| u64::from(header))
}

enum Rows {
    Csv(CsvRows<BufReader<Box<dyn Read + Send>>>),
    Json(JsonPieces),
    /// Files that know their own columns.
    Typed(TypedRows),
}

/// Batches of a file in its own columns.
pub(super) type TypedRows = Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send>;

/// The batches of one file, in order.
pub(super) struct RowBatches {
    format: RowFormat,
    key: String,
    rows: Rows,
}

impl Iterator for RowBatches {
    type Item = Result<RecordBatch, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match &mut self.rows {
            Rows::Csv(rows) => csv_batch(rows, &self.format.schema),
            Rows::Json(pieces) => pieces.next_batch(&self.format),
            Rows::Typed(rows) => rows
                .next()
                .map(|batch| conform(&batch?, &self.format.schema))
                .transpose(),
        };
        next.map_err(|why| decode_error(&self.format.format, &why, &self.key))
            .transpose()
    }
}

fn decode_error(format: &Format, why: &str, key: &str) -> LakeError {
    LakeError::Decode {
        format: format.title(),
        why: why.to_owned(),
        key: key.to_owned(),
    }
}

fn csv_batch<R: BufRead>(
    rows: &mut CsvRows<R>,
    schema: &SchemaRef,
) -> Result<Option<RecordBatch>, String> {
    let mut columns: Vec<StringBuilder> = schema
        .fields()
        .iter()
        .map(|_| StringBuilder::new())
        .collect();
    let (mut row, mut count, mut bytes) = (Vec::new(), 0, 0);
    while count < BATCH_ROWS
        && bytes < PIECE_BYTES
        && rows.next_row(&mut row).map_err(|e| e.to_string())?
    {
        for (i, column) in columns.iter_mut().enumerate() {
            // What Hive writes for a null.
            column.append_option(row.get(i).filter(|text| *text != "\\N"));
        }
        bytes += row.iter().map(String::len).sum::<usize>();
        count += 1;
    }
    if count == 0 {
        return Ok(None);
    }
    // A text that is not of the column's type becomes null.
    let options = CastOptions::default();
    let cast: Result<Vec<ArrayRef>, ArrowError> = columns
        .iter_mut()
        .zip(schema.fields())
        .map(|(column, field)| {
            let text: ArrayRef = Arc::new(column.finish());
            cast_with_options(&text, field.data_type(), &options)
        })
        .collect();
    let batch = cast.and_then(|columns| RecordBatch::try_new(Arc::clone(schema), columns));
    batch.map(Some).map_err(|e| e.to_string())
}

/// Whole lines of JSON at a time, so that a bad line can be told from its neighbours.
struct JsonPieces {
    from: Box<dyn Read + Send>,
    rest: Vec<u8>,
    lines: u64,
    ready: std::vec::IntoIter<RecordBatch>,
}

impl JsonPieces {
    fn next_batch(&mut self, format: &RowFormat) -> Result<Option<RecordBatch>, String> {
        loop {
            if let Some(batch) = self.ready.next() {
                return Ok(Some(batch));
            }
            let piece = self.next_piece()?;
            if piece.is_empty() {
                return Ok(None);
            }
            let batches = match decode(&piece, &format.schema) {
                Ok(batches) => batches,
                Err(_) => self.line_by_line(&piece, format)?,
            };
            self.lines += count_lines(&piece);
            self.ready = batches.into_iter();
        }
    }

    /// At least [`PIECE_BYTES`] up to the end of a line, or the rest of the file; empty at the end.
    fn next_piece(&mut self) -> Result<Vec<u8>, String> {
        let mut piece = std::mem::take(&mut self.rest);
        let mut wanted = PIECE_BYTES;
        loop {
            let missing = wanted.saturating_sub(piece.len()) as u64;
            let read = (&mut self.from)
                .take(missing)
                .read_to_end(&mut piece)
                .map_err(|e| e.to_string())?;
            if (read as u64) < missing {
                return Ok(piece);
            }
            if let Some(end) = piece.iter().rposition(|b| *b == b'\n') {
                self.rest = piece.split_off(end + 1);
                return Ok(piece);
            }
            if piece.len() >= LINE_BYTES_MAX {
                return Err(
                    "a line is longer than 64 MiB; end each record with a line end".to_owned(),
                );
            }
            wanted = (piece.len() * 2).min(LINE_BYTES_MAX);
        }
    }

    fn line_by_line(&self, piece: &[u8], format: &RowFormat) -> Result<Vec<RecordBatch>, String> {
        let mut good = Vec::with_capacity(piece.len());
        for (i, line) in piece.split(|b| *b == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match decode(line, &format.schema) {
                Ok(_) => good.extend_from_slice(line),
                Err(_) if let Some(bad) = &format.bad => {
                    bad.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Err(_) if format.lenient => good.extend_from_slice(b"{}"),
                Err(why) => {
                    return Err(format!(
                        "HIVE_CURSOR_ERROR: line {} is not a JSON object of the table: {why}; set the table parameter \
                         `ignore.malformed.json` to `true` to read such lines as nulls",
                        self.lines + i as u64 + 1
                    ));
                }
            }
            good.push(b'\n');
        }
        decode(&good, &format.schema).map_err(|e| e.to_string())
    }
}

fn count_lines(piece: &[u8]) -> u64 {
    piece.iter().map(|b| u64::from(*b == b'\n')).sum()
}

fn decode(mut bytes: &[u8], schema: &SchemaRef) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut decoder: Decoder = ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(BATCH_ROWS)
        .with_coerce_primitive(true)
        .with_ignore_type_conflicts(true)
        .build_decoder()?;
    let mut batches = Vec::new();
    loop {
        let used = decoder.decode(bytes)?;
        bytes = bytes.get(used..).unwrap_or_default();
        match decoder.flush()? {
            Some(batch) => batches.push(batch),
            None if used == 0 || bytes.is_empty() => return Ok(batches),
            None => {}
        }
    }
}

/// True when the first character that is not a space is `[`. Consumes the spaces.
pub(super) fn starts_with_bracket(from: &mut impl BufRead) -> std::io::Result<bool> {
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(false);
        }
        let spaces = buffer
            .iter()
            .take_while(|b| b.is_ascii_whitespace())
            .count();
        let first = buffer.get(spaces).copied();
        from.consume(spaces);
        if let Some(first) = first {
            return Ok(first == b'[');
        }
    }
}

/// Turns `[{…}, {…}]` into one object a line, without parsing it.
pub(super) struct ArrayElements<R> {
    from: R,
    depth: u32,
    text: bool,
    escaped: bool,
}

impl<R> ArrayElements<R> {
    pub(super) const fn new(from: R) -> Self {
        Self {
            from,
            depth: 0,
            text: false,
            escaped: false,
        }
    }
    fn turn(&mut self, b: u8) -> u8 {
        if self.text {
            match b {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.text = false,
                _ => {}
            }
            return b;
        }
        match b {
            b'"' => self.text = true,
            b'[' | b'{' => {
                self.depth = self.depth.saturating_add(1);
                if self.depth == 1 && b == b'[' {
                    return b' ';
                }
            }
            b']' | b'}' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 && b == b']' {
                    return b' ';
                }
            }
            b',' if self.depth == 1 => return b'\n',
            // A record that is spread over lines becomes one line.
            b'\n' | b'\r' => return b' ',
            _ => {}
        }
        b
    }
}

impl<R: Read> Read for ArrayElements<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.from.read(buffer)?;
        for b in buffer.iter_mut().take(n) {
            *b = self.turn(*b);
        }
        Ok(n)
    }
}
