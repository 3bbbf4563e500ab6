//! A generator that is learnt from a sample: records in the likeness of a file's.
//!
//! Each record is one of the sample's, drawn at random, so that sizes, values, how often they occur and how the fields of a
//! record go together are those of the sample. Fields that tell records apart get values of their own: texts that are nearly
//! all distinct keep the form of one of the sample's, whole numbers that only grow go on growing. The time is put in when a
//! record is emitted. Arrivals are learnt as a rate and how irregular the gaps are.

use super::text::Text;
use super::{Request, TIME_FIELD};
use crate::data::json_size::json_sizes;
use crate::data::replay::{Replay, ReplayError, ReplaySpec, Root};
use crate::rng::Rng;
use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Int64Type, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Records of the sample that are kept, at most.
const SAMPLE_ROWS: usize = 50_000;
/// Bytes of the sample that are kept, at most.
const SAMPLE_BYTES: usize = 64 << 20;
/// A text field with more distinct values than this share of the records tells records apart.
const DISTINCT_SHARE: f64 = 0.9;

/// What was learnt of one field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldProfile {
    /// The field.
    pub name: String,
    /// Its Arrow type.
    pub data_type: String,
    /// Distinct values in the sample.
    pub distinct: u64,
    /// Share of the records that lack it.
    pub null_share: f64,
    /// Share of the most frequent value.
    pub top_share: f64,
    /// Exponent of Zipf's law that fits the ranks of its values; 0 when they are about equally frequent.
    pub skew: f64,
    /// How it is made: `drawn` from the sample, `new values` of the same form, `counting` on, or `the time`.
    pub made: &'static str,
}

/// What was learnt of a sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// Records that were looked at.
    pub records: u64,
    /// Mean bytes of a record as JSON.
    pub mean_bytes: f64,
    /// Least and most bytes of a record.
    pub bytes_range: (u32, u32),
    /// Records a second, by their own times; `None` when they have none.
    pub records_per_second: Option<f64>,
    /// Standard deviation of the gaps between records over their mean: 0 for even arrivals, about 1 for random ones.
    pub gap_variation: Option<f64>,
    /// The fields.
    pub fields: Vec<FieldProfile>,
}

#[derive(Debug)]
enum Own {
    Template(usize),
    Counting(usize, i64),
}

/// The sample and what was learnt of it. Cheap to share.
#[derive(Debug)]
pub struct Learned {
    /// For people.
    pub profile: Profile,
    rows: RecordBatch,
    own: Vec<Own>,
    /// The name of the time field in emitted records.
    pub(super) time_field: String,
}

impl Learned {
    /// Reads the first records of a file and learns from them.
    ///
    /// # Errors
    /// When the file cannot be read or has no records.
    pub fn read(root: &Root, spec: ReplaySpec) -> Result<Self, ReplayError> {
        let name = spec.file.clone();
        let mut replay = Replay::open(root, spec)?;
        let time_field = replay.time_field().map(str::to_owned);
        let (mut batches, mut times): (Vec<RecordBatch>, Vec<i64>) = (Vec::new(), Vec::new());
        let (mut rows, mut bytes) = (0, 0);
        while rows < SAMPLE_ROWS && bytes < SAMPLE_BYTES {
            let Some(batch) = replay.next_batch((SAMPLE_ROWS - rows).min(8_192))? else {
                break;
            };
            rows += batch.rows.num_rows();
            bytes += batch.sizes.iter().map(|n| *n as usize).sum::<usize>();
            times.extend(batch.times_ms.iter().flat_map(|t| t.iter()));
            batches.push(batch.rows);
        }
        let fail = |why: String| ReplayError::Format {
            file: name.clone(),
            format: "sample",
            why,
        };
        if rows == 0 {
            return Err(fail("it has no records to learn from".to_owned()));
        }
        let all = concat_batches(&replay.schema(), &batches).map_err(|e| fail(e.to_string()))?;
        Ok(Self::of(&all, time_field.as_deref(), &times))
    }
    fn of(all: &RecordBatch, time: Option<&str>, times: &[i64]) -> Self {
        let sizes = json_sizes(all);
        let schema = all.schema();
        let time_at = time.and_then(|t| schema.index_of(t).ok());
        let (mut fields, mut own, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for (i, field) in schema.fields().iter().enumerate() {
            let mut profile = look_at(field.name(), all.column(i));
            if Some(i) == time_at || field.name() == TIME_FIELD {
                profile.made = "the time";
                fields.push(profile);
                continue;
            }
            let at = kept.len();
            kept.push(i);
            let telling = profile.distinct as f64 > DISTINCT_SHARE * all.num_rows() as f64
                && all.num_rows() > 10;
            if telling && *field.data_type() == DataType::Utf8 {
                profile.made = "new values";
                own.push(Own::Template(at));
            } else if let Some(last) = counts_up(all.column(i)).filter(|_| telling) {
                profile.made = "counting";
                own.push(Own::Counting(at, last));
            }
            fields.push(profile);
        }
        let rows = all.project(&kept).unwrap_or_else(|_| all.clone());
        let (rate, variation) = arrivals(times);
        let n = all.num_rows() as f64;
        let least = sizes.iter().min().copied().unwrap_or(0);
        Self {
            profile: Profile {
                records: all.num_rows() as u64,
                mean_bytes: sizes.iter().map(|s| f64::from(*s)).sum::<f64>() / n,
                bytes_range: (least, sizes.iter().max().copied().unwrap_or(0)),
                records_per_second: rate,
                gap_variation: variation,
                fields,
            },
            rows,
            own,
            time_field: time_at
                .map_or(TIME_FIELD, |i| schema.field(i).name())
                .to_owned(),
        }
    }
    /// The schema of the content, without the time.
    pub(super) fn content(&self) -> Arc<Schema> {
        self.rows.schema()
    }
    pub(super) fn columns(&self, request: Request<'_>) -> Vec<ArrayRef> {
        let Request {
            rng, rows, first, ..
        } = request;
        let n = self.rows.num_rows() as u64;
        let picks: UInt32Array = (0..rows)
            .map(|_| u32::try_from(rng.below(n)).unwrap_or(0))
            .collect();
        let drawn = match take_record_batch(&self.rows, &picks) {
            Ok(drawn) => drawn,
            Err(error) => unreachable!("indices are within the sample: {error}"),
        };
        let mut columns = drawn.columns().to_vec();
        for own in &self.own {
            match own {
                Own::Template(at) => columns[*at] = reform(&columns[*at], rng),
                Own::Counting(at, last) => {
                    let from = last.saturating_add(i64::try_from(first).unwrap_or(i64::MAX));
                    let numbers = (1..=rows as i64).map(|i| from.saturating_add(i));
                    columns[*at] = Arc::new(Int64Array::from_iter_values(numbers));
                }
            }
        }
        columns
    }
}

/// Texts of the same form: each digit becomes a digit, each letter a letter of its case, the rest stays. Hexadecimal digits
/// stay hexadecimal.
fn reform(column: &ArrayRef, rng: &mut Rng) -> ArrayRef {
    let texts = column.as_string::<i32>();
    let mut out = Text::new(texts.len(), 16);
    let mut bytes = Vec::new();
    for row in 0..texts.len() {
        bytes.clear();
        for byte in texts.value(row).bytes() {
            let pick = |set: &[u8], rng: &mut Rng| {
                let at = rng.below(set.len() as u64);
                set[usize::try_from(at).unwrap_or(0)]
            };
            bytes.push(match byte {
                b'0'..=b'9' => pick(b"0123456789", rng),
                b'a'..=b'f' => pick(b"abcdef", rng),
                b'g'..=b'z' => pick(b"ghijklmnopqrstuvwxyz", rng),
                b'A'..=b'F' => pick(b"ABCDEF", rng),
                b'G'..=b'Z' => pick(b"GHIJKLMNOPQRSTUVWXYZ", rng),
                other => other,
            });
        }
        out.put(&bytes).end();
    }
    let made = out.finish();
    match column.nulls() {
        None => made,
        Some(nulls) => {
            let mask = arrow::array::BooleanArray::new(!nulls.inner(), None);
            arrow::compute::nullif(&made, &mask).unwrap_or(made)
        }
    }
}

/// The last of whole numbers that only grow.
fn counts_up(column: &ArrayRef) -> Option<i64> {
    let numbers = column.as_primitive_opt::<Int64Type>()?;
    let grows = numbers.null_count() == 0 && numbers.values().windows(2).all(|w| w[1] > w[0]);
    grows.then(|| numbers.values().last().copied()).flatten()
}

fn look_at(name: &str, column: &ArrayRef) -> FieldProfile {
    let options = FormatOptions::default();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    if let Ok(format) = ArrayFormatter::try_new(column.as_ref(), &options) {
        for row in (0..column.len()).filter(|r| column.is_valid(*r)) {
            *counts.entry(format.value(row).to_string()).or_default() += 1;
        }
    }
    let mut ranked: Vec<u64> = counts.into_values().collect();
    ranked.sort_unstable_by(|a, b| b.cmp(a));
    let n = column.len().max(1) as f64;
    FieldProfile {
        name: name.to_owned(),
        data_type: column.data_type().to_string(),
        distinct: ranked.len() as u64,
        null_share: column.null_count() as f64 / n,
        top_share: ranked.first().map_or(0.0, |top| *top as f64 / n),
        skew: zipf(&ranked),
        made: "drawn",
    }
}

/// The slope of log(count) over log(rank), by least squares over the ranks that occur at least five times.
fn zipf(ranked: &[u64]) -> f64 {
    let points: Vec<(f64, f64)> = ranked
        .iter()
        .take_while(|n| **n >= 5)
        .enumerate()
        .map(|(i, n)| (libm::log(i as f64 + 1.0), libm::log(*n as f64)))
        .collect();
    if points.len() < 3 {
        return 0.0;
    }
    let n = points.len() as f64;
    let (sx, sy) = points
        .iter()
        .fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mx, my) = (sx / n, sy / n);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in points {
        above += (x - mx) * (y - my);
        below += (x - mx) * (x - mx);
    }
    (-above / below).max(0.0)
}

/// Rate and variation of the gaps of sorted times.
fn arrivals(times: &[i64]) -> (Option<f64>, Option<f64>) {
    let mut times = times.to_vec();
    times.sort_unstable();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return (None, None);
    };
    let span = (last - first) as f64 / 1000.0;
    let gaps = times.len() as f64 - 1.0;
    if span <= 0.0 || gaps < 2.0 {
        return (None, None);
    }
    let mean = span / gaps;
    let square = |w: &[i64]| {
        let gap = (w[1] - w[0]) as f64 / 1000.0 - mean;
        gap * gap
    };
    let variance = times.windows(2).map(square).sum::<f64>() / gaps;
    (Some(1.0 / mean), Some(libm::sqrt(variance) / mean))
}
