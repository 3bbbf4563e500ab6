//! Sizes of JSON strings: two quotes, the bytes, and what escaping adds.

use arrow::array::{Array as _, GenericStringArray, OffsetSizeTrait, StringViewArray};

/// How many bytes escaping adds to each byte, as `serde_json` escapes: `\"`, `\\`, `\b`, `\f`, `\n`, `\r` and `\t` take two
/// bytes, other control characters six (`\u001f`), and everything else, 0x7f and non-ASCII included, stays as it is.
static ADDED: [u8; 256] = added();

const fn added() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = 5;
        byte += 1;
    }
    table[b'"' as usize] = 1;
    table[b'\\' as usize] = 1;
    table[0x08] = 1;
    table[0x0c] = 1;
    table[b'\n' as usize] = 1;
    table[b'\r' as usize] = 1;
    table[b'\t' as usize] = 1;
    table
}

/// Size of `text` as a JSON string, quotes included.
pub(super) fn quoted_size(text: &[u8]) -> u32 {
    let added: usize = text.iter().map(|&b| usize::from(ADDED[b as usize])).sum();
    clamp(text.len() + added + 2)
}

/// True when no byte needs an escape. Written without an early exit so that it runs on vectors.
fn is_plain(text: &[u8]) -> bool {
    let special = |b: u8| (b < 0x20) | (b == b'"') | (b == b'\\');
    text.chunks(1024)
        .all(|chunk| !chunk.iter().fold(false, |any, &b| any | special(b)))
}

pub(super) fn sizes<O: OffsetSizeTrait>(column: &GenericStringArray<O>) -> Vec<u32> {
    let offsets = column.value_offsets();
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
        return Vec::new();
    };
    let bytes = column.value_data();
    if is_plain(&bytes[first.as_usize()..last.as_usize()]) {
        let lengths = offsets
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_usize());
        return lengths.map(|n| clamp(n + 2)).collect();
    }
    let text = |pair: &[O]| quoted_size(&bytes[pair[0].as_usize()..pair[1].as_usize()]);
    offsets.windows(2).map(text).collect()
}

pub(super) fn view_sizes(column: &StringViewArray) -> Vec<u32> {
    (0..column.len())
        .map(|i| quoted_size(column.value(i).as_bytes()))
        .collect()
}

fn clamp(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
