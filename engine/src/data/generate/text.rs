//! Columns built straight into their buffers: no string object per value.

use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use std::sync::Arc;

/// A growing column of ASCII strings.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    offsets: Vec<i32>,
}

impl Text {
    /// Room for `rows` strings of about `width` bytes.
    pub(super) fn new(rows: usize, width: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            bytes: Vec::with_capacity(rows * width),
            offsets,
        }
    }
    /// Adds to the string that is being written.
    pub(super) fn put(&mut self, ascii: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(ascii);
        self
    }
    /// Adds the `width` lowest decimal digits of `n`, with leading zeros; `width` is at most 20.
    pub(super) fn digits(&mut self, mut n: u64, width: usize) -> &mut Self {
        let mut text = [b'0'; 20];
        for digit in text[20 - width..].iter_mut().rev() {
            *digit = b'0' + (n % 10) as u8;
            n /= 10;
        }
        self.put(&text[20 - width..])
    }
    /// Adds `n` in as many decimal digits as it needs.
    pub(super) fn number(&mut self, n: u64) -> &mut Self {
        self.digits(n, n.checked_ilog10().unwrap_or(0) as usize + 1)
    }
    /// Adds sixteen hexadecimal digits.
    pub(super) fn hex(&mut self, n: u64) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 16];
        for (pair, byte) in text.chunks_exact_mut(2).zip(n.to_be_bytes()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        self.put(&text)
    }
    /// Ends the string that is being written.
    pub(super) fn end(&mut self) {
        let end = i32::try_from(self.bytes.len()).unwrap_or(i32::MAX);
        self.offsets.push(end);
    }
    /// One whole string.
    pub(super) fn push(&mut self, ascii: &str) {
        self.put(ascii.as_bytes()).end();
    }
    /// The column.
    pub(super) fn finish(self) -> ArrayRef {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        Arc::new(StringArray::new(
            offsets,
            Buffer::from_vec(self.bytes),
            None,
        ))
    }
}
