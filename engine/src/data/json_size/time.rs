//! Sizes of times: RFC 3339 text in quotes, with 0, 3, 6 or 9 decimals, whichever is the fewest that loses nothing.

use arrow::array::{Array, ArrowPrimitiveType, AsArray as _};
use arrow::datatypes::{
    DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::fmt::{self, Write as _};

/// `"2026-01-05T00:00:00"` with its quotes.
const SECONDS: u32 = 21;
/// 0001-01-03 and 9999-12-29 in seconds since 1970: between them a year has four digits in every zone.
const FOUR_DIGIT_YEARS: std::ops::Range<i64> = -62_135_424_000..253_402_041_600;
const SECONDS_PER_DAY: i64 = 86_400;

/// The size of each time; `None` when the zone is unknown, which the writer refuses.
pub(super) fn sizes(column: &dyn Array) -> Option<Vec<u32>> {
    let slow = Formatter::new(column)?;
    let zone = match column.data_type() {
        DataType::Timestamp(_, Some(zone)) => zone_size(zone),
        _ => Some(0),
    };
    let Some(zone) = zone else {
        // The offset of a named zone depends on the instant.
        return Some((0..column.len()).map(|i| slow.size(i)).collect());
    };
    Some(match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            instants::<TimestampSecondType, 1>(column, zone, &slow)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            instants::<TimestampMillisecondType, 1_000>(column, zone, &slow)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            instants::<TimestampMicrosecondType, 1_000_000>(column, zone, &slow)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            instants::<TimestampNanosecondType, 1_000_000_000>(column, zone, &slow)
        }
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().values();
            let size = |(i, &day): (usize, &i32)| {
                if FOUR_DIGIT_YEARS.contains(&(i64::from(day) * SECONDS_PER_DAY)) {
                    12
                } else {
                    slow.size(i)
                }
            };
            days.iter().enumerate().map(size).collect()
        }
        _ => return None,
    })
}

/// Bytes that the zone adds when they are the same at every instant: `Z`, or an offset such as `+05:30`.
fn zone_size(zone: &str) -> Option<u32> {
    match zone {
        "UTC" | "+00:00" | "+0000" | "+00" | "-00:00" => Some(1),
        _ if zone.starts_with(['+', '-']) => Some(6),
        _ => None,
    }
}

/// Sizes of timestamps that count `PER_SECOND` ticks a second.
fn instants<T, const PER_SECOND: i64>(
    column: &dyn Array,
    zone: u32,
    slow: &Formatter<'_>,
) -> Vec<u32>
where
    T: ArrowPrimitiveType<Native = i64>,
{
    let values = column.as_primitive::<T>().values();
    let size = |(i, &ticks): (usize, &i64)| {
        let (second, rest) = (ticks.div_euclid(PER_SECOND), ticks.rem_euclid(PER_SECOND));
        if !FOUR_DIGIT_YEARS.contains(&second) {
            return slow.size(i);
        }
        let nanos = rest * (1_000_000_000 / PER_SECOND);
        SECONDS + zone + fraction_size(nanos)
    };
    values.iter().enumerate().map(size).collect()
}

const fn fraction_size(nanos: i64) -> u32 {
    if nanos == 0 {
        0
    } else if nanos % 1_000_000 == 0 {
        4
    } else if nanos % 1_000 == 0 {
        7
    } else {
        10
    }
}

/// Bytes of an instant (milliseconds since 1970) as a JSON string in UTC: what a column of that type adds to a record.
pub(crate) fn utc_millis_size(millis: i64) -> u32 {
    let (second, rest) = (millis.div_euclid(1_000), millis.rem_euclid(1_000));
    if FOUR_DIGIT_YEARS.contains(&second) {
        return SECONDS + 1 + fraction_size(rest * 1_000_000);
    }
    let column = arrow::array::TimestampMillisecondArray::from(vec![millis]).with_timezone("UTC");
    Formatter::new(&column).map_or(0, |slow| slow.size(0))
}

/// Counts what arrow's formatter writes.
struct Formatter<'a>(ArrayFormatter<'a>);

impl<'a> Formatter<'a> {
    fn new(column: &'a dyn Array) -> Option<Self> {
        let options = FormatOptions::new().with_display_error(true);
        Some(Self(ArrayFormatter::try_new(column, &options).ok()?))
    }
    fn size(&self, i: usize) -> u32 {
        let mut count = Count(2);
        // Counting cannot fail, and the formatter shows its own errors as text.
        match write!(count, "{}", self.0.value(i)) {
            Ok(()) | Err(fmt::Error) => count.0,
        }
    }
}

struct Count(u32);

impl fmt::Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self
            .0
            .saturating_add(u32::try_from(text.len()).unwrap_or(u32::MAX));
        Ok(())
    }
}
