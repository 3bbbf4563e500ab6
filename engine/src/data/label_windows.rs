//! Windows of time that a file says are anomalous: what detectors and models are judged by where the records have no label.
//!
//! CSV with a header that names `start`, `end` and perhaps `key`; or JSON: a list of such objects or of `["start", "end"]`, or an object
//! of such lists by key, as the Numenta Anomaly Benchmark has them. Times are ISO 8601 (UTC without a zone) or seconds or milliseconds
//! since 1970. Both ends belong to the window.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, TimeUnit};
use serde_json::Value;

use super::Root;

/// Largest file that is read.
const BYTES_MAX: u64 = 16 << 20;
/// Windows of a file at the most.
const WINDOWS_MAX: usize = 200_000;
/// Numbers from here on are milliseconds, smaller ones seconds.
const MILLIS_FROM: f64 = 1e11;

/// Windows by key; those without one are for all keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelWindows {
    /// First and last millisecond since 1970, sorted by the first; those that overlap are joined.
    by_key: BTreeMap<String, Vec<(i64, i64)>>,
}

impl LabelWindows {
    /// Reads the file called `name`; an empty name gives no windows.
    ///
    /// # Errors
    /// One sentence that names the place and what would be right.
    pub fn read(root: &Root, name: &str) -> Result<Self, String> {
        if name.is_empty() {
            return Ok(Self::default());
        }
        let bytes = root.read(name, BYTES_MAX).map_err(|e| e.to_string())?;
        let bytes =
            bytes.ok_or_else(|| format!("`{name}` has more than 16 MiB: leave windows out"))?;
        let text = String::from_utf8(bytes)
            .map_err(|_e| format!("`{name}` is no text: write CSV or JSON in UTF-8"))?;
        Self::parse(&text).map_err(|why| format!("`{name}`: {why}"))
    }
    /// Reads the text of such a file.
    ///
    /// # Errors
    /// As [`LabelWindows::read`].
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut own = Self::default();
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if text.starts_with(['{', '[']) {
            let value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
            own.json(&value)?;
        } else {
            own.csv(text)?;
        }
        own.settle();
        Ok(own)
    }
    /// True when there is no window at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
    /// Whether this instant of the series `key` lies in a window.
    #[must_use]
    pub fn holds(&self, key: &str, at_ms: i64) -> bool {
        [key, ""].iter().any(|key| {
            self.by_key.get(*key).is_some_and(|windows| {
                let after = windows.partition_point(|(start, _)| *start <= at_ms);
                after
                    .checked_sub(1)
                    .and_then(|i| windows.get(i))
                    .is_some_and(|(_, end)| at_ms <= *end)
            })
        })
    }
    /// The records' own times in milliseconds since 1970, by which windows go: those of the field of this name; without a name, and where
    /// there are windows, of the first field of times. `None`: there is none, and the records' births count.
    #[must_use]
    pub fn times(&self, rows: &RecordBatch, field: &str) -> Option<Int64Array> {
        if !field.is_empty() {
            return millis(rows.column_by_name(field)?);
        }
        let fields = rows.schema();
        let is_time = |f: &Arc<Field>| matches!(f.data_type(), DataType::Timestamp(..));
        let first = fields.fields().iter().position(is_time);
        first
            .filter(|_| !self.is_empty())
            .and_then(|i| millis(rows.column(i)))
    }
    fn add(
        &mut self,
        key: &str,
        start: Option<i64>,
        end: Option<i64>,
        place: &str,
    ) -> Result<(), String> {
        let (Some(start), Some(end)) = (start, end) else {
            return Err(format!(
                "{place}: `start` and `end` are times such as 2026-01-10T08:30:00Z"
            ));
        };
        if end < start {
            return Err(format!(
                "{place}: the window ends before it starts: exchange both"
            ));
        }
        if self.by_key.values().map(Vec::len).sum::<usize>() >= WINDOWS_MAX {
            return Err(format!("{place}: more than {WINDOWS_MAX} windows"));
        }
        self.by_key
            .entry(key.to_owned())
            .or_default()
            .push((start, end));
        Ok(())
    }
    fn csv(&mut self, text: &str) -> Result<(), String> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let head = reader.headers().map_err(|e| e.to_string())?.clone();
        let column = |name: &str| head.iter().position(|h| h.eq_ignore_ascii_case(name));
        let (Some(start), Some(end)) = (column("start"), column("end")) else {
            return Err("the first line names the columns: start,end or start,end,key".to_owned());
        };
        let key = column("key");
        for (i, row) in reader.records().enumerate() {
            let row = row.map_err(|e| e.to_string())?;
            let at = |i: usize| row.get(i).and_then(time);
            let key = key.and_then(|k| row.get(k)).unwrap_or("");
            self.add(key, at(start), at(end), &format!("line {}", i + 2))?;
        }
        Ok(())
    }
    fn json(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Array(_) => self.list("", value),
            Value::Object(keys) => keys.iter().try_for_each(|(key, list)| self.list(key, list)),
            _ => Err("write a list of windows".to_owned()),
        }
    }
    fn list(&mut self, key: &str, list: &Value) -> Result<(), String> {
        let list = list
            .as_array()
            .ok_or_else(|| format!("`{key}` is no list of windows"))?;
        for (i, window) in list.iter().enumerate() {
            let of = |member: &str, place: usize| {
                window
                    .get(member)
                    .or_else(|| window.get(place))
                    .and_then(json_time)
            };
            let own = window.get("key").and_then(Value::as_str).unwrap_or(key);
            self.add(
                own,
                of("start", 0),
                of("end", 1),
                &format!("window {}", i + 1),
            )?;
        }
        Ok(())
    }
    fn settle(&mut self) {
        for windows in self.by_key.values_mut() {
            windows.sort_unstable();
            let mut joined: Vec<(i64, i64)> = Vec::with_capacity(windows.len());
            for (start, end) in windows.drain(..) {
                match joined.last_mut() {
                    Some(last) if start <= last.1 => last.1 = last.1.max(end),
                    _ => joined.push((start, end)),
                }
            }
            *windows = joined;
        }
    }
}

/// Times, texts of times, or seconds or milliseconds since 1970, as milliseconds.
fn millis(column: &ArrayRef) -> Option<Int64Array> {
    if column.data_type().is_numeric() {
        let numbers = cast(column, &DataType::Float64).ok()?;
        let numbers = numbers.as_any().downcast_ref::<Float64Array>()?;
        return Some(numbers.iter().map(|n| number(n?)).collect());
    }
    let times = cast(column, &DataType::Timestamp(TimeUnit::Millisecond, None)).ok()?;
    let whole = cast(&times, &DataType::Int64).ok()?;
    whole.as_any().downcast_ref().cloned()
}

fn json_time(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => time(text),
        _ => number(value.as_f64()?),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be a time before the year 9999"
)]
fn number(n: f64) -> Option<i64> {
    let millis = if n.abs() >= MILLIS_FROM {
        n
    } else {
        n * 1000.0
    };
    (millis.abs() < 253_402_300_800_000.0).then_some(millis as i64)
}

fn time(text: &str) -> Option<i64> {
    if let Ok(n) = text.parse::<f64>() {
        return number(n);
    }
    super::replay::iso(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampSecondArray};

    use super::LabelWindows;

    /// 2026-01-10 00:00:00 UTC.
    const DAY: i64 = 1_768_003_200_000;

    #[test]
    fn times_of_records_are_read_in_every_form() {
        let (texts, seconds) = (vec!["2026-01-10T00:00:00Z"], vec![1_768_003_200_i64]);
        let text: ArrayRef = Arc::new(StringArray::from(texts));
        let second: ArrayRef = Arc::new(Int64Array::from(seconds.clone()));
        let milli: ArrayRef = Arc::new(Int64Array::from(vec![DAY]));
        let own: ArrayRef = Arc::new(TimestampSecondArray::from(seconds));
        let columns = [
            ("text", text),
            ("second", second),
            ("milli", milli),
            ("own", own),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let windows = LabelWindows::parse("start,end\n1,2").unwrap();
        for field in ["text", "second", "milli", "own", ""] {
            assert_eq!(
                windows.times(&rows, field).unwrap().value(0),
                DAY,
                "{field}"
            );
        }
        assert!(windows.times(&rows, "nothing").is_none());
        // Without windows nobody asks, unless a field is named.
        assert!(LabelWindows::default().times(&rows, "").is_none());
    }

    #[test]
    fn every_form_says_the_same() {
        let forms = [
            "start,end\n2026-01-10T00:00:10Z,2026-01-10T00:00:20Z\n2026-01-10 00:00:15,2026-01-10 00:00:30\n",
            "End, Start\n1768003220,1768003210\n1768003230000,1768003220000\n",
            r#"[["2026-01-10 00:00:10.000", "2026-01-10 00:00:30.000"]]"#,
            r#"[{"start": 1768003210, "end": "2026-01-10T09:00:30+09:00"}]"#,
            r#"{"": [[1768003210, 1768003230]]}"#,
        ];
        for form in forms {
            let windows = LabelWindows::parse(form).unwrap();
            for (at, inside) in [
                (9_999, false),
                (10_000, true),
                (20_000, true),
                (25_000, true),
                (30_000, true),
                (30_001, false),
            ] {
                assert_eq!(windows.holds("any", DAY + at), inside, "{form} {at}");
            }
        }
    }

    #[test]
    fn windows_of_a_key_are_of_that_key() {
        for form in [
            "start,end,key\n2026-01-10,2026-01-11,m1\n",
            r#"{"m1": [["2026-01-10", "2026-01-11"]]}"#,
            r#"[{"start": "2026-01-10", "end": "2026-01-11", "key": "m1"}]"#,
        ] {
            let windows = LabelWindows::parse(form).unwrap();
            assert!(
                windows.holds("m1", DAY + 5) && !windows.holds("m2", DAY + 5),
                "{form}"
            );
        }
        assert!(LabelWindows::parse("[]").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (form, part) in [
            ("from,to\n1,2\n", "start,end"),
            ("start,end\n2026-01-10,2026-01-09\n", "line 2"),
            (
                "start,end\n1768003210,1768003220\nyesterday,2026-01-09\n",
                "line 3",
            ),
            (r#"[["2026-01-10"]]"#, "window 1"),
            (r#"{"a": 3}"#, "`a` is no list"),
            (r#"["#, "EOF"),
        ] {
            let error = LabelWindows::parse(form).unwrap_err();
            assert!(error.contains(part), "{form}: {error}");
        }
    }
}
