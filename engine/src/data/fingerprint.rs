//! A fingerprint of records: the same for the same values in the same columns, however the batch was cut out of others.
//! Good within one process; differs from machine to machine and is never written down.

use std::hash::{BuildHasher as _, Hasher as _};

use ahash::{AHasher, RandomState};
use arrow::array::{Array as _, ArrayRef, AsArray as _, OffsetSizeTrait, RecordBatch};
use arrow::datatypes::DataType;

/// Fixed seeds of the two halves.
const SEEDS: [[u64; 4]; 2] = [
    [
        0x243f_6a88_85a3_08d3,
        0x1319_8a2e_0370_7344,
        0xa409_3822_299f_31d0,
        0x082e_fa98_ec4e_6c89,
    ],
    [
        0x4528_21e6_38d0_1377,
        0xbe54_66cf_34e9_0c6c,
        0xc0ac_29b7_c97c_50dd,
        0x3f84_d5b5_b547_0917,
    ],
];

/// Gathers what is told apart, 128 bits.
#[derive(Debug)]
pub struct Fingerprint([AHasher; 2]);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(SEEDS.map(|[a, b, c, d]| RandomState::with_seeds(a, b, c, d).build_hasher()))
    }
}

impl Fingerprint {
    /// Takes bytes in, with their number.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for half in &mut self.0 {
            half.write_usize(bytes.len());
            half.write(bytes);
        }
    }
    /// Takes the rows in. False when there is a column of a type that it cannot read: then it is worth nothing.
    pub fn rows(&mut self, batch: &RecordBatch) -> bool {
        self.bytes(&batch.num_rows().to_le_bytes());
        let fields = batch.schema();
        let mut columns = fields.fields().iter().zip(batch.columns());
        columns.all(|(field, column)| {
            self.bytes(field.name().as_bytes());
            self.column(column)
        })
    }
    fn column(&mut self, column: &ArrayRef) -> bool {
        self.bytes(column.data_type().to_string().as_bytes());
        if let Some(nulls) = column.nulls().filter(|n| n.null_count() > 0) {
            self.bytes(nulls.inner().sliced().as_slice());
        }
        match column.data_type() {
            DataType::Utf8 => self.texts::<i32>(column),
            DataType::LargeUtf8 => self.texts::<i64>(column),
            DataType::Boolean => self.bytes(column.as_boolean().values().sliced().as_slice()),
            other => {
                let Some(width) = other.primitive_width() else {
                    return false;
                };
                let data = column.to_data();
                let from = data.offset() * width;
                let values = data.buffers().first().map(|b| b.as_slice());
                match values.and_then(|v| v.get(from..from + data.len() * width)) {
                    Some(values) => self.bytes(values),
                    None => return false,
                }
            }
        }
        true
    }
    fn texts<O: OffsetSizeTrait>(&mut self, column: &ArrayRef) {
        let texts = column.as_string::<O>();
        let offsets = texts.value_offsets();
        let first = offsets.first().map_or(0, |o| o.as_usize());
        let last = offsets.last().map_or(0, |o| o.as_usize());
        for half in &mut self.0 {
            for offset in offsets {
                half.write_usize(offset.as_usize() - first);
            }
        }
        self.bytes(texts.value_data().get(first..last).unwrap_or_default());
    }
    /// What was gathered.
    #[must_use]
    pub fn finish(&self) -> u128 {
        let [high, low] = [&self.0[0], &self.0[1]].map(|h| u128::from(h.finish()));
        (high << 64) | low
    }
}

#[cfg(test)]
mod tests {
    use super::super::generate::{Generator, GeneratorSpec, RecordSchema};
    use super::*;

    #[test]
    fn fingerprints_tell_values_apart_and_not_how_they_are_held() {
        let print = |batch: &RecordBatch| {
            let mut print = Fingerprint::default();
            assert!(print.rows(batch), "{}", batch.schema());
            print.finish()
        };
        for schema in RecordSchema::ALL {
            let generator = Generator::new(GeneratorSpec::new(schema, 1, "p")).unwrap();
            let born: Vec<u64> = (0..2000).map(|i| i * 1_000_000).collect();
            let whole = generator.chunk(0).emit(0, &born, 0).rows;
            let part = whole.slice(1001, 300);
            // The same rows, copied.
            let copied = arrow::compute::concat_batches(&part.schema(), [&part]).unwrap();
            let halves = [whole.slice(1001, 150), whole.slice(1151, 150)];
            let joined = arrow::compute::concat_batches(&part.schema(), &halves).unwrap();
            assert_eq!(print(&part), print(&copied), "{schema:?}");
            assert_eq!(print(&part), print(&joined), "{schema:?}");
            for other in [
                whole.slice(1000, 300),
                whole.slice(1001, 299),
                whole.slice(1301, 300),
            ] {
                assert_ne!(print(&part), print(&other), "{schema:?}");
            }
        }
    }
}
