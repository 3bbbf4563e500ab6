//! JSON records: one object a line, or the elements of an array, which is never held as a whole.

use super::infer::{Kind, columns, fit_object};
use super::{Fault, RECORD_BYTES, ReplayFormat, ReplayReport, SAMPLE_BYTES, SAMPLE_RECORDS, Text};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use arrow::json::reader::Decoder;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::io::{self, BufRead as _};
use std::sync::Arc;

/// Records of a JSON file.
pub(super) struct JsonReader {
    scanner: Scanner,
    fields: Vec<(String, Kind)>,
    schema: SchemaRef,
    decoder: Decoder,
    /// The records that types were inferred from, not yet given.
    pending: VecDeque<Map<String, Value>>,
}

impl JsonReader {
    pub(super) fn open(
        text: Text,
        format: ReplayFormat,
        records_at: Option<&str>,
        report: &mut ReplayReport,
    ) -> Result<Self, Fault> {
        let mut scanner = Scanner::open(text, format, records_at)?;
        let mut pending = VecDeque::new();
        let mut kind = Kind::Object(Vec::new());
        let mut bytes = 0;
        while pending.len() < SAMPLE_RECORDS && bytes < SAMPLE_BYTES {
            let Some(record) = scanner.next(report)? else {
                break;
            };
            bytes += scanner.record.len();
            let value = Value::Object(record);
            kind = kind.merge(Kind::of(&value, 0));
            if let Value::Object(record) = value {
                pending.push_back(record);
            }
        }
        let Kind::Object(fields) = kind.settled() else {
            let found = report.examples.first();
            let why = found.map_or_else(
                || "it holds no records".to_owned(),
                |bad| format!("no record can be read; line {}: {}", bad.line, bad.why),
            );
            return Err(Fault::Format("JSON with records", why));
        };
        let schema = Arc::new(Schema::new(columns(&fields)));
        let decoder = decoder(&schema)?;
        Ok(Self {
            scanner,
            fields,
            schema,
            decoder,
            pending,
        })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The first records, which will be given again.
    pub(super) fn sample(&self) -> Result<RecordBatch, Fault> {
        let mut unused = ReplayReport::default();
        let fit =
            |record: &Map<String, Value>| fit_object(&self.fields, record.clone(), &mut unused);
        let rows: Vec<_> = self.pending.iter().map(fit).collect();
        decode(&mut decoder(&self.schema)?, &rows, &self.schema)
    }

    pub(super) fn next(
        &mut self,
        max_rows: usize,
        report: &mut ReplayReport,
    ) -> Result<Option<RecordBatch>, Fault> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        while rows.len() < max_rows && bytes < 4 * RECORD_BYTES {
            let record = match self.pending.pop_front() {
                Some(record) => record,
                None => match self.scanner.next(report)? {
                    Some(record) => {
                        bytes += self.scanner.record.len();
                        record
                    }
                    None => break,
                },
            };
            rows.push(fit_object(&self.fields, record, report));
        }
        if rows.is_empty() {
            return Ok(None);
        }
        decode(&mut self.decoder, &rows, &self.schema).map(Some)
    }
}

fn decoder(schema: &SchemaRef) -> Result<Decoder, Fault> {
    // Lone numbers for text were turned into text before, and nothing else is left that clashes.
    ReaderBuilder::new(Arc::clone(schema))
        .build_decoder()
        .map_err(|error| Fault::Format("JSON that fits columns", error.to_string()))
}

fn decode(
    decoder: &mut Decoder,
    rows: &[Map<String, Value>],
    schema: &SchemaRef,
) -> Result<RecordBatch, Fault> {
    let wrong = |error: arrow::error::ArrowError| {
        Fault::Format("JSON that fits columns", error.to_string())
    };
    decoder.serialize(rows).map_err(wrong)?;
    let batch = decoder.flush().map_err(wrong)?;
    Ok(batch.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(schema))))
}

/// Finds one record after the other in the text.
struct Scanner {
    text: Text,
    /// The bytes of the last record.
    record: Vec<u8>,
    /// Line of the next byte, from 1.
    line: u64,
    lines: bool,
    ended: bool,
}

impl Scanner {
    fn open(text: Text, format: ReplayFormat, records_at: Option<&str>) -> Result<Self, Fault> {
        let mut scanner = Self {
            text,
            record: Vec::new(),
            line: 1,
            lines: format == ReplayFormat::JsonLines,
            ended: false,
        };
        if scanner.text.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            scanner.text.consume(3);
        }
        if scanner.lines {
            return Ok(scanner);
        }
        let wrong = |why: String| Fault::Format("JSON with records", why);
        if let Some(path) = records_at {
            for name in path.split('.') {
                if !scanner.enter(name)? {
                    return Err(wrong(format!(
                        "there is no member `{path}`; correct `records_at`"
                    )));
                }
            }
            if scanner.token()? != Some(b'[') {
                return Err(wrong(format!(
                    "the member `{path}` is no array; correct `records_at`"
                )));
            }
            return Ok(scanner);
        }
        match scanner.peek()? {
            Some(b'[') => scanner.text.consume(1),
            // An object for each line, or one object for the whole file.
            Some(b'{') if format == ReplayFormat::Auto && scanner.starts_with_whole_line()? => {
                scanner.lines = true;
            }
            Some(b'{') => {
                return Err(wrong("it is one object; name the member that holds the array of records in `records_at`, for example `features`".to_owned()));
            }
            Some(_) => return Err(wrong("it begins with neither `[` nor `{`".to_owned())),
            None => return Err(wrong("it is empty".to_owned())),
        }
        Ok(scanner)
    }

    /// The next record that can be read; others are skipped and reported.
    fn next(&mut self, report: &mut ReplayReport) -> Result<Option<Map<String, Value>>, Fault> {
        loop {
            self.record.clear();
            let line = if self.lines {
                if !self.read_line(report)? {
                    return Ok(None);
                }
                self.line - 1
            } else {
                if !self.read_element(report)? {
                    return Ok(None);
                }
                let breaks = self.record.iter().filter(|&&b| b == b'\n').count();
                self.line - breaks as u64
            };
            if self.record.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match serde_json::from_slice::<Map<String, Value>>(&self.record) {
                Ok(record) => return Ok(Some(record)),
                Err(error) => report.skip(line, error.to_string()),
            }
        }
    }

    /// Reads a line; one that is too long is skipped and reported.
    fn read_line(&mut self, report: &mut ReplayReport) -> io::Result<bool> {
        loop {
            let (mut long, mut any) = (false, false);
            loop {
                let buffer = self.text.fill_buf()?;
                if buffer.is_empty() {
                    break;
                }
                any = true;
                let end = buffer.iter().position(|&b| b == b'\n');
                let length = end.map_or(buffer.len(), |at| at + 1);
                long |= self.record.len() + length > RECORD_BYTES;
                if !long {
                    self.record.extend_from_slice(&buffer[..length]);
                }
                self.text.consume(length);
                if end.is_some() {
                    break;
                }
            }
            self.line += u64::from(any);
            if !long {
                return Ok(any);
            }
            report.skip(self.line - 1, "the line is longer than 16 MiB");
            self.record.clear();
        }
    }

    /// Reads the next element of the array.
    fn read_element(&mut self, report: &mut ReplayReport) -> Result<bool, Fault> {
        if self.ended {
            return Ok(false);
        }
        let next = loop {
            match self.peek()? {
                Some(b',') => self.text.consume(1),
                next => break next,
            }
        };
        match next {
            Some(b']') => {
                self.ended = true;
                Ok(false)
            }
            None => {
                self.ended = true;
                report.skip(self.line, "the file ends within the array");
                Ok(false)
            }
            Some(_) => {
                let line = self.line;
                if !self.value(true)? {
                    report.skip(line, "the record is longer than 16 MiB");
                    self.record.clear();
                    // A blank record is passed over, and the next one is read.
                }
                Ok(true)
            }
        }
    }

    /// The next byte that is no blank, not consumed.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.text.fill_buf()?;
            let Some(&byte) = buffer.first() else {
                return Ok(None);
            };
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.line += u64::from(byte == b'\n');
            self.text.consume(1);
        }
    }

    /// The next byte that is no blank, consumed.
    fn token(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.text.consume(1);
        }
        Ok(byte)
    }

    /// Passes over one value, keeping it in `record` when asked to; false when it was too long to keep.
    fn value(&mut self, keep: bool) -> io::Result<bool> {
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        let (mut long, mut started) = (false, false);
        loop {
            let buffer = self.text.fill_buf()?;
            if buffer.is_empty() {
                return Ok(!long);
            }
            let (mut used, mut done) = (0, false);
            for &byte in buffer {
                // A lone number or word ends before what follows it.
                if depth == 0 && started && !in_string && matches!(byte, b',' | b']' | b'}' | b':')
                {
                    done = true;
                    break;
                }
                used += 1;
                self.line += u64::from(byte == b'\n');
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_string => escaped = true,
                    b'"' => in_string = !in_string,
                    b'[' | b'{' if !in_string => depth += 1,
                    b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
                    _ => {}
                }
                started |= !byte.is_ascii_whitespace();
                if started && depth == 0 && !in_string && matches!(byte, b']' | b'}' | b'"') {
                    done = true;
                    break;
                }
            }
            if keep {
                long |= self.record.len() + used > RECORD_BYTES;
                if !long {
                    self.record.extend_from_slice(&buffer[..used]);
                }
            }
            self.text.consume(used);
            if done {
                return Ok(!long);
            }
        }
    }

    /// Goes into the object that comes next, up to the value of its member `name`; false when there is none.
    fn enter(&mut self, name: &str) -> io::Result<bool> {
        if self.token()? != Some(b'{') {
            return Ok(false);
        }
        loop {
            match self.peek()? {
                Some(b',') => self.text.consume(1),
                Some(b'"') => {
                    self.record.clear();
                    let kept = self.value(true)?;
                    let key: Option<String> = serde_json::from_slice(&self.record).ok();
                    if !kept || self.token()? != Some(b':') {
                        return Ok(false);
                    }
                    if key.as_deref() == Some(name) {
                        return Ok(true);
                    }
                    self.peek()?;
                    self.value(false)?;
                }
                _ => return Ok(false),
            }
        }
    }

    /// True when the first line alone is an object. Looks no farther than the buffer, and there a line that goes on past it
    /// counts as one.
    fn starts_with_whole_line(&mut self) -> io::Result<bool> {
        let buffer = self.text.fill_buf()?;
        match buffer.iter().position(|&b| b == b'\n') {
            Some(end) => Ok(serde_json::from_slice::<Map<String, Value>>(&buffer[..end]).is_ok()),
            None => Ok(serde_json::from_slice::<serde::de::IgnoredAny>(buffer)
                .map_or_else(|error| error.is_eof(), |_| true)),
        }
    }
}
