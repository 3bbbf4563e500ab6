//! The records' own times: which field holds them, how they are written, and reading them.
//!
//! Times are milliseconds since 1970 in UTC. A time without a zone is taken as UTC.

use super::ReplayReport;
use arrow::array::{
    Array as _, ArrayRef, AsArray as _, RecordBatch, StructArray, TimestampMillisecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMillisecondType,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use std::sync::Arc;

/// Names that a time field commonly has, likeliest first.
const USUAL: [&str; 10] = [
    "event_time",
    "timestamp",
    "time",
    "datetime",
    "date",
    "ts",
    "event_timestamp",
    "created_at",
    "occurred_at",
    "@timestamp",
];
/// 1970 to 9999.
const RANGE: std::ops::Range<i64> = -2_208_988_800_000..253_402_300_800_000;
/// Numbers from here on are milliseconds, smaller ones seconds (the year 5138; 1973 in milliseconds).
const MILLIS_FROM: f64 = 1e11;

/// How times are written.
#[derive(Debug, Clone, PartialEq)]
enum Format {
    Iso,
    Pattern(String),
    EpochSeconds,
    EpochMillis,
    /// The column holds times already.
    Typed,
}

/// Reads the times of a file.
#[derive(Debug)]
pub(super) struct Clock {
    path: Vec<String>,
    field: String,
    format: Format,
    last: Option<i64>,
}

impl Clock {
    /// The clock for a file with this sample; `None` when no field is named and none is obvious.
    ///
    /// # Errors
    /// The field and why it gives no times.
    pub(super) fn find(
        sample: &RecordBatch,
        field: Option<&str>,
        format: Option<&str>,
    ) -> Result<Option<Self>, (String, String)> {
        if let Some(field) = field {
            let path: Vec<String> = split(sample, field);
            let column = column(sample, &path).ok_or_else(|| {
                let schema = sample.schema();
                let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                let why = format!(
                    "there is no such field; the records have `{}`",
                    names.join("`, `")
                );
                (field.to_owned(), why)
            })?;
            let format = format_of(&column, format).map_err(|why| (field.to_owned(), why))?;
            return Ok(Some(Self::new(path, field, format)));
        }
        let obvious = USUAL.iter().find_map(|name| {
            let path = vec![(*name).to_owned()];
            let column = column(sample, &path)?;
            let format = format_of(&column, format).ok()?;
            Some(Self::new(path, name, format))
        });
        Ok(obvious)
    }

    fn new(path: Vec<String>, field: &str, format: Format) -> Self {
        Self {
            path,
            field: field.to_owned(),
            format,
            last: None,
        }
    }

    pub(super) fn field(&self) -> &str {
        &self.field
    }

    /// `schema` with the time field as a timestamp. An inner field stays as it is.
    pub(super) fn schema(&self, schema: &SchemaRef) -> SchemaRef {
        let [name] = self.path.as_slice() else {
            return Arc::clone(schema);
        };
        let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .map(|field| match field.as_ref().clone() {
                time if time.name() == name => time.with_data_type(utc.clone()),
                other => other,
            })
            .collect();
        Arc::new(Schema::new(fields))
    }

    /// The rows with the time field as a timestamp, and their times. A record without a readable time takes that of the
    /// record before.
    pub(super) fn read(
        &mut self,
        rows: &RecordBatch,
        schema: &SchemaRef,
        report: &mut ReplayReport,
    ) -> (RecordBatch, Vec<i64>) {
        let Some(values) = column(rows, &self.path) else {
            report.bad_times += rows.num_rows() as u64;
            return (rows.clone(), vec![self.last.unwrap_or(0); rows.num_rows()]);
        };
        let read = times(&values, &self.format);
        let first = read.iter().flatten().next().copied();
        let mut last = self.last.or(first).unwrap_or(0);
        let mut filled = Vec::with_capacity(read.len());
        for time in &read {
            match time {
                Some(time) => {
                    report.out_of_order += u64::from(*time < last);
                    last = *time;
                }
                None => report.bad_times += 1,
            }
            filled.push(last);
        }
        self.last = Some(last);
        let Ok(at) = rows.schema().index_of(&self.field) else {
            return (rows.clone(), filled);
        };
        if self.path.len() > 1 {
            return (rows.clone(), filled);
        }
        let mut columns = rows.columns().to_vec();
        columns[at] = Arc::new(TimestampMillisecondArray::from(read).with_timezone("UTC"));
        match RecordBatch::try_new(Arc::clone(schema), columns) {
            Ok(rows) => (rows, filled),
            Err(error) => unreachable!("only the time field's type has changed: {error}"),
        }
    }
}

/// A name with dots may be one field's name or a path.
fn split(sample: &RecordBatch, field: &str) -> Vec<String> {
    if sample.schema().index_of(field).is_ok() {
        return vec![field.to_owned()];
    }
    field.split('.').map(str::to_owned).collect()
}

/// The column at `path`; nulls of the objects around it are its own.
fn column(rows: &RecordBatch, path: &[String]) -> Option<ArrayRef> {
    let (first, rest) = path.split_first()?;
    let mut found = Arc::clone(rows.column_by_name(first)?);
    for name in rest {
        let object: &StructArray = found.as_struct_opt()?;
        let inner = Arc::clone(object.column_by_name(name)?);
        found = match object.nulls() {
            None => inner,
            Some(outer) => {
                let mask = arrow::array::BooleanArray::new(!outer.inner(), None);
                arrow::compute::nullif(&inner, &mask).ok()?
            }
        };
    }
    Some(found)
}

/// How the times in `column` are written.
fn format_of(column: &ArrayRef, named: Option<&str>) -> Result<Format, String> {
    let candidates = match (named, column.data_type()) {
        (_, DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64) => vec![Format::Typed],
        (Some("iso8601"), _) => vec![Format::Iso],
        (Some("epoch-s"), _) => vec![Format::EpochSeconds],
        (Some("epoch-ms"), _) => vec![Format::EpochMillis],
        (Some(pattern), _) if pattern.contains('%') => vec![Format::Pattern(pattern.to_owned())],
        (Some(other), _) => {
            return Err(format!(
                "`{}` is no time format; write `iso8601`, `epoch-s`, `epoch-ms` or a pattern such as `%Y/%m/%d %H:%M`",
                other.chars().take(40).collect::<String>()
            ));
        }
        (None, DataType::Int64 | DataType::Float64) => epochs(column),
        (None, _) => {
            let mut all = vec![Format::Iso];
            let patterns = ["%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d"];
            all.extend(patterns.map(|p| Format::Pattern(p.to_owned())));
            all.extend([Format::EpochMillis, Format::EpochSeconds]);
            all
        }
    };
    let present = column.len() - column.null_count();
    if present == 0 {
        return Err("the first records have no value there; name another field".to_owned());
    }
    // The one that reads most; at least nine of ten.
    let counted = candidates.into_iter().map(|format| {
        let count = times(column, &format).iter().flatten().count();
        (count, format)
    });
    let best = counted.reduce(|best, this| if this.0 > best.0 { this } else { best });
    best.filter(|(count, _)| count * 10 >= present * 9)
        .map(|(_, format)| format)
        .ok_or_else(|| {
            let shown = cast(column, &DataType::Utf8).ok();
            let first = shown.as_ref().and_then(|c| c.as_string_opt::<i32>());
            let first = first
                .and_then(|c| c.iter().flatten().next())
                .unwrap_or_default();
            format!(
                "`{}` is not read as a time; give `time_format`, for example `%d.%m.%Y %H:%M`",
                first.chars().take(40).collect::<String>()
            )
        })
}

/// Seconds or milliseconds, by the size of the numbers.
fn epochs(column: &ArrayRef) -> Vec<Format> {
    let numbers = cast(column, &DataType::Float64).ok();
    let largest = numbers
        .as_ref()
        .and_then(|c| c.as_primitive_opt::<Float64Type>())
        .map_or(0.0, |c| {
            c.iter().flatten().fold(0.0, |a: f64, b| a.max(b.abs()))
        });
    if largest >= MILLIS_FROM {
        vec![Format::EpochMillis]
    } else if largest >= 1e8 {
        vec![Format::EpochSeconds]
    } else {
        // Too small for a time of our days: a count that happens to be called `time`.
        Vec::new()
    }
}

/// The time of each value; `None` where it is null or cannot be read.
fn times(column: &ArrayRef, format: &Format) -> Vec<Option<i64>> {
    let nothing = || vec![None; column.len()];
    let within = |t: i64| RANGE.contains(&t).then_some(t);
    match format {
        Format::Typed => {
            let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
            let Ok(cast) = cast(column, &millis) else {
                return nothing();
            };
            let values = cast.as_primitive::<TimestampMillisecondType>();
            values.iter().map(|t| t.and_then(within)).collect()
        }
        Format::EpochSeconds | Format::EpochMillis => {
            let scale = if *format == Format::EpochSeconds {
                1_000
            } else {
                1
            };
            if let Some(values) = column.as_primitive_opt::<Int64Type>() {
                let read = |t: i64| t.checked_mul(scale).and_then(within);
                return values.iter().map(|t| t.and_then(read)).collect();
            }
            let Ok(cast) = cast(column, &DataType::Float64) else {
                return nothing();
            };
            let values = cast.as_primitive::<Float64Type>();
            let read = |t: f64| within(whole(t * scale as f64));
            values.iter().map(|t| t.and_then(read)).collect()
        }
        Format::Iso | Format::Pattern(_) => {
            let Ok(cast) = cast(column, &DataType::Utf8) else {
                return nothing();
            };
            let read = |text: &str| match format {
                Format::Pattern(pattern) => by_pattern(text.trim(), pattern),
                _ => iso(text.trim()),
            };
            let values = cast.as_string::<i32>();
            values
                .iter()
                .map(|t| t.and_then(read).and_then(within))
                .collect()
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, and the result is checked against the range of times"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// ISO 8601 with or without zone, fraction, seconds or time of day.
pub(in crate::data) fn iso(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    let patterns = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d",
    ];
    if let Some(time) = patterns.iter().find_map(|p| by_pattern(text, p)) {
        return Some(time);
    }
    let zoned = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z"];
    zoned
        .iter()
        .find_map(|p| DateTime::parse_from_str(text, p).ok())
        .map(|time| time.timestamp_millis())
}

fn by_pattern(text: &str, pattern: &str) -> Option<i64> {
    if let Ok(time) = NaiveDateTime::parse_from_str(text, pattern) {
        return Some(time.and_utc().timestamp_millis());
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, pattern) {
        return Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis());
    }
    let zoned = DateTime::parse_from_str(text, pattern).ok()?;
    Some(zoned.timestamp_millis())
}
