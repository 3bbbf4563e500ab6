//! Streams of values as they are written: whole numbers in runs (version 2, without patches), bytes in runs, bits.
//!
//! Source: the ORC v1 specification, "Run Length Encoding". Ours, because the library's encoder loses values in patched runs.

/// Values of one run.
const RUN_MAX: usize = 512;
/// Bytes of one run.
const BYTES_MAX: usize = 128;

/// Whole numbers; `signed` ones may be negative.
pub(super) fn numbers(values: &[i64], signed: bool) -> Vec<u8> {
    let mut to = Vec::new();
    let (mut at, mut literals) = (0, 0);
    while at < values.len() {
        let run = steady(&values[at..]);
        if run >= 4 || (run == 3 && values[at] == values[at + 1]) {
            direct(&mut to, &values[at - literals..at], signed);
            literals = 0;
            steps(&mut to, &values[at..at + run], signed);
            at += run;
        } else {
            at += 1;
            literals += 1;
            if literals == RUN_MAX {
                direct(&mut to, &values[at - literals..at], signed);
                literals = 0;
            }
        }
    }
    direct(&mut to, &values[at - literals..at], signed);
    to
}

/// How many values from the first on have the same step from one to the next.
fn steady(values: &[i64]) -> usize {
    let [first, second, ..] = values else {
        return values.len();
    };
    let Some(step) = second.checked_sub(*first) else {
        return 1;
    };
    let more = values
        .windows(2)
        .take(RUN_MAX - 1)
        .take_while(|w| w[1].checked_sub(w[0]) == Some(step));
    more.count() + 1
}

/// The bits of a value as they are stored.
const fn stored(value: i64, signed: bool) -> u64 {
    if signed {
        ((value << 1) ^ (value >> 63)).cast_unsigned()
    } else {
        value.cast_unsigned()
    }
}

/// A run of one step: a base and the step, or a value that repeats.
fn steps(to: &mut Vec<u8>, run: &[i64], signed: bool) {
    let step = run[1].wrapping_sub(run[0]);
    if step == 0 && run.len() <= 10 {
        let bits = stored(run[0], signed);
        let bytes = bits.to_be_bytes();
        let skipped = (bits.leading_zeros() as usize / 8).min(7);
        to.push(low(((7 - skipped) << 3) | (run.len() - 3)));
        to.extend_from_slice(&bytes[skipped..]);
        return;
    }
    header(to, 3, 0, run.len());
    varint(to, stored(run[0], signed));
    varint(to, stored(step, true));
}

fn direct(to: &mut Vec<u8>, run: &[i64], signed: bool) {
    if run.is_empty() {
        return;
    }
    let all = run.iter().fold(0, |bits, v| bits | stored(*v, signed));
    // Whole bytes, or a part of one that divides it.
    let (width, code) = match 64 - all.leading_zeros() {
        0 | 1 => (1, 0),
        2 => (2, 1),
        3 | 4 => (4, 3),
        5..=8 => (8, 7),
        9..=16 => (16, 15),
        17..=24 => (24, 23),
        25..=32 => (32, 27),
        33..=40 => (40, 28),
        41..=48 => (48, 29),
        49..=56 => (56, 30),
        _ => (64, 31),
    };
    header(to, 1, code, run.len());
    if width >= 8 {
        for value in run {
            let bytes = stored(*value, signed).to_be_bytes();
            to.extend_from_slice(&bytes[8 - width / 8..]);
        }
        return;
    }
    for piece in run.chunks(8 / width) {
        let mut byte = 0;
        for (i, value) in piece.iter().enumerate() {
            byte |= stored(*value, signed) << (8 - width * (i + 1));
        }
        to.push(byte.to_le_bytes()[0]);
    }
}

/// The kind of a run in two bits, its width's code in five, its length in nine.
fn header(to: &mut Vec<u8>, kind: usize, code: usize, length: usize) {
    let length = length - 1;
    to.push(low((kind << 6) | (code << 1) | (length >> 8)));
    to.push(low(length));
}

const fn low(value: usize) -> u8 {
    value.to_le_bytes()[0]
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    to.push(value.to_le_bytes()[0]);
}

/// Bytes in runs.
pub(super) fn bytes(values: &[u8]) -> Vec<u8> {
    let mut to = Vec::new();
    let (mut at, mut literals) = (0, 0);
    let flush = |to: &mut Vec<u8>, from: &[u8]| {
        for piece in from.chunks(BYTES_MAX) {
            to.push(low(256 - piece.len()));
            to.extend_from_slice(piece);
        }
    };
    while at < values.len() {
        let same = values[at..].iter().take(BYTES_MAX + 2);
        let run = same.take_while(|b| **b == values[at]).count();
        if run >= 3 {
            flush(&mut to, &values[at - literals..at]);
            literals = 0;
            to.push(low(run - 3));
            to.push(values[at]);
            at += run;
        } else {
            at += 1;
            literals += 1;
        }
    }
    flush(&mut to, &values[at - literals..at]);
    to
}

/// Bits, the first one highest, as bytes in runs.
pub(super) fn bits(values: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut packed = Vec::new();
    for (i, bit) in values.enumerate() {
        if i % 8 == 0 {
            packed.push(0);
        }
        if let (true, Some(last)) = (bit, packed.last_mut()) {
            *last |= 0x80 >> (i % 8);
        }
    }
    bytes(&packed)
}
