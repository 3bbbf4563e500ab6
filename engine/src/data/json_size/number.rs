//! Sizes of JSON numbers: digits are counted, not written.
//!
//! Floats are written by arrow in their shortest form that reads back equal (`0.0`, `12.5`, `1.0e-7`, `null` when not finite).
//! A float with few decimals is recognised by arithmetic: a decimal of at most 15 significant digits (6 for single
//! precision) that rounds to the float is the shortest one, because two such decimals never round to the same float.

use super::NULL;
use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{
    DataType, Decimal128Type, DecimalType as _, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::lexical_to_string;

/// The size of each number; `None` when the column holds something else.
pub(super) fn sizes(column: &dyn Array) -> Option<Vec<u32>> {
    macro_rules! integers {
        ($type:ty, $size:expr) => {{
            let values = column.as_primitive::<$type>().values();
            values.iter().map(|&v| $size(v.into())).collect()
        }};
    }
    Some(match column.data_type() {
        DataType::Int8 => integers!(Int8Type, signed_size),
        DataType::Int16 => integers!(Int16Type, signed_size),
        DataType::Int32 => integers!(Int32Type, signed_size),
        DataType::Int64 => integers!(Int64Type, signed_size),
        DataType::UInt8 => integers!(UInt8Type, digits),
        DataType::UInt16 => integers!(UInt16Type, digits),
        DataType::UInt32 => integers!(UInt32Type, digits),
        DataType::UInt64 => integers!(UInt64Type, digits),
        DataType::Float32 => integers!(Float32Type, single_size),
        DataType::Float64 => integers!(Float64Type, float_size),
        DataType::Decimal128(precision, scale) => {
            let values = column.as_primitive::<Decimal128Type>().values();
            let size = |&v: &i128| decimal_size(v, *precision, *scale);
            values.iter().map(size).collect()
        }
        _ => return None,
    })
}

const POWERS: [u64; 20] = {
    let mut table = [0; 20];
    let mut power = 1;
    let mut i = 1;
    while i < 20 {
        power *= 10;
        table[i] = power;
        i += 1;
    }
    table
};

/// Decimal digits of `n`; one for zero.
const fn digits(n: u64) -> u32 {
    // 1233 / 4096 approximates log10(2): the guess is right or one too small. Zero has one digit like one.
    let bits = 64 - (n | 1).leading_zeros();
    let guess = (bits * 1233) >> 12;
    guess + (n >= POWERS[guess as usize] || guess == 0) as u32
}

const fn signed_size(n: i64) -> u32 {
    digits(n.unsigned_abs()) + (n < 0) as u32
}

/// Size of a double as arrow-json writes it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is a whole number within 0..10^15, so the cast loses nothing"
)]
fn float_size(value: f64) -> u32 {
    if !value.is_finite() {
        return NULL;
    }
    let sign = u32::from(value.is_sign_negative());
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return sign + 3;
    }
    // Below 10^-5 and from 10^9 on an exponent is written; the bounds keep well inside.
    if (1e-3..9e8).contains(&magnitude) {
        for (scale, decimals) in [(1e2, 2), (1e4, 4), (1e6, 6)] {
            let whole = (magnitude * scale).round_ties_even();
            if whole < 1e15 && whole / scale == magnitude {
                return sign + plain_size(whole as u64, decimals);
            }
        }
    }
    slow(&lexical_to_string(value))
}

/// Size of a single-precision float as arrow-json writes it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is a whole number within 0..10^6, so the cast loses nothing"
)]
fn single_size(value: f32) -> u32 {
    if !value.is_finite() {
        return NULL;
    }
    let sign = u32::from(value.is_sign_negative());
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return sign + 3;
    }
    if (1e-3..9e5).contains(&magnitude) {
        for (scale, decimals) in [(1e0, 0), (1e2, 2), (1e4, 4)] {
            let whole = (magnitude * scale).round_ties_even();
            if whole < 1e6 && whole / scale == magnitude {
                return sign + plain_size(whole as u64, decimals);
            }
        }
    }
    slow(&lexical_to_string(value))
}

/// Size of `whole / 10^decimals` without an exponent and without trailing zeros, but always with one decimal.
const fn plain_size(mut whole: u64, mut decimals: u32) -> u32 {
    while decimals > 1 && whole.is_multiple_of(10) {
        whole /= 10;
        decimals -= 1;
    }
    if decimals == 0 {
        return digits(whole) + 2;
    }
    let integer = whole / POWERS_OF_TEN[decimals as usize];
    digits(integer) + 1 + decimals
}

const POWERS_OF_TEN: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// Size of a decimal. Whole digits, a point and `scale` decimals; a negative scale is rare and really written.
fn decimal_size(value: i128, precision: u8, scale: i8) -> u32 {
    let (Ok(magnitude), Ok(scale_digits)) =
        (u64::try_from(value.unsigned_abs()), u32::try_from(scale))
    else {
        return slow(&Decimal128Type::format_decimal(value, precision, scale));
    };
    let sign = u32::from(value < 0);
    if scale_digits == 0 {
        return sign + digits(magnitude);
    }
    let digits = digits(magnitude);
    if digits > scale_digits {
        sign + digits + 1
    } else {
        sign + 2 + scale_digits
    }
}

fn slow(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}
