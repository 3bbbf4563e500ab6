//! Which shard a key belongs to: MD5 of the key as an unsigned 128-bit number onto hash ranges.

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use md5::{Digest as _, Md5};

/// The hash of a partition key.
pub(super) fn hash_key(key: &[u8]) -> u128 {
    u128::from_be_bytes(Md5::digest(key).into())
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
