//! Bits, bases and buckets.

use super::{Args, Function, Gives, Kind, Result, function, wrong};
use arrow::array::ArrayRef;

pub(super) static ALL: &[Function] = &[
    function("bitwise_not", &[Kind::Int], Gives::Int, |a| {
        a.ints(|r| Ok(a.int(0, r).map(|x| !x)))
    }),
    function(
        "bitwise_left_shift",
        &[Kind::Int, Kind::Int],
        Gives::Int,
        |a| shift(a, |x, n| if n > 63 { 0 } else { x << n }),
    ),
    function(
        "bitwise_right_shift",
        &[Kind::Int, Kind::Int],
        Gives::Int,
        |a| {
            shift(a, |x, n| {
                if n > 63 {
                    0
                } else {
                    (x.cast_unsigned() >> n).cast_signed()
                }
            })
        },
    ),
    function(
        "bitwise_right_shift_arithmetic",
        &[Kind::Int, Kind::Int],
        Gives::Int,
        |a| shift(a, |x, n| x >> n.min(63)),
    ),
    function("bit_count", &[Kind::Int, Kind::Int], Gives::Int, bit_count),
    function("to_base", &[Kind::Int, Kind::Int], Gives::Text, to_base),
    function("from_base", &[Kind::Text, Kind::Int], Gives::Int, from_base),
    function(
        "width_bucket",
        &[Kind::Double, Kind::Double, Kind::Double, Kind::Int],
        Gives::Int,
        width_bucket,
    ),
    function("is_finite", &[Kind::Double], Gives::Truth, |a| {
        a.truths(|r| Ok(a.double(0, r).map(f64::is_finite)))
    }),
    function("is_infinite", &[Kind::Double], Gives::Truth, |a| {
        a.truths(|r| Ok(a.double(0, r).map(f64::is_infinite)))
    }),
];

fn shift(a: &Args<'_>, of: fn(i64, u32) -> i64) -> Result<ArrayRef> {
    a.ints(|r| {
        let (Some(x), Some(n)) = (a.int(0, r), a.int(1, r)) else {
            return Ok(None);
        };
        let n = u32::try_from(n)
            .map_err(|_negative| wrong("INVALID_FUNCTION_ARGUMENT: a shift is 0 or more"))?;
        Ok(Some(of(x, n)))
    })
}

fn bit_count(a: &Args<'_>) -> Result<ArrayRef> {
    a.ints(|r| {
        let (Some(x), Some(bits)) = (a.int(0, r), a.int(1, r)) else {
            return Ok(None);
        };
        let bits = u32::try_from(bits).ok().filter(|b| (2..=64).contains(b));
        let bits = bits.ok_or_else(|| wrong("INVALID_FUNCTION_ARGUMENT: bits are 2 to 64"))?;
        let mask = if bits == 64 {
            u64::MAX
        } else {
            (1 << bits) - 1
        };
        Ok(Some(i64::from((x.cast_unsigned() & mask).count_ones())))
    })
}

fn radix(base: i64) -> Result<u32> {
    let base = u32::try_from(base).ok().filter(|b| (2..=36).contains(b));
    base.ok_or_else(|| wrong("INVALID_FUNCTION_ARGUMENT: a base is 2 to 36"))
}

fn to_base(a: &Args<'_>) -> Result<ArrayRef> {
    a.texts(|r| {
        let (Some(x), Some(base)) = (a.int(0, r), a.int(1, r)) else {
            return Ok(None);
        };
        let base = u64::from(radix(base)?);
        let (mut rest, mut digits) = (x.unsigned_abs(), Vec::new());
        loop {
            let digit = u32::try_from(rest % base).unwrap_or(0);
            digits.push(char::from_digit(digit, 36).unwrap_or('0'));
            rest /= base;
            if rest == 0 {
                break;
            }
        }
        if x < 0 {
            digits.push('-');
        }
        Ok(Some(digits.into_iter().rev().collect()))
    })
}

fn from_base(a: &Args<'_>) -> Result<ArrayRef> {
    a.ints(|r| {
        let (Some(text), Some(base)) = (a.text(0, r), a.int(1, r)) else {
            return Ok(None);
        };
        let found = i64::from_str_radix(text, radix(base)?);
        found.map(Some).map_err(|_unread| {
            wrong(format!(
                "INVALID_FUNCTION_ARGUMENT: `{text}` is not a number of base {base}"
            ))
        })
    })
}

fn width_bucket(a: &Args<'_>) -> Result<ArrayRef> {
    a.ints(|r| {
        let all = (a.double(0, r), a.double(1, r), a.double(2, r), a.int(3, r));
        let (Some(x), Some(low), Some(high), Some(n)) = all else { return Ok(None) };
        if n < 1 || x.is_nan() || !(low.is_finite() && high.is_finite()) || (high - low).abs() == 0.0 {
            return Err(wrong("INVALID_FUNCTION_ARGUMENT: width_bucket() needs two bounds that differ and 1 or more buckets"));
        }
        let share = (x - low) / (high - low);
        if share < 0.0 {
            return Ok(Some(0));
        }
        if share >= 1.0 {
            return Ok(Some(n.saturating_add(1)));
        }
        #[expect(clippy::cast_possible_truncation, reason = "below the number of buckets")]
        let bucket = (share * n as f64).floor() as i64;
        Ok(Some(bucket + 1))
    })
}
