//! Values with units as people write them: `90s`, `1h30m`, `5 MB`, `3k`, `1,500,000`, `20%`.
//!
//! Durations are exact (decimal arithmetic in nanoseconds). As AWS's texts do for buffers and payloads, `KB`, `MB` and `GB`
//! mean 2^10, 2^20 and 2^30 bytes.

use super::SimDuration;

/// What could not be read as a quantity. The message names the text and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a span of time.
    #[error(
        "`{0}` is not a duration: write a number with a unit, for example `90s`, `10m`, `1h30m` or `250ms`."
    )]
    Duration(String),
    /// Not a quantity in the unit that is asked for.
    #[error(
        "`{text}` is not a quantity in {unit}: write a number, with a unit if you like, for example `{example}`."
    )]
    Quantity {
        /// What was written.
        text: String,
        /// The unit that is asked for.
        unit: String,
        /// Something that would be right.
        example: &'static str,
    },
}

/// Units of time, longest first, in nanoseconds.
const TIME: [(&str, u64); 10] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ns", 1),
];

/// Units of data by their lower-case names, in bytes.
const BYTES: [(&str, u64); 14] = [
    ("b", 1),
    ("bytes", 1),
    ("k", 1 << 10),
    ("kb", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mb", 1 << 20),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gb", 1 << 30),
    ("gib", 1 << 30),
    ("t", 1 << 40),
    ("tb", 1 << 40),
    ("tib", 1 << 40),
];

/// Reads a span of time: one or more numbers with units (`d`, `h`, `m` or `min`, `s`, `ms`, `us`, `ns`), longest first, as
/// in `1h30m` or `1.5s`. Digits beyond the nanosecond are dropped.
///
/// # Errors
/// When the text is not such a span, or longer than 584 years.
pub fn parse_duration(text: &str) -> Result<SimDuration, QuantityError> {
    let read = || -> Option<u64> {
        let mut rest = text.trim();
        let (mut total, mut shorter_than) = (0_u64, u64::MAX);
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, after) = rest.split_at_checked(digits)?;
            let after = after.trim_start();
            let letters = after.find(|c: char| !c.is_alphabetic());
            let (unit, next) = after.split_at_checked(letters.unwrap_or(after.len()))?;
            let nanos = TIME.iter().find(|(name, _)| *name == unit)?.1;
            if nanos >= shorter_than {
                return None;
            }
            shorter_than = nanos;
            total = total.checked_add(times(number, nanos)?)?;
            rest = next.trim_start();
        }
        Some(total)
    };
    match read() {
        Some(nanos) => Ok(SimDuration(nanos)),
        None => Err(QuantityError::Duration(shown(text))),
    }
}

/// Decimal `number` times `unit`, exact.
fn times(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let mut value = u128::from(whole.parse::<u64>().ok()?) * u128::from(unit);
    let mut weight = u128::from(unit) * 1_000_000_000;
    for digit in fraction.bytes().take(18) {
        weight /= 10;
        value += u128::from(digit.checked_sub(b'0').filter(|d| *d < 10)?) * weight / 1_000_000_000;
    }
    u64::try_from(value).ok()
}

/// Writes a span of time so that [`parse_duration`] reads the same span back: `250ms`, `90s`, `10m`, `1h30m`, `2d`.
#[must_use]
pub fn format_duration(span: SimDuration) -> String {
    const SECOND: u64 = 1_000_000_000;
    let nanos = span.0;
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < SECOND {
        let units = [("ms", 1_000_000), ("us", 1_000), ("ns", 1)];
        let fits = units.iter().find(|(_, unit)| nanos.is_multiple_of(*unit));
        return fits.map_or_else(String::new, |(name, unit)| {
            format!("{}{name}", nanos / unit)
        });
    }
    // Two minutes and less read best in seconds, as in `90s`.
    if nanos < 120 * SECOND && !nanos.is_multiple_of(60 * SECOND) {
        return seconds(nanos);
    }
    let mut text = String::new();
    let mut rest = nanos;
    for (name, unit) in [
        ("d", 86_400 * SECOND),
        ("h", 3_600 * SECOND),
        ("m", 60 * SECOND),
    ] {
        // A day and a half is written as `36h`.
        if rest >= unit && (name != "d" || rest.is_multiple_of(unit)) {
            text.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    if rest > 0 {
        text.push_str(&seconds(rest));
    }
    text
}

/// Seconds with as many decimals as needed.
fn seconds(nanos: u64) -> String {
    let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if rest == 0 {
        return format!("{whole}s");
    }
    let fraction = format!("{rest:09}");
    format!("{whole}.{}s", fraction.trim_end_matches('0'))
}

/// Reads a number in `unit`.
///
/// The unit is one of time (`ns` to `d`), of data (`B`, `KB`, `MB`, ...), `%`, or anything else for a count (`records`,
/// `records/s`, the empty text). A bare number is in `unit` already; `k`, `M` and `G` multiply counts by 10^3,
/// 10^6 and 10^9. Rates keep their denominator: `2 MB/s` reads as 2048 in `KB/s`.
///
/// # Errors
/// When the text is not a number, or has a unit of another sort.
pub fn parse_quantity(text: &str, unit: &str) -> Result<f64, QuantityError> {
    let wrong = || QuantityError::Quantity {
        text: shown(text),
        unit: if unit.is_empty() { "numbers" } else { unit }.to_owned(),
        example: example(unit),
    };
    let text = text.trim();
    let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '_' | '+' | '-');
    let end = text.find(|c: char| !is_digit(c)).unwrap_or(text.len());
    let (digits, written) = text.split_at_checked(end).ok_or_else(wrong)?;
    // `1 000` groups with blanks, `1e6` has an exponent; both are rare and the former is refused as ambiguous.
    let (exponent, written) = exponent(written);
    let number = ungrouped(digits).ok_or_else(wrong)?;
    let value: f64 = match exponent {
        Some(exponent) => format!("{number}e{exponent}").parse(),
        None => number.parse(),
    }
    .map_err(|_not_a_number: std::num::ParseFloatError| wrong())?;
    let factor = factor(written.trim(), unit).ok_or_else(wrong)?;
    let value = value * factor.0 / factor.1;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(wrong())
    }
}

/// Splits `e6 MB` into the exponent and the rest.
fn exponent(written: &str) -> (Option<i32>, &str) {
    let Some(after) = written.strip_prefix(['e', 'E']) else {
        return (None, written);
    };
    let is_digit = |c: char| c.is_ascii_digit() || c == '-' || c == '+';
    let end = after.find(|c: char| !is_digit(c)).unwrap_or(after.len());
    match after.split_at_checked(end) {
        Some((digits, rest)) => match digits.parse() {
            Ok(exponent) => (Some(exponent), rest),
            Err(_not_an_exponent) => (None, written),
        },
        None => (None, written),
    }
}

/// The digits without separators between thousands; `None` when commas stand elsewhere.
fn ungrouped(digits: &str) -> Option<String> {
    let whole = digits.split('.').next()?;
    let groups: Vec<&str> = whole.split([',', '_']).collect();
    let rest = groups.get(1..)?;
    let first = groups.first()?.trim_start_matches(['+', '-']);
    if !rest.is_empty() && (rest.iter().any(|g| g.len() != 3) || !(1..=3).contains(&first.len())) {
        return None;
    }
    Some(digits.replace([',', '_'], ""))
}

/// Numerator and denominator that turn what is written into `unit`.
fn factor(written: &str, unit: &str) -> Option<(f64, f64)> {
    if written.is_empty() || written == unit {
        return Some((1.0, 1.0));
    }
    if let Some((unit, per)) = unit.split_once('/') {
        let written = written
            .split_once('/')
            .map_or(Some(written), |(w, p)| (p == per).then_some(w))?;
        return factor(written.trim(), unit);
    }
    let time = |name: &str| TIME.iter().find(|(n, _)| *n == name).map(|u| u.1 as f64);
    let data = |name: &str| {
        let name = name.to_ascii_lowercase();
        BYTES.iter().find(|(n, _)| *n == name).map(|u| u.1 as f64)
    };
    if let Some(target) = time(unit) {
        return Some((time(written)?, target));
    }
    if let Some(target) = data(unit) {
        return Some((data(written)?, target));
    }
    let (sign, rest) = match written.chars().next()? {
        'k' | 'K' => (1e3, 1),
        'M' => (1e6, 1),
        'G' => (1e9, 1),
        '%' if unit == "%" => (1.0, 1),
        // A share: 20% is 0.2.
        '%' => (0.01, 1),
        _ => (1.0, 0),
    };
    let name = written.get(rest..)?.trim();
    (name.is_empty() || name == unit).then_some((sign, 1.0))
}

fn example(unit: &str) -> &'static str {
    let unit = unit.split('/').next().unwrap_or_default();
    if TIME.iter().any(|(name, _)| *name == unit) {
        "90 s"
    } else if BYTES
        .iter()
        .any(|(name, _)| unit.eq_ignore_ascii_case(name))
    {
        "5 MB"
    } else if unit == "%" {
        "20%"
    } else {
        "3k"
    }
}

/// A hostile text is shown by its beginning.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests;
