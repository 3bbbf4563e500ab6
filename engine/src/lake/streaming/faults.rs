//! Rows that do not compute: found without a look at each row while all compute, and told in the columns of Kinesis Analytics' error
//! stream.
//!
//! Source of the columns: <https://docs.aws.amazon.com/kinesisanalytics/latest/dev/error-handling.html>, read 2026-11-21.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::Made;
use super::rows::{Fates, Rows, fate, millis, time_field, times};
use crate::lake::error::SqlProblem;
use crate::lake::show::batches_to_json;

/// The name of the stream.
pub(super) const ERROR_STREAM: &str = "error_stream";
/// What is said of a text that is longer than its type.
pub(super) const TRUNCATION: &str = "String data, right truncation";
/// What is said of a record whose bytes do not parse. AWS does not publish its wording.
const UNPARSED: &str = "Parsing error: the record is no JSON in the columns of the input";
/// Letters of a message and of a row in hexadecimal digits at the most: `VARCHAR(4096)`, `VARCHAR(49152)`.
const MESSAGE_MAX: usize = 4096;
const ROW_MAX: usize = 49_152;

/// The columns of the error stream.
pub(super) static COLUMNS: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        time_field("ERROR_TIME"),
        text("ERROR_LEVEL"),
        text("ERROR_NAME"),
        text("MESSAGE"),
        time_field("DATA_ROWTIME"),
        text("DATA_ROW"),
        text("PUMP_NAME"),
    ]))
});

/// A row that does not compute.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) why: String,
    rowtime_ms: Option<i64>,
    /// The row as JSON, in hexadecimal digits.
    row: String,
    pub(super) pump: Option<Arc<str>>,
    born: u64,
    /// The record of the batch at the input that it is.
    record: Option<u32>,
    weight: u32,
}

/// What was computed of the rows that compute.
pub(super) struct Sieved<T> {
    pub(super) value: T,
    /// The rows that compute; all of them when `None`.
    pub(super) kept: Option<UInt32Array>,
    /// The rows that do not, each with why.
    pub(super) bad: Vec<(u32, String)>,
}

/// Lets `compute` have the whole batch; where that fails, only the rows for which it does not. Costs nothing while all compute; then
/// halves are tried, so that one bad row among n takes about 2 log n attempts.
pub(super) fn sieve<T>(
    batch: &RecordBatch,
    mut compute: impl FnMut(&RecordBatch) -> Result<T, SqlProblem>,
) -> Result<Sieved<T>, SqlProblem> {
    let why = match compute(batch) {
        Ok(value) => {
            return Ok(Sieved {
                value,
                kept: None,
                bad: Vec::new(),
            });
        }
        Err(why) => why,
    };
    let mut bad = Vec::new();
    // Parts of rows that are known to fail, the first on top.
    let mut rest = vec![(0, batch.num_rows(), why)];
    while let Some((from, len, why)) = rest.pop() {
        if len <= 1 {
            bad.push((u32::try_from(from).unwrap_or(u32::MAX), why.message));
            continue;
        }
        let half = len / 2;
        for (from, len) in [(from + half, len - half), (from, half)] {
            if let Err(why) = compute(&batch.slice(from, len)) {
                rest.push((from, len, why));
            }
        }
    }
    let mut next = bad.iter().map(|b| b.0).peekable();
    let all = 0..u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
    let kept: Vec<u32> = all.filter(|i| next.next_if_eq(i).is_none()).collect();
    let kept = UInt32Array::from(kept);
    let value = compute(&take_record_batch(batch, &kept)?)?;
    Ok(Sieved {
        value,
        kept: Some(kept),
        bad,
    })
}

impl Fates {
    /// Row `i` of `rows` does not compute.
    pub(super) fn fault(&mut self, rows: &Rows, i: u32, why: &str, pump: Option<&Arc<str>>) {
        self.mark(&rows.origin, Some(&[i]), fate::BAD);
        let at = i as usize;
        self.faults.push(Fault {
            why: plainly(why),
            rowtime_ms: rowtime(&rows.batch, at),
            row: hexadecimal(&rows.batch, at),
            pump: pump.cloned(),
            born: rows.born.get(at).copied().unwrap_or_default(),
            record: rows.origin.record(at),
            weight: rows.weight,
        });
    }
    /// The rows of `rows` that were found not to compute.
    pub(super) fn faults<T>(&mut self, rows: &Rows, sieved: &Sieved<T>, pump: Option<&Arc<str>>) {
        for (row, why) in &sieved.bad {
            self.fault(rows, *row, why, pump);
        }
    }
    /// Rows made of several records that do not compute.
    pub(super) fn made_faults(
        &mut self,
        batch: &RecordBatch,
        bad: &[(u32, String)],
        born: u64,
        pump: Option<&Arc<str>>,
    ) {
        let rows = Rows::made(batch.clone(), born);
        for (row, why) in bad {
            self.fault(&rows, *row, why, pump);
        }
    }
}

fn rowtime(batch: &RecordBatch, row: usize) -> Option<i64> {
    let column = batch.column_by_name(super::rows::ROWTIME)?;
    let one = millis(&column.slice(row, 1)).ok()?;
    one.iter().next().flatten()
}

/// The shown columns of a row as JSON in hexadecimal digits.
fn hexadecimal(batch: &RecordBatch, row: usize) -> String {
    let fields = batch.schema();
    let shown = fields.fields().iter().enumerate();
    let shown: Vec<usize> = shown
        .filter(|(_, f)| !f.name().starts_with("__"))
        .map(|(i, _)| i)
        .collect();
    let one = batch.project(&shown).map(|b| b.slice(row, 1));
    let json = one.ok().and_then(|b| batches_to_json(&[b]).ok());
    let text = json.and_then(|rows| rows.first().map(ToString::to_string));
    digits(text.unwrap_or_default().as_bytes())
}

/// Bytes in hexadecimal digits, as many as the column takes.
fn digits(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes.iter().take(ROW_MAX / 2) {
        if write!(out, "{byte:02X}").is_err() {
            break;
        }
    }
    out
}

/// Records of the input whose bytes are no JSON of its columns. No pump has seen them.
pub(super) fn unparsed(lines: &[&[u8]], born: &[u64], weight: u32, now_ms: i64) -> Vec<Fault> {
    let each = lines.iter().zip(born).zip(0_u32..);
    each.map(|((line, born), record)| Fault {
        why: UNPARSED.to_owned(),
        rowtime_ms: Some(now_ms),
        row: digits(line),
        pump: None,
        born: *born,
        record: Some(record),
        weight,
    })
    .collect()
}

/// The sentence alone, where an expression was made to fail with it.
fn plainly(why: &str) -> String {
    let own = why.find(TRUNCATION).and_then(|i| why.get(i..));
    let own = own.and_then(|o| o.split("' to value").next());
    let own = own.and_then(|o| o.split("` is no ").next());
    own.unwrap_or(why).to_owned()
}

/// What sort of error it is, as AWS names them where it is known to.
fn name(why: &str) -> &'static str {
    let lower = why.to_lowercase();
    if why == UNPARSED {
        "Parsing error"
    } else if lower.contains("by zero") {
        "Division by zero"
    } else if why.contains(TRUNCATION) {
        TRUNCATION
    } else if lower.contains("overflow") || lower.contains("out of range") {
        "Numeric value out of range"
    } else {
        "Coercion error"
    }
}

/// The rows of the error stream: those that are records of the batch, and those that were made of several.
pub(super) fn told(faults: &[Fault], stream: usize, now_ms: i64) -> Result<Vec<Made>, SqlProblem> {
    let mut out = Vec::new();
    for single in [true, false] {
        let own: Vec<&Fault> = faults
            .iter()
            .filter(|f| f.record.is_some() == single)
            .collect();
        let Some(first) = own.first() else { continue };
        let texts = |f: &dyn Fn(&Fault) -> Option<String>| -> ArrayRef {
            Arc::new(own.iter().map(|o| f(o)).collect::<StringArray>())
        };
        let rowtimes = own.iter().map(|f| f.rowtime_ms.unwrap_or(now_ms)).collect();
        let rows = RecordBatch::try_new(
            Arc::clone(&COLUMNS),
            vec![
                times(vec![now_ms; own.len()]),
                texts(&|_| Some("WARNING".to_owned())),
                texts(&|f| Some(name(&f.why).to_owned())),
                texts(&|f| Some(f.why.chars().take(MESSAGE_MAX).collect())),
                times(rowtimes),
                texts(&|f| Some(f.row.clone())),
                texts(&|f| f.pump.as_deref().map(str::to_owned)),
            ],
        )?;
        let records = own.iter().filter_map(|f| f.record);
        out.push(Made {
            stream,
            rows,
            born: own.iter().map(|f| f.born).collect(),
            records: single.then(|| records.collect::<Vec<_>>().into()),
            weight: first.weight,
        });
    }
    Ok(out)
}
