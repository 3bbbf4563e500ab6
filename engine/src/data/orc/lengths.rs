//! Streams of whole numbers in ORC's run-length encodings (versions 1 and 2), looked through before they are decoded: that every
//! run is whole, and for streams of lengths how much they ask for.
//!
//! Source: the ORC v1 specification, "Run Length Encoding".

/// What a stream of lengths asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lengths {
    /// Values in the stream.
    pub(super) count: u64,
    /// Their sum; not less than the true one.
    pub(super) sum: u64,
    /// The largest value; not less than the true one.
    pub(super) largest: u64,
}

impl Lengths {
    fn add(&mut self, value: u64, times: u64) {
        self.sum = self.sum.saturating_add(value.saturating_mul(times));
        self.largest = self.largest.max(value);
    }
}

const CUT_OFF: &str = "a run of numbers is cut off";

/// Looks through a stream of numbers without reading their values.
///
/// # Errors
/// When a run is damaged.
pub(super) fn check(bytes: &[u8], second_version: bool) -> Result<(), String> {
    runs(bytes, second_version, None)
}

/// What a stream of lengths (numbers that are not negative) asks for.
///
/// # Errors
/// When a run is damaged or a length is negative.
pub(super) fn measure(bytes: &[u8], second_version: bool) -> Result<Lengths, String> {
    let mut found = Lengths::default();
    runs(bytes, second_version, Some(&mut found))?;
    Ok(found)
}

fn runs(bytes: &[u8], second_version: bool, mut to: Option<&mut Lengths>) -> Result<(), String> {
    let mut at = At(bytes);
    while let Some(header) = at.next() {
        let to = to.as_deref_mut();
        let whole = if second_version {
            match header >> 6 {
                0 => short_repeat(header, &mut at, to),
                1 => direct(header, &mut at, to),
                2 => patched(header, &mut at, to),
                _ => delta(header, &mut at, to),
            }
        } else {
            first_version(header, &mut at, to)
        };
        whole.ok_or(CUT_OFF)?;
    }
    Ok(())
}

/// What is left of a stream.
struct At<'a>(&'a [u8]);

impl<'a> At<'a> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }
    /// A number of at most ten bytes, seven bits each, least significant first.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.next()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
    fn big_endian(&mut self, bytes: usize) -> Option<u64> {
        let taken = self.take(bytes)?;
        Some(taken.iter().fold(0, |v, b| (v << 8) | u64::from(*b)))
    }
    /// Numbers of `width` bits each, most significant first, up to the end of their last byte.
    fn packed(&mut self, count: usize, width: usize) -> Option<Packed<'a>> {
        let bytes = self.take((count * width).div_ceil(8))?;
        Some(Packed {
            bytes,
            width,
            bit: 0,
            left: count,
        })
    }
}

struct Packed<'a> {
    bytes: &'a [u8],
    width: usize,
    bit: usize,
    left: usize,
}

impl Iterator for Packed<'_> {
    type Item = u64;
    fn next(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        let mut value = 0_u64;
        for bit in self.bit..self.bit + self.width {
            let byte = self.bytes.get(bit / 8).copied().unwrap_or(0);
            value = (value << 1) | u64::from((byte >> (7 - bit % 8)) & 1);
        }
        self.bit += self.width;
        Some(value)
    }
}

/// Width in bits by its five-bit code.
const fn width_of(code: u8) -> usize {
    match code & 31 {
        n @ 0..=23 => n as usize + 1,
        24 => 26,
        25 => 28,
        26 => 30,
        27 => 32,
        28 => 40,
        29 => 48,
        30 => 56,
        _ => 64,
    }
}

/// The width that patches are stored in: the next one that has a code.
fn stored_width(bits: usize) -> usize {
    (0..32).map(width_of).find(|w| *w >= bits).unwrap_or(64)
}

/// Values in a run, from nine bits of its header.
fn run_length(header: u8, at: &mut At<'_>) -> Option<usize> {
    Some(((usize::from(header & 1) << 8) | usize::from(at.next()?)) + 1)
}

fn first_version(header: u8, at: &mut At<'_>, to: Option<&mut Lengths>) -> Option<()> {
    let signed = header.cast_signed();
    let mut found = Lengths::default();
    if signed < 0 {
        for _ in 0..signed.unsigned_abs() {
            found.add(at.varint()?, 1);
            found.count += 1;
        }
    } else {
        let step = i64::from(at.next()?.cast_signed());
        let mut value = at.varint()?;
        for i in 0..u64::from(header) + 3 {
            if i > 0 && to.is_some() {
                value = value.checked_add_signed(step)?;
            }
            found.add(value, 1);
            found.count += 1;
        }
    }
    note(to, found);
    Some(())
}

fn note(to: Option<&mut Lengths>, found: Lengths) {
    if let Some(to) = to {
        to.count += found.count;
        to.sum = to.sum.saturating_add(found.sum);
        to.largest = to.largest.max(found.largest);
    }
}

fn short_repeat(header: u8, at: &mut At<'_>, to: Option<&mut Lengths>) -> Option<()> {
    let value = at.big_endian(usize::from((header >> 3) & 7) + 1)?;
    let count = u64::from(header & 7) + 3;
    if let Some(to) = to {
        to.count += count;
        to.add(value, count);
    }
    Some(())
}

fn direct(header: u8, at: &mut At<'_>, to: Option<&mut Lengths>) -> Option<()> {
    let count = run_length(header, at)?;
    let values = at.packed(count, width_of(header >> 1))?;
    if let Some(to) = to {
        to.count += count as u64;
        values.for_each(|v| to.add(v, 1));
    }
    Some(())
}

/// Values above a base; a few of them have more bits, which follow as patches.
fn patched(header: u8, at: &mut At<'_>, to: Option<&mut Lengths>) -> Option<()> {
    let width = width_of(header >> 1);
    let count = run_length(header, at)?;
    let (third, fourth) = (at.next()?, at.next()?);
    let patch_width = width_of(third);
    let gap_width = usize::from(fourth >> 5) + 1;
    let patches = usize::from(fourth & 31);
    if patches == 0 || patch_width + gap_width > 64 {
        return None;
    }
    let base = at.big_endian(usize::from(third >> 5) + 1)?;
    let values = at.packed(count, width)?;
    let patches = at.packed(patches, stored_width(patch_width + gap_width))?;
    if let Some(to) = to {
        to.count += count as u64;
        values.for_each(|v| to.add(v.saturating_add(base), 1));
        for patch in patches {
            let bits = patch & (u64::MAX >> (64 - patch_width));
            let high = u128::from(bits) << width;
            to.add(u64::try_from(high).unwrap_or(u64::MAX), 1);
            to.largest = to.largest.saturating_mul(2);
        }
    }
    Some(())
}

/// A base, the first step, and the steps after it.
fn delta(header: u8, at: &mut At<'_>, to: Option<&mut Lengths>) -> Option<()> {
    let code = (header >> 1) & 31;
    let count = run_length(header, at)?;
    let base = at.varint()?;
    let zigzag = at.varint()?;
    let first = (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed());
    let fixed = code == 0;
    if !fixed && count < 2 {
        return None;
    }
    let steps = at.packed(if fixed { 0 } else { count - 2 }, width_of(code))?;
    let Some(to) = to else { return Some(()) };
    let mut value = base;
    to.count += count as u64;
    to.add(value, 1);
    let sizes = if fixed { count - 1 } else { 1 };
    let all = std::iter::repeat_n(first.unsigned_abs(), sizes).chain(steps);
    for step in all {
        value = if first > 0 {
            value.checked_add(step)?
        } else {
            value.checked_sub(step)?
        };
        to.add(value, 1);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u64, sum: u64, largest: u64) -> Lengths {
        Lengths {
            count,
            sum,
            largest,
        }
    }

    /// The examples of the specification.
    #[test]
    fn runs_of_the_specification_are_measured() {
        let known: [(&[u8], bool, Lengths); 7] = [
            // 100 times 7; 100 to 1; 2, 3, 6, 7, 11.
            (&[0x61, 0x00, 0x07], false, of(100, 700, 7)),
            (&[0x61, 0xff, 0x64], false, of(100, 5_050, 100)),
            (&[0xfb, 0x02, 0x03, 0x06, 0x07, 0x0b], false, of(5, 29, 11)),
            // Five times 10000; 23713, 43806, 57005, 48879; the first ten primes.
            (&[0x0a, 0x27, 0x10], true, of(5, 50_000, 10_000)),
            (
                &[0x5e, 0x03, 0x5c, 0xa1, 0xab, 0x1e, 0xde, 0xad, 0xbe, 0xef],
                true,
                of(4, 173_403, 57_005),
            ),
            (
                &[0xc6, 0x09, 0x02, 0x02, 0x22, 0x42, 0x42, 0x46],
                true,
                of(10, 129, 29),
            ),
            // A fixed step of nothing.
            (&[0xc0, 0x04, 0x07, 0x00], true, of(5, 35, 7)),
        ];
        for (bytes, second, expected) in known {
            assert_eq!(measure(bytes, second).unwrap(), expected, "{bytes:x?}");
            check(bytes, second).unwrap();
            for end in 1..bytes.len() {
                assert!(measure(&bytes[..end], second).is_err(), "{bytes:x?} {end}");
                assert!(check(&bytes[..end], second).is_err(), "{bytes:x?} {end}");
            }
        }
    }

    /// 2030, 2000, 2020, 1000000, 2040 to 2190: never less than there is.
    #[test]
    fn patched_runs_are_bounded_from_above() {
        let bytes = [
            0x8e, 0x13, 0x2b, 0x21, 0x07, 0xd0, 0x1e, 0x00, 0x14, 0x70, 0x28, 0x32, 0x3c, 0x46,
            0x50, 0x5a, 0x64, 0x6e, 0x78, 0x82, 0x8c, 0x96, 0xa0, 0xaa, 0xb4, 0xbe, 0xfc, 0xe8,
        ];
        let found = measure(&bytes, true).unwrap();
        let sum: u64 = [2030, 2000, 2020, 1_000_000].iter().sum::<u64>()
            + (2040..=2190).step_by(10).sum::<u64>();
        assert_eq!(found.count, 20);
        assert_eq!(found.sum, sum);
        assert!(found.largest >= 1_000_000);
        for end in 1..bytes.len() {
            assert!(measure(&bytes[..end], true).is_err(), "{end}");
        }
    }

    #[test]
    fn what_would_run_away_is_refused() {
        // Below zero; a step without a second value; a patch list of nothing.
        for (bytes, second) in [
            (&[0x61, 0xff, 0x02][..], false),
            (&[0xc0, 0x04, 0x02, 0x03], true),
            (&[0xc6, 0x00, 0x02, 0x02], true),
            (&[0x8e, 0x00, 0x2b, 0x20, 0x07, 0xd0, 0x1e], true),
        ] {
            assert!(measure(bytes, second).is_err(), "{bytes:x?}");
        }
    }
}
