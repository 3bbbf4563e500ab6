//! A small reader of delimited text: quotes as in RFC 4180, rows of any length, bounded memory.
//!
//! Ragged rows are data here, not errors: Glue's `LazySimpleSerDe` fills what is missing with nulls and drops what is
//! too much, and files in a lake are written by anybody.

use std::io::{self, BufRead};

/// Longest field that is kept whole; what follows is dropped.
const FIELD_BYTES_MAX: usize = 1 << 20;
/// Most fields of a row that are kept.
pub(super) const FIELDS_MAX: usize = 4_096;

/// Reads rows of fields one by one.
pub(super) struct CsvRows<R> {
    from: R,
    delimiter: u8,
}

impl<R: BufRead> CsvRows<R> {
    pub(super) const fn new(from: R, delimiter: u8) -> Self {
        Self { from, delimiter }
    }

    /// Reads the next row into `row`; false at the end. Empty lines are skipped. Bytes that are not UTF-8 are replaced.
    pub(super) fn next_row(&mut self, row: &mut Vec<String>) -> io::Result<bool> {
        loop {
            row.clear();
            if !self.read_row(row)? {
                return Ok(false);
            }
            if row.len() > 1 || row.first().is_some_and(|f| !f.is_empty()) {
                return Ok(true);
            }
        }
    }

    fn read_row(&mut self, row: &mut Vec<String>) -> io::Result<bool> {
        let mut field = Vec::new();
        let (mut quoted, mut was_quote, mut any) = (false, false, false);
        loop {
            let buffer = self.from.fill_buf()?;
            if buffer.is_empty() {
                if any {
                    push(row, &mut field);
                }
                return Ok(any);
            }
            let mut used = 0;
            let mut ended = false;
            for &b in buffer {
                used += 1;
                any = true;
                if quoted {
                    // A doubled quote is one; a single one ends the quoted part.
                    if b == b'"' {
                        quoted = false;
                        was_quote = true;
                    } else {
                        keep(&mut field, b);
                    }
                } else if b == b'"' && (was_quote || field.is_empty()) {
                    if was_quote {
                        keep(&mut field, b'"');
                    }
                    quoted = true;
                    was_quote = false;
                } else if b == self.delimiter {
                    push(row, &mut field);
                    was_quote = false;
                } else if b == b'\n' {
                    if field.last() == Some(&b'\r') {
                        field.pop();
                    }
                    push(row, &mut field);
                    ended = true;
                    break;
                } else {
                    was_quote = false;
                    keep(&mut field, b);
                }
            }
            self.from.consume(used);
            if ended {
                return Ok(true);
            }
        }
    }
}

fn keep(field: &mut Vec<u8>, b: u8) {
    if field.len() < FIELD_BYTES_MAX {
        field.push(b);
    }
}

fn push(row: &mut Vec<String>, field: &mut Vec<u8>) {
    if row.len() < FIELDS_MAX {
        row.push(String::from_utf8_lossy(field).into_owned());
    }
    field.clear();
}
