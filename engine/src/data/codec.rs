//! How bytes are compressed, and unpacking with a bound.

use std::io::{self, Read};

/// How bytes are compressed: inside Parquet files, or whole files of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Codec {
    /// As they are.
    #[default]
    None,
    /// Snappy: the default of Firehose and Glue for Parquet; framed for whole files.
    Snappy,
    /// Gzip at level 6.
    Gzip,
    /// Zstandard at level 1 in Parquet, 3 for whole files.
    Zstd,
}

impl Codec {
    /// Name in settings and catalog notes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Snappy => "snappy",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
    /// What follows the name of a whole file of rows, as Firehose does it.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Snappy => ".snappy",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}

/// The first `limit` bytes, and whether there are more.
pub(crate) fn read_bounded(from: impl Read, limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut out = Vec::new();
    from.take(limit as u64 + 1).read_to_end(&mut out)?;
    let more = out.len() > limit;
    out.truncate(limit);
    Ok((out, more))
}
