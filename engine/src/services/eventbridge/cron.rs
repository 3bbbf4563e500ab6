//! Schedules: `rate(5 minutes)` and `cron(minutes hours day-of-month month day-of-week year)`, in UTC.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, Days, NaiveDate};

/// Days that are searched for the next instant: leap days on a given weekday are rare.
const DAYS_MAX: u64 = 366 * 30;
const MINUTE_MS: i64 = 60_000;
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Timetable {
    /// Every so many milliseconds.
    Rate(i64),
    /// At these times.
    Cron(Box<Cron>),
}

/// The values of each field; a day field of `?` is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    days: Option<BTreeSet<u32>>,
    months: BTreeSet<u32>,
    weekdays: Option<BTreeSet<u32>>,
    years: BTreeSet<u32>,
}

impl Timetable {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let inside = |name: &str| {
            text.strip_prefix(name)?
                .strip_prefix('(')?
                .strip_suffix(')')
        };
        if let Some(rate) = inside("rate") {
            return rate_of(rate).map(Self::Rate);
        }
        let fields = inside("cron")
            .ok_or_else(|| format!("`{text}` is neither rate(5 minutes) nor cron(0 12 * * ? *)"))?;
        cron_of(fields).map(|c| Self::Cron(Box::new(c)))
    }
    /// The first instant after `after`, milliseconds since 1970; a rate counts from `start`.
    pub(super) fn next(&self, start: i64, after: i64) -> Option<i64> {
        match self {
            Self::Rate(every) => {
                let passed = (after - start).div_euclid(*every) + 1;
                Some(start + passed * every)
            }
            Self::Cron(cron) => cron.next(after),
        }
    }
}

fn rate_of(text: &str) -> Result<i64, String> {
    let wrong = || format!("`rate({text})`: a number and minute(s), hour(s) or day(s)");
    let (number, unit) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let number: i64 = number
        .parse()
        .ok()
        .filter(|n| (1..=1_000_000).contains(n))
        .ok_or_else(wrong)?;
    let minutes = match unit.trim() {
        "minute" | "minutes" => 1,
        "hour" | "hours" => 60,
        "day" | "days" => 1440,
        _ => return Err(wrong()),
    };
    Ok(number * minutes * MINUTE_MS)
}

fn cron_of(text: &str) -> Result<Cron, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minutes, hours, days, months, weekdays, years] = fields[..] else {
        return Err(format!(
            "`cron({text})` has {} fields: minutes, hours, day of month, month, day of week, year",
            fields.len()
        ));
    };
    if (days == "?") == (weekdays == "?") {
        return Err(format!(
            "`cron({text})`: one of day of month and day of week is `?`"
        ));
    }
    let optional = |field: &str, range: (u32, u32), names: &[&str], base: u32| {
        if field == "?" {
            return Ok(None);
        }
        values(field, range, names, base).map(Some)
    };
    Ok(Cron {
        minutes: values(minutes, (0, 59), &[], 0)?,
        hours: values(hours, (0, 23), &[], 0)?,
        days: optional(days, (1, 31), &[], 0)?,
        months: values(months, (1, 12), &MONTHS, 1)?,
        weekdays: optional(weekdays, (1, 7), &WEEKDAYS, 1)?,
        years: values(years, (1970, 2199), &[], 0)?,
    })
}

/// The values of one field: `*`, numbers, names, ranges, steps, lists.
fn values(
    field: &str,
    (low, high): (u32, u32),
    names: &[&str],
    base: u32,
) -> Result<BTreeSet<u32>, String> {
    let wrong = || {
        format!("`{field}` is no field from {low} to {high} (`*`, `,`, `-` and `/` may be used)")
    };
    let number = |text: &str| {
        let name = names.iter().position(|n| n.eq_ignore_ascii_case(text));
        let named = name.and_then(|i| u32::try_from(i).ok()).map(|i| i + base);
        named
            .or_else(|| text.parse().ok())
            .filter(|n| (low..=high).contains(n))
            .ok_or_else(wrong)
    };
    let mut all = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (
                range,
                Some(
                    step.parse::<usize>()
                        .ok()
                        .filter(|s| *s > 0)
                        .ok_or_else(wrong)?,
                ),
            ),
            None => (part, None),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (low, high),
            (_, Some((from, to))) => (number(from)?, number(to)?),
            // `5/15` goes on to the end.
            (one, None) => (
                number(one)?,
                if step.is_some() { high } else { number(one)? },
            ),
        };
        if from > to {
            return Err(wrong());
        }
        all.extend((from..=to).step_by(step.unwrap_or(1)));
    }
    Ok(all)
}

impl Cron {
    fn next(&self, after: i64) -> Option<i64> {
        let begin = DateTime::from_timestamp_millis(after)?;
        let mut day = begin.date_naive();
        for _ in 0..DAYS_MAX {
            if self.on(day) {
                let midnight = day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis();
                let times = self
                    .hours
                    .iter()
                    .flat_map(|h| self.minutes.iter().map(move |m| h * 60 + m));
                let mut instants = times.map(|m| midnight + i64::from(m) * MINUTE_MS);
                if let Some(at) = instants.find(|at| *at > after) {
                    return Some(at);
                }
            }
            day = day.checked_add_days(Days::new(1))?;
        }
        None
    }
    fn on(&self, day: NaiveDate) -> bool {
        let within = |set: &Option<BTreeSet<u32>>, value: u32| {
            set.as_ref().is_none_or(|s| s.contains(&value))
        };
        let weekday = day.weekday().num_days_from_sunday() + 1;
        u32::try_from(day.year()).is_ok_and(|y| self.years.contains(&y))
            && self.months.contains(&day.month())
            && within(&self.days, day.day())
            && within(&self.weekdays, weekday)
    }
}

#[cfg(test)]
mod tests {
    use super::Timetable;
    use chrono::DateTime;

    fn next(text: &str, from: &str) -> String {
        let at = |text: &str| {
            DateTime::parse_from_rfc3339(text)
                .unwrap()
                .timestamp_millis()
        };
        let start = at("2026-01-05T00:00:00Z");
        let next = Timetable::parse(text).unwrap().next(start, at(from));
        next.map_or("never".to_owned(), |ms| {
            DateTime::from_timestamp_millis(ms)
                .unwrap()
                .format("%Y-%m-%dT%H:%M")
                .to_string()
        })
    }

    #[test]
    fn schedules_come_when_they_say() {
        for (text, from, expected) in [
            (
                "rate(5 minutes)",
                "2026-01-05T00:00:00Z",
                "2026-01-05T00:05",
            ),
            ("rate(1 minute)", "2026-01-05T00:00:30Z", "2026-01-05T00:01"),
            ("rate(2 hours)", "2026-01-05T02:00:00Z", "2026-01-05T04:00"),
            ("rate(1 day)", "2026-01-05T12:00:00Z", "2026-01-06T00:00"),
            (
                "cron(0 12 * * ? *)",
                "2026-01-05T12:00:00Z",
                "2026-01-06T12:00",
            ),
            ("cron(15 10 ? * 6L-7 *)", "", "error"),
            (
                "cron(0/15 * * * ? *)",
                "2026-01-05T00:16:00Z",
                "2026-01-05T00:30",
            ),
            (
                "cron(0 8 1 * ? *)",
                "2026-01-05T00:00:00Z",
                "2026-02-01T08:00",
            ),
            (
                "cron(0 18 ? * MON-FRI *)",
                "2026-01-09T18:00:00Z",
                "2026-01-12T18:00",
            ),
            (
                "cron(30 6 ? * 1,7 *)",
                "2026-01-05T00:00:00Z",
                "2026-01-10T06:30",
            ),
            (
                "cron(0 0 29 FEB ? *)",
                "2026-01-05T00:00:00Z",
                "2028-02-29T00:00",
            ),
            ("cron(0 0 1 1 ? 2025)", "2026-01-05T00:00:00Z", "never"),
        ] {
            if expected == "error" {
                assert!(Timetable::parse(text).is_err(), "{text}");
            } else {
                assert_eq!(next(text, from), expected, "{text}");
            }
        }
    }

    #[test]
    fn wrong_schedules_are_named() {
        for (text, said) in [
            ("every day", "neither"),
            ("rate(0 minutes)", "a number"),
            ("rate(5 seconds)", "minute(s)"),
            ("cron(0 12 * *)", "has 4 fields"),
            ("cron(0 12 * * * *)", "is `?`"),
            ("cron(60 12 * * ? *)", "`60`"),
            ("cron(0 12 ? * FUN *)", "`FUN`"),
            ("cron(0/0 12 * * ? *)", "`0/0`"),
        ] {
            let wrong = Timetable::parse(text).unwrap_err();
            assert!(wrong.contains(said), "{text}: {wrong}");
        }
    }
}
