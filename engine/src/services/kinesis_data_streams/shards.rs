//! Which shard a key belongs to: MD5 of the key as an unsigned 128-bit number onto hash ranges.

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use md5::{Digest as _, Md5};

/// The hash of a partition key.
pub(super) fn hash_key(key: &[u8]) -> u128 {
    u128::from_be_bytes(Md5::digest(key).into())
}

/// Hashes of the keys that came last: keys come again and again, and MD5 costs more than everything else that is done with
/// one. A table with two places for each remainder, so that a key may push another one out; hostile keys only cost time. Of
/// keys that are numbers after one head the ranges are known by number.
#[derive(Default)]
pub(super) struct KeyHashes {
    places: Vec<Place>,
    numbered: Numbered,
}

/// Keys of one length that begin alike and end in a number: `user-004711`. Their ranges stand by number, close together: with
/// ten thousands of keys, waiting for memory is most of what a look into the table costs.
#[derive(Default)]
struct Numbered {
    head: Vec<u8>,
    digits: usize,
    /// One more than the range; 0 is not known.
    ranges: Vec<u32>,
}

impl Numbered {
    /// Numbers are below this: 512 KiB of ranges.
    const MOST: usize = 1 << 17;
    const DIGITS_MAX: usize = 9;

    /// The number in `key`, if it is one of these keys.
    fn number(&self, key: &[u8]) -> Option<usize> {
        let digits = key.strip_prefix(self.head.as_slice())?;
        if digits.len() != self.digits || digits.is_empty() {
            return None;
        }
        let mut n = 0;
        for digit in digits {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            n = n * 10 + usize::from(digit);
        }
        (n < Self::MOST).then_some(n)
    }
    /// Takes keys like this one from now on, if it ends in a number and none was taken before.
    fn adopt(&mut self, key: &[u8]) {
        if self.digits > 0 {
            return;
        }
        let digits = key.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        self.digits = digits.min(Self::DIGITS_MAX);
        self.head = key[..key.len() - self.digits].to_vec();
    }
}

/// One key with its hash; a place of one line of the processor's cache.
#[derive(Clone, Copy)]
struct Place {
    key: [u8; KeyHashes::KEY_BYTES_MAX],
    /// 0 when the place is empty: the empty key is not told from it.
    len: u8,
    hash: u128,
}

impl Place {
    const EMPTY: Self = Self {
        key: [0; KeyHashes::KEY_BYTES_MAX],
        len: 0,
        hash: 0,
    };
    fn holds(&self, key: &[u8]) -> bool {
        usize::from(self.len) == key.len() && self.key[..key.len()] == *key
    }
}

impl std::fmt::Debug for KeyHashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = (self.places.len(), self.numbered.ranges.len());
        write!(f, "KeyHashes{known:?}")
    }
}

impl KeyHashes {
    /// Places; a power of two.
    const PLACES: usize = 1 << 16;
    /// Longer keys are hashed each time: what is kept stays small. A UUID as text fits.
    const KEY_BYTES_MAX: usize = 47;

    /// The range of `starts` that holds the hash of `key`. [`KeyHashes::forget_ranges`] when `starts` are others.
    pub(super) fn range(&mut self, key: &[u8], starts: &[u128]) -> u32 {
        if starts.len() == 1 {
            return 0;
        }
        let at = |hash| u32::try_from(range_of(starts, hash)).unwrap_or(0);
        let Some(number) = self.numbered.number(key) else {
            self.numbered.adopt(key);
            return at(self.of(key));
        };
        let ranges = &mut self.numbered.ranges;
        if ranges.len() <= number {
            ranges.resize((number + 1).next_power_of_two(), 0);
        }
        if ranges[number] == 0 {
            ranges[number] = at(hash_key(key)) + 1;
        }
        ranges[number] - 1
    }
    /// Ranges are others from now on.
    pub(super) fn forget_ranges(&mut self) {
        self.numbered.ranges.clear();
    }
    /// The hash of `key`, as [`hash_key`] gives it.
    pub(super) fn of(&mut self, key: &[u8]) -> u128 {
        if key.is_empty() || key.len() > Self::KEY_BYTES_MAX {
            return hash_key(key);
        }
        if self.places.is_empty() {
            self.places.resize(Self::PLACES, Place::EMPTY);
        }
        let at = usize::try_from(mixed(key) % Self::PLACES as u64).unwrap_or(0);
        for at in [at, at ^ 1] {
            if self.places[at].holds(key) {
                return self.places[at].hash;
            }
        }
        let hash = hash_key(key);
        // The older of the two goes.
        self.places[at ^ 1] = self.places[at];
        let place = &mut self.places[at];
        place.key[..key.len()].copy_from_slice(key);
        place.len = u8::try_from(key.len()).unwrap_or(0);
        place.hash = hash;
        hash
    }
}

/// A quick mixture of the bytes of a key, eight at a time.
pub(super) fn mixed(key: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut n = key.len() as u64;
    for chunk in key.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        n = (n ^ u64::from_le_bytes(word)).wrapping_mul(ODD);
        n ^= n >> 29;
    }
    n ^ (n >> 32)
}

/// The first hash key of each of `n` equal ranges: `i * floor(2^128 / n)`; the last range ends at 2^128 - 1.
pub(super) fn range_starts(n: u32) -> Vec<u128> {
    let n = u128::from(n.max(1));
    // floor(2^128 / n) without a 129-bit number.
    let step = if n == 1 {
        0
    } else {
        u128::MAX / n + u128::from(u128::MAX % n == n - 1)
    };
    (0..n).map(|i| i * step).collect()
}

/// The position of the range that holds `hash`.
pub(super) fn range_of(starts: &[u128], hash: u128) -> usize {
    starts.partition_point(|s| *s <= hash).saturating_sub(1)
}

/// The hash key that each row names itself, where it is a whole number below 2^128.
pub(super) fn explicit_keys(column: &ArrayRef) -> Result<Vec<Option<u128>>, String> {
    let mut keys = Vec::with_capacity(column.len());
    for_each_key(column, 40, |text| {
        let text = std::str::from_utf8(text).ok();
        keys.push(text.and_then(|t| t.parse().ok()));
    })?;
    Ok(keys)
}

/// Calls `f` with the key of each row: the field's text, the empty text for null. `limit` is the longest key in characters.
pub(super) fn for_each_key(
    column: &ArrayRef,
    limit: usize,
    mut f: impl FnMut(&[u8]),
) -> Result<(), String> {
    let cut = |text: &str| {
        text.char_indices()
            .nth(limit)
            .map_or(text.len(), |(i, _)| i)
    };
    if *column.data_type() == DataType::Utf8 {
        let texts = column.as_string::<i32>();
        for i in 0..texts.len() {
            let text = texts.value(i);
            let bytes = text.as_bytes();
            f(if bytes.len() <= limit {
                bytes
            } else {
                &bytes[..cut(text)]
            });
        }
        return Ok(());
    }
    let options = FormatOptions::default();
    let format = ArrayFormatter::try_new(column.as_ref(), &options)
        .map_err(|e| format!("the partition key cannot be read: {e}"))?;
    for i in 0..column.len() {
        let text = format.value(i).to_string();
        f(&text.as_bytes()[..cut(&text)]);
    }
    Ok(())
}
