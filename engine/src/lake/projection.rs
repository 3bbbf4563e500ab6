//! Partition projection: partitions that follow from rules in the table's properties instead of the catalog.
//!
//! Source: <https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html>. What is projected
//! replaces what the catalog knows; a projected partition without files is no error.

use chrono::{
    DateTime, Datelike as _, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Timelike as _,
};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator};

use super::catalog::Table;
use super::error::LakeError;

/// Partitions of one scan. Source: <https://docs.aws.amazon.com/athena/latest/ug/service-limits.html>.
pub(super) const SCAN_PARTITIONS_MAX: usize = 1_000_000;

/// How the values of one key follow.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rule {
    /// These values, in this order.
    Values(Vec<String>),
    /// Whatever a filter says.
    Injected,
}

/// The rules of a table, one a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Projection {
    pub(super) rules: Vec<(String, Rule)>,
    /// `storage.location.template` below the bucket, with `${key}` in it.
    pub(super) template: String,
    pub(super) bucket: String,
}

fn refused(table: &Table, why: impl std::fmt::Display) -> LakeError {
    LakeError::Catalog(format!(
        "INVALID_TABLE_PROPERTY: the partition projection of {}.{} does not work: {why}",
        table.database, table.name
    ))
}

impl Projection {
    /// The rules of a table; `None` when projection is not enabled.
    pub(super) fn of(table: &Table, now: Option<i64>) -> Result<Option<Self>, LakeError> {
        let enabled = table.parameters.get("projection.enabled");
        let enabled = enabled.is_some_and(|v| v.trim().eq_ignore_ascii_case("true"));
        if !enabled || table.partition_keys.is_empty() {
            return Ok(None);
        }
        let mut rules = Vec::new();
        for key in &table.partition_keys {
            let name = key.name.to_lowercase();
            let rule = rule(table, &name, now).map_err(|why| refused(table, why))?;
            rules.push((name, rule));
        }
        let (bucket, template) = match table.parameters.get("storage.location.template") {
            Some(text) => {
                let rest = text.strip_prefix("s3://").and_then(|r| r.split_once('/'));
                let (bucket, template) = rest.ok_or_else(|| {
                    refused(
                        table,
                        "storage.location.template must begin with s3://bucket/",
                    )
                })?;
                if let Some((key, _)) = rules
                    .iter()
                    .find(|(k, _)| !template.contains(&format!("${{{k}}}")))
                {
                    return Err(refused(
                        table,
                        format!("storage.location.template lacks ${{{key}}}"),
                    ));
                }
                (bucket.to_owned(), template.to_owned())
            }
            None => {
                let mut folder = table.prefix.trim_end_matches('/').to_owned();
                for key in &table.partition_keys {
                    let slash = if folder.is_empty() { "" } else { "/" };
                    folder = format!(
                        "{folder}{slash}{}=${{{}}}",
                        key.name,
                        key.name.to_lowercase()
                    );
                }
                (table.bucket.clone(), folder)
            }
        };
        Ok(Some(Self {
            rules,
            template,
            bucket,
        }))
    }

    /// The part of the template before the first value: every file of the table is below it.
    pub(super) fn root(&self) -> &str {
        self.template.split("${").next().unwrap_or_default()
    }

    /// The folder of a partition.
    pub(super) fn folder(&self, values: &[String]) -> String {
        let mut folder = self.template.clone();
        for ((key, _), value) in self.rules.iter().zip(values) {
            folder = folder.replace(&format!("${{{key}}}"), value);
        }
        if !folder.ends_with('/') {
            folder.push('/');
        }
        folder
    }

    /// The values of each key that the filters may leave, before keys are combined.
    pub(super) fn candidates(&self, filters: &[Expr]) -> Result<Vec<Vec<String>>, String> {
        let of = |(key, rule): &(String, Rule)| match rule {
            Rule::Values(all) => Ok(all.clone()),
            Rule::Injected => {
                let mut found = None;
                for filter in filters {
                    found = found.or_else(|| equal_to(filter, key));
                }
                found.ok_or_else(|| {
                    format!(
                        "CONSTRAINT_VIOLATION: for the injected projected partition column {key} the WHERE clause must \
                         contain only static equality conditions, and at least one; write {key} = '…'"
                    )
                })
            }
        };
        self.rules.iter().map(of).collect()
    }
}

/// The texts that a filter says a column equals.
fn equal_to(filter: &Expr, key: &str) -> Option<Vec<String>> {
    let is_key = |e: &Expr| matches!(e, Expr::Column(c) if c.name.eq_ignore_ascii_case(key));
    let text = |e: &Expr| match e {
        Expr::Literal(
            ScalarValue::Utf8(Some(t))
            | ScalarValue::Utf8View(Some(t))
            | ScalarValue::LargeUtf8(Some(t)),
            _,
        ) => Some(t.clone()),
        _ => None,
    };
    match filter {
        Expr::BinaryExpr(b) if b.op == Operator::Eq && is_key(&b.left) => {
            Some(vec![text(&b.right)?])
        }
        Expr::BinaryExpr(b) if b.op == Operator::Eq && is_key(&b.right) => {
            Some(vec![text(&b.left)?])
        }
        Expr::BinaryExpr(b) if b.op == Operator::Or => {
            let mut all = equal_to(&b.left, key)?;
            all.extend(equal_to(&b.right, key)?);
            Some(all)
        }
        Expr::InList(list) if !list.negated && is_key(&list.expr) => {
            list.list.iter().map(text).collect()
        }
        _ => None,
    }
}

fn rule(table: &Table, key: &str, now: Option<i64>) -> Result<Rule, String> {
    let property = |name: &str| {
        let wanted = format!("projection.{key}.{name}");
        let found = table
            .parameters
            .iter()
            .find(|(k, _)| k.eq_ignore_ascii_case(&wanted));
        found.map(|(_, v)| v.trim())
    };
    let needed =
        |name: &str| property(name).ok_or_else(|| format!("`projection.{key}.{name}` is missing"));
    match needed("type")?.to_lowercase().as_str() {
        "enum" => {
            let all = needed("values")?.split(',').map(|v| v.trim().to_owned());
            Ok(Rule::Values(all.filter(|v| !v.is_empty()).collect()))
        }
        "integer" => {
            integers(needed("range")?, property("interval"), property("digits")).map(Rule::Values)
        }
        "date" => {
            let format = DateFormat::parse(needed("format")?)?;
            let interval = property("interval");
            let unit = property("interval.unit");
            dates(needed("range")?, &format, interval, unit, now).map(Rule::Values)
        }
        "injected" => Ok(Rule::Injected),
        other => Err(format!(
            "`projection.{key}.type` is `{other}`; there is enum, integer, date and injected"
        )),
    }
}

fn too_many() -> String {
    "there are more than 1,000,000 values; make the range smaller or the interval larger".to_owned()
}

fn integers(
    range: &str,
    interval: Option<&str>,
    digits: Option<&str>,
) -> Result<Vec<String>, String> {
    let whole = |text: &str| {
        text.trim()
            .parse::<i64>()
            .map_err(|_unread| format!("`{text}` is not a whole number"))
    };
    let (from, to) = range
        .split_once(',')
        .ok_or("a range of integers is `from,to`")?;
    let (from, to) = (whole(from)?, whole(to)?);
    let step = interval.map_or(Ok(1), whole)?;
    let digits = digits.map_or(Ok(0), whole)?;
    let digits = usize::try_from(digits)
        .ok()
        .filter(|d| *d <= 18)
        .ok_or("`digits` is 1 to 18")?;
    if step < 1 || from > to {
        return Err(
            "a range goes from the smaller to the larger number, the interval is 1 or more"
                .to_owned(),
        );
    }
    if i128::from(to) - i128::from(from) >= i128::from(step) * SCAN_PARTITIONS_MAX as i128 {
        return Err(too_many());
    }
    let mut all = Vec::new();
    let mut next = from;
    while next <= to {
        let sign = if next < 0 { "-" } else { "" };
        all.push(format!("{sign}{:0digits$}", next.unsigned_abs()));
        let Some(sum) = next.checked_add(step) else {
            break;
        };
        next = sum;
    }
    Ok(all)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Years,
    Months,
    Weeks,
    Days,
    Hours,
    Minutes,
    Seconds,
}

impl Unit {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(match text.trim().to_uppercase().trim_end_matches('S') {
            "YEAR" => Self::Years,
            "MONTH" => Self::Months,
            "WEEK" => Self::Weeks,
            "DAY" => Self::Days,
            "HOUR" => Self::Hours,
            "MINUTE" => Self::Minutes,
            "SECOND" => Self::Seconds,
            _ => {
                return Err(format!(
                    "`{text}` is no unit; there is YEARS, MONTHS, WEEKS, DAYS, HOURS, MINUTES, SECONDS"
                ));
            }
        })
    }
    fn add(self, to: NaiveDateTime, n: i64) -> Option<NaiveDateTime> {
        let count = n.unsigned_abs();
        let months = |per: u64| u32::try_from(count.checked_mul(per)?).ok().map(Months::new);
        let days = |per: u64| count.checked_mul(per).map(Days::new);
        let ahead = n >= 0;
        match self {
            Self::Years | Self::Months => {
                let months = months(if self == Self::Years { 12 } else { 1 })?;
                if ahead {
                    to.checked_add_months(months)
                } else {
                    to.checked_sub_months(months)
                }
            }
            Self::Weeks | Self::Days => {
                let days = days(if self == Self::Weeks { 7 } else { 1 })?;
                if ahead {
                    to.checked_add_days(days)
                } else {
                    to.checked_sub_days(days)
                }
            }
            Self::Hours => to.checked_add_signed(TimeDelta::try_hours(n)?),
            Self::Minutes => to.checked_add_signed(TimeDelta::try_minutes(n)?),
            Self::Seconds => to.checked_add_signed(TimeDelta::try_seconds(n)?),
        }
    }
}

fn dates(
    range: &str,
    format: &DateFormat,
    interval: Option<&str>,
    unit: Option<&str>,
    now: Option<i64>,
) -> Result<Vec<String>, String> {
    let (from, to) = range
        .split_once(',')
        .ok_or("a range of dates is `from,to`")?;
    let (from, to) = (edge(from, format, now)?, edge(to, format, now)?);
    let step = match interval {
        Some(text) => text
            .trim()
            .parse::<i64>()
            .ok()
            .filter(|n| *n > 0)
            .ok_or("the interval is a whole number from 1")?,
        None => 1,
    };
    let unit = match unit {
        Some(text) => Unit::parse(text)?,
        None => format
            .unit()
            .ok_or("`interval` and `interval.unit` are missing")?,
    };
    let mut all: Vec<String> = Vec::new();
    let mut next = format.floor(from);
    while next <= to {
        let text = format.write(next);
        if all.last() != Some(&text) {
            all.push(text);
        }
        if all.len() > SCAN_PARTITIONS_MAX {
            return Err(too_many());
        }
        let Some(later) = unit.add(next, step).filter(|l| *l > next) else {
            break;
        };
        next = later;
    }
    Ok(all)
}

/// A date in the format, or `NOW`, `NOW-3YEARS`, `NOW+1DAY`.
fn edge(text: &str, format: &DateFormat, now: Option<i64>) -> Result<NaiveDateTime, String> {
    let text = text.trim();
    let upper = text.to_uppercase();
    let Some(shift) = upper.strip_prefix("NOW") else {
        return format
            .read(text)
            .ok_or_else(|| format!("`{text}` is not a date of the format"));
    };
    let now = now.ok_or("a range up to NOW needs a clock, which is there while a pipeline runs; write dates instead")?;
    let now = DateTime::from_timestamp_nanos(now).naive_utc();
    let shift = shift.trim();
    if shift.is_empty() {
        return Ok(now);
    }
    let wrong = || format!("`{text}` is not like NOW-3YEARS");
    let (sign, rest) = match (shift.strip_prefix('-'), shift.strip_prefix('+')) {
        (Some(rest), _) => (-1, rest.trim()),
        (_, Some(rest)) => (1, rest.trim()),
        _ => return Err(wrong()),
    };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (count, unit) = rest.split_at(digits);
    let count: i64 = count.parse().map_err(|_too_large| wrong())?;
    Unit::parse(unit)?.add(now, sign * count).ok_or_else(wrong)
}

/// The part of Java's `DateTimeFormatter` patterns that dates need: runs of `y M d H m s`, anything else as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DateFormat(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Field(char, usize),
    Text(String),
}

impl DateFormat {
    fn parse(pattern: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut letters = pattern.chars().peekable();
        while let Some(c) = letters.next() {
            if c == '\'' {
                let text: String = letters.by_ref().take_while(|l| *l != '\'').collect();
                parts.push(Part::Text(if text.is_empty() {
                    "'".to_owned()
                } else {
                    text
                }));
            } else if c.is_ascii_alphabetic() {
                if !"yMdHms".contains(c) {
                    return Err(format!(
                        "`{c}` in the date format is not modelled; there is y M d H m s"
                    ));
                }
                let mut width = 1;
                while letters.next_if_eq(&c).is_some() {
                    width += 1;
                }
                parts.push(Part::Field(c, width));
            } else {
                parts.push(Part::Text(c.to_string()));
            }
        }
        Ok(Self(parts))
    }
    fn has(&self, letter: char) -> bool {
        self.0
            .iter()
            .any(|p| matches!(p, Part::Field(c, _) if *c == letter))
    }
    /// The default interval: a day or a month when the format is as fine as that.
    fn unit(&self) -> Option<Unit> {
        if self.has('H') || self.has('m') || self.has('s') {
            None
        } else if self.has('d') {
            Some(Unit::Days)
        } else if self.has('M') {
            Some(Unit::Months)
        } else {
            None
        }
    }
    fn floor(&self, at: NaiveDateTime) -> NaiveDateTime {
        self.read(&self.write(at)).unwrap_or(at)
    }
    fn write(&self, at: NaiveDateTime) -> String {
        let mut text = String::new();
        for part in &self.0 {
            let (value, width) = match part {
                Part::Text(t) => {
                    text.push_str(t);
                    continue;
                }
                Part::Field('y', 2) => (at.year().rem_euclid(100), 2),
                Part::Field('y', w) => (at.year(), *w),
                Part::Field('M', w) => (at.month().cast_signed(), *w),
                Part::Field('d', w) => (at.day().cast_signed(), *w),
                Part::Field('H', w) => (at.hour().cast_signed(), *w),
                Part::Field('m', w) => (at.minute().cast_signed(), *w),
                Part::Field(_, w) => (at.second().cast_signed(), *w),
            };
            text.push_str(&format!("{value:0width$}"));
        }
        text
    }
    fn read(&self, text: &str) -> Option<NaiveDateTime> {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        let (mut hour, mut minute, mut second) = (0, 0, 0);
        let mut rest = text;
        for part in &self.0 {
            let (letter, width) = match part {
                Part::Text(t) => {
                    rest = rest.strip_prefix(t.as_str())?;
                    continue;
                }
                Part::Field(c, w) => (*c, *w),
            };
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let take = if width == 1 {
                digits.min(2)
            } else {
                digits.min(width)
            };
            let value: u32 = rest.get(..take)?.parse().ok()?;
            rest = rest.get(take..)?;
            match letter {
                'y' if width == 2 => year = 2000 + i32::try_from(value).ok()?,
                'y' => year = i32::try_from(value).ok()?,
                'M' => month = value,
                'd' => day = value,
                'H' => hour = value,
                'm' => minute = value,
                _ => second = value,
            }
        }
        let date = NaiveDate::from_ymd_opt(year, month, day)?;
        if rest.is_empty() {
            date.and_hms_opt(hour, minute, second)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(
        range: &str,
        format: &str,
        interval: Option<&str>,
        unit: Option<&str>,
    ) -> Result<Vec<String>, String> {
        let now = 1_772_366_400_000_000_000; // 2026-03-01 12:00 UTC
        dates(
            range,
            &DateFormat::parse(format)?,
            interval,
            unit,
            Some(now),
        )
    }

    #[test]
    fn values_follow_from_the_rules() {
        type Case<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>, &'a str);
        let cases: [Case<'_>; 8] = [
            (
                "2026-02-27,2026-03-02",
                "yyyy-MM-dd",
                None,
                None,
                "2026-02-27 2026-02-28 2026-03-01 2026-03-02",
            ),
            (
                "2026/01,2026/03",
                "yyyy/MM",
                None,
                None,
                "2026/01 2026/02 2026/03",
            ),
            ("NOW-1MONTHS,NOW", "yyyy-MM", None, None, "2026-02 2026-03"),
            (
                "NOW-2DAYS,NOW+1DAY",
                "yyyyMMdd",
                None,
                None,
                "20260227 20260228 20260301 20260302",
            ),
            (
                "2026-01-01-00,2026-01-01-18",
                "yyyy-MM-dd-HH",
                Some("6"),
                Some("HOURS"),
                "2026-01-01-00 2026-01-01-06 2026-01-01-12 2026-01-01-18",
            ),
            (
                "2024,2026",
                "yyyy",
                Some("1"),
                Some("YEARS"),
                "2024 2025 2026",
            ),
            (
                "2026-01-01,2026-01-20",
                "yyyy-MM-dd",
                Some("1"),
                Some("WEEKS"),
                "2026-01-01 2026-01-08 2026-01-15",
            ),
            ("2026-01-02,2026-01-01", "yyyy-MM-dd", None, None, ""),
        ];
        for (range, format, interval, unit, expected) in cases {
            assert_eq!(
                date(range, format, interval, unit).unwrap().join(" "),
                expected,
                "{range}"
            );
        }
        let cases = [
            ("1,3", None, None, "1 2 3"),
            ("1,10", Some("4"), Some("2"), "01 05 09"),
            ("-2,1", None, None, "-2 -1 0 1"),
        ];
        for (range, interval, digits, expected) in cases {
            assert_eq!(
                integers(range, interval, digits).unwrap().join(" "),
                expected,
                "{range}"
            );
        }
    }

    #[test]
    fn rules_that_do_not_work_are_refused() {
        for (range, format, interval) in [
            ("2026-01-01", "yyyy-MM-dd", None),
            ("2026-13-01,NOW", "yyyy-MM-dd", None),
            ("2026,2027", "yyyy", None),
            ("NOW-3EONS,NOW", "yyyy-MM-dd", None),
            ("2026-01-01,2027-01-01", "yyyy-MM-dd", Some("0")),
            ("0001-01-01,9999-01-01", "yyyy-MM-dd", None),
            ("2026-01-01,2026-01-02", "EEE", None),
        ] {
            assert!(
                date(range, format, interval, None).is_err(),
                "{range} {format}"
            );
        }
        for range in ["3,1", "a,b", "5", "0,9223372036854775807"] {
            assert!(integers(range, None, None).is_err(), "{range}");
        }
    }
}
