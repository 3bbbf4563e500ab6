//! Aggregated records as the Kinesis Producer Library makes them: how large they are, and which records go into which.
//!
//! Source: the library's aggregation format, github.com/awslabs/amazon-kinesis-producer (aggregation-format.md): four magic
//! bytes, a Protocol Buffers message with a table of keys and the records, an MD5 of 16 bytes.

/// Magic bytes and checksum.
const FRAME: u64 = 4 + 16;
/// The partition key of a record that holds several is one letter; its explicit hash key decides the shard.
const KEY: u64 = 1;

const fn varint(n: u64) -> u64 {
    match n {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        0x20_0000..0x1000_0000 => 4,
        _ => 5,
    }
}

/// One record of a shard: one row, or several that are packed.
#[derive(Debug, Default)]
pub(super) struct Pack {
    pub(super) rows: Vec<u32>,
    /// Hashes of the keys in its table.
    keys: Vec<u128>,
    /// Bytes of the message so far.
    message: u64,
    /// What it would be alone: data and key of its first row.
    single: u64,
}

impl Pack {
    /// Bytes of the record, key included.
    pub(super) fn size(&self) -> u64 {
        if self.rows.len() < 2 {
            self.single
        } else {
            FRAME + self.message + KEY
        }
    }
    /// What the message grows by with a row.
    fn growth(&self, hash: u128, key_bytes: u64, data: u64) -> (u64, bool) {
        let place = self.keys.iter().position(|k| *k == hash);
        let index = place.unwrap_or(self.keys.len()) as u64;
        let record = 1 + varint(index) + 1 + varint(data) + data;
        let table = if place.is_some() {
            0
        } else {
            1 + varint(key_bytes) + key_bytes
        };
        (1 + varint(record) + record + table, place.is_none())
    }
    /// Takes a row in when the record stays within `most` bytes; the first always fits.
    pub(super) fn add(
        &mut self,
        row: u32,
        hash: u128,
        key_bytes: u64,
        data: u64,
        most: u64,
    ) -> bool {
        let (growth, is_new) = self.growth(hash, key_bytes, data);
        if !self.rows.is_empty() && FRAME + self.message + growth > most {
            return false;
        }
        if self.rows.is_empty() {
            self.single = data + key_bytes;
        }
        if is_new {
            self.keys.push(hash);
        }
        self.message += growth;
        self.rows.push(row);
        true
    }
}
