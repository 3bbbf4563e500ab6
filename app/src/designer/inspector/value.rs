//! Values of parameters as people read and type them. Knows nothing of the window.

use serde_json::Value;
use weir_engine::node::{Problems, check_params, parse_param};

use super::schema::{Field, Widget};
use crate::designer::i18n::{said, schema_of};

/// A number as it is typed: no separators, no needless decimals.
pub(super) fn plain(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    format!("{number}")
}

/// A number as it is read: thousands apart from ten thousand on.
pub(super) fn readable(number: f64) -> String {
    let text = plain(number);
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |d| ("-", d));
    let (whole, fraction) = digits
        .split_once('.')
        .map_or((digits, None), |(w, f)| (w, Some(f)));
    if whole.len() < 5 || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return text;
    }
    let mut out = sign.to_owned();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    fraction.map_or(out.clone(), |f| format!("{out}.{f}"))
}

/// The text that a field shows for `value`.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), plain),
        other => other.to_string(),
    }
}

/// Reads what was typed into `field` of `kind`.
///
/// # Errors
/// One sentence: what cannot be read and what would be right.
pub(super) fn read(kind: &str, field: &Field, text: &str) -> Result<Value, String> {
    if field.nullable && text.trim().is_empty() {
        return Ok(Value::Null);
    }
    match &field.widget {
        Widget::Text(_) | Widget::Code(_) => Ok(Value::from(text)),
        Widget::Json => serde_json::from_str(text).map_err(|e| e.to_string()),
        _ => {
            let schema = schema_of(kind).ok_or_else(|| format!("there is no kind `{kind}`"))?;
            let own = format!("`{}`: ", field.name);
            parse_param(schema, &field.name, text.trim()).map_err(|e| {
                e.strip_prefix(&own)
                    .map_or_else(|| e.clone(), str::to_owned)
            })
        }
    }
}

/// What is wrong with `value` by type and range alone; none when nothing is.
pub(super) fn range_error(kind: &str, field: &Field, value: &Value) -> Option<String> {
    let mut found = Problems::of("");
    let params = [(field.name.clone(), value.clone())].into_iter().collect();
    check_params(schema_of(kind)?, &params, &mut found);
    let problem = found.found.into_iter().next()?;
    Some(sentence(&problem.message, &problem.mend))
}

/// What is wrong and what would be right, in one line.
pub(super) fn sentence(message: &str, mend: &str) -> String {
    if mend.is_empty() {
        said(message).into_owned()
    } else {
        format!("{}: {}", said(message), said(mend))
    }
}

/// A number that a slider or a drag came to, without digits that nobody chose.
pub(super) fn rounded(number: f64, is_whole: bool) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return 0.0;
    }
    let scale = 10_f64.powf(2.0 - number.abs().log10().floor());
    let three = (number * scale).round() / scale;
    if is_whole { three.round() } else { three }
}

/// A number as JSON: whole ones as integers where the parameter wants that.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whole and below 2^53, as checked"
)]
pub(super) fn json(number: f64, is_whole: bool) -> Value {
    if is_whole && number.abs() < 9e15 {
        Value::from(number.round() as i64)
    } else {
        Value::from(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::designer::inspector::schema::form_of;
    use serde_json::json as j;

    fn field(kind: &str, name: &str) -> &'static Field {
        form_of(kind).iter().find(|f| f.name == name).unwrap()
    }

    #[test]
    fn quantities_are_understood_as_people_type_them() {
        let cases = [
            ("producer", "records_per_second", "3k", j!(3000.0)),
            ("firehose", "buffer_size_mib", "64 MB", j!(64)),
            ("firehose", "buffer_interval_seconds", "90s", j!(90)),
            ("firehose", "buffer_interval_seconds", "5m", j!(300)),
            ("athena", "workgroup_bytes_limit", "10 MB", j!(10_485_760)),
            ("producer", "buffer_records", "1,500,000", j!(1_500_000)),
            ("lambda", "reserved_concurrency", " ", Value::Null),
            ("lambda", "sql", "SELECT 1", j!("SELECT 1")),
            ("producer", "arrival", "wave", j!("wave")),
        ];
        for (kind, name, text, wanted) in cases {
            assert_eq!(
                read(kind, field(kind, name), text),
                Ok(wanted),
                "{name} {text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_in_a_sentence() {
        let shards = field("kinesis-data-streams", "shard_count");
        for text in ["", "abc", "1.5", "--", "9e99", "한글", "1 MB MB"] {
            let told = read("kinesis-data-streams", shards, text).unwrap_err();
            assert!(
                told.len() > 10 && !told.starts_with("`shard_count`"),
                "{told}"
            );
        }
        assert!(
            range_error("kinesis-data-streams", shards, &j!(0))
                .unwrap()
                .contains("too small")
        );
        assert_eq!(range_error("kinesis-data-streams", shards, &j!(3)), None);
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(readable(1_000_000.0), "1,000,000");
        assert_eq!(readable(1000.0), "1000");
        assert_eq!(readable(-12_345.5), "-12,345.5");
        assert_eq!(plain(0.02), "0.02");
        assert_eq!(rounded(1234.6, true), 1230.0);
        assert_eq!(rounded(0.123_456, false), 0.123);
        assert_eq!(json(3.0, true), j!(3));
    }
}
