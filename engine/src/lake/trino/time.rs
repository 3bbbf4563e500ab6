//! Dates and times: units, `MySQL`'s and Joda's formats, zones. A timestamp without a zone is UTC.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{Array as _, ArrayRef, AsArray as _, Date32Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type, FieldRef, TimeUnit, TimestampMicrosecondType};
use chrono::{
    DateTime, Datelike as _, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Offset as _,
    TimeDelta, TimeZone as _, Timelike as _,
};
use datafusion::common::ScalarValue;

use super::time_format::{format, joda, mysql, read};
use super::{Args, Function, Gives, Kind, Result, function, wrong};

const MICROS: TimeUnit = TimeUnit::Microsecond;

pub(super) static ALL: &[Function] = &[
    function(
        "date_add",
        &[Kind::Text, Kind::Int, Kind::Time],
        Gives::Same(2),
        |a| {
            moved(a, 2, |at, r| {
                let (Some(unit), Some(n)) = (a.text(0, r), a.int(1, r)) else {
                    return Ok(None);
                };
                add(at, Unit::parse(unit)?, n).map(Some)
            })
        },
    ),
    function(
        "date_diff",
        &[Kind::Text, Kind::Time, Kind::Time],
        Gives::Int,
        |a| {
            let (from, to) = (Times::of(a.column(1)?)?, Times::of(a.column(2)?)?);
            a.ints(|r| {
                let (Some(unit), Some(from), Some(to)) = (a.text(0, r), from.local(r), to.local(r))
                else {
                    return Ok(None);
                };
                Ok(Some(difference(from, to, Unit::parse(unit)?)))
            })
        },
    ),
    function(
        "date_trunc",
        &[Kind::Text, Kind::Time],
        Gives::Same(1),
        |a| {
            moved(a, 1, |at, r| {
                let Some(unit) = a.text(0, r) else {
                    return Ok(None);
                };
                Ok(truncate(at, Unit::parse(unit)?))
            })
        },
    ),
    function(
        "last_day_of_month",
        &[Kind::Time],
        Gives::Of(|_, _| Ok(DataType::Date32)),
        |a| {
            let times = Times::of(a.column(0)?)?;
            let last = |r: usize| {
                let next = times
                    .local(r)?
                    .date()
                    .with_day(1)?
                    .checked_add_months(Months::new(1))?;
                days(next.checked_sub_days(Days::new(1))?)
            };
            Ok(Arc::new((0..a.rows).map(last).collect::<Date32Array>()) as ArrayRef)
        },
    ),
    function("date_format", &[Kind::Time, Kind::Text], Gives::Text, |a| {
        format(a, mysql)
    }),
    function(
        "date_parse",
        &[Kind::Text, Kind::Text],
        Gives::Of(|_, _| Ok(DataType::Timestamp(MICROS, None))),
        |a| read(a, mysql),
    ),
    function(
        "format_datetime",
        &[Kind::Time, Kind::Text],
        Gives::Text,
        |a| format(a, joda),
    ),
    function(
        "parse_datetime",
        &[Kind::Text, Kind::Text],
        Gives::Of(utc),
        |a| read(a, joda),
    ),
    function(
        "from_unixtime",
        &[Kind::Double, Kind::Text],
        Gives::Of(zoned),
        |a| {
            let at = |r: usize| {
                let seconds = a.double(0, r)?;
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "saturates; what is out of range is no date"
                )]
                let micros = (seconds * 1e6).round() as i64;
                DateTime::from_timestamp_micros(micros).map(|_| micros)
            };
            stamps(a, (0..a.rows).map(at).collect())
        },
    )
    .at_least(1),
    function("to_unixtime", &[Kind::Time], Gives::Double, |a| {
        let times = Times::of(a.column(0)?)?;
        a.doubles(|r| Ok(times.instant(r).map(|us| us as f64 / 1e6)))
    }),
    function(
        "from_iso8601_timestamp",
        &[Kind::Text],
        Gives::Of(utc),
        |a| {
            let all: Result<Vec<Option<i64>>> = (0..a.rows)
                .map(|r| a.text(0, r).map(iso).transpose())
                .collect();
            stamps(a, all?)
        },
    ),
    function(
        "from_iso8601_date",
        &[Kind::Text],
        Gives::Of(|_, _| Ok(DataType::Date32)),
        |a| {
            let all: Result<Vec<Option<i32>>> = (0..a.rows)
                .map(|r| {
                    a.text(0, r)
                        .map(|t| {
                            let date = t.trim().parse::<NaiveDate>().ok().and_then(days);
                            date.ok_or_else(|| {
                                wrong(format!("INVALID_FUNCTION_ARGUMENT: Invalid date: {t}"))
                            })
                        })
                        .transpose()
                })
                .collect();
            Ok(Arc::new(Date32Array::from(all?)) as ArrayRef)
        },
    ),
    function("to_iso8601", &[Kind::Time], Gives::Text, |a| {
        let times = Times::of(a.column(0)?)?;
        a.texts(|r| {
            Ok(times.local(r).map(|at| match &times {
                Times::Dates(_) => at.format("%Y-%m-%d").to_string(),
                Times::Stamps(_, None) => at.format("%Y-%m-%dT%H:%M:%S%.3f").to_string(),
                Times::Stamps(_, Some(_)) => {
                    let offset = times.offset(r).unwrap_or(0);
                    let zone = if offset == 0 {
                        "Z".to_owned()
                    } else {
                        offset_text(offset, ":")
                    };
                    format!("{}{zone}", at.format("%Y-%m-%dT%H:%M:%S%.3f"))
                }
            }))
        })
    }),
    function(
        "at_timezone",
        &[Kind::Time, Kind::Text],
        Gives::Of(zoned),
        |a| {
            let times = Times::of(a.column(0)?)?;
            stamps(a, (0..a.rows).map(|r| times.instant(r)).collect())
        },
    ),
    function(
        "with_timezone",
        &[Kind::Time, Kind::Text],
        Gives::Of(zoned),
        |a| {
            let (times, zone) = (Times::of(a.column(0)?)?, zone_of(a.gives)?);
            let at = |r: usize| {
                zone?
                    .from_local_datetime(&times.local(r)?)
                    .earliest()
                    .map(|t| t.timestamp_micros())
            };
            stamps(a, (0..a.rows).map(at).collect())
        },
    ),
];

fn utc(_: &[FieldRef], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(DataType::Timestamp(MICROS, Some("UTC".into())))
}
/// A timestamp of the zone that the second argument says; UTC without one.
fn zoned(_: &[FieldRef], known: &[Option<&ScalarValue>]) -> Result<DataType> {
    let zone = match known.get(1) {
        None => "UTC".to_owned(),
        Some(Some(
            ScalarValue::Utf8(Some(zone))
            | ScalarValue::Utf8View(Some(zone))
            | ScalarValue::LargeUtf8(Some(zone)),
        )) => zone.clone(),
        Some(_) => {
            return Err(wrong(
                "the name of a time zone is a plain text, such as 'Asia/Seoul'",
            ));
        }
    };
    if zone.parse::<Tz>().is_err() {
        return Err(wrong(format!(
            "INVALID_FUNCTION_ARGUMENT: '{}' is not a valid time zone",
            zone.chars().take(60).collect::<String>()
        )));
    }
    Ok(DataType::Timestamp(MICROS, Some(zone.into())))
}
fn zone_of(gives: &DataType) -> Result<Option<Tz>> {
    match gives {
        DataType::Timestamp(_, Some(zone)) => Ok(Some(zone.parse::<Tz>()?)),
        _ => Ok(None),
    }
}
pub(super) fn stamps(a: &Args<'_>, all: Vec<Option<i64>>) -> Result<ArrayRef> {
    let zone = match a.gives {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    Ok(Arc::new(
        TimestampMicrosecondArray::from(all).with_timezone_opt(zone),
    ))
}
fn days(date: NaiveDate) -> Option<i32> {
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// A column of dates or timestamps.
pub(super) enum Times<'a> {
    Dates(&'a Date32Array),
    Stamps(&'a TimestampMicrosecondArray, Option<Tz>),
}

impl<'a> Times<'a> {
    pub(super) fn of(column: &'a ArrayRef) -> Result<Self> {
        if let Some(dates) = column.as_primitive_opt::<Date32Type>() {
            return Ok(Self::Dates(dates));
        }
        let stamps = column.as_primitive_opt::<TimestampMicrosecondType>();
        let stamps = stamps.ok_or_else(|| wrong("a date or timestamp is needed"))?;
        Ok(Self::Stamps(stamps, zone_of(column.data_type())?))
    }
    /// Microseconds since 1970-01-01 UTC.
    fn instant(&self, row: usize) -> Option<i64> {
        match self {
            Self::Dates(all) => all
                .is_valid(row)
                .then(|| i64::from(all.value(row)) * 86_400_000_000),
            Self::Stamps(all, _) => all.is_valid(row).then(|| all.value(row)),
        }
    }
    pub(super) fn offset(&self, row: usize) -> Option<i32> {
        let at = DateTime::from_timestamp_micros(self.instant(row)?)?.naive_utc();
        match self {
            Self::Stamps(_, Some(zone)) => {
                Some(zone.offset_from_utc_datetime(&at).fix().local_minus_utc())
            }
            _ => Some(0),
        }
    }
    /// What a clock on the wall says.
    pub(super) fn local(&self, row: usize) -> Option<NaiveDateTime> {
        let at = DateTime::from_timestamp_micros(self.instant(row)?)?.naive_utc();
        at.checked_add_signed(TimeDelta::seconds(i64::from(self.offset(row)?)))
    }
}

/// The same column with every time moved on the wall's clock.
fn moved(
    a: &Args<'_>,
    at: usize,
    of: impl Fn(NaiveDateTime, usize) -> Result<Option<NaiveDateTime>>,
) -> Result<ArrayRef> {
    let times = Times::of(a.column(at)?)?;
    let mut all = Vec::with_capacity(a.rows);
    for row in 0..a.rows {
        all.push(match times.local(row) {
            Some(local) => of(local, row)?,
            None => None,
        });
    }
    match times {
        Times::Dates(_) => Ok(Arc::new(
            all.into_iter()
                .map(|t| days(t?.date()))
                .collect::<Date32Array>(),
        )),
        Times::Stamps(_, zone) => {
            let back = |t: NaiveDateTime| match zone {
                Some(zone) => zone
                    .from_local_datetime(&t)
                    .earliest()
                    .map(|t| t.timestamp_micros()),
                None => Some(t.and_utc().timestamp_micros()),
            };
            stamps(a, all.into_iter().map(|t| back(t?)).collect())
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    fn parse(text: &str) -> Result<Self> {
        Ok(match text.to_lowercase().as_str() {
            "millisecond" => Self::Millisecond,
            "second" => Self::Second,
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            other => {
                let shown: String = other.chars().take(40).collect();
                return Err(wrong(format!(
                    "INVALID_FUNCTION_ARGUMENT: '{shown}' is not a valid TIMESTAMP field; there is millisecond to year"
                )));
            }
        })
    }
    /// Microseconds, for units of one length.
    const fn micros(self) -> Option<i64> {
        match self {
            Self::Millisecond => Some(1_000),
            Self::Second => Some(1_000_000),
            Self::Minute => Some(60_000_000),
            Self::Hour => Some(3_600_000_000),
            Self::Day => Some(86_400_000_000),
            Self::Week => Some(604_800_000_000),
            Self::Month | Self::Quarter | Self::Year => None,
        }
    }
    const fn months(self) -> i64 {
        match self {
            Self::Year => 12,
            Self::Quarter => 3,
            _ => 1,
        }
    }
}

fn add(at: NaiveDateTime, unit: Unit, n: i64) -> Result<NaiveDateTime> {
    let far = || wrong("INVALID_FUNCTION_ARGUMENT: the date is out of range");
    if let Some(micros) = unit.micros() {
        let shift = micros.checked_mul(n).ok_or_else(far)?;
        return at
            .checked_add_signed(TimeDelta::microseconds(shift))
            .ok_or_else(far);
    }
    let months = n.checked_mul(unit.months()).ok_or_else(far)?;
    let count = Months::new(u32::try_from(months.unsigned_abs()).map_err(|_too_many| far())?);
    let moved = if months < 0 {
        at.checked_sub_months(count)
    } else {
        at.checked_add_months(count)
    };
    moved.ok_or_else(far)
}

/// Whole units from one time to the other.
fn difference(from: NaiveDateTime, to: NaiveDateTime, unit: Unit) -> i64 {
    if let Some(micros) = unit.micros() {
        let span = to
            .and_utc()
            .timestamp_micros()
            .saturating_sub(from.and_utc().timestamp_micros());
        return span / micros;
    }
    let month = |t: NaiveDateTime| i64::from(t.year()) * 12 + i64::from(t.month0());
    let mut months = month(to) - month(from);
    let count = |m: i64| Months::new(u32::try_from(m.unsigned_abs()).unwrap_or(0));
    let reached = if months < 0 {
        from.checked_sub_months(count(months))
    } else {
        from.checked_add_months(count(months))
    };
    if let Some(reached) = reached {
        if months > 0 && reached > to {
            months -= 1;
        } else if months < 0 && reached < to {
            months += 1;
        }
    }
    months / unit.months()
}

fn truncate(at: NaiveDateTime, unit: Unit) -> Option<NaiveDateTime> {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
    Some(match unit {
        Unit::Millisecond => at.with_nanosecond(at.nanosecond() / 1_000_000 * 1_000_000)?,
        Unit::Second => at.with_nanosecond(0)?,
        Unit::Minute => at.with_nanosecond(0)?.with_second(0)?,
        Unit::Hour => at.with_nanosecond(0)?.with_second(0)?.with_minute(0)?,
        Unit::Day => midnight(at.date()),
        Unit::Week => {
            let back = Days::new(u64::from(at.weekday().num_days_from_monday()));
            midnight(at.date().checked_sub_days(back)?)
        }
        Unit::Month => midnight(at.date().with_day(1)?),
        Unit::Quarter => midnight(at.date().with_day(1)?.with_month0(at.month0() / 3 * 3)?),
        Unit::Year => midnight(NaiveDate::from_ymd_opt(at.year(), 1, 1)?),
    })
}

pub(super) fn offset_text(seconds: i32, between: &str) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
}

fn iso(text: &str) -> Result<i64> {
    let plain = text.trim();
    let fault = || {
        wrong(format!(
            "INVALID_FUNCTION_ARGUMENT: Invalid timestamp: {}",
            plain.chars().take(60).collect::<String>()
        ))
    };
    if let Ok(date) = plain.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
    }
    let plain = plain.replacen(' ', "T", 1);
    for form in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"] {
        if let Ok(at) = DateTime::parse_from_str(&plain.replace(['Z', 'z'], "+00:00"), form) {
            return Ok(at.timestamp_micros());
        }
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(&plain, form) {
            return Ok(at.and_utc().timestamp_micros());
        }
    }
    Err(fault())
}
