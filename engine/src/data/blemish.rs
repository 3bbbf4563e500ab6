//! What is wrong with real records: values that are missing, times long past, records sent twice, bytes that do not parse.
//!
//! Each is a share of the records and each is counted. The content is changed as the records leave their source, so that
//! what arrives downstream really is so: a null is left out of the JSON, a late record carries its old time, a duplicate
//! has the same id, malformed bytes do not parse.

use super::json_size::json_sizes;
use super::{Batch, TIME_FIELD};
use crate::rng::Rng;
use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, TimestampMillisecondArray,
    UInt32Array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use std::sync::Arc;

/// Shares of the records, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Blemishes {
    /// Records that lack the value of one field.
    pub nulls: f64,
    /// Records whose time is long past when they are sent.
    pub late: f64,
    /// How long at the most, in milliseconds; lateness is uniform up to it.
    pub late_by_ms: u64,
    /// Records that are sent a second time.
    pub duplicates: f64,
    /// Records whose bytes do not parse.
    pub malformed: f64,
}

/// How many rows were struck; their weights are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Blemished {
    /// Rows that lack a value.
    pub nulls: u64,
    /// Rows with an old time.
    pub late: u64,
    /// Rows that were added because they are sent twice.
    pub duplicates: u64,
    /// Rows that do not parse.
    pub malformed: u64,
}

/// Strikes records of one source. The field `key` and the time always keep their values.
#[derive(Debug)]
pub struct Blemisher {
    /// How many are struck.
    pub shares: Blemishes,
    key: String,
    /// The schema that was seen last, and what it becomes.
    schema: Option<(SchemaRef, SchemaRef)>,
}

impl Blemishes {
    /// True when nothing is wrong.
    #[must_use]
    pub fn are_none(&self) -> bool {
        [self.nulls, self.late, self.duplicates, self.malformed]
            .iter()
            .all(|share| *share <= 0.0)
    }
    /// The schema of the records when values may be missing: all but the key and the time may be null.
    #[must_use]
    pub fn schema(&self, of: &SchemaRef, key: &str) -> SchemaRef {
        if self.nulls <= 0.0 {
            return Arc::clone(of);
        }
        let fields: Vec<Field> = of
            .fields()
            .iter()
            .map(|f| {
                let may = may_lack(f, key) || f.is_nullable();
                f.as_ref().clone().with_nullable(may)
            })
            .collect();
        Arc::new(Schema::new_with_metadata(fields, of.metadata().clone()))
    }
}

fn may_lack(field: &Field, key: &str) -> bool {
    field.name() != key && field.name() != TIME_FIELD && field.name() != "pad"
}

impl Blemisher {
    /// For records whose key is the field `key`.
    #[must_use]
    pub fn new(shares: Blemishes, key: &str) -> Self {
        Self {
            shares,
            key: key.to_owned(),
            schema: None,
        }
    }
    /// The batch with its blemishes, and how many there are. Duplicates are at the end.
    ///
    /// # Errors
    /// When columns cannot be rearranged: a bug.
    pub fn apply(&mut self, batch: Batch, rng: &mut Rng) -> Result<(Batch, Blemished), ArrowError> {
        let mut counts = Blemished::default();
        if self.shares.are_none() || batch.is_empty() {
            return Ok((batch, counts));
        }
        let mut batch = self.lack(batch, rng, &mut counts)?;
        batch = self.delay(batch, rng, &mut counts)?;
        if counts.nulls + counts.late > 0 {
            batch.sizes = json_sizes(&batch.rows);
        }
        if self.shares.malformed > 0.0 {
            let bits: BooleanBuffer = (0..batch.len())
                .map(|_| rng.chance(self.shares.malformed))
                .collect();
            counts.malformed = bits.count_set_bits() as u64;
            batch.malformed = (counts.malformed > 0).then_some(bits);
        }
        if self.shares.duplicates > 0.0 {
            let rows = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            let twice: Vec<u32> = (0..rows)
                .filter(|_| rng.chance(self.shares.duplicates))
                .collect();
            counts.duplicates = twice.len() as u64;
            if !twice.is_empty() {
                let all: UInt32Array = (0..rows).chain(twice).collect();
                batch = batch.take(&all)?;
            }
        }
        Ok((batch, counts))
    }
    /// Takes one value away from each record that is struck.
    fn lack(
        &mut self,
        batch: Batch,
        rng: &mut Rng,
        counts: &mut Blemished,
    ) -> Result<Batch, ArrowError> {
        if self.shares.nulls <= 0.0 {
            return Ok(batch);
        }
        let own = batch.schema();
        let schema = match &self.schema {
            Some((seen, becomes)) if Arc::ptr_eq(seen, &own) => Arc::clone(becomes),
            _ => {
                let becomes = self.shares.schema(&own, &self.key);
                self.schema = Some((Arc::clone(&own), Arc::clone(&becomes)));
                becomes
            }
        };
        let fields: Vec<usize> = (0..own.fields().len())
            .filter(|i| may_lack(own.field(*i), &self.key))
            .collect();
        let struck: Vec<usize> = (0..batch.len())
            .map(|_| {
                let strikes = rng.chance(self.shares.nulls) && !fields.is_empty();
                let field = usize::try_from(rng.below(fields.len() as u64)).unwrap_or(0);
                if strikes { fields[field] } else { usize::MAX }
            })
            .collect();
        let mut columns: Vec<ArrayRef> = batch.rows.columns().to_vec();
        for i in &fields {
            let mask: BooleanBuffer = struck.iter().map(|at| at == i).collect();
            let n = mask.count_set_bits() as u64;
            if n > 0 {
                counts.nulls += n;
                columns[*i] = nullif(&columns[*i], &BooleanArray::new(mask, None))?;
            }
        }
        let rows = RecordBatch::try_new(schema, columns)?;
        Ok(Batch { rows, ..batch })
    }
    /// Sets the time of records that are struck back.
    fn delay(
        &self,
        batch: Batch,
        rng: &mut Rng,
        counts: &mut Blemished,
    ) -> Result<Batch, ArrowError> {
        let schema = batch.schema();
        let millis = |t: &DataType| matches!(t, DataType::Timestamp(TimeUnit::Millisecond, _));
        let at = schema.index_of(TIME_FIELD).ok();
        let Some(at) =
            at.filter(|at| self.shares.late > 0.0 && millis(schema.field(*at).data_type()))
        else {
            return Ok(batch);
        };
        let column = batch.rows.column(at);
        let times = column.as_primitive::<TimestampMillisecondType>();
        let old: Vec<i64> = times
            .values()
            .iter()
            .map(|time| {
                if !rng.chance(self.shares.late) {
                    return *time;
                }
                counts.late += 1;
                let by = 1 + rng.below(self.shares.late_by_ms.max(1));
                time.saturating_sub(i64::try_from(by).unwrap_or(i64::MAX))
            })
            .collect();
        let times = TimestampMillisecondArray::new(old.into(), column.nulls().cloned())
            .with_data_type(column.data_type().clone());
        let mut columns: Vec<ArrayRef> = batch.rows.columns().to_vec();
        columns[at] = Arc::new(times);
        let rows = RecordBatch::try_new(schema, columns)?;
        Ok(Batch { rows, ..batch })
    }
}

#[cfg(test)]
mod tests {
    use super::{Blemisher, Blemishes};
    use crate::data::{Generator, GeneratorSpec, RecordSchema, json_sizes};
    use crate::rng::Rng;
    use arrow::array::{Array as _, AsArray as _};
    use arrow::datatypes::TimestampMillisecondType;

    #[test]
    fn every_blemish_has_its_share_and_is_real() {
        let n = 8_000;
        for schema in RecordSchema::ALL {
            let generator = Generator::new(GeneratorSpec::new(schema, 1, "p")).unwrap();
            let born: Vec<u64> = (0..n).map(|i| i * 1_000_000).collect();
            let whole = generator.chunk(0).emit(0, &born, 1_767_571_200_000);
            for (i, shares) in [
                Blemishes {
                    nulls: 0.1,
                    ..Blemishes::default()
                },
                Blemishes {
                    late: 0.1,
                    late_by_ms: 60_000,
                    ..Blemishes::default()
                },
                Blemishes {
                    duplicates: 0.1,
                    ..Blemishes::default()
                },
                Blemishes {
                    malformed: 0.1,
                    ..Blemishes::default()
                },
            ]
            .into_iter()
            .enumerate()
            {
                let mut blemisher = Blemisher::new(shares, schema.key());
                let (batch, counts) = blemisher
                    .apply(whole.clone(), &mut Rng::new(7, "b"))
                    .unwrap();
                let told = [
                    counts.nulls,
                    counts.late,
                    counts.duplicates,
                    counts.malformed,
                ];
                for (j, told) in told.into_iter().enumerate() {
                    let expected = if i == j { 700..900 } else { 0..1 };
                    assert!(expected.contains(&told), "{shares:?}: {counts:?}");
                }
                assert_eq!(batch.sizes, json_sizes(&batch.rows));
                assert_eq!(batch.schema(), shares.schema(&whole.schema(), schema.key()));
                let nulls: usize = batch.rows.columns().iter().map(|c| c.null_count()).sum();
                assert_eq!(nulls as u64, counts.nulls);
                assert_eq!(batch.malformed_rows() as u64, counts.malformed);
                assert_eq!(batch.len() as u64, n + counts.duplicates);
                let times = |b: &crate::data::Batch| {
                    let column = b.rows.column_by_name("event_time").unwrap().clone();
                    column.as_primitive::<TimestampMillisecondType>().clone()
                };
                let (now, before) = (times(&batch), times(&whole));
                let late = (0..whole.len()).filter(|r| now.value(*r) < before.value(*r));
                assert_eq!(late.count() as u64, counts.late);
                assert!((0..whole.len()).all(|r| before.value(r) - now.value(r) <= 60_000));
            }
        }
    }
}
