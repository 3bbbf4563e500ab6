//! Figures as people read them: three significant digits, SI prefixes, money with what it is for.

/// A plain number with SI prefix: `1.23 k`, `45.6`, `0.00120`.
pub(crate) fn si(value: f64) -> String {
    let (scaled, prefix) = scale(value, 1000.0, &["", "k", "M", "G", "T"]);
    join(&digits(scaled), prefix)
}
/// Records a second.
pub(crate) fn records_rate(value: f64) -> String {
    format!("{}/s", si(value))
}
/// Bytes in powers of 1024: `1.50 MiB`.
pub(crate) fn bytes(value: f64) -> String {
    let (scaled, prefix) = scale(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"]);
    join(&digits(scaled), prefix)
}
/// Bytes a second.
pub(crate) fn bytes_rate(value: f64) -> String {
    format!("{}/s", bytes(value))
}
/// A whole number with separators: `1,234,567`.
pub(crate) fn count(value: u64) -> String {
    let text = value.to_string();
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i > 0 && (text.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
/// Milliseconds as the unit that reads best: `12.3 ms`, `1.50 s`, `2.10 min`.
pub(crate) fn millis(value: f64) -> String {
    match value.abs() {
        v if v < 1e-9 => "0 ms".to_owned(),
        v if v < 1.0 => format!("{} µs", digits(value * 1e3)),
        v if v < 1e3 => format!("{} ms", digits(value)),
        v if v < 120e3 => format!("{} s", digits(value / 1e3)),
        v if v < 7.2e6 => format!("{} min", digits(value / 60e3)),
        _ => format!("{} h", digits(value / 3.6e6)),
    }
}
/// Dollars: `$0.00120`, `$12.3`, `$1,234`.
pub(crate) fn usd(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    match value.abs() {
        v if v < 1e-12 => "$0".to_owned(),
        v if v >= 1000.0 => format!("{sign}${}", count(whole(v.round()))),
        v => format!("{sign}${}", digits(v)),
    }
}
/// A share as a percentage: `12.3 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", digits(share * 100.0))
}
/// Virtual time since the beginning: `1:02:03`, with days in front when there are some.
pub(crate) fn clock(seconds: f64) -> String {
    let whole = whole(seconds.max(0.0));
    let (d, h, m, s) = (
        whole / 86_400,
        whole / 3600 % 24,
        whole / 60 % 60,
        whole % 60,
    );
    if d > 0 {
        format!("{d}d {h:02}:{m:02}:{s:02}")
    } else {
        format!("{h}:{m:02}:{s:02}")
    }
}

/// A number that is whole and not negative, as an integer.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; what is too large becomes the largest"
)]
const fn whole(value: f64) -> u64 {
    value as u64
}

fn scale(value: f64, step: f64, prefixes: &[&'static str]) -> (f64, &'static str) {
    let mut scaled = value;
    let mut index = 0;
    // 999.5 would be written as 1000.
    while scaled.abs() >= step * 0.9995 && index + 1 < prefixes.len() {
        scaled /= step;
        index += 1;
    }
    (scaled, prefixes[index])
}

fn join(digits: &str, unit: &str) -> String {
    if unit.is_empty() {
        digits.to_owned()
    } else {
        format!("{digits} {unit}")
    }
}

/// Three significant digits; small whole numbers as they are.
pub(crate) fn digits(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "-".to_owned();
    }
    if size < 1e-12 {
        return "0".to_owned();
    }
    if size < 1000.0 && (value - value.round()).abs() < 1e-9 {
        return format!("{value:.0}");
    }
    // The magnitude after rounding: 0.9999 is written as 1.00.
    let rounded: f64 = format!("{size:.2e}").parse().unwrap_or(size);
    // Powers of ten that are left of 100: the decimals.
    let decimals = (0_u32..12)
        .find(|d| rounded * 10_f64.powi(d.cast_signed()) >= 99.95)
        .unwrap_or(12);
    let decimals = usize::try_from(decimals).unwrap_or(0);
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_significant_digits() {
        let cases: &[(String, &str)] = &[
            (si(0.0), "0"),
            (si(3000.0), "3 k"),
            (si(1234.0), "1.23 k"),
            (si(999.9), "1.00 k"),
            (si(45.67), "45.7"),
            (bytes(1_572_864.0), "1.50 MiB"),
            (bytes(12.0), "12 B"),
            (millis(0.25), "250 µs"),
            (millis(65_180.0), "65.2 s"),
            (usd(0.002_056), "$0.00206"),
            (usd(2796.4), "$2,796"),
            (percent(0.9), "90 %"),
            (count(5_399_940), "5,399,940"),
            (clock(3723.9), "1:02:03"),
        ];
        for (got, wanted) in cases {
            assert_eq!(got, wanted);
        }
    }
}
