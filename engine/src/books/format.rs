//! How a bill prints quantities and money for people.

use super::wide::Wide;
use crate::units::Usd;

/// Decimals that an exact quantity is printed with at most.
const DECIMALS: u32 = 12;

/// `1234567` as `1,234,567`.
#[must_use]
pub fn thousands(value: u128) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `quantity / base_per_unit` in full, up to 12 decimals, rounded half up, without trailing zeros or grouping.
#[must_use]
pub fn decimal(quantity: u128, base_per_unit: u64) -> String {
    let (whole, fraction) = fixed(quantity, base_per_unit, DECIMALS);
    if fraction.is_empty() {
        whole.to_string()
    } else {
        format!("{whole}.{fraction}")
    }
}

/// `quantity / base_per_unit` for reading: grouped, and no more decimals than tell something.
pub(super) fn readable(quantity: u128, base_per_unit: u64) -> String {
    let whole = quantity / u128::from(base_per_unit.max(1));
    let places = match whole {
        0 => significant_places(quantity, base_per_unit),
        1..=999 => 3,
        _ => 1,
    };
    let (whole, fraction) = fixed(quantity, base_per_unit, places);
    if fraction.is_empty() {
        thousands(whole)
    } else {
        format!("{}.{fraction}", thousands(whole))
    }
}

/// An amount for reading: cents from a dollar on, four significant digits below; exact zero is `$0`.
#[must_use]
pub fn dollars(amount: Usd) -> String {
    let sign = if amount.0 < 0 { "-" } else { "" };
    let pico = amount.0.unsigned_abs();
    let scale = Usd::SCALE.unsigned_abs();
    if pico >= scale {
        // Cents as whole numbers, so that the two decimals always stand.
        let cents = Wide::new(pico).over(Wide::new(scale / 100));
        return format!("{sign}${}.{:02}", thousands(cents / 100), cents % 100);
    }
    let base = u64::try_from(scale).unwrap_or(u64::MAX);
    let (whole, fraction) = fixed(pico, base, significant_places(pico, base));
    if fraction.is_empty() {
        format!("{sign}${whole}")
    } else {
        format!("{sign}${whole}.{fraction}")
    }
}

/// Decimals that show four significant digits of a value below one.
fn significant_places(quantity: u128, base: u64) -> u32 {
    let (mut places, mut value) = (0, quantity);
    while places < DECIMALS && value != 0 && value < u128::from(base) {
        value = value.saturating_mul(10);
        places += 1;
    }
    (places + 3).min(DECIMALS)
}

/// Whole part and decimals without trailing zeros, rounded half up.
fn fixed(quantity: u128, base: u64, places: u32) -> (u128, String) {
    let ten = 10_u128.pow(places);
    let scaled = Wide::new(quantity)
        .times(ten)
        .over(Wide::new(u128::from(base.max(1))));
    let width = places as usize;
    let fraction = if places == 0 {
        String::new()
    } else {
        format!("{:0width$}", scaled % ten)
    };
    (scaled / ten, fraction.trim_end_matches('0').into())
}

/// The unit after a count: `shard-hours`, `PUT payload units`, but `GB`.
#[must_use]
pub fn plural(unit: &str, singular: bool) -> String {
    if singular || unit.ends_with("GB") || unit.ends_with("TB") {
        return unit.into();
    }
    unit.strip_suffix('y')
        .map_or_else(|| format!("{unit}s"), |stem| format!("{stem}ies"))
}
